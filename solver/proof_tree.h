/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/proof_tree.h -- the trees of searches that have succeeded, in a certificate.
 */
#ifndef SOLVER_PROOF_TREE_H
#define SOLVER_PROOF_TREE_H

#include "solver/frontier.h"
#include "solver/proof.h"
#include "solver/spill.h"
#include "solver/tree.h"

/* A search by boxes for the listed cases.  Records: events of a region. */
void proof_tree_boxes(Proof *proof, Spill *spill, const Frontier *frontier, int n_cases,
                      const int *cases);

/* A search by assumptions: roots[i] is the tree of cases[i]; all of them are closed.
 * Records: an event of a node, type and content. */
void proof_tree_signs(Proof *proof, Spill *spill, const Tree *tree, int n_cases,
                      const int *cases, const int *roots);

#endif
