/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/attack.h"

#include <math.h>
#include <string.h>

#include "bounds/linop.h"
#include "bounds/support.h"
#include "net/base/mem.h"

/* Step lengths in half-widths of the box, first and last. */
#define RATE_FIRST 0.5
#define RATE_LAST  0.01
#define MAX_ROWS   256
#define MAX_BYTES  ((size_t)128 << 20)
/* Replays of one descent's end points that fail; a margin of rounding size fails
 * them all. */
#define MAX_REPLAYS 8
/* What a borderline witness is worth: so many descents of so many steps, the first step
 * in half-widths of the box. */
#define DEEPEN_ROUNDS 4
#define DEEPEN_STEPS  10
#define DEEPEN_REACH  0.1

struct Attack {
  const Net *net;
  const Prop *prop;
  const Query *query;
  Result *result;
  Linop *op;
  int max_rows;
  long n_restarts;
  double **x, **q; /* [n_nodes]: [max_rows][size] values and derivatives */
  bool *fresh;
  int *cases;     /* int cases[max_rows], from query->first_case */
  double *margin; /* double margin[max_rows] */
  double *best;   /* double best[max_rows]: smallest margin of the descent */
  double *best_x; /* double best_x[max_rows][inputs] */
  double *room;   /* double room[3][inputs], where there is a ball */
};

Attack *attack_new(const Net *net, const Prop *prop, const Query *query, Result *result)
{
  const Net *view = query->net;
  const size_t n = (size_t)view->n_nodes;
  Attack *a = mem_zero(1, sizeof *a);
  *a = (Attack){.net = net, .prop = prop, .query = query, .result = result};
  a->op = linop_new(view);
  size_t total = 0;
  for (size_t k = 0; k < n; k++)
    total += (size_t)view->nodes[k].size;
  const size_t fit = MAX_BYTES / (2 * total * sizeof(double));
  a->max_rows = fit < 1 ? 1 : fit > MAX_ROWS ? MAX_ROWS : (int)fit;
  const size_t rows = (size_t)a->max_rows;
  a->x = mem_zero(n, sizeof *a->x);
  a->q = mem_zero(n, sizeof *a->q);
  for (size_t k = 0; k < n; k++) {
    a->x[k] = mem_doubles(rows * (size_t)view->nodes[k].size);
    a->q[k] = mem_doubles(rows * (size_t)view->nodes[k].size);
  }
  a->fresh = mem_zero(n, sizeof *a->fresh);
  a->cases = mem_array(rows, sizeof *a->cases);
  a->margin = mem_doubles(rows);
  a->best = mem_doubles(rows);
  a->best_x = mem_doubles(rows * (size_t)net_in_size(view));
  if (query->box->ball) a->room = mem_doubles(3 * (size_t)net_in_size(view));
  return a;
}

void attack_free(Attack *a)
{
  if (!a) return;
  for (int k = 0; k < a->query->net->n_nodes; k++) {
    mem_free(a->x[k]);
    mem_free(a->q[k]);
  }
  mem_free(a->x);
  mem_free(a->q);
  mem_free(a->fresh);
  mem_free(a->cases);
  mem_free(a->margin);
  mem_free(a->best);
  mem_free(a->best_x);
  mem_free(a->room);
  linop_free(a->op);
  mem_free(a);
}

long attack_n_restarts(const Attack *a)
{
  return a->n_restarts;
}

/* ---- one step ---------------------------------------------------------- */

static void forward(Attack *a, int n_rows)
{
  const Net *net = a->query->net;
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    if (net_is_linear(v)) {
      linop_forward(a->op, k, n_rows, a->x, a->x[k]);
      continue;
    }
    const size_t n = (size_t)n_rows * (size_t)v->size;
    const double *z = a->x[v->in[0]];
    if (v->kind == NODE_ACT) act_values(v->act, n, z, a->x[k]);
    const double *w = a->x[v->in[v->n_in - 1]];
    for (size_t i = 0; i < n && v->kind == NODE_MUL; i++)
      a->x[k][i] = z[i] * w[i];
    for (size_t i = 0; i < n && v->kind == NODE_MAX; i++)
      a->x[k][i] = z[i] > w[i] ? z[i] : w[i];
  }
}

