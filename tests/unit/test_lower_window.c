/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv, ConvTranspose and the pooling operators against their definitions, written as
 * loops over three axes, for random attributes. */
#include <stdio.h>

#include "net/base/clock.h"
#include "tests/support/lowered.h"

/* One axis of the definition. */
typedef struct {
  int in, kernel, stride, dilation, before, after, out;
} Line;

#define IMAGES   2
#define CHANNELS 2

typedef struct {
  int n; /* axes of the model; the others, in front, have length 1 */
  Line line[3];
  uint64_t state;
} Trial;

static int reach(const Line *a)
{
  return (a->kernel - 1) * a->dilation + 1;
}

static int drawn_up_to(Trial *t, int low, int high)
{
  const int wide = drawn(&t->state, 1 << 20) + (1 << 20);
  return low + wide % (high - low + 1);
}

/* Axes with padding smaller than the kernel and at least one window. */
static void draw(Trial *t, int seed)
{
  t->state = (uint64_t)seed * 977 + 1;
  drawn(&t->state, 1);
  t->n = seed % 3 + 1;
  for (int d = 0; d < 3; d++) {
    Line *a = &t->line[d];
    *a = (Line){.in = 1, .kernel = 1, .stride = 1, .dilation = 1};
    if (d < 3 - t->n) continue;
    a->kernel = drawn_up_to(t, 1, 4);
    a->stride = drawn_up_to(t, 1, 3);
    a->dilation = drawn_up_to(t, 1, 2);
    a->before = drawn_up_to(t, 0, a->kernel - 1);
    a->after = drawn_up_to(t, 0, a->kernel - 1);
    const int least = reach(a) - a->before - a->after;
    a->in = drawn_up_to(t, least > 2 ? least : 2, 6 + a->kernel);
  }
}

static void count_windows(Trial *t, bool ceiling)
{
  for (int d = 0; d < 3; d++) {
    Line *a = &t->line[d];
    a->out = 0;
    /* Another window as long as it fits, or, rounding up, as long as it begins inside
     * the input or the padding in front and the one before did not reach the end. */
    for (int start = 0;; start += a->stride, a->out++) {
      const int whole = a->in + a->before + a->after;
      const bool fits = start + reach(a) <= whole;
      const bool last = start - a->stride + reach(a) < whole;
      if (!fits && !(ceiling && last && start < a->in + a->before)) break;
    }
  }
}

static Onnx__NodeProto *node(MakeOnnx *m, const Trial *t, const char *op,
                             const char *in, bool kernel)
{
  Onnx__NodeProto *v = make_onnx_node(m, op, in, "y");
  int64_t list[3], pads[6];
  const Line *a = &t->line[3 - t->n];
  for (int d = 0; d < t->n; d++) {
    pads[d] = a[d].before;
    pads[t->n + d] = a[d].after;
  }
  make_onnx_attr_ints(m, v, "pads", 2 * t->n, pads);
  for (int d = 0; d < t->n; d++)
    list[d] = a[d].stride;
  make_onnx_attr_ints(m, v, "strides", t->n, list);
  for (int d = 0; d < t->n; d++)
    list[d] = a[d].dilation;
  make_onnx_attr_ints(m, v, "dilations", t->n, list);
  for (int d = 0; d < t->n; d++)
    list[d] = a[d].kernel;
  if (kernel) make_onnx_attr_ints(m, v, "kernel_shape", t->n, list);
  return v;
}

static MakeOnnx *images(const Trial *t, int channels)
{
  int64_t dims[5] = {IMAGES, channels};
  for (int d = 0; d < t->n; d++)
    dims[2 + d] = t->line[3 - t->n + d].in;
  return model(22, 2 + t->n, dims);
}

static int product(const Line *a, bool out)
{
  return out ? a[0].out * a[1].out * a[2].out : a[0].in * a[1].in * a[2].in;
}

/* Element o of the windows and tap k of the kernel, or of the inputs: three numbers. */
static void unpack(int i, int n1, int n2, int idx[3])
{
  idx[0] = i / (n1 * n2);
  idx[1] = i / n2 % n1;
  idx[2] = i % n2;
}

/* The input under tap k of window o: its position, -1 in the padding, or -2 outside it.
 */
