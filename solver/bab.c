/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/bab.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "bounds/contract.h"
#include "bounds/crown.h"
#include "bounds/lp.h"
#include "bounds/slopes.h"
#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "solver/branch.h"
#include "solver/narrow.h"
#include "solver/progress.h"
#include "solver/proof_tree.h"
#include "solver/tree.h"
#include "specs/check/certificate.h"

/* Nodes bounded together by one thread; fewer where their intervals would take more
 * than GROUP_BYTES. */
#define GROUP       16
#define GROUP_BYTES ((size_t)256 << 20)
/* Nodes in work at once, when nobody says otherwise. */
#define BATCH 64
/* The first attack from random points comes after so many nodes. */
#define FIRST_ATTACK 128
/* A half needs no more gain than closes it, or than this share of the largest. */
#define ENOUGH 0.1
/* Betas that a node hands on to its children; older ones start from 0 again. */
#define KEPT_BETAS 64
/* Candidates of which both signs are probed, and the most terms of a network for that.
 */
#define PROBED     128
#define MUTE_SHARE 1e-10
/* When a box has shrunk by so much, all intervals of its children are bounded again. */
#define LEAST_SHRINK 0.02
#define MOST_TERMS   ((size_t)1 << 22)
/* Points tried as witnesses after each batch. */
#define PROBES 8
/* How far the first step from there goes, in half-widths of the box. */
#define PROBE_REACH 0.1

/* What a slot holds, in this order. */
typedef struct {
  double *weights;       /* double weights[max_rows of a case] */
  float *beta;           /* float beta[KEPT_BETAS]: of the path, last decision first */
  float *input;          /* float input[2 inputs]: lo, hi; only to contract */
  float *interval;       /* float interval[2 packed width]: lo, hi; only to retighten */
  unsigned char *slopes; /* unsigned char slopes[packed width] */
} Slot;

/* A node in work. */
typedef struct {
  TreeNode node;
  const unsigned char *parent; /* slot; NULL for a root */
  Decision decision;           /* what it adds */
  double beta;                 /* of it, to start with */
  bool has_smaller_box;        /* so much that all layers are worth bounding again */
  bool is_empty;
  /* for a certificate */
  int pass_from;           /* intervals were bounded again from that node on; 0: not */
  ProofText narrow, close; /* multipliers that narrowed its inputs, that closed it */
} Part;

/* What one thread needs to bound a group. */
typedef struct {
  Lagrangian *L;
  Team solo;
  Crown *crown;
  Slopes *slopes;
  Branch *branch;
  Contract *contract; /* NULL: not used */
  Bounds *b, *one;    /* the group's boxes; one of them, for a linear program */
  double **alpha, **mean;
  double *c, *lower, *value, *corner, *q0;
  int *first, *count, *box;
  int n_rows, *part; /* part of each row */
  SlopesCut *cuts;
  int n_cuts, cuts_room;
  Decision *path;
  int path_room;
  /* look-ahead: candidates of each row, and both halves of each candidate */
  Candidate *candidate; /* Candidate candidate[group][look_ahead] */
  int *n_candidates;    /* int n_candidates[group] */
  int *source;          /* int source[2 group look_ahead] */
  LagrangianCut *ahead;
  double *ahead_value;
  long lps, tightened;
  /* for a certificate */
  double *exact_c, *exact_beta; /* as found: objectives, betas of all cuts */
  double *beta;                 /* double beta[path_room]: of one row */
  int exact_room, beta_room;
} Worker;

typedef struct {
  const Team *team;
  const Query *query;
  const Bounds *root;
  const Packed *packed;
  const Hints *hints;
  Rows *rows; /* where bounds say nothing: of the network, for contractions; or NULL */
  const BabParams *params;
  Attack *attack;
  const Stop *stop;
  Result *result;
  Worker *workers;
  int batch, group, max_count, look_ahead, n_candidates;
  size_t width;      /* packed slopes of the margin node */
  int n_open, *open; /* open cases, from query->first_case */
  int *roots;        /* int roots[n_open]: their nodes in the tree */
  long *open_nodes;  /* long open_nodes[n_open]: not closed yet */
  double *closed;    /* double closed[n_open]: smallest bound over closed nodes */
  Tree tree;
  Spill *spill; /* what closes nodes; NULL: no certificate is wanted */
  int n_parts;
  Part *parts;     /* Part parts[batch] */
  double *corner;  /* double corner[batch][inputs]: where each bound is attained */
  double *points;  /* double points[batch + PROBES][inputs] */
  int *probe_case; /* and the case of each */
  long next_attack;
  BabStats stats;
  double began;
} Search;

/* ---- slots ---------------------------------------------------------------------- */

static size_t slot_bytes(const Search *s)
{
  const size_t bytes =
      (size_t)s->max_count * sizeof(double) + KEPT_BETAS * sizeof(float) +
      (s->params->contract ? 2 * (size_t)net_in_size(s->query->net) * sizeof(float)
                           : 0) +
      (s->params->retighten ? 2 * s->width * sizeof(float) : 0) + s->width;
  return (bytes + 7) / 8 * 8;
}

static Slot slot_view(const Search *s, const unsigned char *bytes)
{
  Slot slot;
  unsigned char *at = (unsigned char *)bytes;
  slot.weights = (double *)(void *)at;
  at += (size_t)s->max_count * sizeof(double);
  slot.beta = (float *)(void *)at;
  at += KEPT_BETAS * sizeof(float);
  slot.input = (float *)(void *)at;
  if (s->params->contract) at += 2 * (size_t)net_in_size(s->query->net) * sizeof(float);
  slot.interval = (float *)(void *)at;
  if (s->params->retighten) at += 2 * s->width * sizeof(float);
  slot.slopes = at;
  return slot;
}

