/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/split.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "bounds/affine.h"
#include "bounds/bounds.h"
#include "bounds/crown.h"
#include "bounds/slopes.h"
#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "solver/frontier.h"
#include "solver/progress.h"
#include "solver/proof_tree.h"

/* Boxes bounded together by one thread, at most; fewer where the intervals of so many
 * would take more than GROUP_BYTES.  And parts in a batch of all threads, when nobody
 * says otherwise. */
#define GROUP       32
#define GROUP_BYTES ((size_t)128 << 20)
#define BATCH       256
/* Affine bounds where there are at least so many neurons for every uncertain input.
 * With 60 (ACAS Xu) they cost a tenth of the time, with 250 they save as much. */
#define NEURONS_PER_INPUT 100
/* Depth of the part that is the whole box. */
#define ROOT_DEPTH 1
/* Floats that may be kept with a region, and bytes of all regions before the search
 * goes for depth. */
#define MOST_KEPT ((size_t)1 << 14)
/* Points of a batch that are tried as witnesses, and how far the first step from there
 * goes, in half-widths of the box. */
#define PROBES      64
#define PROBE_REACH 0.2
/* A coordinate whose coefficient happens to vanish in the bound may still loosen it:
 * this share of the mean coefficient is added to each. */
#define AXIS_FLOOR 0.3
/* Steps on the weights of a conjunction, and the most rows it may have for them. */
#define MIX_STEPS 24
#define MIX_ROWS  64
/* Steps on slopes and weights of what is still open after that. */
#define SLOPE_STEPS 6

/* What one thread needs to bound a group. */
typedef struct {
  Bounds *b; /* one group of boxes */
  Lagrangian *L;
  Team solo;
  Crown *crown;
  Affine *affine; /* NULL: not worth it */
  Slopes *slopes;
  int *unit, *box;
  signed char *sign;
  double *lower, *q0;  /* double lower[rows], q0[rows][inputs] */
  const double **best; /* best[n_open]: coefficients of each case's best bound, */
  const double **gain; /* and what a cut of each input promises, per width */
  /* one weighted row for every box and case that its rows alone leave open */
  int n_mixed, *mixed_box, *mixed_case; /* box and open case of each */
  int *mixed_first, *mixed_count;       /* rows of its case */
  double *mixed; /* double mixed[group n_open][margins]: their objectives */
  double *mixed_lower, *mixed_q0;
  double *mixed_gain; /* sum_j w_j |q_ji|: the mixture's own q is small by design */
  double *weight;     /* double weight[n_rows], of one case */
  /* for a certificate */
  double **alpha, **exact; /* slopes of a block of mixed rows, as found and rounded */
  double *exact_mixed;     /* their objectives as found */
  int *source;
  double *value;
  ProofText
      *mixed_bound; /* ProofText mixed_bound[group n_open]: what closed the case */
  int *best_row, *best_mixed; /* int best_row[n_open], best_mixed[n_open]: of each
                               * case's best bound; -1: none */
} Worker;

typedef struct {
  const Team *team;
  const Query *query;
  Result *result;
  const Stop *stop;
  Attack *attack;
  const SplitParams *params;
  Worker *workers;
  int n;                 /* inputs */
  int group;             /* boxes in a group */
  int batch;             /* parts in work at once */
  int n_rows;            /* rows of the open cases */
  int *row, *row_case;   /* their elements and which open case they belong to */
  int n_open, *open;     /* open cases, from query->first_case */
  int *first;            /* int first[n_open + 1]: their rows in `row` */
  bool has_conjunctions; /* an open case has several rows */
  Frontier frontier;
  /* the parts of one batch */
  long leaves; /* parts closed */
  int n_parts;
  Region *part;           /* Region part[batch] */
  double *lo, *hi;        /* double lo[batch][n] */
  size_t kept;            /* floats kept with a region: lo, hi of its neurons,
                           * then the proven bound of every open case */
  float *interval;        /* float interval[batch][kept] */
  float *parent_interval; /* float parent_interval[kept] */
  double *corner;     /* double corner[batch][n]: where the weakest bound is attained */
  int *weakest;       /* int weakest[batch]: the case of that bound */
  double *case_lower; /* double case_lower[batch][n_open] */
  double *closed;     /* double closed[n_open]: smallest bound over closed parts */
  double *points;     /* double points[2 batch][n]: probes, */
  double *margin;     /* double margin[2 batch]: their margins */
  int *probe_case;    /* int probe_case[2 batch]: and cases */
  ProofText *events;  /* ProofText events[batch]: of the parts */
  Spill *spill;       /* of closed parts; NULL: no certificate is wanted */
  int n_probes;       /* points of the batch before, to be tried beside the next one */
  bool hit;           /* one of them is a witness */
} Search;

