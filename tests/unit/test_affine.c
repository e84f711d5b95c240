/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Affine bounds: against samples, enumeration and exact arithmetic, alone and together
 * with interval propagation and backward bounds. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "bounds/affine.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/bounded.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/rational.h"

/* ---- networks ---------------------------------------------------------------- */

static double *drawn_numbers(Net *net, int n, ExtremeMode mode, Prng *prng)
{
  double *a = net_keep(net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    a[i] =
        mode == EXTREME_ORDINARY ? prng_range(prng, -1, 1) : extreme_number(mode, prng);
  return a;
}

static int add_layer(Net *net, int in, int rows, ExtremeMode mode, Prng *prng)
{
  const int cols = net->nodes[in].size;
  const Node v = {.kind = NODE_DENSE,
                  .size = rows,
                  .reps = 1,
                  .rows = rows,
                  .cols = cols,
                  .W = drawn_numbers(net, rows * cols, mode, prng),
                  .b = drawn_numbers(net, rows, mode, prng)};
  return net_add(net, &v, &in, 1);
}

/* Dense layers with one of `acts` after each, or a product or maximum with an earlier
 * layer. */
static Net *curved(const ActKind *acts, int n_acts, ExtremeMode mode, Prng *prng)
{
  enum { WIDTH = 4 };
  Net *net = net_new("curved");
  const Node input = {.kind = NODE_INPUT, .size = 1 + prng_below(prng, 3)};
  net_add(net, &input, NULL, 0);
  int last = 0, older = -1;
  for (int l = 0; l < 3; l++) {
    const int z = add_layer(net, last, WIDTH, mode, prng);
    if (older >= 0 && prng_below(prng, 3) == 0) {
      const int in[2] = {z, older};
      const NodeKind kind = prng_below(prng, 2) ? NODE_MUL : NODE_MAX;
      last = net_add(net, &(Node){.kind = kind, .size = WIDTH}, in, 2);
    } else {
      const Node act = {
          .kind = NODE_ACT, .size = WIDTH, .act = acts[prng_below(prng, n_acts)]};
      last = net_add(net, &act, &z, 1);
    }
    older = z;
  }
  add_layer(net, last, 2, mode, prng);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* Nothing but affine bounds; `settle` uses intervals as forms where they are narrower.
 */
static void affine_alone(Bounds *b, Linop *op, bool settle)
{
  Affine *a = affine_new(b->net, b->n_box, affine_n_vary(b));
  affine_start(a, b);
  for (int k = 1; k < b->net->n_nodes; k++) {
    affine_node(a, b, op, k);
    if (settle) affine_settle(a, b, k);
  }
  affine_free(a);
}

static void affine_with_ibp(Bounds *b, Linop *op)
{
  Affine *a = affine_new(b->net, b->n_box, affine_n_vary(b));
  affine_all(a, b, op);
  affine_free(a);
}

/* ---- samples and enumeration ------------------------------------------------- */

Test(affine, samples_of_relu_networks_stay_inside, .timeout = 120)
{
  Prng prng = prng_init(201);
  for (int t = 0; t < 150; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 8, 1, &prng),
                            prng_range(&prng, 0.01, 1), &prng);
    affine_alone(f.b, lagrangian_linop(f.L), t % 2);
    cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "net %d", t);
    affine_with_ibp(f.b, lagrangian_linop(f.L));
    cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "net %d, with intervals", t);
    bounded_free(&f);
  }
}

Test(affine, samples_of_curves_and_products_stay_inside, .timeout = 120)
{
  Prng prng = prng_init(202);
  long finite = 0;
  for (int kind = 0; kind < ACT_COUNT; kind++)
    for (int t = 0; t < 40; t++) {
      const ActKind acts[2] = {(ActKind)kind, ACT_TANH};
      Net *net = curved(acts, 1 + t % 2, EXTREME_ORDINARY, &prng);
      Bounded f = bounded_new(net, prng_range(&prng, 0.01, 1), &prng);
      affine_alone(f.b, lagrangian_linop(f.L), t % 4 < 2);
      cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "%s, net %d",
                   act_name((ActKind)kind), t);
      finite += isfinite(f.b->lo[net->n_nodes - 1][0]);
      affine_with_ibp(f.b, lagrangian_linop(f.L));
      cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "%s, net %d, with intervals",
                   act_name((ActKind)kind), t);
      bounded_free(&f);
    }
  cr_assert(finite > ACT_COUNT * 20, "only %ld networks have bounds", finite);
}

