/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Intervals narrowed to the inputs that violate a case: no such input is ever left out,
 * in exact arithmetic where rounding is at its worst, and against enumeration. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bounds/blas.h"
#include "bounds/contract.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "net/base/mem.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/rational.h"

/* ---- exact arithmetic ---------------------------------------------------------------
 */

enum { SAMPLES = 24, MOST_NODES = 9, MOST_ROWS = 3, BATCHES = 4 };

/* What was seen over many networks. */
typedef struct {
  int seed;
  long violators; /* points that had to stay, after intervals had moved */
  long wrong;     /* of them, left out */
  long others;    /* points that were left out rightly */
  long empty;     /* probes that left nothing */
  char first[120];
  bool shifted; /* a mutation: rows are harder to violate than is claimed */
} Tally;

/* A network with rows on top, y_i - d_i <= 0 for some outputs i, on one box, perhaps a
 * branch; points of the box with exact values. */
typedef struct {
  Tally *tally;
  Prng prng;
  Net *net, view; /* view: with the rows as its last node */
  int n_rows, row[MOST_ROWS];
  double *W, b[MOST_ROWS];
  int in;
  double *lo, *hi;
  Bounds *bounds;
  Lagrangian *L;
  Rows *rows;
  Contract *contract;
  Rational exact[SAMPLES];
  bool inside[SAMPLES]; /* the point has the signs that the branch assumes */
} Trial;

/* The least double that is not below a, or infinity. */
static double round_above(mpq_srcptr a)
{
  double d = mpq_get_d(a);
  if (!isfinite(d)) return INFINITY;
  return rational_compare(a, d) > 0 ? round_up(d) : d;
}

/* The rows hold with hardly any room at the first point. */
static bool add_rows(Trial *t, double shift)
{
  const Node *out = net_output(t->net);
  const int size = out->size;
  t->n_rows = 1 + prng_below(&t->prng, size < MOST_ROWS ? size : MOST_ROWS);
  t->W = mem_doubles0((size_t)(t->n_rows * size));
  for (int r = 0; r < t->n_rows; r++) {
    t->row[r] = prng_below(&t->prng, size);
    const double d =
        round_above(t->exact[0].value[t->net->n_nodes - 1][t->row[r]]) - shift;
    if (!isfinite(d)) return false;
    t->W[r * size + t->row[r]] = 1;
    t->b[r] = -d;
  }
  t->in = t->net->n_nodes - 1;
  const Node rows = {.kind = NODE_DENSE,
                     .size = t->n_rows,
                     .n_in = 1,
                     .in = &t->in,
                     .reps = 1,
                     .rows = t->n_rows,
                     .cols = size,
                     .W = t->W,
                     .b = t->b};
  t->view = *t->net;
  t->view.nodes = mem_array((size_t)t->net->n_nodes + 1, sizeof *t->view.nodes);
  memcpy(t->view.nodes, t->net->nodes, (size_t)t->net->n_nodes * sizeof rows);
  t->view.nodes[t->view.n_nodes++] = rows;
  return true;
}

static bool is_violator(const Trial *t, int s)
{
  for (int r = 0; r < t->n_rows; r++)
    if (rational_compare(t->exact[s].value[t->in][t->row[r]],
                         t->tally->shifted ? INFINITY : -t->b[r]) > 0)
      return false;
  return t->inside[s];
}

static bool trial_new(Trial *t, ExtremeMode mode, Tally *tally)
{
  *t = (Trial){.tally = tally};
  t->prng = prng_init((uint64_t)(tally->seed * EXTREME_N + (int)mode) * 5003 + 17);
  t->net = extreme_net(mode, 3 + prng_below(&t->prng, MOST_NODES), &t->prng);
  const int n = net_in_size(t->net);
  t->lo = mem_doubles((size_t)n);
  t->hi = mem_doubles((size_t)n);
  double *x = mem_doubles((size_t)n);
  extreme_box(mode, n, &t->prng, t->lo, t->hi);
  for (int s = 0; s < SAMPLES; s++) {
    extreme_sample(n, t->lo, t->hi, &t->prng, x);
    t->exact[s] = rational_eval(t->net, x, &t->prng);
    t->inside[s] = true;
  }
  mem_free(x);
  if (!add_rows(t, tally->shifted ? 0.25 : 0)) return false;
  blas_init();
  t->L = lagrangian_new(&t->view, 4);
  t->bounds = bounds_new(&t->view, 1);
  bounds_set_box(t->bounds, 0, t->lo, t->hi);
  ibp_all(t->bounds, lagrangian_linop(t->L));
  t->rows = rows_new(&t->view, SIZE_MAX);
  t->contract = contract_new(t->rows);
  if (prng_below(&t->prng, 2)) contract_scale(t->contract, t->bounds);
  return true;
}

