/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/bound.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/certificate.h"
#include "specs/check/exact.h"
#include "specs/check/inputs.h"
#include "specs/check/phi.h"
#include "specs/check/vector.h"

/* All coefficients of a block of rows fit the cache, or at least the memory. */
#define CACHE_BYTES  ((size_t)1 << 21)
#define MEMORY_BYTES ((size_t)1 << 29)

/* ---- workspace ------------------------------------------------------------------ */

/* Going from the last node to the first, node k needs memory from its first reader on
 * until it is done itself.  slot[k] is its buffer; size[slot] in elements. */
static int assign_slots(const Plan *plan, int *slot, size_t *size)
{
  const int n = plan->n_nodes;
  bool *const used = mem_zero((size_t)n, sizeof *used);
  int n_slots = 0;
  for (int k = 0; k < n; k++)
    slot[k] = -1;
  for (int k = n - 1; k >= 0; k--) {
    const Node *const node = &plan->net->nodes[k];
    for (int p = -1; p < node->n_in; p++) {
      const int j = p < 0 ? k : node->in[p];
      if (slot[j] >= 0) continue;
      int s = 0;
      while (s < n_slots && used[s])
        s++;
      if (s == n_slots) size[n_slots++] = 0;
      used[s] = true;
      slot[j] = s;
      const size_t need = (size_t)plan->net->nodes[j].size;
      if (need > size[s]) size[s] = need;
    }
    used[slot[k]] = false;
  }
  mem_free(used);
  return n_slots;
}

static void make_buffers(Bound *b)
{
  const size_t n = (size_t)b->plan->n_nodes;
  int *const slot = mem_array(n, sizeof *slot);
  size_t *const size = mem_array(n, sizeof *size), all = 0;
  b->n_buffers = assign_slots(b->plan, slot, size);
  for (int s = 0; s < b->n_buffers; s++)
    all += size[s];
  b->room = LINEAR_MOST_ROWS;
  if (all * b->room * sizeof(double) > CACHE_BYTES) b->room = LINEAR_MOST_ROWS / 2;
  while (b->room > VECTOR_WIDTH && all * b->room * sizeof(double) > MEMORY_BYTES)
    b->room /= 2;
  b->buffer = mem_array((size_t)b->n_buffers, sizeof *b->buffer);
  for (int s = 0; s < b->n_buffers; s++)
    b->buffer[s] = mem_doubles(size[s] * b->room);
  for (size_t k = 0; k < n; k++)
    b->block.q[k] = b->buffer[slot[k]];
  mem_free(slot);
  mem_free(size);
}

static double **new_weights(const Plan *plan)
{
  double **weight = mem_zero((size_t)plan->n_nodes, sizeof *weight);
  for (int k = 0; k < plan->n_nodes; k++) {
    if (!net_is_linear(&plan->net->nodes[k])) continue;
    weight[k] = mem_doubles((size_t)plan->net->nodes[k].size);
    for (int i = 0; i < plan->net->nodes[k].size; i++)
      weight[k][i] = INFINITY;
  }
  return weight;
}

static void free_weights(const Plan *plan, double **weight)
{
  for (int k = 0; weight && k < plan->n_nodes; k++)
    mem_free(weight[k]);
  mem_free(weight);
}

Bound *bound_new(const Plan *plan, const Layout *layout, bool exact)
{
  Bound *const b = mem_zero(1, sizeof *b);
  const size_t n = (size_t)plan->n_nodes;
  b->plan = plan;
  b->layout = layout;
  b->linear = linear_room_new(plan);
  b->block.q = mem_array(n, sizeof *b->block.q);
  b->block.on = mem_zero(plan->off[n], sizeof *b->block.on);
  b->block.live = mem_zero(n, sizeof *b->block.live);
  make_buffers(b);
  b->weight = new_weights(plan);
  if (plan->inexact && !exact) b->outer = new_weights(plan);
  double **const arrays[] = {&b->value, &b->size,  &b->error,
                             &b->term,  &b->terms, &b->alpha};
  for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++)
    *arrays[a] = mem_doubles0(LINEAR_MOST_ROWS);
  b->row = mem_array(b->room, sizeof *b->row);
  b->head = mem_array(n, sizeof *b->head);
  if (plan->net->ball) b->inputs = mem_doubles(2 * (size_t)net_in_size(plan->net));
  if (exact) b->exact = exact_new(plan);
  return b;
}

