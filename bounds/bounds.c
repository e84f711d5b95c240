/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/bounds.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"

static void fill(double *a, size_t n, double value)
{
  for (size_t i = 0; i < n; i++)
    a[i] = value;
}

/* Elements of the vector vary independently over a box, so that the next linear
 * node's interval is its exact range. */
static bool is_box_preserving(const Linop *op, int k)
{
  const Node *v = &op->net->nodes[k];
  return v->kind == NODE_SCALE || v->kind == NODE_ACT ||
         (v->kind == NODE_MAP && op->fan_out[k] == 0);
}

static void find_tight(Bounds *b, const Linop *op)
{
  bool *is_box = mem_zero((size_t)b->net->n_nodes, sizeof *is_box);
  is_box[0] = b->tight[0] = true;
  for (int k = 1; k < b->net->n_nodes; k++) {
    const Node *v = &b->net->nodes[k];
    bool inputs = true;
    for (int p = 0; p < v->n_in; p++) {
      inputs = inputs && is_box[v->in[p]];
      for (int s = 0; s < p; s++)
        inputs = inputs && v->in[s] != v->in[p];
    }
    /* Two different boxes made from one input are not independent of each other. */
    if (v->n_in > 1) inputs = false;
    b->tight[k] = inputs;
    is_box[k] = inputs && is_box_preserving(op, k);
  }
  mem_free(is_box);
}

Bounds *bounds_new(const Net *net, int n_box)
{
  const size_t n = (size_t)net->n_nodes, t = (size_t)n_box;
  Bounds *b = mem_zero(1, sizeof *b);
  b->net = net;
  b->n_box = n_box;
  b->lo = mem_zero(n, sizeof *b->lo);
  b->hi = mem_zero(n, sizeof *b->hi);
  b->err = mem_zero(n, sizeof *b->err);
  b->slip = mem_zero(n, sizeof *b->slip);
  b->up = mem_zero(n, sizeof *b->up);
  b->down = mem_zero(n, sizeof *b->down);
  b->bend_lo = mem_zero(n, sizeof *b->bend_lo);
  b->bend_hi = mem_zero(n, sizeof *b->bend_hi);
  b->pre = mem_array(n, sizeof *b->pre);
  b->tight = mem_zero(n, sizeof *b->tight);
  for (size_t k = 0; k < n; k++)
    b->pre[k] = -1;
  for (size_t k = 0; k < n; k++) {
    const Node *v = &net->nodes[k];
    const size_t m = t * (size_t)v->size;
    fill(b->lo[k] = mem_doubles(m), m, -INFINITY);
    fill(b->hi[k] = mem_doubles(m), m, INFINITY);
    if (v->kind == NODE_ACT) {
      b->pre[v->in[0]] = (int)k;
      b->up[v->in[0]] = mem_doubles0(m);
      b->down[v->in[0]] = mem_doubles0(m);
      fill(b->bend_lo[v->in[0]] = mem_doubles(m), m, -INFINITY);
      fill(b->bend_hi[v->in[0]] = mem_doubles(m), m, INFINITY);
    }
    if (!net_is_linear(v)) continue;
    fill(b->err[k] = mem_doubles(m), m, INFINITY);
    fill(b->slip[k] = mem_doubles(t), t, INFINITY);
  }
  Linop *op = linop_new(net);
  find_tight(b, op);
  linop_free(op);
  return b;
}

void bounds_free(Bounds *b)
{
  if (!b) return;
  for (int k = 0; k < b->net->n_nodes; k++) {
    mem_free(b->lo[k]);
    mem_free(b->hi[k]);
    mem_free(b->err[k]);
    mem_free(b->slip[k]);
    mem_free(b->up[k]);
    mem_free(b->down[k]);
    mem_free(b->bend_lo[k]);
    mem_free(b->bend_hi[k]);
  }
  mem_free(b->lo);
  mem_free(b->hi);
  mem_free(b->err);
  mem_free(b->slip);
  mem_free(b->up);
  mem_free(b->down);
  mem_free(b->bend_lo);
  mem_free(b->bend_hi);
  mem_free(b->pre);
  mem_free(b->tight);
  mem_free(b);
}

void bounds_reset(Bounds *b)
{
  for (int k = 0; k < b->net->n_nodes; k++) {
    const size_t m = (size_t)b->n_box * (size_t)b->net->nodes[k].size;
    fill(b->lo[k], m, -INFINITY);
    fill(b->hi[k], m, INFINITY);
    if (b->up[k]) {
      fill(b->up[k], m, 0);
      fill(b->down[k], m, 0);
      fill(b->bend_lo[k], m, -INFINITY);
      fill(b->bend_hi[k], m, INFINITY);
    }
    if (b->err[k]) fill(b->err[k], m, INFINITY);
    if (b->slip[k]) fill(b->slip[k], (size_t)b->n_box, INFINITY);
  }
}

