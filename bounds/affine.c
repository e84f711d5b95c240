/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/affine.h"

#include <math.h>
#include <string.h>

#include "bounds/conjugate.h"
#include "bounds/ibp.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* Covers a handful of roundings of numbers that are no larger than the result. */
#define SLACK (1 + 0x1p-49)

/* The share of an interval that the radius makes up, below which it is sharp. */
#define SHARP 0.2

/* Forms live in slots that nodes take in turns.  A slot holds mid, coef and rad of all
 * boxes one after the other:
 *     mid  [n_box][size]    coef [n_box][n_vary][size]    rad [n_box][size] */
struct Affine {
  const Net *net;
  int most_box, most_vary;
  int n_box, n_vary; /* of the pass in work */
  int *vary;         /* int vary[n_vary]: the inputs that are no points */
  int n_slots;
  int *slot;     /* int slot[n_nodes] */
  double **room; /* double *room[n_slots] */
  double **view; /* double *view[n_nodes]: operands of one product */
  /* of one node, its inputs one after the other: [n_box][size] */
  double *operand;
  double *slope, *spread, *lo, *hi; /* double [n_box][largest size] */
};

/* ---- set-up --------------------------------------------------------------- */

static void find_last_uses(const Net *net, int *last)
{
  for (int k = 0; k < net->n_nodes; k++) {
    last[k] = k;
    for (int p = 0; p < net->nodes[k].n_in; p++)
      last[net->nodes[k].in[p]] = k;
  }
}

/* The free slot that fits best: the smallest that is large enough, else the largest.
 */
static int best_slot(int n, const size_t *size, const bool *taken, size_t need)
{
  int best = -1;
  for (int s = 0; s < n; s++) {
    if (taken[s]) continue;
    const bool fits = size[s] >= need;
    if (best < 0 ||
        (size[best] < need ? size[s] > size[best] : fits && size[s] < size[best]))
      best = s;
  }
  return best;
}

/* Fill slot[k] and the elements of each slot, both [n_nodes]; returns their number. */
static int assign_slots(const Net *net, int *slot, size_t *elements)
{
  const size_t n = (size_t)net->n_nodes;
  int *last = mem_array(n, sizeof *last), n_slots = 0;
  bool *taken = mem_zero(n, sizeof *taken);
  find_last_uses(net, last);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    int s = best_slot(n_slots, elements, taken, (size_t)v->size);
    if (s < 0) elements[s = n_slots++] = 0;
    if (elements[s] < (size_t)v->size) elements[s] = (size_t)v->size;
    slot[k] = s;
    taken[s] = last[k] > k;
    for (int p = 0; p < v->n_in; p++)
      if (last[v->in[p]] == k) taken[slot[v->in[p]]] = false;
  }
  mem_free(last);
  mem_free(taken);
  return n_slots;
}

static void measure(const Net *net, size_t *largest, size_t *operands)
{
  *largest = *operands = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    size_t sum = 0;
    for (int p = 0; p < net->nodes[k].n_in; p++)
      sum += (size_t)net->nodes[net->nodes[k].in[p]].size;
    if (sum > *operands) *operands = sum;
    if ((size_t)net->nodes[k].size > *largest) *largest = (size_t)net->nodes[k].size;
  }
}

Affine *affine_new(const Net *net, int n_box, int n_vary)
{
  const size_t n = (size_t)net->n_nodes, t = (size_t)n_box;
  Affine *a = mem_zero(1, sizeof *a);
  size_t *elements = mem_zero(n, sizeof *elements), largest, operands;
  a->net = net;
  a->most_box = n_box;
  a->most_vary = n_vary;
  a->vary = mem_array((size_t)n_vary + 1, sizeof *a->vary);
  a->slot = mem_array(n, sizeof *a->slot);
  a->n_slots = assign_slots(net, a->slot, elements);
  a->room = mem_zero((size_t)a->n_slots, sizeof *a->room);
  for (int s = 0; s < a->n_slots; s++)
    a->room[s] = mem_doubles(t * ((size_t)n_vary + 2) * elements[s]);
  a->view = mem_zero(n, sizeof *a->view);
  measure(net, &largest, &operands);
  a->operand = mem_doubles(t * operands + 1);
  a->slope = mem_doubles(t * largest);
  a->spread = mem_doubles(t * largest);
  a->lo = mem_doubles(t * largest);
  a->hi = mem_doubles(t * largest);
  mem_free(elements);
  return a;
}

