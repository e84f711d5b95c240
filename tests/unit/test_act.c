/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/act.h and net/curve.h against MPFR: many points of every size, for every kind. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <string.h>

#include "net/act.h"
#include "net/base/prng.h"
#include "net/curve.h"
#include "tests/support/precise.h"

/* Of each family; the sanitizers look for other things. */
#define N_POINTS (strcmp(DUALCERT_MODE, "asan") ? 100000 : 10000)
#define BITS     80

/* ---- families of points and intervals ------------------------------------ */

typedef enum { LEFT, RIGHT, CROSSING, HUGE_, TINY, POINT, DENORMAL, N_FAMILIES } Family;

static const char *const family_names[] = {"left", "right", "crossing", "huge",
                                           "tiny", "point", "denormal"};

/* Where functions turn, overflow, underflow or change their formula. */
static const double special[] = {0,
                                 0.5,
                                 1,
                                 1.5,
                                 3,
                                 -0x1.331e23ad9de11p+1,
                                 -1.2784645427610738,
                                 -0.7517915246935645,
                                 1.4142135623730951,
                                 1.5707963267948966,
                                 3.141592653589793,
                                 4.71238898038469,
                                 6.283185307179586,
                                 26.5,
                                 36.7,
                                 38.5,
                                 709.782712893384,
                                 745.1332191019411,
                                 1e10,
                                 0x1p20,
                                 0x1p27,
                                 DBL_MAX,
                                 DBL_MIN,
                                 0x1p-27};
#define N_SPECIAL (int)(sizeof special / sizeof *special)

static double sign_of(Prng *p)
{
  return prng_below(p, 2) ? 1 : -1;
}

static double draw(Prng *p, Family f)
{
  double x;
  switch (f) {
  case LEFT:
    return -30 * prng_unit(p);
  case RIGHT:
    return 30 * prng_unit(p);
  case CROSSING:
    return sign_of(p) * 3 * prng_unit(p);
  case HUGE_:
    return sign_of(p) * pow(10, 1 + 29 * prng_unit(p));
  case TINY:
    return sign_of(p) * pow(10, -1 - 299 * prng_unit(p));
  case POINT:
    x = sign_of(p) * special[prng_below(p, N_SPECIAL)];
    for (int k = (int)prng_below(p, 4); k > 0; k--)
      x = nextafter(x, prng_below(p, 2) ? 2 * x + 1 : 0);
    return isfinite(x) ? x : 1;
  case DENORMAL:
    return sign_of(p) * DBL_MIN * prng_unit(p);
  case N_FAMILIES:
    break;
  }
  return 0;
}

/* A point where h is defined. */
static double draw_inside(Prng *p, ActKind kind, Family f)
{
  for (;;) {
    double x = draw(p, f);
    if (kind == ACT_LOG || kind == ACT_SQRT) x = fabs(x);
    if ((kind == ACT_LOG || kind == ACT_RECIPROCAL) && x == 0) continue;
    return x;
  }
}

/* An interval where h is defined, of one family or between two. */
static void draw_interval(Prng *p, ActKind kind, Family f, double *lo, double *hi)
{
  const Family other = prng_below(p, 4) ? f : (Family)prng_below(p, N_FAMILIES);
  const double a = draw_inside(p, kind, f);
  double b = draw_inside(p, kind, other);
  if (f == POINT && prng_below(p, 2)) b = a;
  if (kind == ACT_RECIPROCAL) b = copysign(b, a);
  *lo = fmin(a, b);
  *hi = fmax(a, b);
}

static double between(Prng *p, double lo, double hi)
{
  const double x = lo + prng_unit(p) * (hi / 2 - lo / 2) * 2;
  return x < lo || !isfinite(x) ? lo : x > hi ? hi : x;
}

/* ---- values -------------------------------------------------------------- */

