/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/plan.h -- what the checker needs to know of a network before it starts,
 * and states: an interval for every element of every node.
 *
 * Elements of all nodes are numbered through: element i of node k is off[k] + i.
 */
#ifndef SPECS_CHECK_PLAN_H
#define SPECS_CHECK_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "net/net.h"

typedef struct {
  const Net *net; /* borrowed */
  int n_nodes;
  size_t *off;  /* size_t off[n_nodes + 1] */
  size_t most;  /* elements of the largest node */
  int *reader;  /* int reader[n_nodes]: the function or product that reads it, or -1 */
  int *factor;  /* which of the reader's inputs it is */
  bool *exact;  /* interval propagation alone gives the exact range of each element */
  bool *chain;  /* behind more than one linear node that is not elementwise */
  double *bias; /* double bias[off[n_nodes]]: b or shift of each element, 0 without */
  /* double gamma[n_nodes].  A coefficient q^k_j is a sum of terms from all nodes that
   * read node k.  In any order of summation each term passes through at most one
   * product and n - 1 sums, so the sum is wrong by at most gamma[k] times the sum of
   * the terms' magnitudes (net/base/round.h); 0 where a single term is only copied. */
  double *gamma;
} Plan;

Plan *plan_new(const Net *net);
void plan_free(Plan *plan); /* NULL is fine */

/* The element that element i of node k is a copy of, through MAPs of MAPs: *node and
 * *element; *node = -1 for a constant 0. */
void plan_source(const Plan *plan, int k, int i, int *node, int *element);

/* Input p of MAP node k that its element i is read from, and the element of it;
 * returns -1 for a constant 0. */
int plan_map_input(const Plan *plan, int k, int i, int *element);

/* Is [l, u] open for the consumer of node k, which has one? */
static inline bool plan_open(const Plan *plan, int k, double l, double u)
{
  const Node *const node = &plan->net->nodes[plan->reader[k]];
  return node->kind == NODE_ACT && node->act == ACT_RELU ? l < 0 && u > 0 : l < u;
}

/* Intervals [lo[e], hi[e]] of all elements, proven: each of them holds the element's
 * value for every input that the state is about.  empty: two proven bounds exclude each
 * other, so there is no such input. */
typedef struct {
  double *lo, *hi; /* double lo[off[n_nodes]], hi: one block at lo */
  bool empty;
} State;

State plan_state(const Plan *plan); /* every interval (-inf, inf) */
void plan_state_copy(const Plan *plan, State *to, const State *from);
void plan_state_free(State *s);

/* Intersect one element with [lo, hi]; NaN is no bound. */
static inline void plan_meet(State *s, size_t e, double lo, double hi)
{
  if (lo > s->lo[e]) s->lo[e] = lo;
  if (hi < s->hi[e]) s->hi[e] = hi;
  if (s->lo[e] > s->hi[e]) s->empty = true;
}

#endif
