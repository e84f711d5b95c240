/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_linear.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/fold.h"
#include "net/lower_arith.h"
#include "net/lower_mul.h"
#include "net/lower_piecewise.h"

/* ---- DENSE --------------------------------------------------------------- */

/* W[i][j] = c[offset + i row_stride + j col_stride] of a constant c. */
typedef struct {
  const Value *c;
  int offset, row_stride, col_stride;
  int rows, cols;
} Matrix;

static Status dense(Lower *l, const OnnxNode *node, int in, int reps, Matrix m,
                    const Shape *shape, int *out)
{
  if ((int64_t)m.rows * m.cols > SHAPE_MAX_SIZE)
    return lower_ctx_refuse(l, node, "operator %s: its matrix is too large", node->op);
  const size_t n = (size_t)m.rows * (size_t)m.cols;
  double *W = mem_doubles(n), *err = m.c->err ? mem_doubles(n) : NULL;
  for (int i = 0; i < m.rows; i++)
    for (int j = 0; j < m.cols; j++) {
      const size_t to = (size_t)i * (size_t)m.cols + (size_t)j;
      const int from = m.offset + i * m.row_stride + j * m.col_stride;
      W[to] = m.c->v[from];
      if (err) err[to] = m.c->err[from];
    }
  const double w_rel = fold_rel(W, err, n);
  mem_free(err);
  if (!(w_rel < 0x1p-20)) {
    mem_free(W);
    return lower_ctx_refuse(
        l, node, "operator %s: its constant cannot be computed accurately", node->op);
  }
  *out = draft_dense(&l->draft, node->name, in, shape, reps, m.rows, m.cols, W, NULL,
                     w_rel);
  return STATUS_OK;
}

/* y[o, j, i] = x[o, i, j] for blocks of rows x cols. */
static Status transpose_blocks(Lower *l, const OnnxNode *node, const Value *x,
                               int blocks, int rows, int cols, Value *y)
{
  const Shape flat = {.rank = 3, .dims = {blocks, rows, cols}, .n = x->shape.n};
  const Value block = lower_ctx_reshaped(x, &flat);
  const int perm[3] = {0, 2, 1};
  return lower_ctx_transpose(l, node, &block, perm, y);
}

/* A sum of products of constants. */
static bool fold_sum(const void *data, int i, double *v, double *err)
{
  const LowerMulSums *s = data;
  Fold sum = fold_exact(0);
  for (int j = 0; j < s->k; j++) {
    const int p = s->left[i] + j * s->a_step, q = s->right[i] + j * s->b_step;
    const Fold x = {s->a->v[p], s->a->err ? s->a->err[p] : 0};
    const Fold y = {s->b->v[q], s->b->err ? s->b->err[q] : 0};
    sum = fold_add(sum, fold_mul(x, y));
  }
  *v = sum.v;
  *err = sum.err;
  return fold_ok(sum);
}

/* ---- MatMul -------------------------------------------------------------- */

/* a[batch, m, k] b[batch, k, n], both batch shapes broadcast to `batch`. */
typedef struct {
  int m, k, n;
  Shape a_batch, b_batch, batch, out;
} Product;

static Status product_shapes(Lower *l, const OnnxNode *node, const Value *a,
                             const Value *b, Product *p)
{
  Shape x = a->shape, y = b->shape;
  char left[SHAPE_TEXT], right[SHAPE_TEXT];
  const bool a_vector = x.rank == 1, b_vector = y.rank == 1;
  if (a_vector) x = (Shape){.rank = 2, .dims = {1, x.n}, .n = x.n};
  if (b_vector) y = (Shape){.rank = 2, .dims = {y.n, 1}, .n = y.n};
  bool fits = x.rank >= 2 && y.rank >= 2 && x.n && y.n &&
              x.dims[x.rank - 1] == y.dims[y.rank - 2];
  if (fits) {
    p->m = x.dims[x.rank - 2];
    p->k = x.dims[x.rank - 1];
    p->n = y.dims[y.rank - 1];
    p->a_batch = x;
    p->b_batch = y;
    p->a_batch.rank -= 2;
    p->a_batch.n /= p->m * p->k;
    p->b_batch.rank -= 2;
    p->b_batch.n /= p->k * p->n;
    fits = shape_broadcast(&p->a_batch, &p->b_batch, &p->batch);
  }
  int64_t dims[NODE_MAX_RANK];
  int rank = fits ? p->batch.rank : 0;
  for (int d = 0; d < rank; d++)
    dims[d] = p->batch.dims[d];
  if (!a_vector && fits) dims[rank++] = p->m;
  if (!b_vector && fits) dims[rank++] = p->n;
  if (!fits || !shape_make(rank, dims, &p->out))
    return lower_ctx_bad(l, node, "operator %s: the shapes %s and %s do not match",
                         node->op, shape_text(&a->shape, left),
                         shape_text(&b->shape, right));
  return STATUS_OK;
}

