/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Branch and bound on the signs of ReLUs, against enumeration of the linear pieces of
 * tiny networks; and searches that are cut short at any moment. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "bounds/blas.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/packed.h"
#include "bounds/refine.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "solver/attack.h"
#include "solver/bab.h"
#include "specs/query.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"

enum { MOST_INPUTS = 6, MOST_CASES = 3, MOST_ROWS = 2, MOST_OUTPUTS = 2 };

/* Of a bound against the oracle. */
#define SLACK 1e-9

/* ---- problems with known answers --------------------------------------------------
 */

typedef struct {
  Net *net;
  int n;
  double lo[MOST_INPUTS], hi[MOST_INPUTS];
  Prop *prop;
  int n_cases;
  double margin[MOST_CASES]; /* the true one of every case */
  bool is_true;              /* all margins are above 0 */
} Problem;

/* min over the box of the largest of the case's rows y_j - rhs_j. */
static double true_margin(const Net *net, const double *lo, const double *hi,
                          int n_rows, const int *var, const double *rhs)
{
  const int m = net_out_size(net);
  Net view = *net;
  /* The rows as one more layer, so that their constants count. */
  double W[MOST_ROWS * MOST_OUTPUTS] = {0}, b[MOST_ROWS],
                       c[MOST_ROWS * MOST_ROWS] = {0};
  for (int r = 0; r < n_rows; r++) {
    W[r * m + var[r]] = 1;
    b[r] = -rhs[r];
    c[r * n_rows + r] = 1;
  }
  const int in = net->n_nodes - 1;
  const Node rows = {.kind = NODE_DENSE,
                     .size = n_rows,
                     .n_in = 1,
                     .in = &in,
                     .reps = 1,
                     .rows = n_rows,
                     .cols = m,
                     .W = W,
                     .b = b};
  view.nodes = mem_array((size_t)net->n_nodes + 1, sizeof *view.nodes);
  memcpy(view.nodes, net->nodes, (size_t)net->n_nodes * sizeof *view.nodes);
  view.nodes[view.n_nodes++] = rows;
  const double least = nets_piecewise_minimum(&view, lo, hi, n_rows, c);
  mem_free(view.nodes);
  return least;
}

/* Hidden layers of 2 to 5 neurons; the first case has a margin of `gap`, the others of
 * a few times as much above 0.  It is not 0: nobody could decide that. */
static Problem problem_new(int n_inputs, int n_hidden, int n_outputs, int n_cases,
                           double gap, Prng *prng)
{
  Problem p = {.n = n_inputs, .n_cases = n_cases, .is_true = true};
  int sizes[5] = {n_inputs};
  for (int l = 1; l <= n_hidden; l++)
    sizes[l] = 2 + prng_below(prng, 4);
  sizes[n_hidden + 1] = n_outputs;
  p.net = nets_dense(sizes, n_hidden + 2, 1.5, prng);
  nets_box(n_inputs, 1.5, prng, p.lo, p.hi);
  int first[MOST_CASES + 1] = {0}, var[MOST_CASES * MOST_ROWS];
  double rhs[MOST_CASES * MOST_ROWS];
  for (int k = 0; k < n_cases; k++) {
    /* Both outputs in one case, or one of them. */
    const bool both = n_outputs == 2 && prng_below(prng, 3);
    const int one = prng_below(prng, n_outputs), rows = both ? 2 : 1;
    int *v = var + first[k];
    double *d = rhs + first[k];
    for (int r = 0; r < rows; r++) {
      v[r] = both ? r : one;
      d[r] = prng_range(prng, -0.5, 0.5);
    }
    const double least = true_margin(p.net, p.lo, p.hi, rows, v, d);
    const double wanted = k ? fabs(gap) * prng_range(prng, 1, 3) : gap;
    for (int r = 0; r < rows; r++)
      d[r] += least - wanted;
    p.margin[k] = wanted;
    p.is_true = p.is_true && p.margin[k] > 0;
    first[k + 1] = first[k] + rows;
  }
  p.prop = props_below(p.net, p.lo, p.hi, n_cases, first, var, rhs);
  return p;
}

static void problem_free(Problem *p)
{
  prop_free(p->prop);
  net_free(p->net);
}

/* ---- searches ---------------------------------------------------------------------
 */

