/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One neuron or one product at a time in exact arithmetic: the promise of
 * bounds/relax.h with the smallest error that it states, and intervals of products. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>

#include "bounds/conjugate.h"
#include "bounds/ibp.h"
#include "bounds/relax.h"
#include "net/base/round.h"
#include "tests/support/bounded.h"
#include "tests/support/extreme.h"
#include "tests/support/rational.h"

/* What was seen: all of it, wrong bounds, and bounds that would be wrong without their
 * error. */
typedef struct {
  long finite, wrong, needed;
} Tally;

static void sort2(double *a, double *b)
{
  if (*a <= *b) return;
  const double t = *a;
  *a = *b;
  *b = t;
}

static void interval(ExtremeMode mode, Prng *prng, double *lo, double *hi)
{
  do
    extreme_box(mode, 1, prng, lo, hi);
  while (!isfinite(*lo) || !isfinite(*hi));
  if (prng_below(prng, 4) == 0) *hi = extreme_number(mode, prng);
  sort2(lo, hi);
}

/* to += c a b. */
static void add_product(mpq_t to, double c, mpq_srcptr a, mpq_srcptr b)
{
  mpq_t t;
  mpq_init(t);
  mpq_set_d(t, c);
  mpq_mul(t, t, a);
  if (b) mpq_mul(t, t, b);
  mpq_add(to, to, t);
  mpq_clear(t);
}

/* exact >= value - gamma_{1 + 6} size, and whether the error is needed. */
static void judge(mpq_srcptr exact, double value, double size, Tally *tally)
{
  const double err = round_gamma(7) * (1 + 0x1p-20) * size + ROUND_TINY;
  const double lower = round_dn(value - err);
  if (!isfinite(lower) || !isfinite(value) || !isfinite(size)) return;
  tally->finite++;
  tally->wrong += rational_compare(exact, lower) < 0;
  tally->needed += rational_compare(exact, value) < 0;
}

static double inside(double lo, double hi, Prng *prng)
{
  double x;
  extreme_sample(1, &lo, &hi, prng, &x);
  return x;
}

/* ---- products -----------------------------------------------------------------------
 */

static void try_product(ExtremeMode mode, Prng *prng, Tally *tally)
{
  double la, ua, lb, ub, pa, pb, value = 0, size = 0;
  interval(mode, prng, &la, &ua);
  interval(mode, prng, &lb, &ub);
  const double lam = extreme_number(mode, prng),
               alpha =
                   prng_below(prng, 4) ? prng_unit(prng) : extreme_number(mode, prng);
  const RelaxPairs row = {.n = 1,
                          .la = &la,
                          .ua = &ua,
                          .lb = &lb,
                          .ub = &ub,
                          .lam = &lam,
                          .alpha = prng_below(prng, 3) ? &alpha : NULL,
                          .pa = &pa,
                          .pb = &pb};
  relax_pairs(&row, &value, &size);
  if (!isfinite(pa) || !isfinite(pb)) return;
  mpq_t a, b, exact;
  mpq_inits(a, b, exact, NULL);
  for (int s = 0; s < 8; s++) {
    mpq_set_d(a, s < 4 ? (s & 1 ? ua : la) : inside(la, ua, prng));
    mpq_set_d(b, s < 4 ? (s & 2 ? ub : lb) : inside(lb, ub, prng));
    mpq_set_si(exact, 0, 1);
    add_product(exact, lam, a, b);
    add_product(exact, -pa, a, NULL);
    add_product(exact, -pb, b, NULL);
    judge(exact, value, size, tally);
  }
  mpq_clears(a, b, exact, NULL);
}

Test(relax, planes_are_below_every_product)
{
  Prng prng = prng_init(301);
  for (int mode = 0; mode < EXTREME_N; mode++) {
    Tally tally = {0};
    for (int t = 0; t < 4000; t++)
      try_product((ExtremeMode)mode, &prng, &tally);
    cr_assert_eq(tally.wrong, 0, "mode %d: %ld of %ld", mode, tally.wrong,
                 tally.finite);
    cr_assert(tally.finite > 1000, "mode %d: %ld", mode, tally.finite);
    /* The test must be able to fail: without error terms it does. */
    cr_assert(tally.needed > 0, "mode %d", mode);
  }
}

/* The planes of McCormick touch: at alpha 0 and 1 the minimum is attained at three of
 * the corners. */
Test(relax, planes_touch_the_product)
{
  Prng prng = prng_init(302);
  for (int t = 0; t < 1000; t++) {
    double end[4], pa, pb, value = 0, size = 0;
    for (int i = 0; i < 4; i++)
      end[i] = prng_range(&prng, -2, 2);
    sort2(&end[0], &end[1]);
    sort2(&end[2], &end[3]);
    const double lam = prng_range(&prng, -2, 2), alpha = t % 2;
    const RelaxPairs row = {.n = 1,
                            .la = &end[0],
                            .ua = &end[1],
                            .lb = &end[2],
                            .ub = &end[3],
                            .lam = &lam,
                            .alpha = &alpha,
                            .pa = &pa,
                            .pb = &pb};
    relax_pairs(&row, &value, &size);
    int touching = 0;
    for (int c = 0; c < 4; c++) {
      const double a = end[c & 1], b = end[2 + (c >> 1)];
      const double gap = lam * a * b - pa * a - pb * b - value;
      cr_assert(gap >= -1e-12);
      touching += gap < 1e-12;
    }
    cr_assert(touching >= 3, "%d corners", touching);
  }
}

