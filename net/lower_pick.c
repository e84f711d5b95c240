/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_pick.h"

#include <string.h>

#include "net/base/mem.h"

/* ---- indices ------------------------------------------------------------- */

static Status check_indices(Lower *l, const OnnxNode *node, const Value *indices)
{
  if (indices->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator %s: its indices must be constants",
                            node->op);
  if (indices->type != ONNX_INT64 && indices->type != ONNX_INT32)
    return lower_ctx_bad(l, node, "operator %s: its indices must be integers",
                         node->op);
  return STATUS_OK;
}

/* Index i of a dimension, counted from the back when negative. */
static Status read_index(Lower *l, const OnnxNode *node, const Value *indices, int i,
                         int dim, int *out)
{
  const double index = indices->v[i] < 0 ? indices->v[i] + dim : indices->v[i];
  if (!(index >= 0 && index < dim))
    return lower_ctx_bad(l, node, "operator %s: index %.0f of %d elements", node->op,
                         indices->v[i], dim);
  *out = (int)index;
  return STATUS_OK;
}

/* ---- one index for each element ------------------------------------------ */

/* at[i] = the element of x that element i of `indices` means: its own position, with
 * the index along the axis. */
static Status element_places(Lower *l, const OnnxNode *node, const Value *x,
                             const Value *indices, int **at)
{
  const Shape *s = &indices->shape;
  int axis, strides[NODE_MAX_RANK], idx[NODE_MAX_RANK] = {0};
  Status rc = check_indices(l, node, indices);
  if (rc) return rc;
  if (!shape_axis(lower_ctx_int(node, "axis", 0), x->shape.rank, &axis) ||
      s->rank != x->shape.rank)
    return lower_ctx_bad(l, node, "operator %s: its axis or indices do not match",
                         node->op);
  for (int d = 0; d < s->rank; d++)
    if (d != axis && s->dims[d] > x->shape.dims[d])
      return lower_ctx_bad(l, node, "operator %s: more indices than elements",
                           node->op);
  shape_strides(&x->shape, strides);
  *at = mem_array((size_t)s->n + 1, sizeof **at);
  for (int i = 0; i < s->n && !rc; i++) {
    int along = 0;
    rc = read_index(l, node, indices, i, x->shape.dims[axis], &along);
    (*at)[i] = along * strides[axis];
    for (int d = 0; d < s->rank; d++)
      (*at)[i] += d == axis ? 0 : idx[d] * strides[d];
    for (int d = s->rank - 1; d >= 0 && ++idx[d] == s->dims[d]; d--)
      idx[d] = 0;
  }
  return rc;
}

