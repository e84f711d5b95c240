/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/rounded.h -- what float32 implementations of the network may compute at a point.
 *
 * net/eval.h has one float32 execution.  Another program adds in another order, with
 * fused multiply-adds, in blocks, or in a wider type that is rounded at the end; its
 * outputs differ in the last bits.  rounded_enclose bounds all of them: a float32
 * execution is one in which every node of the network (net/net.h) gives a float32
 * number that differs from the exact result for its own, already rounded, operands by
 * at most
 *
 *     sums of n terms, bias included      gamma_{n+2} sum |w_i x_i| + (n + 2) 2 eta
 *     one product, a sum of two numbers   u |result| + eta
 *     copies, ReLU, Sign, Floor           0
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
#ifndef NET_ROUNDED_H
#define NET_ROUNDED_H

#include <stdbool.h>

#include "net/net.h"

/* lo[i] <= y_i <= hi[i] for the outputs y of every float32 execution at x; the ends are
 * float32 numbers.  False when some number may overflow or is not known to be finite:
 * all outputs are (-inf, inf) then.  double x[net_in_size], lo and hi[net_out_size].
 * Cost: about that of eval_double. */
bool rounded_enclose(const Net *net, const double *x, double *lo, double *hi);

/* One more float32 execution: products are summed by halves, the bias comes last. */
void rounded_pairwise(const Net *net, const double *x, float *y);

#endif