void affine_free(Affine *a)
{
  if (!a) return;
  for (int s = 0; s < a->n_slots; s++)
    mem_free(a->room[s]);
  mem_free(a->room);
  mem_free(a->slot);
  mem_free(a->vary);
  mem_free(a->view);
  mem_free(a->operand);
  mem_free(a->slope);
  mem_free(a->spread);
  mem_free(a->lo);
  mem_free(a->hi);
  mem_free(a);
}

size_t affine_bytes(const Net *net, int n_box, int n_vary)
{
  const size_t n = (size_t)net->n_nodes;
  size_t *elements = mem_zero(n, sizeof *elements), largest, operands, sum = 0;
  int *slot = mem_array(n, sizeof *slot);
  const int n_slots = assign_slots(net, slot, elements);
  for (int s = 0; s < n_slots; s++)
    sum += elements[s] * ((size_t)n_vary + 2);
  measure(net, &largest, &operands);
  mem_free(elements);
  mem_free(slot);
  return (sum + operands + 4 * largest) * (size_t)n_box * sizeof(double);
}

/* ---- forms ------------------------------------------------------------------- */

/* Elements of node k in all boxes. */
static size_t n_elements(const Affine *a, int k)
{
  return (size_t)a->n_box * (size_t)a->net->nodes[k].size;
}

static double *mid_of(const Affine *a, int k)
{
  return a->room[a->slot[k]];
}

static double *coef_of(const Affine *a, int k)
{
  return mid_of(a, k) + n_elements(a, k);
}

static double *rad_of(const Affine *a, int k)
{
  return coef_of(a, k) + n_elements(a, k) * (size_t)a->n_vary;
}

/* spread[t][i] = sum_v |coef_vi|, as computed: gamma_{n_vary} of it is missing. */
static void spread_of(const Affine *a, int k, double *restrict spread)
{
  const size_t size = (size_t)a->net->nodes[k].size;
  const double *restrict c = coef_of(a, k);
  memset(spread, 0, n_elements(a, k) * sizeof *spread);
  for (int t = 0; t < a->n_box; t++, spread += size)
    for (int v = 0; v < a->n_vary; v++, c += size)
      for (size_t i = 0; i < size; i++)
        spread[i] += fabs(c[i]);
}

/* Element i of box t: a centre and a radius and nothing else. */
static void set_constant(Affine *a, int k, size_t t, size_t i, double mid, double rad)
{
  const size_t size = (size_t)a->net->nodes[k].size, vary = (size_t)a->n_vary;
  mid_of(a, k)[t * size + i] = mid;
  rad_of(a, k)[t * size + i] = rad;
  double *c = coef_of(a, k) + t * vary * size + i;
  for (size_t v = 0; v < vary; v++)
    c[v * size] = 0;
}

/* [lo, hi] inside *mid +- *rad.  Two roundings of numbers no larger than the radius
 * itself, then up. */
static void centre(double lo, double hi, double *mid, double *rad)
{
  const double m = lo == hi ? lo : lo / 2 + hi / 2;
  *mid = m;
  *rad = lo == hi ? 0 : fmax(hi - m, m - lo) * (1 + 0x1p-50) + ROUND_ETA;
}

static bool is_finite_interval(const Bounds *b, int k, size_t at)
{
  return isfinite(b->lo[k][at]) && isfinite(b->hi[k][at]);
}

/* (2), rounded outwards, into lo and hi; a form that is not finite becomes unknown.
 * The terms of a sum of n_vary + 2 numbers, the product by the factor and the final
 * difference are covered by gamma_{n_vary + 8}, once more for the centre. */
static void enclose(Affine *a, int k)
{
  const size_t size = (size_t)a->net->nodes[k].size, n = n_elements(a, k);
  const double factor = 1 + round_gamma(a->n_vary + 8);
  const double *restrict mid = mid_of(a, k), *restrict rad = rad_of(a, k);
  double *restrict lo = a->lo, *restrict hi = a->hi, *restrict spread = a->spread;
  spread_of(a, k, spread);
  for (size_t i = 0; i < n; i++) {
    const double width =
        (spread[i] + rad[i]) * factor + (fabs(mid[i]) * 0x1p-51 + ROUND_TINY);
    lo[i] = mid[i] - width;
    hi[i] = mid[i] + width;
    spread[i] = width;
  }
  for (size_t i = 0; i < n; i++) {
    if (isfinite(lo[i]) && isfinite(hi[i])) continue;
    set_constant(a, k, i / size, i % size, 0, INFINITY);
    lo[i] = -INFINITY;
    hi[i] = INFINITY;
  }
}

