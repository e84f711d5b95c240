/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/rounded.h -- a network as float32 executes it, in any order of its sums.
 *
 * An operation of float32 on numbers a, b that were computed before gives
 *
 *     fl (a . b)  =  (a . b) (1 + d) + e       |d| <= u = 2^-24,  |e| <= tiny       (1)
 *
 * where it does not overflow; tiny = 2^-126 covers numbers that underflow, and machines
 * that read denormals as 0 or flush them.  So a sum of n products and a bias, in any
 * order and parenthesisation, with or without FMA, is (Higham, Accuracy and Stability
 * of Numerical Algorithms, 2nd ed., 3.1)
 *
 *     fl (sum_j w_j x_j + b)  =  sum_j w_j x_j (1 + d_j)  +  b (1 + d_0)  +  e      (2)
 *     |d_j| <= gamma_{n+2} = (n + 2) u / (1 - (n + 2) u)
 *
 * one product and at most n additions for each term; one more is spare.  That is the
 * same network with other weights and biases, which may be others for every input and
 * every element.  So every execution is within the network that has, in the words of
 * net/net.h,
 *
 *     w_rel + gamma (1 + w_rel)     b_err + gamma (|b| + b_err) + E                 (3)
 *     E  =  2 (2n + 4 + sum_j |w_j|) tiny  +  what denormal w_j are worth on the box
 *
 * and what holds for all networks within (3) holds for float32.  n counts terms that
 * can be other than 0 on the box.  Where a node has no weights, SCALE nodes do that:
 *
 *     ADD of 2, MUL     one behind it, w_rel = gamma_1
 *     ADD of more       one in front of each operand, w_rel = gamma_n
 *     ACT               one behind it, with |fl (h (x)) - h (x)| <= rel |h (x)| + abs
 *
 *         Relu, Sign, Floor          exact
 *         Sigmoid, Tanh, Erf,        abs 2^-21: four units in the last place of 1, for
 *         Sin, Cos                   implementations with an absolute error
 *         Exp, Sqrt, Square,         rel 2^-21, four units in the last place
 *         Reciprocal
 *         Log, Softplus              both
 *         Elu, LogCosh               rel 2^-20, abs 2^-20: e^x - 1 cancels
 *         Silu, Gelu, HardSwish      rel 2^-19; below 0 abs 2^-20 |x|: x is multiplied
 *                                    by a gate with an absolute error
 *
 * Maps, multiplication by 1 or -1 and MAX are exact.  Behind a jump nothing is rounded:
 * its argument's error is part of the interval before it.
 *
 * Not covered: convolutions by transforms (Winograd, FFT), and arithmetic with fewer
 * bits inside (TF32, bfloat16, int8).  More bits are covered.
 */
#ifndef NET_ROUNDED_H
#define NET_ROUNDED_H

#include "net/net.h"

/* Whether (3) can speak about the model at all.  Fails UNSUPPORTED where inputs or
 * weights are not float32, or an operator of the model is no composition of the nodes
 * here as far as rounding goes (Net.respelled). */
Status rounded_check(const Net *net, Err *err);

/* The network (3), whose executions include all those of float32 and the real function,
 * for inputs of the box double lo[inputs], hi[inputs].  It borrows arrays of net, which
 * must outlive it, and keeps size and meaning of inputs and outputs.  NULL where some
 * number might exceed the largest float32, as far as intervals tell, or where a sum has
 * more than 2^21 terms: then nothing is known about float32, and *where (borrowed from
 * net) is the name of that node.  Needs rounded_check.  Cost: three products for every
 * linear node. */
Net *rounded_net(const Net *net, const double *lo, const double *hi,
                 const char **where);

#endif
