/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/phi.h: never above a sample (MPFR), nowhere far below the smallest value
 * of a search in long double. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <string.h>

#include "net/curve.h"
#include "specs/check/phi.h"
#include "tests/support/families.h"
#include "tests/support/precise.h"

TestSuite(phi, .timeout = 300);

#define BITS 160

/* lam, and a p near the slopes that matter: those of lines and of tangents at *at. */
static void draw_objective(Prng *p, ActKind kind, double l, double u, double *lam,
                           double *slope, double *at)
{
  static const double sizes[] = {1, 1, 1, 1e-3, 1e5, 1e-200, 1e100, 1e-310};
  *lam = families_sign(p) * sizes[prng_below(p, 8)] * (0.5 + prng_unit(p));
  if (prng_below(p, 20) == 0) *lam = 0;
  *at = families_between(p, l, u);
  const double alpha[] = {0, 0.5, 1, prng_unit(p)};
  double s = 0;
  switch (prng_below(p, 4)) {
  case 0:
    s = phi_slope(kind, l, u, *lam < 0 ? -1 : 1, alpha[prng_below(p, 4)]);
    break;
  case 1:
    s = act_slope(kind, *at);
    break;
  case 2:
    s = families_draw(p, (Family)prng_below(p, N_FAMILIES));
    break;
  default:
    s = families_sign(p) * prng_unit(p);
  }
  *slope = *lam == 0 ? s : *lam * s;
  if (!isfinite(*slope)) *slope = 0;
}

/* ---- never above a sample -------------------------------------------------- */

/* y = lam h (z) - p z, wrong by 2^-140 of *size at most. */
static void objective(ActKind kind, double z, double lam, double p, mpfr_t y, mpfr_t pz,
                      mpfr_t size)
{
  precise_value(kind, z, y);
  mpfr_mul_d(y, y, lam, MPFR_RNDN);
  mpfr_set_d(pz, p, MPFR_RNDN);
  mpfr_mul_d(pz, pz, z, MPFR_RNDN);
  mpfr_abs(size, y, MPFR_RNDN);
  mpfr_sub(y, y, pz, MPFR_RNDN);
  mpfr_abs(pz, pz, MPFR_RNDN);
  mpfr_add(size, size, pz, MPFR_RNDN);
  mpfr_mul_2si(size, size, -140, MPFR_RNDN);
}

#define N_INTERVALS (strcmp(DUALCERT_MODE, "asan") ? 2400 : 300)
#define N_SAMPLES   6

static void check_below(ActKind kind)
{
  Prng p = prng_init(41 + (uint64_t)kind);
  mpfr_t y, pz, size;
  mpfr_inits2(BITS, y, pz, size, (mpfr_ptr)0);
  int known = 0;
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < N_INTERVALS; i++) {
      double l, u, lam, slope, at;
      families_interval(&p, kind, f, &l, &u);
      draw_objective(&p, kind, l, u, &lam, &slope, &at);
      const double m = phi_min(kind, l, u, lam, slope);
      cr_assert(m < INFINITY, "%s [%a, %a] %a %a: %g", act_name(kind), l, u, lam, slope,
                m); /* NaN fails too */
      known += m > -INFINITY;
      for (int k = 0; m > -INFINITY && k < N_SAMPLES; k++) {
        double z = k == 0 ? l : k == 1 ? u : k == 2 ? at : families_between(&p, l, u);
        if (k == 3) z = nextafter(l < 0 && u >= 0 ? 0 : floor(u), l);
        if (k == 4) z = l / 2 + u / 2;
        if (z < l || z > u) z = l;
        objective(kind, z, lam, slope, y, pz, size);
        mpfr_add(y, y, size, MPFR_RNDU);
        cr_assert(mpfr_cmp_d(y, m) >= 0,
                  "%s, %s [%a, %a], lam %a, p %a: %a at %a is below %a", act_name(kind),
                  families_names[f], l, u, lam, slope, mpfr_get_d(y, MPFR_RNDN), z, m);
      }
    }
  cr_assert(known > N_FAMILIES * N_INTERVALS * 9 / 10, "%s: known %d", act_name(kind),
            known);
  mpfr_clears(y, pz, size, (mpfr_ptr)0);
  mpfr_free_cache();
}

