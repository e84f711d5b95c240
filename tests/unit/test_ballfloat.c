/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inputs in balls in three more places: what is verified about float32 holds for every
 * execution at points of the ball, the linear program, which knows the box alone,
 * proves nothing that is false in the ball, and the library reads balls. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bounds/lp.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/bounded.h"
#include "tests/support/executions.h"
#include "tests/support/handles.h"
#include "tests/support/nets.h"
#include "tests/support/proofs.h"
#include "tests/support/sets.h"
#include "tests/support/ways.h"

TestSuite(ballfloat, .timeout = 240);

enum { MOST_IN = 64, MOST_OUT = 64 };

static const char zeros[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* ---- float32 -------------------------------------------------------------- */

/* A ball around a float32 point of a box with float32 ends; k inputs for l0. */
static Ball *float_ball(BallNorm norm, int n, const double *lo, const double *hi,
                        Prng *prng)
{
  double c[MOST_IN], width = 0;
  float x[MOST_IN];
  executions_sample(n, lo, hi, prng, x);
  for (int i = 0; i < n; i++) {
    c[i] = (double)x[i];
    width = fmax(width, hi[i] - lo[i]);
  }
  const double share = prng_range(prng, 0.3, norm == BALL_L1 ? 2 : 0.8);
  return ball_new(norm, n, c,
                  norm == BALL_L0 ? 1 + prng_below(prng, n - 1)
                                  : (double)(float)(share * width));
}

/* A float32 point of both. */
static void float_sample(const Ball *ball, const double *lo, const double *hi,
                         const double *q, Prng *prng, float *x)
{
  double at[MOST_IN];
  bool inside = true;
  sets_sample(ball, lo, hi, q, prng, at);
  for (int i = 0; i < ball->n; i++) {
    x[i] = (float)at[i];
    /* Towards the centre, which is in the ball. */
    if (fabs((double)x[i] - ball->c[i]) > fabs(at[i] - ball->c[i]))
      x[i] = nextafterf(x[i], (float)ball->c[i]);
    at[i] = (double)x[i];
    inside = inside && at[i] >= lo[i] && at[i] <= hi[i];
  }
  if (inside && ball_contains(ball, at)) return;
  for (int i = 0; i < ball->n; i++)
    x[i] = (float)ball->c[i];
}

/* The least output 0 that executions have, at the best of some points. */
static double least_execution(const Net *net, const double *lo, const double *hi,
                              const Ball *ball, Prng *prng)
{
  float x[MOST_IN], y[MOST_OUT], best[MOST_IN] = {0};
  double least = INFINITY, at[MOST_IN], out[MOST_OUT], q[MOST_IN];
  for (int s = 0; s < 300; s++) {
    for (int i = 0; i < ball->n; i++)
      q[i] = prng_range(prng, -1, 1);
    float_sample(ball, lo, hi, q, prng, x);
    for (int i = 0; i < ball->n; i++)
      at[i] = (double)x[i];
    eval_double(net, at, out);
    if (out[0] >= least) continue;
    least = out[0];
    memcpy(best, x, sizeof best);
  }
  for (int run = 0; run < 200; run++) {
    cr_assert(executions_run(net, best, run % 4 == 0, prng, y));
    least = fmin(least, (double)y[0]);
  }
  return least;
}

typedef struct {
  int verified[3], differ;
} Tally;

static void solve_one(const Net *net, const double *lo, const double *hi,
                      const Ball *ball, double least, double rhs, Tally *tally)
{
  char path[64], reason[200];
  Options o = ways_fixed(0);
  snprintf(path, sizeof path, "/tmp/dualcert-ballfloat-%d", (int)getpid());
  Prop *prop = sets_below(net, lo, hi, ball, rhs);
  memcpy(prop->sha256, zeros, sizeof zeros);
  o.semantics = SEMANTICS_FLOAT32;
  if (proofs_make(net, prop, &o, path, 10)) {
    cr_assert(least > rhs, "%s: an execution violates what was verified",
              ball_norm_word(ball->norm));
    cr_assert(proofs_accepted(path, net, prop, false, reason), "%s", reason);
    cr_assert(proofs_accepted(path, net, prop, true, reason), "exactly: %s", reason);
    tally->verified[ball->norm]++;
    unlink(path);
  } else if (rhs < least + 1e-6) {
    o.semantics = SEMANTICS_REAL;
    Result r = ways_solve(net, prop, &o);
    tally->differ += r.verdict == RESULT_VERIFIED;
    result_reset(&r);
  }
  prop_free(prop);
}

/* Limits so near to the least value that float32 is on both sides of them. */
Test(ballfloat, no_execution_in_a_ball_contradicts_verified)
{
  Prng prng = prng_init(71);
  Tally tally = {0};
  for (int t = 0; t < 36; t++) {
    const int sizes[4] = {t % 2 ? 4 : 9, 5, 4, 1}, n = sizes[0];
    double lo[MOST_IN], hi[MOST_IN];
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    executions_make_float32(net);
    memcpy(net->sha256, zeros, sizeof zeros);
    nets_box(n, t % 4 ? 0x1p-20 : 0.2, &prng, lo, hi);
    executions_box(n, lo, hi);
    Ball *ball = float_ball((BallNorm)(t % 3), n, lo, hi, &prng);
    const double least = least_execution(net, lo, hi, ball, &prng);
    for (int g = 0; g < 5; g++)
      solve_one(net, lo, hi, ball, least, least - (g == 4 ? 1e-3 : ldexp(g - 1, -24)),
                &tally);
    ball_free(ball);
    net_free(net);
  }
  cr_log_info("verified %d %d %d, over the reals alone %d", tally.verified[0],
              tally.verified[1], tally.verified[2], tally.differ);
  for (int k = 0; k < 3; k++)
    cr_assert_gt(tally.verified[k], 5, "%d", k);
  cr_assert_gt(tally.differ, 5);
}

/* ---- the linear program --------------------------------------------------- */

/* GLPK sees the box; its duals are multipliers for the bound over box and ball. */
static double proven_by_lp(Bounded *f, const Ball *ball)
{
  const int cases = 0, row[2] = {0, 1};
  LpResult lp;
  f->net->ball = ball;
  Lagrangian *L = lagrangian_new(f->net, 8);
  Objective o = objective_cases(f->net, 1, &cases, row);
  cr_assert(lp_bound(L, f->b, &o, 1000, NULL, NULL, &lp, NULL, NULL));
  objective_free(&o);
  lagrangian_free(L);
  f->net->ball = NULL;
  return lp.lower;
}

Test(ballfloat, the_linear_program_proves_nothing_false_in_a_ball)
{
  Prng prng = prng_init(72);
  int tighter = 0;
  for (int t = 0; t < 60; t++) {
    const int sizes[4] = {4 + t % 3, 5, 4, 1}, n = sizes[0];
    Bounded f = bounded_new(nets_dense(sizes, 4, 1.5, &prng), 0.8, &prng);
    bounded_tighten(&f, 0);
    Ball *ball = sets_ball(n, f.lo, f.hi, false, &prng);
    const double box = proven_by_lp(&f, NULL), both = proven_by_lp(&f, ball);
    cr_expect(both >= box - 1e-9 * (1 + fabs(box)), "%d: %g, %g with the box alone", t,
              both, box);
    tighter += both > box + 1e-3;
    for (int s = 0; s < 400; s++) {
      double x[MOST_IN], q[MOST_IN], mid, rad;
      for (int i = 0; i < n; i++)
        q[i] = prng_range(&prng, -1, 1);
      sets_sample(ball, f.lo, f.hi, q, &prng, x);
      eval_enclose(f.net, x, &mid, &rad);
      cr_assert(mid + rad >= both, "%d: %.17g is below %.17g", t, mid, both);
    }
    ball_free(ball);
    bounded_free(&f);
  }
  cr_assert_gt(tighter, 15, "%d", tighter);
}

/* ---- the library ---------------------------------------------------------- */

/* Is y below the limit for all inputs of the ball around (a, 0)? */
static int verify(Handles *h, const char *norm, double a, double r, double limit)
{
  char spec[300];
  snprintf(spec, sizeof spec,
           "{\"norm\": \"%s\", \"center\": [%.17g, 0], \"epsilon\": %.17g, "
           "\"clip\": [-8, 8], \"unsafe\": [{\"rows\": [{\"coef\": [-1], "
           "\"rhs\": %.17g}]}]}",
           norm, a, r, -limit);
  cr_assert_eq(
      dualcert_spec_read_memory(h->spec, h->net, "ball.json", spec, strlen(spec)), 0,
      "%s", dualcert_spec_error(h->spec));
  cr_assert_eq(handles_verify(h), 0);
  return dualcert_result_verdict(h->result);
}

static double distance(const char *norm, const double *x, double a)
{
  const double d = fabs(x[0] - a), e = fabs(x[1]);
  return norm[1] == '2' ? sqrt(d * d + e * e) : d + e;
}

/* y = max (0, x0 + x1) + max (0, x0 - x1) is 2 x0 where x0 > |x1|, so its greatest
 * value around (a, 0), r < a, is 2 (a + r). */
Test(ballfloat, the_library_reads_balls)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  static const char *const norms[] = {"l2", "l1"};
  for (int k = 0; k < 2; k++)
    for (int i = 1; i <= 4; i++) {
      const double a = 0.5 * i, r = 0.25 * i, most = 2 * (a + r);
      cr_expect_eq(verify(&h, norms[k], a, r, most + 1e-6), DUALCERT_VERIFIED, "%s %g",
                   norms[k], r);
      cr_assert_eq(verify(&h, norms[k], a, r, most - 1e-3), DUALCERT_FALSIFIED, "%s %g",
                   norms[k], r);
      const double *const x = dualcert_result_input(h.result, NULL);
      cr_expect(distance(norms[k], x, a) <= r * (1 + 1e-12));
      cr_expect_geq(dualcert_result_output(h.result, NULL)[0], most - 1e-3);
    }
  /* One input may move, anywhere in [-8, 8]: y = 16 at (8, 0), 9 at (1, 8). */
  cr_expect_eq(verify(&h, "l0", 1, 1, 16.001), DUALCERT_VERIFIED);
  cr_assert_eq(verify(&h, "l0", 1, 1, 15.999), DUALCERT_FALSIFIED);
  const double *const x = dualcert_result_input(h.result, NULL);
  cr_expect((x[0] == 1) + (x[1] == 0) >= 1);
  cr_expect_eq(verify(&h, "l0", 1, 0, 2.001), DUALCERT_VERIFIED);
  handles_close(&h);
}

