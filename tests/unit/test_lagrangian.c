/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Soundness of everything that bounds: sampled points never leave intervals, no
 * multiplier ever gives a bound above a sampled value, and broken ones are caught. */
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
#include "tests/support/bounded.h"
#include "tests/support/nets.h"

static void check_intervals(double scale, int nets, int samples)
{
  Prng prng = prng_init(3);
  for (int t = 0; t < nets; t++) {
    Bounded f =
        bounded_new(nets_random((NetsKind)(t % 3), 6, scale, &prng), 0.5, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    cr_assert(bounds_check(f.b));
    cr_assert_eq(bounded_escapes(&f, &prng, samples), 0, "interval propagation, net %d",
                 t);
    bounded_tighten(&f, 0);
    cr_assert_eq(bounded_escapes(&f, &prng, samples), 0, "backward bounds, net %d", t);
    bounded_tighten(&f, 5);
    cr_assert_eq(bounded_escapes(&f, &prng, samples), 0, "optimised slopes, net %d", t);
    bounded_free(&f);
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
    Bounded f = bounded_new(nets_random((NetsKind)kind, 8, 1, &prng), 0.3, &prng);
    bounded_tighten(&f, 10);
    cr_assert_eq(bounded_escapes(&f, &prng, 3000), 0);
    bounded_free(&f);
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
    Bounded f = bounded_new(nets_dense(sizes, 3, 1, &prng), 0.5, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    const double width = f.b->hi[1][0] - f.b->lo[1][0];
    f.b->hi[1][0] -=
        width * 1e-6; /* first layer: the interval is exact, corners reach it */
    caught += width > 0 && bounded_escapes(&f, &prng, 200) > 0;
    bounded_free(&f);
  }
  cr_assert(caught >= 20, "caught %d of 30", caught);
}

/* ---- multipliers --------------------------------------------------------------------
 */

Test(lagrangian, no_multiplier_gives_a_bound_above_a_sampled_value)
{
  Prng prng = prng_init(6);
  int informative = 0;
  for (int t = 0; t < 150; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 5, 1, &prng), 0.4, &prng);
    bounded_tighten(&f, 0);
    const int row = prng_below(&prng, net_out_size(f.net));
    const double seen = bounded_sampled_minimum(&f, row, 100, &prng);
    for (int trial = 0; trial < 20; trial++) {
      /* Slopes outside [0, 1] are bad advice, not errors. */
      const double size = trial % 4 == 0 ? 1e6 : 0.5;
      double **lambda =
          trial % 2 ? bounded_random_multipliers(f.net, -size, size, &prng) : NULL;
      double **mu =
          trial % 3 ? bounded_random_multipliers(f.net, -size, size, &prng) : NULL;
      double **alpha = bounded_random_multipliers(f.net, -0.5, 1.5, &prng);
      const double lower = bounded_row(&f, row, lambda, mu, alpha);
      cr_assert(lower <= seen, "net %d: bound %.17g, sampled %.17g", t, lower, seen);
      informative += lower > seen - 10;
      if (lambda) bounded_free_multipliers(f.net, lambda);
      if (mu) bounded_free_multipliers(f.net, mu);
      bounded_free_multipliers(f.net, alpha);
    }
    bounded_free(&f);
  }
  cr_assert(informative > 300, "only %d bounds came near", informative);
}

Test(lagrangian, multipliers_that_are_no_numbers_prove_nothing)
{
  Prng prng = prng_init(7);
  Bounded f = bounded_new(nets_random(NETS_DENSE, 5, 1, &prng), 0.4, &prng);
  bounded_tighten(&f, 0);
  const double bad[3] = {NAN, INFINITY, -INFINITY};
  for (int t = 0; t < 3; t++) {
    double **lambda = mem_zero((size_t)f.net->n_nodes, sizeof *lambda);
    for (int k = 0; k < f.net->n_nodes; k++) {
      if (f.net->nodes[k].kind != NODE_ACT) continue;
      lambda[k] = mem_doubles0((size_t)f.net->nodes[k].size);
      lambda[k][0] = bad[t];
    }
    cr_assert_eq(bounded_row(&f, 0, lambda, NULL, NULL), -INFINITY);
    bounded_free_multipliers(f.net, lambda);
  }
  f.b->hi[1][0] = f.b->bend_hi[1][0] = NAN;
  cr_assert_eq(bounded_row(&f, 0, NULL, NULL, NULL), -INFINITY);
  bounded_free(&f);
}

/* ---- tests that must be able to fail, and hard cases ---------------------- */

Test(lagrangian, a_broken_relaxation_is_caught_by_enumeration)
{
  Prng prng = prng_init(10);
  int caught = 0, tried = 0;
  for (int t = 0; t < 60; t++) {
    const int sizes[3] = {2, 5, 1};
    Bounded f = bounded_new(nets_dense(sizes, 3, 1.5, &prng), 0.8, &prng);
    const double exact = nets_exact_minimum(f.net, f.lo, f.hi, 0);
    bounded_tighten(&f, 0);
    for (int i = 0; i < 5; i++)
      if (bounds_unstable(f.b, 1, 0, i)) bounds_meet(f.b, 1, 0, i, -INFINITY, 0);
    double lower = bounded_row(&f, 0, NULL, NULL, NULL);
    tried++;
    caught += lower > exact + 1e-9 * (1 + fabs(exact));
    bounded_free(&f);
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
  Bounded f = bounded_new(net, 0, &prng);
  f.lo[0] = f.hi[0] = -3;
  bounds_set_box(f.b, 0, f.lo, f.hi);
  ibp_all(f.b, lagrangian_linop(f.L));
  const double lower = bounded_row(&f, 0, NULL, NULL, NULL);
  cr_assert(lower <= -3, "the bound %.17g is above the exact value -3", lower);
  cr_assert(lower >= -100, "the bound %.17g says nothing", lower);
  bounded_free(&f);
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
  Bounded f = bounded_new(net, 0, &prng);
  f.lo[0] = f.hi[0] = 1;
  bounds_set_box(f.b, 0, f.lo, f.hi);
  ibp_all(f.b, lagrangian_linop(f.L));
  const double lower = bounded_row(&f, 0, NULL, NULL, NULL);
  cr_assert(lower <= -(TIMES - 2), "the bound %.17g is above the exact value %d", lower,
            -(TIMES - 2));
  bounded_free(&f);
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
  Bounded f = bounded_new(nets_random(NETS_DENSE, 200, 1, &prng), 0.5, &prng);
  Bounds *again = bounds_new(f.net, 1);
  bounds_set_box(again, 0, f.lo, f.hi);
  bounded_tighten(&f, 3);
  Team *team = team_new(f.net, 4, 64);
  crown_tighten(team, again, 3, NULL);
  for (int k = 0; k < f.net->n_nodes; k++)
    for (int i = 0; i < f.net->nodes[k].size; i++) {
      cr_assert_eq(again->lo[k][i], f.b->lo[k][i]);
      cr_assert_eq(again->hi[k][i], f.b->hi[k][i]);
    }
  team_free(team);
  bounds_free(again);
  bounded_free(&f);
}

Test(lagrangian, a_second_pass_allocates_nothing)
{
  Prng prng = prng_init(12);
  Bounded f = bounded_new(nets_random(NETS_RESIDUAL, 8, 1, &prng), 0.4, &prng);
  bounded_tighten(&f, 0);
  bounded_row(&f, 0, NULL, NULL, NULL);
  const size_t before = mem_n_allocs();
  bounded_row(&f, 1, NULL, NULL, NULL);
  cr_assert_eq(mem_n_allocs(), before);
  bounded_free(&f);
}
