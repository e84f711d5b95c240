/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strength of the bounds: optimised dual, slopes and GLPK agree with each other, stay
 * below exact minima, and follow the right gradients. */
#include <criterion/criterion.h>
#include <math.h>

#include "bounds/crown.h"
#include "bounds/dual.h"
#include "bounds/ibp.h"
#include "bounds/lp.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"
#include "tests/support/bounded.h"
#include "tests/support/nets.h"

static double optimised(Bounded *f, int row, double *dual, double *slopes)
{
  const int rows[2] = {row, row + 1}, cases[1] = {0};
  *slopes = *dual = -INFINITY;
  Objective o = objective_cases(f->net, 1, cases, rows);
  slopes_optimise(f->L, f->b, &o, 300, INFINITY, NULL, slopes, NULL);
  const DualParams params = {.iterations = 1500, .target = INFINITY};
  dual_optimise(f->L, f->b, &o, &params, NULL, NULL, dual);
  LpResult lp;
  cr_assert(lp_bound(f->L, f->b, &o, 1000, NULL, NULL, &lp, NULL, NULL));
  cr_assert(lp.solved);
  cr_assert(lp.lower <= lp.optimum + 1e-6 * (1 + fabs(lp.optimum)));
  cr_assert(lp.lower >= lp.optimum - 1e-6 * (1 + fabs(lp.optimum)),
            "GLPK's duals prove %.12g of its optimum %.12g", lp.lower, lp.optimum);
  objective_free(&o);
  return lp.optimum;
}

Test(dual, dual_slopes_and_linear_program_agree)
{
  Prng prng = prng_init(8);
  double worst_dual = 0, worst_slopes = 0;
  for (int t = 0; t < 40; t++) {
    Bounded f = bounded_new(nets_random(NETS_DENSE, 6, 1, &prng), 0.5, &prng);
    bounded_tighten(&f, 0);
    double dual, slopes;
    const double lp = optimised(&f, t % 3, &dual, &slopes);
    const double crown = bounded_row(&f, t % 3, NULL, NULL, NULL);
    const double slack = 1e-6 * (1 + fabs(lp));
    cr_assert(dual <= lp + slack && slopes <= lp + slack,
              "dual %.9g slopes %.9g lp %.9g", dual, slopes, lp);
    cr_assert(crown <= slopes + slack);
    /* How far from the optimum, relative to the size of the numbers. */
    worst_dual = fmax(worst_dual, (lp - dual) / (1e-9 + fabs(lp) + fabs(lp - crown)));
    worst_slopes =
        fmax(worst_slopes, (lp - slopes) / (1e-9 + fabs(lp) + fabs(lp - crown)));
    bounded_free(&f);
  }
  cr_assert(worst_dual < 0.01, "the dual stays %.3g from the linear program",
            worst_dual);
  cr_assert(worst_slopes < 0.01, "slopes stay %.3g from the linear program",
            worst_slopes);
}

/* A conjunction: the weights of its rows are multipliers too. */
Test(dual, weights_of_a_conjunction_reach_the_linear_program)
{
  Prng prng = prng_init(15);
  int gained = 0;
  for (int t = 0; t < 40; t++) {
    Bounded f = bounded_new(nets_random(NETS_DENSE, 6, 1, &prng), 0.5, &prng);
    const int rows[2] = {0, 3}, cases[1] = {0};
    bounded_tighten(&f, 0);
    double alone = -INFINITY, slopes = -INFINITY, dual = -INFINITY, free = -INFINITY;
    crown_bound_cases(f.L, f.b, CROWN_BACKWARD, 1, cases, rows, NULL, &alone, NULL);
    Objective o = objective_cases(f.net, 1, cases, rows);
    slopes_optimise(f.L, f.b, &o, 400, INFINITY, NULL, &slopes, NULL);
    DualParams params = {.iterations = 400, .target = INFINITY};
    dual_optimise(f.L, f.b, &o, &params, NULL, NULL, &dual);
    params.free_lambda = true;
    dual_optimise(f.L, f.b, &o, &params, NULL, NULL, &free);
    LpResult lp;
    cr_assert(lp_bound(f.L, f.b, &o, 1000, NULL, NULL, &lp, NULL, NULL) && lp.solved);
    const double slack = 1e-6 * (1 + fabs(lp.optimum));
    cr_assert(fabs(lp.lower - lp.optimum) <= slack);
    cr_assert(slopes <= lp.optimum + slack && dual <= lp.optimum + slack &&
              free <= lp.optimum + slack);
    cr_assert(lp.optimum - slopes < 0.02 * (1 + fabs(lp.optimum)),
              "net %d: slopes %.6g, linear program %.6g", t, slopes, lp.optimum);
    gained += slopes > alone + 1e-6;
    objective_free(&o);
    bounded_free(&f);
  }
  cr_assert(gained > 10, "weights helped in %d of 40", gained);
}

/* The widths of the last hidden layer, summed. */
static double widths(const Bounded *f)
{
  const int k = f->net->n_nodes - 3;
  double sum = 0;
  for (int i = 0; i < f->net->nodes[k].size; i++)
    sum += f->b->hi[k][i] - f->b->lo[k][i];
  return sum;
}

