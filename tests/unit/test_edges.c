/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets so simple that their edge is known as a rational number, which what narrows
 * intervals must not cut off: single equations and single lines. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>

#include "bounds/contract.h"
#include "bounds/ibp.h"
#include "bounds/relax.h"
#include "bounds/rows.h"
#include "net/base/round.h"
#include "specs/check/equations.h"
#include "tests/support/chain.h"
#include "tests/support/rational.h"

TestSuite(edges, .timeout = 120);

/* ---- one equation -------------------------------------------------------------------
 */

enum { MOST_TERMS = 4 };

/* z = w . x + b within [least, most] for x in a box, and what is left of it exactly. */
typedef struct {
  int n;
  double w[MOST_TERMS], lo[MOST_TERMS], hi[MOST_TERMS], b, b_err, w_rel;
  double least, most;
  mpq_t from[MOST_TERMS], to[MOST_TERMS]; /* x_t; from > to: nothing */
  mpq_t z_from, z_to;                     /* z over the whole box */
} Equation;

/* Ordinary numbers of several sizes, and whole ones, whose sums are often exact. */
static double number(Prng *prng)
{
  const double sign = prng_below(prng, 2) ? 1 : -1;
  if (prng_below(prng, 3) == 0) return sign * (1 + prng_below(prng, 9));
  return sign * ldexp(0.5 + prng_unit(prng), prng_below(prng, 9) - 4);
}

static void interval(Prng *prng, double *lo, double *hi)
{
  const double a = number(prng), b = number(prng);
  *lo = fmin(a, b);
  *hi = fmax(a, b);
}

/* to += a b (1 + c) */
static void add(mpq_t to, double a, double b, double c)
{
  mpq_t x, y;
  mpq_inits(x, y, NULL);
  mpq_set_d(x, c);
  mpq_set_si(y, 1, 1);
  mpq_add(x, x, y);
  mpq_set_d(y, a);
  mpq_mul(x, x, y);
  mpq_set_d(y, b);
  mpq_mul(x, x, y);
  mpq_add(to, to, x);
  mpq_clears(x, y, NULL);
}

/* to += factor times the smallest (sign < 0) or largest w'_t x_t. */
static void add_end(const Equation *e, int t, int sign, int factor, mpq_t to)
{
  const double x = (e->w[t] > 0) == (sign > 0) ? e->hi[t] : e->lo[t];
  const double away = sign * e->w[t] * x > 0 ? e->w_rel : -e->w_rel;
  add(to, factor * e->w[t], x, away);
}

/* x_t of w'_t x_t = room, where that is furthest out, into the end that it is. */
static void cut(Equation *e, int t, bool is_upper, mpq_t room)
{
  mpq_t w, x;
  mpq_inits(w, x, NULL);
  for (int side = -1; side <= 1; side += 2) {
    mpq_t y;
    mpq_init(y);
    mpq_set_si(w, 0, 1);
    add(w, e->w[t], 1, side * e->w_rel);
    mpq_div(y, room, w);
    const bool further = is_upper ? mpq_cmp(y, x) > 0 : mpq_cmp(y, x) < 0;
    if (side < 0 || further) mpq_set(x, y);
    mpq_clear(y);
  }
  if (is_upper && mpq_cmp(x, e->to[t]) < 0) mpq_set(e->to[t], x);
  if (!is_upper && mpq_cmp(x, e->from[t]) > 0) mpq_set(e->from[t], x);
  mpq_clears(w, x, NULL);
}

static void solve(Equation *e)
{
  mpq_t room;
  mpq_init(room);
  for (int t = 0; t < e->n; t++)
    for (int sign = -1; sign <= 1; sign += 2) {
      /* w_t x_t <= most - the others' least, and >= least - the others' most */
      mpq_set_d(room, sign < 0 ? e->most : e->least);
      add(room, -1, e->b, 0);
      add(room, -sign, e->b_err, 0);
      for (int s = 0; s < e->n; s++)
        if (s != t) add_end(e, s, sign, -1, room);
      cut(e, t, (e->w[t] > 0) == (sign < 0), room);
    }
  mpq_clear(room);
}

static Equation equation_new(int trial, Prng *prng)
{
  Equation e = {.n = 1 + prng_below(prng, MOST_TERMS), .b = number(prng)};
  if (trial % 3 == 1) e.b_err = ldexp(prng_unit(prng), -30);
  if (trial % 3 == 2) e.w_rel = ldexp(prng_unit(prng), -30);
  mpq_inits(e.z_from, e.z_to, NULL);
  mpq_set_d(e.z_from, e.b);
  mpq_set_d(e.z_to, e.b);
  add(e.z_from, -1, e.b_err, 0);
  add(e.z_to, 1, e.b_err, 0);
  for (int t = 0; t < e.n; t++) {
    e.w[t] = number(prng);
    interval(prng, &e.lo[t], &e.hi[t]);
    mpq_inits(e.from[t], e.to[t], NULL);
    mpq_set_d(e.from[t], e.lo[t]);
    mpq_set_d(e.to[t], e.hi[t]);
    add_end(&e, t, -1, 1, e.z_from);
    add_end(&e, t, 1, 1, e.z_to);
  }
  const double z_lo = mpq_get_d(e.z_from), z_hi = mpq_get_d(e.z_to);
  const double a = prng_range(prng, z_lo, z_hi), b = prng_range(prng, z_lo, z_hi);
  e.least = prng_below(prng, 3) ? fmin(a, b) : z_lo - 1;
  e.most = prng_below(prng, 3) ? fmax(a, b) : z_hi + 1;
  solve(&e);
  return e;
}

