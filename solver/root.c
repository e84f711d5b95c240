/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/root.h"

#include <math.h>
#include <string.h>

#include "bounds/crown.h"
#include "bounds/fuse.h"
#include "bounds/reduce.h"
#include "bounds/refine.h"
#include "bounds/squares.h"
#include "net/base/mem.h"

/* Work space of one batch of objectives, and the most objectives in one. */
#define BATCH_BYTES ((size_t)384 << 20)
#define BATCH_ROWS  512
#define HINT_BYTES  ((size_t)512 << 20)

/* Iterations on every leaf of the trees: more leaves gain more than more iterations. */
#define LEAF_ITERATIONS 5
/* Multiplications per second of one thread in refine_run, about, and the share of the
 * time left that it may take; the most multiplications where time has no limit. */
#define REFINE_SPEED 1.5e10
#define REFINE_SHARE 0.3
#define REFINE_MOST  4e12
/* Small trees that take less than about a second need no search before them. */
#define CHEAP_LEAVES 16
#define CHEAP_COST   2e10

void root_make_team(Job *job, const Net *net)
{
  team_free(job->team);
  job->team = team_new(net, job->options->threads,
                       lagrangian_rows_that_fit(net, BATCH_BYTES, true, BATCH_ROWS));
  job->L = job->team->member[0];
}

/* From now on bounds are about this network, the same function on the box.  The one
 * before lives on, because arrays are borrowed from it. */
static void go_on_with(Job *job, Net *net, Bounds *inside)
{
  const Query *old = job->live;
  Query fresh = *old;
  fresh.net = net;
  fresh.row = mem_array((size_t)old->n_cases + 1, sizeof *fresh.row);
  memcpy(fresh.row, old->row, ((size_t)old->n_cases + 1) * sizeof *fresh.row);
  job->n_dead += (long)net_n_neurons(old->net) - (long)net_n_neurons(net);
  if (old == &job->reduced) {
    job->older[job->n_older++] = job->reduced.net;
    mem_free(job->reduced.row);
  }
  job->reduced = fresh;
  job->live = &job->reduced;
  packed_hints_free(job->hints);
  packed_free(job->packed);
  job->hints = NULL;
  job->packed = NULL;
  bounds_free(job->bounds);
  job->bounds = inside;
  root_make_team(job, net);
}

/* Is an interval of `now` smaller than the one it comes from, by more than rounding?
 * Intervals grow along a chain of linear nodes. */
static bool fusing_tightened(const Bounds *now, const Bounds *before, const int *origin)
{
  for (int k = 0; k < now->net->n_nodes; k++) {
    const Node *const v = &now->net->nodes[k];
    for (int p = 0; origin[k] >= 0 && p < v->n_in; p++) {
      const int j = v->in[p], old = before->net->nodes[origin[k]].in[p];
      for (int i = 0; i < v->size; i++) {
        const double width = before->hi[old][i] - before->lo[old][i];
        if (now->hi[j][i] - now->lo[j][i] < width * (1 - 0x1p-30)) return true;
      }
    }
  }
  return false;
}

void root_fuse(Job *job)
{
  Bounds *inside;
  int *origin = NULL;
  Net *net = fuse_net(job->bounds, &inside, &origin);
  const bool tightened = net && fusing_tightened(inside, job->bounds, origin);
  job->is_fused = net != NULL;
  if (net && job->proof) proof_fused(job->proof, net, origin);
  mem_free(origin);
  if (net) go_on_with(job, net, inside);
  if (job->proof && tightened) {
    /* A checker has the chains, and sees through them in a pass.  Default slopes depend
     * on the intervals, so these are made by one, too. */
    proof_pass(job->proof);
    crown_tighten(job->team, job->bounds, 0, job->stop);
  }
  if (job->proof) return;
  net = squares_net(job->bounds, &inside);
  if (net) go_on_with(job, net, inside);
}

void root_shrink(Job *job)
{
  if (job->n_older == JOB_MAX_REDUCTIONS) return;
  Bounds *inside;
  ReduceOrigin origin;
  Net *net = reduce_net(job->bounds, &inside, &origin);
  if (!net) return;
  if (job->proof) proof_reduced(job->proof, net, &origin);
  reduce_origin_free(&origin);
  go_on_with(job, net, inside);
}

void root_need_packed(Job *job)
{
  if (job->packed) return;
  job->packed = packed_new(job->bounds);
  if (job->proof) proof_layout(job->proof, job->packed);
}

static bool is_bounded(const void *crown, int node)
{
  return crown_bounds_node(crown, node);
}

/* The bounds that the slopes give as the certificate holds them, from what was known
 * before. */
static void certify(Job *job, Crown *crown, Bounds *before, const Stop *stop)
{
  if (job->hints)
    proof_hints(job->proof, job->hints, before, is_bounded, crown);
  else
    proof_pass(job->proof);
  const CrownParams params = {.first = 1, .hints = job->hints, .stop = stop};
  crown_run(crown, before, &params);
  bounds_copy_box(job->bounds, 0, before, 0);
}

