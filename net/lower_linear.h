/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_linear.h -- products of a variable with a constant matrix, as DENSE.
 *
 * The constant is W of net/net.h with one row per output: for x W^T directly, for
 * a constant on the left after transposing the variable.  A constant with several
 * matrices (batch dimensions) makes one DENSE for each.
 */
#ifndef NET_LOWER_LINEAR_H
#define NET_LOWER_LINEAR_H

#include "net/lower_ctx.h"

Status lower_linear_gemm(Lower *l, const OnnxNode *node);
Status lower_linear_matmul(Lower *l, const OnnxNode *node);
Status lower_linear_reduce(Lower *l, const OnnxNode *node); /* ReduceSum ReduceMean */
Status lower_linear_reduce_prod(Lower *l, const OnnxNode *node); /* of constants */
Status lower_linear_reduce_l1(Lower *l, const OnnxNode *node);   /* ReduceL1 */
Status lower_linear_global_pool(Lower *l, const OnnxNode *node);

/* What a Reduce operator's axes and keepdims make of a shape, and the order of axes
 * that puts the reduced ones last. */
Status lower_linear_reduced(Lower *l, const OnnxNode *node, const Shape *x, int *perm,
                            Shape *shape);

/* Which axes a Reduce operator reduces: all when none are named, unless
 * noop_with_empty_axes says none. */
Status lower_linear_axes(Lower *l, const OnnxNode *node, int rank,
                         bool on[NODE_MAX_RANK]);

/* x as a matrix with one row for each element that stays: rows.shape has rank 2.
 * `shape` is that of the result, with dimensions of 1 for the axes that go if `keep`.
 * Fails UNSUPPORTED when x is empty. */
Status lower_linear_rows(Lower *l, const OnnxNode *node, const Value *x,
                         const bool on[NODE_MAX_RANK], bool keep, Value *rows,
                         Shape *shape);

/* The sum or mean over the axes `on`. */
Status lower_linear_sum(Lower *l, const OnnxNode *node, const Value *x,
                        const bool on[NODE_MAX_RANK], bool mean, bool keep, Value *y);

#endif
