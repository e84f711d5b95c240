/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_norm.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/fold.h"
#include "net/lower_arith.h"
#include "net/lower_linear.h"
#include "net/lower_smooth.h"

static bool is_float(const Value *x)
{
  return x->type == ONNX_FLOAT || x->type == ONNX_DOUBLE;
}

/* ---- columns of a matrix ------------------------------------------------- */

static Shape matrix(int rows, int cols)
{
  return (Shape){.rank = 2, .dims = {rows, cols}, .n = rows * cols};
}

/* Columns first, first + step, ... of x. */
static Status columns(Lower *l, const OnnxNode *node, const Value *x, int first,
                      int step, int count, Value *y)
{
  const int strides[2] = {x->shape.dims[1], step};
  const Shape shape = matrix(x->shape.dims[0], count);
  return lower_ctx_strided(l, node, x, first, strides, &shape, y);
}

/* a and b side by side. */
static Status beside(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                     Value *y)
{
  const Value *parts[2] = {a, b};
  const int n = a->shape.dims[1], m = b->shape.dims[1], rows = a->shape.dims[0];
  const Shape shape = matrix(rows, n + m);
  int *map = mem_array((size_t)shape.n, sizeof *map);
  for (int r = 0; r < rows; r++)
    for (int j = 0; j < n + m; j++)
      map[r * (n + m) + j] = j < n ? r * n + j : rows * n + r * m + j - n;
  const Status rc = lower_ctx_gather(l, node, parts, 2, map, &shape, y);
  mem_free(map);
  return rc;
}

/* log (e^a + e^b) = (a + b) / 2 + log cosh ((a - b) / 2) + log 2, elementwise.  Lines
 * around b + softplus (a - b) are the same, but intervals grow threefold there. */
static Status log_of_two(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                         Value *y)
{
  const Fold half = fold_exact(0.5), log_2 = {M_LN2, 0x1p-54};
  Value d, sum;
  Status rc = lower_arith_apply(l, node, '-', a, b, &d);
  if (!rc) rc = lower_arith_times(l, node, &d, half, &d);
  if (!rc) rc = lower_arith_activate(l, node, ACT_LOGCOSH, &d, &d);
  if (!rc) rc = lower_arith_apply(l, node, '+', a, b, &sum);
  if (!rc) rc = lower_arith_times(l, node, &sum, half, &sum);
  if (!rc) rc = lower_arith_plus(l, node, &sum, log_2, &sum);
  return rc ? rc : lower_arith_apply(l, node, '+', &sum, &d, y);
}

/* One step of log_sum_exp: columns 0 and 1 become one, 2 and 3, ...; a last one that is
 * alone stays. */
static Status halve(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  const int n = x->shape.dims[1];
  Value a, b, last;
  Status rc = columns(l, node, x, 0, 2, n / 2, &a);
  if (!rc) rc = columns(l, node, x, 1, 2, n / 2, &b);
  if (!rc && n % 2) rc = columns(l, node, x, n - 1, 1, 1, &last);
  if (!rc) rc = log_of_two(l, node, &a, &b, y);
  return rc || n % 2 == 0 ? rc : beside(l, node, y, &last, y);
}

/* log sum_j e^x_j of each row. */
static Status log_sum_exp(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  Status rc = STATUS_OK;
  *y = *x;
  while (!rc && y->shape.dims[1] > 1)
    rc = halve(l, node, y, y);
  return rc;
}

/* ---- Softmax, LogSoftmax ------------------------------------------------- */

#define MAX_LEVELS 32

/* Column j of the result is column j ^ 1 of x, or j / 2, for j < n. */
static Status spread(Lower *l, const OnnxNode *node, const Value *x, int n, bool swap,
                     Value *y)
{
  const int rows = x->shape.dims[0];
  const Shape shape = matrix(rows, n);
  int *map = mem_array((size_t)shape.n, sizeof *map);
  for (int r = 0; r < rows; r++)
    for (int j = 0; j < n; j++)
      map[r * n + j] = r * x->shape.dims[1] + (swap ? j ^ 1 : j / 2);
  const Status rc = lower_ctx_gather(l, node, &x, 1, map, &shape, y);
  mem_free(map);
  return rc;
}