Status lower_pick_gather_elements(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *indices = lower_ctx_in(l, node, 1);
  int *at = NULL;
  Value y;
  Status rc = element_places(l, node, x, indices, &at);
  if (!rc) rc = lower_ctx_gather(l, node, &x, 1, at, &indices->shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(at);
  return rc;
}

/* ---- one index tuple for each slice -------------------------------------- */

/* indices [..., k] name slices of x by their first k coordinates (after `batch` common
 * dimensions): starts[j] is where slice j starts, `inner` how long it is. */
typedef struct {
  int n, inner, k;
  int *starts;
} Slices;

static Status slice_places(Lower *l, const OnnxNode *node, const Value *x,
                           const Value *indices, int batch, Slices *s)
{
  const Shape *q = &indices->shape;
  int strides[NODE_MAX_RANK], per_batch = 1;
  Status rc = check_indices(l, node, indices);
  if (rc) return rc;
  bool fits = q->rank > batch && batch <= x->shape.rank && q->n > 0;
  for (int d = 0; fits && d < batch; d++)
    fits = q->dims[d] == x->shape.dims[d];
  s->k = fits ? q->dims[q->rank - 1] : 0;
  if (s->k < 1 || batch + s->k > x->shape.rank || !x->shape.n)
    return lower_ctx_bad(l, node, "operator %s: its indices do not match", node->op);
  shape_strides(&x->shape, strides);
  s->inner = strides[batch + s->k - 1];
  s->n = q->n / s->k;
  for (int d = batch; d < q->rank - 1; d++)
    per_batch *= q->dims[d];
  s->starts = mem_array((size_t)s->n, sizeof *s->starts);
  for (int j = 0; j < s->n && !rc; j++) {
    s->starts[j] = batch ? j / per_batch * strides[batch - 1] : 0;
    for (int c = 0; c < s->k && !rc; c++) {
      int index = 0;
      rc = read_index(l, node, indices, j * s->k + c, x->shape.dims[batch + c], &index);
      s->starts[j] += index * strides[batch + c];
    }
  }
  return rc;
}

Status lower_pick_gather_nd(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *indices = lower_ctx_in(l, node, 1);
  const int64_t batch = lower_ctx_int(node, "batch_dims", 0);
  if (batch < 0 || batch >= NODE_MAX_RANK)
    return lower_ctx_bad(l, node, "attribute batch_dims of operator GatherND is wrong");
  Slices s = {0};
  Shape shape = {0};
  Status rc = slice_places(l, node, x, indices, (int)batch, &s);
  if (!rc) {
    int64_t dims[2 * NODE_MAX_RANK];
    int rank = 0;
    for (int d = 0; d < indices->shape.rank - 1; d++)
      dims[rank++] = indices->shape.dims[d];
    for (int d = (int)batch + s.k; d < x->shape.rank; d++)
      dims[rank++] = x->shape.dims[d];
    if (!shape_make(rank, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE)
      rc = lower_ctx_refuse(l, node, "operator GatherND: its result is too large");
  }
  if (!rc) {
    Value y;
    int *map = mem_array((size_t)shape.n + 1, sizeof *map);
    for (int i = 0; i < shape.n; i++)
      map[i] = s.starts[i / s.inner] + i % s.inner;
    rc = lower_ctx_gather(l, node, &x, 1, map, &shape, &y);
    mem_free(map);
    if (!rc) lower_ctx_out(l, node, 0, y);
  }
  mem_free(s.starts);
  return rc;
}

/* ---- writing ------------------------------------------------------------- */

static Status check_scatter(Lower *l, const OnnxNode *node)
{
  const char *reduction = lower_ctx_string(node, "reduction", "none");
  if (strcmp(reduction, "none") != 0)
    return lower_ctx_refuse(l, node,
                            "attribute reduction=%.40s of operator %s is not supported",
                            reduction, node->op);
  if (lower_ctx_in(l, node, 0)->type != lower_ctx_in(l, node, 2)->type)
    return lower_ctx_bad(l, node, "operator %s: its operands have different types",
                         node->op);
  return STATUS_OK;
}

/* x with element at[i] replaced by element i of `updates`; ONNX leaves open what
 * happens when two go to the same place. */
static Status scatter(Lower *l, const OnnxNode *node, const Value *x,
                      const Value *updates, const int *at)
{
  const Value *parts[2] = {x, updates};
  const int n = x->shape.n;
  int *map = mem_array((size_t)n + 1, sizeof *map);
  bool twice = false;
  for (int i = 0; i < n; i++)
    map[i] = i;
  for (int i = 0; i < updates->shape.n; i++) {
    twice = twice || map[at[i]] >= n;
    map[at[i]] = n + i;
  }
  Value y;
  const Status rc =
      twice ? lower_ctx_refuse(l, node, "operator %s writes an element twice", node->op)
            : lower_ctx_gather(l, node, parts, 2, map, &x->shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(map);
  return rc;
}

Status lower_pick_scatter_elements(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *indices = lower_ctx_in(l, node, 1);
  const Value *updates = lower_ctx_in(l, node, 2);
  int *at = NULL;
  Status rc = check_scatter(l, node);
  if (!rc && !shape_equal(&indices->shape, &updates->shape))
    rc = lower_ctx_bad(l, node, "operator %s: its indices and updates do not match",
                       node->op);
  if (!rc) rc = element_places(l, node, x, indices, &at);
  if (!rc) rc = scatter(l, node, x, updates, at);
  mem_free(at);
  return rc;
}

Status lower_pick_scatter_nd(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *indices = lower_ctx_in(l, node, 1);
  const Value *updates = lower_ctx_in(l, node, 2);
  Slices s = {0};
  Status rc = check_scatter(l, node);
  if (!rc) rc = slice_places(l, node, x, indices, 0, &s);
  if (!rc && updates->shape.n != (int64_t)s.n * s.inner)
    rc = lower_ctx_bad(l, node, "operator ScatterND: its updates do not match");
  if (!rc) {
    int *at = mem_array((size_t)updates->shape.n + 1, sizeof *at);
    for (int i = 0; i < updates->shape.n; i++)
      at[i] = s.starts[i / s.inner] + i % s.inner;
    rc = scatter(l, node, x, updates, at);
    mem_free(at);
  }
  mem_free(s.starts);
  return rc;
}

/* ---- blocks -------------------------------------------------------------- */

/* x, seen as `six` dimensions, transposed and seen as y [n, c, h, w]. */
static Status move_blocks(Lower *l, const OnnxNode *node, const Value *x,
                          const int six[6], const int perm[6], const int y_dims[4])
{
  Shape wide = {.rank = 6, .n = x->shape.n}, shape = {.rank = 4, .n = x->shape.n};
  memcpy(wide.dims, six, 6 * sizeof *six);
  memcpy(shape.dims, y_dims, 4 * sizeof *y_dims);
  const Value seen = lower_ctx_reshaped(x, &wide);
  Value y;
  const Status rc = lower_ctx_transpose(l, node, &seen, perm, &y);
  if (!rc) lower_ctx_out(l, node, 0, lower_ctx_reshaped(&y, &shape));
  return rc;
}

/* The block size, or 0 with *rc set. */
static int block_size(Lower *l, const OnnxNode *node, const Value *x, Status *rc)
{
  const int64_t b = lower_ctx_int(node, "blocksize", 0);
  if (x->shape.rank == 4 && b >= 1 && b <= 1 << 12) return (int)b;
  *rc = lower_ctx_bad(l, node, "operator %s: it needs 4 dimensions and a blocksize",
                      node->op);
  return 0;
}

Status lower_pick_depth_to_space(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const char *mode = lower_ctx_string(node, "mode", "DCR");
  const int *d = x->shape.dims;
  Status rc = STATUS_OK;
  const int b = block_size(l, node, x, &rc);
  if (!b) return rc;
  if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
    return lower_ctx_refuse(
        l, node, "attribute mode=%.40s of operator DepthToSpace is not supported",
        mode);
  if (d[1] % (b * b) != 0)
    return lower_ctx_bad(l, node, "operator DepthToSpace: %d channels for blocks of %d",
                         d[1], b);
  const int c = d[1] / (b * b), y[4] = {d[0], c, d[2] * b, d[3] * b};
  if (!strcmp(mode, "DCR"))
    return move_blocks(l, node, x, (int[]){d[0], b, b, c, d[2], d[3]},
                       (int[]){0, 3, 4, 1, 5, 2}, y);
  return move_blocks(l, node, x, (int[]){d[0], c, b, b, d[2], d[3]},
                     (int[]){0, 1, 4, 2, 5, 3}, y);
}

Status lower_pick_space_to_depth(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  const int *d = x->shape.dims;
  Status rc = STATUS_OK;
  const int b = block_size(l, node, x, &rc);
  if (!b) return rc;
  if (d[2] % b != 0 || d[3] % b != 0)
    return lower_ctx_bad(l, node,
                         "operator SpaceToDepth: a plane of %d x %d in blocks of %d",
                         d[2], d[3], b);
  return move_blocks(l, node, x, (int[]){d[0], d[1], d[2] / b, b, d[3] / b, b},
                     (int[]){0, 3, 5, 1, 2, 4},
                     (int[]){d[0], d[1] * b * b, d[2] / b, d[3] / b});
}

/* ---- Trilu --------------------------------------------------------------- */

Status lower_pick_trilu(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *operand = lower_ctx_in(l, node, 1);
  const bool upper = lower_ctx_int(node, "upper", 1) != 0;
  if (operand && (operand->kind != VALUE_CONST || operand->type != ONNX_INT64 ||
                  operand->shape.n != 1))
    return lower_ctx_refuse(l, node, "operator Trilu: k must be a constant integer");
  if (x->shape.rank < 2)
    return lower_ctx_bad(l, node, "operator Trilu needs at least 2 dimensions");
  const double k = operand ? operand->v[0] : 0;
  const int rows = x->shape.dims[x->shape.rank - 2];
  const int cols = x->shape.dims[x->shape.rank - 1];
  int *map = mem_array((size_t)x->shape.n + 1, sizeof *map);
  for (int i = 0; i < x->shape.n; i++) {
    const double right = i % cols - i / cols % rows;
    map[i] = (upper ? right >= k : right <= k) ? i : -1;
  }
  Value y;
  const Status rc = lower_ctx_gather(l, node, &x, 1, map, &x->shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  mem_free(map);
  return rc;
}