/* Intervals of the neurons that were unstable at the root, rounded outwards. */
static void store_intervals(const Search *s, const Bounds *b, int t, float *interval)
{
  for (int k = 0; k < b->net->n_nodes; k++) {
    if (!s->packed->n_open[k]) continue;
    const int j = b->net->nodes[k].in[0];
    const size_t at = (size_t)t * (size_t)b->net->nodes[k].size;
    for (int i = 0; i < s->packed->n_open[k]; i++) {
      *interval++ = round_float_dn(b->lo[j][at + (size_t)s->packed->open[k][i]]);
      *interval++ = round_float_up(b->hi[j][at + (size_t)s->packed->open[k][i]]);
    }
  }
}

static void load_intervals(const Search *s, Bounds *b, int t, const float *interval)
{
  for (int k = 0; k < b->net->n_nodes; k++)
    for (int i = 0; i < s->packed->n_open[k]; i++, interval += 2)
      bounds_meet(b, b->net->nodes[k].in[0], t, s->packed->open[k][i],
                  (double)interval[0], (double)interval[1]);
}

static void store_inputs(const Bounds *b, int t, float *input)
{
  const size_t n = (size_t)net_in_size(b->net), at = (size_t)t * n;
  for (size_t i = 0; i < n; i++) {
    *input++ = round_float_dn(b->lo[0][at + i]);
    *input++ = round_float_up(b->hi[0][at + i]);
  }
}

static void load_inputs(Bounds *b, int t, const float *input)
{
  for (int i = 0; i < net_in_size(b->net); i++, input += 2)
    bounds_meet(b, 0, t, i, (double)input[0], (double)input[1]);
}

/* ---- bounding a group ------------------------------------------------------------ */

static int read_path(const Search *s, Worker *w, const Part *part)
{
  if (part->node.depth > w->path_room) {
    w->path_room = 2 * part->node.depth;
    w->path = mem_grow(w->path, (size_t)w->path_room, sizeof *w->path);
  }
  return tree_path(&s->tree, part->node.id, w->path, w->path_room);
}

/* The multiplier of an assumption about a curve or a product is not optimised: the
 * shorter interval is all that remains of it. */
static void apply(Bounds *b, int t, const Decision *d)
{
  const int j = b->net->nodes[d->node].in[d->factor];
  if (b->is_relu[j])
    bounds_split(b, j, t, d->index, d->positive);
  else
    bounds_meet(b, j, t, d->index, d->positive ? d->at : -INFINITY,
                d->positive ? INFINITY : d->at);
}

/* The root's intervals, the parent's, and the sides decided on the path. */
static void load_bounds(const Search *s, Worker *w, const Part *part, int t)
{
  bounds_copy_box(w->b, t, s->root, 0);
  if (part->parent && s->params->contract)
    load_inputs(w->b, t, slot_view(s, part->parent).input);
  if (part->parent && s->params->retighten)
    load_intervals(s, w->b, t, slot_view(s, part->parent).interval);
  const int n = read_path(s, w, part);
  for (int i = n; i-- > 0;)
    apply(w->b, t, &w->path[i]);
}

/* Betas of row r, of the first decision on its path first. */
static int read_betas(Worker *w, int row, bool exact)
{
  int n = 0;
  for (int i = w->n_cuts; i-- > 0;) {
    if (w->cuts[i].row != row) continue;
    if (n == w->beta_room) {
      w->beta_room = 2 * n + 16;
      w->beta = mem_grow(w->beta, (size_t)w->beta_room, sizeof *w->beta);
    }
    w->beta[n++] = w->cuts[i].node < 0 ? 0 : exact ? w->exact_beta[i] : w->cuts[i].beta;
  }
  return n;
}

/* The multipliers of row r, as found (exact) or rounded. */
static void note_bound(const Search *s, Worker *w, int r, bool exact, ProofText *text)
{
  const size_t at =
      (size_t)r * (size_t)net_out_size(s->query->net) + (size_t)w->first[r];
  const int n = read_betas(w, r, exact);
  proof_bound(s->params->proof,
              &(ProofBound){.row = -1,
                            .count = w->count[r],
                            .weight = (exact ? w->exact_c : w->c) + at,
                            .exact = exact,
                            .alpha = exact ? w->mean : w->alpha,
                            .r = r,
                            .n_betas = n,
                            .beta = w->beta},
              text);
}

/* The inputs, by the bounds as they are now; their slots hand that on. */
static void contract_by_bounds(const Search *s, Worker *w, Part *parts)
{
  const size_t size = (size_t)net_out_size(s->query->net),
               n = (size_t)net_in_size(s->query->net);
  for (int r = 0; r < w->n_rows; r++) {
    const double *weights = w->c + (size_t)r * size + (size_t)w->first[r];
    Part *part = &parts[w->part[r]];
    const double share = contract_inputs(w->b, w->part[r], w->value[r], w->count[r],
                                         weights, w->q0 + (size_t)r * n);
    part->node.has_shrunk = share > LEAST_SHRINK;
    if (s->spill && share > 0) note_bound(s, w, r, false, &part->narrow);
    if (share > 0) part->node.is_contracted = true;
    if (w->b->empty[w->part[r]]) part->is_empty = true;
  }
}

static void contract_group(const Search *s, Worker *w, Part *parts, int n)
{
  for (int t = 0; t < n; t++) {
    const int k = s->open[parts[t].node.open_case], first = s->query->row[k];
    if (contract_run(w->contract, w->b, t, first, s->query->row[k + 1] - first))
      parts[t].node.is_contracted = true;
  }
}

static void retighten(const Search *s, Worker *w, Part *parts, int n)
{
  int first = w->b->net->n_nodes;
  for (int t = 0; t < n; t++) {
    if (parts[t].parent && parts[t].decision.node < first)
      first = parts[t].decision.node;
    if (parts[t].has_smaller_box) first = 1;
  }
  if (first == w->b->net->n_nodes) return;
  for (int t = 0; t < n; t++)
    parts[t].pass_from = first;
  const CrownParams params = {.first = first, .hints = s->hints, .stop = s->stop};
  crown_run(w->crown, w->b, &params);
  w->tightened += n;
}

