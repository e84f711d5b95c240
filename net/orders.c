/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/orders.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

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

/* All float32 executions, and the real one, have |x - mid| <= rad; both are finite. */
typedef struct {
  double mid, rad;
} Ball;

struct Orders {
  const Net *net;
  bool known;
  Ball **ball;  /* [n_nodes][size] */
  double **err; /* [n_nodes][size]: what a node itself may be wrong by */
};

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

static Ball sum_ball(const Sum *s, double *own)
{
  *own = 0;
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
  *own = (s->slack + err) * EXCESS;
  /* No partial sum exceeds this: overflow is excluded. */
  if (!(s->mag * EXCESS + b.rad <= (double)FLT_MAX)) return (Ball){0, INFINITY};
  return b;
}

/* The largest power of two that divides x. */
static double grain(double x)
{
  int e;
  int64_t digits = (int64_t)ldexp(frexp(x, &e), 53);
  for (e -= 53; !(digits & 1); digits /= 2)
    e++;
  return ldexp(1, e);
}

/* Smallest grain of the products; with terms that are exact and multiples of it, every
 * partial sum in any order is one as well. */
static inline void add_grain(double *least, double w, Ball x)
{
  if (w == 0 || x.mid == 0) return;
  const double g = grain(w) * grain(x.mid);
  if (g < *least) *least = g;
}

