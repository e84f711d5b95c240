/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One neuron, product or maximum at a time in exact arithmetic: the promise of
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

/* y = x_0 x_1, or max (x_0, x_1). */
static Net *pair_net(NodeKind kind)
{
  static const int first = 0, second = 1;
  int x = 0;
  Net *net = net_new("pair");
  const Node input = {.kind = NODE_INPUT, .size = 2};
  const Node a = {.kind = NODE_MAP, .size = 1, .map = &first};
  const Node b = {.kind = NODE_MAP, .size = 1, .map = &second};
  net_add(net, &input, NULL, 0);
  int factor[2] = {net_add(net, &a, &x, 1), 0};
  factor[1] = net_add(net, &b, &x, 1);
  const Node pair = {.kind = kind, .size = 1};
  net_add(net, &pair, factor, 2);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  return net;
}

Test(relax, intervals_of_products_hold_their_corners)
{
  Prng prng = prng_init(304);
  long needed = 0;
  for (int t = 0; t < 4000; t++) {
    Bounded f = bounded_new(pair_net(NODE_MUL), 0, &prng);
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

/* ---- maxima -------------------------------------------------------------------------
 */

/* One maximum with what relax_maxima makes of it. */
typedef struct {
  double la, ua, lb, ub, lam, alpha;
  double pa, pb, za, zb, slope_a, slope_b, rate_a, rate_b, value, size;
} Maximum;

static void relax(Maximum *m)
{
  const RelaxPairs row = {1,       &m->la,      &m->ua,      &m->lb,     &m->ub,
                          &m->lam, &m->alpha,   &m->pa,      &m->pb,     &m->za,
                          &m->zb,  &m->slope_a, &m->slope_b, &m->rate_a, &m->rate_b};
  m->value = m->size = 0;
  relax_maxima(&row, &m->value, &m->size);
}

static Maximum random_maximum(ExtremeMode mode, Prng *prng)
{
  Maximum m = {.alpha =
                   prng_below(prng, 3) ? prng_unit(prng) : prng_below(prng, 3) / 2.0};
  interval(mode, prng, &m.la, &m.ua);
  interval(mode, prng, &m.lb, &m.ub);
  m.lam =
      mode == EXTREME_ORDINARY ? prng_range(prng, -2, 2) : extreme_number(mode, prng);
  return m;
}

/* The function whose minimum phi is, in rationals: to = lam max (a, b) - pa a - pb b.
 */
static void put(mpq_t to, const Maximum *m, mpq_srcptr a, mpq_srcptr b)
{
  mpq_t t, x;
  mpq_inits(t, x, NULL);
  mpq_set_d(x, m->lam);
  mpq_mul(to, x, mpq_cmp(a, b) > 0 ? a : b);
  mpq_set_d(x, m->pa);
  mpq_mul(t, x, a);
  mpq_sub(to, to, t);
  mpq_set_d(x, m->pb);
  mpq_mul(t, x, b);
  mpq_sub(to, to, t);
  mpq_clears(t, x, NULL);
}

/* The exact minimum: a piecewise linear function has it where three of the lines a =
 * la, a = ua, b = lb, b = ub, a = b meet in pairs, inside the rectangle. */
static void exact_minimum(const Maximum *m, mpq_t least)
{
  const double ends[4] = {m->la, m->ua, m->lb, m->ub};
  mpq_t a, b, at;
  bool any = false;
  mpq_inits(a, b, at, NULL);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      mpq_set_d(a, ends[i]);
      mpq_set_d(b, ends[j]);
      if (rational_compare(a, m->la) < 0 || rational_compare(a, m->ua) > 0 ||
          rational_compare(b, m->lb) < 0 || rational_compare(b, m->ub) > 0)
        continue;
      put(at, m, a, b);
      if (!any || mpq_cmp(at, least) < 0) mpq_set(least, at);
      any = true;
    }
  mpq_clears(a, b, at, NULL);
}

/* What rounding may cost one row, as the Lagrangian takes it away. */
static double rounding(const Maximum *m)
{
  return round_gamma(7) * m->size + ROUND_TINY;
}

/* phi is the minimum but for rounding, in every kind of interval; 5e-300 and 1e30 too.
 */
Test(relax, maxima_have_the_exact_minimum)
{
  Prng prng = prng_init(310);
  long finite = 0, open = 0;
  for (int t = 0; t < 40000; t++) {
    Maximum m = random_maximum((ExtremeMode)(t % EXTREME_N), &prng);
    relax(&m);
    if (!isfinite(m.value) || !isfinite(m.size)) continue;
    finite++;
    open += relax_is_open_max(m.la, m.ua, m.lb, m.ub);
    mpq_t least;
    mpq_init(least);
    exact_minimum(&m, least);
    cr_assert(rational_compare(least, m.value - rounding(&m)) >= 0 &&
                  rational_compare(least, m.value + rounding(&m)) <= 0,
              "[%g, %g] and [%g, %g], lam %g alpha %g: %.17g is not %.17g", m.la, m.ua,
              m.lb, m.ub, m.lam, m.alpha, m.value, mpq_get_d(least));
    mpq_clear(least);
  }
  cr_assert(finite > 20000 && open > 3000, "%ld, %ld", finite, open);
}

/* The planes of the header lie on their side of the maximum and touch it. */
Test(relax, planes_of_maxima_touch_them)
{
  Prng prng = prng_init(311);
  for (int t = 0; t < 20000; t++) {
    Maximum m = random_maximum(EXTREME_ORDINARY, &prng);
    m.lam = t % 2 ? 1 : -1;
    if (t % 3 == 0) m.alpha = prng_below(&prng, 2);
    relax(&m);
    const double width = fmax(m.ua, m.ub) - fmin(m.la, m.lb);
    const double top = fmax(m.ua, m.ub);
    const bool is_open = relax_is_open_max(m.la, m.ua, m.lb, m.ub);
    if (m.lam > 0) cr_assert_float_eq(m.value, 0, 1e-13 * (1 + width));
    if (!is_open) cr_assert_float_eq(m.value, 0, 0, "one input is the larger");
    if (!is_open || m.lam > 0) continue;
    /* At the centre every one is (ua + ub) / 2, and its largest value is no less than
     * the maximum's; the usual one gives that. */
    const double centre =
        m.slope_a * (m.la / 2 + m.ua / 2) + m.slope_b * (m.lb / 2 + m.ub / 2) - m.value;
    const double most = m.slope_a * m.ua + m.slope_b * m.ub - m.value;
    cr_assert_float_eq(centre, m.ua / 2 + m.ub / 2, 1e-12 * (1 + fabs(top)));
    cr_assert_geq(most, top - 1e-12 * (1 + fabs(top)));
    if (t % 3 == 0) cr_assert_float_eq(most, top, 1e-12 * (1 + fabs(top)));
  }
}

/* Rates are derivatives of the slopes, the minimiser those of the minimum (but at its
 * kinks). */
Test(relax, rates_of_maxima_are_derivatives)
{
  Prng prng = prng_init(312);
  const double h = 1e-6;
  long smooth = 0;
  for (int t = 0; t < 20000; t++) {
    Maximum m = random_maximum(EXTREME_ORDINARY, &prng);
    m.alpha = prng_range(&prng, 0.01, 0.99);
    if (fabs(m.alpha - 0.5) < 0.01) continue;
    relax(&m);
    Maximum more = m, less = m;
    more.alpha += h;
    less.alpha -= h;
    relax(&more);
    relax(&less);
    cr_assert_float_eq((more.slope_a - less.slope_a) / (2 * h), m.rate_a, 1e-6);
    cr_assert_float_eq((more.slope_b - less.slope_b) / (2 * h), m.rate_b, 1e-6);
    const bool same = more.za == less.za && more.zb == less.zb;
    if (!same && m.lam < 0) continue;
    smooth++;
    const double slope = -m.lam * (m.rate_a * m.za + m.rate_b * m.zb);
    cr_assert_float_eq((more.value - less.value) / (2 * h), slope, 1e-5);
  }
  cr_assert_gt(smooth, 10000);
}

/* Nothing that is no number becomes a bound. */
Test(relax, maxima_of_what_is_no_number_have_no_bound)
{
  const double bad[3] = {NAN, INFINITY, -INFINITY};
  for (int f = 0; f < 6; f++)
    for (int k = 0; k < 3; k++) {
      Maximum m = {
          .la = -1, .ua = 2, .lb = 0, .ub = 3, .lam = f % 2 ? 1 : -1, .alpha = 0.25};
      double *field[6] = {&m.la, &m.ua, &m.lb, &m.ub, &m.lam, &m.alpha};
      *field[f] = bad[k];
      relax(&m);
      cr_assert_not(isfinite(m.value) && isfinite(m.size), "%d %d: %g", f, k, m.value);
    }
}

/* The usual alpha: the input with the higher centre, the first of two equal ones. */
Test(relax, the_usual_input_of_a_maximum_has_the_higher_centre)
{
  cr_assert(relax_prefers_second(-1, 1, -0.5, 1));
  cr_assert_not(relax_prefers_second(-0.5, 1, -1, 1));
  cr_assert_not(relax_prefers_second(0, 1, 0, 1));
  cr_assert_not(relax_prefers_second(-INFINITY, 1, 0, INFINITY));
}

Test(relax, intervals_of_maxima_are_the_exact_range)
{
  Prng prng = prng_init(313);
  for (int t = 0; t < 4000; t++) {
    Bounded f = bounded_new(pair_net(NODE_MAX), 0, &prng);
    for (int i = 0; i < 2; i++) {
      interval((ExtremeMode)(t % EXTREME_N), &prng, &f.lo[i], &f.hi[i]);
      bounds_meet(f.b, 1 + i, 0, 0, f.lo[i], f.hi[i]);
    }
    ibp_node(f.b, lagrangian_linop(f.L), 3);
    for (int side = 0; side < 2; side++) {
      const double *x = side ? f.hi : f.lo;
      cr_assert_eq(side ? f.b->hi[3][0] : f.b->lo[3][0], x[0] > x[1] ? x[0] : x[1]);
    }
    cr_assert_eq(f.b->down[1][0], relax_prefers_second(f.b->lo[1][0], f.b->hi[1][0],
                                                       f.b->lo[2][0], f.b->hi[2][0]));
    bounded_free(&f);
  }
}
