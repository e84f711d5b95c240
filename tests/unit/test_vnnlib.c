/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/text.h"
#include "specs/vnnlib.h"

/* ---- helpers ------------------------------------------------------------- */

static void declare(Text *t, int n_in, int n_out)
{
  for (int i = 0; i < n_in; i++)
    text_add(t, "(declare-const X_%d Real)\n", i);
  for (int j = 0; j < n_out; j++)
    text_add(t, "(declare-const Y_%d Real)\n", j);
}

static Prop *parse(const char *text, int n_in, int n_out)
{
  Err err = {0};
  Prop *prop = vnnlib_parse("spec", text, strlen(text), n_in, n_out, &err);
  cr_assert(prop, "%s", err.text);
  cr_assert_null(err.text);
  return prop;
}

/* Declarations of 1 input and 2 outputs, the input in [0, 1], then `body`. */
static Prop *parse_body(const char *body)
{
  Text t = {0};
  declare(&t, 1, 2);
  text_add(&t, "(assert (>= X_0 0))(assert (<= X_0 1))\n%s", body);
  Prop *prop = parse(t.s, 1, 2);
  text_free(&t);
  return prop;
}

static bool row_is(const PropRow *row, double c0, double c1, double rhs, bool strict)
{
  double c[2] = {0, 0};
  for (int p = 0; p < row->n; p++)
    c[row->var[p]] = row->coef[p];
  return c[0] == c0 && c[1] == c1 && row->rhs_lo == rhs && row->rhs_hi == rhs &&
         row->strict == strict && row->coef_rel == 0;
}

/* ---- accepted ------------------------------------------------------------ */

Test(vnnlib, a_box_and_a_conjunction_of_rows_is_one_case)
{
  Prop *p = parse_body("(assert (<= Y_0 Y_1)) ; comment (\n(assert (>= 3.5 Y_1))");
  cr_assert_eq(p->n_boxes, 1);
  cr_assert_eq(p->n_cases, 1);
  cr_assert_eq(p->cases[0].n_rows, 2);
  cr_assert(row_is(&p->cases[0].rows[0], 1, -1, 0, false));
  cr_assert(row_is(&p->cases[0].rows[1], 0, 1, 3.5, false));
  cr_assert_eq(p->cases[0].rows[0].line, 5);
  cr_assert_eq(p->cases[0].rows[1].line, 6);
  cr_assert_eq(p->boxes[0].lo[0], 0);
  cr_assert_eq(p->boxes[0].hi[0], 1);
  cr_assert_eq(p->boxes[0].in_lo[0], 0);
  cr_assert_eq(p->boxes[0].in_hi[0], 1);
  prop_free(p);
}

Test(vnnlib, an_or_of_ands_is_one_case_each_on_one_box)
{
  Prop *p =
      parse_body("(assert (or\n(and (>= Y_0 1.5))\n(and (<= Y_1 -0.5) (> Y_0 2))\n"
                 "(<= Y_0 7)))");
  cr_assert_eq(p->n_boxes, 1);
  cr_assert_eq(p->n_cases, 3);
  cr_assert(row_is(&p->cases[0].rows[0], -1, 0, -1.5, false));
  cr_assert_eq(p->cases[1].n_rows, 2);
  cr_assert(row_is(&p->cases[1].rows[1], -1, 0, -2, true));
  cr_assert_eq(p->cases[0].line, 6);
  cr_assert_eq(p->cases[1].line, 7);
  cr_assert_eq(p->cases[2].line, 8);
  prop_free(p);
}

Test(vnnlib, the_gap_between_two_disjunctive_boxes_stays_a_gap)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                  "(assert (or (and (>= X_0 0)(<= X_0 1)) (and (>= X_0 2)(<= X_0 3))))"
                  "(assert (<= Y_0 0))",
                  1, 1);
  cr_assert_eq(p->n_boxes, 2);
  cr_assert_eq(p->n_cases, 2);
  cr_assert_eq(p->boxes[0].hi[0], 1);
  cr_assert_eq(p->boxes[1].lo[0], 2);
  for (int b = 0; b < 2; b++) {
    cr_assert_not(box_contains(&p->boxes[b], &(double){1.5}));
    cr_assert_not(p->boxes[b].lo[0] <= 1.5 && p->boxes[b].hi[0] >= 1.5);
  }
  prop_free(p);
}

