/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/equations.h"

#include <math.h>

#include "net/base/mem.h"
#include "net/base/round.h"

#define MOST_TERMS ((size_t)1 << 22)
/* What moves by less of its width goes no further; visits per equation and run. */
#define LEAST_STEP  1e-6
#define MOST_VISITS 64

/* Elements of all nodes are variables, numbered as in a Plan. */
struct Equations {
  const Plan *plan;
  size_t n;                  /* variables */
  size_t *from;              /* size_t from[n + 1]: terms of the equation of each */
  size_t *term;              /* size_t term[from[n]]: the variable, */
  double *weight;            /* double weight[from[n]]: and its weight */
  size_t *user_from, *users; /* equations that read each variable */
  size_t *queue;             /* size_t queue[n]: a ring of equations to look at */
  size_t head, length;
  bool *queued;
  /* one equation */
  double *least, *most; /* of each term */
};

/* ---- set-up ------------------------------------------------------------------ */

static void add_term(Equations *e, size_t v, size_t x, double w)
{
  if (w == 0) return;
  const size_t at = e->from[v + 1]++;
  if (e->term) {
    e->term[at] = x;
    e->weight[at] = w;
  }
}

static void conv_terms(Equations *e, size_t v, const Node *node, size_t in, int i)
{
  const Conv *c = &node->conv;
  const int plane = c->h_out * c->w_out, co = i / plane, per = c->c_in / c->groups;
  const int y0 = i % plane / c->w_out * c->sh - c->pt;
  const int x0 = i % c->w_out * c->sw - c->pl;
  const int base = co / (c->c_out / c->groups) * per;
  const double *w = node->W + (size_t)co * (size_t)per * (size_t)(c->kh * c->kw);
  for (int ci = 0; ci < per; ci++)
    for (int ky = 0; ky < c->kh; ky++)
      for (int kx = 0; kx < c->kw; kx++, w++) {
        const int y = y0 + ky * c->dh, x = x0 + kx * c->dw;
        if (y < 0 || y >= c->h_in || x < 0 || x >= c->w_in) continue;
        add_term(e, v, in + (size_t)(((base + ci) * c->h_in + y) * c->w_in + x), *w);
      }
}

static void node_terms(Equations *e, int k, int i)
{
  const Node *node = &e->plan->net->nodes[k];
  const size_t v = e->plan->off[k] + (size_t)i;
  const size_t in = node->n_in ? e->plan->off[node->in[0]] : 0;
  int element, p;
  switch (node->kind) {
  case NODE_DENSE:
    for (int j = 0; j < node->cols; j++)
      add_term(e, v, in + (size_t)(i / node->rows) * (size_t)node->cols + (size_t)j,
               node->W[(size_t)(i % node->rows) * (size_t)node->cols + (size_t)j]);
    return;
  case NODE_CONV:
    conv_terms(e, v, node, in, i);
    return;
  case NODE_SCALE:
    add_term(e, v, in + (size_t)i, node->scale ? node->scale[i] : 1);
    return;
  case NODE_ADD:
    for (p = 0; p < node->n_in; p++)
      add_term(e, v, e->plan->off[node->in[p]] + (size_t)i, node->coef[p]);
    return;
  case NODE_MAP:
    p = plan_map_input(e->plan, k, i, &element);
    if (p >= 0) add_term(e, v, e->plan->off[node->in[p]] + (size_t)element, 1);
    return;
  case NODE_ACT:
    add_term(e, v, in + (size_t)i, 1);
    return;
  case NODE_INPUT:
  case NODE_MUL:
  case NODE_MAX:
    return;
  }
}

/* Terms of all equations; only counted while there is no room for them. */
static void list_terms(Equations *e)
{
  const Plan *plan = e->plan;
  e->from[0] = 0;
  for (int k = 0; k < plan->n_nodes; k++)
    for (int i = 0; i < plan->net->nodes[k].size; i++) {
      const size_t v = plan->off[k] + (size_t)i;
      e->from[v + 1] = e->from[v];
      if (e->from[v] <= MOST_TERMS) node_terms(e, k, i);
    }
}

static void list_users(Equations *e)
{
  e->user_from = mem_zero(e->n + 2, sizeof *e->user_from);
  e->users = mem_array(e->from[e->n] + 1, sizeof *e->users);
  for (size_t t = 0; t < e->from[e->n]; t++)
    e->user_from[e->term[t] + 2]++;
  for (size_t v = 2; v < e->n + 2; v++)
    e->user_from[v] += e->user_from[v - 1];
  for (size_t v = 0; v < e->n; v++)
    for (size_t t = e->from[v]; t < e->from[v + 1]; t++)
      e->users[e->user_from[e->term[t] + 1]++] = v;
}

Equations *equations_new(const Plan *plan)
{
  Equations *e = mem_zero(1, sizeof *e);
  size_t longest = 1;
  e->plan = plan;
  e->n = plan->off[plan->n_nodes];
  e->from = mem_array(e->n + 1, sizeof *e->from);
  list_terms(e);
  if (e->from[e->n] > MOST_TERMS) {
    equations_free(e);
    return NULL;
  }
  e->term = mem_array(e->from[e->n] + 1, sizeof *e->term);
  e->weight = mem_doubles(e->from[e->n] + 1);
  list_terms(e);
  list_users(e);
  for (size_t v = 0; v < e->n; v++)
    if (e->from[v + 1] - e->from[v] > longest) longest = e->from[v + 1] - e->from[v];
  e->least = mem_doubles(longest);
  e->most = mem_doubles(longest);
  e->queue = mem_array(e->n + 1, sizeof *e->queue);
  e->queued = mem_zero(e->n + 1, sizeof *e->queued);
  return e;
}

