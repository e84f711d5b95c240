/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/conjugate.h -- the one-dimensional problems of the Lagrangian, for any h.
 *
 *     phi (lam, p)  =  min over z in [l, u] of   lam h(z) - p z              (1)
 *
 * of bounds/relax.h is the negative of a convex conjugate.  On a piece of [l, u] where
 * lam h is concave the minimum is at an end.  Where it is convex, every tangent bounds
 * it from below; the one that touches where the slope is p / lam gives the minimum
 * itself, and a point of contact that is only nearly right costs
 * |lam h'(z) - p| (u - l).  So no equation has to be solved exactly (after Dvijotham
 * et al., UAI 2018, Appendix).
 *
 * The lines of slope s that bound h from below touch its convex envelope env:
 * useful slopes lie in [env'(l), env'(u)].
 */
#ifndef BOUNDS_CONJUGATE_H
#define BOUNDS_CONJUGATE_H

#include "net/act.h"

/* A proven lower bound of (1), at most a few roundings below it, and a minimiser (*z,
 * a proposal).  -INFINITY where h is not defined on [l, u] or nothing is known. */
double conjugate_min(ActKind kind, double l, double u, double lam, double p, double *z);

/* Supporting lines of sign * h: for all z in [l, u],
 *     sign h(z)  >=  sign slope z + offset                                   (2)
 * `first` and `last` are the useful slopes for the ends, `slope` the one whose line is
 * highest in the middle, all finite; touch is where it touches. */
typedef struct {
  double first, slope, last;
  double offset; /* proven; -INFINITY where nothing is */
  double touch;
} ConjugateLine;

void conjugate_line(ActKind kind, double l, double u, int sign, ConjugateLine *line);

/* A slope between first (t = 0), slope (t = 1/2) and last (t = 1). */
static inline double conjugate_slope(double first, double slope, double last, double t)
{
  return t < 0.5 ? first + 2 * t * (slope - first)
                 : slope + (2 * t - 1) * (last - slope);
}

/* d conjugate_slope / dt. */
static inline double conjugate_slope_rate(double first, double slope, double last,
                                          double t)
{
  return t < 0.5 ? 2 * (slope - first) : 2 * (last - slope);
}

#endif