typedef struct {
  int threads;
  int slope_iterations; /* on the root's intervals; -1: interval propagation alone */
  int leaves;           /* of the root's trees; 0: none */
  bool attack;
  uint64_t seed;
  BabParams bab; /* without the random numbers */
} Plan;

typedef struct {
  Verdict verdict;
  BabStats stats;
  double lower[MOST_CASES];
} Outcome;

static Plan plan_of(int retighten, int batch)
{
  blas_init();
  return (Plan){.threads = 1,
                .attack = true,
                .bab = {.max_nodes = LONG_MAX,
                        .batch = batch,
                        .iterations = 20,
                        .retighten = retighten,
                        .look_ahead = 4,
                        .lp_neurons = 100,
                        .probe_steps = 1,
                        .attack_restarts = 1,
                        .attack_steps = 5,
                        .memory_bytes = (size_t)1 << 24}};
}

static Outcome search(const Problem *p, const Plan *plan, const Stop *stop)
{
  Result r;
  Query query;
  result_init(&r, p->prop);
  query_build(p->net, p->prop, 0, &query);
  Team *team = team_new(query.net, plan->threads, 64);
  Bounds *root = bounds_new(query.net, 1);
  bounds_set_box(root, 0, p->lo, p->hi);
  ibp_all(root, lagrangian_linop(team->member[0]));
  Packed *packed = packed_new(root);
  Hints *hints = NULL;
  if (plan->slope_iterations >= 0) {
    hints = packed_hints_new(packed, (size_t)1 << 24);
    Crown *crown = crown_new(team);
    const CrownParams params = {
        .first = 1, .slope_iterations = plan->slope_iterations, .learn = hints};
    crown_run(crown, root, &params);
    crown_free(crown);
  }
  if (plan->leaves) {
    const RefineParams params = {
        .leaves = plan->leaves, .iterations = 5, .hints = hints};
    refine_run(team, root, &params);
  }
  Prng prng = prng_init(plan->seed);
  BabParams params = plan->bab;
  params.prng = &prng;
  Attack *attack = plan->attack ? attack_new(p->net, p->prop, &query, &r) : NULL;
  Outcome out = {.stats = bab_search(team, &query, root, packed, hints, &params, attack,
                                     stop, &r)};
  out.verdict = r.verdict;
  for (int k = 0; k < p->n_cases; k++)
    out.lower[k] = r.cases[k].lower;
  attack_free(attack);
  packed_hints_free(hints);
  packed_free(packed);
  bounds_free(root);
  team_free(team);
  query_reset(&query);
  result_reset(&r);
  return out;
}

/* Nothing that was said is wrong. */
static void check(const Problem *p, const Outcome *out, int t)
{
  for (int k = 0; k < p->n_cases; k++)
    cr_assert(out->lower[k] <= p->margin[k] + SLACK, "net %d, case %d: %.12g > %.12g",
              t, k, out->lower[k], p->margin[k]);
  cr_assert(p->is_true || out->verdict != RESULT_VERIFIED, "net %d: wrong proof", t);
  cr_assert(!p->is_true || out->verdict != RESULT_FALSIFIED, "net %d: wrong witness",
            t);
}

/* ---- the oracle ---------------------------------------------------------------------
 */

/* Cutting the box agrees with a linear program for every pattern of signs. */
Test(bab, the_oracles_agree)
{
  Prng prng = prng_init(51);
  for (int t = 0; t < 60; t++) {
    const int sizes[4] = {2 + t % 2, 2 + t % 4, 4, 1};
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    double lo[3], hi[3];
    const double one = 1;
    nets_box(sizes[0], 1.5, &prng, lo, hi);
    const double a = nets_piecewise_minimum(net, lo, hi, 1, &one),
                 b = nets_exact_minimum(net, lo, hi, 0);
    cr_assert(fabs(a - b) <= 1e-9 * (1 + fabs(b)), "net %d: %.12g and %.12g", t, a, b);
    net_free(net);
  }
}

/* ---- complete searches ---------------------------------------------------------- */

