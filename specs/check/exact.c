/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/exact.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/dyadic.h"
#include "specs/check/inputs.h"
#include "specs/check/phi.h"

struct Exact {
  const Plan *plan;
  Dyadic *q;      /* Dyadic q[elements of all nodes]: 0 where not on */
  uint8_t *on;    /* uint8_t on[elements of all nodes] */
  Dyadic value;   /* of the row */
  Dyadic a, b, c; /* for functions that say so */
  Dyadic sum[3];  /* exact_forward: low end, high end, what numbers may be wrong by */
  bool bad[2];    /* whether these ends are infinite */
  bool lost;      /* the row has no bound */
  double *inputs; /* double inputs[2][size of the input]; NULL without a ball */
};

Exact *exact_new(const Plan *plan)
{
  Exact *const x = mem_zero(1, sizeof *x);
  const size_t n = plan->off[plan->n_nodes];
  x->plan = plan;
  x->q = mem_array(n, sizeof *x->q);
  x->on = mem_zero(n, sizeof *x->on);
  if (plan->net->ball) x->inputs = mem_doubles(2 * (size_t)net_in_size(plan->net));
  for (size_t e = 0; e < n; e++)
    dyadic_init(&x->q[e]);
  Dyadic *const single[] = {&x->value,  &x->a,      &x->b,     &x->c,
                            &x->sum[0], &x->sum[1], &x->sum[2]};
  for (size_t k = 0; k < sizeof single / sizeof *single; k++)
    dyadic_init(single[k]);
  return x;
}

void exact_free(Exact *x)
{
  if (!x) return;
  for (size_t e = 0; e < x->plan->off[x->plan->n_nodes]; e++)
    dyadic_clear(&x->q[e]);
  Dyadic *const single[] = {&x->value,  &x->a,      &x->b,     &x->c,
                            &x->sum[0], &x->sum[1], &x->sum[2]};
  for (size_t k = 0; k < sizeof single / sizeof *single; k++)
    dyadic_clear(single[k]);
  mem_free(x->q);
  mem_free(x->on);
  mem_free(x->inputs);
  mem_free(x);
}

/* ---- numbers ------------------------------------------------------------- */

/* sum += sign f d; uses c. */
static void add_times(Exact *x, Dyadic *sum, const Dyadic *f, double d, int sign)
{
  dyadic_set_d(&x->c, d);
  dyadic_mul(&x->c, &x->c, f);
  if (sign > 0)
    dyadic_add(sum, &x->c);
  else
    dyadic_sub(sum, &x->c);
}

/* value -= |f| d for d >= 0; infinite d: no bound unless f is 0. */
static void charge(Exact *x, const Dyadic *f, double d)
{
  if (dyadic_sign(f) == 0 || d == 0) return;
  if (!(d < INFINITY))
    x->lost = true;
  else
    add_times(x, &x->value, f, d, -dyadic_sign(f));
}

/* value += the smaller of f lo and f hi. */
static void add_least(Exact *x, const Dyadic *f, double lo, double hi)
{
  const int sign = dyadic_sign(f);
  const double end = sign > 0 ? lo : hi;
  if (sign == 0) return;
  if (!isfinite(end))
    x->lost = true;
  else
    add_times(x, &x->value, f, end, 1);
}

static double largest(const State *s, size_t e)
{
  return fmax(fabs(s->lo[e]), fabs(s->hi[e]));
}

static Dyadic *touch(Exact *x, int k, int i)
{
  const size_t e = x->plan->off[k] + (size_t)i;
  x->on[e] = 1;
  return &x->q[e];
}

/* ---- the terms of linear nodes ------------------------------------------- */

/* One product of a sum: the weight w and element e of all nodes. */
typedef void Term(Exact *x, const State *s, size_t e, double w);

static void conv_terms(Exact *x, const State *s, const Node *node, int i, Term *term)
{
  const Conv *const v = &node->conv;
  const size_t in = x->plan->off[node->in[0]];
  const int plane = v->h_out * v->w_out, each = v->c_in / v->groups;
  const int co = i / plane, oy = i % plane / v->w_out, ox = i % v->w_out;
  const int g = co / (v->c_out / v->groups);
  for (int ci = 0; ci < each; ci++)
    for (int ky = 0; ky < v->kh; ky++)
      for (int kx = 0; kx < v->kw; kx++) {
        const int y = oy * v->sh + ky * v->dh - v->pt;
        const int z = ox * v->sw + kx * v->dw - v->pl;
        if (y < 0 || y >= v->h_in || z < 0 || z >= v->w_in) continue;
        const size_t at =
            ((size_t)(g * each + ci) * (size_t)v->h_in + (size_t)y) * (size_t)v->w_in +
            (size_t)z;
        const size_t w =
            (((size_t)co * (size_t)each + (size_t)ci) * (size_t)v->kh + (size_t)ky) *
                (size_t)v->kw +
            (size_t)kx;
        term(x, s, in + at, node->W[w]);
      }
}

