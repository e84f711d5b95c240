/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/objective.h"

#include <math.h>

#include "net/base/mem.h"

/* See objective_start. */
#define MOST_WEIGHT 0.9999

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

/* Every element of the rows with a choice, alone: row by row, `total` of them in all.
 */
static double *bound_alone(const Objective *o, Lagrangian *L, const Bounds *b,
                           size_t total)
{
  int *unit = mem_array(total, sizeof *unit), *box = mem_array(total, sizeof *box);
  signed char *sign = mem_array(total, sizeof *sign);
  double *value = mem_doubles(total);
  size_t at = 0;
  for (int r = 0; r < o->n_rows; r++)
    for (int j = 0; o->count[r] > 1 && j < o->count[r]; j++, at++) {
      unit[at] = o->first[r] + j;
      box[at] = o->box ? o->box[r] : 0;
      sign[at] = 1;
    }
  const size_t block = (size_t)lagrangian_max_rows(L);
  for (size_t from = 0; from < total; from += block) {
    const size_t n = total - from < block ? total - from : block;
    const Objective alone =
        objective_units(b->net, o->start, (int)n, unit + from, sign + from, box + from);
    const LagrangianBatch batch = objective_batch(&alone);
    lagrangian_bound(L, b, &batch, value + from);
  }
  mem_free(unit);
  mem_free(box);
  mem_free(sign);
  return value;
}

void objective_start(Objective *o, Lagrangian *L, const Bounds *b)
{
  if (!o->has_weights) return;
  size_t total = 0;
  for (int r = 0; r < o->n_rows; r++)
    if (o->count[r] > 1) total += (size_t)o->count[r];
  double *equal = mem_doubles((size_t)o->n_rows);
  const LagrangianBatch batch = objective_batch(o);
  lagrangian_bound(L, b, &batch, equal);
  double *value = bound_alone(o, L, b, total);
  const double *alone = value;
  for (int r = 0; r < o->n_rows; r++) {
    const int n = o->count[r];
    if (n < 2) continue;
    int best = 0;
    for (int j = 1; j < n; j++)
      if (alone[j] > alone[best]) best = j;
    double *w = o->c + (size_t)r * (size_t)o->size + (size_t)o->first[r];
    for (int j = 0; j < n && alone[best] > equal[r]; j++)
      w[j] = (1 - MOST_WEIGHT) / n + (j == best ? MOST_WEIGHT : 0);
    alone += n;
  }
  mem_free(value);
  mem_free(equal);
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