/* x (blocks x m x k, a variable) times one constant k x n matrix. */
static Status times_constant(Lower *l, const OnnxNode *node, const Value *x, int reps,
                             const Product *p, const Value *b, int offset, Value *y)
{
  const Matrix w = {b, offset, 1, p->n, p->n, p->k};
  const Shape shape = {.rank = 2, .dims = {reps, p->n}, .n = reps * p->n};
  int k = -1;
  const Status rc = dense(l, node, x->node, reps, w, &shape, &k);
  *y = lower_ctx_var(x->type, &shape, k);
  return rc;
}

/* One constant m x k matrix times x (blocks x k x n): transpose, multiply, back. */
static Status constant_times(Lower *l, const OnnxNode *node, const Value *x, int blocks,
                             const Product *p, const Value *a, int offset, Value *y)
{
  Value t;
  Status rc = transpose_blocks(l, node, x, blocks, p->k, p->n, &t);
  if (rc) return rc;
  const Matrix w = {a, offset, p->k, 1, p->m, p->k};
  const int reps = blocks * p->n;
  const Shape shape = {.rank = 2, .dims = {reps, p->m}, .n = reps * p->m};
  int k = -1;
  rc = dense(l, node, t.node, reps, w, &shape, &k);
  if (rc) return rc;
  t = lower_ctx_var(x->type, &shape, k);
  return transpose_blocks(l, node, &t, blocks, p->n, p->m, y);
}

/* Several constant matrices: one product for each element of the batch. */
#define MAX_PRODUCTS 4096

static Status batched(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                      const Product *p, Value *y)
{
  const bool a_const = a->kind == VALUE_CONST;
  const int n = p->batch.n;
  if (n > MAX_PRODUCTS)
    return lower_ctx_refuse(l, node, "operator %s with %d constant matrices", node->op,
                            n);
  const Shape *var_batch = a_const ? &p->b_batch : &p->a_batch;
  const int var_size = a_const ? p->k * p->n : p->m * p->k;
  const int const_size = a_const ? p->m * p->k : p->k * p->n;
  int strides[NODE_MAX_RANK];
  shape_broadcast_strides(var_batch, &p->batch, strides);
  int *var_at = shape_map(&p->batch, 0, strides);
  shape_broadcast_strides(a_const ? &p->a_batch : &p->b_batch, &p->batch, strides);
  int *const_at = shape_map(&p->batch, 0, strides);
  Value *part = mem_zero((size_t)n, sizeof *part);
  const Value **parts = mem_array((size_t)n, sizeof *parts);
  Status rc = STATUS_OK;
  const Shape slice = shape_vector(var_size);
  for (int i = 0; i < n && !rc; i++) {
    Value x;
    const int one = 1, offset = const_at[i] * const_size;
    rc = lower_ctx_strided(l, node, a_const ? b : a, var_at[i] * var_size, &one, &slice,
                           &x);
    if (!rc)
      rc = a_const ? constant_times(l, node, &x, 1, p, a, offset, &part[i])
                   : times_constant(l, node, &x, p->m, p, b, offset, &part[i]);
    parts[i] = &part[i];
  }
  if (!rc) {
    const int one = 1;
    const Shape flat = shape_vector(p->out.n);
    int *map = shape_map(&flat, 0, &one);
    rc = lower_ctx_gather(l, node, parts, n, map, &p->out, y);
    mem_free(map);
  }
  mem_free(var_at);
  mem_free(const_at);
  mem_free(part);
  mem_free(parts);
  return rc;
}

