/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_known.h -- functions of one number that a model spells as several nodes.
 *
 * Bounds of h (x) as one ACT are far tighter than those of the nodes it is spelled
 * with, which forget that they read the same x.  Found again are
 *
 *     x / (1 + e^-cx), x sigmoid (cx), x (1 + tanh (cx))       SILU
 *     x (1 + erf (cx))                                         GELU
 *     x clip (px + q, 0, t) with q = t / 2, Clip or HardSigmoid  HARDSWISH
 *     1 / (1 + e^x) SIGMOID,  log (1 + e^x) and log sigmoid (x) SOFTPLUS
 *     relu (x + p) - relu (x + q)   clip (x + p, 0, p - q), ReLUs one behind the other
 *     relu (x) - relu (-x)          x
 *
 * with any numbers around them, each gate up to a multiple and a constant.  The
 * constants of a model are rarely what the function's definition says: 1 / sqrt 2 of a
 * GELU is a float32.  So nothing is compared with "about the right number"; with
 * any c,
 *
 *     x (1 + erf (cx)) = h (tx) 2 / t,   h = GELU, t = sqrt 2 c
 *
 * holds exactly, and t becomes a SCALE with the error of its computation.
 */
#ifndef NET_LOWER_KNOWN_H
#define NET_LOWER_KNOWN_H

#include "net/lower_ctx.h"

/* y = a b or a +- b of two variables of one shape, or h (x) of a variable.  False, with
 * nothing done, when it is none of the above. */
bool lower_known_product(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                         Value *y);
bool lower_known_sum(Lower *l, const OnnxNode *node, char op, const Value *a,
                     const Value *b, Value *y);
bool lower_known_act(Lower *l, const OnnxNode *node, ActKind act, const Value *x,
                     Value *y);

/* Called after `node` was lowered: remembers what a Clip or HardSigmoid computes. */
void lower_known_note(Lower *l, const OnnxNode *node);

#endif
