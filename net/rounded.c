/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/rounded.h"

#include <float.h>
#include <math.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/terms.h"

#define U    0x1p-24
#define ETA  0x1p-150
#define TINY 0x1p-126 /* the smallest normal float32 */
#define ULPS 4
/* Covers the rounding to double in the few operations that compute an error bound. */
#define EXCESS (1 + 0x1p-20)
/* More terms than this have no useful gamma. */
#define MOST_TERMS 0x1p22

/* All float32 executions have |x - mid| <= rad; both are finite. */
typedef struct {
  double mid, rad;
} Ball;

static bool is_known(Ball b)
{
  return fabs(b.mid) + b.rad <= (double)FLT_MAX;
}

static Ball ball_of(double lo, double hi)
{
  if (lo == hi) return (Ball){lo, 0};
  const double mid = lo / 2 + hi / 2;
  return (Ball){mid, fmax(round_add_up(hi, -mid), round_add_up(mid, -lo))};
}

/* ---- sums ---------------------------------------------------------------- */

typedef struct {
  double mid, rad;   /* of the sum with the stored weights, in double */
  double mag;        /* sum of |w| |x| */
  double slack;      /* what weights may be wrong by, times |x| */
  double n, n_times; /* terms, and those that need a multiplication */
} Sum;

/* A term 0 x is 0 in every execution, because x is finite. */
static inline void add_term(Sum *s, double w, double w_rel, Ball x)
{
  if (w == 0) return;
  const double a = fabs(w), reach = fabs(x.mid) + x.rad;
  s->mid += w * x.mid;
  s->rad += a * x.rad;
  s->mag += a * reach;
  s->n++;
  s->n_times += a != 1;
  if (w_rel != 0 || (double)(float)w != w) {
    s->slack += ((4 * U + w_rel) * a + ETA) * reach;
    if (!(a <= (double)FLT_MAX)) s->mag = INFINITY;
  }
}

static void add_bias(Sum *s, double b, double err)
{
  const double a = fabs(b);
  if (b != 0) s->n++;
  s->mid += b;
  s->mag += a;
  if (err != 0 || (double)(float)b != b) s->slack += 4 * U * a + ETA + err;
  if (!(a <= (double)FLT_MAX)) s->mag = INFINITY;
}

static Ball sum_ball(const Sum *s)
{
  /* A copy, its negative, or a constant: nothing was rounded, here or there. */
  if (s->n <= 1 && s->n_times == 0 && s->slack == 0) return (Ball){s->mid, s->rad};
  const double in_double = round_gamma(2 * s->n + 20) * s->mag;
  const double wrong = s->rad + s->slack + in_double, k = s->n + 2;
  double err = INFINITY;
  if (s->n <= 1 || (s->n == 2 && s->n_times == 0))
    err = U * (fabs(s->mid) + wrong) + ETA;
  else if (k < MOST_TERMS)
    err = k * U / (1 - k * U) * (s->mag + s->slack) + k * (2 * ETA);
  const Ball b = {s->mid, (wrong + err) * EXCESS};
  /* No partial sum exceeds this: overflow is excluded. */
  if (!(s->mag * EXCESS + b.rad <= (double)FLT_MAX)) return (Ball){0, INFINITY};
  return b;
}

/* ---- functions ----------------------------------------------------------- */

/* The size s of the header, for |x| <= reach. */
static double function_scale(ActKind kind, double reach)
{
  switch (kind) {
  case ACT_SIGMOID:
  case ACT_TANH:
  case ACT_ERF:
  case ACT_ELU:
  case ACT_SOFTPLUS:
    return 1;
  case ACT_SIN:
  case ACT_COS:
  case ACT_LOGCOSH:
    return fmax(1, reach);
  case ACT_SILU:
  case ACT_GELU:
  case ACT_HARDSWISH:
    return reach;
  case ACT_RELU:
  case ACT_EXP:
  case ACT_LOG:
  case ACT_SQRT:
  case ACT_SQUARE:
  case ACT_RECIPROCAL:
  case ACT_SIGN:
  case ACT_FLOOR:
  case ACT_COUNT:
    break;
  }
  return 0;
}

