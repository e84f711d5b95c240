/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/pass.h"

#include <math.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/exact.h"
#include "specs/check/phi.h"

Pass *pass_new(const Plan *plan, const Layout *layout, bool exact)
{
  Pass *const pass = mem_zero(1, sizeof *pass);
  pass->plan = plan;
  pass->bound = bound_new(plan, layout, exact);
  pass->lower = mem_doubles(LINEAR_MOST_ROWS);
  pass->mark = mem_zero(plan->off[plan->n_nodes], sizeof *pass->mark);
  pass->element = mem_array(plan->most, sizeof *pass->element);
  pass->least = mem_doubles(plan->most);
  pass->most = mem_doubles(plan->most);
  return pass;
}

void pass_free(Pass *pass)
{
  if (!pass) return;
  bound_free(pass->bound);
  mem_free(pass->lower);
  mem_free(pass->mark);
  mem_free(pass->element);
  mem_free(pass->least);
  mem_free(pass->most);
  mem_free(pass);
}

/* ---- interval propagation ------------------------------------------------------- */

static void propagate_act(const Plan *plan, State *s, int k)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t in = plan->off[node->in[0]], out = plan->off[k];
  for (size_t i = 0; i < (size_t)node->size; i++) {
    double lo = fmax(s->lo[in + i], 0), hi = fmax(s->hi[in + i], 0);
    if (node->act != ACT_RELU)
      phi_range(node->act, s->lo[in + i], s->hi[in + i], &lo, &hi);
    plan_meet(s, out + i, lo, hi);
  }
}

static void propagate_product(const Plan *plan, State *s, int k)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t a = plan->off[node->in[0]], b = plan->off[node->in[1]];
  for (size_t i = 0; i < (size_t)node->size; i++) {
    const double x[2] = {s->lo[a + i], s->hi[a + i]};
    const double y[2] = {s->lo[b + i], s->hi[b + i]};
    double lo = INFINITY, hi = -INFINITY;
    bool finite = true;
    for (int c = 0; c < 4; c++) {
      lo = fmin(lo, round_mul_dn(x[c & 1], y[c >> 1]));
      hi = fmax(hi, round_mul_up(x[c & 1], y[c >> 1]));
      finite &= isfinite(x[c & 1] * y[c >> 1]);
    }
    if (finite) plan_meet(s, plan->off[k] + i, lo, hi);
  }
}

static void propagate_max(const Plan *plan, State *s, int k)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t a = plan->off[node->in[0]], b = plan->off[node->in[1]];
  for (size_t i = 0; i < (size_t)node->size; i++)
    plan_meet(s, plan->off[k] + i, fmax(s->lo[a + i], s->lo[b + i]),
              fmax(s->hi[a + i], s->hi[b + i]));
}

void pass_propagate(Pass *pass, State *s, int first, int last)
{
  const Plan *const plan = pass->plan;
  for (int k = first < 1 ? 1 : first; k <= last && !s->empty; k++) {
    const Node *const node = &plan->net->nodes[k];
    if (node->kind == NODE_ACT) {
      propagate_act(plan, s, k);
    } else if (node->kind == NODE_MUL) {
      propagate_product(plan, s, k);
    } else if (node->kind == NODE_MAX) {
      propagate_max(plan, s, k);
    } else {
      LinearRoom *const room = pass->bound->linear;
      if (pass->bound->exact)
        exact_forward(pass->bound->exact, k, s, room->lo, room->hi);
      else
        linear_forward(plan, room, k, s);
      for (size_t i = 0; i < (size_t)node->size; i++)
        plan_meet(s, plan->off[k] + i, room->lo[i], room->hi[i]);
    }
  }
}

/* ---- backward bounds ------------------------------------------------------------- */

/* Rows 2 j and 2 j + 1 are + and - of element j, in batches. */
static void flush(Pass *pass, const State *s, int start, bool none, int *done)
{
  Bound *const b = pass->bound;
  bound_run(b, s, start, none, pass->lower);
  for (int r = 0; r < b->n; r++, ++*done) {
    if (*done % 2)
      pass->most[*done / 2] = -pass->lower[r];
    else
      pass->least[*done / 2] = pass->lower[r];
  }
  bound_begin(b);
}

/* Bound the elements pass->element of node `start` and meet; hint[2 i + sign] of each
 * element or NULL. */
