/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/decimal.h -- a decimal number as the tightest pair of doubles.
 *
 * Specifications are written in decimal, and 0.1 is no double.  A proof must
 * hold for the decimal, so it uses the outer pair; a witness must lie inside.
 */
#ifndef NET_BASE_DECIMAL_H
#define NET_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  double lo, hi; /* lo <= value <= hi; equal when the value is a double, and
                  * neighbours otherwise */
  double near;   /* the one of them nearest to the value */
} Decimal;

/* Parse text[0..n), all of it:
 *     [+-]? ( DIGITS ("." DIGITS?)? | "." DIGITS ) ([eE] [+-]? DIGITS)?
 * Returns false for anything else (also "inf", "nan", hex) and for numbers
 * beyond the largest double.  Cost: O(n), no allocation for n < 128. */
bool decimal_parse(const char *text, size_t n, Decimal *value);

#endif
