/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/ival.h -- intervals that contain a number the specification means.
 *
 * Every operation returns an interval that contains the exact result for every
 * choice inside the operands.  Overflow or an infinite operand gives NaN or
 * infinite ends, which ival_finite tells; NaN ends are never lost on the way.
 */
#ifndef SPECS_IVAL_H
#define SPECS_IVAL_H

#include <stdbool.h>

typedef struct {
  double lo, hi; /* lo <= value <= hi */
} Ival;

Ival ival_add(Ival a, Ival b);
Ival ival_neg(Ival a);
Ival ival_mul(Ival a, Ival b);

/* Needs a b that does not contain 0. */
Ival ival_div(Ival a, Ival b);

bool ival_finite(Ival a);

#endif