bool affine_is_sharp(const Affine *a, const Bounds *b, int k, int t, int i)
{
  const size_t at = (size_t)t * (size_t)a->net->nodes[k].size + (size_t)i;
  return 2 * rad_of(a, k)[at] <= SHARP * (b->hi[k][at] - b->lo[k][at]);
}

int affine_n_vary(const Bounds *b)
{
  const int n = net_in_size(b->net);
  int count = 0;
  for (int i = 0; i < n; i++) {
    bool varies = false;
    for (int t = 0; t < b->n_box && !varies; t++)
      varies = b->lo[0][t * n + i] < b->hi[0][t * n + i];
    count += varies;
  }
  return count;
}

static void list_varying(Affine *a, const Bounds *b)
{
  const int n = net_in_size(b->net);
  a->n_vary = 0;
  for (int i = 0; i < n; i++)
    for (int t = 0; t < b->n_box; t++)
      if (b->lo[0][t * n + i] < b->hi[0][t * n + i]) {
        STATUS_REQUIRE(a->n_vary < a->most_vary, "more inputs vary than announced");
        a->vary[a->n_vary++] = i;
        break;
      }
}

/* x_i = centre + half-width e_v. */
void affine_start(Affine *a, const Bounds *b)
{
  const size_t n = (size_t)net_in_size(b->net);
  STATUS_REQUIRE(b->n_box <= a->most_box, "more boxes than announced");
  a->n_box = b->n_box;
  list_varying(a, b);
  for (size_t t = 0; t < (size_t)a->n_box; t++) {
    for (size_t i = 0; i < n; i++) {
      double mid, rad;
      centre(b->lo[0][t * n + i], b->hi[0][t * n + i], &mid, &rad);
      const bool known = isfinite(mid) && isfinite(rad);
      set_constant(a, 0, t, i, known ? mid : 0, known ? 0 : INFINITY);
    }
    for (size_t v = 0; v < (size_t)a->n_vary; v++) {
      const size_t i = (size_t)a->vary[v];
      double mid, rad;
      centre(b->lo[0][t * n + i], b->hi[0][t * n + i], &mid, &rad);
      if (isfinite(mid) && isfinite(rad))
        coef_of(a, 0)[(t * (size_t)a->n_vary + v) * n + i] = rad;
    }
  }
}

/* ---- linear nodes ---------------------------------------------------------- */

/* What |A| has to multiply: the radius and, for rounding and inexact weights, `rel`
 * times the largest magnitude. */
static void make_operand(Affine *a, int j, double rel, double *restrict to)
{
  const size_t n = n_elements(a, j);
  const double *restrict mid = mid_of(a, j), *restrict rad = rad_of(a, j);
  if (rel == 0) {
    memcpy(to, rad, n * sizeof *to);
    return;
  }
  /* One part in 2^20 covers the few roundings in these sums of positive numbers. */
  const double factor = rel * (1 + 0x1p-20);
  spread_of(a, j, to);
  for (size_t i = 0; i < n; i++)
    to[i] = rad[i] + ((to[i] + fabs(mid[i]) + rad[i]) * factor + ROUND_TINY);
}

/* rad = |A| operand still lacks its own rounding and the bias. */
static void add_bias_error(const Node *v, double fan_in, double gamma, size_t n,
                           double *rad)
{
  int stride, period;
  const double *bias = linop_bias(v, &stride, &period);
  const double factor = 1 + 2 * round_gamma(fan_in + 8), slack = 1 + 0x1p-20;
  for (size_t i = 0; i < n; i++) {
    const int at = (int)(i % (size_t)v->size) % period / stride;
    const double e =
        gamma * (bias ? fabs(bias[at]) : 0) + (v->b_err ? v->b_err[at] : 0);
    rad[i] = rad[i] * factor + (e * slack + ROUND_TINY);
  }
}

