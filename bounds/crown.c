/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/crown.h"

#include <math.h>
#include <string.h>

#include "bounds/ibp.h"
#include "bounds/objective.h"
#include "bounds/relax.h"
#include "bounds/slopes.h"
#include "bounds/window.h"
#include "net/base/mem.h"

/* Rows in one block: enough for efficient products, few enough to share out and, on
 * wide networks, to stay in the cache.  It does not depend on the number of threads,
 * nor do the results. */
#define BLOCK       128
#define LEAST_BLOCK 8
#define BLOCK_BYTES ((size_t)1 << 20) /* of the widest node */
/* Rows of one tile that are bounded together. */
#define TILE_ROWS 128
/* See is_table. */
#define TABLE 4

/* Why an element's interval matters: a bit for every function that reads it, directly
 * or through a MAP, and one for products and maxima. */
typedef unsigned Readers;
#define PAIR ((Readers)1 << 31)

_Static_assert(ACT_COUNT < 31, "a bit for every activation");

/* What one thread needs besides its Lagrangian. */
typedef struct {
  Slopes *slopes;
  double **alpha; /* slopes of a block, [n_nodes]: [BLOCK][size_k] */
} Member;

/* Rows of one tile in one box: from, n, and where. */
typedef struct {
  int from, n, box, tile;
} TileTask;

/* The objectives of one layer: +e_i and -e_i of every neuron that is open, box by
 * box. */
struct Crown {
  const Team *team;
  Member *members;
  Readers **readers; /* readers[n_nodes]: [size_k], NULL where nobody wants to know */
  /* the layer in work */
  Bounds *b;
  const CrownParams *params;
  int node, n_rows, block;
  size_t room;
  int *unit, *box;
  signed char *sign;
  double *lower;
  /* and in tiles of it (bounds/window.h) */
  WindowPlan *plan;
  int side, n_tasks;
  size_t tasks_room;
  TileTask *task;
};

static void add_reader(Crown *c, const Net *net, int k, int i, Readers who)
{
  if (!c->readers[k])
    c->readers[k] = mem_zero((size_t)net->nodes[k].size, sizeof **c->readers);
  c->readers[k][i] |= who;
}

/* A MAP only moves numbers, some of them to many places: what it reads is bounded,
 * once, and copied.  What it reads of a nonlinear node has the best interval already.
 */
static void add_sources(Crown *c, const Net *net, int k, Readers who)
{
  const Node *v = &net->nodes[k];
  for (int i = 0; i < v->size; i++) {
    int m = v->map[i], p = 0;
    while (m >= net->nodes[v->in[p]].size)
      m -= net->nodes[v->in[p++]].size;
    if (m >= 0 && net_is_linear(&net->nodes[v->in[p]]))
      add_reader(c, net, v->in[p], m, who);
  }
}

/* Distinct elements of linear nodes that the MAP k reads. */
static int n_sources(const Net *net, int k)
{
  const Node *v = &net->nodes[k];
  int total = 0, n = 0;
  for (int p = 0; p < v->n_in; p++)
    total += net->nodes[v->in[p]].size;
  bool *seen = mem_zero((size_t)total, sizeof *seen);
  for (int i = 0; i < v->size; i++) {
    if (v->map[i] < 0 || seen[v->map[i]]) continue;
    seen[v->map[i]] = true;
    n++;
  }
  mem_free(seen);
  return n;
}

/* Sums and differences of a few numbers in very many pairs, as in a softmax: bounds of
 * the few are nearly as good, and far cheaper. */
static bool is_table(const Net *net, int k)
{
  const Node *v = &net->nodes[k];
  int n = 0;
  if (v->kind != NODE_ADD) return false;
  for (int p = 0; p < v->n_in; p++) {
    if (net->nodes[v->in[p]].kind != NODE_MAP) return false;
    n += n_sources(net, v->in[p]);
  }
  return n <= v->size / TABLE;
}

