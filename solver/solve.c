/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/solve.h"

#include "net/base/clock.h"
#include "net/base/prng.h"
#include "solver/stage.h"
#include "specs/query.h"

/* The stages in order, cheap ones first.  Each is skipped when nothing is open. */
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

/* One box with its cases: run the plan until all cases are proved, one is refuted, or
 * a limit is hit. */
static StopWhy solve_query(const Net *net, const Prop *prop, const Query *query,
                           const Options *options, const Stop *stop, Result *r,
                           Proof *proof, Prng *prng)
{
  Job job;
  StopWhy why = stop_why(stop);
  stage_begin(&job, net, prop, query, options, stop, r, proof, prng);
  for (size_t i = 0; i < sizeof plan / sizeof *plan && !why; i++) {
    if (!job.n_open || r->verdict == RESULT_FALSIFIED) break;
    if (options->stages & plan[i].bit) plan[i].run(&job);
    why = stop_why(stop);
  }
  stage_end(&job);
  return why;
}

void solve_property(const Net *net, const Prop *prop, const Options *options,
                    const Stop *stop, Proof *proof, Result *r)
{
  const double start = clock_now();
  Prng prng = prng_init(options->seed);
  StopWhy why = STOP_NO;
  for (int q = 0; q < query_count(prop) && !why && r->verdict == RESULT_UNKNOWN; q++) {
    Query query;
    query_build(net, prop, q, &query);
    if (proof) proof_query(proof, q, &query);
    why = solve_query(net, prop, &query, options, stop, r, proof, &prng);
    if (proof) proof_end_query(proof);
    query_reset(&query);
  }
  result_give_up(r, why ? result_reason_of(why) : RESULT_INCOMPLETE);
  r->seconds += clock_now() - start;
}
