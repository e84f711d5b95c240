/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/regions.h"

#include <math.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"

#define MOST_DEPTH 4000

typedef struct {
  int kid; /* 0: not cut */
  int axis;
  double mid;
  int parent, depth;
  int first; /* event or -1 */
} Region;

typedef struct {
  Closing closing;
  int region, next;
} Event;

/* A region on the way from the root to where the walk is. */
typedef struct {
  int region;
  State state; /* lo = NULL: not made */
} Step;

typedef struct {
  Work *w;
  int *list, n_list; /* cases */
  int *position;     /* int position[n_cases]: in list, or -1 */
  int *closed_at; /* int closed_at[n_list]: depth of the region that closed it, or -1 */
  Region *region;
  int n;
  Event *event;
  int n_events, events_room;
  uint8_t **kept; /* blocks that events lie in */
  int n_kept;
  Step *step;
  int depth; /* steps 0 .. depth are valid */
  State trial;
  Closing *closing;
  int n_closing;
} Search;

static void free_search(Search *s)
{
  for (int d = 1; d <= s->depth; d++)
    if (s->step[d].state.lo) plan_state_free(&s->step[d].state);
  for (int k = 0; k < s->n_kept; k++)
    mem_free(s->kept[k]);
  plan_state_free(&s->trial);
  mem_free(s->list);
  mem_free(s->position);
  mem_free(s->closed_at);
  mem_free(s->region);
  mem_free(s->event);
  mem_free(s->kept);
  mem_free(s->step);
  mem_free(s->closing);
}

/* ---- reading -----------------------------------------------------------------------
 */

static Status read_cases(Search *s, Cursor c, Err *err)
{
  const int n_cases = s->w->query->n_cases;
  const Status rc = work_cases(s->w, &c, &s->list, &s->n_list, err);
  if (rc) return rc;
  if (c.at != c.end) return status_fail(err, STATUS_DATA, "block X is too long");
  s->position = mem_array((size_t)n_cases, sizeof *s->position);
  s->closed_at = mem_array((size_t)s->n_list, sizeof *s->closed_at);
  for (int k = 0; k < n_cases; k++)
    s->position[k] = -1;
  for (int k = 0; k < s->n_list; k++) {
    s->position[s->list[k]] = k;
    s->closed_at[k] = -1;
  }
  return STATUS_OK;
}

static Status read_events(Search *s, Block *block, Err *err)
{
  Cursor c = block_cursor(block);
  while (c.at < c.end) {
    if (s->n_events == s->events_room) {
      s->events_room = s->events_room ? 2 * s->events_room : 64;
      s->event = mem_grow(s->event, (size_t)s->events_room, sizeof *s->event);
    }
    Event *const e = &s->event[s->n_events];
    *e = (Event){.region = block_n(&c), .next = -1};
    e->closing.index = block_below(&c, s->w->query->n_cases);
    if (c.bad || s->position[e->closing.index] < 0)
      return status_fail(err, STATUS_DATA, "an event of a case that is not searched");
    const Status rc =
        advice_multipliers(&c, s->w->plan->net, s->w->layout,
                           work_n_rows(s->w, e->closing.index), 0, &e->closing.m, err);
    if (rc) return rc;
    s->n_events++;
  }
  s->kept = mem_grow(s->kept, (size_t)s->n_kept + 1, sizeof *s->kept);
  s->kept[s->n_kept++] = block_take(block);
  return STATUS_OK;
}

static Status read_region(Search *s, Cursor *c, int r, Err *err)
{
  Region *const region = &s->region[r];
  const int axis = block_n(c);
  if (c->bad || axis > s->w->query->box->n)
    return status_fail(err, STATUS_DATA, "region %d: no input to cut", r);
  if (!axis) return STATUS_OK;
  region->axis = axis - 1;
  region->mid = block_f64(c);
  region->kid = block_n(c);
  if (c->bad || region->kid <= r || region->kid >= s->n - 1)
    return status_fail(err, STATUS_DATA, "region %d: kid %d is out of range", r,
                       region->kid);
  if (!isfinite(region->mid))
    return status_fail(err, STATUS_DATA, "region %d: cut at a number not finite", r);
  for (int k = region->kid; k < region->kid + 2; k++) {
    if (s->region[k].parent >= 0)
      return status_fail(err, STATUS_DATA, "region %d has two parents", k);
    s->region[k].parent = r;
    s->region[k].depth = region->depth + 1;
  }
  return region->depth < MOST_DEPTH
             ? STATUS_OK
             : status_fail(err, STATUS_DATA, "regions are cut more than %d times",
                           MOST_DEPTH);
}

