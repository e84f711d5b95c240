/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/box.h -- the input set of one query: a box, in two readings.
 *
 * The numbers of a specification are decimals.  [lo, hi] contains the decimal
 * interval and the float32 numbers nearest to its ends, so a proof over it holds
 * for either reading.  [in_lo, in_hi] is contained in the decimal interval; a
 * witness must lie in it.  lo <= in_lo and in_hi <= hi.
 *
 * in_lo > in_hi means that no double is inside.  When the decimal interval is not
 * empty (a point such as 0.1), in_lo and in_hi are the neighbouring doubles around
 * it and specs/witness.h says which doubles stand for it.  When it is empty, or
 * nobody knows, in_lo = +INFINITY and in_hi = -INFINITY: there is no witness.
 *
 * A box may come with a ball (net/ball.h): the input set is then what both have in
 * common.
 */
#ifndef SPECS_BOX_H
#define SPECS_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "net/ball.h"

typedef struct {
  int n;
  double *lo, *hi;       /* double lo[n], hi[n]: finite, lo <= hi */
  double *in_lo, *in_hi; /* double in_lo[n], in_hi[n] */
  Ball *ball;            /* owned; NULL: none */
} Box;

/* All four arrays are zero, without a ball.  Owned: box_free.  n >= 0. */
Box box_new(int n);
void box_free(Box *box);
Box box_copy(const Box *box);

/* The same numbers in all four arrays (-0 equals 0) and the same ball, and a hash that
 * agrees. */
bool box_equal(const Box *a, const Box *b);
uint64_t box_hash(const Box *box);

/* x[i] in [in_lo, in_hi] for all i, and x in the ball; false for NaN. */
bool box_contains(const Box *box, const double *x);

/* The smaller (larger) of x and the float32 number nearest to x.  Nearest-rounding
 * is monotonic, so when lo <= decimal <= hi then box_float_dn (lo) is at most the
 * decimal and its nearest float32, and box_float_up (hi) at least. */
double box_float_dn(double x);
double box_float_up(double x);

#endif