static void trial_free(Trial *t)
{
  for (int s = 0; s < SAMPLES; s++)
    rational_free(&t->exact[s]);
  contract_free(t->contract);
  rows_free(t->rows);
  bounds_free(t->bounds);
  lagrangian_free(t->L);
  if (t->view.nodes != t->net->nodes) mem_free(t->view.nodes);
  mem_free(t->W);
  mem_free(t->lo);
  mem_free(t->hi);
  net_free(t->net);
}

/* Some signs of the first point. */
static void assume(Trial *t)
{
  for (int j = 0; j < t->net->n_nodes; j++)
    for (int i = 0; t->bounds->pre[j] >= 0 && i < t->net->nodes[j].size; i++) {
      if (prng_below(&t->prng, 4)) continue;
      const bool positive = mpq_sgn(t->exact[0].value[j][i]) > 0;
      bounds_split(t->bounds, j, 0, i, positive);
      for (int s = 0; s < SAMPLES; s++) {
        const int sign = mpq_sgn(t->exact[s].value[j][i]);
        if (positive ? sign < 0 : sign > 0) t->inside[s] = false;
      }
    }
}

/* Every value of the point is in its interval. */
static bool is_within(const Trial *t, int s)
{
  for (int k = 0; k < t->net->n_nodes; k++)
    for (int i = 0; i < t->net->nodes[k].size; i++)
      if (rational_compare(t->exact[s].value[k][i], t->bounds->lo[k][i]) < 0 ||
          rational_compare(t->exact[s].value[k][i], t->bounds->hi[k][i]) > 0)
        return false;
  return !t->bounds->empty[0];
}

static void check_points(const Trial *t, bool has_moved, const char *what)
{
  Tally *tally = t->tally;
  for (int s = 0; s < SAMPLES && has_moved; s++) {
    const bool within = is_within(t, s);
    if (!is_violator(t, s)) {
      tally->others += !within;
      continue;
    }
    tally->violators++;
    if (!within && tally->wrong++ == 0)
      snprintf(tally->first, sizeof tally->first, "%s, seed %d, point %d", what,
               tally->seed, s);
  }
}

/* Signs that leave nothing are not those of a violator; kept ones are a branch. */
static void probe(Trial *t)
{
  for (int k = 0; k < t->net->n_nodes && !t->bounds->empty[0]; k++)
    for (int i = 0; t->net->nodes[k].kind == NODE_ACT && i < t->net->nodes[k].size;
         i++) {
      const int j = t->net->nodes[k].in[0], positive = prng_below(&t->prng, 2);
      if (t->bounds->empty[0] || !bounds_unstable(t->bounds, j, 0, i)) continue;
      const bool empty = contract_probe(t->contract, k, i, positive).empty;
      t->tally->empty += empty;
      for (int s = 0; s < SAMPLES; s++) {
        const int sign = mpq_sgn(t->exact[s].value[j][i]);
        const bool fits = positive ? sign >= 0 : sign <= 0;
        if (empty && fits && is_violator(t, s)) t->tally->wrong++;
        if (!empty && !fits) t->inside[s] = false;
      }
      contract_force(t->contract, t->bounds, 0, k, i, empty ? !positive : positive);
      check_points(t, true, "probe");
    }
}

/* Any multipliers and weights will do. */
static bool narrow_inputs(Trial *t)
{
  const int last = t->view.n_nodes - 1, n = net_in_size(t->net);
  double c[MOST_ROWS], g, *q0 = mem_doubles((size_t)n);
  double **alpha = lagrangian_new_multipliers(&t->view, 1);
  for (int r = 0; r < t->n_rows; r++)
    c[r] = prng_below(&t->prng, 4) ? prng_range(&t->prng, 0, 2) : 0;
  for (int k = 0; k <= last; k++)
    for (int i = 0; alpha[k] && i < t->view.nodes[k].size; i++)
      alpha[k][i] = prng_range(&t->prng, 0, 1);
  const LagrangianBatch batch = {
      .start = last, .n_rows = 1, .c = c, .alpha = alpha, .q0 = q0};
  lagrangian_bound(t->L, t->bounds, &batch, &g);
  const bool moved = contract_inputs(t->bounds, 0, g, t->n_rows, c, q0) > 0;
  lagrangian_free_multipliers(&t->view, alpha);
  mem_free(q0);
  return moved;
}