static void add_cuts(const Search *s, Worker *w, const Part *part, int row)
{
  const int n = read_path(s, w, part);
  if (w->n_cuts + n > w->cuts_room) {
    w->cuts_room = 2 * (w->n_cuts + n);
    w->cuts = mem_grow(w->cuts, (size_t)w->cuts_room, sizeof *w->cuts);
  }
  for (int i = 0; i < n; i++) {
    const double beta = i == 0 ? part->beta
                        : i - 1 < KEPT_BETAS
                            ? (double)slot_view(s, part->parent).beta[i - 1]
                            : 0;
    const int node = w->path[i].node;
    const bool has_beta = w->b->is_relu[w->b->net->nodes[node].in[0]];
    w->cuts[w->n_cuts++] = (SlopesCut){.row = row,
                                       .node = has_beta ? node : -1,
                                       .index = w->path[i].index,
                                       .positive = w->path[i].positive,
                                       .beta = beta};
  }
}

/* The adaptive slopes where there is no parent. */
static void load_slopes(const Search *s, Worker *w, const Part *part, int t, int row)
{
  const Net *net = w->b->net;
  const int start = net->n_nodes - 1;
  if (part->parent) {
    packed_load(s->packed, start, slot_view(s, part->parent).slopes, w->alpha, row);
    return;
  }
  for (int k = 0; k < start; k++) {
    if (!w->alpha[k]) continue;
    const size_t n = (size_t)net->nodes[k].size;
    memcpy(w->alpha[k] + (size_t)row * n,
           w->b->down[net->nodes[k].in[0]] + (size_t)t * n, n * sizeof(double));
  }
}

static void add_row(const Search *s, Worker *w, const Part *part, int t)
{
  const int row = w->n_rows++, k = s->open[part->node.open_case];
  const size_t size = (size_t)net_out_size(s->query->net);
  const int first = s->query->row[k], count = s->query->row[k + 1] - first;
  w->part[row] = t;
  w->box[row] = t;
  w->first[row] = first;
  w->count[row] = count;
  w->lower[row] = part->node.lower;
  memset(w->c + (size_t)row * size, 0, size * sizeof *w->c);
  for (int j = 0; j < count; j++)
    w->c[(size_t)row * size + (size_t)(first + j)] =
        part->parent ? slot_view(s, part->parent).weights[j] : 1.0 / count;
  load_slopes(s, w, part, t, row);
  add_cuts(s, w, part, row);
}

static Objective objective_of(const Search *s, const Worker *w)
{
  return (Objective){.start = s->query->net->n_nodes - 1,
                     .n_rows = w->n_rows,
                     .size = net_out_size(s->query->net),
                     .box = w->box,
                     .first = w->first,
                     .count = w->count,
                     .c = w->c,
                     .has_weights = s->max_count > 1};
}

/* Only rows that are still open go on. */
static void drop_closed(const Search *s, Worker *w, Part *parts)
{
  const Net *net = s->query->net;
  const size_t size = (size_t)net_out_size(net);
  int n = 0, kept = 0, cut = 0;
  for (int r = 0; r < w->n_rows; r++) {
    const bool stays = !(w->lower[r] > 0);
    parts[w->part[r]].node.lower = w->lower[r];
    for (; cut < w->n_cuts && w->cuts[cut].row == r; cut++) {
      if (!stays) continue;
      w->cuts[kept] = w->cuts[cut];
      w->cuts[kept++].row = n;
    }
    if (!stays) continue;
    if (n < r) {
      memcpy(w->c + (size_t)n * size, w->c + (size_t)r * size, size * sizeof *w->c);
      for (int k = 0; k < net->n_nodes; k++) {
        if (!w->alpha[k]) continue;
        const size_t m = (size_t)net->nodes[k].size;
        memcpy(w->alpha[k] + (size_t)n * m, w->alpha[k] + (size_t)r * m,
               m * sizeof(double));
        memcpy(w->mean[k] + (size_t)n * m, w->mean[k] + (size_t)r * m,
               m * sizeof(double));
      }
      w->part[n] = w->part[r];
      w->box[n] = w->box[r];
      w->first[n] = w->first[r];
      w->count[n] = w->count[r];
      w->lower[n] = w->lower[r];
    }
    n++;
  }
  w->n_rows = n;
  w->n_cuts = kept;
}

/* Round all multipliers to what a certificate has.  Those of closed rows are kept as
 * they were, their slopes in `mean`, which nobody needs of a closed row. */
static void round_multipliers(const Search *s, Worker *w)
{
  const Net *net = s->query->net;
  const int end = net->n_nodes - 1;
  const size_t size = (size_t)net_out_size(net);
  if (w->n_cuts > w->exact_room) {
    w->exact_room = w->cuts_room;
    w->exact_beta = mem_grow(w->exact_beta, (size_t)w->exact_room, sizeof(double));
  }
  memcpy(w->exact_c, w->c, (size_t)w->n_rows * size * sizeof *w->c);
  for (int r = 0; r < w->n_rows; r++) {
    for (int k = 0; k < end && w->lower[r] > 0; k++) {
      const size_t n = (size_t)net->nodes[k].size;
      if (w->alpha[k])
        memcpy(w->mean[k] + (size_t)r * n, w->alpha[k] + (size_t)r * n,
               n * sizeof(double));
    }
    packed_round(s->packed, end, w->alpha, r);
    for (size_t j = 0; j < size; j++)
      w->c[(size_t)r * size + j] = (double)(float)w->c[(size_t)r * size + j];
  }
  for (int i = 0; i < w->n_cuts; i++) {
    w->exact_beta[i] = w->cuts[i].beta;
    w->cuts[i].beta = (double)(float)w->cuts[i].beta;
  }
}