/* y_i = log sum_{j != i} e^x_j of each row, two or more columns.  The columns are the
 * leaves of a binary tree: inside[k] are the sums below the nodes of level k; what is
 * outside of a node is outside of its parent, or below its sibling. */
static Status log_sum_of_others(Lower *l, const OnnxNode *node, const Value *x,
                                Value *y)
{
  Value inside[MAX_LEVELS], a, b, last;
  Status rc = STATUS_OK;
  int k = 0;
  inside[0] = *x;
  for (; !rc && inside[k].shape.dims[1] > 2; k++)
    rc = halve(l, node, &inside[k], &inside[k + 1]);
  if (!rc) rc = spread(l, node, &inside[k], 2, true, y);
  for (k--; !rc && k >= 0; k--) {
    const int n = inside[k].shape.dims[1], paired = n / 2 * 2;
    rc = spread(l, node, y, paired, false, &a);
    if (!rc) rc = spread(l, node, &inside[k], paired, true, &b);
    if (!rc && n % 2) rc = columns(l, node, y, n / 2, 1, 1, &last);
    if (!rc) rc = log_of_two(l, node, &a, &b, y);
    if (!rc && n % 2) rc = beside(l, node, y, &last, y);
  }
  return rc;
}

/* -softplus (x_j - x_i) of two columns. */
static Status log_softmax_of_two(Lower *l, const OnnxNode *node, const Value *x,
                                 Value *y)
{
  Value other;
  Status rc = spread(l, node, x, 2, true, &other);
  if (!rc) rc = lower_arith_apply(l, node, '-', &other, x, y);
  if (!rc) rc = lower_arith_activate(l, node, ACT_SOFTPLUS, y, y);
  return rc ? rc : lower_arith_times(l, node, y, fold_exact(-1), y);
}

/* Of each row of x.  The logarithm has tighter bounds as x_i - log sum e^x_j than as
 * that of the sigmoid. */
static Status softmax_rows(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  const bool is_log = !strcmp(node->op, "LogSoftmax");
  Value sum;
  if (x->shape.dims[1] == 1) { /* 1 whatever x is */
    double *v = lower_ctx_doubles(l, (size_t)x->shape.n);
    for (int i = 0; i < x->shape.n; i++)
      v[i] = is_log ? 0 : 1;
    *y = lower_ctx_const(x->type, &x->shape, v, NULL);
    return STATUS_OK;
  }
  if (is_log && x->shape.dims[1] == 2) return log_softmax_of_two(l, node, x, y);
  Status rc =
      is_log ? log_sum_exp(l, node, x, &sum) : log_sum_of_others(l, node, x, &sum);
  if (!rc) rc = lower_arith_apply(l, node, '-', x, &sum, y);
  return rc || is_log ? rc : lower_arith_activate(l, node, ACT_SIGMOID, y, y);
}

/* Over one axis, moved to the end and back. */
static Status softmax_axis(Lower *l, const OnnxNode *node, const Value *x, int axis,
                           Value *y)
{
  const int rank = x->shape.rank, n = x->shape.dims[axis];
  int perm[NODE_MAX_RANK], back[NODE_MAX_RANK];
  for (int d = 0; d < rank; d++)
    perm[d] = d < axis ? d : d < rank - 1 ? d + 1 : axis;
  for (int d = 0; d < rank; d++)
    back[perm[d]] = d;
  Value t;
  Status rc = lower_ctx_transpose(l, node, x, perm, &t);
  if (rc) return rc;
  const Shape turned = t.shape, rows = matrix(x->shape.n / n, n);
  t = lower_ctx_reshaped(&t, &rows);
  rc = softmax_rows(l, node, &t, &t);
  if (rc) return rc;
  t = lower_ctx_reshaped(&t, &turned);
  return lower_ctx_transpose(l, node, &t, back, y);
}

