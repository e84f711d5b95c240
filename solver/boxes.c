/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/boxes.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"

/* Boxes bounded together by one thread, at most; fewer where the intervals of so many
 * would take more than GROUP_BYTES.  And parts in a batch of all threads, when nobody
 * says otherwise. */
#define GROUP       32
#define GROUP_BYTES ((size_t)128 << 20)
#define BATCH       256
/* Affine bounds where there are at least so many neurons for every uncertain input.
 * With 60 (ACAS Xu) they cost a tenth of the time, with 250 they save as much. */
#define NEURONS_PER_INPUT 100
/* Floats that may be kept with a region, and bytes of all regions before the search
 * goes for depth. */
#define MOST_KEPT ((size_t)1 << 14)
/* A coordinate whose coefficient happens to vanish in the bound may still loosen it:
 * this share of the mean coefficient is added to each. */
#define AXIS_FLOOR 0.3
/* Steps on the weights of a conjunction, and the most rows it may have for them. */
#define MIX_STEPS 24
#define MIX_ROWS  64
/* Steps on slopes and weights of what is still open after that. */
#define SLOPE_STEPS 6

/* ---- set-up ---------------------------------------------------------------- */

/* Affine bounds for every part: they must cost little beside the backward ones. */
static bool wants_forms(const Query *query, const SplitParams *params)
{
  if (params->proof) return false;
  const int n = split_n_free(query);
  return n <= AFFINE_MOST_INPUTS &&
         net_n_neurons(query->net) >= NEURONS_PER_INPUT * (size_t)n;
}

static void worker_certifies(const Boxes *s, BoxesWorker *w, size_t most)
{
  const int block = lagrangian_max_rows(w->L);
  const Net *net = s->query->net;
  w->mixed_bound = mem_zero(most, sizeof *w->mixed_bound);
  w->best_row = mem_array((size_t)s->n_open, sizeof *w->best_row);
  w->best_mixed = mem_array((size_t)s->n_open, sizeof *w->best_mixed);
  w->alpha = lagrangian_new_multipliers(net, block);
  w->exact = lagrangian_new_multipliers(net, block);
  w->exact_mixed = mem_doubles((size_t)block * (size_t)net_out_size(net));
  w->source = mem_array((size_t)block, sizeof *w->source);
  w->value = mem_doubles((size_t)block);
}

BoxesWorker *boxes_worker_new(const Boxes *s, Lagrangian *L)
{
  BoxesWorker *w = mem_zero(1, sizeof *w);
  w->L = L;
  w->solo = (Team){1, &w->L};
  w->crown = crown_new(&w->solo);
  w->b = bounds_new(s->query->net, s->group);
  const size_t rows = (size_t)s->group * (size_t)s->n_rows;
  if (wants_forms(s->query, s->params))
    w->affine = affine_new(s->query->net, s->group, split_n_free(s->query));
  w->slopes = slopes_new(s->query->net, lagrangian_max_rows(w->L));
  w->unit = mem_array(rows, sizeof *w->unit);
  w->box = mem_array(rows, sizeof *w->box);
  w->sign = mem_array(rows, sizeof *w->sign);
  w->lower = mem_doubles(rows);
  w->q0 = mem_doubles(rows * (size_t)s->n);
  w->best = mem_array((size_t)s->n_open, sizeof *w->best);
  w->gain = mem_array((size_t)s->n_open, sizeof *w->gain);
  const size_t most = (size_t)s->group * (size_t)s->n_open;
  w->mixed_first = mem_array(most, sizeof *w->mixed_first);
  w->mixed_count = mem_array(most, sizeof *w->mixed_count);
  w->mixed_box = mem_array(most, sizeof *w->mixed_box);
  w->mixed_case = mem_array(most, sizeof *w->mixed_case);
  w->mixed = mem_doubles(most * (size_t)net_out_size(s->query->net));
  w->mixed_lower = mem_doubles(most);
  w->mixed_q0 = mem_doubles(most * (size_t)s->n);
  w->mixed_gain = mem_doubles(most * (size_t)s->n);
  w->weight = mem_doubles((size_t)s->n_rows);
  if (s->params->proof) worker_certifies(s, w, most);
  return w;
}