/* Write down what closes rows: rounded, unless the bound does not stand that. */
static void note_closed(const Search *s, Worker *w, Part *parts, Objective *o,
                        const SlopesParams *params)
{
  int n = 0;
  round_multipliers(s, w);
  for (int r = 0; r < w->n_rows; r++) {
    if (!(w->lower[r] > 0)) continue;
    w->source[n] = r;
    w->ahead[n++] = (LagrangianCut){.node = -1};
  }
  if (!n) return;
  slopes_look_ahead(w->slopes, w->L, w->b, o, params, n, w->source, w->ahead,
                    w->ahead_value);
  for (int i = 0; i < n; i++)
    note_bound(s, w, w->source[i], !(w->ahead_value[i] > 0),
               &parts[w->part[w->source[i]]].close);
}

/* What the children of an open part will start from. */
static void store_part(const Search *s, const Worker *w, const Part *part, int row)
{
  const Slot slot = slot_view(s, part->node.slot);
  const size_t size = (size_t)net_out_size(s->query->net);
  for (int j = 0; j < w->count[row]; j++)
    slot.weights[j] = w->c[(size_t)row * size + (size_t)(w->first[row] + j)];
  packed_store(s->packed, s->query->net->n_nodes - 1, w->alpha, row, slot.slopes);
  if (s->params->retighten) store_intervals(s, w->b, w->part[row], slot.interval);
  if (s->params->contract) store_inputs(w->b, w->part[row], slot.input);
  int n = 0;
  for (int i = 0; i < w->n_cuts; i++)
    if (w->cuts[i].row == row && n < KEPT_BETAS)
      slot.beta[n++] = (float)w->cuts[i].beta;
}

/* The box of a leaf.  A sign that only violators have must be assumed, like one that
 * was decided, for the program to be exact: on the rest of the box the neuron is
 * another function.  The root's intervals go on to 0, so that every assumption can have
 * its multiplier. */
static void load_leaf(const Search *s, Worker *w, int t)
{
  const Packed *packed = s->packed;
  const Bounds *b = w->b;
  const int n = net_in_size(b->net);
  bounds_copy_box(w->one, 0, s->root, 0);
  for (int i = 0; i < n; i++)
    bounds_meet(w->one, 0, 0, i, b->lo[0][t * n + i], b->hi[0][t * n + i]);
  for (int k = 0; k < b->net->n_nodes; k++)
    for (int i = 0; i < packed->n_open[k]; i++) {
      const int j = b->net->nodes[k].in[0], at = packed->open[k][i];
      if (bounds_unstable(b, j, t, at)) continue;
      bounds_split(w->one, j, 0, at, b->lo[j][t * b->net->nodes[j].size + at] >= 0);
    }
}

static void note_leaf(const Search *s, Part *part, const Objective *o,
                      const LpCuts *cuts)
{
  proof_bound(s->params->proof,
              &(ProofBound){.row = -1,
                            .count = o->count[0],
                            .weight = o->c + o->first[0],
                            .exact = true,
                            .n_listed = cuts->n,
                            .node = cuts->node,
                            .index = cuts->index,
                            .beta = cuts->beta},
              &part->close);
}

/* Every sign is decided, so the relaxation is exact: a linear program. */
static void solve_leaf(const Search *s, Worker *w, Part *part, int row, double *corner)
{
  const int k = s->open[part->node.open_case];
  if (!w->one) w->one = bounds_new(s->query->net, 1);
  if (part->node.is_contracted)
    load_leaf(s, w, w->part[row]);
  else
    bounds_copy_box(w->one, 0, w->b, w->part[row]);
  Objective o = objective_cases(s->query->net, 1, &k, s->query->row);
  LpResult lp;
  LpCuts cuts = {0};
  w->lps++;
  lp_bound(w->L, w->one, &o, s->params->lp_neurons, NULL, s->stop, &lp, corner,
           s->spill ? &cuts : NULL);
  if (lp.lower > part->node.lower) part->node.lower = lp.lower;
  if (s->spill && lp.lower > 0) note_leaf(s, part, &o, &cuts);
  lp_cuts_free(&cuts);
  objective_free(&o);
}

/* Where lambda >= 0 a child can go on with its parent's p = alpha lambda, so that it
 * starts from the parent's bound: what is missing to slope 0 or 1 is beta.  Where
 * lambda < 0 it wins by leaving the triangle's upper edge at once. */
static double start_beta(const Worker *w, int row, const Decision *d, bool positive)
{
  if (!w->b->is_relu[w->b->net->nodes[d->node].in[0]]) return 0;
  const double lambda = branch_lambda(w->branch, d->node, w->part[row], d->index);
  const double alpha =
      w->alpha[d->node]
              [(size_t)row * (size_t)w->b->net->nodes[d->node].size + (size_t)d->index];
  if (!(lambda >= 0)) return 0;
  return positive ? (alpha - 1) * lambda : alpha * lambda;
}

/* Put the candidate first whose halves have the best bounds: half[2 i], half[2 i + 1].
 * A bound just below 0 does not mean that all splits are equally good. */
static void choose(Candidate *found, int n, double lower, const double *half)
{
  double largest = 0, best = -1;
  for (int i = 0; i < 2 * n; i++)
    largest = fmax(largest, half[i] - lower);
  const double enough = fmax(-lower, ENOUGH * largest);
  int first = 0;
  for (int i = 0; i < n; i++) {
    const double gain =
        branch_gain(half[2 * i] - lower, half[2 * i + 1] - lower, enough);
    if (!(gain > best)) continue;
    best = gain;
    first = i;
  }
  found[0] = found[first];
}

static bool is_sign(const Bounds *b, const Candidate *c)
{
  return b->is_relu[b->net->nodes[c->decision.node].in[0]];
}

/* Looking ahead decides signs only: how many candidates, from the first on, are ReLUs,
 * or 1 when the best is none. */
static int n_signs(const Bounds *b, const Candidate *found, int n)
{
  int signs = 0;
  while (signs < n && is_sign(b, &found[signs]))
    signs++;
  return signs == 0 && n > 0 ? 1 : signs;
}

