/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/stage.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "bounds/affine.h"
#include "bounds/crown.h"
#include "bounds/dual.h"
#include "bounds/ibp.h"
#include "bounds/lp.h"
#include "bounds/slopes.h"
#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/bab.h"
#include "solver/progress.h"
#include "solver/root.h"
#include "solver/split.h"

/* Slopes for the rows over the first intervals, where they take no more than this share
 * of the passes that better intervals take. */
#define CHEAP_SHARE 0.05

/* Affine bounds, where an input that varies has at least so many objectives of better
 * intervals beside it. */
#define CHEAP_FORMS 8

#define QUICK_RESTARTS 4
#define QUICK_STEPS    20
#define QUICK_DESCENTS 256 /* of all cases: thousands of cases want bounds first */

/* First step from the corners where a bound of the whole box is attained. */
#define CORNER_REACH 0.5
/* Descent steps from the points that branch and bound probes. */
#define PROBE_STEPS 20
/* When all else has failed, inputs are split if there are no more of them. */
#define MANY_INPUTS 32
/* Open subproblems take no more memory than this. */
#define FRONTIER_BYTES ((size_t)3 << 30)

/* The share of the remaining time, and the most seconds, for optimising
 * intermediate bounds: on large networks it has no natural end. */
#define JOINT_SHARE   0.4
#define JOINT_SECONDS 60.0
/* The same for the trees of intermediate bounds; they go on while what the relaxation
 * can lose becomes smaller by this factor. */
#define REFINE_SHARE 0.5
#define REFINE_GAIN  0.95
/* Nodes of the first search, before the root is refined. */
#define SHORT_SEARCH 128
#define LP_SHARE     0.7
#define LP_SECONDS   60.0

void stage_begin(Job *job, const Net *net, const Prop *prop, const Query *query,
                 const Options *options, const Stop *stop, Result *result, Proof *proof,
                 Prng *prng)
{
  *job = (Job){.net = net,
               .prop = prop,
               .query = query,
               .live = query,
               .options = options,
               .stop = stop,
               .result = result,
               .proof = proof,
               .prng = prng};
  job->open = mem_array((size_t)query->n_cases, sizeof *job->open);
  stage_list_open(job);
}

void stage_end(Job *job)
{
  attack_free(job->attack);
  team_free(job->team);
  packed_hints_free(job->hints);
  packed_free(job->packed);
  bounds_free(job->bounds);
  if (job->live == &job->reduced) query_reset(&job->reduced);
  for (int i = 0; i < job->n_older; i++)
    net_free(job->older[i]);
  mem_free(job->open);
  mem_free(job->corners);
  mem_free(job->corner_case);
}

void stage_list_open(Job *job)
{
  job->n_open = 0;
  for (int k = 0; k < job->query->n_cases; k++)
    if (!(job->result->cases[job->query->first_case + k].lower > 0))
      job->open[job->n_open++] = k;
}

/* ---- records ------------------------------------------------------------- */

typedef struct {
  Job *job;
  StageResult *record;
  double start;
  int n_open;
} Timer;

static Timer timer_start(Job *job, const char *name)
{
  return (Timer){.job = job,
                 .record = result_stage(job->result, name),
                 .start = clock_now(),
                 .n_open = job->n_open};
}

static void timer_stop(Timer *t, long steps)
{
  stage_list_open(t->job);
  t->record->seconds += clock_now() - t->start;
  t->record->n_steps += steps;
  t->record->n_closed += t->n_open - t->job->n_open;
  t->record->bound = result_worst(t->job->result);
  t->record->found_witness |= t->job->result->verdict == RESULT_FALSIFIED;
  progress_stage(t->job->result, t->record);
}

/* The part of the remaining time that one step may use. */
static Stop share(const Stop *stop, double fraction, double most)
{
  Stop part;
  const double left = stop_seconds_left(stop) * fraction;
  stop_init(&part, left < most ? left : most);
  part.parent = stop;
  return part;
}

/* ---- attack -------------------------------------------------------------- */

static void need_attack(Job *job)
{
  if (!job->attack)
    job->attack = attack_new(job->net, job->prop, job->query, job->result);
}

