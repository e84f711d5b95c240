/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/slopes.h"

#include <math.h>
#include <string.h>

#include "bounds/kernel.h"
#include "bounds/relax.h"
#include "net/base/mem.h"

/* Step lengths in units of the slopes' range [0, 1].  They fall by the same factor from
 * one iteration to the next: in a short run, which is far from the optimum to its end,
 * small steps would only waste iterations. */
#define RATE_FIRST 0.7
#define RATE_FALL  0.966
#define RATE_LAST  0.04 /* of the first */
/* Of curves and pairs: their best line or plane is somewhere between the ends and
 * seldom at one. */
#define CURVE_RATE 0.2
/* Steps of the weights of rows, and the last one, of the first. */
#define WEIGHT_RATE 2.0
#define WEIGHT_LAST 0.2
/* Steps of a beta in units of the multipliers around it, and the last, of the first. */
#define BETA_RATE 8.0
#define BETA_LAST 0.04
/* Rows that are done leave once they are this share of the batch. */
#define DONE_SHARE 0.25
/* See step_length. */
#define POLYAK       4.0
#define STALE_LENGTH 0.1

/* Rows looked at together. */
#define LOOK_ROWS 256

/* The state of one SlopesCut. */
typedef struct {
  int row;     /* where its row is now, -1 when it has left */
  double now;  /* beta */
  double m, v; /* Adam's averages */
  double unit; /* natural size of beta */
  double move; /* what the step would add */
} Cut;

struct Slopes {
  const Net *net;
  int max_rows;
  /* [n_nodes]: double [max_rows][size_k] of the activation nodes used so far */
  double **alpha, **beta, **g_alpha, **g_p, **move;
  Ascent *ascent;
  int cuts_room;
  Cut *cuts;
  LagrangianCut *own; /* LagrangianCut own[n_rows][own_cuts] */
  /* the batch as it is now */
  int n_rows;
  int *caller; /* int caller[n_rows]: the row in the caller's numbering */
  int *box, *unit, *first, *count;
  signed char *sign;
  size_t c_room;
  double *c, *y;
  double *value, *gain; /* double gain[n_rows]: what the step promises */
  bool *done;
};

/* One run: what does not change while it lasts. */
typedef struct {
  Slopes *s;
  Lagrangian *L;
  const Bounds *b;
  Objective *o; /* the caller's */
  const SlopesParams *params;
  double *lower; /* the caller's */
} Run;

Slopes *slopes_new(const Net *net, int max_rows)
{
  const size_t n = (size_t)net->n_nodes, rows = (size_t)max_rows;
  Slopes *s = mem_zero(1, sizeof *s);
  s->net = net;
  s->max_rows = max_rows;
  s->alpha = mem_zero(n, sizeof *s->alpha);
  s->beta = mem_zero(n, sizeof *s->beta);
  s->g_alpha = mem_zero(n, sizeof *s->g_alpha);
  s->g_p = mem_zero(n, sizeof *s->g_p);
  s->move = mem_zero(n, sizeof *s->move);
  s->ascent = mem_zero(n, sizeof *s->ascent);
  s->caller = mem_array(rows, sizeof *s->caller);
  s->box = mem_array(rows, sizeof *s->box);
  s->unit = mem_array(rows, sizeof *s->unit);
  s->first = mem_array(rows, sizeof *s->first);
  s->count = mem_array(rows, sizeof *s->count);
  s->sign = mem_array(rows, sizeof *s->sign);
  s->value = mem_doubles(rows);
  s->gain = mem_doubles(rows);
  s->done = mem_array(rows, sizeof *s->done);
  return s;
}

void slopes_free(Slopes *s)
{
  if (!s) return;
  for (int k = 0; k < s->net->n_nodes; k++) {
    mem_free(s->alpha[k]);
    mem_free(s->beta[k]);
    mem_free(s->g_alpha[k]);
    mem_free(s->g_p[k]);
    mem_free(s->move[k]);
    ascent_free(&s->ascent[k]);
  }
  mem_free(s->alpha);
  mem_free(s->beta);
  mem_free(s->g_alpha);
  mem_free(s->g_p);
  mem_free(s->move);
  mem_free(s->ascent);
  mem_free(s->cuts);
  mem_free(s->own);
  mem_free(s->caller);
  mem_free(s->box);
  mem_free(s->unit);
  mem_free(s->first);
  mem_free(s->count);
  mem_free(s->sign);
  mem_free(s->c);
  mem_free(s->y);
  mem_free(s->value);
  mem_free(s->gain);
  mem_free(s->done);
  mem_free(s);
}

