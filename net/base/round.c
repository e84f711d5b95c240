/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/round.h"

#include <fenv.h>
#include <float.h>
#include <math.h>

double round_gamma(double n)
{
  /* One part in 2^20 covers the division and every product around it. */
  const double nu = n * ROUND_U;
  return nu / (1 - nu) * (1 + 0x1p-20);
}

double round_up(double x)
{
  return nextafter(x, INFINITY);
}

double round_dn(double x)
{
  return nextafter(x, -INFINITY);
}

float round_float_dn(double x)
{
  const float f = (float)x;
  return (double)f > x ? nextafterf(f, -INFINITY) : f;
}

float round_float_up(double x)
{
  return -round_float_dn(-x);
}

double round_sum_err(double a, double b, double *sum)
{
  const double s = a + b;
  const double bb = s - a;
  *sum = s;
  return (a - (s - bb)) + (b - bb);
}

double round_product_err(double a, double b, double *product)
{
  const double p = a * b;
  *product = p;
  if (a == 0 || b == 0) return 0;
  /* fma gives the error exactly unless it falls below the smallest double. */
  const double e = fma(a, b, -p);
  return fabs(p) > 0x1p-960 ? fabs(e) : fabs(e) + ROUND_ETA;
}

double round_add_up(double a, double b)
{
  double s;
  const double e = round_sum_err(a, b, &s);
  return e > 0 || isnan(e) ? round_up(s) : s;
}

double round_add_dn(double a, double b)
{
  return -round_add_up(-a, -b);
}

double round_mul_up(double a, double b)
{
  double p;
  const double e = round_product_err(a, b, &p);
  return e > 0 || isnan(e) ? round_up(p) : p;
}

double round_mul_dn(double a, double b)
{
  return -round_mul_up(-a, b);
}

/* Steps that double: near the smallest numbers a product's error is as large as it. */
double round_div_up(double a, double b)
{
  double q = a / b;
  for (double step = ROUND_U; q < INFINITY && !(round_mul_dn(q, b) >= a); step *= 2)
    q = round_up(q + q * step);
  return q;
}

double round_sqrt_up(double a)
{
  double s = sqrt(a);
  for (double step = ROUND_U; s < INFINITY && !(round_mul_dn(s, s) >= a); step *= 2)
    s = round_up(s + s * step);
  return s;
}

Status round_self_test(Err *err)
{
  volatile double tiny = DBL_MIN, one = 1, eps = ROUND_U;
  if (fegetround() != FE_TONEAREST)
    return status_fail(
        err, STATUS_INTERNAL,
        "the process does not round to nearest; a loaded library changed "
        "the rounding mode");
  if (tiny / 4 == 0 || (tiny / 4) * 4 != tiny)
    return status_fail(
        err, STATUS_INTERNAL,
        "denormal numbers are flushed to zero; a loaded library was built "
        "with -ffast-math");
  if (one + eps != one || one + eps * 1.5 == one)
    return status_fail(err, STATUS_INTERNAL,
                       "double arithmetic is not IEEE 754 binary64");
  return STATUS_OK;
}
