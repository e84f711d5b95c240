/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/plan.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"

int plan_map_input(const Plan *plan, int k, int i, int *element)
{
  const Node *const node = &plan->net->nodes[k];
  int e = node->map[i];
  if (e < 0) return -1;
  for (int p = 0; p < node->n_in; p++) {
    const int size = plan->net->nodes[node->in[p]].size;
    if (e < size) {
      *element = e;
      return p;
    }
    e -= size;
  }
  return -1;
}

void plan_source(const Plan *plan, int k, int i, int *node, int *element)
{
  while (plan->net->nodes[k].kind == NODE_MAP) {
    const int p = plan_map_input(plan, k, i, &i);
    if (p < 0) {
      *node = -1;
      *element = 0;
      return;
    }
    k = plan->net->nodes[k].in[p];
  }
  *node = k;
  *element = i;
}

/* How often the most popular element of each input is copied: times[n_in]. */
static void map_multiplicity(const Plan *plan, int k, int *count, double *terms)
{
  const Node *const node = &plan->net->nodes[k];
  for (int p = 0; p < node->n_in; p++)
    memset(count + plan->off[node->in[p]], 0,
           (size_t)plan->net->nodes[node->in[p]].size * sizeof *count);
  int most = 0, e = 0;
  for (int i = 0; i < node->size; i++) {
    const int p = plan_map_input(plan, k, i, &e);
    if (p < 0) continue;
    const int n = ++count[plan->off[node->in[p]] + (size_t)e];
    if (n > most) most = n;
  }
  for (int p = 0; p < node->n_in; p++)
    terms[node->in[p]] += most;
}

/* terms[j]: at most so many terms make up a coefficient of node j; product[j]: some of
 * them are products. */
static void count_terms(const Plan *plan, double *terms, bool *product)
{
  int *const count = mem_zero(plan->off[plan->n_nodes], sizeof *count);
  for (int k = 1; k < plan->n_nodes; k++) {
    const Node *const node = &plan->net->nodes[k];
    if (node->kind == NODE_MAP) map_multiplicity(plan, k, count, terms);
    for (int p = 0; p < node->n_in && node->kind != NODE_MAP; p++) {
      double n = 1;
      if (node->kind == NODE_DENSE) n = node->rows;
      if (node->kind == NODE_CONV)
        n = (double)node->conv.c_out * node->conv.kh * node->conv.kw;
      terms[node->in[p]] += n;
      if (node->kind == NODE_DENSE || node->kind == NODE_CONV ||
          (node->kind == NODE_SCALE && node->scale))
        product[node->in[p]] = true;
    }
  }
  mem_free(count);
}

static void fill_gamma(Plan *plan)
{
  const size_t n = (size_t)plan->n_nodes;
  double *const terms = mem_doubles0(n);
  bool *const product = mem_zero(n, sizeof *product);
  count_terms(plan, terms, product);
  for (size_t k = 0; k < n; k++) {
    const double roundings = fmax(terms[k] - 1, 0) + (product[k] ? 1 : 0);
    plan->gamma[k] = roundings > 0 ? round_gamma(roundings) : 0;
  }
  mem_free(terms);
  mem_free(product);
}

static void fill_bias(Plan *plan, int k)
{
  const Node *const node = &plan->net->nodes[k];
  double *const bias = plan->bias + plan->off[k];
  const size_t plane =
      node->kind == NODE_CONV ? (size_t)node->conv.h_out * (size_t)node->conv.w_out : 1;
  for (size_t i = 0; i < (size_t)node->size; i++) {
    if (node->kind == NODE_DENSE && node->b) bias[i] = node->b[i % (size_t)node->rows];
    if (node->kind == NODE_CONV && node->b) bias[i] = node->b[i / plane];
    if (node->kind == NODE_SCALE && node->shift) bias[i] = node->shift[i];
  }
}

/* Do no two elements of a MAP copy the same one? */
static bool map_is_apart(const Node *node, int n_in)
{
  bool *const seen = mem_zero((size_t)n_in, sizeof *seen);
  bool apart = node->n_in == 1;
  for (int i = 0; i < node->size && apart; i++) {
    if (node->map[i] < 0) continue;
    apart = !seen[node->map[i]];
    seen[node->map[i]] = true;
  }
  mem_free(seen);
  return apart;
}

