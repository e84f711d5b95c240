/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/linear.h -- linear nodes forwards: intervals, rounded outwards.
 *
 * Rounding.  Everything is computed in round-to-nearest; u = 2^-53, gamma_n of
 * net/base/round.h.
 *
 * [lo_j, hi_j] is inside c_j +- r_j.  For y = W x + b with sums of n terms
 *
 *     gamma = gamma_{n+4},  rho_j = r_j + (gamma + w_rel) (|c_j| + r_j)
 *     y_i in fl (W c + b)_i +- z_i
 *     z_i = (|W| rho)_i (1 + 4 gamma) + gamma |b_i| + b_err_i + tiny
 *
 * and both ends are moved one number further out.  tiny = ROUND_TINY stands for
 * products that underflow.  Elements that are not finite are left out of the sums;
 * outputs that depend on one are (-inf, inf), as are those that overflow.
 *
 * Error weights are what the coefficients of specs/check/adjoint.h may be wrong by.
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

/* The weights w of specs/check/adjoint.h, infinite where nothing can be said: double
 * weight[size]. */
void linear_errors(const Plan *plan, LinearRoom *room, int k, const State *s,
                   double *weight);

#endif