Test(vnnlib, common_bounds_are_intersected_with_each_disjunct)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const X_1 Real)"
                  "(declare-const Y_0 Real)"
                  "(assert (<= X_0 10))(assert (>= X_1 -1))(assert (<= X_1 1))"
                  "(assert (or (and (>= X_0 0)(<= X_0 1)(<= Y_0 0))"
                  "            (and (>= X_0 5)(>= X_1 0)(<= Y_0 1))"
                  "            (and (>= X_0 0)(<= X_0 1)(<= Y_0 2))))",
                  2, 1);
  cr_assert_eq(p->n_boxes, 2);
  cr_assert_eq(p->n_cases, 3);
  cr_assert_eq(p->cases[1].box, 0);
  cr_assert_eq(p->cases[2].box, 1);
  cr_assert_eq(p->cases[1].rows[0].rhs_lo, 2);
  cr_assert_eq(p->boxes[0].lo[1], -1);
  cr_assert_eq(p->boxes[0].hi[0], 1);
  cr_assert_eq(p->boxes[1].lo[1], 0);
  cr_assert_eq(p->boxes[1].hi[0], 10);
  prop_free(p);
}

Test(vnnlib, two_or_asserts_multiply)
{
  Prop *p = parse("(declare-const X_0 Real)"
                  "(declare-const Y_0 Real)(declare-const Y_1 Real)"
                  "(assert (or (and (>= X_0 0)(<= X_0 1)) (and (>= X_0 2)(<= X_0 3))))"
                  "(assert (or (and (<= Y_0 1)) (<= Y_0 2) (<= Y_1 3) (<= Y_1 4)))",
                  1, 2);
  cr_assert_eq(p->n_boxes, 2);
  cr_assert_eq(p->n_cases, 8);
  for (int k = 0; k < 8; k++) {
    cr_assert_eq(p->cases[k].box, k / 4);
    cr_assert_eq(p->cases[k].n_rows, 1);
    cr_assert_eq(p->cases[k].rows[0].rhs_lo, k % 4 + 1);
  }
  prop_free(p);
}

Test(vnnlib, not_flips_comparisons_and_strictness)
{
  Prop *p =
      parse_body("(assert (not (or (<= Y_0 1) (and (> Y_1 2) (not (< Y_0 3))))))");
  cr_assert_eq(p->n_cases, 2);
  cr_assert(row_is(&p->cases[0].rows[0], -1, 0, -1, true));
  cr_assert(row_is(&p->cases[0].rows[1], 0, 1, 2, false));
  cr_assert(row_is(&p->cases[1].rows[0], -1, 0, -1, true));
  cr_assert(row_is(&p->cases[1].rows[1], 1, 0, 3, true));
  prop_free(p);
}

Test(vnnlib, equality_is_two_rows_and_its_negation_two_cases)
{
  Prop *p = parse_body("(assert (= Y_0 2))");
  cr_assert_eq(p->n_cases, 1);
  cr_assert(row_is(&p->cases[0].rows[0], 1, 0, 2, false));
  cr_assert(row_is(&p->cases[0].rows[1], -1, 0, -2, false));
  prop_free(p);
  p = parse_body("(assert (not (== Y_0 Y_1)))");
  cr_assert_eq(p->n_cases, 2);
  cr_assert(row_is(&p->cases[0].rows[0], 1, -1, 0, true));
  cr_assert(row_is(&p->cases[1].rows[0], -1, 1, 0, true));
  prop_free(p);
}

Test(vnnlib, linear_terms_on_both_sides_are_collected)
{
  Prop *p = parse_body("(assert (<= (+ (* 2 Y_0) 3 (- Y_1)) (- (* Y_1 4 0.5) 1 Y_0)))");
  cr_assert(row_is(&p->cases[0].rows[0], 3, -3, -4, false));
  prop_free(p);
  p = parse_body("(assert (<= (* 2 (+ Y_0 (- 1 (* 0.5 Y_1)))) (- (- Y_1 Y_1) 0.25)))");
  cr_assert(row_is(&p->cases[0].rows[0], 2, -1, -2.25, false));
  prop_free(p);
}