/* All products that element i of linear node k is the sum of. */
static void each_term(Exact *x, const State *s, int k, int i, Term *term)
{
  const Plan *const plan = x->plan;
  const Node *const node = &plan->net->nodes[k];
  if (node->kind == NODE_CONV) {
    conv_terms(x, s, node, i, term);
  } else if (node->kind == NODE_DENSE) {
    const size_t cols = (size_t)node->cols;
    const size_t in = plan->off[node->in[0]] + (size_t)(i / node->rows) * cols;
    const double *const w = node->W + (size_t)(i % node->rows) * cols;
    for (size_t j = 0; j < cols; j++)
      term(x, s, in + j, w[j]);
  } else if (node->kind == NODE_MAP) {
    int e;
    const int p = plan_map_input(plan, k, i, &e);
    if (p >= 0) term(x, s, plan->off[node->in[p]] + (size_t)e, 1);
  } else {
    for (int p = 0; p < node->n_in; p++) {
      double w = 1;
      if (node->kind == NODE_ADD) w = node->coef[p];
      if (node->kind == NODE_SCALE && node->scale) w = node->scale[i];
      term(x, s, plan->off[node->in[p]] + (size_t)i, w);
    }
  }
}

static double bias_error(const Node *node, int i)
{
  if (!node->b_err) return 0;
  if (node->kind == NODE_DENSE) return node->b_err[i % node->rows];
  if (node->kind == NODE_CONV)
    return node->b_err[i / (node->conv.h_out * node->conv.w_out)];
  return node->b_err[i];
}

/* ---- forwards ------------------------------------------------------------ */

/* sum[0] += the smallest, sum[1] the largest w x_e, sum[2] |w| max |x_e|. */
static void forward_term(Exact *x, const State *s, size_t e, double w)
{
  if (w == 0) return;
  const double end[3] = {w > 0 ? s->lo[e] : s->hi[e], w > 0 ? s->hi[e] : s->lo[e],
                         largest(s, e)};
  for (int k = 0; k < 3; k++) {
    if (!isfinite(end[k])) {
      if (k < 2) x->bad[k] = true;
      continue;
    }
    dyadic_set_d(&x->a, k < 2 ? w : fabs(w));
    add_times(x, &x->sum[k], &x->a, end[k], 1);
  }
}

void exact_forward(Exact *x, int k, const State *s, double *lo, double *hi)
{
  const Plan *const plan = x->plan;
  const Node *const node = &plan->net->nodes[k];
  for (int i = 0; i < node->size; i++) {
    x->bad[0] = x->bad[1] = false;
    for (int j = 0; j < 3; j++)
      dyadic_set_d(&x->sum[j], 0);
    each_term(x, s, k, i, forward_term);
    if (node->w_rel > 0 && (x->bad[0] || x->bad[1])) x->bad[0] = x->bad[1] = true;
    dyadic_set_d(&x->a, node->w_rel);
    dyadic_mul(&x->a, &x->a, &x->sum[2]);
    dyadic_set_d(&x->b, bias_error(node, i));
    dyadic_add(&x->a, &x->b);
    dyadic_sub(&x->sum[0], &x->a);
    dyadic_add(&x->sum[1], &x->a);
    dyadic_set_d(&x->b, plan->bias[plan->off[k] + (size_t)i]);
    dyadic_add(&x->sum[0], &x->b);
    dyadic_add(&x->sum[1], &x->b);
    lo[i] = x->bad[0] ? -INFINITY : dyadic_dn(&x->sum[0]);
    hi[i] = x->bad[1] ? INFINITY : dyadic_up(&x->sum[1]);
  }
}

/* ---- backwards ----------------------------------------------------------- */

/* b is the coefficient of the sum: q_e += w b. */
static void backward_term(Exact *x, const State *s, size_t e, double w)
{
  (void)s;
  if (w == 0) return;
  x->on[e] = 1;
  add_times(x, &x->q[e], &x->b, w, 1);
}

