/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/narrow.h -- the specification as a constraint, in the nodes of a search.
 *
 * A node of solver/bab.h is one case in one branch, so its intervals may be narrowed to
 * the inputs that violate that case (bounds/contract.h).  The same looks ahead: when
 * one sign of a neuron leaves nothing, the other one holds for all that matters; and
 * the neuron of which both signs narrow most is a good one to split.
 */
#ifndef SOLVER_NARROW_H
#define SOLVER_NARROW_H

#include <stdbool.h>

#include "bounds/contract.h"
#include "solver/branch.h"

/* What narrowed a box: its equations, then signs of which the other one leaves nothing.
 */
typedef struct {
  bool by_equations;
  int n, room;
  Decision *sign; /* Decision sign[n], owned */
} NarrowSteps;

/* The best neuron to split in box t of b, by probing both signs of the candidates
 * found[0 .. *n-1], best first, and what follows on the way for b.  The chosen one
 * becomes found[0]; candidates that are decided leave the list, so that *n = 0 when
 * none is left.  Sets b->empty[t] when no input is left.  first, count: rows of the
 * case.  steps, if not NULL, receives how it came to that.  Returns true when b has
 * changed. */
bool narrow_choose(Contract *c, Bounds *b, int t, int first, int count,
                   Candidate *found, int *n, NarrowSteps *steps);

#endif