static void run(ExtremeMode mode, int seed, Tally *tally)
{
  Trial t;
  tally->seed = seed;
  if (trial_new(&t, mode, tally)) {
    if (prng_below(&t.prng, 2)) assume(&t);
    for (int i = 0; i < BATCHES; i++) {
      if (prng_below(&t.prng, 2))
        check_points(&t, narrow_inputs(&t), "inputs");
      else
        check_points(&t, contract_run(t.contract, t.bounds, 0, 0, t.n_rows), "run");
    }
    if (!t.bounds->empty[0]) {
      contract_run(t.contract, t.bounds, 0, 0, t.n_rows);
      if (!t.bounds->empty[0]) probe(&t);
    }
  }
  trial_free(&t);
}

static void many(ExtremeMode mode, int nets, long violators, long others)
{
  Tally tally = {0};
  for (int seed = 0; seed < nets; seed++)
    run(mode, seed, &tally);
  cr_assert_eq(tally.wrong, 0, "%ld of %ld left out, first: %s", tally.wrong,
               tally.violators, tally.first);
  cr_assert(tally.violators > violators && tally.others > others,
            "%ld violators, %ld others", tally.violators, tally.others);
}

Test(contract, no_violator_is_lost_with_ordinary_numbers, .timeout = 120)
{
  many(EXTREME_ORDINARY, 3000, 10000, 10000);
}

Test(contract, no_violator_is_lost_with_trillions_and_trillionths, .timeout = 120)
{
  many(EXTREME_TRILLION, 3000, 1000, 1000);
}

Test(contract, no_violator_is_lost_where_three_factors_overflow, .timeout = 120)
{
  many(EXTREME_SQUARES, 2000, 100, 100);
}

Test(contract, no_violator_is_lost_where_two_factors_overflow, .timeout = 120)
{
  many(EXTREME_OVERFLOW, 2000, 100, 100);
}

Test(contract, no_violator_is_lost_with_denormal_numbers, .timeout = 120)
{
  many(EXTREME_DENORMAL, 2000, 100, 100);
}

Test(contract, no_violator_is_lost_where_numbers_cancel, .timeout = 120)
{
  many(EXTREME_CANCELLATION, 3000, 1000, 1000);
}

Test(contract, no_violator_is_lost_where_huge_meets_tiny, .timeout = 120)
{
  many(EXTREME_CROSSED, 2000, 100, 100);
}

/* The checks above see it when points count that are just not violators. */
Test(contract, a_point_that_is_no_violator_is_lost, .timeout = 120)
{
  Tally tally = {.shifted = true};
  for (int seed = 0; seed < 500; seed++)
    run(EXTREME_ORDINARY, seed, &tally);
  cr_assert(tally.wrong > 500, "%ld", tally.wrong);
}

/* ---- against enumeration ------------------------------------------------------------
 */

/* A single output with a known minimum, as a row y - d <= 0. */
static bool is_emptied(Net *net, const double *lo, const double *hi, double d)
{
  Net view = *net;
  const double W = 1, b = -d;
  const int in = net->n_nodes - 1;
  const Node row = {.kind = NODE_DENSE,
                    .size = 1,
                    .n_in = 1,
                    .in = &in,
                    .reps = 1,
                    .rows = 1,
                    .cols = 1,
                    .W = &W,
                    .b = &b};
  view.nodes = mem_array((size_t)net->n_nodes + 1, sizeof *view.nodes);
  memcpy(view.nodes, net->nodes, (size_t)net->n_nodes * sizeof row);
  view.nodes[view.n_nodes++] = row;
  Lagrangian *L = lagrangian_new(&view, 16);
  const Team solo = {1, &L};
  Bounds *bounds = bounds_new(&view, 1);
  bounds_set_box(bounds, 0, lo, hi);
  crown_tighten(&solo, bounds, 0, NULL);
  Rows *rows = rows_new(&view, SIZE_MAX);
  Contract *c = contract_new(rows);
  for (int i = 0; i < 10; i++)
    contract_run(c, bounds, 0, 0, 1);
  const bool empty = bounds->empty[0];
  contract_free(c);
  rows_free(rows);
  bounds_free(bounds);
  lagrangian_free(L);
  mem_free(view.nodes);
  return empty;
}

