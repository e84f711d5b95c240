/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/mem.h"
#include "net/base/prng.h"
#include "specs/exact.h"

static Decimal parse(const char *text)
{
  Decimal d;
  cr_assert(decimal_parse(text, strlen(text), &d), "%s", text);
  return d;
}

static int order(const char *a, const char *b)
{
  int o = 99;
  cr_assert(exact_compare(a, (int)strlen(a), b, (int)strlen(b), &o), "%s %s", a, b);
  return o;
}

/* printf writes every double exactly when it gets enough digits. */
static int order_double(double x, const char *text)
{
  char exact[1200];
  snprintf(exact, sizeof exact, "%.1100e", x);
  return order(exact, text);
}

static void check_enclosure(const char *text)
{
  const Decimal d = parse(text);
  const int below = order_double(d.lo, text), above = order_double(d.hi, text);
  cr_assert_leq(below, 0, "%s: lo = %.17g", text, d.lo);
  cr_assert_geq(above, 0, "%s: hi = %.17g", text, d.hi);
  cr_assert(d.lo == d.hi ? below == 0 && above == 0
                         : below < 0 && above > 0 && nextafter(d.lo, INFINITY) == d.hi,
            "%s: %.17g %.17g is not the tightest pair", text, d.lo, d.hi);
  cr_assert(d.near == d.lo || d.near == d.hi);
  cr_assert_eq(d.near, strtod(text, NULL), "%s", text);
}

/* A random number of the grammar: up to max_digits digits, some exponents. */
static void random_text(Prng *rng, int max_digits, int max_exponent, char *out)
{
  static const char *const sign[] = {"", "-", "+"};
  out += sprintf(out, "%s", sign[prng_below(rng, 3)]);
  const int before = prng_below(rng, max_digits), after = prng_below(rng, max_digits);
  for (int i = 0; i < before; i++)
    *out++ = (char)('0' + prng_below(rng, prng_below(rng, 4) ? 10 : 1));
  if (after || !before || prng_below(rng, 2)) *out++ = '.';
  if (!before && !after) *out++ = (char)('0' + prng_below(rng, 10));
  for (int i = 0; i < after; i++)
    *out++ = (char)('0' + prng_below(rng, prng_below(rng, 4) ? 10 : 1));
  *out = '\0';
  if (max_exponent && prng_below(rng, 2))
    sprintf(out, "%c%+d", prng_below(rng, 2) ? 'e' : 'E',
            prng_below(rng, 2 * max_exponent) - max_exponent);
}

Test(decimal, random_short_decimals_are_enclosed_tightly)
{
  Prng rng = prng_init(1);
  char text[64];
  for (int k = 0; k < 20000; k++) {
    random_text(&rng, 10, 25, text);
    check_enclosure(text);
  }
}

Test(decimal, random_long_decimals_are_enclosed_tightly)
{
  Prng rng = prng_init(2);
  char text[700];
  for (int k = 0; k < 3000; k++) {
    random_text(&rng, 250, 200, text);
    Decimal d;
    if (decimal_parse(text, strlen(text), &d)) check_enclosure(text);
  }
}

/* Midpoints of two doubles, and a hair beside them, are the hardest to round. */
Test(decimal, midpoints_between_doubles_are_enclosed_tightly)
{
  Prng rng = prng_init(3);
  for (int k = 0; k < 2000; k++) {
    const double x = ldexp(prng_unit(&rng), prng_below(&rng, 60) - 40);
    char text[400];
    /* Both halves have at most 53 + 1 bits: long double writes the midpoint. */
    const long double mid = ((long double)x + (long double)nextafter(x, INFINITY)) / 2;
    const int n = snprintf(text, sizeof text, "%.200Lf", mid);
    check_enclosure(text);
    text[n - 1] = '1';
    check_enclosure(text);
  }
}

Test(decimal, strtod_in_the_directed_rounding_modes_agrees)
{
  Prng rng = prng_init(4);
  char text[64];
  for (int k = 0; k < 20000; k++) {
    random_text(&rng, 18, 30, text);
    const Decimal d = parse(text);
    fesetround(FE_DOWNWARD);
    const double lo = strtod(text, NULL);
    fesetround(FE_UPWARD);
    const double hi = strtod(text, NULL);
    fesetround(FE_TONEAREST);
    cr_assert_eq(d.lo, lo, "%s", text);
    cr_assert_eq(d.hi, hi, "%s", text);
  }
}

Test(decimal, exact_doubles_have_equal_ends)
{
  static const char *const text[] = {"0",
                                     "-0",
                                     "+1",
                                     "1.",
                                     ".5",
                                     "1e0",
                                     "2E+3",
                                     "1000e-3",
                                     "0.0",
                                     "-0.25",
                                     "9007199254740993e0",
                                     "0e99999999999999999"};
  for (int k = 0; k < 12; k++) {
    const Decimal d = parse(text[k]);
    if (k == 10)
      cr_assert_lt(d.lo, d.hi);
    else
      cr_assert_eq(d.lo, d.hi, "%s", text[k]);
  }
}

