/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks of all activations and products: samples never leave intervals, no
 * multiplier gives a bound above a sampled value, gradients are gradients, and no
 * verdict contradicts dense sampling.  Long, because all of it is about the same
 * random networks. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>

#include "bounds/crown.h"
#include "bounds/dual.h"
#include "bounds/ibp.h"
#include "bounds/lp.h"
#include "bounds/reduce.h"
#include "bounds/refine.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "solver/options.h"
#include "solver/solve.h"
#include "tests/support/bounded.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"

/* ---- intervals ----------------------------------------------------------- */

static void refine(Bounded *f)
{
  const Team solo = {1, &f->L};
  const RefineParams params = {.leaves = 6, .iterations = 3};
  refine_run(&solo, f->b, &params);
}

static void check_ordered(const Bounded *f, int t)
{
  for (int k = 0; k < f->net->n_nodes; k++)
    for (int i = 0; i < f->net->nodes[k].size; i++)
      cr_assert(f->b->lo[k][i] <= f->b->hi[k][i], "net %d, node %d", t, k);
  cr_assert_not(f->b->empty[0]);
}

static double mean_width(const Bounded *f)
{
  const int last = f->net->n_nodes - 1;
  return f->b->hi[last][0] - f->b->lo[last][0];
}

/* How often every step made the output's interval narrower. */
typedef struct {
  int nets, finite, crown, slopes;
} Progress;

static void check_net(Net *net, double radius, int t, Prng *prng, Progress *p)
{
  Bounded f = bounded_new(net, radius, prng);
  double width[3];
  ibp_all(f.b, lagrangian_linop(f.L));
  cr_assert_eq(bounded_escapes(&f, prng, 60), 0, "interval propagation, net %d", t);
  width[0] = mean_width(&f);
  bounded_tighten(&f, 0);
  cr_assert_eq(bounded_escapes(&f, prng, 60), 0, "backward bounds, net %d", t);
  width[1] = mean_width(&f);
  bounded_tighten(&f, 5);
  cr_assert_eq(bounded_escapes(&f, prng, 60), 0, "optimised slopes, net %d", t);
  width[2] = mean_width(&f);
  refine(&f);
  cr_assert_eq(bounded_escapes(&f, prng, 60), 0, "trees, net %d", t);
  check_ordered(&f, t);
  p->nets++;
  p->finite += bounds_check(f.b);
  p->crown += width[1] < 0.999 * width[0];
  p->slopes += width[2] < 0.999 * width[1];
  bounded_free(&f);
}

Test(curved, samples_never_leave_the_intervals, .timeout = 300)
{
  Prng prng = prng_init(201);
  Progress p = {0};
  for (int t = 0; t < 300; t++)
    check_net(nets_random(NETS_CURVED, 4, 1, &prng), 0.7, t, &prng, &p);
  cr_assert(p.finite > 9 * p.nets / 10, "%d of %d finite", p.finite, p.nets);
  cr_assert(p.crown > p.nets / 3, "backward bounds helped in %d", p.crown);
  cr_assert(p.slopes > p.nets / 4, "slopes helped in %d", p.slopes);
}

Test(curved, samples_never_leave_the_intervals_of_any_kind, .timeout = 300)
{
  Prng prng = prng_init(202);
  for (int k = 0; k < NETS_N_KINDS; k++) {
    Progress p = {0};
    for (int t = 0; t < 20; t++)
      check_net(nets_of_kind(k, 3, t % 3 ? 1.5 : 4, &prng), 1, 100 * k + t, &prng, &p);
  }
}

Test(curved, samples_never_leave_the_intervals_with_huge_and_tiny_weights,
     .timeout = 300)
{
  Prng prng = prng_init(203);
  Progress p = {0};
  for (int t = 0; t < 120; t++)
    check_net(nets_random(NETS_CURVED, 4, t % 2 ? 1e12 : 1e-12, &prng), 0.7, t, &prng,
              &p);
}

/* What comes out of a function that is not defined everywhere has no bounds, nor has
 * anything linear in it. */
