/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_pool.h -- the largest element of windows and axes.
 *
 * The maximum over a box of taps is taken along one axis after the other, and along
 * one axis by halves: a run of `count` taps is the larger one of its first p taps and
 * of the others, p the largest power of two below count.  All runs of one length class
 * (p, 2p] are one NODE_MAX, and a run that several windows share is computed once.  The
 * smallest of an axis is minus the largest of the negatives.
 *
 * Windows that do not overlap need kh kw - 1 maxima each, as one tree over the window
 * would; those that do need fewer: 3 x 3 with stride 2 six instead of eight, with
 * stride 1 four.  Padding never wins: runs end at the border.
 *
 * A ReLU in front stays there, though behind the maximum it would need fewer neurons:
 * what is always off has a known interval, and often is the smaller one for sure.
 */
#ifndef NET_LOWER_POOL_H
#define NET_LOWER_POOL_H

#include "net/lower_ctx.h"

Status lower_pool_max(Lower *l, const OnnxNode *node);        /* MaxPool */
Status lower_pool_global_max(Lower *l, const OnnxNode *node); /* GlobalMaxPool */
Status lower_pool_reduce(Lower *l, const OnnxNode *node);     /* ReduceMax, ReduceMin */

#endif