static void check_point(ActKind kind, double x, mpfr_t y)
{
  double lo, hi;
  precise_value(kind, x, y);
  act_point(kind, x, &lo, &hi);
  cr_assert(lo <= hi && mpfr_cmp_d(y, lo) >= 0 && mpfr_cmp_d(y, hi) <= 0,
            "%s (%.17g) = %.17g is not in [%.17g, %.17g]", act_name(kind), x,
            mpfr_get_d(y, MPFR_RNDN), lo, hi);
  const double v = act_value(kind, x), t = mpfr_get_d(y, MPFR_RNDN);
  /* The enclosure is cut at the function's extreme values, a value may round beyond. */
  cr_assert(v >= lo - ACT_REL * fabs(v) && v <= hi + ACT_REL * fabs(v), "%s (%.17g)",
            act_name(kind), x);
  /* GELU loses digits in its left tail, and says so. */
  const double rel =
      kind == ACT_GELU && x < 0 ? 0x1p-46 * (1 + fmin(x * x, 1600)) : 0x1p-46;
  if (fabs(v) < 1e300)
    cr_assert(hi - lo <= rel * fabs(t) + 0x1p-950, "%s (%.17g): [%.17g, %.17g]",
              act_name(kind), x, lo, hi);
}

static void check_point32(ActKind kind, float x, mpfr_t y)
{
  if (!isfinite(x) || ((kind == ACT_LOG || kind == ACT_RECIPROCAL) && x == 0)) return;
  precise_value(kind, (double)x, y);
  const double v = (double)act_value32(kind, x), t = mpfr_get_d(y, MPFR_RNDN);
  cr_assert(!isnan(v), "%s (%.9g) in float32", act_name(kind), (double)x);
  if (fabs(t) > (double)FLT_MAX * 0.99) return;
  /* In units of 2^-24.  A gate that is nearly closed loses digits; its product with x
   * is near 0, and the bound absolute there. */
  const bool tail =
      (kind == ACT_SILU || kind == ACT_GELU || kind == ACT_HARDSWISH) && x < 0;
  cr_assert(fabs(v - t) <= 8 * 0x1p-24 * (tail ? fmax(fabs(t), 1) : fabs(t)) + 0x1p-140,
            "%s (%.9g) = %.9g in float32, not %.9g", act_name(kind), (double)x, v, t);
}

static void check_points(ActKind kind)
{
  Prng p = prng_init(17 + (uint64_t)kind);
  mpfr_t y;
  mpfr_init2(y, BITS);
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < N_POINTS; i++) {
      const double x = draw_inside(&p, kind, f);
      check_point(kind, x, y);
      if (i % 4 == 0) check_point32(kind, (float)x, y);
    }
  mpfr_clear(y);
  mpfr_free_cache();
}

/* ---- intervals ----------------------------------------------------------- */

#define N_INNER 6

static void check_interval(Prng *p, ActKind kind, Family f, mpfr_t y)
{
  double lo, hi, a, b;
  draw_interval(p, kind, f, &lo, &hi);
  act_enclose(kind, lo, hi, &a, &b);
  cr_assert(a <= b, "%s [%.17g, %.17g]", act_name(kind), lo, hi);
  for (int k = 0; k < N_INNER; k++) {
    double x = k == 0 ? lo : k == 1 ? hi : between(p, lo, hi);
    if (k == 2) { /* a point where functions turn, if there is one */
      const double s = sign_of(p) * special[prng_below(p, N_SPECIAL)];
      if (s >= lo && s <= hi) x = s;
    }
    if ((kind == ACT_LOG || kind == ACT_RECIPROCAL) && x == 0) continue;
    precise_value(kind, x, y);
    cr_assert(mpfr_cmp_d(y, a) >= 0 && mpfr_cmp_d(y, b) <= 0,
              "%s, %s [%.17g, %.17g]: at %.17g %.17g is not in [%.17g, %.17g]",
              act_name(kind), family_names[f], lo, hi, x, mpfr_get_d(y, MPFR_RNDN), a,
              b);
  }
}

static void check_intervals(ActKind kind)
{
  Prng p = prng_init(117 + (uint64_t)kind);
  mpfr_t y;
  mpfr_init2(y, BITS);
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < N_POINTS / N_INNER + 1; i++)
      check_interval(&p, kind, f, y);
  mpfr_clear(y);
  mpfr_free_cache();
}