/* a is w_rel times the coefficient: value -= |a| |w| max |x_e|. */
static void error_term(Exact *x, const State *s, size_t e, double w)
{
  const double most = largest(s, e);
  if (w == 0 || most == 0) return;
  if (!isfinite(most)) {
    x->lost = true;
    return;
  }
  Dyadic t;
  dyadic_init(&t);
  dyadic_set_d(&t, fabs(w));
  dyadic_mul(&t, &t, &x->a);
  charge(x, &t, most);
  dyadic_clear(&t);
}

static void do_linear(Exact *x, const State *s, int k)
{
  const Plan *const plan = x->plan;
  const Node *const node = &plan->net->nodes[k];
  for (int i = 0; i < node->size; i++) {
    const size_t e = plan->off[k] + (size_t)i;
    if (!x->on[e] || dyadic_sign(&x->q[e]) == 0) continue;
    dyadic_set(&x->b, &x->q[e]);
    add_times(x, &x->value, &x->b, plan->bias[e], 1);
    charge(x, &x->b, bias_error(node, i));
    each_term(x, s, k, i, backward_term);
    if (node->w_rel == 0) continue;
    dyadic_set_d(&x->a, node->w_rel);
    dyadic_mul(&x->a, &x->a, &x->b);
    each_term(x, s, k, i, error_term);
  }
}

/* One neuron of a function or product, as one row sees it. */
typedef struct {
  const Node *node;
  int i;
  double lo[2], hi[2], beta;
  int side;
  Dyadic *lambda;
  double alpha; /* NaN: by default */
} Neuron;

/* lambda max (z, 0) - p z with p in b, put into to. */
static void relu_value(Exact *x, const Neuron *n, double z, Dyadic *to)
{
  dyadic_set_d(to, 0);
  add_times(x, to, &x->b, z, -1);
  if (z > 0) add_times(x, to, n->lambda, z, 1);
}

static void do_relu(Exact *x, const Neuron *n)
{
  const double l = n->lo[0], u = n->hi[0];
  const int sign = dyadic_sign(n->lambda);
  if (sign == 0 && n->beta == 0) return;
  if (!isfinite(l) || !isfinite(u)) { /* p = 0 */
    if (sign < 0) add_least(x, n->lambda, 0, fmax(u, 0));
    return;
  }
  const double usual = u > -l ? 1 : 0, alpha = isnan(n->alpha) ? usual : n->alpha;
  const double slope = bound_relu_slope(l, u, n->side, sign < 0, alpha);
  if (!isfinite(slope) || !isfinite(n->beta)) {
    x->lost = true;
    return;
  }
  dyadic_set_d(&x->b, n->beta);
  add_times(x, &x->b, n->lambda, slope, 1);
  dyadic_add(touch(x, n->node->in[0], n->i), &x->b);
  Dyadic least;
  dyadic_init(&least);
  relu_value(x, n, l, &least);
  const double other[2] = {u, l < 0 && u > 0 ? 0 : u};
  for (int k = 0; k < 2; k++) {
    relu_value(x, n, other[k], &x->a);
    if (dyadic_compare(&x->a, &least) < 0) dyadic_set(&least, &x->a);
  }
  dyadic_add(&x->value, &least);
  dyadic_clear(&least);
}

static void do_curve(Exact *x, const Neuron *n)
{
  const ActKind kind = n->node->act;
  const double l = n->lo[0], u = n->hi[0];
  const int sign = dyadic_sign(n->lambda);
  if (sign == 0) return;
  const bool finite = isfinite(l) && isfinite(u);
  const double alpha = isnan(n->alpha) ? 0.5 : n->alpha;
  const double slope = finite ? phi_slope(kind, l, u, sign, alpha) : 0;
  const double least = phi_min(kind, l, u, sign, sign * slope);
  if (!isfinite(least)) {
    x->lost = true;
    return;
  }
  add_times(x, &x->value, n->lambda, least, sign);
  add_times(x, touch(x, n->node->in[0], n->i), n->lambda, slope, 1);
}

/* Slopes of a pair; false where they are not finite. */
static bool pair_slopes(const Neuron *n, int sign, double slope[2])
{
  const double *lo = n->lo, *hi = n->hi;
  for (int p = 0; p < 2; p++)
    if (!isfinite(lo[p]) || !isfinite(hi[p])) return false;
  if (n->node->kind == NODE_MAX) {
    phi_max_slopes(lo, hi, sign, isnan(n->alpha) ? phi_max_alpha(lo, hi) : n->alpha,
                   slope);
  } else {
    const double alpha = isnan(n->alpha) ? 0.5 : n->alpha;
    slope[0] = lo[1] + (sign > 0 ? alpha : 1 - alpha) * (hi[1] - lo[1]);
    slope[1] = lo[0] + alpha * (hi[0] - lo[0]);
  }
  return isfinite(slope[0]) && isfinite(slope[1]);
}

