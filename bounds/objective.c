/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/objective.h"

#include <math.h>

#include "net/base/mem.h"

Objective objective_units(const Net *net, int start, int n_rows, const int *unit,
                          const signed char *sign, const int *box)
{
  return (Objective){.start = start,
                     .n_rows = n_rows,
                     .size = net->nodes[start].size,
                     .unit = unit,
                     .sign = sign,
                     .box = box};
}

Objective objective_cases(const Net *net, int n_rows, const int *cases, const int *row)
{
  Objective o = {
      .start = net->n_nodes - 1, .n_rows = n_rows, .size = net_out_size(net)};
  o.first = mem_array((size_t)n_rows, sizeof *o.first);
  o.count = mem_array((size_t)n_rows, sizeof *o.count);
  o.c = mem_doubles0((size_t)n_rows * (size_t)o.size);
  for (int r = 0; r < n_rows; r++) {
    o.first[r] = row[cases[r]];
    o.count[r] = row[cases[r] + 1] - row[cases[r]];
    o.has_weights = o.has_weights || o.count[r] > 1;
    for (int j = 0; j < o.count[r]; j++)
      o.c[(size_t)r * (size_t)o.size + (size_t)(o.first[r] + j)] = 1.0 / o.count[r];
  }
  return o;
}

void objective_free(Objective *o)
{
  mem_free(o->first);
  mem_free(o->count);
  mem_free(o->c);
  *o = (Objective){0};
}

LagrangianBatch objective_batch(const Objective *o)
{
  return (LagrangianBatch){.start = o->start,
                           .n_rows = o->n_rows,
                           .c = o->c,
                           .unit = o->unit,
                           .sign = o->sign,
                           .box = o->box};
}

static void row_step(int n, const double *y, double rate, double *w)
{
  double most = -INFINITY, least = INFINITY, sum = 0;
  for (int j = 0; j < n; j++) {
    if (y[j] > most) most = y[j];
    if (y[j] < least) least = y[j];
  }
  const double spread = most - least;
  if (!(spread > 0) || !isfinite(spread)) return;
  for (int j = 0; j < n; j++) {
    /* A weight that reaches 0 could never come back. */
    w[j] = fmax(w[j], 1e-6) * exp(rate * (y[j] - most) / spread);
    sum += w[j];
  }
  for (int j = 0; j < n; j++)
    w[j] /= sum;
}

void objective_step_rows(int n_rows, int size, const int *first, const int *count,
                         const double *y, double rate, double *c)
{
  for (int r = 0; r < n_rows; r++) {
    const size_t at = (size_t)r * (size_t)size + (size_t)first[r];
    if (count[r] > 1) row_step(count[r], y + at, rate, c + at);
  }
}

void objective_step(Objective *o, const double *y, double rate)
{
  if (o->has_weights)
    objective_step_rows(o->n_rows, o->size, o->first, o->count, y, rate, o->c);
}
