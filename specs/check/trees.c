/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/trees.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"

#define MOST_DEPTH 1000

/* Where a list for input `factor` of a nonlinear node begins. */
typedef struct {
  int node, factor, count;
  int in; /* the linear node that it is about */
  int n_slopes;
} Head;

static Status read_head(const Work *w, Cursor *c, Head *head, Head *last, Err *err)
{
  const Net *const net = w->plan->net;
  head->node = block_n(c);
  head->factor = block_n(c);
  head->count = block_n(c);
  if (c->bad || head->node >= net->n_nodes ||
      !net_is_nonlinear(&net->nodes[head->node]) ||
      head->factor >= net->nodes[head->node].n_in)
    return status_fail(err, STATUS_DATA, "a list of input %d of node %d", head->factor,
                       head->node);
  if (head->node < last->node ||
      (head->node == last->node && head->factor <= last->factor))
    return status_fail(err, STATUS_DATA, "lists do not ascend at node %d", head->node);
  head->in = net->nodes[head->node].in[head->factor];
  head->n_slopes = w->layout->before[head->node];
  if (head->count > 2 * (long long)net->nodes[head->in].size)
    return status_fail(err, STATUS_DATA, "a list of %d for node %d", head->count,
                       head->node);
  *last = *head;
  return STATUS_OK;
}

/* The next element of a list, and its sign: 0 for +, 1 for -. */
static Status read_element(const Work *w, const Head *head, Cursor *c, int *element,
                           int *minus, Err *err)
{
  const int step = block_n(c);
  *minus = block_u8(c);
  if (c->bad || *minus > 1 || step >= w->plan->net->nodes[head->in].size - *element)
    return status_fail(err, STATUS_DATA,
                       "elements of node %d do not ascend or end early", head->in);
  *element += step;
  return STATUS_OK;
}

/* ---- slopes ------------------------------------------------------------------------
 */

static Status read_slopes(Work *w, Block *block, Head *last, Err *err)
{
  Hints *const hints = &w->hints;
  Cursor c = block_cursor(block);
  hints->block =
      mem_grow(hints->block, (size_t)hints->n_blocks + 1, sizeof *hints->block);
  hints->block[hints->n_blocks++] = block_take(block);
  while (c.at < c.end) {
    Head head;
    Status rc = read_head(w, &c, &head, last, err);
    for (int j = 0, e = 0, minus; j < head.count && !rc; j++) {
      rc = read_element(w, &head, &c, &e, &minus, err);
      if (rc) break;
      const uint8_t **const row = hints->row[w->plan->off[head.in] + (size_t)e];
      if (row[minus])
        return status_fail(err, STATUS_DATA, "element %d of node %d is twice in a list",
                           e, head.in);
      /* Without a neuron before it a row has no bytes, but there is one. */
      row[minus] = block_skip(&c, (size_t)head.n_slopes, 1);
      if (!row[minus]) rc = status_fail(err, STATUS_DATA, "a slope row ends early");
    }
    if (rc) return rc;
  }
  return STATUS_OK;
}

Status trees_slopes(Work *w, Block *block, Err *err)
{
  Head last = {.node = -1};
  Status rc = STATUS_OK;
  advice_hints_clear(&w->hints);
  w->hints.row = mem_zero(w->plan->off[w->plan->n_nodes], sizeof *w->hints.row);
  w->hints.any = true;
  while (!rc && block->tag == CERTIFICATE_SLOPES) {
    rc = read_slopes(w, block, &last, err);
    if (!rc) rc = block_next(block, err);
  }
  if (!rc) pass_run(w->pass, &w->state, 1, &w->hints, true);
  return rc;
}

/* ---- refinement --------------------------------------------------------------------
 */

typedef struct {
  int node, element;
  int side; /* -1, then 1 */
} Split;

typedef struct {
  Work *w;
  int next; /* the first node not yet propagated */
  Head last;
  Split split[MOST_DEPTH];
  int depth;
  double *least[2]; /* double least[sign][elements of the largest node]: of + and - */
  int target[LINEAR_MOST_ROWS]; /* 2 element + sign of each row that waits */
} Refine;

static void flush(Refine *f, const Head *head)
{
  Work *const w = f->w;
  Bound *const b = w->pass->bound;
  const int n = b->n;
  bound_run(b, &w->state, head->in, false, w->pass->lower);
  for (int r = 0; r < n; r++) {
    double *const least = &f->least[f->target[r] % 2][f->target[r] / 2];
    if (!(w->pass->lower[r] >= *least)) *least = w->pass->lower[r];
  }
  bound_begin(b);
}

