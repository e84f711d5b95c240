/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/dual.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"

/* Step lengths in units of the scale, first and last. */
#define RATE_FIRST  0.1
#define RATE_LAST   0.001
#define WEIGHT_RATE 1.0

typedef struct {
  const Net *net;
  int start, n_rows;
  /* [n_nodes], for activation ancestors: [n_rows][size_k] */
  double **lambda, **mu; /* lambda NULL unless free */
  double **g_lambda, **g_mu;
  double **scale;
  Ascent *on_lambda, *on_mu;
  double *value, *y;
} Run;

static double **slots(const Net *net)
{
  return mem_zero((size_t)net->n_nodes, sizeof(double *));
}

static Run run_new(const Net *net, const Objective *o, const DualParams *params)
{
  Run run = {.net = net, .start = o->start, .n_rows = o->n_rows};
  run.lambda = slots(net);
  run.mu = slots(net);
  run.g_lambda = slots(net);
  run.g_mu = slots(net);
  run.scale = slots(net);
  run.on_lambda = mem_zero((size_t)net->n_nodes, sizeof *run.on_lambda);
  run.on_mu = mem_zero((size_t)net->n_nodes, sizeof *run.on_mu);
  run.value = mem_doubles((size_t)o->n_rows);
  run.y = o->has_weights ? mem_doubles((size_t)o->n_rows * (size_t)o->size) : NULL;
  for (int k = 0; k < o->start; k++) {
    if (net->nodes[k].kind != NODE_ACT) continue;
    const size_t m = (size_t)o->n_rows * (size_t)net->nodes[k].size;
    run.mu[k] = mem_doubles0(m);
    run.g_mu[k] = mem_doubles0(m);
    run.scale[k] = mem_doubles0(m);
    run.on_mu[k] = ascent_new(m);
    if (!params->free_lambda) continue;
    run.lambda[k] = mem_doubles0(m);
    run.g_lambda[k] = mem_doubles0(m);
    run.on_lambda[k] = ascent_new(m);
  }
  return run;
}

static void run_free(Run *run)
{
  for (int k = 0; k < run->net->n_nodes; k++) {
    mem_free(run->lambda[k]);
    mem_free(run->mu[k]);
    mem_free(run->g_lambda[k]);
    mem_free(run->g_mu[k]);
    mem_free(run->scale[k]);
    ascent_free(&run->on_lambda[k]);
    ascent_free(&run->on_mu[k]);
  }
  mem_free(run->lambda);
  mem_free(run->mu);
  mem_free(run->g_lambda);
  mem_free(run->g_mu);
  mem_free(run->scale);
  mem_free(run->on_lambda);
  mem_free(run->on_mu);
  mem_free(run->value);
  mem_free(run->y);
}

/* Multipliers and scales from a backward pass that has just been kept. */
static void start_from_pass(Run *run, const Lagrangian *L, const Bounds *b,
                            const LagrangianBatch *batch, int k)
{
  const int j = run->net->nodes[k].in[0], n = run->net->nodes[k].size;
  const double *lambda = lagrangian_lambda(L, k), *slope = lagrangian_slope(L, k);
  for (int r = 0; r < run->n_rows; r++) {
    const size_t at = (size_t)r * (size_t)n;
    double sum = 0;
    int open = 0;
    for (int i = 0; i < n; i++) {
      run->mu[k][at + (size_t)i] = slope[at + (size_t)i] * lambda[at + (size_t)i];
      if (run->lambda[k]) run->lambda[k][at + (size_t)i] = lambda[at + (size_t)i];
      if (bounds_is_open(b, j, (int)lagrangian_box(batch, r), i)) {
        sum += fabs(lambda[at + (size_t)i]);
        open++;
      }
    }
    /* Some multipliers start at 0 but must be able to move. */
    const double mean = open ? sum / open : 0;
    for (int i = 0; i < n; i++)
      run->scale[k][at + (size_t)i] = 0.5 * (fabs(lambda[at + (size_t)i]) + mean);
  }
}

