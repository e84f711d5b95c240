/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/follow.h -- how the nodes of a network move with its inputs, roughly.
 *
 * In a small part of the box, around its centre,
 *
 *     x_a  =  x_a (centre) + sum_j slope_aj (x_j - centre_j) + rest,   j over the
 * inputs
 *
 * with slopes that are the same for all parts, and a rest of about +- own_a.  So
 * sum_a l_a x_a moves by about sum_j |sum_a l_a slope_aj| own_j + sum_a |l_a| own_a,
 * far less than the intervals of the x_a add up to where what they do cancels.  All of
 * it comes from sampled values and proves nothing: it helps to choose between
 * relaxations.
 */
#ifndef BOUNDS_FOLLOW_H
#define BOUNDS_FOLLOW_H

#include "bounds/bounds.h"

/* Atoms are all elements of all nodes, the inputs first. */
typedef struct {
  int n_in, n_atoms;
  double *slope; /* double slope[n_atoms][n_in] */
  double *own;   /* double own[n_atoms]: in units of the part's size; of an input half
                  * its width; above 0 */
} Follow;

/* On box 0 of b.  Costs some hundred evaluations per input. */
Follow *follow_new(const Bounds *b);
void follow_free(Follow *f); /* NULL is fine */

/* By how much sum_i l_i x_atom[i] moves. */
double follow_reach(const Follow *f, int n, const int *atom, const double *l);

#endif
