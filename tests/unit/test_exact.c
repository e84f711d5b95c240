/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proven bounds against exact arithmetic, where rounding, overflow, underflow and
 * cancellation are at their worst.  Nothing here has a tolerance. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "bounds/affine.h"
#include "bounds/blas.h"
#include "bounds/crown.h"
#include "bounds/dual.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "bounds/lp.h"
#include "net/base/mem.h"
#include "net/base/stop.h"
#include "net/eval.h"
#include "tests/support/bounded.h"
#include "tests/support/extreme.h"
#include "tests/support/rational.h"

enum { MOST_BOXES = 3, SAMPLES = 4, MOST_NODES = 10, ROUNDS = 3, BATCHES = 5 };

/* What was seen over many networks. */
typedef struct {
  int seed;
  long finite;        /* bounds that say something */
  long wrong;         /* bounds that exact arithmetic refutes */
  char first[120];    /* the first of those */
  bool without_error; /* a mutation: radii are zero, and ... */
  bool as_stored;     /* ... rounding is all that they would have to hold */
  bool curved;        /* networks with products, squares, signs and reciprocals */
} Tally;

/* One network on some boxes, with points of these boxes. */
typedef struct {
  Tally *tally;
  ExtremeMode mode;
  Prng prng;
  Net *net;
  int n_box;
  double *lo, *hi; /* double lo[n_box][n_inputs] */
  Lagrangian *L;
  Bounds *b;
  double *x; /* double x[n_box][SAMPLES][n_inputs] */
  Rational exact[MOST_BOXES][SAMPLES];
} Trial;

static void count(const Trial *t, bool right, double bound, const char *what, int k,
                  int i)
{
  Tally *tally = t->tally;
  tally->finite += isfinite(bound);
  if (right) return;
  if (tally->wrong++ == 0)
    snprintf(tally->first, sizeof tally->first, "%s, seed %d, node %d (%s), element %d",
             what, tally->seed, k, net_kind_name(t->net->nodes[k].kind), i);
}

static Trial trial_new(ExtremeMode mode, Tally *tally)
{
  Trial t = {.tally = tally, .mode = mode};
  t.prng = prng_init((uint64_t)(tally->seed * EXTREME_N + (int)mode) * 7919 + 13);
  const int size = 2 + prng_below(&t.prng, MOST_NODES);
  t.net = tally->curved ? extreme_curved_net(mode, size, &t.prng)
                        : extreme_net(mode, size, &t.prng);
  t.n_box = 1 + prng_below(&t.prng, MOST_BOXES);
  const int n = net_in_size(t.net), max_rows = t.n_box * (2 + prng_below(&t.prng, 40));
  blas_init();
  t.lo = mem_doubles((size_t)(t.n_box * n));
  t.hi = mem_doubles((size_t)(t.n_box * n));
  t.x = mem_doubles((size_t)(t.n_box * SAMPLES * n));
  t.L = lagrangian_new(t.net, max_rows);
  t.b = bounds_new(t.net, t.n_box);
  for (int box = 0; box < t.n_box; box++) {
    double *lo = t.lo + box * n, *hi = t.hi + box * n;
    extreme_box(mode, n, &t.prng, lo, hi);
    bounds_set_box(t.b, box, lo, hi);
    for (int s = 0; s < SAMPLES; s++) {
      double *x = t.x + (box * SAMPLES + s) * n;
      extreme_sample(n, lo, hi, &t.prng, x);
      t.exact[box][s] = rational_eval(t.net, x, tally->as_stored ? NULL : &t.prng);
    }
  }
  return t;
}

static void trial_free(Trial *t)
{
  for (int box = 0; box < t->n_box; box++)
    for (int s = 0; s < SAMPLES; s++)
      rational_free(&t->exact[box][s]);
  bounds_free(t->b);
  lagrangian_free(t->L);
  net_free(t->net);
  mem_free(t->lo);
  mem_free(t->hi);
  mem_free(t->x);
}

/* ---- checks -------------------------------------------------------------------------
 */