/* y = max (0, x0 + x1): the corner of the box around an l2 ball is sqrt 2 away. */
Test(ballfloat, the_library_proves_what_a_box_would_not)
{
  static const char net[] =
      "{\"input\": 2, \"layers\": [{\"type\": \"dense\", \"weights\": [[1, 1]]},"
      "{\"type\": \"relu\"}]}";
  Handles h = handles_open(net, handles_spec("9"));
  cr_expect_eq(verify(&h, "linf", 0, 1, 1.9), DUALCERT_FALSIFIED);
  cr_expect_eq(verify(&h, "l2", 0, 1, 1.9), DUALCERT_VERIFIED);
  cr_expect_eq(verify(&h, "l2", 0, 1, 1.415), DUALCERT_VERIFIED);
  cr_expect_eq(verify(&h, "l2", 0, 1, 1.414), DUALCERT_FALSIFIED);
  cr_expect_eq(verify(&h, "l1", 0, 1, 1.001), DUALCERT_VERIFIED);
  cr_expect_eq(verify(&h, "l1", 0, 1, 0.999), DUALCERT_FALSIFIED);
  /* What is no ball is refused as by the program. */
  static const char bad[] =
      "{\"norm\": \"l3\", \"center\": [0, 0], \"epsilon\": 1, \"label\": 0}";
  cr_expect_eq(dualcert_spec_read_memory(h.spec, h.net, "bad.json", bad, strlen(bad)),
               DUALCERT_UNSUPPORTED);
  cr_expect(strstr(dualcert_spec_error(h.spec), "bad.json"), "%s",
            dualcert_spec_error(h.spec));
  handles_close(&h);
}
