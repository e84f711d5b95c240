/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_norm.h -- operators that relate the elements of a row to each other:
 * softmax, norms, and normalisations to mean 0 and variance 1.
 *
 * A softmax is written as
 *
 *     softmax_i = sigmoid (x_i - log sum_{j != i} e^x_j)
 *
 * and a logarithm of a sum by halves, log (e^a + e^b) = (a + b) / 2 + log 2 +
 * log cosh ((a - b) / 2).  That is exact, never overflows, needs about 3 n log cosh for
 * n numbers, and every step is a function of one number that is nearly linear far from
 * 0.  e^x_i / sum e^x_j has wide bounds for three reasons: exponentials, a quotient,
 * and a product of factors that depend on each other.  1 / (1 + sum_{j != i} e^(x_j -
 * x_i)) has no product, but n (n - 1) exponentials.  Lower bounds by optimised slopes
 * of a random sum of a softmax over a box (margin, larger is better; mean of three
 * networks):
 *
 *     numbers, radius     quotient   differences   this
 *     10, 0.05               0.032         0.041   0.052
 *     10, 0.3                -3.21         -0.91   -0.61
 *     17, 0.3                -7.56         -1.56   -1.01
 *     17, 1               -12456.8         -5.10   -4.26
 */
#ifndef NET_LOWER_NORM_H
#define NET_LOWER_NORM_H

#include "net/lower_ctx.h"

Status lower_norm_softmax(Lower *l, const OnnxNode *node); /* LogSoftmax too */

/* ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare */
Status lower_norm_reduce(Lower *l, const OnnxNode *node);

/* (x - mean) / sqrt (variance + epsilon) scale + bias over some axes */
Status lower_norm_layer(Lower *l, const OnnxNode *node);
Status lower_norm_rms(Lower *l, const OnnxNode *node);
Status lower_norm_instance(Lower *l, const OnnxNode *node);
Status lower_norm_group(Lower *l, const OnnxNode *node);
Status lower_norm_mean_variance(Lower *l, const OnnxNode *node);

#endif
