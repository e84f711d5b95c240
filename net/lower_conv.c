/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_conv.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/fold.h"

/* One spatial axis.  1-D networks get a second one with a kernel of 1. */
typedef struct {
  int64_t in, kernel, stride, dilation, before, after, out;
} Axis;

#define LIMIT ((int64_t)1 << 24) /* of strides, dilations and paddings */

/* attr's entries into one field of each axis; what is missing keeps its default. */
static Status read_list(Lower *l, const OnnxNode *node, const char *attr, int n,
                        int64_t low, int64_t *values)
{
  const OnnxAttr *a = onnx_attr(node, attr);
  if (!a) return STATUS_OK;
  if (a->n != n)
    return lower_ctx_bad(l, node,
                         "attribute %s of operator %s has %d entries, expected "
                         "%d",
                         attr, node->op, a->n, n);
  for (int i = 0; i < n; i++) {
    if (a->ints[i] < low || a->ints[i] > LIMIT)
      return lower_ctx_bad(l, node, "attribute %s of operator %s: %lld is out of range",
                           attr, node->op, (long long)a->ints[i]);
    values[i] = a->ints[i];
  }
  return STATUS_OK;
}

typedef enum { PAD_GIVEN, PAD_VALID, PAD_UPPER, PAD_LOWER } AutoPad;

static Status read_auto_pad(Lower *l, const OnnxNode *node, AutoPad *mode)
{
  const char *name = lower_ctx_string(node, "auto_pad", "NOTSET");
  static const char *const names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
  for (int k = 0; k < 4; k++)
    if (!strcmp(name, names[k])) {
      *mode = (AutoPad)k;
      return STATUS_OK;
    }
  return lower_ctx_refuse(l, node,
                          "attribute auto_pad=%.40s of operator %s is not "
                          "supported",
                          name, node->op);
}

/* Padding and output size of one axis. */
static Status finish_axis(Lower *l, const OnnxNode *node, AutoPad mode, bool ceiling,
                          Axis *x)
{
  const int64_t reach = (x->kernel - 1) * x->dilation + 1;
  if (mode == PAD_VALID) x->before = x->after = 0;
  if (mode == PAD_UPPER || mode == PAD_LOWER) {
    const int64_t out = (x->in + x->stride - 1) / x->stride;
    const int64_t need = (out - 1) * x->stride + reach - x->in;
    const int64_t total = need > 0 ? need : 0;
    x->before = mode == PAD_UPPER ? total / 2 : total - total / 2;
    x->after = total - x->before;
  }
  const int64_t room = x->in + x->before + x->after - reach;
  if (room < 0)
    return lower_ctx_bad(l, node, "operator %s: its kernel is larger than its input",
                         node->op);
  if (ceiling && room % x->stride != 0)
    return lower_ctx_refuse(l, node,
                            "attribute ceil_mode=1 of operator %s is not "
                            "supported where it adds an output",
                            node->op);
  x->out = room / x->stride + 1;
  return STATUS_OK;
}

/* All attributes that Conv and AveragePool share; kernel is set already. */
static Status read_axes(Lower *l, const OnnxNode *node, const Shape *x, Axis axis[2],
                        AutoPad *mode)
{
  const int n = x->rank - 2;
  int64_t strides[2] = {1, 1}, dilations[2] = {1, 1}, pads[4] = {0};
  Status rc = read_list(l, node, "strides", n, 1, strides);
  if (!rc) rc = read_list(l, node, "dilations", n, 1, dilations);
  if (!rc) rc = read_list(l, node, "pads", 2 * n, 0, pads);
  if (!rc) rc = read_auto_pad(l, node, mode);
  if (rc) return rc;
  for (int i = 0; i < 2 * n; i++)
    if (*mode != PAD_GIVEN && pads[i])
      return lower_ctx_bad(l, node, "operator %s has both pads and auto_pad", node->op);
  /* Runtimes disagree about the padding then. */
  for (int i = 0; i < n; i++)
    if ((*mode == PAD_UPPER || *mode == PAD_LOWER) && dilations[i] > 1)
      return lower_ctx_refuse(l, node,
                              "attribute auto_pad=SAME_* of operator %s together with "
                              "dilations is not supported",
                              node->op);
  for (int i = 0; i < n; i++) {
    Axis *a = &axis[i + 2 - n];
    a->in = x->dims[2 + i];
    a->stride = strides[i];
    a->dilation = dilations[i];
    a->before = pads[i];
    a->after = pads[n + i];
  }
  if (n == 1)
    axis[0] = (Axis){.in = 1, .kernel = 1, .stride = 1, .dilation = 1, .out = 1};
  const bool ceiling = lower_ctx_int(node, "ceil_mode", 0) != 0;
  for (int i = 2 - n; i < 2 && !rc; i++)
    rc = finish_axis(l, node, *mode, ceiling, &axis[i]);
  return rc;
}

