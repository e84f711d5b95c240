/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds in a branch of a search: assumptions of whole boxes and of single rows, with
 * multipliers beta of either sign, against exact arithmetic, finite differences, the
 * linear program and enumeration.  Long: more than half is the exact arithmetic that
 * judges. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bounds/blas.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "bounds/lp.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"
#include "tests/support/bounded.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/rational.h"

/* ---- exact arithmetic ---------------------------------------------------- */

enum { MOST_BOXES = 3, SAMPLES = 12, MOST_NODES = 9, BATCHES = 6, CUTS_PER_ROW = 3 };

/* What was seen over many networks. */
typedef struct {
  int seed;
  long finite;     /* bounds that say something about a point in their branch */
  long wrong;      /* of them, refuted by exact arithmetic */
  long assumed;    /* points that an assumption leaves out */
  char first[120]; /* the first wrong one */
  bool flipped;    /* a mutation: rows assume the opposite of what is claimed */
} Tally;

/* One network on some boxes, a branch of each box, and points of the boxes. */
typedef struct {
  Tally *tally;
  ExtremeMode mode;
  Prng prng;
  Net *net;
  int n_box;
  double *lo, *hi; /* double lo[n_box][n_inputs] */
  Lagrangian *L;
  Bounds *b;
  Rational exact[MOST_BOXES][SAMPLES];
  bool inside[MOST_BOXES][SAMPLES]; /* the point is in the branch of its box */
} Trial;

static void count(Tally *tally, bool right, double bound, const char *what, int k)
{
  tally->finite += isfinite(bound);
  if (right) return;
  if (tally->wrong++ == 0)
    snprintf(tally->first, sizeof tally->first, "%s, seed %d, node %d", what,
             tally->seed, k);
}

/* The sign of a pre-activation at a point: 0 is both. */
static int exact_sign(const Rational *x, int j, int i)
{
  return mpq_sgn(x->value[j][i]);
}

static Trial trial_new(ExtremeMode mode, Tally *tally)
{
  Trial t = {.tally = tally, .mode = mode};
  t.prng = prng_init((uint64_t)(tally->seed * EXTREME_N + (int)mode) * 6007 + 29);
  t.net = extreme_net(mode, 3 + prng_below(&t.prng, MOST_NODES), &t.prng);
  t.n_box = 1 + prng_below(&t.prng, MOST_BOXES);
  const int n = net_in_size(t.net);
  blas_init();
  t.lo = mem_doubles((size_t)(t.n_box * n));
  t.hi = mem_doubles((size_t)(t.n_box * n));
  t.L = lagrangian_new(t.net, 24);
  t.b = bounds_new(t.net, t.n_box);
  double *x = mem_doubles((size_t)n);
  for (int box = 0; box < t.n_box; box++) {
    double *lo = t.lo + box * n, *hi = t.hi + box * n;
    extreme_box(mode, n, &t.prng, lo, hi);
    bounds_set_box(t.b, box, lo, hi);
    for (int s = 0; s < SAMPLES; s++) {
      extreme_sample(n, lo, hi, &t.prng, x);
      t.exact[box][s] = rational_eval(t.net, x, &t.prng);
      t.inside[box][s] = true;
    }
  }
  mem_free(x);
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
}

/* Assume signs of some neurons in every box, mostly those of its first point, so that
 * the branch is not empty. */
static void assume(Trial *t)
{
  for (int box = 0; box < t->n_box; box++)
    for (int j = 0; j < t->net->n_nodes; j++)
      for (int i = 0; t->b->pre[j] >= 0 && i < t->net->nodes[j].size; i++) {
        if (prng_below(&t->prng, 3)) continue;
        int sign = exact_sign(&t->exact[box][0], j, i);
        if (!sign || !prng_below(&t->prng, 16)) sign = prng_below(&t->prng, 2) ? 1 : -1;
        bounds_split(t->b, j, box, i, sign > 0);
        for (int s = 0; s < SAMPLES; s++) {
          const bool fits = sign * exact_sign(&t->exact[box][s], j, i) >= 0;
          t->tally->assumed += !fits;
          t->inside[box][s] = t->inside[box][s] && fits;
        }
      }
}