void boxes_worker_free(const Boxes *s, BoxesWorker *w)
{
  const Net *net = s->query->net;
  for (int i = 0; w->mixed_bound && i < s->group * s->n_open; i++)
    proof_text_free(&w->mixed_bound[i]);
  mem_free(w->mixed_bound);
  mem_free(w->best_row);
  mem_free(w->best_mixed);
  lagrangian_free_multipliers(net, w->alpha);
  lagrangian_free_multipliers(net, w->exact);
  mem_free(w->exact_mixed);
  mem_free(w->source);
  mem_free(w->value);
  bounds_free(w->b);
  crown_free(w->crown);
  affine_free(w->affine);
  slopes_free(w->slopes);
  mem_free(w->unit);
  mem_free(w->box);
  mem_free(w->sign);
  mem_free(w->lower);
  mem_free(w->q0);
  mem_free(w->best);
  mem_free(w->gain);
  mem_free(w->mixed_first);
  mem_free(w->mixed_count);
  mem_free(w->mixed_box);
  mem_free(w->mixed_case);
  mem_free(w->mixed);
  mem_free(w->mixed_lower);
  mem_free(w->mixed_q0);
  mem_free(w->mixed_gain);
  mem_free(w->weight);
  mem_free(w);
}

static void list_rows(Boxes *s)
{
  const Query *query = s->query;
  s->open = mem_array((size_t)query->n_cases, sizeof *s->open);
  for (int k = 0; k < query->n_cases; k++) {
    if (s->result->cases[query->first_case + k].lower > 0) continue;
    s->open[s->n_open++] = k;
    s->n_rows += query->row[k + 1] - query->row[k];
  }
  s->row = mem_array((size_t)s->n_rows, sizeof *s->row);
  s->row_case = mem_array((size_t)s->n_rows, sizeof *s->row_case);
  s->first = mem_zero((size_t)s->n_open + 1, sizeof *s->first);
  int n = 0;
  for (int c = 0; c < s->n_open; c++) {
    for (int j = query->row[s->open[c]]; j < query->row[s->open[c] + 1]; j++) {
      s->row[n] = j;
      s->row_case[n++] = c;
    }
    s->first[c + 1] = n;
    s->has_conjunctions = s->has_conjunctions || n - s->first[c] > 1;
  }
}

static int group_size(const Query *query, const SplitParams *params)
{
  const Net *net = query->net;
  size_t total = 0;
  for (int k = 0; k < net->n_nodes; k++)
    total += (size_t)net->nodes[k].size;
  size_t box = total * 8 * sizeof(double); /* arrays of bounds/bounds.h */
  if (wants_forms(query, params)) box += affine_bytes(net, 1, split_n_free(query));
  return box * GROUP <= GROUP_BYTES ? GROUP : 1 + (int)(GROUP_BYTES / (box + 1));
}

void boxes_init(Boxes *s)
{
  s->group = group_size(s->query, s->params);
  list_rows(s);
  s->n = s->query->box->n;
  s->batch = s->params->batch > 1 ? s->params->batch : BATCH;
  if (s->group > s->batch) s->group = s->batch;
  const size_t batch = (size_t)s->batch, n = (size_t)s->n;
  /* What is known about the neurons of a part is where its halves start from. */
  for (int k = 0; k < s->query->net->n_nodes; k++) {
    const Node *v = &s->query->net->nodes[k];
    if (net_is_nonlinear(v)) s->kept += 2 * (size_t)v->n_in * (size_t)v->size;
  }
  if (s->kept > MOST_KEPT) s->kept = 0;
  if (s->kept) s->kept += (size_t)s->n_open;
  s->interval = mem_array(batch * s->kept + 1, sizeof *s->interval);
  s->part = mem_array(batch, sizeof *s->part);
  s->events = mem_zero(batch, sizeof *s->events);
  s->lo = mem_doubles(batch * n);
  s->hi = mem_doubles(batch * n);
  s->corner = mem_doubles(batch * n);
  s->weakest = mem_array(batch, sizeof *s->weakest);
  s->case_lower = mem_doubles(batch * (size_t)s->n_open + 1);
}