Test(vnnlib, inexact_decimals_are_enclosed)
{
  Prop *p = parse_body("(assert (<= (* 0.1 Y_0) (+ 0.1 0.2)))");
  const PropRow *row = &p->cases[0].rows[0];
  cr_assert_eq(row->n, 1);
  cr_assert_gt(row->coef_rel, 0);
  cr_assert_lt(row->coef_rel, 1e-15);
  cr_assert_lt((__float128)row->rhs_lo, 0.3Q);
  cr_assert_gt((__float128)row->rhs_hi, 0.3Q);
  cr_assert_lt(row->rhs_hi - row->rhs_lo, 1e-15);
  const __float128 off = 0.1Q - (__float128)row->coef[0];
  cr_assert_leq(off < 0 ? -off : off,
                (__float128)row->coef_rel * (__float128)row->coef[0]);
  prop_free(p);
}

Test(vnnlib, input_bounds_contain_the_decimal_and_its_float32)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const X_1 Real)"
                  "(declare-const Y_0 Real)"
                  "(assert (>= X_0 0.1))(assert (<= X_0 0.3))"
                  "(assert (= X_1 0.679857769))(assert (<= Y_0 0))",
                  2, 1);
  const Box *b = &p->boxes[0];
  cr_assert_lt((__float128)b->lo[0], 0.1Q);
  cr_assert_gt((__float128)b->in_lo[0], 0.1Q);
  cr_assert_lt((__float128)b->in_hi[0], 0.3Q);
  cr_assert_eq(b->hi[0], (double)0.3f);
  cr_assert_eq(b->lo[0], nextafter(b->in_lo[0], -1));
  cr_assert_eq(b->in_lo[1], nextafter(b->in_hi[1], 1));
  cr_assert_eq(b->hi[1], (double)0.679857769f);
  cr_assert_eq(b->lo[1], b->in_hi[1]);
  prop_free(p);
}

Test(vnnlib, bounds_may_be_written_with_coefficients_and_on_either_side)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const X_1 Real)"
                  "(declare-const Y_0 Real)"
                  "(assert (<= -1.5 X_0))(assert (>= (* -2 X_0) -4))"
                  "(assert (<= (+ X_0 1) 30))(assert (and (>= (- X_1) -8) (<= 7 X_1)))"
                  "(assert (<= (- (* 3 X_1) 1) (+ X_1 X_1 6.5)))"
                  "(assert (<= Y_0 0))",
                  2, 1);
  const Box *b = &p->boxes[0];
  cr_assert_eq(b->lo[0], -1.5);
  cr_assert_eq(b->in_lo[0], -1.5);
  cr_assert_eq(b->hi[0], 2);
  cr_assert_eq(b->in_hi[0], 2);
  cr_assert_eq(b->lo[1], 7);
  cr_assert_eq(b->hi[1], 7.5);
  prop_free(p);
}

Test(vnnlib, a_divided_bound_is_enclosed)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                  "(assert (<= (* 3 X_0) 1))(assert (>= (* -3 X_0) 0.3))"
                  "(assert (>= X_0 -10))(assert (<= Y_0 0))",
                  1, 1);
  /* 3 x <= 1 and x <= -0.1 */
  const Box *b = &p->boxes[0];
  cr_assert_gt((__float128)b->hi[0], -0.1Q);
  cr_assert_lt((__float128)b->in_hi[0], -0.1Q);
  cr_assert_gt(b->in_hi[0], -0.1000000000000001);
  prop_free(p);
}

Test(vnnlib, a_strict_bound_excludes_its_end_from_witnesses_only)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                  "(assert (and (> X_0 0.5) (< X_0 1) (<= Y_0 0)))",
                  1, 1);
  const Box *b = &p->boxes[0];
  cr_assert_eq(b->lo[0], 0.5);
  cr_assert_eq(b->hi[0], 1);
  cr_assert_eq(b->in_lo[0], nextafter(0.5, 1));
  cr_assert_eq(b->in_hi[0], nextafter(1, 0));
  prop_free(p);
}