/* Points of the branch stay inside the intervals, and so the branch is not empty. */
static void check_intervals(const Trial *t, const char *what)
{
  for (int box = 0; box < t->n_box; box++)
    for (int s = 0; s < SAMPLES; s++) {
      if (!t->inside[box][s]) continue;
      count(t->tally, !t->b->empty[box], 0, "empty", 0);
      for (int k = 0; k < t->net->n_nodes; k++)
        for (int i = 0; i < t->net->nodes[k].size; i++) {
          const int at = box * t->net->nodes[k].size + i;
          mpq_srcptr x = t->exact[box][s].value[k][i];
          count(t->tally,
                rational_compare(x, t->b->lo[k][at]) >= 0 &&
                    rational_compare(x, t->b->hi[k][at]) <= 0,
                t->b->lo[k][at], what, k);
        }
    }
}

/* For each activation, with luck, numbers of any size or useful slopes. */
static double **multipliers(Trial *t, int n_rows, bool are_slopes, int one_in)
{
  if (prng_below(&t->prng, one_in) == 0) return NULL;
  double **a = mem_zero((size_t)t->net->n_nodes, sizeof *a);
  for (int k = 0; k < t->net->n_nodes; k++) {
    if (t->net->nodes[k].kind != NODE_ACT || prng_below(&t->prng, one_in) == 0)
      continue;
    const int n = n_rows * t->net->nodes[k].size;
    a[k] = mem_doubles((size_t)n);
    for (int i = 0; i < n; i++)
      a[k][i] = are_slopes && prng_below(&t->prng, 8)
                    ? prng_unit(&t->prng)
                    : extreme_number(t->mode, &t->prng);
  }
  return a;
}

/* A batch whose rows have cuts of their own and may share multipliers. */
typedef struct {
  LagrangianBatch batch; /* borrows the rest */
  int *box, *unit, *source;
  signed char *sign;
  double *c; /* always spelt out; by source */
  double **lambda, **mu, **alpha, **beta;
  LagrangianCut *cut;
} Rows;

/* Cuts of unstable neurons of the row's box, no neuron twice, mostly with the signs of
 * a point of the branch. */
static void cut_row(Trial *t, int box, const double *beta_scale, LagrangianCut *cut)
{
  Prng *prng = &t->prng;
  const Rational *like = &t->exact[box][0];
  int n = 0;
  for (int k = 0; k < t->net->n_nodes; k++) {
    if (t->net->nodes[k].kind != NODE_ACT) continue;
    const int j = t->net->nodes[k].in[0];
    for (int i = 0; i < t->net->nodes[k].size && n < CUTS_PER_ROW; i++) {
      if (!bounds_unstable(t->b, j, box, i) || prng_below(prng, 3) == 0) continue;
      int sign = exact_sign(like, j, i);
      if (!sign || !prng_below(prng, 8)) sign = prng_below(prng, 2) ? 1 : -1;
      if (t->tally->flipped) sign = -sign;
      cut[n++] = (LagrangianCut){.node = k,
                                 .index = i,
                                 .positive = sign > 0,
                                 .beta = prng_below(prng, 3)
                                             ? *beta_scale * prng_range(prng, -1, 1)
                                             : extreme_number(t->mode, prng)};
    }
  }
  while (n < CUTS_PER_ROW)
    cut[n++] = (LagrangianCut){.node = -1};
}

