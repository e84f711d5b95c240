/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/slopes.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"

/* First and last step length in units of the slopes' range [0, 1]. */
#define RATE_FIRST  0.5
#define RATE_LAST   0.02
#define WEIGHT_RATE 1.0

/* Everything one optimisation holds, allocated once. */
typedef struct {
  const Net *net;
  int start, n_rows;
  double **alpha, **g; /* [n_nodes]: [n_rows][size_k] for activation ancestors */
  double *const *best; /* the caller's, or NULL */
  Ascent *ascent;
  double *value, *y;
} Run;

static bool is_ancestor_act(const Net *net, int start, int k)
{
  return k < start && net->nodes[k].kind == NODE_ACT;
}

/* The adaptive slopes of CROWN. */
static void start_alpha(const Bounds *b, int k, const LagrangianBatch *batch,
                        double *alpha)
{
  const int j = b->net->nodes[k].in[0], n = b->net->nodes[k].size;
  for (int r = 0; r < batch->n_rows; r++)
    for (int i = 0; i < n; i++) {
      const size_t at = lagrangian_box(batch, r) * (size_t)n + (size_t)i;
      alpha[(size_t)r * (size_t)n + (size_t)i] = b->hi[j][at] > -b->lo[j][at] ? 1 : 0;
    }
}

static Run run_new(const Bounds *b, const Objective *o, double *const *best)
{
  const Net *net = b->net;
  const size_t n = (size_t)net->n_nodes, rows = (size_t)o->n_rows;
  const LagrangianBatch batch = objective_batch(o);
  Run run = {.net = net, .start = o->start, .n_rows = o->n_rows, .best = best};
  run.alpha = mem_zero(n, sizeof *run.alpha);
  run.g = mem_zero(n, sizeof *run.g);
  run.ascent = mem_zero(n, sizeof *run.ascent);
  run.value = mem_doubles(rows);
  run.y = o->has_weights ? mem_doubles(rows * (size_t)o->size) : NULL;
  for (int k = 0; k < net->n_nodes; k++) {
    if (!is_ancestor_act(net, o->start, k)) continue;
    const size_t m = rows * (size_t)net->nodes[k].size;
    run.alpha[k] = mem_doubles(m);
    run.g[k] = mem_doubles0(m);
    run.ascent[k] = ascent_new(m);
    start_alpha(b, k, &batch, run.alpha[k]);
    if (best && best[k]) memcpy(best[k], run.alpha[k], m * sizeof(double));
  }
  return run;
}

static void run_free(Run *run)
{
  for (int k = 0; k < run->net->n_nodes; k++) {
    mem_free(run->alpha[k]);
    mem_free(run->g[k]);
    ascent_free(&run->ascent[k]);
  }
  mem_free(run->alpha);
  mem_free(run->g);
  mem_free(run->ascent);
  mem_free(run->value);
  mem_free(run->y);
}

/* Keep the improved rows; returns how many rows are still at or below the target. */
static int keep_best(Run *run, double target, double *lower)
{
  int open = 0;
  for (int r = 0; r < run->n_rows; r++) {
    if (run->value[r] > lower[r]) {
      lower[r] = run->value[r];
      for (int k = 0; run->best && k < run->start; k++) {
        if (!run->best[k] || !run->alpha[k]) continue;
        const size_t n = (size_t)run->net->nodes[k].size, at = (size_t)r * n;
        memcpy(run->best[k] + at, run->alpha[k] + at, n * sizeof(double));
      }
    }
    open += !(lower[r] > target);
  }
  return open;
}

/* dg/dalpha is lambda (v - z): nothing depends on alpha where lambda < 0 or the
 * neuron is stable. */
static void mask(const Lagrangian *L, const Bounds *b, int k,
                 const LagrangianBatch *batch, double *g)
{
  const int j = b->net->nodes[k].in[0], n = b->net->nodes[k].size;
  const double *lambda = lagrangian_lambda(L, k);
  for (int r = 0; r < batch->n_rows; r++)
    for (int i = 0; i < n; i++) {
      const size_t at = (size_t)r * (size_t)n + (size_t)i;
      const size_t box = lagrangian_box(batch, r) * (size_t)n + (size_t)i;
      if (!(lambda[at] > 0 && b->lo[j][box] < 0 && b->hi[j][box] > 0)) g[at] = 0;
    }
}

static void step(Run *run, Lagrangian *L, const Bounds *b, Objective *o,
                 const LagrangianBatch *batch, int t, int iterations)
{
  const LagrangianGradient out = {.alpha = run->g, .y = run->y};
  const double rate = ascent_rate(RATE_FIRST, RATE_LAST, t, iterations);
  lagrangian_gradient(L, batch, &out);
  for (int k = 0; k < run->start; k++) {
    if (!run->alpha[k] || !lagrangian_lambda(L, k)) continue;
    mask(L, b, k, batch, run->g[k]);
    ascent_step(&run->ascent[k], ASCENT_ADAM, t, rate, run->n_rows,
                run->net->nodes[k].size, run->g[k], NULL, 0, 1, run->alpha[k]);
  }
  if (o->has_weights) objective_step(o, run->y, WEIGHT_RATE * rate / RATE_FIRST);
}

int slopes_optimise(Lagrangian *L, const Bounds *b, Objective *objective,
                    int iterations, double target, const Stop *stop, double *lower,
                    double *const *alpha)
{
  Run run = run_new(b, objective, alpha);
  LagrangianBatch batch = objective_batch(objective);
  batch.alpha = run.alpha;
  int t = 0;
  for (; t <= iterations; t++) {
    batch.keep = t < iterations;
    lagrangian_bound(L, b, &batch, run.value);
    if (!keep_best(&run, target, lower) || t == iterations || stop_why(stop)) break;
    step(&run, L, b, objective, &batch, t, iterations);
  }
  run_free(&run);
  return t;
}