static void check_enclosures(const Trial *t)
{
  const int n = net_in_size(t->net);
  for (int p = 0; p < t->n_box * SAMPLES; p++)
    for (int k = 1; k < t->net->n_nodes; k++) {
      if (t->exact[p / SAMPLES][p % SAMPLES].is_undefined) break;
      /* Every prefix of the network is a network with node k as its output. */
      Net prefix = *t->net;
      prefix.n_nodes = k + 1;
      const int m = t->net->nodes[k].size;
      double *mid = mem_doubles((size_t)m), *rad = mem_doubles((size_t)m);
      eval_enclose(&prefix, t->x + p * n, mid, rad);
      for (int i = 0; i < m; i++) {
        if (t->tally->without_error && isfinite(rad[i])) rad[i] = 0;
        const bool right = rational_within(
            t->exact[p / SAMPLES][p % SAMPLES].value[k][i], mid[i], rad[i]);
        count(t, right, rad[i], "enclosure", k, i);
      }
      mem_free(mid);
      mem_free(rad);
    }
}

static void check_intervals(const Trial *t, const char *what)
{
  for (int box = 0; box < t->n_box; box++)
    for (int s = 0; s < SAMPLES; s++)
      for (int k = 0; k < t->net->n_nodes && !t->exact[box][s].is_undefined; k++)
        for (int i = 0; i < t->net->nodes[k].size; i++) {
          const int at = box * t->net->nodes[k].size + i;
          const double lo = t->b->lo[k][at], hi = t->b->hi[k][at];
          mpq_srcptr x = t->exact[box][s].value[k][i];
          const bool right =
              lo <= hi && rational_compare(x, lo) >= 0 && rational_compare(x, hi) <= 0;
          count(t, right, lo, what, k, i);
        }
}

/* lower <= c . x^k at all points of a box. */
static void check_dot(const Trial *t, int box, int k, const double *c, double lower,
                      const char *what)
{
  for (int s = 0; s < SAMPLES; s++) {
    if (t->exact[box][s].is_undefined) continue;
    const bool right =
        lower < INFINITY && rational_compare_dot(&t->exact[box][s], k, c, lower) >= 0;
    count(t, right, lower, what, k, s);
  }
}

/* ---- random objectives and multipliers ----------------------------------------------
 */

/* For each activation, with luck, numbers of any size or useful slopes. */
static double **multipliers(Trial *t, int n_rows, bool are_slopes)
{
  if (prng_below(&t->prng, 3) == 0) return NULL;
  double **a = mem_zero((size_t)t->net->n_nodes, sizeof *a);
  for (int k = 0; k < t->net->n_nodes; k++) {
    if (!net_is_nonlinear(&t->net->nodes[k]) || prng_below(&t->prng, 2)) continue;
    const int n = n_rows * t->net->nodes[k].size;
    a[k] = mem_doubles((size_t)n);
    for (int i = 0; i < n; i++)
      a[k][i] = are_slopes && prng_below(&t->prng, 8)
                    ? prng_unit(&t->prng)
                    : extreme_number(t->mode, &t->prng);
  }
  return a;
}

typedef struct {
  LagrangianBatch batch; /* borrows the rest */
  int *box, *unit;
  signed char *sign;
  double *c; /* always spelt out */
  double **lambda, **mu, **alpha, **beta;
} Rows;

