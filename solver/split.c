/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/split.h"

#include <math.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/boxes.h"
#include "solver/progress.h"
#include "solver/proof_tree.h"

/* Points of a batch that are tried as witnesses, and how far the first step from there
 * goes, in half-widths of the box. */
#define PROBES      64
#define PROBE_REACH 0.2

typedef struct {
  Boxes b; /* the problem, and the parts of one batch */
  const Team *team;
  Result *result;
  Attack *attack;
  BoxesWorker **workers; /* one for each thread */
  Frontier frontier;
  long leaves;            /* parts closed */
  float *parent_interval; /* float parent_interval[kept] */
  double *closed;         /* double closed[n_open]: smallest bound over closed parts */
  double *points;         /* double points[2 batch][n]: probes, */
  double *margin;         /* double margin[2 batch]: their margins */
  int *probe_case;        /* int probe_case[2 batch]: and cases */
  Spill *spill;           /* of closed parts; NULL: no certificate is wanted */
  int n_probes; /* points of the batch before, to be tried beside the next one */
  bool hit;     /* one of them is a witness */
} Search;

int split_n_free(const Query *query)
{
  int n = 0;
  for (int i = 0; i < query->box->n; i++)
    n += query->box->lo[i] < query->box->hi[i];
  return n;
}

/* ---- set-up ---------------------------------------------------------------- */

static void search_init(Search *s)
{
  boxes_init(&s->b);
  const Boxes *b = &s->b;
  const size_t batch = (size_t)b->batch, n = (size_t)b->n;
  if (b->params->proof) s->spill = spill_new();
  s->workers = mem_zero((size_t)s->team->n, sizeof *s->workers);
  for (int i = 0; i < s->team->n; i++)
    s->workers[i] = boxes_worker_new(b, s->team->member[i]);
  s->frontier = frontier_new(b->n, b->kept);
  s->parent_interval = mem_array(b->kept + 1, sizeof *s->parent_interval);
  /* Nothing is known about the root: neither its neurons nor its cases. */
  const size_t ends = b->kept ? b->kept - (size_t)b->n_open : 0;
  for (size_t i = 0; i < b->kept; i++)
    s->parent_interval[i] = i < ends && i % 2 ? INFINITY : -INFINITY;
  s->points = mem_doubles(2 * batch * n);
  s->margin = mem_doubles(2 * batch);
  s->probe_case = mem_array(2 * batch, sizeof *s->probe_case);
  s->closed = mem_doubles((size_t)b->n_open + 1);
  for (int c = 0; c < b->n_open; c++)
    s->closed[c] = INFINITY;
}

static void search_free(Search *s)
{
  for (int i = 0; i < s->team->n; i++)
    boxes_worker_free(&s->b, s->workers[i]);
  mem_free(s->workers);
  frontier_free(&s->frontier);
  spill_free(s->spill);
  mem_free(s->parent_interval);
  mem_free(s->points);
  mem_free(s->margin);
  mem_free(s->probe_case);
  mem_free(s->closed);
  boxes_free(&s->b);
}

/* ---- the search ---------------------------------------------------------------- */

static void add_part(Search *s, const Region *parent, int id, const double *lo,
                     const double *hi)
{
  const size_t n = (size_t)s->b.n, p = (size_t)s->b.n_parts++;
  memcpy(s->b.lo + p * n, lo, n * sizeof *lo);
  memcpy(s->b.hi + p * n, hi, n * sizeof *hi);
  /* Valid as it stands, should its group not get a turn. */
  s->b.part[p] = (Region){.lower = parent->lower,
                          .depth = parent->depth + 1,
                          .axis = parent->axis,
                          .id = id};
  memcpy(s->b.corner + p * n, lo, n * sizeof *lo);
  memcpy(s->b.interval + p * s->b.kept, s->parent_interval, s->b.kept * sizeof(float));
  s->b.weakest[p] = s->b.open[0];
}

/* A coordinate that can still be cut, the wanted one first; -1 when none can. */
static int choose_axis(const Search *s, int wanted, const double *lo, const double *hi)
{
  double mid;
  if (frontier_middle(lo[wanted], hi[wanted], &mid)) return wanted;
  for (int i = 0; i < s->b.n; i++)
    if (frontier_middle(lo[i], hi[i], &mid)) return i;
  return -1;
}