/* Any two points of a convex piece, the touching point or not. */
static void check_tangents(ActKind kind)
{
  Prng p = prng_init(441 + (uint64_t)kind);
  CurvePiece piece[CURVE_MAX_PIECES];
  mpfr_t y, pz, size;
  mpfr_inits2(BITS, y, pz, size, (mpfr_ptr)0);
  for (int i = 0; i < 6000; i++) {
    double l, u, unused, slope, lam;
    families_interval(&p, kind, (Family)prng_below(&p, 3), &l, &u);
    draw_objective(&p, kind, l, u, &lam, &slope, &unused);
    const int n = curve_pieces(kind, l, u, piece);
    if (n == 0 || lam == 0) continue;
    const int k = (int)prng_below(&p, (uint64_t)n);
    const double a = k ? piece[k - 1].to : l, b = piece[k].to;
    if (piece[k].curve * lam <= 0 || !(a < b)) continue;
    const double one = families_between(&p, a, b),
                 two = prng_below(&p, 3) ? families_between(&p, a, b) : one;
    const double t1 = fmin(one, two), t2 = fmax(one, two);
    const double m = phi_tangents(kind, a, t1, t2, b, lam, slope);
    for (int j = 0; j < 8; j++) {
      double z = j == 0 ? a : j == 1 ? b : families_between(&p, a, b);
      if (j > 4) z = families_between(&p, t1, t2);
      objective(kind, z, lam, slope, y, pz, size);
      mpfr_add(y, y, size, MPFR_RNDU);
      cr_assert(mpfr_cmp_d(y, m) >= 0, "%s [%a, %a] at %a, %a, lam %a, p %a: %a at %a",
                act_name(kind), a, b, t1, t2, lam, slope, m, z);
    }
  }
  mpfr_clears(y, pz, size, (mpfr_ptr)0);
  mpfr_free_cache();
}

static bool has_kink(ActKind kind, double z)
{
  return ((kind == ACT_RELU || kind == ACT_SIGN || kind == ACT_SQRT) && z == 0) ||
         (kind == ACT_HARDSWISH && fabs(z) == 3) || kind == ACT_FLOOR;
}

static void check_derivative(ActKind kind)
{
  Prng p = prng_init(541 + (uint64_t)kind);
  mpfr_t y;
  mpfr_init2(y, BITS);
  for (int i = 0; i < 20000; i++) {
    double lo, hi;
    const double z = families_inside(&p, kind, (Family)(i % N_FAMILIES));
    phi_derivative(kind, z, &lo, &hi);
    if (has_kink(kind, z)) continue;
    precise_slope(kind, z, y);
    cr_assert(mpfr_cmp_d(y, lo) >= 0 && mpfr_cmp_d(y, hi) <= 0,
              "%s: slope %a at %a is not in [%a, %a]", act_name(kind),
              mpfr_get_d(y, MPFR_RNDN), z, lo, hi);
    if (fabs(z) < 5 && fabs(z) > 1e-3)
      cr_assert(hi - lo <= 1e-12 * (1 + fabs(lo)), "%s at %a", act_name(kind), z);
  }
  mpfr_clear(y);
  mpfr_free_cache();
}

/* ---- tight ------------------------------------------------------------------ */

static long double objective_l(ActKind kind, double lam, double p, long double z)
{
  return lam * families_value(kind, z) - p * z;
}

#define GRID 400

/* Points of [l, u] in order: close to either end in powers of 2, and in equal steps;
 * both sides of jumps. */
static int make_grid(double l, double u, long double *z)
{
  int n = 0;
  const long double width = (long double)u - l;
  z[n++] = l;
  for (int k = 1100; k >= 4; k -= 2)
    z[n++] = l + ldexpl(width, -k);
  for (int k = GRID / 16; k <= GRID - GRID / 16; k++)
    z[n++] = l + width * k / GRID;
  for (int k = 4; k <= 1100; k += 2)
    z[n++] = u - ldexpl(width, -k);
  z[n++] = u;
  return n;
}

