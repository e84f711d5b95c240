/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What dualcert-check computes against exact rational arithmetic, on networks whose
 * numbers overflow, underflow and cancel: no interval and no bound may exclude a value,
 * not by one rounding. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"
#include "specs/check/pass.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/rational.h"

TestSuite(check_exact, .timeout = 300);

#define SAMPLES 6
#define ROWS    24

typedef struct {
  Net *net;
  Plan *plan;
  Layout *layout;
  Pass *pass;
  State s;
  double *lo, *hi;
  double *x[SAMPLES];
  Rational exact[SAMPLES];
  Prng *prng;
  ExtremeMode mode;
} Trial;

typedef struct {
  size_t bounds, finite, close;
} Tally;

static Trial make(Net *net, ExtremeMode mode, bool exact, Prng *prng)
{
  Trial t = {.net = net, .prng = prng, .mode = mode};
  const size_t n = (size_t)net_in_size(net);
  t.plan = plan_new(net);
  t.layout = advice_layout_new(net);
  int total = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    t.layout->before[k] = total;
    if (!net_is_nonlinear(&net->nodes[k])) continue;
    t.layout->place[k] = mem_array((size_t)net->nodes[k].size, sizeof(int));
    for (int i = 0; i < net->nodes[k].size; i++)
      t.layout->place[k][i] = total++;
  }
  t.layout->before[net->n_nodes] = total;
  t.pass = pass_new(t.plan, t.layout, exact);
  t.s = plan_state(t.plan);
  t.lo = malloc(n * sizeof *t.lo);
  t.hi = malloc(n * sizeof *t.hi);
  extreme_box(mode, (int)n, prng, t.lo, t.hi);
  for (size_t i = 0; i < n; i++)
    plan_meet(&t.s, i, t.lo[i], t.hi[i]);
  for (int k = 0; k < SAMPLES; k++) {
    t.x[k] = malloc(n * sizeof *t.x[k]);
    extreme_sample((int)n, t.lo, t.hi, prng, t.x[k]);
    t.exact[k] = rational_eval(net, t.x[k], prng);
  }
  return t;
}

static void discard(Trial *t)
{
  for (int k = 0; k < SAMPLES; k++) {
    rational_free(&t->exact[k]);
    free(t->x[k]);
  }
  plan_state_free(&t->s);
  pass_free(t->pass);
  advice_layout_free(t->layout);
  plan_free(t->plan);
  free(t->lo);
  free(t->hi);
  net_free(t->net);
}

static void check_intervals(const Trial *t)
{
  cr_assert_not(t->s.empty);
  for (int k = 0; k < t->net->n_nodes; k++)
    for (int i = 0; i < t->net->nodes[k].size; i++) {
      const size_t e = t->plan->off[k] + (size_t)i;
      for (int j = 0; j < SAMPLES; j++) {
        if (t->exact[j].is_undefined) continue;
        mpq_srcptr v = t->exact[j].value[k][i];
        cr_assert(rational_compare(v, t->s.lo[e]) >= 0, "node %d element %d", k, i);
        cr_assert(rational_compare(v, t->s.hi[e]) <= 0, "node %d element %d", k, i);
      }
    }
}

/* A row as a certificate has it: weights on some elements, slopes, both of 8 bytes. */
typedef struct {
  Multipliers m;
  uint8_t *weights, *slopes;
  double *c;                       /* the objective */
  int node, factor, element, side; /* its assumption; node < 0: none */
  double point;
} Row;

static void put(uint8_t *at, double x)
{
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  for (int k = 0; k < 8; k++)
    at[k] = (uint8_t)(bits >> (8 * k) & 255);
}

static Row make_row(const Trial *t, int start, bool none)
{
  Prng *const prng = t->prng;
  const int size = t->net->nodes[start].size, n = t->layout->before[t->net->n_nodes];
  Row r = {.node = -1};
  r.weights = malloc(8 * (size_t)size);
  r.slopes = malloc(8 * (size_t)n + 1);
  r.c = malloc((size_t)size * sizeof *r.c);
  for (int i = 0; i < size; i++) {
    r.c[i] = prng_below(prng, 3) ? extreme_number(t->mode, prng) : 0;
    if (prng_below(prng, 3) == 0) r.c[i] = 1;
    put(r.weights + 8 * i, r.c[i]);
  }
  for (int j = 0; j < n; j++)
    put(r.slopes + 8 * j,
        prng_below(prng, 4) ? prng_unit(prng) : extreme_number(t->mode, prng));
  r.m =
      (Multipliers){.flags = CERTIFICATE_WEIGHTS_F64 |
                             (none ? CERTIFICATE_SLOPES_NONE : CERTIFICATE_SLOPES_F64),
                    .weights = r.weights,
                    .slopes = none ? NULL : r.slopes};
  return r;
}

/* Assume a side of some neuron; the point is in its interval, or about there. */
static void assume(const Trial *t, Row *r)
{
  const int k = prng_below(t->prng, t->net->n_nodes);
  const Node *const node = &t->net->nodes[k];
  if (!net_is_nonlinear(node)) return;
  r->node = k;
  r->factor = prng_below(t->prng, node->n_in);
  r->element = prng_below(t->prng, node->size);
  r->side = prng_below(t->prng, 2) ? 1 : -1;
  const size_t e = t->plan->off[node->in[r->factor]] + (size_t)r->element;
  r->point = prng_below(t->prng, 2) ? 0 : t->s.lo[e] / 2 + t->s.hi[e] / 2;
  if (!isfinite(r->point)) r->point = 0;
  bound_assume(t->pass->bound, &t->s, k, r->factor, r->element, r->side, r->point,
               prng_below(t->prng, 2) ? 0 : extreme_number(t->mode, t->prng));
}