/* Before version 13 all axes from `axis` on are one. */
Status lower_norm_softmax(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const bool old = l->graph->opset < 13;
  const int64_t given = lower_ctx_int(node, "axis", old ? 1 : -1);
  const int rank = x->shape.rank;
  int axis;
  Value y;
  if (!is_float(x) || !x->shape.n)
    return lower_ctx_refuse(l, node, "operator %s of integers or of nothing", node->op);
  if (!shape_axis(given, rank, &axis)) {
    if (!(old && given == rank)) /* then every element is a row of its own */
      return lower_ctx_bad(l, node, "operator %s: axis %lld of a tensor of rank %d",
                           node->op, (long long)given, rank);
    axis = rank;
  }
  if (x->kind == VALUE_CONST) l->drifted = true;
  Status rc;
  if (old) {
    int n = 1;
    for (int d = axis; d < rank; d++)
      n *= x->shape.dims[d];
    const Shape rows = matrix(x->shape.n / n, n);
    y = lower_ctx_reshaped(x, &rows);
    rc = softmax_rows(l, node, &y, &y);
  } else {
    rc = softmax_axis(l, node, x, axis, &y);
  }
  if (!rc) lower_ctx_out(l, node, 0, lower_ctx_reshaped(&y, &x->shape));
  return rc;
}

/* ---- Reduce operators ---------------------------------------------------- */

static Status reduce_log_sum_exp(Lower *l, const OnnxNode *node, const Value *x,
                                 const bool *on, bool keep, Value *y)
{
  Value rows;
  Shape shape;
  Status rc = lower_linear_rows(l, node, x, on, keep, &rows, &shape);
  if (!rc) rc = log_sum_exp(l, node, &rows, &rows);
  if (!rc) *y = lower_ctx_reshaped(&rows, &shape);
  return rc;
}

/* The square root of a sum of squares; |x| is simpler where there is only one. */
static Status reduce_l2(Lower *l, const OnnxNode *node, const Value *x, const bool *on,
                        bool keep, Value *y)
{
  bool single = true;
  for (int d = 0; d < x->shape.rank; d++)
    single = single && (!on[d] || x->shape.dims[d] == 1);
  Value t;
  Status rc;
  if (single) {
    rc = lower_smooth_abs(l, node, x, &t);
    return rc ? rc : lower_linear_sum(l, node, &t, on, false, keep, y);
  }
  rc = lower_arith_apply(l, node, '*', x, x, &t);
  if (!rc) rc = lower_linear_sum(l, node, &t, on, false, keep, &t);
  return rc ? rc : lower_arith_activate(l, node, ACT_SQRT, &t, y);
}