static bool is_exact(const Sum *s, double least)
{
  return least >= 0x1p-149 && s->mag <= 0x1p24 * fmin(least, 0x1p100);
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

static Ball act_ball(ActKind kind, Ball x, double *own)
{
  double lo, hi;
  *own = 0;
  act_enclose(kind, round_add_dn(x.mid, -x.rad), round_add_up(x.mid, x.rad), &lo, &hi);
  if (!isfinite(lo) || !isfinite(hi)) return (Ball){0, INFINITY};
  Ball b = ball_of(lo, hi);
  if (kind == ACT_RELU || kind == ACT_SIGN || kind == ACT_FLOOR) return b;
  const double size =
      fmax(fmax(fabs(lo), fabs(hi)), function_scale(kind, fabs(x.mid) + x.rad));
  *own = fmax(ULPS * 2 * U * size, TINY) * EXCESS;
  b.rad = (b.rad + *own) * EXCESS;
  return b;
}

/* |xy - mid| <= |x| rad_y + |y| rad_x + rad_x rad_y, the double's own error, then one
 * rounding. */
static Ball product_ball(Ball x, Ball y, double *own)
{
  const double mid = x.mid * y.mid;
  const double rad =
      fabs(x.mid) * y.rad + fabs(y.mid) * x.rad + x.rad * y.rad + ROUND_U * fabs(mid);
  *own = (U * (fabs(mid) + rad) + 2 * ETA) * EXCESS;
  return (Ball){mid, (rad + *own) * EXCESS};
}

/* max (x, y) is one of them, unrounded. */
static Ball max_ball(Ball x, Ball y, double *own)
{
  *own = 0;
  return ball_of(fmax(round_add_dn(x.mid, -x.rad), round_add_dn(y.mid, -y.rad)),
                 fmax(round_add_up(x.mid, x.rad), round_add_up(y.mid, y.rad)));
}

/* ---- the network --------------------------------------------------------- */

/* BODY (weight, source, index) over the terms of element i of a linear node that is no
 * MAP. */
#define EACH_TERM(v, i, BODY)                                                          \
  do {                                                                                 \
    if ((v)->kind == NODE_DENSE) {                                                     \
      const double *row_ = (v)->W + (size_t)((i) % (v)->rows) * (size_t)(v)->cols;     \
      const int first_ = (i) / (v)->rows * (v)->cols;                                  \
      for (int j_ = 0; j_ < (v)->cols; j_++)                                           \
        BODY(row_[j_], 0, first_ + j_);                                                \
    } else if ((v)->kind == NODE_CONV) {                                               \
      TERMS_OF_CONV(v, i, BODY##_OF_CONV);                                             \
    } else if ((v)->kind == NODE_SCALE) {                                              \
      BODY((v)->scale ? (v)->scale[i] : 1, 0, i);                                      \
    } else {                                                                           \
      for (int p_ = 0; p_ < (v)->n_in; p_++)                                           \
        BODY((v)->coef[p_], p_, i);                                                    \
    }                                                                                  \
  } while (0)

static Ball linear_ball(const Net *net, const Node *v, int i, Ball **x, double *own)
{
  *own = 0;
  if (v->kind == NODE_MAP) {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? (Ball){0, 0} : x[v->in[o.source]][o.index];
  }
  Sum s = {0};
  double err;
  const double bias = terms_bias(v, i, &err);
  const double w_rel = v->kind == NODE_SCALE && !v->scale ? 0 : v->w_rel;
#define ADD(w, p, j)      add_term(&s, w, w_rel, x[v->in[p]][j])
#define ADD_OF_CONV(w, j) ADD(w, 0, j)
  EACH_TERM(v, i, ADD);
  add_bias(&s, bias, err);
  if (s.rad == 0 && s.slack == 0) {
    double least = INFINITY;
    add_grain(&least, 1, (Ball){bias, 0});
#define GRAIN(w, p, j)      add_grain(&least, w, x[v->in[p]][j])
#define GRAIN_OF_CONV(w, j) GRAIN(w, 0, j)
    EACH_TERM(v, i, GRAIN);
    if (is_exact(&s, least)) return (Ball){s.mid, 0};
  }
  return sum_ball(&s, own);
}

static Ball node_ball(const Net *net, const Node *v, int i, Ball **x, double *own)
{
  if (v->kind == NODE_ACT) return act_ball(v->act, x[v->in[0]][i], own);
  if (v->kind == NODE_MUL) return product_ball(x[v->in[0]][i], x[v->in[1]][i], own);
  if (v->kind == NODE_MAX) return max_ball(x[v->in[0]][i], x[v->in[1]][i], own);
  return linear_ball(net, v, i, x, own);
}

/* A double next to x may be meant: decimals are read to the nearest one. */
static Ball input_ball(double x, double *own)
{
  *own = 0;
  if (!(fabs(x) <= (double)FLT_MAX)) return (Ball){0, INFINITY};
  if ((double)(float)x == x) return (Ball){x, 0};
  const double lo = fmin(x, (double)(float)round_dn(x));
  const double hi = fmax(x, (double)(float)round_up(x));
  *own = fmax(round_add_up(x, -lo), round_add_up(hi, -x));
  return ball_of(lo, hi);
}

static bool all_known(const Ball *b, int n)
{
  bool known = true;
  for (int i = 0; i < n; i++)
    known = known && is_known(b[i]);
  return known;
}

Orders *orders_new(const Net *net, const double *x)
{
  Orders *r = mem_zero(1, sizeof *r);
  r->net = net;
  r->ball = mem_zero((size_t)net->n_nodes, sizeof *r->ball);
  r->err = mem_zero((size_t)net->n_nodes, sizeof *r->err);
  r->known = true;
  /* Behind a node that is not known no other one is. */
  for (int k = 0; k < net->n_nodes && r->known; k++) {
    const Node *v = &net->nodes[k];
    r->ball[k] = mem_array((size_t)v->size, sizeof **r->ball);
    r->err[k] = mem_doubles((size_t)v->size);
    for (int i = 0; i < v->size; i++)
      r->ball[k][i] = k ? node_ball(net, v, i, r->ball, &r->err[k][i])
                        : input_ball(x[i], &r->err[0][i]);
    r->known = all_known(r->ball[k], v->size);
  }
  return r;
}

void orders_free(Orders *r)
{
  if (!r) return;
  for (int k = 0; k < r->net->n_nodes; k++) {
    mem_free(r->ball[k]);
    mem_free(r->err[k]);
  }
  mem_free(r->ball);
  mem_free(r->err);
  mem_free(r);
}

bool orders_outputs(const Orders *r, double *lo, double *hi)
{
  const Ball *y = r->ball[r->net->n_nodes - 1];
  for (int i = 0; i < net_out_size(r->net); i++) {
    lo[i] = -INFINITY;
    hi[i] = INFINITY;
    if (!r->known) continue;
    /* Executions give float32 numbers, so the ends move inwards to the next one. */
    lo[i] = (double)round_float_up(round_add_dn(y[i].mid, -y[i].rad));
    hi[i] = (double)round_float_dn(round_add_up(y[i].mid, y[i].rad));
  }
  return r->known;
}

/* ---- one row ------------------------------------------------------------- */

/* Slopes of h between any two points of [lo, hi]; infinite when it may jump. */
static Ball slope_ball(ActKind kind, double lo, double hi)
{
  double a = 0, b = 0;
  act_enclose(kind, lo, hi, &a, &b);
  const double most = fmax(fabs(a), fabs(b));
  const double least = a > 0 ? a : b < 0 ? -b : 0; /* of |h| */
  switch (kind) {
  case ACT_RELU:
    return lo >= 0 ? (Ball){1, 0} : hi <= 0 ? (Ball){0, 0} : (Ball){0.5, 0.5};
  case ACT_SIGN:
  case ACT_FLOOR:
    return a == b ? (Ball){0, 0} : (Ball){0, INFINITY};
  case ACT_SQUARE:
    return ball_of(2 * lo, 2 * hi);
  case ACT_EXP: /* h' = h, and so on; EXCESS covers their rounding */
    return ball_of(a / EXCESS, b * EXCESS);
  case ACT_TANH:
    return ball_of(1 - most * most - 0x1p-50, 1 - least * least + 0x1p-50);
  case ACT_SIGMOID:
    return ball_of(0, fmin(0.25, b * (1 - a) * EXCESS + 0x1p-50));
  case ACT_RECIPROCAL:
    return ball_of(-most * most * EXCESS, -least * least / EXCESS);
  case ACT_SQRT:
    return a > 0 ? ball_of(0.5 / b / EXCESS, 0.5 / a * EXCESS) : (Ball){0, INFINITY};
  case ACT_LOG:
    return lo > 0 ? ball_of(1 / hi / EXCESS, 1 / lo * EXCESS) : (Ball){0, INFINITY};
  case ACT_SOFTPLUS:
  case ACT_ELU:
    return (Ball){0.5, 0.5};
  case ACT_SIN:
  case ACT_COS:
  case ACT_LOGCOSH:
    return (Ball){0, 1};
  case ACT_ERF: /* 2 / sqrt pi = 1.128... */
    return ball_of(0, 1.13);
  case ACT_SILU: /* -0.0998 to 1.0998 */
  case ACT_GELU: /* -0.129 to 1.129 */
    return ball_of(-0.13, 1.13);
  case ACT_HARDSWISH:
    return ball_of(-0.5, 1.5);
  case ACT_COUNT:
    break;
  }
  return (Ball){0, INFINITY};
}

/* Slopes of max (x, y) in x between any two points: of max (x - y, 0) in x - y. */
static Ball max_slope(Ball x, Ball y)
{
  return slope_ball(
      ACT_RELU, round_add_dn(round_add_dn(x.mid, -x.rad), -round_add_up(y.mid, y.rad)),
      round_add_up(round_add_up(x.mid, x.rad), -round_add_dn(y.mid, -y.rad)));
}

/* A sweep from the outputs back.  `grow` is gamma of more additions than any slope is a
 * sum of. */
typedef struct {
  const Orders *r;
  Ball **q; /* slopes, [n_nodes][size] */
  double grow;
} Sweep;

/* The rounding of sums here, underflow included, goes into the radius. */
static inline void add_slope(const Sweep *s, Ball *to, double w, Ball q)
{
  if (w == 0) return;
  to->mid += w * q.mid;
  to->rad += fabs(w) * (q.rad + s->grow * fabs(q.mid)) + ROUND_TINY;
}

static void add_scaled(const Sweep *s, Ball *to, Ball slope, Ball q)
{
  const double mid = slope.mid * q.mid;
  const double rad = fabs(slope.mid) * q.rad + fabs(q.mid) * slope.rad +
                     slope.rad * q.rad + 4 * ROUND_U * fabs(mid) + ROUND_TINY;
  add_slope(s, to, 1, (Ball){mid, rad});
}

static void pull(const Sweep *s, const Node *v, int i, Ball q)
{
  const Net *net = s->r->net;
  Ball **ball = s->r->ball;
  if (v->kind == NODE_ACT) {
    const Ball x = ball[v->in[0]][i];
    const Ball slope =
        slope_ball(v->act, round_add_dn(x.mid, -x.rad), round_add_up(x.mid, x.rad));
    add_scaled(s, &s->q[v->in[0]][i], slope, q);
  } else if (v->kind == NODE_MUL) {
    add_scaled(s, &s->q[v->in[0]][i], ball[v->in[1]][i], q);
    add_scaled(s, &s->q[v->in[1]][i], ball[v->in[0]][i], q);
  } else if (v->kind == NODE_MAX) {
    const Ball x = ball[v->in[0]][i], y = ball[v->in[1]][i];
    add_scaled(s, &s->q[v->in[0]][i], max_slope(x, y), q);
    add_scaled(s, &s->q[v->in[1]][i], max_slope(y, x), q);
  } else if (v->kind == NODE_MAP) {
    const TermsOrigin o = terms_origin(net, v, i);
    if (o.index >= 0) add_slope(s, &s->q[v->in[o.source]][o.index], 1, q);
  } else {
#define PULL(w, p, j)      add_slope(s, &s->q[v->in[p]][j], w, q)
#define PULL_OF_CONV(w, j) PULL(w, 0, j)
    EACH_TERM(v, i, PULL);
  }
}

/* sum_k |q^k| err^k, from the last node to the first. */
static double sweep(const Sweep *s)
{
  double total = 0;
  for (int k = s->r->net->n_nodes - 1; k >= 0; k--) {
    const Node *v = &s->r->net->nodes[k];
    for (int i = 0; i < v->size; i++) {
      const Ball q = s->q[k][i];
      if (q.mid == 0 && q.rad == 0) continue;
      if (s->r->err[k][i] != 0) total += (fabs(q.mid) + q.rad) * s->r->err[k][i];
      if (k) pull(s, v, i, q);
    }
  }
  return total;
}

double orders_row(const Orders *r, int n, const int *var, const double *coef)
{
  const Net *net = r->net;
  size_t size = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    size += (size_t)v->size * (v->kind == NODE_ADD ? (size_t)v->n_in : 1);
  }
  /* A slope is a sum of at most one term from each element of the net, or n_in of an
   * ADD.  Within these limits EXCESS covers the rounding of radii, too. */
  if (!r->known || size > (size_t)1 << 22 || net->n_nodes > 1000) return INFINITY;
  Sweep s = {.r = r, .grow = round_gamma(4 * (double)size + 16)};
  s.q = mem_array((size_t)net->n_nodes, sizeof *s.q);
  for (int k = 0; k < net->n_nodes; k++)
    s.q[k] = mem_zero((size_t)net->nodes[k].size, sizeof **s.q);
  for (int p = 0; p < n; p++)
    s.q[net->n_nodes - 1][var[p]].mid = coef[p];
  const double total = sweep(&s) * EXCESS * EXCESS;
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(s.q[k]);
  mem_free(s.q);
  return total <= DBL_MAX ? total : INFINITY;
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
  if (v->kind == NODE_MAX) {
    const float a = x[v->in[0]][i], b = x[v->in[1]][i];
    return a >= b ? a : b >= a ? b : NAN;
  }
  return linear_pairwise(net, v, i, x, t);
}

void orders_pairwise(const Net *net, const double *x, float *y)
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
