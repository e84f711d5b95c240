/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/signs.h"

#include <math.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/certificate.h"
#include "specs/check/equations.h"

#define MOST_DEPTH 4000

typedef struct {
  int kid; /* 0: not split */
  int node, factor, element;
  double point;
  int parent, depth, index; /* index: case of its tree */
  int first, last;          /* events or -1 */
} TreeNode;

typedef struct {
  int type;
  int from;                /* first node of a pass */
  int node, element, side; /* of a sign that equations decide */
  Multipliers m;
  int next;
} Event;

typedef struct {
  Work *w;
  int *list, n_list;
  TreeNode *tree;
  int n;
  Event *event;
  int n_events, events_room;
  uint8_t **kept;
  size_t *kept_size;
  int n_kept;
  int *path;  /* tree nodes from the root to where the walk is, int path[depth + 1] */
  State *own; /* states of nodes on the way */
  int *own_depth; /* and their depths */
  int n_own;
  Closing *closing; /* closings that wait in the batch, over the top state */
  int *waiting;     /* their tree nodes */
  bool waiting_none;
  Equations *equations; /* made when first needed */
} Search;

static void free_search(Search *s)
{
  equations_free(s->equations);
  for (int k = 0; k < s->n_own; k++)
    plan_state_free(&s->own[k]);
  for (int k = 0; k < s->n_kept; k++)
    mem_free(s->kept[k]);
  void *const blocks[] = {s->list, s->tree, s->event,   s->kept,    s->kept_size,
                          s->path, s->own,  s->closing, s->waiting, s->own_depth};
  for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++)
    mem_free(blocks[k]);
}

/* ---- reading ------------------------------------------------------------- */

static Status read_split(Search *s, Cursor *c, int t, Err *err)
{
  const Net *const net = s->w->plan->net;
  TreeNode *const node = &s->tree[t];
  node->kid = block_n(c);
  if (!node->kid && !c->bad) return STATUS_OK;
  node->node = block_n(c);
  node->factor = block_n(c);
  node->element = block_n(c);
  const int flag = block_u8(c);
  node->point = flag ? block_f64(c) : 0;
  if (c->bad || flag > 1 || !isfinite(node->point))
    return status_fail(err, STATUS_DATA, "tree node %d: its split is malformed", t);
  if (node->kid <= t || node->kid < s->n_list || node->kid >= s->n - 1)
    return status_fail(err, STATUS_DATA, "tree node %d: kid %d is out of range", t,
                       node->kid);
  if (node->node >= net->n_nodes || !net_is_nonlinear(&net->nodes[node->node]) ||
      node->factor >= net->nodes[node->node].n_in ||
      node->element >= net->nodes[node->node].size)
    return status_fail(err, STATUS_DATA,
                       "tree node %d: no input %d of element %d of node %d", t,
                       node->factor, node->element, node->node);
  if (node->depth >= MOST_DEPTH)
    return status_fail(err, STATUS_DATA, "a tree deeper than %d", MOST_DEPTH);
  for (int k = node->kid; k < node->kid + 2; k++) {
    if (s->tree[k].parent >= 0)
      return status_fail(err, STATUS_DATA, "tree node %d has two parents", k);
    s->tree[k].parent = t;
    s->tree[k].depth = node->depth + 1;
    s->tree[k].index = node->index;
  }
  return STATUS_OK;
}

static Status read_tree(Search *s, Cursor c, Err *err)
{
  s->n = block_n(&c);
  if (c.bad || s->n < s->n_list || s->n > c.end - c.at)
    return status_fail(err, STATUS_DATA, "%d trees of %d nodes", s->n_list, s->n);
  s->tree = mem_array((size_t)s->n, sizeof *s->tree);
  for (int t = 0; t < s->n; t++)
    s->tree[t] = (TreeNode){.parent = -1, .first = -1, .last = -1};
  for (int t = 0; t < s->n_list; t++)
    s->tree[t].index = s->list[t];
  for (int t = 0; t < s->n; t++) {
    if (t >= s->n_list && s->tree[t].parent < 0)
      return status_fail(err, STATUS_DATA, "tree node %d has no parent", t);
    const Status rc = read_split(s, &c, t, err);
    if (rc) return rc;
  }
  if (c.at != c.end) return status_fail(err, STATUS_DATA, "block b is too long");
  return STATUS_OK;
}

