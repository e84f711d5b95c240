/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/reduce.h -- the network without what is always zero on a box.
 *
 * A ReLU whose pre-activation is proven to be <= 0 on the whole box is 0 there.  It can
 * leave the network: its row of the matrix before, its column of the matrix after.  On
 * the box the smaller network is the same function, exactly; elsewhere it is another.
 * Often most neurons go, and a search on the small network costs a fraction.
 *
 *   dense nodes        lose rows and columns
 *   convolutions       between a few remaining neurons become dense where that is
 *                      cheaper; otherwise they work on vectors with zeros put back
 *   maps, scales       select
 *   sums               work on vectors with zeros put back
 *
 * The inputs and the last node stay as they are.
 */
#ifndef BOUNDS_REDUCE_H
#define BOUNDS_REDUCE_H

#include "bounds/bounds.h"

/* Where the nonlinear nodes of a reduced network come from. */
typedef struct {
  int *node;        /* int node[n_nodes]: the old node; -1: made here, or linear */
  const int **kept; /* kept[k][size_k]: element i of new node k is kept[k][i] of the old
                     * one; NULL: all.  Borrowed from the network */
} ReduceOrigin;

void reduce_origin_free(ReduceOrigin *origin);

/* The reduced network for box 0 of b, and in *inside its proven intervals, those of b
 * carried over.  It borrows arrays of b->net, which must outlive it.  NULL (and nothing
 * in *inside) when less than a tenth of the neurons would go.  origin may be NULL. */
Net *reduce_net(const Bounds *b, Bounds **inside, ReduceOrigin *origin);

#endif
