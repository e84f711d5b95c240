/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_window.h"

#include <string.h>

Status lower_window_list(Lower *l, const OnnxNode *node, const char *attr, int n,
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
    if (a->ints[i] < low || a->ints[i] > LOWER_WINDOW_LIMIT)
      return lower_ctx_bad(l, node, "attribute %s of operator %s: %lld is out of range",
                           attr, node->op, (long long)a->ints[i]);
    values[i] = a->ints[i];
  }
  return STATUS_OK;
}

Status lower_window_kernel(Lower *l, const OnnxNode *node, int n, WindowAxis *axis)
{
  int64_t kernel[LOWER_WINDOW_MAX_AXES];
  if (!onnx_attr(node, "kernel_shape"))
    return lower_ctx_bad(l, node, "operator %s needs kernel_shape", node->op);
  const Status rc = lower_window_list(l, node, "kernel_shape", n, 1, kernel);
  for (int i = 0; i < n && !rc; i++)
    axis[i].kernel = kernel[i];
  return rc;
}

Status lower_window_auto_pad(Lower *l, const OnnxNode *node, AutoPad *mode)
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

Status lower_window_attributes(Lower *l, const OnnxNode *node, const Shape *x,
                               WindowAxis *axis, AutoPad *mode)
{
  const int n = x->rank - 2;
  int64_t strides[LOWER_WINDOW_MAX_AXES], dilations[LOWER_WINDOW_MAX_AXES];
  int64_t pads[2 * LOWER_WINDOW_MAX_AXES] = {0};
  for (int i = 0; i < n; i++)
    strides[i] = dilations[i] = 1;
  Status rc = lower_window_list(l, node, "strides", n, 1, strides);
  if (!rc) rc = lower_window_list(l, node, "dilations", n, 1, dilations);
  if (!rc) rc = lower_window_list(l, node, "pads", 2 * n, 0, pads);
  if (!rc) rc = lower_window_auto_pad(l, node, mode);
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
    axis[i].in = x->dims[2 + i];
    axis[i].stride = strides[i];
    axis[i].dilation = dilations[i];
    axis[i].before = pads[i];
    axis[i].after = pads[n + i];
  }
  return STATUS_OK;
}

/* Padding and output size of one axis.  Strides larger than the kernel would need less
 * than no padding: for Conv everybody takes none, for pooling runtimes disagree. */
static Status finish_axis(Lower *l, const OnnxNode *node, AutoPad mode, bool ceiling,
                          WindowAxis *x)
{
  const int64_t reach = (x->kernel - 1) * x->dilation + 1;
  if (mode == PAD_UPPER || mode == PAD_LOWER) {
    const int64_t out = (x->in + x->stride - 1) / x->stride;
    const int64_t need = (out - 1) * x->stride + reach - x->in;
    if (need < 0 && strcmp(node->op, "Conv") != 0)
      return lower_ctx_refuse(l, node,
                              "attribute auto_pad=SAME_* of operator %s is not "
                              "supported where it means a negative padding",
                              node->op);
    const int64_t total = need > 0 ? need : 0;
    x->before = mode == PAD_UPPER ? total / 2 : total - total / 2;
    x->after = total - x->before;
  }
  const int64_t room = x->in + x->before + x->after - reach;
  if (room < 0)
    return lower_ctx_bad(l, node, "operator %s: its kernel is larger than its input",
                         node->op);
  x->out = room / x->stride + 1;
  /* A last window that would start behind the input is left out. */
  if (ceiling && room % x->stride != 0 && x->out * x->stride < x->in + x->before)
    x->out++;
  return STATUS_OK;
}

Status lower_window_read(Lower *l, const OnnxNode *node, const Shape *x,
                         WindowAxis *axis)
{
  AutoPad mode;
  Status rc = lower_window_attributes(l, node, x, axis, &mode);
  const bool ceiling = lower_ctx_int(node, "ceil_mode", 0) != 0;
  for (int i = 0; i < x->rank - 2 && !rc; i++)
    rc = finish_axis(l, node, mode, ceiling, &axis[i]);
  return rc;
}

/* The k with 0 <= start + k dilation < in, without a loop: a few bytes can ask for
 * millions of windows with millions of taps. */
int64_t lower_window_taps(const WindowAxis *x, int64_t o, int64_t *first)
{
  const int64_t start = o * x->stride - x->before;
  const int64_t from = start < 0 ? (x->dilation - 1 - start) / x->dilation : 0;
  const int64_t end = start < x->in ? (x->in - 1 - start) / x->dilation + 1 : 0;
  const int64_t to = end < x->kernel ? end : x->kernel;
  *first = start + from * x->dilation;
  return to > from ? to - from : 0;
}
