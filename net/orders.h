/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/orders.h -- what float32 implementations of the network may compute at a point.
 *
 * net/eval.h has one float32 execution.  Another program adds in another order, with
 * fused multiply-adds, in blocks, or in a wider type that is rounded at the end; its
 * outputs differ in the last bits.  this file bounds all of them: a float32
 * execution is one in which every node of the network (net/net.h) gives a float32
 * number that differs from the exact result for its own, already rounded, operands by
 * at most
 *
 *     sums of n terms, bias included      gamma_{n+2} sum |w_i x_i| + (n + 2) 2 eta
 *     one product, a sum of two numbers   u |result| + eta
 *     copies, ReLU, Sign, Floor, sums of multiples of one power of 2 that float32
 *     holds whatever their order          0
 *     all other functions h (x)           4 ulp of max (|h|, s), 2^-126 if that is more
 *
 * u = 2^-24, eta = 2^-150, gamma_n = n u / (1 - n u), 1 ulp <= 2 u relative (Higham,
 * Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1: any order and
 * parenthesisation, with or without fused multiply-add; the two terms more are for a
 * bias that is added before or after and for scaled products).  s is the size of what
 * usual implementations subtract on the way: 1 for Sigmoid, Tanh, Erf, Elu, Softplus;
 * max (1, |x|) for Sin, Cos, LogCosh; |x| for Silu, Gelu, HardSwish; 0 for Exp, Log,
 * Sqrt, Square, Reciprocal.
 *
 * Inputs are rounded to the nearest float32.  Stored numbers that are no float32, or
 * were computed at load time (w_rel, b_err), may in addition differ by 4 u and what the
 * net says.  Not covered: convolutions by Winograd or FFT, products in TF32, half or
 * bfloat16, denormal numbers flushed to zero, and models whose operators became other
 * nodes that round less (docs/numerics.md).
 */
#ifndef NET_ORDERS_H
#define NET_ORDERS_H

#include <stdbool.h>

#include "net/net.h"

/* What is known about all float32 executions at one point. */
typedef struct Orders Orders;

/* double x[net_in_size]; the net must outlive the result.  Cost: about eval_double. */
Orders *orders_new(const Net *net, const double *x);
void orders_free(Orders *r); /* NULL is fine */

/* lo[i] <= y_i <= hi[i] for the outputs y of every execution; the ends are float32
 * numbers.  False when some number may overflow or is not known to be finite: all
 * outputs are (-inf, inf) then.  double lo and hi[net_out_size]. */
bool orders_outputs(const Orders *r, double *lo, double *hi);

/* A bound of |sum_p coef[p] (y'[var[p]] - y[var[p]])| over the outputs y' of all
 * executions, y being the outputs over the reals with the numbers that the net stores.
 * The errors e^k of all nodes reach the outputs through slopes q,
 *
 *     c (y' - y) = sum_k q^k e^k,    q^j = sum over readers k of J_k^T q^k,    q^out =
 * c
 *
 * J_k exact for linear nodes and an interval of slopes for others (0 or 1 for most
 * ReLUs), so that cancellation between weights is seen, which intervals of outputs do
 * not see.  INFINITY when nothing is known.  Cost: about three times eval_double. */
double orders_row(const Orders *r, int n, const int *var, const double *coef);

/* One more float32 execution: products are summed by halves, the bias comes last. */
void orders_pairwise(const Net *net, const double *x, float *y);

#endif
