/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/crown.h"

#include <math.h>

#include "bounds/ibp.h"
#include "bounds/objective.h"
#include "bounds/relax.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"

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

static bool tighten_node(Lagrangian *L, Bounds *b, int j, int iterations,
                         const Stop *stop)
{
  int *list = mem_array((size_t)b->net->nodes[j].size, sizeof *list);
  const int n = list_open(b, j, list);
  int block = lagrangian_max_rows(L) / (2 * b->n_box);
  if (block < 1) block = 1;
  bool in_time = true;
  for (int from = 0; from < n && in_time; from += block) {
    in_time = !stop_why(stop);
    if (in_time)
      tighten_block(L, b, j, list + from, n - from < block ? n - from : block,
                    iterations, stop);
  }
  mem_free(list);
  return in_time;
}

bool crown_tighten(Lagrangian *L, Bounds *b, int slope_iterations, const Stop *stop)
{
  bool in_time = true;
  for (int k = 1; k < b->net->n_nodes; k++) {
    ibp_node(b, lagrangian_linop(L), k);
    if (b->pre[k] >= 0 && !b->tight[k] && in_time)
      in_time = tighten_node(L, b, k, slope_iterations, stop);
  }
  return in_time;
}
