/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/branch.h -- which ReLU to decide next.
 *
 * The bound G of a node is a function of all relaxations: directly, and through the
 * intermediate intervals, which were bounded with relaxations of earlier layers.  What
 * neuron i, open on [l, u], takes away from a row (the objective, or the bound of a
 * later neuron) with multiplier lambda_i < 0 is |lambda_i| times its intercept
 *
 *     I_i = -l u / (u - l),       dI/du = l^2 / (u - l)^2,     dI/dl = -u^2 / (u - l)^2
 *
 * Deciding the neuron's sign removes the intercept in both children.  With omega_row =
 * |dG / d bound of the row| (1 for the objective itself), the chain rule backwards
 * through the layers gives
 *
 *     T_i = -dG/dI_i = sum over rows of  omega_row max (0, -lambda_i^row)         (1)
 *     omega of the row that bounds u_i = T_i dI/du,   of l_i = -T_i dI/dl         (2)
 *
 * and T_i I_i is, to first order and with slopes as they are, what the decision gains.
 * For the objective alone this is the score of BaBSR (Bunel et al. 2020).  One backward
 * pass per row that matters, all rows of a layer together.  Scores only steer the
 * search.
 */
#ifndef SOLVER_BRANCH_H
#define SOLVER_BRANCH_H

#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/packed.h"
#include "net/base/stop.h"
#include "solver/tree.h"

typedef struct {
  Decision decision;
  double score;
} Candidate;

/* Scores for up to n_box nodes at once; one thread. */
typedef struct Branch Branch;
Branch *branch_new(const Net *net, Lagrangian *L, int n_box);
void branch_free(Branch *branch); /* NULL is fine */

/* Scores of n_rows objectives on the margin node from the pass that L has kept; row r
 * belongs to box[r], one row a box.  With `deep`, (1) goes through the intermediate
 * bounds, which are looked at with the slopes of hints (NULL: the adaptive ones);
 * otherwise only the objective itself counts.  Uses L: what it has kept is gone. */
void branch_score(Branch *branch, const Bounds *b, int n_rows, const int *box,
                  double *const *step, bool deep, const Hints *hints, const Stop *stop);

/* The multiplier that the objective of box t has at element i of activation node k. */
double branch_lambda(const Branch *branch, int k, int t, int i);

/* The best `most` undecided neurons for box t, best first.  Returns how many there
 * are. */
int branch_candidates(const Branch *branch, const Bounds *b, int t, int most,
                      Candidate *found);

#endif
