/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_resize.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/fold.h"
#include "net/lower_arith.h"

typedef enum {
  HALF_PIXEL,
  PYTORCH_HALF_PIXEL,
  HALF_PIXEL_SYMMETRIC,
  ALIGN_CORNERS,
  ASYMMETRIC,
  TF_HALF_PIXEL_FOR_NN,
  N_COORDINATES
} Coordinates;

typedef enum {
  ROUND_PREFER_FLOOR,
  ROUND_PREFER_CEIL,
  FLOOR,
  CEIL,
  OLD, /* before version 11: floor, and nobody says what when shrinking */
  N_ROUNDINGS
} Rounding;

typedef struct {
  bool linear;
  Coordinates coordinates;
  Rounding rounding;
} Mode;

/* The scale as the model has it: a number, or out / in when sizes are given. */
typedef struct {
  int in, out;
  bool sized;
  double scale;
} Axis;

/* ---- coordinates, over the reals and in float32 -------------------------- */

static Fold exact_scale(const Axis *a)
{
  return a->sized ? fold_div(fold_exact(a->out), fold_exact(a->in))
                  : fold_exact(a->scale);
}

static Fold half(Fold c, double sign)
{
  return fold_add(c, fold_exact(sign * 0.5));
}

/* The real coordinate. */
static Fold coordinate(const Axis *a, Coordinates mode, int o)
{
  const Fold scale = exact_scale(a), x = fold_exact(o);
  /* (o + 1/2) in / out is exact more often than a division by out / in. */
  const Fold centre =
      a->sized ? fold_div(fold_mul(half(x, 1), fold_exact(a->in)), fold_exact(a->out))
               : fold_div(half(x, 1), scale);
  switch (mode) {
  case PYTORCH_HALF_PIXEL:
    return a->out > 1 ? half(centre, -1) : fold_exact(0);
  case HALF_PIXEL_SYMMETRIC: {
    const Fold length = fold_mul(scale, fold_exact(a->in));
    const Fold adjust = fold_div(fold_exact(a->out), length);
    const Fold middle = fold_div(fold_exact(a->in), fold_exact(2));
    const Fold offset = fold_mul(middle, fold_sub(fold_exact(1), adjust));
    return fold_add(offset, half(centre, -1));
  }
  case ALIGN_CORNERS:
    return a->out > 1
               ? fold_div(fold_exact((double)o * (a->in - 1)), fold_exact(a->out - 1))
               : fold_exact(0);
  case ASYMMETRIC:
    return a->sized ? fold_div(fold_exact((double)o * a->in), fold_exact(a->out))
                    : fold_div(x, scale);
  case TF_HALF_PIXEL_FOR_NN:
    return centre;
  case HALF_PIXEL:
  case N_COORDINATES:
    break;
  }
  return half(centre, -1);
}

/* The same as runtimes compute it. */
static float coordinate32(const Axis *a, Coordinates mode, int o)
{
  const float in = (float)a->in, out = (float)a->out, x = (float)o;
  const float scale = a->sized ? out / in : (float)a->scale;
  const float centre = (x + 0.5f) / scale;
  switch (mode) {
  case PYTORCH_HALF_PIXEL:
    return a->out > 1 ? centre - 0.5f : 0;
  case HALF_PIXEL_SYMMETRIC:
    return in / 2 * (1 - out / (scale * in)) + (centre - 0.5f);
  case ALIGN_CORNERS:
    return a->out > 1 ? x * (in - 1) / (out - 1) : 0;
  case ASYMMETRIC:
    return x / scale;
  case TF_HALF_PIXEL_FOR_NN:
    return centre;
  case HALF_PIXEL:
  case N_COORDINATES:
    break;
  }
  return centre - 0.5f;
}

static double rounded(Rounding mode, double c)
{
  switch (mode) {
  case ROUND_PREFER_FLOOR:
    return ceil(c - 0.5);
  case ROUND_PREFER_CEIL:
    return floor(c + 0.5);
  case CEIL:
    return ceil(c);
  case FLOOR:
  case OLD:
  case N_ROUNDINGS:
    break;
  }
  return floor(c);
}

static int clamp(double i, int n)
{
  return i < 0 ? 0 : i > n - 1 ? n - 1 : (int)i;
}

/* ---- nearest ------------------------------------------------------------- */