/* The margins, and the derivative of each at the last node: its largest row. */
static void margins(Attack *a, int n_rows)
{
  const Net *net = a->query->net;
  const int last = net->n_nodes - 1;
  const size_t n = (size_t)net->nodes[last].size;
  memset(a->q[last], 0, (size_t)n_rows * n * sizeof(double));
  for (int r = 0; r < n_rows; r++) {
    const double *m = a->x[last] + (size_t)r * n;
    const int *row = a->query->row + a->cases[r];
    int most = row[0];
    for (int j = row[0]; j < row[1]; j++)
      if (m[j] > m[most]) most = j;
    a->margin[r] = m[most];
    a->q[last][(size_t)r * n + (size_t)most] = 1;
  }
}

/* q of node j += d q of node k, element by element. */
static void pull_back(Attack *a, int k, int j, size_t n, const double *d)
{
  for (size_t i = 0; i < n; i++) {
    const double at = d[i] * a->q[k][i];
    a->q[j][i] = a->fresh[j] ? at : a->q[j][i] + at;
  }
  a->fresh[j] = false;
}

/* The larger input of a maximum gets all, and none the other. */
static void pull_larger(Attack *a, int k, int j, int other, size_t n, bool ties)
{
  const double *x = a->x[j], *y = a->x[other];
  for (size_t i = 0; i < n; i++) {
    const double at = x[i] > y[i] || (ties && x[i] == y[i]) ? a->q[k][i] : 0;
    a->q[j][i] = a->fresh[j] ? at : a->q[j][i] + at;
  }
  a->fresh[j] = false;
}

static void backward(Attack *a, int n_rows)
{
  const Net *net = a->query->net;
  for (int k = 0; k < net->n_nodes; k++)
    a->fresh[k] = true;
  a->fresh[net->n_nodes - 1] = false;
  for (int k = net->n_nodes - 1; k > 0; k--) {
    const Node *v = &net->nodes[k];
    if (a->fresh[k]) continue;
    if (net_is_linear(v)) {
      linop_adjoint(a->op, k, n_rows, a->q[k], a->q, a->fresh);
      continue;
    }
    const int j = v->in[0];
    const size_t n = (size_t)n_rows * (size_t)v->size;
    if (v->kind == NODE_MUL) {
      pull_back(a, k, j, n, a->x[v->in[1]]);
      pull_back(a, k, v->in[1], n, a->x[j]);
      continue;
    }
    if (v->kind == NODE_MAX) {
      pull_larger(a, k, j, v->in[1], n, true);
      pull_larger(a, k, v->in[1], j, n, false);
      continue;
    }
    act_scale_by_slopes(v->act, n, a->x[j], a->q[k]);
    for (size_t i = 0; i < n; i++)
      a->q[j][i] = a->fresh[j] ? a->q[k][i] : a->q[j][i] + a->q[k][i];
    a->fresh[j] = false;
  }
}

static double clip(double x, double lo, double hi)
{
  return x < lo ? lo : x > hi ? hi : x;
}

/* Towards the point of the set where the margin would be least if it were linear
 * (Frank and Wolfe 1956), l0: the inputs for which g_i moves least are given back. */
static void descend_in_ball(Attack *a, double rate, const double *g, double *x)
{
  const Box *box = a->query->box;
  const double share = fmin(2 * rate, 1);
  double *at = a->room, ignored[3] = {0};
  support_term(box->ball, g, box->lo, box->hi, a->room + box->n, at, &ignored[0],
               &ignored[1], &ignored[2]);
  if (box->ball->norm == BALL_L0 && share < 0.5) {
    for (int i = 0; i < box->n; i++) {
      const double step = g[i] == 0 || x[i] == box->ball->c[i]
                              ? 0
                              : share * (box->hi[i] / 2 - box->lo[i] / 2);
      x[i] = clip(x[i] - (g[i] > 0 ? step : -step), box->lo[i], box->hi[i]);
    }
    return;
  }
  const double part = box->ball->norm == BALL_L0 ? 1 : share;
  for (int i = 0; i < box->n; i++)
    x[i] =
        part < 1 ? clip(x[i] + part * (at[i] - x[i]), box->lo[i], box->hi[i]) : at[i];
}