static int check_undefined(const Bounded *f, int t)
{
  int found = 0;
  for (int k = 1; k < f->net->n_nodes; k++) {
    const Node *v = &f->net->nodes[k];
    const int j = v->in[0];
    for (int i = 0; v->kind == NODE_ACT && i < v->size; i++) {
      const double lo = f->b->lo[j][i], hi = f->b->hi[j][i];
      const bool is_defined = v->act == ACT_LOG          ? lo > 0
                              : v->act == ACT_SQRT       ? lo >= 0
                              : v->act == ACT_RECIPROCAL ? lo > 0 || hi < 0
                                                         : true;
      if (is_defined) continue;
      cr_assert(isinf(f->b->lo[k][i]) && isinf(f->b->hi[k][i]), "net %d", t);
      found++;
      for (int c = k + 1; c < f->net->n_nodes; c++) {
        const Node *to = &f->net->nodes[c];
        if (to->kind != NODE_DENSE || to->in[0] != k) continue;
        for (int r = 0; r < to->size; r++)
          cr_assert(isinf(f->b->lo[c][r]) && isinf(f->b->hi[c][r]), "net %d", t);
      }
    }
  }
  return found;
}

Test(curved, nothing_is_proven_outside_the_domain)
{
  Prng prng = prng_init(204);
  int found = 0;
  for (int t = 0; t < 300; t++) {
    Bounded f = bounded_new(nets_wild(3, 1, &prng), 0.7, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    found += check_undefined(&f, t);
    bounded_tighten(&f, 0);
    check_undefined(&f, t);
    bounded_tighten(&f, 3);
    refine(&f);
    found += check_undefined(&f, t);
    cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "net %d", t);
    check_ordered(&f, t);
    bounded_free(&f);
  }
  cr_assert(found > 100, "%d", found);
}

/* The checks above must be able to fail. */
Test(curved, a_broken_interval_is_caught)
{
  Prng prng = prng_init(205);
  int caught = 0, tried = 0;
  for (int t = 0; t < 60; t++) {
    Bounded f = bounded_new(nets_random(NETS_CURVED, 3, 1, &prng), 0.7, &prng);
    bounded_tighten(&f, 0);
    for (int k = 1; k < f.net->n_nodes && f.net->nodes[k].kind != NODE_ACT; k++) {
      const double width = f.b->hi[k][0] - f.b->lo[k][0];
      if (!(width > 0) || f.net->nodes[k].kind != NODE_DENSE) continue;
      f.b->hi[k][0] -= 1e-3 * width;
      caught += bounded_escapes(&f, &prng, 300) > 0;
      tried++;
      break;
    }
    bounded_free(&f);
  }
  cr_assert(caught > 3 * tried / 4 && tried > 40, "%d of %d", caught, tried);
}

/* ---- multipliers --------------------------------------------------------- */

typedef struct {
  double **lambda, **mu, **alpha, **beta;
} Advice;

static Advice advice_new(const Net *net, double size, Prng *prng)
{
  Advice a = {0};
  if (prng_below(prng, 2))
    a.lambda = bounded_random_multipliers(net, -size, size, prng);
  if (prng_below(prng, 3)) a.mu = bounded_random_multipliers(net, -size, size, prng);
  if (prng_below(prng, 4)) a.alpha = bounded_random_multipliers(net, -0.5, 1.5, prng);
  if (prng_below(prng, 3) == 0)
    a.beta = bounded_random_multipliers(net, -size, size, prng);
  return a;
}

static void advice_free(const Net *net, Advice *a)
{
  double **all[4] = {a->lambda, a->mu, a->alpha, a->beta};
  for (int i = 0; i < 4; i++)
    if (all[i]) bounded_free_multipliers(net, all[i]);
}

static double bound(Bounded *f, int row, const Advice *a)
{
  const signed char plus = 1;
  const LagrangianBatch batch = {.start = f->net->n_nodes - 1,
                                 .n_rows = 1,
                                 .unit = &row,
                                 .sign = &plus,
                                 .lambda = a->lambda,
                                 .mu = a->mu,
                                 .alpha = a->alpha,
                                 .beta = a->beta};
  double lower;
  lagrangian_bound(f->L, f->b, &batch, &lower);
  return lower;
}