static Rows rows_new(Trial *t)
{
  Prng *prng = &t->prng;
  int start;
  do
    start = 1 + prng_below(prng, t->net->n_nodes - 1);
  while (!net_is_linear(&t->net->nodes[start]));
  const int n = 1 + prng_below(prng, lagrangian_max_rows(t->L));
  const bool shared = prng_below(prng, 2), units = prng_below(prng, 2);
  const int n_sources = shared ? 1 + prng_below(prng, 5) : n;
  const int size = t->net->nodes[start].size;
  Rows r = {.box = mem_array((size_t)n, sizeof *r.box),
            .unit = mem_array((size_t)n, sizeof *r.unit),
            .source = mem_array((size_t)n, sizeof *r.source),
            .sign = mem_alloc((size_t)n),
            .c = mem_doubles0((size_t)((n > n_sources ? n : n_sources) * size)),
            .cut = mem_array((size_t)(n * CUTS_PER_ROW), sizeof *r.cut)};
  const double beta_scale = fabs(extreme_number(t->mode, prng));
  for (int i = 0; i < n; i++) {
    r.box[i] = prng_below(prng, t->n_box);
    r.unit[i] = prng_below(prng, size);
    r.sign[i] = prng_below(prng, 2) ? 1 : -1;
    r.source[i] = shared ? prng_below(prng, n_sources) : i;
    if (units) r.c[i * size + r.unit[i]] = r.sign[i];
    cut_row(t, r.box[i], &beta_scale, r.cut + i * CUTS_PER_ROW);
  }
  for (int i = 0; !units && i < n_sources * size; i++)
    if (prng_below(prng, 3)) r.c[i] = extreme_number(t->mode, prng);
  r.lambda = multipliers(t, n_sources, false, 2);
  r.mu = multipliers(t, n_sources, false, 2);
  r.alpha = multipliers(t, n_sources, true, 4);
  r.beta = multipliers(t, n_sources, false, 6);
  const bool has_cuts = prng_below(prng, 4);
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
                              .source = shared ? r.source : NULL,
                              .cut = has_cuts ? r.cut : NULL,
                              .cuts_per_row = has_cuts ? CUTS_PER_ROW : 0,
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
  mem_free(r->source);
  mem_free(r->sign);
  mem_free(r->c);
  mem_free(r->cut);
}

/* Whether a point has the signs that row r assumes on its own. */
static bool fits(const Trial *t, const Rows *rows, int r, const Rational *x)
{
  const LagrangianCut *cut = rows->cut + r * CUTS_PER_ROW;
  for (int i = 0; i < rows->batch.cuts_per_row && cut[i].node >= 0; i++) {
    const int sign = exact_sign(x, t->net->nodes[cut[i].node].in[0], cut[i].index);
    /* With `flipped` it is the opposite that was handed to the Lagrangian. */
    if ((cut[i].positive != t->tally->flipped ? sign : -sign) < 0) return false;
  }
  return true;
}

/* Arrays with a row for each row of the batch, copied from the rows they use. */
static double **spread(const Net *net, const LagrangianBatch *batch,
                       double *const *from)
{
  if (!from) return NULL;
  double **to = mem_zero((size_t)net->n_nodes, sizeof *to);
  for (int k = 0; k < net->n_nodes; k++) {
    if (!from[k]) continue;
    const size_t n = (size_t)net->nodes[k].size;
    to[k] = mem_doubles((size_t)batch->n_rows * n);
    for (int r = 0; r < batch->n_rows; r++)
      memcpy(to[k] + (size_t)r * n, from[k] + lagrangian_source(batch, r) * n,
             n * sizeof **to);
  }
  return to;
}

/* Sharing multipliers changes no bound. */
static void check_sharing(const Trial *t, const Rows *rows, const double *lower)
{
  const Net *net = t->net;
  const size_t size = (size_t)net->nodes[rows->batch.start].size;
  LagrangianBatch alone = rows->batch;
  double **lambda = spread(net, &rows->batch, rows->lambda);
  double **mu = spread(net, &rows->batch, rows->mu);
  double **alpha = spread(net, &rows->batch, rows->alpha);
  double **beta = spread(net, &rows->batch, rows->beta);
  double *c = mem_doubles((size_t)alone.n_rows * size);
  double *again = mem_doubles((size_t)alone.n_rows);
  for (int r = 0; r < alone.n_rows; r++)
    memcpy(c + (size_t)r * size, rows->c + lagrangian_source(&rows->batch, r) * size,
           size * sizeof *c);
  alone.source = NULL;
  alone.lambda = lambda;
  alone.mu = mu;
  alone.alpha = alpha;
  alone.beta = beta;
  if (alone.c) alone.c = c;
  lagrangian_bound(t->L, t->b, &alone, again);
  for (int r = 0; r < alone.n_rows; r++)
    count(t->tally, again[r] == lower[r], lower[r], "sharing", alone.start);
  if (lambda) bounded_free_multipliers(net, lambda);
  if (mu) bounded_free_multipliers(net, mu);
  if (alpha) bounded_free_multipliers(net, alpha);
  if (beta) bounded_free_multipliers(net, beta);
  mem_free(c);
  mem_free(again);
}

