/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/rounded.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/range.h"

#define U32  0x1p-24
#define TINY 0x1p-126 /* the smallest normal float32 */

/* Covers the roundings in sums of non-negative numbers, of fewer than 2^30 terms. */
#define SLACK (1 + 0x1p-20)

/* gamma_{n+2} <= 1/4 below; above, (2) says little anyway. */
#define MOST_TERMS 0x1p21

typedef struct {
  const Net *old;
  Net *net;
  int *now;          /* int now[n_nodes of old]: the node that stands for it */
  double **lo, **hi; /* of the new nodes; [room] */
  int room;
  bool overflows;
} Rounding;

static double gamma32(double n)
{
  const double nu = n * U32;
  return nu / (1 - nu) * SLACK;
}

/* ---- new nodes ----------------------------------------------------------- */

/* Append it with its interval.  A partial sum of float32 is larger by a factor 1 +
 * gamma <= 4/3 than over the reals, E is in b_err. */
static int append(Rounding *x, const Node *node, const int *in, int n_in)
{
  const int k = net_add(x->net, node, in, n_in);
  if (k >= x->room) {
    x->room = 2 * k + 16;
    x->lo = mem_grow(x->lo, (size_t)x->room, sizeof *x->lo);
    x->hi = mem_grow(x->hi, (size_t)x->room, sizeof *x->hi);
  }
  const size_t n = (size_t)node->size;
  x->lo[k] = mem_doubles(2 * n);
  x->hi[k] = x->lo[k] + n;
  if (node->kind == NODE_INPUT) return k;
  const double most = range_node(x->net, k, x->lo, x->hi);
  if (!(1.5 * most <= (double)FLT_MAX)) x->overflows = true;
  return k;
}

static double *new_doubles(Rounding *x, int n)
{
  return net_keep(x->net, mem_doubles0((size_t)n));
}

/* The largest magnitude in node k, or its element i. */
static double magnitude(const Rounding *x, int k, int i)
{
  return fmax(fabs(x->lo[k][i]), fabs(x->hi[k][i]));
}

static double magnitude_of_all(const Rounding *x, int k)
{
  double most = 0;
  for (int i = 0; i < x->net->nodes[k].size; i++)
    most = fmax(most, magnitude(x, k, i));
  return most;
}

/* Behind node k of the new network: x (1 + d) + e with |d| <= rel, |e| <= err[i], which
 * belongs to the net; NULL: TINY. */
static int add_error(Rounding *x, int k, double rel, double *err)
{
  Node v = {.kind = NODE_SCALE, .w_rel = rel};
  const Node *of = &x->net->nodes[k];
  v.size = of->size;
  v.rank = of->rank;
  memcpy(v.dims, of->dims, sizeof v.dims);
  v.name = of->name;
  double *one = rel > 0 ? new_doubles(x, v.size) : NULL;
  if (!err) err = new_doubles(x, v.size);
  for (int i = 0; i < v.size; i++) {
    if (one) one[i] = 1;
    if (err[i] == 0) err[i] = TINY;
  }
  v.scale = one;
  v.b_err = err;
  return append(x, &v, &k, 1);
}

/* ---- weights ------------------------------------------------------------- */

/* One row of weights: how many are not 0, their sum and that of the denormal ones. */
typedef struct {
  double n, sum, denormal;
} Row;

static Row row_of(const double *w, size_t n)
{
  Row r = {0};
  for (size_t j = 0; j < n; j++) {
    const double a = fabs(w[j]);
    r.n += a != 0;
    r.sum += a;
    if (a < TINY) r.denormal += a;
  }
  return r;
}

static double fmost(double a, double b)
{
  return a > b ? a : b;
}

/* The most terms in a sum of a dense node: weights that are not 0, times inputs that
 * are not 0 on the whole box, dead neurons mostly. */
static double dense_terms(const Rounding *x, const Node *v, int in)
{
  int most = 0;
  for (int i = 0; i < v->size; i++) {
    const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    const double *lo = x->lo[in] + (size_t)(i / v->rows) * (size_t)v->cols;
    const double *hi = x->hi[in] + (size_t)(i / v->rows) * (size_t)v->cols;
    int n = 0;
    for (int j = 0; j < v->cols; j++)
      n += (w[j] < 0 || w[j] > 0) && (lo[j] < 0 || hi[j] > 0);
    if (n > most) most = n;
  }
  return most;
}

