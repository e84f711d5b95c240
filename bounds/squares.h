/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/squares.h -- sums of products as sums of squares.
 *
 * Models write a quadratic form v' P v as a sum of products x_m y_m of linear functions
 * of v.  The planes of McCormick bound every product for itself and lose r_x r_y each, r
 * being half the width of a factor, although the sum may be convex, where a tangent plane
 * loses nothing.  With Q the symmetric matrix of the whole sum,
 *
 *     v' Q v  =  sum_k c_k (l_k . v)^2  +  v' R v            c_k = +1 or -1      (1)
 *
 * l_k the scaled eigenvectors of Q, R what rounding left of it.  A square is a curve like
 * others: bounded from one side by tangents, from the other by its chord, which loses
 * the square of half its width.  The row of a linear node that sums products becomes the
 * row (1) where that promises to lose less in the direction in which the last node needs
 * it.  |v' R v| <= sum |R_ij| max |v_i| max |v_j| is an error of the bias, and so is
 * all rounding in Q; the l_k are numbers that were chosen, exact as they stand.
 */
#ifndef BOUNDS_SQUARES_H
#define BOUNDS_SQUARES_H

#include "bounds/bounds.h"

/* The network with squares, the same function on box 0 of b, and in *inside its proven
 * intervals, those of b carried over.  It borrows arrays of b->net, which must outlive
 * it.  NULL (and nothing in *inside) where no row gains or the network is large. */
Net *squares_net(const Bounds *b, Bounds **inside);

#endif