static void check_rows(Trial *t)
{
  Rows rows = rows_new(t);
  const int start = rows.batch.start, size = t->net->nodes[start].size;
  double *lower = mem_doubles((size_t)rows.batch.n_rows);
  lagrangian_bound(t->L, t->b, &rows.batch, lower);
  for (int r = 0; r < rows.batch.n_rows; r++)
    for (int s = 0; s < SAMPLES; s++) {
      const Rational *x = &t->exact[rows.box[r]][s];
      if (!t->inside[rows.box[r]][s]) continue;
      if (!fits(t, &rows, r, x)) {
        t->tally->assumed++;
        continue;
      }
      const double *c =
          rows.c + (rows.batch.c ? (int)lagrangian_source(&rows.batch, r) : r) * size;
      const bool right =
          lower[r] < INFINITY && rational_compare_dot(x, start, c, lower[r]) >= 0;
      count(t->tally, right, lower[r], "Lagrangian", start);
    }
  if (rows.batch.source) check_sharing(t, &rows, lower);
  mem_free(lower);
  rows_free(t->net, &rows);
}

static void try_everything(ExtremeMode mode, Tally *tally)
{
  Trial t = trial_new(mode, tally);
  for (int round = 0; round < 3; round++) {
    ibp_all(t.b, lagrangian_linop(t.L));
    if (round == 0) assume(&t);
    check_intervals(&t, "interval propagation");
    for (int i = 0; i < BATCHES; i++)
      check_rows(&t);
    crown_tighten(&(Team){1, &t.L}, t.b, round, NULL);
    check_intervals(&t, "backward bounds");
  }
  trial_free(&t);
}

static void check_mode(ExtremeMode mode, int seeds)
{
  Tally tally = {0};
  for (; tally.seed < seeds; tally.seed++)
    try_everything(mode, &tally);
  cr_assert_eq(tally.wrong, 0, "%ld wrong, first: %s", tally.wrong, tally.first);
  cr_assert(tally.finite > 400L * seeds, "only %ld bounds are finite", tally.finite);
  cr_assert(tally.assumed > 30L * seeds, "only %ld points are left out", tally.assumed);
}

Test(cuts, no_bound_is_wrong_with_ordinary_numbers, .timeout = 120)
{
  check_mode(EXTREME_ORDINARY, 250);
}

Test(cuts, no_bound_is_wrong_with_trillions_and_trillionths, .timeout = 120)
{
  check_mode(EXTREME_TRILLION, 250);
}

Test(cuts, no_bound_is_wrong_where_three_factors_overflow, .timeout = 120)
{
  check_mode(EXTREME_SQUARES, 250);
}

Test(cuts, no_bound_is_wrong_where_two_factors_overflow, .timeout = 120)
{
  check_mode(EXTREME_OVERFLOW, 250);
}

Test(cuts, no_bound_is_wrong_with_denormal_numbers, .timeout = 120)
{
  check_mode(EXTREME_DENORMAL, 250);
}

Test(cuts, no_bound_is_wrong_where_numbers_cancel, .timeout = 120)
{
  check_mode(EXTREME_CANCELLATION, 250);
}

Test(cuts, no_bound_is_wrong_where_huge_meets_tiny, .timeout = 120)
{
  check_mode(EXTREME_CROSSED, 250);
}

/* The tests above must be able to fail. */
Test(cuts, an_assumption_of_the_wrong_sign_is_caught, .timeout = 120)
{
  Tally tally = {.flipped = true};
  for (; tally.seed < 60; tally.seed++)
    try_everything(EXTREME_ORDINARY, &tally);
  cr_assert(tally.wrong > 0, "none of %ld bounds was wrong", tally.finite);
}

