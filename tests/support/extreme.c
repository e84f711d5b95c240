/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/extreme.h"

#include <math.h>
#include <stdbool.h>

#include "net/base/mem.h"
#include "net/base/round.h"

enum { MOST_INPUTS = 12, MOST_CONV = 24 };

typedef struct {
  Net *net;
  ExtremeMode mode;
  Prng *prng;
} Maker;

static bool one_in(Prng *prng, int n)
{
  return prng_below(prng, n) == 0;
}

/* ---- numbers ------------------------------------------------------------------------
 */

static double mantissa(Prng *prng)
{
  switch (prng_below(prng, 4)) {
  case 0:
    return prng_unit(prng);
  case 1:
    return 1 + ldexp(prng_below(prng, 8), -52);
  case 2:
    return 1;
  default:
    return prng_range(prng, 0.5, 2);
  }
}

double extreme_number(ExtremeMode mode, Prng *prng)
{
  static const int exponent[EXTREME_N][4] = {
      [EXTREME_TRILLION] = {40, -40, 0, 0},
      [EXTREME_SQUARES] = {500, -500, 0, 10},
      [EXTREME_OVERFLOW] = {1000, -1000, 300, -300},
      [EXTREME_DENORMAL] = {-1060, -1022, 0, 100},
      [EXTREME_CROSSED] = {-1000, 960, 0, 20},
  };
  const double sign = one_in(prng, 2) ? 1 : -1, m = mantissa(prng);
  if (one_in(prng, 12)) return 0;
  if (mode != EXTREME_CANCELLATION)
    return sign * ldexp(m, exponent[mode][prng_below(prng, 4)]);
  switch (prng_below(prng, 5)) {
  case 0:
  case 1:
    return sign * ldexp(one_in(prng, 2) ? 1 : m, 53);
  case 2:
    return sign;
  default:
    return sign * m;
  }
}

static double *numbers(const Maker *m, size_t n)
{
  double *a = net_keep(m->net, mem_doubles(n));
  for (size_t i = 0; i < n; i++)
    a[i] = extreme_number(m->mode, m->prng);
  return a;
}

static double *numbers_or_null(const Maker *m, size_t n)
{
  return one_in(m->prng, 3) ? NULL : numbers(m, n);
}

/* Makes some weights of v inexact; bias[n_bias] are its b or shift, or NULL. */
static void blur(const Maker *m, Node *v, const double *bias, int n_bias)
{
  if (one_in(m->prng, 4))
    v->w_rel = one_in(m->prng, 2) ? ROUND_U : ldexp(prng_unit(m->prng), -21);
  if (!one_in(m->prng, 4)) return;
  const bool relative = bias && one_in(m->prng, 2);
  double *err = net_keep(m->net, mem_doubles((size_t)n_bias));
  for (int i = 0; i < n_bias; i++) {
    err[i] = one_in(m->prng, 2) ? 0 : ldexp(prng_unit(m->prng), -40);
    if (relative) err[i] *= fabs(bias[i]);
  }
  v->b_err = err;
}

/* ---- nodes --------------------------------------------------------------------------
 */

/* A random divisor of n, often 1. */
static int divisor(int n, Prng *prng)
{
  for (int d = n; d > 1; d--)
    if (n % d == 0 && one_in(prng, 2)) return d;
  return 1;
}

static void add_dense(const Maker *m, int in)
{
  const int n = m->net->nodes[in].size, rows = 1 + prng_below(m->prng, 5);
  const int reps = one_in(m->prng, 2) ? divisor(n, m->prng) : 1;
  Node v = {.kind = NODE_DENSE,
            .size = reps * rows,
            .reps = reps,
            .rows = rows,
            .cols = n / reps};
  v.W = numbers(m, (size_t)rows * (size_t)v.cols);
  v.b = numbers_or_null(m, (size_t)rows);
  blur(m, &v, v.b, rows);
  net_add(m->net, &v, &in, 1);
}