static void descend(Attack *a, int n_rows, double rate)
{
  const Box *box = a->query->box;
  for (int r = 0; r < n_rows; r++) {
    double *x = a->x[0] + (size_t)r * (size_t)box->n;
    const double *g = a->q[0] + (size_t)r * (size_t)box->n;
    if (box->ball) {
      descend_in_ball(a, rate, g, x);
      continue;
    }
    for (int i = 0; i < box->n; i++) {
      const double step = rate * (box->hi[i] / 2 - box->lo[i] / 2);
      const double sign = g[i] > 0 ? 1 : g[i] < 0 ? -1 : 0;
      x[i] = clip(x[i] - sign * step, box->lo[i], box->hi[i]);
    }
  }
}

static void keep_best(Attack *a, int n_rows)
{
  const size_t n = (size_t)net_in_size(a->query->net);
  for (int r = 0; r < n_rows; r++) {
    if (!(a->margin[r] < a->best[r])) continue;
    a->best[r] = a->margin[r];
    memcpy(a->best_x + (size_t)r * n, a->x[0] + (size_t)r * n, n * sizeof(double));
  }
}

static bool any_candidate(const Attack *a, int n_rows)
{
  for (int r = 0; r < n_rows; r++)
    if (a->best[r] <= 0) return true;
  return false;
}

/* Step from the points in x[0] and keep the best.  With patience >= 0 the descent ends
 * so many steps after the first candidate. */
static void walk(Attack *a, int n_rows, int steps, double reach, int patience,
                 const Stop *stop)
{
  const double last = RATE_LAST / RATE_FIRST * reach;
  const double ratio = steps > 1 ? pow(last / reach, 1.0 / (steps - 1)) : 1;
  double rate = reach;
  int left = -1;
  for (int r = 0; r < n_rows; r++)
    a->best[r] = INFINITY;
  for (int t = 0; t <= steps; t++, rate *= ratio) {
    forward(a, n_rows);
    margins(a, n_rows);
    keep_best(a, n_rows);
    if (left < 0 && patience >= 0 && any_candidate(a, n_rows)) left = patience;
    if (t == steps || left == 0 || stop_why(stop)) break;
    if (left > 0) left--;
    backward(a, n_rows);
    descend(a, n_rows, rate);
  }
}

/* The witness of row r is borderline: go on from there, a little, for a robust one. */
static void deepen(Attack *a, int r, const Stop *stop)
{
  const size_t n = (size_t)net_in_size(a->query->net);
  double *x = mem_doubles(n), reach = DEEPEN_REACH;
  memcpy(x, a->best_x + (size_t)r * n, n * sizeof *x);
  a->cases[0] = a->cases[r];
  for (int round = 0; round < DEEPEN_ROUNDS && !stop_why(stop); round++, reach /= 4) {
    memcpy(a->x[0], x, n * sizeof *x);
    walk(a, 1, DEEPEN_STEPS, reach, -1, stop);
    if (!(a->best[0] <= 0)) continue;
    result_saw(a->result, a->query->first_case + a->cases[0], a->best[0]);
    memcpy(x, a->best_x, n * sizeof *x);
    witness_snap(a->net, a->query->box, x);
    if (result_try_witness(a->result, a->net, a->prop, x) &&
        result_witness_kind(a->result) == WITNESS_ROBUST)
      break;
  }
  mem_free(x);
}

/* Replay the best points; margins above 0 cannot be witnesses. */
static bool replay(Attack *a, int n_rows, const Stop *stop)
{
  const size_t n = (size_t)net_in_size(a->query->net);
  int failed = 0;
  for (int r = 0; r < n_rows; r++) {
    result_saw(a->result, a->query->first_case + a->cases[r], a->best[r]);
    if (!(a->best[r] <= 0) || failed >= MAX_REPLAYS) continue;
    double *x = a->best_x + (size_t)r * n;
    witness_snap(a->net, a->query->box, x);
    if (result_try_witness(a->result, a->net, a->prop, x)) {
      if (result_witness_kind(a->result) != WITNESS_ROBUST) deepen(a, r, stop);
      return true;
    }
    failed++;
  }
  return false;
}