/* ---- branches of ordinary networks --------------------------------------- */

/* Signs of some pre-activations in the order of the nodes, as at a random point of the
 * box or, with luck, anyhow; they are assumed in box 0. */
typedef struct {
  Bounded f;
  int n_neurons, n_cuts;
  signed char *sign;
} Branch;

static Branch branch_new(Net *net, int percent, bool anyhow, Prng *prng)
{
  Branch br = {.f = bounded_new(net, 1, prng), .n_neurons = (int)net_n_neurons(net)};
  br.sign = mem_zero((size_t)br.n_neurons, 1);
  bounded_tighten(&br.f, 0);
  double *x = mem_doubles((size_t)net_in_size(net));
  nets_sample(net_in_size(net), br.f.lo, br.f.hi, prng, x);
  Rational exact = rational_eval(net, x, NULL);
  int at = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    if (net->nodes[k].kind != NODE_ACT) continue;
    const int j = net->nodes[k].in[0];
    for (int i = 0; i < net->nodes[k].size; i++, at++) {
      if (!bounds_unstable(br.f.b, j, 0, i) || prng_below(prng, 100) >= percent)
        continue;
      br.sign[at] = exact_sign(&exact, j, i) >= 0 ? 1 : -1;
      if (anyhow && prng_below(prng, 2)) br.sign[at] = -br.sign[at];
      bounds_split(br.f.b, j, 0, i, br.sign[at] > 0);
      br.n_cuts++;
    }
  }
  rational_free(&exact);
  mem_free(x);
  return br;
}

static void branch_free(Branch *br)
{
  bounded_free(&br->f);
  mem_free(br->sign);
}

/* The cuts of the branch, for row 0. */
static SlopesCut *slopes_cuts(const Branch *br)
{
  SlopesCut *cuts = mem_array((size_t)br->n_cuts + 1, sizeof *cuts);
  int n = 0, at = 0;
  for (int k = 0; k < br->f.net->n_nodes; k++) {
    if (br->f.net->nodes[k].kind != NODE_ACT) continue;
    for (int i = 0; i < br->f.net->nodes[k].size; i++, at++)
      if (br->sign[at])
        cuts[n++] = (SlopesCut){.node = k, .index = i, .positive = br->sign[at] > 0};
  }
  return cuts;
}

/* Every derivative with respect to a beta is what a small step of it brings. */
Test(cuts, the_gradient_in_beta_is_what_a_small_step_brings)
{
  const double step = 1e-6;
  Prng prng = prng_init(91);
  int compared = 0, nonzero = 0;
  for (int t = 0; t < 200; t++) {
    Branch br =
        branch_new(nets_random((NetsKind)(t % 3), 5, 1, &prng), 50, false, &prng);
    const Net *net = br.f.net;
    const int row = prng_below(&prng, net_out_size(net));
    const signed char plus = 1;
    double **beta = lagrangian_new_multipliers(net, 1);
    double **g = lagrangian_new_multipliers(net, 1);
    for (int k = 0; k < net->n_nodes; k++)
      for (int i = 0; beta[k] && i < net->nodes[k].size; i++)
        beta[k][i] = prng_range(&prng, -1, 1);
    double **alpha = bounded_random_multipliers(net, 0.1, 0.9, &prng);
    LagrangianBatch batch = {.start = net->n_nodes - 1,
                             .n_rows = 1,
                             .unit = &row,
                             .sign = &plus,
                             .alpha = alpha,
                             .beta = beta,
                             .keep = true};
    const LagrangianGradient out = {.mu = g};
    double at;
    lagrangian_bound(br.f.L, br.f.b, &batch, &at);
    lagrangian_gradient(br.f.L, &batch, &out);
    batch.keep = false;
    int neuron = 0;
    for (int k = 0; k < net->n_nodes; k++)
      for (int i = 0; beta[k] && i < net->nodes[k].size; i++, neuron++) {
        if (!br.sign[neuron]) continue;
        const int j = net->nodes[k].in[0];
        if (!(br.f.b->bend_lo[j][i] < br.f.b->bend_hi[j][i])) continue;
        const double old = beta[k][i];
        double more, less;
        beta[k][i] = old + step;
        lagrangian_bound(br.f.L, br.f.b, &batch, &more);
        beta[k][i] = old - step;
        lagrangian_bound(br.f.L, br.f.b, &batch, &less);
        beta[k][i] = old;
        const double measured = (more - less) / (2 * step);
        cr_assert(fabs(measured - g[k][i]) <= 1e-4 * (1 + fabs(measured)),
                  "net %d node %d neuron %d: derivative %g, measured %g", t, k, i,
                  g[k][i], measured);
        compared++;
        nonzero += measured != 0;
      }
    lagrangian_free_multipliers(net, beta);
    lagrangian_free_multipliers(net, g);
    bounded_free_multipliers(net, alpha);
    branch_free(&br);
  }
  cr_assert(compared > 300 && nonzero > 100, "%d compared, %d not 0", compared,
            nonzero);
}