void boxes_free(Boxes *s)
{
  for (int p = 0; p < s->batch; p++)
    proof_text_free(&s->events[p]);
  mem_free(s->events);
  mem_free(s->row);
  mem_free(s->row_case);
  mem_free(s->open);
  mem_free(s->first);
  mem_free(s->part);
  mem_free(s->lo);
  mem_free(s->hi);
  mem_free(s->interval);
  mem_free(s->corner);
  mem_free(s->weakest);
  mem_free(s->case_lower);
}

/* ---- rows and their mixtures ------------------------------------------------ */

/* Proven bounds of all rows on the group's boxes, in blocks that fit the workspace. */
static void bound_rows(const Boxes *s, BoxesWorker *w, int n_boxes)
{
  const int total = n_boxes * s->n_rows, block = lagrangian_max_rows(w->L);
  for (int r = 0; r < total; r++) {
    w->unit[r] = s->row[r % s->n_rows];
    w->box[r] = r / s->n_rows;
    w->sign[r] = 1;
  }
  for (int from = 0; from < total; from += block) {
    const LagrangianBatch batch = {.start = s->query->net->n_nodes - 1,
                                   .n_rows =
                                       total - from < block ? total - from : block,
                                   .unit = w->unit + from,
                                   .sign = w->sign + from,
                                   .box = w->box + from,
                                   .q0 = w->q0 + (size_t)from * (size_t)s->n};
    lagrangian_bound(w->L, w->b, &batch, w->lower + from);
  }
}

/* Row r of the group bounds its margin from below by the affine function
 * lower_r + q_r . x - min over the box of q_r . x.  For the `n` rows of a case, find
 * weights for which the smallest value over the box of the weighted sum is large, by
 * exponentiated gradient steps: no pass through the network is needed. */
static void mix_rows(const Boxes *s, const BoxesWorker *w, int box, int c,
                     const double *lo, const double *hi)
{
  const int n = s->first[c + 1] - s->first[c];
  const size_t dims = (size_t)s->n, at = (size_t)(box * s->n_rows + s->first[c]);
  double value[MIX_ROWS], best_weight[MIX_ROWS], best = -INFINITY;
  for (int j = 0; j < n; j++)
    w->weight[j] = best_weight[j] = 1.0 / n;
  for (int t = 0; t < MIX_STEPS; t++) {
    double bound = 0, most = -INFINITY, least = INFINITY, sum = 0;
    for (int j = 0; j < n; j++)
      value[j] = w->lower[at + (size_t)j];
    /* At the minimising corner, coordinate by coordinate. */
    for (size_t i = 0; i < dims; i++) {
      double q = 0;
      for (int j = 0; j < n; j++)
        q += w->weight[j] * w->q0[(at + (size_t)j) * dims + i];
      const double x = q >= 0 ? lo[i] : hi[i];
      for (int j = 0; j < n; j++) {
        const double qj = w->q0[(at + (size_t)j) * dims + i];
        value[j] += qj * (x - (qj >= 0 ? lo[i] : hi[i]));
      }
    }
    for (int j = 0; j < n; j++) {
      bound += w->weight[j] * value[j];
      most = fmax(most, value[j]);
      least = fmin(least, value[j]);
    }
    if (bound > best) {
      best = bound;
      memcpy(best_weight, w->weight, (size_t)n * sizeof *best_weight);
    }
    if (!(most > least)) break;
    const double rate = 4.0 / (1 + t) / (most - least) + 0.5 / (most - least);
    for (int j = 0; j < n; j++)
      sum += w->weight[j] = fmax(w->weight[j], 1e-6) * exp(rate * (value[j] - most));
    for (int j = 0; j < n; j++)
      w->weight[j] /= sum;
  }
  memcpy(w->weight, best_weight, (size_t)n * sizeof *best_weight);
}

