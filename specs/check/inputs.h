/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/inputs.h -- a lower bound of q . x over the inputs of a query that has a
 * ball (net/ball.h) next to its box; the rules "inputs in a ball" of
 * docs/certificates.md.
 *
 * l1, l2   for any w:
 *              sum_i min over [lo_i, hi_i] of (q_i - w_i) x_i  +  w . c  -  r |w|*
 *          |w|* = max |w_i| (l1) or the length of w (l2)
 * l0       for any T >= 0:
 *              sum_i b_i  -  (k - f) T  -  sum_i max (b_i - a_i - T, 0)
 *          a_i = min q_i x_i over [lo_i, hi_i]
 *          b_i = the same over the part of it that is in [c_lo_i, c_hi_i], or a_i for
 *          the f inputs where no part is
 *
 * c, c_lo, c_hi, k and r (`outer`) are those of the ball.  w and T are chosen here; no
 * certificate has them.
 */
#ifndef SPECS_CHECK_INPUTS_H
#define SPECS_CHECK_INPUTS_H

#include "net/ball.h"

/* A good choice: w into double w[n] for l1 and l2, T for l0 (returned; else 0).  It is
 * finite; nothing depends on it being good.  q finite. */
double inputs_choose(const Ball *ball, const double *q, const double *lo,
                     const double *hi, double *w);

/* The bound: value - error is below q . x for every x of the set, where both are
 * finite; they are not where some q is not.  double room[n]. */
void inputs_bound(const Ball *ball, const double *q, const double *lo, const double *hi,
                  double *room, double *value, double *error);

#endif
