/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/decimal.h"

#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"

static const double power10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

typedef struct {
  bool negative;
  uint64_t digits; /* the first significant digits as an integer */
  long n_digits;   /* how many of them; more than 19 means `digits` is cut off */
  long exponent;   /* value = digits * 10^exponent while n_digits <= 19 */
} Parts;

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static void take_digit(Parts *p, char c, bool fraction)
{
  if (p->n_digits || c != '0') p->n_digits++;
  if (p->n_digits <= 19) {
    p->digits = p->digits * 10 + (uint64_t)(c - '0');
    p->exponent -= fraction;
  }
}

static bool scan(const char *s, const char *end, Parts *p)
{
  *p = (Parts){0};
  if (s < end && (*s == '-' || *s == '+')) p->negative = *s++ == '-';
  bool any = false;
  for (; s < end && is_digit(*s); s++, any = true)
    take_digit(p, *s, false);
  if (s < end && *s == '.')
    for (s++; s < end && is_digit(*s); s++, any = true)
      take_digit(p, *s, true);
  if (!any) return false;
  if (s < end && (*s == 'e' || *s == 'E')) {
    s++;
    bool negative = false;
    if (s < end && (*s == '-' || *s == '+')) negative = *s++ == '-';
    if (s == end || !is_digit(*s)) return false;
    /* Cut off where no number of digits before it can bring the value back. */
    long e = 0;
    for (; s < end && is_digit(*s); s++)
      if (e < 1000000000000000) e = e * 10 + (*s - '0');
    p->exponent += negative ? -e : e;
  }
  return s == end;
}

/* Up to 15 digits and powers up to 10^22 are doubles, so one division or
 * product is correctly rounded and fma tells on which side the rest lies. */
static bool fast_path(const Parts *p, Decimal *value)
{
  if (p->n_digits > 15 || p->exponent < -22 || p->exponent > 22) return false;
  const double d = (double)p->digits;
  double near, rest; /* rest has the sign of (value - near) */
  if (p->exponent < 0) {
    near = d / power10[-p->exponent];
    rest = -fma(near, power10[-p->exponent], -d);
  } else {
    near = d * power10[p->exponent];
    rest = fma(d, power10[p->exponent], -near);
  }
  value->near = near;
  value->lo = rest < 0 ? round_dn(near) : near;
  value->hi = rest > 0 ? round_up(near) : near;
  return true;
}

/* glibc's strtod is correctly rounded in every rounding mode. */
static double parse_rounded(const char *text, int mode)
{
  const int old = fegetround();
  fesetround(mode);
  const double x = strtod(text, NULL);
  fesetround(old);
  return x;
}

static bool slow_path(const char *text, size_t n, Decimal *value)
{
  char small[128];
  char *copy = n < sizeof small ? small : mem_alloc(n + 1);
  memcpy(copy, text, n);
  copy[n] = '\0';
  value->near = parse_rounded(copy, FE_TONEAREST);
  value->lo = parse_rounded(copy, FE_DOWNWARD);
  value->hi = parse_rounded(copy, FE_UPWARD);
  if (copy != small) mem_free(copy);
  return isfinite(value->lo) && isfinite(value->hi);
}

bool decimal_parse(const char *text, size_t n, Decimal *value)
{
  Parts p;
  if (!scan(text, text + n, &p)) return false;
  if (!fast_path(&p, value)) return slow_path(text, n, value);
  if (p.negative)
    *value = (Decimal){.lo = -value->hi, .hi = -value->lo, .near = -value->near};
  return true;
}