Test(vnnlib, carriage_returns_byte_order_mark_and_a_missing_final_newline_are_fine)
{
  Prop *p = parse("\xef\xbb\xbf; c\r\n(declare-const X_0 real)\r\n"
                  "(declare-const Y_0 Real)\r\n(assert\r\n(and (>= X_0 0)(<= X_0 1)\r\n"
                  "(<= Y_0 5)))",
                  1, 1);
  cr_assert_eq(p->n_cases, 1);
  cr_assert_eq(p->cases[0].rows[0].line, 6);
  prop_free(p);
}

Test(vnnlib, numbers_may_have_exponents_and_signs)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                  "(assert (>= X_0 -1.25E+2))(assert (<= X_0 +5e-1))"
                  "(assert (<= Y_0 .5))(assert (<= Y_0 3.))(assert (>= Y_0 1e-7))",
                  1, 1);
  cr_assert_eq(p->boxes[0].lo[0], -125);
  cr_assert_eq(p->boxes[0].in_hi[0], 0.5);
  cr_assert_eq(p->cases[0].rows[0].rhs_hi, 0.5);
  cr_assert_lt((__float128)p->cases[0].rows[2].rhs_lo, -1e-7Q);
  cr_assert_gt((__float128)p->cases[0].rows[2].rhs_hi, -1e-7Q);
  prop_free(p);
}

Test(vnnlib, constant_comparisons_are_decided_exactly)
{
  Prop *p = parse_body("(assert (<= 0.1 0.1000))(assert (or (< 0.5 0.5) (<= Y_0 1)))"
                       "(assert (> 1.00000000000000000000000000001 1))");
  cr_assert_eq(p->n_cases, 1);
  cr_assert_eq(p->cases[0].n_rows, 1);
  prop_free(p);
  p = parse_body("(assert (<= Y_0 1))(assert (< 0.1 0.10))");
  cr_assert_eq(p->n_cases, 0);
  prop_free(p);
  p = parse_body("(assert (or (and (<= Y_0 1) (<= X_0 X_0)) (and)))");
  cr_assert_eq(p->n_cases, 2);
  cr_assert_eq(p->cases[1].n_rows, 0);
  prop_free(p);
  p = parse_body("(assert (or))");
  cr_assert_eq(p->n_cases, 0);
  prop_free(p);
}

Test(vnnlib, without_rows_the_whole_box_is_unsafe)
{
  Prop *p = parse_body("");
  cr_assert_eq(p->n_cases, 1);
  cr_assert_eq(p->cases[0].n_rows, 0);
  prop_free(p);
}

Test(vnnlib, an_empty_disjunct_is_dropped)
{
  Prop *p = parse_body("(assert (or (and (>= X_0 0.75) (<= Y_0 1))"
                       "            (and (>= X_0 1.25) (<= Y_0 2))))");
  cr_assert_eq(p->n_cases, 1);
  cr_assert_eq(p->n_boxes, 1);
  cr_assert_eq(p->n_dropped, 1);
  cr_assert_eq(p->cases[0].rows[0].rhs_lo, 1);
  prop_free(p);
}