/* Slopes and weights as a certificate has them, and as they were found. */
static void round_mixed(const Boxes *s, BoxesWorker *w, const Objective *o)
{
  const Packed *packed = s->params->packed;
  const size_t n = (size_t)o->n_rows;
  for (int k = 0; k < o->start; k++)
    if (w->alpha[k])
      memcpy(w->exact[k], w->alpha[k],
             n * (size_t)s->query->net->nodes[k].size * sizeof(double));
  memcpy(w->exact_mixed, o->c, n * (size_t)o->size * sizeof(double));
  for (int i = 0; i < o->n_rows; i++)
    packed_round(packed, o->start, w->alpha, i);
  for (size_t i = 0; i < n * (size_t)o->size; i++)
    o->c[i] = (double)(float)o->c[i];
}

/* Write down what closes a case among the mixed rows from `first` on: rounded, unless
 * the bound does not stand that. */
static void certify_mixed(const Boxes *s, BoxesWorker *w, Objective *o, int first)
{
  bool any = false;
  for (int i = 0; i < o->n_rows; i++) {
    w->mixed_bound[first + i].n = 0;
    any = any || w->mixed_lower[first + i] > 0;
  }
  if (!any) return;
  round_mixed(s, w, o);
  LagrangianBatch batch = objective_batch(o);
  batch.alpha = w->alpha;
  lagrangian_bound(w->L, w->b, &batch, w->value);
  for (int i = 0; i < o->n_rows; i++) {
    if (!(w->mixed_lower[first + i] > 0)) continue;
    const bool fine = w->value[i] > 0;
    const size_t at = (size_t)i * (size_t)o->size + (size_t)o->first[i];
    proof_bound(s->params->proof,
                &(ProofBound){.row = -1,
                              .count = o->count[i],
                              .weight = (fine ? o->c : w->exact_mixed) + at,
                              .exact = !fine,
                              .alpha = fine ? w->alpha : w->exact,
                              .r = i},
                &w->mixed_bound[first + i]);
  }
}

/* A few steps on the slopes and weights of rows r .. r + n: they cost little beside the
 * intermediate bounds, which stay as they are. */
static void optimise_mixed(const Boxes *s, BoxesWorker *w, int r, int n)
{
  const int size = net_out_size(s->query->net);
  for (int i = 0; i < n; i++) {
    const int c = w->mixed_case[r + i];
    w->mixed_first[i] = s->row[s->first[c]];
    w->mixed_count[i] = s->first[c + 1] - s->first[c];
  }
  Objective o = {.start = s->query->net->n_nodes - 1,
                 .n_rows = n,
                 .size = size,
                 .box = w->mixed_box + r,
                 .first = w->mixed_first,
                 .count = w->mixed_count,
                 .c = w->mixed + (size_t)r * (size_t)size,
                 .has_weights = s->has_conjunctions};
  const SlopesParams params = {
      .iterations = SLOPE_STEPS, .stop = s->stop, .alpha = w->alpha};
  slopes_run(w->slopes, w->L, w->b, &o, &params, w->mixed_lower + r);
  if (s->params->proof) certify_mixed(s, w, &o, r);
}

/* A weighted row, with optimised slopes, for every case that its rows alone leave open.
 */
static void bound_mixed(const Boxes *s, BoxesWorker *w, int from, int n_boxes)
{
  const size_t size = (size_t)net_out_size(s->query->net), dims = (size_t)s->n;
  const int block = lagrangian_max_rows(w->L);
  w->n_mixed = 0;
  for (int t = 0; t < n_boxes; t++)
    for (int c = 0; c < s->n_open; c++) {
      const int n = s->first[c + 1] - s->first[c], at = t * s->n_rows + s->first[c];
      bool open = n <= MIX_ROWS;
      for (int j = 0; j < n; j++)
        open = open && !(w->lower[at + j] > 0) && isfinite(w->lower[at + j]);
      if (!open) continue;
      const size_t p = (size_t)(from + t) * dims;
      mix_rows(s, w, t, c, s->lo + p, s->hi + p);
      double *objective = w->mixed + (size_t)w->n_mixed * size;
      memset(objective, 0, size * sizeof *objective);
      for (int j = 0; j < n; j++)
        objective[s->row[s->first[c] + j]] = w->weight[j];
      for (size_t i = 0; i < dims; i++) {
        double gain = 0;
        for (int j = 0; j < n; j++)
          gain += w->weight[j] * fabs(w->q0[(size_t)(at + j) * dims + i]);
        w->mixed_gain[(size_t)w->n_mixed * dims + i] = gain;
      }
      w->mixed_box[w->n_mixed] = t;
      w->mixed_case[w->n_mixed++] = c;
    }
  for (int r = 0; r < w->n_mixed; r += block) {
    const int n = w->n_mixed - r < block ? w->n_mixed - r : block;
    const LagrangianBatch batch = {.start = s->query->net->n_nodes - 1,
                                   .n_rows = n,
                                   .c = w->mixed + (size_t)r * size,
                                   .box = w->mixed_box + r,
                                   .q0 = w->mixed_q0 + (size_t)r * dims};
    lagrangian_bound(w->L, w->b, &batch, w->mixed_lower + r);
    optimise_mixed(s, w, r, n);
  }
}

