/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "specs/query.h"
#include "specs/vnnlib.h"

typedef __float128 Quad;

/* y = (x0 + x1, x0 - x1, 2 x0) */
static Net *small_net(void)
{
  static const double W[] = {1, 1, 1, -1, 2, 0};
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 3,
                      .reps = 1,
                      .rows = 3,
                      .cols = 2,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  net->is_float32 = true;
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

static Prop *parse(const char *body)
{
  char text[4096] =
      "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
      "(declare-const Y_1 Real)(declare-const Y_2 Real)\n"
      "(assert (and (>= X_0 0)(<= X_0 1)(>= X_1 0)(<= X_1 1)))\n";
  strncat(text, body, sizeof text - strlen(text) - 1);
  Err err = {0};
  Prop *p = vnnlib_parse("spec", text, strlen(text), 2, 3, &err);
  cr_assert(p, "%s", err.text);
  return p;
}

Test(query, cases_of_one_box_share_a_query)
{
  Net *net = small_net();
  Prop *p = parse("(assert (or (and (<= X_0 0.5)(<= Y_0 1)(<= Y_1 2)) (<= Y_2 3)"
                  "(and (<= X_0 0.5) (<= Y_1 4))))");
  cr_assert_eq(query_count(p), 2);
  Query q;
  query_build(net, p, 0, &q);
  cr_assert_eq(q.n_cases, 2);
  cr_assert_eq(q.first_case, 0);
  cr_assert(q.row[0] == 0 && q.row[1] == 2 && q.row[2] == 3);
  cr_assert_eq(q.box->hi[0], 0.5);
  cr_assert_eq(net_out_size(q.net), 3);
  cr_assert_eq(q.net->n_nodes, 3);
  cr_assert(q.net->is_float32);
  Err err = {0};
  cr_assert_eq(net_finish(q.net, &err), STATUS_OK, "%s", err.text);
  double m[3];
  eval_double(q.net, (double[]){0.25, 0.5}, m);
  cr_assert(m[0] == 0.75 - 1 && m[1] == -0.25 - 2 && m[2] == -0.25 - 4);
  query_reset(&q);
  query_build(net, p, 1, &q);
  cr_assert_eq(q.n_cases, 1);
  cr_assert_eq(q.first_case, 2);
  eval_double(q.net, (double[]){0.25, 0.5}, m);
  cr_assert_eq(m[0], 0.5 - 3);
  query_reset(&q);
  prop_free(p);
  net_free(net);
}

Test(query, a_case_without_rows_is_always_violated)
{
  Net *net = small_net();
  Prop *p = parse("(assert (or (<= Y_0 1) (and)))");
  Query q;
  query_build(net, p, 0, &q);
  cr_assert_eq(q.row[2], 2);
  double m[2];
  eval_double(q.net, (double[]){1, 1}, m);
  cr_assert_eq(m[0], 1);
  cr_assert_eq(m[1], -1);
  query_reset(&q);
  prop_free(p);
  net_free(net);
}

Test(query, exact_rows_have_no_error_terms)
{
  Net *net = small_net();
  Prop *p = parse("(assert (<= (* 0.5 Y_0) 0.25))");
  Query q;
  query_build(net, p, 0, &q);
  const Node *margin = net_output(q.net);
  cr_assert_null(margin->b_err);
  cr_assert_eq(margin->w_rel, 0);
  query_reset(&q);
  prop_free(p);
  net_free(net);
}

/* The true row of the text, in 113 bits, lies inside the margin's enclosure. */
Test(query, the_margin_encloses_the_decimal_row)
{
  Net *net = small_net();
  Prop *p = parse("(assert (or (and (<= (+ (* 0.1 Y_0) (* 0.7 Y_1)) 0.3) (> Y_2 0.9))"
                  "(<= (* 3 Y_1) 1)))");
  Query q;
  query_build(net, p, 0, &q);
  const Node *margin = net_output(q.net);
  cr_assert(margin->b_err && margin->w_rel > 0);
  Prng rng = prng_init(1);
  for (int k = 0; k < 2000; k++) {
    const double x[2] = {prng_unit(&rng), prng_unit(&rng)};
    double mid[3], rad[3];
    eval_enclose(q.net, x, mid, rad);
    const Quad y0 = (Quad)x[0] + (Quad)x[1], y1 = (Quad)x[0] - (Quad)x[1];
    const Quad m[3] = {0.1Q * y0 + 0.7Q * y1 - 0.3Q, 0.9Q - 2 * (Quad)x[0], 3 * y1 - 1};
    for (int j = 0; j < 3; j++) {
      const Quad off = m[j] - (Quad)mid[j];
      cr_assert((off < 0 ? -off : off) <= (Quad)rad[j]);
      cr_assert_lt(rad[j], 1e-14);
    }
  }
  query_reset(&q);
  prop_free(p);
  net_free(net);
}

/* rhs within b_err of -b, exactly. */
static bool is_covered(const Node *margin, double rhs)
{
  mpq_t off, most;
  mpq_inits(off, most, NULL);
  mpq_set_d(off, margin->b[0]);
  mpq_set_d(most, rhs);
  mpq_add(off, off, most);
  mpq_abs(off, off);
  mpq_set_d(most, margin->b_err ? margin->b_err[0] : 0);
  const bool is = mpq_cmp(off, most) <= 0;
  mpq_clears(off, most, NULL);
  return is;
}

/* Both ends of the right-hand side, one ulp apart or far, and not much more. */
Test(query, the_error_of_a_right_hand_side_reaches_both_ends)
{
  Net *net = small_net();
  Prng prng = prng_init(2);
  for (int t = 0; t < 3000; t++) {
    Prop *p = prop_new("test", 2, 3);
    Box box = box_new(2);
    PropRow *row = mem_zero(1, sizeof *row);
    const double lo = ldexp(prng_range(&prng, -1, 1), prng_below(&prng, 60) - 30);
    const double hi = t % 3 == 0   ? round_up(lo)
                      : t % 3 == 1 ? lo + fabs(lo) * prng_unit(&prng)
                                   : lo + prng_unit(&prng);
    *row = (PropRow){.n = 1, .rhs_lo = lo, .rhs_hi = hi};
    row->var = mem_zero(1, sizeof *row->var);
    row->coef = mem_doubles(1);
    row->coef[0] = 1;
    prop_add_case(p, prop_add_box(p, &box), row, 1, 0);
    prop_finish(p);
    Query q;
    query_build(net, p, 0, &q);
    const Node *margin = net_output(q.net);
    cr_assert(is_covered(margin, lo) && is_covered(margin, hi), "%.17g to %.17g", lo,
              hi);
    cr_assert_leq(margin->b_err[0], round_up(round_up(hi - lo)));
    query_reset(&q);
    box_free(&box);
    prop_free(p);
  }
  net_free(net);
}

/* A node has one relative error: the largest of its rows, in any order. */
Test(query, the_error_of_coefficients_is_that_of_the_worst_row)
{
  Net *net = small_net();
  for (int first = 0; first < 2; first++) {
    Prop *p = parse(first ? "(assert (or (<= (* 0.1 Y_0) 1) (<= (* 0.5 Y_1) 1)))"
                          : "(assert (or (<= (* 0.5 Y_1) 1) (<= (* 0.1 Y_0) 1)))");
    Query q;
    query_build(net, p, 0, &q);
    cr_assert_geq(net_output(q.net)->w_rel, 0x1p-55);
    query_reset(&q);
    prop_free(p);
  }
  net_free(net);
}

Test(query, the_network_stays_usable_after_its_queries_are_gone)
{
  const size_t before = mem_live_bytes();
  Net *net = small_net();
  Prop *p = parse("(assert (<= Y_0 1))");
  for (int k = 0; k < 3; k++) {
    Query q;
    query_build(net, p, 0, &q);
    query_reset(&q);
  }
  double y[3];
  eval_double(net, (double[]){1, 0.5}, y);
  cr_assert(y[0] == 1.5 && y[1] == 0.5 && y[2] == 2);
  prop_free(p);
  net_free(net);
  cr_assert_eq(mem_live_bytes(), before);
}