static void check_advice(Bounded *f, int t, Prng *prng, int *informative)
{
  const int row = prng_below(prng, net_out_size(f->net));
  const double seen = bounded_sampled_minimum(f, row, 200, prng);
  for (int trial = 0; trial < 25; trial++) {
    Advice a = advice_new(f->net, trial % 4 == 0 ? 1e6 : 0.5, prng);
    const double lower = bound(f, row, &a);
    cr_assert(lower <= seen, "net %d: bound %.17g, sampled %.17g", t, lower, seen);
    *informative += lower > seen - 10;
    advice_free(f->net, &a);
  }
}

Test(curved, no_multiplier_gives_a_bound_above_a_sampled_value, .timeout = 300)
{
  Prng prng = prng_init(206);
  int informative = 0;
  for (int t = 0; t < 400; t++) {
    Bounded f = bounded_new(nets_random(NETS_CURVED, 4, 1.5, &prng), 0.6, &prng);
    bounded_tighten(&f, t % 2 ? 3 : 0);
    check_advice(&f, t, &prng, &informative);
    bounded_free(&f);
  }
  cr_assert(informative > 500, "only %d bounds came near", informative);
}

Test(curved, no_multiplier_is_wrong_for_any_kind, .timeout = 300)
{
  Prng prng = prng_init(207);
  int informative = 0;
  for (int k = 0; k < NETS_N_KINDS; k++)
    for (int t = 0; t < 25; t++) {
      Bounded f = bounded_new(nets_of_kind(k, 3, 2.5, &prng), 1.5, &prng);
      bounded_tighten(&f, 0);
      check_advice(&f, 100 * k + t, &prng, &informative);
      bounded_free(&f);
    }
}

/* A line that is raised is noticed. */
Test(curved, a_line_above_the_graph_is_caught)
{
  Prng prng = prng_init(208);
  const Advice none = {0};
  int raised = 0, tried = 0;
  for (int t = 0; t < 200; t++) {
    Net *net = nets_of_kind(1 + t % (ACT_COUNT - 1), 2, 2, &prng);
    Bounded f = bounded_new(net, 1, &prng);
    bounded_tighten(&f, 0);
    int j = 1;
    while (f.b->pre[j] < 0 || f.b->is_relu[j])
      j++;
    const double seen = bounded_sampled_minimum(&f, 0, 2000, &prng),
                 fine = bound(&f, 0, &none);
    for (int s = 0; s < 2 && seen - fine < 0.2; s++)
      for (int i = 0; i < net->nodes[j].size; i++)
        f.b->lines[j][s].offset[i] += 1;
    if (seen - fine < 0.2) {
      raised += bound(&f, 0, &none) > seen;
      tried++;
    }
    bounded_free(&f);
  }
  cr_assert(tried > 40 && raised > tried / 2, "%d of %d", raised, tried);
}

/* Lines belong to the interval as it is: nothing old is left after a box was set anew,
 * copied or narrowed. */
Test(curved, lines_follow_their_interval)
{
  Prng prng = prng_init(209);
  const Advice none = {0};
  for (int t = 0; t < 100; t++) {
    Bounded f = bounded_new(nets_random(NETS_CURVED, 3, 1.5, &prng), 0.1, &prng);
    bounded_tighten(&f, 0);
    const int n = net_in_size(f.net);
    for (int i = 0; i < n; i++) {
      f.lo[i] -= 1;
      f.hi[i] += 1;
    }
    bounds_reset(f.b);
    cr_assert_eq(bound(&f, 0, &none), -INFINITY);
    bounds_set_box(f.b, 0, f.lo, f.hi);
    ibp_all(f.b, lagrangian_linop(f.L));
    cr_assert(bound(&f, 0, &none) <= bounded_sampled_minimum(&f, 0, 300, &prng));
    Bounds *fresh = bounds_new(f.net, 1);
    bounds_copy_box(fresh, 0, f.b, 0);
    bounded_tighten(&f, 0);
    bounds_copy_box(f.b, 0, fresh, 0);
    Bounds *again = f.b;
    f.b = fresh;
    const double expected = bound(&f, 0, &none);
    f.b = again;
    cr_assert_eq(bound(&f, 0, &none), expected);
    bounds_free(fresh);
    bounded_free(&f);
  }
}

/* ---- gradients ----------------------------------------------------------- */

