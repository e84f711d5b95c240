/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_conv.h -- Conv and AveragePool, 1-D to 3-D, as CONV nodes.
 *
 * A batch of N > 1 images becomes N times the groups with repeated weights.  A 3-D
 * convolution is a 2-D one for each slice of its output, which sees the slices of
 * the input under its kernel as channels: the slices are one more batch, and the
 * weights are the same numbers in the same order.
 *
 * AveragePool is a depthwise convolution with 1 / (kh kw), or, where windows leave
 * the input, with 1 and a division of every output by the elements it covers; in 3-D
 * a second one along the depth follows.
 */
#ifndef NET_LOWER_CONV_H
#define NET_LOWER_CONV_H

#include "net/lower_ctx.h"

Status lower_conv_conv(Lower *l, const OnnxNode *node);
Status lower_conv_average_pool(Lower *l, const OnnxNode *node);

/* x [N, C, D, H, W] becomes y [N out, C kernel, H, W] whose channel (c, k) of image
 * (n, o) is slice at[o kernel + k] of channel c of image n, or 0 where that is -1. */
Status lower_conv_fold_depth(Lower *l, const OnnxNode *node, const Value *x, int out,
                             int kernel, const int *at, Value *y);

/* And back: x [N out, C, H, W] becomes y [N, C, out, H, W]. */
Status lower_conv_unfold_depth(Lower *l, const OnnxNode *node, const Value *x, int out,
                               Value *y);

#endif