static bool has_beta(const SlopesParams *params)
{
  return params->n_cuts > 0 && !params->own_cuts;
}

static bool is_ancestor(const Net *net, int start, int k)
{
  return k < start && net_is_nonlinear(&net->nodes[k]);
}

/* ---- starting ---------------------------------------------------------------- */

static void need_buffers(Slopes *s, int k, bool with_cuts)
{
  const size_t m = (size_t)s->max_rows * (size_t)s->net->nodes[k].size;
  if (!s->alpha[k]) {
    s->alpha[k] = mem_doubles(m);
    s->g_alpha[k] = mem_doubles0(m);
    s->move[k] = mem_doubles0(m);
    s->ascent[k] = ascent_new(m);
  }
  if (with_cuts && !s->beta[k]) {
    s->beta[k] = mem_doubles0(m);
    s->g_p[k] = mem_doubles0(m);
  }
}

/* The slopes of CROWN: adaptive, also for stable ReLUs. */
static void start_alpha(const Run *run, int k)
{
  const Bounds *b = run->b;
  Slopes *s = run->s;
  const int j = b->net->nodes[k].in[0];
  const size_t n = (size_t)b->net->nodes[k].size;
  for (int r = 0; r < s->n_rows; r++) {
    double *alpha = s->alpha[k] + (size_t)r * n;
    if (!b->is_relu[j]) {
      memcpy(alpha, b->down[j] + (size_t)s->box[r] * n, n * sizeof *alpha);
      continue;
    }
    const double *lo = b->lo[j] + (size_t)s->box[r] * n,
                 *hi = b->hi[j] + (size_t)s->box[r] * n;
    for (size_t i = 0; i < n; i++)
      alpha[i] = relax_prefers_one(lo[i], hi[i]) ? 1 : 0;
  }
}

static void copy_objective(Slopes *s, const Objective *o)
{
  s->n_rows = o->n_rows;
  const size_t size = (size_t)o->size, rows = (size_t)o->n_rows;
  if (o->c && s->c_room < (size_t)s->max_rows * size) {
    s->c_room = (size_t)s->max_rows * size;
    mem_free(s->c);
    mem_free(s->y);
    s->c = mem_doubles(s->c_room);
    s->y = mem_doubles(s->c_room);
  }
  if (o->c) memcpy(s->c, o->c, rows * size * sizeof *s->c);
  for (int r = 0; r < o->n_rows; r++) {
    s->caller[r] = r;
    s->box[r] = o->box ? o->box[r] : 0;
    s->unit[r] = o->unit ? o->unit[r] : 0;
    s->sign[r] = o->sign ? o->sign[r] : 1;
    s->first[r] = o->first ? o->first[r] : 0;
    s->count[r] = o->count ? o->count[r] : 0;
    s->done[r] = false;
  }
}

static void start_cuts(Slopes *s, const SlopesParams *params)
{
  if (params->n_cuts > s->cuts_room) {
    s->cuts_room = 2 * params->n_cuts;
    s->cuts = mem_grow(s->cuts, (size_t)s->cuts_room, sizeof *s->cuts);
    s->own = mem_grow(s->own, (size_t)s->cuts_room, sizeof *s->own);
  }
  for (int i = 0; i < params->n_cuts; i++)
    s->cuts[i] = (Cut){.row = params->cuts[i].row, .now = params->cuts[i].beta};
}

static double *beta_of(const Slopes *s, const SlopesCut *cut, int row)
{
  return s->beta[cut->node] + (size_t)row * (size_t)s->net->nodes[cut->node].size +
         cut->index;
}

