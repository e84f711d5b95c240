/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_ctx.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/base/mem.h"

/* ---- messages ------------------------------------------------------------ */

/* A hostile file must not make an endless list. */
#define MAX_LINES 100

Status lower_ctx_refuse(Lower *l, const OnnxNode *node, const char *format, ...)
{
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  l->n_refused++;
  if (l->n_refused <= MAX_LINES)
    status_add(l->err, STATUS_UNSUPPORTED, "%s: node '%s': %s", l->path, node->name,
               text);
  else if (l->n_refused == MAX_LINES + 1)
    status_add(l->err, STATUS_UNSUPPORTED, "%s: ... and more", l->path);
  return STATUS_UNSUPPORTED;
}

Status lower_ctx_bad(Lower *l, const OnnxNode *node, const char *format, ...)
{
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return status_fail(l->err, STATUS_DATA, "%s: node '%s': %s", l->path, node->name,
                     text);
}

/* ---- values -------------------------------------------------------------- */

const Value *lower_ctx_in(const Lower *l, const OnnxNode *node, int k)
{
  if (k >= node->n_in || node->in[k] < 0) return NULL;
  return &l->values[node->in[k]];
}

void lower_ctx_out(Lower *l, const OnnxNode *node, int k, Value value)
{
  if (k < node->n_out && node->out[k] >= 0) l->values[node->out[k]] = value;
}

Value lower_ctx_var(OnnxType type, const Shape *shape, int node)
{
  return (Value){.kind = VALUE_VAR, .type = type, .shape = *shape, .node = node};
}

Value lower_ctx_const(OnnxType type, const Shape *shape, const double *v,
                      const double *err)
{
  return (Value){
      .kind = VALUE_CONST, .type = type, .shape = *shape, .v = v, .err = err};
}

Value lower_ctx_reshaped(const Value *x, const Shape *shape)
{
  Value y = *x;
  y.shape = *shape;
  return y;
}

double *lower_ctx_doubles(Lower *l, size_t n)
{
  if (l->n_blocks == l->blocks_room) {
    l->blocks_room = l->blocks_room ? 2 * l->blocks_room : 64;
    l->blocks = mem_grow(l->blocks, (size_t)l->blocks_room, sizeof *l->blocks);
  }
  double *block = mem_doubles0(n ? n : 1);
  l->blocks[l->n_blocks++] = block;
  return block;
}

static bool is_float(OnnxType type)
{
  return type == ONNX_FLOAT || type == ONNX_DOUBLE;
}

/* Would one operation of ONNX with this exact result have rounded it? */
static bool is_rounded(OnnxType type, double v, double err)
{
  if (!is_float(type)) return false;
  if (err != 0) return true;
  return type == ONNX_FLOAT && (fabs(v) > (double)FLT_MAX || (double)(float)v != v);
}

Status lower_ctx_fold(Lower *l, const OnnxNode *node, OnnxType type, const Shape *shape,
                      bool (*make)(const void *, int, double *, double *),
                      const void *data, Value *out)
{
  double *v = lower_ctx_doubles(l, (size_t)shape->n), *err = NULL;
  for (int i = 0; i < shape->n; i++) {
    double e = 0;
    if (!make(data, i, &v[i], &e) || !isfinite(v[i]) || !isfinite(e))
      return lower_ctx_refuse(l, node, "operator %s of these constants overflows",
                              node->op);
    if (e > 0 && !err) err = lower_ctx_doubles(l, (size_t)shape->n);
    if (err) err[i] = e;
    l->drifted = l->drifted || is_rounded(type, v[i], e);
  }
  *out = lower_ctx_const(type, shape, v, err);
  return STATUS_OK;
}

Status lower_ctx_check_drift(Lower *l, const OnnxNode *node, const Value *x)
{
  if (!l->drifted || !is_float(x->type)) return STATUS_OK;
  return lower_ctx_refuse(
      l, node, "operator %s of a computed floating-point constant is not supported",
      node->op);
}

/* ---- moving elements ----------------------------------------------------- */

