/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/eval.h"

#include <math.h>
#include <stdbool.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/terms.h"

/* One value in each arithmetic.  Enclosures keep |true - mid| <= rad; the radius
 * is summed with round-to-nearest and inflated at the end of each sum, so it stays
 * an upper bound. */
typedef struct {
  double mid, rad;
} Ball;

/* A sum of products w x + ... as a ball: `slack` collects rounding errors and
 * radii, n counts its terms. */
typedef struct {
  double mid, slack;
  double n;
} Sum;

static void sum_add(Sum *s, double term, double err)
{
  double next;
  const double e = round_sum_err(s->mid, term, &next);
  s->mid = next;
  s->slack += fabs(e) + err;
  s->n += 2;
}

static void sum_add_product(Sum *s, double w, double w_rel, Ball x)
{
  double p;
  const double e = round_product_err(w, x.mid, &p);
  const double aw = fabs(w);
  /* |true w true x - p| <= |w| rad + w_rel |w| (|mid| + rad) + |e| */
  double err = e;
  if (x.rad != 0) err += aw * x.rad + ROUND_ETA;
  if (w_rel != 0) err += w_rel * (aw * (fabs(x.mid) + x.rad) + ROUND_ETA) + ROUND_ETA;
  sum_add(s, p, err);
}

static Ball sum_ball(const Sum *s)
{
  /* The slack is a sum of non-negative terms, each a handful of roundings. */
  double rad = s->slack;
  if (rad != 0) rad = round_up(rad * (1 + round_gamma(s->n + 16)));
  if (!isfinite(s->mid) || !isfinite(rad)) rad = INFINITY;
  return (Ball){s->mid, rad};
}

/* NaN where either is: nothing is known then. */
static double max_of(double a, double b)
{
  return a >= b ? a : b >= a ? b : NAN;
}

/* ---- double -----------------------------------------------------------------------
 */

static double node_double(const Net *net, const Node *v, int i, double **x)
{
  const double *in = x[v->in[0]];
  double s = 0;
  switch (v->kind) {
  case NODE_DENSE: {
    const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    in += (size_t)(i / v->rows) * (size_t)v->cols;
    for (int j = 0; j < v->cols; j++)
      s += w[j] * in[j];
    return v->b ? s + v->b[i % v->rows] : s;
  }
  case NODE_CONV:
#define BODY(w, j) s += (w)*in[j]
    TERMS_OF_CONV(v, i, BODY);
#undef BODY
    return v->b ? s + v->b[i / (v->conv.h_out * v->conv.w_out)] : s;
  case NODE_SCALE:
    s = v->scale ? v->scale[i] * in[i] : in[i];
    return v->shift ? s + v->shift[i] : s;
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++)
      s += v->coef[p] * x[v->in[p]][i];
    return s;
  case NODE_MAP: {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? 0 : x[v->in[o.source]][o.index];
  }
  case NODE_ACT:
    return act_value(v->act, in[i]);
  case NODE_MUL:
    return in[i] * x[v->in[1]][i];
  case NODE_MAX:
    return max_of(in[i], x[v->in[1]][i]);
  case NODE_INPUT:
    break;
  }
  return NAN;
}

static double **new_vectors(const Net *net, const double *x)
{
  double **v = mem_array((size_t)net->n_nodes, sizeof *v);
  for (int k = 0; k < net->n_nodes; k++)
    v[k] = mem_doubles((size_t)net->nodes[k].size);
  for (int i = 0; i < net_in_size(net); i++)
    v[0][i] = x[i];
  return v;
}

static void free_vectors(const Net *net, double **v)
{
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(v[k]);
  mem_free(v);
}

void eval_double(const Net *net, const double *x, double *y)
{
  double **v = new_vectors(net, x);
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *node = &net->nodes[k];
    for (int i = 0; i < node->size; i++)
      v[k][i] = node_double(net, node, i, v);
  }
  for (int i = 0; i < net_out_size(net); i++)
    y[i] = v[net->n_nodes - 1][i];
  free_vectors(net, v);
}

/* ---- float32 -----------------------------------------------------------------------
 */

static float node_float(const Net *net, const Node *v, int i, float **x)
{
  const float *in = x[v->in[0]];
  float s = 0;
  switch (v->kind) {
  case NODE_DENSE: {
    const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    in += (size_t)(i / v->rows) * (size_t)v->cols;
    for (int j = 0; j < v->cols; j++)
      s += (float)w[j] * in[j];
    return v->b ? s + (float)v->b[i % v->rows] : s;
  }
  case NODE_CONV:
#define BODY(w, j) s += (float)(w)*in[j]
    TERMS_OF_CONV(v, i, BODY);
#undef BODY
    return v->b ? s + (float)v->b[i / (v->conv.h_out * v->conv.w_out)] : s;
  case NODE_SCALE:
    s = v->scale ? (float)v->scale[i] * in[i] : in[i];
    return v->shift ? s + (float)v->shift[i] : s;
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++)
      s += (float)v->coef[p] * x[v->in[p]][i];
    return s;
  case NODE_MAP: {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? 0 : x[v->in[o.source]][o.index];
  }
  case NODE_ACT:
    return act_value32(v->act, in[i]);
  case NODE_MUL:
    return in[i] * x[v->in[1]][i];
  case NODE_MAX:
    return (float)max_of((double)in[i], (double)x[v->in[1]][i]);
  case NODE_INPUT:
    break;
  }
  return NAN;
}

