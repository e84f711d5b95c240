/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/phi.h: never above a sample (MPFR), nowhere far below the smallest value
 * of a search in long double, slopes against the convex hull of a grid. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <mpfr.h>

#include "net/base/prng.h"
#include "net/curve.h"
#include "specs/check/phi.h"
#include "tests/support/precise.h"

TestSuite(phi, .timeout = 300);

#define BITS 160

/* ---- families of intervals ------------------------------------------------ */

typedef enum { LEFT, RIGHT, CROSSING, HUGE_, TINY, POINT, DENORMAL, N_FAMILIES } Family;

static const char *const family_names[] = {"left", "right", "crossing", "huge",
                                           "tiny", "point", "denormal"};

/* Where functions turn, bend, saturate or overflow. */
static const double special[] = {0,
                                 0.5,
                                 1,
                                 3,
                                 2.39935728052,
                                 1.27846454276,
                                 1.41421356237,
                                 0.75179152469,
                                 1.57079632679,
                                 3.14159265359,
                                 6.28318530718,
                                 38.5,
                                 709.78,
                                 745.1,
                                 0x1p20,
                                 0x1p52,
                                 0x1p-27};
#define N_SPECIAL (sizeof special / sizeof *special)

static double sign_of(Prng *p)
{
  return prng_below(p, 2) ? 1 : -1;
}

static double draw(Prng *p, Family f)
{
  switch (f) {
  case LEFT:
    return -12 * prng_unit(p);
  case RIGHT:
    return 12 * prng_unit(p);
  case CROSSING:
    return sign_of(p) * 5 * prng_unit(p);
  case HUGE_:
    return sign_of(p) * pow(10, 30 * prng_unit(p));
  case TINY:
    return sign_of(p) * pow(10, -300 * prng_unit(p));
  case POINT:
    return sign_of(p) * special[prng_below(p, N_SPECIAL)];
  case DENORMAL:
    return sign_of(p) * DBL_MIN * prng_unit(p);
  case N_FAMILIES:
    break;
  }
  return 0;
}

static double draw_inside(Prng *p, ActKind kind, Family f)
{
  double x = draw(p, f);
  if (kind == ACT_LOG || kind == ACT_SQRT) x = fabs(x);
  return (kind == ACT_LOG || kind == ACT_RECIPROCAL) && x == 0 ? 1 : x;
}

/* Where h is defined; one family, or between two, or a point. */
static void draw_interval(Prng *p, ActKind kind, Family f, double *l, double *u)
{
  const Family other = prng_below(p, 4) ? f : (Family)prng_below(p, N_FAMILIES);
  const double a = draw_inside(p, kind, f);
  double b = draw_inside(p, kind, other);
  if (f == POINT && prng_below(p, 2)) b = nextafter(a, prng_below(p, 2) ? a : 2 * a);
  if (kind == ACT_RECIPROCAL) b = copysign(b, a);
  *l = fmin(a, b);
  *u = fmax(a, b);
}

static double between(Prng *p, double l, double u)
{
  const double z = l + prng_unit(p) * (u / 2 - l / 2) * 2;
  return z < l || !isfinite(z) ? l : z > u ? u : z;
}

