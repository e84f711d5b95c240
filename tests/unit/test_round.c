/* SPDX-License-Identifier: GPL-3.0-or-later */
/* __float128 has 113 bits: products of doubles are exact in it, and sums while the
 * exponents are not too far apart. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "net/base/prng.h"
#include "net/base/round.h"
#include "specs/ival.h"

typedef __float128 Quad;

static double random_double(Prng *rng, int exponents)
{
  const double x = prng_range(rng, -1, 1);
  const double rough = prng_below(rng, 4) ? x : (double)(float)x;
  return ldexp(rough, prng_below(rng, exponents) - exponents / 2);
}

static Quad distance(Quad a, Quad b)
{
  return a < b ? b - a : a - b;
}

Test(round, directed_sums_contain_the_exact_sum_within_one_step)
{
  Prng rng = prng_init(1);
  for (int k = 0; k < 200000; k++) {
    const double a = random_double(&rng, 55), b = random_double(&rng, 55);
    const Quad exact = (Quad)a + (Quad)b;
    const double up = round_add_up(a, b), dn = round_add_dn(a, b);
    cr_assert((Quad)dn <= exact && exact <= (Quad)up);
    cr_assert(dn == up ? exact == (Quad)up : nextafter(dn, INFINITY) == up);
  }
}

Test(round, the_error_of_a_sum_is_exact)
{
  Prng rng = prng_init(2);
  for (int k = 0; k < 200000; k++) {
    const double a = random_double(&rng, 55), b = random_double(&rng, 55);
    double sum;
    const double e = round_sum_err(a, b, &sum);
    cr_assert_eq(sum, a + b);
    cr_assert((Quad)sum + (Quad)e == (Quad)a + (Quad)b);
  }
}

Test(round, directed_products_contain_the_exact_product_tightly)
{
  Prng rng = prng_init(3);
  for (int k = 0; k < 200000; k++) {
    const double a = random_double(&rng, 300), b = random_double(&rng, 300);
    const Quad exact = (Quad)a * (Quad)b;
    const double up = round_mul_up(a, b), dn = round_mul_dn(a, b);
    cr_assert((Quad)dn <= exact && exact <= (Quad)up);
    cr_assert(up == nextafter(a * b, INFINITY) || up == a * b);
    double p;
    cr_assert((Quad)round_product_err(a, b, &p) >= distance(exact, (Quad)(a * b)));
    cr_assert_eq(p, a * b);
    if (exact == (Quad)(a * b)) cr_assert(up == dn);
  }
}

Test(round, products_that_underflow_are_still_enclosed)
{
  Prng rng = prng_init(4);
  for (int k = 0; k < 100000; k++) {
    const double a = ldexp(prng_range(&rng, -1, 1), -prng_below(&rng, 600));
    const double b = ldexp(prng_range(&rng, -1, 1), -prng_below(&rng, 600));
    const Quad exact = (Quad)a * (Quad)b;
    double p;
    const double e = round_product_err(a, b, &p);
    cr_assert((Quad)round_mul_dn(a, b) <= exact && exact <= (Quad)round_mul_up(a, b));
    cr_assert((Quad)e >= distance(exact, (Quad)p), "%a * %a", a, b);
  }
  cr_assert_eq(round_mul_up(0x1p-600, 0x1p-600), 0x1p-1074);
  cr_assert_eq(round_mul_dn(0x1p-600, -0x1p-600), -0x1p-1074);
}

Test(round, quotients_and_roots_are_upper_bounds_of_every_size)
{
  Prng rng = prng_init(5);
  for (int k = 0; k < 100000; k++) {
    const double a = fabs(random_double(&rng, 300)), b = fabs(random_double(&rng, 300));
    const double q = round_div_up(a, b), s = round_sqrt_up(a);
    cr_assert((Quad)q * (Quad)b >= (Quad)a, "%a / %a", a, b);
    cr_assert(q <= a / b * (1 + 0x1p-50));
    cr_assert((Quad)s * (Quad)s >= (Quad)a, "%a", a);
    cr_assert(s <= sqrt(a) * (1 + 0x1p-50));
  }
  for (int e = 0; e >= -1074; e--) {
    const double a = ldexp(1, e), s = round_sqrt_up(a), q = round_div_up(a, 3);
    cr_assert((Quad)s * (Quad)s >= (Quad)a, "%a", a);
    cr_assert((Quad)q * 3 >= (Quad)a, "%a", a);
    cr_assert(e < -900 || s <= sqrt(a) * (1 + 0x1p-50));
  }
  cr_assert_eq(round_sqrt_up(0), 0);
  cr_assert_eq(round_div_up(0, 7), 0);
  cr_assert(round_div_up(0x1p-1074, 0x1p+1000) > 0);
}

Test(round, overflow_keeps_the_safe_side)
{
  cr_assert_eq(round_add_up(DBL_MAX, DBL_MAX), INFINITY);
  cr_assert_geq(round_add_up(-DBL_MAX, -DBL_MAX), -DBL_MAX);
  cr_assert_leq(round_add_dn(DBL_MAX, DBL_MAX), DBL_MAX);
  cr_assert_eq(round_mul_dn(-DBL_MAX, 2), -INFINITY);
  cr_assert_leq(round_mul_dn(DBL_MAX, 2), DBL_MAX);
  cr_assert(isnan(round_add_up(INFINITY, -INFINITY)));
  /* A factor that is unknown downwards: no product of it is an upper bound but these.
   */
  cr_assert_geq(round_mul_up(-INFINITY, 2), -DBL_MAX);
  cr_assert_leq(round_mul_dn(INFINITY, 2), DBL_MAX);
}