static void linear_node(Affine *a, Linop *op, int k)
{
  const Node *v = &a->net->nodes[k];
  const bool moves = v->kind == NODE_MAP;
  /* +2 is for the bias and the final sum. */
  const double gamma = moves ? 0 : round_gamma(op->fan_in[k] + 2);
  for (int p = 0; p < v->n_in; p++)
    a->view[v->in[p]] = mid_of(a, v->in[p]);
  linop_forward(op, k, a->n_box, a->view, mid_of(a, k));
  for (int p = 0; p < v->n_in; p++)
    a->view[v->in[p]] = coef_of(a, v->in[p]);
  if (a->n_vary) linop_product(op, k, a->n_box * a->n_vary, a->view, coef_of(a, k));
  double *room = a->operand;
  for (int p = 0; p < v->n_in; p++, room += n_elements(a, v->in[p - 1])) {
    make_operand(a, v->in[p], gamma + v->w_rel, room);
    a->view[v->in[p]] = room;
  }
  linop_forward_abs(op, k, a->n_box, a->view, rad_of(a, k));
  if (!moves) add_bias_error(v, op->fan_in[k], gamma, n_elements(a, k), rad_of(a, k));
}

/* ---- activations ----------------------------------------------------------- */

/* lo <= h (z) - slope z <= up. */
typedef struct {
  double slope, lo, up;
} Band;

/* h (z) - s z is convex for 0 <= s <= 1, 0 at 0, and largest at an end. */
static Band relu_band(double l, double u)
{
  if (l >= 0) return (Band){1, 0, 0};
  if (u <= 0) return (Band){0, 0, 0};
  const double s = u / (u - l);
  return (Band){s, 0, fmax(-s * l, (1 - s) * u) * (1 + 0x1p-50) + ROUND_ETA};
}

static Band curve_band(ActKind kind, double l, double u, double s)
{
  double z;
  return (Band){s, conjugate_min(kind, l, u, 1, s, &z),
                -conjugate_min(kind, l, u, -1, -s, &z)};
}

/* Of the chord and both supporting lines, the slope that leaves the least radius. */
static Band best_curve_band(const Bounds *b, int j, size_t at, ActKind kind, double rad)
{
  const double l = b->lo[j][at], u = b->hi[j][at];
  const double slopes[3] = {(act_value(kind, u) - act_value(kind, l)) / (u - l),
                            b->lines[j][0].slope[at], b->lines[j][1].slope[at]};
  Band best = {0, -INFINITY, INFINITY};
  double least = INFINITY;
  for (int i = 0; i < 3; i++) {
    if (!isfinite(slopes[i])) continue;
    const Band band = curve_band(kind, l, u, slopes[i]);
    const double radius = fabs(band.slope) * rad + (band.up / 2 - band.lo / 2);
    if (!(radius < least)) continue;
    least = radius;
    best = band;
  }
  return best;
}

/* slope (mid, coef, rad) + band.  coef is wrong by u |slope coef|, mid by 3 u of its
 * terms; nothing is where the slope is 0 or 1 and the band is 0. */
static void apply_band(Affine *a, int j, int k, size_t at, const Band *band)
{
  const double mid = mid_of(a, j)[at], rad = rad_of(a, j)[at], s = fabs(band->slope);
  double shift, half;
  a->slope[at] = band->slope;
  centre(band->lo, band->up, &shift, &half);
  if (!isfinite(shift) || !isfinite(half) || !isfinite(rad)) {
    a->slope[at] = 0;
    mid_of(a, k)[at] = 0;
    rad_of(a, k)[at] = INFINITY;
    return;
  }
  mid_of(a, k)[at] = band->slope * mid + shift;
  double total = s * rad + half;
  if (shift != 0 || half != 0 || (s != 0 && s != 1))
    total = (total + 4 * ROUND_U * (s * (a->spread[at] + fabs(mid)) + fabs(shift))) *
                (1 + 0x1p-40) +
            ROUND_TINY;
  rad_of(a, k)[at] = total;
}

/* coef_k = slope coef_j. */
static void scale_coefficients(const Affine *a, int j, int k)
{
  const size_t size = (size_t)a->net->nodes[k].size;
  const double *restrict from = coef_of(a, j), *restrict slope = a->slope;
  double *restrict to = coef_of(a, k);
  for (int t = 0; t < a->n_box; t++, slope += size)
    for (int v = 0; v < a->n_vary; v++, from += size, to += size)
      for (size_t i = 0; i < size; i++)
        to[i] = slope[i] * from[i];
}