static Rows rows_new(Trial *t)
{
  Prng *prng = &t->prng;
  int start;
  do
    start = 1 + prng_below(prng, t->net->n_nodes - 1);
  while (!net_is_linear(&t->net->nodes[start]));
  const int per_box = lagrangian_max_rows(t->L) / t->n_box;
  const int n = t->n_box * (1 + prng_below(prng, per_box > 6 ? 6 : per_box));
  const int size = t->net->nodes[start].size;
  const bool units = prng_below(prng, 2);
  Rows r = {.box = mem_array((size_t)n, sizeof *r.box),
            .unit = mem_array((size_t)n, sizeof *r.unit),
            .sign = mem_alloc((size_t)n),
            .c = mem_doubles0((size_t)(n * size))};
  for (int i = 0; i < n; i++) {
    r.box[i] = prng_below(prng, t->n_box);
    r.unit[i] = prng_below(prng, size);
    r.sign[i] = prng_below(prng, 2) ? 1 : -1;
    if (units) r.c[i * size + r.unit[i]] = r.sign[i];
    for (int j = 0; !units && j < size; j++)
      if (prng_below(prng, 3)) r.c[i * size + j] = extreme_number(t->mode, prng);
  }
  r.lambda = multipliers(t, n, false);
  r.mu = multipliers(t, n, false);
  r.alpha = multipliers(t, n, true);
  r.beta = t->tally->curved ? multipliers(t, n, false) : NULL;
  r.batch = (LagrangianBatch){.start = start,
                              .n_rows = n,
                              .box = r.box,
                              .c = units ? NULL : r.c,
                              .unit = r.unit,
                              .sign = r.sign,
                              .lambda = r.lambda,
                              .mu = r.mu,
                              .alpha = r.alpha,
                              .beta = r.beta,
                              .keep = prng_below(prng, 2)};
  return r;
}

static void rows_free(const Net *net, Rows *r)
{
  if (r->lambda) bounded_free_multipliers(net, r->lambda);
  if (r->mu) bounded_free_multipliers(net, r->mu);
  if (r->alpha) bounded_free_multipliers(net, r->alpha);
  if (r->beta) bounded_free_multipliers(net, r->beta);
  mem_free(r->box);
  mem_free(r->unit);
  mem_free(r->sign);
  mem_free(r->c);
}

/* The gradient's witness candidate lies in the box, whatever overflowed. */
static void check_corner(const Trial *t, const LagrangianBatch *batch)
{
  const int n = net_in_size(t->net);
  double *x0 = mem_doubles((size_t)(batch->n_rows * n));
  lagrangian_gradient(t->L, batch, &(LagrangianGradient){.x0 = x0});
  for (int r = 0; r < batch->n_rows; r++)
    for (int i = 0; i < n; i++) {
      const int at = batch->box[r] * n + i;
      const bool right = x0[r * n + i] >= t->lo[at] && x0[r * n + i] <= t->hi[at];
      count(t, right, INFINITY, "corner", 0, i);
    }
  mem_free(x0);
}

static void check_multipliers(Trial *t)
{
  for (int trial = 0; trial < BATCHES; trial++) {
    Rows r = rows_new(t);
    const int start = r.batch.start, size = t->net->nodes[start].size;
    double *lower = mem_doubles((size_t)r.batch.n_rows);
    lagrangian_bound(t->L, t->b, &r.batch, lower);
    for (int i = 0; i < r.batch.n_rows; i++)
      check_dot(t, r.box[i], start, r.c + i * size, lower[i], "Lagrangian");
    if (r.batch.keep) check_corner(t, &r.batch);
    mem_free(lower);
    rows_free(t->net, &r);
  }
}

/* ---- all outputs as one case --------------------------------------------------------
 */

/* The simplex method cycles on some of these programs and only time ends it. */
static void check_lp(Trial *t)
{
  Stop stop;
  stop_init(&stop, 20);
  const int cases = 0, row[2] = {0, net_out_size(t->net)};
  Objective o = objective_cases(t->net, 1, &cases, row);
  LpResult result;
  if (lp_bound(t->L, t->b, &o, 200, NULL, &stop, &result, NULL, NULL))
    check_dot(t, 0, o.start, o.c, result.lower, "LP");
  objective_free(&o);
}

/* The weights move, and the best bound is kept without its weights: it is a bound of
 * the largest output. */