/* The root's bounds are weak in half of them, so that there is something to search. */
static void decide(int retighten, int leaves, int seed)
{
  enum { NETS = 300 };
  static const int batches[3] = {2, 7, 64};
  static const double gaps[8] = {1e-5, -1e-5, 1e-3, -1e-3, 0.03, -0.03, 0.3, -0.3};
  Prng prng = prng_init((uint64_t)seed);
  int verdicts[3] = {0};
  long nodes = 0, lps = 0, tightened = 0;
  for (int t = 0; t < NETS; t++) {
    Problem p = problem_new(2 + t % 2, 1 + t / 2 % 3, 1 + prng_below(&prng, 2),
                            1 + prng_below(&prng, MOST_CASES), gaps[t / 6 % 8], &prng);
    for (int i = 0; i < 3; i++) {
      Plan plan = plan_of(retighten, batches[i]);
      plan.leaves = leaves;
      plan.slope_iterations = prng_below(&prng, 3) - 1;
      plan.bab.iterations = prng_below(&prng, 3) * 8;
      plan.bab.look_ahead = prng_below(&prng, 3) * 3;
      plan.bab.contract = (t + i) % 3;
      const Outcome out = search(&p, &plan, NULL);
      check(&p, &out, t);
      cr_assert_eq(out.verdict, p.is_true ? RESULT_VERIFIED : RESULT_FALSIFIED,
                   "net %d, batch %d: %s with margins from %.3g", t, batches[i],
                   result_verdict_word(out.verdict), p.margin[0]);
      /* A proof is a binary tree for every case, all of it closed. */
      if (p.is_true)
        cr_assert_eq(2 * out.stats.leaves, out.stats.nodes + p.n_cases, "net %d", t);
      cr_assert(!p.is_true || !out.stats.stuck);
      verdicts[out.verdict]++;
      nodes += out.stats.nodes;
      lps += out.stats.lps;
      tightened += out.stats.tightened;
    }
    problem_free(&p);
  }
  cr_assert(verdicts[RESULT_VERIFIED] > NETS && verdicts[RESULT_FALSIFIED] > NETS);
  cr_assert(nodes > 1000 && lps > 10, "%ld nodes, %ld linear programs", nodes, lps);
  cr_assert_eq(tightened > 0, retighten);
}

Test(bab, decides_tiny_nets_as_enumeration_does, .timeout = 300)
{
  decide(0, 0, 52);
}

Test(bab, decides_tiny_nets_with_later_layers_bounded_again, .timeout = 300)
{
  decide(1, 0, 53);
}

Test(bab, decides_tiny_nets_from_a_refined_root, .timeout = 300)
{
  decide(0, 8, 54);
}

Test(bab, decides_tiny_nets_from_a_refined_root_bounded_again, .timeout = 300)
{
  decide(1, 8, 55);
}

/* ---- propositional formulas -------------------------------------------------------
 */

enum { MOST_VARIABLES = MOST_INPUTS, MOST_CLAUSES = 40 };

/* literal[c][v]: 1, -1 or 0 where variable v is in clause c, negated, or not. */
typedef struct {
  int n_variables, n_clauses;
  int literal[MOST_CLAUSES][MOST_VARIABLES];
} Formula;

static Formula formula_new(Prng *prng)
{
  Formula f = {.n_variables = 3 + prng_below(prng, MOST_VARIABLES - 2)};
  f.n_clauses = 2 * f.n_variables + prng_below(prng, 4 * f.n_variables);
  if (f.n_clauses > MOST_CLAUSES) f.n_clauses = MOST_CLAUSES;
  for (int c = 0; c < f.n_clauses; c++)
    for (int i = 0; i < 3; i++)
      f.literal[c][prng_below(prng, f.n_variables)] = prng_below(prng, 2) ? 1 : -1;
  return f;
}

static bool is_satisfiable(const Formula *f)
{
  for (int x = 0; x < 1 << f->n_variables; x++) {
    bool all = true;
    for (int c = 0; c < f->n_clauses && all; c++) {
      bool any = false;
      for (int v = 0; v < f->n_variables; v++)
        any = any || f->literal[c][v] == (x >> v & 1 ? 1 : -1);
      all = any;
    }
    if (all) return true;
  }
  return false;
}

/* y0 = how far clauses are violated, y1 = how far variables are from 0 and 1: the
 * formula holds where both are <= 0.  Bounds know nothing about it. */