static void bound_elements(Pass *pass, State *s, int start, const uint8_t *(*hint)[2],
                           bool none)
{
  Bound *const b = pass->bound;
  int done = 0;
  bound_begin(b);
  for (int j = 0; j < pass->n; j++)
    for (int minus = 0; minus < 2; minus++) {
      const int e = pass->element[j];
      bound_add(b, (BoundRow){.element = e,
                              .sign = minus ? -1 : 1,
                              .slopes = hint ? hint[e][minus] : NULL});
      if (bound_full(b)) flush(pass, s, start, none, &done);
    }
  flush(pass, s, start, none, &done);
  for (int j = 0; j < pass->n; j++)
    plan_meet(s, pass->plan->off[start] + (size_t)pass->element[j], pass->least[j],
              pass->most[j]);
}

static void find_open(Pass *pass, const State *s, int k)
{
  const Plan *const plan = pass->plan;
  pass->n = 0;
  for (int i = 0; i < plan->net->nodes[k].size; i++) {
    const size_t e = plan->off[k] + (size_t)i;
    if (plan_open(plan, k, s->lo[e], s->hi[e])) pass->element[pass->n++] = i;
  }
}

/* Behind a chain also what is not open: the interval matters to what follows. */
static void find_wide(Pass *pass, const State *s, int k)
{
  const Plan *const plan = pass->plan;
  pass->n = 0;
  for (int i = 0; i < plan->net->nodes[k].size; i++) {
    const size_t e = plan->off[k] + (size_t)i;
    if (s->lo[e] < s->hi[e]) pass->element[pass->n++] = i;
  }
}

/* Node k is a MAP: bound what its open elements copy. */
static void bound_sources(Pass *pass, State *s, int k)
{
  const Plan *const plan = pass->plan;
  const int size = plan->net->nodes[k].size;
  const bool is_max = plan->net->nodes[plan->reader[k]].kind == NODE_MAX;
  int first = k, last = 0, j, e;
  for (int i = 0; i < size; i++) {
    const size_t at = plan->off[k] + (size_t)i;
    if (!plan_open(plan, k, s->lo[at], s->hi[at])) continue;
    plan_source(plan, k, i, &j, &e);
    if (j < 0 || plan->exact[j]) continue;
    if (is_max && !net_is_linear(&plan->net->nodes[j])) continue;
    pass->mark[plan->off[j] + (size_t)e] = 1;
    if (j < first) first = j;
    if (j > last) last = j;
  }
  for (j = first; j <= last; j++) {
    pass->n = 0;
    for (int i = 0; i < plan->net->nodes[j].size; i++) {
      uint8_t *const mark = &pass->mark[plan->off[j] + (size_t)i];
      if (*mark) pass->element[pass->n++] = i;
      *mark = 0;
    }
    if (!pass->n || s->empty) continue;
    if (plan->chain[j]) bound_elements(pass, s, j, NULL, true);
    if (!s->empty) bound_elements(pass, s, j, NULL, false);
  }
  for (int i = 0; i < size; i++) {
    plan_source(plan, k, i, &j, &e);
    if (j < 0) continue;
    const size_t from = plan->off[j] + (size_t)e;
    plan_meet(s, plan->off[k] + (size_t)i, s->lo[from], s->hi[from]);
  }
}

static bool has_hint(const Pass *pass, const Hints *hints, int k)
{
  if (!hints || !hints->any) return false;
  for (size_t e = pass->plan->off[k]; e < pass->plan->off[k + 1]; e++)
    if (hints->row[e][0] || hints->row[e][1]) return true;
  return false;
}

static void bound_node(Pass *pass, State *s, int k, const Hints *hints)
{
  const Plan *const plan = pass->plan;
  if (plan->exact[k]) return;
  const bool hinted = has_hint(pass, hints, k);
  if (!hinted && plan->net->nodes[k].kind == NODE_MAP) {
    bound_sources(pass, s, k);
    return;
  }
  if (plan->chain[k]) {
    find_wide(pass, s, k);
    bound_elements(pass, s, k, NULL, true);
  }
  if (s->empty) return;
  find_open(pass, s, k);
  bound_elements(pass, s, k, hinted ? hints->row + plan->off[k] : NULL, false);
}

void pass_run(Pass *pass, State *s, int first, const Hints *hints, bool top)
{
  const Plan *const plan = pass->plan;
  for (int k = first < 1 ? 1 : first; k < plan->n_nodes && !s->empty; k++) {
    pass_propagate(pass, s, k, k);
    if (top && net_is_linear(&plan->net->nodes[k])) bound_refresh(pass->bound, k, s);
    if (plan->reader[k] >= 0 && !s->empty) bound_node(pass, s, k, hints);
  }
}

void pass_part(Pass *pass, State *s, int first, const Hints *hints)
{
  bound_enter(pass->bound, NULL);
  pass_run(pass, s, first, hints, pass->plan->inexact);
  bound_leave(pass->bound);
}