/* The same of rows of weights with any input. */
static double most_weights(const double *w, size_t cols, int n_rows)
{
  double n = 0;
  for (int i = 0; i < n_rows; i++)
    n = fmost(n, row_of(w + (size_t)i * cols, cols).n);
  return n;
}

/* (3) for a node with n_rows rows of `cols` weights and as many biases, and sums of n
 * terms. */
static void widen(Rounding *x, Node *v, const double *w, size_t cols, int n_rows,
                  const double *b, int in, double n)
{
  double *err = new_doubles(x, n_rows);
  const double reach = magnitude_of_all(x, in), gamma = gamma32(n + 2);
  for (int i = 0; i < n_rows; i++) {
    const Row r = row_of(w + (size_t)i * cols, cols);
    const double mine = v->b_err ? v->b_err[i] : 0, at = b ? fabs(b[i]) : 0;
    const double tiny = 2 * (2 * n + 4 + r.sum) * TINY + 2 * r.denormal * reach;
    err[i] = (mine + gamma * (at + mine) + tiny) * SLACK;
  }
  v->w_rel = (v->w_rel + gamma * (1 + v->w_rel)) * SLACK;
  v->b_err = err;
}

static int linear_node(Rounding *x, const Node *old, int in)
{
  Node v = *old;
  const Conv *c = &old->conv;
  const bool is_dense = old->kind == NODE_DENSE;
  const size_t cols =
      (size_t)(is_dense ? old->cols : c->c_in / c->groups * c->kh * c->kw);
  const int n_rows = is_dense ? old->rows : c->c_out;
  const double n =
      is_dense ? dense_terms(x, old, in) : most_weights(old->W, cols, n_rows);
  if (n <= MOST_TERMS)
    widen(x, &v, old->W, cols, n_rows, old->b, in, n);
  else
    x->overflows = true;
  return append(x, &v, &in, 1);
}

/* x, -x, x + shift, scale x or scale x + shift. */
static int scale_node(Rounding *x, const Node *old, int in)
{
  Node v = *old;
  bool exact = old->w_rel == 0;
  for (int i = 0; i < old->size; i++)
    exact = exact && (!old->scale || fabs(old->scale[i]) == 1) &&
            (!old->shift || old->shift[i] == 0);
  if (exact) {
    double *err = new_doubles(x, v.size);
    for (int i = 0; i < v.size; i++)
      err[i] = ((old->b_err ? old->b_err[i] : 0) + TINY) * SLACK;
    v.b_err = err;
    return append(x, &v, &in, 1);
  }
  if (!v.scale) {
    double *one = new_doubles(x, v.size);
    for (int i = 0; i < v.size; i++)
      one[i] = 1;
    v.scale = one;
  }
  widen(x, &v, v.scale, 1, v.size, v.shift, in, 1);
  return append(x, &v, &in, 1);
}

static int add_node(Rounding *x, const Node *old, const int *in)
{
  if (old->n_in <= 2) {
    const int k = append(x, old, in, old->n_in);
    double *err = new_doubles(x, old->size);
    for (int i = 0; i < old->size; i++)
      err[i] = 8 * TINY;
    return add_error(x, k, old->n_in == 1 ? 0 : gamma32(1), err);
  }
  int *own = mem_array((size_t)old->n_in, sizeof *own);
  for (int p = 0; p < old->n_in; p++) {
    double *err = new_doubles(x, old->size);
    for (int i = 0; i < old->size; i++)
      err[i] = 8 * TINY;
    own[p] = add_error(x, in[p], gamma32(old->n_in), err);
  }
  const int k = append(x, old, own, old->n_in);
  mem_free(own);
  return k;
}

static int mul_node(Rounding *x, const Node *old, const int *in)
{
  const int k = append(x, old, in, 2);
  double *err = new_doubles(x, old->size);
  for (int i = 0; i < old->size; i++)
    err[i] = (magnitude(x, in[0], i) + magnitude(x, in[1], i) + 4) * 2 * TINY;
  return x->overflows ? k : add_error(x, k, gamma32(1), err);
}

/* ---- activations --------------------------------------------------------- */

typedef struct {
  double rel, abs, below; /* below: times |x| where x < 0 */
} ActError;

