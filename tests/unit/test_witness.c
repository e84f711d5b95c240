/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "specs/vnnlib.h"
#include "specs/assignment.h"
#include "specs/witness.h"

/* y = (x0 + x1, x0 - x1) */
static Net *small_net(bool is_float32)
{
  static const double W[] = {1, 1, 1, -1};
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 2,
                      .reps = 1,
                      .rows = 2,
                      .cols = 2,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  net->is_float32 = is_float32;
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* X_0 in [lo0, hi0], X_1 in [0, 1] */
static Prop *parse(const char *body)
{
  char text[4096] =
      "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
      "(declare-const Y_1 Real)\n(assert (and (>= X_1 0)(<= X_1 1)))\n";
  strncat(text, body, sizeof text - strlen(text) - 1);
  Err err = {0};
  Prop *p = vnnlib_parse("spec", text, strlen(text), 2, 2, &err);
  cr_assert(p, "%s", err.text);
  return p;
}

static bool replays(const Net *net, const Prop *p, double x0, double x1)
{
  Witness w;
  const bool ok = witness_replay(net, p, (double[]){x0, x1}, &w);
  witness_reset(&w);
  return ok;
}

#define UNIT "(assert (and (>= X_0 0)(<= X_0 1)))"

Test(witness, a_point_with_all_rows_of_a_case_is_one)
{
  Net *net = small_net(true);
  Prop *p = parse(UNIT "(assert (or (<= Y_0 -5) (and (>= Y_0 1) (>= Y_1 0.5))))");
  Witness w;
  cr_assert(witness_replay(net, p, (double[]){1, 0.25}, &w));
  cr_assert_eq(w.case_id, 1);
  cr_assert_eq(w.margin, -0.25);
  cr_assert(w.x[0] == 1 && w.x[1] == 0.25);
  cr_assert(w.y[0] == 1.25 && w.y[1] == 0.75);
  cr_assert(w.y_lo[0] == 1.25 && w.y_hi[0] == 1.25);
  cr_assert(w.y32[0] == 1.25f && w.y32[1] == 0.75f);
  witness_reset(&w);
  cr_assert_not(replays(net, p, 1, 0.75));
  cr_assert_not(replays(net, p, 0.5, 0));
  prop_free(p);
  net_free(net);
}

Test(witness, equality_counts_only_where_the_row_is_not_strict)
{
  Net *net = small_net(true);
  Prop *soft = parse(UNIT "(assert (>= Y_0 1))"),
       *strict = parse(UNIT "(assert (> Y_0 1))");
  cr_assert(replays(net, soft, 0.5, 0.5));
  cr_assert_not(replays(net, strict, 0.5, 0.5));
  cr_assert(replays(net, strict, 0.5, 0.75));
  prop_free(soft);
  prop_free(strict);
  net_free(net);
}

Test(witness, points_outside_the_box_or_not_finite_are_none)
{
  Net *net = small_net(true);
  Prop *p = parse(UNIT "(assert (>= Y_0 0))");
  cr_assert(replays(net, p, 0, 0));
  cr_assert_not(replays(net, p, -0x1p-1074, 0.5));
  cr_assert_not(replays(net, p, nextafter(1, 2), 0.5));
  cr_assert_not(replays(net, p, NAN, 0.5));
  cr_assert_not(replays(net, p, INFINITY, 0.5));
  prop_free(p);
  net_free(net);
}

Test(witness, the_gap_between_two_boxes_holds_none)
{
  Net *net = small_net(true);
  Prop *p =
      parse("(assert (or (and (>= X_0 0)(<= X_0 1)) (and (>= X_0 2)(<= X_0 3))))");
  cr_assert(replays(net, p, 1, 0));
  cr_assert(replays(net, p, 2, 0));
  cr_assert_not(replays(net, p, 1.5, 0));
  prop_free(p);
  net_free(net);
}

/* Y_0 >= 0.3 with y_0 = 0.1 + 0.2 in doubles, 2.8e-17 above the decimal or not. */
Test(witness, rows_must_hold_for_the_whole_enclosure)
{
  Net *net = small_net(false);
  Prop *p = parse(UNIT "(assert (>= Y_0 0.3))");
  const double below = 0.3; /* this double is less than the decimal */
  cr_assert_not(replays(net, p, below, 0));
  cr_assert(replays(net, p, (double)0.3f, 0));
  /* the double above the decimal is certain in real arithmetic, but its float32
   * evaluation is compared with the decimal as well */
  cr_assert(replays(net, p, nextafter(below, 1), 0));
  prop_free(p);
  p = parse(UNIT "(assert (<= (* 0.1 Y_0) 0.01))");
  cr_assert_not(replays(net, p, 0.1, 0)); /* nobody knows */
  cr_assert(replays(net, p, 0.09, 0));
  prop_free(p);
  net_free(net);
}

/* 2^-30 is lost in float32: 1 + 2^-30 > 1 holds in the reals only. */
Test(witness, the_float32_evaluation_must_agree)
{
  Net *net = small_net(true);
  Prop *p = parse(UNIT "(assert (> Y_0 1))");
  cr_assert_not(replays(net, p, 1, 0x1p-30));
  cr_assert(replays(net, p, 1, 0x1p-20));
  prop_free(p);
  net_free(net);
}

Test(witness, a_point_that_is_no_double_is_stood_for_by_its_neighbours)
{
  Prop *p = parse("(assert (= X_0 0.1))(assert (<= Y_0 5))");
  const Box *b = &p->boxes[0];
  cr_assert_gt(b->in_lo[0], b->in_hi[0]);
  for (int f = 0; f < 2; f++) {
    Net *net = small_net(f);
    cr_assert(replays(net, p, b->in_lo[0], 0));
    cr_assert(replays(net, p, b->in_hi[0], 0));
    cr_assert_eq(replays(net, p, (double)0.1f, 0), f == 1);
    cr_assert_not(replays(net, p, nextafter(b->in_lo[0], 1), 0));
    cr_assert_not(replays(net, p, nextafter(b->in_hi[0], 0), 0));
    cr_assert_not(replays(net, p, (double)nextafterf(0.1f, 0), 0));
    double x[2] = {0.7, 2};
    witness_snap(net, b, x);
    cr_assert_eq(x[0], f ? (double)0.1f : b->in_hi[0]);
    cr_assert_eq(x[1], 1);
    cr_assert(replays(net, p, x[0], x[1]));
    net_free(net);
  }
  prop_free(p);
}

Test(witness, an_empty_decimal_range_has_none)
{
  Net *net = small_net(true);
  Prop *p = parse("(assert (or (and (>= X_0 5)(<= X_0 6)(<= Y_0 -9))"
                  "(and (> X_0 0.1)(< X_0 0.1))"
                  "(and (>= X_0 0.3)(<= X_0 0.29999999999999999999999))))");
  cr_assert_eq(p->n_cases, 3);
  for (int b = 0; b < p->n_boxes; b++) {
    double x[2] = {0.2, 0.5};
    witness_snap(net, &p->boxes[b], x);
    cr_assert_not(replays(net, p, x[0], x[1]));
  }
  cr_assert_not(replays(net, p, 0.1, 0));
  cr_assert_not(replays(net, p, (double)0.1f, 0));
  cr_assert_not(replays(net, p, nextafter(0.1, 0), 0));
  prop_free(p);
  net_free(net);
}

Test(witness, snapping_moves_inside_and_onto_float32_where_there_is_one)
{
  Net *single = small_net(true), *twice = small_net(false);
  Box box = box_new(2);
  Prng rng = prng_init(1);
  for (int k = 0; k < 50000; k++) {
    for (int i = 0; i < 2; i++) {
      double a = ldexp(prng_range(&rng, -1, 1), -prng_below(&rng, 30));
      double b = a + ldexp(prng_unit(&rng), -prng_below(&rng, 60));
      if (prng_below(&rng, 9) == 0) a = b = (double)(float)a;
      box.lo[i] = box.in_lo[i] = a;
      box.hi[i] = box.in_hi[i] = b;
    }
    double x[2] = {prng_range(&rng, -2, 2), prng_range(&rng, box.lo[1], box.hi[1])};
    double y[2] = {x[0], x[1]};
    witness_snap(single, &box, x);
    witness_snap(twice, &box, y);
    cr_assert(box_contains(&box, x) && box_contains(&box, y));
    for (int i = 0; i < 2; i++) {
      const float down = (float)box.lo[i];
      const double first =
          (double)((double)down < box.lo[i] ? nextafterf(down, INFINITY) : down);
      if (first <= box.hi[i]) cr_assert_eq(x[i], (double)(float)x[i]);
    }
  }
  double x[2] = {NAN, INFINITY};
  witness_snap(single, &box, x);
  cr_assert(box_contains(&box, x));
  box_free(&box);
  net_free(single);
  net_free(twice);
}

Test(witness, overflow_is_never_a_witness)
{
  static const double W[] = {0x1p120, 0, 0, 1};
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 2,
                      .reps = 1,
                      .rows = 2,
                      .cols = 2,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK);
  net->is_float32 = true;
  Prop *p = parse("(assert (and (>= X_0 0)(<= X_0 10000)))(assert (>= Y_0 1))");
  cr_assert(replays(net, p, 1, 0));
  cr_assert_not(replays(net, p, 9000, 0)); /* infinite in float32 */
  prop_free(p);
  net_free(net);
}

