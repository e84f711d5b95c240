/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks made to fool a verifier: a violation that exists over the reals and that
 * floating-point numbers do not show.  In the manner of Jia and Rinard (SAS 2021) and
 * of Zombori et al. (ICLR 2021).
 *
 * Every trap has a known point that violates its property, checked in rational numbers.
 * The whole solver runs on it in many ways.  It may find a point or find nothing, but
 * must not verify, and no bound may be above the margin of any point. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "tests/support/chain.h"
#include "tests/support/extreme.h"
#include "tests/support/margin.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"
#include "tests/support/ways.h"

enum { MOST = 256, RANDOM_WAYS = 4, SAMPLES = 4 };

/* Unsafe: y[0] <= d, on a box that holds x. */
typedef struct {
  Net *net;
  double lo[MOST], hi[MOST], x[MOST];
  double d;
  bool strict;
  bool fools; /* plain double arithmetic sees no violation at x */
} Trap;

typedef Trap (*Family)(Prng *prng);

static bool coin(Prng *prng)
{
  return prng_below(prng, 2);
}

/* ---- one trap ---------------------------------------------------------------------
 */

/* The trap's case and, by chance, others: rows that hold as well, cases that are far
 * from true. */
static Prop *property(const Trap *t, Prng *prng)
{
  const int n_true = prng_below(prng, 3), n_rows = 1 + coin(prng);
  int first[4] = {0}, var[8] = {0};
  double rhs[8];
  for (int k = 0; k <= n_true; k++) {
    first[k + 1] = first[k] + (k < n_true ? 1 : n_rows);
    for (int r = first[k]; r < first[k + 1]; r++)
      rhs[r] = k < n_true ? -0x1p1023 : r == first[k] ? t->d : fmax(t->d, 0);
  }
  Prop *prop = props_below(t->net, t->lo, t->hi, n_true + 1, first, var, rhs);
  prop->cases[n_true].rows[0].strict = t->strict;
  return prop;
}

/* lower[k] <= the margin at x, exactly. */
static void check_bounds(const Trap *t, const Prop *prop, const Result *r,
                         const double *x, const char *what, int seed, const Options *o)
{
  for (int k = 0; k < prop->n_cases; k++) {
    if (!(r->cases[k].lower > -INFINITY)) continue;
    Margin m = margin_at(t->net, prop, k, x);
    mpq_t lower;
    mpq_init(lower);
    mpq_set_d(lower, r->cases[k].lower);
    cr_assert(!m.is_real || mpq_cmp(lower, m.value) <= 0,
              "%s %d, case %d: the bound %.17g is above a margin of %.17g (%s)", what,
              seed, k, r->cases[k].lower, mpq_get_d(m.value), ways_text(o));
    mpq_clear(lower);
    margin_free(&m);
  }
}

static void run_one(const Trap *t, const Prop *prop, const Options *o, const char *what,
                    int seed, Prng *prng)
{
  double x[MOST];
  Result r = ways_solve(t->net, prop, o);
  cr_assert_neq(r.verdict, RESULT_VERIFIED, "%s %d: a wrong proof (%s)", what, seed,
                ways_text(o));
  check_bounds(t, prop, &r, t->x, what, seed, o);
  for (int s = 0; s < SAMPLES; s++) {
    extreme_sample(net_in_size(t->net), t->lo, t->hi, prng, x);
    check_bounds(t, prop, &r, x, what, seed, o);
  }
  result_reset(&r);
}

/* The violation is there, and a float evaluation misses it where it should. */
static void check_trap(const Trap *t, const Prop *prop, const char *what, int seed)
{
  const int k = prop->n_cases - 1;
  Margin m = margin_at(t->net, prop, k, t->x);
  cr_assert(m.violates, "%s %d: there is nothing to find: margin %g", what, seed,
            mpq_get_d(m.value));
  margin_free(&m);
  double *y = mem_doubles((size_t)net_out_size(t->net));
  eval_double(t->net, t->x, y);
  cr_assert(!t->fools || y[0] > t->d, "%s %d: double arithmetic sees %.17g <= %.17g",
            what, seed, y[0], t->d);
  mem_free(y);
}