void bound_free(Bound *b)
{
  if (!b) return;
  linear_room_free(b->linear);
  exact_free(b->exact);
  free_weights(b->plan, b->weight);
  free_weights(b->plan, b->outer);
  for (int s = 0; s < b->n_buffers; s++)
    mem_free(b->buffer[s]);
  void *const blocks[] = {b->block.q, b->block.on, b->block.live, b->value, b->size,
                          b->error,   b->term,     b->terms,      b->alpha, b->row,
                          b->cut,     b->head,     b->buffer,     b->inputs};
  for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++)
    mem_free(blocks[k]);
  mem_free(b);
}

void bound_refresh(Bound *b, int k, const State *s)
{
  if (!b->exact) linear_errors(b->plan, b->linear, k, s, b->weight[k]);
}

void bound_enter(Bound *b, const State *s)
{
  if (!b->outer) return;
  STATUS_REQUIRE(!b->is_inside, "weights of one part at a time");
  b->is_inside = true;
  for (int k = 0; k < b->plan->n_nodes; k++) {
    if (!b->weight[k]) continue;
    memcpy(b->outer[k], b->weight[k],
           (size_t)b->plan->net->nodes[k].size * sizeof **b->outer);
    if (s) bound_refresh(b, k, s);
  }
}

void bound_leave(Bound *b)
{
  if (!b->outer) return;
  double **const weight = b->outer;
  b->outer = b->weight;
  b->weight = weight;
  b->is_inside = false;
}

/* ---- rows ------------------------------------------------------------------------ */

void bound_begin(Bound *b)
{
  b->n = 0;
  b->n_cuts = 0;
}

BoundRow *bound_add(Bound *b, BoundRow row)
{
  b->row[b->n] = row;
  return &b->row[b->n++];
}

static BoundCut *find_cut(Bound *b, int k, int element)
{
  const int row = b->n - 1;
  for (int c = b->n_cuts - 1; c >= 0 && b->cut[c].row == row; c--)
    if (b->cut[c].node == k && b->cut[c].element == element) return &b->cut[c];
  return NULL;
}

static BoundCut *new_cut(Bound *b, const State *s, int k, int element)
{
  if (b->n_cuts == b->cut_room) {
    b->cut_room = b->cut_room ? 2 * b->cut_room : 256;
    b->cut = mem_grow(b->cut, (size_t)b->cut_room, sizeof *b->cut);
  }
  BoundCut *const cut = &b->cut[b->n_cuts++];
  *cut = (BoundCut){.node = k, .element = element, .row = b->n - 1};
  const Node *const node = &b->plan->net->nodes[k];
  for (int p = 0; p < node->n_in && p < 2; p++) {
    const size_t e = b->plan->off[node->in[p]] + (size_t)element;
    cut->lo[p] = s->lo[e];
    cut->hi[p] = s->hi[e];
  }
  return cut;
}

void bound_assume(Bound *b, const State *s, int k, int factor, int element, int side,
                  double point, double beta)
{
  const Node *const node = &b->plan->net->nodes[k];
  /* Lists are long, come first, and have each neuron once (advice.h): so there is one
   * cut of a neuron, and one p, as plan->gamma has it. */
  BoundCut *cut = side ? find_cut(b, k, element) : NULL;
  if (!cut) cut = new_cut(b, s, k, element);
  if (side < 0 && point < cut->hi[factor]) cut->hi[factor] = point;
  if (side > 0 && point > cut->lo[factor]) cut->lo[factor] = point;
  if (side) cut->side = side;
  if (cut->lo[factor] > cut->hi[factor]) b->row[b->n - 1].is_empty = true;
  if (node->kind == NODE_ACT && node->act == ACT_RELU) cut->beta += beta;
}