/* A short run ends far from the optimum if its steps get small too early. */
Test(dual, five_iterations_gain_most_of_what_a_hundred_do)
{
  Prng prng = prng_init(16);
  double share = 0;
  for (int t = 0; t < 12; t++) {
    const int sizes[6] = {16, 40, 40, 40, 40, 1};
    Bounded f = bounded_new(nets_dense(sizes, 6, 2, &prng), 1, &prng);
    bounded_tighten(&f, 0);
    const double none = widths(&f);
    bounded_tighten(&f, 5);
    const double five = widths(&f);
    bounded_tighten(&f, 100);
    const double most = widths(&f);
    cr_assert(none - most > 0.01 * none, "nothing to gain: %g to %g", none, most);
    share += (none - five) / (none - most);
    bounded_free(&f);
  }
  cr_assert(share / 12 > 0.7, "%.3g of the gain", share / 12);
}

/* Row 0 has a bound worth having; the others are so loose that a mixture says nothing
 * until nearly all weight is on row 0. */
Test(dual, a_conjunction_is_no_weaker_than_its_best_row)
{
  Prng prng = prng_init(17);
  for (int t = 0; t < 40; t++) {
    const int sizes[4] = {6, 12, 12, 4};
    Net *net = nets_dense(sizes, 4, 1, &prng);
    Node *last = &net->nodes[net->n_nodes - 1];
    double *W = (double *)last->W;
    for (int i = last->cols; i < last->rows * last->cols; i++)
      W[i] *= 100;
    Bounded f = bounded_new(net, 0.3, &prng);
    bounded_tighten(&f, 0);
    const int one[2] = {0, 1}, all[2] = {0, 4}, cases[1] = {0};
    double alone = -INFINITY, together = -INFINITY;
    Objective o = objective_cases(f.net, 1, cases, one);
    slopes_optimise(f.L, f.b, &o, 20, INFINITY, NULL, &alone, NULL);
    objective_free(&o);
    o = objective_cases(f.net, 1, cases, all);
    slopes_optimise(f.L, f.b, &o, 20, INFINITY, NULL, &together, NULL);
    double sum = 0;
    for (int j = 0; j < 4; j++)
      sum += o.c[j];
    cr_assert(fabs(sum - 1) < 1e-12, "the weights sum to %.17g", sum);
    cr_assert(together >= alone - 0.01 * (1 + fabs(alone)), "net %d: %.6g, alone %.6g",
              t, together, alone);
    objective_free(&o);
    bounded_free(&f);
  }
}

Test(dual, no_bound_exceeds_the_exact_minimum_of_tiny_nets)
{
  Prng prng = prng_init(9);
  for (int t = 0; t < 40; t++) {
    const int sizes[4] = {2, 4, 3, 2};
    Bounded f = bounded_new(nets_dense(sizes, 4, 1.5, &prng), 0.8, &prng);
    for (int row = 0; row < 2; row++) {
      const double exact = nets_exact_minimum(f.net, f.lo, f.hi, row);
      const double slack = 1e-9 * (1 + fabs(exact)); /* of the oracle */
      cr_assert(exact <= bounded_sampled_minimum(&f, row, 200, &prng) + slack);
      ibp_all(f.b, lagrangian_linop(f.L));
      cr_assert(f.b->lo[f.net->n_nodes - 1][row] <= exact + slack);
      bounded_tighten(&f, 20);
      double dual, slopes;
      const double lp = optimised(&f, row, &dual, &slopes);
      cr_assert(lp <= exact + slack && dual <= exact + slack && slopes <= exact + slack,
                "lp %.12g dual %.12g slopes %.12g exact %.12g", lp, dual, slopes,
                exact);
    }
    bounded_free(&f);
  }
}

/* Lines that cut off a part of the graph of ReLU must be noticed by the enumeration:
 * narrower pre-activation intervals are exactly that. */
/* ---- gradient ------------------------------------------------------------ */

/* g is concave in mu, so the supergradient inequality must hold between any two
 * points: g(b) <= g(a) + <dg(a), b - a>. */
Test(dual, the_gradient_is_a_supergradient_in_mu)
{
  Prng prng = prng_init(13);
  const int row = 0;
  const signed char plus = 1;
  for (int t = 0; t < 60; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 5, 1, &prng), 0.4, &prng);
    const Net *net = f.net;
    bounded_tighten(&f, 0);
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
    bounded_free_multipliers(net, a);
    bounded_free_multipliers(net, b);
    bounded_free_multipliers(net, g);
    bounded_free(&f);
  }
}

/* A multiplier that is exactly 0 may change its sign, and with it the line. */
static bool at_a_kink(const Bounded *f, const double *q0)
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
Test(dual, the_gradient_in_alpha_points_inwards_at_the_ends)
{
  Prng prng = prng_init(18);
  int compared = 0;
  for (int t = 0; t < 300; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 5, 1, &prng), 0.4, &prng);
    const Net *net = f.net;
    const int row = 0;
    const signed char plus = 1;
    bounded_tighten(&f, 0);
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
    bounded_free_multipliers(net, alpha);
    bounded_free_multipliers(net, g);
    bounded_free(&f);
  }
  cr_assert(compared > 100, "only %d derivatives compared", compared);
}
