/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Intervals narrowed by equations hold every input that violates the case, in rational
 * arithmetic; and they narrow what can be narrowed. */
#include <criterion/criterion.h>
#include <math.h>

#include "net/base/mem.h"
#include "specs/check/equations.h"
#include "specs/check/pass.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/rational.h"

TestSuite(check_equations, .timeout = 300);

typedef struct {
  int violators, narrowed, emptied;
} Tally;

static State start(const Plan *plan, const double *lo, const double *hi)
{
  Layout *layout = advice_layout_new(plan->net);
  Pass *pass = pass_new(plan, layout, false);
  State s = plan_state(plan);
  for (int i = 0; i < net_in_size(plan->net); i++)
    plan_meet(&s, (size_t)i, lo[i], hi[i]);
  pass_propagate(pass, &s, 1, plan->n_nodes - 1);
  pass_free(pass);
  advice_layout_free(layout);
  return s;
}

/* The rows: the first outputs y of the last node, y <= 0. */
static bool violates(const Rational *r, const Net *net, int rows)
{
  for (int j = 0; j < rows; j++)
    if (rational_compare(r->value[net->n_nodes - 1][j], 0) > 0) return false;
  return true;
}

static void holds(const Plan *plan, const State *s, const Rational *r, int t)
{
  cr_assert(!s->empty, "net %d: a violator in an empty state", t);
  for (int k = 0; k < plan->n_nodes; k++)
    for (int i = 0; i < plan->net->nodes[k].size; i++) {
      const size_t e = plan->off[k] + (size_t)i;
      cr_assert(rational_compare(r->value[k][i], s->lo[e]) >= 0 &&
                    rational_compare(r->value[k][i], s->hi[e]) <= 0,
                "net %d: node %d, element %d leaves [%.17g, %.17g]", t, k, i, s->lo[e],
                s->hi[e]);
    }
}

static void try(Net *net, const double *lo, const double *hi, int samples, Prng *prng,
                int t, Tally *tally)
{
  const int rows = t % 3 ? 1 : net_out_size(net);
  Plan *plan = plan_new(net);
  State s = start(plan, lo, hi), before = plan_state(plan);
  plan_state_copy(plan, &before, &s);
  Equations *e = equations_new(plan);
  cr_assert_not_null(e);
  for (int again = 0; again < 2 && !s.empty; again++)
    equations_run(e, &s, 0, rows);
  double x[64];
  for (int k = 0; k < samples; k++) {
    nets_sample(net_in_size(net), lo, hi, prng, x);
    Rational r = rational_eval(net, x, prng);
    if (violates(&r, net, rows)) {
      tally->violators++;
      holds(plan, &s, &r, t);
    }
    rational_free(&r);
  }
  bool moved = false;
  for (size_t i = 0; i < plan->off[plan->n_nodes - 1] && !s.empty; i++)
    moved = moved || s.lo[i] > before.lo[i] || s.hi[i] < before.hi[i];
  tally->narrowed += moved;
  tally->emptied += s.empty;
  equations_free(e);
  plan_state_free(&s);
  plan_state_free(&before);
  plan_free(plan);
  net_free(net);
}

Test(check_equations, hold_every_violator_of_ordinary_networks)
{
  Prng prng = prng_init(911);
  Tally tally = {0};
  for (int t = 0; t < 240; t++) {
    const NetsKind kind = (NetsKind)(t % 4);
    Net *net =
        nets_random(kind == NETS_CURVED ? NETS_DENSE : kind, 4 + t % 4, 1, &prng);
    double lo[64], hi[64];
    if (net_in_size(net) > 64) {
      net_free(net);
      continue;
    }
    nets_box(net_in_size(net), 0.5 + t % 3, &prng, lo, hi);
    try(net, lo, hi, 12, &prng, t, &tally);
  }
  cr_assert(tally.violators > 100 && tally.narrowed > 20 && tally.emptied > 10,
            "%d violators, %d narrowed, %d empty", tally.violators, tally.narrowed,
            tally.emptied);
}

Test(check_equations, hold_every_violator_where_numbers_are_extreme)
{
  Prng prng = prng_init(912);
  Tally tally = {0};
  for (int t = 0; t < 210; t++) {
    const ExtremeMode mode = (ExtremeMode)(t % EXTREME_N);
    Net *net = extreme_net(mode, 4 + t % 8, &prng);
    double lo[64], hi[64];
    extreme_box(mode, net_in_size(net), &prng, lo, hi);
    try(net, lo, hi, 6, &prng, t, &tally);
  }
  cr_assert(tally.violators > 60, "%d violators", tally.violators);
}

/* y = relu (x0 + x1) - 1 <= 0 and z = 1 - relu (x0 - x1) <= 0 in [0, 2]^2 leave
 * x0 <= 1 and so x1 = 0. */
Test(check_equations, follow_a_chain_by_hand)
{
  static const double W1[4] = {1, 1, 1, -1}, W2[4] = {1, 0, 0, -1}, b2[2] = {-1, 1};
  Net *net = net_new("hand");
  Err err = {0};
  int k = net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  Node dense = {.kind = NODE_DENSE,
                .size = 2,
                .name = "a",
                .reps = 1,
                .rows = 2,
                .cols = 2,
                .W = W1};
  k = net_add(net, &dense, &k, 1);
  k = net_add(net, &(Node){.kind = NODE_ACT, .size = 2, .name = "r", .act = ACT_RELU},
              &k, 1);
  dense.W = W2;
  dense.b = b2;
  net_add(net, &dense, &k, 1);
  cr_assert_eq(net_finish(net, &err), STATUS_OK);
  const double lo[2] = {0, 0}, hi[2] = {2, 2};
  Plan *plan = plan_new(net);
  State s = start(plan, lo, hi);
  Equations *e = equations_new(plan);
  equations_run(e, &s, 0, 2);
  cr_assert(!s.empty);
  cr_assert(s.hi[0] <= 1 + 1e-12 && s.lo[0] >= 1 - 1e-12, "x0 in [%g, %g]", s.lo[0],
            s.hi[0]);
  cr_assert(s.hi[1] <= 1e-12, "x1 up to %g", s.hi[1]);
  plan_meet(&s, 0, -INFINITY, 0.75);
  if (!s.empty) equations_run(e, &s, 0, 2);
  cr_assert(s.empty);
  equations_free(e);
  plan_state_free(&s);
  plan_free(plan);
  net_free(net);
}
