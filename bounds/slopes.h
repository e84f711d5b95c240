/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/slopes.h -- the reduced dual: slopes as the only multipliers.
 *
 * With mu = slope * lambda and lambda = q the Lagrangian is a function of the lower
 * slopes alpha in [0, 1] of the unstable neurons, of one beta for every assumption of a
 * branch, and, for a conjunction, of the weights w of its rows (alpha-CROWN, Xu et al.
 * 2021; beta-CROWN, Wang et al. 2021).  For fixed intervals its maximum is the optimum
 * of the triangle linear program with the assumptions as constraints (Salman et al.
 * 2019).  Every iterate is a proven bound; the best is kept.  Steps are Adam's
 * (bounds/ascent.h); a row that is done leaves the batch.
 */
#ifndef BOUNDS_SLOPES_H
#define BOUNDS_SLOPES_H

#include <stdbool.h>

#include "bounds/ascent.h"
#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/objective.h"
#include "net/base/stop.h"

/* Room for batches of up to max_rows objectives; one thread.  Buffers are made on
 * first use and kept: a second run of the same shape allocates nothing. */
typedef struct Slopes Slopes;
Slopes *slopes_new(const Net *net, int max_rows);
void slopes_free(Slopes *s); /* NULL is fine */

/* One assumption of a row's branch.  beta <= 0 belongs to z >= 0, beta >= 0 to z <= 0;
 * it changes p of activation node `node` at element `index`.  node < 0: nothing, where
 * every row needs the same number. */
typedef struct {
  int row, node, index;
  bool positive; /* assumed z >= 0 */
  double beta;   /* in: where to start; out: of the best bound */
} SlopesCut;

typedef struct {
  int iterations;
  double target; /* a row is done when its bound is above */
  const Stop *stop;
  /* double alpha[k][n_rows][size_k] for the activation ancestors of the start node, or
   * NULL.  Out: the slopes of the best bound.  In, when `warm`: where to start;
   * otherwise the adaptive slopes of CROWN. */
  double *const *alpha;
  bool warm;
  /* double mean[k][n_rows][size_k] or NULL: out, the pre-activations of the relaxed
   * optimum, averaged over the iterations with more weight on later ones.  A single
   * iterate jumps from corner to corner; the average converges (Larsson, Patriksson and
   * Stroemberg 1999). */
  double *const *mean;
  int n_cuts;
  SlopesCut *cuts; /* sorted by row; their neurons are cut in the row's box, */
  int own_cuts; /* or, if > 0: so many per row, which assumes them alone; their neurons
                 * are unstable in its box */
} SlopesParams;

/* Maximise each row's bound.  lower[r] is raised, never lowered.  The weights of the
 * best bound are left in the objective.  Returns the passes made, counted in rows. */
long slopes_run(Slopes *s, Lagrangian *L, const Bounds *b, Objective *objective,
                const SlopesParams *params, double *lower);

/* One pass with the multipliers as they stand in params->alpha and params->cuts, kept
 * for lagrangian_lambda and its relatives, and the gradient: what a search needs to
 * know about the bound it has.  q0 as in LagrangianBatch, or NULL. */
void slopes_look(Slopes *s, Lagrangian *L, const Bounds *b, Objective *objective,
                 const SlopesParams *params, const LagrangianGradient *out,
                 double *value, double *q0);

/* Bounds of n rows like those of the objective, each under one more assumption: row r
 * is row source[r] with cut[r]. */
void slopes_look_ahead(Slopes *s, Lagrangian *L, const Bounds *b, Objective *objective,
                       const SlopesParams *params, int n, const int *source,
                       const LagrangianCut *cut, double *value);

/* slopes_run for a single use: with a workspace of its own, no cuts, a cold start, and
 * `alpha` (or NULL) for the result.  Returns the iterations made. */
int slopes_optimise(Lagrangian *L, const Bounds *b, Objective *objective,
                    int iterations, double target, const Stop *stop, double *lower,
                    double *const *alpha);

#endif