static Problem formula_problem(const Formula *f)
{
  const int n = f->n_variables, m = f->n_clauses + 2 * n;
  Net *net = net_new("formula");
  double *W = net_keep(net, mem_zero((size_t)(m * n), sizeof *W)),
         *b = net_keep(net, mem_doubles0((size_t)m)),
         *V = net_keep(net, mem_zero((size_t)(2 * m), sizeof *V));
  for (int c = 0; c < f->n_clauses; c++) {
    b[c] = 1;
    V[c] = 1;
    for (int v = 0; v < n; v++) {
      W[c * n + v] = -f->literal[c][v];
      if (f->literal[c][v] < 0) b[c]--;
    }
  }
  for (int v = 0, r = f->n_clauses; v < n; v++, r += 2) {
    W[r * n + v] = V[m + r] = 1;
    W[(r + 1) * n + v] = 2;
    b[r + 1] = V[m + r + 1] = -1;
  }
  const int from[3] = {0, 1, 2};
  net_add(net, &(Node){.kind = NODE_INPUT, .size = n}, NULL, 0);
  net_add(net,
          &(Node){.kind = NODE_DENSE,
                  .size = m,
                  .reps = 1,
                  .rows = m,
                  .cols = n,
                  .W = W,
                  .b = b},
          &from[0], 1);
  net_add(net, &(Node){.kind = NODE_ACT, .size = m, .act = ACT_RELU}, &from[1], 1);
  net_add(
      net,
      &(Node){.kind = NODE_DENSE, .size = 2, .reps = 1, .rows = 2, .cols = m, .W = V},
      &from[2], 1);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  const int first[2] = {0, 2}, var[2] = {0, 1};
  const double rhs[2] = {0, 0};
  Problem p = {.n = n, .net = net, .n_cases = 1};
  for (int v = 0; v < n; v++)
    p.hi[v] = 1;
  p.prop = props_below(net, p.lo, p.hi, 1, first, var, rhs);
  return p;
}

/* Contraction and probing decide what bounds do not. */
Test(bab, formulas_are_decided_as_truth_tables_do, .timeout = 300)
{
  Prng prng = prng_init(63);
  int verdicts[3] = {0}, satisfiable = 0;
  for (int t = 0; t < 400; t++) {
    const Formula f = formula_new(&prng);
    Problem p = formula_problem(&f);
    p.is_true = !is_satisfiable(&f);
    Plan plan = plan_of(t % 2, 2 + t % 9);
    plan.slope_iterations = -1;
    plan.attack = t % 3;
    plan.bab.contract = 2;
    plan.bab.max_nodes = 2000;
    const Outcome out = search(&p, &plan, NULL);
    cr_assert(out.verdict != RESULT_VERIFIED || p.is_true, "formula %d", t);
    cr_assert(out.verdict != RESULT_FALSIFIED || !p.is_true, "formula %d", t);
    cr_assert(out.verdict == RESULT_VERIFIED || !p.is_true, "formula %d is not decided",
              t);
    verdicts[out.verdict]++;
    satisfiable += !p.is_true;
    problem_free(&p);
  }
  cr_assert(verdicts[RESULT_VERIFIED] > 50 && satisfiable > 50, "%d and %d",
            verdicts[RESULT_VERIFIED], satisfiable);
}

/* ---- the same again ---------------------------------------------------------------
 */

static void compare(const Problem *p, const Outcome *a, const Outcome *b, int t)
{
  cr_assert_eq(a->verdict, b->verdict, "net %d", t);
  cr_assert_eq(a->stats.nodes, b->stats.nodes, "net %d", t);
  cr_assert_eq(a->stats.leaves, b->stats.leaves, "net %d", t);
  cr_assert_eq(a->stats.lps, b->stats.lps, "net %d", t);
  cr_assert_eq(a->stats.stuck, b->stats.stuck, "net %d", t);
  cr_assert_eq(a->stats.tightened, b->stats.tightened, "net %d", t);
  cr_assert_eq(a->stats.depth, b->stats.depth, "net %d", t);
  for (int k = 0; k < p->n_cases; k++)
    cr_assert_eq(a->lower[k], b->lower[k], "net %d", t);
}

