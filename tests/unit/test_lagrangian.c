/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Soundness of everything that bounds: sampled points never leave intervals, no
 * multiplier ever gives a bound above a sampled value, bounds never exceed the exact
 * minimum; and strength: optimised dual, slopes and GLPK agree. */
#include <criterion/criterion.h>
#include <math.h>

#include "bounds/blas.h"
#include "bounds/crown.h"
#include "bounds/dual.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "bounds/lp.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/nets.h"

typedef struct {
  Net *net;
  double *lo, *hi;
  Lagrangian *L;
  Bounds *b;
} Fixture;

static Fixture fixture(Net *net, double radius, Prng *prng)
{
  const size_t n = (size_t)net_in_size(net);
  Fixture f = {.net = net, .lo = mem_doubles(n), .hi = mem_doubles(n)};
  blas_init();
  nets_box((int)n, radius, prng, f.lo, f.hi);
  f.L = lagrangian_new(net, 64);
  f.b = bounds_new(net, 1);
  bounds_set_box(f.b, 0, f.lo, f.hi);
  return f;
}

static void drop(Fixture *f)
{
  bounds_free(f->b);
  lagrangian_free(f->L);
  net_free(f->net);
  mem_free(f->lo);
  mem_free(f->hi);
}

static void tighten(Fixture *f, int iterations)
{
  const Team solo = {1, &f->L};
  crown_tighten(&solo, f->b, iterations, NULL);
}

/* The number of values that a sample has outside its interval.  Samples are
 * evaluated with an enclosure, so a single one outside is a proof of unsoundness. */
static int escapes(const Fixture *f, Prng *prng, int samples)
{
  const Net *net = f->net;
  const int last = net->n_nodes - 1, n = net_in_size(net), m = net_out_size(net);
  double *x = mem_doubles((size_t)n), *mid = mem_doubles((size_t)m),
         *rad = mem_doubles((size_t)m);
  int count = 0;
  for (int s = 0; s < samples; s++) {
    nets_sample(n, f->lo, f->hi, prng, x);
    for (int k = 1; k <= last; k++) {
      /* Every prefix of the network is a network with node k as its output. */
      Net prefix = *net;
      prefix.n_nodes = k + 1;
      if (net->nodes[k].size > m) {
        mid = mem_grow(mid, (size_t)net->nodes[k].size, sizeof *mid);
        rad = mem_grow(rad, (size_t)net->nodes[k].size, sizeof *rad);
      }
      eval_enclose(&prefix, x, mid, rad);
      for (int i = 0; i < net->nodes[k].size; i++)
        count += mid[i] + rad[i] < f->b->lo[k][i] || mid[i] - rad[i] > f->b->hi[k][i];
    }
  }
  mem_free(x);
  mem_free(mid);
  mem_free(rad);
  return count;
}

