/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/absorb.h -- numbers of a scale taken into the matrix next to it.
 *
 * A channel of a convolution, or a row of a dense node in all its repetitions, is one
 * row of W.  So where a scale behind it has one number for each,
 *
 *     s_c (W_c x + b_c) + t_c  =  (s_c W_c) x + (s_c b_c + t_c)                (1)
 *
 * W is computed in double; what it is wrong by stays relative, in w_rel of net/net.h,
 * so it shrinks with the box.
 */
#ifndef BOUNDS_ABSORB_H
#define BOUNDS_ABSORB_H

#include <stdbool.h>

#include "net/net.h"

/* Numbers with |true v - v| <= err, one for each row. */
typedef struct {
  double *s, *s_err, *t, *t_err; /* double [rows] each */
} AbsorbRows;

/* Rows of W of a DENSE or CONV node, and which one makes element i. */
int absorb_n_rows(const Node *v);
int absorb_row(const Node *v, int i);

/* Node v behind which the scale is: (1) in *made, with arrays of `net`.  False, and
 * *made undefined, where a number overflows or underflows, or is 0 but for an error. */
bool absorb_behind(Net *net, const Node *v, const AbsorbRows *rows, Node *made);

#endif
