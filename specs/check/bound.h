/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/bound.h -- proven lower bounds of linear objectives over a state, for a
 * block of rows at once: the backward bounds of docs/certificates.md.
 *
 *     q^s = c;  for nodes k = s, s-1, ..., 1
 *       linear    value += q^k . b^k,   q^in += (A^k)^T q^k
 *       function  p = s lambda + beta, lambda = q^k,  q^in += p,
 *                 value += sum_i min over z_i in [l_i, u_i] of lambda_i h(z_i) - p_i
 *       product   q^a += pa, q^b += pb,
 *                 value += sum_i min over the rectangle of
 *                          lambda_i a b - pa_i a - pb_i b
 *     value += sum_j min (q^0_j lo_j, q^0_j hi_j); where the inputs lie in a ball as
 *              well, what specs/check/inputs.h has for both
 *
 * Every q, lambda and p is the number that was computed, exactly (any choice of them
 * proves something).  Subtracted from the value:
 *   - what sums of coefficients are wrong by (specs/check/adjoint.h), and for the p
 * that are added to them gamma[in] |p_i| X_i;
 *   - gamma_{n + 4} sum |term| over the n terms of each node, and gamma_{nodes + 2} of
 * the sum of the nodes' magnitudes: each term has at most three roundings of its own;
 *   - ROUND_TINY for everything that underflows in the terms.
 * A function of unit weight is computed once for all rows: |lambda| (unit minimum) is
 * off by what p is rounded by, at most 2 u |p| X, subtracted too. A number that is not
 * finite, anywhere, gives -INFINITY: every q is multiplied with an error weight, 0 or
 * not, and makes a NaN of the error.
 */
#ifndef SPECS_CHECK_BOUND_H
#define SPECS_CHECK_BOUND_H

#include "specs/check/adjoint.h"
#include "specs/check/advice.h"

/* What one row assumes of one neuron, on top of the state, and its beta. */
typedef struct {
  int node, element;
  double lo[2], hi[2]; /* the intervals of the factors, met with the assumptions */
  double beta;         /* added to p; ReLU only */
  int side;            /* of the last assumption; 0: none, a beta alone */
  double lambda;       /* private */
  int row, next;       /* private: next cut of the same node */
} BoundCut;

/* The slope of a ReLU on [l, u]; where only 0 is left the assumption decides. */
static inline double bound_relu_slope(double l, double u, int side, bool falls,
                                      double alpha)
{
  if (l >= 0 && (u > 0 || side > 0)) return 1;
  if (u <= 0) return 0;
  return falls ? u / (u - l) : alpha;
}

typedef struct {
  /* The objective: sign * e_element of the start, or where weights is not NULL or sign
   * is 0 the weighted sum of elements element .. element + n_weights - 1 (advice.h). */
  int element, sign, n_weights;
  const Multipliers *multipliers; /* with sign = 0: weights and slopes; else NULL */
  const uint8_t *slopes;          /* with sign != 0: slope row or NULL for defaults */
  bool is_empty;                  /* its cuts exclude each other: no input */
} BoundRow;

typedef struct {
  const Plan *plan;
  const Layout *layout; /* borrowed; what slope rows are about */
  LinearRoom *linear;
  AdjointBlock block;
  size_t room;     /* rows that fit */
  double **weight; /* double weight[n_nodes][size]: linear_errors; NULL for others */
  bool is_inside;  /* bound_enter was called last */
  double **outer;  /* those that bound_leave puts back; NULL where nothing is inexact */
  double *value, *size, *error; /* double [LINEAR_MOST_ROWS] */
  double *term, *terms,
      *alpha; /* double [LINEAR_MOST_ROWS]: sums of one node; alphas */
  BoundRow *row;
  int n;
  BoundCut *cut;
  int n_cuts, cut_room;
  int *head;   /* int head[n_nodes]: first cut of each node, -1 */
  size_t done; /* rows bounded so far */
  void **buffer;
  int n_buffers;
  double *inputs;      /* double inputs[2][size of the input]; NULL without a ball */
  struct Exact *exact; /* specs/check/exact.h, or NULL: double arithmetic */
} Bound;

Bound *bound_new(const Plan *plan, const Layout *layout, bool exact);
void bound_free(Bound *b);

/* The error weights of node k, from a state that holds all states that follow. */
void bound_refresh(Bound *b, int k, const State *s);

/* Error weights of a part of the state that they are for.  Where numbers of the network
 * are inexact they are far smaller there; elsewhere it is not worth it, and neither
 * call does anything.  Between the two all weights are those of s, and only bounds over
 * s or a part of it may be made.  s = NULL: as they are, to be refreshed one by one. */
void bound_enter(Bound *b, const State *s);
void bound_leave(Bound *b);

/* Rows are collected, then bounded.  bound_full: run before adding another. */
void bound_begin(Bound *b);
static inline bool bound_full(const Bound *b)
{
  return (size_t)b->n == b->room;
}
BoundRow *bound_add(Bound *b, BoundRow row);

/* The last row assumes that input `factor` of nonlinear node k is <= point (side -1) or
 * >= point (side 1) at that element.  Several of one element are met, betas added.
 * side 0: no assumption, a beta alone. */
void bound_assume(Bound *b, const State *s, int k, int factor, int element, int side,
                  double point, double beta);

/* lower[r] for every row: a bound for objectives on node `start`; INFINITY where the
 * row is empty.  none: q of functions and products is met with their intervals. */
void bound_run(Bound *b, const State *s, int start, bool none, double *lower);

/* After bound_run: the coefficient of input i in row r; without rounding, r is the last
 * row. */
double bound_input(const Bound *b, int i, int r);

/* alpha of element i of nonlinear node k in a row; usual where it has none. */
double bound_alpha(const Bound *b, const BoundRow *row, int k, int i, double usual);

#endif