/* Any convolution is valid whose output has elements: taps may all be padding. */
static void add_conv(const Maker *m, int in)
{
  Prng *prng = m->prng;
  Conv c = {.c_in = divisor(m->net->nodes[in].size, prng)};
  c.w_in = m->net->nodes[in].size / c.c_in;
  c.h_in = divisor(c.w_in, prng);
  c.w_in /= c.h_in;
  c.groups = divisor(c.c_in, prng);
  c.c_out = c.groups * (1 + prng_below(prng, 2));
  c.kh = 1 + prng_below(prng, 3);
  c.kw = 1 + prng_below(prng, 3);
  c.sh = 1 + prng_below(prng, 3);
  c.sw = 1 + prng_below(prng, 3);
  c.dh = 1 + prng_below(prng, 3);
  c.dw = 1 + prng_below(prng, 3);
  c.pt = prng_below(prng, 4);
  c.pl = prng_below(prng, 4);
  c.h_out = 1 + prng_below(prng, 4);
  c.w_out = 1 + prng_below(prng, 4);
  Node v = {.kind = NODE_CONV, .size = c.c_out * c.h_out * c.w_out, .conv = c};
  if (v.size > MOST_CONV) return;
  v.W = numbers(m, (size_t)c.c_out * (size_t)(c.c_in / c.groups * c.kh * c.kw));
  v.b = numbers_or_null(m, (size_t)c.c_out);
  blur(m, &v, v.b, c.c_out);
  net_add(m->net, &v, &in, 1);
}

static void add_scale(const Maker *m, int in)
{
  const int n = m->net->nodes[in].size;
  Node v = {.kind = NODE_SCALE, .size = n};
  v.scale = numbers_or_null(m, (size_t)n);
  v.shift = numbers_or_null(m, (size_t)n);
  blur(m, &v, v.shift, n);
  net_add(m->net, &v, &in, 1);
}

/* How many inputs: mostly few, sometimes many. */
static int some_inputs(Prng *prng)
{
  return 1 + prng_below(prng, one_in(prng, 2) ? MOST_INPUTS : 3);
}

static void add_sum(const Maker *m, int in)
{
  const int size = m->net->nodes[in].size, wanted = some_inputs(m->prng);
  int from[MOST_INPUTS] = {in}, n = 1;
  for (int trial = 0; trial < 40 && n < wanted; trial++) {
    const int k = one_in(m->prng, 2) ? in : prng_below(m->prng, m->net->n_nodes);
    if (m->net->nodes[k].size == size) from[n++] = k;
  }
  signed char *coef = net_keep(m->net, mem_alloc(MOST_INPUTS));
  for (int p = 0; p < n; p++)
    coef[p] = one_in(m->prng, 2) ? 1 : -1;
  const Node v = {.kind = NODE_ADD, .size = size, .coef = coef};
  net_add(m->net, &v, from, n);
}

/* A map of random entries, some constant, some the same. */
static void add_map_of(const Maker *m, const int *from, int n_from, int size)
{
  int total = 0;
  for (int p = 0; p < n_from; p++)
    total += m->net->nodes[from[p]].size;
  int *map = net_keep(m->net, mem_array((size_t)size, sizeof *map));
  for (int i = 0; i < size; i++)
    map[i] = one_in(m->prng, 6) ? 0 : prng_below(m->prng, total + 1) - 1;
  const Node v = {.kind = NODE_MAP, .size = size, .map = map};
  net_add(m->net, &v, from, n_from);
}

static void add_map(const Maker *m, int in)
{
  int from[MOST_INPUTS];
  const int n = some_inputs(m->prng);
  for (int p = 0; p < n; p++)
    from[p] = one_in(m->prng, 3) ? prng_below(m->prng, m->net->n_nodes) : in;
  add_map_of(m, from, n, 1 + prng_below(m->prng, 10));
}

static void add_act(const Maker *m, int in, ActKind kind)
{
  const Node v = {.kind = NODE_ACT, .size = m->net->nodes[in].size, .act = kind};
  net_add(m->net, &v, &in, 1);
}

static void add_relu(const Maker *m, int in)
{
  add_act(m, in, ACT_RELU);
}

static void add_square(const Maker *m, int in)
{
  add_act(m, in, ACT_SQUARE);
}

static void add_sign(const Maker *m, int in)
{
  add_act(m, in, ACT_SIGN);
}