/* A bound that is 0 up to rounding: it tells no neuron from another, and never closes
 * what the signs of all neurons together do not. */
static bool is_mute(const Search *s, int k, double lower)
{
  const int last = s->query->net->n_nodes - 1;
  double range = 0;
  if (s->params->contract == 2) return true;
  for (int j = s->query->row[k]; j < s->query->row[k + 1]; j++)
    range = fmax(range, s->root->hi[last][j] - s->root->lo[last][j]);
  return lower > -MUTE_SHARE * range;
}

static bool has_mute_case(const Search *s)
{
  for (int c = 0; c < s->n_open; c++) {
    const int k = s->open[c];
    if (is_mute(s, k, s->result->cases[s->query->first_case + k].lower)) return true;
  }
  return false;
}

/* The neuron whose signs narrow most. */
static void probe_candidates(const Search *s, Worker *w, Part *part, int r)
{
  const int t = w->part[r];
  Candidate *found = w->candidate + (size_t)r * (size_t)s->n_candidates;
  w->n_candidates[r] = branch_candidates(w->branch, w->b, t, s->n_candidates, found);
  w->n_candidates[r] = n_signs(w->b, found, w->n_candidates[r]);
  if (w->n_candidates[r] && is_sign(w->b, found) &&
      narrow_choose(w->contract, w->b, t, w->first[r], w->count[r], found,
                    &w->n_candidates[r]))
    part->node.is_contracted = true;
  part->is_empty = w->b->empty[t];
  /* All on the list are decided, others may not be. */
  if (!part->is_empty && !w->n_candidates[r])
    w->n_candidates[r] = branch_candidates(w->branch, w->b, t, 1, found);
}

/* Candidates of every row, best first; with look-ahead the first becomes the one whose
 * halves have the best bounds. */
static void list_candidates(const Search *s, Worker *w, Part *parts, Objective *o,
                            const SlopesParams *params)
{
  const int most = s->look_ahead > 1 ? s->look_ahead : 1;
  int n = 0;
  for (int r = 0; r < w->n_rows; r++) {
    Part *part = &parts[w->part[r]];
    if (w->contract && is_mute(s, s->open[part->node.open_case], w->lower[r])) {
      probe_candidates(s, w, part, r);
      continue;
    }
    Candidate *found = w->candidate + (size_t)r * (size_t)s->n_candidates;
    w->n_candidates[r] = branch_candidates(w->branch, w->b, w->part[r], most, found);
    w->n_candidates[r] = n_signs(w->b, found, w->n_candidates[r]);
    for (int i = 0; most > 1 && w->n_candidates[r] > 1 && i < 2 * w->n_candidates[r];
         i++) {
      const Decision *d = &found[i / 2].decision;
      w->source[n] = r;
      w->ahead[n++] = (LagrangianCut){.node = d->node,
                                      .index = d->index,
                                      .positive = i % 2,
                                      .beta = start_beta(w, r, d, i % 2)};
    }
  }
  if (!n) return;
  slopes_look_ahead(w->slopes, w->L, w->b, o, params, n, w->source, w->ahead,
                    w->ahead_value);
  for (int from = 0; from < n;) {
    const int r = w->source[from], count = w->n_candidates[r];
    choose(w->candidate + (size_t)r * (size_t)s->n_candidates, count, w->value[r],
           w->ahead_value + from);
    from += 2 * count;
  }
}

static void judge_row(const Search *s, Worker *w, Part *part, int row, double *corner)
{
  const size_t n = (size_t)net_in_size(s->query->net);
  memcpy(corner, w->corner + (size_t)row * n, n * sizeof *corner);
  if (w->n_candidates[row]) {
    const Candidate *found = w->candidate + (size_t)row * (size_t)s->n_candidates;
    part->node.next = found->decision;
    for (int half = 0; half < 2; half++)
      part->node.beta[half] = start_beta(w, row, &found->decision, half);
    store_part(s, w, part, row);
    return;
  }
  part->node.next = (Decision){.node = -1};
  solve_leaf(s, w, part, row, corner);
}

static void bound_group(void *context, int member, int g)
{
  Search *s = context;
  Worker *w = &s->workers[member];
  const int from = g * s->group;
  const int n = s->n_parts - from < s->group ? s->n_parts - from : s->group;
  Part *parts = s->parts + from;
  if (stop_why(s->stop)) return;
  const int all = w->b->n_box;
  w->b->n_box = n;
  for (int t = 0; t < n; t++)
    load_bounds(s, w, &parts[t], t);
  if (w->contract) contract_group(s, w, parts, n);
  if (s->params->retighten) retighten(s, w, parts, n);
  w->n_rows = w->n_cuts = 0;
  for (int t = 0; t < n; t++) {
    parts[t].is_empty = w->b->empty[t];
    if (!parts[t].is_empty) add_row(s, w, &parts[t], t);
  }
  SlopesParams params = {.iterations = s->params->iterations,
                         .stop = s->stop,
                         .alpha = w->alpha,
                         .warm = parts[0].parent != NULL,
                         .mean = w->mean,
                         .n_cuts = w->n_cuts,
                         .cuts = w->cuts};
  Objective o = objective_of(s, w);
  slopes_run(w->slopes, w->L, w->b, &o, &params, w->lower);
  if (s->spill) note_closed(s, w, parts, &o, &params);
  drop_closed(s, w, parts);
  if (w->n_rows) {
    const LagrangianGradient out = {.x0 = w->corner};
    o = objective_of(s, w);
    params.n_cuts = w->n_cuts;
    slopes_look(w->slopes, w->L, w->b, &o, &params, &out, w->value, w->q0);
    if (s->params->contract) contract_by_bounds(s, w, parts);
    branch_score(w->branch, w->b, w->n_rows, w->box, w->mean, s->params->retighten,
                 s->hints, s->stop);
    list_candidates(s, w, parts, &o, &params);
  }
  const size_t inputs = (size_t)net_in_size(s->query->net);
  for (int r = 0; r < w->n_rows; r++)
    if (!parts[w->part[r]].is_empty)
      judge_row(s, w, &parts[w->part[r]], r,
                s->corner + (size_t)(from + w->part[r]) * inputs);
  for (int t = 0; t < n; t++)
    if (parts[t].node.is_contracted)
      parts[t].node.lower = fmin(parts[t].node.lower, CONTRACT_MARGIN);
  w->b->n_box = all;
}