void stage_attack_quick(Job *job)
{
  Timer t = timer_start(job, "attack");
  need_attack(job);
  const int restarts = job->options->attack_restarts,
            steps = job->options->attack_steps;
  attack_random(job->attack, restarts < QUICK_RESTARTS ? restarts : QUICK_RESTARTS,
                QUICK_DESCENTS, steps < QUICK_STEPS ? steps : QUICK_STEPS, job->prng,
                job->stop);
  timer_stop(&t, attack_n_restarts(job->attack));
}

void stage_attack_corners(Job *job)
{
  if (!job->n_corners) return;
  Timer t = timer_start(job, "attack");
  need_attack(job);
  const long before = attack_n_restarts(job->attack);
  attack_from(job->attack, job->n_corners, job->corners, job->corner_case,
              job->options->attack_steps, CORNER_REACH, job->stop);
  job->n_corners = 0;
  timer_stop(&t, attack_n_restarts(job->attack) - before);
}

void stage_attack_random(Job *job)
{
  Timer t = timer_start(job, "attack");
  need_attack(job);
  const long before = attack_n_restarts(job->attack);
  attack_random(job->attack, job->options->attack_restarts, LONG_MAX,
                job->options->attack_steps, job->prng, job->stop);
  timer_stop(&t, attack_n_restarts(job->attack) - before);
}

static void add_corner(Job *job, int k, const double *x)
{
  const size_t n = (size_t)net_in_size(job->net), at = (size_t)job->n_corners;
  job->corners = mem_grow(job->corners, (at + 1) * n, sizeof *job->corners);
  job->corner_case = mem_grow(job->corner_case, at + 1, sizeof *job->corner_case);
  memcpy(job->corners + at * n, x, n * sizeof *x);
  job->corner_case[job->n_corners++] = k;
}

/* ---- bounds -------------------------------------------------------------- */

static long n_objectives(const Job *job)
{
  const Bounds *b = job->bounds;
  long n = 0;
  for (int j = 0; j < b->net->n_nodes; j++)
    for (int i = 0; b->pre[j] >= 0 && !b->tight[j] && i < b->net->nodes[j].size; i++)
      n += 2 * bounds_is_open(b, j, 0, i);
  return n;
}

/* Forms for affine bounds, where their passes are few beside those of backward bounds;
 * else NULL. */
static Affine *new_forms(const Job *job)
{
  if (job->proof) return NULL;
  const int n_vary = affine_n_vary(job->bounds);
  if (n_vary > AFFINE_MOST_INPUTS || n_objectives(job) < CHEAP_FORMS * n_vary)
    return NULL;
  return affine_new(job->live->net, 1, n_vary);
}

static void need_bounds(Job *job)
{
  if (job->bounds) return;
  const Net *net = job->live->net;
  root_make_team(job, net);
  job->bounds = bounds_new(net, 1);
  bounds_set_box(job->bounds, 0, job->live->box->lo, job->live->box->hi);
  ibp_all(job->bounds, lagrangian_linop(job->L));
  Affine *forms = new_forms(job);
  if (forms) affine_all(forms, job->bounds, lagrangian_linop(job->L));
  affine_free(forms);
}

/* What intervals alone do not prove is worth a simpler network. */
static void need_live(Job *job)
{
  need_bounds(job);
  if (!job->has_fused) root_fuse(job);
  job->has_fused = true;
}

static void bound_rows(Job *job, CrownRows which, const char *stage)
{
  const Query *query = job->live;
  double *lower = mem_doubles((size_t)job->n_open + 1);
  int *best = mem_zero((size_t)job->n_open + 1, sizeof *best);
  for (int i = 0; i < job->n_open; i++)
    lower[i] = -INFINITY;
  crown_bound_cases(job->L, job->bounds, which, job->n_open, job->open, query->row,
                    job->stop, lower, best);
  for (int i = 0; i < job->n_open; i++) {
    const int k = job->open[i];
    result_raise(job->result, query->first_case + k, lower[i], stage);
    if (job->proof && lower[i] > 0)
      proof_case(job->proof, k,
                 &(ProofBound){.row = best[i] - query->row[k],
                               .none = which == CROWN_INTERVALS});
  }
  mem_free(best);
  mem_free(lower);
}

static void count_neurons(Job *job)
{
  long active, inactive, unstable;
  bounds_count(job->bounds, &active, &inactive, &unstable);
  const long curved =
      (long)net_n_neurons(job->bounds->net) - active - inactive - unstable;
  inactive += job->n_dead;
  job->result->n_curved = curved;
  job->result->n_neurons = active + inactive + unstable + curved;
  job->result->n_active = active;
  job->result->n_inactive = inactive;
  job->result->n_unstable = unstable;
}

