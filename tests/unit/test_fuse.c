/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks that are rewritten for a box: chains of linear nodes as one (bounds/fuse.h),
 * and sums of products as sums of squares (bounds/squares.h). */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "bounds/crown.h"
#include "bounds/fuse.h"
#include "bounds/ibp.h"
#include "bounds/reduce.h"
#include "bounds/squares.h"
#include "net/base/mem.h"
#include "tests/support/bounded.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/normalised.h"
#include "tests/support/rational.h"

enum { SAMPLES = 6 };

/* Of one bound against another that differs by rounding only. */
#define SLACK 1e-9

typedef struct {
  long fused, checked, wrong;
  bool without_error; /* a mutation: errors of the biases are dropped */
} Tally;

/* ---- checks ------------------------------------------------------------------ */

static void tighten(const Net *net, Bounds *b)
{
  Lagrangian *L = lagrangian_new(net, 64);
  const Team solo = {1, &L};
  crown_tighten(&solo, b, 0, NULL);
  lagrangian_free(L);
}

/* The proven bound of sign * output `row` by backward bounds. */
static double bound_row(const Bounds *b, int row, signed char sign)
{
  Lagrangian *L = lagrangian_new(b->net, 1);
  const LagrangianBatch batch = {
      .start = b->net->n_nodes - 1, .n_rows = 1, .unit = &row, .sign = &sign};
  double lower;
  lagrangian_bound(L, b, &batch, &lower);
  lagrangian_free(L);
  return lower;
}

static void drop_errors(Net *net)
{
  for (int k = 0; k < net->n_nodes; k++)
    net->nodes[k].b_err = NULL;
}

/* Bounds of the new network, made from its own intervals alone, hold for exact values
 * of the old one, whatever its true weights are. */
static void check_exact(const Net *old, Net *net, const Bounds *b, Prng *prng,
                        Tally *tally)
{
  const int n = net_in_size(old), m = net_out_size(old);
  if (tally->without_error) drop_errors(net);
  Bounds *now = bounds_new(net, 1);
  bounds_set_box(now, 0, b->lo[0], b->hi[0]);
  tighten(net, now);
  double *x = mem_doubles((size_t)n);
  for (int s = 0; s < SAMPLES; s++) {
    extreme_sample(n, b->lo[0], b->hi[0], prng, x);
    Rational exact = rational_eval(old, x, prng);
    for (int i = 0; i < m; i++) {
      mpq_srcptr y = exact.value[old->n_nodes - 1][i];
      const double lo = now->lo[net->n_nodes - 1][i], hi = now->hi[net->n_nodes - 1][i];
      const double below = bound_row(now, i, 1), above = -bound_row(now, i, -1);
      tally->checked += isfinite(below) + isfinite(lo);
      tally->wrong += rational_compare(y, lo) < 0 || rational_compare(y, hi) > 0 ||
                      rational_compare(y, below) < 0 || rational_compare(y, above) > 0;
    }
    rational_free(&exact);
  }
  mem_free(x);
  bounds_free(now);
}

typedef Net *(*Rewriting)(const Bounds *b, Bounds **inside);

static Net *fuse(const Bounds *b, Bounds **inside)
{
  return fuse_net(b, inside, NULL);
}

static Net *reduce(const Bounds *b, Bounds **inside)
{
  return reduce_net(b, inside, NULL);
}

/* Rewrite a network on a box with what interval propagation knows. */
static void try_exactly(Net *net, const double *lo, const double *hi, Rewriting rewrite,
                        Prng *prng, Tally *tally)
{
  Bounds *b = bounds_new(net, 1), *inside = NULL;
  Linop *op = linop_new(net);
  bounds_set_box(b, 0, lo, hi);
  ibp_all(b, op);
  Net *fused = rewrite(b, &inside);
  if (fused) {
    tally->fused++;
    cr_assert_eq(net_in_size(fused), net_in_size(net));
    cr_assert_eq(net_out_size(fused), net_out_size(net));
    check_exact(net, fused, b, prng, tally);
    bounds_free(inside);
    net_free(fused);
  } else {
    cr_assert_null(inside);
  }
  linop_free(op);
  bounds_free(b);
}