static double **full(const Net *net, double lo, double hi, Prng *prng)
{
  double **a = lagrangian_new_multipliers(net, 1);
  for (int k = 0; k < net->n_nodes; k++)
    for (int i = 0; a[k] && i < net->nodes[k].size; i++)
      a[k][i] = prng_range(prng, lo, hi);
  return a;
}

/* b = a times something positive, or plus something: multipliers of products choose
 * another plane when they change their sign. */
static double **moved(const Net *net, double **a, bool keep_sign, Prng *prng)
{
  double **b = lagrangian_new_multipliers(net, 1);
  for (int k = 0; k < net->n_nodes; k++)
    for (int i = 0; a[k] && i < net->nodes[k].size; i++)
      b[k][i] = keep_sign ? a[k][i] * prng_range(prng, 0.5, 1.5)
                          : a[k][i] + prng_range(prng, -0.3, 0.3);
  return b;
}

static double along(const Bounded *f, double **g, double **a, double **b, bool is_mu)
{
  double sum = 0;
  for (int k = 0; k < f->net->n_nodes; k++) {
    const Node *v = &f->net->nodes[k];
    for (int i = 0; a[k] && i < v->size; i++) {
      /* mu of pairs and of stable ReLUs takes no part. */
      const int j = v->in[0];
      if (is_mu &&
          (net_is_pair(v) || (f->b->is_relu[j] && !bounds_unstable(f->b, j, 0, i))))
        continue;
      sum += g[k][i] * (b[k][i] - a[k][i]);
    }
  }
  return sum;
}

/* With all lambda and mu given, g is concave while no lambda changes its sign. */
Test(curved, the_gradient_is_a_supergradient, .timeout = 300)
{
  Prng prng = prng_init(210);
  const int row = 0;
  const signed char plus = 1;
  int tried = 0, tight = 0;
  for (int t = 0; t < 400; t++) {
    Bounded f = bounded_new(nets_random(NETS_CURVED, 3, 1, &prng), 0.5, &prng);
    bounded_tighten(&f, 0);
    double **lambda = full(f.net, -1, 1, &prng), **mu = full(f.net, -1, 1, &prng);
    double **lambda_b = moved(f.net, lambda, true, &prng),
           **mu_b = moved(f.net, mu, false, &prng);
    double **g_lambda = full(f.net, 0, 0, &prng), **g_mu = full(f.net, 0, 0, &prng);
    LagrangianBatch batch = {.start = f.net->n_nodes - 1,
                             .n_rows = 1,
                             .unit = &row,
                             .sign = &plus,
                             .lambda = lambda,
                             .mu = mu,
                             .keep = true};
    double at_a, at_b;
    lagrangian_bound(f.L, f.b, &batch, &at_a);
    lagrangian_gradient(f.L, &batch,
                        &(LagrangianGradient){.lambda = g_lambda, .mu = g_mu});
    batch.lambda = lambda_b;
    batch.mu = mu_b;
    lagrangian_bound(f.L, f.b, &batch, &at_b);
    const double linear =
        along(&f, g_lambda, lambda, lambda_b, false) + along(&f, g_mu, mu, mu_b, true);
    if (isfinite(at_a) && isfinite(at_b) && fabs(at_a) < 1e6) {
      cr_assert(at_b <= at_a + linear + 1e-6 * (1 + fabs(at_a) + fabs(linear)),
                "net %d: g(b) = %.12g exceeds %.12g", t, at_b, at_a + linear);
      tight += fabs(at_b - at_a - linear) < 0.1 * fabs(at_b - at_a);
      tried++;
    }
    double **all[6] = {lambda, mu, lambda_b, mu_b, g_lambda, g_mu};
    for (int i = 0; i < 6; i++)
      lagrangian_free_multipliers(f.net, all[i]);
    bounded_free(&f);
  }
  cr_assert(tried > 200, "%d", tried);
  cr_assert(tight > tried / 10, "%d of %d", tight, tried);
}