static int tap(const Line *a, int o, int k)
{
  int w[3], c[3], at = 0, where = 0;
  unpack(o, a[1].out, a[2].out, w);
  unpack(k, a[1].kernel, a[2].kernel, c);
  for (int d = 0; d < 3; d++) {
    const int x = w[d] * a[d].stride - a[d].before + c[d] * a[d].dilation;
    if (x < -a[d].before || x >= a[d].in + a[d].after)
      where = -2;
    else if ((x < 0 || x >= a[d].in) && !where)
      where = -1;
    at = at * a[d].in + x;
  }
  return where ? where : at;
}

static void compare(MakeOnnx *m, int seed, const double *x, int n, const double *want)
{
  Net *net = loaded(m);
  double *y = mem_doubles((size_t)net_out_size(net));
  cr_assert_eq(net_out_size(net), n, "trial %d: %d outputs, expected %d", seed,
               net_out_size(net), n);
  eval_double(net, x, y);
  for (int i = 0; i < n; i++)
    cr_assert_float_eq(y[i], want[i], 1e-9, "trial %d, output %d: %g, expected %g",
                       seed, i, y[i], want[i]);
  mem_free(y);
  net_free(net);
}

static double *random_numbers(Trial *t, int n)
{
  double *x = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    x[i] = drawn(&t->state, 1000) * 0.125;
  return x;
}

/* The largest, or the mean, of every window. */
static double pooled(const Line *a, const double *x, int o, bool max, bool padding)
{
  double best = -INFINITY, sum = 0;
  int count = 0;
  for (int k = 0; k < a[0].kernel * a[1].kernel * a[2].kernel; k++) {
    const int at = tap(a, o, k);
    if (at >= 0) best = fmax(best, x[at]);
    if (at >= 0) sum += x[at];
    count += at >= 0 || (at == -1 && padding);
  }
  return max ? best : sum / count;
}

static bool has_empty_window(const Line *a)
{
  for (int o = 0; o < product(a, true); o++) {
    bool any = false;
    for (int k = 0; k < a[0].kernel * a[1].kernel * a[2].kernel; k++)
      any = any || tap(a, o, k) >= 0;
    if (!any) return true;
  }
  return false;
}

static void try_pool(int seed, bool max)
{
  Trial t;
  draw(&t, seed);
  const bool ceiling = seed / 3 % 2, padding = seed / 6 % 2;
  const Line *a = t.line;
  count_windows(&t, ceiling);
  MakeOnnx *m = images(&t, CHANNELS);
  Onnx__NodeProto *v = node(m, &t, max ? "MaxPool" : "AveragePool", "x", true);
  make_onnx_attr_int(m, v, "ceil_mode", ceiling);
  if (!max) make_onnx_attr_int(m, v, "count_include_pad", padding);
  if (has_empty_window(a) && (max || !padding)) {
    refused(m, STATUS_DATA, "a window lies in the padding");
    return;
  }
  const int planes = IMAGES * CHANNELS, in = product(a, false), out = product(a, true);
  double *x = random_numbers(&t, planes * in), *y = mem_doubles((size_t)(planes * out));
  for (int i = 0; i < planes * out; i++)
    y[i] = pooled(a, x + i / out * in, i % out, max, padding);
  compare(m, seed, x, planes * out, y);
  mem_free(x);
  mem_free(y);
}

Test(lower_window, takes_the_largest_of_any_window)
{
  for (int seed = 0; seed < 300; seed++)
    try_pool(seed, true);
}

Test(lower_window, averages_any_window)
{
  for (int seed = 0; seed < 300; seed++)
    try_pool(seed, false);
}

/* ---- products ------------------------------------------------------------ */

static void weights(MakeOnnx *m, Trial *t, int first, int second, double **w)
{
  int64_t dims[5] = {first, second};
  int n = first * second;
  for (int d = 0; d < t->n; d++)
    n *= (int)(dims[2 + d] = t->line[3 - t->n + d].kernel);
  *w = random_numbers(t, n);
  float *f = mem_array((size_t)n, sizeof *f);
  for (int i = 0; i < n; i++)
    f[i] = (float)(*w)[i];
  make_onnx_floats(m, "w", 2 + t->n, dims, f);
  make_onnx_floats(m, "b", DIMS(4), (float[]){1, -2, 3, 0.5f});
  mem_free(f);
}

static const double bias[4] = {1, -2, 3, 0.5};

