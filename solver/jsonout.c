/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/jsonout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/base/utf8.h"

void jsonout_string(Text *out, const char *text)
{
  text_add(out, "\"");
  for (const char *c = text; *c;) {
    const int n = utf8_length(c);
    if (*c == '"' || *c == '\\')
      text_add(out, "\\%c", *c);
    else if ((unsigned char)*c < 0x20 || *c == 0x7f)
      text_add(out, "\\u%04x", (unsigned)*c);
    else if (n == 0)
      text_add(out, "\\ufffd");
    else
      text_add(out, "%.*s", n, c);
    c += n ? n : 1;
  }
  text_add(out, "\"");
}

void jsonout_number(Text *out, double x)
{
  if (!isfinite(x)) {
    text_add(out, "null");
    return;
  }
  char digits[32];
  for (int n = 15; n <= 17; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, x);
    if (strtod(digits, NULL) == x) break;
  }
  text_add(out, "%s", digits);
}

void jsonout_float(Text *out, float x)
{
  if (!isfinite(x)) {
    text_add(out, "null");
    return;
  }
  char digits[32];
  for (int n = 6; n <= 9; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, (double)x);
    if (strtof(digits, NULL) == x) break;
  }
  text_add(out, "%s", digits);
}

void jsonout_numbers(Text *out, const double *x, size_t n)
{
  text_add(out, "[");
  for (size_t i = 0; i < n; i++) {
    if (i) text_add(out, ", ");
    jsonout_number(out, x[i]);
  }
  text_add(out, "]");
}

void jsonout_ints(Text *out, const int *x, size_t n)
{
  text_add(out, "[");
  for (size_t i = 0; i < n; i++)
    text_add(out, "%s%d", i ? ", " : "", x[i]);
  text_add(out, "]");
}