void stage_ibp(Job *job)
{
  Timer t = timer_start(job, "ibp");
  need_bounds(job);
  bound_rows(job, CROWN_INTERVALS, "ibp");
  count_neurons(job);
  timer_stop(&t, 1);
}

static long optimise(Job *job, int iterations, bool full, const char *stage);

void stage_backward(Job *job)
{
  Timer t = timer_start(job, "crown");
  need_live(job);
  bound_rows(job, CROWN_BACKWARD, "crown");
  stage_list_open(job);
  const int iterations = job->options->slope_iterations / 2;
  const double passes = 2.0 * iterations * job->n_open;
  if (passes < CHEAP_SHARE * (double)n_objectives(job))
    optimise(job, iterations, false, "crown");
  timer_stop(&t, 1);
}

void stage_crown(Job *job)
{
  Timer t = timer_start(job, "crown");
  need_live(job);
  Crown *crown = crown_new(job->team);
  Affine *forms = new_forms(job);
  const CrownParams params = {.first = 1, .affine = forms, .stop = job->stop};
  crown_run(crown, job->bounds, &params);
  if (job->proof) proof_pass(job->proof);
  affine_free(forms);
  crown_free(crown);
  bound_rows(job, CROWN_BACKWARD, "crown");
  count_neurons(job);
  timer_stop(&t, 1);
}

/* ---- dual ---------------------------------------------------------------- */

/* Multipliers as a certificate holds them. */
static void round_multipliers(const Job *job, Objective *o, double *const *alpha)
{
  const int end = o->start;
  for (int r = 0; r < o->n_rows; r++) {
    packed_round(job->packed, end, alpha, r);
    double *c = o->c + (size_t)r * (size_t)o->size;
    for (int j = 0; j < o->size; j++)
      c[j] = (double)(float)c[j];
  }
}

static double **copy_multipliers(const Net *net, int n, double *const *alpha)
{
  double **copy = lagrangian_new_multipliers(net, n);
  for (int k = 0; k < net->n_nodes; k++)
    if (copy[k])
      memcpy(copy[k], alpha[k], (size_t)n * (size_t)net->nodes[k].size * sizeof **copy);
  return copy;
}

/* Certify what the multipliers in o and alpha have closed: lower[r] > 0.  They are
 * rounded, unless that would open a case again. */
static void certify(Job *job, const int *cases, Objective *o, double **alpha,
                    const double *lower)
{
  const Query *query = job->live;
  const size_t n = (size_t)o->n_rows, bytes = n * (size_t)o->size * sizeof(double);
  double **exact = copy_multipliers(query->net, o->n_rows, alpha);
  double *weights = mem_alloc(bytes), *value = mem_doubles(n);
  memcpy(weights, o->c, bytes);
  round_multipliers(job, o, alpha);
  LagrangianBatch batch = objective_batch(o);
  batch.alpha = alpha;
  lagrangian_bound(job->L, job->bounds, &batch, value);
  for (int r = 0; r < o->n_rows; r++) {
    if (!(lower[r] > 0)) continue;
    const bool fine = value[r] > 0;
    const size_t at = (size_t)r * (size_t)o->size + (size_t)o->first[r];
    proof_case(job->proof, cases[r],
               &(ProofBound){.row = -1,
                             .count = o->count[r],
                             .weight = (fine ? o->c : weights) + at,
                             .exact = !fine,
                             .alpha = fine ? alpha : exact,
                             .r = r});
  }
  lagrangian_free_multipliers(query->net, exact);
  mem_free(weights);
  mem_free(value);
}

/* A certificate needs a layout of the slopes it gives. */
static void need_layout(Job *job)
{
  if (!job->hints) {
    packed_free(job->packed);
    job->packed = NULL;
  }
  root_need_packed(job);
}

/* Slopes, and the full dual from them, for a block of open cases; the corners where
 * the bounds are attained are kept for the attack. */
