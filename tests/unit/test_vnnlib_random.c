/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random formulas, evaluated at random points twice: by this file, straight on the
 * random tree, and through the cases of the parsed Prop.  Points, constants and
 * coefficients are small multiples of 1/4, so both evaluations are exact. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/base/prng.h"
#include "net/base/text.h"
#include "specs/vnnlib.h"

enum { N_IN = 2, N_OUT = 3, N_POINTS = 60, MAX_ARGS = 4 };

typedef struct {
  double x[N_IN], y[N_OUT];
  bool unsafe; /* by the tree's own semantics */
} Point;

typedef struct {
  Prng rng;
  Text text;
  Point point[N_POINTS];
} World;

static double quarter(World *w, int size)
{
  return 0.25 * (prng_below(&w->rng, 2 * size + 1) - size);
}

/* Print a linear term over the outputs (or a constant) and add scale times it to
 * value[p] at every point. */
static void random_term(World *w, int depth, double scale, double *value)
{
  const int kind = prng_below(&w->rng, depth > 2 ? 2 : 6);
  if (kind == 0) {
    const double c = quarter(w, 8);
    text_add(&w->text, "%s%.17g", prng_below(&w->rng, 9) || c < 0 ? "" : "+", c);
    for (int p = 0; p < N_POINTS; p++)
      value[p] += scale * c;
  } else if (kind <= 2) {
    const int j = prng_below(&w->rng, N_OUT);
    text_add(&w->text, "Y_%d", j);
    for (int p = 0; p < N_POINTS; p++)
      value[p] += scale * w->point[p].y[j];
  } else if (kind == 3) {
    const double c = quarter(w, 8);
    const bool first = prng_below(&w->rng, 2);
    text_add(&w->text, "(* ");
    if (first) text_add(&w->text, "%.17g 0.5 ", c);
    random_term(w, depth + 1, scale * c * 0.5, value);
    if (!first) text_add(&w->text, " %.17g 0.5", c);
    text_add(&w->text, ")");
  } else {
    const int n = 1 + prng_below(&w->rng, 3);
    text_add(&w->text, kind == 4 ? "(+" : "(-");
    for (int k = 0; k < n; k++) {
      text_add(&w->text, "\n ");
      const bool minus = kind == 5 && (k || n == 1);
      random_term(w, depth + 1, minus ? -scale : scale, value);
    }
    text_add(&w->text, ")");
  }
}

static bool compare(int op, double a, double b)
{
  switch (op) {
  case 0:
    return a <= b;
  case 1:
    return a >= b;
  case 2:
    return a < b;
  case 3:
    return a > b;
  default:
    return a == b;
  }
}

static void random_comparison(World *w, bool *truth)
{
  static const char *const name[] = {"<=", ">=", "<", ">", "=", "=="};
  const int op = prng_below(&w->rng, 6);
  double left[N_POINTS] = {0}, right[N_POINTS] = {0};
  text_add(&w->text, "(%s ", name[op]);
  if (prng_below(&w->rng, 3) == 0) {
    const int i = prng_below(&w->rng, N_IN);
    const double c = quarter(w, 6), k = prng_below(&w->rng, 2) ? 1 : -2;
    const bool swap = prng_below(&w->rng, 2);
    if (swap) text_add(&w->text, "%.17g ", c);
    text_add(&w->text, k == 1 ? "X_%d" : "(* -2 X_%d)", i);
    if (!swap) text_add(&w->text, " %.17g", c);
    for (int p = 0; p < N_POINTS; p++) {
      left[p] = swap ? c : k * w->point[p].x[i];
      right[p] = swap ? k * w->point[p].x[i] : c;
    }
  } else {
    random_term(w, 0, 1, left);
    text_add(&w->text, " ");
    random_term(w, 0, 1, right);
  }
  text_add(&w->text, ")");
  for (int p = 0; p < N_POINTS; p++)
    truth[p] = compare(op, left[p], right[p]);
}

static void random_formula(World *w, int depth, bool *truth)
{
  const int kind = prng_below(&w->rng, depth > 3 ? 1 : 5);
  if (kind <= 1) {
    random_comparison(w, truth);
    return;
  }
  bool arg[N_POINTS];
  static const char *const name[] = {"", "", "and", "or", "not"};
  text_add(&w->text, "(%s", name[kind]);
  const int n = kind == 4 ? 1 : prng_below(&w->rng, MAX_ARGS);
  for (int p = 0; p < N_POINTS; p++)
    truth[p] = kind == 2;
  for (int k = 0; k < n; k++) {
    text_add(&w->text, k ? "\n" : " ");
    random_formula(w, depth + 1, arg);
    for (int p = 0; p < N_POINTS; p++)
      truth[p] = kind == 2   ? truth[p] && arg[p]
                 : kind == 3 ? truth[p] || arg[p]
                             : !arg[p];
  }
  text_add(&w->text, ")");
}

