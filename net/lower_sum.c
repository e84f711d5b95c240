/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_sum.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/lower_arith.h"

Status lower_sum_of_operands(Lower *l, const OnnxNode *node)
{
  if (node->n_in < 1)
    return lower_ctx_bad(l, node, "operator %s has no operand", node->op);
  Value y = *lower_ctx_in(l, node, 0);
  if (y.type != ONNX_FLOAT && y.type != ONNX_DOUBLE)
    return lower_ctx_bad(l, node, "operator %s of integers", node->op);
  Status rc = STATUS_OK;
  for (int k = 1; k < node->n_in && !rc; k++) {
    const Value sum = y;
    rc = lower_arith_apply(l, node, '+', &sum, lower_ctx_in(l, node, k), &y);
  }
  if (!rc && !strcmp(node->op, "Mean") && node->n_in > 1) {
    double *n = lower_ctx_doubles(l, 1);
    n[0] = node->n_in;
    const Value sum = y;
    const Value count = lower_ctx_const(y.type, &(Shape){.rank = 0, .n = 1}, n, NULL);
    rc = lower_arith_apply(l, node, '/', &sum, &count, &y);
  }
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* y[i] = sum of x[j] over j <= i along the last axis, a triangular DENSE. */
static int running_sum(Lower *l, const OnnxNode *node, const Value *x, int n)
{
  const bool exclusive = lower_ctx_int(node, "exclusive", 0) != 0;
  const bool reverse = lower_ctx_int(node, "reverse", 0) != 0;
  double *W = mem_doubles0((size_t)n * (size_t)n);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const bool before = reverse ? j > i : j < i;
      if (before || (i == j && !exclusive)) W[(size_t)i * (size_t)n + (size_t)j] = 1;
    }
  return draft_dense(&l->draft, node->name, x->node, &x->shape, x->shape.n / n, n, n, W,
                     NULL, 0);
}

Status lower_sum_cumulative(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Ints axes;
  int axis = 0, perm[NODE_MAX_RANK];
  Status rc = lower_ctx_ints(l, node, NULL, 1, &axes);
  if (rc) return rc;
  if (x->kind != VALUE_VAR)
    return lower_ctx_refuse(l, node, "operator CumSum of a constant is not supported");
  if (axes.n != 1 || !shape_axis(axes.v[0], x->shape.rank, &axis))
    return lower_ctx_bad(l, node, "operator CumSum: its axis does not match");
  const int rank = x->shape.rank, n = x->shape.dims[axis];
  if ((int64_t)n * n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator CumSum along %d elements", n);
  for (int d = 0; d < rank; d++)
    perm[d] = d;
  perm[axis] = rank - 1; /* swapping two axes is its own inverse */
  perm[rank - 1] = axis;
  Value turned, y;
  rc = lower_ctx_transpose(l, node, x, perm, &turned);
  if (rc) return rc;
  turned.node = running_sum(l, node, &turned, n);
  rc = lower_ctx_transpose(l, node, &turned, perm, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