/* An assumption of one row is worth as much as the same one of its box. */
Test(cuts, an_assumption_of_a_row_is_worth_as_much_as_one_of_its_box)
{
  Prng prng = prng_init(94);
  int compared = 0, gained = 0;
  for (int t = 0; t < 150; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 5, 1, &prng), 1, &prng);
    bounded_tighten(&f, 0);
    const Net *net = f.net;
    const int unit[2] = {prng_below(&prng, net_out_size(net)), 0};
    const signed char plus[2] = {1, 1};
    double **alpha = lagrangian_new_multipliers(net, 1);
    double **beta = lagrangian_new_multipliers(net, 1);
    LagrangianCut cut[8];
    int n = 0;
    for (int k = 0; k < net->n_nodes; k++)
      for (int i = 0; alpha[k] && i < net->nodes[k].size; i++) {
        alpha[k][i] = prng_unit(&prng);
        if (n == 8 || !bounds_unstable(f.b, net->nodes[k].in[0], 0, i)) continue;
        if (prng_below(&prng, 2)) continue;
        beta[k][i] = prng_range(&prng, -0.3, 0.3);
        cut[n++] = (LagrangianCut){.node = k,
                                   .index = i,
                                   .positive = prng_below(&prng, 2),
                                   .beta = beta[k][i]};
      }
    LagrangianBatch batch = {.start = net->n_nodes - 1,
                             .n_rows = 1,
                             .unit = unit,
                             .sign = plus,
                             .alpha = alpha};
    double plain, own, boxed;
    lagrangian_bound(f.L, f.b, &batch, &plain);
    batch.cut = cut;
    batch.cuts_per_row = n;
    lagrangian_bound(f.L, f.b, &batch, &own);
    for (int c = 0; c < n; c++)
      bounds_split(f.b, net->nodes[cut[c].node].in[0], 0, cut[c].index,
                   cut[c].positive);
    batch.cut = NULL;
    batch.beta = beta;
    lagrangian_bound(f.L, f.b, &batch, &boxed);
    cr_assert(fabs(own - boxed) <= 1e-9 * (1 + fabs(boxed)), "net %d: %.12g and %.12g",
              t, own, boxed);
    compared += n > 0;
    gained += own > plain + 1e-6;
    lagrangian_free_multipliers(net, alpha);
    lagrangian_free_multipliers(net, beta);
    bounded_free(&f);
  }
  cr_assert(compared > 80 && gained > 10, "%d compared, %d gained", compared, gained);
}

/* The slopes' bound, the linear program and the truth in this order; the first two
 * meet for one row.  The weights of two rows get there slowly: on average they do. */
