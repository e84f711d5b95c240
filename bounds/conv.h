/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/conv.h -- convolutions applied to batches of vectors.
 *
 * A product with W and one with its transpose are the same computation: every number
 * that is written is a sum over taps and channels of numbers that are read.  With
 * taps(to) the places that are read for one place, and eight channels at a time,
 *
 *     to[place][8 channels]  =  sum over taps, channels c   w[tap][c][8] from[tap][c]
 *
 * so no patch matrix is made, and where strides and padding leave nothing to read
 * nothing is computed.  Images of later layers are small, 8 x 8 down to 2 x 2: what
 * fills the vector registers is the batch, CONV_LANES vectors side by side, or, where
 * a batch has only a few, the eight channels.
 *
 * Products and sums may be contracted here; the error terms of bounds/bounds.h hold
 * for every order, with and without.
 */
#ifndef BOUNDS_CONV_H
#define BOUNDS_CONV_H

#include <stdbool.h>

#include "net/net.h"

#define CONV_LANES 8

/* One direction of one convolution, its weights in the order of the loops. */
typedef struct ConvPass ConvPass;

/* x to y (A x, without a bias), or back (A^T nu).  double W[c_out][c_in / groups][kh]
 * [kw] is read here only. */
ConvPass *conv_pass_new(const Conv *c, const double *W, bool back);
void conv_pass_free(ConvPass *p); /* NULL is fine */

/* Scratch, grown on demand; belongs to one thread and begins with {0}. */
typedef struct {
  size_t n_from, n_to;
  double *from, *to;
} ConvRoom;
void conv_room_free(ConvRoom *room);

/* to[r] = the product of from[r], or added to it: double from[n_rows][..],
 * to[n_rows][..], all channels of all groups as in net/net.h. */
void conv_run(const ConvPass *p, ConvRoom *room, int n_rows, const double *from,
              bool add, double *to);

#endif