/* Larger networks, so that a batch has several groups. */
Test(bab, threads_change_neither_the_tree_nor_bounds, .timeout = 300)
{
  Prng prng = prng_init(56);
  long nodes = 0;
  int unfinished = 0;
  for (int t = 0; t < 24; t++) {
    Problem p = {.n = 3, .n_cases = 2};
    const int sizes[4] = {3, 14, 14, 2}, first[3] = {0, 2, 3}, var[3] = {0, 1, 1};
    const double rhs[3] = {prng_range(&prng, -0.5, 0), prng_range(&prng, -0.5, 0),
                           prng_range(&prng, -1, -0.5)};
    p.net = nets_dense(sizes, 4, 1.5, &prng);
    nets_box(3, 1.5, &prng, p.lo, p.hi);
    p.prop = props_below(p.net, p.lo, p.hi, 2, first, var, rhs);
    Plan plan = plan_of(t % 2, 0);
    plan.attack = t % 3;
    plan.leaves = t % 4 == 3 ? 4 : 0;
    plan.slope_iterations = t % 3 - 1;
    plan.seed = 3;
    plan.bab.iterations = 3;
    plan.bab.contract = t / 2 % 3;
    plan.bab.max_nodes = t % 5 ? 50 * (1 + t % 7) : LONG_MAX;
    if (t % 8 == 7) plan.bab.memory_bytes = 0;
    const Outcome one = search(&p, &plan, NULL), same = search(&p, &plan, NULL);
    plan.threads = 2;
    const Outcome two = search(&p, &plan, NULL);
    compare(&p, &one, &same, t);
    compare(&p, &one, &two, t);
    nodes += one.stats.nodes;
    unfinished += one.verdict == RESULT_UNKNOWN;
    problem_free(&p);
  }
  cr_assert(nodes > 1000 && unfinished > 3, "%ld nodes, %d unfinished", nodes,
            unfinished);
}

/* ---- searches that are cut short ------------------------------------------------- */

/* Bounds hold at every point, with no tolerance: the output is an enclosure. */
static void check_samples(const Problem *p, const Outcome *out, Prng *prng, int t)
{
  double x[NETS_MOST_INPUTS], mid[MOST_OUTPUTS], rad[MOST_OUTPUTS];
  for (int s = 0; s < 50; s++) {
    nets_sample(p->n, p->lo, p->hi, prng, x);
    eval_enclose(p->net, x, mid, rad);
    for (int k = 0; k < p->n_cases; k++) {
      double margin = -INFINITY;
      for (int r = 0; r < p->prop->cases[k].n_rows; r++) {
        const PropRow *row = &p->prop->cases[k].rows[r];
        margin =
            fmax(margin, round_up(mid[row->var[0]] + rad[row->var[0]] - row->rhs_lo));
      }
      cr_assert(out->lower[k] <= margin, "net %d, case %d", t, k);
    }
  }
}

/* Far below 0 too: there a bound that forgets a part of the tree is above the truth. */
static Problem hard_problem(int t, Prng *prng)
{
  static const double gaps[4] = {1e-4, -1e-4, 0.02, -0.5};
  return problem_new(2 + t % 2, 2 + t % 2, 1 + prng_below(prng, 2),
                     1 + prng_below(prng, MOST_CASES), gaps[t % 4], prng);
}

/* Without an attack too, so that bounds are all that is left. */
static Plan hasty_plan(int t, Prng *prng)
{
  Plan plan = plan_of(t % 2, 2 + prng_below(prng, 7));
  plan.slope_iterations = -1;
  plan.threads = 1 + prng_below(prng, 2);
  plan.attack = prng_below(prng, 2);
  plan.bab.iterations = prng_below(prng, 4);
  plan.bab.contract = t / 2 % 3;
  return plan;
}

Test(bab, a_limit_on_nodes_never_makes_a_wrong_verdict, .timeout = 300)
{
  Prng prng = prng_init(57);
  int unfinished = 0, bounded = 0;
  for (int t = 0; t < 400; t++) {
    Problem p = hard_problem(t, &prng);
    Plan plan = hasty_plan(t, &prng);
    plan.attack = t % 4 == 0;
    plan.bab.max_nodes = prng_below(&prng, 40);
    if (prng_below(&prng, 4) == 0) plan.bab.memory_bytes = 0;
    const Outcome out = search(&p, &plan, NULL);
    check(&p, &out, t);
    check_samples(&p, &out, &prng, t);
    unfinished += out.verdict == RESULT_UNKNOWN;
    bounded += out.lower[0] > -INFINITY;
    problem_free(&p);
  }
  cr_assert(unfinished > 30 && bounded > 60, "%d unfinished, %d bounded", unfinished,
            bounded);
}