/* The same for cuts that belong to one row each: all rows have as many, in order. */
static void fill_own(Slopes *s, const SlopesParams *params)
{
  int at = 0;
  for (int i = 0; i < params->n_cuts; i++) {
    const SlopesCut *cut = &params->cuts[i];
    if (s->cuts[i].row < 0) continue;
    s->own[at++] = (LagrangianCut){.node = cut->node,
                                   .index = cut->index,
                                   .positive = cut->positive,
                                   .beta = s->cuts[i].now};
  }
}

/* Write the betas of all cuts where the Lagrangian reads them, or zeros. */
static void scatter_cuts(Slopes *s, const SlopesParams *params, bool clear)
{
  if (params->own_cuts) {
    fill_own(s, params);
    return;
  }
  for (int i = 0; i < params->n_cuts; i++)
    if (s->cuts[i].row >= 0 && params->cuts[i].node >= 0)
      *beta_of(s, &params->cuts[i], s->cuts[i].row) = clear ? 0 : s->cuts[i].now;
}

static void start(Run *run)
{
  Slopes *s = run->s;
  const SlopesParams *params = run->params;
  copy_objective(s, run->o);
  start_cuts(s, params);
  for (int k = 0; k < run->o->start; k++) {
    if (!is_ancestor(s->net, run->o->start, k)) continue;
    const size_t m = (size_t)s->n_rows * (size_t)s->net->nodes[k].size;
    need_buffers(s, k, params->n_cuts > 0 || params->mean);
    memset(s->ascent[k].m, 0, m * sizeof(double));
    memset(s->ascent[k].v, 0, m * sizeof(double));
    double *mine = params->alpha ? params->alpha[k] : NULL;
    if (params->warm && mine) {
      memcpy(s->alpha[k], mine, m * sizeof(double));
    } else {
      start_alpha(run, k);
      if (mine) memcpy(mine, s->alpha[k], m * sizeof(double));
    }
  }
  scatter_cuts(s, params, false);
}

/* ---- one iteration ----------------------------------------------------------- */

/* Keep what has improved in the caller's arrays; returns the rows still open. */
static int keep_best(Run *run)
{
  Slopes *s = run->s;
  const SlopesParams *params = run->params;
  int open = 0;
  bool improved_any = false;
  for (int r = 0; r < s->n_rows; r++) {
    const size_t at = (size_t)s->caller[r];
    const bool improved = s->value[r] > run->lower[at];
    if (improved) {
      run->lower[at] = s->value[r];
      improved_any = true;
      for (int k = 0; params->alpha && k < run->o->start; k++) {
        if (!is_ancestor(s->net, run->o->start, k) || !params->alpha[k]) continue;
        const size_t n = (size_t)s->net->nodes[k].size;
        memcpy(params->alpha[k] + at * n, s->alpha[k] + (size_t)r * n,
               n * sizeof(double));
      }
      if (run->o->has_weights)
        memcpy(run->o->c + at * (size_t)run->o->size,
               s->c + (size_t)r * (size_t)run->o->size,
               (size_t)run->o->size * sizeof *s->c);
    }
    s->gain[r] = improved ? 1 : 0; /* until the next step a flag for the cuts */
    s->done[r] = run->lower[at] > params->target;
    open += !s->done[r];
  }
  for (int i = 0; improved_any && i < params->n_cuts; i++)
    if (s->cuts[i].row >= 0 && s->gain[s->cuts[i].row] > 0)
      params->cuts[i].beta = s->cuts[i].now;
  return open;
}

static void move_row(Run *run, int from, int to)
{
  Slopes *s = run->s;
  s->caller[to] = s->caller[from];
  s->value[to] = s->value[from];
  s->box[to] = s->box[from];
  s->unit[to] = s->unit[from];
  s->sign[to] = s->sign[from];
  s->first[to] = s->first[from];
  s->count[to] = s->count[from];
  s->done[to] = false;
  const size_t size = (size_t)run->o->size;
  if (run->o->c)
    memcpy(s->c + (size_t)to * size, s->c + (size_t)from * size, size * sizeof *s->c);
  for (int k = 0; k < run->o->start; k++) {
    if (!is_ancestor(s->net, run->o->start, k)) continue;
    const size_t n = (size_t)s->net->nodes[k].size, a = (size_t)to * n,
                 z = (size_t)from * n;
    memcpy(s->alpha[k] + a, s->alpha[k] + z, n * sizeof(double));
    memcpy(s->ascent[k].m + a, s->ascent[k].m + z, n * sizeof(double));
    memcpy(s->ascent[k].v + a, s->ascent[k].v + z, n * sizeof(double));
  }
}

