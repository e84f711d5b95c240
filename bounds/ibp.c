/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/ibp.h"

#include <math.h>

#include "net/base/mem.h"
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
  double **c = mem_zero((size_t)b->net->n_nodes, sizeof *c);
  double **r = mem_zero((size_t)b->net->n_nodes, sizeof *r);
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    if (c[j]) continue;
    const size_t m = (size_t)b->n_box * (size_t)b->net->nodes[j].size;
    c[j] = mem_doubles(m);
    r[j] = mem_doubles(m);
    centre_radius(b, j, c[j], r[j]);
  }
  double *mid = mem_doubles(n), *rad = mem_doubles(n), *mag = mem_doubles(n);
  linop_forward(op, k, b->n_box, c, mid);
  linop_forward_abs(op, k, b->n_box, r, rad);
  for (int j = 0; j < b->net->n_nodes; j++) {
    if (!c[j]) continue;
    const size_t m = (size_t)b->n_box * (size_t)b->net->nodes[j].size;
    for (size_t i = 0; i < m; i++)
      c[j][i] = fabs(c[j][i]) + r[j][i];
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
    bounds_meet(b, k, (int)(i / size), (int)(i % size), round_dn(mid[i] - width),
                round_up(mid[i] + width));
  }
  for (int j = 0; j < b->net->n_nodes; j++) {
    mem_free(c[j]);
    mem_free(r[j]);
  }
  mem_free(c);
  mem_free(r);
  mem_free(mid);
  mem_free(rad);
  mem_free(mag);
  bounds_refresh_errors(b, op, k);
}

static void act_node(Bounds *b, int k)
{
  const Node *v = &b->net->nodes[k];
  const size_t size = (size_t)v->size, n = (size_t)b->n_box * size;
  for (size_t i = 0; i < n; i++) {
    double lo, hi;
    act_enclose(v->act, b->lo[v->in[0]][i], b->hi[v->in[0]][i], &lo, &hi);
    bounds_meet(b, k, (int)(i / size), (int)(i % size), lo, hi);
  }
}

void ibp_node(Bounds *b, Linop *op, int k)
{
  if (b->net->nodes[k].kind == NODE_ACT)
    act_node(b, k);
  else if (net_is_linear(&b->net->nodes[k]))
    linear_node(b, op, k);
}

void ibp_all(Bounds *b, Linop *op)
{
  for (int k = 1; k < b->net->n_nodes; k++)
    ibp_node(b, op, k);
}