static void check_intervals(double scale, int nets, int samples)
{
  Prng prng = prng_init(3);
  for (int t = 0; t < nets; t++) {
    Fixture f = fixture(nets_random((NetsKind)(t % 3), 6, scale, &prng), 0.5, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    cr_assert(bounds_check(f.b));
    cr_assert_eq(escapes(&f, &prng, samples), 0, "interval propagation, net %d", t);
    tighten(&f, 0);
    cr_assert_eq(escapes(&f, &prng, samples), 0, "backward bounds, net %d", t);
    tighten(&f, 5);
    cr_assert_eq(escapes(&f, &prng, samples), 0, "optimised slopes, net %d", t);
    drop(&f);
  }
}

Test(lagrangian, samples_never_leave_the_intervals)
{
  check_intervals(1, 90, 40);
}

Test(lagrangian, samples_never_leave_the_intervals_with_huge_weights)
{
  check_intervals(1e12, 30, 40);
}

Test(lagrangian, samples_never_leave_the_intervals_with_tiny_weights)
{
  check_intervals(1e-12, 30, 40);
}

Test(lagrangian, one_net_holds_thousands_of_samples)
{
  Prng prng = prng_init(4);
  for (int kind = 0; kind < 3; kind++) {
    Fixture f = fixture(nets_random((NetsKind)kind, 8, 1, &prng), 0.3, &prng);
    tighten(&f, 10);
    cr_assert_eq(escapes(&f, &prng, 3000), 0);
    drop(&f);
  }
}

/* The test above must be able to fail: an interval that is too small by a part in a
 * million of its width is noticed. */
Test(lagrangian, a_broken_interval_is_caught)
{
  Prng prng = prng_init(5);
  int caught = 0;
  for (int t = 0; t < 30; t++) {
    const int sizes[3] = {2, 3, 2};
    Fixture f = fixture(nets_dense(sizes, 3, 1, &prng), 0.5, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    const double width = f.b->hi[1][0] - f.b->lo[1][0];
    f.b->hi[1][0] -=
        width * 1e-6; /* first layer: the interval is exact, corners reach it */
    caught += width > 0 && escapes(&f, &prng, 200) > 0;
    drop(&f);
  }
  cr_assert(caught >= 20, "caught %d of 30", caught);
}

/* ---- multipliers --------------------------------------------------------------------
 */

/* The smallest sampled value of output `row`, as a true upper bound of the minimum. */
static double sampled_minimum(const Fixture *f, int row, int samples, Prng *prng)
{
  const int n = net_in_size(f->net), m = net_out_size(f->net);
  double *x = mem_doubles((size_t)n), *mid = mem_doubles((size_t)m),
         *rad = mem_doubles((size_t)m), best = INFINITY;
  for (int s = 0; s < samples; s++) {
    nets_sample(n, f->lo, f->hi, prng, x);
    eval_enclose(f->net, x, mid, rad);
    best = fmin(best, mid[row] + rad[row]);
  }
  mem_free(x);
  mem_free(mid);
  mem_free(rad);
  return best;
}

/* Random arrays for every activation; each block is given or left out by chance. */
static double **random_multipliers(const Net *net, double lo, double hi, Prng *prng)
{
  double **a = mem_zero((size_t)net->n_nodes, sizeof *a);
  for (int k = 0; k < net->n_nodes; k++) {
    if (net->nodes[k].kind != NODE_ACT || prng_below(prng, 4) == 0) continue;
    a[k] = mem_doubles((size_t)net->nodes[k].size);
    for (int i = 0; i < net->nodes[k].size; i++)
      a[k][i] = prng_range(prng, lo, hi);
  }
  return a;
}

static void free_multipliers(const Net *net, double **a)
{
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(a[k]);
  mem_free(a);
}

static double bound_with(Fixture *f, int row, double **lambda, double **mu,
                         double **alpha)
{
  const signed char plus = 1;
  const LagrangianBatch batch = {.start = f->net->n_nodes - 1,
                                 .n_rows = 1,
                                 .unit = &row,
                                 .sign = &plus,
                                 .lambda = lambda,
                                 .mu = mu,
                                 .alpha = alpha};
  double lower;
  lagrangian_bound(f->L, f->b, &batch, &lower);
  return lower;
}

Test(lagrangian, no_multiplier_gives_a_bound_above_a_sampled_value)
{
  Prng prng = prng_init(6);
  int informative = 0;
  for (int t = 0; t < 150; t++) {
    Fixture f = fixture(nets_random((NetsKind)(t % 3), 5, 1, &prng), 0.4, &prng);
    tighten(&f, 0);
    const int row = prng_below(&prng, net_out_size(f.net));
    const double seen = sampled_minimum(&f, row, 100, &prng);
    for (int trial = 0; trial < 20; trial++) {
      /* Slopes outside [0, 1] are bad advice, not errors. */
      const double size = trial % 4 == 0 ? 1e6 : 0.5;
      double **lambda =
          trial % 2 ? random_multipliers(f.net, -size, size, &prng) : NULL;
      double **mu = trial % 3 ? random_multipliers(f.net, -size, size, &prng) : NULL;
      double **alpha = random_multipliers(f.net, -0.5, 1.5, &prng);
      const double lower = bound_with(&f, row, lambda, mu, alpha);
      cr_assert(lower <= seen, "net %d: bound %.17g, sampled %.17g", t, lower, seen);
      informative += lower > seen - 10;
      if (lambda) free_multipliers(f.net, lambda);
      if (mu) free_multipliers(f.net, mu);
      free_multipliers(f.net, alpha);
    }
    drop(&f);
  }
  cr_assert(informative > 300, "only %d bounds came near", informative);
}

Test(lagrangian, multipliers_that_are_no_numbers_prove_nothing)
{
  Prng prng = prng_init(7);
  Fixture f = fixture(nets_random(NETS_DENSE, 5, 1, &prng), 0.4, &prng);
  tighten(&f, 0);
  const double bad[3] = {NAN, INFINITY, -INFINITY};
  for (int t = 0; t < 3; t++) {
    double **lambda = mem_zero((size_t)f.net->n_nodes, sizeof *lambda);
    for (int k = 0; k < f.net->n_nodes; k++) {
      if (f.net->nodes[k].kind != NODE_ACT) continue;
      lambda[k] = mem_doubles0((size_t)f.net->nodes[k].size);
      lambda[k][0] = bad[t];
    }
    cr_assert_eq(bound_with(&f, 0, lambda, NULL, NULL), -INFINITY);
    free_multipliers(f.net, lambda);
  }
  f.b->hi[1][0] = f.b->bend_hi[1][0] = NAN;
  cr_assert_eq(bound_with(&f, 0, NULL, NULL, NULL), -INFINITY);
  drop(&f);
}

/* ---- exact minima -------------------------------------------------------- */

static double optimised(Fixture *f, int row, double *dual, double *slopes)
{
  const int rows[2] = {row, row + 1}, cases[1] = {0};
  *slopes = *dual = -INFINITY;
  Objective o = objective_cases(f->net, 1, cases, rows);
  slopes_optimise(f->L, f->b, &o, 300, INFINITY, NULL, slopes, NULL);
  const DualParams params = {.iterations = 1500, .target = INFINITY};
  dual_optimise(f->L, f->b, &o, &params, NULL, NULL, dual);
  LpResult lp;
  cr_assert(lp_bound(f->L, f->b, &o, 1000, NULL, NULL, &lp, NULL));
  cr_assert(lp.solved);
  cr_assert(lp.lower <= lp.optimum + 1e-6 * (1 + fabs(lp.optimum)));
  cr_assert(lp.lower >= lp.optimum - 1e-6 * (1 + fabs(lp.optimum)),
            "GLPK's duals prove %.12g of its optimum %.12g", lp.lower, lp.optimum);
  objective_free(&o);
  return lp.optimum;
}

Test(lagrangian, dual_slopes_and_linear_program_agree)
{
  Prng prng = prng_init(8);
  double worst_dual = 0, worst_slopes = 0;
  for (int t = 0; t < 40; t++) {
    Fixture f = fixture(nets_random(NETS_DENSE, 6, 1, &prng), 0.5, &prng);
    tighten(&f, 0);
    double dual, slopes;
    const double lp = optimised(&f, t % 3, &dual, &slopes);
    const double crown = bound_with(&f, t % 3, NULL, NULL, NULL);
    const double slack = 1e-6 * (1 + fabs(lp));
    cr_assert(dual <= lp + slack && slopes <= lp + slack,
              "dual %.9g slopes %.9g lp %.9g", dual, slopes, lp);
    cr_assert(crown <= slopes + slack);
    /* How far from the optimum, relative to the size of the numbers. */
    worst_dual = fmax(worst_dual, (lp - dual) / (1e-9 + fabs(lp) + fabs(lp - crown)));
    worst_slopes =
        fmax(worst_slopes, (lp - slopes) / (1e-9 + fabs(lp) + fabs(lp - crown)));
    drop(&f);
  }
  cr_assert(worst_dual < 0.01, "the dual stays %.3g from the linear program",
            worst_dual);
  cr_assert(worst_slopes < 0.01, "slopes stay %.3g from the linear program",
            worst_slopes);
}

/* A conjunction: the weights of its rows are multipliers too. */
Test(lagrangian, weights_of_a_conjunction_reach_the_linear_program)
{
  Prng prng = prng_init(15);
  int gained = 0;
  for (int t = 0; t < 40; t++) {
    Fixture f = fixture(nets_random(NETS_DENSE, 6, 1, &prng), 0.5, &prng);
    const int rows[2] = {0, 3}, cases[1] = {0};
    tighten(&f, 0);
    double alone = -INFINITY, slopes = -INFINITY, dual = -INFINITY, free = -INFINITY;
    crown_bound_cases(f.L, f.b, CROWN_BACKWARD, 1, cases, rows, NULL, &alone);
    Objective o = objective_cases(f.net, 1, cases, rows);
    slopes_optimise(f.L, f.b, &o, 400, INFINITY, NULL, &slopes, NULL);
    DualParams params = {.iterations = 400, .target = INFINITY};
    dual_optimise(f.L, f.b, &o, &params, NULL, NULL, &dual);
    params.free_lambda = true;
    dual_optimise(f.L, f.b, &o, &params, NULL, NULL, &free);
    LpResult lp;
    cr_assert(lp_bound(f.L, f.b, &o, 1000, NULL, NULL, &lp, NULL) && lp.solved);
    const double slack = 1e-6 * (1 + fabs(lp.optimum));
    cr_assert(fabs(lp.lower - lp.optimum) <= slack);
    cr_assert(slopes <= lp.optimum + slack && dual <= lp.optimum + slack &&
              free <= lp.optimum + slack);
    cr_assert(lp.optimum - slopes < 0.02 * (1 + fabs(lp.optimum)),
              "net %d: slopes %.6g, linear program %.6g", t, slopes, lp.optimum);
    gained += slopes > alone + 1e-6;
    objective_free(&o);
    drop(&f);
  }
  cr_assert(gained > 10, "weights helped in %d of 40", gained);
}

Test(lagrangian, no_bound_exceeds_the_exact_minimum_of_tiny_nets)
{
  Prng prng = prng_init(9);
  for (int t = 0; t < 40; t++) {
    const int sizes[4] = {2, 4, 3, 2};
    Fixture f = fixture(nets_dense(sizes, 4, 1.5, &prng), 0.8, &prng);
    for (int row = 0; row < 2; row++) {
      const double exact = nets_exact_minimum(f.net, f.lo, f.hi, row);
      const double slack = 1e-9 * (1 + fabs(exact)); /* of the oracle */
      cr_assert(exact <= sampled_minimum(&f, row, 200, &prng) + slack);
      ibp_all(f.b, lagrangian_linop(f.L));
      cr_assert(f.b->lo[f.net->n_nodes - 1][row] <= exact + slack);
      tighten(&f, 20);
      double dual, slopes;
      const double lp = optimised(&f, row, &dual, &slopes);
      cr_assert(lp <= exact + slack && dual <= exact + slack && slopes <= exact + slack,
                "lp %.12g dual %.12g slopes %.12g exact %.12g", lp, dual, slopes,
                exact);
    }
    drop(&f);
  }
}

/* Lines that cut off a part of the graph of ReLU must be noticed by the enumeration:
 * narrower pre-activation intervals are exactly that. */
Test(lagrangian, a_broken_relaxation_is_caught_by_enumeration)
{
  Prng prng = prng_init(10);
  int caught = 0, tried = 0;
  for (int t = 0; t < 60; t++) {
    const int sizes[3] = {2, 5, 1};
    Fixture f = fixture(nets_dense(sizes, 3, 1.5, &prng), 0.8, &prng);
    const double exact = nets_exact_minimum(f.net, f.lo, f.hi, 0);
    tighten(&f, 0);
    for (int i = 0; i < 5; i++)
      if (bounds_unstable(f.b, 1, 0, i)) bounds_meet(f.b, 1, 0, i, -INFINITY, 0);
    double lower = bound_with(&f, 0, NULL, NULL, NULL);
    tried++;
    caught += lower > exact + 1e-9 * (1 + fabs(exact));
    drop(&f);
  }
  cr_assert(caught > tried / 4, "caught %d of %d", caught, tried);
}

/* 1e16 x + x - 1e16 x is x, but summing the coefficients 1e16 + 1 - 1e16 in doubles
 * loses the 1.  The sum of several consumers' contributions must be paid for. */
Test(lagrangian, cancelling_branches_are_paid_for)
{
  Net *net = net_new("cancel");
  const Node input = {.kind = NODE_INPUT, .size = 1};
  const double weight[3] = {1e16, 1, -1e16};
  const signed char plus[3] = {1, 1, 1};
  int branch[3], zero = 0;
  net_add(net, &input, NULL, 0);
  for (int i = 0; i < 3; i++) {
    const Node v = {.kind = NODE_DENSE,
                    .size = 1,
                    .reps = 1,
                    .rows = 1,
                    .cols = 1,
                    .W = &weight[i]};
    branch[i] = net_add(net, &v, &zero, 1);
  }
  const Node sum = {.kind = NODE_ADD, .size = 1, .coef = plus};
  net_add(net, &sum, branch, 3);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  Prng prng = prng_init(16);
  Fixture f = fixture(net, 0, &prng);
  f.lo[0] = f.hi[0] = -3;
  bounds_set_box(f.b, 0, f.lo, f.hi);
  ibp_all(f.b, lagrangian_linop(f.L));
  const double lower = bound_with(&f, 0, NULL, NULL, NULL);
  cr_assert(lower <= -3, "the bound %.17g is above the exact value -3", lower);
  cr_assert(lower >= -100, "the bound %.17g says nothing", lower);
  drop(&f);
}

/* A map that lists one input many times adds its entries up on the way back. */
Test(lagrangian, repeated_inputs_of_a_map_are_paid_for)
{
  enum { TIMES = 30 };
  Net *net = net_new("repeat");
  const double one = 1;
  double w[TIMES];
  int map[TIMES], in[TIMES], zero = 0;
  const Node input = {.kind = NODE_INPUT, .size = 1};
  net_add(net, &input, NULL, 0);
  const Node first = {
      .kind = NODE_DENSE, .size = 1, .reps = 1, .rows = 1, .cols = 1, .W = &one};
  const int x = net_add(net, &first, &zero, 1);
  for (int i = 0; i < TIMES; i++) {
    map[i] = i;
    in[i] = x;
    w[i] = i == 0 ? -0x1p53 : i + 1 == TIMES ? 0x1p53 : -1;
  }
  const Node many = {.kind = NODE_MAP, .size = TIMES, .map = map};
  const int y = net_add(net, &many, in, TIMES);
  const Node last = {
      .kind = NODE_DENSE, .size = 1, .reps = 1, .rows = 1, .cols = TIMES, .W = w};
  net_add(net, &last, &y, 1);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  Prng prng = prng_init(17);
  Fixture f = fixture(net, 0, &prng);
  f.lo[0] = f.hi[0] = 1;
  bounds_set_box(f.b, 0, f.lo, f.hi);
  ibp_all(f.b, lagrangian_linop(f.L));
  const double lower = bound_with(&f, 0, NULL, NULL, NULL);
  cr_assert(lower <= -(TIMES - 2), "the bound %.17g is above the exact value %d", lower,
            -(TIMES - 2));
  drop(&f);
}

/* ---- batches ------------------------------------------------------------- */

static void compare_boxes(const Bounds *both, int box, const Bounds *one)
{
  for (int k = 0; k < one->net->n_nodes; k++)
    for (int i = 0; i < one->net->nodes[k].size; i++) {
      const size_t at = (size_t)box * (size_t)one->net->nodes[k].size + (size_t)i;
      const double slack = 1e-9 * (1 + fabs(one->hi[k][i]) + fabs(one->lo[k][i]));
      cr_assert(fabs(both->lo[k][at] - one->lo[k][i]) <= slack, "node %d", k);
      cr_assert(fabs(both->hi[k][at] - one->hi[k][i]) <= slack, "node %d", k);
    }
}

static void sample_box(const Bounds *b, int box, const double *lo, const double *hi,
                       Prng *prng)
{
  const Net *net = b->net;
  const int m = net_out_size(net), last = net->n_nodes - 1;
  double *x = mem_doubles((size_t)net_in_size(net)), *mid = mem_doubles((size_t)m),
         *rad = mem_doubles((size_t)m);
  for (int s = 0; s < 100; s++) {
    nets_sample(net_in_size(net), lo, hi, prng, x);
    eval_enclose(net, x, mid, rad);
    for (int i = 0; i < m; i++) {
      cr_assert(mid[i] + rad[i] >= b->lo[last][box * m + i]);
      cr_assert(mid[i] - rad[i] <= b->hi[last][box * m + i]);
    }
  }
  mem_free(x);
  mem_free(mid);
  mem_free(rad);
}

Test(lagrangian, a_batch_of_boxes_gives_each_box_its_own_bounds)
{
  Prng prng = prng_init(11);
  blas_init();
  for (int t = 0; t < 30; t++) {
    Net *net = nets_random((NetsKind)(t % 3), 5, 1, &prng);
    const size_t n = (size_t)net_in_size(net);
    Lagrangian *L = lagrangian_new(net, 64);
    Bounds *both = bounds_new(net, 2);
    double *lo = mem_doubles(2 * n), *hi = mem_doubles(2 * n);
    for (int box = 0; box < 2; box++) {
      nets_box((int)n, 0.4, &prng, lo + (size_t)box * n, hi + (size_t)box * n);
      bounds_set_box(both, box, lo + (size_t)box * n, hi + (size_t)box * n);
    }
    ibp_all(both, lagrangian_linop(L));
    for (int box = 0; box < 2; box++) {
      Bounds *one = bounds_new(net, 1);
      bounds_set_box(one, 0, lo + (size_t)box * n, hi + (size_t)box * n);
      ibp_all(one, lagrangian_linop(L));
      compare_boxes(both, box, one);
      bounds_free(one);
    }
    crown_tighten(&(Team){1, &L}, both, 3, NULL);
    for (int box = 0; box < 2; box++)
      sample_box(both, box, lo + (size_t)box * n, hi + (size_t)box * n, &prng);
    bounds_free(both);
    lagrangian_free(L);
    net_free(net);
    mem_free(lo);
    mem_free(hi);
  }
}

Test(lagrangian, the_number_of_threads_changes_no_bound)
{
  Prng prng = prng_init(14);
  Fixture f = fixture(nets_random(NETS_DENSE, 200, 1, &prng), 0.5, &prng);
  Bounds *again = bounds_new(f.net, 1);
  bounds_set_box(again, 0, f.lo, f.hi);
  tighten(&f, 3);
  Team *team = team_new(f.net, 4, 64);
  crown_tighten(team, again, 3, NULL);
  for (int k = 0; k < f.net->n_nodes; k++)
    for (int i = 0; i < f.net->nodes[k].size; i++) {
      cr_assert_eq(again->lo[k][i], f.b->lo[k][i]);
      cr_assert_eq(again->hi[k][i], f.b->hi[k][i]);
    }
  team_free(team);
  bounds_free(again);
  drop(&f);
}

Test(lagrangian, a_second_pass_allocates_nothing)
{
  Prng prng = prng_init(12);
  Fixture f = fixture(nets_random(NETS_RESIDUAL, 8, 1, &prng), 0.4, &prng);
  tighten(&f, 0);
  bound_with(&f, 0, NULL, NULL, NULL);
  const size_t before = mem_n_allocs();
  bound_with(&f, 1, NULL, NULL, NULL);
  cr_assert_eq(mem_n_allocs(), before);
  drop(&f);
}

/* ---- gradient ------------------------------------------------------------ */

/* g is concave in mu, so the supergradient inequality must hold between any two
 * points: g(b) <= g(a) + <dg(a), b - a>. */
Test(lagrangian, the_gradient_is_a_supergradient_in_mu)
{
  Prng prng = prng_init(13);
  const int row = 0;
  const signed char plus = 1;
  for (int t = 0; t < 60; t++) {
    Fixture f = fixture(nets_random((NetsKind)(t % 3), 5, 1, &prng), 0.4, &prng);
    const Net *net = f.net;
    tighten(&f, 0);
    double **a = mem_zero((size_t)net->n_nodes, sizeof *a);
    double **b = mem_zero((size_t)net->n_nodes, sizeof *b);
    double **g = mem_zero((size_t)net->n_nodes, sizeof *g);
    for (int k = 0; k < net->n_nodes; k++) {
      if (net->nodes[k].kind != NODE_ACT) continue;
      const size_t n = (size_t)net->nodes[k].size;
      a[k] = mem_doubles(n);
      b[k] = mem_doubles(n);
      g[k] = mem_doubles0(n);
      for (size_t i = 0; i < n; i++) {
        a[k][i] = prng_range(&prng, -1, 1);
        b[k][i] = a[k][i] + prng_range(&prng, -0.5, 0.5);
      }
    }
    LagrangianBatch batch = {.start = net->n_nodes - 1,
                             .n_rows = 1,
                             .unit = &row,
                             .sign = &plus,
                             .mu = a,
                             .keep = true};
    const LagrangianGradient out = {.mu = g};
    double at_a, at_b, linear = 0;
    lagrangian_bound(f.L, f.b, &batch, &at_a);
    lagrangian_gradient(f.L, &batch, &out);
    batch.mu = b;
    lagrangian_bound(f.L, f.b, &batch, &at_b);
    for (int k = 0; k < net->n_nodes; k++)
      for (int i = 0; a[k] && i < net->nodes[k].size; i++)
        if (bounds_unstable(f.b, net->nodes[k].in[0], 0, i))
          linear += g[k][i] * (b[k][i] - a[k][i]);
    cr_assert(at_b <= at_a + linear + 1e-7 * (1 + fabs(at_a) + fabs(linear)),
              "net %d: g(b) = %.12g exceeds %.12g", t, at_b, at_a + linear);
    free_multipliers(net, a);
    free_multipliers(net, b);
    free_multipliers(net, g);
    drop(&f);
  }
}

/* A multiplier that is exactly 0 may change its sign, and with it the line. */
static bool at_a_kink(const Fixture *f, const double *q0)
{
  for (int k = 0; k < f->net->n_nodes; k++)
    for (int i = 0; lagrangian_lambda(f->L, k) && i < f->net->nodes[k].size; i++)
      if (lagrangian_lambda(f->L, k)[i] == 0 &&
          bounds_unstable(f->b, f->net->nodes[k].in[0], 0, i))
        return true;
  for (int i = 0; i < net_in_size(f->net); i++)
    if (q0[i] == 0 && f->lo[i] < f->hi[i]) return true;
  return false;
}

/* At the ends of [0, 1], where slopes start, the derivative into the interval counts.
 */
Test(lagrangian, the_gradient_in_alpha_points_inwards_at_the_ends)
{
  Prng prng = prng_init(18);
  int compared = 0;
  for (int t = 0; t < 300; t++) {
    Fixture f = fixture(nets_random((NetsKind)(t % 3), 5, 1, &prng), 0.4, &prng);
    const Net *net = f.net;
    const int row = 0;
    const signed char plus = 1;
    tighten(&f, 0);
    double **alpha = mem_zero((size_t)net->n_nodes, sizeof *alpha);
    double **g = mem_zero((size_t)net->n_nodes, sizeof *g);
    for (int k = 0; k < net->n_nodes; k++) {
      if (net->nodes[k].kind != NODE_ACT) continue;
      alpha[k] = mem_doubles((size_t)net->nodes[k].size);
      g[k] = mem_doubles0((size_t)net->nodes[k].size);
      for (int i = 0; i < net->nodes[k].size; i++)
        alpha[k][i] = prng_below(&prng, 2);
    }
    const LagrangianBatch batch = {.start = net->n_nodes - 1,
                                   .n_rows = 1,
                                   .unit = &row,
                                   .sign = &plus,
                                   .alpha = alpha,
                                   .q0 = mem_doubles((size_t)net_in_size(net)),
                                   .keep = true};
    const LagrangianGradient out = {.alpha = g};
    double at, moved;
    lagrangian_bound(f.L, f.b, &batch, &at);
    lagrangian_gradient(f.L, &batch, &out);
    const bool kink = at_a_kink(&f, batch.q0);
    for (int k = 0; k < net->n_nodes && !kink; k++)
      for (int i = 0; alpha[k] && i < net->nodes[k].size; i++) {
        const double lambda =
            lagrangian_lambda(f.L, k) ? lagrangian_lambda(f.L, k)[i] : 0;
        if (!(lambda > 0) || !bounds_unstable(f.b, net->nodes[k].in[0], 0, i)) continue;
        const double old = alpha[k][i], step = old > 0.5 ? -1e-7 : 1e-7;
        const double expected = g[k][i];
        alpha[k][i] = old + step;
        LagrangianBatch plain = batch;
        plain.keep = false;
        plain.q0 = NULL;
        lagrangian_bound(f.L, f.b, &plain, &moved);
        alpha[k][i] = old;
        const double measured = (moved - at) / step;
        cr_assert(fabs(measured - expected) <= 1e-3 * (1 + fabs(expected)),
                  "net %d node %d neuron %d: derivative %g, measured %g", t, k, i,
                  expected, measured);
        compared++;
      }
    mem_free(batch.q0);
    free_multipliers(net, alpha);
    free_multipliers(net, g);
    drop(&f);
  }
  cr_assert(compared > 100, "only %d derivatives compared", compared);
}
