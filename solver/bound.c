/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/bound.h"

#include <math.h>

#include "bounds/crown.h"
#include "bounds/dual.h"
#include "bounds/ibp.h"
#include "bounds/lp.h"
#include "bounds/reduce.h"
#include "bounds/slopes.h"
#include "net/base/clock.h"
#include "net/base/mem.h"
#include "specs/query.h"

#define BATCH_BYTES    ((size_t)384 << 20)
#define BATCH_ROWS     512
#define DEFAULT_SLOPES 100
#define DEFAULT_DUAL   300
#define DEFAULT_JOINT  100
#define LP_COLUMNS     20000
/* See shrink. */
#define WORTH 0.7

/* One query of the property. */
typedef struct {
  const Query *query;
  const Net *net; /* query->net, or what is left of it on the box */
  Net *smaller;   /* that, owned, or NULL */
  const BoundRequest *request;
  const Stop *stop;
  Team *team;
  Lagrangian *L; /* team->member[0] */
  Bounds *b;
  double *lower;    /* double lower[n_cases] */
  long *iterations; /* long iterations[n_cases] */
  double start;
  double *seconds; /* double seconds[n_cases]: from the start of the query */
} Work;

static int iterations(const Work *w, int dflt)
{
  return w->request->iterations ? w->request->iterations : dflt;
}

static void make_team(Work *w)
{
  team_free(w->team);
  w->team = team_new(w->net, w->request->threads,
                     lagrangian_rows_that_fit(w->net, BATCH_BYTES, true, BATCH_ROWS));
  w->L = w->team->member[0];
}

/* Multiplications and moves of one pass, about. */
static double pass_cost(const Net *net)
{
  double sum = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    double terms = 1;
    if (v->kind == NODE_DENSE) terms += (double)v->cols;
    if (v->kind == NODE_CONV)
      terms += (double)(v->conv.c_in / v->conv.groups) * v->conv.kh * v->conv.kw;
    sum += terms * v->size;
  }
  return sum;
}

/* Go on with the network without what is 0 on the box, if iterations cost less there.
 * Convolutions that stay work on vectors with the zeros put back, which gains nothing.
 */
static void shrink(Work *w)
{
  Bounds *inside;
  Net *net = reduce_net(w->b, &inside, NULL);
  if (!net) return;
  if (pass_cost(net) > WORTH * pass_cost(w->net)) {
    bounds_free(inside);
    net_free(net);
    return;
  }
  bounds_free(w->b);
  w->b = inside;
  w->net = w->smaller = net;
  make_team(w);
}

static void intermediate_bounds(Work *w)
{
  ibp_all(w->b, lagrangian_linop(w->L));
  if (w->request->method == BOUND_IBP) return;
  crown_tighten(w->team, w->b, 0, w->stop);
  if (w->request->method != BOUND_CROWN && !stop_why(w->stop)) shrink(w);
  if (w->request->joint)
    crown_tighten(w->team, w->b, iterations(w, DEFAULT_JOINT), w->stop);
}

static void rows_alone(Work *w, const int *cases)
{
  crown_bound_cases(w->L, w->b,
                    w->request->method == BOUND_IBP ? CROWN_INTERVALS : CROWN_BACKWARD,
                    w->query->n_cases, cases, w->query->row, w->stop, w->lower, NULL);
}

/* Slopes or full dual of all cases, in batches. */
static void optimise(Work *w, const int *cases)
{
  const int block = lagrangian_max_rows(w->L), n_cases = w->query->n_cases;
  for (int from = 0; from < n_cases && !stop_why(w->stop); from += block) {
    const int n = n_cases - from < block ? n_cases - from : block;
    Objective o = objective_cases(w->net, n, cases + from, w->query->row);
    long made;
    if (w->request->method == BOUND_SLOPES) {
      made = slopes_optimise(w->L, w->b, &o, iterations(w, DEFAULT_SLOPES), INFINITY,
                             w->stop, w->lower + from, NULL);
    } else {
      const DualParams params = {.iterations = iterations(w, DEFAULT_DUAL),
                                 .rule = w->request->decay ? ASCENT_DECAY : ASCENT_ADAM,
                                 .free_lambda = w->request->free_lambda,
                                 .target = INFINITY};
      made = dual_optimise(w->L, w->b, &o, &params, NULL, w->stop, w->lower + from);
    }
    objective_free(&o);
    for (int i = from; i < from + n; i++) {
      w->iterations[i] = made;
      w->seconds[i] = clock_now() - w->start;
    }
  }
}