static void find_readers(Crown *c, const Net *net)
{
  c->readers = mem_zero((size_t)net->n_nodes, sizeof *c->readers);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    if (!net_is_nonlinear(v)) continue;
    const Readers who = net_is_pair(v) ? PAIR : (Readers)1 << v->act;
    for (int p = 0; p < v->n_in; p++) {
      if (net->nodes[v->in[p]].kind == NODE_MAP) {
        add_sources(c, net, v->in[p], who);
        continue;
      }
      if (is_table(net, v->in[p])) {
        const Node *add = &net->nodes[v->in[p]];
        for (int s = 0; s < add->n_in; s++)
          add_sources(c, net, add->in[s], who);
        continue;
      }
      for (int i = 0; i < v->size; i++)
        add_reader(c, net, v->in[p], i, who);
    }
  }
  /* A MAP of a MAP: the inner one hands its readers on. */
  for (int k = net->n_nodes - 1; k > 0; k--) {
    const Node *v = &net->nodes[k];
    if (v->kind != NODE_MAP || !c->readers[k]) continue;
    Readers all = 0;
    for (int i = 0; i < v->size; i++)
      all |= c->readers[k][i];
    add_sources(c, net, k, all);
    mem_free(c->readers[k]);
    c->readers[k] = NULL;
  }
}

static bool is_open(Readers who, double l, double u)
{
  bool open = (who & PAIR) && l < u;
  for (int kind = 0; kind < ACT_COUNT && !open; kind++)
    open = (who >> kind & 1) && relax_is_open((ActKind)kind, l, u);
  return open;
}

static int block_rows(const Net *net)
{
  size_t wide = 1;
  for (int k = 0; k < net->n_nodes; k++)
    if ((size_t)net->nodes[k].size > wide) wide = (size_t)net->nodes[k].size;
  const size_t fit = BLOCK_BYTES / (wide * sizeof(double));
  return fit < LEAST_BLOCK ? LEAST_BLOCK : fit > BLOCK ? BLOCK : (int)fit;
}

Crown *crown_new(const Team *team)
{
  Crown *c = mem_zero(1, sizeof *c);
  c->team = team;
  c->plan = window_plan_new(lagrangian_net(team->member[0]));
  find_readers(c, lagrangian_net(team->member[0]));
  c->members = mem_zero((size_t)team->n, sizeof *c->members);
  const int max_rows = lagrangian_max_rows(team->member[0]);
  c->block = block_rows(lagrangian_net(team->member[0]));
  if (c->block > max_rows) c->block = max_rows;
  return c;
}

void crown_free(Crown *c)
{
  if (!c) return;
  for (int i = 0; i < c->team->n; i++) {
    slopes_free(c->members[i].slopes);
    lagrangian_free_multipliers(lagrangian_net(c->team->member[i]),
                                c->members[i].alpha);
  }
  for (int k = 0; k < lagrangian_net(c->team->member[0])->n_nodes; k++)
    mem_free(c->readers[k]);
  mem_free(c->readers);
  mem_free(c->members);
  mem_free(c->unit);
  mem_free(c->box);
  mem_free(c->sign);
  mem_free(c->lower);
  mem_free(c->task);
  window_plan_free(c->plan);
  mem_free(c);
}

static void need_room(Crown *c, size_t rows)
{
  if (rows <= c->room) return;
  c->room = rows + rows / 2;
  c->unit = mem_grow(c->unit, c->room, sizeof *c->unit);
  c->box = mem_grow(c->box, c->room, sizeof *c->box);
  c->sign = mem_grow(c->sign, c->room, sizeof *c->sign);
  c->lower = mem_grow(c->lower, c->room, sizeof *c->lower);
}

static void list_rows(Crown *c, Bounds *b, int j)
{
  const int size = b->net->nodes[j].size;
  const Affine *affine = c->params->affine;
  c->b = b;
  c->node = j;
  c->n_rows = 0;
  for (int t = 0; t < b->n_box; t++) {
    if (b->empty[t]) continue;
    need_room(c, (size_t)c->n_rows + 2 * (size_t)size);
    for (int i = 0; i < size; i++) {
      const size_t at = (size_t)t * (size_t)size + (size_t)i;
      if (!is_open(c->readers[j][i], b->lo[j][at], b->hi[j][at])) continue;
      if (affine && affine_is_sharp(affine, b, j, t, i)) continue;
      for (int s = 1; s >= -1; s -= 2) {
        c->unit[c->n_rows] = i;
        c->box[c->n_rows] = t;
        c->sign[c->n_rows] = (signed char)s;
        c->lower[c->n_rows++] = -INFINITY;
      }
    }
  }
}

