/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_move.h"

#include <inttypes.h>
#include <string.h>

#include "net/base/mem.h"

Status lower_move_identity(Lower *l, const OnnxNode *node)
{
  lower_ctx_out(l, node, 0, *lower_ctx_in(l, node, 0));
  return STATUS_OK;
}

/* ---- constants and shapes ------------------------------------------------ */

static Value tensor_value(const OnnxTensor *t, const Shape *shape)
{
  return lower_ctx_const(t->type, shape, t->v, NULL);
}

/* Constant has one of several attributes. */
static Status constant_attribute(Lower *l, const OnnxNode *node, const OnnxAttr *a)
{
  Shape shape = {.rank = 0, .n = 1};
  OnnxType type = ONNX_FLOAT;
  if (a->kind == ONNX_ATTR_TENSOR) {
    if (!shape_make(a->tensor.rank, a->tensor.dims, &shape))
      return lower_ctx_refuse(l, node, "operator Constant: its tensor is too large");
    lower_ctx_out(l, node, 0, tensor_value(&a->tensor, &shape));
    return STATUS_OK;
  }
  if (a->kind == ONNX_ATTR_INTS || a->kind == ONNX_ATTR_FLOATS)
    shape = shape_vector(a->n);
  double *v = lower_ctx_doubles(l, (size_t)shape.n);
  for (int i = 0; i < shape.n; i++) {
    const int64_t whole = a->kind == ONNX_ATTR_INT    ? a->i
                          : a->kind == ONNX_ATTR_INTS ? a->ints[i]
                                                      : 0;
    if (a->kind == ONNX_ATTR_FLOAT) {
      v[i] = a->f;
    } else if (a->kind == ONNX_ATTR_FLOATS) {
      v[i] = a->floats[i];
    } else {
      const int64_t limit = (int64_t)1 << 53; /* as in net/onnx_tensor.h */
      type = ONNX_INT64;
      v[i] = (double)(whole > limit ? limit : whole < -limit ? -limit : whole);
    }
  }
  lower_ctx_out(l, node, 0, lower_ctx_const(type, &shape, v, NULL));
  return STATUS_OK;
}

Status lower_move_constant(Lower *l, const OnnxNode *node)
{
  if (node->n_attr != 1)
    return lower_ctx_bad(l, node, "operator Constant needs exactly one attribute");
  return constant_attribute(l, node, &node->attr[0]);
}

Status lower_move_constant_of_shape(Lower *l, const OnnxNode *node)
{
  Ints dims;
  Shape shape;
  const Status rc = lower_ctx_ints(l, node, NULL, 0, &dims);
  if (rc) return rc;
  if (!shape_make(dims.n, dims.v, &shape) || shape.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node,
                            "operator ConstantOfShape: its result is too large");
  const OnnxAttr *value = onnx_attr(node, "value");
  if (value && value->tensor.n != 1)
    return lower_ctx_bad(l, node,
                         "attribute value of operator ConstantOfShape must be "
                         "one number");
  double *v = lower_ctx_doubles(l, (size_t)shape.n);
  for (int i = 0; value && i < shape.n; i++)
    v[i] = value->tensor.v[0];
  lower_ctx_out(
      l, node, 0,
      lower_ctx_const(value ? value->tensor.type : ONNX_FLOAT, &shape, v, NULL));
  return STATUS_OK;
}

static int64_t clamp_axis(int64_t i, int rank)
{
  if (i < 0) i += rank;
  return i < 0 ? 0 : i > rank ? rank : i;
}

Status lower_move_shape(Lower *l, const OnnxNode *node)
{
  const Shape *x = &lower_ctx_in(l, node, 0)->shape;
  const int64_t start = clamp_axis(lower_ctx_int(node, "start", 0), x->rank);
  const int64_t end = clamp_axis(lower_ctx_int(node, "end", x->rank), x->rank);
  const Shape shape = shape_vector(end > start ? (int)(end - start) : 0);
  double *v = lower_ctx_doubles(l, (size_t)shape.n);
  for (int i = 0; i < shape.n; i++)
    v[i] = x->dims[start + i];
  lower_ctx_out(l, node, 0, lower_ctx_const(ONNX_INT64, &shape, v, NULL));
  return STATUS_OK;
}

/* ---- new shapes for the same elements ------------------------------------ */

static Status reshape_to(Lower *l, const OnnxNode *node, const Value *x, int rank,
                         const int64_t *dims)
{
  Shape shape;
  char old[SHAPE_TEXT];
  if (!shape_make(rank, dims, &shape) || shape.n != x->shape.n)
    return lower_ctx_bad(l, node, "operator %s: %s cannot take the shape asked for",
                         node->op, shape_text(&x->shape, old));
  lower_ctx_out(l, node, 0, lower_ctx_reshaped(x, &shape));
  return STATUS_OK;
}