/* Sometimes of anything, 0 included; mostly of what stays on one side of it. */
static void add_reciprocal(const Maker *m, int in)
{
  if (!one_in(m->prng, 4)) {
    const int n = m->net->nodes[in].size;
    double *shift = net_keep(m->net, mem_doubles((size_t)n));
    for (int i = 0; i < n; i++)
      shift[i] = fabs(extreme_number(m->mode, m->prng)) + 0x1p-1070;
    const Node v = {.kind = NODE_SCALE, .size = n, .shift = shift};
    add_act(m, in, one_in(m->prng, 2) ? ACT_SQUARE : ACT_RELU);
    in = m->net->n_nodes - 1;
    in = net_add(m->net, &v, &in, 1);
  }
  add_act(m, in, ACT_RECIPROCAL);
}

/* Of two nodes of one size, often the same. */
static void add_product(const Maker *m, int in)
{
  const int size = m->net->nodes[in].size;
  int from[2] = {in, in};
  for (int trial = 0; trial < 20 && from[1] == in; trial++) {
    const int k = prng_below(m->prng, m->net->n_nodes);
    if (m->net->nodes[k].size == size) from[1] = k;
  }
  const Node v = {.kind = prng_below(m->prng, 2) ? NODE_MUL : NODE_MAX, .size = size};
  net_add(m->net, &v, from, 2);
}

/* One map of all nodes that nothing reads, unless the last node is the only one. */
static void join_loose_ends(const Maker *m)
{
  const int n = m->net->n_nodes;
  bool *is_read = mem_zero((size_t)n, sizeof *is_read);
  int *loose = mem_array((size_t)n, sizeof *loose), n_loose = 0;
  for (int k = 0; k < n; k++)
    for (int p = 0; p < m->net->nodes[k].n_in; p++)
      is_read[m->net->nodes[k].in[p]] = true;
  for (int k = 0; k < n; k++)
    if (!is_read[k]) loose[n_loose++] = k;
  if (n_loose > 1) add_map_of(m, loose, n_loose, 1 + prng_below(m->prng, 10));
  mem_free(is_read);
  mem_free(loose);
}

/* Nodes of the first n_kinds kinds. */
static Net *make(ExtremeMode mode, int size, int n_kinds, Prng *prng)
{
  static void (*const add[])(const Maker *, int) = {
      add_dense, add_conv, add_scale,   add_sum,     add_map,    add_relu,
      add_relu,  add_sign, add_product, add_product, add_square, add_reciprocal};
  const Maker m = {net_new("extreme"), mode, prng};
  const Node input = {.kind = NODE_INPUT, .size = 1 + prng_below(prng, 4)};
  net_add(m.net, &input, NULL, 0);
  while (m.net->n_nodes < size) {
    const int n = m.net->n_nodes;
    const int in = n >= 3 && one_in(prng, 3) ? prng_below(prng, n) : n - 1;
    add[prng_below(prng, n_kinds)](&m, in);
  }
  join_loose_ends(&m);
  if (!net_is_linear(net_output(m.net)) || one_in(prng, 2))
    add_dense(&m, m.net->n_nodes - 1);
  Err err = {0};
  if (net_finish(m.net, &err)) status_abort(__func__, err.text);
  return m.net;
}

Net *extreme_net(ExtremeMode mode, int size, Prng *prng)
{
  return make(mode, size, 7, prng);
}

Net *extreme_curved_net(ExtremeMode mode, int size, Prng *prng)
{
  return make(mode, size, 12, prng);
}

/* ---- boxes --------------------------------------------------------------------------
 */

void extreme_box(ExtremeMode mode, int n, Prng *prng, double *lo, double *hi)
{
  const int width = prng_below(prng, 3);
  for (int i = 0; i < n; i++) {
    lo[i] = hi[i] = extreme_number(mode, prng);
    if (width == 1) hi[i] += fabs(extreme_number(mode, prng));
    if (width == 2) hi[i] += fabs(lo[i]) * ldexp(1, -prng_below(prng, 60));
    if (!isfinite(hi[i])) hi[i] = lo[i];
    if (one_in(prng, 5)) hi[i] = round_up(lo[i]);
  }
}

void extreme_sample(int n, const double *lo, const double *hi, Prng *prng, double *x)
{
  for (int i = 0; i < n; i++) {
    const int where = prng_below(prng, 4);
    const double inside = lo[i] + (hi[i] - lo[i]) * prng_unit(prng);
    x[i] = where == 0 || !(inside >= lo[i]) ? lo[i]
           : where == 1 || inside > hi[i]   ? hi[i]
                                            : inside;
  }
}