static Status read_regions(Search *s, Cursor c, Err *err)
{
  s->n = block_n(&c);
  if (c.bad || s->n < 1 || s->n > c.end - c.at)
    return status_fail(err, STATUS_DATA, "a tree of %d regions", s->n);
  s->region = mem_array((size_t)s->n, sizeof *s->region);
  for (int r = 0; r < s->n; r++)
    s->region[r] = (Region){.parent = -1, .first = -1};
  for (int r = 0; r < s->n; r++) {
    if (r && s->region[r].parent < 0)
      return status_fail(err, STATUS_DATA, "region %d has no parent", r);
    const Status rc = read_region(s, &c, r, err);
    if (rc) return rc;
  }
  if (c.at != c.end) return status_fail(err, STATUS_DATA, "block y is too long");
  for (int k = s->n_events - 1; k >= 0; k--) {
    Event *const e = &s->event[k];
    if (e->region >= s->n)
      return status_fail(err, STATUS_DATA, "an event of region %d of %d", e->region,
                         s->n);
    e->next = s->region[e->region].first;
    s->region[e->region].first = k;
  }
  return STATUS_OK;
}

static Status read_search(Search *s, Block *block, Err *err)
{
  Status rc = read_cases(s, block_cursor(block), err);
  while (!rc) {
    rc = block_next(block, err);
    if (rc) break;
    if (block->tag == CERTIFICATE_BOX_TREE)
      return read_regions(s, block_cursor(block), err);
    if (block->tag != CERTIFICATE_BOX_EVENT)
      return status_fail(err, STATUS_DATA, "a search by boxes without its tree");
    rc = read_events(s, block, err);
  }
  return rc;
}

/* ---- walking -----------------------------------------------------------------------
 */

/* The cut above the region at depth d. */
static void meet_cut(const Search *s, State *state, int d)
{
  const int r = s->step[d].region;
  const Region *const above = &s->region[s->region[r].parent];
  if (r == above->kid)
    plan_meet(state, (size_t)above->axis, -INFINITY, above->mid);
  else
    plan_meet(state, (size_t)above->axis, above->mid, INFINITY);
}

/* The state of the region where the walk is. */
static State *make_state(Search *s)
{
  int d = s->depth;
  while (!s->step[d].state.lo)
    d--;
  for (d++; d <= s->depth; d++) {
    s->step[d].state = plan_state(s->w->plan);
    State *const state = &s->step[d].state;
    plan_state_copy(s->w->plan, state, &s->step[d - 1].state);
    meet_cut(s, state, d);
    pass_part(s->w->pass, state, 1, NULL);
  }
  return &s->step[s->depth].state;
}

/* Which attempts there are: the events of the region, and where all is set the rows of
 * its open cases that have no event. */
static void collect(Search *s, bool all)
{
  const Region *const region = &s->region[s->step[s->depth].region];
  s->n_closing = 0;
  for (int e = region->first; e >= 0; e = s->event[e].next)
    if (s->closed_at[s->position[s->event[e].closing.index]] < 0) {
      s->closing[s->n_closing++] = s->event[e].closing;
      if (all) s->closed_at[s->position[s->event[e].closing.index]] = -2;
    }
  for (int k = 0; all && k < s->n_list; k++) {
    if (s->closed_at[k] == -1)
      for (int j = 0; j < work_n_rows(s->w, s->list[k]); j++)
        s->closing[s->n_closing++] =
            (Closing){.index = s->list[k], .m = advice_one_row(j)};
    if (s->closed_at[k] == -2) s->closed_at[k] = -1;
  }
}

/* Try what is collected over a state and keep what is not closed. */
static void attempt(Search *s, const State *state)
{
  int left = 0;
  bound_enter(s->w->pass->bound, state);
  work_bound(s->w, state, s->closing, s->n_closing);
  bound_leave(s->w->pass->bound);
  for (int k = 0; k < s->n_closing; k++)
    if (s->closing[k].bound > 0)
      s->closed_at[s->position[s->closing[k].index]] = s->depth;
  for (int k = 0; k < s->n_closing; k++)
    if (s->closed_at[s->position[s->closing[k].index]] < 0)
      s->closing[left++] = s->closing[k];
  s->n_closing = left;
}

/* Two proven bounds exclude each other: no input is left in the region.  A part of a
 * box may miss the ball; without one that cannot be. */
