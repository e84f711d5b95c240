/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/branch.h -- which neuron to decide next, and at which point.
 *
 * The bound G of a node is a function of all relaxations: directly, and through the
 * intermediate intervals, which were bounded with relaxations of earlier layers.  What
 * neuron i, open on [l, u], takes away from a row (the objective, or the bound of a
 * later neuron) with multiplier lambda_i < 0 at a pre-activation v is |lambda_i| times
 *
 *     gap (v)    = u (v - l) / (u - l) - max (0, v),     gap (0) = I = -l u / (u - l)
 *     d gap / du = -l (v - l) / (u - l)^2
 *     d gap / dl = -u (u - v) / (u - l)^2
 *
 * v is the average of the relaxed optimum for the objective (bounds/slopes.h), and 0,
 * where the gap is largest, for other rows, whose optimum nobody knows.  Deciding the
 * neuron's sign removes the gap in both children.  With omega_row = |dG / d bound of
 * the row| (1 for the objective) the chain rule backwards through the layers gives
 *
 *     loss_i            = sum over rows of omega_row max (0, -lambda_i^row) gap_i   (1)
 *     omega of u_i, l_i = the same sum with |d gap_i / du| and |d gap_i / dl|       (2)
 *
 * and loss_i is, to first order and with slopes as they are, what the decision gains.
 * Two things that first order does not see are added with small weights: the intercept
 * I in the objective, because the average is not quite the optimum, and, in (2), l of a
 * neuron with lambda > 0 that is nearly active, because nothing changes until it is.
 * For the objective alone and v = 0 this is the score of BaBSR (Bunel et al. 2020).
 *
 * Curves and products have no such sum.  What their line or plane takes away from the
 * objective alone is their loss; halves of a curve lose about a quarter of it, those of
 * a product half.
 *
 * One backward pass per row that matters, all rows of a layer together.  Scores only
 * steer the search.
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
 * belongs to box[r], one row a box; double mean[k][n_rows][size_k] is v.  With `deep`,
 * (1) goes through the intermediate bounds, which are looked at with the slopes of
 * hints (NULL: the adaptive ones); otherwise only the objective itself counts.  Uses L:
 * what it has kept is gone. */
void branch_score(Branch *branch, const Bounds *b, int n_rows, const int *box,
                  double *const *mean, bool deep, const Hints *hints, const Stop *stop);

/* The multiplier that the objective of box t has at element i of activation node k. */
double branch_lambda(const Branch *branch, int k, int t, int i);

/* The best `most` undecided neurons for box t, best first.  Returns how many there
 * are. */
int branch_candidates(const Branch *branch, const Bounds *b, int t, int most,
                      Candidate *found);

/* How good a split is that gains a and b in its two halves, where nobody needs more
 * than `enough`: the product. */
double branch_gain(double a, double b, double enough);

#endif