/* Two groups of one channel in and two out, or one of two and four. */
static void try_conv(int seed)
{
  Trial t;
  draw(&t, seed);
  count_windows(&t, false);
  const Line *a = t.line;
  const int groups = seed / 3 % 2 + 1, c = CHANNELS / groups;
  const int kernel = a[0].kernel * a[1].kernel * a[2].kernel;
  const int in = product(a, false), out = product(a, true), n = IMAGES * 4 * out;
  MakeOnnx *m = images(&t, CHANNELS);
  double *w, *x, *y = mem_doubles((size_t)n);
  weights(m, &t, 4, c, &w);
  make_onnx_attr_int(m, node(m, &t, "Conv", "x w b", seed % 2), "group", groups);
  x = random_numbers(&t, IMAGES * CHANNELS * in);
  for (int i = 0; i < n; i++) {
    const int image = i / out / 4, co = i / out % 4, first = co / (4 / groups) * c;
    y[i] = bias[co];
    for (int j = 0; j < c * kernel; j++) {
      const int at = tap(a, i % out, j % kernel);
      const int ci = image * CHANNELS + first + j / kernel;
      if (at >= 0) y[i] += w[co * c * kernel + j] * x[ci * in + at];
    }
  }
  compare(m, seed, x, n, y);
  mem_free(w);
  mem_free(x);
  mem_free(y);
}

Test(lower_window, convolves_in_one_to_three_dimensions)
{
  for (int seed = 0; seed < 200; seed++)
    try_conv(seed);
}

/* ConvTranspose adds x[i] w[k] to y[i stride - before + k dilation]. */
static void scatter(const Line *a, double *y, int i, int k, double value)
{
  int from[3], c[3], at = 0;
  unpack(i, a[1].in, a[2].in, from);
  unpack(k, a[1].kernel, a[2].kernel, c);
  for (int d = 0; d < 3; d++) {
    const int o = from[d] * a[d].stride - a[d].before + c[d] * a[d].dilation;
    if (o < 0 || o >= a[d].out) return;
    at = at * a[d].out + o;
  }
  y[at] += value;
}

/* The output's size; every third trial asks for one more by output_padding where that
 * is allowed. */
static bool transposed_sizes(Trial *t, MakeOnnx *m, Onnx__NodeProto *v, int seed)
{
  int64_t extra[3];
  for (int d = 0; d < 3; d++) {
    Line *a = &t->line[d];
    const int most = a->stride > a->dilation ? a->stride : a->dilation;
    const int more = seed % 3 == 0 && d >= 3 - t->n && most > 1;
    a->out = (a->in - 1) * a->stride + reach(a) + more - a->before - a->after;
    if (d >= 3 - t->n) extra[d - 3 + t->n] = more;
    if (a->out < 1) return false;
  }
  make_onnx_attr_ints(m, v, "output_padding", t->n, extra);
  return true;
}

static void try_transposed(int seed)
{
  Trial t;
  draw(&t, seed);
  const Line *a = t.line;
  const int groups = seed / 3 % 2 + 1, c = 4 / groups;
  const int kernel = a[0].kernel * a[1].kernel * a[2].kernel, in = product(a, false);
  MakeOnnx *m = images(&t, CHANNELS);
  double *w, *x, *y;
  weights(m, &t, CHANNELS, c, &w);
  Onnx__NodeProto *v = node(m, &t, "ConvTranspose", "x w b", seed % 2);
  make_onnx_attr_int(m, v, "group", groups);
  if (!transposed_sizes(&t, m, v, seed)) {
    refused(m, STATUS_DATA, "elements along an axis");
    mem_free(w);
    return;
  }
  const int out = product(a, true), n = IMAGES * 4 * out;
  x = random_numbers(&t, IMAGES * CHANNELS * in);
  y = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    y[i] = bias[i / out % 4];
  for (int i = 0; i < IMAGES * CHANNELS * in; i++)
    for (int j = 0; j < c * kernel; j++) {
      const int ci = i / in % CHANNELS, image = i / in / CHANNELS;
      const int co = ci / (CHANNELS / groups) * c + j / kernel;
      scatter(a, y + (image * 4 + co) * out, i % in, j % kernel,
              x[i] * w[ci * c * kernel + j]);
    }
  compare(m, seed, x, n, y);
  mem_free(w);
  mem_free(x);
  mem_free(y);
}

Test(lower_window, transposes_convolutions_of_any_stride)
{
  for (int seed = 0; seed < 200; seed++)
    try_transposed(seed);
}

