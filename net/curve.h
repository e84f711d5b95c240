/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/curve.h -- the shape of an activation: where it is convex, and its slope.
 *
 * Bounds of h over an interval come from its pieces: where h is convex a tangent lies
 * below it, where it is concave a chord does.  ReLU, Sign and HardSwish have kinks or
 * a jump; see below.
 */
#ifndef NET_CURVE_H
#define NET_CURVE_H

#include "net/act.h"

#define CURVE_MAX_PIECES 8

/* A piece reaches from the end of the one before it to `to`.
 *   curve  +1: h is convex there, -1: concave, 0: affine
 *   gap    the curve may be another one no further than this from `to` and from the
 *          ends of the whole interval, because turns are irrational numbers;
 *          |h'| <= CURVE_GAP_SLOPE there
 */
typedef struct {
  double to, gap;
  int curve;
} CurvePiece;

#define CURVE_GAP_SLOPE 2.0

/* The pieces of h on [lo, hi], finite and inside the domain, left to right, the last
 * one ending at hi.  Returns their number; 0 when there are too many to list, or h is
 * not defined or not continuous on the interval (Sign across 0, Floor across an
 * integer). */
int curve_pieces(ActKind kind, double lo, double hi, CurvePiece *pieces);

/* |act_slope (x) - h'(x)| is at most this. */
double curve_slope_error(ActKind kind, double x);

/* A point of [lo, hi], which lies in one piece, where the slope of h is about s, or the
 * end where it is nearest to s.  A proposal: nothing is proven about it. */
double curve_touch(ActKind kind, double s, double lo, double hi);

#endif
