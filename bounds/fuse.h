/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/fuse.h -- the network with chains of linear nodes made one node each.
 *
 * Exported models split a linear map into many small nodes: scale, map, add, dense.  A
 * pass pays for each of them, and intervals grow along the chain.  Here every linear
 * node that matters is written over the elements of the nonlinear nodes and inputs it
 * depends on,
 *
 *     x^k_i  =  sum_j w_ij x_j + b_i                                           (1)
 *
 * and becomes one dense node behind a map that gathers those elements, or a scale or
 * map if that is what it is -- where this takes fewer operations than the chain.
 * Large matrices stay, and convolutions unless they depend on few elements, an image
 * that a dense node makes of five inputs; (1) is written over their outputs.  Where
 * such a matrix is only read by a scale with one number for each channel or row, as a
 * batch normalisation is, it takes that in (bounds/absorb.h).
 *
 * Rounding.  w and b are computed in double, and so are bounds on what they are wrong
 * by over the reals, weights' and biases' own errors of net/net.h included:
 *
 *     |true w_ij - w_ij| <= e_ij          |true b_i - b_i| <= f_i
 *
 * Where terms cancel e_ij is not relative to w_ij.  On the box all of it is an error of
 * the bias, that may depend on x:
 *
 *     b_err_i  =  f_i + sum_j e_ij max |x_j|                                   (2)
 *
 * so the new network encloses the old one on the box, and only there.  Where (2) is not
 * finite the nodes stay as they are.
 */
#ifndef BOUNDS_FUSE_H
#define BOUNDS_FUSE_H

#include "bounds/bounds.h"

/* The fused network for box 0 of b, and in *inside its proven intervals, those of b
 * carried over.  It borrows arrays of b->net, which must outlive it.  NULL (and nothing
 * in *inside) when a pass would not become cheaper by a twentieth.  *origin, if origin
 * is not NULL: int origin[n_nodes], the old node that nonlinear node k is, -1 for
 * others; owned by the caller. */
Net *fuse_net(const Bounds *b, Bounds **inside, int **origin);

#endif
