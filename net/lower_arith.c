/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_arith.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/fold.h"
#include "net/lower_known.h"
#include "net/lower_mul.h"
#include "net/onnx_tensor.h"

static bool is_integer(OnnxType type)
{
  return type == ONNX_INT64 || type == ONNX_INT32;
}

static bool is_float(OnnxType type)
{
  return type == ONNX_FLOAT || type == ONNX_DOUBLE;
}

static Fold element(const Value *x, int i)
{
  return (Fold){x->v[i], x->err ? x->err[i] : 0};
}

/* Integers that may be clamped ones (net/onnx_tensor.h) take no part in arithmetic. */
static bool in_integer_range(OnnxType type, double v)
{
  return type == ONNX_INT32 ? v >= INT32_MIN && v <= INT32_MAX
                            : fabs(v) < ONNX_TENSOR_INT_LIMIT;
}

/* ---- Add, Sub, Mul, Div: folding ----------------------------------------- */

typedef struct {
  char op;
  OnnxType type;
  const Value *a, *b; /* of the same shape */
} Pair;

static bool fold_integers(char op, OnnxType type, double a, double b, double *v)
{
  if (!in_integer_range(type, a) || !in_integer_range(type, b)) return false;
  switch (op) {
  case '+':
    *v = a + b;
    break;
  case '-':
    *v = a - b;
    break;
  case '*':
    *v = a * b;
    break;
  default:
    if (b == 0) return false;
    *v = (double)((int64_t)a / (int64_t)b);
  }
  return in_integer_range(type, *v);
}

static bool fold_pair(const void *data, int i, double *v, double *err)
{
  const Pair *p = data;
  if (is_integer(p->type))
    return fold_integers(p->op, p->type, p->a->v[i], p->b->v[i], v);
  const Fold a = element(p->a, i), b = element(p->b, i);
  const Fold y = p->op == '+'   ? fold_add(a, b)
                 : p->op == '-' ? fold_sub(a, b)
                 : p->op == '*' ? fold_mul(a, b)
                                : fold_div(a, b);
  *v = y.v;
  *err = y.err;
  return fold_ok(y);
}

/* ---- Add, Sub, Mul, Div: one variable ------------------------------------ */

static double *copy_doubles(const double *a, int n, double factor)
{
  if (!a) return NULL;
  double *copy = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    copy[i] = factor * a[i];
  return copy;
}

static double *filled(int n, double value)
{
  double *a = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    a[i] = value;
  return a;
}

static bool all_are(const Value *c, double value)
{
  for (int i = 0; i < c->shape.n; i++)
    if (c->v[i] != value || (c->err && c->err[i] != 0)) return false;
  return true;
}

/* y = x + c, x - c or c - x. */
static Status shift_by(Lower *l, const OnnxNode *node, char op, bool c_first,
                       const Value *x, const Value *c, Value *y)
{
  *y = *x;
  const bool negated = op == '-' && c_first;
  if (!negated && all_are(c, 0)) return STATUS_OK;
  const int n = x->shape.n;
  const double sign = op == '-' && !c_first ? -1 : 1;
  y->node = draft_scale(&l->draft, node->name, x->node, &x->shape,
                        negated ? filled(n, -1) : NULL, copy_doubles(c->v, n, sign), 0,
                        copy_doubles(c->err, n, 1));
  return STATUS_OK;
}

/* y = s x + t; t may be NULL. */
static Status scale_by(Lower *l, const OnnxNode *node, const Value *x, const Value *s,
                       const Value *t, Value *y)
{
  *y = *x;
  if (!t && all_are(s, 1)) return STATUS_OK;
  const int n = x->shape.n;
  const double w_rel = fold_rel(s->v, s->err, (size_t)n);
  if (!(w_rel < 0x1p-20))
    return lower_ctx_refuse(
        l, node, "operator %s: its constant cannot be computed accurately", node->op);
  y->node = draft_scale(&l->draft, node->name, x->node, &x->shape,
                        copy_doubles(s->v, n, 1), t ? copy_doubles(t->v, n, 1) : NULL,
                        w_rel, t ? copy_doubles(t->err, n, 1) : NULL);
  return STATUS_OK;
}

static bool fold_reciprocal(const void *data, int i, double *v, double *err)
{
  const Fold y = fold_div(fold_exact(1), element(data, i));
  *v = y.v;
  *err = y.err;
  return fold_ok(y);
}