/* Drop the rows that are done.  The cuts are sorted by row, and stay so. */
static void drop_done(Run *run)
{
  Slopes *s = run->s;
  const SlopesParams *params = run->params;
  scatter_cuts(s, params, true);
  int n = 0, cut = 0;
  for (int r = 0; r < s->n_rows; r++) {
    const bool stays = !s->done[r];
    for (; cut < params->n_cuts && s->cuts[cut].row <= r; cut++)
      if (s->cuts[cut].row == r) s->cuts[cut].row = stays ? n : -1;
    if (!stays) continue;
    if (n < r) move_row(run, r, n);
    n++;
  }
  s->n_rows = n;
  scatter_cuts(s, params, false);
}

/* Betas grow in units of the multipliers of their layer. */
static void set_units(Run *run)
{
  Slopes *s = run->s;
  for (int i = 0; i < run->params->n_cuts; i++) {
    const SlopesCut *cut = &run->params->cuts[i];
    if (cut->node < 0) continue;
    const double *lambda = lagrangian_lambda(run->L, cut->node);
    const size_t n = (size_t)s->net->nodes[cut->node].size;
    s->cuts[i].unit = 0;
    if (s->cuts[i].row < 0 || !lambda) continue;
    double sum = 0;
    for (size_t k = 0; k < n; k++)
      sum += fabs(lambda[(size_t)s->cuts[i].row * n + k]);
    s->cuts[i].unit =
        sum / (double)n + fabs(lambda[(size_t)s->cuts[i].row * n + (size_t)cut->index]);
  }
}

/* What the betas of all cuts would move by, and what that promises. */
static void direct_cuts(Run *run, int t, double rate)
{
  Slopes *s = run->s;
  const AscentSchedule now = ascent_schedule(t, rate);
  for (int i = 0; i < run->params->n_cuts; i++) {
    const SlopesCut *cut = &run->params->cuts[i];
    Cut *c = &s->cuts[i];
    if (c->row < 0 || cut->node < 0) continue;
    const double g =
        s->g_p[cut->node][(size_t)c->row * (size_t)s->net->nodes[cut->node].size +
                          (size_t)cut->index];
    double to = c->now + c->unit * ascent_move(&now, g, &c->m, &c->v);
    if (cut->positive ? to > 0 : to < 0) to = 0;
    c->move = to - c->now;
    s->gain[c->row] += g * c->move;
  }
}

/* The bound is concave, so a step gains no more than its slope promises.  Promising
 * more than what is missing is a step too far: Polyak's rule, with some room because
 * promises are not kept. */
static double step_length(const Run *run, int r)
{
  const double missing = run->params->target - run->s->value[r], gain = run->s->gain[r];
  if (!isfinite(missing)) return 1;
  if (missing <= 0) return 0; /* done, and still in the batch */
  if (!(gain > 0)) return STALE_LENGTH;
  const double length = POLYAK * missing / gain;
  return length < 1 ? length : 1;
}

static bool takes_part(const Run *run, int k)
{
  return is_ancestor(run->s->net, run->o->start, k) && lagrangian_lambda(run->L, k);
}

/* Add what `move` holds, each row with its length in `gain`. */
static void move(Run *run)
{
  Slopes *s = run->s;
  for (int k = 0; k < run->o->start; k++) {
    if (!takes_part(run, k)) continue;
    const int n = s->net->nodes[k].size;
    for (int r = 0; r < s->n_rows; r++)
      kernel_axpy(n, s->gain[r], s->move[k] + (size_t)r * (size_t)n,
                  s->alpha[k] + (size_t)r * (size_t)n);
  }
  for (int i = 0; i < run->params->n_cuts; i++) {
    Cut *c = &s->cuts[i];
    if (c->row < 0) continue;
    c->now += s->gain[c->row] * c->move;
  }
  scatter_cuts(s, run->params, false);
}

