/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/exact.h -- the two rules of specs/check/linear.h and specs/check/bound.h
 * once more, without rounding: `dualcert-check --exact`.
 *
 * Weights, ends of intervals, slopes, betas and weights of rows are doubles, so all
 * sums and products of them are numbers m 2^e (specs/check/dyadic.h).  Nothing is
 * rounded but
 *
 *   - an interval or bound that is complete, outwards to doubles;
 *   - slopes, before they are used: any number will do;
 *   - the minimum for a function other than ReLU: |lambda| times a double that
 *     specs/check/phi.h proves for +-h.  Products of nodes are exact.
 *
 * What a network says its stored numbers may be wrong by (w_rel, b_err of net/net.h)
 * counts in full, as |q_i| (b_err_i + w_rel sum_j |A_ij| max |x_j|).
 *
 * Slow, and coefficients grow by the digits of a weight with every layer: for networks
 * of some thousand weights.  No error term of docs/numerics.md takes part, which is
 * what it is for.  Bounds are those of double arithmetic but for rounding, and better
 * by what that had to subtract; only where u = -l up to rounding may the default slope
 * of a ReLU be the other one.
 */
#ifndef SPECS_CHECK_EXACT_H
#define SPECS_CHECK_EXACT_H

#include "specs/check/bound.h"

typedef struct Exact Exact;

Exact *exact_new(const Plan *plan);
void exact_free(Exact *x);

/* Intervals of linear node k from those of its inputs: double lo[size], hi[size]. */
void exact_forward(Exact *x, int k, const State *s, double *lo, double *hi);

/* A bound for row r of b (not an empty one): bound_run for one row. */
double exact_bound(Exact *x, const Bound *b, const State *s, int r, int start,
                   bool none);

/* The coefficient of input i in the row bounded last, rounded towards 0. */
double exact_input(const Exact *x, int i);

#endif