/* Exact ranges, with backward bounds where affine ones are not sharp. */
Test(affine, intervals_hold_the_exact_ranges, .timeout = 120)
{
  Prng prng = prng_init(203);
  for (int t = 0; t < 60; t++) {
    const int sizes[5] = {1 + t % 3, 5, 5, 4, 2};
    Bounded f = bounded_new(nets_dense(sizes, 5, 1.5, &prng), 0.7, &prng);
    Crown *crown = crown_new(&(Team){1, &f.L});
    Affine *forms = affine_new(f.net, 1, affine_n_vary(f.b));
    crown_run(crown, f.b, &(CrownParams){.first = 1, .affine = forms});
    for (int k = 1; k < f.net->n_nodes; k++)
      for (int i = 0; i < f.net->nodes[k].size; i++) {
        double least, most;
        nets_piecewise_range(f.net, k, i, f.lo, f.hi, &least, &most);
        const double slack = 1e-9 * (1 + fabs(least) + fabs(most));
        cr_assert(f.b->lo[k][i] <= least + slack && f.b->hi[k][i] >= most - slack,
                  "net %d, node %d: [%.12g, %.12g], exact [%.12g, %.12g]", t, k,
                  f.b->lo[k][i], f.b->hi[k][i], least, most);
      }
    affine_free(forms);
    crown_free(crown);
    bounded_free(&f);
  }
}

/* ---- strength ------------------------------------------------------------------ */

Test(affine, is_never_looser_than_intervals_and_often_far_tighter)
{
  Prng prng = prng_init(204);
  int tighter = 0;
  for (int t = 0; t < 60; t++) {
    const int sizes[5] = {3, 20, 20, 20, 1};
    Bounded f = bounded_new(nets_dense(sizes, 5, 1.5, &prng), 0.05, &prng);
    Bounds *plain = bounds_new(f.net, 1);
    bounds_set_box(plain, 0, f.lo, f.hi);
    ibp_all(plain, lagrangian_linop(f.L));
    affine_with_ibp(f.b, lagrangian_linop(f.L));
    const int last = f.net->n_nodes - 1;
    for (int k = 0; k <= last; k++)
      for (int i = 0; i < f.net->nodes[k].size; i++)
        cr_assert(f.b->lo[k][i] >= plain->lo[k][i] && f.b->hi[k][i] <= plain->hi[k][i]);
    tighter += f.b->hi[last][0] - f.b->lo[last][0] <
               0.2 * (plain->hi[last][0] - plain->lo[last][0]);
    bounds_free(plain);
    bounded_free(&f);
  }
  cr_assert(tighter > 30, "five times tighter in %d of 60", tighter);
}

/* Without activations, and where all ReLUs are stable, nothing is lost but rounding. */
Test(affine, is_exact_on_affine_networks)
{
  Prng prng = prng_init(205);
  for (int t = 0; t < 40; t++) {
    enum { N = 4 };
    Net *net = net_new("affine");
    net_add(net, &(Node){.kind = NODE_INPUT, .size = N}, NULL, 0);
    int last = 0;
    for (int l = 0; l < 4; l++)
      last = add_layer(net, last, 6, EXTREME_ORDINARY, &prng);
    cr_assert_eq(net_finish(net, NULL), STATUS_OK);
    Bounded f = bounded_new(net, 1, &prng);
    affine_alone(f.b, lagrangian_linop(f.L), t % 2);
    double x[N], y[6], at_centre[6], spread[6] = {0};
    for (int i = 0; i < N; i++)
      x[i] = (f.lo[i] + f.hi[i]) / 2;
    eval_double(net, x, at_centre);
    for (int i = 0; i < N; i++) {
      const double centre = x[i];
      x[i] = f.hi[i];
      eval_double(net, x, y);
      for (int r = 0; r < 6; r++)
        spread[r] += fabs(y[r] - at_centre[r]);
      x[i] = centre;
    }
    for (int r = 0; r < 6; r++) {
      cr_assert_float_eq(f.b->lo[last][r], at_centre[r] - spread[r], 1e-11);
      cr_assert_float_eq(f.b->hi[last][r], at_centre[r] + spread[r], 1e-11);
    }
    bounded_free(&f);
  }
}

/* ---- exact arithmetic --------------------------------------------------------------
 */

enum { BOXES = 3, SAMPLES = 6 };

/* What is left out, to see that the test notices. */
typedef enum { NOTHING, ROUNDING, INEXACT_WEIGHTS, A_THOUSANDTH } Mutation;

typedef struct {
  long finite, wrong;
} Count;

/* gamma_{fan_in + 2} becomes 0. */
static void forget_rounding(Linop *op)
{
  for (int k = 0; k < op->net->n_nodes; k++)
    op->fan_in[k] = -2;
}

static void narrow(Bounds *b)
{
  for (int k = 1; k < b->net->n_nodes; k++)
    for (int i = 0; i < b->n_box * b->net->nodes[k].size; i++) {
      const double width = b->hi[k][i] - b->lo[k][i];
      if (!isfinite(width)) continue;
      b->lo[k][i] += 0.0005 * width;
      b->hi[k][i] -= 0.0005 * width;
    }
}