/* lambda (a b - ta a - tb b) is smallest at a corner; with max (a, b) for a b at one of
 * six points, the first four of which are the corners. */
static void do_pair(Exact *x, const Neuron *n)
{
  const int sign = dyadic_sign(n->lambda);
  const bool is_max = n->node->kind == NODE_MAX;
  double slope[2], at[6][2];
  if (sign == 0) return;
  if (!pair_slopes(n, sign, slope)) {
    x->lost = true;
    return;
  }
  phi_max_points(n->lo, n->hi, at);
  Dyadic least;
  dyadic_init(&least);
  for (int k = 0; k < (is_max ? 6 : 4); k++) {
    const double a = at[k][0], b = at[k][1];
    dyadic_set_d(&x->a, is_max ? fmax(a, b) : 0);
    dyadic_set_d(&x->b, a);
    if (!is_max) add_times(x, &x->a, &x->b, b, 1);
    add_times(x, &x->a, &x->b, slope[0], -1);
    dyadic_set_d(&x->b, b);
    add_times(x, &x->a, &x->b, slope[1], -1);
    dyadic_mul(&x->a, &x->a, n->lambda);
    if (k == 0 || dyadic_compare(&x->a, &least) < 0) dyadic_set(&least, &x->a);
  }
  dyadic_add(&x->value, &least);
  dyadic_clear(&least);
  for (int p = 0; p < 2; p++)
    add_times(x, touch(x, n->node->in[p], n->i), n->lambda, slope[p], 1);
}

static void do_neuron(Exact *x, const Bound *b, const State *s, int k, int i,
                      const BoundRow *row, const BoundCut *cut)
{
  const Plan *const plan = x->plan;
  const Node *const node = &plan->net->nodes[k];
  Neuron n = {.node = node, .i = i, .lambda = &x->q[plan->off[k] + (size_t)i]};
  for (int p = 0; p < node->n_in && p < 2; p++) {
    const size_t e = plan->off[node->in[p]] + (size_t)i;
    n.lo[p] = cut ? cut->lo[p] : s->lo[e];
    n.hi[p] = cut ? cut->hi[p] : s->hi[e];
  }
  n.beta = cut ? cut->beta : 0;
  n.side = cut ? cut->side : 0;
  n.alpha = bound_alpha(b, row, k, i, NAN);
  if (net_is_pair(node))
    do_pair(x, &n);
  else if (node->act == ACT_RELU)
    do_relu(x, &n);
  else
    do_curve(x, &n);
}

/* Functions: those that the row has assumptions about (bound_assume joins those of one
 * element), then the others. */
static void do_function(Exact *x, const Bound *b, const State *s, int k, int r)
{
  const Plan *const plan = x->plan;
  const size_t off = plan->off[k];
  for (int c = 0; c < b->n_cuts; c++) {
    const BoundCut *const cut = &b->cut[c];
    if (cut->row != r || cut->node != k) continue;
    const size_t e = off + (size_t)cut->element;
    if (!x->on[e]) dyadic_set_d(&x->q[e], 0);
    do_neuron(x, b, s, k, cut->element, &b->row[r], cut);
    x->on[e] = 0;
  }
  for (int i = 0; i < plan->net->nodes[k].size; i++)
    if (x->on[off + (size_t)i]) do_neuron(x, b, s, k, i, &b->row[r], NULL);
}

static void do_intervals(Exact *x, const State *s, int k)
{
  const Plan *const plan = x->plan;
  for (size_t e = plan->off[k]; e < plan->off[k + 1]; e++)
    if (x->on[e]) add_least(x, &x->q[e], s->lo[e], s->hi[e]);
}

/* value -= r |w|*, for l2 with a double that is proved to be no shorter. */
static void subtract_norm(Exact *x, const Ball *ball, const double *w)
{
  double most = 0;
  for (int i = 0; i < ball->n; i++)
    most = fmax(most, fabs(w[i]));
  if (ball->norm == BALL_L2) {
    dyadic_set_d(&x->a, 0);
    for (int i = 0; i < ball->n; i++) {
      dyadic_set_d(&x->b, w[i]);
      add_times(x, &x->a, &x->b, w[i], 1);
    }
    most = sqrt(dyadic_up(&x->a));
    for (; isfinite(most); most = round_up(most)) {
      dyadic_set_d(&x->b, most);
      dyadic_mul(&x->b, &x->b, &x->b);
      if (dyadic_compare(&x->b, &x->a) >= 0) break;
    }
  }
  if (!isfinite(most) || !isfinite(ball->outer)) {
    x->lost = true;
    return;
  }
  dyadic_set_d(&x->b, most);
  add_times(x, &x->value, &x->b, ball->outer, -1);
}

