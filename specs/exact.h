/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/exact.h -- which of two decimal texts is the larger number, exactly.
 *
 * Two different decimals can have the same enclosure by doubles.  Whether a range
 * between them is empty, or a comparison of constants true, must not be guessed.
 */
#ifndef SPECS_EXACT_H
#define SPECS_EXACT_H

#include <stdbool.h>

/* *order = -1, 0 or 1 as a is less than, equal to or greater than b.  Needs texts
 * that decimal_parse accepts.  Returns false when an exponent is too long to
 * decide.  Cost: linear, no allocation. */
bool exact_compare(const char *a, int n_a, const char *b, int n_b, int *order);

#endif