/* ---- curves -------------------------------------------------------------------------
 */

static bool rational_value(ActKind kind, double z, mpq_t h)
{
  mpq_set_d(h, z);
  if (kind == ACT_SQUARE)
    mpq_mul(h, h, h);
  else if (kind == ACT_SIGN)
    mpq_set_si(h, mpq_sgn(h), 1);
  else if (mpq_sgn(h) == 0)
    return false;
  else
    mpq_inv(h, h);
  return true;
}

static void try_curve(ActKind kind, ExtremeMode mode, Prng *prng, Tally *tally)
{
  double l, u, p, value = 0, size = 0;
  interval(mode, prng, &l, &u);
  ConjugateLine line[2];
  const double lam = extreme_number(mode, prng), mu = extreme_number(mode, prng),
               beta = extreme_number(mode, prng),
               alpha =
                   prng_below(prng, 4) ? prng_unit(prng) : extreme_number(mode, prng);
  RelaxRow row = {.n = 1,
                  .l = &l,
                  .u = &u,
                  .lam = &lam,
                  .alpha = prng_below(prng, 2) ? &alpha : NULL,
                  .mu = prng_below(prng, 4) ? NULL : &mu,
                  .beta = prng_below(prng, 4) ? NULL : &beta,
                  .p = &p};
  for (int s = 0; s < 2; s++) {
    conjugate_line(kind, l, u, s ? -1 : 1, &line[s]);
    row.lines[s] = (RelaxLines){&line[s].first, &line[s].slope, &line[s].last,
                                &line[s].offset, &line[s].touch};
  }
  relax_row(kind, &row, &value, &size);
  if (!isfinite(p)) return;
  mpq_t z, h, exact;
  mpq_inits(z, h, exact, NULL);
  for (int s = 0; s < 8; s++) {
    const double at = s == 0   ? l
                      : s == 1 ? u
                      : s == 2 ? fmin(fmax(line[lam < 0].touch, l), u)
                               : inside(l, u, prng);
    mpq_set_d(z, at);
    if (!rational_value(kind, at, h)) continue;
    mpq_set_si(exact, 0, 1);
    add_product(exact, lam, h, NULL);
    add_product(exact, -p, z, NULL);
    judge(exact, value, size, tally);
  }
  mpq_clears(z, h, exact, NULL);
}

Test(relax, lines_are_below_every_rational_curve)
{
  const ActKind kinds[3] = {ACT_SQUARE, ACT_SIGN, ACT_RECIPROCAL};
  Prng prng = prng_init(303);
  for (int k = 0; k < 3; k++)
    for (int mode = 0; mode < EXTREME_N; mode++) {
      Tally tally = {0};
      for (int t = 0; t < 4000; t++)
        try_curve(kinds[k], (ExtremeMode)mode, &prng, &tally);
      cr_assert_eq(tally.wrong, 0, "%s, mode %d: %ld of %ld", act_name(kinds[k]), mode,
                   tally.wrong, tally.finite);
      cr_assert(tally.finite > 1000, "%s, mode %d: %ld", act_name(kinds[k]), mode,
                tally.finite);
    }
}

/* ---- intervals of products ----------------------------------------------------------
 */

/* y = x_0 x_1. */
static Net *product_net(void)
{
  static const int first = 0, second = 1;
  int x = 0;
  Net *net = net_new("product");
  const Node input = {.kind = NODE_INPUT, .size = 2};
  const Node a = {.kind = NODE_MAP, .size = 1, .map = &first};
  const Node b = {.kind = NODE_MAP, .size = 1, .map = &second};
  net_add(net, &input, NULL, 0);
  int factor[2] = {net_add(net, &a, &x, 1), 0};
  factor[1] = net_add(net, &b, &x, 1);
  const Node mul = {.kind = NODE_MUL, .size = 1};
  net_add(net, &mul, factor, 2);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  return net;
}

Test(relax, intervals_of_products_hold_their_corners)
{
  Prng prng = prng_init(304);
  long needed = 0;
  for (int t = 0; t < 4000; t++) {
    Bounded f = bounded_new(product_net(), 0, &prng);
    const ExtremeMode mode = (ExtremeMode)(t % EXTREME_N);
    for (int i = 0; i < 2; i++)
      interval(mode, &prng, &f.lo[i], &f.hi[i]);
    /* Exactly these: the maps before would widen them. */
    for (int i = 0; i < 2; i++)
      bounds_meet(f.b, 1 + i, 0, 0, f.lo[i], f.hi[i]);
    ibp_node(f.b, lagrangian_linop(f.L), 3);
    for (int c = 0; c < 4; c++) {
      const double x[2] = {c & 1 ? f.hi[0] : f.lo[0], c & 2 ? f.hi[1] : f.lo[1]};
      Rational r = rational_eval(f.net, x, NULL);
      mpq_srcptr y = r.value[3][0];
      cr_assert(rational_compare(y, f.b->lo[3][0]) >= 0 &&
                    rational_compare(y, f.b->hi[3][0]) <= 0,
                "%.17g times %.17g is not in [%.17g, %.17g]", x[0], x[1], f.b->lo[3][0],
                f.b->hi[3][0]);
      needed += isfinite(x[0] * x[1]) && rational_compare(y, x[0] * x[1]) != 0;
      rational_free(&r);
    }
    bounded_free(&f);
  }
  cr_assert(needed > 1000, "%ld", needed);
}