static void spring(Trap *t, const char *what, int seed, Prng *prng)
{
  Prop *prop = property(t, prng);
  check_trap(t, prop, what, seed);
  for (int i = 0; i < WAYS_N + RANDOM_WAYS; i++) {
    const Options o = i < WAYS_N ? ways_fixed(i) : ways_random(prng);
    run_one(t, prop, &o, what, seed, prng);
  }
  prop_free(prop);
  net_free(t->net);
}

static void spring_all(Family family, const char *what, int n)
{
  Prng prng = prng_init(71);
  for (int seed = 0; seed < n; seed++) {
    Trap t = family(&prng);
    spring(&t, what, seed, &prng);
  }
}

/* x becomes the best of some points and d the smallest double that makes it violate,
 * or a little more.  False where values overflow or are not defined. */
static bool fit(Trap *t, Prng *prng)
{
  const int n = net_in_size(t->net), m = net_out_size(t->net);
  double *y = mem_doubles((size_t)m), best = INFINITY, x[MOST];
  for (int s = 0; s < 20; s++) {
    extreme_sample(n, t->lo, t->hi, prng, x);
    eval_double(t->net, x, y);
    if (s && !(y[0] < best)) continue;
    best = y[0];
    memcpy(t->x, x, (size_t)n * sizeof *x);
  }
  mem_free(y);
  const double zero = 0;
  const int first[2] = {0, 1}, var = 0;
  Prop *prop = props_below(t->net, t->lo, t->hi, 1, first, &var, &zero);
  Margin at = margin_at(t->net, prop, 0, t->x);
  t->d = margin_up(at.value);
  if (coin(prng)) t->d = round_up(t->d);
  const bool fine = at.is_real && isfinite(t->d);
  margin_free(&at);
  prop_free(prop);
  return fine;
}

/* ---- families -------------------------------------------------------------------- */

/* x + B and then - B, once to three times: double arithmetic forgets x. */
static Trap absorbed(Prng *prng)
{
  const int n = 1 + prng_below(prng, 3), depth = 1 + prng_below(prng, 3);
  Trap t = {.net = chain_new(n), .fools = true};
  double eye[9] = {0}, B[3], back[3], w[3];
  double sum = 0;
  const double c = prng_range(prng, -1, 1);
  for (int i = 0; i < n; i++) {
    eye[i * n + i] = 1;
    w[i] = coin(prng) ? 1 : -1;
    t.lo[i] = -prng_range(prng, 0.1, 0.4);
    t.hi[i] = prng_range(prng, 0.1, 0.4);
    t.x[i] = w[i] > 0 ? t.lo[i] : t.hi[i];
    sum += fabs(t.x[i]);
  }
  int x = 0;
  for (int l = 0; l < depth; l++) {
    for (int i = 0; i < n; i++) {
      /* Half a unit in the last place is 1 and more. */
      B[i] = ldexp(1 + prng_below(prng, 4), 55 + prng_below(prng, 30));
      if (coin(prng)) B[i] = 1e17 * (1 + prng_below(prng, 9));
      back[i] = -B[i];
    }
    x = chain_act(t.net, chain_dense(t.net, x, n, eye, B), ACT_RELU);
    x = chain_dense(t.net, x, n, eye, back);
    if (l + 1 < depth) {
      for (int i = 0; i < n; i++)
        B[i] = 1, back[i] = -1;
      x = chain_act(t.net, chain_dense(t.net, x, n, eye, B), ACT_RELU);
      x = chain_dense(t.net, x, n, eye, back);
    }
  }
  chain_dense(t.net, x, 1, w, &c);
  chain_finish(t.net);
  t.d = c - sum * prng_range(prng, 0.1, 0.9);
  return t;
}

/* Layers of 1e12 and of 1e-12 in turns; their product is only nearly 1. */
static Trap scaled(Prng *prng)
{
  const int n = 1 + prng_below(prng, 3), depth = 2 * (1 + prng_below(prng, 2));
  Trap t = {.net = chain_new(n)};
  int x = 0;
  for (int l = 0; l < depth; l++) {
    double W[16], b[4];
    const int cols = t.net->nodes[x].size, rows = l + 1 < depth ? 4 : 1;
    const double scale = (l % 2 ? 1e-12 : 1e12) * (coin(prng) ? 1 : 1.7);
    for (int i = 0; i < rows * cols; i++)
      W[i] = scale * (coin(prng) ? 1 : -1) * (coin(prng) ? 1 : prng_unit(prng));
    for (int i = 0; i < rows; i++)
      b[i] = l % 2 ? prng_range(prng, -1, 1) : scale * prng_range(prng, -1, 1);
    x = chain_dense(t.net, x, rows, W, b);
    if (l + 1 < depth) x = chain_act(t.net, x, ACT_RELU);
  }
  chain_finish(t.net);
  nets_box(n, 1, prng, t.lo, t.hi);
  cr_assert(fit(&t, prng));
  return t;
}

