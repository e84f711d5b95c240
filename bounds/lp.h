/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/lp.h -- the triangle relaxation as a linear program; the only includer of
 * glpk.h.
 *
 * One box, one case.  Columns: the inputs that are no points, the outputs a_i of
 * unstable ReLUs, and t.  Everything else is an affine expression of the columns
 * (stable neurons are substituted).  With z_i the expression of a pre-activation,
 *
 *     minimise t   subject to   t >= m_j          rows j of the case
 *                               a_i >= z_i,  a_i <= s_i (z_i - l_i),  0 <= a_i <= u_i
 *                               z_i >= 0 or z_i <= 0  where the branch has a cut
 *                               inputs in the box                        s = u/(u-l)
 *
 * (Ehlers 2017).  GLPK only advises: its row duals become weights w and multipliers
 *     mu_i = y(a_i >= z_i) + s_i y(a_i <= ...),        beta_i = -y(cut)
 * for the Lagrangian, whose value is the proven bound; its status is never believed.
 * GLPK keeps one environment per thread and aborts on misuse: its errors are caught
 * inside this file, after which the thread's environment is released and the result
 * is "no bound".  A cap on the pivots ends the cycling of badly scaled programs.
 */
#ifndef BOUNDS_LP_H
#define BOUNDS_LP_H

#include <stdbool.h>

#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/objective.h"
#include "net/base/stop.h"

/* The multipliers of the cuts in a proven bound; starts as {0}. */
typedef struct {
  int n, *node, *index; /* owned: int node[n], index[n] */
  double *beta;         /* owned: double beta[n] */
} LpCuts;

void lp_cuts_free(LpCuts *cuts);

typedef struct {
  double optimum; /* what GLPK says, a diagnostic number; NAN when it did not finish */
  double lower;   /* proven; -INFINITY when nothing is */
  long pivots;
  bool solved; /* GLPK reported an optimal basis */
} LpResult;

/* Bound row r = 0 of a one-row objective over the margin node.  alpha: slopes of
 * that row for a starting basis, or NULL.  point: double[net inputs], receives
 * the primal solution (inside the box up to rounding), a witness candidate; may be
 * NULL.  The objective's weights become the LP's.  b must have one box.  cuts, if
 * not NULL, receives the betas of a bound above 0, which then has no other multipliers.
 * Returns false, with nothing proven, when the network has other activations than
 * ReLU, or more than max_columns columns would be needed. */
bool lp_bound(Lagrangian *L, const Bounds *b, Objective *objective, int max_columns,
              double *const *alpha, const Stop *stop, LpResult *result, double *point,
              LpCuts *cuts);

/* Release the thread's GLPK environment at the end of a thread. */
void lp_release(void);

#endif