static Status read_sign(const Search *s, Cursor *c, int t, Event *e, Err *err)
{
  const Net *const net = s->w->plan->net;
  e->node = block_below(c, net->n_nodes);
  const Node *const node = &net->nodes[e->node];
  const bool relu = node->kind == NODE_ACT && node->act == ACT_RELU;
  e->element = block_below(c, node->size);
  const int flag = block_u8(c);
  e->side = flag ? 1 : -1;
  if (!c->bad && relu && flag <= 1) return STATUS_OK;
  return status_fail(err, STATUS_DATA, "tree node %d: a sign of no ReLU", t);
}

static Status read_event(Search *s, Cursor *c, Err *err)
{
  const int t = block_below(c, s->n);
  Event e = {.type = block_u8(c), .next = -1};
  if (c->bad) return status_fail(err, STATUS_DATA, "an event of no tree node");
  if (e.type == CERTIFICATE_EVENT_PASS) {
    e.from = block_below(c, s->w->plan->n_nodes);
    if (c->bad)
      return status_fail(err, STATUS_DATA, "tree node %d: a pass from no node", t);
  } else if (e.type == CERTIFICATE_EVENT_CLOSE || e.type == CERTIFICATE_EVENT_NARROW) {
    const Status rc = advice_multipliers(c, s->w->plan->net, s->w->layout,
                                         work_n_rows(s->w, s->tree[t].index),
                                         s->tree[t].depth, &e.m, err);
    if (rc) return rc;
  } else if (e.type == CERTIFICATE_EVENT_SIGN) {
    const Status rc = read_sign(s, c, t, &e, err);
    if (rc) return rc;
  } else if (e.type != CERTIFICATE_EVENT_EMPTY &&
             e.type != CERTIFICATE_EVENT_EQUATIONS) {
    return status_fail(err, STATUS_DATA, "tree node %d: unknown event %d", t, e.type);
  }
  if (s->n_events == s->events_room) {
    s->events_room = s->events_room ? 2 * s->events_room : 64;
    s->event = mem_grow(s->event, (size_t)s->events_room, sizeof *s->event);
  }
  s->event[s->n_events] = e;
  if (s->tree[t].last < 0)
    s->tree[t].first = s->n_events;
  else
    s->event[s->tree[t].last].next = s->n_events;
  s->tree[t].last = s->n_events++;
  return STATUS_OK;
}

/* How many betas an event has is known only with the tree, which comes last. */
static Status read_search(Search *s, Block *block, Err *err)
{
  Cursor c = block_cursor(block);
  Status rc = work_cases(s->w, &c, &s->list, &s->n_list, err);
  if (rc) return rc;
  if (c.at != c.end) return status_fail(err, STATUS_DATA, "block A is too long");
  for (;;) {
    rc = block_next(block, err);
    if (rc) return rc;
    if (block->tag == CERTIFICATE_SIGN_TREE) break;
    if (block->tag != CERTIFICATE_SIGN_EVENT)
      return status_fail(err, STATUS_DATA, "a search by assumptions without its trees");
    const size_t n = (size_t)s->n_kept + 1;
    s->kept = mem_grow(s->kept, n, sizeof *s->kept);
    s->kept_size = mem_grow(s->kept_size, n, sizeof *s->kept_size);
    s->kept_size[s->n_kept] = block->size;
    s->kept[s->n_kept++] = block_take(block);
  }
  rc = read_tree(s, block_cursor(block), err);
  for (int k = 0; k < s->n_kept && !rc; k++) {
    c = (Cursor){.at = s->kept[k], .end = s->kept[k] + s->kept_size[k]};
    while (c.at < c.end && !rc)
      rc = read_event(s, &c, err);
  }
  return rc;
}