/* What is found on the way from the input on: apart, elements depend on one input each,
 * all different; mixing, linear nodes that are not elementwise since the last function.
 */
typedef struct {
  bool *apart;
  int *mixing;
} Way;

/* exact and chain */
static void fill_kind(Plan *plan, int k, Way *way)
{
  const Node *const node = &plan->net->nodes[k];
  const bool sums = node->kind == NODE_DENSE || node->kind == NODE_CONV;
  const bool copies = node->kind == NODE_MAP || node->kind == NODE_SCALE;
  bool exact = node->kind == NODE_INPUT || copies;
  for (int p = 0; p < node->n_in; p++)
    exact &= plan->exact[node->in[p]];
  plan->exact[k] = exact || (sums && way->apart[node->in[0]]);
  /* In a ball, inputs depend on each other. */
  way->apart[k] = (node->kind == NODE_INPUT && !plan->net->ball) ||
                  (copies && way->apart[node->in[0]]);
  if (node->kind == NODE_MAP && way->apart[k])
    way->apart[k] = map_is_apart(node, plan->net->nodes[node->in[0]].size);
  if (!net_is_linear(node)) return;
  for (int p = 0; p < node->n_in; p++)
    if (way->mixing[node->in[p]] > way->mixing[k])
      way->mixing[k] = way->mixing[node->in[p]];
  way->mixing[k] += sums || (node->kind == NODE_ADD && node->n_in > 1);
  plan->chain[k] = way->mixing[k] > 1;
}

Plan *plan_new(const Net *net)
{
  Plan *const plan = mem_zero(1, sizeof *plan);
  const size_t n = (size_t)net->n_nodes;
  *plan = (Plan){.net = net, .n_nodes = net->n_nodes};
  plan->off = mem_array(n + 1, sizeof *plan->off);
  plan->reader = mem_array(n, sizeof *plan->reader);
  plan->factor = mem_zero(n, sizeof *plan->factor);
  plan->exact = mem_zero(n, sizeof *plan->exact);
  plan->chain = mem_zero(n, sizeof *plan->chain);
  plan->gamma = mem_doubles0(n);
  Way way = {mem_zero(n, sizeof *way.apart), mem_zero(n, sizeof *way.mixing)};
  plan->off[0] = 0;
  for (size_t k = 0; k < n; k++) {
    const size_t size = (size_t)net->nodes[k].size;
    plan->off[k + 1] = plan->off[k] + size;
    plan->reader[k] = -1;
    if (size > plan->most) plan->most = size;
    if (net->nodes[k].w_rel > 0) plan->inexact = true;
  }
  plan->bias = mem_doubles0(plan->off[n]);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *const node = &net->nodes[k];
    for (int p = 0; p < node->n_in && net_is_nonlinear(node); p++) {
      plan->reader[node->in[p]] = k;
      plan->factor[node->in[p]] = p;
    }
    fill_kind(plan, k, &way);
    fill_bias(plan, k);
  }
  fill_gamma(plan);
  mem_free(way.apart);
  mem_free(way.mixing);
  return plan;
}

void plan_free(Plan *plan)
{
  if (!plan) return;
  mem_free(plan->off);
  mem_free(plan->reader);
  mem_free(plan->factor);
  mem_free(plan->exact);
  mem_free(plan->chain);
  mem_free(plan->gamma);
  mem_free(plan->bias);
  mem_free(plan);
}

State plan_state(const Plan *plan)
{
  const size_t n = plan->off[plan->n_nodes];
  State s = {.lo = mem_doubles(2 * n)};
  s.hi = s.lo + n;
  for (size_t e = 0; e < n; e++) {
    s.lo[e] = -INFINITY;
    s.hi[e] = INFINITY;
  }
  return s;
}

void plan_state_copy(const Plan *plan, State *to, const State *from)
{
  memcpy(to->lo, from->lo, 2 * plan->off[plan->n_nodes] * sizeof *to->lo);
  to->empty = from->empty;
}

void plan_state_free(State *s)
{
  mem_free(s->lo);
  *s = (State){0};
}