static Status nothing_left(Search *s, Err *err)
{
  const int r = s->step[s->depth].region;
  for (int k = 0; s->w->plan->net->ball && k < s->n_list; k++)
    if (s->closed_at[k] < 0) s->closed_at[k] = s->depth;
  if (s->w->plan->net->ball) return STATUS_OK;
  return status_fail(err, STATUS_DATA,
                     "region %d: two proven bounds exclude each other", r);
}

static Status check_events(Search *s, Err *err)
{
  const int r = s->step[s->depth].region;
  collect(s, false);
  if (!s->n_closing) return STATUS_OK;
  const State *const state = make_state(s);
  if (state->empty) return nothing_left(s, err);
  attempt(s, state);
  if (!s->n_closing) return STATUS_OK;
  return work_not_closed("region", r, s->closing[0].index, s->closing[0].bound, err);
}

static Status check_leaf(Search *s, Err *err)
{
  const int r = s->step[s->depth].region;
  collect(s, true);
  s->w->leaves++;
  if (!s->n_closing) return STATUS_OK;
  if (s->depth > 1 && !s->step[s->depth - 1].state.lo) {
    plan_state_copy(s->w->plan, &s->trial, &s->w->state);
    for (int d = 1; d <= s->depth; d++)
      meet_cut(s, &s->trial, d);
    pass_part(s->w->pass, &s->trial, 1, NULL);
    if (s->trial.empty) return nothing_left(s, err);
    attempt(s, &s->trial);
    if (!s->n_closing) return STATUS_OK;
  }
  const State *const state = make_state(s);
  if (state->empty) return nothing_left(s, err);
  attempt(s, state);
  if (!s->n_closing) return STATUS_OK;
  double best = -INFINITY;
  for (int k = 0; k < s->n_closing; k++)
    if (s->closing[k].index == s->closing[0].index)
      best = fmax(best, s->closing[k].bound);
  return work_not_closed("region", r, s->closing[0].index, best, err);
}

/* Go to region r, one below a region on the way or the root. */
static void move(Search *s, int r)
{
  const int d = s->region[r].depth;
  for (; s->depth >= d && s->depth > 0; s->depth--)
    if (s->step[s->depth].state.lo) plan_state_free(&s->step[s->depth].state);
  for (int k = 0; k < s->n_list; k++)
    if (s->closed_at[k] >= d) s->closed_at[k] = -1;
  s->depth = d;
  if (d) s->step[d] = (Step){.region = r};
}

/* lo < mid < hi on the inputs of the region where the walk is. */
static bool cuts_inside(const Search *s, const Region *region)
{
  double lo = s->w->query->box->lo[region->axis],
         hi = s->w->query->box->hi[region->axis];
  for (int d = 1; d <= s->depth; d++) {
    const int r = s->step[d].region;
    const Region *const above = &s->region[s->region[r].parent];
    if (above->axis != region->axis) continue;
    if (r == above->kid)
      hi = above->mid;
    else
      lo = above->mid;
  }
  return lo < region->mid && region->mid < hi;
}

static bool all_closed(const Search *s)
{
  for (int k = 0; k < s->n_list; k++)
    if (s->closed_at[k] < 0) return false;
  return true;
}

static Status walk(Search *s, int *stack, Err *err)
{
  int n = 0;
  stack[n++] = 0;
  while (n) {
    const int r = stack[--n];
    const Region *const region = &s->region[r];
    move(s, r);
    const Status rc = region->kid ? check_events(s, err) : check_leaf(s, err);
    if (rc) return rc;
    if (!region->kid) continue;
    if (!cuts_inside(s, region))
      return status_fail(err, STATUS_DATA, "region %d is cut outside of itself", r);
    if (all_closed(s)) continue;
    stack[n++] = region->kid + 1;
    stack[n++] = region->kid;
  }
  return STATUS_OK;
}

Status regions_check(Work *w, Block *block, Err *err)
{
  Search s = {.w = w};
  Status rc = read_search(&s, block, err);
  if (!rc) {
    int deepest = 0;
    for (int r = 0; r < s.n; r++)
      if (s.region[r].depth > deepest) deepest = s.region[r].depth;
    s.step = mem_zero((size_t)deepest + 1, sizeof *s.step);
    s.step[0] = (Step){.region = 0, .state = w->state};
    s.trial = plan_state(w->plan);
    const size_t rows = (size_t)w->query->row[w->query->n_cases];
    s.closing = mem_array((size_t)s.n_events + rows, sizeof *s.closing);
    int *const stack = mem_array((size_t)deepest + 2, sizeof *stack);
    rc = walk(&s, stack, err);
    mem_free(stack);
  }
  for (int k = 0; !rc && k < s.n_list; k++)
    w->closed[s.list[k]] = true;
  free_search(&s);
  return rc;
}