Status lower_norm_reduce(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const bool keep = lower_ctx_int(node, "keepdims", 1) != 0;
  const char *op = node->op + strlen("Reduce");
  bool on[NODE_MAX_RANK];
  Value y, t;
  Status rc = lower_linear_axes(l, node, x->shape.rank, on);
  if (rc) return rc;
  if (!is_float(x) || !x->shape.n)
    return lower_ctx_refuse(l, node, "operator %s of integers or of nothing", node->op);
  if (x->kind == VALUE_CONST) l->drifted = true;
  if (!strcmp(op, "LogSumExp")) {
    rc = reduce_log_sum_exp(l, node, x, on, keep, &y);
  } else if (!strcmp(op, "L2")) {
    rc = reduce_l2(l, node, x, on, keep, &y);
  } else if (!strcmp(op, "L1")) {
    rc = lower_smooth_abs(l, node, x, &t);
    if (!rc) rc = lower_linear_sum(l, node, &t, on, false, keep, &y);
  } else if (!strcmp(op, "SumSquare")) {
    rc = lower_arith_apply(l, node, '*', x, x, &t);
    if (!rc) rc = lower_linear_sum(l, node, &t, on, false, keep, &y);
  } else { /* LogSum */
    rc = lower_linear_sum(l, node, x, on, false, keep, &t);
    if (!rc) rc = lower_arith_activate(l, node, ACT_LOG, &t, &y);
  }
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- normalisations ------------------------------------------------------ */

typedef struct {
  bool on[NODE_MAX_RANK]; /* the axes of one group */
  bool centred;           /* subtract the mean */
  double epsilon;
  bool outside; /* sqrt (variance) + epsilon, not sqrt (variance + epsilon) */
} Norm;

/* y = (x - mean) inverse with inverse = 1 / sqrt (mean of (x - mean)^2 + epsilon). */
static Status normalise(Lower *l, const OnnxNode *node, const Value *x, const Norm *n,
                        Value *y, Value *mean, Value *inverse)
{
  Value c = *x, v;
  Status rc = STATUS_OK;
  if (!is_float(x) || !x->shape.n)
    return lower_ctx_refuse(l, node, "operator %s of integers or of nothing", node->op);
  if (x->kind == VALUE_CONST) l->drifted = true;
  if (n->centred) {
    rc = lower_linear_sum(l, node, x, n->on, true, true, mean);
    if (!rc) rc = lower_arith_apply(l, node, '-', x, mean, &c);
  }
  if (!rc) rc = lower_arith_apply(l, node, '*', &c, &c, &v);
  if (!rc) rc = lower_linear_sum(l, node, &v, n->on, true, true, &v);
  const Fold epsilon = fold_exact(n->epsilon);
  if (!rc && !n->outside) rc = lower_arith_plus(l, node, &v, epsilon, &v);
  if (!rc) rc = lower_arith_activate(l, node, ACT_SQRT, &v, &v);
  if (!rc && n->outside) rc = lower_arith_plus(l, node, &v, epsilon, &v);
  if (!rc) rc = lower_arith_activate(l, node, ACT_RECIPROCAL, &v, inverse);
  return rc ? rc : lower_arith_apply(l, node, '*', &c, inverse, y);
}

/* y scale + bias; either may be missing (NULL).  Both must fit into y. */
static Status rescale(Lower *l, const OnnxNode *node, const Value *scale,
                      const Value *bias, Value *y)
{
  const Value *operand[2] = {scale, bias};
  for (int k = 0; k < 2; k++) {
    if (!operand[k]) continue;
    Shape common;
    if (!shape_broadcast(&y->shape, &operand[k]->shape, &common) ||
        !shape_equal(&common, &y->shape))
      return lower_ctx_bad(l, node, "operator %s: its input %d does not match",
                           node->op, k + 2);
    const Status rc = lower_arith_apply(l, node, k ? '+' : '*', y, operand[k], y);
    if (rc) return rc;
  }
  return STATUS_OK;
}

/* In which precision a runtime keeps mean and variance: nothing over the reals. */
static Status check_stash(Lower *l, const OnnxNode *node)
{
  const int64_t stash = lower_ctx_int(node, "stash_type", 1);
  if (stash == 1 || stash == 11) return STATUS_OK;
  return lower_ctx_refuse(l, node,
                          "attribute stash_type=%lld of operator %s is not supported",
                          (long long)stash, node->op);
}

/* LayerNormalization, RMSNormalization: all axes from `axis` on. */
static Status layer(Lower *l, const OnnxNode *node, bool centred)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Norm n = {.centred = centred,
            .epsilon = lower_ctx_float(node, "epsilon", (double)1e-5f)};
  int axis;
  if (!shape_axis(lower_ctx_int(node, "axis", -1), x->shape.rank, &axis))
    return lower_ctx_bad(l, node, "operator %s: axis outside the %d dimensions",
                         node->op, x->shape.rank);
  for (int d = axis; d < x->shape.rank; d++)
    n.on[d] = true;
  Value y, mean = {0}, inverse;
  Status rc = check_stash(l, node);
  if (!rc) rc = normalise(l, node, x, &n, &y, &mean, &inverse);
  if (!rc)
    rc = rescale(l, node, lower_ctx_in(l, node, 1), lower_ctx_in(l, node, 2), &y);
  if (rc) return rc;
  lower_ctx_out(l, node, 0, y);
  if (centred) lower_ctx_out(l, node, 1, mean);
  if (centred) lower_ctx_out(l, node, 2, inverse);
  return STATUS_OK;
}