/* Fill the batch with the halves of the hardest regions.  Regions that cannot be cut
 * are closed with the bound they have: the search then ends without a proof. */
static void take_parts(Search *s, double *lo, double *hi)
{
  s->b.n_parts = 0;
  while (s->frontier.size && s->b.n_parts + 2 <= s->b.batch) {
    Region region;
    double mid;
    const bool crowded = s->frontier.size * frontier_region_bytes(&s->frontier) >
                         s->b.params->memory_bytes;
    frontier_pop(&s->frontier, crowded, &region, lo, hi, s->parent_interval);
    const int axis = choose_axis(s, region.axis, lo, hi);
    if (axis < 0) {
      for (int c = 0; c < s->b.n_open; c++)
        s->closed[c] = fmin(s->closed[c], region.lower);
      continue;
    }
    frontier_middle(lo[axis], hi[axis], &mid);
    const double end = hi[axis];
    const int kid = frontier_cut(&s->frontier, region.id, axis, mid);
    hi[axis] = mid;
    add_part(s, &region, kid, lo, hi);
    hi[axis] = end;
    lo[axis] = mid;
    add_part(s, &region, kid + 1, lo, hi);
  }
}

/* Close the proved parts, put the others back. */
static void sort_parts(Search *s)
{
  const size_t n = (size_t)s->b.n;
  for (int p = 0; p < s->b.n_parts; p++) {
    const double *lower = s->b.case_lower + (size_t)p * (size_t)s->b.n_open;
    if (s->spill && s->b.events[p].n)
      spill_add(s->spill, s->b.part[p].id, &s->b.events[p]);
    if (s->b.part[p].lower > 0) {
      s->leaves++;
      const Box *box = s->b.query->box;
      frontier_close(&s->frontier, s->b.part[p].id, s->b.lo + (size_t)p * n,
                     s->b.hi + (size_t)p * n, box->lo, box->hi);
      for (int c = 0; c < s->b.n_open; c++)
        s->closed[c] = fmin(s->closed[c], lower[c]);
    } else
      frontier_add(&s->frontier, &s->b.part[p], s->b.lo + (size_t)p * n,
                   s->b.hi + (size_t)p * n, s->b.interval + (size_t)p * s->b.kept);
  }
}

static void swap_probes(Search *s, int a, int b)
{
  for (int i = 0; i < s->b.n; i++) {
    double *x = s->points + (size_t)a * (size_t)s->b.n + i,
           *y = s->points + (size_t)b * (size_t)s->b.n + i, t = *x;
    *x = *y;
    *y = t;
  }
  const int k = s->probe_case[a];
  const double m = s->margin[a];
  s->probe_case[a] = s->probe_case[b];
  s->probe_case[b] = k;
  s->margin[a] = s->margin[b];
  s->margin[b] = m;
}

/* The centres of all open parts, and the corners where their bounds are attained. */
static void collect_probes(Search *s)
{
  const size_t n = (size_t)s->b.n;
  int found = 0;
  for (int p = 0; s->attack && p < s->b.n_parts; p++) {
    if (s->b.part[p].lower > 0) continue;
    double *corner = s->points + (size_t)found * n, *centre = corner + n;
    memcpy(corner, s->b.corner + (size_t)p * n, n * sizeof *corner);
    for (size_t i = 0; i < n; i++)
      centre[i] = s->b.lo[(size_t)p * n + i] / 2 + s->b.hi[(size_t)p * n + i] / 2;
    s->probe_case[found] = s->probe_case[found + 1] = s->b.weakest[p];
    found += 2;
  }
  s->n_probes = found;
}

/* Try those with the smallest margins. */
static void try_probes(Search *s)
{
  const int found = s->n_probes;
  attack_margins(s->attack, found, s->points, s->probe_case, s->margin);
  for (int k = 0; k < PROBES && k < found; k++) {
    int best = k;
    for (int i = k + 1; i < found; i++)
      if (s->margin[i] < s->margin[best]) best = i;
    swap_probes(s, k, best);
  }
  s->hit =
      attack_from(s->attack, found < PROBES ? found : PROBES, s->points, s->probe_case,
                  s->b.params->attack_steps, PROBE_REACH, s->b.stop);
}