static Status with_constant(Lower *l, const OnnxNode *node, char op, bool c_first,
                            const Value *x, const Value *c, Value *y)
{
  if (op == '+' || op == '-') return shift_by(l, node, op, c_first, x, c, y);
  if (op == '*') return scale_by(l, node, x, c, NULL, y);
  Value inverse;
  const Status rc =
      lower_ctx_fold(l, node, c->type, &c->shape, fold_reciprocal, c, &inverse);
  return rc ? rc : scale_by(l, node, x, &inverse, NULL, y);
}

/* ---- Add, Sub, Mul, Div: two operands ------------------------------------ */

static Status two_variables(Lower *l, const OnnxNode *node, char op, const Value *a,
                            const Value *b, Value *y)
{
  if (op == '*') return lower_mul_product(l, node, a, b, y);
  *y = *a;
  if (a->node == b->node) { /* x + x = 2 x; x - x = 0 x */
    y->node = draft_scale(&l->draft, node->name, a->node, &a->shape,
                          filled(a->shape.n, op == '+' ? 2 : 0), NULL, 0, NULL);
    return STATUS_OK;
  }
  if (lower_known_sum(l, node, op, a, b, y)) return STATUS_OK;
  const signed char coef[2] = {1, op == '+' ? 1 : -1};
  const int in[2] = {a->node, b->node};
  y->node = draft_add(&l->draft, node->name, &a->shape, in, coef, 2);
  return STATUS_OK;
}

Status lower_arith_apply(Lower *l, const OnnxNode *node, char op, const Value *a,
                         const Value *b, Value *y)
{
  Shape shape;
  char left[SHAPE_TEXT], right[SHAPE_TEXT];
  if (!shape_broadcast(&a->shape, &b->shape, &shape))
    return lower_ctx_bad(l, node, "operator %s: the shapes %s and %s do not match",
                         node->op, shape_text(&a->shape, left),
                         shape_text(&b->shape, right));
  const OnnxType type = a->type;
  if (type != b->type)
    return lower_ctx_bad(l, node, "operator %s: its operands have different types",
                         node->op);
  if (type == ONNX_BOOL)
    return lower_ctx_bad(l, node, "operator %s of truth values", node->op);
  const bool a_const = a->kind == VALUE_CONST, b_const = b->kind == VALUE_CONST;
  if (!(a_const && b_const) && !shape.n)
    return lower_ctx_bad(l, node, "operator %s: its result is empty", node->op);
  for (int i = 0; op == '/' && b_const && i < b->shape.n; i++)
    if (b->v[i] == 0) return lower_ctx_bad(l, node, "operator Div: divides by 0");
  Value x, z;
  Status rc;
  if (op == '/' && !b_const) { /* the reciprocal first: b may be the smaller one */
    rc = lower_arith_activate(l, node, ACT_RECIPROCAL, b, &z);
    return rc ? rc : lower_arith_apply(l, node, '*', a, &z, y);
  }
  rc = lower_ctx_expand(l, node, a, &shape, &x);
  if (!rc) rc = lower_ctx_expand(l, node, b, &shape, &z);
  if (rc) return rc;
  if (a_const && b_const) {
    const Pair pair = {op, type, &x, &z};
    return lower_ctx_fold(l, node, type, &shape, fold_pair, &pair, y);
  }
  if (b_const) return with_constant(l, node, op, false, &x, &z, y);
  if (a_const) return with_constant(l, node, op, true, &z, &x, y);
  return two_variables(l, node, op, &x, &z, y);
}