/* ---- set-up ------------------------------------------------------------ */

static Worker worker_new(const Search *s, int member)
{
  const Net *net = s->query->net;
  const size_t group = (size_t)s->group;
  Worker w = {.L = s->team->member[member], .b = bounds_new(net, s->group)};
  w.slopes = slopes_new(net, s->group);
  w.branch = branch_new(net, w.L, s->group);
  w.mean = lagrangian_new_multipliers(net, s->group);
  w.alpha = lagrangian_new_multipliers(net, s->group);
  w.c = mem_doubles(group * (size_t)net_out_size(net));
  w.lower = mem_doubles(group);
  w.value = mem_doubles(group);
  w.corner = mem_doubles(group * (size_t)net_in_size(net));
  w.q0 = mem_doubles(group * (size_t)net_in_size(net));
  w.first = mem_array(group, sizeof *w.first);
  w.count = mem_array(group, sizeof *w.count);
  w.box = mem_array(group, sizeof *w.box);
  w.part = mem_array(group, sizeof *w.part);
  const size_t candidates = group * (size_t)s->n_candidates;
  if (s->rows) {
    w.contract = contract_new(s->rows);
    contract_scale(w.contract, s->root);
  }
  w.candidate = mem_array(candidates, sizeof *w.candidate);
  w.n_candidates = mem_array(group, sizeof *w.n_candidates);
  w.source = mem_array(2 * candidates, sizeof *w.source);
  w.ahead = mem_array(2 * candidates, sizeof *w.ahead);
  w.ahead_value = mem_doubles(2 * candidates);
  w.exact_c = mem_doubles(group * (size_t)net_out_size(net));
  return w;
}

static void worker_free(const Net *net, Worker *w)
{
  bounds_free(w->b);
  bounds_free(w->one);
  slopes_free(w->slopes);
  branch_free(w->branch);
  crown_free(w->crown);
  contract_free(w->contract);
  lagrangian_free_multipliers(net, w->alpha);
  lagrangian_free_multipliers(net, w->mean);
  mem_free(w->c);
  mem_free(w->lower);
  mem_free(w->value);
  mem_free(w->corner);
  mem_free(w->q0);
  mem_free(w->first);
  mem_free(w->count);
  mem_free(w->box);
  mem_free(w->part);
  mem_free(w->cuts);
  mem_free(w->path);
  mem_free(w->candidate);
  mem_free(w->n_candidates);
  mem_free(w->source);
  mem_free(w->ahead);
  mem_free(w->ahead_value);
  mem_free(w->exact_c);
  mem_free(w->exact_beta);
  mem_free(w->beta);
}

static int group_size(const Net *net)
{
  size_t total = 0;
  for (int k = 0; k < net->n_nodes; k++)
    total += (size_t)net->nodes[k].size;
  const size_t box = total * 12 * sizeof(double); /* bounds, slopes and their steps */
  const size_t fit = GROUP_BYTES / (box + 1);
  return fit < 1 ? 1 : fit > GROUP ? GROUP : (int)fit;
}

/* Below a decision in the only hidden layer there is nothing to bound again. */
static bool has_later_layers(const Net *net)
{
  int layers = 0;
  for (int k = 0; k < net->n_nodes; k++)
    layers += net_is_nonlinear(&net->nodes[k]);
  return layers > 1;
}

static void search_init(Search *s)
{
  const Query *query = s->query;
  /* A node always has two children. */
  s->batch = s->params->batch ? s->params->batch : BATCH;
  if (s->batch < 2) s->batch = 2;
  const size_t batch = (size_t)s->batch;
  s->group = group_size(query->net);
  s->look_ahead =
      s->params->retighten && has_later_layers(query->net) ? 0 : s->params->look_ahead;
  const int rows = lagrangian_max_rows(s->team->member[0]);
  if (s->group > rows) s->group = rows;
  s->width = packed_width(s->packed, query->net->n_nodes - 1);
  s->open = mem_array((size_t)query->n_cases, sizeof *s->open);
  for (int k = 0; k < query->n_cases; k++) {
    if (s->result->cases[query->first_case + k].lower > 0) continue;
    s->open[s->n_open++] = k;
    const int count = query->row[k + 1] - query->row[k];
    if (count > s->max_count) s->max_count = count;
  }
  if (s->params->proof) s->spill = spill_new();
  if (s->params->contract && !s->spill && has_mute_case(s))
    s->rows = rows_new(query->net, MOST_TERMS);
  s->n_candidates = s->look_ahead > 1 ? s->look_ahead : 1;
  if (s->rows && s->n_candidates < PROBED) s->n_candidates = PROBED;
  s->roots = mem_array((size_t)s->n_open + 1, sizeof *s->roots);
  s->open_nodes = mem_zero((size_t)s->n_open + 1, sizeof *s->open_nodes);
  s->closed = mem_doubles((size_t)s->n_open + 1);
  for (int c = 0; c < s->n_open; c++)
    s->closed[c] = DBL_MAX;
  s->workers = mem_zero((size_t)s->team->n, sizeof *s->workers);
  for (int i = 0; i < s->team->n; i++) {
    Worker *w = &s->workers[i];
    *w = worker_new(s, i);
    w->solo = (Team){1, &w->L};
    w->crown = crown_new(&w->solo);
  }
  s->tree = tree_new(slot_bytes(s), s->params->memory_bytes);
  s->parts = mem_zero(batch, sizeof *s->parts);
  s->corner = mem_doubles(batch * (size_t)net_in_size(query->net));
  s->points = mem_doubles((batch + PROBES) * (size_t)net_in_size(query->net));
  s->probe_case = mem_array(batch + PROBES, sizeof *s->probe_case);
  s->next_attack = FIRST_ATTACK;
  s->began = clock_now();
}

