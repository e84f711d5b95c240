/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/support.h -- min of q . x over what a box and a ball (net/ball.h) have in
 * common: the input term of bounds/lagrangian.h where a query has a ball.
 *
 * l1, l2.  For every vector w, because w . (x - c) >= -r |w|* in the ball,
 *
 *     (1)  q . x  >=  sum_i min (q_i - w_i) x_i  +  w . c  -  r |w|*
 *
 * where the minima are over [lo_i, hi_i], and |w|* is max |w_i| for l1 and |w|_2 for
 * l2.  The best w is found by one number:
 *   l2   x(s)_i = c_i - s q_i, clipped to the box; s > 0 such that |x(s) - c| = r;
 *        w = (c - x(s)) / s, which is q_i where nothing is clipped
 *   l1   w_i = q_i clipped to [-T, T]: inputs with |q_i| > T go to the end of their
 *        range; T >= 0 as small as the radius allows
 * and w = 0 where the minimising corner of the box lies in the ball.
 *
 * l0.  With f of the inputs in ranges that do not meet [c_lo_i, c_hi_i], a_i the
 * smallest q_i x_i in the range and b_i the smallest in what both have in common (a_i
 * for the f), for every T >= 0
 *
 *     (2)  q . x  >=  sum_i b_i  -  (k - f) T  -  sum_i max (b_i - a_i - T, 0)
 *
 * and the best T is the (k - f)-th largest gain b_i - a_i.
 *
 * A box that is part of another may miss the ball: then w or T are made large, (1) or
 * (2) is large as well, and that is right, because there is no input.
 *
 * Rounding.  Any w and T prove something, so it does not matter how they were found.
 * What is added to the caller's sums: the terms to `value`, at least the sum of their
 * magnitudes to `size` (four times where a term has several roundings), and to `err`
 * what the differences q_i - w_i are wrong by, u |q_i - w_i| max (|lo_i|, |hi_i|); 2 n
 * + 8 terms at most for each of the n inputs' sums.  |w|_2 is rounded up.  A q that is
 * not finite makes the value so, or NaN.
 */
#ifndef BOUNDS_SUPPORT_H
#define BOUNDS_SUPPORT_H

#include "net/ball.h"

/* double q[n], lo[n], hi[n] finite, room[2 n]; `at`, double at[n] or NULL, becomes the
 * minimiser, or a point near it: it is in the box, and in the ball up to rounding. */
void support_term(const Ball *ball, const double *q, const double *lo, const double *hi,
                  double *room, double *at, double *value, double *size, double *err);

#endif
