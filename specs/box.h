/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/box.h -- the input set of one query: a box, in two readings.
 *
 * The numbers of a specification are decimals.  [lo, hi] contains the decimal
 * interval and the float32 numbers nearest to its ends, so a proof over it holds
 * for either reading.  [in_lo, in_hi] is contained in the decimal interval; a
 * witness must lie in it.  lo <= in_lo and in_hi <= hi; in_lo > in_hi happens
 * (a point that is no double), then no double is a witness except in_near.
 */
#ifndef SPECS_BOX_H
#define SPECS_BOX_H

#include <stdbool.h>

typedef struct {
  int n;
  double *lo, *hi;       /* double lo[n], hi[n]: finite, lo <= hi */
  double *in_lo, *in_hi; /* double in_lo[n], in_hi[n] */
} Box;

Box box_new(int n);
void box_free(Box *box);
Box box_copy(const Box *box);
bool box_equal(const Box *a, const Box *b);

/* x[i] in [in_lo, in_hi] for all i; false for NaN. */
bool box_contains(const Box *box, const double *x);

#endif