/* A few bytes can ask for any product of constants: at most this many multiply-adds in
 * all of them together. */
#define MAX_FOLDED ((int64_t)1 << 28)

static Status fold_sums(Lower *l, const OnnxNode *node, const LowerMulSums *s,
                        const Shape *shape, Value *y)
{
  if (s->a->type != ONNX_FLOAT && s->a->type != ONNX_DOUBLE)
    return lower_ctx_refuse(l, node, "operator %s of integers is not supported",
                            node->op);
  const int64_t work = (int64_t)shape->n * s->k;
  if (shape->n > SHAPE_MAX_VARIABLE || work > MAX_FOLDED - l->n_folded)
    return lower_ctx_refuse(
        l, node, "operator %s: the products of constants are too large", node->op);
  l->n_folded += work;
  const Status rc = lower_ctx_fold(l, node, s->a->type, shape, fold_sum, s, y);
  l->drifted = true; /* ONNX rounds every sum, in an order of its own */
  return rc;
}

/* Both are constants, or both variables. */
static Status plain_product(Lower *l, const OnnxNode *node, const Value *a,
                            const Value *b, const Product *p, Value *y)
{
  if (p->out.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator %s: its result has %d elements",
                            node->op, p->out.n);
  int strides[NODE_MAX_RANK];
  const int plane = p->m * p->n;
  shape_broadcast_strides(&p->a_batch, &p->batch, strides);
  int *a_at = shape_map(&p->batch, 0, strides);
  shape_broadcast_strides(&p->b_batch, &p->batch, strides);
  int *b_at = shape_map(&p->batch, 0, strides);
  int *left = mem_array((size_t)p->out.n, sizeof *left);
  int *right = mem_array((size_t)p->out.n, sizeof *right);
  for (int i = 0; i < p->out.n; i++) {
    left[i] = (a_at[i / plane] * p->m + i % plane / p->n) * p->k;
    right[i] = b_at[i / plane] * p->k * p->n + i % p->n;
  }
  const LowerMulSums sums = {a, b, left, right, p->k, 1, p->n};
  const Status rc = a->kind == VALUE_CONST ? fold_sums(l, node, &sums, &p->out, y)
                                           : lower_mul_sums(l, node, &sums, &p->out, y);
  mem_free(a_at);
  mem_free(b_at);
  mem_free(left);
  mem_free(right);
  return rc;
}

Status lower_linear_matmul(Lower *l, const OnnxNode *node)
{
  const Value *a = lower_ctx_in(l, node, 0), *b = lower_ctx_in(l, node, 1);
  Product p;
  Value y = {0};
  Status rc = product_shapes(l, node, a, b, &p);
  if (rc) return rc;
  const bool a_const = a->kind == VALUE_CONST, b_const = b->kind == VALUE_CONST;
  if (a->type != b->type)
    return lower_ctx_bad(l, node, "operator MatMul: its operands have different types");
  if (a_const == b_const)
    rc = plain_product(l, node, a, b, &p, &y);
  else if (b_const && p.b_batch.n == 1)
    rc = times_constant(l, node, a, p.batch.n * p.m, &p, b, 0, &y);
  else if (a_const && p.a_batch.n == 1)
    rc = constant_times(l, node, b, p.batch.n, &p, a, 0, &y);
  else
    rc = batched(l, node, a, b, &p, &y);
  if (!rc) lower_ctx_out(l, node, 0, lower_ctx_reshaped(&y, &p.out));
  return rc;
}

/* ---- Gemm ---------------------------------------------------------------- */

/* c times a number of the model, folded or as a SCALE. */
static Status times_number(Lower *l, const OnnxNode *node, const Value *c,
                           double factor, Value *y)
{
  *y = *c;
  return factor == 1 ? STATUS_OK : lower_arith_times(l, node, c, fold_exact(factor), y);
}

