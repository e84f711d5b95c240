/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds that have no slack: sets so simple that their edge is known as a rational
 * number, which the bound must not cut off.  In networks with curves and many neurons a
 * lost rounding hides behind what relaxations give away; here is nothing to hide
 * behind. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>
#include <string.h>

#include "bounds/affine.h"
#include "bounds/blas.h"
#include "bounds/contract.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "bounds/relax.h"
#include "bounds/rows.h"
#include "net/ball.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/equations.h"
#include "specs/check/pass.h"
#include "tests/support/bounded.h"
#include "tests/support/chain.h"
#include "tests/support/rational.h"

TestSuite(attained, .timeout = 120);

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

Test(attained, equations_of_the_checker_cut_nothing_off)
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

Test(attained, equations_of_the_solver_cut_nothing_off)
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

/* ---- one point, where everything is known
 * --------------------------------------------
 */

/* The bounds of output 0 by the solver and by the checker, for a box that is a point.
 */
typedef struct {
  double lagrangian, ibp, affine, checker, forward;
} Lowers;

static void bound_by_solver(Net *net, const double *lo, const double *hi, Lowers *lower)
{
  const int last = net->n_nodes - 1;
  Lagrangian *L = lagrangian_new(net, 1);
  Bounds *b = bounds_new(net, 1);
  Bounded f = {.net = net, .L = L, .b = b};
  bounds_set_box(b, 0, lo, hi);
  Affine *a = affine_new(net, 1, 0);
  if (lo == hi) affine_all(a, b, lagrangian_linop(L));
  lower->affine = b->lo[last][0];
  bounds_reset(b);
  bounds_set_box(b, 0, lo, hi);
  ibp_all(b, lagrangian_linop(L));
  lower->ibp = b->lo[last][0];
  lower->lagrangian = bounded_row(&f, 0, NULL, NULL, NULL);
  affine_free(a);
  bounds_free(b);
  lagrangian_free(L);
}

static void bound_by_checker(Net *net, const double *lo, const double *hi,
                             Lowers *lower)
{
  const int last = net->n_nodes - 1;
  Plan *plan = plan_new(net);
  Layout *layout = advice_layout_new(net);
  Pass *pass = pass_new(plan, layout, false);
  State s = plan_state(plan);
  for (int i = 0; i < net_in_size(net); i++)
    plan_meet(&s, (size_t)i, lo[i], hi[i]);
  pass_propagate(pass, &s, 1, last);
  for (int k = 1; k <= last; k++)
    if (net_is_linear(&net->nodes[k])) bound_refresh(pass->bound, k, &s);
  lower->forward = s.lo[plan->off[last]];
  double row[LINEAR_MOST_ROWS];
  bound_begin(pass->bound);
  bound_add(pass->bound, (BoundRow){.element = 0, .sign = 1});
  bound_run(pass->bound, &s, last, false, row);
  bound_begin(pass->bound);
  lower->checker = row[0];
  plan_state_free(&s);
  pass_free(pass);
  advice_layout_free(layout);
  plan_free(plan);
}

/* No bound is above the exact value at x, and none so far below that it says nothing.
 */
static void check_box(Net *net, const double *lo, const double *hi, const double *x,
                      double loss, const char *what)
{
  Lowers lower;
  blas_init();
  bound_by_solver(net, lo, hi, &lower);
  bound_by_checker(net, lo, hi, &lower);
  Rational r = rational_eval(net, x, NULL);
  const double all[5] = {lower.lagrangian, lower.ibp, lower.affine, lower.checker,
                         lower.forward};
  static const char *const name[5] = {"Lagrangian", "intervals", "affine", "checker",
                                      "checker's intervals"};
  mpq_srcptr y = r.value[net->n_nodes - 1][0];
  for (int i = 0; i < 5; i++) {
    cr_assert(rational_compare(y, all[i]) >= 0, "%s, %s: %.17g is above %.17g", what,
              name[i], all[i], mpq_get_d(y));
    if (i == 2 && lo != hi) continue; /* forms are for few inputs */
    cr_assert(rational_compare(y, all[i] + loss) <= 0, "%s, %s: %.17g says nothing",
              what, name[i], all[i]);
  }
  rational_free(&r);
  net_free(net);
}