/* A harmless network and a neuron that is off in double arithmetic wherever x is, but
 * over the reals is on for x[0] > 0.5. */
static Trap backdoor(Prng *prng)
{
  const int n = 2, clean = 3;
  Trap t = {.net = chain_new(n), .fools = true};
  const double B = ldexp(1, 54 + prng_below(prng, 40)), K = prng_range(prng, 40, 1000);
  double W[2 * (3 + 1)], b[4], V[4];
  for (int i = 0; i < clean; i++) {
    W[2 * i] = prng_range(prng, -1, 1);
    W[2 * i + 1] = prng_range(prng, -1, 1);
    b[i] = prng_range(prng, -0.5, 0.5);
    V[i] = prng_range(prng, -1, 1);
  }
  W[2 * clean] = 1;
  W[2 * clean + 1] = 0;
  b[clean] = B;
  int x = chain_act(t.net, chain_dense(t.net, 0, clean + 1, W, b), ACT_RELU);
  /* The trigger comes back from B, and its neuron is behind 0.5. */
  double U[16] = {0}, a[4] = {0};
  for (int i = 0; i <= clean; i++)
    U[i * (clean + 1) + i] = 1;
  a[clean] = -B;
  x = chain_dense(t.net, x, clean + 1, U, a);
  a[clean] = -0.5;
  x = chain_act(t.net, chain_dense(t.net, x, clean + 1, U, a), ACT_RELU);
  V[clean] = -K;
  chain_dense(t.net, x, 1, V, NULL);
  chain_finish(t.net);
  for (int i = 0; i < n; i++)
    t.hi[i] = t.x[i] = 1;
  /* The harmless part is within 7.5 of 0. */
  t.d = prng_range(prng, 7.5 - K * 0.5, -8);
  return t;
}

/* Powers of two whose products underflow from the front, as values, or from the back,
 * as multipliers, where values are huge: y = c - 2^e x, e the sum of the exponents. */
static Trap underflowing(Prng *prng)
{
  static const int exponents[7][5] = {
      {-1074, 0, 537, 537, 0},   {-1074, 0, 1000, 74, 0},
      {-600, -600, 600, 600, 0}, {-1000, -800, 600, 600, 600},
      {500, 500, -540, -540, 0}, {1000, 0, -540, -540, 0},
      {300, 700, -700, 0, -390}};
  const int kind = prng_below(prng, 7);
  Trap t = {.net = chain_new(1), .fools = kind < 4};
  const double minus = -1, c = t.fools ? prng_range(prng, -1, 1) : 0;
  int x = 0, e = 0;
  for (int l = 0; l < 5; l++) {
    const double w = ldexp(1, exponents[kind][l]);
    e += exponents[kind][l];
    x = chain_act(t.net, chain_dense(t.net, x, 1, &w, NULL), ACT_RELU);
  }
  chain_dense(t.net, x, 1, &minus, &c);
  chain_finish(t.net);
  t.hi[0] = t.x[0] = prng_range(prng, 0.2, 0.45);
  t.d = c - ldexp(t.hi[0] * prng_range(prng, 0.1, 0.9), e);
  return t;
}

/* relu (x) - relu (-x) - x is 0, whatever the box: pre-activations and the margin are
 * exactly 0. */
static Trap at_zero(Prng *prng)
{
  const double W[3] = {1, -1, 1}, b[3] = {0, 0, 8}, V[3] = {1, -1, -1}, c = 8;
  Trap t = {.net = chain_new(1)};
  int x = chain_act(t.net, chain_dense(t.net, 0, 3, W, b), ACT_RELU);
  chain_dense(t.net, x, 1, V, &c);
  chain_finish(t.net);
  if (prng_below(prng, 3)) t.hi[0] = ldexp(prng_unit(prng), -prng_below(prng, 60));
  if (prng_below(prng, 3)) t.lo[0] = -ldexp(prng_unit(prng), -prng_below(prng, 60));
  t.x[0] = coin(prng) ? t.lo[0] : t.hi[0];
  t.strict = coin(prng);
  t.d = t.strict ? 0x1p-1074 : 0;
  return t;
}

