/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_mul.h -- products of variables.
 *
 * A product of two variables is a MUL only where the two are really different: x x is
 * a SQUARE, x sigmoid (x) a SILU (net/lower_known.h).
 */
#ifndef NET_LOWER_MUL_H
#define NET_LOWER_MUL_H

#include "net/lower_ctx.h"

/* y = a b, elementwise; two variables of one shape. */
Status lower_mul_product(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                         Value *y);

/* y[i] = sum over j < k of a[left[i] + j a_step] b[right[i] + j b_step] */
typedef struct {
  const Value *a, *b;
  const int *left, *right;
  int k, a_step, b_step;
} LowerMulSums;

/* Two variables, y of this shape. */
Status lower_mul_sums(Lower *l, const OnnxNode *node, const LowerMulSums *s,
                      const Shape *shape, Value *y);

/* Counts the elements of something that is large where the file is small; UNSUPPORTED
 * when the model has too many of them in all. */
Status lower_mul_spend(Lower *l, const OnnxNode *node, int64_t n);

#endif