/* alpha of the neuron at `place` of the layout, -1: without one of its own. */
static double alpha_of(const BoundRow *row, int place, double usual)
{
  if (place < 0) return usual;
  if (row->sign) return row->slopes ? row->slopes[place] / 255.0 : usual;
  if (!row->multipliers->slopes) return usual;
  if ((row->multipliers->flags & CERTIFICATE_SLOPES_MASK) == CERTIFICATE_SLOPES_U8)
    return row->multipliers->slopes[place] / 255.0;
  return block_item_f64(row->multipliers->slopes, (size_t)place);
}

/* alpha[r] of every row. */
static void fill_alpha(Bound *b, int k, int i, double usual)
{
  const int *const places = b->layout->place[k];
  const int place = places ? places[i] : -1;
  for (size_t r = 0; r < b->block.rows; r++)
    b->alpha[r] = r < (size_t)b->n ? alpha_of(&b->row[r], place, usual) : 0;
}

/* ---- the inner loops ----------------------------------------------------- */

/* error += |x| weight, in which an x that is not finite shows for any weight. */
VECTOR_CLONES
static void charge(size_t rows, const double *x, double weight, double *error)
{
  for (size_t r = 0; r < rows; r += 4)
    *(V4 *)(error + r) += VECTOR_ABS(*(const V4 *)(x + r)) * weight;
}

VECTOR_CLONES
static void pass_on(size_t rows, const double *x, double *out)
{
  for (size_t r = 0; r < rows; r += 4)
    *(V4 *)(out + r) += *(const V4 *)(x + r);
}

VECTOR_CLONES
static void linear_terms(size_t rows, const double *x, double bias, double weight,
                         double *term, double *terms, double *error)
{
  for (size_t r = 0; r < rows; r += 4) {
    const V4 q = *(const V4 *)(x + r), t = bias * q;
    *(V4 *)(term + r) += t;
    *(V4 *)(terms + r) += VECTOR_ABS(t);
    *(V4 *)(error + r) += (VECTOR_ABS(q) + 0x1p-900) * weight;
  }
}

/* q lo where q > 0, else q hi: NaN stays NaN. */
VECTOR_CLONES
static void box_terms(size_t rows, const double *x, double lo, double hi, double *term,
                      double *terms)
{
  for (size_t r = 0; r < rows; r += 4) {
    const V4 q = *(const V4 *)(x + r), a = q * lo, b = q * hi;
    const V4 t = VECTOR_CHOOSE(q > 0, a, b);
    *(V4 *)(term + r) += t;
    *(V4 *)(terms + r) += VECTOR_ABS(t);
  }
}

/* An open ReLU, l < 0 < u: p = s lambda into p, its minimum into term; is any p not 0?
 * The minimum is that of (lambda - p) u, - p l and 0. */
VECTOR_CLONES
static bool relu_terms(size_t rows, const double *x, const double *alpha, double l,
                       double u, double *p, double *term, double *terms)
{
  const double steep = u / (u - l);
  const V4 zero = {0};
  VectorBits any = {0};
  for (size_t r = 0; r < rows; r += 4) {
    const V4 q = *(const V4 *)(x + r), falling = zero + steep;
    const V4 s = VECTOR_CHOOSE(q < 0, falling, *(const V4 *)(alpha + r));
    const V4 out = s * q, a = (q - out) * u, b = -out * l;
    V4 t = VECTOR_CHOOSE(a < b, a, b);
    t = VECTOR_CHOOSE(t < 0, t, zero);
    *(V4 *)(p + r) = out;
    *(V4 *)(term + r) += t;
    *(V4 *)(terms + r) -= t;
    any |= out != 0;
  }
  return any[0] | any[1] | any[2] | any[3];
}

/* ---- nodes --------------------------------------------------------------- */

