/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/branch.h"

#include <math.h>
#include <string.h>

#include "bounds/kernel.h"
#include "net/base/mem.h"

/* Rows in one pass. */
#define BLOCK 128
/* A bound whose whole width is worth less than this share of the largest is left out.
 */
#define LEAST_SHARE 0.003
/* The average is not quite the optimum: a gap that it does not show counts a little. */
#define OWN_INTERCEPT 0.1
/* Where lambda > 0 the optimum stays on y = max (0, v), and l matters only once it is
 * above 0.  So that a neuron which is almost surely active gets there, l counts by this
 * share of lambda. */
#define NEAR_ACTIVE 1.0

struct Branch {
  const Net *net;
  Lagrangian *L;
  int n_box, block;
  double **total;          /* sum of omega max (0, -lambda) over other rows than the
                            * objective: double total[k][n_box][size_k], activation nodes */
  double **lambda, **mean; /* of the objective, the same shape: multipliers and v */
  /* the rows of one layer */
  size_t room;
  int n_rows, *unit, *box;
  signed char *sign;
  double *omega;
  double *lower;  /* double lower[block] */
  bool *has_row;  /* bool has_row[n_box] */
  double **alpha; /* slopes of a block */
};

static bool is_relu(const Net *net, int k)
{
  return net->nodes[k].kind == NODE_ACT && net->nodes[k].act == ACT_RELU;
}

Branch *branch_new(const Net *net, Lagrangian *L, int n_box)
{
  Branch *branch = mem_zero(1, sizeof *branch);
  const int max_rows = lagrangian_max_rows(L);
  *branch = (Branch){
      .net = net, .L = L, .n_box = n_box, .block = max_rows < BLOCK ? max_rows : BLOCK};
  branch->total = lagrangian_new_multipliers(net, n_box);
  branch->lambda = lagrangian_new_multipliers(net, n_box);
  branch->mean = lagrangian_new_multipliers(net, n_box);
  branch->lower = mem_doubles((size_t)branch->block);
  branch->has_row = mem_zero((size_t)n_box, sizeof *branch->has_row);
  return branch;
}

void branch_free(Branch *branch)
{
  if (!branch) return;
  lagrangian_free_multipliers(branch->net, branch->total);
  lagrangian_free_multipliers(branch->net, branch->mean);
  lagrangian_free_multipliers(branch->net, branch->lambda);
  lagrangian_free_multipliers(branch->net, branch->alpha);
  mem_free(branch->unit);
  mem_free(branch->box);
  mem_free(branch->sign);
  mem_free(branch->omega);
  mem_free(branch->lower);
  mem_free(branch->has_row);
  mem_free(branch);
}

/* to_i += w max (0, -lambda_i). */
KERNEL_CLONES
static void add_losses(size_t n, double w, const double *restrict lambda,
                       double *restrict to)
{
  for (size_t i = 0; i < n; i++)
    to[i] += lambda[i] < 0 ? -w * lambda[i] : 0;
}

/* The losses of row r of the last pass, weighted, into box t of all earlier nodes. */
static void collect(Branch *branch, int start, int r, int t, double w)
{
  for (int k = 0; k < start; k++) {
    const double *lambda =
        is_relu(branch->net, k) ? lagrangian_lambda(branch->L, k) : NULL;
    if (!lambda) continue;
    const size_t n = (size_t)branch->net->nodes[k].size;
    add_losses(n, w, lambda + (size_t)r * n, branch->total[k] + (size_t)t * n);
  }
}

/* The objective's own multipliers, and where its optimum is. */
static void copy_objective(Branch *branch, int start, int r, int t, double *const *mean)
{
  for (int k = 0; k < start; k++) {
    const Node *v = &branch->net->nodes[k];
    if (!net_is_nonlinear(v) || !lagrangian_lambda(branch->L, k)) continue;
    const size_t n = (size_t)v->size, at = (size_t)r * n, box = (size_t)t * n;
    memcpy(branch->lambda[k] + box, lagrangian_lambda(branch->L, k) + at,
           n * sizeof(double));
    memcpy(branch->mean[k] + box, mean[k] + at, n * sizeof(double));
  }
}

static void need_room(Branch *branch, size_t rows)
{
  if (rows <= branch->room) return;
  branch->room = rows + rows / 2;
  branch->unit = mem_grow(branch->unit, branch->room, sizeof *branch->unit);
  branch->box = mem_grow(branch->box, branch->room, sizeof *branch->box);
  branch->sign = mem_grow(branch->sign, branch->room, sizeof *branch->sign);
  branch->omega = mem_grow(branch->omega, branch->room, sizeof *branch->omega);
}