/* 0 copies a dimension (unless allowzero), a single -1 takes what is left. */
Status lower_move_reshape(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const bool allow_zero = lower_ctx_int(node, "allowzero", 0) != 0;
  Ints dims;
  const Status rc = lower_ctx_ints(l, node, NULL, 1, &dims);
  if (rc) return rc;
  if (dims.n > NODE_MAX_RANK)
    return lower_ctx_refuse(l, node, "operator Reshape to more than %d dimensions",
                            NODE_MAX_RANK);
  int free_axis = -1;
  int64_t rest = 1;
  for (int d = 0; d < dims.n; d++) {
    if (dims.v[d] == 0 && !allow_zero) {
      if (d >= x->shape.rank)
        return lower_ctx_bad(l, node, "operator Reshape: dimension %d copies nothing",
                             d);
      dims.v[d] = x->shape.dims[d];
    }
    if (dims.v[d] == -1 && free_axis < 0) {
      free_axis = d;
      continue;
    }
    if (dims.v[d] < 0 || dims.v[d] > SHAPE_MAX_SIZE ||
        __builtin_mul_overflow(rest, dims.v[d], &rest))
      return lower_ctx_bad(l, node, "operator Reshape: dimension %" PRId64 " is wrong",
                           dims.v[d]);
  }
  if (free_axis >= 0) {
    if (rest == 0 || x->shape.n % rest != 0)
      return lower_ctx_bad(
          l, node, "operator Reshape: %d elements do not fit the shape", x->shape.n);
    dims.v[free_axis] = x->shape.n / rest;
  }
  return reshape_to(l, node, x, dims.n, dims.v);
}

Status lower_move_flatten(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const int rank = x->shape.rank;
  int64_t axis = lower_ctx_int(node, "axis", 1);
  if (axis < -rank || axis > rank)
    return lower_ctx_bad(l, node, "operator Flatten: axis %" PRId64 " of rank %d", axis,
                         rank);
  if (axis < 0) axis += rank;
  int64_t dims[2] = {1, 1};
  for (int d = 0; d < rank; d++)
    dims[d >= axis] *= x->shape.dims[d];
  return reshape_to(l, node, x, 2, dims);
}

Status lower_move_squeeze(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Ints axes;
  bool on[NODE_MAX_RANK];
  Status rc = lower_ctx_ints(l, node, "axes", 1, &axes);
  if (!rc) rc = lower_ctx_axes(l, node, &axes, x->shape.rank, on);
  if (rc) return rc;
  if (axes.given && !axes.n) /* no axis or every axis: runtimes disagree */
    return lower_ctx_refuse(l, node,
                            "operator Squeeze with an empty list of axes is not "
                            "supported");
  int64_t dims[NODE_MAX_RANK];
  int rank = 0;
  for (int d = 0; d < x->shape.rank; d++) {
    const bool drop = axes.given ? on[d] : x->shape.dims[d] == 1;
    if (drop && x->shape.dims[d] != 1)
      return lower_ctx_bad(l, node, "operator Squeeze: axis %d has %d elements", d,
                           x->shape.dims[d]);
    if (!drop) dims[rank++] = x->shape.dims[d];
  }
  return reshape_to(l, node, x, rank, dims);
}

Status lower_move_unsqueeze(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Ints axes;
  bool on[NODE_MAX_RANK];
  Status rc = lower_ctx_ints(l, node, "axes", 1, &axes);
  if (rc) return rc;
  const int rank = x->shape.rank + axes.n;
  if (rank > NODE_MAX_RANK)
    return lower_ctx_refuse(l, node, "operator Unsqueeze to more than %d dimensions",
                            NODE_MAX_RANK);
  if ((rc = lower_ctx_axes(l, node, &axes, rank, on))) return rc;
  int64_t dims[NODE_MAX_RANK];
  for (int d = 0, from = 0; d < rank; d++)
    dims[d] = on[d] ? 1 : x->shape.dims[from++];
  return reshape_to(l, node, x, rank, dims);
}

/* ---- new orders ---------------------------------------------------------- */