int split_n_free(const Query *query)
{
  int n = 0;
  for (int i = 0; i < query->box->n; i++)
    n += query->box->lo[i] < query->box->hi[i];
  return n;
}

/* ---- set-up ---------------------------------------------------------------- */

/* Affine bounds for every part: they must cost little beside the backward ones. */
static bool wants_forms(const Query *query, const SplitParams *params)
{
  if (params->proof) return false;
  const int n = split_n_free(query);
  return n <= AFFINE_MOST_INPUTS &&
         net_n_neurons(query->net) >= NEURONS_PER_INPUT * (size_t)n;
}

static void worker_certifies(const Search *s, Worker *w, size_t most)
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

static Worker worker_new(const Search *s, int member)
{
  Worker w = {.L = s->team->member[member], .b = bounds_new(s->query->net, s->group)};
  const size_t rows = (size_t)s->group * (size_t)s->n_rows;
  if (wants_forms(s->query, s->params))
    w.affine = affine_new(s->query->net, s->group, split_n_free(s->query));
  w.slopes = slopes_new(s->query->net, lagrangian_max_rows(w.L));
  w.unit = mem_array(rows, sizeof *w.unit);
  w.box = mem_array(rows, sizeof *w.box);
  w.sign = mem_array(rows, sizeof *w.sign);
  w.lower = mem_doubles(rows);
  w.q0 = mem_doubles(rows * (size_t)s->n);
  w.best = mem_array((size_t)s->n_open, sizeof *w.best);
  w.gain = mem_array((size_t)s->n_open, sizeof *w.gain);
  const size_t most = (size_t)s->group * (size_t)s->n_open;
  w.mixed_first = mem_array(most, sizeof *w.mixed_first);
  w.mixed_count = mem_array(most, sizeof *w.mixed_count);
  w.mixed_box = mem_array(most, sizeof *w.mixed_box);
  w.mixed_case = mem_array(most, sizeof *w.mixed_case);
  w.mixed = mem_doubles(most * (size_t)net_out_size(s->query->net));
  w.mixed_lower = mem_doubles(most);
  w.mixed_q0 = mem_doubles(most * (size_t)s->n);
  w.mixed_gain = mem_doubles(most * (size_t)s->n);
  w.weight = mem_doubles((size_t)s->n_rows);
  if (s->spill) worker_certifies(s, &w, most);
  return w;
}

static void worker_free(const Search *s, Worker *w)
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
}

static void list_rows(Search *s)
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

static void search_init(Search *s)
{
  s->group = group_size(s->query, s->params);
  list_rows(s);
  if (s->params->proof) s->spill = spill_new();
  s->n = s->query->box->n;
  s->batch = s->params->batch > 1 ? s->params->batch : BATCH;
  if (s->group > s->batch) s->group = s->batch;
  const size_t batch = (size_t)s->batch;
  const size_t n = (size_t)s->n;
  s->workers = mem_zero((size_t)s->team->n, sizeof *s->workers);
  for (int i = 0; i < s->team->n; i++) {
    Worker *w = &s->workers[i];
    *w = worker_new(s, i);
    w->solo = (Team){1, &w->L};
    w->crown = crown_new(&w->solo);
  }
  /* What is known about the neurons of a part is where its halves start from. */
  for (int k = 0; k < s->query->net->n_nodes; k++) {
    const Node *v = &s->query->net->nodes[k];
    if (net_is_nonlinear(v)) s->kept += 2 * (size_t)v->n_in * (size_t)v->size;
  }
  if (s->kept > MOST_KEPT) s->kept = 0;
  if (s->kept) s->kept += (size_t)s->n_open;
  s->frontier = frontier_new(s->n, s->kept);
  s->interval = mem_array(batch * s->kept + 1, sizeof *s->interval);
  s->parent_interval = mem_array(s->kept + 1, sizeof *s->parent_interval);
  /* Nothing is known about the root: neither its neurons nor its cases. */
  const size_t ends = s->kept ? s->kept - (size_t)s->n_open : 0;
  for (size_t i = 0; i < s->kept; i++)
    s->parent_interval[i] = i < ends && i % 2 ? INFINITY : -INFINITY;
  s->part = mem_array(batch, sizeof *s->part);
  s->events = mem_zero(batch, sizeof *s->events);
  s->lo = mem_doubles(batch * n);
  s->hi = mem_doubles(batch * n);
  s->corner = mem_doubles(batch * n);
  s->weakest = mem_array(batch, sizeof *s->weakest);
  s->points = mem_doubles(2 * batch * n);
  s->margin = mem_doubles(2 * batch);
  s->probe_case = mem_array(2 * batch, sizeof *s->probe_case);
  s->case_lower = mem_doubles(batch * (size_t)s->n_open + 1);
  s->closed = mem_doubles((size_t)s->n_open + 1);
  for (int c = 0; c < s->n_open; c++)
    s->closed[c] = INFINITY;
}

