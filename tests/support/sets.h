/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/sets.h -- random balls in random boxes, and points of both. */
#ifndef TESTS_SUPPORT_SETS_H
#define TESTS_SUPPORT_SETS_H

#include "net/ball.h"
#include "net/base/prng.h"
#include "net/net.h"
#include "specs/prop.h"

/* A ball of any norm whose centre lies in the box; about a third of the radii reach a
 * corner.  coarse: centre and radius are multiples of 2^-10, so that the outer reading
 * is the set itself. */
Ball *sets_ball(int n, const double *lo, const double *hi, bool coarse, Prng *prng);

/* A point of the box that ball_contains: on the border half of the time, or the same
 * towards where q . x falls (q NULL: anywhere). */
void sets_sample(const Ball *ball, const double *lo, const double *hi, const double *q,
                 Prng *prng, double *x);

/* Unsafe: output 0 is at most rhs, for inputs of the box and the ball (copied). */
Prop *sets_below(const Net *net, const double *lo, const double *hi, const Ball *ball,
                 double rhs);

#endif