static void add_row(Branch *branch, int unit, int box, int sign, double omega)
{
  branch->unit[branch->n_rows] = unit;
  branch->box[branch->n_rows] = box;
  branch->sign[branch->n_rows] = (signed char)sign;
  branch->omega[branch->n_rows++] = omega;
}

/* The gap of one neuron: what it costs the objective, and the others. */
typedef struct {
  double loss;       /* (1) */
  double w_up, w_lo; /* (2) */
} Gap;

static Gap gap_of(double total, double lambda, double mean, double l, double u)
{
  const double width = u - l, a = -l / width, b = u / width, own = fmax(0, -lambda);
  const double near_active = NEAR_ACTIVE * b * b * fmax(0, lambda);
  const double v = fmin(fmax(mean, l), u), intercept = a * u;
  const double gap = b * (v - l) - fmax(0, v);
  return (Gap){.loss = total * intercept + own * (gap + OWN_INTERCEPT * intercept),
               .w_up = total * a * a + own * a * (v - l) / width,
               .w_lo = total * b * b + own * b * (u - v) / width + near_active};
}

static Gap gap_at(const Branch *branch, const Bounds *b, int k, int t, size_t i)
{
  const int j = branch->net->nodes[k].in[0];
  const size_t at = (size_t)t * (size_t)branch->net->nodes[k].size + i;
  return gap_of(branch->total[k][at], branch->lambda[k][at], branch->mean[k][at],
                b->lo[j][at], b->hi[j][at]);
}

/* (2) for the neurons of activation node k, those that matter. */
static void list_rows(Branch *branch, const Bounds *b, int k, const bool *has_row)
{
  const int j = branch->net->nodes[k].in[0], size = branch->net->nodes[k].size;
  branch->n_rows = 0;
  for (int t = 0; t < branch->n_box && t < b->n_box; t++) {
    if (!has_row[t]) continue;
    need_room(branch, (size_t)branch->n_rows + 2 * (size_t)size);
    const double *lo = b->lo[j] + (size_t)t * (size_t)size,
                 *hi = b->hi[j] + (size_t)t * (size_t)size;
    double largest = 0;
    for (int i = 0; i < size; i++) {
      if (!(lo[i] < 0 && hi[i] > 0)) continue;
      const Gap gap = gap_at(branch, b, k, t, (size_t)i);
      largest = fmax(largest, fmax(gap.w_up * hi[i], gap.w_lo * -lo[i]));
    }
    for (int i = 0; i < size; i++) {
      if (!(lo[i] < 0 && hi[i] > 0)) continue;
      const Gap gap = gap_at(branch, b, k, t, (size_t)i);
      if (gap.w_up * hi[i] > LEAST_SHARE * largest) add_row(branch, i, t, -1, gap.w_up);
      if (gap.w_lo * -lo[i] > LEAST_SHARE * largest) add_row(branch, i, t, 1, gap.w_lo);
    }
  }
}

static void load_slopes(Branch *branch, const Bounds *b, int start, int from, int n,
                        const Hints *hints)
{
  for (int r = 0; r < n; r++) {
    const unsigned char *bytes =
        packed_hints_row(hints, start, branch->unit[from + r], branch->sign[from + r]);
    if (bytes) {
      packed_load(hints->packed, start, bytes, branch->alpha, r);
      continue;
    }
    for (int k = 0; k < start; k++) {
      if (!branch->alpha[k]) continue;
      const size_t size = (size_t)b->net->nodes[k].size;
      memcpy(branch->alpha[k] + (size_t)r * size,
             b->down[b->net->nodes[k].in[0]] + (size_t)branch->box[from + r] * size,
             size * sizeof(double));
    }
  }
}

static void look_at_rows(Branch *branch, const Bounds *b, int start, const Hints *hints,
                         const Stop *stop)
{
  if (hints && !branch->alpha)
    branch->alpha = lagrangian_new_multipliers(branch->net, branch->block);
  for (int from = 0; from < branch->n_rows && !stop_why(stop); from += branch->block) {
    const int left = branch->n_rows - from;
    const int n = left < branch->block ? left : branch->block;
    if (hints) load_slopes(branch, b, start, from, n, hints);
    const LagrangianBatch batch = {.start = start,
                                   .n_rows = n,
                                   .box = branch->box + from,
                                   .unit = branch->unit + from,
                                   .sign = branch->sign + from,
                                   .alpha = hints ? branch->alpha : NULL,
                                   .keep = true};
    lagrangian_bound(branch->L, b, &batch, branch->lower);
    for (int r = 0; r < n; r++)
      collect(branch, start, r, branch->box[from + r], branch->omega[from + r]);
  }
}

