/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "1.230000" becomes "1.23", "12.000" becomes "12". */
static void drop_zeros(char *s)
{
  if (!strchr(s, '.')) return;
  size_t n = strlen(s);
  while (s[n - 1] == '0')
    s[--n] = '\0';
  if (s[n - 1] == '.') s[n - 1] = '\0';
}

/* "1.23e+06" becomes "1.23e6". */
static void shorten_exponent(char *s)
{
  char *e = strchr(s, 'e');
  if (!e) return;
  const int power = atoi(e + 1);
  snprintf(e + 1, 8, "%d", power);
}

Number number_short(double x)
{
  Number t = {"-"};
  if (!isfinite(x)) return t;
  char rounded[32];
  snprintf(rounded, sizeof rounded, "%.2e", x);
  const double r = strtod(rounded, NULL), size = fabs(r);
  if (size == 0) {
    snprintf(t.s, sizeof t.s, "0");
  } else if (size >= 1e-4 && size < 1e6) {
    const int digits = 2 - (int)floor(log10(size) + 1e-9);
    snprintf(t.s, sizeof t.s, "%.*f", digits > 0 ? digits : 0, r);
    drop_zeros(t.s);
  } else {
    snprintf(t.s, sizeof t.s, "%.3g", r);
    shorten_exponent(t.s);
  }
  return t;
}

Number number_seconds(double x)
{
  if (x > 0 && x < 0.001) return (Number){"< 0.001"};
  return number_short(x);
}

Number number_percent(double part, double all)
{
  Number t = {"-"};
  if (!(all > 0) || !isfinite(part)) return t;
  snprintf(t.s, sizeof t.s, "%.20s %%", number_short(100 * part / all).s);
  return t;
}