/* |x0 - a| + |x1 - b| reaches 0 in the middle of the box, and nothing below. */
static Trap on_the_border(Prng *prng)
{
  Trap t = {.net = chain_new(2)};
  const double W[8] = {1, 0, -1, 0, 0, 1, 0, -1}, V[4] = {1, 1, 1, 1};
  double b[4];
  for (int i = 0; i < 2; i++) {
    t.x[i] = ldexp(prng_below(prng, 9) - 4, -2);
    b[2 * i] = -t.x[i];
    b[2 * i + 1] = t.x[i];
    t.lo[i] = t.x[i] - prng_below(prng, 3);
    t.hi[i] = t.x[i] + prng_below(prng, 3);
  }
  const double c = prng_below(prng, 3);
  int x = chain_act(t.net, chain_dense(t.net, 0, 4, W, b), ACT_RELU);
  chain_dense(t.net, x, 1, V, &c);
  chain_finish(t.net);
  t.d = c;
  return t;
}

/* 2^53 + 1 + 1 + ... - 2^53, in any order of the terms. */
static Trap cancelling(Prng *prng)
{
  const int ones = 4 + prng_below(prng, 20), n = ones + 2;
  Trap t = {.net = chain_new(1), .fools = false};
  double W[MOST], b[MOST] = {0}, V[MOST];
  for (int i = 0; i < n; i++)
    W[i] = V[i] = 1;
  const int up = prng_below(prng, n);
  int down;
  do
    down = prng_below(prng, n);
  while (down == up);
  V[up] = 0x1p54;
  V[down] = -0x1p54;
  for (int i = 0; i < n; i++)
    if (i != up && i != down) V[i] = -1;
  int x = chain_act(t.net, chain_dense(t.net, 0, n, W, b), ACT_RELU);
  chain_dense(t.net, x, 1, V, NULL);
  chain_finish(t.net);
  t.lo[0] = coin(prng) ? 1 : 0.5;
  t.hi[0] = t.x[0] = 1;
  t.d = -ones;
  return t;
}

/* 1 + r + r + ..., r just above half a unit in the last place of 1: every addition
 * rounds up.  The terms are inputs, ... */
static Trap drifting(Prng *prng)
{
  const int n = MOST;
  Trap t = {.net = chain_new(n)};
  double W[MOST];
  const double r = 0x1p-53 * (1 + ldexp(1, -1 - prng_below(prng, 20)));
  const int big = prng_below(prng, n);
  for (int i = 0; i < n; i++) {
    W[i] = 1;
    t.lo[i] = t.hi[i] = t.x[i] = i == big ? 1 : r;
  }
  chain_dense(t.net, 0, 1, W, NULL);
  chain_finish(t.net);
  cr_assert(fit(&t, prng));
  return t;
}

/* ... or what many nodes make of one input: - x + r x + r x + ... + x.  Backwards the
 * last comes first, so that every r is added to 1, and nothing of 1 is left. */
static Trap joined(Prng *prng)
{
  enum { NODES = 60 };
  Trap t = {.net = chain_new(1)};
  const double r = 0x1p-53 * (1 + ldexp(1, -1 - prng_below(prng, 20)));
  const double one = 1, minus = -1;
  const int first = chain_dense(t.net, 0, 1, &one, NULL);
  int term[NODES + 2] = {chain_dense(t.net, first, 1, &minus, NULL)};
  signed char *coef = net_keep(t.net, mem_alloc(NODES + 2));
  memset(coef, 1, NODES + 2);
  /* ReLUs, so that linear nodes do not become one. */
  for (int i = 1; i <= NODES; i++)
    term[i] = chain_act(t.net, chain_dense(t.net, first, 1, &r, NULL), ACT_RELU);
  term[NODES + 1] = chain_dense(t.net, first, 1, &one, NULL);
  net_add(t.net, &(Node){.kind = NODE_ADD, .size = 1, .coef = coef}, term, NODES + 2);
  chain_finish(t.net);
  t.lo[0] = t.hi[0] = 1;
  if (coin(prng)) t.hi[0] = 2;
  cr_assert(fit(&t, prng));
  return t;
}

