/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/normalised.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"

/* Groups of the repeated dense node: more elements than bounds/fuse.h likes in one. */
enum { REPS = 9, EACH = 6 };

typedef struct {
  Normalised how;
  bool uneven; /* a scale for each element */
  Net *net;
  Prng *prng;
} Maker;

static double *numbers(const Maker *m, int n)
{
  double *a = net_keep(m->net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    a[i] = extreme_number(m->how.mode, m->prng);
  return a;
}

static void blur(const Maker *m, Node *v, const double *bias, int n)
{
  if (!m->how.blurred) return;
  double *err = net_keep(m->net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    err[i] = ldexp(fabs(bias[i]), -45);
  v->w_rel = 0x1p-46;
  v->b_err = err;
}

/* Elements in a random order, where `moved`; else NULL. */
static int *order(const Maker *m, int n, bool moved)
{
  if (!moved) return NULL;
  int *map = net_keep(m->net, mem_array((size_t)n, sizeof *map));
  for (int i = 0; i < n; i++)
    map[i] = i;
  for (int i = n - 1; i > 0; i--) {
    const int other = prng_below(m->prng, i + 1), was = map[i];
    map[i] = map[other];
    map[other] = was;
  }
  return map;
}

static int row_of(const Node *v, int i)
{
  return v->kind == NODE_CONV ? i / (v->conv.h_out * v->conv.w_out) : i % v->rows;
}

static int add_scale(const Maker *m, int in, const Node *v, const int *map,
                     const double *s, const double *t, const double *each)
{
  const int n = v->size;
  Node scale = {.kind = NODE_SCALE, .size = n};
  double *factor = net_keep(m->net, mem_doubles((size_t)n));
  double *shift = net_keep(m->net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++) {
    const int c = row_of(v, map ? map[i] : i);
    factor[i] = m->uneven ? each[i] : s[c];
    shift[i] = t[c];
  }
  scale.scale = factor;
  scale.shift = shift;
  blur(m, &scale, shift, n);
  return net_add(m->net, &scale, &in, 1);
}

/* Node v with n_rows rows of W, `length` numbers each, and what is behind it. */
static int add_matrix(const Maker *m, int in, Node *v, int n_rows, int length)
{
  double *W = numbers(m, n_rows * length), *b = numbers(m, n_rows);
  const double *s = numbers(m, n_rows), *t = numbers(m, n_rows);
  const int *map = order(m, v->size, prng_below(m->prng, 2));
  const bool folded = m->how.folded && !m->uneven;
  for (int i = 0; i < n_rows * length && folded; i++)
    W[i] *= s[i / length];
  for (int i = 0; i < n_rows && folded; i++)
    b[i] = s[i] * b[i] + t[i];
  v->W = W;
  v->b = b;
  if (!folded) blur(m, v, b, n_rows);
  in = net_add(m->net, v, &in, 1);
  if (map) {
    const Node moved = {.kind = NODE_MAP, .size = v->size, .map = map};
    in = net_add(m->net, &moved, &in, 1);
  }
  const double *each = numbers(m, v->size);
  return folded ? in : add_scale(m, in, v, map, s, t, each);
}

static int add_dense(const Maker *m, int in, int reps, int rows)
{
  const int cols = m->net->nodes[in].size / reps;
  Node v = {.kind = NODE_DENSE,
            .size = reps * rows,
            .reps = reps,
            .rows = rows,
            .cols = cols};
  return add_matrix(m, in, &v, rows, cols);
}

static int add_conv(const Maker *m, int in, Conv c)
{
  Node v = {.kind = NODE_CONV, .size = c.c_out * c.h_out * c.w_out, .conv = c};
  return add_matrix(m, in, &v, c.c_out, c.c_in / c.groups * c.kh * c.kw);
}

static int add_relu(const Maker *m, int in)
{
  const Node v = {.kind = NODE_ACT, .size = m->net->nodes[in].size, .act = ACT_RELU};
  return net_add(m->net, &v, &in, 1);
}

Net *normalised_net(const Normalised *how, Prng *prng)
{
  const Maker m = {*how, prng_below(prng, 4) == 0, net_new("normalised"), prng};
  const int pad = prng_below(prng, 2), channels = 1 + prng_below(prng, 2);
  const Conv first = {.c_in = 2,
                      .h_in = 3,
                      .w_in = 3,
                      .c_out = EACH,
                      .h_out = 3,
                      .w_out = 3,
                      .kh = 3,
                      .kw = 3,
                      .sh = 1,
                      .sw = 1,
                      .dh = 1,
                      .dw = 1,
                      .pt = pad,
                      .pl = pad,
                      .groups = channels};
  Conv second = first;
  second.c_in = EACH;
  second.c_out = 2;
  second.h_out = second.w_out = 1 + prng_below(prng, 2);
  second.pt = prng_below(prng, 2);
  const int n_inputs = how->few_inputs ? 1 + prng_below(prng, 3) : 18;
  const Node input = {.kind = NODE_INPUT, .size = n_inputs};
  int x = net_add(m.net, &input, NULL, 0);
  if (how->few_inputs) x = add_dense(&m, x, 1, 18);
  x = add_relu(&m, add_conv(&m, x, first));
  x = add_relu(&m, add_dense(&m, x, REPS, EACH));
  x = add_relu(&m, add_conv(&m, x, second));
  add_dense(&m, x, 1, 2);
  Err err = {0};
  if (net_finish(m.net, &err)) status_abort(__func__, err.text);
  return m.net;
}
