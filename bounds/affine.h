/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/affine.h -- forward affine bounds: intervals that remember the inputs.
 *
 * For box t and every element i of node k,
 *
 *     x^k_i  =  mid_i + sum_v coef_vi e_v + rho_i,    |e_v| <= 1, |rho_i| <= rad_i (1)
 *
 * over all inputs of the box, in real arithmetic, where e_v is the v-th input that is
 * no point in every box, measured from the centre in half-widths of the box.  What
 * (1) says about x^k_i alone,
 *
 *     mid_i -+ (sum_v |coef_vi| + rad_i)                                      (2)
 *
 * is intersected with what else is known.
 *
 *   linear  A (mid, coef), |A| rad, and for rounding and inexact numbers
 *             gamma (|A| mag + |b|) + w_rel |A| mag + b_err,
 *             mag = |mid| + sum_v |coef_v| + rad
 *   act     on [l, u]:  s z + lo <= h (z) <= s z + up  for one slope s, so s (1) with
 *             the band's centre and half its height.  ReLU: s = u / (u - l), lo = 0.
 *             Others: the slope that leaves the smallest radius of the chord's and
 *             those of the supporting lines; lo and up are values of conjugate_min
 *   mul     about the centres a, b of both intervals
 *             x y = b x + a y - a b + (x - a)(y - b),  the last is bounded
 *   max     (1 - s) x + s y + (the band of a ReLU of y - x), where y - x is bounded by
 *             both forms and by both intervals
 *   any     where the interval known of x^k_i is narrower than 2 rad_i, the interval
 *             itself with coef = 0 (affine_settle); among others the slope s = 0
 *
 * A pass costs about (n_vary + 2) products of every linear node, independently of the
 * number of neurons: far less than backward bounds where inputs are few and neurons
 * many, and far tighter than interval propagation.  Numbers that overflow have
 * rad = INFINITY, and prove nothing.
 */
#ifndef BOUNDS_AFFINE_H
#define BOUNDS_AFFINE_H

#include "bounds/bounds.h"

/* Room for the forms of up to n_box boxes with up to n_vary inputs that are no points;
 * those of a node are kept only while consumers of it are to come. */
typedef struct Affine Affine;

Affine *affine_new(const Net *net, int n_box, int n_vary);
void affine_free(Affine *a); /* NULL is fine */

/* What affine_new would take. */
size_t affine_bytes(const Net *net, int n_box, int n_vary);

/* Inputs that are no points in some box of b. */
int affine_n_vary(const Bounds *b);

/* The forms of the inputs.  Then for k = 1, 2, ... affine_node, and when nothing else
 * tightens node k, affine_settle. */
void affine_start(Affine *a, const Bounds *b);

/* The form (1) of node k, and (2) met with its interval in b. */
void affine_node(Affine *a, Bounds *b, Linop *op, int k);

/* Use the interval of node k as its form where that is better. */
void affine_settle(Affine *a, const Bounds *b, int k);

/* Forms are for boxes with at most so many inputs that are no points: beyond it, their
 * many rows take memory and time that nothing has been seen to repay. */
#define AFFINE_MOST_INPUTS 16

/* Whether (2) of element i, box t, of node k would hardly be narrower without the
 * radius, which is all that backward bounds can gain.  A guess about tightness only. */
bool affine_is_sharp(const Affine *a, const Bounds *b, int k, int t, int i);

/* All nodes, with interval propagation: never looser than ibp_all. */
void affine_all(Affine *a, Bounds *b, Linop *op);

#endif
