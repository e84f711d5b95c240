/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_const.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/fold.h"
#include "net/onnx_tensor.h"
#include "net/lower_arith.h"

static Fold element(const Value *x, int i)
{
  return (Fold){x->v[i], x->err ? x->err[i] : 0};
}

static bool is_integer(OnnxType type)
{
  return type == ONNX_INT64 || type == ONNX_INT32;
}

/* Exactly the stored number, not a clamped one (net/onnx_tensor.h)? */
static bool is_known(OnnxType type, Fold x)
{
  return x.err == 0 && (!is_integer(type) || fabs(x.v) < ONNX_TENSOR_INT_LIMIT);
}

/* All operands are constants, and what may jump has not drifted. */
static Status check_constants(Lower *l, const OnnxNode *node)
{
  Status rc = STATUS_OK;
  for (int k = 0; k < node->n_in && !rc; k++) {
    const Value *x = lower_ctx_in(l, node, k);
    if (x->kind != VALUE_CONST)
      rc = lower_ctx_refuse(l, node, "operator %s of %s is not supported", node->op,
                            node->n_in > 1 ? "variables" : "a variable");
    else
      rc = lower_ctx_check_drift(l, node, x);
  }
  return rc;
}

/* ---- one operand --------------------------------------------------------- */

typedef struct {
  char op;
  const Value *x;
} Jump;

static double jump(char op, double x)
{
  switch (op) {
  case 'C':
    return ceil(x);
  case 'F':
    return floor(x);
  default:
    return rint(x); /* halves to even, as ONNX */
  }
}

static bool fold_round(const void *data, int i, double *v, double *err)
{
  const Jump *j = data;
  const Fold x = element(j->x, i);
  *v = jump(j->op, x.v);
  *err = 0;
  /* Both ends of the enclosure must agree. */
  return jump(j->op, round_add_dn(x.v, -x.err)) ==
         jump(j->op, round_add_up(x.v, x.err));
}

/* Ceil x = -Floor (-x). */
static Status round_variable(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  const bool ceiling = node->op[0] == 'C';
  Status rc = STATUS_OK;
  *y = *x;
  if (node->op[0] == 'R')
    return lower_ctx_refuse(l, node, "operator Round of a variable is not supported");
  if (ceiling) rc = lower_arith_times(l, node, y, fold_exact(-1), y);
  if (!rc) rc = lower_arith_activate(l, node, ACT_FLOOR, y, y);
  if (!rc && ceiling) rc = lower_arith_times(l, node, y, fold_exact(-1), y);
  return rc;
}