static void equation_free(Equation *e)
{
  mpq_clears(e->z_from, e->z_to, NULL);
  for (int t = 0; t < e->n; t++)
    mpq_clears(e->from[t], e->to[t], NULL);
}

/* Node 1 is z, node 2 a margin that is -1 everywhere. */
static Net *net_of(Equation *e)
{
  static const double zero = 0, minus = -1;
  Net *net = chain_new(e->n);
  const Node z = {.kind = NODE_DENSE,
                  .size = 1,
                  .reps = 1,
                  .rows = 1,
                  .cols = e->n,
                  .W = e->w,
                  .b = &e->b,
                  .w_rel = e->w_rel,
                  .b_err = e->b_err > 0 ? &e->b_err : NULL};
  const int input = 0;
  chain_dense(net, net_add(net, &z, &input, 1), 1, &zero, &minus);
  chain_finish(net);
  return net;
}

/* Is what is left of x_t and z inside of these intervals?  Returns how many ends were
 * moved to less than 2^-40 from their exact place. */
static int left_inside(const Equation *e, const double *lo, const double *hi, int trial)
{
  int near = 0;
  for (int t = 0; t < e->n; t++) {
    if (mpq_cmp(e->from[t], e->to[t]) > 0) return 0;
    cr_assert(rational_compare(e->from[t], lo[t]) >= 0 &&
                  rational_compare(e->to[t], hi[t]) <= 0,
              "equation %d: [%.17g, %.17g] cuts input %d off", trial, lo[t], hi[t], t);
    near += lo[t] > e->lo[t] && mpq_get_d(e->from[t]) - lo[t] < 0x1p-40;
    near += hi[t] < e->hi[t] && hi[t] - mpq_get_d(e->to[t]) < 0x1p-40;
  }
  return near;
}

Test(edges, equations_of_the_checker_cut_nothing_off)
{
  Prng prng = prng_init(951);
  int near = 0;
  for (int trial = 0; trial < 6000; trial++) {
    Equation e = equation_new(trial, &prng);
    Net *net = net_of(&e);
    Plan *plan = plan_new(net);
    Equations *q = equations_new(plan);
    State s = plan_state(plan);
    for (int t = 0; t < e.n; t++)
      plan_meet(&s, (size_t)t, e.lo[t], e.hi[t]);
    if (trial % 2) plan_meet(&s, (size_t)e.n, e.least, e.most);
    equations_run(q, &s, 0, 1);
    if (trial % 2) {
      near += left_inside(&e, s.lo, s.hi, trial);
    } else { /* z alone */
      cr_assert(rational_compare(e.z_from, s.lo[e.n]) >= 0 &&
                    rational_compare(e.z_to, s.hi[e.n]) <= 0,
                "equation %d: [%.17g, %.17g]", trial, s.lo[e.n], s.hi[e.n]);
      near += s.hi[e.n] - s.lo[e.n] < mpq_get_d(e.z_to) - mpq_get_d(e.z_from) + 0x1p-20;
    }
    plan_state_free(&s);
    equations_free(q);
    plan_free(plan);
    net_free(net);
    equation_free(&e);
  }
  cr_assert(near > 3000, "%d ends are near their place", near);
}

Test(edges, equations_of_the_solver_cut_nothing_off)
{
  Prng prng = prng_init(952);
  int near = 0;
  for (int trial = 0; trial < 6000; trial++) {
    Equation e = equation_new(trial, &prng);
    Net *net = net_of(&e);
    Rows *rows = rows_new(net, 100);
    Contract *c = contract_new(rows);
    Bounds *b = bounds_new(net, 1);
    Linop *op = linop_new(net);
    bounds_set_box(b, 0, e.lo, e.hi);
    ibp_all(b, op);
    cr_assert(rational_compare(e.z_from, b->lo[1][0]) >= 0 &&
                  rational_compare(e.z_to, b->hi[1][0]) <= 0,
              "equation %d: [%.17g, %.17g]", trial, b->lo[1][0], b->hi[1][0]);
    bounds_meet(b, 1, 0, 0, e.least, e.most);
    contract_run(c, b, 0, 0, 1);
    near += left_inside(&e, b->lo[0], b->hi[0], trial);
    linop_free(op);
    bounds_free(b);
    contract_free(c);
    rows_free(rows);
    net_free(net);
    equation_free(&e);
  }
  cr_assert(near > 3000, "%d ends are near their place", near);
}

/* ---- lines
 * ---------------------------------------------------------------------------- */

/* -m z^2 on [0, u] is above the chord of slope -m u through 0 and touches it at u: the
 * line itself has no error, so that of p = fl (-m u) is all there is. */
Test(edges, the_product_of_slope_and_multiplier_is_paid_for)
{
  Prng prng = prng_init(953);
  int needed = 0;
  for (int trial = 0; trial < 1000; trial++) {
    const double l = 0, u = 1 + prng_unit(&prng), lam = -1 - prng_unit(&prng);
    double p, value = 0, size = 0, slope = u, offset = 0;
    const RelaxLines line = {&slope, &slope, &slope, &offset, &slope};
    const RelaxRow row = {
        .n = 1, .l = &l, .u = &u, .lam = &lam, .lines = {line, line}, .p = &p};
    relax_row(ACT_SQUARE, &row, &value, &size);
    mpq_t exact, square;
    mpq_inits(exact, square, NULL);
    add(square, u, u, 0);
    mpq_set_d(exact, lam);
    mpq_mul(exact, exact, square);
    add(exact, -p, u, 0);
    needed += rational_compare(exact, value) < 0;
    cr_assert(rational_compare(exact, value - round_gamma(7) * size) >= 0,
              "%d: p %.17g, size %.17g", trial, p, size);
    mpq_clears(exact, square, NULL);
  }
  cr_assert(needed > 100, "%d", needed);
}
