/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_deconv.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/fold.h"
#include "net/lower_conv.h"
#include "net/lower_window.h"

/* ---- attributes ---------------------------------------------------------- */

/* Padding and output size of one axis; `want` is its entry of output_shape or -1. */
static Status finish_axis(Lower *l, const OnnxNode *node, AutoPad mode, int64_t extra,
                          int64_t want, WindowAxis *x)
{
  const int64_t reach = (x->kernel - 1) * x->dilation + 1;
  const int64_t full = (x->in - 1) * x->stride + reach + extra;
  const bool same = mode == PAD_UPPER || mode == PAD_LOWER;
  if (extra >= x->stride && extra >= x->dilation)
    return lower_ctx_bad(l, node,
                         "attribute output_padding of operator ConvTranspose must be "
                         "below strides or dilations");
  if (same && want < 0) want = x->in * x->stride;
  if (want >= 0) {
    const int64_t total = full - want;
    if (total < 0)
      return lower_ctx_refuse(l, node,
                              "operator ConvTranspose: an output larger than its input "
                              "and kernel give is not supported");
    x->before = mode == PAD_UPPER ? total / 2 : total - total / 2;
    x->after = total - x->before;
  }
  x->out = full - x->before - x->after;
  if (x->out < 1 || x->out > LOWER_WINDOW_LIMIT)
    return lower_ctx_bad(l, node,
                         "operator ConvTranspose: its output has %lld elements along "
                         "an axis",
                         (long long)x->out);
  return STATUS_OK;
}

/* output_shape has the spatial axes only, or all of them. */
static Status read_output_shape(Lower *l, const OnnxNode *node, int n, int64_t *want)
{
  const OnnxAttr *a = onnx_attr(node, "output_shape");
  for (int i = 0; i < n; i++)
    want[i] = -1;
  if (a && a->n == n + 2 && a->kind == ONNX_ATTR_INTS) {
    for (int i = 0; i < n; i++) {
      want[i] = a->ints[2 + i];
      if (want[i] < 1 || want[i] > LOWER_WINDOW_LIMIT)
        return lower_ctx_bad(l, node,
                             "attribute output_shape of operator ConvTranspose: %lld "
                             "is out of range",
                             (long long)want[i]);
    }
    return STATUS_OK;
  }
  return lower_window_list(l, node, "output_shape", n, 1, want);
}

static Status read_axes(Lower *l, const OnnxNode *node, const Shape *x,
                        WindowAxis *axis)
{
  const int n = x->rank - 2;
  int64_t extra[LOWER_WINDOW_MAX_AXES] = {0}, want[LOWER_WINDOW_MAX_AXES];
  AutoPad mode;
  Status rc = lower_window_attributes(l, node, x, axis, &mode);
  if (!rc) rc = lower_window_list(l, node, "output_padding", n, 0, extra);
  if (!rc) rc = read_output_shape(l, node, n, want);
  for (int i = 0; i < n && !rc; i++)
    rc = finish_axis(l, node, mode, extra[i], want[i], &axis[i]);
  return rc;
}

