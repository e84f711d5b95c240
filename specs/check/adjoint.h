/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/adjoint.h -- linear nodes backwards: coefficients of a block of rows.
 *
 * Coefficients q^k of node k are exactly the numbers that were computed
 * (bounds/lagrangian.h: any multipliers will do).  What q^in += (A^k)^T q^k is wrong
 * by, and inexact numbers of the network, cost at most
 *
 *     sum_i (|q^k_i| + 2^-900) w_i
 *     w_i = sum_j (gamma_in + w_rel) (|A_ij| + 2^-60) X_j + b_err_i,   X_j = max |x_j|
 *
 * with gamma_in of specs/check/plan.h, which covers sums over several nodes.  A product
 * that underflows is wrong by less than 2^-1074, and 2^-900 2^-53 2^-60 is more.
 * The interval that X is from may be any that holds x.
 */
#ifndef SPECS_CHECK_ADJOINT_H
#define SPECS_CHECK_ADJOINT_H

#include "specs/check/linear.h"

/* Coefficients of all nodes for a block of rows: q[k][i * rows + r].  Row i of node k
 * counts only where on[off[k] + i]; what is off is 0 and its memory undefined. */
typedef struct {
  size_t rows; /* a multiple of VECTOR_WIDTH, at most LINEAR_MOST_ROWS */
  double **q;
  uint8_t *on;
  bool *live; /* bool live[n_nodes]: some element is on */
} AdjointBlock;

/* Element i of node k is on from now on; returns its coefficients, double [rows]. */
double *adjoint_touch(const Plan *plan, AdjointBlock *block, int k, int i);

/* q^in += (A^k)^T q^k for all inputs of linear node k. */
void adjoint_apply(const Plan *plan, LinearRoom *room, AdjointBlock *block, int k);

#endif