void equations_free(Equations *e)
{
  if (!e) return;
  mem_free(e->from);
  mem_free(e->term);
  mem_free(e->weight);
  mem_free(e->user_from);
  mem_free(e->users);
  mem_free(e->queue);
  mem_free(e->queued);
  mem_free(e->least);
  mem_free(e->most);
  mem_free(e);
}

/* ---- narrowing ----------------------------------------------------------------- */

static void enqueue(Equations *e, size_t v)
{
  if (e->queued[v]) return;
  e->queued[v] = true;
  e->queue[(e->head + e->length++) % e->n] = v;
}

/* x_v is in [lo, hi] too. */
static void narrow(Equations *e, State *s, size_t v, double lo, double hi)
{
  const double l = s->lo[v], u = s->hi[v];
  if (!(lo > l) && !(hi < u)) return;
  plan_meet(s, v, lo, hi);
  const double moved = fmax(s->lo[v] - l, u - s->hi[v]);
  const bool decides = (l < 0 && s->lo[v] >= 0) || (u > 0 && s->hi[v] <= 0);
  if (!decides && !(moved > LEAST_STEP * (u - l))) return;
  enqueue(e, v);
  for (size_t t = e->user_from[v]; t < e->user_from[v + 1]; t++)
    enqueue(e, e->users[t]);
}

static void visit_relu(Equations *e, State *s, size_t y, size_t x)
{
  narrow(e, s, y, fmax(s->lo[x], 0), fmax(s->hi[x], 0));
  narrow(e, s, x, s->lo[y] > 0 ? s->lo[y] : -INFINITY, s->hi[y]);
}

/* The range of w x for w within rel of what is stored. */
static void range_of_term(const State *s, size_t x, double w, double rel, double *least,
                          double *most)
{
  const double a = s->lo[x], b = s->hi[x];
  *least = w > 0 ? round_mul_dn(w, a) : round_mul_dn(w, b);
  *most = w > 0 ? round_mul_up(w, b) : round_mul_up(w, a);
  if (rel == 0) return;
  const double off = round_mul_up(round_mul_up(rel, fabs(w)), fmax(fabs(a), fabs(b)));
  *least = round_add_dn(*least, -off);
  *most = round_add_up(*most, off);
}

/* w x is in [lo, hi]. */
static void solve_term(Equations *e, State *s, size_t x, double w, double lo, double hi)
{
  const double a = round_dn(w > 0 ? lo / w : hi / w),
               b = round_up(w > 0 ? hi / w : lo / w);
  narrow(e, s, x, isfinite(a) ? a : -INFINITY, isfinite(b) ? b : INFINITY);
}

static void visit_linear(Equations *e, State *s, const Node *node, size_t v, int i)
{
  const size_t from = e->from[v], n = e->from[v + 1] - from;
  const double b = e->plan->bias[v], *b_err = node->b_err;
  const int at = node->kind == NODE_CONV    ? i / (node->conv.h_out * node->conv.w_out)
                 : node->kind == NODE_DENSE ? i % node->rows
                                            : i;
  double least = b_err ? round_add_dn(b, -b_err[at]) : b;
  double most = b_err ? round_add_up(b, b_err[at]) : b;
  for (size_t t = 0; t < n; t++) {
    range_of_term(s, e->term[from + t], e->weight[from + t], node->w_rel, &e->least[t],
                  &e->most[t]);
    least = round_add_dn(least, e->least[t]);
    most = round_add_up(most, e->most[t]);
  }
  narrow(e, s, v, isfinite(least) ? least : -INFINITY,
         isfinite(most) ? most : INFINITY);
  if (node->w_rel != 0) return;
  const double lo = s->lo[v], hi = s->hi[v];
  for (size_t t = 0; t < n && !s->empty; t++) {
    const double below = round_add_up(hi, -round_add_dn(least, -e->least[t]));
    const double above = round_add_dn(lo, -round_add_up(most, -e->most[t]));
    solve_term(e, s, e->term[from + t], e->weight[from + t],
               isfinite(above) ? above : -INFINITY, isfinite(below) ? below : INFINITY);
  }
}

static void visit(Equations *e, State *s, size_t v)
{
  const Plan *plan = e->plan;
  int k = 0, end = plan->n_nodes;
  while (end - k > 1) { /* off[k] <= v < off[end] */
    const int mid = k + (end - k) / 2;
    if (plan->off[mid] <= v)
      k = mid;
    else
      end = mid;
  }
  const Node *node = &plan->net->nodes[k];
  if (node->kind == NODE_ACT && node->act == ACT_RELU)
    visit_relu(e, s, v, e->term[e->from[v]]);
  else if (net_is_linear(node))
    visit_linear(e, s, node, v, (int)(v - plan->off[k]));
}

void equations_run(Equations *e, State *s, int first, int count)
{
  const size_t margin = e->plan->off[e->plan->n_nodes - 1];
  size_t left = MOST_VISITS * e->n;
  for (size_t v = margin; v-- > 0;)
    enqueue(e, v);
  for (int j = 0; j < count; j++) {
    narrow(e, s, margin + (size_t)(first + j), -INFINITY, 0);
    enqueue(e, margin + (size_t)(first + j));
  }
  while (e->length) {
    const size_t v = e->queue[e->head];
    e->head = (e->head + 1) % e->n;
    e->length--;
    e->queued[v] = false;
    if (!s->empty && left) {
      left--;
      visit(e, s, v);
    }
  }
}