/* Descend from the points in x[0].  A candidate is deepened by a few more steps
 * before it is replayed: a larger violation survives rounding. */
static bool run(Attack *a, int n_rows, int steps, double reach, const Stop *stop)
{
  a->n_restarts += n_rows;
  walk(a, n_rows, steps, reach, 5, stop);
  return replay(a, n_rows, stop);
}

/* ---- starting points ----------------------------------------------------- */

/* l0: all but some random inputs as in the centre; else on the way to the centre. */
static void into_ball(const Box *box, Prng *prng, double *x)
{
  const Ball *ball = box->ball;
  int left = ball->k;
  if (ball->norm != BALL_L0) {
    ball_pull(ball, box->lo, box->hi, 1, x);
    return;
  }
  for (int i = 0; i < box->n; i++) {
    const bool moves = prng_below(prng, box->n - i) < left;
    left -= moves;
    if (!moves) x[i] = clip(ball->c[i], box->lo[i], box->hi[i]);
  }
}

static void random_start(const Box *box, int number, Prng *prng, double *x)
{
  for (int i = 0; i < box->n; i++) {
    const double lo = box->lo[i], hi = box->hi[i];
    if (number == 0)
      x[i] = lo / 2 + hi / 2;
    else if (number % 2)
      x[i] = prng_range(prng, lo, hi);
    else
      x[i] = prng_next(prng) & 1 ? hi : lo;
  }
  if (!box->ball) return;
  for (int i = 0; i < box->n && number == 0; i++)
    x[i] = clip(box->ball->c[i], box->lo[i], box->hi[i]);
  if (number) into_ball(box, prng, x);
}

bool attack_random(Attack *a, int restarts, long most, int steps, Prng *prng,
                   const Stop *stop)
{
  const Box *box = a->query->box;
  int n_rows = 0;
  for (int number = 0; number < restarts && most > 0; number++)
    for (int k = 0; k < a->query->n_cases && most > 0; k++) {
      if (a->result->cases[a->query->first_case + k].lower > 0) continue;
      random_start(box, number, prng, a->x[0] + (size_t)n_rows * (size_t)box->n);
      a->cases[n_rows++] = k;
      most--;
      if (n_rows < a->max_rows) continue;
      if (run(a, n_rows, steps, RATE_FIRST, stop)) return true;
      if (stop_why(stop)) return false;
      n_rows = 0;
    }
  return n_rows && run(a, n_rows, steps, RATE_FIRST, stop);
}

/* Points from .. from + n_rows into x[0], inside the box. */
static void load_points(Attack *a, int from, int n_rows, const double *points,
                        const int *cases)
{
  const Box *box = a->query->box;
  for (int r = 0; r < n_rows; r++) {
    const double *p = points + (size_t)(from + r) * (size_t)box->n;
    double *x = a->x[0] + (size_t)r * (size_t)box->n;
    for (int i = 0; i < box->n; i++)
      x[i] = isnan(p[i]) ? box->lo[i] : clip(p[i], box->lo[i], box->hi[i]);
    if (box->ball) ball_pull(box->ball, box->lo, box->hi, 1, x);
    a->cases[r] = cases[from + r];
  }
}

bool attack_from(Attack *a, int n, const double *points, const int *cases, int steps,
                 double reach, const Stop *stop)
{
  for (int from = 0; from < n; from += a->max_rows) {
    const int n_rows = n - from < a->max_rows ? n - from : a->max_rows;
    load_points(a, from, n_rows, points, cases);
    if (run(a, n_rows, steps, reach, stop)) return true;
    if (stop_why(stop)) return false;
  }
  return false;
}

void attack_margins(Attack *a, int n, const double *points, const int *cases,
                    double *margin)
{
  for (int from = 0; from < n; from += a->max_rows) {
    const int n_rows = n - from < a->max_rows ? n - from : a->max_rows;
    load_points(a, from, n_rows, points, cases);
    forward(a, n_rows);
    margins(a, n_rows);
    memcpy(margin + from, a->margin, (size_t)n_rows * sizeof *margin);
  }
}
