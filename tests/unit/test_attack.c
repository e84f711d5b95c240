/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "net/base/prng.h"
#include "solver/attack.h"
#include "specs/query.h"
#include "tests/support/props.h"

/* y = (2^20 - x) - 2^20 = -x: in float32 multiples of 1/16, up to rounding. */
static Net *coarse_net(void)
{
  static const double W[] = {-1}, b[] = {0x1p20}, shift[] = {-0x1p20};
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 1, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 1,
                      .reps = 1,
                      .rows = 1,
                      .cols = 1,
                      .W = W,
                      .b = b,
                      .name = "z"};
  net_add(net, &dense, (int[]){0}, 1);
  const Node y = {.kind = NODE_SCALE, .size = 1, .shift = shift, .name = "y"};
  net_add(net, &y, (int[]){1}, 1);
  net->is_float32 = true;
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* Replay 9/16 in [0, hi] against y <= -1/2, and what the attack makes of it. */
static Witness attacked(const Net *net, double hi, Result *r, Prop **p)
{
  const double lo = 0, rhs = -0.5, start = 0.5625;
  *p = props_below(net, &lo, &hi, 1, (int[]){0, 1}, (int[]){0}, &rhs);
  Query query;
  query_build(net, *p, 0, &query);
  result_init(r, *p);
  Stop stop;
  stop_init(&stop, INFINITY);
  Attack *a = attack_new(net, *p, &query, r);
  cr_assert(attack_from(a, 1, &start, (int[]){0}, 0, 0.1, &stop));
  attack_free(a);
  query_reset(&query);
  cr_assert_eq(r->verdict, RESULT_FALSIFIED);
  return r->witness;
}

Test(attack, a_borderline_witness_is_made_robust_where_that_is_near)
{
  Net *net = coarse_net();
  Result r;
  Prop *p;
  const Witness w = attacked(net, 10, &r, &p);
  cr_assert_eq(w.kind, WITNESS_ROBUST);
  cr_assert_gt(w.x[0], 0.5625);
  cr_assert_leq(w.any_hi[0], -0.5);
  result_reset(&r);
  prop_free(p);
  net_free(net);
}

Test(attack, a_borderline_witness_stays_one_where_nothing_better_is_near)
{
  Net *net = coarse_net();
  Result r;
  Prop *p;
  const Witness w = attacked(net, 0.5625, &r, &p);
  cr_assert_eq(w.kind, WITNESS_BORDERLINE);
  cr_assert_eq(w.x[0], 0.5625);
  cr_assert_gt(w.any_hi[0], -0.5);
  cr_assert(result_try_witness(&r, net, p, (double[]){0.53125}));
  cr_assert_eq(r.witness.x[0], 0.5625, "another of the same kind replaces nothing");
  result_reset(&r);
  prop_free(p);
  net_free(net);
}

/* A later witness replaces the first one only when it is of a better kind. */
Test(attack, the_first_witness_of_the_best_kind_stays)
{
  Net *net = coarse_net();
  Result r;
  Prop *p;
  attacked(net, 0.75, &r, &p);
  cr_assert_eq(r.witness.kind, WITNESS_ROBUST);
  const double first = r.witness.x[0];
  cr_assert(result_try_witness(&r, net, p, (double[]){0.5625}));
  cr_assert(result_try_witness(&r, net, p, (double[]){0.6875}));
  cr_assert_eq(r.witness.x[0], first);
  cr_assert_not(result_try_witness(&r, net, p, (double[]){0.25}));
  cr_assert_eq(r.verdict, RESULT_FALSIFIED);
  result_reset(&r);
  prop_free(p);
  net_free(net);
}