/* at[o] = the element that o reads.  False when that is in doubt. */
static bool nearest_elements(const Axis *a, const Mode *m, int *at)
{
  for (int o = 0; o < a->out; o++) {
    const Fold c = coordinate(a, m->coordinates, o);
    const double low = round_add_dn(c.v, -c.err), high = round_add_up(c.v, c.err);
    const double quick = (double)coordinate32(a, m->coordinates, o);
    at[o] = clamp(rounded(m->rounding, c.v), a->in);
    if (!fold_ok(c) || at[o] != clamp(rounded(m->rounding, low), a->in) ||
        at[o] != clamp(rounded(m->rounding, high), a->in) ||
        at[o] != clamp(rounded(m->rounding, quick), a->in))
      return false;
    /* Some round up when an old operator shrinks an axis. */
    if (m->rounding == OLD && a->out < a->in && at[o] != clamp(ceil(high), a->in))
      return false;
  }
  return true;
}

/* y[..., o, ...] = x[..., at[o], ...] along one axis. */
static Status pick(Lower *l, const OnnxNode *node, const Value *x, int axis,
                   const int *at, int out, Value *y)
{
  int64_t dims[NODE_MAX_RANK];
  int inner = 1;
  Shape shape;
  for (int d = 0; d < x->shape.rank; d++) {
    dims[d] = d == axis ? out : x->shape.dims[d];
    if (d > axis) inner *= x->shape.dims[d];
  }
  if (!shape_make(x->shape.rank, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator %s: its result is too large", node->op);
  int *map = mem_array((size_t)shape.n + 1, sizeof *map);
  for (int i = 0; i < shape.n; i++)
    map[i] = (i / inner / out * x->shape.dims[axis] + at[i / inner % out]) * inner +
             i % inner;
  const Status rc = lower_ctx_gather(l, node, &x, 1, map, &shape, y);
  mem_free(map);
  return rc;
}

static Status nearest(Lower *l, const OnnxNode *node, const Value *x, int axis,
                      const Axis *a, const Mode *m, Value *y)
{
  int *at = mem_array((size_t)a->out, sizeof *at);
  const Status rc =
      nearest_elements(a, m, at)
          ? pick(l, node, x, axis, at, a->out, y)
          : lower_ctx_refuse(
                l, node,
                "operator %s along axis %d: rounding decides which element "
                "is the nearest, and runtimes disagree",
                node->op, axis);
  mem_free(at);
  return rc;
}

/* ---- linear -------------------------------------------------------------- */

/* at[o] and at[out + o] are the two elements that o reads, f[o] the weight of the
 * second.  Where both are the same the weight does not matter and is 0. */
static bool linear_elements(const Axis *a, Coordinates mode, int *at, Fold *f)
{
  for (int o = 0; o < a->out; o++) {
    const Fold c = coordinate(a, mode, o);
    if (!fold_ok(c)) return false;
    const double i = floor(c.v);
    at[o] = clamp(i, a->in);
    at[a->out + o] = clamp(i + 1, a->in);
    f[o] = at[o] == at[a->out + o] ? fold_exact(0) : fold_sub(c, fold_exact(i));
    /* Within rounding of an element it is that element: a relative error of f, which
     * is continuous in c, could not say it. */
    if (f[o].v <= 4 * f[o].err) {
      if (f[o].err > 0) return false;
      f[o] = fold_exact(0);
    }
  }
  return true;
}

/* The o-th number is f[o], or 1 - f[o], along one axis of `shape`. */
static Value weights(Lower *l, const Shape *shape, int axis, const Fold *f, bool rest,
                     OnnxType type)
{
  Shape column = {.rank = shape->rank - axis, .n = shape->dims[axis]};
  for (int d = 0; d < column.rank; d++)
    column.dims[d] = d ? 1 : column.n;
  double *v = lower_ctx_doubles(l, (size_t)column.n);
  double *err = lower_ctx_doubles(l, (size_t)column.n);
  for (int o = 0; o < column.n; o++) {
    const Fold w = rest ? fold_sub(fold_exact(1), f[o]) : f[o];
    v[o] = w.v;
    err[o] = w.err;
  }
  return lower_ctx_const(type, &column, v, err);
}

static Status linear(Lower *l, const OnnxNode *node, const Value *x, int axis,
                     const Axis *a, const Mode *m, Value *y)
{
  int *at = mem_array(2 * (size_t)a->out, sizeof *at);
  Fold *f = mem_array((size_t)a->out, sizeof *f);
  Value left, right;
  Status rc = STATUS_OK;
  if (!linear_elements(a, m->coordinates, at, f))
    rc = lower_ctx_refuse(l, node,
                          "operator %s: its coefficients cannot be computed accurately",
                          node->op);
  if (!rc) rc = pick(l, node, x, axis, at, a->out, &left);
  if (!rc) rc = pick(l, node, x, axis, at + a->out, a->out, &right);
  if (!rc) {
    const Value lower = weights(l, &left.shape, axis, f, true, x->type);
    const Value upper = weights(l, &left.shape, axis, f, false, x->type);
    rc = lower_arith_apply(l, node, '*', &left, &lower, &left);
    if (!rc) rc = lower_arith_apply(l, node, '*', &right, &upper, &right);
    if (!rc) rc = lower_arith_apply(l, node, '+', &left, &right, y);
  }
  mem_free(at);
  mem_free(f);
  return rc;
}

/* ---- attributes and sizes ------------------------------------------------ */

static bool find(const char *name, const char *const *names, int n, int *k)
{
  for (*k = 0; *k < n; ++*k)
    if (!strcmp(name, names[*k])) return true;
  return false;
}

static Status refuse_mode(Lower *l, const OnnxNode *node, const char *attr,
                          const char *mode)
{
  return lower_ctx_refuse(l, node, "attribute %s=%.40s of operator %s is not supported",
                          attr, mode, node->op);
}

static Status read_mode(Lower *l, const OnnxNode *node, bool old, Mode *m)
{
  static const char *const coordinates[N_COORDINATES] = {
      "half_pixel",    "pytorch_half_pixel", "half_pixel_symmetric",
      "align_corners", "asymmetric",         "tf_half_pixel_for_nn"};
  static const char *const roundings[OLD] = {"round_prefer_floor", "round_prefer_ceil",
                                             "floor", "ceil"};
  const char *mode = lower_ctx_string(node, "mode", "nearest");
  const char *coordinate_mode = lower_ctx_string(node, "coordinate_transformation_mode",
                                                 old ? "asymmetric" : "half_pixel");
  const char *nearest_mode =
      lower_ctx_string(node, "nearest_mode", "round_prefer_floor");
  const char *policy = lower_ctx_string(node, "keep_aspect_ratio_policy", "stretch");
  int k = 0, r = 0;
  m->linear = !strcmp(mode, "linear") || !strcmp(mode, "bilinear");
  if (!m->linear && strcmp(mode, "nearest") != 0)
    return refuse_mode(l, node, "mode", mode);
  if (!find(coordinate_mode, coordinates, N_COORDINATES, &k))
    return refuse_mode(l, node, "coordinate_transformation_mode", coordinate_mode);
  if (!find(nearest_mode, roundings, OLD, &r))
    return refuse_mode(l, node, "nearest_mode", nearest_mode);
  if (strcmp(policy, "stretch") != 0)
    return refuse_mode(l, node, "keep_aspect_ratio_policy", policy);
  if (lower_ctx_int(node, "antialias", 0))
    return refuse_mode(l, node, "antialias", "1");
  if (lower_ctx_int(node, "exclude_outside", 0))
    return refuse_mode(l, node, "exclude_outside", "1");
  m->coordinates = (Coordinates)k;
  if (m->linear && m->coordinates == TF_HALF_PIXEL_FOR_NN)
    return lower_ctx_refuse(l, node,
                            "attribute coordinate_transformation_mode=%s of operator "
                            "Resize is for mode=nearest only",
                            coordinate_mode);
  m->rounding = old ? OLD : (Rounding)r;
  return STATUS_OK;
}

/* A list of positive numbers, one for each of the n axes. */
static Status check_list(Lower *l, const OnnxNode *node, const Value *list, int n)
{
  if (list->kind != VALUE_CONST)
    return lower_ctx_refuse(
        l, node, "operator %s: its scales and sizes must be constants", node->op);
  if (list->shape.rank != 1 || list->shape.n != n || list->err)
    return lower_ctx_bad(
        l, node, "operator %s: it needs one scale or size for each axis", node->op);
  for (int i = 0; i < n; i++)
    if (!(list->v[i] > 0 && list->v[i] <= SHAPE_MAX_VARIABLE))
      return lower_ctx_bad(l, node, "operator %s: a scale or size of %g", node->op,
                           list->v[i]);
  return STATUS_OK;
}

/* floor (in scale), where float32 and the reals agree. */
static Status scaled_size(Lower *l, const OnnxNode *node, Axis *a)
{
  const double size = (double)a->in * a->scale; /* 28 and 24 bits: exact */
  const float size32 = (float)a->in * (float)a->scale;
  if (!(size < SHAPE_MAX_VARIABLE) || floor(size) < 1)
    return lower_ctx_bad(l, node, "operator %s: an axis of %g elements", node->op,
                         size);
  if (floor(size) != (double)floorf(size32))
    return lower_ctx_refuse(l, node,
                            "operator %s: rounding decides how many elements %d times "
                            "%g are",
                            node->op, a->in, a->scale);
  a->out = (int)floor(size);
  return STATUS_OK;
}

/* The axis i of the lists is axis on[i] of x. */
static Status read_axes(Lower *l, const OnnxNode *node, const Value *x, int n_on,
                        const int *on, const Value *scales, const Value *sizes,
                        Axis axes[NODE_MAX_RANK])
{
  const Value *list = sizes ? sizes : scales;
  Status rc = check_list(l, node, list, n_on);
  for (int d = 0; d < x->shape.rank; d++)
    axes[d] = (Axis){.in = x->shape.dims[d], .out = x->shape.dims[d], .scale = 1};
  for (int i = 0; i < n_on && !rc; i++) {
    Axis *a = &axes[on[i]];
    a->sized = sizes != NULL;
    if (a->sized)
      a->out = (int)list->v[i];
    else
      a->scale = list->v[i];
    if (!a->sized) rc = scaled_size(l, node, a);
    if (a->sized && list->v[i] != floor(list->v[i]))
      rc = lower_ctx_bad(l, node, "operator %s: a size of %g", node->op, list->v[i]);
  }
  return rc;
}

static Status resize(Lower *l, const OnnxNode *node, const Mode *m, const Axis *axes)
{
  Value x = *lower_ctx_in(l, node, 0);
  for (int d = 0; d < x.shape.rank; d++) {
    /* Unchanged axes are read at their own positions in every mode but one. */
    if (axes[d].in == axes[d].out && (axes[d].sized || axes[d].scale == 1) &&
        m->coordinates != TF_HALF_PIXEL_FOR_NN)
      continue;
    Value y;
    const Status rc = m->linear ? linear(l, node, &x, d, &axes[d], m, &y)
                                : nearest(l, node, &x, d, &axes[d], m, &y);
    if (rc) return rc;
    x = y;
  }
  lower_ctx_out(l, node, 0, x);
  return STATUS_OK;
}

static Status check_input(Lower *l, const OnnxNode *node, const Value *x)
{
  if (x->type != ONNX_FLOAT && x->type != ONNX_DOUBLE)
    return lower_ctx_refuse(l, node, "operator %s of integers is not supported",
                            node->op);
  if (!x->shape.n || !x->shape.rank)
    return lower_ctx_bad(l, node, "operator %s of an empty tensor or a number",
                         node->op);
  return STATUS_OK;
}

/* Version 10 has the operands x and scales; later ones x, roi, scales, sizes. */
Status lower_resize(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const bool old = l->graph->opset < 11;
  const Value *scales = lower_ctx_in(l, node, old ? 1 : 2);
  const Value *sizes = old ? NULL : lower_ctx_in(l, node, 3);
  /* An empty list stands for a missing one. */
  if (scales && scales->kind == VALUE_CONST && !scales->shape.n) scales = NULL;
  if (sizes && sizes->kind == VALUE_CONST && !sizes->shape.n) sizes = NULL;
  if (!scales == !sizes)
    return lower_ctx_bad(l, node, "operator Resize needs either scales or sizes");
  if ((scales && scales->type != ONNX_FLOAT) || (sizes && sizes->type != ONNX_INT64))
    return lower_ctx_bad(l, node,
                         "operator Resize: its scales or sizes have the wrong "
                         "type");
  Mode m;
  Ints list;
  Axis axes[NODE_MAX_RANK];
  int on[NODE_MAX_RANK], n = x->shape.rank;
  bool seen[NODE_MAX_RANK];
  Status rc = check_input(l, node, x);
  if (!rc) rc = read_mode(l, node, old, &m);
  if (!rc) rc = lower_ctx_ints(l, node, "axes", -1, &list);
  if (!rc) rc = lower_ctx_axes(l, node, &list, n, seen);
  if (rc) return rc;
  for (int d = 0; d < n; d++)
    on[d] = d;
  if (list.given) n = list.n;
  for (int i = 0; list.given && i < n; i++)
    shape_axis(list.v[i], x->shape.rank, &on[i]);
  rc = read_axes(l, node, x, n, on, scales, sizes, axes);
  return rc ? rc : resize(l, node, &m, axes);
}

/* Versions 7 (an attribute) and 9 (an operand); asymmetric. */
Status lower_resize_upsample(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *operand = lower_ctx_in(l, node, 1);
  const OnnxAttr *a = onnx_attr(node, "scales");
  Value scales = operand ? *operand : (Value){0};
  if (!a == !operand || (operand && operand->type != ONNX_FLOAT))
    return lower_ctx_bad(l, node, "operator Upsample needs one list of scales");
  if (a) {
    const Shape shape = shape_vector(a->n);
    scales = lower_ctx_const(ONNX_FLOAT, &shape, a->floats, NULL);
  }
  Mode m;
  Axis axes[NODE_MAX_RANK];
  int on[NODE_MAX_RANK];
  for (int d = 0; d < x->shape.rank; d++)
    on[d] = d;
  Status rc = check_input(l, node, x);
  if (!rc) rc = read_mode(l, node, true, &m);
  if (!rc) rc = read_axes(l, node, x, x->shape.rank, on, &scales, NULL, axes);
  return rc ? rc : resize(l, node, &m, axes);
}
