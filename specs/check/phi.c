/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/phi.h"

#include <math.h>
#include <stdbool.h>

#include "net/base/round.h"
#include "net/curve.h"

#define PI 0x1.921fb54442d18p+1

/* More than a period of the waves; with the rounding of u - PERIOD too. */
#define PERIOD 7.0

/* f (z) = lam h (z) - p z. */
typedef struct {
  ActKind kind;
  double lam, p;
} Objective;

/* fmin drops a NaN; here it means that nothing is known. */
static double least(double a, double b)
{
  return isnan(a) || isnan(b) ? -INFINITY : fmin(a, b);
}

/* a b rounded up for a >= 0, b >= 0, a possibly infinite. */
static double times_up(double a, double b)
{
  return a == 0 || b == 0 ? 0 : round_mul_up(a, b);
}

static bool is_defined(ActKind kind, double l, double u)
{
  if (!(l <= u) || !isfinite(l) || !isfinite(u)) return false;
  switch (kind) {
  case ACT_LOG:
    return l > 0;
  case ACT_SQRT:
    return l >= 0;
  case ACT_RECIPROCAL:
    return l > 0 || u < 0;
  default:
    return true;
  }
}

/* ---- values and slopes --------------------------------------------------- */

/* act_point, and without its allowance for libm where IEEE 754 rounds correctly. */
static void enclose_point(ActKind kind, double z, double *lo, double *hi)
{
  if (kind == ACT_SQUARE && fabs(z) < 0x1p500) {
    *lo = round_mul_dn(z, z);
    *hi = round_mul_up(z, z);
    if (*lo < 0) *lo = 0;
  } else {
    act_point(kind, z, lo, hi);
  }
}

/* Where h (z) = z. */
static bool is_identity(ActKind kind, double z)
{
  return ((kind == ACT_RELU || kind == ACT_ELU) && z >= 0) ||
         (kind == ACT_HARDSWISH && z >= 3);
}

/* Below h0 lam - p z. */
static double step_dn(const Objective *f, double h0, double z)
{
  const double y = f->lam == 0 || h0 == 0 ? 0 : round_mul_dn(f->lam, h0);
  return round_add_dn(y, round_mul_dn(-f->p, z));
}

/* Below f (z). */
static double value_dn(const Objective *f, double z)
{
  double lo, hi;
  if (f->lam == 0) return step_dn(f, 0, z);
  if (is_identity(f->kind, z)) return round_mul_dn(round_add_dn(f->lam, -f->p), z);
  enclose_point(f->kind, z, &lo, &hi);
  return step_dn(f, f->lam > 0 ? lo : hi, z);
}

/* |act_slope (x) - h'(x)| is at most this, relative to the terms of the sums. */
static double slope_error(ActKind kind, double x)
{
  const double rel = 2 * ACT_REL;
  if (kind == ACT_SILU) {
    const double s = act_value(ACT_SIGMOID, x);
    return 2 * rel * s * (1 + fabs(act_value(ACT_SILU, -x))) + ACT_ABS;
  }
  if (kind == ACT_GELU) {
    /* |x| times the density; x^2 is rounded before exp, and the argument of erfc. */
    const double part = fabs(x) * exp(-x * x / 2);
    const double tail = rel + 8 * ROUND_U * (fmin(x * x, 1600) + 1);
    const double left = act_value(ACT_GELU, -fabs(x));
    const double cdf = x >= 0 ? 1 : x < -1 ? left / x : 0.5;
    return 2 * (tail * (part + (x < 0 ? cdf : 0)) + (x < 0 ? 0 : rel)) + ACT_ABS;
  }
  if (kind == ACT_SQUARE || (kind == ACT_ELU && x >= 0)) return 0;
  if (kind == ACT_HARDSWISH) return ROUND_U * (fabs(2 * x) + 3);
  return curve_slope_error(kind, x);
}

void phi_derivative(ActKind kind, double z, double *lo, double *hi)
{
  const double d = act_slope(kind, z), err = slope_error(kind, z);
  *lo = -INFINITY;
  *hi = INFINITY;
  if (!isfinite(d) || !isfinite(err)) return;
  *lo = round_add_dn(d, -err);
  *hi = round_add_up(d, err);
}

/* f'(z) in [*lo, *hi], perhaps infinite, never NaN. */
static void enclose_slope(const Objective *f, double z, double *lo, double *hi)
{
  double d_lo, d_hi;
  phi_derivative(f->kind, z, &d_lo, &d_hi);
  const double a = round_mul_dn(f->lam, f->lam > 0 ? d_lo : d_hi);
  const double b = round_mul_up(f->lam, f->lam > 0 ? d_hi : d_lo);
  *lo = round_add_dn(a, -f->p);
  *hi = round_add_up(b, -f->p);
  if (isnan(*lo)) *lo = -INFINITY;
  if (isnan(*hi)) *hi = INFINITY;
}

