/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/range.h"

#include <math.h>

#include "net/base/mem.h"
#include "net/base/round.h"

/* Covers the roundings in sums of non-negative numbers, of fewer than 2^30 terms. */
#define SLACK (1 + 0x1p-20)
/* A few roundings. */
#define FINE (1 + 0x1p-50)

/* The inputs of a node, and what they become; `mid` and `rad` are those of A c and
 * |A| r, `mag` is |A| (|c| + r). */
typedef struct {
  const double *c, *r; /* [input size], of all inputs one after the other */
  double *mid, *rad, *mag;
  double n; /* terms of each sum, at most */
} Work;

static void term(Work *w, int i, double a, int j)
{
  const double size = fabs(a);
  w->mid[i] += a * w->c[j];
  w->rad[i] += size * w->r[j];
  w->mag[i] += size * (fabs(w->c[j]) + w->r[j]);
}

static void dense(const Node *v, Work *w)
{
  w->n = v->cols;
  for (int i = 0; i < v->size; i++) {
    const double *a = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
    const int from = i / v->rows * v->cols;
    for (int j = 0; j < v->cols; j++)
      term(w, i, a[j], from + j);
  }
}

/* Columns first <= x < last of the output read inside the image: offset + x sw. */
static void inside(const Conv *c, int offset, int *first, int *last)
{
  *first = 0;
  *last = c->w_out;
  while (*first < *last && *first * c->sw + offset < 0)
    ++*first;
  while (*last > *first && (*last - 1) * c->sw + offset >= c->w_in)
    --*last;
}

/* One tap of one channel pair. */
static void tap(const Conv *c, Work *w, double a, int co, int ci, int ky, int kx)
{
  int first, last;
  const int offset = kx * c->dw - c->pl;
  inside(c, offset, &first, &last);
  for (int oy = 0; oy < c->h_out; oy++) {
    const int y = oy * c->sh + ky * c->dh - c->pt;
    if (y < 0 || y >= c->h_in) continue;
    const int to = (co * c->h_out + oy) * c->w_out;
    const int from = (ci * c->h_in + y) * c->w_in + offset;
    for (int ox = first; ox < last; ox++)
      term(w, to + ox, a, from + ox * c->sw);
  }
}

static void conv(const Node *v, Work *w)
{
  const Conv *c = &v->conv;
  const int per = c->c_in / c->groups;
  const double *a = v->W;
  w->n = (double)per * c->kh * c->kw;
  for (int co = 0; co < c->c_out; co++)
    for (int ci = 0; ci < per; ci++)
      for (int ky = 0; ky < c->kh; ky++)
        for (int kx = 0; kx < c->kw; kx++)
          tap(c, w, *a++, co, co / (c->c_out / c->groups) * per + ci, ky, kx);
}

static void add(const Node *v, Work *w)
{
  w->n = v->n_in;
  for (int p = 0; p < v->n_in; p++)
    for (int i = 0; i < v->size; i++)
      term(w, i, v->coef[p], p * v->size + i);
}

static void products(const Node *v, Work *w)
{
  w->n = 1;
  switch (v->kind) {
  case NODE_DENSE:
    dense(v, w);
    return;
  case NODE_CONV:
    conv(v, w);
    return;
  case NODE_ADD:
    add(v, w);
    return;
  case NODE_SCALE:
    for (int i = 0; i < v->size; i++)
      term(w, i, v->scale ? v->scale[i] : 1, i);
    return;
  case NODE_MAP:
    for (int i = 0; i < v->size; i++)
      if (v->map[i] >= 0) term(w, i, 1, v->map[i]);
    return;
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    break;
  }
  status_abort(__func__, "not a linear node");
}

/* The index of output i in b or shift, and in b_err. */
static int bias_index(const Node *v, int i)
{
  if (v->kind == NODE_DENSE) return i % v->rows;
  if (v->kind == NODE_CONV) return i / (v->conv.h_out * v->conv.w_out);
  return i;
}

static double finish(const Node *v, const Work *w, double *lo, double *hi)
{
  const double *bias = v->kind == NODE_SCALE                           ? v->shift
                       : v->kind == NODE_DENSE || v->kind == NODE_CONV ? v->b
                                                                       : NULL;
  /* A map only moves numbers; +2 is for the bias and the ends. */
  const double gamma = v->kind == NODE_MAP ? 0 : round_gamma(w->n + 2);
  const double own = 1 + 2 * round_gamma(w->n + 8); /* of |A| r itself */
  double most = 0;
  for (int i = 0; i < v->size; i++) {
    const int at = bias_index(v, i);
    const double b = bias ? bias[at] : 0, f = v->b_err ? v->b_err[at] : 0;
    const double reach = (w->mag[i] + fabs(b) + f) * SLACK;
    double e = (gamma * reach + v->w_rel * w->mag[i] + f) * SLACK;
    if (gamma != 0) e += ROUND_TINY;
    const double mid = w->mid[i] + b, width = (w->rad[i] * own + e) * FINE;
    lo[i] = width == 0 ? mid : round_dn(mid - width);
    hi[i] = width == 0 ? mid : round_up(mid + width);
    if (!(isfinite(lo[i]) && isfinite(hi[i]) && isfinite(reach))) {
      lo[i] = -INFINITY;
      hi[i] = INFINITY;
    }
    most = fmax(most, isfinite(hi[i]) ? reach : INFINITY);
  }
  return most;
}

static double linear(const Net *net, int k, double *const *lo, double *const *hi)
{
  const Node *v = &net->nodes[k];
  size_t n_in = 0, at = 0;
  const size_t n = (size_t)v->size;
  for (int p = 0; p < v->n_in; p++)
    n_in += (size_t)net->nodes[v->in[p]].size;
  double *c = mem_doubles(2 * n_in), *r = c + n_in, *out = mem_doubles0(3 * n);
  for (int p = 0; p < v->n_in; p++) {
    const double *l = lo[v->in[p]], *u = hi[v->in[p]];
    for (int i = 0; i < net->nodes[v->in[p]].size; i++, at++) {
      c[at] = l[i] == u[i] ? l[i] : l[i] / 2 + u[i] / 2;
      r[at] = l[i] == u[i] ? 0 : fmax(u[i] - c[at], c[at] - l[i]) * FINE + ROUND_TINY;
    }
  }
  Work w = {.c = c, .r = r, .mid = out, .rad = out + n, .mag = out + 2 * n};
  products(v, &w);
  const double most = finish(v, &w, lo[k], hi[k]);
  mem_free(c);
  mem_free(out);
  return most;
}

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

double range_node(const Net *net, int k, double *const *lo, double *const *hi)
{
  const Node *v = &net->nodes[k];
  if (net_is_linear(v)) return linear(net, k, lo, hi);
  STATUS_REQUIRE(v->kind != NODE_INPUT, "the input's intervals are given");
  double most = 0;
  for (int i = 0; i < v->size; i++) {
    const double l = lo[v->in[0]][i], u = hi[v->in[0]][i];
    if (v->kind == NODE_MUL) {
      product(l, u, lo[v->in[1]][i], hi[v->in[1]][i], &lo[k][i], &hi[k][i]);
    } else if (v->kind == NODE_MAX) {
      lo[k][i] = fmax(l, lo[v->in[1]][i]);
      hi[k][i] = fmax(u, hi[v->in[1]][i]);
    } else {
      act_enclose(v->act, l, u, &lo[k][i], &hi[k][i]);
    }
    most = fmax(most, fmax(fabs(lo[k][i]), fabs(hi[k][i])));
  }
  return most;
}