static Status gather_constants(Lower *l, const Value *const *parts, int n_parts,
                               const int *start, const int *map, const Shape *shape,
                               double **v, double **err)
{
  /* Concatenate first: plain indexing afterwards. */
  const int total = start[n_parts];
  double *all = mem_doubles0((size_t)total + 1), *all_err = NULL;
  for (int p = 0; p < n_parts; p++) {
    if (parts[p]->kind != VALUE_CONST || !parts[p]->shape.n) continue;
    const size_t bytes = (size_t)parts[p]->shape.n * sizeof(double);
    memcpy(all + start[p], parts[p]->v, bytes);
    if (!parts[p]->err) continue;
    if (!all_err) all_err = mem_doubles0((size_t)total + 1);
    memcpy(all_err + start[p], parts[p]->err, bytes);
  }
  *v = lower_ctx_doubles(l, (size_t)shape->n);
  *err = all_err ? lower_ctx_doubles(l, (size_t)shape->n) : NULL;
  for (int i = 0; i < shape->n; i++)
    if (map[i] >= 0) {
      (*v)[i] = all[map[i]];
      if (*err) (*err)[i] = all_err[map[i]];
    }
  mem_free(all);
  mem_free(all_err);
  return STATUS_OK;
}

static bool all_zero(const double *a, int n)
{
  for (int i = 0; a && i < n; i++)
    if (a[i] != 0) return false;
  return true;
}

static double *copy_doubles(const double *a, int n)
{
  double *copy = a ? mem_doubles((size_t)n) : NULL;
  if (a) memcpy(copy, a, (size_t)n * sizeof *a);
  return copy;
}

/* The variable elements: a MAP that leaves 0 where a constant will be added. */
static int gather_variables(Lower *l, const OnnxNode *node, const Value *const *parts,
                            int n_parts, const int *start, const int *map,
                            const Shape *shape)
{
  int *nodes = mem_array((size_t)n_parts, sizeof *nodes);
  int *shift = mem_array((size_t)start[n_parts] + 1, sizeof *shift);
  int n_nodes = 0, at = 0;
  for (int p = 0; p < n_parts; p++) {
    const bool is_var = parts[p]->kind == VALUE_VAR;
    for (int i = start[p]; i < start[p + 1]; i++)
      shift[i] = is_var ? at + i - start[p] : -1;
    if (!is_var) continue;
    nodes[n_nodes++] = parts[p]->node;
    at += parts[p]->shape.n;
  }
  int *own = mem_array((size_t)shape->n, sizeof *own);
  for (int i = 0; i < shape->n; i++)
    own[i] = map[i] < 0 ? -1 : shift[map[i]];
  const int k = draft_map(&l->draft, node->name, shape, nodes, n_nodes, own);
  mem_free(nodes);
  mem_free(shift);
  mem_free(own);
  return k;
}

Status lower_ctx_gather(Lower *l, const OnnxNode *node, const Value *const *parts,
                        int n_parts, const int *map, const Shape *shape, Value *out)
{
  int *start = mem_array((size_t)n_parts + 1, sizeof *start);
  bool any_var = false, fits = true;
  start[0] = 0;
  for (int p = 0; p < n_parts; p++) {
    fits = fits && start[p] <= INT32_MAX - 1 - parts[p]->shape.n;
    start[p + 1] = fits ? start[p] + parts[p]->shape.n : 0;
    any_var = any_var || parts[p]->kind == VALUE_VAR;
  }
  Status rc = STATUS_OK;
  if (!fits || (shape->n > SHAPE_MAX_VARIABLE && shape->n > start[n_parts])) {
    rc = lower_ctx_refuse(
        l, node, "operator %s: its operands or its result are too large", node->op);
  } else if (any_var && !shape->n) {
    rc = lower_ctx_bad(l, node, "operator %s: its result is empty", node->op);
  } else {
    double *v, *err;
    gather_constants(l, parts, n_parts, start, map, shape, &v, &err);
    const OnnxType type = parts[0]->type; /* out may be one of the parts */
    const Shape made = *shape;
    if (!any_var) *out = lower_ctx_const(type, &made, v, err);
    if (any_var) {
      int k = gather_variables(l, node, parts, n_parts, start, map, shape);
      if (!all_zero(v, shape->n) || !all_zero(err, shape->n))
        k = draft_scale(&l->draft, node->name, k, shape, NULL,
                        copy_doubles(v, shape->n), 0, copy_doubles(err, shape->n));
      *out = lower_ctx_var(type, &made, k);
    }
  }
  mem_free(start);
  return rc;
}