void eval_float(const Net *net, const double *x, float *y)
{
  float **v = mem_array((size_t)net->n_nodes, sizeof *v);
  for (int k = 0; k < net->n_nodes; k++)
    v[k] = mem_array((size_t)net->nodes[k].size, sizeof **v);
  for (int i = 0; i < net_in_size(net); i++)
    v[0][i] = (float)x[i];
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *node = &net->nodes[k];
    for (int i = 0; i < node->size; i++)
      v[k][i] = node_float(net, node, i, v);
  }
  for (int i = 0; i < net_out_size(net); i++)
    y[i] = v[net->n_nodes - 1][i];
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(v[k]);
  mem_free(v);
}

/* ---- enclosure ----------------------------------------------------------------------
 */

static void add_bias(Sum *s, const double *b, const double *b_err, int i)
{
  if (b) sum_add(s, b[i], 0);
  if (b_err) s->slack += b_err[i];
}

static Ball act_ball(ActKind kind, Ball x)
{
  if (!isfinite(x.mid) || !isfinite(x.rad)) return (Ball){0, INFINITY};
  double lo, hi;
  act_enclose(kind, round_add_dn(x.mid, -x.rad), round_add_up(x.mid, x.rad), &lo, &hi);
  if (!isfinite(lo) || !isfinite(hi)) return (Ball){0, INFINITY};
  if (lo == hi) return (Ball){lo, 0};
  const double mid = lo / 2 + hi / 2;
  const double a = round_add_up(hi, -mid), b = round_add_up(mid, -lo);
  return (Ball){mid, a > b ? a : b};
}

/* |xy - mid| <= rounding + |x| rad_y + |y| rad_x + rad_x rad_y. */
static Ball product_ball(Ball x, Ball y)
{
  Sum s = {0};
  sum_add_product(&s, x.mid, 0, y);
  if (x.rad != 0) s.slack += x.rad * (fabs(y.mid) + y.rad) + 2 * ROUND_ETA;
  return sum_ball(&s);
}

/* |max (x, y) - max (x', y')| <= max (|x - x'|, |y - y'|). */
static Ball max_ball(Ball x, Ball y)
{
  return (Ball){max_of(x.mid, y.mid), max_of(x.rad, y.rad)};
}

static Ball node_ball(const Net *net, const Node *v, int i, Ball **x)
{
  const Ball *in = x[v->in[0]];
  Sum s = {0};
  switch (v->kind) {
  case NODE_DENSE: {
    const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    in += (size_t)(i / v->rows) * (size_t)v->cols;
    for (int j = 0; j < v->cols; j++)
      sum_add_product(&s, w[j], v->w_rel, in[j]);
    add_bias(&s, v->b, v->b_err, i % v->rows);
    return sum_ball(&s);
  }
  case NODE_CONV:
#define BODY(w, j) sum_add_product(&s, (w), v->w_rel, in[j])
    TERMS_OF_CONV(v, i, BODY);
#undef BODY
    add_bias(&s, v->b, v->b_err, i / (v->conv.h_out * v->conv.w_out));
    return sum_ball(&s);
  case NODE_SCALE:
    sum_add_product(&s, v->scale ? v->scale[i] : 1, v->scale ? v->w_rel : 0, in[i]);
    add_bias(&s, v->shift, v->b_err, i);
    return sum_ball(&s);
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++)
      sum_add_product(&s, v->coef[p], 0, x[v->in[p]][i]);
    return sum_ball(&s);
  case NODE_MAP: {
    const TermsOrigin o = terms_origin(net, v, i);
    return o.index < 0 ? (Ball){0, 0} : x[v->in[o.source]][o.index];
  }
  case NODE_ACT:
    return act_ball(v->act, in[i]);
  case NODE_MUL:
    return product_ball(in[i], x[v->in[1]][i]);
  case NODE_MAX:
    return max_ball(in[i], x[v->in[1]][i]);
  case NODE_INPUT:
    break;
  }
  return (Ball){0, INFINITY};
}

void eval_enclose(const Net *net, const double *x, double *mid, double *rad)
{
  Ball **v = mem_array((size_t)net->n_nodes, sizeof *v);
  for (int k = 0; k < net->n_nodes; k++)
    v[k] = mem_array((size_t)net->nodes[k].size, sizeof **v);
  for (int i = 0; i < net_in_size(net); i++)
    v[0][i] = (Ball){x[i], 0};
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *node = &net->nodes[k];
    for (int i = 0; i < node->size; i++)
      v[k][i] = node_ball(net, node, i, v);
  }
  for (int i = 0; i < net_out_size(net); i++) {
    mid[i] = v[net->n_nodes - 1][i].mid;
    rad[i] = v[net->n_nodes - 1][i].rad;
  }
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(v[k]);
  mem_free(v);
}
