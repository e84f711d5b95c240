/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_conv.h -- Conv and AveragePool, 1-D and 2-D, as CONV nodes.
 *
 * A batch of N > 1 images becomes N times the groups with repeated weights.
 * AveragePool is a depthwise convolution with 1 / (kh kw), or, where padding does
 * not count, with 1 and a division of every output by the elements it covers.
 */
#ifndef NET_LOWER_CONV_H
#define NET_LOWER_CONV_H

#include "net/lower_ctx.h"

Status lower_conv_conv(Lower *l, const OnnxNode *node);
Status lower_conv_average_pool(Lower *l, const OnnxNode *node);

#endif