static void search_free(Search *s)
{
  for (int i = 0; i < s->team->n; i++)
    worker_free(s, &s->workers[i]);
  mem_free(s->workers);
  mem_free(s->row);
  mem_free(s->row_case);
  mem_free(s->open);
  mem_free(s->first);
  frontier_free(&s->frontier);
  for (int p = 0; p < s->batch; p++)
    proof_text_free(&s->events[p]);
  mem_free(s->events);
  spill_free(s->spill);
  mem_free(s->part);
  mem_free(s->lo);
  mem_free(s->hi);
  mem_free(s->corner);
  mem_free(s->interval);
  mem_free(s->parent_interval);
  mem_free(s->weakest);
  mem_free(s->points);
  mem_free(s->margin);
  mem_free(s->probe_case);
  mem_free(s->case_lower);
  mem_free(s->closed);
}

/* ---- bounding a group ------------------------------------------------------- */

/* Proven bounds of all rows on the group's boxes, in blocks that fit the workspace. */
static void bound_rows(const Search *s, Worker *w, int n_boxes)
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
static void mix_rows(const Search *s, const Worker *w, int box, int c, const double *lo,
                     const double *hi)
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
static void round_mixed(const Search *s, Worker *w, const Objective *o)
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
static void certify_mixed(const Search *s, Worker *w, Objective *o, int first)
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
static void optimise_mixed(const Search *s, Worker *w, int r, int n)
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
  if (s->spill) certify_mixed(s, w, &o, r);
}

/* A weighted row, with optimised slopes, for every case that its rows alone leave open.
 */
static void bound_mixed(const Search *s, Worker *w, int from, int n_boxes)
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

/* The best bound of each case of a part, by a row alone or a weighted one, and the
 * coefficients it has in the inputs. */
static void best_bounds(const Search *s, Worker *w, int box, double *lower,
                        const double **q, const double **gain)
{
  const size_t dims = (size_t)s->n;
  for (int c = 0; c < s->n_open; c++) {
    lower[c] = -INFINITY;
    if (s->spill) w->best_row[c] = w->best_mixed[c] = -1;
    q[c] = gain[c] = w->q0 + (size_t)(box * s->n_rows + s->first[c]) * dims;
  }
  for (int j = 0; j < s->n_rows; j++) {
    const int r = box * s->n_rows + j, c = s->row_case[j];
    if (!(w->lower[r] > lower[c])) continue;
    lower[c] = w->lower[r];
    q[c] = gain[c] = w->q0 + (size_t)r * dims;
    if (s->spill) w->best_row[c] = j - s->first[c];
  }
  for (int r = 0; r < w->n_mixed; r++) {
    const int c = w->mixed_case[r];
    if (w->mixed_box[r] != box || !(w->mixed_lower[r] > lower[c])) continue;
    lower[c] = w->mixed_lower[r];
    if (s->spill) w->best_mixed[c] = r;
    q[c] = w->mixed_q0 + (size_t)r * dims;
    gain[c] = w->mixed_gain + (size_t)r * dims;
  }
}

/* Write down what closes case c on part p: of a part that is done the bounds of rows
 * alone need no mention. */