/* ONNX: total padding = 2 (3 - 1) ... - output_shape; SAME_UPPER gives the odd one to
 * the end, everything else to the front.  The full result is 1, 3, 5, 3. */
Test(lower_window, finds_the_padding_for_an_output_shape)
{
  for (int upper = 0; upper < 2; upper++) {
    MakeOnnx *m = model(11, DIMS(1, 1, 3));
    make_onnx_floats(m, "w", DIMS(1, 1, 2), (float[]){1, 1});
    Onnx__NodeProto *v = make_onnx_node(m, "ConvTranspose", "x w", "y");
    make_onnx_attr_ints(m, v, "output_shape", DIMS(3));
    if (upper) make_onnx_attr_string(m, v, "auto_pad", "SAME_UPPER");
    if (upper)
      COMPUTES(m, 1, 3, 5);
    else
      COMPUTES(m, 3, 5, 3);
  }
}

/* ---- size ---------------------------------------------------------------- */

static int neurons(MakeOnnx *m)
{
  Net *net = loaded(m);
  const int n = (int)net_n_neurons(net);
  net_free(net);
  return n;
}

static MakeOnnx *square_pool(int side, int kernel, int stride)
{
  MakeOnnx *m = model(13, DIMS(1, 1, side, side));
  Onnx__NodeProto *v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(kernel, kernel));
  make_onnx_attr_ints(m, v, "strides", DIMS(stride, stride));
  return m;
}

/* 3 ReLUs for each 2 x 2 window; the odd last row and column cost nothing.  Windows
 * that overlap share their rows. */
Test(lower_window, pools_with_few_neurons)
{
  cr_expect_eq(neurons(square_pool(4, 2, 2)), 4 * 3);
  cr_expect_eq(neurons(square_pool(5, 2, 2)), 4 * 3);
  cr_expect_eq(neurons(square_pool(6, 3, 3)), 4 * 8);
  cr_expect_eq(neurons(square_pool(9, 3, 2)), 9 * 4 * 2 + 16 * 2);
  cr_expect_eq(neurons(square_pool(6, 3, 1)), 6 * 4 * 2 + 16 * 2);
  cr_expect_eq(neurons(square_pool(5, 1, 2)), 0);
}

/* Nine windows of one element each have nothing to compare. */
Test(lower_window, pads_a_maximum_with_nothing)
{
  MakeOnnx *m = model(13, DIMS(1, 1, 1));
  Onnx__NodeProto *v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(9));
  make_onnx_attr_ints(m, v, "pads", DIMS(8, 8));
  cr_expect_eq(neurons(m), 0);
}

/* ---- what is wrong or not supported -------------------------------------- */

static MakeOnnx *pool_with(const char *attr, int n, const int64_t *v)
{
  MakeOnnx *m = model(13, DIMS(1, 1, 4));
  Onnx__NodeProto *p = make_onnx_node(m, "MaxPool", "x", "y");
  if (strcmp(attr, "kernel_shape") != 0)
    make_onnx_attr_ints(m, p, "kernel_shape", DIMS(2));
  make_onnx_attr_ints(m, p, attr, n, v);
  return m;
}

Test(lower_window, refuses_numbers_out_of_range)
{
  static const char *const names[] = {"kernel_shape", "strides", "dilations", "pads"};
  const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, (int64_t)1 << 25};
  for (int k = 0; k < 4; k++) {
    char want[80];
    snprintf(want, sizeof want, "attribute %s of operator MaxPool", names[k]);
    for (int i = 0; i < 4; i++)
      refused(pool_with(names[k], k == 3 ? 2 : 1, (int64_t[]){wrong[i], wrong[i]}),
              STATUS_DATA, want);
    refused(pool_with(names[k], 3, (int64_t[]){1, 1, 1}), STATUS_DATA, want);
    if (k < 3) refused(pool_with(names[k], 1, (int64_t[]){0}), STATUS_DATA, want);
  }
  refused(pool_with("kernel_shape", 1, (int64_t[]){5}), STATUS_DATA,
          "its kernel is larger than its input");
  refused(pool_with("pads", 2, (int64_t[]){3, 0}), STATUS_DATA,
          "a window lies in the padding");
}

