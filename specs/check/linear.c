/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/linear.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/vector.h"

/* Errors of the error bounds themselves: sums of up to 2^40 numbers. */
#define SLACK (1 + 0x1p-10)

LinearRoom *linear_room_new(const Plan *plan)
{
  LinearRoom *const room = mem_zero(1, sizeof *room);
  room->mid = mem_doubles(plan->most);
  room->rad = mem_doubles(plan->most);
  room->lo = mem_doubles(plan->most);
  room->hi = mem_doubles(plan->most);
  room->sum = mem_doubles(plan->most);
  room->width = mem_doubles(plan->most);
  room->panel = mem_doubles(LINEAR_CHUNK * 8);
  room->at = mem_array(LINEAR_CHUNK, sizeof *room->at);
  room->w = mem_array(LINEAR_CHUNK, sizeof *room->w);
  room->trash = mem_doubles0(LINEAR_MOST_ROWS);
  return room;
}

void linear_room_free(LinearRoom *room)
{
  if (!room) return;
  mem_free(room->mid);
  mem_free(room->rad);
  mem_free(room->lo);
  mem_free(room->hi);
  mem_free(room->sum);
  mem_free(room->width);
  mem_free(room->panel);
  mem_free(room->at);
  mem_free(room->w);
  mem_free(room->trash);
  mem_free(room);
}

/* ---- y = A c and z = |A| rho, without biases ---------------------------------- */

VECTOR_CLONES
static void dots(size_t n, const double *w, const double *c, const double *rho,
                 double *sum, double *width)
{
  V4 s0 = {0}, s1 = {0}, z0 = {0}, z1 = {0};
  size_t j = 0;
  for (; j + 8 <= n; j += 8) {
    const V4 a = *(const V4 *)(w + j), b = *(const V4 *)(w + j + 4);
    s0 += a * *(const V4 *)(c + j);
    s1 += b * *(const V4 *)(c + j + 4);
    z0 += VECTOR_ABS(a) * *(const V4 *)(rho + j);
    z1 += VECTOR_ABS(b) * *(const V4 *)(rho + j + 4);
  }
  s0 += s1;
  z0 += z1;
  double s = (s0[0] + s0[1]) + (s0[2] + s0[3]), z = (z0[0] + z0[1]) + (z0[2] + z0[3]);
  for (; j < n; j++) {
    s += w[j] * c[j];
    z += fabs(w[j]) * rho[j];
  }
  *sum = s;
  *width = z;
}

VECTOR_CLONES
static void line(size_t n, size_t step, double w, const double *c, const double *rho,
                 double *sum, double *width)
{
  const double size = fabs(w);
  if (step == 1) {
    for (size_t x = 0; x < n; x++) {
      sum[x] += w * c[x];
      width[x] += size * rho[x];
    }
    return;
  }
  for (size_t x = 0; x < n; x++) {
    sum[x] += w * c[x * step];
    width[x] += size * rho[x * step];
  }
}

/* Outputs o in [*first, *last) read inside the picture: 0 <= o step + shift < size. */
static void inside(int n_out, int step, int shift, int size, int *first, int *last)
{
  *first = shift >= 0 ? 0 : (-shift + step - 1) / step;
  *last = shift >= size ? 0 : (size - 1 - shift) / step + 1;
  if (*last > n_out) *last = n_out;
}

static void conv_plane(const Conv *v, double w, int ky, int kx, const double *c,
                       const double *rho, double *sum, double *width)
{
  const int dy = ky * v->dh - v->pt, dx = kx * v->dw - v->pl;
  int y0, y1, x0, x1;
  inside(v->h_out, v->sh, dy, v->h_in, &y0, &y1);
  inside(v->w_out, v->sw, dx, v->w_in, &x0, &x1);
  if (x0 >= x1) return;
  for (int y = y0; y < y1; y++) {
    const size_t in =
        (size_t)(y * v->sh + dy) * (size_t)v->w_in + (size_t)(x0 * v->sw + dx);
    const size_t out = (size_t)y * (size_t)v->w_out + (size_t)x0;
    line((size_t)(x1 - x0), (size_t)v->sw, w, c + in, rho + in, sum + out, width + out);
  }
}