static void check_point(Net *net, const double *x, double loss, const char *what)
{
  check_box(net, x, x, x, loss, what);
}

enum { BRANCHES = 100, LOST = 1000, LONG = 4000 };

/* One branch: factor times node z, as a node of some kind. */
static int branch(Net *net, int z, int kind, double factor)
{
  if (kind == 0) return chain_dense(net, z, 1, &factor, NULL);
  if (kind == 1) return chain_scale(net, z, &factor, NULL);
  const Node v = {.kind = NODE_CONV,
                  .size = 1,
                  .W = net_keep(net, memcpy(mem_doubles(1), &factor, sizeof factor)),
                  .conv = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1}};
  return net_add(net, &v, &z, 1);
}

/* (M z - M z) + (z + z + ...), a node for each: on the way back every z is lost in
 * M + 1, in total much more than the errors of the nodes have to spare. */
Test(attained, many_consumers_of_one_node_are_paid_for)
{
  const double one = 1, x = -1;
  signed char plus[BRANCHES];
  int from[BRANCHES];
  for (int i = 0; i < BRANCHES; i++)
    plus[i] = 1;
  for (int kind = 0; kind < 3; kind++) {
    Net *net = chain_new(1);
    const int z = chain_dense(net, 0, 1, &one, NULL);
    for (int i = 0; i < BRANCHES; i++)
      from[i] = branch(net, z, kind, i == 0 ? -0x1p53 : i == BRANCHES - 1 ? 0x1p53 : 1);
    const Node sum = {.kind = NODE_ADD, .size = 1, .coef = plus};
    const int ones = net_add(net, &sum, from + 1, BRANCHES - 2);
    chain_add(net, chain_add(net, from[0], from[BRANCHES - 1], 1), ones, 1);
    chain_finish(net);
    check_point(net, &x, 1e5, kind == 0 ? "dense" : kind == 1 ? "scale" : "conv");
  }
}

/* The same with biases instead: the sum of what each node adds to the bound. */
Test(attained, many_nodes_are_paid_for)
{
  const double zero = 0, x = 1;
  signed char plus[BRANCHES];
  int from[BRANCHES];
  Net *net = chain_new(1);
  for (int i = 0; i < BRANCHES; i++) {
    const double b = i == 0 ? 0x1p53 : i == BRANCHES - 1 ? -0x1p53 : -0.75;
    plus[i] = 1;
    from[i] = chain_dense(net, 0, 1, &zero, &b);
  }
  const Node sum = {.kind = NODE_ADD, .size = 1, .coef = plus};
  const int rest = net_add(net, &sum, from + 1, BRANCHES - 2);
  chain_add(net, chain_add(net, from[0], from[BRANCHES - 1], 1), rest, 1);
  chain_finish(net);
  check_point(net, &x, 1e5, "nodes");
}

/* h (z) for z = x, where what it passes on is its multiplier. */
static int passing(Net *net, int z, int one, int kind)
{
  if (kind < 2) return chain_act(net, z, ACT_RELU);
  const int in[2] = {z, one};
  const Node mul = {.kind = NODE_MUL, .size = 1};
  return net_add(net, &mul, in, 2);
}

/* y = -h (z) M + M x - 3/4 z - 3/4 z - ...: every z is lost in what h passes on, and M
 * x takes that away again.  Stable ReLU, open ReLU (twice M, half of it passed on, and
 * half of it behind a bias), and product with 1. */
