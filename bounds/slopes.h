/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/slopes.h -- the reduced dual: slopes as the only multipliers.
 *
 * With mu = slope * lambda and lambda = q the Lagrangian is a function of the lower
 * slopes alpha in [0, 1] of the unstable neurons and, for a conjunction, of the
 * weights w of its rows (alpha-CROWN, Xu et al. 2021; Wang et al. 2021).  For fixed
 * intervals its maximum is the optimum of the triangle linear program (Salman et
 * al. 2019).  Every iterate is a proven bound; the best is kept.
 */
#ifndef BOUNDS_SLOPES_H
#define BOUNDS_SLOPES_H

#include "bounds/ascent.h"
#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/objective.h"
#include "net/base/stop.h"

/* Maximise each row's bound over the slopes.  lower[r] is raised, never lowered;
 * a row is done when lower[r] > target.  alpha, if not NULL, receives the best
 * slopes: double alpha[k][n_rows][size_k] for the ancestors of the start node.
 * Returns the iterations made. */
int slopes_optimise(Lagrangian *L, const Bounds *b, Objective *objective,
                    int iterations, double target, const Stop *stop, double *lower,
                    double *const *alpha);

#endif
