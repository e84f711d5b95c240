/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/phi.h -- the problems in one variable of the backward bounds that a
 * certificate's check makes (docs/certificates.md), and those of products.
 *
 *     phi_min          below  min over z in [l, u] of  lam h(z) - p z
 *     phi_min_product  below  min over the rectangle of  lam a b - pa a - pb b
 *     phi_slope        a good p / lam, of which nothing has to be proven
 *     phi_range        h ([l, u])
 *
 * A proof of phi_min (f = lam h - p z, a piece [a, b] of the curve as in net/curve.h):
 *
 *   f concave   the smaller end;
 *   f convex    for t1 <= t2 in the piece and enclosures of f'(t1), f'(t2), because a
 *               tangent lies below f,
 *                 f >= f(t1) - max (f'(t1), 0) (t1 - a)    left of t1
 *                 f >= f(t2) + min (f'(t2), 0) (b - t2)    right of t2
 *                 f >= f(t1) + min (f'(t1), 0) (t2 - t1)   between them.
 *
 * Where t1, t2 come from does not matter; they are placed where f' is surely <= 0 and
 * >= 0, so that nothing is lost by the width of the interval.
 *
 * A turn of the curve may be known up to a distance g only.  Within it h'' has the
 * wrong sign, but |h''| <= g max |h'''| <= g, so that the tangents and chords above are
 * wrong by at most 2 g^2 (b - a) |lam|, which is subtracted four times.
 *
 * Nothing here is shared with bounds/.
 */
#ifndef SPECS_CHECK_PHI_H
#define SPECS_CHECK_PHI_H

#include "net/act.h"

/* Not above min over z in [l, u] of lam h(z) - p z, l <= u, rounding included, and a
 * few roundings of |lam h| + |p z| below it.  -INFINITY where nothing is known: h is
 * not defined on all of [l, u], or something is infinite or NaN.  Never NaN. */
double phi_min(ActKind kind, double l, double u, double lam, double p);

/* The slope of a supporting line: of a line below h on [l, u] (sign +1) or above it
 * (-1), which is the highest (lowest) such line at l (alpha = 0), at the middle (1/2)
 * or at u (1); linear in alpha between these.  Where that line is upright, another one.
 * Always finite; any number would be sound.  0 where h is not defined or too large. */
double phi_slope(ActKind kind, double l, double u, int sign, double alpha);

/* h ([l, u]) inside [*lo, *hi]; (-inf, inf) where h is not defined on all of it or an
 * end is infinite. */
void phi_range(ActKind kind, double l, double u, double *lo, double *hi);

/* Not above min over a in [la, ua], b in [lb, ub] of lam a b - pa a - pb b, which is at
 * a corner; exact where no operation rounds.  -INFINITY where something is not finite.
 */
double phi_min_product(double la, double ua, double lb, double ub, double lam,
                       double pa, double pb);

/* The same of lam max (a, b) - pa a - pb b, which is at a corner or where a = b enters
 * or leaves the rectangle. */
double phi_min_max(double la, double ua, double lb, double ub, double lam, double pa,
                   double pb);

/* Points among which that minimum is: a in x[.][0], b in x[.][1]. */
void phi_max_points(const double lo[2], const double hi[2], double x[6][2]);

/* pa / lam and pb / lam of a maximum for finite intervals, by the table of
 * docs/certificates.md, and the default alpha.  Proposals. */
void phi_max_slopes(const double lo[2], const double hi[2], int sign, double alpha,
                    double slope[2]);
double phi_max_alpha(const double lo[2], const double hi[2]);

/* The parts of phi_min, for its tests.
 *
 * h'(z) inside [*lo, *hi], at a kink that of the piece that is curved; (-inf, inf)
 * where it is infinite or unknown. */
void phi_derivative(ActKind kind, double z, double *lo, double *hi);

/* The smallest of the three bounds above, for a <= t1 <= t2 <= b in a piece where lam h
 * is convex, lam != 0. */
double phi_tangents(ActKind kind, double a, double t1, double t2, double b, double lam,
                    double p);

/* A point of [a, b], inside one piece of the curve, where the slope of h is about s, or
 * the end that comes nearest.  curve +1: the slope rises there, -1: it falls.  A
 * proposal. */
double phi_touch(ActKind kind, int curve, double s, double a, double b);

#endif