/* ---- chains ------------------------------------------------------------------ */

/* Odd graphs of every kind with weights that cancel, overflow and underflow. */
static void try_extreme(int trials, Tally *tally)
{
  Prng prng = prng_init(201);
  for (int t = 0; t < trials; t++) {
    const ExtremeMode mode = (ExtremeMode)(t % EXTREME_N);
    Net *net = extreme_net(mode, 4 + prng_below(&prng, 12), &prng);
    double lo[16], hi[16];
    extreme_box(mode, net_in_size(net), &prng, lo, hi);
    try_exactly(net, lo, hi, fuse, &prng, tally);
    net_free(net);
  }
}

Test(fuse, bounds_hold_for_exact_values_of_the_original, .timeout = 300)
{
  Tally tally = {0};
  try_extreme(3000, &tally);
  cr_assert(tally.fused > 1000 && tally.checked > 20000, "%ld fused, %ld bounds",
            tally.fused, tally.checked);
  cr_assert_eq(tally.wrong, 0, "%ld of %ld wrong", tally.wrong, tally.checked);
}

Test(fuse, without_the_error_terms_bounds_would_be_wrong, .timeout = 300)
{
  Tally tally = {.without_error = true};
  try_extreme(3000, &tally);
  cr_assert(tally.wrong > 100, "%ld of %ld wrong", tally.wrong, tally.checked);
}

/* A chain of scales, maps, sums and dense nodes behind node `in`. */
static int add_chain(Net *net, int in, int length, Prng *prng)
{
  for (int i = 0; i < length; i++) {
    const int n = net->nodes[in].size, kind = prng_below(prng, 4);
    double *scale = net_keep(net, mem_doubles((size_t)n));
    double *shift = net_keep(net, mem_doubles((size_t)n));
    int *map = net_keep(net, mem_array((size_t)n, sizeof *map));
    signed char *coef = net_keep(net, mem_alloc(2));
    double *W = net_keep(net, mem_doubles((size_t)(n * n)));
    for (int j = 0; j < n; j++) {
      scale[j] = prng_range(prng, -1, 1);
      shift[j] = prng_range(prng, -1, 1);
      map[j] = prng_below(prng, n);
    }
    for (int j = 0; j < n * n; j++)
      W[j] = prng_range(prng, -1, 1);
    coef[0] = 1;
    coef[1] = -1;
    const int two[2] = {
        in, prng_below(prng, 2) ? in : in - (in > 1 && n == net->nodes[in - 1].size)};
    const Node made[4] = {
        {.kind = NODE_SCALE, .size = n, .scale = scale, .shift = shift},
        {.kind = NODE_MAP, .size = n, .map = map},
        {.kind = NODE_ADD, .size = n, .coef = coef},
        {.kind = NODE_DENSE,
         .size = n,
         .reps = 1,
         .rows = n,
         .cols = n,
         .W = W,
         .b = shift}};
    in = net_add(net, &made[kind], two, kind == 2 ? 2 : 1);
  }
  return in;
}