Test(round, floats_are_the_nearest_on_their_side)
{
  Prng rng = prng_init(9);
  int exact = 0;
  for (int k = 0; k < 100000; k++) {
    const double x = random_double(&rng, k % 2 ? 60 : 300);
    const float dn = round_float_dn(x), up = round_float_up(x);
    cr_assert((double)dn <= x && x <= (double)up, "%a", x);
    cr_assert(dn == up ? (double)dn == x : nextafterf(dn, INFINITY) >= up, "%a", x);
    exact += dn == up;
  }
  cr_assert(exact > 1000 && exact < 90000, "%d", exact);
  const double large = 0x1p200, tiny = 0x1p-200;
  cr_assert(round_float_dn(large) == FLT_MAX && round_float_up(large) == INFINITY);
  cr_assert(round_float_dn(-large) == -INFINITY && round_float_up(-large) == -FLT_MAX);
  cr_assert(round_float_dn(tiny) == 0 && round_float_up(tiny) == 0x1p-149F);
}

Test(round, zero_times_anything_is_exact)
{
  cr_assert_eq(round_mul_up(0, 1e300), 0);
  cr_assert_eq(round_mul_dn(0, 0x1p-1074), 0);
}

Test(round, gamma_is_an_upper_bound_and_not_much_more)
{
  for (double n = 1; n < 0x1p40; n = n * 1.7 + 1) {
    const Quad nu = (Quad)n * (Quad)ROUND_U, gamma = nu / (1 - nu);
    cr_assert((Quad)round_gamma(n) >= gamma);
    cr_assert((Quad)round_gamma(n) <= gamma * (1 + (Quad)0x1p-19));
  }
}

Test(round, the_next_double_is_the_next_double)
{
  cr_assert_eq(round_up(0), 0x1p-1074);
  cr_assert_eq(round_dn(1), 1 - 0x1p-53);
  cr_assert_eq(round_up(DBL_MAX), INFINITY);
  cr_assert(isnan(round_up(NAN)));
}

Test(round, the_self_test_passes_here)
{
  Err err = {0};
  cr_assert_eq(round_self_test(&err), STATUS_OK);
}

/* ---- specs/ival.h ------------------------------------------------------------------
 */

static Ival random_ival(Prng *rng)
{
  const double a = random_double(rng, 40), b = random_double(rng, 40);
  if (prng_below(rng, 3) == 0) return (Ival){a, a};
  return a < b ? (Ival){a, b} : (Ival){b, a};
}

static double inside(Prng *rng, Ival a)
{
  const double x = prng_range(rng, a.lo, a.hi);
  return prng_below(rng, 3) ? (prng_below(rng, 2) ? a.lo : a.hi)
                            : fmin(fmax(x, a.lo), a.hi);
}

Test(ival, results_contain_every_choice_inside_the_operands)
{
  Prng rng = prng_init(6);
  for (int k = 0; k < 200000; k++) {
    const Ival a = random_ival(&rng), b = random_ival(&rng);
    const double x = inside(&rng, a), y = inside(&rng, b);
    const Ival sum = ival_add(a, b), product = ival_mul(a, b), minus = ival_neg(a);
    cr_assert((Quad)sum.lo <= (Quad)x + (Quad)y && (Quad)x + (Quad)y <= (Quad)sum.hi);
    cr_assert((Quad)product.lo <= (Quad)x * (Quad)y);
    cr_assert((Quad)x * (Quad)y <= (Quad)product.hi);
    cr_assert(minus.lo == -a.hi && minus.hi == -a.lo);
    if (!(b.lo > 0 || b.hi < 0)) continue;
    const Ival q = ival_div(a, b);
    /* q.lo <= x / y, multiplied out so that it is exact */
    const Quad lo = (Quad)q.lo * (Quad)y, hi = (Quad)q.hi * (Quad)y;
    cr_assert(y > 0 ? lo <= (Quad)x && (Quad)x <= hi : lo >= (Quad)x && (Quad)x >= hi);
  }
}

Test(ival, exact_quotients_stay_points)
{
  const Ival q = ival_div((Ival){3, 3}, (Ival){-4, -4});
  cr_assert(q.lo == -0.75 && q.hi == -0.75);
  const Ival third = ival_div((Ival){1, 1}, (Ival){3, 3});
  cr_assert(third.lo < third.hi);
  const Ival zero = ival_div((Ival){0, 0}, (Ival){3, 4});
  cr_assert(zero.lo == 0 && zero.hi == 0);
  /* What is left of the smallest number underflows, and looks like nothing. */
  const Ival tiny = ival_div((Ival){0x1p-1074, 0x1p-1074}, (Ival){1.1, 1.1});
  cr_assert(tiny.lo == 0 && tiny.hi >= 0x1p-1074);
}

Test(ival, infinite_operands_are_never_finite_results)
{
  cr_assert_not(ival_finite(ival_mul((Ival){0, 0}, (Ival){0, INFINITY})));
  cr_assert_not(ival_finite(ival_mul((Ival){1e300, 1e300}, (Ival){1e300, 1e300})));
  cr_assert_not(ival_finite(ival_add((Ival){1e308, 1e308}, (Ival){1e308, 1e308})));
  cr_assert_not(ival_finite(ival_div((Ival){1e300, 1e300}, (Ival){1e-300, 1e-300})));
}
