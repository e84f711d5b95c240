/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One network in other words, and one box inside another: verdicts must not contradict.
 *
 * The words mean exactly the same over the reals (neurons in another order, in two
 * halves, in other units, dead ones, identities), so bounds of the new network are
 * compared with exact values of the old one. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "tests/support/chain.h"
#include "tests/support/margin.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"
#include "tests/support/ways.h"

enum { LAYERS = 3, MOST_WIDTH = 24, NETS = 250, SAMPLES = 6 };

/* ---- layers -----------------------------------------------------------------------
 */

/* Dense layers with ReLUs between them: W[l][size[l + 1]][size[l]]. */
typedef struct {
  int size[LAYERS + 1];
  double W[LAYERS][MOST_WIDTH * MOST_WIDTH], b[LAYERS][MOST_WIDTH];
} Layers;

static Layers *layers_new(Prng *prng)
{
  Layers *a = mem_zero(1, sizeof *a);
  a->size[0] = 1 + prng_below(prng, NETS_MOST_INPUTS);
  a->size[1] = 2 + prng_below(prng, 4);
  a->size[2] = 2 + prng_below(prng, 4);
  a->size[3] = 1;
  for (int l = 0; l < LAYERS; l++)
    for (int i = 0; i < a->size[l + 1]; i++) {
      a->b[l][i] = prng_range(prng, -0.5, 0.5);
      for (int j = 0; j < a->size[l]; j++)
        a->W[l][i * a->size[l] + j] = prng_range(prng, -1.5, 1.5);
    }
  return a;
}

/* An identity by chance, of one kind or another; relu of a ReLU is one too. */
static int blur(Net *net, int in, bool after_relu, Prng *prng)
{
  const int n = net->nodes[in].size;
  double eye[MOST_WIDTH * MOST_WIDTH] = {0}, one[MOST_WIDTH];
  for (int i = 0; i < n; i++)
    eye[i * n + i] = one[i] = 1;
  switch (prng_below(prng, after_relu ? 6 : 5)) {
  case 0:
    return chain_dense(net, in, n, eye, NULL);
  case 1:
    return chain_scale(net, in, one, NULL);
  case 2:
    return chain_identity(net, in);
  case 3: /* x + x - x */
    return chain_add(net, chain_add(net, in, in, 1), in, -1);
  case 4:
    return in;
  default:
    return chain_act(net, in, ACT_RELU);
  }
}

static Net *layers_net(const Layers *a, bool with_identities, Prng *prng)
{
  Net *net = chain_new(a->size[0]);
  int x = 0;
  for (int l = 0; l < LAYERS; l++) {
    if (with_identities) x = blur(net, x, l > 0, prng);
    x = chain_dense(net, x, a->size[l + 1], a->W[l], a->b[l]);
    if (l + 1 == LAYERS) break;
    if (with_identities) x = blur(net, x, false, prng);
    x = chain_act(net, x, ACT_RELU);
  }
  if (with_identities) blur(net, x, false, prng);
  chain_finish(net);
  return net;
}

/* ---- other words ------------------------------------------------------------------
 */

/* New neuron i of hidden layer l is old neuron from[i], or none (-1): row and column
 * are copied with these factors. */
static void rewire(Layers *a, int l, int n, const int *from, const double *row,
                   const double *column)
{
  Layers old = *a;
  const int cols = a->size[l], rows = a->size[l + 2], was = a->size[l + 1];
  a->size[l + 1] = n;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < cols; j++)
      a->W[l][i * cols + j] = from[i] < 0 ? 0 : row[i] * old.W[l][from[i] * cols + j];
    a->b[l][i] = from[i] < 0 ? -1 : row[i] * old.b[l][from[i]];
    for (int r = 0; r < rows; r++)
      a->W[l + 1][r * n + i] =
          from[i] < 0 ? column[i] : column[i] * old.W[l + 1][r * was + from[i]];
  }
}

static void permute(Layers *a, int l, Prng *prng)
{
  int from[MOST_WIDTH];
  double one[MOST_WIDTH];
  const int n = a->size[l + 1];
  for (int i = 0; i < n; i++) {
    const int j = prng_below(prng, i + 1);
    from[i] = from[j];
    from[j] = i;
    one[i] = 1;
  }
  rewire(a, l, n, from, one, one);
}

/* h = relu (z) / 2 + relu (z) / 2 = relu (z / 2) + relu (z / 2) */
static void halve(Layers *a, int l, Prng *prng)
{
  int from[MOST_WIDTH];
  double row[MOST_WIDTH], column[MOST_WIDTH];
  const int n = a->size[l + 1], which = prng_below(prng, n);
  const bool inside = prng_below(prng, 2);
  for (int i = 0; i <= n; i++) {
    from[i] = i < n ? i : which;
    const bool half = from[i] == which;
    row[i] = half && inside ? 0.5 : 1;
    column[i] = half && !inside ? 0.5 : 1;
  }
  rewire(a, l, n + 1, from, row, column);
}