static void note_case(Search *s, Worker *w, int p, int c, bool done)
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
static void note_closed(Search *s, Worker *w, int p, const double *lower)
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
static void judge_part(Search *s, Worker *w, int p, int box)
{
  const size_t n = (size_t)s->n;
  double *lower = s->case_lower + (size_t)p * (size_t)s->n_open;
  best_bounds(s, w, box, lower, w->best, w->gain);
  if (s->spill) note_closed(s, w, p, lower);
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
static void store_intervals(const Search *s, const Bounds *b, int t, float *to)
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

static void load_intervals(const Search *s, Bounds *b, int t, const float *from)
{
  for (int k = 0; s->kept && k < b->net->n_nodes; k++) {
    if (b->pre[k] < 0) continue;
    for (int i = 0; i < b->net->nodes[k].size; i++, from += 2)
      bounds_meet(b, k, t, i, (double)from[0], (double)from[1]);
  }
}

/* What is known of part p, in box t, before it is bounded. */
static void load_known(const Search *s, Bounds *b, int t, int p)
{
  const Bounds *root = s->params->root;
  load_intervals(s, b, t, s->interval + (size_t)p * s->kept);
  for (int k = 0; root && !s->kept && k < b->net->n_nodes; k++)
    for (int i = 0; b->pre[k] >= 0 && i < b->net->nodes[k].size; i++)
      bounds_meet(b, k, t, i, root->lo[k][i], root->hi[k][i]);
}

static void bound_group(Search *s, int member, int g)
{
  Worker *w = &s->workers[member];
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
  if (s->params->root && s->part[from].depth == ROOT_DEPTH)
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

/* ---- the search ---------------------------------------------------------------- */

static void add_part(Search *s, const Region *parent, int id, const double *lo,
                     const double *hi)
{
  const size_t n = (size_t)s->n, p = (size_t)s->n_parts++;
  memcpy(s->lo + p * n, lo, n * sizeof *lo);
  memcpy(s->hi + p * n, hi, n * sizeof *hi);
  /* Valid as it stands, should its group not get a turn. */
  s->part[p] = (Region){.lower = parent->lower,
                        .depth = parent->depth + 1,
                        .axis = parent->axis,
                        .id = id};
  memcpy(s->corner + p * n, lo, n * sizeof *lo);
  memcpy(s->interval + p * s->kept, s->parent_interval, s->kept * sizeof(float));
  s->weakest[p] = s->open[0];
}

/* A coordinate that can still be cut, the wanted one first; -1 when none can. */
static int choose_axis(const Search *s, int wanted, const double *lo, const double *hi)
{
  double mid;
  if (frontier_middle(lo[wanted], hi[wanted], &mid)) return wanted;
  for (int i = 0; i < s->n; i++)
    if (frontier_middle(lo[i], hi[i], &mid)) return i;
  return -1;
}

/* Fill the batch with the halves of the hardest regions.  Regions that cannot be cut
 * are closed with the bound they have: the search then ends without a proof. */
static void take_parts(Search *s, double *lo, double *hi)
{
  s->n_parts = 0;
  while (s->frontier.size && s->n_parts + 2 <= s->batch) {
    Region region;
    double mid;
    const bool crowded = s->frontier.size * frontier_region_bytes(&s->frontier) >
                         s->params->memory_bytes;
    frontier_pop(&s->frontier, crowded, &region, lo, hi, s->parent_interval);
    const int axis = choose_axis(s, region.axis, lo, hi);
    if (axis < 0) {
      for (int c = 0; c < s->n_open; c++)
        s->closed[c] = fmin(s->closed[c], region.lower);
      continue;
    }
    frontier_middle(lo[axis], hi[axis], &mid);
    const double end = hi[axis];
    const int kid = frontier_cut(&s->frontier, region.id, axis, mid);
    hi[axis] = mid;
    add_part(s, &region, kid, lo, hi);
    hi[axis] = end;
    lo[axis] = mid;
    add_part(s, &region, kid + 1, lo, hi);
  }
}

/* Close the proved parts, put the others back. */
static void sort_parts(Search *s)
{
  const size_t n = (size_t)s->n;
  for (int p = 0; p < s->n_parts; p++) {
    const double *lower = s->case_lower + (size_t)p * (size_t)s->n_open;
    if (s->spill && s->events[p].n) spill_add(s->spill, s->part[p].id, &s->events[p]);
    if (s->part[p].lower > 0) {
      s->leaves++;
      const Box *box = s->query->box;
      frontier_close(&s->frontier, s->part[p].id, s->lo + (size_t)p * n,
                     s->hi + (size_t)p * n, box->lo, box->hi);
      for (int c = 0; c < s->n_open; c++)
        s->closed[c] = fmin(s->closed[c], lower[c]);
    } else
      frontier_add(&s->frontier, &s->part[p], s->lo + (size_t)p * n,
                   s->hi + (size_t)p * n, s->interval + (size_t)p * s->kept);
  }
}

static void swap_probes(Search *s, int a, int b)
{
  for (int i = 0; i < s->n; i++) {
    double *x = s->points + (size_t)a * (size_t)s->n + i,
           *y = s->points + (size_t)b * (size_t)s->n + i, t = *x;
    *x = *y;
    *y = t;
  }
  const int k = s->probe_case[a];
  const double m = s->margin[a];
  s->probe_case[a] = s->probe_case[b];
  s->probe_case[b] = k;
  s->margin[a] = s->margin[b];
  s->margin[b] = m;
}

/* The centres of all open parts, and the corners where their bounds are attained. */
static void collect_probes(Search *s)
{
  const size_t n = (size_t)s->n;
  int found = 0;
  for (int p = 0; s->attack && p < s->n_parts; p++) {
    if (s->part[p].lower > 0) continue;
    double *corner = s->points + (size_t)found * n, *centre = corner + n;
    memcpy(corner, s->corner + (size_t)p * n, n * sizeof *corner);
    for (size_t i = 0; i < n; i++)
      centre[i] = s->lo[(size_t)p * n + i] / 2 + s->hi[(size_t)p * n + i] / 2;
    s->probe_case[found] = s->probe_case[found + 1] = s->weakest[p];
    found += 2;
  }
  s->n_probes = found;
}

/* Try those with the smallest margins. */
static void try_probes(Search *s)
{
  const int found = s->n_probes;
  attack_margins(s->attack, found, s->points, s->probe_case, s->margin);
  for (int k = 0; k < PROBES && k < found; k++) {
    int best = k;
    for (int i = k + 1; i < found; i++)
      if (s->margin[i] < s->margin[best]) best = i;
    swap_probes(s, k, best);
  }
  s->hit = attack_from(s->attack, found < PROBES ? found : PROBES, s->points,
                       s->probe_case, s->params->attack_steps, PROBE_REACH, s->stop);
}

/* Task 0 of a round tries the probes of the round before, the longest task first; the
 * others bound a group each. */
static void work(void *context, int member, int task)
{
  Search *s = context;
  if (task > 0)
    bound_group(s, member, task - 1);
  else if (s->n_probes)
    try_probes(s);
}

/* What the closed parts, the frontier and the parts in work prove together. */
static void report(Search *s, bool in_work)
{
  bool all = !in_work;
  double rest = frontier_lower(&s->frontier);
  for (int p = 0; in_work && p < s->n_parts; p++)
    rest = fmin(rest, s->part[p].lower);
  for (int c = 0; c < s->n_open; c++) {
    const double lower = fmin(s->closed[c], rest);
    /* Parts in work have not been closed: a proof that they complete came too late. */
    if (in_work && lower > 0) continue;
    STATUS_REQUIRE(!(lower > 0) || frontier_covers(&s->frontier),
                   "closed regions must cover the whole box");
    if (s->spill && !(lower > 0)) all = false;
    result_raise(s->result, s->query->first_case + s->open[c], lower, "input");
  }
  if (s->spill && all && s->n_open)
    proof_tree_boxes(s->params->proof, s->spill, &s->frontier, s->n_open, s->open);
}

static void start(Search *s)
{
  const Box *box = s->query->box;
  const Region root = {.lower = -INFINITY, .depth = ROOT_DEPTH - 1, .axis = 0};
  add_part(s, &root, frontier_add_root(&s->frontier), box->lo, box->hi);
}

long split_search(const Team *team, const Query *query, const SplitParams *params,
                  Attack *attack, const Stop *stop, Result *result)
{
  Search s = {.team = team,
              .query = query,
              .result = result,
              .stop = stop,
              .attack = attack,
              .params = params};
  search_init(&s);
  double *lo = mem_doubles((size_t)s.n), *hi = mem_doubles((size_t)s.n);
  const double began = clock_now();
  long regions = 0;
  int depth = 0;
  bool cut_short = false;
  for (start(&s); s.n_parts && !s.hit; take_parts(&s, lo, hi)) {
    cut_short = regions && regions + s.n_parts > params->max_regions;
    if (cut_short) break;
    team_run(team, 1 + (s.n_parts + s.group - 1) / s.group, work, &s);
    regions += s.n_parts;
    for (int p = 0; p < s.n_parts; p++)
      if (s.part[p].depth > depth) depth = s.part[p].depth;
    /* A part whose group did not get a turn has its parent's bound, and stays open. */
    sort_parts(&s);
    if (stop_why(stop) != STOP_NO) {
      result_give_up(result, result_reason_of(stop_why(stop)));
      break;
    }
    collect_probes(&s);
    const ProgressSearch now = {.stage = "input",
                                .seconds = clock_now() - began,
                                .nodes = regions,
                                .open = s.frontier.size,
                                .depth = depth,
                                .worst = fmin(frontier_lower(&s.frontier), 0)};
    progress_search(&now);
  }
  /* No further round takes them along. */
  if (!s.hit && s.n_probes && stop_why(stop) == STOP_NO) try_probes(&s);
  if (!s.hit) report(&s, cut_short);
  mem_free(lo);
  mem_free(hi);
  search_free(&s);
  result_tree(result,
              &(TreeStats){.nodes = regions, .leaves = s.leaves, .depth = depth});
  return regions;
}