/* ---- walking ------------------------------------------------------------- */

static State *top_state(Search *s)
{
  return s->n_own ? &s->own[s->n_own - 1] : &s->w->state;
}

/* Bound all closings that wait. */
static Status flush(Search *s, Err *err)
{
  Bound *const b = s->w->pass->bound;
  const int n = b->n;
  if (!n) return STATUS_OK;
  double lower[LINEAR_MOST_ROWS];
  bound_enter(b, top_state(s));
  bound_run(b, top_state(s), s->w->plan->n_nodes - 1, s->waiting_none, lower);
  bound_leave(b);
  bound_begin(b);
  for (int r = 0; r < n; r++)
    if (!(lower[r] > 0))
      return work_not_closed("tree node", s->waiting[r], s->closing[r].index, lower[r],
                             err);
  return STATUS_OK;
}

/* The split that made the node at depth d of the way: its parent's, and on which side.
 */
static const TreeNode *split_above(const Search *s, int d, int *side)
{
  const TreeNode *const parent = &s->tree[s->path[d - 1]];
  *side = s->path[d] == parent->kid ? -1 : 1;
  return parent;
}

/* A row for multipliers m of tree node t, which is where the walk is. */
static void add_row(Search *s, int t, const Multipliers *m)
{
  Work *const w = s->w;
  Bound *const b = w->pass->bound;
  const State *const state = top_state(s);
  const int r = b->n;
  s->closing[r] = (Closing){.index = s->tree[t].index, .m = *m};
  s->waiting[r] = t;
  work_add(w, state, &s->closing[r]);
  const bool list = (m->flags & CERTIFICATE_BETAS_MASK) == CERTIFICATE_BETAS_LIST;
  for (int d = 1; d <= s->tree[t].depth; d++) {
    int side;
    const TreeNode *const split = split_above(s, d, &side);
    bound_assume(b, state, split->node, split->factor, split->element, side,
                 split->point, list ? 0 : advice_beta(m, d - 1));
  }
}

static Status wait_close(Search *s, int t, const Multipliers *m, Err *err)
{
  const bool none = work_no_slopes(m);
  if (bound_full(s->w->pass->bound) || none != s->waiting_none) {
    const Status rc = flush(s, err);
    if (rc) return rc;
    s->waiting_none = none;
  }
  add_row(s, t, m);
  return STATUS_OK;
}

/* The state of tree node t alone, to be changed: a copy of the one above, with all
 * assumptions met.  Nothing waits. */
static State *own_state(Search *s, int t)
{
  const Plan *const plan = s->w->plan;
  const int depth = s->tree[t].depth;
  if (s->n_own && s->own_depth[s->n_own - 1] == depth) return top_state(s);
  const State *const above = top_state(s);
  State state = plan_state(plan);
  plan_state_copy(plan, &state, above);
  for (int d = 1; d <= depth; d++) {
    int side;
    const TreeNode *const split = split_above(s, d, &side);
    const int in = plan->net->nodes[split->node].in[split->factor];
    plan_meet(&state, plan->off[in] + (size_t)split->element,
              side < 0 ? -INFINITY : split->point, side < 0 ? split->point : INFINITY);
  }
  s->own_depth[s->n_own] = depth;
  s->own[s->n_own++] = state;
  return top_state(s);
}

/* Do the assumptions and the state above exclude each other? */
static bool is_empty(const Search *s, const State *state, int t)
{
  const Plan *const plan = s->w->plan;
  const int depth = s->tree[t].depth;
  int side;
  if (state->empty) return true;
  for (int d = 1; d <= depth; d++) {
    const TreeNode *const split = split_above(s, d, &side);
    const int in = plan->net->nodes[split->node].in[split->factor];
    const size_t e = plan->off[in] + (size_t)split->element;
    double lo = state->lo[e], hi = state->hi[e];
    for (int c = 1; c <= depth; c++) {
      const TreeNode *const other = split_above(s, c, &side);
      if (other->node != split->node || other->factor != split->factor ||
          other->element != split->element)
        continue;
      if (side < 0)
        hi = fmin(hi, other->point);
      else
        lo = fmax(lo, other->point);
    }
    if (lo > hi) return true;
  }
  return false;
}

