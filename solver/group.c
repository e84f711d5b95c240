/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/group.h"

#include <math.h>
#include <string.h>

#include "bounds/lp.h"
#include "net/base/mem.h"
#include "solver/group_proof.h"

/* Fewer nodes in a group where their intervals would take more than GROUP_BYTES. */
#define GROUP_BYTES ((size_t)256 << 20)
/* A half needs no more gain than closes it, or than this share of the largest. */
#define ENOUGH 0.1
/* See group_is_mute. */
#define MUTE_SHARE 1e-10
/* When a box has shrunk by so much, all intervals of its children are bounded again. */
#define LEAST_SHRINK 0.02

/* ---- intervals ------------------------------------------------------------------- */

static int read_path(const Group *g, GroupWorker *w, const GroupPart *part)
{
  if (part->node.depth > w->path_room) {
    w->path_room = 2 * part->node.depth;
    w->path = mem_grow(w->path, (size_t)w->path_room, sizeof *w->path);
  }
  return tree_path(g->tree, part->node.id, w->path, w->path_room);
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
static void load_bounds(const Group *g, GroupWorker *w, const GroupPart *part, int t)
{
  bounds_copy_box(w->b, t, g->root, 0);
  if (part->parent && g->params->contract)
    slot_load_inputs(w->b, t, slot_view(&g->slots, part->parent).input);
  if (part->parent && g->params->retighten)
    slot_load_intervals(&g->slots, w->b, t,
                        slot_view(&g->slots, part->parent).interval);
  const int n = read_path(g, w, part);
  for (int i = n; i-- > 0;)
    apply(w->b, t, &w->path[i]);
}

/* The inputs, by the bounds as they are now; their slots hand that on. */
static void contract_by_bounds(const Group *g, GroupWorker *w, GroupPart *parts)
{
  const size_t size = (size_t)net_out_size(g->query->net),
               n = (size_t)net_in_size(g->query->net);
  for (int r = 0; r < w->n_rows; r++) {
    const double *weights = w->c + (size_t)r * size + (size_t)w->first[r];
    GroupPart *part = &parts[w->part[r]];
    const double share = contract_inputs(w->b, w->part[r], w->value[r], w->count[r],
                                         weights, w->q0 + (size_t)r * n);
    part->node.has_shrunk = share > LEAST_SHRINK;
    if (g->certifies && share > 0) group_proof_narrow(g, w, part, r);
    if (share > 0) part->node.is_contracted = true;
    if (w->b->empty[w->part[r]]) part->is_empty = true;
  }
}

static void contract_group(const Group *g, GroupWorker *w, GroupPart *parts, int n)
{
  for (int t = 0; t < n; t++) {
    const int k = g->open[parts[t].node.open_case], first = g->query->row[k];
    if (!contract_run(w->contract, w->b, t, first, g->query->row[k + 1] - first))
      continue;
    parts[t].node.is_contracted = true;
    if (g->certifies) group_proof_equations(&parts[t]);
  }
}

static void retighten(const Group *g, GroupWorker *w, GroupPart *parts, int n)
{
  int first = w->b->net->n_nodes;
  for (int t = 0; t < n; t++) {
    if (parts[t].parent && parts[t].decision.node < first)
      first = parts[t].decision.node;
    if (parts[t].has_smaller_box) first = 1;
  }
  if (first == w->b->net->n_nodes) return;
  for (int t = 0; g->certifies && t < n; t++)
    group_proof_pass(g, &parts[t], first);
  const CrownParams params = {.first = first, .hints = g->hints, .stop = g->stop};
  crown_run(w->crown, w->b, &params);
  w->tightened += n;
}

/* ---- rows ------------------------------------------------------------------------ */

static void add_cuts(const Group *g, GroupWorker *w, const GroupPart *part, int row)
{
  const int n = read_path(g, w, part);
  if (w->n_cuts + n > w->cuts_room) {
    w->cuts_room = 2 * (w->n_cuts + n);
    w->cuts = mem_grow(w->cuts, (size_t)w->cuts_room, sizeof *w->cuts);
  }
  for (int i = 0; i < n; i++) {
    const double beta = i == 0 ? part->beta
                        : i - 1 < SLOT_BETAS
                            ? (double)slot_view(&g->slots, part->parent).beta[i - 1]
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
static void load_slopes(const Group *g, GroupWorker *w, const GroupPart *part, int t,
                        int row)
{
  const Net *net = w->b->net;
  const int start = net->n_nodes - 1;
  if (part->parent) {
    packed_load(g->packed, start, slot_view(&g->slots, part->parent).slopes, w->alpha,
                row);
    return;
  }
  for (int k = 0; k < start; k++) {
    if (!w->alpha[k]) continue;
    const size_t n = (size_t)net->nodes[k].size;
    memcpy(w->alpha[k] + (size_t)row * n,
           w->b->down[net->nodes[k].in[0]] + (size_t)t * n, n * sizeof(double));
  }
}

static void add_row(const Group *g, GroupWorker *w, const GroupPart *part, int t)
{
  const int row = w->n_rows++, k = g->open[part->node.open_case];
  const size_t size = (size_t)net_out_size(g->query->net);
  const int first = g->query->row[k], count = g->query->row[k + 1] - first;
  w->part[row] = t;
  w->box[row] = t;
  w->first[row] = first;
  w->count[row] = count;
  w->lower[row] = part->node.lower;
  memset(w->c + (size_t)row * size, 0, size * sizeof *w->c);
  for (int j = 0; j < count; j++)
    w->c[(size_t)row * size + (size_t)(first + j)] =
        part->parent ? slot_view(&g->slots, part->parent).weights[j] : 1.0 / count;
  load_slopes(g, w, part, t, row);
  add_cuts(g, w, part, row);
}

static Objective objective_of(const Group *g, const GroupWorker *w)
{
  return (Objective){.start = g->query->net->n_nodes - 1,
                     .n_rows = w->n_rows,
                     .size = net_out_size(g->query->net),
                     .box = w->box,
                     .first = w->first,
                     .count = w->count,
                     .c = w->c,
                     .has_weights = g->max_count > 1};
}

/* Only rows that are still open go on. */
static void drop_closed(const Group *g, GroupWorker *w, GroupPart *parts)
{
  const Net *net = g->query->net;
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

/* What the children of an open part will start from. */
static void store_part(const Group *g, const GroupWorker *w, const GroupPart *part,
                       int row)
{
  const Slot slot = slot_view(&g->slots, part->node.slot);
  const size_t size = (size_t)net_out_size(g->query->net);
  for (int j = 0; j < w->count[row]; j++)
    slot.weights[j] = w->c[(size_t)row * size + (size_t)(w->first[row] + j)];
  packed_store(g->packed, g->query->net->n_nodes - 1, w->alpha, row, slot.slopes);
  if (g->params->retighten)
    slot_store_intervals(&g->slots, w->b, w->part[row], slot.interval);
  if (g->params->contract) slot_store_inputs(w->b, w->part[row], slot.input);
  int n = 0;
  for (int i = 0; i < w->n_cuts; i++)
    if (w->cuts[i].row == row && n < SLOT_BETAS)
      slot.beta[n++] = (float)w->cuts[i].beta;
}

/* ---- leaves ---------------------------------------------------------------------- */

/* The box of a leaf.  A sign that only violators have must be assumed, like one that
 * was decided, for the program to be exact: on the rest of the box the neuron is
 * another function.  The root's intervals go on to 0, so that every assumption can have
 * its multiplier. */
static void load_leaf(const Group *g, GroupWorker *w, int t)
{
  const Packed *packed = g->packed;
  const Bounds *b = w->b;
  const int n = net_in_size(b->net);
  bounds_copy_box(w->one, 0, g->root, 0);
  for (int i = 0; i < n; i++)
    bounds_meet(w->one, 0, 0, i, b->lo[0][t * n + i], b->hi[0][t * n + i]);
  for (int k = 0; k < b->net->n_nodes; k++)
    for (int i = 0; i < packed->n_open[k]; i++) {
      const int j = b->net->nodes[k].in[0], at = packed->open[k][i];
      if (!b->is_relu[j] || bounds_unstable(b, j, t, at)) continue;
      bounds_split(w->one, j, 0, at, b->lo[j][t * b->net->nodes[j].size + at] >= 0);
    }
}

/* Every sign is decided, so the relaxation is exact: a linear program. */
static void solve_leaf(const Group *g, GroupWorker *w, GroupPart *part, int row,
                       double *corner)
{
  const int k = g->open[part->node.open_case];
  if (!w->one) w->one = bounds_new(g->query->net, 1);
  if (part->node.is_contracted)
    load_leaf(g, w, w->part[row]);
  else
    bounds_copy_box(w->one, 0, w->b, w->part[row]);
  Objective o = objective_cases(g->query->net, 1, &k, g->query->row);
  LpResult lp;
  LpCuts cuts = {0};
  w->lps++;
  lp_bound(w->L, w->one, &o, g->params->lp_neurons, NULL, g->stop, &lp, corner,
           g->certifies ? &cuts : NULL);
  if (lp.lower > part->node.lower) part->node.lower = lp.lower;
  if (g->certifies && lp.lower > 0) group_proof_leaf(g, part, &o, &cuts);
  lp_cuts_free(&cuts);
  objective_free(&o);
}

/* ---- what to decide next ----------------------------------------------------------
 */

/* Where lambda >= 0 a child can go on with its parent's p = alpha lambda, so that it
 * starts from the parent's bound: what is missing to slope 0 or 1 is beta.  Where
 * lambda < 0 it wins by leaving the triangle's upper edge at once. */
static double start_beta(const GroupWorker *w, int row, const Decision *d,
                         bool positive)
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

bool group_is_mute(const Group *g, int k, double lower)
{
  const int last = g->query->net->n_nodes - 1;
  double range = 0;
  if (g->params->contract == 2) return true;
  for (int j = g->query->row[k]; j < g->query->row[k + 1]; j++)
    range = fmax(range, g->root->hi[last][j] - g->root->lo[last][j]);
  return lower > -MUTE_SHARE * range;
}

/* The neuron whose signs narrow most. */
static void probe_candidates(const Group *g, GroupWorker *w, GroupPart *part, int r)
{
  const int t = w->part[r];
  Candidate *found = w->candidate + (size_t)r * (size_t)g->n_candidates;
  w->n_candidates[r] = branch_candidates(w->branch, w->b, t, g->n_candidates, found);
  w->n_candidates[r] = n_signs(w->b, found, w->n_candidates[r]);
  if (w->n_candidates[r] && is_sign(w->b, found) &&
      narrow_choose(w->contract, w->b, t, w->first[r], w->count[r], found,
                    &w->n_candidates[r], g->certifies ? &w->steps : NULL)) {
    part->node.is_contracted = true;
    if (g->certifies) group_proof_steps(g, part, &w->steps);
  }
  part->is_empty = w->b->empty[t];
  /* All on the list are decided, others may not be. */
  if (!part->is_empty && !w->n_candidates[r])
    w->n_candidates[r] = branch_candidates(w->branch, w->b, t, 1, found);
}

/* Candidates of every row, best first; with look-ahead the first becomes the one whose
 * halves have the best bounds. */
static void list_candidates(const Group *g, GroupWorker *w, GroupPart *parts,
                            Objective *o, const SlopesParams *params)
{
  const int most = g->look_ahead > 1 ? g->look_ahead : 1;
  int n = 0;
  for (int r = 0; r < w->n_rows; r++) {
    GroupPart *part = &parts[w->part[r]];
    if (w->contract && group_is_mute(g, g->open[part->node.open_case], w->lower[r])) {
      probe_candidates(g, w, part, r);
      continue;
    }
    Candidate *found = w->candidate + (size_t)r * (size_t)g->n_candidates;
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
    choose(w->candidate + (size_t)r * (size_t)g->n_candidates, count, w->value[r],
           w->ahead_value + from);
    from += 2 * count;
  }
}

static void judge_row(const Group *g, GroupWorker *w, GroupPart *part, int row,
                      double *corner)
{
  const size_t n = (size_t)net_in_size(g->query->net);
  memcpy(corner, w->corner + (size_t)row * n, n * sizeof *corner);
  if (w->n_candidates[row]) {
    const Candidate *found = w->candidate + (size_t)row * (size_t)g->n_candidates;
    part->node.next = found->decision;
    for (int half = 0; half < 2; half++)
      part->node.beta[half] = start_beta(w, row, &found->decision, half);
    store_part(g, w, part, row);
    return;
  }
  part->node.next = (Decision){.node = -1};
  solve_leaf(g, w, part, row, corner);
}

/* ---- a group ----------------------------------------------------------------------
 */

/* What the rows that are still open tell about their branches. */
static void look(const Group *g, GroupWorker *w, GroupPart *parts, SlopesParams *params)
{
  const LagrangianGradient out = {.x0 = w->corner};
  Objective o = objective_of(g, w);
  params->n_cuts = w->n_cuts;
  slopes_look(w->slopes, w->L, w->b, &o, params, &out, w->value, w->q0);
  if (g->params->contract) contract_by_bounds(g, w, parts);
  branch_score(w->branch, w->b, w->n_rows, w->box, w->mean, g->params->retighten,
               g->hints, g->stop);
  list_candidates(g, w, parts, &o, params);
}

void group_bound(const Group *g, GroupWorker *w, int n, GroupPart *parts,
                 double *corner)
{
  if (stop_why(g->stop)) return;
  const int all = w->b->n_box;
  w->b->n_box = n;
  for (int t = 0; t < n; t++)
    load_bounds(g, w, &parts[t], t);
  if (w->contract) contract_group(g, w, parts, n);
  if (g->params->retighten) retighten(g, w, parts, n);
  w->n_rows = w->n_cuts = 0;
  for (int t = 0; t < n; t++) {
    parts[t].is_empty = w->b->empty[t];
    if (!parts[t].is_empty) add_row(g, w, &parts[t], t);
  }
  SlopesParams params = {.iterations = g->params->iterations,
                         .stop = g->stop,
                         .alpha = w->alpha,
                         .warm = parts[0].parent != NULL,
                         .mean = w->mean,
                         .n_cuts = w->n_cuts,
                         .cuts = w->cuts};
  Objective o = objective_of(g, w);
  slopes_run(w->slopes, w->L, w->b, &o, &params, w->lower);
  if (g->certifies) group_proof_closed(g, w, parts, &o, &params);
  drop_closed(g, w, parts);
  if (w->n_rows) look(g, w, parts, &params);
  const size_t inputs = (size_t)net_in_size(g->query->net);
  for (int r = 0; r < w->n_rows; r++)
    if (!parts[w->part[r]].is_empty)
      judge_row(g, w, &parts[w->part[r]], r, corner + (size_t)w->part[r] * inputs);
  for (int t = 0; t < n; t++) {
    if (parts[t].is_empty && g->certifies) group_proof_empty(&parts[t]);
    if (parts[t].node.is_contracted)
      parts[t].node.lower = fmin(parts[t].node.lower, CONTRACT_MARGIN);
  }
  w->b->n_box = all;
}

GroupWorker *group_worker_new(const Group *g, Lagrangian *L)
{
  const Net *net = g->query->net;
  const size_t group = (size_t)g->size;
  GroupWorker *w = mem_zero(1, sizeof *w);
  w->L = L;
  w->solo = (Team){1, &w->L};
  w->crown = crown_new(&w->solo);
  w->b = bounds_new(net, g->size);
  w->slopes = slopes_new(net, g->size);
  w->branch = branch_new(net, w->L, g->size);
  w->mean = lagrangian_new_multipliers(net, g->size);
  w->alpha = lagrangian_new_multipliers(net, g->size);
  w->c = mem_doubles(group * (size_t)net_out_size(net));
  w->lower = mem_doubles(group);
  w->value = mem_doubles(group);
  w->corner = mem_doubles(group * (size_t)net_in_size(net));
  w->q0 = mem_doubles(group * (size_t)net_in_size(net));
  w->first = mem_array(group, sizeof *w->first);
  w->count = mem_array(group, sizeof *w->count);
  w->box = mem_array(group, sizeof *w->box);
  w->part = mem_array(group, sizeof *w->part);
  const size_t candidates = group * (size_t)g->n_candidates;
  if (g->rows) {
    w->contract = contract_new(g->rows);
    contract_scale(w->contract, g->root);
    if (g->certifies) contract_by_equations(w->contract);
  }
  w->candidate = mem_array(candidates, sizeof *w->candidate);
  w->n_candidates = mem_array(group, sizeof *w->n_candidates);
  w->source = mem_array(2 * candidates, sizeof *w->source);
  w->ahead = mem_array(2 * candidates, sizeof *w->ahead);
  w->ahead_value = mem_doubles(2 * candidates);
  w->exact_c = mem_doubles(group * (size_t)net_out_size(net));
  return w;
}

void group_worker_free(GroupWorker *w)
{
  const Net *net = lagrangian_net(w->L);
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
  mem_free(w->steps.sign);
  mem_free(w->exact_beta);
  mem_free(w->beta);
  mem_free(w);
}

int group_size(const Net *net)
{
  size_t total = 0;
  for (int k = 0; k < net->n_nodes; k++)
    total += (size_t)net->nodes[k].size;
  const size_t box = total * 12 * sizeof(double); /* bounds, slopes and their steps */
  const size_t fit = GROUP_BYTES / (box + 1);
  return fit < 1 ? 1 : fit > GROUP_MOST ? GROUP_MOST : (int)fit;
}