static void improve(ActKind kind, double lam, double p, long double z,
                    long double *best, long double *at)
{
  const long double v = objective_l(kind, lam, p, z);
  if (v < *best) {
    *best = v;
    *at = z;
  }
}

/* The smallest value found: the grid, then thirds around each of its lowest points. */
static long double search_min(ActKind kind, double l, double u, double lam, double p,
                              long double *at)
{
  long double z[GRID + 1200], best = INFINITY;
  const int n = make_grid(l, u, z);
  const double jumps[] = {0, floor(l) + 1, floor(u)};
  for (int i = 0; i < 9; i++) {
    const long double j = jumps[i / 3];
    const long double side = i % 3 == 0 ? j : nextafterl(j, i % 3 == 1 ? -1e9L : 1e9L);
    if (side >= l && side <= u) improve(kind, lam, p, side, &best, at);
  }
  for (int k = 0; k < n; k++) {
    long double a = z[k > 0 ? k - 1 : k], b = z[k < n - 1 ? k + 1 : k];
    const long double v = objective_l(kind, lam, p, z[k]);
    improve(kind, lam, p, z[k], &best, at);
    if (v > objective_l(kind, lam, p, a) || v > objective_l(kind, lam, p, b)) continue;
    for (int i = 0; i < 80 && a < b; i++) {
      const long double z1 = a + (b - a) / 3, z2 = b - (b - a) / 3;
      improve(kind, lam, p, z1, &best, at);
      improve(kind, lam, p, z2, &best, at);
      if (objective_l(kind, lam, p, z1) < objective_l(kind, lam, p, z2))
        b = z2;
      else
        a = z1;
    }
  }
  return best;
}

static void check_tight(ActKind kind)
{
  static const Family families[] = {LEFT, RIGHT, CROSSING, CROSSING, TINY};
  Prng p = prng_init(141 + (uint64_t)kind);
  for (int i = 0; i < 600; i++) {
    double l, u, lam, slope, unused;
    long double at = 0;
    const Family f = families[i % 5];
    do
      families_interval(&p, kind, f, &l, &u);
    while (u - l > 60 || u > 60 || l < -60);
    draw_objective(&p, kind, l, u, &lam, &slope, &unused);
    lam = copysign(1, lam);
    if (!(fabs(slope) < 1e100)) slope = 0;
    const double m = phi_min(kind, l, u, lam, slope);
    const long double v = search_min(kind, l, u, lam, slope, &at);
    const double most = fmax(fabs(l), fabs(u));
    long double size =
        1e-13L * (fabsl(families_value(kind, at)) + fabs(slope) * most) + 1e-288L;
    /* Their turns are irrational numbers: phi.h says what that costs. */
    if (kind == ACT_SIN || kind == ACT_COS) size += 0x1p-53L;
    if (kind == ACT_SILU || kind == ACT_GELU) size += 0x1p-75L * most * 2;
    cr_assert(m >= v - size || v < -1e308L,
              "%s, %s [%.17g, %.17g], lam %g, p %.17g: %.17g, but %.17Lg at %.17Lg",
              act_name(kind), families_names[f], l, u, lam, slope, m, v, at);
  }
}

/* What the width must not cost: a line that touches at 0.7, over 1e25. */
Test(phi, is_tight_on_wide_intervals)
{
  static const ActKind kinds[] = {ACT_SQUARE, ACT_SOFTPLUS, ACT_LOGCOSH, ACT_ELU};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    const double slope = act_slope(kinds[k], 0.7), end = 1e25;
    const double m = phi_min(kinds[k], -end, end, 2, 2 * slope);
    const double want = 2 * (double)(families_value(kinds[k], 0.7L) - slope * 0.7L);
    cr_expect(m <= want && m >= want - 1e-9, "%s: %.17g, not %.17g", act_name(kinds[k]),
              m, want);
  }
  /* To the left of its inflection the sigmoid is convex. */
  const double s = act_slope(ACT_SIGMOID, -2);
  const double want = (double)(families_value(ACT_SIGMOID, -2) + 2 * s);
  const double m = phi_min(ACT_SIGMOID, -1e25, 0, 1, s);
  cr_expect(m <= want && m >= want - 1e-12, "%.17g, not %.17g", m, want);
}