/* Nothing is known outside of the domain, and nothing is NaN at its end. */
Test(act, knows_nothing_outside_of_a_domain)
{
  static const struct {
    ActKind kind;
    double lo, hi;
  } list[] = {{ACT_LOG, 0, 1},         {ACT_LOG, -1, 1},        {ACT_LOG, -2, -1},
              {ACT_SQRT, -DBL_MIN, 1}, {ACT_RECIPROCAL, -1, 1}, {ACT_RECIPROCAL, 0, 1},
              {ACT_RECIPROCAL, -1, 0}, {ACT_RECIPROCAL, 0, 0}};
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    double a, b;
    act_enclose(list[k].kind, list[k].lo, list[k].hi, &a, &b);
    cr_expect(a == -INFINITY && b == INFINITY, "%s", act_name(list[k].kind));
  }
  for (ActKind kind = 0; kind < ACT_COUNT; kind++) {
    double a, b;
    const double from =
        kind == ACT_LOG || kind == ACT_SQRT || kind == ACT_RECIPROCAL ? 1 : -INFINITY;
    act_enclose(kind, from, INFINITY, &a, &b);
    cr_expect(a <= b, "%s", act_name(kind));
  }
}

/* ---- curvature ----------------------------------------------------------- */

#define CURVE_BITS 400

/* (b - m) h (a) + (m - a) h (b) - (b - a) h (m): >= 0 where h is convex.  The terms are
 * exact up to 2^-390 of them. */
static int chord_side(ActKind kind, double a, double m, double b)
{
  mpfr_t y, w, sum, size;
  mpfr_inits2(CURVE_BITS, y, w, sum, size, (mpfr_ptr)0);
  const double at[3] = {a, b, m}, from[3] = {m, a, a}, to[3] = {b, m, b};
  mpfr_set_ui(sum, 0, MPFR_RNDN);
  mpfr_set_ui(size, 0, MPFR_RNDN);
  for (int k = 0; k < 3; k++) {
    precise_value(kind, at[k], y);
    mpfr_set_d(w, to[k], MPFR_RNDN);
    mpfr_sub_d(w, w, from[k], MPFR_RNDN);
    mpfr_mul(y, y, w, MPFR_RNDN);
    (k == 2 ? mpfr_sub : mpfr_add)(sum, sum, y, MPFR_RNDN);
    mpfr_abs(y, y, MPFR_RNDN);
    mpfr_add(size, size, y, MPFR_RNDN);
  }
  mpfr_mul_2si(size, size, 20 - CURVE_BITS, MPFR_RNDN);
  const int side = mpfr_cmpabs(sum, size) <= 0 ? 0 : mpfr_sgn(sum);
  mpfr_clears(y, w, sum, size, (mpfr_ptr)0);
  return side;
}

static void check_piece(Prng *p, ActKind kind, double from, double to, int curve)
{
  if (!(from < to)) return;
  double a = between(p, from, to), b = between(p, from, to);
  if (prng_below(p, 3) == 0) a = from;
  if (prng_below(p, 3) == 0) b = to;
  if (a > b) {
    const double swap = a;
    a = b;
    b = swap;
  }
  const double m = between(p, a, b);
  const int side = chord_side(kind, a, m, b);
  cr_assert(side == 0 || side == curve,
            "%s: curve %d between %.17g and %.17g, found %d at %.17g %.17g %.17g",
            act_name(kind), curve, from, to, side, a, m, b);
}

static void check_pieces(Prng *p, ActKind kind, Family f)
{
  double lo, hi;
  CurvePiece pieces[CURVE_MAX_PIECES];
  draw_interval(p, kind, f, &lo, &hi);
  const int n = curve_pieces(kind, lo, hi, pieces);
  cr_assert(n >= 0 && n <= CURVE_MAX_PIECES);
  if (!n) {
    cr_assert(kind == ACT_SIN || kind == ACT_COS || kind == ACT_SIGN ||
                  kind == ACT_FLOOR,
              "%s [%.17g, %.17g]: no pieces", act_name(kind), lo, hi);
    return;
  }
  cr_assert_eq(pieces[n - 1].to, hi);
  double gap = 0;
  for (int k = 0; k < n; k++)
    gap = fmax(gap, pieces[k].gap);
  for (int k = 0; k < n; k++) {
    const double from = k ? pieces[k - 1].to : lo;
    cr_assert(from <= pieces[k].to);
    /* Gaps at both ends of the piece; nextafter, since a gap may be lost in rounding.
     */
    const double left = gap > 0 ? nextafter(from + gap, INFINITY) : from;
    const double right =
        gap > 0 ? nextafter(pieces[k].to - gap, -INFINITY) : pieces[k].to;
    check_piece(p, kind, left, right, pieces[k].curve);
  }
}

static void check_curve(ActKind kind)
{
  Prng p = prng_init(217 + (uint64_t)kind);
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < N_POINTS / 20; i++)
      check_pieces(&p, kind, f);
  mpfr_free_cache();
}