/* alpha op(A) op(B); A is m x k and B is k x n after the transpositions. */
static Status gemm_product(Lower *l, const OnnxNode *node, const Value *a,
                           const Value *b, bool trans_a, bool trans_b, const Product *p,
                           Value *y)
{
  const double alpha = lower_ctx_float(node, "alpha", 1);
  const int swap[2] = {1, 0};
  Value x = *a, c = *b;
  Status rc = STATUS_OK;
  int k;
  if (a->kind == b->kind) {
    if (trans_a) rc = lower_ctx_transpose(l, node, a, swap, &x);
    if (!rc && trans_b) rc = lower_ctx_transpose(l, node, b, swap, &c);
    if (!rc) rc = plain_product(l, node, &x, &c, p, y);
    return rc ? rc : times_number(l, node, y, alpha, y);
  }
  if (b->kind == VALUE_CONST) {
    x = *a;
    rc = times_number(l, node, b, alpha, &c);
    if (!rc && trans_a) rc = lower_ctx_transpose(l, node, a, swap, &x);
    const Matrix w = {&c, 0, trans_b ? p->k : 1, trans_b ? 1 : p->n, p->n, p->k};
    if (!rc) rc = dense(l, node, x.node, p->m, w, &p->out, &k);
    if (!rc) *y = lower_ctx_var(a->type, &p->out, k);
    return rc;
  }
  /* y^T = op(B)^T op(A)^T: rows of op(B)^T are the variables' vectors. */
  x = *b;
  rc = times_number(l, node, a, alpha, &c);
  if (!rc && !trans_b) rc = lower_ctx_transpose(l, node, b, swap, &x);
  const Matrix w = {&c, 0, trans_a ? 1 : p->k, trans_a ? p->m : 1, p->m, p->k};
  const Shape turned = {.rank = 2, .dims = {p->n, p->m}, .n = p->out.n};
  if (!rc) rc = dense(l, node, x.node, p->n, w, &turned, &k);
  if (rc) return rc;
  x = lower_ctx_var(b->type, &turned, k);
  return lower_ctx_transpose(l, node, &x, swap, y);
}

static Status gemm_shapes(Lower *l, const OnnxNode *node, const Value *a,
                          const Value *b, bool trans_a, bool trans_b, Product *p)
{
  char left[SHAPE_TEXT], right[SHAPE_TEXT];
  const Shape *x = &a->shape, *y = &b->shape;
  bool fits = x->rank == 2 && y->rank == 2 && x->n && y->n &&
              x->dims[!trans_a] == y->dims[trans_b];
  if (fits) {
    p->m = x->dims[trans_a];
    p->k = x->dims[!trans_a];
    p->n = y->dims[!trans_b];
    const int64_t dims[2] = {p->m, p->n};
    fits = shape_make(2, dims, &p->out);
    p->a_batch = p->b_batch = p->batch = (Shape){.rank = 0, .n = 1};
  }
  if (!fits)
    return lower_ctx_bad(l, node, "operator Gemm: the shapes %s and %s do not match",
                         shape_text(x, left), shape_text(y, right));
  return STATUS_OK;
}

Status lower_linear_gemm(Lower *l, const OnnxNode *node)
{
  const Value *a = lower_ctx_in(l, node, 0), *b = lower_ctx_in(l, node, 1);
  const Value *c = lower_ctx_in(l, node, 2);
  const bool trans_a = lower_ctx_int(node, "transA", 0) != 0;
  const bool trans_b = lower_ctx_int(node, "transB", 0) != 0;
  Product p = {0};
  Status rc = gemm_shapes(l, node, a, b, trans_a, trans_b, &p);
  if (rc) return rc;
  if (a->type != b->type)
    return lower_ctx_bad(l, node, "operator Gemm: its operands have different types");
  Value y = {0}, bias;
  rc = gemm_product(l, node, a, b, trans_a, trans_b, &p, &y);
  if (!rc && c) {
    Shape common;
    if (!shape_broadcast(&c->shape, &p.out, &common) || !shape_equal(&common, &p.out))
      return lower_ctx_bad(l, node, "operator Gemm: its third operand does not match");
    rc = times_number(l, node, c, lower_ctx_float(node, "beta", 1), &bias);
    if (!rc) rc = lower_arith_apply(l, node, '+', &y, &bias, &y);
  }
  if (!rc) lower_ctx_out(l, node, 0, lower_ctx_reshaped(&y, &p.out));
  return rc;
}

/* ---- ReduceSum, ReduceMean ----------------------------------------------- */

/* Sums of constants; those of integers are exact or refused. */
typedef struct {
  const Value *x;
  int cols;
  bool mean;
} Rows;

