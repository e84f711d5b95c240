/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/crown.h"

#include <math.h>

#include "bounds/ibp.h"
#include "bounds/objective.h"
#include "bounds/relax.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"

/* Rows in one block: enough for efficient products, few enough to share out.  It does
 * not depend on the number of threads, nor do the results. */
#define BLOCK 128

/* The objectives of one layer: +e_i and -e_i of every neuron that is open, box by
 * box. */
typedef struct {
  const Team *team;
  Bounds *b;
  int node, n_rows, block, iterations;
  int *unit, *box;
  signed char *sign;
  double *lower;
  const Stop *stop;
} Layer;

static Layer layer_new(const Team *team, Bounds *b, int j, int iterations,
                       const Stop *stop)
{
  const int size = b->net->nodes[j].size;
  const ActKind kind = b->net->nodes[b->pre[j]].act;
  const size_t most = 2 * (size_t)b->n_box * (size_t)size;
  Layer layer = {
      .team = team, .b = b, .node = j, .iterations = iterations, .stop = stop};
  layer.unit = mem_array(most, sizeof *layer.unit);
  layer.box = mem_array(most, sizeof *layer.box);
  layer.sign = mem_array(most, sizeof *layer.sign);
  layer.lower = mem_doubles(most);
  for (int t = 0; t < b->n_box; t++)
    for (int i = 0; i < size; i++) {
      const size_t at = (size_t)t * (size_t)size + (size_t)i;
      if (!relax_is_open(kind, b->lo[j][at], b->hi[j][at])) continue;
      for (int s = 1; s >= -1; s -= 2) {
        layer.unit[layer.n_rows] = i;
        layer.box[layer.n_rows] = t;
        layer.sign[layer.n_rows] = (signed char)s;
        layer.lower[layer.n_rows++] = -INFINITY;
      }
    }
  return layer;
}

static void layer_free(Layer *layer)
{
  mem_free(layer->unit);
  mem_free(layer->box);
  mem_free(layer->sign);
  mem_free(layer->lower);
}

/* One block; different threads may take different ones.  It reads the intervals of
 * earlier nodes and writes its own part of `lower`. */
static void tighten_block(void *context, int member, int i)
{
  const Layer *layer = context;
  Lagrangian *L = layer->team->member[member];
  const int from = i * layer->block, left = layer->n_rows - from;
  const int n = left < layer->block ? left : layer->block;
  if (stop_why(layer->stop)) return;
  Objective o = objective_units(layer->b->net, layer->node, n, layer->unit + from,
                                layer->sign + from, layer->box + from);
  if (layer->iterations > 0) {
    slopes_optimise(L, layer->b, &o, layer->iterations, 0, layer->stop,
                    layer->lower + from, NULL);
  } else {
    const LagrangianBatch batch = objective_batch(&o);
    lagrangian_bound(L, layer->b, &batch, layer->lower + from);
  }
  objective_free(&o);
}

static bool tighten_node(const Team *team, Bounds *b, int j, int iterations,
                         const Stop *stop)
{
  Layer layer = layer_new(team, b, j, iterations, stop);
  const int max_rows = lagrangian_max_rows(team->member[0]);
  layer.block = max_rows < BLOCK ? max_rows : BLOCK;
  team_run(team, (layer.n_rows + layer.block - 1) / layer.block, tighten_block, &layer);
  for (int r = 0; r < layer.n_rows; r++)
    bounds_meet(b, j, layer.box[r], layer.unit[r],
                layer.sign[r] > 0 ? layer.lower[r] : -INFINITY,
                layer.sign[r] > 0 ? INFINITY : -layer.lower[r]);
  layer_free(&layer);
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

static void batch_run(Lagrangian *L, const Bounds *b, Batch *batch, double *lower)
{
  if (!batch->n) return;
  Objective o = objective_units(b->net, b->net->n_nodes - 1, batch->n, batch->unit,
                                batch->sign, NULL);
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
