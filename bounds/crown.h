/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/crown.h -- backward bounds for every pre-activation.
 *
 * Layer by layer from the input, each neuron that interval propagation leaves
 * open is bounded from below and above by the Lagrangian with objectives +e_i and
 * -e_i: with fixed slopes that is CROWN (Zhang et al. 2018); with slopes optimised for
 * each neuron it is alpha-CROWN's joint optimisation (Xu et al. 2021), because a
 * bound of a later layer can only gain from tighter intervals of earlier ones.
 * Where a pre-activation is a MAP, the elements that it copies are bounded instead.  Of
 * convolutional networks each tile of neurons sees its own part (bounds/window.h).
 */
#ifndef BOUNDS_CROWN_H
#define BOUNDS_CROWN_H

#include "bounds/affine.h"
#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/packed.h"
#include "bounds/team.h"
#include "net/base/stop.h"

/* Room for one thread or a team; buffers are kept, so that a search which tightens
 * again and again allocates nothing. */
typedef struct Crown Crown;
Crown *crown_new(const Team *team); /* the team is borrowed */
void crown_free(Crown *c);          /* NULL is fine */

typedef struct {
  int first;            /* nodes before are up to date; 1: everything */
  int slope_iterations; /* > 0 optimises slopes for every neuron */
  const Hints *hints;   /* slopes to use as they are where iterations are 0, or NULL */
  Hints *learn;         /* receives the slopes that iterations found, or NULL */
  Affine *affine;       /* forms for affine bounds (bounds/affine.h), which come first;
                         * no objectives where they are sharp.  NULL: none.  Needs
                         * first = 1 */
  const Stop *stop;
} CrownParams;

/* Tighten all intervals of b from node `first` on.  The neurons of a layer are shared
 * out among the team.  Returns false when stopped early; what was tightened stays
 * valid.  Boxes that are empty (bounds/bounds.h) may keep some intervals as they were.
 */
bool crown_run(Crown *c, Bounds *b, const CrownParams *params);

/* Whether the elements of node k are bounded, not those of others that it copies or
 * adds. */
bool crown_bounds_node(const Crown *c, int k);

/* The same for a single use, from the first node on, without hints. */
bool crown_tighten(const Team *team, Bounds *b, int slope_iterations, const Stop *stop);

typedef enum {
  CROWN_BACKWARD, /* adaptive slopes */
  CROWN_INTERVALS /* all activation multipliers 0: what interval propagation knows */
} CrownRows;

/* Bound every row of each listed case on its own: lower[i] is raised to the best
 * proven bound of the rows row[k] .. row[k+1]-1 of case k = cases[i], which is row
 * best[i], where best is not NULL.  b has one box.  Returns false when stopped early.
 */
bool crown_bound_cases(Lagrangian *L, const Bounds *b, CrownRows which, int n,
                       const int *cases, const int *row, const Stop *stop,
                       double *lower, int *best);

#endif