/* ---- proposals ----------------------------------------------------------- */

/* sin' = cos, on half wave number k. */
static double touch_wave(ActKind kind, double s, double a, double b)
{
  const double phase = kind == ACT_SIN ? 0 : PI / 2;
  const double k = floor((a / 2 + b / 2 + phase) / PI);
  const double c = fmod(k, 2) == 0 ? s : -s;
  return k * PI + acos(fmax(-1, fmin(c, 1))) - phase;
}

/* The slope is monotone on [a, b]: halve and interpolate in turn, until it is right but
 * for its own error. */
static double touch_search(ActKind kind, double s, double a, double b)
{
  double at_a = act_slope(kind, a) - s, at_b = act_slope(kind, b) - s;
  for (int i = 0; i < 100; i++) {
    double z = a / 2 + b / 2;
    if (i % 2 == 0) z = a - at_a * ((b - a) / (at_b - at_a));
    if (!(z > a && z < b)) z = a / 2 + b / 2;
    if (!(z > a && z < b)) break;
    const double at = act_slope(kind, z) - s;
    if (fabs(at) <= slope_error(kind, z)) return z;
    if ((at > 0) == (at_a > 0)) {
      a = z;
      at_a = at;
    } else {
      b = z;
      at_b = at;
    }
  }
  return fabs(at_a) < fabs(at_b) ? a : b;
}

double phi_touch(ActKind kind, int curve, double s, double a, double b)
{
  const double far = 1000; /* beyond it, SILU and GELU are 0 or x in double */
  if (curve > 0 ? s <= act_slope(kind, a) : s >= act_slope(kind, a)) return a;
  if (curve > 0 ? s >= act_slope(kind, b) : s <= act_slope(kind, b)) return b;
  double z;
  if (kind == ACT_SIN || kind == ACT_COS)
    z = touch_wave(kind, s, a, b);
  else if (kind == ACT_SILU || kind == ACT_GELU)
    z = touch_search(kind, s, a < -far ? -far : a, b > far ? far : b);
  else
    z = curve_touch(kind, s, a, b);
  return z >= a && z <= b ? z : z > b ? b : a;
}

/* ---- one piece ----------------------------------------------------------- */

/* What t1 <= t2 prove about a convex f on [a, b]; *smallest is below the smaller of
 * f(t1), f(t2). */
static double convex_bound(const Objective *f, double a, double t1, double t2, double b,
                           double *smallest)
{
  double r1_lo, r1_hi, r2_lo, r2_hi;
  const double f1 = value_dn(f, t1), f2 = t1 < t2 ? value_dn(f, t2) : f1;
  enclose_slope(f, t1, &r1_lo, &r1_hi);
  r2_lo = r1_lo;
  r2_hi = r1_hi;
  if (t1 < t2) enclose_slope(f, t2, &r2_lo, &r2_hi);
  *smallest = least(f1, f2);
  const double left = times_up(fmax(r1_hi, 0), round_add_up(t1, -a));
  const double right = times_up(fmax(-r2_lo, 0), round_add_up(b, -t2));
  double bound = least(round_add_dn(f1, -left), round_add_dn(f2, -right));
  if (t1 < t2) {
    const double width = round_add_up(t2, -t1);
    const double from1 = round_add_dn(f1, -times_up(fmax(-r1_lo, 0), width));
    const double from2 = round_add_dn(f2, -times_up(fmax(r2_hi, 0), width));
    bound = least(bound, from1 > from2 ? from1 : from2);
  }
  return bound;
}

double phi_tangents(ActKind kind, double a, double t1, double t2, double b, double lam,
                    double p)
{
  const Objective f = {kind, lam, p};
  double unused;
  return convex_bound(&f, a, t1, t2, b, &unused);
}

/* f is convex on [a, b]: t1 = t2 where the slope is p / lam, then both moved apart by
 * what that slope may be wrong. */
static double convex_min(const Objective *f, double a, double b)
{
  const double s = f->p / f->lam;
  const int curve = f->lam > 0 ? 1 : -1;
  const double t = phi_touch(f->kind, curve, s, a, b);
  double smallest, err = slope_error(f->kind, t);
  double best = convex_bound(f, a, t, t, b, &smallest);
  const double size = fabs(f->lam * act_value(f->kind, t)) + fabs(f->p * t);
  const double enough = 4 * ROUND_U * size;
  if (!isfinite(err)) err = 0;
  err = 4 * (err + 2 * ROUND_U * fabs(s));
  for (int i = 0; i < 4 && !(smallest - best <= enough); i++, err *= 16) {
    /* f' rises, so h' does where lam > 0. */
    const double e = f->lam > 0 ? err : -err;
    const double t1 = phi_touch(f->kind, curve, s - e, a, b);
    const double t2 = phi_touch(f->kind, curve, s + e, a, b);
    const double bound =
        convex_bound(f, a, t1 < t ? t1 : t, t2 > t ? t2 : t, b, &smallest);
    if (bound > best) best = bound;
  }
  return best;
}