void branch_score(Branch *branch, const Bounds *b, int n_rows, const int *box,
                  double *const *mean, bool deep, const Hints *hints, const Stop *stop)
{
  const Net *net = branch->net;
  const int last = net->n_nodes - 1;
  bool *has_row = branch->has_row;
  memset(has_row, 0, (size_t)branch->n_box * sizeof *has_row);
  for (int k = 0; k < last; k++)
    if (branch->total[k])
      memset(branch->total[k], 0,
             (size_t)branch->n_box * (size_t)net->nodes[k].size * sizeof(double));
  for (int r = 0; r < n_rows; r++) {
    has_row[box[r]] = true;
    copy_objective(branch, last, r, box[r], mean);
  }
  for (int k = last - 1; deep && k > 0; k--) {
    if (!is_relu(net, k) || b->tight[net->nodes[k].in[0]]) continue;
    list_rows(branch, b, k, has_row);
    look_at_rows(branch, b, net->nodes[k].in[0], hints, stop);
  }
}

double branch_lambda(const Branch *branch, int k, int t, int i)
{
  return branch->lambda[k][(size_t)t * (size_t)branch->net->nodes[k].size + (size_t)i];
}

static int insert(Candidate *found, int n, int most, const Candidate *c)
{
  if (n == most && !(c->score > found[n - 1].score)) return n;
  int i = n < most ? n : most - 1;
  for (; i > 0 && c->score > found[i - 1].score; i--)
    found[i] = found[i - 1];
  found[i] = *c;
  return n < most ? n + 1 : n;
}

/* Where to cut [lo, hi]: at the turn of an S, if it is not near an end, or in the
 * middle.  False when there is no number between. */
static bool cut_point(double lo, double hi, double *at)
{
  const double margin = (hi - lo) / 8;
  *at = lo < -margin && hi > margin ? 0 : lo / 2 + hi / 2;
  return *at > lo && *at < hi;
}

/* What the supporting line takes away from the objective at v: |lam| times its distance
 * from the curve. */
static double curve_loss(const Bounds *b, int k, size_t at, double lam, double v)
{
  const Node *node = &b->net->nodes[k];
  const int j = node->in[0];
  const double x = fmin(fmax(v, b->lo[j][at]), b->hi[j][at]);
  const double sign = lam < 0 ? -1 : 1;
  const RelaxLines *line = &b->lines[j][lam < 0];
  const double gap =
      sign * (act_value(node->act, x) - line->slope[at] * x) - line->offset[at];
  return fabs(lam) * fmax(gap, 0);
}

/* Curve or input of a pair, element i of node k, for box t. */
static int offer_point(const Branch *branch, const Bounds *b, int k, int t, int i,
                       Candidate *found, int n, int most)
{
  const Node *v = &b->net->nodes[k];
  const size_t at = (size_t)t * (size_t)v->size + (size_t)i;
  const double lam = branch->lambda[k][at];
  Candidate c = {.decision = {.node = k, .index = i}};
  if (net_is_pair(v)) {
    const double w[2] = {b->hi[v->in[0]][at] - b->lo[v->in[0]][at],
                         b->hi[v->in[1]][at] - b->lo[v->in[1]][at]};
    c.decision.factor = w[1] > w[0];
    c.score = 0.5 * fabs(lam) * (v->kind == NODE_MUL ? w[0] * w[1] : w[0] + w[1]) / 4;
  } else {
    c.score = 0.75 * curve_loss(b, k, at, lam, branch->mean[k][at]);
  }
  const int j = v->in[c.decision.factor];
  if (!isfinite(c.score) || !cut_point(b->lo[j][at], b->hi[j][at], &c.decision.at))
    return n;
  return insert(found, n, most, &c);
}

int branch_candidates(const Branch *branch, const Bounds *b, int t, int most,
                      Candidate *found)
{
  int n = 0;
  for (int k = 0; k < b->net->n_nodes; k++) {
    const Node *v = &b->net->nodes[k];
    if (!net_is_nonlinear(v)) continue;
    if (!is_relu(b->net, k)) {
      for (int i = 0; i < v->size; i++)
        if (bounds_has_choice(b, k, t, i))
          n = offer_point(branch, b, k, t, i, found, n, most);
      continue;
    }
    const size_t size = (size_t)v->size, at = (size_t)t * size;
    const double *lo = b->lo[v->in[0]] + at, *hi = b->hi[v->in[0]] + at;
    for (size_t i = 0; i < size; i++) {
      if (!relax_has_slope(lo[i], hi[i])) continue;
      const Candidate c = {.decision = {.node = k, .index = (int)i},
                           .score = gap_at(branch, b, k, t, i).loss};
      n = insert(found, n, most, &c);
    }
  }
  return n;
}

double branch_gain(double a, double b, double enough)
{
  const double least = 1e-6 * enough;
  return fmin(fmax(a, least), enough) * fmin(fmax(b, least), enough);
}