/* The derivative in alpha lies between what small steps to either side bring. */
Test(curved, the_gradient_in_alpha_is_what_a_small_step_brings, .timeout = 300)
{
  Prng prng = prng_init(211);
  const int row = 0;
  const signed char plus = 1;
  int compared = 0, wrong = 0, moving = 0;
  for (int t = 0; t < 300; t++) {
    Bounded f = bounded_new(nets_random(NETS_CURVED, 3, 1, &prng), 0.5, &prng);
    bounded_tighten(&f, 0);
    double **alpha = full(f.net, 0.05, 0.95, &prng), **g = full(f.net, 0, 0, &prng);
    LagrangianBatch batch = {.start = f.net->n_nodes - 1,
                             .n_rows = 1,
                             .unit = &row,
                             .sign = &plus,
                             .alpha = alpha,
                             .keep = true};
    double at;
    lagrangian_bound(f.L, f.b, &batch, &at);
    lagrangian_gradient(f.L, &batch, &(LagrangianGradient){.alpha = g});
    batch.keep = false;
    for (int k = 0; k < f.net->n_nodes && fabs(at) < 1e3; k++)
      for (int i = 0; alpha[k] && i < f.net->nodes[k].size; i++) {
        const double old = alpha[k][i], step = 1e-5;
        double side[2];
        const int j = f.net->nodes[k].in[0];
        if (f.b->is_relu[j] && !bounds_unstable(f.b, j, 0, i)) continue;
        for (int s = 0; s < 2; s++) {
          alpha[k][i] = old + (s ? step : -step);
          lagrangian_bound(f.L, f.b, &batch, &side[s]);
        }
        alpha[k][i] = old;
        const double right = (side[1] - at) / step, left = (at - side[0]) / step;
        const double slack = 2e-3 * (1e-3 + fabs(right) + fabs(left)) +
                             fabs(right - left) + 1e-9 * fabs(at) / step;
        if (f.net->nodes[k].kind == NODE_ACT && f.net->nodes[k].act == ACT_RELU &&
            right == 0 && left == 0)
          continue; /* lambda < 0: its alpha takes no part */
        wrong += !(g[k][i] >= fmin(left, right) - slack &&
                   g[k][i] <= fmax(left, right) + slack);
        moving += fabs(right) > 1e-4;
        compared++;
      }
    lagrangian_free_multipliers(f.net, alpha);
    lagrangian_free_multipliers(f.net, g);
    bounded_free(&f);
  }
  cr_assert(compared > 1000 && moving > 400, "%d compared, %d moving", compared,
            moving);
  cr_assert(wrong <= compared / 500, "%d of %d are wrong", wrong, compared);
}

/* ---- optimisers ---------------------------------------------------------- */

Test(curved, dual_and_slopes_are_not_worse_than_backward_bounds, .timeout = 300)
{
  Prng prng = prng_init(212);
  int tried = 0, slopes_gained = 0, dual_gained = 0;
  for (int t = 0; t < 150; t++) {
    Bounded f = bounded_new(nets_random(NETS_CURVED, 4, 1, &prng), 0.6, &prng);
    bounded_tighten(&f, 0);
    const int rows[2] = {0, 1}, cases = 0;
    const double crown = bounded_row(&f, 0, NULL, NULL, NULL),
                 seen = bounded_sampled_minimum(&f, 0, 500, &prng);
    double slopes = -INFINITY, dual = -INFINITY, free = -INFINITY;
    Objective o = objective_cases(f.net, 1, &cases, rows);
    slopes_optimise(f.L, f.b, &o, 40, INFINITY, NULL, &slopes, NULL);
    DualParams params = {.iterations = 100, .target = INFINITY};
    dual_optimise(f.L, f.b, &o, &params, NULL, NULL, &dual);
    params.free_lambda = true;
    dual_optimise(f.L, f.b, &o, &params, NULL, NULL, &free);
    const double slack = 1e-6 * (1 + fabs(crown));
    cr_assert(slopes <= seen && dual <= seen && free <= seen, "net %d", t);
    cr_assert(slopes >= crown, "net %d: %.12g and %.12g", t, slopes, crown);
    cr_assert(dual >= crown - slack && free >= crown - slack,
              "net %d: %.12g, %.12g and %.12g", t, dual, free, crown);
    if (seen - crown > 1e-3 && isfinite(crown)) {
      tried++;
      slopes_gained += slopes > crown + 0.02 * (seen - crown);
      dual_gained += dual > crown + 0.02 * (seen - crown);
    }
    objective_free(&o);
    bounded_free(&f);
  }
  cr_assert(slopes_gained > tried / 4 && dual_gained > tried / 4,
            "slopes gained in %d, the dual in %d of %d", slopes_gained, dual_gained,
            tried);
}