/* error += |x| weight where weight may be infinite. */
static void charge_any(Bound *b, const double *x, double weight)
{
  if (weight < INFINITY) {
    charge(b->block.rows, x, weight, b->error);
    return;
  }
  for (size_t r = 0; r < b->block.rows; r++)
    if (x[r] != 0) b->error[r] = INFINITY;
}

/* Terms of node k are complete: n of them for each row. */
static void close_node(Bound *b, double n)
{
  const double gamma = round_gamma(n + 4);
  for (size_t r = 0; r < b->block.rows; r++) {
    b->value[r] += b->term[r];
    b->size[r] += fabs(b->term[r]);
    b->error[r] += gamma * b->terms[r];
    b->term[r] = b->terms[r] = 0;
  }
}

static void do_linear(Bound *b, int k)
{
  const Plan *const plan = b->plan;
  const size_t R = b->block.rows, n = (size_t)plan->net->nodes[k].size;
  const uint8_t *const on = b->block.on + plan->off[k];
  const double *const bias = plan->bias + plan->off[k];
  for (size_t i = 0; i < n; i++) {
    if (!on[i]) continue;
    const double *const q = b->block.q[k] + i * R;
    const double weight = b->weight[k][i];
    if (weight < INFINITY) {
      linear_terms(R, q, bias[i], weight, b->term, b->terms, b->error);
    } else {
      charge_any(b, q, weight);
      linear_terms(R, q, bias[i], 0, b->term, b->terms, b->error);
    }
  }
  close_node(b, (double)n);
  adjoint_apply(plan, b->linear, &b->block, k);
}

/* One term of one row. */
static void add_term(Bound *b, size_t r, double t)
{
  b->term[r] += t;
  b->terms[r] += fabs(t);
}

/* p of one row goes to input j of a function or product. */
static void add_p(Bound *b, const State *s, int j, int i, size_t r, double p)
{
  if (p == 0) return;
  const size_t e = b->plan->off[j] + (size_t)i;
  adjoint_touch(b->plan, &b->block, j, i)[r] += p;
  if (b->plan->gamma[j] > 0)
    b->error[r] +=
        b->plan->gamma[j] * fabs(p) * fmax(fabs(s->lo[e]), fabs(s->hi[e])) + ROUND_TINY;
}

/* min of lambda max (z, 0) - p z over a finite [l, u]; a few roundings of itself. */
static double relu_min(double l, double u, double lambda, double p)
{
  const double a = l >= 0 ? (lambda - p) * l : -p * l;
  const double b = u >= 0 ? (lambda - p) * u : -p * u;
  if (!isfinite(a) || !isfinite(b)) return -INFINITY;
  const double t = a < b ? a : b;
  return l < 0 && u > 0 && t > 0 ? 0 : t;
}

/* One neuron of one row, anything allowed: a cut with its beta, infinite intervals. */
static void relu_row(Bound *b, const State *s, int k, int i, size_t r, double l,
                     double u, int side, double lambda, double alpha, double beta)
{
  const double slope = bound_relu_slope(l, u, side, lambda < 0, alpha);
  double t;
  if (lambda == 0 && beta == 0) return;
  if (isfinite(l) && isfinite(u)) {
    const double p = slope * lambda + beta;
    t = relu_min(l, u, lambda, p);
    add_p(b, s, b->plan->net->nodes[k].in[0], i, r, p);
  } else { /* p = 0 */
    t = lambda > 0 ? 0 : lambda * fmax(u, 0);
    if (!(lambda != 0)) t = 0;
  }
  add_term(b, r, t);
}