static void conv_apply(const Node *node, const double *c, const double *rho,
                       double *sum, double *width)
{
  const Conv *const v = &node->conv;
  const size_t plane_in = (size_t)v->h_in * (size_t)v->w_in;
  const size_t plane_out = (size_t)v->h_out * (size_t)v->w_out;
  const int each = v->c_in / v->groups, out_each = v->c_out / v->groups;
  const double *w = node->W;
  memset(sum, 0, (size_t)node->size * sizeof *sum);
  memset(width, 0, (size_t)node->size * sizeof *width);
  for (int co = 0; co < v->c_out; co++)
    for (int ci = 0; ci < each; ci++) {
      const size_t in = plane_in * (size_t)(co / out_each * each + ci);
      const size_t out = plane_out * (size_t)co;
      for (int ky = 0; ky < v->kh; ky++)
        for (int kx = 0; kx < v->kw; kx++, w++)
          if (*w != 0)
            conv_plane(v, *w, ky, kx, c + in, rho + in, sum + out, width + out);
    }
}

static void dense_apply(const Node *node, const double *c, const double *rho,
                        double *sum, double *width)
{
  const size_t rows = (size_t)node->rows, cols = (size_t)node->cols;
  for (size_t r = 0; r < (size_t)node->reps; r++)
    for (size_t i = 0; i < rows; i++)
      dots(cols, node->W + i * cols, c + r * cols, rho + r * cols, sum + r * rows + i,
           width + r * rows + i);
}

static void apply(const Node *node, const double *c, const double *rho, double *sum,
                  double *width)
{
  if (node->kind == NODE_CONV)
    conv_apply(node, c, rho, sum, width);
  else
    dense_apply(node, c, rho, sum, width);
}

/* How many terms a sum of DENSE or CONV has. */
static double n_terms(const Node *node)
{
  if (node->kind == NODE_DENSE) return node->cols;
  return (double)(node->conv.c_in / node->conv.groups) * node->conv.kh * node->conv.kw;
}

/* Outputs that depend on an element where bad is 1: width > 0 there. */
static void mark_bad(const Plan *plan, LinearRoom *room, int k, const double *bad)
{
  const Node *const node = &plan->net->nodes[k];
  memset(room->mid, 0, (size_t)plan->net->nodes[node->in[0]].size * sizeof *room->mid);
  apply(node, room->mid, bad, room->sum, room->width);
}

/* ---- intervals ----------------------------------------------------------------- */

static inline double below(double x)
{
  const double y = x - (fabs(x) * 0x1p-52 + 0x1p-1073);
  return y < INFINITY ? y : -INFINITY; /* NaN too */
}

static inline double above(double x)
{
  const double y = x + (fabs(x) * 0x1p-52 + 0x1p-1073);
  return y > -INFINITY ? y : INFINITY;
}

/* c +- rho of the inputs, returns how many are not finite; those are 0 +- 0. */
static size_t centre(LinearRoom *room, size_t n, const double *lo, const double *hi,
                     double share)
{
  size_t bad = 0;
  for (size_t j = 0; j < n; j++) {
    const double c = lo[j] / 2 + hi[j] / 2;
    const double r = fmax(hi[j] - c, c - lo[j]) * (1 + 0x1p-51);
    const bool finite = fabs(c) + r < INFINITY;
    bad += !finite;
    room->mid[j] = finite ? c : 0;
    room->rad[j] = finite ? r + share * (fabs(c) + r) : 0;
  }
  return bad;
}

