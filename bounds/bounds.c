/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/bounds.h"

#include <math.h>
#include <string.h>

#include "bounds/conjugate.h"
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
  b->tight[0] = true;
  is_box[0] = !b->net->ball; /* in a ball, inputs depend on each other */
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
    /* A selection of exact ranges is exact. */
    const bool selects = v->kind == NODE_MAP && v->n_in == 1;
    b->tight[k] = inputs || (selects && b->tight[v->in[0]]);
    is_box[k] = inputs && is_box_preserving(op, k);
  }
  mem_free(is_box);
}

/* Doubles per box that one node's temporaries take: centre, radius and magnitude of
 * each input element, and three of each of its own. */
static size_t scratch_per_box(const Net *net)
{
  size_t most = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    size_t need = 3 * (size_t)net->nodes[k].size;
    for (int p = 0; p < net->nodes[k].n_in; p++)
      need += 2 * (size_t)net->nodes[net->nodes[k].in[p]].size;
    if (need > most) most = need;
  }
  return most;
}

/* Nothing is known about the pre-activations j. */
static void reset_lines(Bounds *b, int j, size_t m)
{
  fill(b->up[j], m, 0);
  fill(b->down[j], m, b->is_relu[j] ? 0 : 0.5);
  fill(b->bend_lo[j], m, -INFINITY);
  fill(b->bend_hi[j], m, INFINITY);
  memset(b->cut[j], 0, m * sizeof **b->cut);
  for (int s = 0; s < 2 && !b->is_relu[j]; s++)
    fill(b->lines[j][s].offset, m, -INFINITY);
}

/* What the pre-activation j of a function keeps; m elements in all boxes. */
static void need_lines(Bounds *b, int j, ActKind act, size_t m)
{
  b->cut[j] = mem_zero(m, sizeof **b->cut);
  b->up[j] = mem_doubles0(m);
  b->down[j] = mem_doubles0(m);
  b->bend_lo[j] = mem_doubles(m);
  b->bend_hi[j] = mem_doubles(m);
  b->is_relu[j] = act == ACT_RELU;
  for (int s = 0; s < 2 && !b->is_relu[j]; s++)
    b->lines[j][s] = (RelaxLines){.first = mem_doubles0(m),
                                  .slope = mem_doubles0(m),
                                  .last = mem_doubles0(m),
                                  .offset = mem_doubles(m),
                                  .touch = mem_doubles0(m)};
  reset_lines(b, j, m);
}

/* The usual alpha while nothing is known. */
static double pair_alpha(const Node *v)
{
  return v->kind == NODE_MUL ? 0.5 : 0;
}

static bool feeds_max(const Bounds *b, int j)
{
  return b->pre[j] >= 0 && b->net->nodes[b->pre[j]].kind == NODE_MAX;
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
  b->lines = mem_zero(n, sizeof *b->lines);
  b->is_relu = mem_zero(n, sizeof *b->is_relu);
  b->pre = mem_array(n, sizeof *b->pre);
  b->tight = mem_zero(n, sizeof *b->tight);
  b->cut = mem_zero(n, sizeof *b->cut);
  b->empty = mem_zero(t, sizeof *b->empty);
  b->scratch = mem_doubles(t * scratch_per_box(net));
  b->view_a = mem_zero(n, sizeof *b->view_a);
  b->view_b = mem_zero(n, sizeof *b->view_b);
  for (size_t k = 0; k < n; k++)
    b->pre[k] = -1;
  for (size_t k = 0; k < n; k++) {
    const Node *v = &net->nodes[k];
    const size_t m = t * (size_t)v->size;
    fill(b->lo[k] = mem_doubles(m), m, -INFINITY);
    fill(b->hi[k] = mem_doubles(m), m, INFINITY);
    if (v->kind == NODE_ACT) need_lines(b, v->in[0], v->act, m);
    if (net_is_pair(v)) fill(b->down[v->in[0]] = mem_doubles(m), m, pair_alpha(v));
    if (net_is_nonlinear(v))
      for (int p = 0; p < v->n_in; p++)
        b->pre[v->in[p]] = (int)k;
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
    mem_free(b->cut[k]);
    for (int s = 0; s < 2; s++) {
      mem_free(b->lines[k][s].first);
      mem_free(b->lines[k][s].slope);
      mem_free(b->lines[k][s].last);
      mem_free(b->lines[k][s].offset);
      mem_free(b->lines[k][s].touch);
    }
  }
  mem_free(b->lo);
  mem_free(b->hi);
  mem_free(b->err);
  mem_free(b->slip);
  mem_free(b->up);
  mem_free(b->down);
  mem_free(b->bend_lo);
  mem_free(b->bend_hi);
  mem_free(b->lines);
  mem_free(b->is_relu);
  mem_free(b->pre);
  mem_free(b->tight);
  mem_free(b->cut);
  mem_free(b->empty);
  mem_free(b->scratch);
  mem_free(b->view_a);
  mem_free(b->view_b);
  mem_free(b);
}