/* A specification with bounds [-1, 1] on the inputs and up to three asserts. */
static void random_spec(World *w)
{
  for (int p = 0; p < N_POINTS; p++) {
    Point *q = &w->point[p];
    q->unsafe = true;
    for (int i = 0; i < N_IN; i++) {
      q->x[i] = quarter(w, 5);
      q->unsafe = q->unsafe && q->x[i] >= -1 && q->x[i] <= 1;
    }
    for (int j = 0; j < N_OUT; j++)
      q->y[j] = quarter(w, 8);
  }
  for (int i = 0; i < N_IN; i++)
    text_add(&w->text, "(declare-const X_%d Real)", i);
  for (int j = 0; j < N_OUT; j++)
    text_add(&w->text, "(declare-const Y_%d Real)", j);
  for (int i = 0; i < N_IN; i++)
    text_add(&w->text, "\n(assert (and (>= X_%d -1) (<= X_%d 1)))", i, i);
  const int n = 1 + prng_below(&w->rng, 3);
  for (int k = 0; k < n; k++) {
    bool truth[N_POINTS];
    text_add(&w->text, "\n(assert ");
    random_formula(w, 0, truth);
    text_add(&w->text, ")");
    for (int p = 0; p < N_POINTS; p++)
      w->point[p].unsafe = w->point[p].unsafe && truth[p];
  }
}

static bool row_holds(const PropRow *row, const double *y)
{
  double sum = 0;
  for (int p = 0; p < row->n; p++)
    sum += row->coef[p] * y[row->var[p]];
  return row->strict ? sum < row->rhs_lo : sum <= row->rhs_lo;
}

static bool is_unsafe(const Prop *prop, const Point *q)
{
  for (int k = 0; k < prop->n_cases; k++) {
    const PropCase *c = &prop->cases[k];
    bool holds = box_contains(&prop->boxes[c->box], q->x);
    for (int j = 0; j < c->n_rows; j++)
      holds = holds && row_holds(&c->rows[j], q->y);
    if (holds) return true;
  }
  return false;
}

static void check_prop(const Prop *prop)
{
  for (int k = 0; k < prop->n_cases; k++) {
    const PropCase *c = &prop->cases[k];
    cr_assert(c->box >= 0 && c->box < prop->n_boxes);
    cr_assert(k == 0 || c->box >= prop->cases[k - 1].box);
    for (int j = 0; j < c->n_rows; j++) {
      cr_assert_eq(c->rows[j].rhs_lo, c->rows[j].rhs_hi);
      cr_assert_eq(c->rows[j].coef_rel, 0);
      cr_assert_gt(c->rows[j].n, 0);
      for (int p = 1; p < c->rows[j].n; p++)
        cr_assert_gt(c->rows[j].var[p], c->rows[j].var[p - 1]);
    }
  }
  for (int a = 0; a < prop->n_boxes; a++)
    for (int b = 0; b < a; b++)
      cr_assert_not(box_equal(&prop->boxes[a], &prop->boxes[b]));
}

Test(vnnlib_random, a_property_is_unsafe_exactly_where_its_text_is)
{
  long n_read = 0, n_unsafe = 0, n_empty = 0;
  for (uint64_t seed = 0; seed < 6000; seed++) {
    World w = {.rng = prng_init(seed)};
    random_spec(&w);
    Err err = {0};
    Prop *prop = vnnlib_parse("random", w.text.s, w.text.n, N_IN, N_OUT, &err);
    if (!prop) {
      /* The only error that a formula of this kind can have. */
      cr_assert(strstr(err.text, "input set is empty"), "%s\n%s", err.text, w.text.s);
      n_empty++;
    } else {
      check_prop(prop);
      n_read++;
    }
    for (int p = 0; p < N_POINTS; p++) {
      const bool unsafe = prop && is_unsafe(prop, &w.point[p]);
      n_unsafe += unsafe;
      cr_assert_eq(unsafe, w.point[p].unsafe, "seed %lu: x = %g %g, y = %g %g %g\n%s",
                   (unsigned long)seed, w.point[p].x[0], w.point[p].x[1],
                   w.point[p].y[0], w.point[p].y[1], w.point[p].y[2], w.text.s);
    }
    prop_free(prop);
    status_reset(&err);
    text_free(&w.text);
  }
  /* The test says something only when all kinds of specification occur. */
  cr_assert_gt(n_read, 4000);
  cr_assert_gt(n_empty, 20);
  cr_assert_gt(n_unsafe, 6000);
}