static void do_relu(Bound *b, const State *s, int k)
{
  const Plan *const plan = b->plan;
  const int j = plan->net->nodes[k].in[0], n = plan->net->nodes[k].size;
  const size_t R = b->block.rows;
  const double gamma = plan->gamma[j];
  double p[LINEAR_MOST_ROWS];
  for (int i = 0; i < n; i++) {
    if (!b->block.on[plan->off[k] + (size_t)i]) continue;
    const double *const q = b->block.q[k] + (size_t)i * R;
    const double l = s->lo[plan->off[j] + (size_t)i],
                 u = s->hi[plan->off[j] + (size_t)i];
    charge(R, q, 0, b->error);
    if (u <= 0) continue;
    const double x = gamma > 0 ? gamma * fmax(-l, u) + ROUND_TINY : 0;
    if (!isfinite(l) || !isfinite(u)) {
      for (size_t r = 0; r < (size_t)b->n; r++)
        relu_row(b, s, k, i, r, l, u, 0, q[r], 0, 0);
    } else if (l >= 0) {
      pass_on(R, q, adjoint_touch(plan, &b->block, j, i));
      charge(R, q, x, b->error);
    } else {
      fill_alpha(b, k, i, u > -l * (1 + 0x1p-20) ? 1 : 0);
      if (!relu_terms(R, q, b->alpha, l, u, p, b->term, b->terms)) continue;
      pass_on(R, p, adjoint_touch(plan, &b->block, j, i));
      charge(R, p, x, b->error);
    }
  }
}

/* A function other than ReLU at one element, for row r or all rows (r < 0). */
static void curve_element(Bound *b, const State *s, int k, int i, int row, double l,
                          double u, const double *q)
{
  const ActKind kind = b->plan->net->nodes[k].act;
  const bool finite = isfinite(l) && isfinite(u);
  const double most = finite ? fmax(fabs(l), fabs(u)) : 0;
  double last = NAN, slope[2] = {0, 0}, least[2] = {NAN, NAN};
  fill_alpha(b, k, i, 0.5);
  const size_t first = row < 0 ? 0 : (size_t)row;
  const size_t end = row < 0 ? (size_t)b->n : first + 1;
  for (size_t r = first; r < end; r++) {
    const double lambda = row < 0 ? q[r] : *q;
    if (lambda == 0) continue;
    const int side = lambda < 0;
    if (!(b->alpha[r] == last)) {
      last = b->alpha[r];
      least[0] = least[1] = NAN;
    }
    if (isnan(least[side])) {
      const int sign = side ? -1 : 1;
      slope[side] = finite ? phi_slope(kind, l, u, sign, last) : 0;
      least[side] = phi_min(kind, l, u, sign, sign * slope[side]);
    }
    const double p = slope[side] * lambda;
    add_term(b, r, fabs(lambda) * least[side]);
    b->error[r] += (0x1p-51 * fabs(p) + ROUND_TINY) * most;
    add_p(b, s, b->plan->net->nodes[k].in[0], i, r, p);
  }
}

/* alpha of a pair without one of its own. */
static double usual_of_pair(const Node *node, const double *lo, const double *hi)
{
  return node->kind == NODE_MAX ? phi_max_alpha(lo, hi) : 0.5;
}

static void pair_row(Bound *b, const State *s, int k, int i, size_t r, const double *lo,
                     const double *hi, double lambda, double alpha)
{
  const Node *const node = &b->plan->net->nodes[k];
  if (lambda == 0) return;
  const bool finite =
      isfinite(lo[0]) && isfinite(hi[0]) && isfinite(lo[1]) && isfinite(hi[1]);
  const bool is_max = node->kind == NODE_MAX;
  double pa = 0, pb = 0;
  if (finite && is_max) {
    double slope[2];
    phi_max_slopes(lo, hi, lambda >= 0 ? 1 : -1, alpha, slope);
    pa = lambda * slope[0];
    pb = lambda * slope[1];
  } else if (finite) {
    const double along = lambda >= 0 ? alpha : 1 - alpha;
    pa = lambda * (lo[1] + along * (hi[1] - lo[1]));
    pb = lambda * (lo[0] + alpha * (hi[0] - lo[0]));
  }
  add_term(b, r,
           (is_max ? phi_min_max : phi_min_product)(lo[0], hi[0], lo[1], hi[1], lambda,
                                                    pa, pb));
  add_p(b, s, node->in[0], i, r, pa);
  add_p(b, s, node->in[1], i, r, pb);
}

