/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/round.h -- what floating-point rounding can do, in numbers.
 *
 * Everything is computed in round-to-nearest; what rounding may have cost is
 * added as an explicit error term (docs/numerics.md).  u = 2^-53 is the unit
 * roundoff.  For a sum of n products in any order, with or without FMA
 * (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1):
 *
 *     |fl (x . y) - x . y|  <=  gamma_n |x| . |y|  +  n eta               (1)
 *     gamma_n = n u / (1 - n u)
 *
 * eta = 2^-1074 covers products that underflow.  The bounds returned here are
 * upper bounds on (1): their own rounding is included.
 */
#ifndef NET_BASE_ROUND_H
#define NET_BASE_ROUND_H

#include <stddef.h>

#include "net/base/status.h"

#define ROUND_U   0x1p-53   /* unit roundoff of double */
#define ROUND_ETA 0x1p-1074 /* smallest positive double */
/* Stands for any moderate multiple of ROUND_ETA in sums where speed matters: a normal
 * number, because arithmetic with denormals takes a hundred times longer. */
#define ROUND_TINY 0x1p-960

/* An upper bound of gamma_n, a little above; n < 2^40. */
double round_gamma(double n);

/* The next double up or down.  Towards zero an infinity becomes the largest double:
 * callers must not take an overflow for a bound. */
double round_up(double x);
double round_dn(double x);

/* The nearest float below or above: not above x, not below x. */
float round_float_dn(double x);
float round_float_up(double x);

/* Exact sum: a + b = *sum + the return value (Knuth's TwoSum); no overflow. */
double round_sum_err(double a, double b, double *sum);

/* A bound on |a * b - fl (a * b)|, and 0 when the product is exact. */
double round_product_err(double a, double b, double *product);

/* Directed sum, difference and product by way of the two functions above. */
double round_add_up(double a, double b);
double round_add_dn(double a, double b);
double round_mul_up(double a, double b);
double round_mul_dn(double a, double b);

/* Upper bounds: of a / b for a >= 0, b > 0, and of the root of a >= 0. */
double round_div_up(double a, double b);
double round_sqrt_up(double a);

/* Check that the process rounds to nearest and keeps denormals, which error
 * terms rely on.  Fails INTERNAL. */
Status round_self_test(Err *err);

#endif