Status lower_move_transpose(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const OnnxAttr *attr = onnx_attr(node, "perm");
  const int rank = x->shape.rank;
  int perm[NODE_MAX_RANK];
  bool seen[NODE_MAX_RANK] = {false};
  if (attr && attr->n != rank)
    return lower_ctx_bad(l, node,
                         "attribute perm of operator Transpose has %d entries "
                         "for %d dimensions",
                         attr->n, rank);
  for (int d = 0; d < rank; d++) {
    const int64_t from = attr ? attr->ints[d] : rank - 1 - d;
    if (!shape_axis(from, rank, &perm[d]) || seen[perm[d]])
      return lower_ctx_bad(l, node,
                           "attribute perm of operator Transpose is no permutation");
    seen[perm[d]] = true;
  }
  Value y;
  const Status rc = lower_ctx_transpose(l, node, x, perm, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- several operands ---------------------------------------------------- */

/* The shape of the concatenation along the axis; the operands must agree elsewhere. */
static Status concat_shape(Lower *l, const OnnxNode *node, const Value *const *parts,
                           int *axis, Shape *shape)
{
  const Shape *first = &parts[0]->shape;
  if (!onnx_attr(node, "axis"))
    return lower_ctx_bad(l, node, "operator Concat needs the attribute axis");
  if (!shape_axis(lower_ctx_int(node, "axis", 0), first->rank, axis))
    return lower_ctx_bad(l, node, "operator Concat: axis outside the %d dimensions",
                         first->rank);
  int64_t dims[NODE_MAX_RANK];
  for (int d = 0; d < first->rank; d++)
    dims[d] = d == *axis ? 0 : first->dims[d];
  for (int p = 0; p < node->n_in; p++) {
    const Shape *s = &parts[p]->shape;
    bool fits = s->rank == first->rank && parts[p]->type == parts[0]->type;
    for (int d = 0; fits && d < s->rank; d++)
      fits = d == *axis || s->dims[d] == first->dims[d];
    if (!fits)
      return lower_ctx_bad(
          l, node, "operator Concat: operand %d does not match the first", p + 1);
    dims[*axis] += s->dims[*axis];
  }
  if (!shape_make(first->rank, dims, shape))
    return lower_ctx_refuse(l, node, "operator Concat: its result is too large");
  return STATUS_OK;
}

/* Element (outer, j, inner) of the result lies in the operand whose stretch of the
 * axis contains j. */
static int *concat_map(const Value *const *parts, int n_parts, int axis,
                       const Shape *shape)
{
  int *map = mem_array((size_t)shape->n + 1, sizeof *map);
  int outer = 1, inner = 1;
  for (int d = 0; d < axis; d++)
    outer *= shape->dims[d];
  for (int d = axis + 1; d < shape->rank; d++)
    inner *= shape->dims[d];
  int i = 0;
  for (int o = 0; o < outer && shape->n; o++) {
    int start = 0;
    for (int p = 0; p < n_parts; p++) {
      const int stretch = parts[p]->shape.dims[axis] * inner;
      for (int k = 0; k < stretch; k++)
        map[i++] = start + o * stretch + k;
      start += parts[p]->shape.n;
    }
  }
  return map;
}

Status lower_move_concat(Lower *l, const OnnxNode *node)
{
  const Value **parts = mem_array((size_t)node->n_in, sizeof *parts);
  for (int p = 0; p < node->n_in; p++)
    parts[p] = lower_ctx_in(l, node, p);
  int axis;
  Shape shape;
  Value y;
  Status rc = concat_shape(l, node, parts, &axis, &shape);
  if (!rc) {
    int *map = concat_map(parts, node->n_in, axis, &shape);
    rc = lower_ctx_gather(l, node, parts, node->n_in, map, &shape, &y);
    mem_free(map);
  }
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(parts);
  return rc;
}

Status lower_move_expand(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Ints dims;
  Shape target, shape;
  Status rc = lower_ctx_ints(l, node, NULL, 1, &dims);
  if (rc) return rc;
  if (!shape_make(dims.n, dims.v, &target) ||
      !shape_broadcast(&x->shape, &target, &shape))
    return lower_ctx_bad(l, node,
                         "operator Expand: the shape asked for does not match");
  Value y;
  rc = lower_ctx_expand(l, node, x, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* With a constant condition every element is one of x or one of y. */
Status lower_move_where(Lower *l, const OnnxNode *node)
{
  const Value *c = lower_ctx_in(l, node, 0);
  const Value *parts[2] = {lower_ctx_in(l, node, 1), lower_ctx_in(l, node, 2)};
  if (c->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node,
                            "operator Where: its condition must be a constant");
  Shape pair, shape;
  if (c->type != ONNX_BOOL || parts[0]->type != parts[1]->type ||
      !shape_broadcast(&parts[0]->shape, &parts[1]->shape, &pair) ||
      !shape_broadcast(&pair, &c->shape, &shape))
    return lower_ctx_bad(l, node, "operator Where: its operands do not match");
  int *index[3];
  const Shape *from[3] = {&c->shape, &parts[0]->shape, &parts[1]->shape};
  for (int k = 0; k < 3; k++) {
    int strides[NODE_MAX_RANK];
    shape_broadcast_strides(from[k], &shape, strides);
    index[k] = shape_map(&shape, k == 2 ? parts[0]->shape.n : 0, strides);
  }
  for (int i = 0; i < shape.n; i++)
    index[0][i] = c->v[index[0][i]] != 0 ? index[1][i] : index[2][i];
  Value y;
  const Status rc = lower_ctx_gather(l, node, parts, 2, index[0], &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  for (int k = 0; k < 3; k++)
    mem_free(index[k]);
  return rc;
}
