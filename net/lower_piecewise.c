/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_piecewise.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/fold.h"
#include "net/lower_arith.h"

static Fold element(const Value *x, int i)
{
  return (Fold){x->v[i], x->err ? x->err[i] : 0};
}

static Value relu(Lower *l, const OnnxNode *node, const Value *x)
{
  Value y = *x;
  y.node = draft_act(&l->draft, node->name, x->node, &x->shape, ACT_RELU);
  return y;
}

static Value number(Lower *l, OnnxType type, double c)
{
  double *v = lower_ctx_doubles(l, 1);
  v[0] = c;
  return lower_ctx_const(type, &(Shape){.rank = 0, .n = 1}, v, NULL);
}

/* ---- two slopes ---------------------------------------------------------- */

static bool all_are(const Fold *s, int n, double c)
{
  for (int i = 0; i < n; i++)
    if (s[i].v != c || s[i].err != 0) return false;
  return true;
}

/* y[i] = s[i] x[i].  Not through lower_ctx_fold: numbers that the model does not have
 * cannot drift from what ONNX computes. */
static Status scaled(Lower *l, const OnnxNode *node, const Value *x, const Fold *s,
                     Value *y)
{
  const int n = x->shape.n;
  *y = *x;
  if (all_are(s, n, 1)) return STATUS_OK;
  double *scale = mem_doubles((size_t)n), *err = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++) {
    scale[i] = s[i].v;
    err[i] = s[i].err;
  }
  const double w_rel = fold_rel(scale, err, (size_t)n);
  mem_free(err);
  if (!(w_rel < 0x1p-20)) {
    mem_free(scale);
    return lower_ctx_refuse(
        l, node, "operator %s: its constant cannot be computed accurately", node->op);
  }
  y->node =
      draft_scale(&l->draft, node->name, x->node, &x->shape, scale, NULL, w_rel, NULL);
  return STATUS_OK;
}

/* y = s x where x < 0, and x elsewhere: formula (1) for a variable x. */
static Status two_slopes(Lower *l, const OnnxNode *node, const Value *x, const Fold *s,
                         Value *y)
{
  const int n = x->shape.n;
  *y = *x;
  if (all_are(s, n, 1)) return STATUS_OK;
  const Value right = relu(l, node, x);
  if (all_are(s, n, 0)) {
    *y = right;
    return STATUS_OK;
  }
  Fold *rest = mem_array((size_t)n, sizeof *rest);
  for (int i = 0; i < n; i++)
    rest[i] = fold_sub(fold_exact(1), s[i]);
  Value left, bend;
  Status rc = scaled(l, node, x, s, &left);
  if (!rc) rc = scaled(l, node, &right, rest, &bend);
  if (!rc) rc = lower_arith_apply(l, node, '+', &left, &bend, y);
  mem_free(rest);
  return rc;
}

typedef struct {
  const Value *x;
  const Fold *s;
} Slopes;

static bool fold_slopes(const void *data, int i, double *v, double *err)
{
  const Slopes *f = data;
  const Fold x = element(f->x, i);
  const Fold y = x.v < 0 ? fold_mul(f->s[i], x) : x;
  *v = y.v;
  *err = y.err;
  if (fabs(x.v) < x.err) { /* the kink may lie between: no slope is steeper than */
    const double steep = fmax(1, round_add_up(fabs(f->s[i].v), f->s[i].err));
    *err = round_add_up(*err, round_mul_up(steep, x.err));
  }
  return fold_ok(y);
}

static Status slopes_of_any(Lower *l, const OnnxNode *node, const Value *x,
                            const Fold *s, Value *y)
{
  const Slopes slopes = {x, s};
  if (x->type != ONNX_FLOAT && x->type != ONNX_DOUBLE)
    return lower_ctx_refuse(l, node, "operator %s of integers is not supported",
                            node->op);
  return x->kind == VALUE_CONST
             ? lower_ctx_fold(l, node, x->type, &x->shape, fold_slopes, &slopes, y)
             : two_slopes(l, node, x, s, y);
}

static Status one_slope(Lower *l, const OnnxNode *node, const Value *x, double slope,
                        Value *y)
{
  Fold *s = mem_array((size_t)x->shape.n + 1, sizeof *s);
  for (int i = 0; i < x->shape.n; i++)
    s[i] = fold_exact(slope);
  const Status rc = slopes_of_any(l, node, x, s, y);
  mem_free(s);
  return rc;
}

