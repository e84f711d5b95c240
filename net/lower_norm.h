/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_norm.h -- operators that relate the elements of a row to each other:
 * softmax, norms, and normalisations to mean 0 and variance 1.
 *
 * Softmax and its relatives do not change when a number is added to all elements, so
 * they are written with differences of elements, which are linear:
 *
 *     softmax_i     = 1 / (1 + sum_{j != i} e^(x_j - x_i))
 *     log sum e^x_i   by halves:  log (e^a + e^b) = b + softplus (a - b)
 *
 * Both are exact, and neither overflows.  n numbers make n (n - 1) differences; for a
 * long row softmax_i = e^(x_i - log sum e^x_j), whose bounds are weaker.
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
