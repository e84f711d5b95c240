/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/objective.h -- a batch of linear objectives on one node.
 *
 * Either unit vectors, sign[r] e_unit[r] (intermediate bounds), or weighted rows:
 * row r is sum_j w_j e_j over elements j = first[r] .. first[r] + count[r] - 1 of the
 * margin node with w >= 0, sum w = 1 (specs/query.h).  The weights are multipliers like
 * any other: a counterexample violates all rows of its case, so each convex
 * combination may be bounded.  They are optimised by exponentiated gradient steps,
 *     w_j <- w_j exp (rate (y_j - max y) / spread) / normaliser,
 * y = dg/dc from lagrangian_gradient.
 */
#ifndef BOUNDS_OBJECTIVE_H
#define BOUNDS_OBJECTIVE_H

#include <stdbool.h>

#include "bounds/lagrangian.h"
#include "net/net.h"

typedef struct {
  int start, n_rows, size; /* size of the start node */
  const int *unit;         /* borrowed; unit objectives only */
  const signed char *sign;
  const int *box;     /* borrowed: the box of each row; NULL: box 0 */
  int *first, *count; /* owned; weighted objectives only */
  double *c;          /* owned: double c[n_rows][size] */
  bool has_weights;   /* some count > 1 */
} Objective;

Objective objective_units(const Net *net, int start, int n_rows, const int *unit,
                          const signed char *sign, const int *box);

/* Rows r = 0..n_rows-1 over elements row[case[r]] .. row[case[r]+1]-1 of the last node,
 * with equal weights. */
Objective objective_cases(const Net *net, int n_rows, const int *cases, const int *row);

void objective_free(Objective *o);

/* The batch for lagrangian_bound; multipliers are left NULL. */
LagrangianBatch objective_batch(const Objective *o);

/* Where to start: nearly all weight on the row with the best bound of its own, unless
 * equal weights have a better one.  A mixture may lose so much more in the relaxation
 * that from equal weights a short run never gets as far as one row alone.  Needs equal
 * weights, and n_rows at most lagrangian_max_rows. */
void objective_start(Objective *o, Lagrangian *L, const Bounds *b);

/* One weight step: double y[n_rows][size]. */
void objective_step(Objective *o, const double *y, double rate);

/* The same for rows with first[r], count[r] kept elsewhere: double y[n_rows][size],
 * c[n_rows][size]. */
void objective_step_rows(int n_rows, int size, const int *first, const int *count,
                         const double *y, double rate, double *c);

#endif
