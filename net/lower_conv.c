/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_conv.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/fold.h"
#include "net/lower_window.h"

static Status check_input(Lower *l, const OnnxNode *node, const Value *x)
{
  if (x->kind == VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator %s of a constant is not supported",
                            node->op);
  if (x->shape.rank < 3 || x->shape.rank > 2 + LOWER_WINDOW_MAX_AXES)
    return lower_ctx_refuse(l, node,
                            "operator %s of %d dimensions is not supported, "
                            "only of 3 (1-D), 4 (2-D) and 5 (3-D)",
                            node->op, x->shape.rank);
  return STATUS_OK;
}

/* The last two axes; 1-D networks get a second one with a kernel of 1. */
static void last_two(const WindowAxis *axis, int n, WindowAxis plane[2])
{
  plane[0] =
      n > 1 ? axis[n - 2]
            : (WindowAxis){.in = 1, .kernel = 1, .stride = 1, .dilation = 1, .out = 1};
  plane[1] = axis[n - 1];
}

/* The Conv of net/net.h for images [batch, c_in, h, w], and its output's size. */
static Status make_conv(Lower *l, const OnnxNode *node, int64_t batch, int c_in,
                        int c_out, int groups, const WindowAxis plane[2], Conv *conv,
                        int *n_out)
{
  const int64_t dims[4] = {batch, c_out, plane[0].out, plane[1].out};
  Shape shape;
  if (!shape_make(4, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator %s: its result is too large", node->op);
  *n_out = shape.n;
  *conv = (Conv){.c_in = (int)batch * c_in,
                 .h_in = (int)plane[0].in,
                 .w_in = (int)plane[1].in,
                 .c_out = (int)batch * c_out,
                 .h_out = (int)plane[0].out,
                 .w_out = (int)plane[1].out,
                 .kh = (int)plane[0].kernel,
                 .kw = (int)plane[1].kernel,
                 .sh = (int)plane[0].stride,
                 .sw = (int)plane[1].stride,
                 .dh = (int)plane[0].dilation,
                 .dw = (int)plane[1].dilation,
                 .pt = (int)plane[0].before,
                 .pl = (int)plane[1].before,
                 .groups = (int)batch * groups};
  return STATUS_OK;
}

/* ---- the third dimension ------------------------------------------------- */

Status lower_conv_fold_depth(Lower *l, const OnnxNode *node, const Value *x, int out,
                             int kernel, const int *at, Value *y)
{
  const int n = x->shape.dims[0], c = x->shape.dims[1], depth = x->shape.dims[2];
  const int h = x->shape.dims[3], w = x->shape.dims[4], plane = h * w;
  const int64_t dims[5] = {(int64_t)n * out, c, kernel, h, w};
  Shape slices, shape;
  if (!shape_make(5, dims, &slices) || slices.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator %s: its windows are too large",
                            node->op);
  int *map = mem_array((size_t)slices.n + 1, sizeof *map);
  for (int i = 0; i < slices.n; i++) {
    const int k = i / plane % kernel, channel = i / plane / kernel % c;
    const int image = i / plane / kernel / c;
    const int z = at[image % out * kernel + k];
    const int from = ((image / out * c + channel) * depth + z) * plane + i % plane;
    map[i] = z < 0 ? -1 : from;
  }
  const int64_t folded[4] = {dims[0], (int64_t)c * kernel, h, w};
  shape_make(4, folded, &shape); /* as many as before */
  const Status rc = lower_ctx_gather(l, node, &x, 1, map, &shape, y);
  mem_free(map);
  return rc;
}

Status lower_conv_unfold_depth(Lower *l, const OnnxNode *node, const Value *x, int out,
                               Value *y)
{
  const Shape s = x->shape;
  const Shape deep = {.rank = 5,
                      .dims = {s.dims[0] / out, out, s.dims[1], s.dims[2], s.dims[3]},
                      .n = s.n};
  const Value images = lower_ctx_reshaped(x, &deep);
  const int perm[5] = {0, 2, 1, 3, 4};
  return lower_ctx_transpose(l, node, &images, perm, y);
}

static Status fold_windows(Lower *l, const OnnxNode *node, const Value *x,
                           const WindowAxis *depth, Value *y)
{
  if (depth->kernel * depth->out > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator %s: its windows are too large",
                            node->op);
  const int kernel = (int)depth->kernel, out = (int)depth->out;
  int *at = mem_array((size_t)kernel * (size_t)out, sizeof *at);
  for (int64_t o = 0; o < out; o++)
    for (int64_t k = 0; k < kernel; k++) {
      const int64_t z = o * depth->stride - depth->before + k * depth->dilation;
      at[o * kernel + k] = z >= 0 && z < depth->in ? (int)z : -1;
    }
  const Status rc = lower_conv_fold_depth(l, node, x, out, kernel, at, y);
  mem_free(at);
  return rc;
}

/* ---- Conv ---------------------------------------------------------------- */

static double *repeat(const double *v, int n, int times)
{
  double *a = mem_doubles((size_t)n * (size_t)times);
  for (int t = 0; t < times; t++)
    memcpy(a + (size_t)t * (size_t)n, v, (size_t)n * sizeof *a);
  return a;
}

static Status conv_weights(Lower *l, const OnnxNode *node, const Value *x,
                           const Value *w, const Value *b, WindowAxis *axis,
                           int *groups)
{
  const Shape *s = &w->shape;
  const int64_t g = lower_ctx_int(node, "group", 1);
  if (w->kind != VALUE_CONST || (b && b->kind != VALUE_CONST))
    return lower_ctx_refuse(l, node,
                            "operator Conv: its weights and biases must be constants");
  if (w->type != x->type || (b && b->type != x->type))
    return lower_ctx_bad(l, node, "operator Conv: its operands have different types");
  if (s->rank != x->shape.rank || !s->n || g < 1 || g > s->dims[0] ||
      s->dims[0] % g != 0 || (int64_t)s->dims[1] * g != x->shape.dims[1] ||
      (b && (b->shape.rank != 1 || b->shape.n != s->dims[0])))
    return lower_ctx_bad(l, node,
                         "operator Conv: its weights do not match its input or group");
  for (int i = 0; i < s->rank - 2; i++)
    axis[i].kernel = s->dims[2 + i];
  const OnnxAttr *attr = onnx_attr(node, "kernel_shape");
  for (int i = 0; attr && i < s->rank - 2; i++)
    if (attr->n != s->rank - 2 || attr->ints[i] != axis[i].kernel)
      return lower_ctx_bad(l, node,
                           "attribute kernel_shape of operator Conv contradicts "
                           "its weights");
  const double w_rel = fold_rel(w->v, w->err, (size_t)s->n);
  if ((b && b->err) || !(w_rel < 0x1p-20))
    return lower_ctx_refuse(l, node,
                            "operator Conv: its weights are computed inexactly");
  *groups = (int)g;
  return STATUS_OK;
}

/* The images of x, all with the same weights; y has one dimension for the batch, one
 * for the channels and those of the plane. */
static Status convolve(Lower *l, const OnnxNode *node, const Value *x, int groups,
                       const WindowAxis *axis, int n, Value *y)
{
  const Value *w = lower_ctx_in(l, node, 1), *b = lower_ctx_in(l, node, 2);
  const int batch = x->shape.dims[0], c_out = w->shape.dims[0];
  WindowAxis plane[2];
  Conv conv;
  Shape shape;
  int n_out = 0;
  last_two(axis, n, plane);
  const Status rc =
      make_conv(l, node, batch, x->shape.dims[1], c_out, groups, plane, &conv, &n_out);
  if (rc) return rc;
  if ((int64_t)batch * w->shape.n > SHAPE_MAX_SIZE)
    return lower_ctx_refuse(l, node, "operator Conv: its batch is too large");
  int64_t dims[4] = {batch, c_out, plane[0].out, plane[1].out};
  if (n == 1) dims[2] = dims[3];
  shape_make(n == 1 ? 3 : 4, dims, &shape);
  const int k = draft_conv(&l->draft, node->name, x->node, &shape, &conv,
                           repeat(w->v, w->shape.n, batch),
                           b ? repeat(b->v, b->shape.n, batch) : NULL,
                           fold_rel(w->v, w->err, (size_t)w->shape.n));
  *y = lower_ctx_var(x->type, &shape, k);
  return STATUS_OK;
}

Status lower_conv_conv(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *w = lower_ctx_in(l, node, 1);
  WindowAxis axis[LOWER_WINDOW_MAX_AXES] = {{0}};
  int groups = 1;
  Status rc = check_input(l, node, x);
  if (!rc) rc = conv_weights(l, node, x, w, lower_ctx_in(l, node, 2), axis, &groups);
  if (!rc) rc = lower_window_read(l, node, &x->shape, axis);
  if (rc) return rc;
  const int n = x->shape.rank - 2;
  Value image = *x, y = {0};
  if (n == 3) rc = fold_windows(l, node, x, &axis[0], &image);
  if (!rc) rc = convolve(l, node, &image, groups, axis, n, &y);
  if (!rc && n == 3) rc = lower_conv_unfold_depth(l, node, &y, (int)axis[0].out, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

/* ---- AveragePool --------------------------------------------------------- */

/* Taps of window o inside the input or, with `padding`, inside the padded one. */
static int64_t counted(const WindowAxis *x, bool padding, int64_t o)
{
  WindowAxis whole = *x;
  int64_t first;
  if (padding) {
    whole.in += x->before + x->after;
    whole.before = 0;
  }
  return lower_window_taps(&whole, o, &first);
}

/* Does every window count as many elements as the kernel has? */
static bool counts_all(const WindowAxis *x, bool padding)
{
  return counted(x, padding, 0) == x->kernel &&
         counted(x, padding, x->out - 1) == x->kernel;
}

/* y = (sum over the window) / (elements of the window that count) */
static Status divide_by_counts(Lower *l, const OnnxNode *node, const WindowAxis *axis,
                               int n, bool padding, Value *y)
{
  const int size = y->shape.n;
  double *scale = mem_doubles((size_t)size), *err = mem_doubles((size_t)size);
  bool empty = false;
  for (int i = 0; i < size; i++) {
    int64_t count = 1;
    for (int d = n - 1, rest = i; d >= 0; rest /= (int)axis[d--].out)
      count *= counted(&axis[d], padding, rest % axis[d].out);
    empty = empty || !count;
    const Fold f = fold_div(fold_exact(1), fold_exact(count ? (double)count : 1));
    scale[i] = f.v;
    err[i] = f.err;
  }
  const double w_rel = fold_rel(scale, err, (size_t)size);
  mem_free(err);
  if (empty) {
    mem_free(scale);
    return lower_ctx_bad(l, node, "operator AveragePool: a window lies in the padding");
  }
  y->node =
      draft_scale(&l->draft, node->name, y->node, &y->shape, scale, NULL, w_rel, NULL);
  return STATUS_OK;
}

/* Sums over windows of every channel's plane, times a number. */
static Status sum_plane(Lower *l, const OnnxNode *node, int in, int64_t channels,
                        const WindowAxis plane[2], Fold factor, int *out)
{
  const int64_t n = channels * plane[0].kernel * plane[1].kernel;
  Conv conv;
  int n_out = 0;
  if (n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator AveragePool: its window is too large");
  const Status rc = make_conv(l, node, 1, (int)channels, (int)channels, (int)channels,
                              plane, &conv, &n_out);
  if (rc) return rc;
  double *W = mem_doubles((size_t)n);
  for (int64_t i = 0; i < n; i++)
    W[i] = factor.v;
  const Shape shape = {
      .rank = 3, .dims = {conv.c_out, conv.h_out, conv.w_out}, .n = n_out};
  *out = draft_conv(&l->draft, node->name, in, &shape, &conv, W, NULL,
                    fold_rel(&factor.v, &factor.err, 1));
  return STATUS_OK;
}

static Status sum_windows(Lower *l, const OnnxNode *node, const Value *x,
                          const WindowAxis *axis, int n, Fold factor, int *out)
{
  const int64_t images = (int64_t)x->shape.dims[0] * x->shape.dims[1];
  WindowAxis plane[2];
  last_two(axis, n, plane);
  if (n < 3) return sum_plane(l, node, x->node, images, plane, factor, out);
  Status rc =
      sum_plane(l, node, x->node, images * axis[0].in, plane, fold_exact(1), out);
  /* What is left of every slice is one row of a plane as high as the depth. */
  const int64_t width = plane[0].out * plane[1].out;
  plane[0] = axis[0];
  plane[1] =
      (WindowAxis){.in = width, .kernel = 1, .stride = 1, .dilation = 1, .out = width};
  return rc ? rc : sum_plane(l, node, *out, images, plane, factor, out);
}

Status lower_conv_average_pool(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  WindowAxis axis[LOWER_WINDOW_MAX_AXES] = {{0}};
  Status rc = check_input(l, node, x);
  if (!rc) rc = lower_window_kernel(l, node, x->shape.rank - 2, axis);
  if (!rc) rc = lower_window_read(l, node, &x->shape, axis);
  if (rc) return rc;
  const int n = x->shape.rank - 2;
  const bool padding = lower_ctx_int(node, "count_include_pad", 0) != 0;
  int64_t window = 1, dims[2 + LOWER_WINDOW_MAX_AXES];
  bool all = true;
  for (int i = 0; i < n; i++) {
    window *= axis[i].kernel;
    if (window > LOWER_WINDOW_LIMIT)
      return lower_ctx_refuse(l, node, "operator AveragePool: its window is too large");
    all = all && counts_all(&axis[i], padding);
    dims[2 + i] = axis[i].out;
  }
  Value y = *x;
  const Fold factor = fold_div(fold_exact(1), fold_exact(all ? (double)window : 1));
  if ((rc = sum_windows(l, node, x, axis, n, factor, &y.node))) return rc;
  dims[0] = x->shape.dims[0];
  dims[1] = x->shape.dims[1];
  shape_make(x->shape.rank, dims, &y.shape); /* checked with the last sum */
  if (!all) rc = divide_by_counts(l, node, axis, n, padding, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