/* ---- what is not known ------------------------------------------------------- */

Test(phi, knows_nothing_of_infinite_or_undefined)
{
  static const struct {
    double l, u, lam, p;
  } list[] = {{-INFINITY, 1, 1, 1}, {0.5, INFINITY, 1, 0}, {1, 2, NAN, 0},
              {1, 2, 0, NAN},       {NAN, 2, 1, 0},        {1, NAN, 1, 0},
              {1, 2, INFINITY, 0},  {1, 2, 1, -INFINITY},  {2, 1, 1, 1}};
  for (ActKind kind = 0; kind < ACT_COUNT; kind++)
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
      cr_expect_eq(phi_min(kind, list[k].l, list[k].u, list[k].lam, list[k].p),
                   -INFINITY, "%s, %zu", act_name(kind), k);
  cr_expect_eq(phi_min(ACT_LOG, 0, 1, 0, 0), -INFINITY);
  cr_expect_eq(phi_min(ACT_LOG, -1, 1, 1, 0), -INFINITY);
  cr_expect_eq(phi_min(ACT_SQRT, -DBL_MIN, 1, 1, 0), -INFINITY);
  cr_expect_eq(phi_min(ACT_RECIPROCAL, -1, 1, 1, 0), -INFINITY);
  cr_expect_eq(phi_min(ACT_RECIPROCAL, 0, 1, -1, 0), -INFINITY);
  cr_expect_eq(phi_min(ACT_EXP, 0, 1000, -1, 0), -INFINITY);
  cr_expect(phi_min(ACT_EXP, 0, 1000, 1, 0) > 0.99);
}

/* Bounds that are 0 are 0: a margin of one denormal is not lost to rounding. */
Test(phi, is_exact_where_nothing_rounds)
{
  Prng p = prng_init(7);
  for (int i = 0; i < 1000; i++) {
    const double l = -prng_unit(&p), u = prng_unit(&p), lam = prng_unit(&p);
    cr_expect_eq(phi_min(ACT_RELU, l, u, lam, lam), 0);
    cr_expect_eq(phi_min(ACT_RELU, l, u, lam, 0), 0);
    cr_expect_eq(phi_min(ACT_RELU, 0, u, -lam, -lam), 0);
    cr_expect_eq(phi_min(ACT_SIGN, l, u, 0, 0), 0);
  }
  cr_expect_eq(phi_min(ACT_SQUARE, -1, 3, 1, 2), -1);
  cr_expect_eq(phi_min(ACT_SQUARE, -1, 3, -1, -2), -3);
  cr_expect_eq(phi_min(ACT_FLOOR, 0.5, 3.5, 1, 1), -1);
  cr_expect_eq(phi_min(ACT_SIGN, -1, 2, 1, 1), -1);
}

/* ---- ranges ------------------------------------------------------------------ */

static void check_range(ActKind kind)
{
  Prng p = prng_init(341 + (uint64_t)kind);
  mpfr_t y;
  mpfr_init2(y, BITS);
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < 2000; i++) {
      double l, u, lo, hi;
      families_interval(&p, kind, f, &l, &u);
      phi_range(kind, l, u, &lo, &hi);
      for (int k = 0; k < 4; k++) {
        const double z = k == 0 ? l : k == 1 ? u : families_between(&p, l, u);
        precise_value(kind, z, y);
        cr_assert(mpfr_cmp_d(y, lo) >= 0 && mpfr_cmp_d(y, hi) <= 0,
                  "%s [%a, %a]: not in [%a, %a] at %a", act_name(kind), l, u, lo, hi,
                  z);
      }
    }
  mpfr_clear(y);
  mpfr_free_cache();
}

/* ---- products ---------------------------------------------------------------- */

