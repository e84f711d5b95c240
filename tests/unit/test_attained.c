/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds that have no slack: the minimum is known exactly and attained, or a sum is
 * long, so that what rounding loses is more than any other error has to spare.  In
 * networks with curves and many neurons a lost rounding hides behind what relaxations
 * give away; here is nothing to hide behind. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "bounds/affine.h"
#include "bounds/blas.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "net/ball.h"
#include "net/base/mem.h"
#include "specs/check/pass.h"
#include "tests/support/bounded.h"
#include "tests/support/chain.h"
#include "tests/support/rational.h"

TestSuite(attained, .timeout = 120);

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

static void bound_by_checker(Net *net, const double *lo, const double *hi, bool exact,
                             Lowers *lower)
{
  const int last = net->n_nodes - 1;
  Plan *plan = plan_new(net);
  Layout *layout = advice_layout_new(net);
  Pass *pass = pass_new(plan, layout, exact);
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
  bound_by_checker(net, lo, hi, false, &lower);
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

/* The same on [-15, 1], with + 3/8 z: lost most at the far end, which only counts where
 * the larger end of the interval is charged. */
Test(attained, the_far_end_of_an_open_relu_is_paid_for)
{
  const double one = 1, big = 0x1p53, lo = -15, hi = 1, weight = -16 * big,
               bias = 15 * big;
  double lost[LONG], ones[LONG];
  for (int i = 0; i < LONG; i++) {
    lost[i] = 0.375;
    ones[i] = 1;
  }
  Net *net = chain_new(1);
  const int z = chain_dense(net, 0, 1, &one, NULL);
  const int rest = chain_dense(net, z, LONG, lost, NULL);
  const int y = chain_dense(net, chain_act(net, z, ACT_RELU), 1, &weight, &bias);
  chain_add(net, chain_add(net, y, chain_dense(net, 0, 1, &big, NULL), 1),
            chain_dense(net, rest, 1, ones, NULL), 1);
  chain_finish(net);
  check_box(net, &lo, &hi, &lo, 0x1p60, "far end");
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

/* ---- balls
 * --------------------------------------------------------------------------- */

/* Coefficients with a length that is no rounding away. */
static const double lengths[6][4] = {{3, 4, 0, 5},  {5, -12, 0, 13}, {-8, 15, 0, 17},
                                     {1, 2, -2, 3}, {-2, 3, 6, 7},   {1, -4, -8, 9}};

/* The largest (k = 0) or next of the gains of moving from c to an end. */
static double exact_gain(const double *q, double r, int k)
{
  double g[3] = {fabs(q[0]) * r, fabs(q[1]) * r, fabs(q[2]) * r};
  for (int i = 0; i < 3; i++)
    for (int j = i + 1; j < 3; j++)
      if (g[j] > g[i]) {
        const double t = g[i];
        g[i] = g[j];
        g[j] = t;
      }
  return k < 3 ? g[k] : 0;
}

/* min q . x over a ball in a box, which is [c - 2 r, c + 2 r], or [c - r, c + r] for
 * l0: q . c less r |q|, less r times the largest, less the largest gains. */
Test(attained, minima_over_balls_are_not_exceeded)
{
  Prng prng = prng_init(954);
  for (int trial = 0; trial < 600; trial++) {
    const double *const l = lengths[trial % 6];
    const BallNorm norm = (BallNorm)(trial % 3);
    const double scale = ldexp(1 + prng_below(&prng, 1000), prng_below(&prng, 20) - 10);
    const double r = 1 + prng_below(&prng, 64) / 64.0;
    double q[3], c[3], lo[3], hi[3], lost = r * l[3] * scale;
    const int k = norm == BALL_L0 ? prng_below(&prng, 4) : 0;
    Net *net = chain_new(3);
    for (int i = 0; i < 3; i++) {
      q[i] = l[i] * scale;
      c[i] = prng_below(&prng, 2000) / 16.0 - 60;
      lo[i] = c[i] - (norm == BALL_L0 ? r : 2 * r);
      hi[i] = c[i] + (norm == BALL_L0 ? r : 2 * r);
    }
    if (norm == BALL_L1) lost = exact_gain(q, r, 0);
    if (norm == BALL_L0) lost = 0;
    for (int j = 0; j < k; j++)
      lost += exact_gain(q, r, j);
    Ball *ball = ball_new(norm, 3, c, norm == BALL_L0 ? k : r);
    net->ball = ball;
    chain_dense(net, 0, 1, q, NULL);
    chain_finish(net);
    Lowers lower;
    blas_init();
    bound_by_solver(net, lo, hi, &lower);
    bound_by_checker(net, lo, hi, false, &lower);
    /* All of these numbers are whole multiples of a power of 2: exact. */
    const double exact = q[0] * c[0] + q[1] * c[1] + q[2] * c[2] - lost;
    const double near = 1e-11 * (fabs(exact) + 1e3 * l[3] * scale);
    cr_assert(lower.lagrangian <= exact && lower.lagrangian >= exact - near,
              "%s: %.17g for %.17g", ball_norm_word(norm), lower.lagrangian, exact);
    cr_assert(lower.checker <= exact && lower.checker >= exact - near,
              "%s: %.17g for %.17g", ball_norm_word(norm), lower.checker, exact);
    bound_by_checker(net, lo, hi, true, &lower);
    cr_assert(lower.checker <= exact && lower.checker >= exact - near,
              "%s: %.17g for %.17g, exactly", ball_norm_word(norm), lower.checker,
              exact);
    ball_free(ball);
    net_free(net);
  }
}