static void do_function(Bound *b, const State *s, int k)
{
  const Plan *const plan = b->plan;
  const Node *const node = &plan->net->nodes[k];
  if (node->kind == NODE_ACT && node->act == ACT_RELU) {
    do_relu(b, s, k);
    return;
  }
  for (int i = 0; i < node->size; i++) {
    if (!b->block.on[plan->off[k] + (size_t)i]) continue;
    const double *const q = b->block.q[k] + (size_t)i * b->block.rows;
    charge(b->block.rows, q, 0, b->error);
    const size_t e = plan->off[node->in[0]] + (size_t)i;
    if (node->kind == NODE_ACT) {
      curve_element(b, s, k, i, -1, s->lo[e], s->hi[e], q);
      continue;
    }
    const size_t f = plan->off[node->in[1]] + (size_t)i;
    const double lo[2] = {s->lo[e], s->lo[f]}, hi[2] = {s->hi[e], s->hi[f]};
    fill_alpha(b, k, i, usual_of_pair(node, lo, hi));
    for (size_t r = 0; r < (size_t)b->n; r++)
      pair_row(b, s, k, i, r, lo, hi, q[r], b->alpha[r]);
  }
}

/* q . x over the intervals of node k: inputs, and functions where none is set. */
static void do_intervals(Bound *b, const State *s, int k)
{
  const Plan *const plan = b->plan;
  const size_t R = b->block.rows, n = (size_t)plan->net->nodes[k].size;
  for (size_t i = 0; i < n; i++) {
    if (!b->block.on[plan->off[k] + i]) continue;
    const double *const q = b->block.q[k] + i * R;
    const double lo = s->lo[plan->off[k] + i], hi = s->hi[plan->off[k] + i];
    charge(R, q, 0, b->error);
    if (isfinite(lo) && isfinite(hi)) {
      box_terms(R, q, lo, hi, b->term, b->terms);
      continue;
    }
    for (size_t r = 0; r < R; r++)
      if (q[r] != 0) add_term(b, r, q[r] > 0 ? q[r] * lo : q[r] * hi);
  }
}

/* q . x over the inputs, which lie in a ball as well. */
static void do_ball(Bound *b, const State *s)
{
  const Ball *const ball = b->plan->net->ball;
  const size_t R = b->block.rows, n = (size_t)ball->n;
  double *const q = b->inputs;
  for (size_t r = 0; r < (size_t)b->n; r++) {
    double value, error;
    for (size_t i = 0; i < n; i++)
      q[i] = b->block.on[i] ? b->block.q[0][i * R + r] : 0;
    inputs_bound(ball, q, s->lo, s->hi, q + n, &value, &error);
    add_term(b, r, value);
    b->error[r] += error;
  }
}

/* Neurons that rows have assumptions about are taken out (lambda = 0) and done
 * apart. */
static void take_cuts(Bound *b, int k)
{
  for (int c = b->head[k]; c >= 0; c = b->cut[c].next) {
    BoundCut *const cut = &b->cut[c];
    const size_t e = b->plan->off[k] + (size_t)cut->element;
    double *const q =
        b->block.q[k] + (size_t)cut->element * b->block.rows + (size_t)cut->row;
    cut->lambda = b->block.on[e] ? *q : 0;
    if (b->block.on[e]) *q = 0;
  }
}

static void do_cuts(Bound *b, const State *s, int k)
{
  const Node *const node = &b->plan->net->nodes[k];
  const int *const places = b->layout->place[k];
  for (int c = b->head[k]; c >= 0; c = b->cut[c].next) {
    const BoundCut *const cut = &b->cut[c];
    const size_t r = (size_t)cut->row;
    const int i = cut->element, place = places ? places[i] : -1;
    const double l = cut->lo[0], u = cut->hi[0];
    if (b->row[r].is_empty) continue;
    b->error[r] += cut->lambda * 0;
    if (net_is_pair(node))
      pair_row(b, s, k, i, r, cut->lo, cut->hi, cut->lambda,
               alpha_of(&b->row[r], place, usual_of_pair(node, cut->lo, cut->hi)));
    else if (node->act != ACT_RELU)
      curve_element(b, s, k, i, (int)r, l, u, &cut->lambda);
    else
      relu_row(b, s, k, i, r, l, u, cut->side, cut->lambda,
               alpha_of(&b->row[r], place, u > -l * (1 + 0x1p-20) ? 1 : 0), cut->beta);
  }
}