/* ---- Adam ------------------------------------------------------------------- */

static void adam_step(Run *run, int t)
{
  Slopes *s = run->s;
  const double rate = RATE_FIRST * fmax(RATE_LAST, pow(RATE_FALL, t));
  for (int r = 0; r < s->n_rows; r++)
    s->gain[r] = 0;
  for (int k = 0; k < run->o->start; k++) {
    if (!takes_part(run, k)) continue;
    const int n = s->net->nodes[k].size;
    const bool is_relu = run->b->is_relu[s->net->nodes[k].in[0]];
    ascent_direction(&s->ascent[k], t, is_relu ? rate : CURVE_RATE * rate, s->n_rows, n,
                     s->g_alpha[k], 0, 1, s->alpha[k], s->move[k]);
    for (int r = 0; r < s->n_rows; r++)
      s->gain[r] += kernel_dot(n, s->g_alpha[k] + (size_t)r * (size_t)n,
                               s->move[k] + (size_t)r * (size_t)n);
  }
  direct_cuts(
      run, t,
      ascent_rate(BETA_RATE, BETA_RATE * BETA_LAST, t, run->params->iterations));
  for (int r = 0; r < s->n_rows; r++)
    s->gain[r] = step_length(run, r);
  move(run);
}

static LagrangianBatch batch_of(const Run *run)
{
  const Slopes *s = run->s;
  return (LagrangianBatch){.start = run->o->start,
                           .n_rows = s->n_rows,
                           .box = s->box,
                           .c = run->o->c ? s->c : NULL,
                           .unit = s->unit,
                           .sign = s->sign,
                           .alpha = s->alpha,
                           .beta = has_beta(run->params) ? s->beta : NULL,
                           .cut = run->params->own_cuts ? s->own : NULL,
                           .cuts_per_row = run->params->own_cuts};
}

/* Slopes of stable neurons take no part, so they must not promise anything.  Where
 * other functions have no choice the gradient is 0 by itself. */
static void clear_stable(Run *run, int k)
{
  Slopes *s = run->s;
  const int j = s->net->nodes[k].in[0];
  if (!run->b->is_relu[j]) return;
  const size_t n = (size_t)s->net->nodes[k].size;
  for (int r = 0; r < s->n_rows; r++) {
    double *restrict g = s->g_alpha[k] + (size_t)r * n;
    const double *restrict lo = run->b->bend_lo[j] + (size_t)s->box[r] * n,
                           *restrict hi = run->b->bend_hi[j] + (size_t)s->box[r] * n,
                           *lambda = lagrangian_lambda(run->L, k) + (size_t)r * n;
    for (size_t i = 0; i < n; i++)
      g[i] = (relax_has_slope(lo[i], hi[i]) & (lambda[i] > 0)) ? g[i] : 0;
  }
}

/* v = (v - z) + z of this iterate into the average. */
static void average(Run *run, int t)
{
  Slopes *s = run->s;
  const double w = 2.0 / (t + 2);
  for (int k = 0; k < run->o->start; k++) {
    if (!takes_part(run, k)) continue;
    const size_t n = (size_t)s->net->nodes[k].size;
    for (int r = 0; r < s->n_rows; r++) {
      double *restrict mean = run->params->mean[k] + (size_t)s->caller[r] * n;
      const double *restrict step = s->g_p[k] + (size_t)r * n, *restrict z =
                                                                   lagrangian_minimiser(
                                                                       run->L, k) +
                                                                   (size_t)r * n;
      for (size_t i = 0; i < n; i++)
        mean[i] = t ? mean[i] + w * (step[i] + z[i] - mean[i]) : step[i] + z[i];
    }
  }
}