static void forward_sums(const Plan *plan, LinearRoom *room, int k, const State *s)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t n_in = (size_t)plan->net->nodes[node->in[0]].size;
  const size_t n = (size_t)node->size;
  const double *const lo = s->lo + plan->off[node->in[0]];
  const double *const hi = s->hi + plan->off[node->in[0]];
  const double *const bias = plan->bias + plan->off[k];
  const double gamma = round_gamma(n_terms(node) + 4);
  const size_t bad = centre(room, n_in, lo, hi, (gamma + node->w_rel) * SLACK);
  apply(node, room->mid, room->rad, room->sum, room->width);
  const size_t n_err =
      node->kind == NODE_CONV ? (size_t)node->conv.c_out : (size_t)node->rows;
  const size_t plane = node->kind == NODE_CONV ? n / n_err : 1;
  for (size_t i = 0; i < n; i++) {
    const double b_err = node->b_err ? node->b_err[i / plane % n_err] : 0;
    const double y = room->sum[i] + bias[i];
    const double z =
        (room->width[i] * (1 + 4 * gamma) + gamma * fabs(bias[i]) + b_err) *
            (1 + 0x1p-50) +
        ROUND_TINY;
    room->lo[i] = below(y - z);
    room->hi[i] = above(y + z);
  }
  if (!bad) return;
  for (size_t j = 0; j < n_in; j++)
    room->rad[j] = isfinite(lo[j]) && isfinite(hi[j]) ? 0 : 1;
  mark_bad(plan, room, k, room->rad);
  for (size_t i = 0; i < n; i++)
    if (!(room->width[i] == 0)) {
      room->lo[i] = -INFINITY;
      room->hi[i] = INFINITY;
    }
}

static void forward_scale(const Plan *plan, LinearRoom *room, int k, const State *s)
{
  const Node *const node = &plan->net->nodes[k];
  const double *const lo = s->lo + plan->off[node->in[0]];
  const double *const hi = s->hi + plan->off[node->in[0]];
  const double *const bias = plan->bias + plan->off[k];
  STATUS_REQUIRE(node->w_rel < 0.5, "the sign of a scale must be known");
  for (size_t i = 0; i < (size_t)node->size; i++) {
    const double w = node->scale ? node->scale[i] : 1;
    const double a = w >= 0 ? lo[i] : hi[i], b = w >= 0 ? hi[i] : lo[i];
    const double p = w == 0 ? 0 : w * a, q = w == 0 ? 0 : w * b;
    const double b_err = node->b_err ? node->b_err[i] : 0;
    const bool plain = !node->scale && bias[i] == 0 && b_err == 0;
    const double share = 0x1p-51 + node->w_rel * SLACK;
    const double e = fabs(p) * share + fabs(bias[i]) * 0x1p-51 + b_err + ROUND_TINY;
    const double f = fabs(q) * share + fabs(bias[i]) * 0x1p-51 + b_err + ROUND_TINY;
    room->lo[i] = plain ? a : below(p + bias[i] - e * (1 + 0x1p-50));
    room->hi[i] = plain ? b : above(q + bias[i] + f * (1 + 0x1p-50));
  }
}

/* lo + a rounded down, hi + b rounded up; exact sums stay exact. */
VECTOR_CLONES
static void add_outward(size_t n, const double *a, const double *b, double sign,
                        double *lo, double *hi)
{
  for (size_t i = 0; i < n; i++) {
    const double x = lo[i], y = sign * a[i], s = x + y, t = s - x;
    const double e = (x - (s - t)) + (y - t);
    const double v = hi[i], w = sign * b[i], m = v + w, d = m - v;
    const double f = (v - (m - d)) + (w - d);
    const double under = s - (fabs(s) * 0x1p-52 + 0x1p-1073);
    const double over = m + (fabs(m) * 0x1p-52 + 0x1p-1073);
    lo[i] = e >= 0 ? s : under; /* NaN: not finite, looked at below */
    hi[i] = f <= 0 ? m : over;
  }
}

static void forward_add(const Plan *plan, LinearRoom *room, int k, const State *s)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t n = (size_t)node->size;
  memset(room->lo, 0, n * sizeof *room->lo);
  memset(room->hi, 0, n * sizeof *room->hi);
  for (int p = 0; p < node->n_in; p++) {
    const double *const lo = s->lo + plan->off[node->in[p]];
    const double *const hi = s->hi + plan->off[node->in[p]];
    if (node->coef[p] > 0)
      add_outward(n, lo, hi, 1, room->lo, room->hi);
    else
      add_outward(n, hi, lo, -1, room->lo, room->hi);
  }
  for (size_t i = 0; i < n; i++) {
    if (!(room->lo[i] < INFINITY)) room->lo[i] = -INFINITY;
    if (!(room->hi[i] > -INFINITY)) room->hi[i] = INFINITY;
  }
}