/* Slopes for rows from .. from + n where hints know some, else the adaptive ones. */
static void load_hints(const Crown *c, Member *m, int from, int n)
{
  const Hints *hints = c->params->hints;
  for (int r = 0; r < n; r++) {
    const unsigned char *bytes =
        packed_hints_row(hints, c->node, c->unit[from + r], c->sign[from + r]);
    if (bytes) {
      packed_load(hints->packed, c->node, bytes, m->alpha, r);
      continue;
    }
    for (int k = 0; k < c->node; k++) {
      if (!m->alpha[k]) continue;
      const size_t size = (size_t)c->b->net->nodes[k].size;
      memcpy(m->alpha[k] + (size_t)r * size,
             c->b->down[c->b->net->nodes[k].in[0]] + (size_t)c->box[from + r] * size,
             size * sizeof(double));
    }
  }
}

static void learn_hints(const Crown *c, const Member *m, int from, int n)
{
  const Hints *hints = c->params->learn;
  for (int r = 0; r < n; r++) {
    unsigned char *bytes =
        packed_hints_row(hints, c->node, c->unit[from + r], c->sign[from + r]);
    if (bytes) packed_store(hints->packed, c->node, m->alpha, r, bytes);
  }
}

/* One block; different threads may take different ones.  It reads the intervals of
 * earlier nodes and writes its own part of `lower`. */
static void tighten_block(void *context, int member, int i)
{
  const Crown *c = context;
  const CrownParams *params = c->params;
  Member *m = &c->members[member];
  Lagrangian *L = c->team->member[member];
  const int from = i * c->block, left = c->n_rows - from;
  const int n = left < c->block ? left : c->block;
  if (stop_why(params->stop)) return;
  Objective o = objective_units(c->b->net, c->node, n, c->unit + from, c->sign + from,
                                c->box + from);
  if (!m->alpha && (params->hints || params->learn))
    m->alpha = lagrangian_new_multipliers(c->b->net, c->block);
  if (params->slope_iterations > 0) {
    if (!m->slopes) m->slopes = slopes_new(c->b->net, c->block);
    const SlopesParams run = {.iterations = params->slope_iterations,
                              .stop = params->stop,
                              .alpha = params->learn ? m->alpha : NULL};
    slopes_run(m->slopes, L, c->b, &o, &run, c->lower + from);
    if (params->learn) learn_hints(c, m, from, n);
    return;
  }
  LagrangianBatch batch = objective_batch(&o);
  if (params->hints) {
    load_hints(c, m, from, n);
    batch.alpha = m->alpha;
  }
  lagrangian_bound(L, c->b, &batch, c->lower + from);
}

/* ---- in tiles --------------------------------------------------------------- */

static int tile_of(const Crown *c, int r)
{
  return window_tile(c->plan, c->node, c->side, c->unit[r]);
}

/* Rows in the order of box and tile. */
static void sort_rows(Crown *c)
{
  const int tiles = window_n_tiles(c->plan, c->node, c->side);
  const size_t n = (size_t)c->n_rows, keys = (size_t)(c->b->n_box * tiles);
  size_t *first = mem_zero(keys + 2, sizeof *first);
  int *unit = mem_array(n, sizeof *unit), *box = mem_array(n, sizeof *box);
  signed char *sign = mem_array(n, sizeof *sign);
  for (int r = 0; r < c->n_rows; r++)
    first[(size_t)(c->box[r] * tiles + tile_of(c, r)) + 2]++;
  for (size_t k = 2; k <= keys; k++)
    first[k + 1] += first[k];
  for (int r = 0; r < c->n_rows; r++) {
    const size_t to = first[(size_t)(c->box[r] * tiles + tile_of(c, r)) + 1]++;
    unit[to] = c->unit[r];
    box[to] = c->box[r];
    sign[to] = c->sign[r];
  }
  memcpy(c->unit, unit, n * sizeof *unit);
  memcpy(c->box, box, n * sizeof *box);
  memcpy(c->sign, sign, n * sizeof *sign);
  mem_free(first);
  mem_free(unit);
  mem_free(box);
  mem_free(sign);
}