/* lam, and a p near the slopes that matter: those of lines and of tangents at *at. */
static void draw_objective(Prng *p, ActKind kind, double l, double u, double *lam,
                           double *slope, double *at)
{
  static const double sizes[] = {1, 1, 1, 1e-3, 1e5, 1e-200, 1e100, 1e-310};
  *lam = sign_of(p) * sizes[prng_below(p, 8)] * (0.5 + prng_unit(p));
  if (prng_below(p, 20) == 0) *lam = 0;
  *at = between(p, l, u);
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
    s = draw(p, (Family)prng_below(p, N_FAMILIES));
    break;
  default:
    s = sign_of(p) * prng_unit(p);
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

#define N_INTERVALS 2400
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
      draw_interval(&p, kind, f, &l, &u);
      draw_objective(&p, kind, l, u, &lam, &slope, &at);
      const double m = phi_min(kind, l, u, lam, slope);
      cr_assert(m < INFINITY, "%s [%a, %a] %a %a: %g", act_name(kind), l, u, lam, slope,
                m); /* NaN fails too */
      known += m > -INFINITY;
      for (int k = 0; m > -INFINITY && k < N_SAMPLES; k++) {
        double z = k == 0 ? l : k == 1 ? u : k == 2 ? at : between(&p, l, u);
        if (k == 3) z = nextafter(l < 0 && u >= 0 ? 0 : floor(u), l);
        if (k == 4) z = l / 2 + u / 2;
        if (z < l || z > u) z = l;
        objective(kind, z, lam, slope, y, pz, size);
        mpfr_add(y, y, size, MPFR_RNDU);
        cr_assert(mpfr_cmp_d(y, m) >= 0,
                  "%s, %s [%a, %a], lam %a, p %a: %a at %a is below %a", act_name(kind),
                  family_names[f], l, u, lam, slope, mpfr_get_d(y, MPFR_RNDN), z, m);
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
    draw_interval(&p, kind, (Family)prng_below(&p, 3), &l, &u);
    draw_objective(&p, kind, l, u, &lam, &slope, &unused);
    const int n = curve_pieces(kind, l, u, piece);
    if (n == 0 || lam == 0) continue;
    const int k = (int)prng_below(&p, (uint64_t)n);
    const double a = k ? piece[k - 1].to : l, b = piece[k].to;
    if (piece[k].curve * lam <= 0 || !(a < b)) continue;
    const double one = between(&p, a, b),
                 two = prng_below(&p, 3) ? between(&p, a, b) : one;
    const double t1 = fmin(one, two), t2 = fmax(one, two);
    const double m = phi_tangents(kind, a, t1, t2, b, lam, slope);
    for (int j = 0; j < 8; j++) {
      double z = j == 0 ? a : j == 1 ? b : between(&p, a, b);
      if (j > 4) z = between(&p, t1, t2);
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
    const double z = draw_inside(&p, kind, (Family)(i % N_FAMILIES));
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

/* Other formulas than those of net/act.c, and eleven bits more. */
static long double value_l(ActKind kind, long double x)
{
  const long double root = 1.41421356237309504880168872420969808L;
  switch (kind) {
  case ACT_RELU:
    return fmaxl(x, 0);
  case ACT_SIGMOID:
    return 1 / (1 + expl(-x));
  case ACT_TANH:
    return tanhl(x);
  case ACT_EXP:
    return expl(x);
  case ACT_LOG:
    return logl(x);
  case ACT_SQRT:
    return sqrtl(x);
  case ACT_SQUARE:
    return x * x;
  case ACT_RECIPROCAL:
    return 1 / x;
  case ACT_SIN:
    return sinl(x);
  case ACT_COS:
    return cosl(x);
  case ACT_ERF:
    return erfl(x);
  case ACT_SOFTPLUS:
    return x > 50 ? x : log1pl(expl(x));
  case ACT_ELU:
    return x > 0 ? x : expm1l(x);
  case ACT_SILU:
    return x / (1 + expl(-x));
  case ACT_GELU:
    return x * erfcl(-x / root) / 2;
  case ACT_HARDSWISH:
    return x * fmaxl(0, fminl(1, x / 6 + 0.5L));
  case ACT_SIGN:
    return (x > 0) - (x < 0);
  case ACT_FLOOR:
    return floorl(x);
  case ACT_LOGCOSH:
    if (fabsl(x) < 1e-3L) return x * x * (0.5L + x * x * (x * x / 45 - 1 / 12.0L));
    return fabsl(x) + log1pl(expm1l(-2 * fabsl(x)) / 2);
  case ACT_COUNT:
    break;
  }
  return NAN;
}

static long double objective_l(ActKind kind, double lam, double p, long double z)
{
  return lam * value_l(kind, z) - p * z;
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
      draw_interval(&p, kind, f, &l, &u);
    while (u - l > 60 || u > 60 || l < -60);
    draw_objective(&p, kind, l, u, &lam, &slope, &unused);
    lam = copysign(1, lam);
    if (!(fabs(slope) < 1e100)) slope = 0;
    const double m = phi_min(kind, l, u, lam, slope);
    const long double v = search_min(kind, l, u, lam, slope, &at);
    const double most = fmax(fabs(l), fabs(u));
    long double size =
        1e-13L * (fabsl(value_l(kind, at)) + fabs(slope) * most) + 1e-288L;
    /* Their turns are irrational numbers: phi.h says what that costs. */
    if (kind == ACT_SIN || kind == ACT_COS) size += 0x1p-53L;
    if (kind == ACT_SILU || kind == ACT_GELU) size += 0x1p-75L * most * 2;
    cr_assert(m >= v - size || v < -1e308L,
              "%s, %s [%.17g, %.17g], lam %g, p %.17g: %.17g, but %.17Lg at %.17Lg",
              act_name(kind), family_names[f], l, u, lam, slope, m, v, at);
  }
}

/* What the width must not cost: a line that touches at 0.7, over 1e25. */
Test(phi, is_tight_on_wide_intervals)
{
  static const ActKind kinds[] = {ACT_SQUARE, ACT_SOFTPLUS, ACT_LOGCOSH, ACT_ELU};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    const double slope = act_slope(kinds[k], 0.7), end = 1e25;
    const double m = phi_min(kinds[k], -end, end, 2, 2 * slope);
    const double want = 2 * (double)(value_l(kinds[k], 0.7L) - slope * 0.7L);
    cr_expect(m <= want && m >= want - 1e-9, "%s: %.17g, not %.17g", act_name(kinds[k]),
              m, want);
  }
  /* To the left of its inflection the sigmoid is convex. */
  const double s = act_slope(ACT_SIGMOID, -2);
  const double want = (double)(value_l(ACT_SIGMOID, -2) + 2 * s);
  const double m = phi_min(ACT_SIGMOID, -1e25, 0, 1, s);
  cr_expect(m <= want && m >= want - 1e-12, "%.17g, not %.17g", m, want);
}

/* ---- slopes ----------------------------------------------------------------- */

#define HULL 2000

typedef struct {
  int n;
  long double z[HULL + 1], g[HULL + 1];
  long double bend; /* the largest change of slope from one step to the next */
} Hull;

/* The lower convex hull of sign h on a grid. */
static void make_hull(ActKind kind, double l, double u, int sign, Hull *h)
{
  long double before = NAN;
  h->n = 0;
  h->bend = 0;
  for (int i = 0; i <= HULL; i++) {
    const long double z = (l * (long double)(HULL - i) + u * (long double)i) / HULL;
    const long double g = sign * value_l(kind, z);
    if (i > 0) {
      const long double last =
          (l * (long double)(HULL - i + 1) + u * (i - 1.0L)) / HULL;
      const long double slope = (g - sign * value_l(kind, last)) / (z - last);
      if (i > 1) h->bend = fmaxl(h->bend, fabsl(slope - before));
      before = slope;
    }
    while (h->n >= 2 && (h->g[h->n - 1] - h->g[h->n - 2]) * (z - h->z[h->n - 2]) >=
                            (g - h->g[h->n - 2]) * (h->z[h->n - 1] - h->z[h->n - 2]))
      h->n--;
    h->z[h->n] = z;
    h->g[h->n++] = g;
  }
}

static long double hull_value(const Hull *h, long double z)
{
  int k = 1;
  while (k < h->n - 1 && h->z[k] < z)
    k++;
  const long double t = (z - h->z[k - 1]) / (h->z[k] - h->z[k - 1]);
  return h->g[k - 1] + t * (h->g[k] - h->g[k - 1]);
}

/* The slope of the hull at its left (or right) end, and the height at the middle of the
 * line that supports it with the slope for the middle. */
static void check_lines(ActKind kind, double l, double u, int sign)
{
  Hull h;
  make_hull(kind, l, u, sign, &h);
  const long double width = (long double)u - l, middle = l + width / 2;
  const long double first = (h.g[1] - h.g[0]) / (h.z[1] - h.z[0]);
  const long double last =
      (h.g[h.n - 1] - h.g[h.n - 2]) / (h.z[h.n - 1] - h.z[h.n - 2]);
  const long double slack = 2 * h.bend + 1e-9L * (fabsl(first) + fabsl(last)) + 1e-17L;
  double s[5];
  for (int k = 0; k < 5; k++)
    s[k] = phi_slope(kind, l, u, sign, k * 0.25);
  cr_assert(fabsl(sign * s[0] - first) <= slack,
            "%s %+d [%.17g, %.17g], left: %g, not %Lg", act_name(kind), sign, l, u,
            sign * s[0], first);
  cr_assert(fabsl(sign * s[4] - last) <= slack,
            "%s %+d [%.17g, %.17g], right: %g, not %Lg", act_name(kind), sign, l, u,
            sign * s[4], last);
  long double height = INFINITY;
  for (int k = 0; k < h.n; k++)
    height = fminl(height, h.g[k] - sign * s[2] * (h.z[k] - middle));
  const long double want = hull_value(&h, middle);
  const long double size = fabsl(h.g[0]) + fabsl(h.g[h.n - 1]) + fabsl(want);
  cr_assert(height >= want - 2 * h.bend * width / HULL - 1e-12L * size,
            "%s %+d [%.17g, %.17g], middle: slope %g is %Lg low, at %Lg",
            act_name(kind), sign, l, u, s[2], want - height, want);
  for (int k = 1; k < 4; k += 2)
    cr_assert_float_eq(s[k], (s[k - 1] + s[k + 1]) / 2,
                       1e-12 * (fabs(s[k - 1]) + fabs(s[k + 1])), "%s", act_name(kind));
}

static void check_slopes(ActKind kind)
{
  static const Family families[] = {LEFT, RIGHT, CROSSING, CROSSING};
  Prng p = prng_init(241 + (uint64_t)kind);
  for (int i = 0; i < 400; i++) {
    double l, u;
    const Family f = families[i % 4];
    l = draw_inside(&p, kind, f);
    u = draw_inside(&p, kind, f);
    if (kind == ACT_RECIPROCAL) u = copysign(u, l);
    if (kind == ACT_RECIPROCAL || kind == ACT_LOG || kind == ACT_SQRT) {
      l += copysign(0.2, l);
      u += copysign(0.2, u);
    }
    if (fabs(u - l) < 1e-3) continue;
    check_lines(kind, fmin(l, u), fmax(l, u), i % 8 < 4 ? 1 : -1);
  }
}

/* Corners, by hand: the bends of the grid's hull are too coarse to see them. */
Test(phi, slopes_at_corners)
{
  const double root = sqrt(18);
  static const double near = 1e-12;
  const struct {
    ActKind kind;
    double l, u;
    int sign;
    double left, middle, right;
  } list[] = {
      {ACT_RELU, -1, 3, 1, 0, 1, 1},
      {ACT_RELU, -3, 1, 1, 0, 0, 1},
      {ACT_RELU, -1, 3, -1, 0.75, 0.75, 0.75},
      {ACT_RELU, 1, 3, -1, 1, 1, 1},
      {ACT_RELU, -3, -1, 1, 0, 0, 0},
      {ACT_SIGN, -1, 2, 1, 0, 1, 1},      /* (-1, -1), (0, -1), (2, 1) */
      {ACT_SIGN, -1, 2, -1, 2, 0, 0},     /* (-1, -1), (0, 1), (2, 1) */
      {ACT_SIGN, 0, 2, 1, 0.5, 0.5, 0.5}, /* (0, 0), (2, 1) */
      {ACT_FLOOR, 0.5, 3.5, 1, 0, 1, 2},  /* (.5, 0), (1, 0), (3, 2), (3.5, 3) */
      {ACT_FLOOR, 0.5, 3.5, -1, 2, 1, 0}, /* (.5, 0), (1, 1), (3, 3), (3.5, 3) */
      {ACT_FLOOR, 0.25, 0.75, -1, 0, 0, 0},
      /* From (-6, 0): a tangent at t, (2 t + 3) (t + 6) = t (t + 3), so t = root - 6;
       * from (6, 6): at t = 6 - root. */
      {ACT_HARDSWISH, -6, 6, 1, (2 * root - 9) / 6, 0.5, (15 - 2 * root) / 6},
      {ACT_HARDSWISH, -6, 6, -1, 0.5, 0.5, 0.5},
      {ACT_SQUARE, -1, 3, 1, -2, 2, 6},
      {ACT_SQUARE, -1, 3, -1, 2, 2, 2},
      {ACT_ELU, -1, 3, 1, exp(-1), 1, 1},
  };
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    const double want[] = {list[k].left, list[k].middle, list[k].right};
    for (int i = 0; i < 3; i++) {
      const double s =
          phi_slope(list[k].kind, list[k].l, list[k].u, list[k].sign, i / 2.0);
      cr_expect_float_eq(s, want[i], near, "%s %+d [%g, %g], %d: %.17g, not %.17g",
                         act_name(list[k].kind), list[k].sign, list[k].l, list[k].u, i,
                         s, want[i]);
    }
  }
}