/* f on the pieces of [l, u]; -INFINITY when they cannot be told. */
static double pieces_min(const Objective *f, double l, double u)
{
  CurvePiece piece[CURVE_MAX_PIECES];
  const int n = curve_pieces(f->kind, l, u, piece);
  if (n == 0) return -INFINITY;
  double bound = least(value_dn(f, l), value_dn(f, u)), gap = 0, a = l;
  for (int k = 0; k < n; k++) {
    const double b = piece[k].to;
    if (a < b && piece[k].curve * f->lam > 0) bound = least(bound, convex_min(f, a, b));
    if (k < n - 1) bound = least(bound, value_dn(f, b));
    if (piece[k].gap > gap) gap = piece[k].gap;
    a = b;
  }
  if (gap > 0) {
    const double wrong = 8 * gap * gap * (1 + 8 * ROUND_U);
    const double most =
        times_up(round_mul_up(fabs(f->lam), wrong), round_add_up(u, -l));
    bound = round_add_dn(bound, -most);
  }
  return bound;
}

/* ---- functions that are not a few pieces --------------------------------- */

/* A period further the wave is the same and -p z is smaller by 2 pi p: the minimum is
 * in the last period for p >= 0, in the first for p < 0. */
static double wave_min(const Objective *f, double l, double u)
{
  const double from = f->p >= 0 && u - PERIOD > l ? u - PERIOD : l;
  const double to = f->p < 0 && l + PERIOD < u ? l + PERIOD : u;
  return pieces_min(f, from, to);
}

/* -1 up to 0, and at 0 in the limit; 0 there; 1 from 0 on. */
static double sign_min(const Objective *f, double l, double u)
{
  double bound = INFINITY;
  if (l < 0) bound = least(step_dn(f, -1, l), step_dn(f, -1, u < 0 ? u : 0));
  if (l <= 0 && u >= 0) bound = least(bound, 0);
  if (u > 0) {
    bound = least(bound, step_dn(f, 1, l > 0 ? l : 0));
    bound = least(bound, step_dn(f, 1, u));
  }
  return bound;
}

/* floor (z) = k on [k, k + 1): the first and the last step, cut by the interval, and
 * those between, on which f = (lam - p) k - p (z - k) and k can be any number. */
static double floor_min(const Objective *f, double l, double u)
{
  const double first = floor(l), last = floor(u);
  const double after = round_add_up(first, 1);
  const double end = after < u ? after : u, start = last > l ? last : l;
  double bound = least(step_dn(f, first, l), step_dn(f, first, end));
  bound = least(bound, step_dn(f, last, start));
  bound = least(bound, step_dn(f, last, u));
  const double second = round_add_dn(first, 1);
  if (last > second) {
    const Objective rest = {f->kind, 0, round_add_up(f->p, -f->lam)};
    const Objective other = {f->kind, 0, round_add_dn(f->p, -f->lam)};
    const double most = round_add_up(last, -1);
    double between = least(step_dn(&rest, 0, second), step_dn(&rest, 0, most));
    between = least(between, step_dn(&other, 0, second));
    between = least(between, step_dn(&other, 0, most));
    bound = least(bound, round_add_dn(between, fmin(-f->p, 0)));
  }
  return bound;
}

/* From the range of h alone. */
static double range_min(const Objective *f, double l, double u)
{
  double lo, hi;
  phi_range(f->kind, l, u, &lo, &hi);
  const double ends = least(round_mul_dn(-f->p, l), round_mul_dn(-f->p, u));
  return round_add_dn(round_mul_dn(f->lam, f->lam > 0 ? lo : hi), ends);
}

double phi_min(ActKind kind, double l, double u, double lam, double p)
{
  if (!is_defined(kind, l, u) || !isfinite(lam) || !isfinite(p)) return -INFINITY;
  const Objective f = {kind, lam, p};
  double bound;
  if (lam == 0 || l == u)
    bound = least(value_dn(&f, l), value_dn(&f, u));
  else if (kind == ACT_SIGN)
    bound = sign_min(&f, l, u);
  else if (kind == ACT_FLOOR)
    bound = floor_min(&f, l, u);
  else if (kind == ACT_SIN || kind == ACT_COS)
    bound = wave_min(&f, l, u);
  else
    bound = pieces_min(&f, l, u);
  if (!isfinite(bound)) bound = range_min(&f, l, u);
  return isfinite(bound) ? bound : -INFINITY;
}