Test(attained, what_functions_pass_on_is_paid_for)
{
  static const double one = 1, zero = 0, big = 0x1p53;
  static const double lo[3] = {1, -1, -1}, hi = 1;
  double lost[LOST], ones[LOST];
  for (int i = 0; i < LOST; i++) {
    lost[i] = -0.75;
    ones[i] = 1;
  }
  for (int kind = 0; kind < 3; kind++) {
    Net *net = chain_new(1);
    const int z = chain_dense(net, 0, 1, &one, NULL);
    const int unit = chain_dense(net, 0, 1, &zero, &one);
    const int rest = chain_dense(net, z, LOST, lost, NULL);
    const int h = passing(net, z, unit, kind);
    const double weight = kind == 1 ? -2 * big : -big;
    const int y = chain_dense(net, h, 1, &weight, kind == 1 ? &big : NULL);
    chain_add(net, chain_add(net, y, chain_dense(net, 0, 1, &big, NULL), 1),
              chain_dense(net, rest, 1, ones, NULL), 1);
    chain_finish(net);
    check_box(net, kind ? &lo[kind] : &hi, &hi, &hi, kind ? 0x1p60 : 1e6,
              kind == 0   ? "stable"
              : kind == 1 ? "open"
                          : "product");
  }
}

/* -M, then thousands of -3/4 that are lost in it, then M: in one of four or eight sums
 * that are taken side by side. */
static double *long_terms(void)
{
  double *a = mem_doubles(LONG);
  for (int i = 0; i < LONG; i++)
    a[i] = i == 0 ? -0x1p53 : i == LONG - 8 ? 0x1p53 : -0.75;
  return a;
}

Test(attained, long_sums_over_inputs_are_paid_for)
{
  double *w = long_terms(), *x = mem_doubles(LONG);
  for (int i = 0; i < LONG; i++)
    x[i] = 1;
  for (int negative = 0; negative < 2; negative++) {
    Net *net = chain_new(LONG);
    for (int i = 0; i < LONG && negative; i++) {
      w[i] = -w[i];
      x[i] = -x[i];
    }
    chain_dense(net, 0, 1, w, NULL);
    chain_finish(net);
    check_point(net, x, 1e6, negative ? "negative inputs" : "inputs");
  }
  mem_free(w);
  mem_free(x);
}

/* The same as biases, as multipliers of one bias and as numbers behind ReLUs. */
Test(attained, long_sums_over_neurons_are_paid_for)
{
  double *a = long_terms(), *ones = mem_doubles(LONG), *zeros = mem_doubles0(LONG);
  const double x = 1, one = 1;
  for (int i = 0; i < LONG; i++)
    ones[i] = 1;
  Net *net = chain_new(1);
  chain_dense(net, chain_dense(net, 0, LONG, zeros, a), 1, ones, NULL);
  chain_finish(net);
  check_point(net, &x, 1e6, "biases");
  net = chain_new(1);
  chain_dense(net, chain_dense(net, 0, LONG, zeros, ones), 1, a, NULL);
  chain_finish(net);
  check_point(net, &x, 1e6, "multipliers of biases");
  net = chain_new(1);
  const Node v = {.kind = NODE_CONV,
                  .size = LONG,
                  .W = net_keep(net, mem_doubles0(1)),
                  .b = net_keep(net, memcpy(mem_doubles(1), &one, sizeof one)),
                  .conv = {1, 1, 1, 1, 1, LONG, 1, 1, 1, 1, 1, 1, 0, LONG, 1}};
  const int input = 0;
  chain_dense(net, net_add(net, &v, &input, 1), 1, a, NULL);
  chain_finish(net);
  check_point(net, &x, 1e6, "multipliers of one bias");
  net = chain_new(1);
  chain_dense(net, chain_act(net, chain_dense(net, 0, LONG, ones, NULL), ACT_RELU), 1,
              a, NULL);
  chain_finish(net);
  check_point(net, &x, 1e8, "neurons");
  net = chain_new(1);
  chain_dense(net, chain_act(net, chain_dense(net, 0, LONG, ones, NULL), ACT_SIGN), 1,
              a, NULL);
  chain_finish(net);
  check_point(net, &x, 1e8, "signs");
  mem_free(a);
  mem_free(ones);
  mem_free(zeros);
}