/* w [c_in, c_out / group, kernel...] */
static Status check_weights(Lower *l, const OnnxNode *node, const Value *x,
                            const Value *w, const Value *b, WindowAxis *axis,
                            int *groups)
{
  const Shape *s = &w->shape;
  const int64_t g = lower_ctx_int(node, "group", 1);
  if (w->kind != VALUE_CONST || (b && b->kind != VALUE_CONST))
    return lower_ctx_refuse(
        l, node, "operator ConvTranspose: its weights and biases must be constants");
  if (w->type != x->type || (b && b->type != x->type))
    return lower_ctx_bad(l, node,
                         "operator ConvTranspose: its operands have different types");
  if (s->rank != x->shape.rank || !s->n || s->dims[0] != x->shape.dims[1] || g < 1 ||
      g > s->dims[0] || s->dims[0] % g != 0 ||
      (b && (b->shape.rank != 1 || b->shape.n != s->dims[1] * g)))
    return lower_ctx_bad(l, node,
                         "operator ConvTranspose: its weights do not match its input "
                         "or group");
  const OnnxAttr *attr = onnx_attr(node, "kernel_shape");
  for (int i = 0; i < s->rank - 2; i++) {
    axis[i].kernel = s->dims[2 + i];
    if (attr && (attr->n != s->rank - 2 || attr->ints[i] != axis[i].kernel))
      return lower_ctx_bad(l, node,
                           "attribute kernel_shape of operator ConvTranspose "
                           "contradicts its weights");
  }
  const double w_rel = fold_rel(w->v, w->err, (size_t)s->n);
  if ((b && b->err) || !(w_rel < 0x1p-20))
    return lower_ctx_refuse(
        l, node, "operator ConvTranspose: its weights are computed inexactly");
  *groups = (int)g;
  return STATUS_OK;
}

/* ---- the convolution of the phases --------------------------------------- */

typedef struct {
  int64_t phases, taps;  /* s and T */
  int64_t first, height; /* the q from `first` on, `height` of them, are computed */
} Phase;

/* A padding beyond the kernel would start the CONV inside x: start at its border. */
static Phase phase_of(const WindowAxis *x)
{
  const int64_t reach = (x->kernel - 1) * x->dilation + 1;
  Phase p = {.phases = x->stride, .taps = (reach + x->stride - 1) / x->stride};
  p.first = x->before / x->stride;
  if (p.first > p.taps - 1) p.first = p.taps - 1;
  p.height = (x->before + x->out - 1) / x->stride - p.first + 1;
  return p;
}

/* The tap of the kernel that is tap t of phase r, or -1. */
static int64_t kernel_tap(const WindowAxis *x, int64_t r, int64_t t)
{
  const int64_t at = r + x->stride * t;
  return at % x->dilation == 0 && at / x->dilation < x->kernel ? at / x->dilation : -1;
}

/* W[co][ry][rx][ci][T - 1 - ty][T - 1 - tx], co over all groups, for one image. */
static double *phase_weights(const Value *w, int groups, const WindowAxis axis[2],
                             const Phase p[2])
{
  const int64_t c_in = w->shape.dims[0] / groups, c_out = w->shape.dims[1];
  const int64_t cells = p[0].taps * p[1].taps, per_out = c_in * cells;
  const int64_t phases = p[0].phases * p[1].phases;
  double *W = mem_doubles0((size_t)(groups * c_out * phases * per_out));
  for (int64_t i = 0; i < groups * c_out * phases * c_in; i++) {
    const int64_t ci = i % c_in, r = i / c_in % phases, co = i / c_in / phases;
    const int64_t in = co / c_out * c_in + ci;
    for (int64_t k = 0; k < cells; k++) {
      const int64_t y =
          kernel_tap(&axis[0], r / p[1].phases, p[0].taps - 1 - k / p[1].taps);
      const int64_t x =
          kernel_tap(&axis[1], r % p[1].phases, p[1].taps - 1 - k % p[1].taps);
      if (y >= 0 && x >= 0)
        W[i * cells + k] =
            w->v[((in * c_out + co % c_out) * axis[0].kernel + y) * axis[1].kernel + x];
    }
  }
  return W;
}

static double *repeat_bias(const Value *b, int64_t times, int64_t batch)
{
  if (!b) return NULL;
  double *copy = mem_doubles((size_t)(b->shape.n * times * batch));
  for (int64_t i = 0; i < b->shape.n * times * batch; i++)
    copy[i] = b->v[i / times % b->shape.n];
  return copy;
}

static double *repeat_weights(double *W, int64_t n, int64_t batch)
{
  double *all = mem_grow(W, (size_t)(n * batch), sizeof *W);
  for (int64_t k = 1; k < batch; k++)
    memcpy(all + k * n, all, (size_t)n * sizeof *all);
  return all;
}