static long optimise_block(Job *job, const int *cases, int n, int iterations, bool full,
                           const char *stage)
{
  const Query *query = job->live;
  const Net *net = query->net;
  Objective o = objective_cases(net, n, cases, query->row);
  double *lower = mem_doubles((size_t)n);
  for (int r = 0; r < n; r++)
    lower[r] = job->result->cases[query->first_case + cases[r]].lower;
  double **alpha = lagrangian_new_multipliers(net, n);
  long steps =
      slopes_optimise(job->L, job->bounds, &o, iterations, 0, job->stop, lower, alpha);
  if (job->proof) certify(job, cases, &o, alpha, lower);
  if (full && !job->proof) {
    const DualParams params = {.iterations = job->options->dual_iterations,
                               .rule = ASCENT_ADAM};
    steps += dual_optimise(job->L, job->bounds, &o, &params, alpha, job->stop, lower);
  }
  for (int r = 0; r < n; r++)
    result_raise(job->result, query->first_case + cases[r], lower[r], stage);
  double *x0 = mem_doubles((size_t)n * (size_t)net_in_size(net));
  LagrangianBatch batch = objective_batch(&o);
  const LagrangianGradient out = {.x0 = x0};
  batch.keep = true;
  batch.alpha = alpha;
  lagrangian_bound(job->L, job->bounds, &batch, lower);
  lagrangian_gradient(job->L, &batch, &out);
  for (int r = 0; r < n; r++)
    add_corner(job, cases[r], x0 + (size_t)r * (size_t)net_in_size(net));
  mem_free(x0);
  mem_free(lower);
  lagrangian_free_multipliers(net, alpha);
  objective_free(&o);
  return steps;
}

static long optimise(Job *job, int iterations, bool full, const char *stage)
{
  const int block = lagrangian_max_rows(job->L);
  long steps = 0;
  stage_list_open(job);
  job->n_corners = 0;
  if (job->proof) need_layout(job);
  for (int from = 0; from < job->n_open && !stop_why(job->stop); from += block) {
    const int n = job->n_open - from < block ? job->n_open - from : block;
    steps += optimise_block(job, job->open + from, n, iterations, full, stage);
  }
  stage_list_open(job);
  return steps;
}

void stage_slopes(Job *job)
{
  Timer t = timer_start(job, "dual");
  need_live(job);
  timer_stop(&t, optimise(job, job->options->slope_iterations, false, "dual"));
}

void stage_joint(Job *job)
{
  Timer t = timer_start(job, "dual");
  need_live(job);
  const int iterations = job->options->slope_iterations;
  long steps = 0;
  for (int round = 0; round < job->options->joint_rounds && job->n_open; round++) {
    root_shrink(job);
    Stop part = share(job->stop, JOINT_SHARE, JOINT_SECONDS);
    root_tighten(job, &part);
    steps += optimise(job, 2 * iterations, true, "dual");
    if (stop_why(job->stop)) break;
  }
  count_neurons(job);
  timer_stop(&t, steps);
}

/* Trees for intermediate bounds, then everything that gains from them.  Returns false
 * when they hardly gained anything. */
static bool refine(Job *job, int leaves)
{
  Timer t = timer_start(job, "refine");
  const double before = root_looseness(job);
  Stop part = share(job->stop, REFINE_SHARE, INFINITY);
  root_refine(job, leaves, &part);
  root_shrink(job);
  root_tighten(job, &part);
  stage_list_open(job);
  const long steps = optimise(job, 2 * job->options->slope_iterations, false, "refine");
  count_neurons(job);
  timer_stop(&t, steps);
  return root_looseness(job) < REFINE_GAIN * before;
}

/* ---- branch and bound -------------------------------------------------------- */

static long max_nodes(const Options *o)
{
  return o->max_nodes ? o->max_nodes : LONG_MAX;
}

/* The frontier may have half of what is left. */
static size_t frontier_bytes(void)
{
  const size_t room = mem_room() / 2;
  return room < FRONTIER_BYTES ? room : FRONTIER_BYTES;
}

/* What is still open after a search that neither gave up a leaf nor hit another limit.
 */
static void note_node_limit(Job *job)
{
  if (job->options->max_nodes && job->n_open && !job->result->tree.stuck &&
      job->result->verdict == RESULT_UNKNOWN && !stop_why(job->stop))
    result_give_up(job->result, RESULT_NODES);
}

