/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/dual.h -- the full dual: supergradient ascent on lambda and mu.
 *
 * Dvijotham et al. 2018, section 4, with the multipliers of bounds/lagrangian.h: mu of
 * every unstable neuron, lambda of every activation.  Works for every activation that
 * has a phi.  Two forms:
 *
 *   eliminated (default)  lambda = q, its exact maximiser for the given mu: for every
 *       z the residual's minimum over x in [h(l), h(u)] is at most its value at h(z),
 *           min_z (lam h(z) - p z) + min_x (q - lam) x  <=  min_z (q h(z) - p z).
 *       What is left is concave in mu alone.
 *   free_lambda           both are variables, as published
 *
 * The function is concave and piecewise linear.  Steps are scaled by |lambda|, the
 * natural unit of mu (a ReLU's best p lies between 0 and lambda), see bounds/ascent.h.
 * Any iterate is a proven bound; the best is kept, so the result is never below the
 * start.
 */
#ifndef BOUNDS_DUAL_H
#define BOUNDS_DUAL_H

#include "bounds/ascent.h"
#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/objective.h"
#include "net/base/stop.h"

typedef struct {
  int iterations;
  AscentRule rule;
  bool free_lambda;
  double target; /* a row is done above it */
} DualParams;

/* Start from backward bounds with slopes alpha (NULL: adaptive) and maximise.
 * lower[r] is raised, never lowered.  Returns the iterations made. */
int dual_optimise(Lagrangian *L, const Bounds *b, Objective *objective,
                  const DualParams *params, double *const *alpha, const Stop *stop,
                  double *lower);

#endif
