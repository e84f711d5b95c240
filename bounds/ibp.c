/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/ibp.h"

#include <math.h>

#include "net/base/round.h"

/* Centre and radius of node j with [lo, hi] inside c +- r. */
static void centre_radius(const Bounds *b, int j, double *c, double *r)
{
  const size_t n = (size_t)b->n_box * (size_t)b->net->nodes[j].size;
  for (size_t i = 0; i < n; i++) {
    const double lo = b->lo[j][i], hi = b->hi[j][i];
    c[i] = lo / 2 + hi / 2;
    /* Two roundings of numbers no larger than the radius itself, then up. */
    r[i] = lo == hi ? 0 : fmax(hi - c[i], c[i] - lo) * (1 + 0x1p-50) + ROUND_ETA;
    if (lo == hi) c[i] = lo;
  }
}

static void linear_node(Bounds *b, Linop *op, int k)
{
  const Node *v = &b->net->nodes[k];
  const size_t size = (size_t)v->size, n = (size_t)b->n_box * size;
  double **c = b->view_a, **r = b->view_b, *room = b->scratch;
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    if (c[j]) continue;
    const size_t m = (size_t)b->n_box * (size_t)b->net->nodes[j].size;
    c[j] = room;
    r[j] = room + m;
    room += 2 * m;
    centre_radius(b, j, c[j], r[j]);
  }
  double *mid = room, *rad = room + n, *mag = room + 2 * n;
  linop_forward(op, k, b->n_box, c, mid);
  linop_forward_abs(op, k, b->n_box, r, rad);
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    if (!r[j]) continue; /* listed twice: done */
    const size_t m = (size_t)b->n_box * (size_t)b->net->nodes[j].size;
    for (size_t i = 0; i < m; i++)
      c[j][i] = fabs(c[j][i]) + r[j][i];
    r[j] = NULL;
  }
  linop_forward_abs(op, k, b->n_box, c, mag);
  int stride, period;
  const double *bias = linop_bias(v, &stride, &period);
  const double slack = 1 + 0x1p-20, tiny = 8 * ROUND_ETA * (op->fan_in[k] + 4);
  /* A map only moves numbers; +2 is for the bias and the final sum. */
  const double gamma = v->kind == NODE_MAP ? 0 : round_gamma(op->fan_in[k] + 2);
  for (size_t i = 0; i < n; i++) {
    const int at = (int)(i % size) % period / stride;
    double e = gamma * (mag[i] + rad[i] + (bias ? fabs(bias[at]) : 0)) +
               v->w_rel * mag[i] + (v->b_err ? v->b_err[at] : 0);
    e = e * slack + (gamma != 0 ? tiny : 0);
    const double width = (rad[i] + e) * (1 + 0x1p-50);
    /* A moved point stays one: denormal radii would make later products slow. */
    rad[i] = width == 0 ? mid[i] : round_dn(mid[i] - width);
    mid[i] = width == 0 ? mid[i] : round_up(mid[i] + width);
  }
  bounds_meet_node(b, k, rad, mid);
  for (int p = 0; p < v->n_in; p++)
    c[v->in[p]] = NULL;
  bounds_refresh_errors(b, op, k);
}

static void act_node(Bounds *b, int k)
{
  const Node *v = &b->net->nodes[k];
  const size_t n = (size_t)b->n_box * (size_t)v->size;
  double *lo = b->scratch, *hi = b->scratch + n;
  const double *l = b->lo[v->in[0]], *u = b->hi[v->in[0]];
  if (v->act == ACT_RELU)
    for (size_t i = 0; i < n; i++) { /* as act_enclose */
      const bool finite = l[i] > -INFINITY && u[i] < INFINITY;
      lo[i] = !finite ? -INFINITY : l[i] > 0 ? l[i] : 0;
      hi[i] = !finite ? INFINITY : u[i] > 0 ? u[i] : 0;
    }
  else
    for (size_t i = 0; i < n; i++)
      act_enclose(v->act, l[i], u[i], &lo[i], &hi[i]);
  bounds_meet_node(b, k, lo, hi);
}

/* The products of the ends, each rounded outwards. */
static void product(double la, double ua, double lb, double ub, double *lo, double *hi)
{
  *lo = fmin(fmin(round_mul_dn(la, lb), round_mul_dn(la, ub)),
             fmin(round_mul_dn(ua, lb), round_mul_dn(ua, ub)));
  *hi = fmax(fmax(round_mul_up(la, lb), round_mul_up(la, ub)),
             fmax(round_mul_up(ua, lb), round_mul_up(ua, ub)));
  if (isfinite(la) && isfinite(ua) && isfinite(lb) && isfinite(ub)) return;
  *lo = -INFINITY; /* 0 times infinity is not a number */
  *hi = INFINITY;
}

static void mul_node(Bounds *b, int k)
{
  const Node *v = &b->net->nodes[k];
  const size_t n = (size_t)b->n_box * (size_t)v->size;
  const int p = v->in[0], q = v->in[1];
  double *lo = b->scratch, *hi = b->scratch + n;
  for (size_t i = 0; i < n; i++)
    product(b->lo[p][i], b->hi[p][i], b->lo[q][i], b->hi[q][i], &lo[i], &hi[i]);
  bounds_meet_node(b, k, lo, hi);
}

/* The larger one is as low as neither, and as high as one of them. */
static void max_node(Bounds *b, int k)
{
  const Node *v = &b->net->nodes[k];
  const size_t n = (size_t)b->n_box * (size_t)v->size;
  const int p = v->in[0], q = v->in[1];
  double *lo = b->scratch, *hi = b->scratch + n;
  for (size_t i = 0; i < n; i++) {
    lo[i] = fmax(b->lo[p][i], b->lo[q][i]);
    hi[i] = fmax(b->hi[p][i], b->hi[q][i]);
  }
  bounds_meet_node(b, k, lo, hi);
}

void ibp_node(Bounds *b, Linop *op, int k)
{
  if (b->net->nodes[k].kind == NODE_ACT)
    act_node(b, k);
  else if (b->net->nodes[k].kind == NODE_MUL)
    mul_node(b, k);
  else if (b->net->nodes[k].kind == NODE_MAX)
    max_node(b, k);
  else if (net_is_linear(&b->net->nodes[k]))
    linear_node(b, op, k);
}

void ibp_all(Bounds *b, Linop *op)
{
  for (int k = 1; k < b->net->n_nodes; k++)
    ibp_node(b, op, k);
}
