/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole solver on inputs in balls: what it verifies holds at every sampled point,
 * its certificates are accepted, by both arithmetics, and prove nothing about larger
 * balls that is false. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/nets.h"
#include "tests/support/proofs.h"
#include "tests/support/sets.h"
#include "tests/support/ways.h"

static const char zeros[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* The least of output 0 that samples of the set show. */
static double sampled(const Net *net, const double *lo, const double *hi,
                      const Ball *ball, int samples, Prng *prng)
{
  double x[64], y[64], least = INFINITY;
  cr_assert(net_in_size(net) <= 64 && net_out_size(net) <= 64);
  for (int s = 0; s < samples; s++) {
    double q[64];
    for (int i = 0; i < ball->n; i++)
      q[i] = prng_range(prng, -1, 1);
    sets_sample(ball, lo, hi, q, prng, x);
    eval_double(net, x, y);
    least = fmin(least, y[0]);
  }
  return least;
}

/* A ball with more room, in which half of the properties are false. */
static Ball *larger(const Ball *ball)
{
  const double r =
      ball->norm == BALL_L0 ? fmin(ball->k + 3, ball->n) : ball->radius * 3 + 0.3;
  return ball_new(ball->norm, ball->n, ball->c, r);
}

typedef struct {
  int verified, falsified, refused, ball[3];
} Tally;

static void one(NetsKind kind, int t, Prng *prng, Tally *tally)
{
  char path[64], reason[200];
  double lo[64], hi[64];
  snprintf(path, sizeof path, "/tmp/dualcert-ballproof-%d", (int)getpid());
  Net *net = nets_random(kind, 5 + t % 4, 1, prng);
  memcpy(net->sha256, zeros, sizeof zeros);
  nets_box(net_in_size(net), 0.7, prng, lo, hi);
  Ball *ball = sets_ball(net_in_size(net), lo, hi, t % 2, prng), *wide = larger(ball);
  const double least = sampled(net, lo, hi, ball, 400, prng);
  const double gap[3] = {0.01, 0.1, 0.5};
  const double rhs = least - gap[t % 3] * (1 + fabs(least));
  Prop *prop = sets_below(net, lo, hi, ball, rhs),
       *false_one = sets_below(net, lo, hi, ball, least + 1e-3 * (1 + fabs(least)));
  Prop *prop_wide = sets_below(net, lo, hi, wide, rhs);
  Prop *const all[] = {prop, false_one, prop_wide};
  for (int k = 0; k < 3; k++)
    memcpy(all[k]->sha256, zeros, sizeof zeros);
  Options o = t % 2 ? ways_random(prng) : ways_fixed(t % WAYS_N);
  o.stages |= STAGE_IBP | STAGE_CROWN;
  if (t % 4 == 1) o.split = SPLIT_INPUT;
  if (proofs_make(net, prop, &o, path, 5)) {
    tally->verified++;
    tally->ball[ball->norm]++;
    cr_assert(proofs_accepted(path, net, prop, false, reason), "%d: %s", t, reason);
    cr_assert(proofs_accepted(path, net, prop, true, reason), "%d, exactly: %s", t,
              reason);
    cr_assert_not(proofs_accepted(path, net, false_one, false, reason), "%d", t);
    cr_assert(sampled(net, lo, hi, ball, 1000, prng) > rhs, "%d", t);
    if (sampled(net, lo, hi, wide, 1000, prng) <= rhs) {
      cr_assert_not(proofs_accepted(path, net, prop_wide, false, reason), "%d, larger",
                    t);
      cr_assert_not(proofs_accepted(path, net, prop_wide, true, reason), "%d, larger",
                    t);
      tally->refused++;
    }
    unlink(path);
  }
  Result r = ways_solve(net, false_one, &o);
  cr_assert_neq(r.verdict, RESULT_VERIFIED, "%d: a counterexample was sampled", t);
  tally->falsified += r.verdict == RESULT_FALSIFIED;
  result_reset(&r);
  prop_free(prop);
  prop_free(false_one);
  prop_free(prop_wide);
  ball_free(ball);
  ball_free(wide);
  net_free(net);
}

static void many(NetsKind kind, int n, int least)
{
  Prng prng = prng_init(900 + kind);
  Tally tally = {0};
  for (int t = 0; t < n; t++)
    one(kind, t, &prng, &tally);
  cr_assert(
      tally.verified >= least && tally.falsified >= least / 5 && tally.refused > 0,
      "%d verified (%d %d %d), %d falsified, %d refused", tally.verified, tally.ball[0],
      tally.ball[1], tally.ball[2], tally.falsified, tally.refused);
}

Test(ballproof, dense_nets, .timeout = 240)
{
  many(NETS_DENSE, 200, 160);
}

Test(ballproof, residual_nets, .timeout = 240)
{
  many(NETS_RESIDUAL, 120, 90);
}

Test(ballproof, convolutions, .timeout = 240)
{
  many(NETS_CONV, 100, 60);
}

Test(ballproof, curves_and_products, .timeout = 240)
{
  many(NETS_CURVED, 100, 60);
}