static void list_tasks(Crown *c)
{
  TileTask *task = NULL;
  c->n_tasks = 0;
  for (int r = 0; r < c->n_rows; r++) {
    const int box = c->box[r], tile = tile_of(c, r);
    if (!task || task->box != box || task->tile != tile || task->n == TILE_ROWS) {
      if ((size_t)c->n_tasks == c->tasks_room) {
        c->tasks_room = 2 * c->tasks_room + 64;
        c->task = mem_grow(c->task, c->tasks_room, sizeof *c->task);
      }
      task = &c->task[c->n_tasks++];
      *task = (TileTask){r, 0, box, tile};
    }
    task->n++;
  }
}

/* Slopes of row r here, from and to row 0 of the whole network's. */
static void take_slopes(const Window *w, double *const *whole, int r,
                        double *const *alpha)
{
  for (int k = 0; k < w->net->n_nodes; k++) {
    const int n = w->net->nodes[k].size;
    for (int i = 0; alpha[k] && i < n; i++)
      alpha[k][(size_t)r * (size_t)n + (size_t)i] = whole[w->node[k]][w->element[k][i]];
  }
}

static void give_slopes(const Window *w, double *const *alpha, int r,
                        double *const *whole)
{
  for (int k = 0; k < w->net->n_nodes; k++) {
    const int n = w->net->nodes[k].size;
    for (int i = 0; alpha[k] && i < n; i++)
      whole[w->node[k]][w->element[k][i]] = alpha[k][(size_t)r * (size_t)n + (size_t)i];
  }
}

/* tighten_block for the rows of one tile. */
static void tighten_tile(void *context, int member, int i)
{
  const Crown *c = context;
  const CrownParams *params = c->params;
  const TileTask *task = &c->task[i];
  Member *m = &c->members[member];
  if (stop_why(params->stop)) return;
  Window *w = window_new(c->plan, c->node, c->side, task->tile);
  Lagrangian *L = lagrangian_new(w->net, task->n);
  Bounds *b = window_bounds(w, lagrangian_linop(L), c->b, task->box);
  int unit[TILE_ROWS];
  for (int r = 0; r < task->n; r++)
    unit[r] = window_index(w, c->unit[task->from + r]);
  Objective o = objective_units(w->net, w->net->n_nodes - 1, task->n, unit,
                                c->sign + task->from, NULL);
  double **alpha = NULL, *lower = c->lower + task->from;
  if (params->hints || params->learn) {
    if (!m->alpha) m->alpha = lagrangian_new_multipliers(c->b->net, c->block);
    alpha = lagrangian_new_multipliers(w->net, task->n);
  }
  if (params->slope_iterations > 0) {
    Slopes *slopes = slopes_new(w->net, task->n);
    const SlopesParams run = {.iterations = params->slope_iterations,
                              .stop = params->stop,
                              .alpha = params->learn ? alpha : NULL};
    slopes_run(slopes, L, b, &o, &run, lower);
    slopes_free(slopes);
    for (int r = 0; params->learn && r < task->n; r++) {
      give_slopes(w, alpha, r, m->alpha);
      learn_hints(c, m, task->from + r, 1);
    }
  } else {
    LagrangianBatch batch = objective_batch(&o);
    for (int r = 0; params->hints && r < task->n; r++) {
      load_hints(c, m, task->from + r, 1);
      take_slopes(w, m->alpha, r, alpha);
    }
    batch.alpha = params->hints ? alpha : NULL;
    lagrangian_bound(L, b, &batch, lower);
  }
  lagrangian_free_multipliers(w->net, alpha);
  bounds_free(b);
  lagrangian_free(L);
  window_free(w);
}

