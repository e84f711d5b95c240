/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/curve.h"

#include <math.h>
#include <stddef.h>

#include "net/base/status.h"

#define PI        0x1.921fb54442d18p+1
#define SILU_TURN 0x1.331e23ad9de11p+1 /* 2.39935728052..., where its slope turns */
#define SQRT_2    0x1.6a09e667f3bcdp+0

/* ---- pieces -------------------------------------------------------------- */

typedef struct {
  double at, gap;
  int left; /* the curve to the left of it */
} Turn;

/* Where a function that has only a few turns does so; the curve after the last. */
static int turns(ActKind kind, Turn *t, int *last)
{
  const double gap = 0x1p-40;
  switch (kind) {
  case ACT_RELU:
    t[0] = (Turn){0, 0, 0};
    *last = 0;
    return 1;
  case ACT_SIGMOID:
  case ACT_TANH:
  case ACT_ERF:
    t[0] = (Turn){0, 0, 1};
    *last = -1;
    return 1;
  case ACT_EXP:
  case ACT_SQUARE:
  case ACT_SOFTPLUS:
  case ACT_LOGCOSH:
  case ACT_ELU: /* its slope is continuous at 0 and never falls */
    *last = 1;
    return 0;
  case ACT_LOG:
  case ACT_SQRT:
    *last = -1;
    return 0;
  case ACT_RECIPROCAL:
    t[0] = (Turn){0, 0, -1};
    *last = 1;
    return 1;
  case ACT_SILU:
    t[0] = (Turn){-SILU_TURN, gap, -1};
    t[1] = (Turn){SILU_TURN, gap, 1};
    *last = -1;
    return 2;
  case ACT_GELU:
    t[0] = (Turn){-SQRT_2, gap, -1};
    t[1] = (Turn){SQRT_2, gap, 1};
    *last = -1;
    return 2;
  case ACT_HARDSWISH:
    t[0] = (Turn){-3, 0, 0};
    t[1] = (Turn){3, 0, 1};
    *last = 0;
    return 2;
  case ACT_SIGN:
    *last = 0;
    return 0;
  case ACT_FLOOR: /* see curve_pieces */
    *last = 0;
    return 0;
  case ACT_SIN:
  case ACT_COS:
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

static int add_piece(CurvePiece *pieces, int n, double to, double gap, int curve)
{
  pieces[n] = (CurvePiece){to, gap, curve};
  return n + 1;
}

/* sin is concave from 2 n pi to (2 n + 1) pi, cos half a turn of that earlier. */
static int wave_pieces(ActKind kind, double lo, double hi, CurvePiece *pieces)
{
  const double phase = kind == ACT_SIN ? 0 : PI / 2;
  if (!(fabs(lo) <= 0x1p20 && fabs(hi) <= 0x1p20)) return 0;
  if (hi - lo > (CURVE_MAX_PIECES - 2) * PI) return 0;
  double half = floor((lo + phase) / PI); /* lo is in half wave number `half` */
  int n = 0;
  for (;; half++) {
    const double end = (half + 1) * PI - phase;
    const int curve = fmod(half, 2) == 0 ? -1 : 1;
    if (n == CURVE_MAX_PIECES) return 0;
    if (end >= hi) break;
    if (end > lo) n = add_piece(pieces, n, end, 0x1p-30, curve);
  }
  /* hi, or lo, may be a hair beyond a turn that is not seen: the gap covers it. */
  return add_piece(pieces, n, hi, 0x1p-30, fmod(half, 2) == 0 ? -1 : 1);
}

int curve_pieces(ActKind kind, double lo, double hi, CurvePiece *pieces)
{
  if (!(lo <= hi) || !isfinite(lo) || !isfinite(hi)) return 0;
  if (kind == ACT_SIN || kind == ACT_COS) return wave_pieces(kind, lo, hi, pieces);
  if (kind == ACT_LOG && !(lo > 0)) return 0;
  if (kind == ACT_SQRT && !(lo >= 0)) return 0;
  if (kind == ACT_RECIPROCAL && lo <= 0 && hi >= 0) return 0;
  if (kind == ACT_SIGN && !(lo > 0 || hi < 0)) return 0;
  if (kind == ACT_FLOOR && floor(lo) < floor(hi)) return 0;
  Turn t[CURVE_MAX_PIECES];
  int last, n = 0;
  const int n_turns = turns(kind, t, &last);
  for (int i = 0; i < n_turns; i++) {
    if (t[i].at <= lo - t[i].gap) continue;
    if (t[i].at >= hi + t[i].gap) return add_piece(pieces, n, hi, 0, t[i].left);
    const double at = t[i].at < lo ? lo : t[i].at > hi ? hi : t[i].at;
    n = add_piece(pieces, n, at, 2 * t[i].gap, t[i].left);
  }
  return add_piece(pieces, n, hi, 0, last);
}

/* ---- slopes -------------------------------------------------------------- */

double curve_slope_error(ActKind kind, double x)
{
  const double rel = 2 * ACT_REL;
  switch (kind) {
  case ACT_RELU:
  case ACT_SIGN:
    return 0;
  case ACT_FLOOR: /* inside a step */
    return 1;
  case ACT_SIN:
  case ACT_COS:
    return rel;
  case ACT_ERF:
    /* x^2 is rounded before exp; beyond 40 the slope is far below ACT_ABS. */
    return (rel + fmin(x * x, 1600) * ACT_REL) * act_slope(kind, x) + ACT_ABS;
  case ACT_SILU:
  case ACT_GELU:
  case ACT_HARDSWISH:
    /* A sum that may cancel, of terms below 3/2: x sigmoid (-x), and x^3 times the
     * density of GELU, whose argument is rounded as for erf. */
    return 2 * rel;
  default:
    return rel * fabs(act_slope(kind, x)) + ACT_ABS;
  }
}

/* The point of slope s on the half line where [lo, hi] is, in closed form; NaN: none.
 */
static double closed_form(ActKind kind, double s, bool positive)
{
  double z;
  switch (kind) {
  case ACT_SIGMOID: /* y (1 - y) = s with y <= 1/2, z = log (y / (1 - y)) */
    z = (1 - sqrt(fmax(1 - 4 * s, 0))) / 2;
    z = log(2 * s / (1 + sqrt(fmax(1 - 4 * s, 0))) / (1 - z));
    break;
  case ACT_TANH: /* 1 / cosh^2 z = s */
    z = -acosh(1 / sqrt(s));
    break;
  case ACT_ERF:
    z = -sqrt(-log(s / 0x1.20dd750429b6dp+0));
    break;
  case ACT_EXP:
  case ACT_ELU:
    return log(s);
  case ACT_LOG:
    return 1 / s;
  case ACT_SQRT:
    return 0.25 / (s * s);
  case ACT_SQUARE:
    return s / 2;
  case ACT_RECIPROCAL:
    z = -1 / sqrt(-s);
    break;
  case ACT_SOFTPLUS:
    return log(s / (1 - s));
  case ACT_LOGCOSH:
    return atanh(s);
  case ACT_HARDSWISH:
    return (6 * s - 3) / 2;
  default:
    return NAN;
  }
  return positive ? -z : z;
}

/* The slope is monotone inside a piece: halve and interpolate in turn, until it is
 * right but for its own rounding (curve_slope_error). */
static double bisect(ActKind kind, double s, double lo, double hi)
{
  double at_lo = act_slope(kind, lo) - s, at_hi = act_slope(kind, hi) - s;
  for (int i = 0; i < 200 && hi - lo > 0x1p-50 * (1 + fabs(lo)); i++) {
    double z = lo / 2 + hi / 2;
    if (i % 2 == 0) {
      const double secant = lo - at_lo * ((hi - lo) / (at_hi - at_lo));
      if (secant > lo && secant < hi) z = secant;
    }
    const double at = act_slope(kind, z) - s;
    if (fabs(at) <= 0x1p-51) return z;
    if ((at > 0) == (at_lo > 0)) {
      lo = z;
      at_lo = at;
    } else {
      hi = z;
      at_hi = at;
    }
  }
  return fabs(at_lo) < fabs(at_hi) ? lo : hi;
}

double curve_touch(ActKind kind, double s, double lo, double hi)
{
  const double at_lo = act_slope(kind, lo), at_hi = act_slope(kind, hi);
  const bool rises = at_lo <= at_hi;
  if (rises ? !(s > at_lo) : !(s < at_lo)) return lo;
  if (rises ? !(s < at_hi) : !(s > at_hi)) return hi;
  const double z = closed_form(kind, s, lo >= 0);
  if (isnan(z)) return bisect(kind, s, lo, hi);
  return z < lo ? lo : z > hi ? hi : z;
}