Status lower_piecewise_leaky(Lower *l, const OnnxNode *node)
{
  Value y;
  const Status rc = one_slope(l, node, lower_ctx_in(l, node, 0),
                              lower_ctx_float(node, "alpha", (double)0.01f), &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

Status lower_piecewise_prelu(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *slope = lower_ctx_in(l, node, 1);
  Shape shape;
  if (slope->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator PRelu: its slope must be a constant");
  if (slope->type != x->type || !shape_broadcast(&x->shape, &slope->shape, &shape) ||
      !shape_equal(&x->shape, &shape))
    return lower_ctx_bad(l, node, "operator PRelu: its slope does not match its input");
  Value wide, y;
  Status rc = lower_ctx_expand(l, node, slope, &shape, &wide);
  if (rc) return rc;
  Fold *s = mem_array((size_t)shape.n + 1, sizeof *s);
  for (int i = 0; i < shape.n; i++)
    s[i] = element(&wide, i);
  rc = slopes_of_any(l, node, x, s, &y);
  mem_free(s);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

static bool fold_absolute(const void *data, int i, double *v, double *err)
{
  const Value *x = data;
  *v = fabs(x->v[i]);
  *err = x->err ? x->err[i] : 0;
  return x->type != ONNX_INT32 || *v <= INT32_MAX;
}

Status lower_piecewise_absolute(Lower *l, const OnnxNode *node, const Value *x,
                                Value *y)
{
  if (x->kind == VALUE_CONST)
    return lower_ctx_fold(l, node, x->type, &x->shape, fold_absolute, x, y);
  return one_slope(l, node, x, -1, y);
}

Status lower_piecewise_abs(Lower *l, const OnnxNode *node)
{
  Value y;
  const Status rc = lower_piecewise_absolute(l, node, lower_ctx_in(l, node, 0), &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* The operator jumps at alpha: no ReLU does that.  With alpha = 0 it is one. */
Status lower_piecewise_thresholded(Lower *l, const OnnxNode *node)
{
  const double alpha = lower_ctx_float(node, "alpha", 1);
  Value y;
  if (alpha != 0)
    return lower_ctx_refuse(
        l, node, "attribute alpha=%g of operator ThresholdedRelu is not supported",
        alpha);
  const Status rc = one_slope(l, node, lower_ctx_in(l, node, 0), 0, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- max and min --------------------------------------------------------- */

typedef struct {
  const Value *a, *b;
  bool max;
} Extreme;

static bool fold_extreme(const void *data, int i, double *v, double *err)
{
  const Extreme *e = data;
  const Fold a = element(e->a, i), b = element(e->b, i);
  *v = e->max ? fmax(a.v, b.v) : fmin(a.v, b.v);
  *err = fmax(a.err, b.err); /* |max (a, b) - max (a', b')| <= max (|a - a'|, ...) */
  return true;
}

static Status extreme_of_constants(Lower *l, const OnnxNode *node, bool max,
                                   const Value *a, const Value *b, Value *y)
{
  Shape shape;
  shape_broadcast(&a->shape, &b->shape, &shape); /* checked */
  Value x, z;
  Status rc = lower_ctx_expand(l, node, a, &shape, &x);
  if (!rc) rc = lower_ctx_expand(l, node, b, &shape, &z);
  const Extreme e = {&x, &z, max};
  if (!rc) rc = lower_ctx_fold(l, node, a->type, &shape, fold_extreme, &e, y);
  return rc;
}

static bool is_huge(const Value *c)
{
  for (int i = 0; c->kind == VALUE_CONST && i < c->shape.n; i++)
    if (fabs(c->v[i]) > 0x1p30) return true;
  return false;
}

Status lower_piecewise_extreme(Lower *l, const OnnxNode *node, bool max, const Value *a,
                               const Value *b, Value *y)
{
  Shape shape;
  if (a->type != b->type || a->type == ONNX_BOOL)
    return lower_ctx_bad(l, node, "operator %s: its operands have the wrong types",
                         node->op);
  if (!shape_broadcast(&a->shape, &b->shape, &shape))
    return lower_ctx_bad(
        l, node, "operator %s: the shapes of its operands do not match", node->op);
  const bool a_const = a->kind == VALUE_CONST, b_const = b->kind == VALUE_CONST;
  if (a_const && b_const) return extreme_of_constants(l, node, max, a, b, y);
  if (a->node == b->node && !a_const && !b_const && shape_equal(&a->shape, &b->shape)) {
    *y = *a;
    return STATUS_OK;
  }
  if ((b_const && !is_huge(b)) || (a_const && is_huge(a))) {
    const Value *other = a;
    a = b;
    b = other;
  }
  Value d;
  const Status rc = lower_arith_apply(l, node, '-', max ? b : a, max ? a : b, &d);
  if (rc) return rc;
  d = relu(l, node, &d);
  return lower_arith_apply(l, node, max ? '+' : '-', a, &d, y);
}

Status lower_piecewise_max(Lower *l, const OnnxNode *node, const Value *a,
                           const Value *b, Value *y)
{
  if (a->kind == VALUE_CONST || b->kind == VALUE_CONST || a->node == b->node)
    return lower_piecewise_extreme(l, node, true, a, b, y);
  const int k = draft_max(&l->draft, node->name, &a->shape, a->node, b->node);
  *y = lower_ctx_var(a->type, &a->shape, k);
  return STATUS_OK;
}

/* Constants first, into one; then a balanced tree over the variables. */
Status lower_piecewise_max_min(Lower *l, const OnnxNode *node)
{
  const bool max = !strcmp(node->op, "Max");
  if (node->n_in < 1)
    return lower_ctx_bad(l, node, "operator %s has no operand", node->op);
  Value *part = mem_array((size_t)node->n_in + 1, sizeof *part), constant = {0};
  Status rc = STATUS_OK;
  int n = 0;
  for (int k = 0; k < node->n_in && !rc; k++) {
    const Value *x = lower_ctx_in(l, node, k);
    if (x->kind != VALUE_CONST)
      part[n++] = *x;
    else if (constant.kind == VALUE_NONE)
      constant = *x;
    else
      rc = lower_piecewise_extreme(l, node, max, &constant, x, &constant);
  }
  while (n > 1 && !rc) {
    const int half = n / 2;
    for (int k = 0; k < half && !rc; k++)
      rc = lower_piecewise_extreme(l, node, max, &part[2 * k], &part[2 * k + 1],
                                   &part[k]);
    if (n % 2) part[half] = part[n - 1];
    n = half + n % 2;
  }
  Value y = n ? part[0] : constant;
  if (!rc && n && constant.kind != VALUE_NONE)
    rc = lower_piecewise_extreme(l, node, max, &constant, &part[0], &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(part);
  return rc;
}

/* ---- Clip ---------------------------------------------------------------- */

/* A bound of Clip: an attribute up to version 6 of the operator, where it is the
 * largest float32 unless given, an operand since 11. */
static Status clip_bound(Lower *l, const OnnxNode *node, const char *attr, int k,
                         Value *bound, bool *given)
{
  const OnnxAttr *a = onnx_attr(node, attr);
  const Value *x = lower_ctx_in(l, node, 0), *operand = lower_ctx_in(l, node, k);
  if (a && operand)
    return lower_ctx_bad(l, node, "operator Clip: %s is given twice", attr);
  if (operand && (operand->type != x->type || operand->shape.n != 1))
    return lower_ctx_bad(l, node, "operator Clip: %s must be one number", attr);
  if (l->graph->opset < 11)
    *bound = number(l, x->type, k == 1 ? -(double)FLT_MAX : (double)FLT_MAX);
  if (a) *bound = number(l, x->type, a->f);
  if (operand) *bound = lower_ctx_reshaped(operand, &(Shape){.rank = 0, .n = 1});
  *given = bound->kind != VALUE_NONE;
  return STATUS_OK;
}

/* For numbers low <= high the order does not matter over the reals.  Interval bounds
 * are exact in both, the triangles give the upper side of the hull in this one (and its
 * lower side in the other). */
static Status clip_between(Lower *l, const OnnxNode *node, const Value *x,
                           const Value *low, const Value *high, Value *y)
{
  Value below;
  const Status rc = lower_piecewise_extreme(l, node, false, high, x, &below);
  return rc ? rc : lower_piecewise_extreme(l, node, true, low, &below, y);
}

static Status clip(Lower *l, const OnnxNode *node, const Value *x, const Value *low,
                   const Value *high, Value *y)
{
  *y = *x;
  if (!low && !high) return STATUS_OK;
  if (!low) return lower_piecewise_extreme(l, node, false, high, x, y);
  if (!high) return lower_piecewise_extreme(l, node, true, low, x, y);
  if (low->kind == VALUE_CONST && high->kind == VALUE_CONST && !low->err &&
      !high->err && low->v[0] <= high->v[0])
    return clip_between(l, node, x, low, high, y);
  /* ONNX: min (max (x, low), high), also where low > high. */
  Value above;
  const Status rc = lower_piecewise_extreme(l, node, true, low, x, &above);
  return rc ? rc : lower_piecewise_extreme(l, node, false, high, &above, y);
}

Status lower_piecewise_clip(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Value low = {0}, high = {0}, y;
  bool has_low = false, has_high = false;
  Status rc = clip_bound(l, node, "min", 1, &low, &has_low);
  if (!rc) rc = clip_bound(l, node, "max", 2, &high, &has_high);
  if (!rc) rc = clip(l, node, x, has_low ? &low : NULL, has_high ? &high : NULL, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* max (0, min (1, alpha x + beta)) */
Status lower_piecewise_hard_sigmoid(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  if (x->type != ONNX_FLOAT && x->type != ONNX_DOUBLE)
    return lower_ctx_bad(l, node, "operator HardSigmoid of integers");
  const Value alpha = number(l, x->type, lower_ctx_float(node, "alpha", (double)0.2f));
  const Value beta = number(l, x->type, lower_ctx_float(node, "beta", 0.5));
  const Value zero = number(l, x->type, 0), one = number(l, x->type, 1);
  Value y;
  Status rc = lower_arith_apply(l, node, '*', x, &alpha, &y);
  if (!rc) rc = lower_arith_apply(l, node, '+', &y, &beta, &y);
  if (!rc) rc = clip_between(l, node, &y, &zero, &one, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