void bounds_set_box(Bounds *b, int t, const double *lo, const double *hi)
{
  const size_t n = (size_t)net_in_size(b->net);
  memcpy(b->lo[0] + (size_t)t * n, lo, n * sizeof *lo);
  memcpy(b->hi[0] + (size_t)t * n, hi, n * sizeof *hi);
}

void bounds_meet(Bounds *b, int k, int t, int i, double lo, double hi)
{
  const size_t at = (size_t)t * (size_t)b->net->nodes[k].size + (size_t)i;
  const double new_lo = lo > b->lo[k][at] ? lo : b->lo[k][at];
  const double new_hi = hi < b->hi[k][at] ? hi : b->hi[k][at];
  if (!(new_lo <= new_hi)) return;
  b->lo[k][at] = new_lo;
  b->hi[k][at] = new_hi;
  if (!b->up[k]) return;
  const bool active = new_lo >= 0, open = new_lo < 0 && new_hi > 0;
  b->up[k][at] = active ? 1 : open ? new_hi / (new_hi - new_lo) : 0;
  b->down[k][at] = active || (open && new_hi > -new_lo) ? 1 : 0;
  b->bend_lo[k][at] = open ? new_lo : 0;
  b->bend_hi[k][at] = open ? new_hi : 0;
}

/* The largest magnitude of each element of node j. */
static void magnitudes(const Bounds *b, int j, double *x)
{
  const size_t n = (size_t)b->n_box * (size_t)b->net->nodes[j].size;
  for (size_t i = 0; i < n; i++)
    x[i] = fmax(fabs(b->lo[j][i]), fabs(b->hi[j][i]));
}

/* Adjoint of node k for a multiplier nu, then times x^in (bounded by X):
 *   rounding      gamma_{fan_out + 2} |nu| . |A| X   (+2: sum with another consumer)
 *   enclosure     w_rel |nu| . |A| X  +  |nu| . b_err
 *   underflow     (fan_out + 2) eta  sum X
 * |A| X itself is computed with a relative error below gamma_{fan_in}, which the
 * factor 1 + 2^-20 covers many times over. */
void bounds_refresh_errors(Bounds *b, Linop *op, int k)
{
  const Node *v = &b->net->nodes[k];
  const size_t size = (size_t)v->size, n_box = (size_t)b->n_box;
  double **x = mem_zero((size_t)b->net->n_nodes, sizeof *x);
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    if (x[j]) continue;
    x[j] = mem_doubles(n_box * (size_t)b->net->nodes[j].size);
    magnitudes(b, j, x[j]);
  }
  linop_forward_abs(op, k, b->n_box, x, b->err[k]);
  const double rel = (round_gamma(op->fan_out[k] + 2) + v->w_rel) * (1 + 0x1p-20);
  int stride, period;
  linop_bias(v, &stride, &period);
  for (size_t i = 0; i < n_box * size; i++) {
    double e = rel * b->err[k][i] + ROUND_TINY;
    if (v->b_err) e += v->b_err[(int)(i % size) % period / stride] * (1 + 0x1p-20);
    b->err[k][i] = e;
  }
  for (size_t t = 0; t < n_box; t++) {
    double sum = 0;
    for (int p = 0; p < v->n_in; p++) {
      const size_t m = (size_t)b->net->nodes[v->in[p]].size;
      for (size_t i = 0; i < m; i++)
        sum += x[v->in[p]][t * m + i] + 1;
    }
    b->slip[k][t] = ROUND_TINY * (op->fan_out[k] + 4) * ceil(sum * (1 + 0x1p-20));
  }
  for (int j = 0; j < b->net->n_nodes; j++)
    mem_free(x[j]);
  mem_free(x);
}

bool bounds_check(const Bounds *b)
{
  for (int k = 0; k < b->net->n_nodes; k++)
    for (size_t i = 0; i < (size_t)b->n_box * (size_t)b->net->nodes[k].size; i++)
      if (!(b->lo[k][i] <= b->hi[k][i]) || !isfinite(b->lo[k][i]) ||
          !isfinite(b->hi[k][i]))
        return false;
  return true;
}

void bounds_count(const Bounds *b, long *active, long *inactive, long *unstable)
{
  *active = *inactive = *unstable = 0;
  for (int k = 0; k < b->net->n_nodes; k++) {
    if (b->pre[k] < 0) continue;
    for (size_t i = 0; i < (size_t)b->n_box * (size_t)b->net->nodes[k].size; i++) {
      if (b->lo[k][i] >= 0)
        ++*active;
      else if (b->hi[k][i] <= 0)
        ++*inactive;
      else
        ++*unstable;
    }
  }
}