static int keep_best(const Run *run, double target, double *lower)
{
  int open = 0;
  for (int r = 0; r < run->n_rows; r++) {
    if (run->value[r] > lower[r]) lower[r] = run->value[r];
    open += !(lower[r] > target);
  }
  return open;
}

/* mu of stable ReLUs takes no part. */
static void mask(const Bounds *b, int k, const LagrangianBatch *batch, double *g)
{
  const int j = b->net->nodes[k].in[0], n = b->net->nodes[k].size;
  if (!b->is_relu[j]) return;
  for (int r = 0; r < batch->n_rows; r++)
    for (int i = 0; i < n; i++) {
      const size_t box = lagrangian_box(batch, r) * (size_t)n + (size_t)i;
      if (!(b->lo[j][box] < 0 && b->hi[j][box] > 0))
        g[(size_t)r * (size_t)n + (size_t)i] = 0;
    }
}

/* A ReLU's best p lies between 0 and lambda; lambda of the last pass is near enough. */
static void clip(const Lagrangian *L, int k, int n_rows, int n, double *mu)
{
  const double *lambda = lagrangian_lambda(L, k);
  for (size_t i = 0; i < (size_t)n_rows * (size_t)n; i++)
    mu[i] = lambda[i] >= 0 ? fmin(fmax(mu[i], 0), lambda[i])
                           : fmax(fmin(mu[i], 0), lambda[i]);
}

static void step(Run *run, Lagrangian *L, const Bounds *b, Objective *o,
                 const LagrangianBatch *batch, const DualParams *params, int t)
{
  const LagrangianGradient out = {.lambda = params->free_lambda ? run->g_lambda : NULL,
                                  .mu = run->g_mu,
                                  .y = run->y};
  const double rate = ascent_rate(RATE_FIRST, RATE_LAST, t, params->iterations);
  lagrangian_gradient(L, batch, &out);
  for (int k = 0; k < run->start; k++) {
    if (!run->mu[k] || !lagrangian_lambda(L, k)) continue;
    const int n = run->net->nodes[k].size;
    mask(b, k, batch, run->g_mu[k]);
    ascent_step(&run->on_mu[k], params->rule, t, rate, run->n_rows, n, run->g_mu[k],
                run->scale[k], -INFINITY, INFINITY, run->mu[k]);
    if (run->net->nodes[k].act == ACT_RELU) clip(L, k, run->n_rows, n, run->mu[k]);
    if (params->free_lambda)
      ascent_step(&run->on_lambda[k], params->rule, t, rate, run->n_rows, n,
                  run->g_lambda[k], run->scale[k], -INFINITY, INFINITY, run->lambda[k]);
  }
  if (o->has_weights) objective_step(o, run->y, WEIGHT_RATE * rate / RATE_FIRST);
}

int dual_optimise(Lagrangian *L, const Bounds *b, Objective *objective,
                  const DualParams *params, double *const *alpha, const Stop *stop,
                  double *lower)
{
  Run run = run_new(b->net, objective, params);
  LagrangianBatch batch = objective_batch(objective);
  batch.keep = true;
  batch.alpha = alpha;
  lagrangian_bound(L, b, &batch, run.value);
  for (int k = 0; k < run.start; k++)
    if (run.mu[k] && lagrangian_lambda(L, k)) start_from_pass(&run, L, b, &batch, k);
  batch.alpha = NULL;
  batch.mu = run.mu;
  batch.lambda = params->free_lambda ? run.lambda : NULL;
  int t = 0;
  while (keep_best(&run, params->target, lower) && t < params->iterations &&
         !stop_why(stop)) {
    batch.keep = true;
    if (t == 0) lagrangian_bound(L, b, &batch, run.value);
    step(&run, L, b, objective, &batch, params, t);
    t++;
    batch.keep = t < params->iterations;
    lagrangian_bound(L, b, &batch, run.value);
  }
  run_free(&run);
  return t;
}