/* l1 and l2: q - w on the box, w on the ball. */
static void do_split(Exact *x, const Ball *ball, const State *s, const double *w)
{
  for (int i = 0; i < ball->n; i++) {
    if (!isfinite(w[i])) {
      x->lost = true;
      return;
    }
    dyadic_set_d(&x->b, w[i]);
    add_times(x, &x->value, &x->b, ball->c[i], 1);
    dyadic_set(&x->a, &x->q[i]);
    dyadic_sub(&x->a, &x->b);
    add_least(x, &x->a, s->lo[i], s->hi[i]);
  }
  subtract_norm(x, ball, w);
}

/* x = the smaller of q lo and q hi. */
static void least_of(Exact *x, Dyadic *to, const Dyadic *q, double lo, double hi)
{
  dyadic_set_d(to, 0);
  add_times(x, to, q, dyadic_sign(q) > 0 ? lo : hi, 1);
}

/* l0: sum_i b_i - (k - f) T - sum_i max (b_i - a_i - T, 0). */
static void do_count(Exact *x, const Ball *ball, const State *s, double T)
{
  int k = ball->k;
  Dyadic level;
  dyadic_init(&level);
  dyadic_set_d(&level, T);
  for (int i = 0; i < ball->n; i++) {
    const double from = fmax(s->lo[i], ball->c_lo[i]),
                 to = fmin(s->hi[i], ball->c_hi[i]);
    least_of(x, &x->a, &x->q[i], s->lo[i], s->hi[i]);
    if (from > to) {
      k--;
      dyadic_add(&x->value, &x->a);
      continue;
    }
    least_of(x, &x->b, &x->q[i], from, to);
    dyadic_add(&x->value, &x->b);
    dyadic_sub(&x->b, &x->a);
    dyadic_sub(&x->b, &level);
    if (dyadic_sign(&x->b) > 0) dyadic_sub(&x->value, &x->b);
  }
  add_times(x, &x->value, &level, (double)k, -1);
  dyadic_clear(&level);
}

/* The inputs, in the box and in the ball. */
static void do_ball(Exact *x, const State *s)
{
  const Ball *const ball = x->plan->net->ball;
  double *const q = x->inputs, *const w = q + ball->n;
  for (int i = 0; i < ball->n; i++) {
    if (!x->on[i]) dyadic_set_d(&x->q[i], 0);
    q[i] = dyadic_inward(&x->q[i]);
    if (!isfinite(q[i]) || !isfinite(s->lo[i]) || !isfinite(s->hi[i])) x->lost = true;
  }
  if (x->lost) return;
  const double T = inputs_choose(ball, q, s->lo, s->hi, w);
  if (ball->norm == BALL_L0)
    do_count(x, ball, s, T);
  else
    do_split(x, ball, s, w);
}

static void start_row(Exact *x, const BoundRow *row, int start)
{
  const size_t n = x->plan->off[start + 1];
  for (size_t e = 0; e < n; e++)
    dyadic_set_d(&x->q[e], 0);
  memset(x->on, 0, n);
  dyadic_set_d(&x->value, 0);
  x->lost = false;
  if (row->sign) {
    dyadic_set_d(touch(x, start, row->element), row->sign);
    return;
  }
  for (int j = 0; j < row->n_weights; j++)
    dyadic_set_d(touch(x, start, row->element + j), advice_weight(row->multipliers, j));
}

double exact_bound(Exact *x, const Bound *b, const State *s, int r, int start,
                   bool none)
{
  const Plan *const plan = x->plan;
  start_row(x, &b->row[r], start);
  for (int k = start; k > 0; k--) {
    if (net_is_linear(&plan->net->nodes[k]))
      do_linear(x, s, k);
    else if (none)
      do_intervals(x, s, k);
    else
      do_function(x, b, s, k, r);
  }
  if (plan->net->ball)
    do_ball(x, s);
  else
    do_intervals(x, s, 0);
  return x->lost ? -INFINITY : dyadic_dn(&x->value);
}

double exact_input(const Exact *x, int i)
{
  return x->on[i] ? dyadic_inward(&x->q[i]) : 0;
}