Status lower_ctx_strided(Lower *l, const OnnxNode *node, const Value *x, int offset,
                         const int *strides, const Shape *shape, Value *out)
{
  int *map = shape_map(shape, offset, strides);
  const Status rc = lower_ctx_gather(l, node, &x, 1, map, shape, out);
  mem_free(map);
  return rc;
}

Status lower_ctx_expand(Lower *l, const OnnxNode *node, const Value *x,
                        const Shape *shape, Value *out)
{
  if (x->shape.n == shape->n) {
    *out = lower_ctx_reshaped(x, shape);
    return STATUS_OK;
  }
  int strides[NODE_MAX_RANK];
  shape_broadcast_strides(&x->shape, shape, strides);
  return lower_ctx_strided(l, node, x, 0, strides, shape, out);
}

Status lower_ctx_transpose(Lower *l, const OnnxNode *node, const Value *x,
                           const int *perm, Value *out)
{
  int own[NODE_MAX_RANK], strides[NODE_MAX_RANK];
  Shape shape = x->shape;
  shape_strides(&x->shape, own);
  for (int d = 0; d < shape.rank; d++) {
    shape.dims[d] = x->shape.dims[perm[d]];
    strides[d] = own[perm[d]];
  }
  return lower_ctx_strided(l, node, x, 0, strides, &shape, out);
}

/* ---- attributes and index lists ------------------------------------------ */

int64_t lower_ctx_int(const OnnxNode *node, const char *attr, int64_t otherwise)
{
  const OnnxAttr *a = onnx_attr(node, attr);
  return a ? a->i : otherwise;
}

double lower_ctx_float(const OnnxNode *node, const char *attr, double otherwise)
{
  const OnnxAttr *a = onnx_attr(node, attr);
  return a ? a->f : otherwise;
}

const char *lower_ctx_string(const OnnxNode *node, const char *attr,
                             const char *otherwise)
{
  const OnnxAttr *a = onnx_attr(node, attr);
  return a ? a->s : otherwise;
}

static Status constant_ints(Lower *l, const OnnxNode *node, int k, const Value *x,
                            Ints *ints)
{
  if (x->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator %s: its input %d must be a constant",
                            node->op, k + 1);
  if ((x->type != ONNX_INT64 && x->type != ONNX_INT32) || x->shape.rank > 1)
    return lower_ctx_bad(l, node,
                         "operator %s: its input %d must be a list of integers",
                         node->op, k + 1);
  if (x->shape.n > LOWER_CTX_MAX_INTS)
    return lower_ctx_refuse(l, node, "operator %s: its input %d is too long", node->op,
                            k + 1);
  ints->n = x->shape.n;
  for (int i = 0; i < ints->n; i++)
    ints->v[i] = (int64_t)x->v[i];
  return STATUS_OK;
}

Status lower_ctx_ints(Lower *l, const OnnxNode *node, const char *attr, int k,
                      Ints *ints)
{
  const OnnxAttr *a = attr ? onnx_attr(node, attr) : NULL;
  const Value *x = k >= 0 ? lower_ctx_in(l, node, k) : NULL;
  ints->given = a || x;
  ints->n = 0;
  if (a && x)
    return lower_ctx_bad(l, node, "operator %s: %s is given twice", node->op, attr);
  if (x) return constant_ints(l, node, k, x, ints);
  if (!a) return STATUS_OK;
  if (a->n > LOWER_CTX_MAX_INTS)
    return lower_ctx_refuse(l, node, "attribute %s of operator %s is too long", attr,
                            node->op);
  ints->n = a->n;
  memcpy(ints->v, a->ints, (size_t)a->n * sizeof *ints->v);
  return STATUS_OK;
}

Status lower_ctx_axes(Lower *l, const OnnxNode *node, const Ints *axes, int rank,
                      bool on[NODE_MAX_RANK])
{
  memset(on, 0, NODE_MAX_RANK * sizeof *on);
  for (int i = 0; i < axes->n; i++) {
    int axis;
    if (!shape_axis(axes->v[i], rank, &axis))
      return lower_ctx_bad(l, node, "operator %s: axis %lld of a tensor of rank %d",
                           node->op, (long long)axes->v[i], rank);
    if (on[axis])
      return lower_ctx_bad(l, node, "operator %s: axis %d is given twice", node->op,
                           axis);
    on[axis] = true;
  }
  return STATUS_OK;
}