/* The linear program knows ReLUs alone; it says so. */
Test(curved, the_linear_program_declines)
{
  Prng prng = prng_init(213);
  for (int k = 1; k < NETS_N_KINDS; k++) {
    Bounded f = bounded_new(nets_of_kind(k, 3, 1, &prng), 0.5, &prng);
    bounded_tighten(&f, 0);
    const int rows[2] = {0, 3}, cases = 0;
    Objective o = objective_cases(f.net, 1, &cases, rows);
    LpResult lp;
    cr_assert_not(lp_bound(f.L, f.b, &o, 1000, NULL, NULL, &lp, NULL, NULL));
    cr_assert_eq(lp.lower, -INFINITY);
    objective_free(&o);
    bounded_free(&f);
  }
}

/* ---- smaller networks ---------------------------------------------------- */

/* ReLUs, half of them dead, between curves and products. */
static Net *half_dead(Prng *prng)
{
  enum { N = 5 };
  Net *net = net_new("half dead");
  const Node input = {.kind = NODE_INPUT, .size = 2};
  int x = net_add(net, &input, NULL, 0);
  for (int l = 0; l < 3; l++) {
    const int cols = net->nodes[x].size;
    double *W = net_keep(net, mem_doubles((size_t)(N * cols)));
    double *b = net_keep(net, mem_doubles(N));
    for (int i = 0; i < N * cols; i++)
      W[i] = prng_range(prng, -0.6, 0.6);
    for (int i = 0; i < N; i++)
      b[i] = prng_below(prng, 2) ? -20 : prng_range(prng, -1, 1);
    const Node dense = {.kind = NODE_DENSE,
                        .size = N,
                        .reps = 1,
                        .rows = N,
                        .cols = cols,
                        .W = W,
                        .b = b};
    const int z = net_add(net, &dense, &x, 1);
    const Node relu = {.kind = NODE_ACT, .size = N, .act = ACT_RELU};
    x = net_add(net, &relu, &z, 1);
    const ActKind smooth[4] = {ACT_TANH, ACT_SIN, ACT_GELU, ACT_SIGN};
    const Node curve = {
        .kind = NODE_ACT, .size = N, .act = smooth[prng_below(prng, 4)]};
    const Node mul = {.kind = NODE_MUL, .size = N};
    /* z and relu (z) may have other readers. */
    const int both[2] = {prng_below(prng, 2) ? z : x, x};
    if (prng_below(prng, 2)) x = net_add(net, &mul, both, 2);
    if (prng_below(prng, 2)) x = net_add(net, &curve, &x, 1);
  }
  signed char *coef = net_keep(net, mem_alloc(2));
  coef[0] = coef[1] = 1;
  const int twice[2] = {x, x};
  const Node sum = {.kind = NODE_ADD, .size = N, .coef = coef};
  net_add(net, &sum, twice, 2);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  return net;
}

Test(curved, networks_without_dead_neurons_are_the_same_networks)
{
  Prng prng = prng_init(214);
  int reduced = 0;
  for (int t = 0; t < 200; t++) {
    Bounded f = bounded_new(half_dead(&prng), 1, &prng);
    bounded_tighten(&f, 0);
    Bounds *inside;
    Net *small = reduce_net(f.b, &inside, NULL);
    if (!small) {
      bounded_free(&f);
      continue;
    }
    reduced++;
    cr_assert(net_n_neurons(small) < net_n_neurons(f.net));
    Bounded g = {.net = small,
                 .lo = f.lo,
                 .hi = f.hi,
                 .L = lagrangian_new(small, 64),
                 .b = inside};
    const int m = net_out_size(small);
    cr_assert_eq(bounded_escapes(&g, &prng, 40), 0, "net %d", t);
    bounded_tighten(&g, 2);
    cr_assert_eq(bounded_escapes(&g, &prng, 40), 0, "net %d", t);
    double x[2], mid[8], rad[8], mid_s[8], rad_s[8];
    for (int s = 0; s < 40; s++) {
      nets_sample(2, f.lo, f.hi, &prng, x);
      eval_enclose(f.net, x, mid, rad);
      eval_enclose(small, x, mid_s, rad_s);
      for (int i = 0; i < m; i++)
        cr_assert(fabs(mid[i] - mid_s[i]) <= rad[i] + rad_s[i], "net %d", t);
    }
    lagrangian_free(g.L);
    bounds_free(inside);
    net_free(small);
    bounded_free(&f);
  }
  cr_assert(reduced > 150, "%d", reduced);
}