/* The inputs that may violate the case, from a bound of this node. */
static Status narrow(Search *s, int t, const Multipliers *m, bool *closed, Err *err)
{
  Bound *const b = s->w->pass->bound;
  Status rc = flush(s, err);
  if (rc) return rc;
  State *const state = own_state(s, t);
  *closed = state->empty;
  if (*closed) return STATUS_OK;
  /* The bound is no sum over inputs there, and q^0 not what one of them adds. */
  if (s->w->plan->net->ball)
    return status_fail(err, STATUS_DATA,
                       "tree node %d: inputs in a ball cannot be narrowed by a bound",
                       t);
  double g;
  add_row(s, t, m);
  bound_enter(b, state);
  bound_run(b, state, s->w->plan->n_nodes - 1, work_no_slopes(m), &g);
  bound_leave(b);
  if (g > 0) *closed = true;
  for (int i = 0; i < s->w->plan->net->nodes[0].size && g > -INFINITY && g <= 0; i++) {
    const double q = bound_input(b, i, 0);
    const double room = round_up(-g / fabs(q)); /* infinite or NaN where q is 0 */
    if (q > 0)
      plan_meet(state, (size_t)i, -INFINITY, round_add_up(state->lo[i], room));
    else if (q < 0)
      plan_meet(state, (size_t)i, round_add_dn(state->hi[i], -room), INFINITY);
  }
  bound_begin(b);
  *closed |= state->empty;
  return STATUS_OK;
}

static Status pass_event(Search *s, int t, int from, bool *closed, Err *err)
{
  const Status rc = flush(s, err);
  if (rc) return rc;
  State *const state = own_state(s, t);
  pass_part(s->w->pass, state, from, &s->w->hints);
  *closed = state->empty;
  return STATUS_OK;
}

static void use_equations(Search *s, State *state, int t)
{
  const Query *query = s->w->query;
  const int index = s->tree[t].index, first = query->row[index];
  equations_run(s->equations, state, first, query->row[index + 1] - first);
}

/* The inputs that may violate the case, from all equations of the network. */
static Status equations_event(Search *s, int t, State **state, Err *err)
{
  const Status rc = flush(s, err);
  if (rc) return rc;
  *state = own_state(s, t);
  if (!s->equations) s->equations = equations_new(s->w->plan);
  if (!s->equations)
    return status_fail(err, STATUS_DATA, "tree node %d: too many terms for equations",
                       t);
  return STATUS_OK;
}

/* The other sign leaves no input, so this one holds for all that matter. */
static Status sign_event(Search *s, int t, const Event *e, State *state, Err *err)
{
  const Plan *const plan = s->w->plan;
  const size_t z = plan->off[plan->net->nodes[e->node].in[0]] + (size_t)e->element;
  State other = plan_state(plan);
  plan_state_copy(plan, &other, state);
  plan_meet(&other, z, e->side < 0 ? 0 : -INFINITY, e->side < 0 ? INFINITY : 0);
  if (!other.empty) use_equations(s, &other, t);
  const bool excluded = other.empty;
  plan_state_free(&other);
  if (!excluded)
    return status_fail(err, STATUS_DATA,
                       "case %d, tree node %d: equations do not decide element %d of "
                       "node %d",
                       s->tree[t].index, t, e->element, e->node);
  plan_meet(state, z, e->side < 0 ? -INFINITY : 0, e->side < 0 ? 0 : INFINITY);
  return STATUS_OK;
}

static Status by_equations(Search *s, int t, const Event *e, bool *closed, Err *err)
{
  State *state;
  Status rc = equations_event(s, t, &state, err);
  if (rc) return rc;
  if (e->type == CERTIFICATE_EVENT_SIGN && !state->empty)
    rc = sign_event(s, t, e, state, err);
  if (!rc && !state->empty) use_equations(s, state, t);
  *closed = state->empty;
  return rc;
}