static ActError act_error(ActKind kind)
{
  switch (kind) {
  case ACT_RELU:
  case ACT_SIGN:
  case ACT_FLOOR:
    return (ActError){0, 0, 0};
  case ACT_SIGMOID:
  case ACT_TANH:
  case ACT_ERF:
  case ACT_SIN:
  case ACT_COS:
    return (ActError){0, 0x1p-21, 0};
  case ACT_EXP:
  case ACT_SQRT:
  case ACT_SQUARE:
  case ACT_RECIPROCAL:
    return (ActError){0x1p-21, 4 * TINY, 0};
  case ACT_LOG:
  case ACT_SOFTPLUS:
    return (ActError){0x1p-21, 0x1p-21, 0};
  case ACT_ELU:
  case ACT_LOGCOSH:
    return (ActError){0x1p-20, 0x1p-20, 0};
  case ACT_SILU:
  case ACT_GELU:
  case ACT_HARDSWISH:
    return (ActError){0x1p-19, 4 * TINY, 0x1p-20};
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

static int act_node(Rounding *x, const Node *old, int in)
{
  /* A number that was only moved may be a denormal, and read as 0. */
  if (old->act != ACT_RELU && x->net->nodes[in].kind == NODE_MAP)
    in = add_error(x, in, 0, NULL);
  const int k = append(x, old, &in, 1);
  const ActError e = act_error(old->act);
  if (e.abs == 0 || x->overflows) return k;
  double *err = new_doubles(x, old->size);
  for (int i = 0; i < old->size; i++)
    err[i] = (e.abs + e.below * fmost(-x->lo[in][i], 0)) * SLACK;
  return add_error(x, k, e.rel, err);
}

/* ---- all nodes ----------------------------------------------------------- */

static int round_node(Rounding *x, const Node *old, const int *in)
{
  switch (old->kind) {
  case NODE_DENSE:
  case NODE_CONV:
    return linear_node(x, old, in[0]);
  case NODE_SCALE:
    return scale_node(x, old, in[0]);
  case NODE_ADD:
    return add_node(x, old, in);
  case NODE_MAP:
  case NODE_MAX:
    return append(x, old, in, old->n_in);
  case NODE_ACT:
    return act_node(x, old, in[0]);
  case NODE_MUL:
    return mul_node(x, old, in);
  case NODE_INPUT:
    break;
  }
  status_abort(__func__, "unknown kind");
}

static void begin(Rounding *x, const Net *net, const double *lo, const double *hi)
{
  *x = (Rounding){.old = net, .net = net_new(net->path)};
  x->net->is_float32 = net->is_float32;
  x->net->units = net->units;
  x->net->n_inputs = net->n_inputs;
  x->net->n_outputs = net->n_outputs;
  memcpy(x->net->sha256, net->sha256, sizeof net->sha256);
  x->now = mem_array((size_t)net->n_nodes, sizeof *x->now);
  x->now[0] = append(x, &net->nodes[0], NULL, 0);
  const size_t bytes = (size_t)net_in_size(net) * sizeof *lo;
  memcpy(x->lo[0], lo, bytes);
  memcpy(x->hi[0], hi, bytes);
}

static void end(Rounding *x)
{
  for (int k = 0; k < x->net->n_nodes; k++)
    mem_free(x->lo[k]);
  mem_free(x->lo);
  mem_free(x->hi);
  mem_free(x->now);
}

Net *rounded_net(const Net *net, const double *lo, const double *hi, const char **where)
{
  Rounding x;
  begin(&x, net, lo, hi);
  if (!(magnitude_of_all(&x, 0) <= (double)FLT_MAX)) x.overflows = true;
  int k = 0;
  while (!x.overflows && ++k < net->n_nodes) {
    const Node *old = &net->nodes[k];
    int *in = mem_array((size_t)old->n_in, sizeof *in);
    for (int p = 0; p < old->n_in; p++)
      in[p] = x.now[old->in[p]];
    x.now[k] = round_node(&x, old, in);
    mem_free(in);
  }
  /* The last numbers may be flushed when they are stored. */
  const Node *last = net_output(x.net);
  if (!x.overflows && (last->kind == NODE_MAP || net_is_nonlinear(last)))
    add_error(&x, x.net->n_nodes - 1, 0, NULL);
  Net *made = x.net;
  const bool overflows = x.overflows;
  end(&x);
  if (overflows) {
    *where = net->nodes[k < net->n_nodes ? k : net->n_nodes - 1].name;
    net_free(made);
    return NULL;
  }
  Err err = {0};
  if (net_finish(made, &err)) status_abort(__func__, err.text);
  return made;
}

Status rounded_check(const Net *net, Err *err)
{
  if (!net->is_float32)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: --semantics float32 needs a network with float32 inputs "
                       "and weights, and this one has others; use --semantics real",
                       net->path);
  if (net->respelled)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: --semantics float32: %s; use --semantics real", net->path,
                       net->respelled);
  return STATUS_OK;
}