static void forget_texts(Part *part)
{
  proof_text_free(&part->narrow);
  proof_text_free(&part->close);
}

static void search_free(Search *s)
{
  for (int i = 0; i < s->team->n; i++)
    worker_free(s->query->net, &s->workers[i]);
  rows_free(s->rows);
  mem_free(s->workers);
  mem_free(s->open);
  mem_free(s->roots);
  mem_free(s->open_nodes);
  mem_free(s->closed);
  tree_free(&s->tree);
  for (int p = 0; p < s->batch; p++)
    forget_texts(&s->parts[p]);
  spill_free(s->spill);
  mem_free(s->parts);
  mem_free(s->corner);
  mem_free(s->points);
  mem_free(s->probe_case);
}

/* ---- the search -------------------------------------------------------- */

static void add_part(Search *s, const TreeNode *parent, int id, int open_case,
                     Decision decision)
{
  ProofText narrow = s->parts[s->n_parts].narrow, close = s->parts[s->n_parts].close;
  narrow.n = close.n = 0;
  s->parts[s->n_parts++] =
      (Part){.narrow = narrow,
             .close = close,
             .node = {.lower = parent ? parent->lower : -INFINITY,
                      .id = id,
                      .open_case = open_case,
                      .depth = parent ? parent->depth + 1 : 0,
                      .is_contracted = parent && parent->is_contracted,
                      .next = {.node = -1},
                      .slot = tree_take_slot(&s->tree)},
             .parent = parent ? parent->slot : NULL,
             .has_smaller_box = parent && parent->has_shrunk,
             .beta = parent ? parent->beta[decision.positive] : 0,
             .decision = decision};
}

/* Fill the batch with the children of the hardest nodes.  Returns false when there is
 * no memory left for them. */
static bool take_parts(Search *s)
{
  Tree *tree = &s->tree;
  s->n_parts = 0;
  while (tree->size && s->n_parts + 2 <= s->batch) {
    const TreeNode node = tree_pop(tree, tree_is_crowded(tree));
    const int kid = tree_split(tree, node.id, node.next);
    for (int i = 0; i < 2; i++)
      add_part(s, &node, kid + i, node.open_case, tree->history[kid + i].decision);
    s->open_nodes[node.open_case]++;
    if (!s->parts[s->n_parts - 1].node.slot) return false;
  }
  return true;
}

/* The same for the roots of open cases. */
static bool take_roots(Search *s, int *next)
{
  s->n_parts = 0;
  while (*next < s->n_open && s->n_parts < s->batch) {
    s->open_nodes[*next]++;
    s->roots[*next] = tree_add_root(&s->tree);
    add_part(s, NULL, s->roots[*next], *next, (Decision){.node = -1});
    ++*next;
    if (!s->parts[s->n_parts - 1].node.slot) return false;
  }
  return true;
}

static void close_part(Search *s, const Part *part, TreeState state)
{
  const int c = part->node.open_case;
  s->tree.history[part->node.id].state = state;
  if (!part->is_empty)
    s->closed[c] = fmin(s->closed[c], part->node.lower);
  else if (part->node.is_contracted)
    s->closed[c] = fmin(s->closed[c], CONTRACT_MARGIN);
  if (state == TREE_STUCK) {
    s->stats.stuck++;
    return; /* stays open for ever */
  }
  s->stats.leaves++;
  if (--s->open_nodes[c] > 0) return;
  STATUS_REQUIRE(s->closed[c] < DBL_MAX, "not all branches of a box can be empty");
  STATUS_REQUIRE(tree_covers(&s->tree, s->roots[c]),
                 "closed leaves must cover the whole box");
  result_raise(s->result, s->query->first_case + s->open[c], s->closed[c], "bab");
}

static bool is_open(const Part *part)
{
  return !part->is_empty && !(part->node.lower > 0);
}

static void spill_event(const Search *s, const Part *part, int type,
                        const ProofText *content)
{
  ProofText text = {0};
  proof_byte(&text, type);
  proof_bytes(&text, content->at, content->n);
  spill_add(s->spill, part->node.id, &text);
  proof_text_free(&text);
}

/* The events of a part, in the order in which they happened. */
static void spill_part(const Search *s, const Part *part)
{
  if (part->pass_from) {
    ProofText pass = {0};
    const int from = part->pass_from;
    proof_number(&pass, from > 1 ? (size_t)proof_node(s->params->proof, from) : 1);
    spill_event(s, part, CERTIFICATE_EVENT_PASS, &pass);
    proof_text_free(&pass);
  }
  if (part->narrow.n) spill_event(s, part, CERTIFICATE_EVENT_NARROW, &part->narrow);
  if (part->close.n) spill_event(s, part, CERTIFICATE_EVENT_CLOSE, &part->close);
  if (part->is_empty)
    spill_event(s, part, CERTIFICATE_EVENT_EMPTY, &(ProofText){.n = 0});
}

/* Close the proved parts, put the others into the frontier, in a fixed order. */
static void sort_parts(Search *s)
{
  for (int p = 0; p < s->n_parts; p++) {
    Part *part = &s->parts[p];
    if (part->node.depth > s->stats.depth) s->stats.depth = part->node.depth;
    if (s->spill) spill_part(s, part);
    if (!is_open(part))
      close_part(s, part, TREE_CLOSED);
    else if (part->node.next.node < 0)
      close_part(s, part, TREE_STUCK);
    else {
      tree_push(&s->tree, &part->node);
      continue;
    }
    tree_give_slot(&s->tree, part->node.slot);
  }
  /* The parents' slots are free once both children have been bounded. */
  for (int p = 0; p < s->n_parts; p += 2)
    if (s->parts[p].parent)
      tree_give_slot(&s->tree, (unsigned char *)s->parts[p].parent);
}