Test(cuts, slopes_and_betas_reach_the_linear_program)
{
  Prng prng = prng_init(92);
  enum { NETS = 80 };
  double worst = 0, sum = 0;
  int gained = 0;
  for (int t = 0; t < NETS; t++) {
    const int sizes[4] = {2 + t % 2, 5, 4, 2};
    Branch br = branch_new(nets_dense(sizes, 4, 1.5, &prng), 40, false, &prng);
    if (t % 3 == 0) bounded_tighten(&br.f, 0);
    const Net *net = br.f.net;
    const int n_rows = 1 + t % 2, cases = 0, row[2] = {0, n_rows};
    const double c[4] = {1, 0, 0, 1};
    const double truth = nets_branch_minimum(net, br.f.lo, br.f.hi, br.sign, n_rows, c);
    Objective o = objective_cases(net, 1, &cases, row);
    Slopes *s = slopes_new(net, 1);
    SlopesCut *cuts = slopes_cuts(&br);
    SlopesParams params = {.iterations = 800, .target = INFINITY};
    double without = -INFINITY, slopes = -INFINITY;
    slopes_run(s, br.f.L, br.f.b, &o, &params, &without);
    objective_free(&o);
    o = objective_cases(net, 1, &cases, row);
    params.n_cuts = br.n_cuts;
    params.cuts = cuts;
    slopes_run(s, br.f.L, br.f.b, &o, &params, &slopes);
    LpResult lp;
    cr_assert(lp_bound(br.f.L, br.f.b, &o, 1000, NULL, NULL, &lp, NULL, NULL));
    cr_assert(lp.solved, "net %d: the branch has a point", t);
    const double slack = 1e-7 * (1 + fabs(lp.optimum));
    cr_assert(fabs(lp.lower - lp.optimum) <= slack,
              "net %d: GLPK's duals prove %.12g of its optimum %.12g", t, lp.lower,
              lp.optimum);
    cr_assert(lp.lower <= truth + 1e-9 * (1 + fabs(truth)), "net %d: %.12g above %.12g",
              t, lp.lower, truth);
    cr_assert(slopes <= lp.optimum + slack && without <= lp.optimum + slack);
    const double gap =
        (lp.optimum - slopes) / (1e-3 + fabs(lp.optimum) + fabs(lp.optimum - without));
    if (n_rows == 1) worst = fmax(worst, gap);
    sum += gap;
    gained += slopes > without + 1e-6;
    mem_free(cuts);
    slopes_free(s);
    objective_free(&o);
    branch_free(&br);
  }
  cr_assert(worst < 0.02, "slopes stay %.3g from the linear program", worst);
  cr_assert(sum / NETS < 0.02, "on average %.3g", sum / NETS);
  cr_assert(gained > 30, "betas helped in %d of %d", gained, NETS);
}

/* Where all signs are decided nothing is relaxed: the linear program is exact.  A
 * branch without inputs is proved, whatever the objective. */
Test(cuts, a_leaf_is_solved_exactly)
{
  Prng prng = prng_init(93);
  int full = 0, empty = 0;
  for (int t = 0; t < 400; t++) {
    const int sizes[4] = {2 + t % 2, 2 + t % 4, 4, 2};
    Branch br = branch_new(nets_dense(sizes, 4, 1.5, &prng), 100, t % 4, &prng);
    const Net *net = br.f.net;
    const int n_rows = 1 + t % 2, cases = 0, row[2] = {0, n_rows};
    const double c[4] = {1, 0, 0, 1};
    const double truth = nets_branch_minimum(net, br.f.lo, br.f.hi, br.sign, n_rows, c);
    Objective o = objective_cases(net, 1, &cases, row);
    LpResult lp;
    lp_bound(br.f.L, br.f.b, &o, 1000, NULL, NULL, &lp, NULL, NULL);
    if (truth < INFINITY)
      cr_assert(fabs(lp.lower - truth) <= 1e-7 * (1 + fabs(truth)),
                "net %d: %.12g is not %.12g", t, lp.lower, truth);
    else
      cr_assert(lp.lower > 0 || br.f.b->empty[0], "net %d: nothing is there, but %g", t,
                lp.lower);
    full += truth < INFINITY;
    empty += truth == INFINITY;
    objective_free(&o);
    branch_free(&br);
  }
  cr_assert(full > 80 && empty > 80, "%d with inputs, %d without", full, empty);
}