/* ---- robust or borderline --------------------------------------------------------
 */

/* y_0 = w . x with three inputs, and y_1 = x_2. */
static Net *three_net(const double *W)
{
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 3, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 2,
                      .reps = 1,
                      .rows = 2,
                      .cols = 3,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  net->is_float32 = true;
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

static Prop *parse_three(const char *body)
{
  char text[4096] =
      "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const X_2 Real)"
      "(declare-const Y_0 Real)(declare-const Y_1 Real)\n(assert (and (>= X_0 0)"
      "(<= X_0 1)(>= X_1 0)(<= X_1 1)(>= X_2 0)(<= X_2 1)))\n";
  strncat(text, body, sizeof text - strlen(text) - 1);
  Err err = {0};
  Prop *p = vnnlib_parse("spec", text, strlen(text), 3, 2, &err);
  cr_assert(p, "%s", err.text);
  return p;
}

static WitnessKind kind_of(const Net *net, const Prop *p, const double *x, int *case_id)
{
  Witness w;
  cr_assert(witness_replay(net, p, x, &w));
  cr_assert_eq(w.kind, WITNESS_UNTESTED);
  witness_complete(net, &w);
  const WitnessKind kind = w.kind;
  *case_id = w.case_id;
  cr_assert((double)w.y32[0] >= w.any_lo[0] && (double)w.y32[0] <= w.any_hi[0]);
  cr_assert((double)w.y32_pairwise[0] >= w.any_lo[0] &&
            (double)w.y32_pairwise[0] <= w.any_hi[0]);
  witness_reset(&w);
  return kind;
}

/* 2^24 - 2^24 + 1 is 1, and 2^24 + 1 - 2^24 is 0 in float32: y_0 >= 1/2 depends on the
 * order, and by the other order it is no witness at all. */
Test(witness, a_violation_that_an_order_of_summation_undoes_is_borderline)
{
  static const double good[] = {0x1p24, -0x1p24, 1, 0, 0, 1},
                      other[] = {0x1p24, 1, -0x1p24, 0, 0, 1};
  const double x[] = {1, 1, 1};
  Net *net = three_net(good), *swapped = three_net(other);
  Prop *p = parse_three("(assert (>= Y_0 0.5))");
  Witness w;
  cr_assert_not(witness_replay(swapped, p, x, &w));
  int k;
  cr_assert_eq(kind_of(net, p, x, &k), WITNESS_BORDERLINE);
  prop_free(p);
  /* Where no order can matter it is robust, and that case is preferred. */
  p = parse_three("(assert (or (>= Y_0 0.5) (>= Y_0 -1000) (>= Y_1 0.5)))");
  cr_assert_eq(kind_of(net, p, x, &k), WITNESS_ROBUST);
  cr_assert_eq(k, 1);
  prop_free(p);
  p = parse_three("(assert (or (>= Y_0 0.5) (and (>= Y_1 0.5) (>= Y_0 0.5))))");
  cr_assert_eq(kind_of(net, p, x, &k), WITNESS_BORDERLINE);
  cr_assert_eq(k, 0);
  prop_free(p);
  /* y_1 is a copy and exact: equality is enough, unless the row is strict. */
  p = parse_three("(assert (>= Y_1 1))");
  cr_assert_eq(kind_of(net, p, x, &k), WITNESS_ROBUST);
  prop_free(p);
  net_free(net);
  net_free(swapped);
}

/* In all 3! orders and both parenthesisations of small sums a robust witness violates.
 */
Test(witness, robust_ones_violate_in_every_order)
{
  Prng rng = prng_init(5);
  static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                  {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  Prop *p = parse_three("(assert (> Y_0 0))");
  int robust = 0, borderline = 0, undone = 0;
  for (int t = 0; t < 20000; t++) {
    double W[6] = {0}, x[3];
    for (int i = 0; i < 3; i++) {
      W[i] = (double)(float)prng_range(&rng, -1, 1);
      x[i] = (double)(float)prng_unit(&rng);
    }
    /* Nearly cancelling. */
    W[2] = (double)(float)(-(W[0] * x[0] + W[1] * x[1]) / x[2] +
                           ldexp(prng_range(&rng, -1, 1), -20 - prng_below(&rng, 8)));
    Net *net = three_net(W);
    Witness w;
    if (witness_replay(net, p, x, &w)) {
      witness_complete(net, &w);
      bool all = true;
      for (int k = 0; k < 6; k++) {
        float term[3];
        for (int i = 0; i < 3; i++)
          term[i] = (float)W[order[k][i]] * (float)x[order[k][i]];
        all = all && term[0] + term[1] + term[2] > 0;
        all = all && term[0] + (term[1] + term[2]) > 0;
      }
      cr_assert(all || w.kind == WITNESS_BORDERLINE);
      robust += w.kind == WITNESS_ROBUST;
      borderline += w.kind == WITNESS_BORDERLINE;
      undone += !all;
      witness_reset(&w);
    }
    net_free(net);
  }
  cr_assert(robust > 1000 && borderline > 300 && undone > 30, "%d %d %d", robust,
            borderline, undone);
  prop_free(p);
}

/* The double just below 0.1 is in the box, the float32 that a program makes of it is
 * not. */
Test(witness, a_point_that_leaves_the_box_in_float32_is_borderline)
{
  Net *net = small_net(true);
  Prop *p = parse("(assert (and (>= X_0 0)(<= X_0 0.1)))(assert (<= Y_0 5))");
  int k;
  cr_assert_eq(kind_of(net, p, (double[]){nextafter(0.1, 0), 0}, &k),
               WITNESS_BORDERLINE);
  cr_assert_eq(kind_of(net, p, (double[]){0.0625, 0}, &k), WITNESS_ROBUST);
  prop_free(p);
  /* No float32 number is in the box: nothing better can be done. */
  p = parse("(assert (= X_0 0.1))(assert (<= Y_0 5))");
  cr_assert_eq(kind_of(net, p, (double[]){0.1, 0}, &k), WITNESS_ROBUST);
  prop_free(p);
  net_free(net);
}

Test(witness, overflow_in_another_order_is_borderline)
{
  static const double W[] = {0x1.8p127, -0x1.8p127, 0x1.8p127, 0, 0, 1};
  Net *net = three_net(W);
  Prop *p = parse_three("(assert (>= Y_0 1))");
  int k;
  cr_assert_eq(kind_of(net, p, (double[]){1, 1, 1}, &k), WITNESS_BORDERLINE);
  prop_free(p);
  net_free(net);
}

static void explains(const Net *net, const Prop *p, double x0, double x1,
                     const char *reason)
{
  Text why = {0};
  cr_assert_not(replays(net, p, x0, x1));
  witness_explain(net, p, (double[]){x0, x1}, &why);
  cr_assert_str_eq(why.s, reason);
  text_free(&why);
}

Test(witness, what_is_none_gets_the_first_reason)
{
  Net *net = small_net(true);
  Prop *p = parse(UNIT "(assert (or (<= Y_0 -5)\n(and (>= Y_0 1)\n(> Y_1 0.5))))");
  explains(net, p, 0.5, 2, "X_1 = 2 is outside its range [0, 1]");
  explains(net, p, 1, 0.5,
           "case 1, row of line 5: its value over the reals is in [0, 0], but must be "
           "< 0");
  explains(net, p, 0.25, 0.25,
           "case 1, row of line 4: its value over the reals is in [0.5, 0.5], but must "
           "be <= 0");
  prop_free(p);
  p = parse(UNIT "(assert (> Y_0 1))");
  explains(net, p, 1, 0x1p-30,
           "case 0, row of line 3: its value in float32 is in [0, 0], but must be < 0");
  prop_free(p);
  p = parse("(assert (and (>= X_0 0)(<= X_0 0.1)))(assert (<= Y_0 5))");
  explains(net, p, (double)0.1f, 0,
           "X_0 = 0.10000000149011612 is outside its range [0, 0.099999999999999992]; "
           "only bounds rounded to float32 would admit it");
  prop_free(p);
  p = parse("(assert (= X_0 +.1))(assert (<= Y_0 5))");
  explains(net, p, 0.2, 0,
           "X_0 = 0.20000000000000001 is not +.1, nor a number that stands for it");
  prop_free(p);
  p = parse(UNIT "(assert (or))");
  explains(net, p, 0, 0, "the unsafe set is empty");
  prop_free(p);
  net_free(net);
}

/* ---- decimals --------------------------------------------------------------------
 */

static void prints_input(const char *body, double x0, const char *expected)
{
  Net *net = small_net(true);
  Prop *p = parse(body);
  Witness w;
  cr_assert(witness_replay(net, p, (double[]){x0, 0}, &w), "%s", body);
  Text t = {0};
  witness_print_input(&w, 0, &t);
  cr_assert_str_eq(t.s, expected, "%s: %s, expected %s", body, t.s, expected);
  text_free(&t);
  witness_reset(&w);
  prop_free(p);
  net_free(net);
}

Test(witness, a_decimal_without_a_double_is_printed_as_it_is_specified)
{
  const double tenth = (double)0.1f;
  prints_input("(assert (= X_0 0.1))", tenth, "0.1");
  prints_input("(assert (and (>= X_0 .1)(<= X_0 +1e-1)))", tenth, "0.1");
  prints_input("(assert (= X_0 -000.10))", -tenth, "-0.10");
  prints_input("(assert (= X_0 1.e-1))", tenth, "1e-1");
  /* Not where there is a double, or where the decimal is not known. */
  prints_input("(assert (= X_0 0.5))", 0.5, "0.5");
  prints_input("(assert (and (>= X_0 0.1)(<= X_0 0.2)))", tenth, "0.10000000149011612");
  /* Both decimals lie between the same doubles, the cases share a box. */
  prints_input("(assert (or (and (= X_0 0.1)(<= Y_1 5))"
               "(and (= X_0 0.10000000000000000000001)(<= Y_0 5))))",
               tenth, "0.10000000149011612");
  prints_input("(assert (or (and (= X_0 0.3)(<= Y_1 -5)) (and (= X_0 0.1)(<= Y_1 5))))",
               tenth, "0.1");
}

Test(witness, decimals_follow_their_boxes)
{
  Prop *p = prop_new("p", 1, 1);
  Box box = box_new(1);
  for (int b = 0; b < 4; b++) {
    box.lo[0] = box.hi[0] = box.in_lo[0] = box.in_hi[0] = b;
    cr_assert_eq(prop_add_box(p, &box), b);
    if (b) prop_note_point(p, b, 0, &"abc"[b - 1], 1);
    if (b != 1) prop_add_case(p, b, NULL, 0, 1);
    if (b == 0) prop_add_case(p, b, NULL, 0, 1);
  }
  cr_assert_str_eq(prop_decimal(p, 1, 0), "a");
  prop_finish(p); /* box 1 has no case */
  cr_assert_eq(p->n_boxes, 3);
  cr_assert_null(prop_decimal(p, 0, 0));
  cr_assert_str_eq(prop_decimal(p, 1, 0), "b");
  cr_assert_str_eq(prop_decimal(p, 2, 0), "c");
  box_free(&box);
  prop_free(p);
}

/* ---- text -------------------------------------------------------------------------
 */

Test(witness, the_text_is_the_competition_format_and_reads_back)
{
  Net *net = small_net(true);
  Prop *p = parse(UNIT "(assert (>= Y_0 1.5))");
  Witness w;
  cr_assert(witness_replay(net, p, (double[]){1, 0.75}, &w));
  Text t = {0};
  assignment_print(net, &w, &t);
  cr_assert_str_eq(t.s, "((X_0 1)\n(X_1 0.75)\n(Y_0 1.75)\n(Y_1 0.25))\n");
  double x[2];
  Err err = {0};
  cr_assert_eq(witness_parse("w", t.s, t.n, 2, x, &err), STATUS_OK, "%s", err.text);
  cr_assert(x[0] == 1 && x[1] == 0.75);
  text_free(&t);
  witness_reset(&w);
  const char *odd = "sat\r\n( (Y_0 3)(X_1   1e-1)\n(X_0 -.5) ) ; end";
  cr_assert_eq(witness_parse("w", odd, strlen(odd), 2, x, &err), STATUS_OK);
  cr_assert(x[0] == -0.5 && x[1] == 0.1);
  prop_free(p);
  net_free(net);
}

Test(witness, seventeen_digits_read_back_to_the_same_float)
{
  Net *net = small_net(true);
  Prop *p = parse("(assert (and (>= X_0 -2)(<= X_0 2)))");
  Prng rng = prng_init(1);
  for (int k = 0; k < 2000; k++) {
    const double x[2] = {(double)(float)prng_range(&rng, -2, 2), prng_unit(&rng)};
    Witness w;
    cr_assert(witness_replay(net, p, x, &w));
    Text t = {0};
    assignment_print(net, &w, &t);
    double back[2];
    cr_assert_eq(witness_parse("w", t.s, t.n, 2, back, NULL), STATUS_OK);
    cr_assert(back[0] == x[0] && back[1] == x[1]);
    text_free(&t);
    witness_reset(&w);
  }
  prop_free(p);
  net_free(net);
}

Test(witness, malformed_text_gets_one_line_with_its_place)
{
  static const struct {
    const char *text, *message;
  } bad[] = {
      {"", "w:1:1: expected a witness ((X_0 value) ...), found the end of the file"},
      {"unsat", "w:1:1: expected a witness ((X_0 value) ...), found \"unsat\""},
      {"sat\n",
       "w:2:1: expected a witness ((X_0 value) ...), found the end of the file"},
      {"((X_0 1))", "w:1:9: the witness gives no value for X_1"},
      {"((X_0 1)\n(X_0 2))", "w:2:2: \"X_0\" is given twice"},
      {"((X_2 1))", "w:1:3: \"X_2\", but the network has 2 inputs"},
      {"((X_0 nan)(X_1 0))", "w:1:7: expected a finite decimal number, found \"nan\""},
      {"((X_0 1(X_1 0))", "w:1:8: expected \")\" after the value, found \"(\""},
      {"((X_0 1)(X_1 0)",
       "w:1:16: expected (X_<i> value) or \")\", found the end of the "
       "file"},
      {"((X_0 1)(X_1 0)) x", "w:1:18: expected the end of the file after the witness, "
                             "found \"x\""},
      {"((Z 1))", "w:1:3: expected X_<i> or Y_<j>, found \"Z\""},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    double x[2];
    Err err = {0};
    cr_assert_eq(witness_parse("w", bad[k].text, strlen(bad[k].text), 2, x, &err),
                 STATUS_DATA);
    cr_assert_str_eq(err.text, bad[k].message);
    status_reset(&err);
  }
}
