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

/* The reduced network for box 0 of b, and in *inside its proven intervals, those of b
 * carried over.  It borrows arrays of b->net, which must outlive it.  NULL (and nothing
 * in *inside) when less than a tenth of the neurons would go. */
Net *reduce_net(const Bounds *b, Bounds **inside);

#endif