/* The events of tree node t, until it is closed. */
static Status do_events(Search *s, int t, bool *closed, Err *err)
{
  for (int k = s->tree[t].first; k >= 0 && !*closed; k = s->event[k].next) {
    const Event *const e = &s->event[k];
    Status rc = STATUS_OK;
    if (e->type == CERTIFICATE_EVENT_PASS) {
      rc = pass_event(s, t, e->from, closed, err);
    } else if (e->type == CERTIFICATE_EVENT_NARROW) {
      rc = narrow(s, t, &e->m, closed, err);
    } else if (e->type == CERTIFICATE_EVENT_EQUATIONS ||
               e->type == CERTIFICATE_EVENT_SIGN) {
      rc = by_equations(s, t, e, closed, err);
    } else if (e->type == CERTIFICATE_EVENT_CLOSE) {
      *closed = true;
      rc = wait_close(s, t, &e->m, err);
    } else {
      *closed = is_empty(s, top_state(s), t);
      if (!*closed)
        rc = status_fail(err, STATUS_DATA, "case %d, tree node %d: it is not empty",
                         s->tree[t].index, t);
    }
    if (rc) return rc;
  }
  return STATUS_OK;
}

/* Go to tree node t, a root or below a node on the way. */
static Status move(Search *s, int t, Err *err)
{
  const int depth = s->tree[t].depth;
  if (s->n_own && s->own_depth[s->n_own - 1] >= depth) {
    const Status rc = flush(s, err);
    if (rc) return rc;
  }
  while (s->n_own && s->own_depth[s->n_own - 1] >= depth)
    plan_state_free(&s->own[--s->n_own]);
  s->path[depth] = t;
  return STATUS_OK;
}

static Status walk(Search *s, int root, int *stack, Err *err)
{
  int n = 0;
  stack[n++] = root;
  while (n) {
    const int t = stack[--n];
    const TreeNode *const node = &s->tree[t];
    bool closed = false;
    Status rc = move(s, t, err);
    if (!rc) rc = do_events(s, t, &closed, err);
    if (rc) return rc;
    if (!closed && !node->kid) closed = is_empty(s, top_state(s), t);
    if (closed) {
      s->w->leaves++;
      continue;
    }
    if (!node->kid)
      return status_fail(err, STATUS_DATA,
                         "case %d, tree node %d: neither split nor closed",
                         s->tree[t].index, t);
    stack[n++] = node->kid + 1;
    stack[n++] = node->kid;
  }
  return STATUS_OK;
}

static Status walk_all(Search *s, Err *err)
{
  size_t deepest = 0;
  for (int t = 0; t < s->n; t++)
    if ((size_t)s->tree[t].depth > deepest) deepest = (size_t)s->tree[t].depth;
  s->path = mem_zero(deepest + 1, sizeof *s->path);
  s->own = mem_zero(deepest + 1, sizeof *s->own);
  s->own_depth = mem_zero(deepest + 1, sizeof *s->own_depth);
  s->closing = mem_zero(LINEAR_MOST_ROWS, sizeof *s->closing);
  s->waiting = mem_zero(LINEAR_MOST_ROWS, sizeof *s->waiting);
  int *const stack = mem_array(deepest + 2, sizeof *stack);
  Status rc = STATUS_OK;
  bound_begin(s->w->pass->bound);
  for (int k = 0; k < s->n_list && !rc; k++)
    rc = walk(s, k, stack, err);
  if (!rc) rc = flush(s, err);
  bound_begin(s->w->pass->bound);
  mem_free(stack);
  return rc;
}

Status signs_check(Work *w, Block *block, Err *err)
{
  Search s = {.w = w};
  Status rc = read_search(&s, block, err);
  if (!rc) rc = walk_all(&s, err);
  for (int k = 0; !rc && k < s.n_list; k++)
    w->closed[s.list[k]] = true;
  free_search(&s);
  return rc;
}