Test(vnnlib, disjuncts_that_cannot_hold_are_counted)
{
  static const struct {
    const char *body;
    int n_cases, n_dropped;
  } specs[] = {
      {"", 1, 0},
      {"(assert (or (<= Y_0 1) (<= Y_1 2)))", 2, 0},
      {"(assert (or (<= Y_0 1) (<= 2 1) (< Y_0 Y_0)))", 1, 2},
      {"(assert (or (<= Y_0 1) (and (<= Y_1 1) (<= 2 1))))", 1, 1},
      {"(assert (or (<= Y_0 1) (or) (= 2 1) (not (= 1 1))))", 1, 3},
      {"(assert (or (<= Y_0 1) (and (<= Y_1 1) (or (<= 2 1) (<= 3 1)))))", 1, 1},
      {"(assert (or (<= Y_0 1) (or (<= Y_1 1) (<= 2 1))))", 2, 1},
      {"(assert (or (<= Y_0 1) (not (or (<= Y_1 1) (<= 1 2)))))", 1, 1},
      {"(assert (or (<= X_0 0.5) (>= X_0 0.75)))"
       "(assert (or (<= X_0 0.25) (>= X_0 0.9)))",
       2, 2},
      {"(assert (or))", 0, 0},
      {"(assert (<= 2 1))", 0, 0},
      {"(assert (< Y_0 Y_0))", 0, 0},
      {"(assert (or (< Y_0 Y_0) (<= 2 1)))", 0, 2},
  };
  for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
    Prop *p = parse_body(specs[k].body);
    cr_expect_eq(p->n_cases, specs[k].n_cases, "%s: %d cases", specs[k].body,
                 p->n_cases);
    cr_expect_eq(p->n_dropped, specs[k].n_dropped, "%s: %d dropped", specs[k].body,
                 p->n_dropped);
    prop_free(p);
  }
}

/* The bounds of a formula that is false may also come from every disjunct. */
Test(vnnlib, a_false_formula_needs_bounds_like_any_other)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const X_1 Real)"
                  "(declare-const Y_0 Real)(assert (<= X_1 1))"
                  "(assert (or (and (>= X_0 0)(<= X_0 1)(>= X_1 0)(>= X_1 -1))"
                  "            (and (>= X_0 2)(>= X_0 3)(<= X_0 4)(= X_1 0))))"
                  "(assert (<= 2 1))",
                  2, 1);
  cr_assert_eq(p->n_cases, 0);
  cr_assert_eq(p->n_boxes, 0);
  prop_free(p);
}

Test(vnnlib, a_disjunct_empty_as_decimals_only_is_proved_but_has_no_witness)
{
  /* Both ends have the same float32, but the lower decimal is the larger one. */
  Prop *p = parse_body("(assert (or (<= Y_0 1)"
                       "  (and (>= X_0 0.30000000001) (<= X_0 0.3) (<= Y_0 2))"
                       "  (and (> X_0 0.5) (< X_0 0.5))"
                       "  (and (>= X_0 0.1) (<= X_0 0.09999999999999999999999))))");
  cr_assert_eq(p->n_cases, 4);
  cr_assert_eq(p->n_boxes, 4);
  for (int b = 1; b < 4; b++) {
    cr_assert_leq(p->boxes[b].lo[0], p->boxes[b].hi[0]);
    cr_assert_eq(p->boxes[b].in_lo[0], INFINITY);
    cr_assert_eq(p->boxes[b].in_hi[0], -INFINITY);
  }
  prop_free(p);
}

/* Both ends are 0.1, but only up to the rounding of 0.3 / 3. */
Test(vnnlib, a_range_that_cannot_be_decided_is_proved_but_has_no_witness)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                  "(assert (>= (* 3 X_0) 0.3))(assert (<= X_0 0.1))(assert (<= Y_0 0))",
                  1, 1);
  cr_assert_eq(p->n_cases, 1);
  const Box *b = &p->boxes[0];
  cr_assert((__float128)b->lo[0] <= 0.1Q && 0.1Q <= (__float128)b->hi[0]);
  cr_assert(b->in_lo[0] == INFINITY && b->in_hi[0] == -INFINITY);
  prop_free(p);
}

/* Which of the two lower bounds is the larger one is not decided, nor needed. */
Test(vnnlib, bounds_that_cannot_be_ordered_are_both_kept)
{
  Prop *p = parse("(declare-const X_0 Real)(declare-const Y_0 Real)"
                  "(assert (>= (* 3 X_0) 0.3))(assert (>= X_0 0.1))(assert (<= X_0 1))"
                  "(assert (>= X_0 0.1))",
                  1, 1);
  const Box *b = &p->boxes[0];
  cr_assert((__float128)b->lo[0] <= 0.1Q && 0.1Q <= (__float128)b->in_lo[0]);
  cr_assert_lt(b->in_lo[0] - b->lo[0], 1e-15);
  prop_free(p);
  const char *text = "(declare-const X_0 Real)(declare-const Y_0 Real)\n"
                     "(assert (>= (* 3 X_0) 0.3))(assert (>= X_0 0.1))\n"
                     "(assert (<= X_0 0))";
  Err err = {0};
  cr_assert_null(vnnlib_parse("f", text, strlen(text), 1, 1, &err));
  cr_assert_str_eq(err.text,
                   "f:1:16: the input set is empty: the bounds of X_0 exclude "
                   "each other");
  status_reset(&err);
}