/* ---- a part ----------------------------------------------------------------- */

/* The best bound of each case of a part, by a row alone or a weighted one, and the
 * coefficients it has in the inputs. */
static void best_bounds(const Boxes *s, BoxesWorker *w, int box, double *lower,
                        const double **q, const double **gain)
{
  const size_t dims = (size_t)s->n;
  for (int c = 0; c < s->n_open; c++) {
    lower[c] = -INFINITY;
    if (s->params->proof) w->best_row[c] = w->best_mixed[c] = -1;
    q[c] = gain[c] = w->q0 + (size_t)(box * s->n_rows + s->first[c]) * dims;
  }
  for (int j = 0; j < s->n_rows; j++) {
    const int r = box * s->n_rows + j, c = s->row_case[j];
    if (!(w->lower[r] > lower[c])) continue;
    lower[c] = w->lower[r];
    q[c] = gain[c] = w->q0 + (size_t)r * dims;
    if (s->params->proof) w->best_row[c] = j - s->first[c];
  }
  for (int r = 0; r < w->n_mixed; r++) {
    const int c = w->mixed_case[r];
    if (w->mixed_box[r] != box || !(w->mixed_lower[r] > lower[c])) continue;
    lower[c] = w->mixed_lower[r];
    if (s->params->proof) w->best_mixed[c] = r;
    q[c] = w->mixed_q0 + (size_t)r * dims;
    gain[c] = w->mixed_gain + (size_t)r * dims;
  }
}

/* Write down what closes case c on part p: of a part that is done the bounds of rows
 * alone need no mention. */
static void note_case(const Boxes *s, BoxesWorker *w, int p, int c, bool done)
{
  ProofText *text = &s->events[p];
  const int mixed = w->best_mixed[c];
  if (mixed < 0 && done) return;
  proof_number(text, (size_t)s->part[p].id);
  proof_number(text, (size_t)s->open[c]);
  if (mixed >= 0)
    proof_bytes(text, w->mixed_bound[mixed].at, w->mixed_bound[mixed].n);
  else
    proof_bound(s->params->proof, &(ProofBound){.row = w->best_row[c]}, text);
}

/* Cases that are closed here and were not before.  Where bounds of cases are not handed
 * on, all of them have to be closed in one part. */
static void note_closed(const Boxes *s, BoxesWorker *w, int p, const double *lower)
{
  bool done = true;
  s->events[p].n = 0;
  for (int c = 0; c < s->n_open; c++)
    done = done && lower[c] > 0;
  for (int c = 0; c < s->n_open; c++) {
    const float *known =
        s->kept ? s->interval + (size_t)(p + 1) * s->kept - (size_t)(s->n_open - c)
                : NULL;
    if (lower[c] > 0 && !(known && *known > 0) && (known || done))
      note_case(s, w, p, c, done);
  }
}

/* The weakest case counts for the part; its coefficients choose the next cut and the
 * corner to probe. */