static bool fold_rows(const void *data, int i, double *v, double *err)
{
  const Rows *r = data;
  const bool whole = r->x->type == ONNX_INT64 || r->x->type == ONNX_INT32;
  Fold sum = fold_exact(0);
  for (int j = 0; j < r->cols; j++) {
    const int k = i * r->cols + j;
    const Fold x = {r->x->v[k], r->x->err ? r->x->err[k] : 0};
    sum = fold_add(sum, x);
    if (whole && !(fabs(x.v) < 0x1p53 && fabs(sum.v) < 0x1p53)) return false;
  }
  if (r->mean) sum = fold_div(sum, fold_exact(r->cols));
  *v = sum.v;
  *err = sum.err;
  return fold_ok(sum) && (r->x->type != ONNX_INT32 || fabs(sum.v) < 0x1p31);
}

static Status reduce_constant(Lower *l, const OnnxNode *node, const Value *x, int cols,
                              bool mean, const Shape *shape, Value *y)
{
  const bool real = x->type == ONNX_FLOAT || x->type == ONNX_DOUBLE;
  if (x->type == ONNX_BOOL || (mean && !real))
    return lower_ctx_refuse(l, node, "operator %s of %s is not supported", node->op,
                            mean ? "integers" : "truth values");
  const Value own = *x; /* y may be x */
  const Rows rows = {&own, cols, mean};
  const Status rc = lower_ctx_fold(l, node, own.type, shape, fold_rows, &rows, y);
  l->drifted = l->drifted || real; /* ONNX rounds every sum, in an order of its own */
  return rc;
}

/* The mean or sum over the last `cols` elements of each of `reps` groups. */
static Status reduce_rows(Lower *l, const OnnxNode *node, const Value *x, int reps,
                          int cols, bool mean, const Shape *shape, Value *y)
{
  if (x->kind == VALUE_CONST) return reduce_constant(l, node, x, cols, mean, shape, y);
  const Fold w = mean ? fold_div(fold_exact(1), fold_exact(cols)) : fold_exact(1);
  double *v = lower_ctx_doubles(l, 1), *err = lower_ctx_doubles(l, 1);
  v[0] = w.v;
  err[0] = w.err;
  const Shape scalar = {.rank = 0, .n = 1};
  const Value c = lower_ctx_const(x->type, &scalar, v, err);
  int k = -1;
  const Status rc =
      dense(l, node, x->node, reps, (Matrix){&c, 0, 0, 0, 1, cols}, shape, &k);
  if (!rc) *y = lower_ctx_var(x->type, shape, k);
  return rc;
}

Status lower_linear_axes(Lower *l, const OnnxNode *node, int rank,
                         bool on[NODE_MAX_RANK])
{
  Ints axes;
  Status rc = lower_ctx_ints(l, node, "axes", 1, &axes);
  if (!rc) rc = lower_ctx_axes(l, node, &axes, rank, on);
  if (!rc && !axes.n && !lower_ctx_int(node, "noop_with_empty_axes", 0))
    for (int d = 0; d < rank; d++)
      on[d] = true;
  return rc;
}

/* The result's shape, and the order of axes that puts the reduced ones last. */
static void reduced_shape(const Shape *x, const bool on[NODE_MAX_RANK], bool keep,
                          int *perm, Shape *shape)
{
  int rank = 0, n = 0;
  *shape = (Shape){.rank = 0, .n = 1};
  for (int d = 0; d < x->rank; d++) {
    if (!on[d]) perm[n++] = d;
    if (!on[d] || keep) shape->dims[rank++] = on[d] ? 1 : x->dims[d];
    if (!on[d]) shape->n *= x->dims[d];
  }
  for (int d = 0; d < x->rank; d++)
    if (on[d]) perm[n++] = d;
  shape->rank = rank;
}

Status lower_linear_reduced(Lower *l, const OnnxNode *node, const Shape *x, int *perm,
                            Shape *shape)
{
  bool on[NODE_MAX_RANK];
  const Status rc = lower_linear_axes(l, node, x->rank, on);
  if (!rc) reduced_shape(x, on, lower_ctx_int(node, "keepdims", 1) != 0, perm, shape);
  return rc;
}