void phi_range(ActKind kind, double l, double u, double *lo, double *hi)
{
  *lo = -INFINITY;
  *hi = INFINITY;
  if (!is_defined(kind, l, u)) return;
  act_enclose(kind, l, u, lo, hi);
  if (!(*lo <= *hi)) {
    *lo = -INFINITY;
    *hi = INFINITY;
  }
}

/* ---- products ------------------------------------------------------------ */

/* Below (lam a - pb) b - pa a. */
static double corner_dn(double a, double b, double lam, double pa, double pb)
{
  const double lo = round_add_dn(round_mul_dn(lam, a), -pb);
  const double hi = round_add_up(round_mul_up(lam, a), -pb);
  return round_add_dn(round_mul_dn(b >= 0 ? lo : hi, b), round_mul_dn(-pa, a));
}

double phi_min_product(double la, double ua, double lb, double ub, double lam,
                       double pa, double pb)
{
  const double all[7] = {la, ua, lb, ub, lam, pa, pb};
  for (int k = 0; k < 7; k++)
    if (!isfinite(all[k])) return -INFINITY;
  const double low =
      least(corner_dn(la, lb, lam, pa, pb), corner_dn(la, ub, lam, pa, pb));
  const double high =
      least(corner_dn(ua, lb, lam, pa, pb), corner_dn(ua, ub, lam, pa, pb));
  const double bound = least(low, high);
  return isfinite(bound) ? bound : -INFINITY;
}

/* ---- maxima -------------------------------------------------------------- */

void phi_max_points(const double lo[2], const double hi[2], double x[6][2])
{
  for (int k = 0; k < 4; k++) {
    x[k][0] = k & 1 ? hi[0] : lo[0];
    x[k][1] = k & 2 ? hi[1] : lo[1];
  }
  const bool meet = lo[0] <= hi[1] && lo[1] <= hi[0];
  x[4][0] = meet ? fmax(lo[0], lo[1]) : lo[0];
  x[4][1] = meet ? x[4][0] : lo[1];
  x[5][0] = meet ? fmin(hi[0], hi[1]) : hi[0];
  x[5][1] = meet ? x[5][0] : hi[1];
}

double phi_min_max(double la, double ua, double lb, double ub, double lam, double pa,
                   double pb)
{
  const double all[7] = {la, ua, lb, ub, lam, pa, pb};
  for (int k = 0; k < 7; k++)
    if (!isfinite(all[k])) return -INFINITY;
  double x[6][2], bound = INFINITY;
  phi_max_points((double[2]){la, lb}, (double[2]){ua, ub}, x);
  for (int k = 0; k < 6; k++) {
    /* (lam - p) times the larger one: nothing is left where p is lam. */
    const bool first = x[k][0] >= x[k][1];
    const double large = x[k][!first], small = x[k][first];
    const double q = first ? pa : pb, p = first ? pb : pa;
    const double rest = large >= 0 ? round_add_dn(lam, -q) : round_add_up(lam, -q);
    bound =
        least(bound, round_add_dn(round_mul_dn(rest, large), round_mul_dn(-p, small)));
  }
  return isfinite(bound) ? bound : -INFINITY;
}

double phi_max_alpha(const double lo[2], const double hi[2])
{
  const double by = (lo[1] - lo[0]) + (hi[1] - hi[0]);
  return by > 0x1p-20 * ((hi[0] - lo[0]) + (hi[1] - lo[1])) ? 1 : 0;
}

void phi_max_slopes(const double lo[2], const double hi[2], int sign, double alpha,
                    double slope[2])
{
  const double low = fmax(lo[0], lo[1]), high = fmax(hi[0], hi[1]);
  const double bottom = alpha < 0.5 ? 2 * alpha : 2 - 2 * alpha;
  for (int p = 0; p < 2; p++) {
    const double width = hi[p] - lo[p];
    const double top = (high - hi[!p]) / width, under = (hi[p] - low) / width;
    slope[p] = width > 0 ? top + bottom * (under - top) : 0;
    if (sign > 0) slope[p] = p ? alpha : 1 - alpha;
    if (lo[p] >= hi[!p]) slope[p] = 1;
    if (lo[!p] >= hi[p] && !(lo[p] >= hi[!p])) slope[p] = 0;
  }
  /* Two equal points: one of them. */
  if (lo[0] >= hi[1] && lo[1] >= hi[0]) slope[1] = 0;
}