/* ---- verdicts ------------------------------------------------------------ */

/* The smallest value of output 0 on a grid and at random points, as an upper bound of
 * the true minimum. */
static double dense_minimum(const Net *net, const double *lo, const double *hi,
                            Prng *prng)
{
  const int n = net_in_size(net), steps = n == 1 ? 2000 : n == 2 ? 60 : 16;
  double x[NETS_MOST_INPUTS] = {0}, mid[8], rad[8], least = INFINITY;
  int total = 1;
  for (int i = 0; i < n; i++)
    total *= steps + 1;
  for (int s = 0; s < total + 200; s++) {
    int code = s;
    if (s >= total) nets_sample(n, lo, hi, prng, x);
    for (int i = 0; i < n && s < total; i++, code /= steps + 1)
      x[i] = lo[i] + (hi[i] - lo[i]) * (code % (steps + 1)) / steps;
    eval_enclose(net, x, mid, rad);
    least = fmin(least, round_add_up(mid[0], rad[0]));
  }
  return least;
}

typedef struct {
  int verified, falsified, unknown;
} Verdicts;

/* Unsafe: y_0 <= least - gap. */
static void decide(const Net *net, const double *lo, const double *hi, double least,
                   double gap, const Options *options, int t, Verdicts *v)
{
  const int first[2] = {0, 1}, var = 0;
  const double rhs = least - gap;
  Prop *prop = props_below(net, lo, hi, 1, first, &var, &rhs);
  Result r;
  Stop stop;
  stop_init(&stop, 20);
  result_init(&r, prop);
  solve_property(net, prop, options, &stop, NULL, &r);
  cr_assert(gap > 0 || r.verdict != RESULT_VERIFIED, "net %d: wrong verified", t);
  cr_assert(r.cases[0].lower <= gap, "net %d: a margin of %.17g, at most %.17g", t,
            r.cases[0].lower, gap);
  v->verified += r.verdict == RESULT_VERIFIED;
  v->falsified += r.verdict == RESULT_FALSIFIED;
  v->unknown += r.verdict == RESULT_UNKNOWN;
  result_reset(&r);
  prop_free(prop);
}

static void decide_nets(int split, int nets, Verdicts *v)
{
  Prng prng = prng_init(215 + (uint64_t)split);
  const double gaps[6] = {0.001, 0.05, 0.5, 0, -0.02, -0.5};
  Options options;
  options_init(&options);
  options.split = split;
  options.max_nodes = 300;
  for (int t = 0; t < nets; t++) {
    Net *net = t % 3 ? nets_random(NETS_CURVED, 3, 1.5, &prng) : half_dead(&prng);
    double lo[NETS_MOST_INPUTS], hi[NETS_MOST_INPUTS];
    nets_box(net_in_size(net), 1, &prng, lo, hi);
    const double least = dense_minimum(net, lo, hi, &prng);
    if (isfinite(least) && fabs(least) < 1e6)
      decide(net, lo, hi, least, gaps[t / 3 % 6], &options, t, v);
    net_free(net);
  }
}

Test(curved, no_verdict_contradicts_samples_when_inputs_are_split, .timeout = 300)
{
  Verdicts v = {0};
  decide_nets(SPLIT_INPUT, 240, &v);
  cr_assert(v.verified > 60 && v.falsified > 30,
            "%d verified, %d falsified, %d unknown", v.verified, v.falsified,
            v.unknown);
}

Test(curved, no_verdict_contradicts_samples_when_activations_are_split, .timeout = 300)
{
  Verdicts v = {0};
  decide_nets(SPLIT_ACTIVATION, 240, &v);
  cr_assert(v.verified > 30 && v.falsified > 30,
            "%d verified, %d falsified, %d unknown", v.verified, v.falsified,
            v.unknown);
}