Status lower_linear_rows(Lower *l, const OnnxNode *node, const Value *x,
                         const bool on[NODE_MAX_RANK], bool keep, Value *rows,
                         Shape *shape)
{
  int perm[NODE_MAX_RANK];
  if (!x->shape.n)
    return lower_ctx_refuse(l, node, "operator %s of an empty tensor", node->op);
  reduced_shape(&x->shape, on, keep, perm, shape);
  const Status rc = lower_ctx_transpose(l, node, x, perm, rows);
  if (rc) return rc;
  const Shape two = {
      .rank = 2, .dims = {shape->n, x->shape.n / shape->n}, .n = x->shape.n};
  *rows = lower_ctx_reshaped(rows, &two);
  return STATUS_OK;
}

Status lower_linear_sum(Lower *l, const OnnxNode *node, const Value *x,
                        const bool on[NODE_MAX_RANK], bool mean, bool keep, Value *y)
{
  Value rows;
  Shape shape;
  Status rc = lower_linear_rows(l, node, x, on, keep, &rows, &shape);
  if (rc) return rc;
  const int cols = rows.shape.dims[1];
  *y = lower_ctx_reshaped(&rows, &shape);
  return cols > 1 ? reduce_rows(l, node, &rows, shape.n, cols, mean, &shape, y)
                  : STATUS_OK;
}

static Status reduce(Lower *l, const OnnxNode *node, const Value *x, bool mean)
{
  const bool keep = lower_ctx_int(node, "keepdims", 1) != 0;
  bool on[NODE_MAX_RANK];
  Value y;
  Status rc = lower_linear_axes(l, node, x->shape.rank, on);
  if (!rc) rc = lower_linear_sum(l, node, x, on, mean, keep, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

Status lower_linear_reduce(Lower *l, const OnnxNode *node)
{
  return reduce(l, node, lower_ctx_in(l, node, 0), !strcmp(node->op, "ReduceMean"));
}

Status lower_linear_reduce_l1(Lower *l, const OnnxNode *node)
{
  Value y;
  const Status rc = lower_piecewise_absolute(l, node, lower_ctx_in(l, node, 0), &y);
  return rc ? rc : reduce(l, node, &y, false);
}

Status lower_linear_reduce_prod(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  int perm[NODE_MAX_RANK];
  Shape shape;
  Status rc = lower_linear_reduced(l, node, &x->shape, perm, &shape);
  if (rc) return rc;
  if (x->kind != VALUE_CONST)
    return lower_ctx_refuse(l, node,
                            "operator ReduceProd of a variable is not supported");
  if (x->type != ONNX_INT64 && x->type != ONNX_INT32)
    return lower_ctx_refuse(l, node,
                            "operator ReduceProd is supported for integers only");
  if (!shape.n || !x->shape.n)
    return lower_ctx_refuse(l, node, "operator ReduceProd of an empty tensor");
  Value y;
  rc = lower_ctx_transpose(l, node, x, perm, &y);
  if (rc) return rc;
  const int cols = x->shape.n / shape.n;
  double *v = lower_ctx_doubles(l, (size_t)shape.n);
  for (int i = 0; i < shape.n; i++) {
    v[i] = 1;
    for (int j = 0; j < cols; j++)
      v[i] *= y.v[(size_t)i * (size_t)cols + (size_t)j];
    const double limit = x->type == ONNX_INT32 ? 0x1p31 : 0x1p53;
    if (!(fabs(v[i]) < limit))
      return lower_ctx_refuse(l, node,
                              "operator ReduceProd of these constants overflows");
  }
  lower_ctx_out(l, node, 0, lower_ctx_const(x->type, &shape, v, NULL));
  return STATUS_OK;
}

Status lower_linear_global_pool(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  if (x->kind != VALUE_VAR || x->shape.rank < 3)
    return lower_ctx_bad(l, node,
                         "operator GlobalAveragePool needs a variable of 3 or "
                         "more dimensions");
  Shape shape = {.rank = x->shape.rank, .n = x->shape.dims[0] * x->shape.dims[1]};
  for (int d = 0; d < shape.rank; d++)
    shape.dims[d] = d < 2 ? x->shape.dims[d] : 1;
  Value y;
  const Status rc =
      reduce_rows(l, node, x, shape.n, x->shape.n / shape.n, true, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