static Ball act_ball(ActKind kind, Ball x)
{
  double lo, hi;
  act_enclose(kind, round_add_dn(x.mid, -x.rad), round_add_up(x.mid, x.rad), &lo, &hi);
  if (!isfinite(lo) || !isfinite(hi)) return (Ball){0, INFINITY};
  Ball b = ball_of(lo, hi);
  if (kind == ACT_RELU || kind == ACT_SIGN || kind == ACT_FLOOR) return b;
  const double size =
      fmax(fmax(fabs(lo), fabs(hi)), function_scale(kind, fabs(x.mid) + x.rad));
  b.rad = (b.rad + fmax(ULPS * 2 * U * size, TINY)) * EXCESS;
  return b;
}

/* |xy - mid| <= |x| rad_y + |y| rad_x + rad_x rad_y, the double's own error, then one
 * rounding. */
static Ball product_ball(Ball x, Ball y)
{
  const double mid = x.mid * y.mid;
  const double rad =
      fabs(x.mid) * y.rad + fabs(y.mid) * x.rad + x.rad * y.rad + ROUND_U * fabs(mid);
  return (Ball){mid, (rad + U * (fabs(mid) + rad) + 2 * ETA) * EXCESS};
}

/* ---- the network --------------------------------------------------------- */

static Ball linear_ball(const Net *net, const Node *v, int i, Ball **x)
{
  const Ball *in = x[v->in[0]];
  Sum s = {0};
  double err;
  const double bias = terms_bias(v, i, &err);
  if (v->kind == NODE_DENSE) {
    const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    in += (size_t)(i / v->rows) * (size_t)v->cols;
    for (int j = 0; j < v->cols; j++)
      add_term(&s, w[j], v->w_rel, in[j]);
  } else if (v->kind == NODE_CONV) {
#define BODY(w, j) add_term(&s, w, v->w_rel, in[j])
    TERMS_OF_CONV(v, i, BODY);
#undef BODY
  } else if (v->kind == NODE_SCALE) {
    add_term(&s, v->scale ? v->scale[i] : 1, v->scale ? v->w_rel : 0, in[i]);
  } else if (v->kind == NODE_ADD) {
    for (int p = 0; p < v->n_in; p++)
      add_term(&s, v->coef[p], 0, x[v->in[p]][i]);
  } else {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? (Ball){0, 0} : x[v->in[o.source]][o.index];
  }
  add_bias(&s, bias, err);
  return sum_ball(&s);
}

static Ball node_ball(const Net *net, const Node *v, int i, Ball **x)
{
  if (v->kind == NODE_ACT) return act_ball(v->act, x[v->in[0]][i]);
  if (v->kind == NODE_MUL) return product_ball(x[v->in[0]][i], x[v->in[1]][i]);
  return linear_ball(net, v, i, x);
}

/* A double next to x may be meant: decimals are read to the nearest one. */
static Ball input_ball(double x)
{
  if (!(fabs(x) <= (double)FLT_MAX)) return (Ball){0, INFINITY};
  if ((double)(float)x == x) return (Ball){x, 0};
  return ball_of((double)(float)round_dn(x), (double)(float)round_up(x));
}

static bool all_known(const Ball *b, int n)
{
  bool known = true;
  for (int i = 0; i < n; i++)
    known = known && is_known(b[i]);
  return known;
}

