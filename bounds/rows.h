/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/rows.h -- a network as a list of scalar equations with few terms each.
 *
 * Every element of every node is a variable; variable v is element v - base[k] of node
 * k.  Each has one equation, in terms of variables with smaller numbers:
 *
 *     input        none
 *     linear       x_v = sum over t of  w[t] x_{col[t]}  +  bias[v]
 *                                            start[v] <= t < start[v+1]
 *     ReLU         x_v = max (0, x_{pre[v]})
 *
 * Zero weights have no term.  The true weights and biases are within
 * net->nodes[node[v]].w_rel and bias_err[v] of those stored (net/net.h).
 */
#ifndef BOUNDS_ROWS_H
#define BOUNDS_ROWS_H

#include <stddef.h>

#include "net/net.h"

typedef struct {
  const Net *net;
  int n_vars, n_inputs;
  int *base;     /* int base[n_nodes+1] */
  int *node;     /* int node[n_vars] */
  size_t *start; /* size_t start[n_vars+1] */
  int *col;      /* int col[start[n_vars]] */
  double *w;     /* double w[start[n_vars]] */
  double *bias, *bias_err;
  int *pre;          /* int pre[n_vars]: -1 where v is no activation */
  size_t *use_start; /* size_t use_start[n_vars+1]: v is read by the equations of */
  int *use;          /* use[use_start[v]] .. use[use_start[v+1]-1], ascending */
  size_t room;       /* of col and w */
} Rows;

/* The equations of a network, which is borrowed; NULL when there would be more than
 * most_terms terms, or it has curves or products. */
Rows *rows_new(const Net *net, size_t most_terms);
void rows_free(Rows *rows); /* NULL is fine */

#endif