void bounds_reset(Bounds *b)
{
  memset(b->empty, 0, (size_t)b->n_box * sizeof *b->empty);
  for (int k = 0; k < b->net->n_nodes; k++) {
    const size_t m = (size_t)b->n_box * (size_t)b->net->nodes[k].size;
    fill(b->lo[k], m, -INFINITY);
    fill(b->hi[k], m, INFINITY);
    if (b->up[k]) reset_lines(b, k, m);
    if (b->down[k] && feeds_max(b, k)) fill(b->down[k], m, 0);
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

static void set_curve(Bounds *b, int k, size_t at)
{
  const ActKind act = b->net->nodes[b->pre[k]].act;
  b->bend_lo[k][at] = b->lo[k][at];
  b->bend_hi[k][at] = b->hi[k][at];
  for (int s = 0; s < 2; s++) {
    ConjugateLine line;
    conjugate_line(act, b->lo[k][at], b->hi[k][at], s ? -1 : 1, &line);
    b->lines[k][s].first[at] = line.first;
    b->lines[k][s].slope[at] = line.slope;
    b->lines[k][s].last[at] = line.last;
    b->lines[k][s].offset[at] = line.offset;
    b->lines[k][s].touch[at] = line.touch;
  }
}

/* What a ReLU needs, from its interval and what the branch assumes. */
static void set_relu(Bounds *b, int k, size_t at)
{
  const double lo = b->lo[k][at], hi = b->hi[k][at];
  const int side = b->cut[k][at];
  /* Where only 0 is left, the assumption decides: its multiplier belongs to it. */
  const bool active = lo >= 0 && (hi > 0 || side > 0);
  const bool open = lo < 0 && hi > 0, cut = side != 0;
  b->up[k][at] = active ? 1 : open ? hi / (hi - lo) : 0;
  b->down[k][at] = active || (open && relax_prefers_one(lo, hi)) ? 1 : 0;
  /* Behind a cut that bounds alone imply, beta has nothing to say. */
  const bool bent = open || (cut && !(lo > 0) && !(hi < 0));
  b->bend_lo[k][at] = bent ? lo : 0;
  b->bend_hi[k][at] = bent ? hi : 0;
}

/* The usual alpha of a maximum of which k is an input. */
static void set_max(Bounds *b, int k, size_t at)
{
  const int *in = b->net->nodes[b->pre[k]].in;
  b->down[in[0]][at] = relax_prefers_second(b->lo[in[0]][at], b->hi[in[0]][at],
                                            b->lo[in[1]][at], b->hi[in[1]][at]);
}

static inline void meet(Bounds *b, int k, size_t at, int t, double lo, double hi)
{
  const double new_lo = lo > b->lo[k][at] ? lo : b->lo[k][at];
  const double new_hi = hi < b->hi[k][at] ? hi : b->hi[k][at];
  if (!(new_lo <= new_hi)) {
    b->empty[t] = true;
    return;
  }
  const bool news = new_lo > b->lo[k][at] || new_hi < b->hi[k][at];
  b->lo[k][at] = new_lo;
  b->hi[k][at] = new_hi;
  if (b->is_relu[k])
    set_relu(b, k, at);
  else if (b->up[k] && news)
    set_curve(b, k, at);
  else if (news && feeds_max(b, k))
    set_max(b, k, at);
}

void bounds_meet(Bounds *b, int k, int t, int i, double lo, double hi)
{
  meet(b, k, (size_t)t * (size_t)b->net->nodes[k].size + (size_t)i, t, lo, hi);
}

void bounds_meet_node(Bounds *b, int k, const double *lo, const double *hi)
{
  const size_t size = (size_t)b->net->nodes[k].size;
  for (int t = 0; t < b->n_box; t++)
    for (size_t i = 0, at = (size_t)t * size; i < size; i++, at++)
      meet(b, k, at, t, lo[at], hi[at]);
}

void bounds_split(Bounds *b, int k, int t, int i, bool positive)
{
  const size_t at = (size_t)t * (size_t)b->net->nodes[k].size + (size_t)i;
  b->cut[k][at] = positive ? 1 : -1;
  meet(b, k, at, t, positive ? 0 : -INFINITY, positive ? INFINITY : 0);
}

void bounds_copy_box(Bounds *to, int t, const Bounds *from, int s)
{
  to->empty[t] = from->empty[s];
  for (int k = 0; k < to->net->n_nodes; k++) {
    const size_t n = (size_t)to->net->nodes[k].size, bytes = n * sizeof(double);
    const size_t at = (size_t)t * n, source = (size_t)s * n;
    memcpy(to->lo[k] + at, from->lo[k] + source, bytes);
    memcpy(to->hi[k] + at, from->hi[k] + source, bytes);
    if (to->err[k]) {
      memcpy(to->err[k] + at, from->err[k] + source, bytes);
      to->slip[k][t] = from->slip[k][s];
    }
    if (to->down[k]) memcpy(to->down[k] + at, from->down[k] + source, bytes);
    if (!to->up[k]) continue;
    memcpy(to->up[k] + at, from->up[k] + source, bytes);
    memcpy(to->bend_lo[k] + at, from->bend_lo[k] + source, bytes);
    memcpy(to->bend_hi[k] + at, from->bend_hi[k] + source, bytes);
    memcpy(to->cut[k] + at, from->cut[k] + source, n * sizeof **to->cut);
    for (int side = 0; side < 2 && !to->is_relu[k]; side++) {
      const RelaxLines *a = &to->lines[k][side], *z = &from->lines[k][side];
      memcpy(a->first + at, z->first + source, bytes);
      memcpy(a->slope + at, z->slope + source, bytes);
      memcpy(a->last + at, z->last + source, bytes);
      memcpy(a->offset + at, z->offset + source, bytes);
      memcpy(a->touch + at, z->touch + source, bytes);
    }
  }
}

static void take(double *to, const double *from, const int *element, int n)
{
  for (int i = 0; i < n; i++)
    to[i] = from[element[i]];
}

void bounds_take(Bounds *to, int k, const Bounds *from, int s, int source,
                 const int *element)
{
  const int n = to->net->nodes[k].size;
  const size_t at = (size_t)s * (size_t)from->net->nodes[source].size;
  take(to->lo[k], from->lo[source] + at, element, n);
  take(to->hi[k], from->hi[source] + at, element, n);
  if (to->down[k]) take(to->down[k], from->down[source] + at, element, n);
  if (!to->up[k]) return;
  take(to->up[k], from->up[source] + at, element, n);
  take(to->bend_lo[k], from->bend_lo[source] + at, element, n);
  take(to->bend_hi[k], from->bend_hi[source] + at, element, n);
  for (int side = 0; side < 2 && !to->is_relu[k]; side++) {
    const RelaxLines *a = &to->lines[k][side], *z = &from->lines[source][side];
    take(a->first, z->first + at, element, n);
    take(a->slope, z->slope + at, element, n);
    take(a->last, z->last + at, element, n);
    take(a->offset, z->offset + at, element, n);
    take(a->touch, z->touch + at, element, n);
  }
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
  double **x = b->view_a, *room = b->scratch;
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    if (x[j]) continue;
    x[j] = room;
    room += n_box * (size_t)b->net->nodes[j].size;
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
  for (int p = 0; p < v->n_in; p++)
    x[v->in[p]] = NULL;
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

static bool max_is_open(const Bounds *b, const Node *v, size_t at)
{
  const int p = v->in[0], q = v->in[1];
  return relax_is_open_max(b->lo[p][at], b->hi[p][at], b->lo[q][at], b->hi[q][at]);
}

bool bounds_is_open(const Bounds *b, int j, int t, int i)
{
  const size_t at = (size_t)t * (size_t)b->net->nodes[j].size + (size_t)i;
  const Node *v = &b->net->nodes[b->pre[j]];
  if (net_is_pair(v) && !(b->lo[j][at] < b->hi[j][at])) return false;
  if (v->kind == NODE_MAX) return max_is_open(b, v, at);
  if (v->kind == NODE_MUL) return true;
  return relax_is_open(v->act, b->lo[j][at], b->hi[j][at]);
}

bool bounds_has_choice(const Bounds *b, int k, int t, int i)
{
  const Node *v = &b->net->nodes[k];
  const size_t at = (size_t)t * (size_t)v->size + (size_t)i;
  if (v->kind == NODE_MAX) return max_is_open(b, v, at);
  if (b->is_relu[v->in[0]])
    return relax_has_slope(b->lo[v->in[0]][at], b->hi[v->in[0]][at]);
  bool choice = bounds_is_open(b, v->in[0], t, i);
  if (v->kind == NODE_MUL) choice = choice && bounds_is_open(b, v->in[1], t, i);
  return choice;
}

void bounds_count(const Bounds *b, long *active, long *inactive, long *unstable)
{
  *active = *inactive = *unstable = 0;
  for (int k = 0; k < b->net->n_nodes; k++) {
    if (!b->is_relu[k]) continue;
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