static void product(double a, double b, double lam, double pa, double pb, mpfr_t y,
                    mpfr_t term)
{
  mpfr_set_d(y, lam, MPFR_RNDN);
  mpfr_mul_d(y, y, a, MPFR_RNDN);
  mpfr_mul_d(y, y, b, MPFR_RNDN);
  mpfr_set_d(term, pa, MPFR_RNDN);
  mpfr_mul_d(term, term, a, MPFR_RNDN);
  mpfr_sub(y, y, term, MPFR_RNDN);
  mpfr_set_d(term, pb, MPFR_RNDN);
  mpfr_mul_d(term, term, b, MPFR_RNDN);
  mpfr_sub(y, y, term, MPFR_RNDN);
}

/* Exact in 4000 bits: no exponent below is outside of -1100 and 500. */
Test(phi, bounds_products)
{
  Prng p = prng_init(9);
  mpfr_t y, term, least;
  mpfr_inits2(4000, y, term, least, (mpfr_ptr)0);
  for (int i = 0; i < 20000; i++) {
    const Family f = (Family)(i % N_FAMILIES),
                 other = (Family)prng_below(&p, N_FAMILIES);
    double la, ua, lb, ub;
    families_interval(&p, ACT_RELU, f, &la, &ua);
    families_interval(&p, ACT_RELU, other, &lb, &ub);
    const double lam = families_draw(&p, (Family)prng_below(&p, N_FAMILIES));
    const double pa =
        prng_below(&p, 2) ? lam * (lam < 0 ? ub : lb) : families_draw(&p, other);
    const double pb = prng_below(&p, 2) ? lam * la : families_draw(&p, f);
    const double m = phi_min_product(la, ua, lb, ub, lam, pa, pb);
    double size = 0;
    for (int k = 0; k < 10; k++) {
      const double a = k < 4 ? (k & 1 ? ua : la) : families_between(&p, la, ua);
      const double b = k < 4 ? (k & 2 ? ub : lb) : families_between(&p, lb, ub);
      product(a, b, lam, pa, pb, y, term);
      cr_assert(mpfr_cmp_d(y, m) >= 0, "[%a, %a] x [%a, %a] %a %a %a: %a at %a, %a", la,
                ua, lb, ub, lam, pa, pb, m, a, b);
      if (k == 0 || mpfr_less_p(y, least)) mpfr_set(least, y, MPFR_RNDN);
      if (k < 4)
        size = fmax(size, fabs(lam * a * b) + fabs(pa * a) + fabs(pb * b) +
                              DBL_MIN * (1 + fabs(b)));
    }
    cr_assert(m >= mpfr_get_d(least, MPFR_RNDD) - 8 * DBL_EPSILON * size,
              "[%a, %a] x [%a, %a] %a %a %a: %a is low", la, ua, lb, ub, lam, pa, pb,
              m);
  }
  mpfr_clears(y, term, least, (mpfr_ptr)0);
  cr_expect_eq(phi_min_product(-1, 2, -3, 4, 1, -3, -1), -3); /* (a + 1) (b + 3) - 3 */
  cr_expect_eq(phi_min_product(-1, 2, -3, INFINITY, 1, 0, 0), -INFINITY);
  cr_expect_eq(phi_min_product(-1, 2, -3, 4, NAN, 0, 0), -INFINITY);
  cr_expect_eq(phi_min_product(-1e200, 1e200, -1e200, 1e200, 1, 0, 0), -INFINITY);
}

/* ---- one test of each sort for every kind ------------------------------------- */

#define ACT(kind, name, op, shape)                                                     \
  Test(phi, is_below_samples_of_##kind)                                                \
  {                                                                                    \
    check_below(ACT_##kind);                                                           \
  }                                                                                    \
  Test(phi, is_tight_for_##kind)                                                       \
  {                                                                                    \
    check_tight(ACT_##kind);                                                           \
  }                                                                                    \
  Test(phi, tangents_are_below_##kind)                                                 \
  {                                                                                    \
    check_tangents(ACT_##kind);                                                        \
  }                                                                                    \
  Test(phi, encloses_the_slope_of_##kind)                                              \
  {                                                                                    \
    check_derivative(ACT_##kind);                                                      \
  }                                                                                    \
  Test(phi, encloses_ranges_of_##kind)                                                 \
  {                                                                                    \
    check_range(ACT_##kind);                                                           \
  }
#include "net/act.def"
#undef ACT
