/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/ways.h"

#include <stdio.h>

#include "bounds/blas.h"
#include "net/base/stop.h"
#include "solver/solve.h"

/* Seconds after which a way gives up; far more than any needs. */
#define PATIENCE 60

static Options small(void)
{
  Options o;
  options_init(&o);
  o.threads = 1;
  o.verbosity = 0;
  o.max_nodes = 60;
  o.attack_restarts = 4;
  o.attack_steps = 20;
  o.dual_iterations = 20;
  o.slope_iterations = 10;
  o.node_iterations = 10;
  o.refine_leaves = 16;
  return o;
}

Options ways_fixed(int i)
{
  static const struct {
    unsigned stages;
    SplitKind split;
    int contract;
  } way[WAYS_N] = {
      {STAGE_ALL, SPLIT_AUTO, 1},
      {STAGE_IBP, SPLIT_AUTO, 0},
      {STAGE_IBP | STAGE_CROWN, SPLIT_AUTO, 0},
      {STAGE_IBP | STAGE_DUAL, SPLIT_AUTO, 0},
      {STAGE_IBP | STAGE_LP, SPLIT_AUTO, 0},
      {STAGE_IBP | STAGE_CROWN | STAGE_DUAL, SPLIT_AUTO, 1},
      {STAGE_IBP | STAGE_CROWN | STAGE_LP, SPLIT_AUTO, 2},
      {STAGE_ALL & ~STAGE_ATTACK, SPLIT_INPUT, 0},
      {STAGE_ALL & ~STAGE_ATTACK, SPLIT_INPUT, 1},
      {STAGE_ALL & ~STAGE_ATTACK, SPLIT_INPUT, 2},
      {STAGE_ALL & ~STAGE_ATTACK, SPLIT_ACTIVATION, 0},
      {STAGE_ALL & ~STAGE_ATTACK, SPLIT_ACTIVATION, 1},
      {STAGE_ALL & ~STAGE_ATTACK, SPLIT_ACTIVATION, 2},
      {STAGE_IBP | STAGE_SPLIT, SPLIT_INPUT, 2},
      {STAGE_IBP | STAGE_SPLIT, SPLIT_ACTIVATION, 2},
      {STAGE_IBP | STAGE_CROWN | STAGE_SPLIT, SPLIT_ACTIVATION, 1},
      {STAGE_SPLIT, SPLIT_INPUT, 1},
      {STAGE_SPLIT, SPLIT_ACTIVATION, 1},
      {STAGE_ATTACK, SPLIT_AUTO, 0},
      {STAGE_ALL, SPLIT_ACTIVATION, 2},
  };
  Options o = small();
  o.stages = way[i].stages;
  o.split = way[i].split;
  o.contract = way[i].contract;
  return o;
}

Options ways_random(Prng *prng)
{
  Options o = small();
  o.stages = STAGE_IBP | (unsigned)prng_below(prng, STAGE_ALL + 1);
  o.split = (SplitKind)prng_below(prng, 3);
  o.contract = prng_below(prng, 3);
  o.retighten = prng_below(prng, 3);
  o.look_ahead = prng_below(prng, 3) * 4;
  o.joint_rounds = prng_below(prng, 3);
  o.node_iterations = prng_below(prng, 3) * 8;
  o.slope_iterations = prng_below(prng, 3) * 8;
  o.refine_leaves = prng_below(prng, 3) * 16;
  o.batch = prng_below(prng, 2) ? 0 : 2 + prng_below(prng, 6);
  o.max_nodes = 20 + prng_below(prng, 100);
  o.seed = (uint64_t)prng_below(prng, 1000);
  return o;
}

const char *ways_text(const Options *o)
{
  static char text[200];
  snprintf(text, sizeof text,
           "stages %u, split %d, contract %d, retighten %d, look ahead %d, batch %d",
           o->stages, (int)o->split, o->contract, o->retighten, o->look_ahead,
           o->batch);
  return text;
}

Result ways_solve(const Net *net, const Prop *prop, const Options *o)
{
  Result r;
  Stop stop;
  blas_init();
  stop_init(&stop, PATIENCE);
  result_init(&r, prop);
  solve_property(net, prop, o, &stop, &r);
  return r;
}