Test(decimal, the_ends_of_the_range_are_enclosed)
{
  Decimal d = parse("1e-400");
  cr_assert(d.lo == 0 && d.hi == 0x1p-1074);
  d = parse("-1e-99999999999");
  cr_assert(d.lo == -0x1p-1074 && d.hi == 0);
  d = parse("2.4703282292062327208e-324");
  cr_assert(d.lo == 0 && d.hi == 0x1p-1074);
  check_enclosure("1.7976931348623157e308");
  check_enclosure("4.9406564584124654e-324");
  check_enclosure("2.2250738585072011e-308");
}

Test(decimal, what_is_no_number_is_refused)
{
  static const char *const text[] = {
      "",      "-",        "+",    ".",       "e5",  "1e",           "1e+",
      "1e-",   "--1",      "+-1",  "1 ",      " 1",  "1.2.3",        "0x10",
      "inf",   "nan",      "1f",   "1e5.0",   "1,5", "1e999",        "-1e999",
      "1_000", "infinity", "1e 5", "1.8e308", "NaN", "1e99999999999"};
  Decimal d;
  for (size_t k = 0; k < sizeof text / sizeof *text; k++)
    cr_assert_not(decimal_parse(text[k], strlen(text[k]), &d), "%s", text[k]);
  cr_assert_not(decimal_parse("1\0002", 3, &d));
}

Test(decimal, only_the_given_length_counts)
{
  Decimal d;
  cr_assert(decimal_parse("1.25e3", 4, &d));
  cr_assert_eq(d.near, 1.25);
  cr_assert_not(decimal_parse("1.25e3", 5, &d));
}

Test(decimal, ten_million_digits_take_no_time)
{
  const size_t n = 10000000;
  char *text = mem_alloc(n);
  memset(text, '0', n);
  text[1] = '.';
  text[n - 1] = '7';
  Decimal d;
  cr_assert(decimal_parse(text, n, &d));
  cr_assert(d.lo == 0 && d.hi == 0x1p-1074);
  memset(text + 2, '3', n - 2);
  cr_assert(decimal_parse(text, n, &d));
  cr_assert(d.near == 1. / 3 && d.lo < d.hi);
  mem_free(text);
}

/* ---- specs/exact.h ----------------------------------------------------------------
 */

Test(exact, decimals_are_compared_by_value_not_by_spelling)
{
  cr_assert_eq(order("0.1", "0.10000"), 0);
  cr_assert_eq(order("1e-1", "+.1"), 0);
  cr_assert_eq(order("100", "1e2"), 0);
  cr_assert_eq(order("-0", "0e5"), 0);
  cr_assert_eq(order("00012.50", "1250e-2"), 0);
  cr_assert_eq(order("1.", "0.9999999999999999999999999"), 1);
  cr_assert_eq(order("-1", "-0.99999999999999999999999"), -1);
  cr_assert_eq(order("-1", "1"), -1);
  cr_assert_eq(order("0", "1e-999999"), -1);
  cr_assert_eq(order("1e999999", "9e999998"), 1);
  cr_assert_eq(order("0.0010", "0.00099"), 1);
  cr_assert_eq(order("12", "123"), -1);
  cr_assert_eq(order("-12", "-123"), 1);
}

Test(exact, an_exponent_too_long_to_count_is_not_decided)
{
  int o;
  cr_assert_not(exact_compare("1e-9999999999999999", 19, "1", 1, &o));
}

Test(exact, order_agrees_with_quotients_of_integers)
{
  Prng rng = prng_init(5);
  for (int k = 0; k < 20000; k++) {
    long value[2];
    char text[2][32];
    for (int i = 0; i < 2; i++) {
      value[i] = (long)prng_below(&rng, 2000) - 1000;
      const int shift = prng_below(&rng, 5);
      /* value = digits * 10^-shift * 10^shift, spelt in different ways */
      if (prng_below(&rng, 2))
        sprintf(text[i], "%ld", value[i]);
      else
        sprintf(text[i], "%s%ld.%03lde%d", value[i] < 0 ? "-" : "",
                labs(value[i]) / 1000, labs(value[i]) % 1000, 3);
      if (prng_below(&rng, 4) == 0)
        sprintf(text[i], "%ld%.*se-%d", value[i], shift, "00000", shift);
    }
    const int expected = (value[0] > value[1]) - (value[0] < value[1]);
    cr_assert_eq(order(text[0], text[1]), expected, "%s %s", text[0], text[1]);
  }
}