static Status linear_programs(Work *w, const char *path, Err *err)
{
  for (int k = 0; k < w->query->n_cases && !stop_why(w->stop); k++) {
    Objective o = objective_cases(w->net, 1, &k, w->query->row);
    LpResult lp;
    const bool ok =
        lp_bound(w->L, w->b, &o, LP_COLUMNS, NULL, w->stop, &lp, NULL, NULL);
    objective_free(&o);
    if (!ok && !stop_why(w->stop))
      return status_fail(err, STATUS_UNSUPPORTED,
                         "%s: the linear program needs ReLU networks with at most %d "
                         "uncertain inputs and unstable neurons",
                         path, LP_COLUMNS);
    if (lp.lower > w->lower[k]) w->lower[k] = lp.lower;
    w->iterations[k] = lp.pivots;
    w->seconds[k] = clock_now() - w->start;
  }
  return STATUS_OK;
}

static Status bound_query(Work *w, const char *path, Err *err)
{
  int *cases = mem_array((size_t)w->query->n_cases, sizeof *cases);
  for (int k = 0; k < w->query->n_cases; k++)
    cases[k] = k;
  Status rc = STATUS_OK;
  intermediate_bounds(w);
  rows_alone(w, cases);
  for (int k = 0; k < w->query->n_cases; k++)
    w->seconds[k] = clock_now() - w->start;
  if (w->request->method == BOUND_SLOPES || w->request->method == BOUND_DUAL)
    optimise(w, cases);
  if (w->request->method == BOUND_LP) rc = linear_programs(w, path, err);
  mem_free(cases);
  return rc;
}

static Status build(const Net *net, const Prop *prop, int q, bool float32, Query *query,
                    Err *err)
{
  const char *where;
  if (!float32)
    query_build(net, prop, q, query);
  else if (!query_build_float32(net, prop, q, query, &where))
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: float32 may overflow in node '%s': there is no bound",
                       net->path, where);
  return STATUS_OK;
}

Status bound_compute(const Net *net, const Prop *prop, const BoundRequest *request,
                     const Stop *stop, BoundRow *rows, Err *err)
{
  Status rc = STATUS_OK;
  for (int q = 0; q < query_count(prop) && !rc && !stop_why(stop); q++) {
    Query query, relus = {0};
    if ((rc = build(net, prop, q, request->float32, &query, err))) break;
    /* The linear program has no maxima. */
    const bool is_other = request->method == BOUND_LP && query_relus(&query, &relus);
    Work w = {.query = is_other ? &relus : &query,
              .request = request,
              .stop = stop,
              .start = clock_now()};
    w.net = w.query->net;
    make_team(&w);
    w.b = bounds_new(w.net, 1);
    bounds_set_box(w.b, 0, query.box->lo, query.box->hi);
    w.lower = mem_doubles((size_t)query.n_cases);
    w.seconds = mem_doubles0((size_t)query.n_cases);
    w.iterations = mem_zero((size_t)query.n_cases, sizeof *w.iterations);
    for (int k = 0; k < query.n_cases; k++)
      w.lower[k] = -INFINITY;
    rc = bound_query(&w, net->path, err);
    for (int k = 0; k < query.n_cases; k++)
      rows[query.first_case + k] =
          (BoundRow){w.lower[k], w.seconds[k], w.iterations[k]};
    mem_free(w.lower);
    mem_free(w.seconds);
    mem_free(w.iterations);
    bounds_free(w.b);
    team_free(w.team);
    net_free(w.smaller);
    query_reset(&relus);
    query_reset(&query);
  }
  return rc;
}