Status lower_const_round(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const Jump j = {node->op[0], x};
  Value y;
  if (x->kind == VALUE_VAR) {
    const Status made = round_variable(l, node, x, &y);
    if (!made) lower_ctx_out(l, node, 0, y);
    return made;
  }
  Status rc = check_constants(l, node);
  if (!rc) rc = lower_ctx_fold(l, node, x->type, &x->shape, fold_round, &j, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- two operands -------------------------------------------------------- */

typedef struct {
  const char *op;
  bool real; /* Mod with fmod = 1: the sign of the dividend */
  OnnxType type;
  const Value *a, *b; /* of the same shape */
} Pair;

static Status fold_pairs(Lower *l, const OnnxNode *node, OnnxType type, bool real,
                         bool (*make)(const void *, int, double *, double *))
{
  const Value *a = lower_ctx_in(l, node, 0), *b = lower_ctx_in(l, node, 1);
  Status rc = check_constants(l, node);
  if (rc) return rc;
  Shape shape;
  if (a->type != b->type || !shape_broadcast(&a->shape, &b->shape, &shape))
    return lower_ctx_bad(l, node, "operator %s: its operands do not match", node->op);
  Value x, z, y;
  rc = lower_ctx_expand(l, node, a, &shape, &x);
  if (!rc) rc = lower_ctx_expand(l, node, b, &shape, &z);
  const Pair pair = {node->op, real, a->type, &x, &z};
  if (!rc) rc = lower_ctx_fold(l, node, type, &shape, make, &pair, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

static bool fold_comparison(const void *data, int i, double *v, double *err)
{
  const Pair *p = data;
  const Fold a = element(p->a, i), b = element(p->b, i);
  const bool or_equal = strstr(p->op, "OrEqual") != NULL;
  *err = 0;
  if (p->op[0] == 'E')
    *v = a.v == b.v;
  else if (p->op[0] == 'G')
    *v = or_equal ? a.v >= b.v : a.v > b.v;
  else
    *v = or_equal ? a.v <= b.v : a.v < b.v;
  return is_known(p->type, a) && is_known(p->type, b);
}

Status lower_const_compare(Lower *l, const OnnxNode *node)
{
  return fold_pairs(l, node, ONNX_BOOL, false, fold_comparison);
}

static bool fold_logic(const void *data, int i, double *v, double *err)
{
  const Pair *p = data;
  const bool a = p->a->v[i] != 0, b = p->b->v[i] != 0;
  *err = 0;
  *v = p->op[0] == 'A'   ? a && b
       : p->op[0] == 'O' ? a || b
       : p->op[0] == 'X' ? a != b
                         : !a;
  return p->type == ONNX_BOOL;
}

/* Not is a pair of the same operand. */
Status lower_const_logic(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  if (strcmp(node->op, "Not") != 0)
    return fold_pairs(l, node, ONNX_BOOL, false, fold_logic);
  const Pair pair = {node->op, false, x->type, x, x};
  Value y;
  Status rc = check_constants(l, node);
  if (!rc) rc = lower_ctx_fold(l, node, ONNX_BOOL, &x->shape, fold_logic, &pair, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

static bool fold_mod(const void *data, int i, double *v, double *err)
{
  const Pair *p = data;
  const Fold a = element(p->a, i), b = element(p->b, i);
  *err = 0;
  if (!is_known(p->type, a) || !is_known(p->type, b) || b.v == 0) return false;
  *v = fmod(a.v, b.v); /* exact */
  if (!p->real && *v != 0 && (*v < 0) != (b.v < 0)) *v += b.v;
  return true;
}

Status lower_const_mod(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const bool real = lower_ctx_int(node, "fmod", 0) != 0;
  if (!real && !is_integer(x->type))
    return lower_ctx_bad(l, node,
                         "operator Mod of floating-point numbers needs fmod=1");
  return fold_pairs(l, node, x->type, real, fold_mod);
}

/* ---- Range --------------------------------------------------------------- */

/* Up to these ends ONNX counts the elements and computes them without rounding. */
static double range_limit(OnnxType type)
{
  return type == ONNX_FLOAT ? 0x1p23 : 0x1p40;
}

Status lower_const_range(Lower *l, const OnnxNode *node)
{
  double c[3];
  for (int k = 0; k < 3; k++) {
    const Value *x = lower_ctx_in(l, node, k);
    if (x->kind != VALUE_CONST)
      return lower_ctx_refuse(l, node, "operator Range of variables is not supported");
    if (x->shape.n != 1)
      return lower_ctx_bad(l, node, "operator Range: its operands must be numbers");
    const Status rc = lower_ctx_check_drift(l, node, x);
    if (rc) return rc;
    c[k] = x->v[0];
    if (x->err || c[k] != floor(c[k]) || fabs(c[k]) > range_limit(x->type))
      return lower_ctx_refuse(l, node, "operator Range is supported for integers only");
  }
  if (c[2] == 0) return lower_ctx_bad(l, node, "operator Range: its step is 0");
  /* Exact: the difference and the step are integers below 2^42. */
  const int64_t span = (int64_t)(c[1] - c[0]), step = (int64_t)c[2];
  int64_t n = span / step + (span % step != 0 ? 1 : 0);
  if ((span > 0) != (step > 0)) n = 0;
  Shape shape;
  if (!shape_make(1, &n, &shape) || n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator Range: its result is too long");
  double *v = lower_ctx_doubles(l, (size_t)n);
  for (int64_t i = 0; i < n; i++)
    v[i] = c[0] + (double)i * c[2];
  lower_ctx_out(l, node, 0,
                lower_ctx_const(lower_ctx_in(l, node, 0)->type, &shape, v, NULL));
  return STATUS_OK;
}

/* ---- positions ----------------------------------------------------------- */

/* One column of coordinates for each element that is not 0. */
Status lower_const_nonzero(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Status rc = check_constants(l, node);
  int n = 0, strides[NODE_MAX_RANK];
  for (int i = 0; i < x->shape.n && !rc; i++) {
    if (x->err && x->err[i] != 0)
      rc = lower_ctx_refuse(l, node, "operator NonZero of inexact constants");
    n += !rc && x->v[i] != 0;
  }
  if (rc) return rc;
  const int rank = x->shape.rank ? x->shape.rank : 1;
  const int64_t dims[2] = {rank, n};
  Shape shape;
  if (!shape_make(2, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator NonZero: its result is too large");
  double *v = lower_ctx_doubles(l, (size_t)shape.n);
  shape_strides(&x->shape, strides);
  for (int i = 0, column = 0; i < x->shape.n; i++) {
    if (x->v[i] == 0) continue;
    for (int d = 0; d < x->shape.rank; d++)
      v[d * n + column] = i / strides[d] % x->shape.dims[d];
    column++;
  }
  lower_ctx_out(l, node, 0, lower_ctx_const(ONNX_INT64, &shape, v, NULL));
  return STATUS_OK;
}

/* Is b a better choice than a, which comes first? */
static bool is_better(double a, double b, bool max, bool last)
{
  if (a == b) return last;
  return max ? b > a : b < a;
}

Status lower_const_arg(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const bool max = !strcmp(node->op, "ArgMax");
  const bool last = lower_ctx_int(node, "select_last_index", 0) != 0;
  int axis, strides[NODE_MAX_RANK];
  if (x->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node,
                            "operator %s of a variable is not supported: remove it and "
                            "state the property about the scores that it compares",
                            node->op);
  Status rc = check_constants(l, node);
  if (rc) return rc;
  if (!shape_axis(lower_ctx_int(node, "axis", 0), x->shape.rank, &axis) || !x->shape.n)
    return lower_ctx_bad(l, node, "operator %s: its axis does not match", node->op);
  for (int i = 0; i < x->shape.n; i++)
    if (!is_known(x->type, element(x, i)))
      return lower_ctx_refuse(l, node, "operator %s of inexact constants", node->op);
  shape_strides(&x->shape, strides);
  const int dim = x->shape.dims[axis], inner = strides[axis];
  Shape shape = x->shape;
  shape.n /= dim;
  shape.dims[axis] = 1;
  double *v = lower_ctx_doubles(l, (size_t)shape.n);
  for (int i = 0; i < shape.n; i++) {
    const double *from = x->v + (size_t)(i / inner * dim * inner + i % inner);
    int best = 0;
    for (int k = 1; k < dim; k++)
      if (is_better(from[best * inner], from[k * inner], max, last)) best = k;
    v[i] = best;
  }
  if (!lower_ctx_int(node, "keepdims", 1)) {
    shape.rank--;
    for (int d = axis; d < shape.rank; d++)
      shape.dims[d] = shape.dims[d + 1];
  }
  lower_ctx_out(l, node, 0, lower_ctx_const(ONNX_INT64, &shape, v, NULL));
  return STATUS_OK;
}

/* Of anything whose shape is known. */
Status lower_const_size(Lower *l, const OnnxNode *node)
{
  double *v = lower_ctx_doubles(l, 1);
  v[0] = lower_ctx_in(l, node, 0)->shape.n;
  lower_ctx_out(l, node, 0,
                lower_ctx_const(ONNX_INT64, &(Shape){.rank = 0, .n = 1}, v, NULL));
  return STATUS_OK;
}