static Status check_input(Lower *l, const OnnxNode *node, const Value *x)
{
  if (x->kind == VALUE_CONST)
    return lower_ctx_refuse(l, node, "operator %s of a constant is not supported",
                            node->op);
  if (x->shape.rank < 3 || x->shape.rank > 4)
    return lower_ctx_refuse(l, node,
                            "operator %s of %d dimensions is not supported, "
                            "only of 3 (1-D) and 4 (2-D)",
                            node->op, x->shape.rank);
  return STATUS_OK;
}

/* The Conv of net/net.h for a batch, and the shape of its output. */
static Status make_conv(Lower *l, const OnnxNode *node, const Shape *x, int c_out,
                        int groups, const Axis axis[2], Conv *conv, Shape *shape)
{
  const int batch = x->dims[0];
  int64_t dims[4] = {batch, c_out};
  for (int i = 0; i < x->rank - 2; i++)
    dims[2 + i] = axis[i + 4 - x->rank].out;
  if (!shape_make(x->rank, dims, shape) || shape->n > SHAPE_MAX_VARIABLE ||
      (int64_t)batch * c_out > SHAPE_MAX_SIZE)
    return lower_ctx_refuse(l, node, "operator %s: its result is too large", node->op);
  *conv = (Conv){.c_in = batch * x->dims[1],
                 .h_in = (int)axis[0].in,
                 .w_in = (int)axis[1].in,
                 .c_out = batch * c_out,
                 .h_out = (int)axis[0].out,
                 .w_out = (int)axis[1].out,
                 .kh = (int)axis[0].kernel,
                 .kw = (int)axis[1].kernel,
                 .sh = (int)axis[0].stride,
                 .sw = (int)axis[1].stride,
                 .dh = (int)axis[0].dilation,
                 .dw = (int)axis[1].dilation,
                 .pt = (int)axis[0].before,
                 .pl = (int)axis[1].before,
                 .groups = batch * groups};
  return STATUS_OK;
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
                           const Value *w, const Value *b, Axis axis[2], int *groups)
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
  int64_t kernel[2];
  for (int i = 0; i < s->rank - 2; i++)
    kernel[i] = axis[i + 4 - s->rank].kernel = s->dims[2 + i];
  const OnnxAttr *attr = onnx_attr(node, "kernel_shape");
  for (int i = 0; attr && i < s->rank - 2; i++)
    if (attr->n != s->rank - 2 || attr->ints[i] != kernel[i])
      return lower_ctx_bad(l, node,
                           "attribute kernel_shape of operator Conv contradicts "
                           "its weights");
  *groups = (int)g;
  return STATUS_OK;
}

Status lower_conv_conv(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *w = lower_ctx_in(l, node, 1);
  const Value *b = lower_ctx_in(l, node, 2);
  Axis axis[2] = {{0}};
  AutoPad mode;
  Conv conv;
  Shape shape;
  int groups = 1;
  Status rc = check_input(l, node, x);
  if (!rc) rc = conv_weights(l, node, x, w, b, axis, &groups);
  if (!rc) rc = read_axes(l, node, &x->shape, axis, &mode);
  if (!rc)
    rc = make_conv(l, node, &x->shape, w->shape.dims[0], groups, axis, &conv, &shape);
  if (rc) return rc;
  const double w_rel = fold_rel(w->v, w->err, (size_t)w->shape.n);
  if ((b && b->err) || !(w_rel < 0x1p-20))
    return lower_ctx_refuse(l, node,
                            "operator Conv: its weights are computed inexactly");
  const int batch = x->shape.dims[0];
  if ((int64_t)batch * w->shape.n > SHAPE_MAX_SIZE)
    return lower_ctx_refuse(l, node, "operator Conv: its batch is too large");
  const int k = draft_conv(&l->draft, node->name, x->node, &shape, &conv,
                           repeat(w->v, w->shape.n, batch),
                           b ? repeat(b->v, b->shape.n, batch) : NULL, w_rel);
  lower_ctx_out(l, node, 0, lower_ctx_var(x->type, &shape, k));
  return STATUS_OK;
}

