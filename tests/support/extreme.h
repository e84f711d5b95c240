/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/extreme.h -- small random networks meant to break error terms.
 *
 * Directed acyclic graphs of every kind of node, some with inexact weights (w_rel,
 * b_err), with repeated inputs and constant map entries, and numbers that overflow,
 * underflow or cancel.
 */
#ifndef TESTS_SUPPORT_EXTREME_H
#define TESTS_SUPPORT_EXTREME_H

#include "net/base/prng.h"
#include "net/net.h"

/* The numbers in a network, its boxes and its multipliers: about 1, and ... */
typedef enum {
  EXTREME_ORDINARY,     /* ... nothing else */
  EXTREME_TRILLION,     /* 2^40 and 2^-40, about 1e12 and 1e-12 */
  EXTREME_SQUARES,      /* 2^500 and 2^-500: a product of three overflows */
  EXTREME_OVERFLOW,     /* 2^1000 and 2^-1000: a product of two does */
  EXTREME_DENORMAL,     /* 2^-1060, 2^-1022 and 2^100 */
  EXTREME_CANCELLATION, /* 2^53 of both signs */
  EXTREME_CROSSED,      /* 2^-1000 and 2^960 */
  EXTREME_N
} ExtremeMode;

double extreme_number(ExtremeMode mode, Prng *prng); /* finite */

/* About `size` nodes; the output is linear and every node is its ancestor. */
Net *extreme_net(ExtremeMode mode, int size, Prng *prng);

/* With products, squares, signs and reciprocals too: everything that is rational. */
Net *extreme_curved_net(ExtremeMode mode, int size, Prng *prng);

/* A box of points, of wide intervals or of narrow ones, some just one ulp wide;
 * and a point in it, often on its border.  Arrays have n elements. */
void extreme_box(ExtremeMode mode, int n, Prng *prng, double *lo, double *hi);
void extreme_sample(int n, const double *lo, const double *hi, Prng *prng, double *x);

#endif