/* One number read by thousands of rows, channels or copies: what they pass back is one
 * long sum. */
Test(attained, long_sums_backwards_are_paid_for)
{
  double *w = long_terms(), *ones = mem_doubles(LONG);
  const double x = 1, one = 1;
  static const char *const name[3] = {"rows", "channels", "copies"};
  for (int i = 0; i < LONG; i++)
    ones[i] = 1;
  for (int kind = 0; kind < 3; kind++) {
    Net *net = chain_new(1);
    const int z = chain_dense(net, 0, 1, &one, NULL);
    const Node conv = {.kind = NODE_CONV,
                       .size = LONG,
                       .W = w,
                       .conv = {1, 1, 1, LONG, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1}};
    int *copies = net_keep(net, mem_zero(LONG, sizeof *copies));
    const Node map = {.kind = NODE_MAP, .size = LONG, .map = copies};
    const int y = kind == 0 ? chain_dense(net, z, LONG, w, NULL)
                            : net_add(net, kind == 1 ? &conv : &map, &z, 1);
    chain_dense(net, y, 1, kind == 2 ? w : ones, NULL);
    chain_finish(net);
    check_point(net, &x, 1e8, name[kind]);
  }
  mem_free(w);
  mem_free(ones);
}

/* y = sum of z / 2 - max (z, 0) = - sum of |z| / 2, z = x in [-r, r]: what is passed on
 * to z by its two readers is 0, and the bound the sum of what ReLUs lose. */
Test(attained, long_sums_over_open_neurons_are_paid_for)
{
  double *lo = mem_doubles(LONG), *hi = mem_doubles(LONG), *w = mem_doubles(LONG);
  for (int i = 0; i < LONG; i++) {
    hi[i] = i == 0 ? 0x1p54 : 1.5;
    lo[i] = -hi[i];
    w[i] = 0.5;
  }
  Net *net = chain_new(LONG);
  const int z = chain_scale(net, 0, NULL, NULL), half = chain_dense(net, z, 1, w, NULL);
  for (int i = 0; i < LONG; i++)
    w[i] = -1;
  chain_add(net, half, chain_dense(net, chain_act(net, z, ACT_RELU), 1, w, NULL), 1);
  chain_finish(net);
  check_box(net, lo, hi, hi, 0x1p56, "open neurons");
  mem_free(lo);
  mem_free(hi);
  mem_free(w);
}

/* The same sum over inputs in a small ball, whose centre is in it. */
Test(attained, long_sums_over_a_ball_are_paid_for)
{
  double *w = long_terms(), *lo = mem_doubles0(LONG), *hi = mem_doubles(LONG),
         *c = mem_doubles(LONG);
  for (int i = 0; i < LONG; i++) {
    c[i] = 1;
    hi[i] = 2;
  }
  static const BallNorm norms[3] = {BALL_L2, BALL_L1, BALL_L0};
  for (int k = 0; k < 3; k++) {
    Net *net = chain_new(LONG);
    Ball *ball = ball_new(norms[k], LONG, c, norms[k] == BALL_L0 ? 0 : 0x1p-60);
    net->ball = ball;
    chain_dense(net, 0, 1, w, NULL);
    chain_finish(net);
    check_box(net, lo, hi, c, 0x1p60, ball_norm_word(norms[k]));
    ball_free(ball);
  }
  mem_free(w);
  mem_free(lo);
  mem_free(hi);
  mem_free(c);
}

/* ---- lines
 * ---------------------------------------------------------------------------- */

/* -m z^2 on [0, u] is above the chord of slope -m u through 0 and touches it at u: the
 * line itself has no error, so that of p = fl (-m u) is all there is. */
Test(attained, the_product_of_slope_and_multiplier_is_paid_for)
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
