/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_smooth.h"

#include <math.h>
#include <string.h>

#include "net/fold.h"
#include "net/lower_arith.h"

/* ONNX rounds each of the operations that these operators are made of. */
static void note_drift(Lower *l, const Value *x)
{
  if (x->kind == VALUE_CONST) l->drifted = true;
}

static Status done(Lower *l, const OnnxNode *node, Status rc, const Value *y)
{
  note_drift(l, y);
  if (!rc) lower_ctx_out(l, node, 0, *y);
  return rc;
}

/* ---- parts that do not overlap ------------------------------------------- */

Status lower_smooth_abs(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  Value r;
  Status rc = lower_arith_activate(l, node, ACT_RELU, x, &r);
  if (!rc) rc = lower_arith_times(l, node, &r, fold_exact(2), &r);
  return rc ? rc : lower_arith_apply(l, node, '-', &r, x, y);
}

/* gamma (relu (x) + alpha (elu (x) - relu (x))): the difference is exactly 0 for x >= 0
 * and e^x - 1 below, so nothing cancels; and each part reads x itself. */
Status lower_smooth_elu(Lower *l, const OnnxNode *node)
{
  const bool selu = !strcmp(node->op, "Selu");
  const double alpha =
      lower_ctx_float(node, "alpha", selu ? (double)1.67326319217681884765625f : 1);
  const double gamma =
      selu ? lower_ctx_float(node, "gamma", (double)1.05070102214813232421875f) : 1;
  const Value *x = lower_ctx_in(l, node, 0);
  Value elu, relu, y;
  Status rc = lower_arith_activate(l, node, ACT_ELU, x, &elu);
  y = elu;
  if (!rc && alpha != 1) {
    rc = lower_arith_activate(l, node, ACT_RELU, x, &relu);
    if (!rc) rc = lower_arith_apply(l, node, '-', &elu, &relu, &y);
    if (!rc) rc = lower_arith_times(l, node, &y, fold_exact(alpha), &y);
    if (!rc) rc = lower_arith_apply(l, node, '+', &relu, &y, &y);
  }
  if (!rc) rc = lower_arith_times(l, node, &y, fold_exact(gamma), &y);
  return done(l, node, rc, &y);
}

/* alpha elu (x / alpha) */
Status lower_smooth_celu(Lower *l, const OnnxNode *node)
{
  const double alpha = lower_ctx_float(node, "alpha", 1);
  if (!(alpha > 0))
    return lower_ctx_refuse(
        l, node, "attribute alpha=%g of operator Celu is not supported", alpha);
  Value y;
  Status rc = lower_arith_times(l, node, lower_ctx_in(l, node, 0),
                                fold_div(fold_exact(1), fold_exact(alpha)), &y);
  if (!rc) rc = lower_arith_activate(l, node, ACT_ELU, &y, &y);
  if (!rc) rc = lower_arith_times(l, node, &y, fold_exact(alpha), &y);
  return done(l, node, rc, &y);
}

/* x / (1 + |x|) = 1 / (1 + relu (-x)) - 1 / (1 + relu (x)): no product needed. */
Status lower_smooth_softsign(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Value part[2], y = *x;
  Status rc = STATUS_OK;
  for (int k = 0; k < 2 && !rc; k++) {
    rc = lower_arith_times(l, node, x, fold_exact(k ? 1 : -1), &part[k]);
    if (!rc) rc = lower_arith_activate(l, node, ACT_RELU, &part[k], &part[k]);
    if (!rc) rc = lower_arith_plus(l, node, &part[k], fold_exact(1), &part[k]);
    if (!rc) rc = lower_arith_activate(l, node, ACT_RECIPROCAL, &part[k], &part[k]);
  }
  if (!rc) rc = lower_arith_apply(l, node, '-', &part[0], &part[1], &y);
  return done(l, node, rc, &y);
}

/* ---- x times a gate ------------------------------------------------------ */

/* x / (1 + e^(-alpha x)), a SILU of alpha x (net/lower_known.h). */
Status lower_smooth_swish(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Value y;
  Status rc =
      lower_arith_times(l, node, x, fold_exact(lower_ctx_float(node, "alpha", 1)), &y);
  if (!rc) rc = lower_arith_activate(l, node, ACT_SIGMOID, &y, &y);
  if (!rc) rc = lower_arith_apply(l, node, '*', x, &y, &y);
  return done(l, node, rc, &y);
}

/* x tanh (softplus (x)) */
Status lower_smooth_mish(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Value y;
  Status rc = lower_arith_activate(l, node, ACT_SOFTPLUS, x, &y);
  if (!rc) rc = lower_arith_activate(l, node, ACT_TANH, &y, &y);
  if (!rc) rc = lower_arith_apply(l, node, '*', x, &y, &y);
  return done(l, node, rc, &y);
}

/* x (1 + tanh (k (x + c x^3))) / 2 = x sigmoid (2 k x (1 + c x^2)), k = sqrt (2 / pi).
 * A runtime has k and c = 0.044715 as float32 or as double: the error covers both. */
