/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/lagrangian.h -- the only function that returns a proven bound.
 *
 * For a linear objective c on the vector of node s ("start"), over one box,
 *
 *     f*  =  min over inputs in the box of   c . x^s                          (1)
 *
 * Give every equation of net/net.h a multiplier nu^k, relax it into the objective
 * and minimise over all x^k inside their known intervals separately
 * (Dvijotham, Stanforth, Gowal, Mann, Kohli, UAI 2018, eq. 5-8, here as a lower
 * bound of a minimum and for a graph):
 *
 *   g(nu) = min over x of  c . x^s + sum_lin nu^k . (A^k x^in + b^k - x^k)
 *                                  + sum_act nu^k . (h(x^in) - x^k)         (2)
 *
 * For every nu, g(nu) <= f*: multipliers need no trust.  (2) separates.  With
 *     q^j = [j = s] c + sum over linear consumers k of j  (A^k)^T nu^k
 * the terms are
 *   input        sum_j min (q_j lo_j, q_j hi_j); where the inputs also lie in a ball
 *                (net->ball), what bounds/support.h has for both
 *   linear k     nu^k . b^k,   and, where nu^k is not q^k, the residual below
 *   act k on j   phi (lambda_i, p_i) of bounds/relax.h with lambda = nu^k, where p
 *                is the part of nu^j passed on:  nu^j = q^j + p
 *   mul, max k   the same with a part for each of the two inputs
 *   residual     min over x^k in its interval of (q^k - nu^k) . x^k
 *
 * Multipliers, per nonlinear node k, each an array [n_rows][size_k]:
 *     lambda[k]   nu^k; NULL: nu^k = q^k, which is the best choice for given others
 *     mu[k]       p of the unstable neurons; NULL: p = slope * lambda.  Not for pairs
 *     alpha[k]    ReLU: the slope where lambda >= 0; others: which line or plane
 *                 (bounds/relax.h); NULL: the usual one
 *     beta[k]     added to p where the branch has a cut (bounds/bounds.h); NULL: 0.
 *                 It is ignored at stable ReLUs without a cut, and for pairs
 * All other linear nodes take nu^k = q^k.  lambda = mu = NULL is backward bound
 * propagation (CROWN); alpha alone the reduced dual (alpha-CROWN); mu, or mu and
 * lambda, the full dual.
 *
 * Rounding.  q is computed in floating point.  nu is the number that came out,
 * exactly; what (A^T nu) is wrong by becomes a residual, bounded a priori by
 * err[k] . |nu| + slip[k] (bounds/bounds.h), and added.  All other terms are summed
 * with their magnitudes, and gamma_n times that is subtracted.  A result that is not
 * finite is returned as -INFINITY: nothing is proven.
 */
#ifndef BOUNDS_LAGRANGIAN_H
#define BOUNDS_LAGRANGIAN_H

#include <stdbool.h>
#include <stddef.h>

#include "bounds/bounds.h"
#include "bounds/linop.h"

/* Workspace for batches of up to max_rows objectives; one thread.  Buffers are
 * made on first use and kept: a second pass of the same shape allocates nothing. */
typedef struct Lagrangian Lagrangian;

Lagrangian *lagrangian_new(const Net *net, int max_rows);
void lagrangian_free(Lagrangian *L);
Linop *lagrangian_linop(Lagrangian *L); /* borrowed */
int lagrangian_max_rows(const Lagrangian *L);
const Net *lagrangian_net(const Lagrangian *L);

/* A max_rows that keeps the workspace below about `bytes`, at least 1, at most
 * `most`; with_gradient counts what lagrangian_gradient keeps. */
int lagrangian_rows_that_fit(const Net *net, size_t bytes, bool with_gradient,
                             int most);

/* An assumption of one row alone, on top of its box: z >= 0 (positive) or z <= 0 of an
 * unstable neuron, and its multiplier. */
typedef struct {
  int node, index; /* activation node and element; node < 0: none */
  bool positive;
  double beta;
} LagrangianCut;

/* A batch of objectives and multipliers; everything borrowed. */
typedef struct {
  int start; /* a linear node */
  int n_rows;
  const int *box;  /* int box[n_rows]: the box of each row; NULL: there is only one */
  const double *c; /* double c[n_rows][size_start], or NULL: */
  const int *unit; /* row r is sign[r] e_unit[r] */
  const signed char *sign;
  double *const *lambda, *const *mu, *const *alpha, *const *beta; /* [n_nodes] each, or
                                                                   * NULL */
  const int *source; /* int source[n_rows]: the row of c and of the multipliers that
                      * each row uses; NULL: its own */
  const LagrangianCut *cut; /* LagrangianCut cut[n_rows][cuts_per_row], or NULL */
  int cuts_per_row;
  double *q0; /* out: the coefficients of the inputs, double q0[n_rows][inputs], which
               * say what a split of an input gains; NULL: not wanted */
  bool keep;  /* keep what lagrangian_gradient needs */
} LagrangianBatch;

/* lower[r] = g <= the minimum (1) of objective r, proven; -INFINITY if nothing is. */
void lagrangian_bound(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch,
                      double *lower);

/* A supergradient of the last lagrangian_bound with keep = true, same batch, by one
 * forward pass.  With z* the minimiser of phi, x* that of the residual and v the
 * vector propagated forward through minimisers (inputs at their minimising corner;
 * through h(z*) where lambda is tied, x* where it is given; through the line of
 * slope s where p = s lambda),
 *
 *     dg/dmu_i = dg/dbeta_i = v_i - z*_i
 *     dg/dalpha_i = lambda_i (ds_i/dalpha_i) (v_i - z*_i)    ReLU: ds/dalpha = 1
 *     dg/dlambda_i = h(z*_i) + s_i (v_i - z*_i) - x*_i
 *
 * and for products and maxima the sum of both inputs' shares (dg/dmu: the first's).
 *
 * Every output array may be NULL: g_* are [n_nodes] pointers to [n_rows][size];
 * y: double y[n_rows][size_start], the propagated value of node `start` (dg/dc);
 * x0: double x0[n_rows][net inputs], the minimising corner: a witness candidate. */
typedef struct {
  double *const *lambda, *const *mu, *const *alpha;
  double *y, *x0;
} LagrangianGradient;

void lagrangian_gradient(Lagrangian *L, const LagrangianBatch *batch,
                         const LagrangianGradient *out);

/* Zeroed multipliers for every nonlinear node, [n_rows][size_k] each, and NULL for
 * other nodes; [n_nodes].  Owned by the caller. */
double **lagrangian_new_multipliers(const Net *net, int n_rows);
void lagrangian_free_multipliers(const Net *net,
                                 double **multipliers); /* NULL is fine */

/* The row of c and multipliers of row r. */
static inline size_t lagrangian_source(const LagrangianBatch *batch, int r)
{
  return batch->source ? (size_t)batch->source[r] : (size_t)r;
}

/* The box of row r. */
static inline size_t lagrangian_box(const LagrangianBatch *batch, int r)
{
  return batch->box ? (size_t)batch->box[r] : 0;
}

/* After a pass with keep: lambda of nonlinear node k as it was used, and p/lambda
 * of the line (of a pair: for its first input), both [n_rows][size_k], borrowed
 * until the next pass. */
const double *lagrangian_lambda(const Lagrangian *L, int k);
const double *lagrangian_slope(const Lagrangian *L, int k);
/* The minimiser z* of phi likewise. */
const double *lagrangian_minimiser(const Lagrangian *L, int k);

#endif