static bool assumed(const Trial *t, const Row *r, int sample)
{
  if (r->node < 0) return true;
  mpq_srcptr z =
      t->exact[sample].value[t->net->nodes[r->node].in[r->factor]][r->element];
  return r->side * rational_compare(z, r->point) >= 0;
}

static void check_bounds(const Trial *t, Tally *tally)
{
  Bound *const b = t->pass->bound;
  const int start = 1 + prng_below(t->prng, t->net->n_nodes - 1);
  const bool none = prng_below(t->prng, 3) == 0;
  Row row[ROWS];
  double lower[LINEAR_MOST_ROWS];
  const int n = 1 + prng_below(t->prng, (int)b->room < ROWS ? (int)b->room : ROWS);
  bound_begin(b);
  for (int r = 0; r < n; r++) {
    row[r] = make_row(t, start, none);
    bound_add(b, (BoundRow){.n_weights = t->net->nodes[start].size,
                            .multipliers = &row[r].m});
    if (prng_below(t->prng, 2)) assume(t, &row[r]);
  }
  bound_run(b, &t->s, start, none, lower);
  for (int r = 0; r < n; r++) {
    tally->bounds++;
    tally->finite += isfinite(lower[r]);
    cr_assert_not(isnan(lower[r]));
    for (int j = 0; j < SAMPLES; j++) {
      if (t->exact[j].is_undefined || !assumed(t, &row[r], j)) continue;
      cr_assert(rational_compare_dot(&t->exact[j], start, row[r].c, lower[r]) >= 0,
                "mode %d: bound %.17g of a row on node %d excludes a value", t->mode,
                lower[r], start);
    }
    free(row[r].weights);
    free(row[r].slopes);
    free(row[r].c);
  }
  bound_begin(b);
}

/* exact: without rounding (specs/check/exact.h). */
static Tally try_nets(bool curved, bool exact, int n_nets, uint64_t seed)
{
  Prng prng = prng_init(seed);
  Tally tally = {0};
  for (int k = 0; k < n_nets; k++) {
    const ExtremeMode mode = (ExtremeMode)(k % EXTREME_N);
    const int size = 3 + prng_below(&prng, 8);
    Net *const net =
        curved ? extreme_curved_net(mode, size, &prng) : extreme_net(mode, size, &prng);
    Trial t = make(net, mode, exact, &prng);
    const int last = net->n_nodes - 1;
    pass_propagate(t.pass, &t.s, 1, last);
    check_intervals(&t);
    for (int j = 1; j <= last; j++)
      if (net_is_linear(&net->nodes[j])) bound_refresh(t.pass->bound, j, &t.s);
    check_bounds(&t, &tally);
    pass_run(t.pass, &t.s, 1, NULL, true);
    check_intervals(&t);
    for (int j = 0; j < 3; j++)
      check_bounds(&t, &tally);
    discard(&t);
  }
  return tally;
}

Test(check_exact, intervals_and_bounds_hold_every_rational_value)
{
  const Tally t = try_nets(false, false, 3000, 1);
  cr_log_info("%zu of %zu bounds finite", t.finite, t.bounds);
  cr_assert(t.finite * 2 > t.bounds, "%zu of %zu", t.finite, t.bounds);
}

Test(check_exact, products_squares_signs_and_reciprocals_too)
{
  const Tally t = try_nets(true, false, 3000, 2);
  cr_log_info("%zu of %zu bounds finite", t.finite, t.bounds);
  cr_assert(t.finite * 4 > t.bounds, "%zu of %zu", t.finite, t.bounds);
}

Test(check_exact, without_rounding_they_hold_every_rational_value)
{
  const Tally t = try_nets(false, true, 1500, 4);
  cr_log_info("%zu of %zu bounds finite", t.finite, t.bounds);
  cr_assert(t.finite * 2 > t.bounds, "%zu of %zu", t.finite, t.bounds);
}

Test(check_exact, without_rounding_products_squares_signs_and_reciprocals_too)
{
  const Tally t = try_nets(true, true, 1500, 5);
  cr_log_info("%zu of %zu bounds finite", t.finite, t.bounds);
  cr_assert(t.finite * 4 > t.bounds, "%zu of %zu", t.finite, t.bounds);
}

/* Convolutions of all strides, dilations and groups, at a point: the bound is the value
 * but for rounding. */
Test(check_exact, convolutions_at_a_point_lose_only_rounding)
{
  Prng prng = prng_init(3);
  for (int k = 0; k < 150; k++) {
    Net *const net = nets_random(NETS_CONV, 3 + prng_below(&prng, 6), 1, &prng);
    Trial t = make(net, EXTREME_ORDINARY, false, &prng);
    const int n = net_in_size(net), last = net->n_nodes - 1;
    memcpy(t.s.hi, t.s.lo, (size_t)n * sizeof *t.s.hi);
    Rational exact = rational_eval(net, t.s.lo, NULL);
    pass_run(t.pass, &t.s, 1, NULL, true);
    double lower[LINEAR_MOST_ROWS];
    bound_begin(t.pass->bound);
    bound_add(t.pass->bound, (BoundRow){.element = 0, .sign = 1});
    bound_add(t.pass->bound, (BoundRow){.element = 0, .sign = -1});
    bound_run(t.pass->bound, &t.s, last, false, lower);
    mpq_srcptr v = exact.value[last][0];
    cr_assert(rational_compare(v, lower[0]) >= 0 &&
              rational_compare(v, -lower[1]) <= 0);
    cr_assert(-lower[1] - lower[0] < 1e-10 * (1 + fabs(lower[0])), "%.17g %.17g",
              lower[0], -lower[1]);
    rational_free(&exact);
    discard(&t);
  }
}