static Status tanh_gelu(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  const Fold c = {0.044715, 0.044715 * 0x1p-24};
  const Fold two_k = {0x1.9884533d43651p+0, 0x1p-23};
  Value z;
  Status rc = lower_arith_apply(l, node, '*', x, x, &z);
  if (!rc) rc = lower_arith_times(l, node, &z, c, &z);
  if (!rc) rc = lower_arith_plus(l, node, &z, fold_exact(1), &z);
  if (!rc) rc = lower_arith_apply(l, node, '*', x, &z, &z);
  if (!rc) rc = lower_arith_times(l, node, &z, two_k, &z);
  if (!rc) rc = lower_arith_activate(l, node, ACT_SIGMOID, &z, &z);
  return rc ? rc : lower_arith_apply(l, node, '*', x, &z, y);
}

Status lower_smooth_gelu(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const char *kind = lower_ctx_string(node, "approximate", "none");
  Value y = *x;
  if (!strcmp(kind, "none"))
    return done(l, node, lower_arith_activate(l, node, ACT_GELU, x, &y), &y);
  if (!strcmp(kind, "tanh")) return done(l, node, tanh_gelu(l, node, x, &y), &y);
  return lower_ctx_refuse(
      l, node, "attribute approximate=%.60s of operator Gelu is not supported", kind);
}

/* ---- Pow ----------------------------------------------------------------- */

#define MAX_POWER 64

/* x^n for n >= 1.  Squares are convex functions of one number, products of x with its
 * own powers are not: as many squares as possible. */
static Status whole_power(Lower *l, const OnnxNode *node, const Value *x, int n,
                          Value *y)
{
  *y = *x;
  if (n == 1) return STATUS_OK;
  Value part;
  Status rc = whole_power(l, node, x, n % 2 ? n - 1 : n / 2, &part);
  if (rc) return rc;
  return n % 2 ? lower_arith_apply(l, node, '*', x, &part, y)
               : lower_arith_activate(l, node, ACT_SQUARE, &part, y);
}

static Status all_ones(Lower *l, const Value *x, Value *y)
{
  const Shape shape = x->shape;
  double *one = lower_ctx_doubles(l, (size_t)shape.n);
  for (int i = 0; i < shape.n; i++)
    one[i] = 1;
  *y = lower_ctx_const(x->type, &shape, one, NULL);
  return STATUS_OK;
}

/* e^(p log x): NaN for x < 0, as ONNX has it for an exponent that is no integer. */
static Status real_power(Lower *l, const OnnxNode *node, const Value *x, double p,
                         Value *y)
{
  Status rc = lower_arith_activate(l, node, ACT_LOG, x, y);
  if (!rc) rc = lower_arith_times(l, node, y, fold_exact(p), y);
  return rc ? rc : lower_arith_activate(l, node, ACT_EXP, y, y);
}

static Status power(Lower *l, const OnnxNode *node, const Value *x, double p, Value *y)
{
  Status rc = STATUS_OK;
  if (p == 0) return all_ones(l, x, y);
  if (p == floor(p) && fabs(p) > MAX_POWER)
    return lower_ctx_refuse(l, node,
                            "operator Pow: the exponent %g is too large (at most %d)",
                            p, MAX_POWER);
  if (p == floor(p))
    rc = whole_power(l, node, x, (int)fabs(p), y);
  else if (fabs(p) == 0.5)
    rc = lower_arith_activate(l, node, ACT_SQRT, x, y);
  else
    return real_power(l, node, x, p, y);
  return rc || p > 0 ? rc : lower_arith_activate(l, node, ACT_RECIPROCAL, y, y);
}

/* The exponent, if it is the same number everywhere. */
static Status read_exponent(Lower *l, const OnnxNode *node, const Value *e, double *p)
{
  if (e->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator Pow: its exponent must be a constant");
  for (int i = 0; i < e->shape.n; i++)
    if (e->v[i] != e->v[0] || (e->err && e->err[i] != 0))
      return lower_ctx_refuse(
          l, node,
          "operator Pow: its exponent must be one number that is not computed");
  if (!e->shape.n) return lower_ctx_bad(l, node, "operator Pow: its exponent is empty");
  *p = e->v[0];
  return STATUS_OK;
}

Status lower_smooth_pow(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *e = lower_ctx_in(l, node, 1);
  Shape shape;
  double p = 0;
  Value y = {0}, base;
  Status rc = read_exponent(l, node, e, &p);
  if (rc) return rc;
  if (x->type != ONNX_FLOAT && x->type != ONNX_DOUBLE)
    return lower_ctx_refuse(l, node, "operator Pow of integers is not supported");
  if (!shape_broadcast(&x->shape, &e->shape, &shape))
    return lower_ctx_bad(l, node, "operator Pow: the shapes do not match");
  rc = lower_ctx_expand(l, node, x, &shape, &base);
  if (!rc) rc = power(l, node, &base, p, &y);
  return done(l, node, rc, &y);
}