static void count_box(const Bounds *b, int t, const Rational *exact, Count *count)
{
  for (int k = 1; k < b->net->n_nodes; k++)
    for (int i = 0; i < b->net->nodes[k].size; i++) {
      const int at = t * b->net->nodes[k].size + i;
      mpq_srcptr x = exact->value[k][i];
      count->finite += isfinite(b->lo[k][at]);
      count->wrong += !(rational_compare(x, b->lo[k][at]) >= 0 &&
                        rational_compare(x, b->hi[k][at]) <= 0);
    }
}

/* Takes the net. */
static void check_exact(Net *net, ExtremeMode mode, Mutation mutation, bool settle,
                        Prng *prng, Count *count)
{
  enum { MOST_INPUTS = 4 };
  const int n = net_in_size(net), n_box = 1 + prng_below(prng, BOXES);
  double lo[BOXES][MOST_INPUTS], hi[BOXES][MOST_INPUTS], x[MOST_INPUTS];
  Net blind = *net;
  blind.nodes = mem_array((size_t)net->n_nodes, sizeof *blind.nodes);
  memcpy(blind.nodes, net->nodes, (size_t)net->n_nodes * sizeof *blind.nodes);
  for (int k = 0; k < net->n_nodes && mutation == INEXACT_WEIGHTS; k++) {
    blind.nodes[k].w_rel = 0;
    blind.nodes[k].b_err = NULL;
  }
  Linop *op = linop_new(&blind);
  Bounds *b = bounds_new(&blind, n_box);
  for (int t = 0; t < n_box; t++) {
    extreme_box(mode, n, prng, lo[t], hi[t]);
    bounds_set_box(b, t, lo[t], hi[t]);
  }
  if (mutation == ROUNDING) forget_rounding(op);
  affine_alone(b, op, settle);
  if (mutation == A_THOUSANDTH) narrow(b);
  for (int t = 0; t < n_box; t++)
    for (int s = 0; s < SAMPLES; s++) {
      extreme_sample(n, lo[t], hi[t], prng, x);
      Rational exact = rational_eval(net, x, mutation == ROUNDING ? NULL : prng);
      count_box(b, t, &exact, count);
      rational_free(&exact);
    }
  bounds_free(b);
  linop_free(op);
  mem_free(blind.nodes);
  net_free(net);
}

static Count check_extreme(ExtremeMode mode, Mutation mutation, int seeds)
{
  Count count = {0};
  for (int seed = 0; seed < seeds; seed++) {
    Prng prng = prng_init((uint64_t)(seed * EXTREME_N + (int)mode) * 7907 + 11);
    Net *net = extreme_net(mode, 2 + prng_below(&prng, 10), &prng);
    check_exact(net, mode, mutation, seed % 2, &prng, &count);
  }
  return count;
}

Test(affine, no_interval_excludes_an_exact_value, .timeout = 120)
{
  for (int mode = 0; mode < EXTREME_N; mode++) {
    const Count count = check_extreme((ExtremeMode)mode, NOTHING, 400);
    cr_assert_eq(count.wrong, 0, "mode %d: %ld wrong", mode, count.wrong);
    cr_assert(count.finite > 20000, "mode %d: %ld finite", mode, count.finite);
  }
}

Test(affine, no_interval_of_curves_and_products_excludes_an_exact_value, .timeout = 120)
{
  const ActKind acts[3] = {ACT_RELU, ACT_SQUARE, ACT_SIGN};
  for (int mode = 0; mode < EXTREME_N; mode++) {
    Count count = {0};
    for (int seed = 0; seed < 200; seed++) {
      Prng prng = prng_init((uint64_t)(seed * EXTREME_N + mode) * 7901 + 17);
      Net *net = curved(acts, 3, (ExtremeMode)mode, &prng);
      check_exact(net, (ExtremeMode)mode, NOTHING, seed % 2, &prng, &count);
    }
    cr_assert_eq(count.wrong, 0, "mode %d: %ld wrong", mode, count.wrong);
    cr_assert(count.finite > 1000, "mode %d: %ld finite", mode, count.finite);
  }
}

Test(affine, a_missing_error_term_is_caught, .timeout = 120)
{
  const Count rounding = check_extreme(EXTREME_CANCELLATION, ROUNDING, 400),
              weights = check_extreme(EXTREME_ORDINARY, INEXACT_WEIGHTS, 400),
              width = check_extreme(EXTREME_ORDINARY, A_THOUSANDTH, 400);
  cr_assert(rounding.wrong > 0 && weights.wrong > 0 && width.wrong > 0,
            "rounding %ld, weights %ld, width %ld", rounding.wrong, weights.wrong,
            width.wrong);
}