/* A random network of any shape on one point. */
static Trap one_point(Prng *prng)
{
  Trap t = {.net = nets_random((NetsKind)prng_below(prng, 2), 4, 1.5, prng)};
  for (int i = 0; i < net_in_size(t.net); i++)
    t.lo[i] = t.hi[i] = prng_range(prng, -1, 1);
  cr_assert(fit(&t, prng));
  return t;
}

/* The same on a box of two points in every direction. */
static Trap one_ulp(Prng *prng)
{
  Trap t = {.net = nets_random((NetsKind)prng_below(prng, 2), 4, 1.5, prng)};
  for (int i = 0; i < net_in_size(t.net); i++) {
    t.lo[i] = prng_range(prng, -1, 1);
    t.hi[i] = nextafter(t.lo[i], 2);
  }
  cr_assert(fit(&t, prng));
  return t;
}

/* False where some stored numbers are only close to the true ones. */
static bool is_exact(const Net *net)
{
  for (int k = 0; k < net->n_nodes; k++)
    if (net->nodes[k].w_rel != 0 || net->nodes[k].b_err) return false;
  return true;
}

static Trap extreme(Prng *prng)
{
  for (;;) {
    const ExtremeMode mode = (ExtremeMode)prng_below(prng, EXTREME_N);
    const int size = 3 + prng_below(prng, 6);
    Trap t = {.net = coin(prng) ? extreme_net(mode, size, prng)
                                : extreme_curved_net(mode, size, prng)};
    extreme_box(mode, net_in_size(t.net), prng, t.lo, t.hi);
    if (is_exact(t.net) && fit(&t, prng)) return t;
    net_free(t.net);
  }
}

/* Squares, products and reciprocals where relaxations lose next to nothing, so that
 * only rounding is between a bound and the truth. */
static Trap narrow_curves(Prng *prng)
{
  for (;;) {
    Trap t = {.net =
                  extreme_curved_net(EXTREME_ORDINARY, 3 + prng_below(prng, 6), prng)};
    for (int i = 0; i < net_in_size(t.net); i++) {
      t.lo[i] = t.hi[i] = prng_range(prng, -1, 1);
      for (int ulps = prng_below(prng, 4); ulps > 0; ulps--)
        t.hi[i] = nextafter(t.hi[i], 2);
    }
    if (is_exact(t.net) && fit(&t, prng)) return t;
    net_free(t.net);
  }
}

/* ---- tests ------------------------------------------------------------------------
 */

Test(adversarial, numbers_absorbed_by_a_huge_bias, .timeout = 120)
{
  spring_all(absorbed, "absorbed", 20);
}

Test(adversarial, layers_of_trillions_and_trillionths, .timeout = 120)
{
  spring_all(scaled, "scaled", 20);
}

Test(adversarial, a_backdoor_that_doubles_do_not_see, .timeout = 120)
{
  spring_all(backdoor, "backdoor", 20);
}

Test(adversarial, products_that_underflow, .timeout = 120)
{
  spring_all(underflowing, "underflowing", 20);
}

Test(adversarial, pre_activations_at_exactly_zero, .timeout = 120)
{
  spring_all(at_zero, "at zero", 40);
}

Test(adversarial, a_witness_on_the_border, .timeout = 120)
{
  spring_all(on_the_border, "border", 20);
}

Test(adversarial, sums_that_cancel_in_any_order, .timeout = 120)
{
  spring_all(cancelling, "cancelling", 20);
}

Test(adversarial, sums_that_drift, .timeout = 120)
{
  spring_all(drifting, "drifting", 10);
}

Test(adversarial, nodes_that_drift, .timeout = 120)
{
  spring_all(joined, "joined", 10);
}

Test(adversarial, boxes_of_one_point, .timeout = 120)
{
  spring_all(one_point, "point", 30);
}

Test(adversarial, boxes_one_ulp_wide, .timeout = 120)
{
  spring_all(one_ulp, "ulp", 30);
}

Test(adversarial, extreme_numbers_of_every_kind, .timeout = 120)
{
  spring_all(extreme, "extreme", 120);
}

Test(adversarial, curves_on_a_few_ulps, .timeout = 120)
{
  spring_all(narrow_curves, "narrow", 150);
}