static void check_dual(Trial *t)
{
  const int cases = 0, n = net_out_size(t->net), row[2] = {0, n};
  Objective o = objective_cases(t->net, 1, &cases, row);
  const DualParams params = {.iterations = 5,
                             .rule =
                                 prng_below(&t->prng, 2) ? ASCENT_ADAM : ASCENT_DECAY,
                             .free_lambda = prng_below(&t->prng, 2),
                             .target = INFINITY};
  double lower = -INFINITY;
  dual_optimise(t->L, t->b, &o, &params, NULL, NULL, &lower);
  for (int s = 0; s < SAMPLES; s++) {
    if (t->exact[0][s].is_undefined) continue;
    bool right = false;
    for (int i = 0; lower < INFINITY && i < n; i++)
      right |= rational_compare(t->exact[0][s].value[o.start][i], lower) >= 0;
    count(t, right, lower, "dual", o.start, s);
  }
  objective_free(&o);
}

/* ---- tests ------------------------------------------------------------------------
 */

static void try_everything(ExtremeMode mode, Tally *tally)
{
  Trial t = trial_new(mode, tally);
  check_enclosures(&t);
  ibp_all(t.b, lagrangian_linop(t.L));
  check_intervals(&t, "interval propagation");
  Affine *forms = affine_new(t.net, t.n_box, affine_n_vary(t.b));
  affine_all(forms, t.b, lagrangian_linop(t.L));
  check_intervals(&t, "affine bounds");
  for (int round = 0; round < ROUNDS; round++) {
    check_multipliers(&t);
    Crown *crown = crown_new(&(Team){1, &t.L});
    crown_run(crown, t.b,
              &(CrownParams){.first = 1,
                             .slope_iterations = round == 0 ? 0 : 3,
                             .affine = round == 1 ? forms : NULL});
    crown_free(crown);
    check_intervals(&t, round == 0 ? "backward bounds" : "optimised slopes");
  }
  if (t.n_box == 1) {
    check_lp(&t);
    check_dual(&t);
  }
  affine_free(forms);
  trial_free(&t);
}

/* Most bounds must be numbers: infinite ones are never wrong. */
static void check_mode(ExtremeMode mode, int seeds)
{
  Tally tally = {0};
  for (; tally.seed < seeds; tally.seed++)
    try_everything(mode, &tally);
  cr_assert_eq(tally.wrong, 0, "%ld wrong, first: %s", tally.wrong, tally.first);
  cr_assert(tally.finite > 1000L * seeds, "only %ld bounds are finite", tally.finite);
}

Test(exact, no_bound_is_wrong_with_ordinary_numbers, .timeout = 120)
{
  check_mode(EXTREME_ORDINARY, 400);
}

Test(exact, no_bound_is_wrong_with_trillions_and_trillionths, .timeout = 120)
{
  check_mode(EXTREME_TRILLION, 400);
}

Test(exact, no_bound_is_wrong_where_three_factors_overflow, .timeout = 120)
{
  check_mode(EXTREME_SQUARES, 400);
}

Test(exact, no_bound_is_wrong_where_two_factors_overflow, .timeout = 120)
{
  check_mode(EXTREME_OVERFLOW, 400);
}

Test(exact, no_bound_is_wrong_with_denormal_numbers, .timeout = 120)
{
  check_mode(EXTREME_DENORMAL, 400);
}

Test(exact, no_bound_is_wrong_where_numbers_cancel, .timeout = 120)
{
  check_mode(EXTREME_CANCELLATION, 400);
}

Test(exact, no_bound_is_wrong_where_huge_meets_tiny, .timeout = 120)
{
  check_mode(EXTREME_CROSSED, 400);
}

/* Products of numbers that overflow are infinite sooner, so fewer bounds are numbers.
 */
static void check_curved(ExtremeMode mode, int seeds)
{
  Tally tally = {.curved = true};
  for (; tally.seed < seeds; tally.seed++)
    try_everything(mode, &tally);
  cr_assert_eq(tally.wrong, 0, "%ld wrong, first: %s", tally.wrong, tally.first);
  cr_assert(tally.finite > 500L * seeds, "only %ld bounds are finite", tally.finite);
}

