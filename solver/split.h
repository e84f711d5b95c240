/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/split.h -- branch and bound on the input box, for few inputs.
 *
 * Regions are taken from the frontier a batch at a time, cut in two, and bounded
 * together: all intervals of every part, one pass per layer for a group of boxes
 * (bounds/crown.h; where few inputs vary, affine bounds come before the backward ones:
 * bounds/affine.h), then every row of every open case, and where
 * these leave a case open, a weighted row with slopes optimised in a few steps.  A part
 * whose cases all have a proven bound > 0 is closed; the others go back.  The next cut
 * is the coordinate with the largest |dg/dx_i| times width in the weakest bound.
 * Centres and the corners where bounds are attained are tried as witnesses.
 *
 * Groups are worked on by different threads, but what a group computes and the order
 * in which results are used do not depend on it.
 */
#ifndef SOLVER_SPLIT_H
#define SOLVER_SPLIT_H

#include <stdbool.h>

#include "bounds/bounds.h"
#include "bounds/team.h"
#include "net/base/stop.h"
#include "solver/attack.h"
#include "solver/proof.h"
#include "specs/query.h"
#include "specs/result.h"

typedef struct {
  long max_regions;    /* give up after so many; LONG_MAX: none */
  int batch;           /* parts in work at once; 0: 256 */
  size_t memory_bytes; /* of open regions, before the search goes for depth */
  int attack_steps;    /* descent steps from every probe */
  const Bounds *root;  /* intervals of the whole box, of one box, or NULL */
  Proof *proof; /* receives the tree when the search succeeds; NULL: not wanted.  Then
                 * no forms (bounds/affine.h) are used */
  const Packed *packed; /* the layout of its slopes */
} SplitParams;

/* Search until all open cases of the query are proved on the whole box, a witness is
 * found, or a limit is hit; what is proven is raised in the result either way.
 * Returns the number of regions bounded. */
long split_search(const Team *team, const Query *query, const SplitParams *params,
                  Attack *attack, const Stop *stop, Result *result);

/* The number of inputs that are no points. */
int split_n_free(const Query *query);

#endif