/* Task 0 of a round tries the probes of the round before, the longest task first; the
 * others bound a group each. */
static void work(void *context, int member, int task)
{
  Search *s = context;
  if (task > 0)
    boxes_bound(&s->b, s->workers[member], task - 1);
  else if (s->n_probes)
    try_probes(s);
}

/* What the closed parts, the frontier and the parts in work prove together. */
static void report(Search *s, bool in_work)
{
  bool all = !in_work;
  double rest = frontier_lower(&s->frontier);
  for (int p = 0; in_work && p < s->b.n_parts; p++)
    rest = fmin(rest, s->b.part[p].lower);
  for (int c = 0; c < s->b.n_open; c++) {
    const double lower = fmin(s->closed[c], rest);
    /* Parts in work have not been closed: a proof that they complete came too late. */
    if (in_work && lower > 0) continue;
    STATUS_REQUIRE(!(lower > 0) || frontier_covers(&s->frontier),
                   "closed regions must cover the whole box");
    if (s->spill && !(lower > 0)) all = false;
    result_raise(s->result, s->b.query->first_case + s->b.open[c], lower, "input");
  }
  if (s->spill && all && s->b.n_open)
    proof_tree_boxes(s->b.params->proof, s->spill, &s->frontier, s->b.n_open,
                     s->b.open);
}

static void start(Search *s)
{
  const Box *box = s->b.query->box;
  const Region root = {.lower = -INFINITY, .depth = BOXES_ROOT_DEPTH - 1, .axis = 0};
  add_part(s, &root, frontier_add_root(&s->frontier), box->lo, box->hi);
}

static void say(const Search *s, double began, long regions, int depth)
{
  double lower = fmin(frontier_lower(&s->frontier), 0);
  const ProgressSearch now = {.stage = "input",
                              .seconds = clock_now() - began,
                              .nodes = regions,
                              .open = s->frontier.size,
                              .depth = depth,
                              .worst = lower};
  progress_search(&now);
  for (int c = 0; c < s->b.n_open; c++)
    lower = fmin(lower, s->closed[c]);
  result_search(s->result, s->b.query->first_case, s->b.query->n_cases, lower);
}

long split_search(const Team *team, const Query *query, const SplitParams *params,
                  Attack *attack, const Stop *stop, Result *result)
{
  Search s = {.b = {.query = query, .result = result, .stop = stop, .params = params},
              .team = team,
              .result = result,
              .attack = attack};
  search_init(&s);
  double *lo = mem_doubles((size_t)s.b.n), *hi = mem_doubles((size_t)s.b.n);
  const double began = clock_now();
  long regions = 0;
  int depth = 0;
  bool cut_short = false;
  for (start(&s); s.b.n_parts && !s.hit; take_parts(&s, lo, hi)) {
    cut_short = regions && regions + s.b.n_parts > params->max_regions;
    if (cut_short) break;
    team_run(team, 1 + (s.b.n_parts + s.b.group - 1) / s.b.group, work, &s);
    regions += s.b.n_parts;
    for (int p = 0; p < s.b.n_parts; p++)
      if (s.b.part[p].depth > depth) depth = s.b.part[p].depth;
    /* A part whose group did not get a turn has its parent's bound, and stays open. */
    sort_parts(&s);
    if (stop_why(stop) != STOP_NO) {
      result_give_up(result, result_reason_of(stop_why(stop)));
      break;
    }
    collect_probes(&s);
    say(&s, began, regions, depth);
  }
  /* No further round takes them along. */
  if (!s.hit && s.n_probes && stop_why(stop) == STOP_NO) try_probes(&s);
  if (!s.hit) report(&s, cut_short);
  mem_free(lo);
  mem_free(hi);
  search_free(&s);
  result_tree(result,
              &(TreeStats){.nodes = regions, .leaves = s.leaves, .depth = depth});
  return regions;
}
