/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/act.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "net/base/round.h"
#include "net/base/status.h"

#define SQRT_HALF 0x1.6a09e667f3bcdp-1 /* 1 / sqrt 2 */

static const struct {
  const char *name, *op, *shape;
} names[] = {
#define ACT(kind, name, op, shape) [ACT_##kind] = {name, op, shape},
#include "net/act.def"
#undef ACT
};

const char *act_name(ActKind kind)
{
  return kind < ACT_COUNT ? names[kind].name : "?";
}

const char *act_shape(ActKind kind)
{
  return kind < ACT_COUNT ? names[kind].shape : "?";
}

const char *act_operator(ActKind kind)
{
  return kind < ACT_COUNT ? names[kind].op : NULL;
}

ActKind act_find(const char *op)
{
  for (int k = 0; k < ACT_COUNT; k++)
    if (names[k].op && !strcmp(names[k].op, op)) return (ActKind)k;
  return ACT_COUNT;
}

/* ---- values -------------------------------------------------------------- */

/* 1 / (1 + e^-x) without a difference of nearly equal numbers, nor an overflow. */
static double sigmoid(double x)
{
  const double e = exp(-fabs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double hard_swish(double x)
{
  return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
}

/* cosh x = 1 + 2 sinh^2 (x / 2); for larger x without an overflow. */
static double log_cosh(double x)
{
  const double s = sinh(x / 2), a = fabs(x);
  return a < 1 ? log1p(2 * s * s) : a - M_LN2 + log1p(exp(-2 * a));
}

double act_value(ActKind kind, double x)
{
  if (isnan(x)) return x;
  switch (kind) {
  case ACT_RELU:
    return x > 0 ? x : 0;
  case ACT_SIGMOID:
    return sigmoid(x);
  case ACT_TANH:
    return tanh(x);
  case ACT_EXP:
    return exp(x);
  case ACT_LOG:
    return log(x);
  case ACT_SQRT:
    return sqrt(x);
  case ACT_SQUARE:
    return x * x;
  case ACT_RECIPROCAL:
    return 1 / x;
  case ACT_SIN:
    return sin(x);
  case ACT_COS:
    return cos(x);
  case ACT_ERF:
    return erf(x);
  case ACT_SOFTPLUS:
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
  case ACT_ELU:
    return x >= 0 ? x : expm1(x);
  case ACT_SILU:
    return x * sigmoid(x);
  case ACT_GELU:
    return x * (erfc(-x * SQRT_HALF) / 2);
  case ACT_HARDSWISH:
    return hard_swish(x);
  case ACT_SIGN:
    return x > 0 ? 1 : x < 0 ? -1 : 0;
  case ACT_FLOOR:
    return floor(x);
  case ACT_LOGCOSH:
    return log_cosh(x);
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

static float sigmoid32(float x)
{
  const float e = expf(-fabsf(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static float hard_swish32(float x)
{
  const float gate = x / 6 + 0.5F;
  return x * (gate < 0 ? 0 : gate > 1 ? 1 : gate);
}

static float log_cosh32(float x)
{
  const float s = sinhf(x / 2), a = fabsf(x);
  return a < 1 ? log1pf(2 * s * s) : a - (float)M_LN2 + log1pf(expf(-2 * a));
}

float act_value32(ActKind kind, float x)
{
  if (isnan(x)) return x;
  switch (kind) {
  case ACT_RELU:
    return x > 0 ? x : 0;
  case ACT_SIGMOID:
    return sigmoid32(x);
  case ACT_TANH:
    return tanhf(x);
  case ACT_EXP:
    return expf(x);
  case ACT_LOG:
    return logf(x);
  case ACT_SQRT:
    return sqrtf(x);
  case ACT_SQUARE:
    return x * x;
  case ACT_RECIPROCAL:
    return 1 / x;
  case ACT_SIN:
    return sinf(x);
  case ACT_COS:
    return cosf(x);
  case ACT_ERF:
    return erff(x);
  case ACT_SOFTPLUS:
    return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
  case ACT_ELU:
    return x >= 0 ? x : expm1f(x);
  case ACT_SILU:
    return x * sigmoid32(x);
  case ACT_GELU:
    return x * (erfcf(-x * (float)SQRT_HALF) / 2);
  case ACT_HARDSWISH:
    return hard_swish32(x);
  case ACT_SIGN:
    return x > 0 ? 1.0F : x < 0 ? -1.0F : 0.0F;
  case ACT_FLOOR:
    return floorf(x);
  case ACT_LOGCOSH:
    return log_cosh32(x);
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

static double gelu_slope(double x)
{
  const double density = exp(-x * x / 2) * 0x1.9884533d43651p-2; /* 1 / sqrt (2 pi) */
  return erfc(-x * SQRT_HALF) / 2 + x * density;
}

double act_slope(ActKind kind, double x)
{
  switch (kind) {
  case ACT_RELU:
    return x > 0;
  case ACT_SIGMOID:
    return sigmoid(x) * sigmoid(-x);
  case ACT_LOGCOSH:
    return tanh(x);
  case ACT_TANH: {
    const double e = exp(-2 * fabs(x));
    return 4 * e / ((1 + e) * (1 + e));
  }
  case ACT_EXP:
    return exp(x);
  case ACT_LOG:
    return 1 / x;
  case ACT_SQRT:
    return 0.5 / sqrt(x);
  case ACT_SQUARE:
    return 2 * x;
  case ACT_RECIPROCAL:
    return -1 / (x * x);
  case ACT_SIN:
    return cos(x);
  case ACT_COS:
    return -sin(x);
  case ACT_ERF:
    return exp(-x * x) * 0x1.20dd750429b6dp+0; /* 2 / sqrt pi */
  case ACT_SOFTPLUS:
    return sigmoid(x);
  case ACT_ELU:
    return x >= 0 ? 1 : exp(x);
  case ACT_SILU:
    return sigmoid(x) * (1 + x * sigmoid(-x));
  case ACT_GELU:
    return gelu_slope(x);
  case ACT_HARDSWISH:
    /* At a kink the slope of the piece between them: a tangent there lies below it. */
    return x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6;
  case ACT_SIGN:
    return 0;
  case ACT_FLOOR: /* 0, but what follows should see that it rises */
    return 1;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

void act_values(ActKind kind, size_t n, const double *x, double *y)
{
  if (kind == ACT_RELU)
    for (size_t i = 0; i < n; i++)
      y[i] = x[i] > 0 ? x[i] : x[i] <= 0 ? 0 : x[i]; /* NaN stays NaN */
  else
    for (size_t i = 0; i < n; i++)
      y[i] = act_value(kind, x[i]);
}

void act_scale_by_slopes(ActKind kind, size_t n, const double *x, double *y)
{
  if (kind == ACT_RELU)
    for (size_t i = 0; i < n; i++)
      y[i] = x[i] > 0 ? y[i] : 0 * y[i];
  else
    for (size_t i = 0; i < n; i++)
      y[i] *= act_slope(kind, x[i]);
}

/* ---- enclosures ---------------------------------------------------------- */

/* Whether h (x) is a real number. */
static bool is_defined(ActKind kind, double x)
{
  switch (kind) {
  case ACT_LOG:
    return x > 0 && isfinite(x);
  case ACT_SQRT:
    return x >= 0 && isfinite(x);
  case ACT_RECIPROCAL:
    return x != 0 && isfinite(x);
  default:
    return isfinite(x);
  }
}

/* The relative error of act_value at x.  The argument of erfc is rounded, which its
 * tail magnifies: erfc'(t) / erfc (t) is about -2t, so by 2 t^2 = x^2 units; below
 * -40 the value itself is far below ACT_ABS. */
static double relative_error(ActKind kind, double x)
{
  switch (kind) {
  case ACT_RELU:
  case ACT_SIGN:
  case ACT_FLOOR:
    return 0;
  case ACT_GELU:
    return x < 0 ? ACT_REL + 4 * ROUND_U * (fmin(x * x, 1600) + 1) : ACT_REL;
  default:
    return ACT_REL;
  }
}

/* Bounds that h has everywhere, so that errors do not lead outside. */
static void clip_range(ActKind kind, double *lo, double *hi)
{
  static const struct {
    double lo, hi;
  } range[ACT_COUNT] = {
      [ACT_RELU] = {0, INFINITY},
      [ACT_SIGMOID] = {0, 1},
      [ACT_TANH] = {-1, 1},
      [ACT_EXP] = {0, INFINITY},
      [ACT_LOG] = {-INFINITY, INFINITY},
      [ACT_SQRT] = {0, INFINITY},
      [ACT_SQUARE] = {0, INFINITY},
      [ACT_RECIPROCAL] = {-INFINITY, INFINITY},
      [ACT_SIN] = {-1, 1},
      [ACT_COS] = {-1, 1},
      [ACT_ERF] = {-1, 1},
      [ACT_SOFTPLUS] = {0, INFINITY},
      [ACT_ELU] = {-1, INFINITY},
      [ACT_SILU] = {-0x1.1d25cf210482ep-2, INFINITY}, /* below its minimum, */
      [ACT_GELU] = {-0x1.5c19dd4b1a3fcp-3, INFINITY}, /* this too */
      [ACT_HARDSWISH] = {-0.375, INFINITY},
      [ACT_SIGN] = {-1, 1},
      [ACT_FLOOR] = {-INFINITY, INFINITY},
      [ACT_LOGCOSH] = {0, INFINITY},
  };
  if (*lo < range[kind].lo) *lo = range[kind].lo;
  if (*hi > range[kind].hi) *hi = range[kind].hi;
}

void act_point(ActKind kind, double x, double *lo, double *hi)
{
  *lo = -INFINITY;
  *hi = INFINITY;
  if (!is_defined(kind, x)) return;
  const double h = act_value(kind, x), rel = relative_error(kind, x);
  const double err = rel != 0 ? rel * fabs(h) + ACT_ABS : 0;
  if (!isfinite(h)) {
    /* Overflow of a function that is positive there (exp, square) or 1 / x. */
    if (h > 0) *lo = 0x1.fffffffffffffp+1023 * (1 - 2 * ACT_REL);
    if (h < 0) *hi = -0x1.fffffffffffffp+1023 * (1 - 2 * ACT_REL);
    return;
  }
  *lo = err != 0 ? round_add_dn(h, -err) : h;
  *hi = err != 0 ? round_add_up(h, err) : h;
  clip_range(kind, lo, hi);
}

/* Functions that fall, then rise: where they turn, up to the given distance. */
static bool has_valley(ActKind kind, double *at, double *within)
{
  *within = 0x1p-40;
  switch (kind) {
  case ACT_SQUARE:
  case ACT_LOGCOSH:
    *at = *within = 0;
    return true;
  case ACT_SILU:
    *at = -1.2784645427610738;
    return true;
  case ACT_GELU:
    *at = -0.7517915246935645;
    return true;
  case ACT_HARDSWISH:
    *at = -1.5;
    *within = 0;
    return true;
  default:
    return false;
  }
}

static void enclose_valley(ActKind kind, double lo, double hi, double at, double within,
                           double *out_lo, double *out_hi)
{
  double l[2], u[2];
  act_point(kind, lo, &l[0], &u[0]);
  act_point(kind, hi, &l[1], &u[1]);
  *out_hi = fmax(u[0], u[1]);
  *out_lo = fmin(l[0], l[1]);
  if (lo <= at + within && hi >= at - within) {
    *out_lo = -INFINITY;
    clip_range(kind, out_lo, out_hi);
  }
}

/* Whether [lo, hi] may contain phase + 2 pi n for an integer n; |lo|, |hi| <= 2^20. */
static bool may_contain(double lo, double hi, double phase)
{
  const double turn = 0x1.921fb54442d18p+2, slack = 0x1p-30;
  return floor((hi + slack - phase) / turn) > floor((lo - slack - phase) / turn) ||
         hi - lo >= turn;
}

static void enclose_wave(ActKind kind, double lo, double hi, double *out_lo,
                         double *out_hi)
{
  const double half = 0x1.921fb54442d18p+1, quarter = 0x1.921fb54442d18p+0;
  const double top = kind == ACT_SIN ? quarter : 0;
  *out_lo = -1;
  *out_hi = 1;
  if (!(fabs(lo) <= 0x1p20 && fabs(hi) <= 0x1p20)) return;
  double l[2], u[2];
  act_point(kind, lo, &l[0], &u[0]);
  act_point(kind, hi, &l[1], &u[1]);
  if (!may_contain(lo, hi, top)) *out_hi = fmax(u[0], u[1]);
  if (!may_contain(lo, hi, top + half)) *out_lo = fmin(l[0], l[1]);
}

void act_enclose(ActKind kind, double lo, double hi, double *out_lo, double *out_hi)
{
  double at, within, unused;
  *out_lo = -INFINITY;
  *out_hi = INFINITY;
  /* Something overflows or is not defined before: not even the range of h is known. */
  if (!isfinite(lo) || !isfinite(hi)) return;
  if (kind == ACT_SIN || kind == ACT_COS) {
    enclose_wave(kind, lo, hi, out_lo, out_hi);
    return;
  }
  if (kind == ACT_LOG || kind == ACT_SQRT) {
    if (!(lo > 0 || (lo == 0 && kind == ACT_SQRT))) return;
  } else if (kind == ACT_RECIPROCAL) {
    if (!(lo > 0 || hi < 0)) return;
    act_point(kind, hi, out_lo, &unused);
    act_point(kind, lo, &unused, out_hi);
    return;
  } else if (has_valley(kind, &at, &within)) {
    enclose_valley(kind, lo, hi, at, within, out_lo, out_hi);
    clip_range(kind, out_lo, out_hi);
    return;
  }
  /* Rising. */
  act_point(kind, lo, out_lo, &unused);
  act_point(kind, hi, &unused, out_hi);
  clip_range(kind, out_lo, out_hi);
}
