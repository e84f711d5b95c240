/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/lowered.h -- what the tests of net/lower_*.c share: a small model, and
 * what it computes or why it is refused. */
#ifndef TESTS_SUPPORT_LOWERED_H
#define TESTS_SUPPORT_LOWERED_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/make_onnx.h"

static inline MakeOnnx *model(int64_t opset, int rank, const int64_t *dims)
{
  MakeOnnx *m = make_onnx_new(opset);
  make_onnx_input(m, "x", rank, dims);
  make_onnx_output(m, "y");
  return m;
}

static inline Net *loaded(MakeOnnx *m)
{
  Err err = {0};
  Net *net = make_onnx_load(m, &err);
  cr_assert(net, "%s", err.text);
  make_onnx_free(m);
  return net;
}

/* The model, given x = 1, 2, 3, ..., computes exactly `want`. */
static inline void computes(MakeOnnx *m, int n, const double *want)
{
  Net *net = loaded(m);
  cr_assert_eq(net_out_size(net), n, "%d outputs, expected %d", net_out_size(net), n);
  double *x = mem_doubles((size_t)net_in_size(net)), *y = mem_doubles((size_t)n);
  for (int i = 0; i < net_in_size(net); i++)
    x[i] = i + 1;
  eval_double(net, x, y);
  for (int i = 0; i < n; i++)
    cr_expect_eq(y[i], want[i], "output %d: %.17g, expected %.17g", i, y[i], want[i]);
  mem_free(x);
  mem_free(y);
  net_free(net);
}
#define COMPUTES(m, ...)                                                               \
  computes(m, (int)(sizeof(double[]){__VA_ARGS__} / sizeof(double)),                   \
           (double[]){__VA_ARGS__})

static inline void refused(MakeOnnx *m, Status code, const char *part)
{
  Err err = {0};
  Net *net = make_onnx_load(m, &err);
  cr_expect_null(net);
  cr_expect_eq(err.code, code, "%s", err.text);
  cr_assert(err.text);
  cr_expect(strstr(err.text, part), "'%s' not in: %s", part, err.text);
  net_free(net);
  status_reset(&err);
  make_onnx_free(m);
}

static inline int count_kind(const Net *net, NodeKind kind)
{
  int n = 0;
  for (int k = 0; k < net->n_nodes; k++)
    n += net->nodes[k].kind == kind;
  return n;
}

#define DIMS(...)                                                                      \
  (int)(sizeof(int64_t[]){__VA_ARGS__} / 8), (int64_t[])                               \
  {                                                                                    \
    __VA_ARGS__                                                                        \
  }

/* A new pseudo-random number from -bound to bound. */
static inline int drawn(uint64_t *state, int bound)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (int)((*state >> 33) % (2 * (unsigned)bound + 1)) - bound;
}

#endif