void root_tighten(Job *job, const Stop *stop)
{
  Crown *crown = crown_new(job->team);
  root_need_packed(job);
  if (!job->hints) job->hints = packed_hints_new(job->packed, HINT_BYTES);
  Bounds *before = NULL;
  if (job->proof) {
    before = bounds_new(job->bounds->net, 1);
    bounds_copy_box(before, 0, job->bounds, 0);
  }
  const CrownParams params = {.first = 1,
                              .slope_iterations =
                                  (job->options->slope_iterations + 1) / 2,
                              .learn = job->hints,
                              .stop = stop};
  crown_run(crown, job->bounds, &params);
  if (job->proof) certify(job, crown, before, stop);
  bounds_free(before);
  crown_free(crown);
}

bool root_is_dense(const Job *job)
{
  double dense = 0, conv = 0;
  for (int k = 0; k < job->query->net->n_nodes; k++) {
    const Node *v = &job->query->net->nodes[k];
    if (v->kind == NODE_DENSE) dense += (double)v->size * v->cols;
    if (v->kind == NODE_CONV)
      conv +=
          (double)v->size * (v->conv.c_in / v->conv.groups) * v->conv.kh * v->conv.kw;
  }
  return conv <= dense;
}

double root_looseness(const Job *job)
{
  const Bounds *b = job->bounds;
  double sum = 0;
  for (int j = 0; j < b->net->n_nodes; j++)
    for (int i = 0; b->pre[j] >= 0 && i < b->net->nodes[j].size; i++)
      if (bounds_unstable(b, j, 0, i))
        sum += -b->lo[j][i] * b->hi[j][i] / (b->hi[j][i] - b->lo[j][i]);
  return sum;
}

static RefineParams refine_params(const Job *job, int leaves, const Stop *stop)
{
  return (RefineParams){.leaves = leaves,
                        .iterations = LEAF_ITERATIONS,
                        .hints = job->hints,
                        .stop = stop};
}

bool root_refining_pays(const Job *job, int leaves)
{
  const RefineParams params = refine_params(job, leaves, NULL);
  const double cost = refine_cost(job->bounds, &params);
  const double left = stop_seconds_left(job->stop);
  if (!(cost > 0)) return false;
  /* Without a limit on the time nothing may depend on the clock or the threads. */
  if (isinf(left)) return cost < REFINE_MOST;
  return cost < REFINE_SHARE * left * REFINE_SPEED * job->team->n;
}

bool root_refining_is_cheap(const Job *job)
{
  const RefineParams params = refine_params(job, CHEAP_LEAVES, NULL);
  const double cost = refine_cost(job->bounds, &params);
  return cost > 0 && cost < CHEAP_COST;
}

/* A tree as the certificate has it: leaves[from .. from + n) agree up to `depth`. */
static void add_tree(const Job *job, ProofText *text, int j, const RefineLeaf *leaves,
                     int from, int n, int depth)
{
  const RefineLeaf *first = &leaves[from];
  int below = from;
  if (n > 1) {
    const LagrangianCut *cut = &first->path[depth];
    while (!leaves[below].path[depth].positive)
      below++;
    proof_byte(text, 1);
    proof_number(text, (size_t)proof_node(job->proof, cut->node));
    proof_number(text, (size_t)proof_element(job->proof, cut->node, cut->index));
    add_tree(job, text, j, leaves, from, below - from, depth + 1);
    add_tree(job, text, j, leaves, below, from + n - below, depth + 1);
    return;
  }
  proof_byte(text, 0);
  proof_slope_row(job->proof, text, job->bounds->pre[j], j, first->slopes);
  for (int i = 0; i < first->depth; i++)
    proof_f32(text, first->path[i].beta);
}

static void *keep_tree(void *context, int j, int n, const RefineLeaf *leaves)
{
  ProofText *text = mem_zero(1, sizeof *text);
  add_tree(context, text, j, leaves, 0, n, 0);
  return text;
}

static void write_layer(void *context, int j, int n, const int *unit,
                        const signed char *sign, void *const *kept)
{
  const Job *job = context;
  const int k = job->bounds->pre[j], factor = job->bounds->net->nodes[k].in[0] != j;
  int count = 0;
  for (int r = 0; r < n; r++)
    count += kept[r] != NULL;
  if (count) proof_refine_input(job->proof, k, factor, count);
  for (int r = 0; r < n; r++) {
    ProofText *tree = kept[r];
    if (!tree) continue;
    proof_refine_tree(job->proof, k, unit[r], sign[r], tree);
    proof_text_free(tree);
    mem_free(tree);
  }
}

void root_refine(Job *job, int leaves, const Stop *stop)
{
  RefineParams params = refine_params(job, leaves, stop);
  if (job->proof) root_need_packed(job);
  const RefineLog log = {
      .packed = job->packed, .context = job, .keep = keep_tree, .layer = write_layer};
  if (job->proof) {
    proof_refine_begin(job->proof);
    params.log = &log;
  }
  refine_run(job->team, job->bounds, &params);
  if (job->proof) proof_refine_end(job->proof);
}