static void step(Run *run, const LagrangianBatch *batch, int t)
{
  Slopes *s = run->s;
  const SlopesParams *params = run->params;
  const LagrangianGradient out = {.alpha = s->g_alpha,
                                  .mu = params->n_cuts || params->mean ? s->g_p : NULL,
                                  .y = run->o->has_weights ? s->y : NULL};
  if (t == 0) set_units(run);
  lagrangian_gradient(run->L, batch, &out);
  if (params->mean) average(run, t);
  for (int k = 0; k < run->o->start; k++)
    if (takes_part(run, k)) clear_stable(run, k);
  adam_step(run, t);
  if (run->o->has_weights)
    objective_step_rows(
        s->n_rows, run->o->size, s->first, s->count, s->y,
        ascent_rate(WEIGHT_RATE, WEIGHT_RATE * WEIGHT_LAST, t, params->iterations),
        s->c);
}

long slopes_run(Slopes *s, Lagrangian *L, const Bounds *b, Objective *objective,
                const SlopesParams *params, double *lower)
{
  STATUS_REQUIRE(objective->n_rows <= s->max_rows, "batch does not fit");
  Run run = {s, L, b, objective, params, lower};
  long passes = 0;
  start(&run);
  for (int t = 0; t <= params->iterations; t++) {
    LagrangianBatch batch = batch_of(&run);
    batch.keep = t < params->iterations;
    lagrangian_bound(L, b, &batch, s->value);
    passes += s->n_rows;
    const int open = keep_best(&run);
    if (!open || t == params->iterations || stop_why(params->stop)) break;
    step(&run, &batch, t);
    if (s->n_rows - open > DONE_SHARE * s->n_rows) drop_done(&run);
  }
  scatter_cuts(s, params, true);
  return passes;
}

/* The caller's multipliers as they stand. */
static LagrangianBatch as_given(Slopes *s, const Objective *objective,
                                const SlopesParams *params)
{
  start_cuts(s, params);
  for (int k = 0; k < objective->start; k++)
    if (is_ancestor(s->net, objective->start, k))
      need_buffers(s, k, params->n_cuts > 0);
  scatter_cuts(s, params, false);
  LagrangianBatch batch = objective_batch(objective);
  batch.alpha = params->alpha;
  batch.beta = has_beta(params) ? s->beta : NULL;
  batch.cut = params->own_cuts ? s->own : NULL;
  batch.cuts_per_row = params->own_cuts;
  return batch;
}

void slopes_look(Slopes *s, Lagrangian *L, const Bounds *b, Objective *objective,
                 const SlopesParams *params, const LagrangianGradient *out,
                 double *value, double *q0)
{
  LagrangianBatch batch = as_given(s, objective, params);
  batch.q0 = q0;
  batch.keep = true;
  lagrangian_bound(L, b, &batch, value);
  lagrangian_gradient(L, &batch, out);
  scatter_cuts(s, params, true);
}

void slopes_look_ahead(Slopes *s, Lagrangian *L, const Bounds *b, Objective *objective,
                       const SlopesParams *params, int n, const int *source,
                       const LagrangianCut *cut, double *value)
{
  STATUS_REQUIRE(objective->c, "rows are looked up by their source");
  LagrangianBatch batch = as_given(s, objective, params);
  const int block = lagrangian_max_rows(L);
  int box[LOOK_ROWS];
  for (int from = 0; from < n; from += batch.n_rows) {
    batch.n_rows = n - from < LOOK_ROWS ? n - from : LOOK_ROWS;
    if (batch.n_rows > block) batch.n_rows = block;
    for (int r = 0; r < batch.n_rows; r++)
      box[r] = objective->box ? objective->box[source[from + r]] : 0;
    batch.box = box;
    batch.source = source + from;
    batch.cut = cut + from;
    batch.cuts_per_row = 1;
    lagrangian_bound(L, b, &batch, value + from);
  }
  scatter_cuts(s, params, true);
}

int slopes_optimise(Lagrangian *L, const Bounds *b, Objective *objective,
                    int iterations, double target, const Stop *stop, double *lower,
                    double *const *alpha)
{
  objective_start(objective, L, b);
  Slopes *s = slopes_new(b->net, objective->n_rows);
  const SlopesParams params = {
      .iterations = iterations, .target = target, .stop = stop, .alpha = alpha};
  const long passes = slopes_run(s, L, b, objective, &params, lower);
  slopes_free(s);
  return (int)(passes / (objective->n_rows > 0 ? objective->n_rows : 1));
}
