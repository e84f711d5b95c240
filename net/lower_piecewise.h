/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_piecewise.h -- piecewise linear operators, written with ReLU.  Only pools
 * (net/lower_pool.h) make nodes of maxima themselves.
 *
 *     LeakyRelu, PRelu, Abs    s x + (1 - s) relu (x), s the slope left of 0   (1)
 *     max (a, b)               a + relu (b - a)                                (2)
 *     min (a, b)               a - relu (a - b)
 *     Clip                     max (low, min (high, x))
 *
 * exactly over the reals.  (1) with the triangle around the ReLU is the convex hull of
 * the function; Abs as relu (x) + relu (-x) has the same hull with twice the neurons.
 *
 * (2) and its mirror image b + relu (a - b) have the same triangle and the same lower
 * lines, (1 - s) a + s b, so backward bounds and the dual do not see the difference.
 * Interval bounds do: they are exact when a is a constant and lose nothing below when
 * a is the larger one, so constants come first.  A constant with |c| > 2^30 comes
 * second instead: c + (x - c) would lose x to rounding, relu (c - x) is 0.
 */
#ifndef NET_LOWER_PIECEWISE_H
#define NET_LOWER_PIECEWISE_H

#include "net/lower_ctx.h"

/* y = max (a, b) or min (a, b), with broadcasting; both variables, both constants, or
 * one of each. */
Status lower_piecewise_extreme(Lower *l, const OnnxNode *node, bool max, const Value *a,
                               const Value *b, Value *y);

/* y = max (a, b) of one shape and type, a NODE_MAX for two variables. */
Status lower_piecewise_max(Lower *l, const OnnxNode *node, const Value *a,
                           const Value *b, Value *y);

/* y = |x| */
Status lower_piecewise_absolute(Lower *l, const OnnxNode *node, const Value *x,
                                Value *y);

Status lower_piecewise_max_min(Lower *l, const OnnxNode *node);
Status lower_piecewise_clip(Lower *l, const OnnxNode *node);
Status lower_piecewise_leaky(Lower *l, const OnnxNode *node);
Status lower_piecewise_prelu(Lower *l, const OnnxNode *node);
Status lower_piecewise_abs(Lower *l, const OnnxNode *node);
Status lower_piecewise_hard_sigmoid(Lower *l, const OnnxNode *node);
Status lower_piecewise_thresholded(Lower *l, const OnnxNode *node);

#endif