static bool tighten_node(Crown *c, Bounds *b, int j)
{
  list_rows(c, b, j);
  c->side = window_side(c->plan, j, c->n_rows / b->n_box);
  if (c->side) {
    sort_rows(c);
    list_tasks(c);
    team_run(c->team, c->n_tasks, tighten_tile, c);
  } else {
    team_run(c->team, (c->n_rows + c->block - 1) / c->block, tighten_block, c);
  }
  for (int r = 0; r < c->n_rows; r++)
    bounds_meet(b, j, c->box[r], c->unit[r], c->sign[r] > 0 ? c->lower[r] : -INFINITY,
                c->sign[r] > 0 ? INFINITY : -c->lower[r]);
  return !stop_why(c->params->stop);
}

bool crown_run(Crown *c, Bounds *b, const CrownParams *params)
{
  Linop *op = lagrangian_linop(c->team->member[0]);
  bool in_time = true;
  c->params = params;
  if (params->affine) affine_start(params->affine, b);
  for (int k = params->first > 1 ? params->first : 1; k < b->net->n_nodes; k++) {
    if (params->affine) affine_node(params->affine, b, op, k);
    ibp_node(b, op, k);
    if (c->readers[k] && !b->tight[k] && in_time) in_time = tighten_node(c, b, k);
    if (params->affine) affine_settle(params->affine, b, k);
  }
  return in_time;
}

bool crown_bounds_node(const Crown *c, int k)
{
  return c->readers[k] != NULL;
}

bool crown_tighten(const Team *team, Bounds *b, int slope_iterations, const Stop *stop)
{
  Crown *c = crown_new(team);
  const CrownParams params = {
      .first = 1, .slope_iterations = slope_iterations, .stop = stop};
  const bool in_time = crown_run(c, b, &params);
  crown_free(c);
  return in_time;
}

/* ---- the rows of the cases ----------------------------------------------- */

/* One batch of rows of the last node. */
typedef struct {
  int n, room;
  int *unit, *owner; /* row of the margin node; index into the caller's list */
  signed char *sign;
  double *lower;
  double **zero; /* zero multipliers, or NULL */
} Batch;

static Batch batch_new(const Net *net, int room, bool zero)
{
  return (Batch){.room = room,
                 .unit = mem_array((size_t)room, sizeof(int)),
                 .owner = mem_array((size_t)room, sizeof(int)),
                 .sign = mem_array((size_t)room, sizeof(signed char)),
                 .lower = mem_doubles((size_t)room),
                 .zero = zero ? lagrangian_new_multipliers(net, room) : NULL};
}

static void batch_free(const Net *net, Batch *batch)
{
  lagrangian_free_multipliers(net, batch->zero);
  mem_free(batch->unit);
  mem_free(batch->owner);
  mem_free(batch->sign);
  mem_free(batch->lower);
}

static void batch_run(Lagrangian *L, const Bounds *b, Batch *batch, double *lower,
                      int *best)
{
  if (!batch->n) return;
  Objective o = objective_units(b->net, b->net->n_nodes - 1, batch->n, batch->unit,
                                batch->sign, NULL);
  LagrangianBatch rows = objective_batch(&o);
  rows.lambda = rows.mu = batch->zero;
  lagrangian_bound(L, b, &rows, batch->lower);
  for (int r = 0; r < batch->n; r++) {
    const int i = batch->owner[r];
    if (!(batch->lower[r] > lower[i])) continue;
    lower[i] = batch->lower[r];
    if (best) best[i] = batch->unit[r];
  }
  batch->n = 0;
}

bool crown_bound_cases(Lagrangian *L, const Bounds *b, CrownRows which, int n,
                       const int *cases, const int *row, const Stop *stop,
                       double *lower, int *best)
{
  Batch batch = batch_new(b->net, lagrangian_max_rows(L), which == CROWN_INTERVALS);
  bool in_time = true;
  for (int i = 0; i < n && in_time; i++)
    for (int j = row[cases[i]]; j < row[cases[i] + 1] && in_time; j++) {
      batch.unit[batch.n] = j;
      batch.sign[batch.n] = 1;
      batch.owner[batch.n++] = i;
      if (batch.n < batch.room) continue;
      batch_run(L, b, &batch, lower, best);
      in_time = !stop_why(stop);
    }
  batch_run(L, b, &batch, lower, best);
  batch_free(b->net, &batch);
  return in_time;
}