/* What can be violated never becomes empty, and what is far from it does. */
Test(contract, only_cases_that_hold_become_empty, .timeout = 120)
{
  Prng prng = prng_init(71);
  int empty = 0, nets = 1500;
  for (int t = 0; t < nets; t++) {
    const int sizes[4] = {1 + t % 3, 2 + t % 3, 2 + t / 3 % 3, 1};
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    double lo[3], hi[3], one = 1;
    nets_box(sizes[0], 1.5, &prng, lo, hi);
    const double least = nets_piecewise_minimum(net, lo, hi, 1, &one);
    cr_assert_not(is_emptied(net, lo, hi, least + 1e-9), "net %d", t);
    empty += is_emptied(net, lo, hi, least - 0.2);
    net_free(net);
  }
  cr_assert(empty > nets / 2, "%d of %d", empty, nets);
}

/* ---- the equations ------------------------------------------------------------------
 */

/* They give the values that evaluation does, for all kinds of nodes. */
Test(contract, equations_are_those_of_the_network)
{
  Prng prng = prng_init(72);
  long terms = 0;
  for (int t = 0; t < 300; t++) {
    Net *net = t % 3 ? nets_random(t % 3 == 1 ? NETS_CONV : NETS_RESIDUAL, 6, 1, &prng)
                     : extreme_net(EXTREME_ORDINARY, 3 + t % 9, &prng);
    const int n = net_in_size(net);
    double *x = mem_doubles((size_t)n);
    for (int i = 0; i < n; i++)
      x[i] = prng_range(&prng, -1, 1);
    Rational exact = rational_eval(net, x, NULL);
    Rows *rows = rows_new(net, SIZE_MAX);
    terms += (long)rows->start[rows->n_vars];
    mpq_t sum, a, w;
    mpq_inits(sum, a, w, NULL);
    for (int v = n; v < rows->n_vars; v++) {
      const int k = rows->node[v], i = v - rows->base[k];
      if (rows->pre[v] >= 0) {
        cr_assert_eq(rows->pre[v], rows->base[net->nodes[k].in[0]] + i);
        continue;
      }
      mpq_set_d(sum, rows->bias[v]);
      for (size_t s = rows->start[v]; s < rows->start[v + 1]; s++) {
        const int u = rows->col[s], j = rows->node[u];
        mpq_set_d(w, rows->w[s]);
        mpq_mul(a, w, exact.value[j][u - rows->base[j]]);
        mpq_add(sum, sum, a);
      }
      cr_assert(mpq_equal(sum, exact.value[k][i]), "net %d, node %d, element %d", t, k,
                i);
    }
    mpq_clears(sum, a, w, NULL);
    rational_free(&exact);
    cr_assert_null(rows_new(net, rows->start[rows->n_vars] - 1));
    rows_free(rows);
    mem_free(x);
    net_free(net);
  }
  cr_assert(terms > 10000);
}

Test(contract, a_second_run_allocates_nothing)
{
  Prng prng = prng_init(73);
  Net *net = nets_random(NETS_DENSE, 12, 1, &prng);
  const int n = net_in_size(net);
  double *lo = mem_doubles((size_t)n), *hi = mem_doubles((size_t)n);
  nets_box(n, 1, &prng, lo, hi);
  Linop *op = linop_new(net);
  Bounds *root = bounds_new(net, 1), *b = bounds_new(net, 1);
  bounds_set_box(root, 0, lo, hi);
  ibp_all(root, op);
  Rows *rows = rows_new(net, SIZE_MAX);
  Contract *c = contract_new(rows);
  bounds_copy_box(b, 0, root, 0);
  contract_run(c, b, 0, 0, 1);
  const size_t before = mem_n_allocs();
  bounds_copy_box(b, 0, root, 0);
  contract_run(c, b, 0, 0, 1);
  cr_assert_eq(mem_n_allocs(), before);
  contract_free(c);
  rows_free(rows);
  bounds_free(b);
  bounds_free(root);
  linop_free(op);
  mem_free(lo);
  mem_free(hi);
  net_free(net);
}
