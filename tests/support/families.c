/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/families.h"

#include <float.h>
#include <math.h>

const char *const families_names[] = {"left", "right", "crossing", "huge",
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

double families_sign(Prng *p)
{
  return prng_below(p, 2) ? 1 : -1;
}

double families_draw(Prng *p, Family f)
{
  switch (f) {
  case LEFT:
    return -12 * prng_unit(p);
  case RIGHT:
    return 12 * prng_unit(p);
  case CROSSING:
    return families_sign(p) * 5 * prng_unit(p);
  case HUGE_:
    return families_sign(p) * pow(10, 30 * prng_unit(p));
  case TINY:
    return families_sign(p) * pow(10, -300 * prng_unit(p));
  case POINT:
    return families_sign(p) * special[prng_below(p, N_SPECIAL)];
  case DENORMAL:
    return families_sign(p) * DBL_MIN * prng_unit(p);
  case N_FAMILIES:
    break;
  }
  return 0;
}

double families_inside(Prng *p, ActKind kind, Family f)
{
  double x = families_draw(p, f);
  if (kind == ACT_LOG || kind == ACT_SQRT) x = fabs(x);
  return (kind == ACT_LOG || kind == ACT_RECIPROCAL) && x == 0 ? 1 : x;
}

void families_interval(Prng *p, ActKind kind, Family f, double *l, double *u)
{
  const Family other = prng_below(p, 4) ? f : (Family)prng_below(p, N_FAMILIES);
  const double a = families_inside(p, kind, f);
  double b = families_inside(p, kind, other);
  if (f == POINT && prng_below(p, 2)) b = nextafter(a, prng_below(p, 2) ? a : 2 * a);
  if (kind == ACT_RECIPROCAL) b = copysign(b, a);
  *l = fmin(a, b);
  *u = fmax(a, b);
}

double families_between(Prng *p, double l, double u)
{
  const double z = l + prng_unit(p) * (u / 2 - l / 2) * 2;
  return z < l || !isfinite(z) ? l : z > u ? u : z;
}

long double families_value(ActKind kind, long double x)
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
