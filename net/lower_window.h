/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_window.h -- windows sliding along the spatial axes of a tensor, as Conv
 * and the pooling operators have them.
 *
 * Along one axis, window o reads the elements ("taps")
 *     o stride - before + k dilation,   0 <= k < kernel,
 * of which those outside 0 .. in-1 lie in the padding.
 */
#ifndef NET_LOWER_WINDOW_H
#define NET_LOWER_WINDOW_H

#include "net/lower_ctx.h"

#define LOWER_WINDOW_MAX_AXES 3

/* No kernel, stride, dilation or padding may be larger. */
#define LOWER_WINDOW_LIMIT ((int64_t)1 << 24)

typedef struct {
  int64_t in, kernel, stride, dilation, before, after, out;
} WindowAxis;

typedef enum { PAD_GIVEN, PAD_VALID, PAD_UPPER, PAD_LOWER } AutoPad;

/* The n entries of an attribute, each at least `low`; what is missing keeps its
 * value.  Fails DATA. */
Status lower_window_list(Lower *l, const OnnxNode *node, const char *attr, int n,
                         int64_t low, int64_t *values);

/* The attribute kernel_shape, which must be there, into n axes. */
Status lower_window_kernel(Lower *l, const OnnxNode *node, int n, WindowAxis *axis);

/* Fails UNSUPPORTED for names that do not exist. */
Status lower_window_auto_pad(Lower *l, const OnnxNode *node, AutoPad *mode);

/* strides, dilations, pads and auto_pad as they stand in the file, defaults filled
 * in: everything but the kernel, which stays, and `out`. */
Status lower_window_attributes(Lower *l, const OnnxNode *node, const Shape *x,
                               WindowAxis *axis, AutoPad *mode);

/* The attributes, then the padding that auto_pad asks for and `out`, with ceil_mode:
 * all fields of the x->rank - 2 axes.  The kernels must be set.  Fails DATA and
 * UNSUPPORTED. */
Status lower_window_read(Lower *l, const OnnxNode *node, const Shape *x,
                         WindowAxis *axis);

/* How many taps of window o lie inside the axis, and the first of them. */
int64_t lower_window_taps(const WindowAxis *axis, int64_t o, int64_t *first);

#endif