static void start_rows(Bound *b, int start)
{
  for (int r = 0; r < b->n; r++) {
    const BoundRow *const row = &b->row[r];
    if (row->is_empty) continue;
    if (row->sign)
      adjoint_touch(b->plan, &b->block, start, row->element)[r] = row->sign;
    for (int j = 0; j < row->n_weights && !row->sign; j++) {
      const double w = advice_weight(row->multipliers, j);
      if (w != 0) adjoint_touch(b->plan, &b->block, start, row->element + j)[r] = w;
    }
  }
  for (int k = 0; k <= start; k++)
    b->head[k] = -1;
  for (int c = 0; c < b->n_cuts; c++)
    if (b->cut[c].node <= start) {
      b->cut[c].next = b->head[b->cut[c].node];
      b->head[b->cut[c].node] = c;
    }
}

static void finish_rows(Bound *b, double *lower)
{
  const double gamma = round_gamma(b->plan->n_nodes + 2.0);
  for (int r = 0; r < b->n; r++) {
    const double e = b->error[r] * (1 + 0x1p-10) + gamma * b->size[r] + ROUND_TINY;
    const double bound = round_dn(b->value[r] - e * (1 + 0x1p-50));
    lower[r] = b->row[r].is_empty ? INFINITY : isfinite(bound) ? bound : -INFINITY;
  }
  b->done += (size_t)b->n;
}

double bound_alpha(const Bound *b, const BoundRow *row, int k, int i, double usual)
{
  return alpha_of(row, b->layout->place[k] ? b->layout->place[k][i] : -1, usual);
}

static void run_exactly(Bound *b, const State *s, int start, bool none, double *lower)
{
  for (int r = 0; r < b->n; r++)
    lower[r] =
        b->row[r].is_empty ? INFINITY : exact_bound(b->exact, b, s, r, start, none);
  b->done += (size_t)b->n;
}

void bound_run(Bound *b, const State *s, int start, bool none, double *lower)
{
  const Plan *const plan = b->plan;
  if (!b->n) return;
  if (b->exact) {
    run_exactly(b, s, start, none, lower);
    return;
  }
  b->block.rows = ((size_t)b->n + VECTOR_WIDTH - 1) / VECTOR_WIDTH * VECTOR_WIDTH;
  memset(b->block.on, 0, plan->off[start + 1]);
  memset(b->block.live, 0, (size_t)(start + 1) * sizeof *b->block.live);
  double *const arrays[] = {b->value, b->size, b->error, b->term, b->terms};
  for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++)
    memset(arrays[a], 0, LINEAR_MOST_ROWS * sizeof *arrays[a]);
  start_rows(b, start);
  for (int k = start; k > 0; k--) {
    const Node *const node = &plan->net->nodes[k];
    if (net_is_linear(node)) {
      if (b->block.live[k]) do_linear(b, k);
    } else if (none) {
      if (b->block.live[k]) do_intervals(b, s, k);
      close_node(b, node->size);
    } else if (b->block.live[k] || b->head[k] >= 0) {
      take_cuts(b, k);
      if (b->block.live[k]) do_function(b, s, k);
      do_cuts(b, s, k);
      close_node(b, (double)node->size + b->n_cuts);
    }
  }
  if (b->block.live[0] && plan->net->ball)
    do_ball(b, s);
  else if (b->block.live[0])
    do_intervals(b, s, 0);
  close_node(b, plan->net->nodes[0].size);
  finish_rows(b, lower);
}

double bound_input(const Bound *b, int i, int r)
{
  if (b->exact) return exact_input(b->exact, i);
  return b->block.on[i] ? b->block.q[0][(size_t)i * b->block.rows + (size_t)r] : 0;
}
