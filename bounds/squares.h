/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/squares.h -- the network with sums of squares for sums of products.
 *
 * Models write a quadratic form v' Q v as a sum of products x_m y_m of linear functions
 * of v.  The planes of McCormick bound every product for itself and lose r_x r_y each,
 * r being half the width of a factor, although the sum may be convex, where a tangent
 * plane loses nothing.  As a sum of squares (bounds/quad.h)
 *
 *     v' Q v  =  sum_k c_k (l_k . v)^2                     c_k = +1 or -1
 *
 * it is a sum of curves like others: bounded from one side by tangents, from the other
 * by chords, which lose the square of half the width of l_k . v.  That can be small
 * even where v is not: v has functions of the inputs in it that cancel.  A row of a
 * linear node that adds products becomes such a sum where this promises to lose less in
 * the direction in which the last node needs it.
 */
#ifndef BOUNDS_SQUARES_H
#define BOUNDS_SQUARES_H

#include "bounds/bounds.h"

/* The network with squares, the same function on box 0 of b, and in *inside its proven
 * intervals, those of b carried over.  It borrows arrays of b->net, which must outlive
 * it.  NULL (and nothing in *inside) where no row gains or the network is large. */
Net *squares_net(const Bounds *b, Bounds **inside);

#endif
