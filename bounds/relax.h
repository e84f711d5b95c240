/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/relax.h -- one activation inside the Lagrangian.
 *
 * For a neuron x = h(z) with z in [l, u], the Lagrangian contains
 *
 *     phi (lam, p)  =  min over z in [l, u] of   lam h(z) - p z              (1)
 *
 * where lam is the multiplier of x = h(z) and p the part of it that is passed on to
 * z.  Any p is sound.  A relaxation is a choice of p: with p = s lam the line of slope
 * s through the minimiser bounds lam h(z) from below,
 *
 *     lam h(z)  >=  s lam z + phi (lam, s lam)        for all z in [l, u]     (2)
 *
 * which is the relaxation of CROWN / DeepPoly (Zhang et al. 2018, Singh et al. 2019).
 *
 * ReLU, l < 0 < u:
 *     lam >= 0   any s in [0, 1] gives phi = 0; the free "slope" of alpha-CROWN
 *                by default ("adaptive") 1 where u is above -l, and else 0: above by
 *                more than rounding, so that whoever computes the interval again (a
 *                checker) comes to the same
 *     lam <  0   s = u / (u - l), the upper edge of the triangle, is best possible
 * and where a branch assumes z >= 0 (l = 0) or z <= 0 (u = 0), p = s lam + beta with
 * s = 1 and beta <= 0, or s = 0 and beta >= 0, also has phi = 0: beta is the multiplier
 * of the assumption (beta-CROWN, Wang et al. 2021).  Any beta is sound, because (1) is
 * evaluated for the p that results.
 *
 * Other functions: supporting lines of h for lam >= 0 and of -h for lam < 0
 * (bounds/conjugate.h); alpha in [0, 1] picks one of the useful ones, for either sign,
 * 1/2 being the default.
 *
 * Products x = a b, a in [la, ua], b in [lb, ub]: the minimum of lam a b - pa a - pb b
 * is at one of four corners.  The planes of McCormick (1976) are
 *     lam >= 0   (pa, pb) = lam (lb, la)  or  lam (ub, ua)
 *     lam <  0   (pa, pb) = lam (ub, la)  or  lam (lb, ua)
 * and alpha in [0, 1] a combination of the two.
 *
 * Maxima x = max (a, b), a in [la, ua], b in [lb, ub].
 *
 * lam max (a, b) - pa a - pb b is linear on either side of a = b, so its minimum is at
 * one of six points: the corners of the rectangle, and where a = b enters and leaves
 * it, at m = max (la, lb) and n = min (ua, ub).
 *
 * Where la >= ub the maximum is a, and (pa, pb) = lam (1, 0) leaves no gap; likewise b.
 * Else, with M = max (ua, ub), wa = ua - la and wb = ub - lb,
 *
 *     lam >= 0   (pa, pb) = lam (1 - alpha, alpha), under the maximum for any alpha
 *     lam <  0   (pa, pb) = lam times
 *                  top:     ((M - ub) / wa, (M - ua) / wb)
 *                  bottom:  ((ua - m) / wa, (ub - m) / wb)
 *
 * the planes through the corners without the lowest (la, lb), or without the highest
 * (ua, ub).  The lesser of them at each point is the least concave function above
 * max (a, b); at the centre both are (ua + ub) / 2.  alpha takes top at 0 and 1, bottom
 * at 1/2 and is linear between.
 *
 * The usual alpha is 0, or 1 where the interval of b has the higher centre: that input,
 * and the plane top, whose coefficients are the smaller ones.  By independent inputs it
 * gives M, the upper bound of the interval.
 */
#ifndef BOUNDS_RELAX_H
#define BOUNDS_RELAX_H

#include <stdbool.h>

#include "net/act.h"

/* The adaptive slope of an unstable ReLU. */
static inline bool relax_prefers_one(double l, double u)
{
  return u > -l * (1 + 0x1p-20);
}

/* Whether the slope of a ReLU for lam >= 0 may be chosen: not where rounding alone
 * makes it unstable, because whoever computes the interval again may find it stable. */
static inline bool relax_has_slope(double l, double u)
{
  return (l < -0x1p-30 * u) & (u > -0x1p-30 * l);
}

/* The usual alpha of a maximum: b?  By more than rounding, as above. */
static inline bool relax_prefers_second(double la, double ua, double lb, double ub)
{
  return (lb - la) + (ub - ua) > 0x1p-20 * ((ua - la) + (ub - lb));
}

/* Supporting lines of many neurons for one sign of lam: see ConjugateLine. */
typedef struct {
  double *first, *slope, *last, *offset, *touch;
} RelaxLines;

/* One row of neurons; every array has n entries. */
typedef struct {
  int n;
  const double *l, *u;     /* bend_lo, bend_hi of bounds/bounds.h: intervals of z where
                            * unstable, 0 and 0 where stable; all of them unless ReLU */
  const double *up, *down; /* ReLU: slopes for lam < 0 and lam >= 0 */
  RelaxLines lines[2];     /* others: for lam >= 0, and for lam < 0 */
  const double *lam;       /* multipliers of x = h(z) */
  const double *alpha; /* slopes of the unstable neurons for lam >= 0, or NULL: down */
  const double *mu;    /* p of the unstable neurons, or NULL: p = s lam */
  const double *beta;  /* added to p of cut and unstable neurons, or NULL */
  double *p;           /* out: what is passed on, added to by the caller */
  double *slope;       /* out: dp/dlam: s, or 0 where mu gave p; given when z is */
  double *z;           /* out: the minimiser of (1); NULL: not wanted */
  double *rate;        /* out, unless ReLU: ds/dalpha; given when z is */
} RelaxRow;

/* One row of products or maxima. */
typedef struct {
  int n;
  const double *la, *ua, *lb, *ub; /* intervals of both inputs */
  const double *lam;
  const double *alpha; /* or NULL: 1/2; maxima need it */
  double *pa, *pb;     /* out: what is passed on, added to by the caller */
  /* out, all or none: minimisers, dp/dlam and its derivative by alpha, for a and b */
  double *za, *zb, *slope_a, *slope_b, *rate_a, *rate_b;
} RelaxPairs;

/* Whether the relaxation of a neuron on [l, u] loses anything, so that tighter
 * intervals help: a ReLU that is unstable, a curve that is not a point. */
bool relax_is_open(ActKind kind, double l, double u);

/* The same of a maximum: not, where one input is always the larger. */
static inline bool relax_is_open_max(double la, double ua, double lb, double ub)
{
  return la < ub && lb < ua;
}

/* Whether h is 0 on all of [l, u]: such a neuron can leave the network. */
bool relax_is_dead(ActKind kind, double l, double u);

/* Fill p (and slope, z) and add up, in plain double arithmetic,
 *     *value += sum_i phi_i       *size += sum_i (terms of phi_i in magnitude)
 * |fl (value) - true| <= gamma_{n + 6} *size covers its rounding: each phi_i is the
 * smallest of -p l, 0 and (lam - p) u where unstable, and 0 where stable, because p is
 * lam or 0 there.  *size is NaN when any multiplier or interval is. */
void relax_row(ActKind kind, const RelaxRow *row, double *value, double *size);

/* The same for products, and for maxima. */
void relax_pairs(const RelaxPairs *row, double *value, double *size);
void relax_maxima(const RelaxPairs *row, double *value, double *size);

#endif
