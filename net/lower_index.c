/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_index.h"

#include <inttypes.h>
#include <string.h>

#include "net/base/mem.h"

/* ---- Slice --------------------------------------------------------------- */

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
  return x < low ? low : x > high ? high : x;
}

/* Numpy's rules: count from the back when negative, then saturate. */
static void slice_axis(int dim, int64_t start, int64_t end, int64_t step, int *first,
                       int *count)
{
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  int64_t n = 0;
  if (dim == 0) {
    start = 0;
  } else if (step > 0) {
    start = clamp(start, 0, dim);
    end = clamp(end, 0, dim);
    if (end > start) n = (end - start - 1) / step + 1;
  } else {
    start = clamp(start, 0, dim - 1);
    end = clamp(end, -1, dim - 1);
    /* The smallest int64 has no negative. */
    if (start > end) n = step < -dim ? 1 : (start - end - 1) / -step + 1;
  }
  *first = (int)start;
  *count = (int)n;
}

Status lower_index_slice(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Ints starts, ends, axes, steps;
  Status rc = lower_ctx_ints(l, node, "starts", 1, &starts);
  if (!rc) rc = lower_ctx_ints(l, node, "ends", 2, &ends);
  if (!rc) rc = lower_ctx_ints(l, node, "axes", 3, &axes);
  if (!rc) rc = lower_ctx_ints(l, node, NULL, 4, &steps);
  bool on[NODE_MAX_RANK];
  if (!rc && axes.given) rc = lower_ctx_axes(l, node, &axes, x->shape.rank, on);
  if (rc) return rc;
  if (!starts.given || !ends.given)
    return lower_ctx_bad(l, node, "operator Slice needs starts and ends");
  if (starts.n != ends.n || (axes.given && axes.n != starts.n) ||
      (steps.given && steps.n != starts.n) || starts.n > x->shape.rank)
    return lower_ctx_bad(l, node, "operator Slice: its lists have different lengths");

  int strides[NODE_MAX_RANK], offset = 0;
  int64_t dims[NODE_MAX_RANK];
  shape_strides(&x->shape, strides);
  for (int d = 0; d < x->shape.rank; d++)
    dims[d] = x->shape.dims[d];
  for (int i = 0; i < starts.n; i++) {
    int axis = i, first, count;
    if (axes.given) shape_axis(axes.v[i], x->shape.rank, &axis);
    const int64_t step = steps.given ? steps.v[i] : 1;
    if (step == 0) return lower_ctx_bad(l, node, "operator Slice: a step of 0");
    slice_axis(x->shape.dims[axis], starts.v[i], ends.v[i], step, &first, &count);
    dims[axis] = count;
    offset += count ? first * strides[axis] : 0;
    /* Two or more elements: the step is smaller than the dimension. */
    strides[axis] = count > 1 ? (int)step * strides[axis] : 0;
  }
  Shape shape;
  if (!shape_make(x->shape.rank, dims, &shape))
    return lower_ctx_refuse(l, node, "operator Slice: its result is too large");
  Value y;
  rc = lower_ctx_strided(l, node, x, shape.n ? offset : 0, strides, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- Split --------------------------------------------------------------- */

/* The sizes, when the operator leaves them out: equal, or since opset 18 with a
 * smaller last one. */
static Status equal_sizes(Lower *l, const OnnxNode *node, int dim, Ints *sizes)
{
  const int n = node->n_out;
  const bool uneven = onnx_attr(node, "num_outputs");
  if (n < 1 || n > LOWER_CTX_MAX_INTS)
    return lower_ctx_refuse(l, node, "operator Split into %d parts", n);
  if (uneven && lower_ctx_int(node, "num_outputs", 0) != n)
    return lower_ctx_bad(l, node, "attribute num_outputs of operator Split is not %d",
                         n);
  if (!uneven && dim % n != 0)
    return lower_ctx_bad(l, node, "operator Split: %d elements into %d equal parts",
                         dim, n);
  const int each = dim / n + (dim % n != 0);
  sizes->n = n;
  for (int i = 0; i < n; i++)
    sizes->v[i] = i < n - 1 ? each : dim - (int64_t)each * (n - 1);
  return STATUS_OK;
}

Status lower_index_split(Lower *l, const OnnxNode *node)
{
  const Value x = *lower_ctx_in(l, node, 0);
  int axis, strides[NODE_MAX_RANK];
  if (!shape_axis(lower_ctx_int(node, "axis", 0), x.shape.rank, &axis))
    return lower_ctx_bad(l, node, "operator Split: axis outside the %d dimensions",
                         x.shape.rank);
  Ints sizes;
  Status rc = lower_ctx_ints(l, node, "split", 1, &sizes);
  const int dim = x.shape.dims[axis];
  if (!rc && !sizes.given) rc = equal_sizes(l, node, dim, &sizes);
  if (rc) return rc;
  int64_t total = 0;
  for (int i = 0; i < sizes.n; i++) {
    if (sizes.v[i] < 0 || sizes.v[i] > dim)
      return lower_ctx_bad(l, node, "operator Split: a part of %" PRId64 " elements",
                           sizes.v[i]);
    total += sizes.v[i];
  }
  if (sizes.n != node->n_out || total != dim)
    return lower_ctx_bad(l, node, "operator Split: its parts do not add up");
  shape_strides(&x.shape, strides);
  int offset = 0;
  for (int i = 0; i < sizes.n; i++) {
    int64_t dims[NODE_MAX_RANK];
    for (int d = 0; d < x.shape.rank; d++)
      dims[d] = d == axis ? sizes.v[i] : x.shape.dims[d];
    Shape shape;
    Value y;
    shape_make(x.shape.rank, dims, &shape); /* no larger than x */
    rc = lower_ctx_strided(l, node, &x, offset, strides, &shape, &y);
    if (rc) return rc;
    lower_ctx_out(l, node, i, y);
    offset += (int)sizes.v[i] * strides[axis];
  }
  return STATUS_OK;
}

/* ---- Gather -------------------------------------------------------------- */

static Status gather_indices(Lower *l, const OnnxNode *node, const Value *indices,
                             int dim, int **at)
{
  *at = mem_array((size_t)indices->shape.n + 1, sizeof **at);
  for (int i = 0; i < indices->shape.n; i++) {
    const double index = indices->v[i] < 0 ? indices->v[i] + dim : indices->v[i];
    if (!(index >= 0 && index < dim))
      return lower_ctx_bad(l, node, "operator Gather: index %.0f of %d elements",
                           indices->v[i], dim);
    (*at)[i] = (int)index;
  }
  return STATUS_OK;
}

/* result[outer, i..., inner] = x[outer, indices[i...], inner] */
Status lower_index_gather(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *indices = lower_ctx_in(l, node, 1);
  int axis;
  if (indices->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator Gather: its indices must be constants");
  if (indices->type != ONNX_INT64 && indices->type != ONNX_INT32)
    return lower_ctx_bad(l, node, "operator Gather: its indices must be integers");
  if (!shape_axis(lower_ctx_int(node, "axis", 0), x->shape.rank, &axis))
    return lower_ctx_bad(l, node, "operator Gather: axis outside the %d dimensions",
                         x->shape.rank);
  const int rank = x->shape.rank - 1 + indices->shape.rank;
  int64_t dims[2 * NODE_MAX_RANK];
  int outer = 1, inner = 1;
  for (int d = 0; d < axis; d++)
    outer *= (int)(dims[d] = x->shape.dims[d]);
  for (int d = 0; d < indices->shape.rank; d++)
    dims[axis + d] = indices->shape.dims[d];
  for (int d = axis + 1; d < x->shape.rank; d++)
    inner *= (int)(dims[d - 1 + indices->shape.rank] = x->shape.dims[d]);
  Shape shape;
  if (!shape_make(rank, dims, &shape))
    return lower_ctx_refuse(l, node, "operator Gather: its result is too large");
  const int dim = x->shape.dims[axis], n = indices->shape.n;
  int *at = NULL, *map = mem_array((size_t)shape.n + 1, sizeof *map);
  Status rc = gather_indices(l, node, indices, dim, &at);
  for (int o = 0, i = 0; !rc && shape.n && o < outer; o++)
    for (int k = 0; k < n; k++)
      for (int j = 0; j < inner; j++)
        map[i++] = (o * dim + at[k]) * inner + j;
  Value y;
  if (!rc) rc = lower_ctx_gather(l, node, &x, 1, map, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(at);
  mem_free(map);
  return rc;
}

/* ---- Pad ----------------------------------------------------------------- */

/* before[d] and the new size of every axis; negative padding crops. */
static Status pad_sizes(Lower *l, const OnnxNode *node, const Shape *x, int *before,
                        Shape *shape)
{
  Ints pads, axes;
  bool on[NODE_MAX_RANK];
  Status rc = lower_ctx_ints(l, node, "pads", 1, &pads);
  if (!rc) rc = lower_ctx_ints(l, node, NULL, 3, &axes);
  if (!rc && axes.given) rc = lower_ctx_axes(l, node, &axes, x->rank, on);
  if (rc) return rc;
  const int n = axes.given ? axes.n : x->rank;
  if (pads.n != 2 * n)
    return lower_ctx_bad(l, node, "operator Pad: %d paddings for %d axes", pads.n, n);
  int64_t dims[NODE_MAX_RANK];
  for (int d = 0; d < x->rank; d++) {
    before[d] = 0;
    dims[d] = x->dims[d];
  }
  for (int i = 0; i < n; i++) {
    int axis = i;
    if (axes.given) shape_axis(axes.v[i], x->rank, &axis);
    const int64_t low = pads.v[i], high = pads.v[n + i];
    if (low < -SHAPE_MAX_SIZE || low > SHAPE_MAX_SIZE || high < -SHAPE_MAX_SIZE ||
        high > SHAPE_MAX_SIZE || dims[axis] + low < 0 || dims[axis] + high < 0)
      return lower_ctx_bad(l, node,
                           "operator Pad: a padding of %" PRId64 " and %" PRId64
                           " of %" PRId64 " elements",
                           low, high, dims[axis]);
    before[axis] = (int)low;
    dims[axis] += low + high;
  }
  if (!shape_make(x->rank, dims, shape))
    return lower_ctx_bad(l, node, "operator Pad: its result is too large or negative");
  return STATUS_OK;
}

typedef enum { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT, PAD_WRAP } PadMode;

static Status pad_mode(Lower *l, const OnnxNode *node, PadMode *mode)
{
  const char *name = lower_ctx_string(node, "mode", "constant");
  static const char *const names[] = {"constant", "edge", "reflect", "wrap"};
  for (int k = 0; k < 4; k++)
    if (!strcmp(name, names[k])) {
      *mode = (PadMode)k;
      return STATUS_OK;
    }
  return lower_ctx_refuse(
      l, node, "attribute mode=%.40s of operator Pad is not supported", name);
}

/* Only constants may crop, or reach farther than the tensor repeats itself. */
static Status check_pads(Lower *l, const OnnxNode *node, PadMode mode, const Shape *x,
                         const int *before, const Shape *shape)
{
  for (int d = 0; d < x->rank && mode != PAD_CONSTANT; d++) {
    const int after = shape->dims[d] - x->dims[d] - before[d];
    const int most = mode == PAD_EDGE      ? SHAPE_MAX_SIZE
                     : mode == PAD_REFLECT ? x->dims[d] - 1
                                           : x->dims[d];
    if (before[d] < 0 || after < 0 || before[d] > most || after > most || !x->n)
      return lower_ctx_refuse(l, node,
                              "operator Pad: paddings of %d and %d for %d elements are "
                              "not supported with this mode",
                              before[d], after, x->dims[d]);
  }
  return STATUS_OK;
}

/* Where position k of an axis of n elements reads; -1 for the constant. */
static int pad_source(PadMode mode, int k, int n)
{
  if (k >= 0 && k < n) return k;
  switch (mode) {
  case PAD_CONSTANT:
    break;
  case PAD_EDGE:
    return k < 0 ? 0 : n - 1;
  case PAD_REFLECT:
    return k < 0 ? -k : 2 * (n - 1) - k;
  case PAD_WRAP:
    return k < 0 ? k + n : k - n;
  }
  return -1;
}

/* map[i]: the element of x under element i of the padded tensor, or `outside`. */
static int *pad_map(const Shape *x, PadMode mode, const int *before, const Shape *shape,
                    int outside)
{
  int *map = mem_array((size_t)shape->n + 1, sizeof *map);
  int strides[NODE_MAX_RANK], idx[NODE_MAX_RANK] = {0};
  shape_strides(x, strides);
  for (int i = 0; i < shape->n; i++) {
    int at = 0;
    bool inside = true;
    for (int d = 0; d < shape->rank; d++) {
      const int k = pad_source(mode, idx[d] - before[d], x->dims[d]);
      inside = inside && k >= 0;
      at += inside ? k * strides[d] : 0;
    }
    map[i] = inside ? at : outside;
    for (int d = shape->rank - 1; d >= 0 && ++idx[d] == shape->dims[d]; d--)
      idx[d] = 0;
  }
  return map;
}

Status lower_index_pad(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *given = lower_ctx_in(l, node, 2);
  PadMode mode = PAD_CONSTANT;
  Status rc = pad_mode(l, node, &mode);
  if (rc) return rc;
  if (given && given->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator Pad: its value must be a constant");
  if (given && (given->shape.n != 1 || given->type != x->type))
    return lower_ctx_bad(l, node, "operator Pad: its value must be one number");
  int before[NODE_MAX_RANK];
  Shape shape;
  rc = pad_sizes(l, node, &x->shape, before, &shape);
  if (!rc) rc = check_pads(l, node, mode, &x->shape, before, &shape);
  if (rc) return rc;
  double *v = lower_ctx_doubles(l, 1);
  v[0] = lower_ctx_float(node, "value", 0);
  const Shape one = shape_vector(1);
  const Value fill = given ? *given : lower_ctx_const(x->type, &one, v, NULL);
  const Value *parts[2] = {x, &fill};
  int *map = pad_map(&x->shape, mode, before, &shape, x->shape.n);
  Value y;
  rc = lower_ctx_gather(l, node, parts, 2, map, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(map);
  return rc;
}

/* ---- Tile ---------------------------------------------------------------- */

Status lower_index_tile(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Ints repeats;
  Status rc = lower_ctx_ints(l, node, NULL, 1, &repeats);
  if (rc) return rc;
  if (repeats.n != x->shape.rank)
    return lower_ctx_bad(l, node, "operator Tile: %d repeats for %d dimensions",
                         repeats.n, x->shape.rank);
  int64_t dims[NODE_MAX_RANK];
  for (int d = 0; d < repeats.n; d++) {
    if (repeats.v[d] < 0 || repeats.v[d] > SHAPE_MAX_SIZE)
      return lower_ctx_bad(l, node, "operator Tile: %" PRId64 " repeats", repeats.v[d]);
    dims[d] = repeats.v[d] * x->shape.dims[d];
  }
  Shape shape;
  if (!shape_make(repeats.n, dims, &shape))
    return lower_ctx_refuse(l, node, "operator Tile: its result is too large");
  int strides[NODE_MAX_RANK], idx[NODE_MAX_RANK] = {0};
  int *map = mem_array((size_t)shape.n + 1, sizeof *map);
  shape_strides(&x->shape, strides);
  for (int i = 0; i < shape.n; i++) {
    map[i] = 0;
    for (int d = 0; d < shape.rank; d++)
      map[i] += idx[d] % x->shape.dims[d] * strides[d];
    for (int d = shape.rank - 1; d >= 0 && ++idx[d] == shape.dims[d]; d--)
      idx[d] = 0;
  }
  Value y;
  rc = lower_ctx_gather(l, node, &x, 1, map, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(map);
  return rc;
}