/* v[k] of all nodes.  False when one is not known; later ones are not computed. */
static bool balls(const Net *net, const double *x, Ball **v)
{
  for (int i = 0; i < net_in_size(net); i++)
    v[0][i] = input_ball(x[i]);
  bool known = all_known(v[0], net_in_size(net));
  for (int k = 1; k < net->n_nodes && known; k++) {
    const Node *node = &net->nodes[k];
    for (int i = 0; i < node->size; i++)
      v[k][i] = node_ball(net, node, i, v);
    known = all_known(v[k], node->size);
  }
  return known;
}

bool rounded_enclose(const Net *net, const double *x, double *lo, double *hi)
{
  Ball **v = mem_array((size_t)net->n_nodes, sizeof *v);
  for (int k = 0; k < net->n_nodes; k++)
    v[k] = mem_array((size_t)net->nodes[k].size, sizeof **v);
  const bool known = balls(net, x, v);
  const Ball *y = v[net->n_nodes - 1];
  for (int i = 0; i < net_out_size(net); i++) {
    /* Executions give float32 numbers, so the ends move inwards to the next one. */
    lo[i] =
        known ? (double)round_float_up(round_add_dn(y[i].mid, -y[i].rad)) : -INFINITY;
    hi[i] = known ? (double)round_float_dn(round_add_up(y[i].mid, y[i].rad)) : INFINITY;
  }
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(v[k]);
  mem_free(v);
  return known;
}

/* ---- pairwise sums ------------------------------------------------------- */

/* t[0..n), by halves; t is destroyed. */
static float halves(float *t, size_t n)
{
  if (n == 0) return 0;
  for (; n > 1; n = (n + 1) / 2)
    for (size_t i = 0; 2 * i < n; i++)
      t[i] = 2 * i + 1 < n ? t[2 * i] + t[2 * i + 1] : t[2 * i];
  return t[0];
}

static float linear_pairwise(const Net *net, const Node *v, int i, float **x, float *t)
{
  const float *in = x[v->in[0]];
  size_t n = 0;
  double err;
  const float bias = (float)terms_bias(v, i, &err);
  if (v->kind == NODE_DENSE) {
    const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    in += (size_t)(i / v->rows) * (size_t)v->cols;
    for (int j = 0; j < v->cols; j++)
      t[n++] = (float)w[j] * in[j];
  } else if (v->kind == NODE_CONV) {
#define BODY(w, j) t[n++] = (float)(w)*in[j]
    TERMS_OF_CONV(v, i, BODY);
#undef BODY
  } else if (v->kind == NODE_SCALE) {
    t[n++] = v->scale ? (float)v->scale[i] * in[i] : in[i];
  } else if (v->kind == NODE_ADD) {
    for (int p = 0; p < v->n_in; p++)
      t[n++] = (float)v->coef[p] * x[v->in[p]][i];
  } else {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? 0 : x[v->in[o.source]][o.index];
  }
  return halves(t, n) + bias;
}

static float node_pairwise(const Net *net, const Node *v, int i, float **x, float *t)
{
  if (v->kind == NODE_ACT) return act_value32(v->act, x[v->in[0]][i]);
  if (v->kind == NODE_MUL) return x[v->in[0]][i] * x[v->in[1]][i];
  return linear_pairwise(net, v, i, x, t);
}

void rounded_pairwise(const Net *net, const double *x, float *y)
{
  size_t most = 1;
  float **v = mem_array((size_t)net->n_nodes, sizeof *v);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *node = &net->nodes[k];
    v[k] = mem_array((size_t)node->size, sizeof **v);
    if (net_is_linear(node) && terms_most(node) > most) most = terms_most(node);
  }
  float *terms = mem_array(most, sizeof *terms);
  for (int i = 0; i < net_in_size(net); i++)
    v[0][i] = (float)x[i];
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *node = &net->nodes[k];
    for (int i = 0; i < node->size; i++)
      v[k][i] = node_pairwise(net, node, i, v, terms);
  }
  for (int i = 0; i < net_out_size(net); i++)
    y[i] = v[net->n_nodes - 1][i];
  mem_free(terms);
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(v[k]);
  mem_free(v);
}
