/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole pipeline on tiny networks whose margin is known by enumeration. */
#include <criterion/criterion.h>
#include <math.h>

#include "solver/options.h"
#include "solver/solve.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"

/* Unsafe: y[var] <= rhs. */
static Prop *one_row(const Net *net, const double *lo, const double *hi, int var,
                     double rhs)
{
  const int first[2] = {0, 1};
  return props_below(net, lo, hi, 1, first, &var, &rhs);
}

static Result solve(const Net *net, const Prop *prop, const Options *options)
{
  Result r;
  Stop stop;
  stop_init(&stop, 20);
  result_init(&r, prop);
  solve_property(net, prop, options, &stop, NULL, &r);
  return r;
}

Test(solve, no_verdict_contradicts_enumeration, .timeout = 120)
{
  Prng prng = prng_init(21);
  int verified = 0, falsified = 0, unknown = 0;
  Options options;
  options_init(&options);
  for (int t = 0; t < 120; t++) {
    const int sizes[4] = {2, 4, 4, 1};
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    double lo[2], hi[2];
    nets_box(2, 0.8, &prng, lo, hi);
    const double exact = nets_exact_minimum(net, lo, hi, 0);
    const double gap[6] = {1e-4, 0.01, 1, -1e-4, -0.01, -1};
    Prop *prop = one_row(net, lo, hi, 0, exact - gap[t % 6]);
    Result r = solve(net, prop, &options);
    cr_assert(gap[t % 6] > 0 || r.verdict != RESULT_VERIFIED, "net %d: wrong verified",
              t);
    cr_assert(gap[t % 6] < 0 || r.verdict != RESULT_FALSIFIED,
              "net %d: wrong falsified", t);
    verified += r.verdict == RESULT_VERIFIED;
    falsified += r.verdict == RESULT_FALSIFIED;
    unknown += r.verdict == RESULT_UNKNOWN;
    result_reset(&r);
    prop_free(prop);
    net_free(net);
  }
  cr_assert(verified > 30 && falsified > 30, "%d verified, %d falsified, %d unknown",
            verified, falsified, unknown);
}

Test(solve, a_plan_without_stages_decides_nothing)
{
  Prng prng = prng_init(22);
  const int sizes[3] = {2, 3, 1};
  Net *net = nets_dense(sizes, 3, 1, &prng);
  const double lo[2] = {0, 0}, hi[2] = {1, 1};
  Prop *prop = one_row(net, lo, hi, 0, -1e6);
  Options options;
  options_init(&options);
  options.stages = 0;
  Result r = solve(net, prop, &options);
  cr_assert_eq(r.verdict, RESULT_UNKNOWN);
  cr_assert_eq(r.reason, RESULT_INCOMPLETE);
  result_reset(&r);
  options.stages = STAGE_IBP;
  r = solve(net, prop, &options);
  cr_assert_eq(r.verdict, RESULT_VERIFIED);
  result_reset(&r);
  prop_free(prop);
  net_free(net);
}

/* Overflow to infinity on the way must end in unknown, whatever the stages. */
Test(solve, a_network_that_overflows_is_unknown)
{
  Prng prng = prng_init(23);
  const int sizes[5] = {2, 3, 3, 3, 1};
  Net *net = nets_dense(sizes, 5, 1e200, &prng);
  const double lo[2] = {-1, -1}, hi[2] = {1, 1};
  Prop *prop = one_row(net, lo, hi, 0, -1);
  Options options;
  options_init(&options);
  options.max_nodes = 2000;
  Result r = solve(net, prop, &options);
  cr_assert_eq(r.verdict, RESULT_UNKNOWN);
  result_reset(&r);
  prop_free(prop);
  net_free(net);
}

Test(solve, the_same_seed_gives_the_same_answer)
{
  Prng prng = prng_init(24);
  const int sizes[4] = {3, 8, 8, 1};
  Net *net = nets_dense(sizes, 4, 1.5, &prng);
  const double lo[3] = {-1, -1, -1}, hi[3] = {1, 1, 1};
  Prop *prop = one_row(net, lo, hi, 0, -0.5);
  Options options;
  options_init(&options);
  Result a = solve(net, prop, &options);
  options.threads = 3;
  Result b = solve(net, prop, &options);
  cr_assert_eq(a.verdict, b.verdict);
  cr_assert_eq(a.cases[0].lower, b.cases[0].lower);
  cr_assert_eq(a.cases[0].best, b.cases[0].best);
  result_reset(&a);
  result_reset(&b);
  prop_free(prop);
  net_free(net);
}