static Net *chain_net(Prng *prng)
{
  Net *net = net_new("chains");
  const int n = 2 + prng_below(prng, 5);
  const Node input = {.kind = NODE_INPUT, .size = n};
  int at = net_add(net, &input, NULL, 0);
  for (int layer = 0; layer < 3; layer++) {
    const Node relu = {.kind = NODE_ACT, .size = n, .act = ACT_RELU};
    at = add_chain(net, at, 2 + prng_below(prng, 6), prng);
    if (layer < 2) at = net_add(net, &relu, &at, 1);
  }
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

static int n_linear(const Net *net)
{
  int n = 0;
  for (int k = 0; k < net->n_nodes; k++)
    n += net_is_linear(&net->nodes[k]);
  return n;
}

/* With the same intervals of the pre-activations the same bounds, but for rounding. */
Test(fuse, chains_become_one_node_with_bounds_as_tight)
{
  Prng prng = prng_init(202);
  int fused = 0;
  for (int t = 0; t < 200; t++) {
    Bounded f = bounded_new(chain_net(&prng), 1, &prng);
    bounded_tighten(&f, 0);
    Bounds *inside;
    Net *net = fuse_net(f.b, &inside, NULL);
    if (!net) {
      bounded_free(&f);
      continue;
    }
    fused++;
    cr_assert_leq(n_linear(net), 6, "%d linear nodes", n_linear(net));
    cr_assert(bounds_check(inside));
    for (int i = 0; i < net_out_size(net); i++)
      for (int s = -1; s <= 1; s += 2) {
        const double old = bound_row(f.b, i, (signed char)s);
        const double now = bound_row(inside, i, (signed char)s);
        cr_assert(now >= old - SLACK * (1 + fabs(old)), "net %d: %.15g was %.15g", t,
                  now, old);
      }
    bounds_free(inside);
    net_free(net);
    bounded_free(&f);
  }
  cr_assert(fused > 150, "%d fused", fused);
}

/* Either order: what one makes the other understands. */
Test(fuse, fused_networks_can_be_reduced_and_reduced_ones_fused)
{
  Prng prng = prng_init(203);
  int both[2] = {0};
  for (int t = 0; t < 300; t++) {
    Bounded f = bounded_new(chain_net(&prng), 0.3, &prng);
    bounded_tighten(&f, 0);
    Bounds *first = NULL, *second = NULL;
    const Rewriting order[2] = {t % 2 ? fuse : reduce, t % 2 ? reduce : fuse};
    Net *one = order[0](f.b, &first), *two = one ? order[1](first, &second) : NULL;
    if (two) {
      Tally tally = {0};
      both[t % 2]++;
      check_exact(f.net, two, f.b, &prng, &tally);
      cr_assert_eq(tally.wrong, 0, "net %d", t);
      bounds_free(second);
      net_free(two);
    }
    if (one) {
      bounds_free(first);
      net_free(one);
    }
    bounded_free(&f);
  }
  cr_assert(both[0] > 20 && both[1] > 20, "%d and %d", both[0], both[1]);
}

/* Where there is nothing to gain there is no new network. */
Test(fuse, plain_networks_stay)
{
  Prng prng = prng_init(204);
  for (int t = 0; t < 60; t++) {
    const NetsKind kind = t % 2 ? NETS_DENSE : NETS_CONV;
    Bounded f = bounded_new(nets_random(kind, 8, 1, &prng), 1, &prng);
    Bounds *inside = NULL;
    bounded_tighten(&f, 0);
    Net *net = fuse_net(f.b, &inside, NULL);
    if (t % 2) cr_assert_null(net);
    if (net) bounds_free(inside);
    net_free(net);
    bounded_free(&f);
  }
}

/* ---- scales behind matrices ---------------------------------------------------- */

static int n_of_kind(const Net *net, NodeKind kind)
{
  int n = 0;
  for (int k = 0; k < net->n_nodes; k++)
    n += net->nodes[k].kind == kind;
  return n;
}

/* As batch normalisation, with numbers of all sizes. */
static void try_normalised(int trials, Tally *tally)
{
  Prng prng = prng_init(207);
  for (int t = 0; t < trials; t++) {
    const Normalised how = {.mode = (ExtremeMode)(t % EXTREME_N),
                            .blurred = prng_below(&prng, 2),
                            .few_inputs = prng_below(&prng, 2)};
    Net *net = normalised_net(&how, &prng);
    double lo[18], hi[18];
    extreme_box(t % 2 ? how.mode : EXTREME_ORDINARY, net_in_size(net), &prng, lo, hi);
    try_exactly(net, lo, hi, fuse, &prng, tally);
    net_free(net);
  }
}

Test(fuse, normalised_nets_keep_bounds_of_exact_values, .timeout = 300)
{
  Tally tally = {0};
  try_normalised(700, &tally);
  cr_assert(tally.fused > 250 && tally.checked > 4000, "%ld fused, %ld bounds",
            tally.fused, tally.checked);
  cr_assert_eq(tally.wrong, 0, "%ld of %ld wrong", tally.wrong, tally.checked);
}

Test(fuse, normalised_nets_need_the_error_terms, .timeout = 300)
{
  Tally tally = {.without_error = true};
  try_normalised(700, &tally);
  cr_assert(tally.wrong > 50, "%ld of %ld wrong", tally.wrong, tally.checked);
}

/* Backward bounds, then the fused network where there is one. */
static Net *tightened(Bounded *f, Bounds **inside)
{
  bounded_tighten(f, 0);
  Net *net = fuse_net(f->b, inside, NULL);
  return net ? net : f->net;
}

static void done(Bounded *f, Net *net, Bounds *inside)
{
  if (net != f->net) {
    bounds_free(inside);
    net_free(net);
  }
  bounded_free(f);
}

/* The same bounds as where the scales are folded by hand, below the same samples. */
Test(fuse, scales_are_absorbed_as_by_hand)
{
  Prng prng = prng_init(208);
  int absorbed = 0, images = 0;
  for (int t = 0; t < 100; t++) {
    const Normalised how = {.mode = EXTREME_ORDINARY, .few_inputs = t % 2};
    Normalised by_hand = how;
    by_hand.folded = true;
    Prng same = prng;
    Bounded f = bounded_new(normalised_net(&how, &prng), 1, &prng);
    Bounded g = bounded_new(normalised_net(&by_hand, &same), 1, &same);
    Bounds *a = f.b, *b = g.b;
    Net *one = tightened(&f, &a), *two = tightened(&g, &b);
    const bool uneven = n_of_kind(g.net, NODE_SCALE) > 0;
    absorbed += !uneven && n_of_kind(one, NODE_SCALE) == 0;
    images += n_of_kind(one, NODE_CONV) == 1;
    for (int i = 0; i < 2; i++) {
      const double lower = bound_row(a, i, 1), as_hand = bound_row(b, i, 1);
      cr_assert(lower <= bounded_sampled_minimum(&f, i, 30, &prng));
      cr_assert_float_eq(lower, as_hand, SLACK * (1 + fabs(as_hand)), "%d: %.15g %.15g",
                         t, lower, as_hand);
    }
    done(&f, one, a);
    done(&g, two, b);
  }
  cr_assert(absorbed > 25 && images > 15, "%d and %d", absorbed, images);
}

/* ---- squares ----------------------------------------------------------------- */

static double *numbers(Net *net, int n, ExtremeMode mode, Prng *prng)
{
  double *a = net_keep(net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    a[i] = extreme_number(mode, prng);
  return a;
}

static int add_dense(Net *net, int in, int rows, const double *W, const double *b)
{
  const Node v = {.kind = NODE_DENSE,
                  .size = rows,
                  .reps = 1,
                  .rows = rows,
                  .cols = net->nodes[in].size,
                  .W = W,
                  .b = b};
  return net_add(net, &v, &in, 1);
}

/* Weights and biases that are not known exactly. */
static void blur(Net *net, Node *v, Prng *prng)
{
  if (prng_below(prng, 2)) v->w_rel = ldexp(prng_unit(prng), -41);
  if (!v->b || prng_below(prng, 2)) return;
  double *err = net_keep(net, mem_doubles((size_t)v->rows));
  for (int i = 0; i < v->rows; i++)
    err[i] = ldexp(fabs(v->b[i]), -41);
  v->b_err = err;
}

/* x, and ReLUs of it where there are any, times linear functions of them; two sums of
 * these products, the first of them v' P' P v where `convex`. */
static Net *quadratic_net(ExtremeMode mode, bool convex, bool relus, Prng *prng)
{
  Net *net = net_new("quadratic");
  const int n = 2 + prng_below(prng, 3);
  const Node input = {.kind = NODE_INPUT, .size = n};
  int v = net_add(net, &input, NULL, 0);
  if (relus) {
    const Node relu = {.kind = NODE_ACT, .size = n, .act = ACT_RELU};
    v = add_dense(net, v, n, numbers(net, n * n, mode, prng), NULL);
    v = net_add(net, &relu, &v, 1);
  }
  double *W = numbers(net, n * n, mode, prng), *P = numbers(net, n * n, mode, prng);
  double *left = numbers(net, n * n, mode, prng);
  for (int i = 0; i < n * n && convex; i++) {
    left[i] = i % (n + 1) == 0;
    W[i] = 0;
    for (int k = 0; k < n; k++)
      W[i] += P[k * n + i / n] * P[k * n + i % n];
    if (!isfinite(W[i])) W[i] = 1;
  }
  const int in[2] = {
      add_dense(net, v, n, left, convex ? NULL : numbers(net, n, mode, prng)),
      add_dense(net, v, n, W, convex ? NULL : numbers(net, n, mode, prng))};
  const Node mul = {.kind = NODE_MUL, .size = n};
  const int products = net_add(net, &mul, in, 2);
  double *sum = numbers(net, 2 * n, mode, prng);
  for (int i = 0; i < n && convex; i++)
    sum[i] = 1;
  add_dense(net, products, 2, sum, numbers(net, 2, mode, prng));
  for (int k = 1; k < net->n_nodes; k++)
    if (net->nodes[k].kind == NODE_DENSE) blur(net, &net->nodes[k], prng);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

static void try_quadratic(int trials, Tally *tally)
{
  Prng prng = prng_init(205);
  for (int t = 0; t < trials; t++) {
    const ExtremeMode mode = (ExtremeMode)(t % EXTREME_N);
    Net *net = quadratic_net(mode, t / EXTREME_N % 2, prng_below(&prng, 2), &prng);
    double lo[16], hi[16];
    extreme_box(t % 3 ? mode : EXTREME_ORDINARY, net_in_size(net), &prng, lo, hi);
    try_exactly(net, lo, hi, squares_net, &prng, tally);
    net_free(net);
  }
}

Test(squares, bounds_hold_for_exact_values_of_the_original, .timeout = 300)
{
  Tally tally = {0};
  try_quadratic(3000, &tally);
  cr_assert(tally.fused > 300 && tally.checked > 3000, "%ld rewritten, %ld bounds",
            tally.fused, tally.checked);
  cr_assert_eq(tally.wrong, 0, "%ld of %ld wrong", tally.wrong, tally.checked);
}

Test(squares, without_the_error_terms_bounds_would_be_wrong, .timeout = 300)
{
  Tally tally = {.without_error = true};
  try_quadratic(3000, &tally);
  cr_assert(tally.wrong > 20, "%ld of %ld wrong", tally.wrong, tally.checked);
}

/* A convex form, around its minimum too: tangents come closer than planes. */
Test(squares, convex_forms_are_bounded_more_tightly)
{
  Prng prng = prng_init(206);
  int better = 0, rewritten = 0;
  for (int t = 0; t < 100; t++) {
    Net *net = quadratic_net(EXTREME_ORDINARY, true, false, &prng);
    Bounded f = bounded_new(net, 1, &prng);
    bounded_tighten(&f, 0);
    Bounds *inside;
    Net *squares = squares_net(f.b, &inside);
    if (squares) {
      rewritten++;
      tighten(squares, inside);
      const double old = bound_row(f.b, 0, 1), now = bound_row(inside, 0, 1);
      cr_assert(now <= bounded_sampled_minimum(&f, 0, 200, &prng));
      better += now > old + SLACK;
      bounds_free(inside);
      net_free(squares);
    }
    bounded_free(&f);
  }
  cr_assert(rewritten > 60 && better > rewritten * 3 / 4, "%d of %d better", better,
            rewritten);
}