Test(lower_window, refuses_what_pooling_does_not_have)
{
  MakeOnnx *m = model(13, DIMS(1, 1, 4));
  make_onnx_node(m, "MaxPool", "x", "y");
  refused(m, STATUS_DATA, "operator MaxPool needs kernel_shape");
  m = model(13, DIMS(1, 1, 4));
  Onnx__NodeProto *v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(2));
  make_onnx_attr_int(m, v, "storage_order", 1);
  refused(m, STATUS_UNSUPPORTED, "attribute storage_order=1 of operator MaxPool");
  m = model(13, DIMS(1, 1, 4));
  v = make_onnx_node(m, "MaxPool", "x", "y i");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(2));
  make_onnx_output(m, "i");
  refused(m, STATUS_UNSUPPORTED, "output 2 (Indices) of operator MaxPool");
  m = model(13, DIMS(1, 1, 4));
  v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(1));
  make_onnx_attr_ints(m, v, "strides", DIMS(3));
  make_onnx_attr_string(m, v, "auto_pad", "SAME_UPPER");
  COMPUTES(m, 1, 4);
  m = model(13, DIMS(1, 1, 1, 1, 1, 1));
  v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(1, 1, 1, 1));
  refused(m, STATUS_UNSUPPORTED, "operator MaxPool of 6 dimensions");
}

/* Few bytes ask for a million windows with a million taps: memory and time stay small,
 * or one line says no. */
Test(lower_window, answers_huge_attributes_at_once)
{
  const double start = clock_now();
  MakeOnnx *m = model(13, DIMS(1, 1, 1 << 12));
  Onnx__NodeProto *v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(1 << 12));
  make_onnx_attr_ints(m, v, "pads", DIMS((1 << 12) - 1, (1 << 12) - 1));
  Net *net = loaded(m);
  cr_expect_eq(net_out_size(net), (1 << 13) - 1);
  net_free(net);
  m = model(13, DIMS(1, 1, 64, 64));
  v = make_onnx_node(m, "MaxPool", "x", "y");
  make_onnx_attr_ints(m, v, "kernel_shape", DIMS(1 << 20, 1 << 20));
  make_onnx_attr_ints(m, v, "pads", DIMS(1 << 20, 1 << 20, 1 << 20, 1 << 20));
  refused(m, STATUS_DATA, "operator MaxPool");
  m = model(13, DIMS(1, 1, 1, 1));
  make_onnx_floats(m, "w", DIMS(1, 1, 1, 2), (float[]){1, 2});
  v = make_onnx_node(m, "ConvTranspose", "x w", "y");
  make_onnx_attr_ints(m, v, "strides", DIMS(1 << 24, 1 << 24));
  make_onnx_attr_ints(m, v, "dilations", DIMS(1 << 24, 1 << 24));
  refused(m, STATUS_DATA, "operator ConvTranspose");
  m = model(13, DIMS(1, 1, 1, 1, 1));
  make_onnx_floats(m, "w", DIMS(1, 1, 2, 1, 1), (float[]){1, 2});
  v = make_onnx_node(m, "Conv", "x w", "y");
  make_onnx_attr_ints(m, v, "pads", DIMS(1 << 24, 1 << 24, 0, 0, 0, 0));
  refused(m, STATUS_UNSUPPORTED, "operator Conv: its windows are too large");
  cr_expect_lt(clock_now() - start, 20);
}

Test(lower_window, refuses_transposed_convolutions_that_do_not_fit)
{
  MakeOnnx *m = model(13, DIMS(1, 2, 3));
  make_onnx_floats(m, "w", DIMS(1, 1, 2), (float[]){1, 2});
  make_onnx_node(m, "ConvTranspose", "x w", "y");
  refused(m, STATUS_DATA, "its weights do not match its input or group");
  for (int k = 0; k < 3; k++) {
    m = model(13, DIMS(1, 1, 3));
    make_onnx_floats(m, "w", DIMS(1, 1, 2), (float[]){1, 2});
    Onnx__NodeProto *v = make_onnx_node(m, "ConvTranspose", "x w", "y");
    if (k == 0) make_onnx_attr_ints(m, v, "output_padding", DIMS(1));
    if (k == 1) make_onnx_attr_ints(m, v, "output_shape", DIMS(9));
    if (k == 2) make_onnx_attr_ints(m, v, "pads", DIMS(2, 2));
    refused(m, k == 1 ? STATUS_UNSUPPORTED : STATUS_DATA,
            k == 0   ? "attribute output_padding of operator ConvTranspose"
            : k == 1 ? "an output larger than its input"
                     : "its output has 0 elements along an axis");
  }
}