Test(vnnlib, deep_nesting_within_the_limit_is_read)
{
  Text t = {0};
  declare(&t, 1, 2);
  text_add(&t, "(assert (>= X_0 0))(assert (<= X_0 1))(assert ");
  for (int i = 0; i < 4999; i++)
    text_add(&t, "(and (or ");
  text_add(&t, "(<= Y_0 1)");
  for (int i = 0; i < 4999; i++)
    text_add(&t, "))");
  text_add(&t, ")");
  Prop *p = parse(t.s, 1, 2);
  cr_assert_eq(p->n_cases, 1);
  cr_assert_eq(p->cases[0].n_rows, 1);
  prop_free(p);
  text_free(&t);
}

Test(vnnlib, an_and_of_ors_inside_an_or_is_multiplied_out)
{
  Prop *p = parse_body("(assert (or (<= Y_0 0) (and (or (<= Y_0 1) (<= Y_0 2))"
                       " (<= Y_1 9) (or (<= Y_1 3) (and (<= Y_1 4) (<= Y_1 5))))))");
  cr_assert_eq(p->n_cases, 5);
  cr_assert_eq(p->cases[1].n_rows, 3);
  cr_assert_eq(p->cases[4].n_rows, 4);
  cr_assert_eq(p->cases[4].rows[0].rhs_lo, 2);
  cr_assert_eq(p->cases[4].rows[1].rhs_lo, 9);
  cr_assert_eq(p->cases[4].rows[2].rhs_lo, 4);
  cr_assert_eq(p->cases[4].rows[3].rhs_lo, 5);
  prop_free(p);
}

/* ---- size ---------------------------------------------------------------- */

Test(vnnlib, thousands_of_disjuncts_with_their_own_boxes_are_fast)
{
  const int n_in = 20, n = 20000;
  Text t = {0};
  declare(&t, n_in, 1);
  text_add(&t, "(assert (or\n");
  for (int k = 0; k < n; k++) {
    text_add(&t, "(and");
    for (int i = 0; i < n_in; i++)
      text_add(&t, "(>= X_%d %d.25)(<= X_%d %d.5)", i, k, i, k);
    text_add(&t, "(<= Y_0 %d))\n", k);
  }
  text_add(&t, "))");
  const double start = clock_now();
  Prop *p = parse(t.s, n_in, 1);
  const double seconds = clock_now() - start;
  cr_assert_eq(p->n_boxes, n);
  cr_assert_eq(p->n_cases, n);
  cr_assert_eq(p->cases[n - 1].line, n_in + 2 + n);
  cr_assert_lt(seconds, 10, "%g seconds for %zu bytes", seconds, t.n);
  prop_free(p);
  text_free(&t);
}

Test(vnnlib, a_hundred_megabytes_of_parentheses_fail_at_once)
{
  const size_t n = 100u << 20;
  char *text = mem_alloc(n);
  const char *const starts[] = {"(", "(and ", "(not "};
  for (int k = 0; k < 3; k++) {
    const size_t m = strlen(starts[k]);
    const char *head = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert ";
    size_t at = k ? strlen(head) : 0;
    memcpy(text, head, at);
    for (; at + m <= n; at += m)
      memcpy(text + at, starts[k], m);
    memset(text + at, '(', n - at);
    Err err = {0};
    const double start = clock_now();
    cr_assert_null(vnnlib_parse("spec", text, n, 1, 1, &err));
    cr_assert_lt(clock_now() - start, 1);
    cr_assert_null(strchr(err.text, '\n'));
    status_reset(&err);
  }
  mem_free(text);
}