static Status read_leaf(Refine *f, const Head *head, Cursor *c, int e, int minus,
                        Err *err)
{
  Work *const w = f->w;
  Bound *const b = w->pass->bound;
  const uint8_t *const slopes = block_skip(c, (size_t)head->n_slopes, 1);
  if (bound_full(b)) flush(f, head);
  f->target[b->n] = 2 * e + minus;
  bound_add(b, (BoundRow){.element = e, .sign = minus ? -1 : 1, .slopes = slopes});
  for (int d = 0; d < f->depth; d++)
    bound_assume(b, &w->state, f->split[d].node, 0, f->split[d].element,
                 f->split[d].side, 0, block_f32(c));
  return c->bad ? status_fail(err, STATUS_DATA, "a leaf ends early") : STATUS_OK;
}

static Status read_split(Refine *f, Cursor *c, Err *err)
{
  const Net *const net = f->w->plan->net;
  const int k = block_n(c), e = block_n(c);
  if (c->bad || k >= net->n_nodes || net->nodes[k].kind != NODE_ACT ||
      net->nodes[k].act != ACT_RELU || e >= net->nodes[k].size)
    return status_fail(err, STATUS_DATA, "a split at element %d of node %d: no ReLU", e,
                       k);
  if (f->depth == MOST_DEPTH)
    return status_fail(err, STATUS_DATA, "a tree deeper than %d", MOST_DEPTH);
  f->split[f->depth++] = (Split){k, e, -1};
  return STATUS_OK;
}

/* One tree, in prefix order. */
static Status read_tree(Refine *f, const Head *head, Cursor *c, int e, int minus,
                        Err *err)
{
  f->depth = 0;
  for (;;) {
    const int kind = block_u8(c);
    if (c->bad || kind > 1)
      return status_fail(err, STATUS_DATA, "a tree of node %d ends early", head->node);
    const Status rc =
        kind ? read_split(f, c, err) : read_leaf(f, head, c, e, minus, err);
    if (rc) return rc;
    if (kind) continue;
    while (f->depth && f->split[f->depth - 1].side > 0)
      f->depth--;
    if (!f->depth) return STATUS_OK;
    f->split[f->depth - 1].side = 1;
  }
}

static Status read_list(Refine *f, const Head *head, Cursor *c, Err *err)
{
  Work *const w = f->w;
  const int size = w->plan->net->nodes[head->in].size;
  Status rc = STATUS_OK;
  for (int i = 0; i < size; i++)
    f->least[0][i] = f->least[1][i] = INFINITY;
  bound_begin(w->pass->bound);
  for (int j = 0, e = 0, minus; j < head->count && !rc; j++) {
    rc = read_element(w, head, c, &e, &minus, err);
    if (!rc) rc = read_tree(f, head, c, e, minus, err);
  }
  flush(f, head);
  /* INFINITY: not in the list, or without a leaf that has an input. */
  for (int i = 0; i < size && !rc; i++) {
    const double lo = f->least[0][i], hi = -f->least[1][i];
    plan_meet(&w->state, w->plan->off[head->in] + (size_t)i,
              lo < INFINITY ? lo : -INFINITY, hi > -INFINITY ? hi : INFINITY);
  }
  return rc;
}

/* Interval propagation and error weights up to node k. */
static void propagate(Refine *f, int k)
{
  Work *const w = f->w;
  for (; f->next <= k; f->next++) {
    pass_propagate(w->pass, &w->state, f->next, f->next);
    if (net_is_linear(&w->plan->net->nodes[f->next]))
      bound_refresh(w->pass->bound, f->next, &w->state);
  }
}

static Status read_block(Refine *f, Cursor c, Err *err)
{
  while (c.at < c.end) {
    Head head;
    Status rc = read_head(f->w, &c, &head, &f->last, err);
    if (rc) return rc;
    propagate(f, head.in);
    if (f->w->state.empty) return STATUS_OK;
    rc = read_list(f, &head, &c, err);
    if (rc) return rc;
  }
  return STATUS_OK;
}

Status trees_refine(Work *w, Block *block, Err *err)
{
  Refine *const f = mem_zero(1, sizeof *f);
  *f = (Refine){.w = w, .next = 1, .last = {.node = -1}};
  f->least[0] = mem_doubles(w->plan->most);
  f->least[1] = mem_doubles(w->plan->most);
  Status rc = STATUS_OK;
  while (!rc && block->tag == CERTIFICATE_REFINE && !w->state.empty) {
    rc = read_block(f, block_cursor(block), err);
    if (!rc) rc = block_next(block, err);
  }
  if (!rc) propagate(f, w->plan->n_nodes - 1);
  mem_free(f->least[0]);
  mem_free(f->least[1]);
  mem_free(f);
  return rc;
}