/* y [channels, height, width] out of the phases [channels, s, s, qs, qs]. */
static Status interleave(Lower *l, const OnnxNode *node, const Value *z,
                         const WindowAxis axis[2], const Phase p[2], int64_t channels,
                         Value *y)
{
  const int64_t dims[3] = {channels, axis[0].out, axis[1].out};
  Shape shape;
  if (!shape_make(3, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator ConvTranspose: its result is too large");
  int *map = mem_array((size_t)shape.n, sizeof *map);
  for (int i = 0; i < shape.n; i++) {
    const int64_t c = i / (axis[0].out * axis[1].out);
    const int64_t v = i / axis[1].out % axis[0].out + axis[0].before;
    const int64_t u = i % axis[1].out + axis[1].before;
    const int64_t phase =
        (c * p[0].phases + v % p[0].phases) * p[1].phases + u % p[1].phases;
    const int64_t row = v / p[0].phases - p[0].first,
                  col = u / p[1].phases - p[1].first;
    map[i] = (int)((phase * p[0].height + row) * p[1].height + col);
  }
  const Status rc = lower_ctx_gather(l, node, &z, 1, map, &shape, y);
  mem_free(map);
  return rc;
}

/* Images x [batch, c_in, plane] with w [c_in, c_out / group, plane of the kernel]. */
static Status transposed(Lower *l, const OnnxNode *node, const Value *x, const Value *w,
                         const Value *b, int groups, const WindowAxis axis[2], Value *y)
{
  const int64_t batch = x->shape.dims[0], c_out = (int64_t)w->shape.dims[1] * groups;
  const Phase p[2] = {phase_of(&axis[0]), phase_of(&axis[1])};
  const int64_t dims[5] = {batch * c_out, p[0].phases, p[1].phases, p[0].height,
                           p[1].height};
  const int64_t weights[5] = {batch * c_out, p[0].phases * p[0].taps,
                              p[1].phases * p[1].taps, w->shape.dims[0] / groups, 1};
  Shape shape, size;
  if (!shape_make(5, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE ||
      !shape_make(5, weights, &size) ||
      (size.n > SHAPE_MAX_VARIABLE && size.n / 16 > w->shape.n))
    return lower_ctx_refuse(l, node, "operator ConvTranspose: its result is too large");
  const int64_t phases = p[0].phases * p[1].phases;
  const Conv conv = {.c_in = (int)(batch * w->shape.dims[0]),
                     .h_in = (int)axis[0].in,
                     .w_in = (int)axis[1].in,
                     .c_out = (int)(batch * c_out * phases),
                     .h_out = (int)p[0].height,
                     .w_out = (int)p[1].height,
                     .kh = (int)p[0].taps,
                     .kw = (int)p[1].taps,
                     .sh = 1,
                     .sw = 1,
                     .dh = 1,
                     .dw = 1,
                     .pt = (int)(p[0].taps - 1 - p[0].first),
                     .pl = (int)(p[1].taps - 1 - p[1].first),
                     .groups = (int)batch * groups};
  double *W = repeat_weights(phase_weights(w, groups, axis, p), size.n / batch, batch);
  const int k = draft_conv(&l->draft, node->name, x->node, &shape, &conv, W,
                           repeat_bias(b, phases, batch),
                           fold_rel(w->v, w->err, (size_t)w->shape.n));
  const Value z = lower_ctx_var(x->type, &shape, k);
  return interleave(l, node, &z, axis, p, batch * c_out, y);
}

/* ---- dimensions ---------------------------------------------------------- */

/* Slice o of the output sees, under tap k of the kernel, slice (o + p - k d) / s. */
static Status fold_slices(Lower *l, const OnnxNode *node, const Value *x,
                          const WindowAxis *depth, Value *y)
{
  if (depth->kernel * depth->out > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator ConvTranspose: its result is too large");
  const int kernel = (int)depth->kernel, out = (int)depth->out;
  int *at = mem_array((size_t)kernel * (size_t)out, sizeof *at);
  for (int64_t o = 0; o < out; o++)
    for (int64_t k = 0; k < kernel; k++) {
      const int64_t z = o + depth->before - k * depth->dilation;
      const bool inside =
          z >= 0 && z % depth->stride == 0 && z / depth->stride < depth->in;
      at[o * kernel + k] = inside ? (int)(z / depth->stride) : -1;
    }
  const Status rc = lower_conv_fold_depth(l, node, x, out, kernel, at, y);
  mem_free(at);
  return rc;
}

/* The kernel's slices become input channels: [c_in, c_out, depth, h, w] is turned into
 * [c_in depth, c_out, h, w]. */
static Status turn_weights(Lower *l, const OnnxNode *node, const Value *w, Value *y)
{
  const int perm[5] = {0, 2, 1, 3, 4};
  const int *d = w->shape.dims;
  const Shape shape = {
      .rank = 4, .dims = {d[0] * d[2], d[1], d[3], d[4]}, .n = w->shape.n};
  const Status rc = lower_ctx_transpose(l, node, w, perm, y);
  if (!rc) *y = lower_ctx_reshaped(y, &shape);
  return rc;
}

static Status any_dimension(Lower *l, const OnnxNode *node, const Value *x,
                            const Value *w, const Value *b, int groups,
                            const WindowAxis *axis, Value *y)
{
  const int n = x->shape.rank - 2;
  WindowAxis plane[2];
  plane[0] =
      n > 1 ? axis[n - 2]
            : (WindowAxis){.in = 1, .kernel = 1, .stride = 1, .dilation = 1, .out = 1};
  plane[1] = axis[n - 1];
  if (n < 3) return transposed(l, node, x, w, b, groups, plane, y);
  Value image, turned, z = {0};
  Status rc = fold_slices(l, node, x, &axis[0], &image);
  if (!rc) rc = turn_weights(l, node, w, &turned);
  if (!rc) rc = transposed(l, node, &image, &turned, b, groups, plane, &z);
  if (rc) return rc;
  const Shape shape = {.rank = 4,
                       .dims = {image.shape.dims[0], w->shape.dims[1] * groups,
                                (int)plane[0].out, (int)plane[1].out},
                       .n = z.shape.n};
  z = lower_ctx_reshaped(&z, &shape);
  return lower_conv_unfold_depth(l, node, &z, (int)axis[0].out, y);
}

Status lower_deconv(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0), *w = lower_ctx_in(l, node, 1);
  const Value *b = lower_ctx_in(l, node, 2);
  WindowAxis axis[LOWER_WINDOW_MAX_AXES] = {{0}};
  int groups = 1;
  if (x->kind == VALUE_CONST || x->shape.rank < 3 ||
      x->shape.rank > 2 + LOWER_WINDOW_MAX_AXES)
    return lower_ctx_refuse(l, node,
                            "operator ConvTranspose of a constant, or of more than 3 "
                            "spatial dimensions, is not supported");
  Status rc = check_weights(l, node, x, w, b, axis, &groups);
  if (!rc) rc = read_axes(l, node, &x->shape, axis);
  Value y = {0};
  if (!rc) rc = any_dimension(l, node, x, w, b, groups, axis, &y);
  if (rc) return rc;
  int64_t dims[2 + LOWER_WINDOW_MAX_AXES] = {x->shape.dims[0],
                                             (int64_t)w->shape.dims[1] * groups};
  Shape shape;
  for (int i = 0; i < x->shape.rank - 2; i++)
    dims[2 + i] = axis[i].out;
  shape_make(x->shape.rank, dims, &shape); /* as many elements as y has */
  lower_ctx_out(l, node, 0, lower_ctx_reshaped(&y, &shape));
  return STATUS_OK;
}