static void act_node(Affine *a, const Bounds *b, int k)
{
  const Node *v = &a->net->nodes[k];
  const int j = v->in[0];
  const size_t n = n_elements(a, k);
  spread_of(a, j, a->spread);
  for (size_t at = 0; at < n; at++) {
    Band band = {0, -INFINITY, INFINITY};
    if (!is_finite_interval(b, j, at))
      ; /* nothing is known */
    else if (v->act == ACT_RELU)
      band = relu_band(b->lo[j][at], b->hi[j][at]);
    else
      band = best_curve_band(b, j, at, v->act, rad_of(a, j)[at]);
    apply_band(a, j, k, at, &band);
  }
  scale_coefficients(a, j, k);
}

/* ---- products -------------------------------------------------------------- */

/* mid and rad of one product; the coefficients are cb coef_p + ca coef_q.  With
 * magnitudes P, Q of everything in the forms of the factors, all rounding is below
 * 8 u (|cb| P + |ca| Q + |ca cb|). */
static void mul_element(Affine *a, const Bounds *b, int k, size_t at, double spread_q)
{
  const int p = a->net->nodes[k].in[0], q = a->net->nodes[k].in[1];
  const double mp = mid_of(a, p)[at], mq = mid_of(a, q)[at];
  const double rp = rad_of(a, p)[at], rq = rad_of(a, q)[at];
  double ca, cb, wa, wb;
  centre(b->lo[p][at], b->hi[p][at], &ca, &wa);
  centre(b->lo[q][at], b->hi[q][at], &cb, &wb);
  const double P = fabs(mp) + a->spread[at] + rp, Q = fabs(mq) + spread_q + rq;
  const double terms = fabs(cb) * P + fabs(ca) * Q + fabs(ca * cb);
  const double total = fabs(cb) * rp + fabs(ca) * rq + wa * wb;
  const double rad = (total + 8 * ROUND_U * terms) * (1 + 0x1p-40) + ROUND_TINY;
  a->slope[at] = cb;
  a->lo[at] = ca;
  mid_of(a, k)[at] = cb * mp + ca * mq - ca * cb;
  rad_of(a, k)[at] = isfinite(rad) ? rad : INFINITY;
  if (isfinite(rad)) return;
  a->slope[at] = a->lo[at] = mid_of(a, k)[at] = 0;
}

/* coef_k = slope coef_p + lo coef_q. */
static void join_coefficients(const Affine *a, int k)
{
  const Node *node = &a->net->nodes[k];
  const size_t size = (size_t)node->size;
  const double *cp = coef_of(a, node->in[0]), *cq = coef_of(a, node->in[1]);
  const double *wp = a->slope, *wq = a->lo;
  double *to = coef_of(a, k);
  for (int t = 0; t < a->n_box; t++, wp += size, wq += size)
    for (int v = 0; v < a->n_vary; v++, cp += size, cq += size, to += size)
      for (size_t i = 0; i < size; i++)
        to[i] = wp[i] * cp[i] + wq[i] * cq[i];
}

static void mul_node(Affine *a, const Bounds *b, int k)
{
  const size_t n = n_elements(a, k);
  const int p = a->net->nodes[k].in[0], q = a->net->nodes[k].in[1];
  spread_of(a, p, a->spread);
  spread_of(a, q, a->hi);
  for (size_t at = 0; at < n; at++)
    mul_element(a, b, k, at, a->hi[at]);
  join_coefficients(a, k);
}

/* ---- maxima ---------------------------------------------------------------- */

/* spread[t][i] = sum_v |coef_vi of q - coef_vi of p|, as spread_of. */
static void spread_between(const Affine *a, int p, int q, double *restrict spread)
{
  const size_t size = (size_t)a->net->nodes[p].size;
  const double *restrict cp = coef_of(a, p), *restrict cq = coef_of(a, q);
  memset(spread, 0, n_elements(a, p) * sizeof *spread);
  for (int t = 0; t < a->n_box; t++, spread += size)
    for (int v = 0; v < a->n_vary; v++, cp += size, cq += size)
      for (size_t i = 0; i < size; i++)
        spread[i] += fabs(cq[i] - cp[i]);
}

