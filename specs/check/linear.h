/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/linear.h -- linear nodes: intervals forwards, coefficients backwards, and
 * what rounding costs.
 *
 * Rounding.  Everything is computed in round-to-nearest; u = 2^-53, gamma_n of
 * net/base/round.h.
 *
 * Forwards.  [lo_j, hi_j] is inside c_j +- r_j.  For y = W x + b with n terms a sum,
 *
 *     rho_j = r_j + (gamma + w_rel) (|c_j| + r_j),      gamma = gamma_{n+4}
 *     y_i in fl (W c + b)_i +- ((|W| rho)_i (1 + 2 gamma) + gamma |b_i| + b_err_i +
 * tiny)
 *
 * and both ends are moved one number further out.  tiny = ROUND_TINY stands for
 * products that underflow.  Elements that are not finite are left out of the sums;
 * outputs that depend on one are (-inf, inf), as are those that overflow.
 *
 * Backwards.  Coefficients q^k of node k are exactly the numbers that were computed
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
#ifndef SPECS_CHECK_LINEAR_H
#define SPECS_CHECK_LINEAR_H

#include <stdint.h>

#include "specs/check/plan.h"

/* Room for one thread. */
typedef struct {
  double *mid, *rad;   /* double [most]: of one input */
  double *lo, *hi;     /* double [most]: results of linear_forward */
  double *sum, *width; /* double [most] */
  double *panel;       /* double [LINEAR_CHUNK][8] */
  size_t *at;          /* size_t at[LINEAR_CHUNK]: offsets of rows that are on */
  const double **w;    /* const double *w[LINEAR_CHUNK] */
  double *trash;       /* double [LINEAR_MOST_ROWS] */
} LinearRoom;

#define LINEAR_CHUNK     256
#define LINEAR_MOST_ROWS 64

LinearRoom *linear_room_new(const Plan *plan);
void linear_room_free(LinearRoom *room);

/* room->lo, room->hi = intervals of linear node k from those of its inputs. */
void linear_forward(const Plan *plan, LinearRoom *room, int k, const State *s);

/* The weights w above: double weight[size].  Infinite where nothing can be said. */
void linear_errors(const Plan *plan, LinearRoom *room, int k, const State *s,
                   double *weight);

/* Coefficients of all nodes for a block of rows: q[k][i * rows + r].  Row i of node k
 * counts only where on[off[k] + i]; what is off is 0 and its memory undefined. */
typedef struct {
  size_t rows; /* a multiple of VECTOR_WIDTH, at most LINEAR_MOST_ROWS */
  double **q;
  uint8_t *on;
  bool *live; /* bool live[n_nodes]: some element is on */
} LinearBlock;

/* Element i of node k is on from now on; returns its coefficients, double [rows]. */
double *linear_touch(const Plan *plan, LinearBlock *block, int k, int i);

/* q^in += (A^k)^T q^k for all inputs of linear node k. */
void linear_backward(const Plan *plan, LinearRoom *room, LinearBlock *block, int k);

#endif