/* ---- AveragePool --------------------------------------------------------- */

/* How many of the kernel's positions lie inside the input for output o: the k with
 * 0 <= start + k dilation < in. */
static int64_t covered(const Axis *x, int64_t o)
{
  const int64_t start = o * x->stride - x->before;
  const int64_t first = start < 0 ? (x->dilation - 1 - start) / x->dilation : 0;
  const int64_t end = start < x->in ? (x->in - 1 - start) / x->dilation + 1 : 0;
  const int64_t last = end < x->kernel ? end : x->kernel;
  return last > first ? last - first : 0;
}

/* y = (sum over the window) / (elements of the window inside the input) */
static Status divide_by_covered(Lower *l, const OnnxNode *node, const Axis axis[2],
                                const Shape *shape, int in, int *out)
{
  double *scale = mem_doubles((size_t)shape->n), *err = mem_doubles((size_t)shape->n);
  const int plane = (int)(axis[0].out * axis[1].out);
  bool empty = false;
  for (int i = 0; i < plane; i++) {
    const int64_t n =
        covered(&axis[0], i / axis[1].out) * covered(&axis[1], i % axis[1].out);
    empty = empty || !n;
    const Fold f = fold_div(fold_exact(1), fold_exact(n ? (double)n : 1));
    for (int c = 0; c < shape->n / plane; c++) {
      scale[c * plane + i] = f.v;
      err[c * plane + i] = f.err;
    }
  }
  const double w_rel = fold_rel(scale, err, (size_t)shape->n);
  mem_free(err);
  if (empty) {
    mem_free(scale);
    return lower_ctx_bad(l, node, "operator AveragePool: a window lies in the padding");
  }
  *out = draft_scale(&l->draft, node->name, in, shape, scale, NULL, w_rel, NULL);
  return STATUS_OK;
}

Status lower_conv_average_pool(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  Axis axis[2] = {{0}};
  AutoPad mode;
  Conv conv;
  Shape shape;
  int64_t kernel[2] = {1, 1};
  Status rc = check_input(l, node, x);
  if (rc) return rc;
  const int n = x->shape.rank - 2;
  if (!onnx_attr(node, "kernel_shape"))
    return lower_ctx_bad(l, node, "operator AveragePool needs kernel_shape");
  if ((rc = read_list(l, node, "kernel_shape", n, 1, kernel))) return rc;
  for (int i = 0; i < n; i++)
    axis[i + 2 - n].kernel = kernel[i];
  rc = read_axes(l, node, &x->shape, axis, &mode);
  const int c = x->shape.dims[1];
  if (!rc) rc = make_conv(l, node, &x->shape, c, c, axis, &conv, &shape);
  if (rc) return rc;
  const bool padded =
      axis[0].before || axis[0].after || axis[1].before || axis[1].after;
  const bool all = !padded || lower_ctx_int(node, "count_include_pad", 0) != 0;
  const int64_t window = axis[0].kernel * axis[1].kernel;
  if (window > LIMIT || window * conv.c_out > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator AveragePool: its window is too large");
  const Fold f = fold_div(fold_exact(1), fold_exact(all ? (double)window : 1));
  double *W = mem_doubles((size_t)(window * conv.c_out));
  for (int64_t i = 0; i < window * conv.c_out; i++)
    W[i] = f.v;
  int k = draft_conv(&l->draft, node->name, x->node, &shape, &conv, W, NULL,
                     fold_rel(&f.v, &f.err, 1));
  if (!all) rc = divide_by_covered(l, node, axis, &shape, k, &k);
  if (!rc) lower_ctx_out(l, node, 0, lower_ctx_var(x->type, &shape, k));
  return rc;
}
