/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/jsonout.h -- single JSON values, written into a Text. */
#ifndef SOLVER_JSONOUT_H
#define SOLVER_JSONOUT_H

#include <stddef.h>

#include "net/base/text.h"

/* A quoted string; bytes that are no UTF-8 become U+FFFD. */
void jsonout_string(Text *out, const char *text);

/* The shortest text that reads back as x; null for infinities and NaN. */
void jsonout_number(Text *out, double x);
void jsonout_float(Text *out, float x);

/* [a, b, ...] */
void jsonout_numbers(Text *out, const double *x, size_t n);
void jsonout_ints(Text *out, const int *x, size_t n);

#endif