static void judge_part(const Boxes *s, BoxesWorker *w, int p, int box)
{
  const size_t n = (size_t)s->n;
  double *lower = s->case_lower + (size_t)p * (size_t)s->n_open;
  best_bounds(s, w, box, lower, w->best, w->gain);
  if (s->params->proof) note_closed(s, w, p, lower);
  /* What the whole had proved holds for its halves: a case that is closed stays closed.
   */
  for (int c = 0; s->kept && c < s->n_open; c++) {
    float *known = s->interval + (size_t)(p + 1) * s->kept - (size_t)(s->n_open - c);
    lower[c] = fmax(lower[c], (double)*known);
    *known = round_float_dn(lower[c]);
  }
  int weakest = 0;
  for (int c = 1; c < s->n_open; c++)
    if (lower[c] < lower[weakest]) weakest = c;
  const double *q = w->best[weakest], *slope = w->gain[weakest];
  const double *lo = s->lo + (size_t)p * n, *hi = s->hi + (size_t)p * n;
  double most = -1, widest = -1, mean = 0;
  for (size_t i = 0; i < n; i++)
    mean += fabs(slope[i]) / (double)n;
  for (size_t i = 0; i < n; i++) {
    s->corner[(size_t)p * n + i] = q[i] >= 0 ? lo[i] : hi[i];
    const double width = hi[i] - lo[i],
                 g = (fabs(slope[i]) + AXIS_FLOOR * mean) * width;
    /* Without any coefficient the widest coordinate is as good as another. */
    if (g > most || (!(g < most) && width > widest)) {
      most = g;
      widest = width;
      s->part[p].axis = (int)i;
    }
  }
  /* The parent's bound holds on its parts too. */
  s->part[p].lower = fmax(s->part[p].lower, lower[weakest]);
  s->weakest[p] = s->open[weakest];
}

/* Intervals of all pre-activations of box t, rounded outwards, and back. */
static void store_intervals(const Boxes *s, const Bounds *b, int t, float *to)
{
  for (int k = 0; s->kept && k < b->net->n_nodes; k++) {
    if (b->pre[k] < 0) continue;
    const size_t n = (size_t)b->net->nodes[k].size, at = (size_t)t * n;
    for (size_t i = 0; i < n; i++) {
      *to++ = round_float_dn(b->lo[k][at + i]);
      *to++ = round_float_up(b->hi[k][at + i]);
    }
  }
}

static void load_intervals(const Boxes *s, Bounds *b, int t, const float *from)
{
  for (int k = 0; s->kept && k < b->net->n_nodes; k++) {
    if (b->pre[k] < 0) continue;
    for (int i = 0; i < b->net->nodes[k].size; i++, from += 2)
      bounds_meet(b, k, t, i, (double)from[0], (double)from[1]);
  }
}

/* What is known of part p, in box t, before it is bounded. */
static void load_known(const Boxes *s, Bounds *b, int t, int p)
{
  const Bounds *root = s->params->root;
  load_intervals(s, b, t, s->interval + (size_t)p * s->kept);
  for (int k = 0; root && !s->kept && k < b->net->n_nodes; k++)
    for (int i = 0; b->pre[k] >= 0 && i < b->net->nodes[k].size; i++)
      bounds_meet(b, k, t, i, root->lo[k][i], root->hi[k][i]);
}

void boxes_bound(const Boxes *s, BoxesWorker *w, int g)
{
  const size_t n = (size_t)s->n;
  const int from = g * s->group;
  const int n_boxes = s->n_parts - from < s->group ? s->n_parts - from : s->group;
  if (stop_why(s->stop)) return;
  const int all = w->b->n_box;
  w->b->n_box = n_boxes;
  bounds_reset(w->b);
  for (int t = 0; t < n_boxes; t++) {
    bounds_set_box(w->b, t, s->lo + (size_t)(from + t) * n,
                   s->hi + (size_t)(from + t) * n);
    load_known(s, w->b, t, from + t);
  }
  const CrownParams params = {.first = 1, .affine = w->affine, .stop = s->stop};
  if (s->params->root && s->part[from].depth == BOXES_ROOT_DEPTH)
    bounds_copy_box(w->b, 0, s->params->root, 0);
  else
    crown_run(w->crown, w->b, &params);
  bound_rows(s, w, n_boxes);
  bound_mixed(s, w, from, n_boxes);
  for (int t = 0; t < n_boxes; t++) {
    judge_part(s, w, from + t, t);
    store_intervals(s, w->b, t, s->interval + (size_t)(from + t) * s->kept);
  }
  w->b->n_box = all;
}