static void forward_map(const Plan *plan, LinearRoom *room, int k, const State *s)
{
  const Node *const node = &plan->net->nodes[k];
  for (int i = 0; i < node->size; i++) {
    int e = node->map[i];
    const int p = node->n_in == 1 && e >= 0 ? 0 : plan_map_input(plan, k, i, &e);
    const size_t at = p < 0 ? 0 : plan->off[node->in[p]] + (size_t)e;
    room->lo[i] = p < 0 ? 0 : s->lo[at];
    room->hi[i] = p < 0 ? 0 : s->hi[at];
  }
}

void linear_forward(const Plan *plan, LinearRoom *room, int k, const State *s)
{
  switch (plan->net->nodes[k].kind) {
  case NODE_SCALE:
    forward_scale(plan, room, k, s);
    break;
  case NODE_ADD:
    forward_add(plan, room, k, s);
    break;
  case NODE_MAP:
    forward_map(plan, room, k, s);
    break;
  default:
    forward_sums(plan, room, k, s);
    break;
  }
}

/* ---- what rounding backwards costs --------------------------------------------- */

static inline double largest(const State *s, size_t e)
{
  return fmax(fabs(s->lo[e]), fabs(s->hi[e]));
}

static void errors_sums(const Plan *plan, LinearRoom *room, int k, const State *s,
                        double *weight)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t at = plan->off[node->in[0]];
  const size_t n_in = (size_t)plan->net->nodes[node->in[0]].size;
  const double share = plan->gamma[node->in[0]] + node->w_rel;
  double all = 0;
  bool bad = false;
  for (size_t j = 0; j < n_in; j++) {
    const double x = share * largest(s, at + j);
    bad |= !isfinite(x);
    room->rad[j] = isfinite(x) ? x : 0;
    room->mid[j] = 0;
    all += room->rad[j];
  }
  apply(node, room->mid, room->rad, room->sum, room->width);
  for (size_t i = 0; i < (size_t)node->size; i++)
    weight[i] = room->width[i] + 0x1p-60 * all;
  if (!bad) return;
  for (size_t j = 0; j < n_in; j++)
    room->rad[j] = isfinite(share * largest(s, at + j)) ? 0 : 1;
  mark_bad(plan, room, k, room->rad);
  for (size_t i = 0; i < (size_t)node->size; i++)
    if (!(room->width[i] == 0)) weight[i] = INFINITY;
}

static double element_error(const Plan *plan, const Node *node, int i, const State *s)
{
  if (node->kind == NODE_MAP) {
    int e;
    const int p = plan_map_input(plan, (int)(node - plan->net->nodes), i, &e);
    if (p < 0 || plan->gamma[node->in[p]] == 0) return 0;
    return plan->gamma[node->in[p]] * largest(s, plan->off[node->in[p]] + (size_t)e);
  }
  double sum = 0;
  for (int p = 0; p < node->n_in; p++) {
    const int j = node->in[p];
    const double share = plan->gamma[j] + node->w_rel;
    const double w = node->kind == NODE_SCALE && node->scale ? node->scale[i] : 1;
    if (share > 0)
      sum += share * (fabs(w) + 0x1p-60) * largest(s, plan->off[j] + (size_t)i);
  }
  return sum;
}

void linear_errors(const Plan *plan, LinearRoom *room, int k, const State *s,
                   double *weight)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t n = (size_t)node->size;
  const size_t n_err = node->kind == NODE_CONV    ? (size_t)node->conv.c_out
                       : node->kind == NODE_DENSE ? (size_t)node->rows
                                                  : n;
  const size_t plane = node->kind == NODE_CONV ? n / n_err : 1;
  if (node->kind == NODE_DENSE || node->kind == NODE_CONV)
    errors_sums(plan, room, k, s, weight);
  else
    for (size_t i = 0; i < n; i++)
      weight[i] = element_error(plan, node, (int)i, s);
  bool exact = node->w_rel == 0;
  for (int p = 0; p < node->n_in; p++)
    exact &= plan->gamma[node->in[p]] == 0;
  const double tiny = exact ? 0 : ROUND_TINY; /* what underflowed here */
  for (size_t i = 0; i < n; i++) {
    const double b_err = node->b_err ? node->b_err[i / plane % n_err] : 0;
    const double w = (weight[i] + b_err) * SLACK + tiny;
    weight[i] = w <= INFINITY ? w : INFINITY;
  }
}