/* ---- slopes -------------------------------------------------------------- */

static bool has_kink(ActKind kind, double x)
{
  return ((kind == ACT_RELU || kind == ACT_SIGN) && x == 0) ||
         (kind == ACT_FLOOR && x == floor(x)) ||
         (kind == ACT_HARDSWISH && fabs(x) == 3) || (kind == ACT_SQRT && x == 0);
}

static void check_slopes(ActKind kind)
{
  Prng p = prng_init(317 + (uint64_t)kind);
  mpfr_t y;
  mpfr_init2(y, BITS);
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < N_POINTS; i++) {
      const double x = draw_inside(&p, kind, f);
      const double s = act_slope(kind, x), err = curve_slope_error(kind, x);
      cr_assert(err >= 0, "%s (%.17g): slope error %g", act_name(kind), x, err);
      if (has_kink(kind, x) || err == INFINITY) continue;
      precise_slope(kind, x, y);
      cr_assert(isfinite(s), "%s (%.17g): slope %g", act_name(kind), x, s);
      mpfr_sub_d(y, y, s, MPFR_RNDN);
      mpfr_abs(y, y, MPFR_RNDN);
      cr_assert(mpfr_cmp_d(y, err) <= 0, "%s (%.17g): slope %.17g is off by %g, not %g",
                act_name(kind), x, s, mpfr_get_d(y, MPFR_RNDN), err);
    }
  mpfr_clear(y);
  mpfr_free_cache();
}

/* A proposal inside the interval; for moderate numbers the slope is the one asked for.
 */
static void check_touch_in(ActKind kind, double lo, double hi, double s, bool moderate)
{
  const double z = curve_touch(kind, s, lo, hi);
  cr_assert(z >= lo && z <= hi, "%s: slope %g on [%.17g, %.17g] at %g", act_name(kind),
            s, lo, hi, z);
  if (!moderate) return;
  const double at_lo = act_slope(kind, lo), at_hi = act_slope(kind, hi);
  const double low = fmin(at_lo, at_hi), high = fmax(at_lo, at_hi);
  const double want = s < low ? low : s > high ? high : s;
  cr_assert(fabs(act_slope(kind, z) - want) <= 1e-6 * (1 + fabs(want)),
            "%s: slope %.17g on [%.17g, %.17g], proposed %.17g with slope %.17g",
            act_name(kind), s, lo, hi, z, act_slope(kind, z));
}

static void check_touch(ActKind kind)
{
  Prng p = prng_init(417 + (uint64_t)kind);
  for (Family f = 0; f < N_FAMILIES; f++)
    for (int i = 0; i < N_POINTS / 20; i++) {
      double lo, hi;
      CurvePiece pieces[CURVE_MAX_PIECES];
      draw_interval(&p, kind, f, &lo, &hi);
      const int n = curve_pieces(kind, lo, hi, pieces);
      for (int k = 0; k < n; k++) {
        const double from = k ? pieces[k - 1].to : lo, to = pieces[k].to;
        const double s = prng_below(&p, 8) ? 2 * draw(&p, CROSSING) : draw(&p, f);
        const bool moderate = fabs(from) < 20 && fabs(to) < 20 && fabs(s) < 20 &&
                              fabs(from) > 1e-3 && fabs(to) > 1e-3;
        if (pieces[k].curve) check_touch_in(kind, from, to, s, moderate);
      }
    }
}

/* ---- one test of each sort for every kind -------------------------------- */

#define ACT(kind, name, op, shape)                                                     \
  Test(act, encloses_points_of_##kind)                                                 \
  {                                                                                    \
    check_points(ACT_##kind);                                                          \
  }                                                                                    \
  Test(act, encloses_intervals_of_##kind)                                              \
  {                                                                                    \
    check_intervals(ACT_##kind);                                                       \
  }                                                                                    \
  Test(curve, knows_the_curvature_of_##kind)                                           \
  {                                                                                    \
    check_curve(ACT_##kind);                                                           \
  }                                                                                    \
  Test(curve, encloses_slopes_of_##kind)                                               \
  {                                                                                    \
    check_slopes(ACT_##kind);                                                          \
  }                                                                                    \
  Test(curve, proposes_points_of_a_slope_of_##kind)                                    \
  {                                                                                    \
    check_touch(ACT_##kind);                                                           \
  }
#include "net/act.def"
#undef ACT