/* y - x, from the forms and from the intervals. */
static void difference(const Affine *a, const Bounds *b, int p, int q, size_t at,
                       double spread, double *lo, double *hi)
{
  const double mid = mid_of(a, q)[at] - mid_of(a, p)[at];
  const double factor = 1 + round_gamma(a->n_vary + 8);
  const double width = (spread + rad_of(a, p)[at] + rad_of(a, q)[at]) * factor +
                       (fabs(mid) * 0x1p-50 + ROUND_TINY);
  *lo = fmax(mid - width, round_add_dn(b->lo[q][at], -b->hi[p][at]));
  *hi = fmin(mid + width, round_add_up(b->hi[q][at], -b->lo[p][at]));
}

/* max (x, y) = x + max (y - x, 0) = (1 - s) x + s y + the band of a ReLU.  Without a
 * band it is one of them, exactly (an s of 0 or 1 alone may be rounded); else all
 * rounding is below 8 u times the magnitude of everything in both forms and the band.
 */
static void max_element(Affine *a, const Bounds *b, int k, size_t at, double between)
{
  const int p = a->net->nodes[k].in[0], q = a->net->nodes[k].in[1];
  const double mp = mid_of(a, p)[at], mq = mid_of(a, q)[at];
  const double rp = rad_of(a, p)[at], rq = rad_of(a, q)[at];
  double l, u;
  difference(a, b, p, q, at, between, &l, &u);
  const Band band = relu_band(l, u);
  const double s = band.slope, terms = a->spread[at] + fabs(mp) + fabs(mq) + rp + rq;
  double rad = s == 0 ? rp : rq, mid = s == 0 ? mp : mq;
  if (band.up > 0) {
    const double half = band.up / 2, total = (1 - s) * rp + s * rq + half;
    mid = (1 - s) * mp + s * mq + half;
    rad = (total + 8 * ROUND_U * (terms + band.up)) * (1 + 0x1p-40) + ROUND_TINY;
  }
  const bool known = isfinite(l) && isfinite(u) && isfinite(rad) && isfinite(mid);
  a->slope[at] = known ? 1 - s : 0;
  a->lo[at] = known ? s : 0;
  mid_of(a, k)[at] = known ? mid : 0;
  rad_of(a, k)[at] = known ? rad : INFINITY;
}

static void max_node(Affine *a, const Bounds *b, int k)
{
  const size_t n = n_elements(a, k);
  const int p = a->net->nodes[k].in[0], q = a->net->nodes[k].in[1];
  spread_of(a, p, a->spread);
  spread_of(a, q, a->hi);
  for (size_t at = 0; at < n; at++)
    a->spread[at] += a->hi[at];
  spread_between(a, p, q, a->hi);
  for (size_t at = 0; at < n; at++)
    max_element(a, b, k, at, a->hi[at]);
  join_coefficients(a, k);
}

/* ---- passes ---------------------------------------------------------------- */

void affine_node(Affine *a, Bounds *b, Linop *op, int k)
{
  if (a->net->nodes[k].kind == NODE_ACT)
    act_node(a, b, k);
  else if (a->net->nodes[k].kind == NODE_MUL)
    mul_node(a, b, k);
  else if (a->net->nodes[k].kind == NODE_MAX)
    max_node(a, b, k);
  else
    linear_node(a, op, k);
  enclose(a, k);
  bounds_meet_node(b, k, a->lo, a->hi);
}

void affine_settle(Affine *a, const Bounds *b, int k)
{
  const size_t size = (size_t)a->net->nodes[k].size, n = n_elements(a, k);
  for (size_t at = 0; at < n; at++) {
    const double lo = b->lo[k][at], hi = b->hi[k][at];
    if (!(hi - lo <= 2 * rad_of(a, k)[at]) || !is_finite_interval(b, k, at)) continue;
    double mid, rad;
    centre(lo, hi, &mid, &rad);
    if (isfinite(rad)) set_constant(a, k, at / size, at % size, mid, rad);
  }
}

void affine_all(Affine *a, Bounds *b, Linop *op)
{
  affine_start(a, b);
  for (int k = 1; k < b->net->n_nodes; k++) {
    affine_node(a, b, op, k);
    ibp_node(b, op, k);
    affine_settle(a, b, k);
  }
}