static void rescale(Layers *a, int l, Prng *prng)
{
  int from[MOST_WIDTH];
  double row[MOST_WIDTH], column[MOST_WIDTH];
  const int n = a->size[l + 1];
  for (int i = 0; i < n; i++) {
    const int e = prng_below(prng, 81) - 40;
    from[i] = i;
    row[i] = ldexp(1, e);
    column[i] = ldexp(1, -e);
  }
  rewire(a, l, n, from, row, column);
}

static void add_dead(Layers *a, int l, Prng *prng)
{
  int from[MOST_WIDTH];
  double row[MOST_WIDTH], column[MOST_WIDTH];
  const int n = a->size[l + 1], more = 1 + prng_below(prng, 2);
  for (int i = 0; i < n + more; i++) {
    from[i] = i < n ? i : -1;
    row[i] = 1;
    column[i] = i < n ? 1 : prng_range(prng, -1e6, 1e6);
  }
  rewire(a, l, n + more, from, row, column);
}

/* Up to four of them, one after the other. */
static Layers *reworded(const Layers *old, Prng *prng)
{
  static void (*const words[])(Layers *, int, Prng *) = {permute, halve, rescale,
                                                         add_dead};
  Layers *a = mem_zero(1, sizeof *a);
  *a = *old;
  for (int i = prng_below(prng, 5); i >= 0; i--)
    words[prng_below(prng, 4)](a, prng_below(prng, LAYERS - 1), prng);
  return a;
}

/* The rewording must be right itself: both networks are the same rational function. */
static void check_same(const Net *a, const Net *b, const Prop *prop, const double *x)
{
  Margin m = margin_at(a, prop, 0, x), n = margin_at(b, prop, 0, x);
  cr_assert_eq(mpq_cmp(m.value, n.value), 0, "another function");
  margin_free(&m);
  margin_free(&n);
}

/* ---- networks that are decided by enumeration -------------------------------------
 */

typedef struct {
  int verified, falsified, unknown;
} Tally;

static void count(Tally *tally, const Result *r)
{
  tally->verified += r->verdict == RESULT_VERIFIED;
  tally->falsified += r->verdict == RESULT_FALSIFIED;
  tally->unknown += r->verdict == RESULT_UNKNOWN;
}

static Prop *one_row(const Net *net, const double *lo, const double *hi, double d)
{
  const int first[2] = {0, 1}, var = 0;
  return props_below(net, lo, hi, 1, first, &var, &d);
}

/* No bound of r is above the exact margin of `net` at points of [lo, hi]. */
static void check_points(const Net *net, const Prop *prop, const double *lo,
                         const double *hi, const Result *r, Prng *prng, int t)
{
  double x[NETS_MOST_INPUTS];
  mpq_t lower;
  if (!isfinite(r->cases[0].lower)) return;
  mpq_init(lower);
  mpq_set_d(lower, r->cases[0].lower);
  for (int s = 0; s < SAMPLES; s++) {
    nets_sample(net_in_size(net), lo, hi, prng, x);
    Margin m = margin_at(net, prop, 0, x);
    cr_assert(mpq_cmp(lower, m.value) <= 0, "net %d: a bound above a margin", t);
    margin_free(&m);
  }
  mpq_clear(lower);
}

static void check_truth(const Result *r, bool is_true, int t, const Options *o)
{
  cr_assert(is_true || r->verdict != RESULT_VERIFIED, "net %d: a wrong proof (%s)", t,
            ways_text(o));
  cr_assert(!is_true || r->verdict != RESULT_FALSIFIED, "net %d: a wrong witness (%s)",
            t, ways_text(o));
}

/* The same question to the network and to its rewordings. */
static void ask(const Layers *layers, const double *lo, const double *hi, double gap,
                int t, Prng *prng, Tally *tally)
{
  const double one = 1;
  Net *net = layers_net(layers, false, prng);
  const double d = nets_piecewise_minimum(net, lo, hi, 1, &one) - gap;
  Prop *prop = one_row(net, lo, hi, d);
  for (int i = 0; i < 6; i++) {
    Layers *other = reworded(layers, prng);
    Net *again = i ? layers_net(other, prng_below(prng, 2), prng)
                   : layers_net(layers, false, prng);
    check_same(net, again, prop, lo);
    check_same(net, again, prop, hi);
    const Options o = i % 3 == 2 ? ways_random(prng) : ways_fixed(0);
    Result r = ways_solve(again, prop, &o);
    check_truth(&r, gap > 0, t, &o);
    check_points(net, prop, lo, hi, &r, prng, t);
    count(tally, &r);
    result_reset(&r);
    net_free(again);
    mem_free(other);
  }
  prop_free(prop);
  net_free(net);
}

