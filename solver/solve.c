/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/solve.h"

#include "net/base/clock.h"
#include "net/base/prng.h"
#include "solver/progress.h"
#include "solver/stage.h"
#include "specs/query.h"

/* The stages in order, cheap ones first.  Each is skipped when nothing is open.  The
 * first ROOT_STAGES come before any search. */
#define ROOT_STAGES 6
static const struct {
  unsigned bit;
  void (*run)(Job *job);
} plan[] = {
    {STAGE_IBP, stage_ibp},
    {STAGE_CROWN, stage_backward},
    {STAGE_ATTACK, stage_attack_quick},
    {STAGE_CROWN, stage_crown},
    {STAGE_DUAL, stage_slopes},
    {STAGE_ATTACK, stage_attack_corners},
    {STAGE_SPLIT, stage_split_inputs},
    {STAGE_DUAL, stage_joint},
    {STAGE_ATTACK, stage_attack_corners},
    {STAGE_SPLIT, stage_split_activations},
    {STAGE_LP, stage_lp},
    {STAGE_ATTACK, stage_attack_corners},
    {STAGE_ATTACK, stage_attack_random},
    {STAGE_SPLIT, stage_split_rest},
};

#define ALL_STAGES (sizeof plan / sizeof *plan)

/* Stages from .. to - 1, until there is nothing left to do. */
static void run_stages(Job *job, unsigned stages, size_t from, size_t to)
{
  stage_list_open(job);
  for (size_t i = from; i < to && !stop_why(job->stop); i++) {
    if (!job->n_open || job->result->verdict == RESULT_FALSIFIED) return;
    if (stages & plan[i].bit) plan[i].run(job);
  }
}

/* What the root leaves open of a network with maxima is begun anew with ReLUs in their
 * place (net/relus.h): those have signs to decide, and leaves that are linear programs.
 */
static void go_on(Job *job, const Query *live, unsigned stages)
{
  const unsigned bounds = stages & ~(unsigned)STAGE_ATTACK;
  Query relus;
  Job other;
  stage_list_open(job);
  if (!job->n_open || job->result->verdict == RESULT_FALSIFIED || !bounds ||
      stop_why(job->stop) || !query_relus(live, &relus)) {
    run_stages(job, stages, ROOT_STAGES, ALL_STAGES);
    return;
  }
  stage_begin(&other, job->net, job->prop, job->query, job->options, job->stop,
              job->result, job->proof, job->prng);
  other.live = &relus;
  if (job->proof) proof_relus(job->proof, &relus);
  run_stages(&other, bounds, 0, ROOT_STAGES);
  run_stages(&other, stages, ROOT_STAGES, ALL_STAGES);
  stage_end(&other);
  query_reset(&relus);
}

/* One box with its cases: run the plan until all cases are proved, one is refuted, or
 * a limit is hit.  Bounds are about `live`; NULL: there is nothing to prove. */
static StopWhy solve_query(const Net *net, const Prop *prop, const Query *query,
                           const Query *live, const Options *options, const Stop *stop,
                           Result *r, Proof *proof, Prng *prng)
{
  const unsigned stages = live ? options->stages : options->stages & STAGE_ATTACK;
  Job job;
  stage_begin(&job, net, prop, query, options, stop, r, proof, prng);
  if (live) job.live = live;
  run_stages(&job, stages, 0, ROOT_STAGES);
  go_on(&job, live ? live : query, stages);
  stage_end(&job);
  return stop_why(stop);
}

/* What bounds are about: the network itself, or as float32 executes it. Counterexamples
 * are looked for in the network itself either way. */
static const Query *build_live(const Net *net, const Prop *prop, int q,
                               const Query *query, const Options *options,
                               Query *rounded, Result *r)
{
  const char *where;
  *rounded = (Query){0};
  if (options->semantics == SEMANTICS_REAL) return query;
  if (query_build_float32(net, prop, q, rounded, &where)) return rounded;
  progress_say(1, "note: %s: float32 may overflow in node '%s': nothing can be proved",
               net->path, where);
  result_give_up(r, RESULT_OVERFLOW);
  return NULL;
}

void solve_property(const Net *net, const Prop *prop, const Options *options,
                    const Stop *stop, Proof *proof, Result *r)
{
  const double start = clock_now();
  Prng prng = prng_init(options->seed);
  StopWhy why = STOP_NO;
  for (int q = 0; q < query_count(prop) && !why && r->verdict == RESULT_UNKNOWN; q++) {
    Query query, rounded;
    query_build(net, prop, q, &query);
    const Query *live = build_live(net, prop, q, &query, options, &rounded, r);
    Proof *const mine = live ? proof : NULL;
    if (mine) proof_query(mine, q, live);
    why = solve_query(net, prop, &query, live, options, stop, r, mine, &prng);
    if (mine) proof_end_query(mine);
    if (live == &rounded) query_reset(&rounded);
    query_reset(&query);
  }
  result_give_up(r, why ? result_reason_of(why) : RESULT_INCOMPLETE);
  r->seconds += clock_now() - start;
}