Test(exact, no_curve_or_product_is_wrong_with_ordinary_numbers, .timeout = 120)
{
  check_curved(EXTREME_ORDINARY, 400);
}

Test(exact, no_curve_or_product_is_wrong_with_trillions, .timeout = 120)
{
  check_curved(EXTREME_TRILLION, 400);
}

Test(exact, no_curve_or_product_is_wrong_where_three_factors_overflow, .timeout = 120)
{
  check_curved(EXTREME_SQUARES, 400);
}

Test(exact, no_curve_or_product_is_wrong_where_two_factors_overflow, .timeout = 120)
{
  check_curved(EXTREME_OVERFLOW, 400);
}

Test(exact, no_curve_or_product_is_wrong_with_denormal_numbers, .timeout = 120)
{
  check_curved(EXTREME_DENORMAL, 400);
}

Test(exact, no_curve_or_product_is_wrong_where_numbers_cancel, .timeout = 120)
{
  check_curved(EXTREME_CANCELLATION, 400);
}

Test(exact, no_curve_or_product_is_wrong_where_huge_meets_tiny, .timeout = 120)
{
  check_curved(EXTREME_CROSSED, 400);
}

/* ---- tests that must be able to fail ----------------------------------------------
 */

static void forget_errors(Bounds *b)
{
  for (int k = 1; k < b->net->n_nodes; k++) {
    if (!net_is_linear(&b->net->nodes[k])) continue;
    for (int i = 0; i < b->n_box * b->net->nodes[k].size; i++)
      b->err[k][i] = 0;
    for (int box = 0; box < b->n_box; box++)
      b->slip[k][box] = 0;
  }
}

Test(exact, a_missing_error_term_is_caught, .timeout = 120)
{
  Tally tally = {.as_stored = true};
  for (; tally.seed < 400; tally.seed++) {
    Trial t = trial_new(EXTREME_CANCELLATION, &tally);
    ibp_all(t.b, lagrangian_linop(t.L));
    forget_errors(t.b);
    check_multipliers(&t);
    trial_free(&t);
  }
  cr_assert(tally.wrong > 0, "none of %ld bounds was wrong", tally.finite);
}

Test(exact, a_missing_radius_is_caught, .timeout = 120)
{
  Tally tally = {.without_error = true, .as_stored = true};
  for (; tally.seed < 400; tally.seed++) {
    Trial t = trial_new(EXTREME_CANCELLATION, &tally);
    check_enclosures(&t);
    trial_free(&t);
  }
  cr_assert(tally.wrong > 0, "none of %ld enclosures was wrong", tally.finite);
}

/* The oracle on a sum that doubles get wrong: 2^53 + 1 - 2^53 is 1, and no other. */
Test(exact, the_oracle_does_not_round)
{
  const double one = 1, weight[3] = {0x1p53, 1, -0x1p53}, x = 1;
  const int map[3] = {0, 0, 0};
  int in = 0;
  Net *net = net_new("oracle");
  const Node input = {.kind = NODE_INPUT, .size = 1};
  const Node many = {.kind = NODE_MAP, .size = 3, .map = map};
  const Node sum = {
      .kind = NODE_DENSE, .size = 1, .reps = 1, .rows = 1, .cols = 3, .W = weight};
  net_add(net, &input, NULL, 0);
  in = net_add(net, &many, &in, 1);
  in = net_add(net, &sum, &in, 1);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  Rational r = rational_eval(net, &x, NULL);
  cr_assert_eq(rational_compare(r.value[in][0], 1), 0);
  cr_assert(rational_compare(r.value[in][0], 1 + 0x1p-52) < 0);
  cr_assert(rational_compare(r.value[in][0], -INFINITY) > 0);
  cr_assert_eq(rational_compare_dot(&r, in, &one, 1), 0);
  cr_assert(rational_within(r.value[in][0], 0, 1));
  cr_assert(!rational_within(r.value[in][0], 0, 1 - 0x1p-53));
  cr_assert(!rational_within(r.value[in][0], 1, NAN));
  rational_free(&r);
  net_free(net);
}