/* Also where nothing good can be said. */
Test(phi, slopes_are_finite)
{
  Prng p = prng_init(5);
  for (int i = 0; i < 200000; i++) {
    const ActKind kind = (ActKind)prng_below(&p, ACT_COUNT);
    const double a = draw(&p, (Family)prng_below(&p, N_FAMILIES));
    const double b = draw(&p, (Family)prng_below(&p, N_FAMILIES));
    const double s =
        phi_slope(kind, fmin(a, b), fmax(a, b), (int)sign_of(&p), prng_unit(&p));
    cr_assert(isfinite(s), "%s [%a, %a]", act_name(kind), fmin(a, b), fmax(a, b));
  }
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
      draw_interval(&p, kind, f, &l, &u);
      phi_range(kind, l, u, &lo, &hi);
      for (int k = 0; k < 4; k++) {
        const double z = k == 0 ? l : k == 1 ? u : between(&p, l, u);
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
    draw_interval(&p, ACT_RELU, f, &la, &ua);
    draw_interval(&p, ACT_RELU, other, &lb, &ub);
    const double lam = draw(&p, (Family)prng_below(&p, N_FAMILIES));
    const double pa = prng_below(&p, 2) ? lam * (lam < 0 ? ub : lb) : draw(&p, other);
    const double pb = prng_below(&p, 2) ? lam * la : draw(&p, f);
    const double m = phi_min_product(la, ua, lb, ub, lam, pa, pb);
    double size = 0;
    for (int k = 0; k < 10; k++) {
      const double a = k < 4 ? (k & 1 ? ua : la) : between(&p, la, ua);
      const double b = k < 4 ? (k & 2 ? ub : lb) : between(&p, lb, ub);
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
  Test(phi, finds_supporting_lines_of_##kind)                                          \
  {                                                                                    \
    check_slopes(ACT_##kind);                                                          \
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