/* A whole run takes from some hundredths of a millisecond to some milliseconds. */
Test(bab, a_deadline_at_any_moment_never_makes_a_wrong_verdict, .timeout = 300)
{
  Prng prng = prng_init(58);
  int unfinished = 0;
  for (int t = 0; t < 200; t++) {
    Problem p = hard_problem(t, &prng);
    const Plan plan = hasty_plan(t, &prng);
    Stop stop;
    stop_init(&stop, pow(10, prng_range(&prng, -6, -2)));
    const Outcome out = search(&p, &plan, &stop);
    check(&p, &out, t);
    check_samples(&p, &out, &prng, t);
    unfinished += out.verdict == RESULT_UNKNOWN;
    problem_free(&p);
  }
  cr_assert(unfinished > 0);
}

typedef struct {
  Stop *stop;
  useconds_t delay;
} Interrupter;

static void *interrupt(void *context)
{
  const Interrupter *me = context;
  usleep(me->delay);
  atomic_store(&me->stop->interrupted, 1);
  return NULL;
}

Test(bab, an_interruption_at_any_moment_never_makes_a_wrong_verdict, .timeout = 300)
{
  Prng prng = prng_init(59);
  for (int t = 0; t < 200; t++) {
    Problem p = hard_problem(t, &prng);
    const Plan plan = hasty_plan(t, &prng);
    Stop stop;
    stop_init(&stop, INFINITY);
    Interrupter other = {&stop, (useconds_t)prng_below(&prng, 2000)};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, interrupt, &other), 0);
    const Outcome out = search(&p, &plan, &stop);
    pthread_join(thread, NULL);
    check(&p, &out, t);
    check_samples(&p, &out, &prng, t);
    problem_free(&p);
  }
}

/* Before the first step nothing is known, and nothing is said. */
Test(bab, a_search_that_may_not_start_says_nothing)
{
  Prng prng = prng_init(60);
  Problem p = problem_new(2, 2, 1, 1, 0.3, &prng);
  Plan plan = plan_of(0, 0);
  plan.slope_iterations = -1;
  Stop stop;
  stop_init(&stop, 0);
  const Outcome out = search(&p, &plan, &stop);
  cr_assert_eq(out.verdict, RESULT_UNKNOWN);
  cr_assert_eq(out.stats.nodes, 0);
  cr_assert_eq(out.lower[0], -INFINITY);
  problem_free(&p);
}

/* ---- odd sizes ---------------------------------------------------------------------
 */

/* A node has two children: a batch of one would never take any. */
Test(bab, a_batch_of_one_searches_too)
{
  Prng prng = prng_init(61);
  for (int t = 0; t < 20; t++) {
    Problem p = problem_new(2, 2, 1, 1, t % 2 ? 1e-3 : -1e-3, &prng);
    Plan plan = plan_of(0, 1);
    plan.slope_iterations = -1;
    plan.bab.iterations = 0;
    const Outcome out = search(&p, &plan, NULL);
    cr_assert_eq(out.verdict, p.is_true ? RESULT_VERIFIED : RESULT_FALSIFIED, "net %d",
                 t);
    problem_free(&p);
  }
}

/* More cases than there is room for: those that found none stay open. */
Test(bab, more_cases_than_memory_are_survived)
{
  enum { CASES = 400 };
  Prng prng = prng_init(62);
  const int sizes[4] = {2, 6, 6, 1};
  Problem p = {.n = 2, .net = nets_dense(sizes, 4, 1.5, &prng), .n_cases = 1};
  int first[CASES + 1], var[CASES] = {0};
  double rhs[CASES];
  const double one = 1;
  nets_box(2, 1.5, &prng, p.lo, p.hi);
  const double least = nets_piecewise_minimum(p.net, p.lo, p.hi, 1, &one);
  for (int k = 0; k < CASES; k++) {
    first[k] = k;
    rhs[k] = least - 1e-3;
  }
  first[CASES] = CASES;
  p.prop = props_below(p.net, p.lo, p.hi, CASES, first, var, rhs);
  Plan plan = plan_of(0, 0);
  plan.slope_iterations = -1;
  plan.bab.memory_bytes = 0;
  plan.bab.iterations = 1;
  const Outcome out = search(&p, &plan, NULL);
  cr_assert_neq(out.verdict, RESULT_FALSIFIED);
  cr_assert(out.lower[0] <= 1e-3 + SLACK);
  problem_free(&p);
}
