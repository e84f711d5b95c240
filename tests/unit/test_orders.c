/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What float32 programs may compute, against every order of summation there is.  Long,
 * because the enumeration that judges one sum judges operations and networks as well.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/eval.h"
#include "net/orders.h"
#include "net/terms.h"
#include "tests/support/nets.h"

static bool enclose(const Net *net, const double *x, double *lo, double *hi)
{
  Orders *r = orders_new(net, x);
  const bool known = orders_outputs(r, lo, hi);
  orders_free(r);
  return known;
}

/* ---- one sum ------------------------------------------------------------- */

/* y = w . x + b */
static Net *sum_net(int n, const double *w, const double *b)
{
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = n, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 1,
                      .reps = 1,
                      .rows = 1,
                      .cols = n,
                      .W = w,
                      .b = b,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* A number that waits to be added: a product that is not rounded yet, or a value (with
 * w = 1 and is_value). */
typedef struct {
  float w, x;
  bool is_value;
} Item;

#define MOST_ITEMS 8

typedef struct {
  double lo, hi;
  float least, most; /* of all executions */
  long n;
} Seen;

static void note(Seen *s, float y)
{
  cr_assert(s->lo <= (double)y && (double)y <= s->hi, "%a outside [%a, %a]", (double)y,
            s->lo, s->hi);
  s->least = fminf(s->least, y);
  s->most = fmaxf(s->most, y);
  s->n++;
}

/* Every order, every parenthesisation, every choice of fused multiply-adds: take any
 * two items, add them in all ways, go on with what is left. */
static void all_ways(Seen *s, int n, const Item *items)
{
  if (n == 1) {
    note(s, items[0].is_value ? items[0].x : items[0].w * items[0].x);
    return;
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      if (i == j) continue;
      const Item a = items[i], b = items[j];
      Item rest[MOST_ITEMS];
      int m = 0;
      for (int k = 0; k < n; k++)
        if (k != i && k != j) rest[m++] = items[k];
      const float y = b.is_value ? b.x : b.w * b.x;
      if (i < j) {
        const float x = a.is_value ? a.x : a.w * a.x;
        rest[m] = (Item){1, x + y, true};
        all_ways(s, m + 1, rest);
      }
      if (!a.is_value) {
        rest[m] = (Item){1, fmaf(a.w, a.x, y), true};
        all_ways(s, m + 1, rest);
      }
    }
}

static float drawn_float(Prng *prng, int spread)
{
  return (float)ldexp(prng_range(prng, -1, 1), prng_below(prng, spread) - spread / 2);
}

/* Numbers of wild sizes, and some that cancel. */
static void draw(Prng *prng, int n, int centre, double *w, double *x)
{
  for (int i = 0; i < n; i++) {
    w[i] = (double)drawn_float(prng, 20);
    x[i] = ldexp((double)drawn_float(prng, 20), centre);
    x[i] = (double)(float)x[i];
    if (i && prng_below(prng, 3) == 0) {
      w[i] = -w[i - 1];
      x[i] = (double)((float)x[i - 1] * (1 + 0x1p-20f));
    }
    if (prng_below(prng, 9) == 0) w[i] = 1;
  }
}

static void check_all_ways(Prng *prng, int n, bool bias, int centre, Seen *s)
{
  double w[MOST_ITEMS], x[MOST_ITEMS];
  draw(prng, n, centre, w, x);
  const double b = ldexp((double)drawn_float(prng, 20), centre);
  const double float_b = (double)(float)b;
  Net *net = sum_net(n, w, bias ? &float_b : NULL);
  cr_assert(enclose(net, x, &s->lo, &s->hi));
  s->least = INFINITY;
  s->most = -INFINITY;
  Item items[MOST_ITEMS];
  for (int i = 0; i < n; i++)
    items[i] = (Item){(float)w[i], (float)x[i], false};
  if (bias) items[n] = (Item){1, (float)b, true};
  all_ways(s, n + bias, items);
  float y;
  eval_float(net, x, &y);
  note(s, y);
  orders_pairwise(net, x, &y);
  note(s, y);
  net_free(net);
}

Test(orders, every_order_parenthesisation_and_fused_sum_is_enclosed)
{
  Prng prng = prng_init(1);
  long differ = 0;
  for (int k = 0; k < 4000; k++) {
    Seen s = {0};
    check_all_ways(&prng, 1 + k % 4, k % 3 == 0, 0, &s);
    differ += s.most > s.least;
  }
  for (int k = 0; k < 20; k++) {
    Seen s = {0};
    check_all_ways(&prng, 5, k % 2, 0, &s);
    cr_assert_gt(s.n, 1000);
  }
  cr_assert_gt(differ, 1500, "only %ld sums depend on the order", differ);
}

/* Products near the smallest float32 numbers: eta counts. */
Test(orders, sums_that_underflow_are_enclosed)
{
  Prng prng = prng_init(2);
  long below = 0;
  for (int k = 0; k < 3000; k++) {
    Seen s = {0};
    check_all_ways(&prng, 1 + k % 4, k % 3 == 0, -142, &s);
    below += s.least == 0 && s.most == 0;
  }
  cr_assert_gt(below, 20);
}

/* u = 2^-24 is attained: 1 + 2^-24 rounds to 1, 1 + 3 2^-24 to 1 + 4 2^-24. */
Test(orders, the_ends_are_near_what_executions_attain)
{
  const double w[] = {1, 1};
  Net *net = sum_net(2, w, NULL);
  double lo, hi;
  cr_assert(enclose(net, (double[]){1, 0x1p-24}, &lo, &hi));
  cr_assert(lo <= 1 && hi >= 1 && hi - lo <= 0x1p-22);
  cr_assert(enclose(net, (double[]){1, 0x3p-24}, &lo, &hi));
  cr_assert(lo <= 1 + 0x4p-24 && hi >= 1 + 0x4p-24 && hi - lo <= 0x1p-22);
  net_free(net);
}

static void shuffle(Prng *prng, int n, double *w, double *x)
{
  for (int i = n - 1; i > 0; i--) {
    const int j = prng_below(prng, i + 1);
    const double a = w[i], b = x[i];
    w[i] = w[j];
    x[i] = x[j];
    w[j] = a;
    x[j] = b;
  }
}

/* Eight running sums, added at the end, as vector units do. */
static float in_lanes(int n, const double *w, const double *x, bool fused)
{
  float lane[8] = {0};
  for (int i = 0; i < n; i++)
    lane[i % 8] = fused ? fmaf((float)w[i], (float)x[i], lane[i % 8])
                        : lane[i % 8] + (float)w[i] * (float)x[i];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
         ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

Test(orders, long_sums_in_many_orders_are_enclosed)
{
  enum { N = 400 };
  Prng prng = prng_init(3);
  double *w = mem_doubles(N), *x = mem_doubles(N);
  for (int round = 0; round < 40; round++) {
    const int n = 1 + prng_below(&prng, N);
    draw(&prng, n, 0, w, x);
    Seen s = {.least = INFINITY, .most = -INFINITY};
    double mag = 0;
    Net *net = sum_net(n, w, NULL);
    cr_assert(enclose(net, x, &s.lo, &s.hi));
    for (int i = 0; i < n; i++)
      mag += fabs(w[i] * x[i]);
    cr_assert_leq(s.hi - s.lo, 2.1 * (n + 2) * 0x1p-24 * mag + 0x1p-140);
    for (int k = 0; k < 100; k++) {
      shuffle(&prng, n, w, x); /* the net reads w as well: its sum is the same set */
      float y;
      eval_float(net, x, &y);
      note(&s, y);
      orders_pairwise(net, x, &y);
      note(&s, y);
      note(&s, in_lanes(n, w, x, false));
      note(&s, in_lanes(n, w, x, true));
      double wide = 0;
      for (int i = 0; i < n; i++)
        wide += w[i] * x[i];
      note(&s, (float)wide);
    }
    net_free(net);
  }
  mem_free(w);
  mem_free(x);
}

/* One float32 execution of a function: that of the C library, the correctly rounded
 * value a few ulp aside, or the formula that a model would spell. */
static float some_act(Prng *prng, ActKind kind, float x)
{
  const int way = prng_below(prng, 3);
  if (kind == ACT_RELU || kind == ACT_SIGN || kind == ACT_FLOOR || way == 0)
    return act_value32(kind, x);
  if (way == 1) {
    float y = (float)act_value(kind, (double)x);
    const float side = prng_below(prng, 2) ? INFINITY : -INFINITY;
    for (int k = prng_below(prng, 4); k > 0; k--)
      y = nextafterf(y, side);
    return y;
  }
  switch (kind) {
  case ACT_SIGMOID:
    return 1 / (1 + expf(-x));
  case ACT_ELU:
    return x >= 0 ? x : expf(x) - 1;
  case ACT_SOFTPLUS:
    return x > 80 ? x : logf(1 + expf(x));
  case ACT_SILU:
    return x / (1 + expf(-x));
  case ACT_GELU:
    return 0.5f * x * (1 + erff(x * 0x1.6a09e6p-1f));
  case ACT_HARDSWISH:
    return x * (fminf(fmaxf(x + 3, 0), 6) / 6);
  case ACT_LOGCOSH:
    return fabsf(x) > 40 ? act_value32(kind, x) : logf((expf(x) + expf(-x)) / 2);
  case ACT_TANH: {
    const float e = expf(-2 * fabsf(x));
    return copysignf((1 - e) / (1 + e), x);
  }
  default:
    return act_value32(kind, x);
  }
}

/* ---- one operation ------------------------------------------------------- */

/* y = h (x), or y = x0 x1 or max (x0, x1): no other rounding hides what is missing. */
static Net *single_net(int kind)
{
  static const int first[] = {0}, second[] = {1};
  const bool is_pair = kind >= ACT_COUNT;
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 1 + is_pair, .name = "x"}, NULL, 0);
  const Node map = {.kind = NODE_MAP, .size = 1, .map = first, .name = "a"};
  int in[2] = {net_add(net, &map, (int[]){0}, 1), 0};
  if (is_pair) {
    const Node other = {.kind = NODE_MAP, .size = 1, .map = second, .name = "b"};
    in[1] = net_add(net, &other, (int[]){0}, 1);
  }
  const Node y = {.kind = kind == NETS_MAXIMA     ? NODE_MAX
                          : kind == NETS_PRODUCTS ? NODE_MUL
                                                  : NODE_ACT,
                  .size = 1,
                  .act = is_pair ? ACT_RELU : (ActKind)kind,
                  .name = "y"};
  net_add(net, &y, in, 1 + is_pair);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

Test(orders, every_function_and_product_alone_is_enclosed)
{
  Prng prng = prng_init(7);
  for (int kind = 0; kind < NETS_N_KINDS; kind++) {
    Net *net = single_net(kind);
    int known = 0;
    for (int k = 0; k < 4000; k++) {
      const double reach = k % 4 ? 12 : 104; /* e^-104 is no float32 */
      const double x[] = {(double)(float)prng_range(&prng, -reach, reach),
                          (double)drawn_float(&prng, 200)};
      double lo, hi;
      if (!enclose(net, x, &lo, &hi)) continue;
      known++;
      for (int way = 0; way < 4; way++) {
        const float a = (float)x[0], b = (float)x[1];
        const float y = kind == NETS_MAXIMA     ? fmaxf(a, b)
                        : kind == NETS_PRODUCTS ? a * b
                                                : some_act(&prng, (ActKind)kind, a);
        cr_assert(lo <= (double)y && (double)y <= hi,
                  "kind %d at %a: %a not in [%a, %a]", kind, x[0], (double)y, lo, hi);
      }
    }
    cr_assert_gt(known, 1000, "kind %d", kind);
    net_free(net);
  }
}

/* A weight and a bias that are no float32: programs round them first. */
Test(orders, stored_numbers_that_are_no_float32_may_be_rounded)
{
  Prng prng = prng_init(8);
  for (int k = 0; k < 4000; k++) {
    const double w[] = {prng_range(&prng, -1, 1)}, b[] = {prng_range(&prng, -1, 1)};
    const double x[] = {(double)drawn_float(&prng, k % 2 ? 10 : 240)};
    Net *net = sum_net(1, w, k % 3 ? NULL : b);
    double lo, hi;
    cr_assert(enclose(net, x, &lo, &hi));
    Orders *r = orders_new(net, x);
    const double row = orders_row(r, 1, (int[]){0}, (double[]){1});
    orders_free(r);
    const float bias = k % 3 ? 0 : (float)b[0];
    for (int way = 0; way < 3; way++) {
      float v = (float)w[0]; /* and next to it, as a quotient may be */
      if (way) v = nextafterf(v, way == 1 ? INFINITY : -INFINITY);
      const double y = (double)(v * (float)x[0] + bias);
      cr_assert(lo <= y && y <= hi, "%a not in [%a, %a]", y, lo, hi);
      const double exact = w[0] * x[0] + (k % 3 ? 0 : b[0]);
      cr_assert_leq(fabs(y - exact), row + 0x1p-51 * (fabs(w[0] * x[0]) + 1));
    }
    net_free(net);
  }
}

/* ---- networks ------------------------------------------------------------ */

/* One element of a node, its terms in random order, the bias anywhere among them. */
static float some_element(Prng *prng, const Net *net, const Node *v, int i, float **x)
{
  if (v->kind == NODE_ACT) return some_act(prng, v->act, x[v->in[0]][i]);
  if (v->kind == NODE_MUL) return x[v->in[0]][i] * x[v->in[1]][i];
  if (v->kind == NODE_MAX) return fmaxf(x[v->in[0]][i], x[v->in[1]][i]);
  if (v->kind == NODE_MAP) {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? 0 : x[v->in[o.source]][o.index];
  }
  int n = 0;
  double *w = mem_doubles(terms_most(v) + 1), *at = mem_doubles(terms_most(v) + 1);
  const float *in = x[v->in[0]];
  if (v->kind == NODE_DENSE)
    for (int j = 0; j < v->cols; j++, n++) {
      w[n] = v->W[(i % v->rows) * v->cols + j];
      at[n] = (double)in[(i / v->rows) * v->cols + j];
    }
  if (v->kind == NODE_CONV) {
#define BODY(weight, j) w[n] = (weight), at[n++] = (double)in[j]
    TERMS_OF_CONV(v, i, BODY);
#undef BODY
  }
  if (v->kind == NODE_SCALE) {
    w[n] = v->scale ? v->scale[i] : 1;
    at[n++] = (double)in[i];
  }
  if (v->kind == NODE_ADD)
    for (int p = 0; p < v->n_in; p++, n++) {
      w[n] = v->coef[p];
      at[n] = (double)x[v->in[p]][i];
    }
  double err;
  w[n] = 1;
  at[n++] = terms_bias(v, i, &err);
  shuffle(prng, n, w, at);
  const bool fused = prng_below(prng, 2);
  float y = in_lanes(n, w, at, fused);
  if (prng_below(prng, 2)) {
    y = 0;
    for (int j = 0; j < n; j++)
      y = fused ? fmaf((float)w[j], (float)at[j], y) : y + (float)w[j] * (float)at[j];
  }
  mem_free(w);
  mem_free(at);
  return y;
}

static void some_execution(Prng *prng, const Net *net, const double *x, float *y)
{
  float **v = mem_array((size_t)net->n_nodes, sizeof *v);
  for (int k = 0; k < net->n_nodes; k++)
    v[k] = mem_array((size_t)net->nodes[k].size, sizeof **v);
  for (int i = 0; i < net_in_size(net); i++)
    v[0][i] = (float)x[i];
  for (int k = 1; k < net->n_nodes; k++)
    for (int i = 0; i < net->nodes[k].size; i++)
      v[k][i] = some_element(prng, net, &net->nodes[k], i, v);
  for (int i = 0; i < net_out_size(net); i++)
    y[i] = v[net->n_nodes - 1][i];
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(v[k]);
  mem_free(v);
}

/* Executions at random points; returns how many networks were not known to be finite.
 */
static int check_net(Prng *prng, const Net *net, int points)
{
  const size_t n_in = (size_t)net_in_size(net), n_out = (size_t)net_out_size(net);
  double *x = mem_doubles(n_in), *lo = mem_doubles(n_out), *hi = mem_doubles(n_out);
  float *y = mem_array(n_out, sizeof *y);
  int unknown = 0;
  for (int k = 0; k < points; k++) {
    for (size_t i = 0; i < n_in; i++)
      x[i] = (double)(float)prng_range(prng, -1, 1);
    if (!enclose(net, x, lo, hi)) {
      unknown++;
      continue;
    }
    for (int way = 0; way < 12; way++) {
      if (way == 0)
        eval_float(net, x, y);
      else if (way == 1)
        orders_pairwise(net, x, y);
      else
        some_execution(prng, net, x, y);
      for (size_t i = 0; i < n_out; i++)
        cr_assert(lo[i] <= (double)y[i] && (double)y[i] <= hi[i],
                  "way %d: %a outside [%a, %a]", way, (double)y[i], lo[i], hi[i]);
    }
  }
  mem_free(x);
  mem_free(lo);
  mem_free(hi);
  mem_free(y);
  return unknown;
}

Test(orders, executions_of_relu_networks_are_enclosed)
{
  Prng prng = prng_init(4);
  for (int k = 0; k < 60; k++) {
    Net *net = nets_random((NetsKind)(k % 3), 12, k % 2 ? 1 : 30, &prng);
    cr_assert_eq(check_net(&prng, net, 4), 0);
    net_free(net);
  }
}

Test(orders, executions_of_all_functions_are_enclosed)
{
  Prng prng = prng_init(5);
  for (int kind = 0; kind < NETS_N_KINDS; kind++) {
    int unknown = 0;
    for (int k = 0; k < 12; k++) {
      Net *net = nets_of_kind(kind, 6, 0.5 + k % 3, &prng);
      unknown += check_net(&prng, net, 4);
      net_free(net);
    }
    cr_assert_lt(unknown, 40, "kind %d: too few points say anything", kind);
  }
  for (int k = 0; k < 60; k++) {
    Net *net = nets_random(NETS_CURVED, 8, 1, &prng);
    check_net(&prng, net, 4);
    net_free(net);
  }
}

/* c y over random executions against its bound, and the width of the outputs' intervals
 * times |c|.  Returns the ratio of the two, 1 when nothing is known. */
static double check_row(Prng *prng, const Net *net)
{
  const size_t n_in = (size_t)net_in_size(net), n_out = (size_t)net_out_size(net);
  double *x = mem_doubles(n_in), *lo = mem_doubles(n_out), *hi = mem_doubles(n_out);
  double *mid = mem_doubles(n_out), *rad = mem_doubles(n_out), *c = mem_doubles(n_out);
  float *y = mem_array(n_out, sizeof *y);
  int *var = mem_array(n_out, sizeof *var);
  for (size_t i = 0; i < n_in; i++)
    x[i] = (double)(float)prng_range(prng, -1, 1);
  if (prng_below(prng, 4) == 0) x[0] = prng_range(prng, -1, 1);
  for (size_t i = 0; i < n_out; i++) {
    var[i] = (int)i;
    c[i] = prng_range(prng, -2, 2);
  }
  Orders *r = orders_new(net, x);
  const bool known = orders_outputs(r, lo, hi);
  const double bound = orders_row(r, (int)n_out, var, c);
  cr_assert(known || bound == INFINITY);
  eval_enclose(net, x, mid, rad);
  double width = 0;
  for (int way = 0; way < 16 && bound < INFINITY; way++) {
    some_execution(prng, net, x, y);
    double moved = 0, slack = 0;
    width = 0;
    for (size_t i = 0; i < n_out; i++) {
      moved += c[i] * ((double)y[i] - mid[i]);
      slack += fabs(c[i]) * (rad[i] + 0x1p-48 * (fabs(mid[i]) + fabs((double)y[i])));
      width += fabs(c[i]) * (hi[i] - lo[i]) / 2;
    }
    cr_assert_leq(fabs(moved), bound + slack);
  }
  orders_free(r);
  mem_free(x);
  mem_free(lo);
  mem_free(hi);
  mem_free(mid);
  mem_free(rad);
  mem_free(c);
  mem_free(y);
  mem_free(var);
  return bound < INFINITY ? bound / width : 1;
}

Test(orders, rows_of_executions_stay_within_their_bound)
{
  Prng prng = prng_init(9);
  for (int k = 0; k < 100; k++) {
    Net *net = nets_random((NetsKind)(k % 4), 10, 1, &prng);
    for (int t = 0; t < 5; t++)
      check_row(&prng, net);
    net_free(net);
  }
  for (int kind = 0; kind < NETS_N_KINDS; kind++) {
    Net *net = single_net(kind);
    Net *deep = nets_of_kind(kind, 6, 1, &prng);
    for (int t = 0; t < 200; t++) {
      check_row(&prng, net);
      check_row(&prng, deep);
    }
    net_free(net);
    net_free(deep);
  }
}

/* Errors that are followed to the row cancel, intervals do not. */
Test(orders, rows_of_deep_networks_are_far_tighter_than_intervals)
{
  Prng prng = prng_init(10);
  const int sizes[] = {10, 40, 40, 40, 40, 40, 40, 5};
  double most = 0;
  for (int k = 0; k < 5; k++) {
    Net *net = nets_dense(sizes, 8, 1, &prng);
    most = fmax(most, check_row(&prng, net));
    net_free(net);
  }
  cr_assert_lt(most, 0.1);
}

/* z = (x0 + 2^16) - 2^16 is wrong by up to 2^-8, which is far more than a function of z
 * is wrong by itself; then y = h (z), or z x1 and x1 z, max (z, x1) and
 * max (x1, z) with SWAPPED or without. */
enum { SWAPPED = 100 };
static Net *coarse_net(int kind)
{
  static const double one[] = {1}, large[] = {0x1p16}, back[] = {-0x1p16};
  static const int first[] = {0}, second[] = {1};
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  const Node x0 = {.kind = NODE_MAP, .size = 1, .map = first, .name = "x0"},
             x1 = {.kind = NODE_MAP, .size = 1, .map = second, .name = "x1"};
  net_add(net, &x0, (int[]){0}, 1);
  net_add(net, &x1, (int[]){0}, 1);
  const Node sum = {.kind = NODE_DENSE,
                    .size = 1,
                    .reps = 1,
                    .rows = 1,
                    .cols = 1,
                    .W = one,
                    .b = large,
                    .name = "sum"};
  net_add(net, &sum, (int[]){1}, 1);
  net_add(net, &(Node){.kind = NODE_SCALE, .size = 1, .shift = back, .name = "z"},
          (int[]){3}, 1);
  const bool is_swapped = kind >= SWAPPED;
  if (is_swapped) kind -= SWAPPED;
  const bool is_pair = kind >= ACT_COUNT;
  const Node y = {.kind = kind == NETS_MAXIMA     ? NODE_MAX
                          : kind == NETS_PRODUCTS ? NODE_MUL
                                                  : NODE_ACT,
                  .size = 1,
                  .act = is_pair ? ACT_RELU : (ActKind)kind,
                  .name = "y"};
  net_add(net, &y, is_swapped ? (int[]){2, 4} : (int[]){4, 2}, 1 + is_pair);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* The bound holds, and executions come near it: no slope is forgotten or too small. */
Test(orders, errors_before_a_function_count_with_its_slope)
{
  static const struct {
    int kind;
    double at;
  } steep[] = {{ACT_EXP, 3},          {ACT_SQUARE, 30},
               {ACT_RECIPROCAL, 0.5}, {ACT_LOG, 0.5},
               {ACT_SQRT, 0.5},       {ACT_RELU, 5},
               {ACT_RELU, 0x1p-9},    {ACT_TANH, 0.01},
               {ACT_SIGMOID, 0.01},   {ACT_HARDSWISH, 2.9},
               {ACT_SILU, 2.4},       {ACT_GELU, 1.4},
               {ACT_SOFTPLUS, 8},     {ACT_ELU, 8},
               {ACT_ERF, 0.01},       {ACT_LOGCOSH, 8},
               {ACT_SIN, 0.01},       {ACT_COS, 1.57},
               {NETS_PRODUCTS, 30},   {NETS_PRODUCTS + SWAPPED, 0.01},
               {NETS_MAXIMA, 5},      {NETS_MAXIMA + SWAPPED, 5},
               {NETS_MAXIMA, 3},      {NETS_MAXIMA + SWAPPED, 3}};
  Prng prng = prng_init(11);
  for (size_t k = 0; k < sizeof steep / sizeof *steep; k++) {
    Net *net = coarse_net(steep[k].kind);
    double most = 0;
    for (int t = 0; t < 2000; t++) {
      const double x[] = {
          (double)(float)(steep[k].at + 0x1p-8 * prng_range(&prng, -1, 1)), 3};
      Orders *r = orders_new(net, x);
      const double bound = orders_row(r, 1, (int[]){0}, (double[]){1});
      orders_free(r);
      double mid, rad;
      float y;
      eval_enclose(net, x, &mid, &rad);
      eval_float(net, x, &y);
      const double moved = fabs((double)y - mid);
      cr_assert_leq(moved, bound + rad, "function %d", steep[k].kind);
      most = fmax(most, moved / bound);
    }
    cr_assert_gt(most, 0.85, "function %d: %g", steep[k].kind, most);
    net_free(net);
  }
}

/* 2^24 integers: every partial sum is one of them, in any order. */
Test(orders, sums_on_a_common_grid_are_exact)
{
  const double w[] = {3, -0.5, 0x1p20}, b[] = {0.25};
  Net *net = sum_net(3, w, b);
  double lo, hi;
  cr_assert(enclose(net, (double[]){1, 3, 1}, &lo, &hi));
  cr_assert(lo == 0x1p20 + 1.75 && hi == lo);
  /* 2^24 + 3 is no float32, nor may a partial sum be. */
  cr_assert(enclose(net, (double[]){1, 0, 16}, &lo, &hi));
  cr_assert_lt(lo, hi);
  net_free(net);
  Prng prng = prng_init(12);
  for (int k = 0; k < 2000; k++) {
    double wk[4], xk[4];
    for (int i = 0; i < 4; i++) {
      wk[i] = prng_below(&prng, 1 << (1 + k % 14)) - (1 << (k % 14));
      xk[i] = ldexp(prng_below(&prng, 64) - 32, -3);
    }
    net = sum_net(4, wk, NULL);
    Seen s = {.least = INFINITY, .most = -INFINITY};
    cr_assert(enclose(net, xk, &s.lo, &s.hi));
    Item items[4];
    for (int i = 0; i < 4; i++)
      items[i] = (Item){(float)wk[i], (float)xk[i], false};
    all_ways(&s, 4, items);
    if (k % 14 < 10) cr_assert(s.lo == s.hi, "%d bits", k % 14);
    net_free(net);
  }
}

/* ---- what is exact, what is unknown -------------------------------------- */

Test(orders, copies_and_signs_are_exact)
{
  Prng prng = prng_init(6);
  const double w[] = {0, -1, 0};
  Net *net = sum_net(3, w, NULL);
  for (int k = 0; k < 100; k++) {
    const double x[] = {5, (double)drawn_float(&prng, 200), 1e30};
    double lo, hi;
    cr_assert(enclose(net, x, &lo, &hi));
    cr_assert(lo == -x[1] && hi == -x[1]);
  }
  net_free(net);
}

Test(orders, inputs_that_are_no_float32_are_rounded)
{
  const double w[] = {1};
  Net *net = sum_net(1, w, NULL);
  double lo, hi;
  cr_assert(enclose(net, (double[]){0.1}, &lo, &hi));
  cr_assert(lo == (double)0.1f && hi == (double)0.1f);
  /* Half-way between two of them: the decimal that is meant may be on either side. */
  cr_assert(enclose(net, (double[]){1 + 0x1p-24}, &lo, &hi));
  cr_assert(lo == 1 && hi == 1 + 0x1p-23);
  net_free(net);
}

Test(orders, whatever_may_overflow_is_unknown)
{
  double lo, hi;
  const double large[] = {0x1p100, -0x1p100, 1};
  Net *net = sum_net(3, large, NULL);
  cr_assert(enclose(net, (double[]){1, 1, 1}, &lo, &hi));
  cr_assert(lo <= -1 && hi >= 1);
  /* The products overflow, one after the other; the exact sum is 1. */
  cr_assert_not(enclose(net, (double[]){0x1p28, 0x1p28, 1}, &lo, &hi));
  cr_assert(lo == -INFINITY && hi == INFINITY);
  cr_assert_not(enclose(net, (double[]){NAN, 0, 0}, &lo, &hi));
  cr_assert_not(enclose(net, (double[]){0, 1e39, 0}, &lo, &hi));
  net_free(net);
  const double beyond[] = {1e39}, small[] = {1};
  net = sum_net(1, beyond, NULL);
  cr_assert_not(enclose(net, (double[]){1e-3}, &lo, &hi));
  net_free(net);
  net = sum_net(1, small, beyond);
  cr_assert_not(enclose(net, (double[]){1}, &lo, &hi));
  net_free(net);
}