static void split_inputs(Job *job, int most_inputs)
{
  if (job->has_split || split_n_free(job->query) > most_inputs) return;
  job->has_split = true;
  Timer t = timer_start(job, "input");
  need_live(job);
  const bool attack = job->options->stages & STAGE_ATTACK;
  if (attack) need_attack(job);
  if (job->proof) need_layout(job);
  const SplitParams params = {.max_regions = max_nodes(job->options) - job->n_nodes,
                              .batch = job->options->batch,
                              .memory_bytes = frontier_bytes(),
                              .attack_steps = PROBE_STEPS,
                              .root = job->bounds,
                              .proof = job->proof,
                              .packed = job->packed};
  const long regions =
      split_search(job->team, job->live, &params, attack ? job->attack : NULL,
                   job->stop, job->result);
  job->n_nodes += regions;
  timer_stop(&t, regions);
  note_node_limit(job);
}

void stage_split_inputs(Job *job)
{
  switch (job->options->split) {
  case SPLIT_AUTO:
    split_inputs(job, job->options->split_inputs);
    return;
  case SPLIT_INPUT:
    split_inputs(job, INT_MAX);
    return;
  case SPLIT_ACTIVATION:
    return;
  }
}

void stage_split_rest(Job *job)
{
  if (job->options->split == SPLIT_AUTO) split_inputs(job, MANY_INPUTS);
}

static bool search(Job *job, long most)
{
  const Options *o = job->options;
  Timer t = timer_start(job, "bab");
  const bool attack = o->stages & STAGE_ATTACK;
  if (attack) need_attack(job);
  root_need_packed(job);
  const BabParams params = {.max_nodes = most,
                            .batch = o->batch,
                            .iterations = o->node_iterations,
                            .retighten =
                                o->retighten == 2 ? root_is_dense(job) : o->retighten,
                            .look_ahead = o->look_ahead,
                            .contract = job->live->net->ball ? 0 : o->contract,
                            .is_fused = job->is_fused,
                            .proof = job->proof,
                            .lp_neurons = o->lp_neurons,
                            .probe_steps = PROBE_STEPS,
                            .attack_restarts = (o->attack_restarts + 3) / 4,
                            .attack_steps = o->attack_steps,
                            .prng = job->prng,
                            .memory_bytes = frontier_bytes()};
  const BabStats stats =
      bab_search(job->team, job->live, job->bounds, job->packed, job->hints, &params,
                 attack ? job->attack : NULL, job->stop, job->result);
  timer_stop(&t, stats.nodes);
  job->n_nodes += stats.nodes;
  return job->n_open && job->result->verdict == RESULT_UNKNOWN && !stop_why(job->stop);
}

/* Short searches, and whenever one does not get there, better bounds at the root: a
 * tree for every neuron is far smaller than one for all.  Where trees cost less than a
 * search they come first. */
void stage_split_activations(Job *job)
{
  const Options *o = job->options;
  if (o->split == SPLIT_INPUT) return;
  need_live(job);
  long limit = SHORT_SEARCH;
  bool refine_first = root_refining_is_cheap(job);
  for (int leaves = o->refine_leaves > 16 ? 16 : o->refine_leaves;
       leaves > 0 && leaves <= o->refine_leaves; leaves *= 4, limit *= 2) {
    if (!root_is_dense(job) || !root_refining_pays(job, leaves)) break;
    if (limit > max_nodes(o) - job->n_nodes) break;
    if (!refine_first && !search(job, limit)) return;
    refine_first = false;
    if (!refine(job, leaves)) break;
    if (!job->n_open) return;
  }
  if (search(job, max_nodes(o) - job->n_nodes)) note_node_limit(job);
}

/* ---- linear program ------------------------------------------------------ */

void stage_lp(Job *job)
{
  if (job->proof) return;
  Timer t = timer_start(job, "lp");
  need_live(job);
  const Net *net = job->live->net;
  double *point = mem_doubles((size_t)net_in_size(net));
  long pivots = 0;
  for (int q = 0; q < job->n_open && !stop_why(job->stop); q++) {
    Objective o = objective_cases(net, 1, &job->open[q], job->live->row);
    Stop part = share(job->stop, LP_SHARE / (job->n_open - q), LP_SECONDS);
    LpResult lp;
    const bool ok = lp_bound(job->L, job->bounds, &o, job->options->lp_neurons, NULL,
                             &part, &lp, point, NULL);
    result_raise(job->result, job->live->first_case + job->open[q], lp.lower, "lp");
    if (ok && !(lp.lower > 0)) add_corner(job, job->open[q], point);
    pivots += lp.pivots;
    objective_free(&o);
  }
  mem_free(point);
  timer_stop(&t, pivots);
}