static void add_probe(const Search *s, int p, double *points, int *cases, int *found)
{
  const size_t n = (size_t)net_in_size(s->query->net);
  memcpy(points + (size_t)*found * n, s->corner + (size_t)p * n, n * sizeof *points);
  cases[(*found)++] = s->open[s->parts[p].node.open_case];
}

/* Try the points of all leaves that no bound has closed, where nothing is relaxed, and
 * those where the weakest bounds of other parts are attained. */
static bool probe(Search *s)
{
  double *points = s->points;
  int *cases = s->probe_case, found = 0;
  double above = -INFINITY;
  for (int p = 0; p < s->n_parts; p++)
    if (is_open(&s->parts[p]) && s->parts[p].node.next.node < 0)
      add_probe(s, p, points, cases, &found);
  for (int i = 0; i < PROBES; i++) {
    int worst = -1;
    for (int p = 0; p < s->n_parts; p++)
      if (is_open(&s->parts[p]) && s->parts[p].node.next.node >= 0 &&
          s->parts[p].node.lower > above &&
          (worst < 0 || s->parts[p].node.lower < s->parts[worst].node.lower))
        worst = p;
    if (worst < 0) break;
    above = s->parts[worst].node.lower;
    add_probe(s, worst, points, cases, &found);
  }
  const bool hit = found && attack_from(s->attack, found, points, cases,
                                        s->params->probe_steps, PROBE_REACH, s->stop);
  return hit;
}

/* The longer the search, the likelier a counterexample that no bound points at. */
static bool attack_again(Search *s)
{
  if (s->stats.nodes < s->next_attack) return false;
  s->next_attack = 2 * s->stats.nodes;
  return attack_random(s->attack, s->params->attack_restarts, LONG_MAX,
                       s->params->attack_steps, s->params->prng, s->stop);
}

/* What closed nodes, the frontier and the parts in work prove together. */
static void report(Search *s, bool in_work)
{
  double *rest = mem_doubles((size_t)s->n_open + 1);
  memcpy(rest, s->closed, (size_t)s->n_open * sizeof *rest);
  for (size_t i = 0; i < s->tree.size; i++) {
    const TreeNode *node = &s->tree.heap[i];
    rest[node->open_case] = fmin(rest[node->open_case], node->lower);
  }
  for (int p = 0; in_work && p < s->n_parts; p++)
    rest[s->parts[p].node.open_case] =
        fmin(rest[s->parts[p].node.open_case], s->parts[p].node.lower);
  for (int c = 0; c < s->n_open; c++)
    if (s->open_nodes[c] > 0 && rest[c] <= 0)
      result_raise(s->result, s->query->first_case + s->open[c], rest[c], "bab");
  mem_free(rest);
}

/* The trees of all cases that this search has proved. */
static void certify(const Search *s)
{
  int n = 0;
  int *cases = mem_array((size_t)s->n_open + 1, sizeof *cases);
  int *roots = mem_array((size_t)s->n_open + 1, sizeof *roots);
  for (int c = 0; c < s->n_open; c++) {
    if (!(s->result->cases[s->query->first_case + s->open[c]].lower > 0)) continue;
    cases[n] = s->open[c];
    roots[n++] = s->roots[c];
  }
  if (n) proof_tree_signs(s->params->proof, s->spill, &s->tree, n, cases, roots);
  mem_free(cases);
  mem_free(roots);
}

static void say(Search *s)
{
  const ProgressSearch p = {.stage = "bab",
                            .seconds = clock_now() - s->began,
                            .nodes = s->stats.nodes,
                            .open = s->tree.size,
                            .depth = s->stats.depth,
                            .worst = s->tree.size ? s->tree.heap[0].lower : 0};
  progress_search(&p);
}

BabStats bab_search(const Team *team, const Query *query, const Bounds *root,
                    const Packed *packed, const Hints *hints, const BabParams *params,
                    Attack *attack, const Stop *stop, Result *result)
{
  Search s = {.team = team,
              .query = query,
              .root = root,
              .packed = packed,
              .hints = hints,
              .params = params,
              .attack = attack,
              .stop = stop,
              .result = result};
  search_init(&s);
  bool hit = false, cut_short = false;
  int next_root = 0;
  for (;;) {
    /* No memory for the nodes ends the search. */
    cut_short = !(next_root < s.n_open ? take_roots(&s, &next_root) : take_parts(&s));
    if (cut_short) result_give_up(result, RESULT_MEMORY);
    if (!s.n_parts || cut_short) break;
    cut_short = s.stats.nodes && s.stats.nodes + s.n_parts > params->max_nodes;
    if (cut_short) break;
    team_run(team, (s.n_parts + s.group - 1) / s.group, bound_group, &s);
    cut_short = stop_why(stop) != STOP_NO;
    if (cut_short) { /* the parts keep their parents' bounds */
      result_give_up(result, result_reason_of(stop_why(stop)));
      break;
    }
    s.stats.nodes += s.n_parts;
    sort_parts(&s);
    hit = attack && s.n_open && (probe(&s) || attack_again(&s));
    if (hit) break;
    say(&s);
  }
  if (!hit) report(&s, cut_short);
  if (s.spill && !hit) certify(&s);
  for (int i = 0; i < team->n; i++) {
    s.stats.lps += s.workers[i].lps;
    s.stats.tightened += s.workers[i].tightened;
  }
  const BabStats stats = s.stats;
  result_tree(result, &(TreeStats){.nodes = stats.nodes,
                                   .leaves = stats.leaves,
                                   .depth = stats.depth,
                                   .lps = stats.lps,
                                   .tightened = stats.tightened,
                                   .stuck = stats.stuck});
  search_free(&s);
  return stats;
}
