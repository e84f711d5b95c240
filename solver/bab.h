/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/bab.h -- branch and bound on the signs of ReLUs.
 *
 * A node is one case of the query in one branch: the box and the signs decided on its
 * path (solver/tree.h).  Nodes are taken from the frontier a batch at a time, each is
 * replaced by its two children, and the children are bounded in groups, one product
 * per layer for the whole group:
 *
 *   1  intervals: the parent's, with the new decision; where it pays, every later layer
 *      is bounded again (bounds/crown.h) with the slopes that were best at the root
 *   2  slopes and the betas of all decisions, from the parent's (bounds/slopes.h)
 *   3  a neuron to decide next (solver/branch.h); where none is left, the branch is a
 *      linear program, which is solved
 *   4  what the bound says about inputs that violate the case narrows the box of the
 *      children (contract_inputs of bounds/contract.h).  Where bounds are 0 up to
 *      rounding, they do not tell neurons from each other: then intervals are narrowed
 *      through all equations, and step 3 probes signs (solver/narrow.h)
 *
 * From step 4 on a node speaks about inputs that violate its case alone.  So what its
 * bound proves is no more than CONTRACT_MARGIN, the margin up to which it was narrowed.
 *
 * A branch is closed by a proven bound above 0, or when two proven bounds of one neuron
 * exclude each other, so that no input is in it.  Points where weak bounds are attained
 * are tried as witnesses.
 *
 * Groups are worked on by different threads, but what a group computes and the order in
 * which results are used do not depend on it: with a limit on the nodes every run is
 * the same.
 */
#ifndef SOLVER_BAB_H
#define SOLVER_BAB_H

#include <stdbool.h>

#include "bounds/packed.h"
#include "bounds/team.h"
#include "net/base/prng.h"
#include "net/base/stop.h"
#include "solver/attack.h"
#include "solver/proof.h"
#include "specs/query.h"
#include "specs/result.h"

typedef struct {
  long max_nodes;      /* give up after so many; LONG_MAX: none */
  int batch;           /* nodes in work at once, at least 2; otherwise 64 */
  int iterations;      /* on slopes and betas of a node */
  bool retighten;      /* step 1 above */
  int look_ahead;      /* candidates of which both halves are bounded before one is
                        * split, where step 1 is left out; 0: take the best score */
  int contract;        /* 0: step 4 is left out; 2: it always uses all equations */
  bool is_fused;       /* nodes are not those of the query: a checker has others */
  int lp_neurons;      /* no linear program with more columns */
  int probe_steps;     /* descent steps from every probe */
  int attack_restarts; /* of an attack from random points, each time the number of nodes
                        */
  int attack_steps;    /* has doubled; steps of each */
  Proof *proof; /* receives the trees of cases that the search proves; NULL: not wanted.
                 * Then step 4 uses equations
                 * without (2) of bounds/contract.h, and only those that a checker has,
                 * too, with exact weights */
  Prng *prng;
  size_t memory_bytes; /* of the frontier */
} BabParams;

typedef struct {
  long nodes, leaves, lps, stuck, tightened;
  int depth; /* of the deepest node */
} BabStats;

/* Search until all open cases of the query are proved, a witness is found, or a limit
 * is hit; what is proven is raised in the result either way.  `root` holds the
 * intervals of the whole box; hints (or NULL) the slopes that they were best with. */
BabStats bab_search(const Team *team, const Query *query, const Bounds *root,
                    const Packed *packed, const Hints *hints, const BabParams *params,
                    Attack *attack, const Stop *stop, Result *result);

#endif