Status lower_arith_binary(Lower *l, const OnnxNode *node)
{
  const char op = !strcmp(node->op, "Add")   ? '+'
                  : !strcmp(node->op, "Sub") ? '-'
                  : !strcmp(node->op, "Mul") ? '*'
                                             : '/';
  Value y = {0};
  const Status rc = lower_arith_apply(l, node, op, lower_ctx_in(l, node, 0),
                                      lower_ctx_in(l, node, 1), &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- unary --------------------------------------------------------------- */

static bool fold_negated(const void *data, int i, double *v, double *err)
{
  const Value *x = data;
  *v = -x->v[i];
  *err = x->err ? x->err[i] : 0;
  return !is_integer(x->type) ||
         (in_integer_range(x->type, x->v[i]) && in_integer_range(x->type, *v));
}

Status lower_arith_neg(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Value y = *x;
  Status rc = STATUS_OK;
  if (x->type == ONNX_BOOL)
    return lower_ctx_bad(l, node, "operator Neg of truth values");
  if (x->kind == VALUE_CONST)
    rc = lower_ctx_fold(l, node, x->type, &x->shape, fold_negated, x, &y);
  else
    y.node = draft_scale(&l->draft, node->name, x->node, &x->shape,
                         filled(x->shape.n, -1), NULL, 0, NULL);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

typedef struct {
  const Value *x;
  ActKind act;
} Activated;

static bool fold_act(const void *data, int i, double *v, double *err)
{
  const Activated *a = data;
  const Fold x = element(a->x, i);
  double lo, hi;
  act_enclose(a->act, round_add_dn(x.v, -x.err), round_add_up(x.v, x.err), &lo, &hi);
  *v = act_value(a->act, x.v);
  *err = fmax(fmax(round_add_up(hi, -*v), round_add_up(*v, -lo)), 0);
  return isfinite(lo) && isfinite(hi);
}

Status lower_arith_activate(Lower *l, const OnnxNode *node, ActKind act, const Value *x,
                            Value *y)
{
  if (!is_float(x->type))
    return lower_ctx_refuse(l, node, "operator %s of integers is not supported",
                            node->op);
  if (x->kind == VALUE_CONST) {
    const Value operand = *x; /* y may be x */
    const Activated a = {&operand, act};
    return lower_ctx_fold(l, node, operand.type, &operand.shape, fold_act, &a, y);
  }
  if (lower_known_act(l, node, act, x, y)) return STATUS_OK;
  const int k = draft_act(&l->draft, node->name, x->node, &x->shape, act);
  *y = lower_ctx_var(x->type, &x->shape, k);
  return STATUS_OK;
}

Status lower_arith_act(Lower *l, const OnnxNode *node)
{
  Value y = {0};
  const Status rc =
      lower_arith_activate(l, node, act_find(node->op), lower_ctx_in(l, node, 0), &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* c as a constant tensor of rank 0. */
static Value number(Lower *l, OnnxType type, Fold c)
{
  const Shape scalar = {.rank = 0, .n = 1};
  double *v = lower_ctx_doubles(l, 1), *err = lower_ctx_doubles(l, 1);
  *v = c.v;
  *err = c.err;
  return lower_ctx_const(type, &scalar, v, c.err != 0 ? err : NULL);
}

Status lower_arith_times(Lower *l, const OnnxNode *node, const Value *x, Fold c,
                         Value *y)
{
  const Value f = number(l, x->type, c);
  return lower_arith_apply(l, node, '*', x, &f, y);
}

Status lower_arith_plus(Lower *l, const OnnxNode *node, const Value *x, Fold c,
                        Value *y)
{
  const Value f = number(l, x->type, c);
  return lower_arith_apply(l, node, '+', x, &f, y);
}

/* ---- Cast ---------------------------------------------------------------- */

typedef struct {
  const Value *x;
  OnnxType to;
} Casting;

/* Casting to float32 rounds, which the network over the reals does not: the
 * enclosure covers both readings. */
static bool fold_cast(const void *data, int i, double *v, double *err)
{
  const Casting *c = data;
  Fold x = element(c->x, i);
  if (is_integer(c->x->type) && !in_integer_range(c->x->type, x.v)) return false;
  switch (c->to) {
  case ONNX_BOOL:
    *v = x.v != 0;
    return x.err == 0;
  case ONNX_INT64:
  case ONNX_INT32:
    *v = trunc(x.v);
    return x.err == 0 && in_integer_range(c->to, *v);
  case ONNX_FLOAT:
    if (fabs(x.v) > (double)FLT_MAX) return false;
    *v = (double)(float)x.v;
    *err = round_add_up(x.err, fabs(fold_sub(x, fold_exact(*v)).v));
    if (*err > 0) *err = round_up(*err);
    return true;
  case ONNX_DOUBLE:
    *v = x.v;
    *err = x.err;
    return true;
  }
  return false;
}

Status lower_arith_cast(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const int64_t number = lower_ctx_int(node, "to", 0);
  OnnxType to;
  if (number < 0 || number > INT32_MAX || !onnx_tensor_type((int32_t)number, &to))
    return lower_ctx_refuse(l, node,
                            "attribute to=%lld of operator Cast is not supported",
                            (long long)number);
  Value y = *x;
  y.type = to;
  if (x->kind == VALUE_CONST) {
    const Casting casting = {x, to};
    Status rc = is_float(to) ? STATUS_OK : lower_ctx_check_drift(l, node, x);
    if (!rc) rc = lower_ctx_fold(l, node, to, &x->shape, fold_cast, &casting, &y);
    if (rc) return rc;
  } else if (!is_float(to)) {
    return lower_ctx_refuse(
        l, node,
        "operator Cast of a variable to integers or truth values is not "
        "supported");
  }
  if (x->kind == VALUE_VAR && to == ONNX_DOUBLE) l->widened = true;
  lower_ctx_out(l, node, 0, y);
  return STATUS_OK;
}

/* ---- Dropout ------------------------------------------------------------- */

Status lower_arith_dropout(Lower *l, const OnnxNode *node)
{
  const Value *ratio = lower_ctx_in(l, node, 1), *training = lower_ctx_in(l, node, 2);
  const bool off = !training || (training->kind == VALUE_CONST &&
                                 training->shape.n == 1 && training->v[0] == 0);
  const bool harmless = ratio && ratio->kind == VALUE_CONST && ratio->shape.n == 1 &&
                        ratio->v[0] == 0 && !l->drifted;
  if (!off && !harmless)
    return lower_ctx_refuse(l, node,
                            "operator Dropout in training mode is not supported");
  lower_ctx_out(l, node, 0, *lower_ctx_in(l, node, 0));
  return STATUS_OK;
}

/* ---- BatchNormalization -------------------------------------------------- */

/* The four vectors of length C; y = s x + t per channel with
 *     s = gain / sqrt (var + epsilon),   t = bias - mean s. */
typedef struct {
  const Value *gain, *bias, *mean, *var;
  double epsilon;
  bool want_t;
} BatchNorm;

static bool fold_batchnorm(const void *data, int i, double *v, double *err)
{
  const BatchNorm *b = data;
  const Fold root = fold_sqrt(fold_add(element(b->var, i), fold_exact(b->epsilon)));
  const Fold s = fold_div(element(b->gain, i), root);
  const Fold y =
      b->want_t ? fold_sub(element(b->bias, i), fold_mul(element(b->mean, i), s)) : s;
  *v = y.v;
  *err = y.err;
  return fold_ok(y);
}

static Status read_batchnorm(Lower *l, const OnnxNode *node, const Value *x,
                             BatchNorm *b)
{
  const Value *vector[4];
  for (int k = 0; k < 4; k++) {
    vector[k] = lower_ctx_in(l, node, k + 1);
    if (vector[k]->kind != VALUE_CONST)
      return lower_ctx_refuse(
          l, node, "operator BatchNormalization: input %d must be a constant", k + 2);
    if (x->shape.rank < 2 || vector[k]->shape.rank != 1 ||
        vector[k]->shape.n != x->shape.dims[1] || !is_float(vector[k]->type))
      return lower_ctx_bad(l, node,
                           "operator BatchNormalization: input %d must have one number "
                           "for each channel",
                           k + 2);
  }
  if (lower_ctx_int(node, "training_mode", 0) || !lower_ctx_int(node, "spatial", 1))
    return lower_ctx_refuse(l, node,
                            "operator BatchNormalization in training mode or not per "
                            "channel is not supported");
  *b = (BatchNorm){.gain = vector[0],
                   .bias = vector[1],
                   .mean = vector[2],
                   .var = vector[3],
                   .epsilon = lower_ctx_float(node, "epsilon", (double)1e-5f)};
  return STATUS_OK;
}

Status lower_arith_batchnorm(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  BatchNorm b;
  Status rc = read_batchnorm(l, node, x, &b);
  if (rc) return rc;
  /* [C, 1, ..., 1] broadcasts along axis 1 of x. */
  if (x->kind == VALUE_CONST)
    return lower_ctx_refuse(
        l, node, "operator BatchNormalization of a constant is not supported");
  Shape channel = {.rank = x->shape.rank - 1, .n = b.gain->shape.n};
  for (int d = 0; d < channel.rank; d++)
    channel.dims[d] = d ? 1 : channel.n;
  Value s, t, y;
  rc = lower_ctx_fold(l, node, x->type, &channel, fold_batchnorm, &b, &s);
  l->drifted = true; /* ONNX rounds several times */
  b.want_t = true;
  if (!rc) rc = lower_ctx_fold(l, node, x->type, &channel, fold_batchnorm, &b, &t);
  if (!rc) rc = lower_ctx_expand(l, node, &s, &x->shape, &s);
  if (!rc) rc = lower_ctx_expand(l, node, &t, &x->shape, &t);
  if (!rc) rc = scale_by(l, node, x, &s, &t, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
