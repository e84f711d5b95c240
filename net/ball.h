/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/ball.h -- a set around a point that the inputs lie in, next to their box:
 *
 *     l1   sum_i |x_i - c_i| <= r
 *     l2   sum_i (x_i - c_i)^2 <= r^2
 *     l0   x_i != c_i for at most k of the i   (the cardinality set of Dvijotham,
 *          Stanforth, Gowal, Mann, Kohli, UAI 2018)
 *
 * c and r are doubles and meant exactly.  Proofs use an outer reading, which also holds
 * the set around the float32 numbers nearest to c, of the float32 number nearest to r:
 * radius `outer` around c; for l0, x_i not in [c_lo_i, c_hi_i] for at most k of the i.
 * Witnesses use the set itself.
 *
 * The l-infinity ball is a box (specs/box.h) and has no Ball.
 */
#ifndef NET_BALL_H
#define NET_BALL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { BALL_L2, BALL_L1, BALL_L0 } BallNorm;

typedef struct Ball {
  BallNorm norm;
  int n;
  int k;                /* l0: 0 <= k <= n; else 0 */
  double radius, outer; /* l1, l2: 0 <= radius <= outer; l0: both k */
  double *c;            /* double c[n], finite */
  double *c_lo, *c_hi;  /* double c_lo[n], c_hi[n]: c and its nearest float32 number */
} Ball;

/* Owned: ball_free.  l0: radius is the whole number k. */
Ball *ball_new(BallNorm norm, int n, const double *c, double radius);
void ball_free(Ball *ball); /* NULL is fine */
Ball *ball_copy(const Ball *ball);

/* Both NULL, or the same set (-0 equals 0); a hash that agrees, 0 for NULL. */
bool ball_equal(const Ball *a, const Ball *b);
uint64_t ball_hash(const Ball *ball);

/* Is x proved to be in the set?  Sums are rounded up and compared with what r^2 is
 * rounded down: a point whose sums are exact in doubles is decided exactly, one nearer
 * to the border than rounding is refused.  False for NaN. */
bool ball_contains(const Ball *ball, const double *x);

/* An upper bound of the distance |x - c| in the ball's norm (l0: exact). */
double ball_distance(const Ball *ball, const double *x);

/* Move x, a point of the box, to a point of the box near the ball: on the way to the
 * box's nearest point to c, or (l0) by giving coordinates that moved least the value of
 * c back.  Nothing is proved: ball_contains decides.  share: of the radius, <= 1. */
void ball_pull(const Ball *ball, const double *lo, const double *hi, double share,
               double *x);

/* "l2", "l1", "l0". */
const char *ball_norm_word(BallNorm norm);

#endif
