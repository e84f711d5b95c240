/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/pass.h -- passes over a network: interval propagation, and backward
 * bounds for the elements whose interval is open.
 *
 * Beyond what docs/certificates.md asks for:
 *   - a node whose interval propagation is exact has no backward bounds;
 *   - where a function reads a MAP and there are no hints, the elements that it copies
 *     are bounded, each once, and copied;
 *   - a node behind a chain of linear nodes also has the bounds without slopes
 * ("none"), which are what interval propagation over the chain as one node would give.
 */
#ifndef SPECS_CHECK_PASS_H
#define SPECS_CHECK_PASS_H

#include "specs/check/bound.h"

typedef struct {
  const Plan *plan;
  Bound *bound;
  double *lower;        /* double lower[LINEAR_MOST_ROWS]: of the rows that were run */
  uint8_t *mark;        /* uint8_t mark[elements of all nodes], zero between calls */
  int *element;         /* int element[plan->most]: those to be bounded */
  double *least, *most; /* double [plan->most]: their bounds */
  int n;
} Pass;

Pass *pass_new(const Plan *plan, const Layout *layout, bool exact);
void pass_free(Pass *pass);

/* The interval of node k met with what its inputs give; all nodes first .. last. */
void pass_propagate(Pass *pass, State *s, int first, int last);

/* A pass from node `first` on; hints may be NULL.  top: the state holds all that
 * follow, so error weights are made anew.  Stops where the state is empty. */
void pass_run(Pass *pass, State *s, int first, const Hints *hints, bool top);

#endif
