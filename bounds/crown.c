/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/crown.h"

#include <math.h>

#include "bounds/ibp.h"
#include "bounds/objective.h"
#include "bounds/relax.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"

/* Neurons in one block: enough for efficient products, few enough to share out.  It
 * does not depend on the number of threads, nor do the results. */
#define BLOCK 64

/* Neurons of pre-activation j that are open in some box. */
static int list_open(const Bounds *b, int j, int *list)
{
  const int size = b->net->nodes[j].size;
  const ActKind kind = b->net->nodes[b->pre[j]].act;
  int n = 0;
  for (int i = 0; i < size; i++) {
    bool open = false;
    for (int t = 0; t < b->n_box; t++) {
      const int at = t * size + i;
      open = open || relax_is_open(kind, b->lo[j][at], b->hi[j][at]);
    }
    if (open) list[n++] = i;
  }
  return n;
}

/* Bound `n` listed neurons of node j in all boxes: rows box-major, +e then -e. */
static void tighten_block(Lagrangian *L, Bounds *b, int j, const int *list, int n,
                          int iterations, const Stop *stop)
{
  const int per_box = 2 * n, n_rows = per_box * b->n_box;
  int *unit = mem_array((size_t)n_rows, sizeof *unit);
  signed char *sign = mem_array((size_t)n_rows, sizeof *sign);
  double *lower = mem_doubles((size_t)n_rows);
  for (int r = 0; r < n_rows; r++) {
    unit[r] = list[r % n];
    sign[r] = r % per_box < n ? 1 : -1;
    lower[r] = -INFINITY;
  }
  Objective o = objective_units(b->net, j, n_rows, unit, sign);
  if (iterations > 0) {
    slopes_optimise(L, b, &o, iterations, 0, stop, lower, NULL);
  } else {
    const LagrangianBatch batch = objective_batch(&o);
    lagrangian_bound(L, b, &batch, lower);
  }
  for (int r = 0; r < n_rows; r++)
    bounds_meet(b, j, r / per_box, unit[r], sign[r] > 0 ? lower[r] : -INFINITY,
                sign[r] > 0 ? INFINITY : -lower[r]);
  objective_free(&o);
  mem_free(unit);
  mem_free(sign);
  mem_free(lower);
}

/* One layer's open neurons, in blocks that different threads may take.  A block reads
 * the intervals of earlier nodes and writes those of its own neurons. */
typedef struct {
  Bounds *b;
  int node, n, block, iterations;
  const int *list;
  const Stop *stop;
} Layer;

static void tighten_task(void *context, Lagrangian *L, int i)
{
  const Layer *layer = context;
  const int from = i * layer->block, left = layer->n - from;
  if (stop_why(layer->stop)) return;
  tighten_block(L, layer->b, layer->node, layer->list + from,
                left < layer->block ? left : layer->block, layer->iterations,
                layer->stop);
}

static bool tighten_node(const Team *team, Bounds *b, int j, int iterations,
                         const Stop *stop)
{
  int *list = mem_array((size_t)b->net->nodes[j].size, sizeof *list);
  const int n = list_open(b, j, list);
  int block = lagrangian_max_rows(team->member[0]) / (2 * b->n_box);
  if (block > BLOCK) block = BLOCK;
  if (block < 1) block = 1;
  Layer layer = {.b = b,
                 .node = j,
                 .n = n,
                 .block = block,
                 .iterations = iterations,
                 .list = list,
                 .stop = stop};
  team_run(team, (n + block - 1) / block, tighten_task, &layer);
  mem_free(list);
  return !stop_why(stop);
}

bool crown_tighten(const Team *team, Bounds *b, int slope_iterations, const Stop *stop)
{
  bool in_time = true;
  for (int k = 1; k < b->net->n_nodes; k++) {
    ibp_node(b, lagrangian_linop(team->member[0]), k);
    if (b->pre[k] >= 0 && !b->tight[k] && in_time)
      in_time = tighten_node(team, b, k, slope_iterations, stop);
  }
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

static double **zero_multipliers(const Net *net, int n_rows)
{
  double **a = mem_zero((size_t)net->n_nodes, sizeof *a);
  for (int k = 0; k < net->n_nodes; k++)
    if (net->nodes[k].kind == NODE_ACT)
      a[k] = mem_doubles0((size_t)n_rows * (size_t)net->nodes[k].size);
  return a;
}

static Batch batch_new(const Net *net, int room, bool zero)
{
  return (Batch){.room = room,
                 .unit = mem_array((size_t)room, sizeof(int)),
                 .owner = mem_array((size_t)room, sizeof(int)),
                 .sign = mem_array((size_t)room, sizeof(signed char)),
                 .lower = mem_doubles((size_t)room),
                 .zero = zero ? zero_multipliers(net, room) : NULL};
}

static void batch_free(const Net *net, Batch *batch)
{
  for (int k = 0; batch->zero && k < net->n_nodes; k++)
    mem_free(batch->zero[k]);
  mem_free(batch->zero);
  mem_free(batch->unit);
  mem_free(batch->owner);
  mem_free(batch->sign);
  mem_free(batch->lower);
}

static void batch_run(Lagrangian *L, const Bounds *b, Batch *batch, double *lower)
{
  if (!batch->n) return;
  Objective o =
      objective_units(b->net, b->net->n_nodes - 1, batch->n, batch->unit, batch->sign);
  LagrangianBatch rows = objective_batch(&o);
  rows.lambda = rows.mu = batch->zero;
  lagrangian_bound(L, b, &rows, batch->lower);
  for (int r = 0; r < batch->n; r++)
    if (batch->lower[r] > lower[batch->owner[r]])
      lower[batch->owner[r]] = batch->lower[r];
  batch->n = 0;
}

bool crown_bound_cases(Lagrangian *L, const Bounds *b, CrownRows which, int n,
                       const int *cases, const int *row, const Stop *stop,
                       double *lower)
{
  Batch batch = batch_new(b->net, lagrangian_max_rows(L), which == CROWN_INTERVALS);
  bool in_time = true;
  for (int i = 0; i < n && in_time; i++)
    for (int j = row[cases[i]]; j < row[cases[i] + 1] && in_time; j++) {
      batch.unit[batch.n] = j;
      batch.sign[batch.n] = 1;
      batch.owner[batch.n++] = i;
      if (batch.n < batch.room) continue;
      batch_run(L, b, &batch, lower);
      in_time = !stop_why(stop);
    }
  batch_run(L, b, &batch, lower);
  batch_free(b->net, &batch);
  return in_time;
}