Test(metamorphic, other_words_never_change_the_truth, .timeout = 120)
{
  static const double gaps[6] = {1e-3, -1e-3, 0.03, -0.03, 0.3, -0.3};
  Prng prng = prng_init(91);
  Tally tally = {0};
  for (int t = 0; t < NETS; t++) {
    Layers *layers = layers_new(&prng);
    double lo[NETS_MOST_INPUTS], hi[NETS_MOST_INPUTS];
    nets_box(layers->size[0], 1, &prng, lo, hi);
    for (int g = 0; g < 2; g++)
      ask(layers, lo, hi, gaps[(2 * t + g) % 6], t, &prng, &tally);
    mem_free(layers);
  }
  cr_assert(tally.verified > 3 * NETS && tally.falsified > 3 * NETS,
            "%d verified, %d falsified, %d unknown", tally.verified, tally.falsified,
            tally.unknown);
}

/* ---- smaller boxes ----------------------------------------------------------------
 */

/* A part of the box, sometimes with a side or an end in common. */
static void sub_box(int n, const double *lo, const double *hi, Prng *prng,
                    double *sub_lo, double *sub_hi)
{
  for (int i = 0; i < n; i++) {
    const double a = prng_range(prng, lo[i], hi[i]), b = prng_range(prng, lo[i], hi[i]);
    sub_lo[i] = prng_below(prng, 3) ? fmin(a, b) : lo[i];
    sub_hi[i] = prng_below(prng, 3) ? fmax(a, b) : hi[i];
  }
}

/* 1 where the verdicts contradict each other. */
static bool contradict(const Result *whole, const Result *part)
{
  return whole->verdict == RESULT_VERIFIED && part->verdict == RESULT_FALSIFIED;
}

static void compare_boxes(const Net *net, const double *lo, const double *hi, double d,
                          int t, Prng *prng, Tally *tally)
{
  double sub_lo[NETS_MOST_INPUTS], sub_hi[NETS_MOST_INPUTS];
  Prop *prop = one_row(net, lo, hi, d);
  const Options o = t % 3 ? ways_fixed(0) : ways_random(prng);
  Result whole = ways_solve(net, prop, &o);
  count(tally, &whole);
  for (int i = 0; i < 4; i++) {
    sub_box(net_in_size(net), lo, hi, prng, sub_lo, sub_hi);
    Prop *sub = one_row(net, sub_lo, sub_hi, d);
    const Options p = i % 2 ? ways_fixed(0) : ways_random(prng);
    Result part = ways_solve(net, sub, &p);
    cr_assert(!contradict(&whole, &part), "net %d: %s and %s", t, ways_text(&o),
              ways_text(&p));
    count(tally, &part);
    result_reset(&part);
    prop_free(sub);
  }
  result_reset(&whole);
  prop_free(prop);
}

static void shrink(NetsKind kind, int n_nets, Tally *tally)
{
  Prng prng = prng_init(92 + (uint64_t)kind);
  for (int t = 0; t < n_nets; t++) {
    Layers *layers = layers_new(&prng);
    Net *net = kind == NETS_DENSE ? layers_net(layers, false, &prng)
                                  : nets_random(NETS_CURVED, 4, 1, &prng);
    const int n = net_in_size(net);
    double lo[NETS_MOST_INPUTS], hi[NETS_MOST_INPUTS], x[NETS_MOST_INPUTS], y[4];
    nets_box(n, 1, &prng, lo, hi);
    double low = INFINITY, high = -INFINITY;
    for (int s = 0; s < 40; s++) {
      nets_sample(n, lo, hi, &prng, x);
      eval_double(net, x, y);
      low = fmin(low, y[0]);
      high = fmax(high, y[0]);
    }
    const double range = high - low, d = low + range * prng_range(&prng, -0.2, 0.2);
    if (isfinite(d)) compare_boxes(net, lo, hi, d, t, &prng, tally);
    net_free(net);
    mem_free(layers);
  }
  cr_assert(tally->verified > n_nets && tally->falsified > n_nets / 2,
            "%d verified, %d falsified, %d unknown", tally->verified, tally->falsified,
            tally->unknown);
}

Test(metamorphic, a_part_of_a_verified_box_is_never_falsified, .timeout = 120)
{
  Tally tally = {0};
  shrink(NETS_DENSE, 500, &tally);
}

Test(metamorphic, nor_with_curves_and_products, .timeout = 120)
{
  Tally tally = {0};
  shrink(NETS_CURVED, 500, &tally);
}
