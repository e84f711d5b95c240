/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_float.h -- do the nodes round where the operator does?
 *
 * Over the reals an operator may become any nodes that are the same function.  What
 * net/rounded.h says about float32 needs more: what a runtime computes for the
 * operator, in whatever order it sums, must be among what the nodes give when each of
 * them is rounded by itself.  That holds for
 *
 *     operators that move numbers
 *     one sum of products: MatMul, Gemm, Conv, pools, reductions, sums of two operands
 *     elementwise functions that are one node
 *     Abs, Max, Clip and the like, which are exact in float32: among the roundings of
 *     their nodes are those by nothing
 *
 * not for sums in several steps (Sum of three operands, 3-D AveragePool), for operators
 * whose numbers are folded from several (BatchNormalization, alpha of Gemm), nor where
 * the nodes follow another formula (Softmax, LayerNormalization, the patterns of
 * net/lower_known.h).  A constant that the model computes must be the very float32
 * number that ONNX gives it.
 */
#ifndef NET_LOWER_FLOAT_H
#define NET_LOWER_FLOAT_H

#include "net/lower_ctx.h"

/* Called after `node` was lowered: sets Net.respelled when the above does not hold, or
 * is not known to, and nothing before it was so. */
void lower_float_note(Lower *l, const OnnxNode *node);

/* The same without a look at the node. */
void lower_float_doubt(Lower *l, const OnnxNode *node);

#endif