Status lower_norm_layer(Lower *l, const OnnxNode *node)
{
  return layer(l, node, true);
}

Status lower_norm_rms(Lower *l, const OnnxNode *node)
{
  return layer(l, node, false);
}

/* One number for each channel, to be broadcast along axis 1 of a tensor of this rank.
 */
static Status per_channel(Lower *l, const OnnxNode *node, int k, int channels, int rank,
                          Value *y)
{
  const Value *x = lower_ctx_in(l, node, k);
  if (x->shape.rank != 1 || x->shape.n != channels)
    return lower_ctx_bad(l, node, "operator %s: its input %d must have %d numbers",
                         node->op, k + 1, channels);
  Shape shape = {.rank = rank - 1, .n = channels};
  for (int d = 0; d < shape.rank; d++)
    shape.dims[d] = d ? 1 : channels;
  *y = lower_ctx_reshaped(x, &shape);
  return STATUS_OK;
}

static Status rescale_channels(Lower *l, const OnnxNode *node, int channels, Value *y)
{
  Value scale, bias;
  Status rc = per_channel(l, node, 1, channels, y->shape.rank, &scale);
  if (!rc) rc = per_channel(l, node, 2, channels, y->shape.rank, &bias);
  return rc ? rc : rescale(l, node, &scale, &bias, y);
}

Status lower_norm_instance(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Norm n = {.centred = true,
            .epsilon = lower_ctx_float(node, "epsilon", (double)1e-5f)};
  if (x->shape.rank < 3)
    return lower_ctx_bad(l, node, "operator %s needs 3 or more dimensions", node->op);
  for (int d = 2; d < x->shape.rank; d++)
    n.on[d] = true;
  Value y, mean, inverse;
  Status rc = normalise(l, node, x, &n, &y, &mean, &inverse);
  if (!rc) rc = rescale_channels(l, node, x->shape.dims[1], &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* Groups of channels; scale and bias belong to a group before version 21, and to a
 * channel from then on. */
Status lower_norm_group(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const int64_t groups = lower_ctx_int(node, "num_groups", 0);
  const bool by_group = l->graph->opset < 21;
  if (x->shape.rank < 2 || !x->shape.n || groups < 1 || groups > x->shape.dims[1] ||
      x->shape.dims[1] % groups)
    return lower_ctx_bad(l, node,
                         "operator %s: num_groups=%lld does not divide its "
                         "channels",
                         node->op, (long long)groups);
  const Norm n = {.on = {false, false, true},
                  .centred = true,
                  .epsilon = lower_ctx_float(node, "epsilon", (double)1e-5f)};
  const int g = (int)groups, batch = x->shape.dims[0];
  const Shape split = {
      .rank = 3, .dims = {batch, g, x->shape.n / batch / g}, .n = x->shape.n};
  Value y = lower_ctx_reshaped(x, &split), mean, inverse;
  Status rc = check_stash(l, node);
  if (!rc) rc = normalise(l, node, &y, &n, &y, &mean, &inverse);
  if (!rc && by_group) rc = rescale_channels(l, node, g, &y);
  if (rc) return rc;
  y = lower_ctx_reshaped(&y, &x->shape);
  if (!by_group) rc = rescale_channels(l, node, x->shape.dims[1], &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* The operator's definition adds 1e-9 to the standard deviation. */
Status lower_norm_mean_variance(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Norm n = {.centred = true, .epsilon = (double)1e-9f, .outside = true};
  Ints axes;
  Status rc = lower_ctx_ints(l, node, "axes", -1, &axes);
  if (!rc && !axes.given) {
    axes.n = 3;
    for (int k = 0; k < 3; k++)
      axes.v[k] = k ? k + 1 : 0;
  }
  if (!rc) rc = lower_ctx_axes(l, node, &axes, x->shape.rank, n.on);
  Value y, mean, inverse;
  if (!rc) rc = normalise(l, node, x, &n, &y, &mean, &inverse);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
