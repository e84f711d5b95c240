/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/lagrangian.h"

#include <math.h>
#include <string.h>

#include "bounds/kernel.h"
#include "bounds/relax.h"
#include "bounds/support.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* The parts of (2) that are sums, per row: g = value - rounding. */
typedef struct {
  double value; /* in plain arithmetic */
  double size;  /* sum of magnitudes of the terms of `value` */
  double err;   /* residuals that rounding made */
} Total;

struct Lagrangian {
  const Net *net;
  Linop *op;
  int max_rows;
  double n_terms; /* the longest chain of additions in one total */
  size_t wide;    /* largest node size */
  Total *total;   /* Total total[max_rows] */
  double **q;     /* q[k]: [n_rows][size_k] while node k is open, else NULL */
  bool *fresh;    /* q[k] holds nothing yet */
  bool *wanted;   /* ancestors of the start node, in the gradient */
  int *last_use;  /* the last consumer of node k */
  double **pool;  /* unused matrices [max_rows][wide] */
  int n_pool;
  double *p;     /* double p[2][wide]: one row of p, for two inputs */
  double *patch; /* double patch[5][wide]: one row's lines with its own cut */
  double *pair;  /* double pair[2][inputs], where there is a ball */
  /* kept for the gradient, nonlinear nodes only, [max_rows][size_k] */
  double **lam, **slope, **z, **x;
  double **rate;                  /* all but ReLU */
  double **slope2, **z2, **rate2; /* second inputs of pairs */
  double *corner;                 /* [max_rows][n_inputs] */
};

Lagrangian *lagrangian_new(const Net *net, int max_rows)
{
  const size_t n = (size_t)net->n_nodes;
  Lagrangian *L = mem_zero(1, sizeof *L);
  L->net = net;
  L->op = linop_new(net);
  L->max_rows = max_rows;
  L->n_terms = 64;
  L->total = mem_zero((size_t)max_rows, sizeof *L->total);
  L->q = mem_zero(n, sizeof *L->q);
  L->fresh = mem_zero(n, sizeof *L->fresh);
  L->wanted = mem_zero(n, sizeof *L->wanted);
  L->last_use = mem_zero(n, sizeof *L->last_use);
  L->pool = mem_zero(n, sizeof *L->pool);
  for (size_t k = 0; k < n; k++) {
    const size_t size = (size_t)net->nodes[k].size;
    L->n_terms += (double)size + 8;
    for (int p = 0; p < net->nodes[k].n_in; p++)
      L->last_use[net->nodes[k].in[p]] = (int)k;
    if (size > L->wide) L->wide = size;
  }
  if (net->ball) {
    L->n_terms += 4.0 * net_in_size(net);
    L->pair = mem_doubles(2 * (size_t)net_in_size(net));
  }
  L->p = mem_doubles(2 * L->wide);
  L->patch = mem_doubles(5 * L->wide);
  L->lam = mem_zero(n, sizeof *L->lam);
  L->slope = mem_zero(n, sizeof *L->slope);
  L->z = mem_zero(n, sizeof *L->z);
  L->x = mem_zero(n, sizeof *L->x);
  L->rate = mem_zero(n, sizeof *L->rate);
  L->slope2 = mem_zero(n, sizeof *L->slope2);
  L->z2 = mem_zero(n, sizeof *L->z2);
  L->rate2 = mem_zero(n, sizeof *L->rate2);
  return L;
}

void lagrangian_free(Lagrangian *L)
{
  if (!L) return;
  for (int k = 0; k < L->net->n_nodes; k++) {
    mem_free(L->q[k]);
    mem_free(L->lam[k]);
    mem_free(L->slope[k]);
    mem_free(L->z[k]);
    mem_free(L->x[k]);
    mem_free(L->rate[k]);
    mem_free(L->slope2[k]);
    mem_free(L->z2[k]);
    mem_free(L->rate2[k]);
  }
  for (int i = 0; i < L->n_pool; i++)
    mem_free(L->pool[i]);
  mem_free(L->total);
  mem_free(L->q);
  mem_free(L->fresh);
  mem_free(L->wanted);
  mem_free(L->last_use);
  mem_free(L->pool);
  mem_free(L->p);
  mem_free(L->patch);
  mem_free(L->pair);
  mem_free(L->lam);
  mem_free(L->slope);
  mem_free(L->z);
  mem_free(L->x);
  mem_free(L->rate);
  mem_free(L->slope2);
  mem_free(L->z2);
  mem_free(L->rate2);
  mem_free(L->corner);
  linop_free(L->op);
  mem_free(L);
}

Linop *lagrangian_linop(Lagrangian *L)
{
  return L->op;
}

int lagrangian_max_rows(const Lagrangian *L)
{
  return L->max_rows;
}

const Net *lagrangian_net(const Lagrangian *L)
{
  return L->net;
}

int lagrangian_rows_that_fit(const Net *net, size_t bytes, bool with_gradient, int most)
{
  size_t wide = 0, acts = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    const size_t size = (size_t)net->nodes[k].size;
    if (size > wide) wide = size;
    if (net_is_nonlinear(&net->nodes[k])) acts += size;
  }
  /* A few live matrices at a time; four kept per activation and their multipliers. */
  const size_t row = (6 * wide + (with_gradient ? 10 * acts : 0)) * sizeof(double);
  const size_t fit = bytes / row;
  return fit < 1 ? 1 : fit > (size_t)most ? most : (int)fit;
}

/* ---- live matrices ------------------------------------------------------- */

static void open_node(Lagrangian *L, int k)
{
  if (L->q[k]) return;
  L->q[k] =
      L->n_pool ? L->pool[--L->n_pool] : mem_doubles((size_t)L->max_rows * L->wide);
  L->fresh[k] = true;
}

static void close_node(Lagrangian *L, int k)
{
  if (L->q[k]) L->pool[L->n_pool++] = L->q[k];
  L->q[k] = NULL;
}

static double *kept(Lagrangian *L, double **slot, int k)
{
  if (!slot[k])
    slot[k] = mem_doubles((size_t)L->max_rows * (size_t)L->net->nodes[k].size);
  return slot[k];
}

static const double *given(double *const *arrays, int k)
{
  return arrays ? arrays[k] : NULL;
}

/* ---- the terms of (2) -------------------------------------------------- */

/* sum_i min (q_i lo_i, q_i hi_i), with its minimiser. */
static void interval_term(int n, const double *q, const double *lo, const double *hi,
                          double *at, Total *t)
{
  kernel_interval(n, q, lo, hi, &t->value, &t->size);
  if (at) kernel_corner(n, q, lo, hi, at);
}

/* q of node j is about to receive a second contribution: the rounding of that sum is
 * at most gamma_{fan_out + 2} |q_old| (plus what err[k] covers). */
static void joining_error(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch,
                          int k, int j)
{
  const size_t n = (size_t)L->net->nodes[j].size;
  const double gamma = round_gamma(L->op->fan_out[k] + 2) * (1 + 0x1p-20);
  for (int r = 0; r < batch->n_rows; r++) {
    const size_t at = lagrangian_box(batch, r) * n;
    L->total[r].err += gamma * kernel_interval_size((int)n, L->q[j] + (size_t)r * n,
                                                    b->lo[j] + at, b->hi[j] + at);
  }
}

/* nu . b and the error of the adjoint, for one row. */
static void bias_term(const Bounds *b, int k, size_t box, const double *nu, Total *t)
{
  const Node *v = &b->net->nodes[k];
  const double *err = b->err[k] + box * (size_t)v->size;
  int stride, period;
  const double *bias = linop_bias(v, &stride, &period);
  t->err += b->slip[k][box];
  if (!bias || stride > 1) t->err += kernel_abs_dot(v->size, nu, err);
  for (int from = 0; bias && from < v->size; from += period) {
    if (stride == 1) {
      kernel_bias(period, nu + from, bias, err + from, &t->value, &t->size, &t->err);
      continue;
    }
    for (int i = 0; i < period; i += stride)
      kernel_scaled_sum(stride, nu + from + i, bias[i / stride], &t->value, &t->size);
  }
}

static void linear_node(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch,
                        int k)
{
  const Node *v = &L->net->nodes[k];
  const int n_rows = batch->n_rows;
  for (int r = 0; r < n_rows; r++)
    bias_term(b, k, lagrangian_box(batch, r), L->q[k] + (size_t)r * (size_t)v->size,
              &L->total[r]);
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    open_node(L, j);
    if (!L->fresh[j]) joining_error(L, b, batch, k, j);
  }
  linop_adjoint(L->op, k, n_rows, L->q[k], L->q, L->fresh);
  close_node(L, k);
}

/* The start node with unit objectives: rows of A instead of a product. */
static void unit_node(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch)
{
  const int k = batch->start;
  const Node *v = &L->net->nodes[k];
  int stride, period;
  const double *bias = linop_bias(v, &stride, &period);
  for (int r = 0; r < batch->n_rows; r++) {
    const int i = batch->unit[r];
    const double w = bias ? bias[i % period / stride] : 0;
    L->total[r].value += batch->sign[r] * w;
    L->total[r].size += fabs(w);
    L->total[r].err +=
        b->err[k][lagrangian_box(batch, r) * (size_t)v->size + (size_t)i] +
        b->slip[k][lagrangian_box(batch, r)];
  }
  open_node(L, v->in[0]);
  L->fresh[v->in[0]] = false;
  linop_adjoint_unit(L->op, k, batch->n_rows, batch->unit, batch->sign, L->q[v->in[0]]);
}

/* Make the lines of a row its own, to be changed. */
static void copy_lines(Lagrangian *L, RelaxRow *row)
{
  const size_t n = (size_t)row->n;
  double *l = L->patch, *u = l + L->wide, *up = u + L->wide, *down = up + L->wide,
         *beta = down + L->wide;
  memcpy(l, row->l, n * sizeof *l);
  memcpy(u, row->u, n * sizeof *u);
  memcpy(up, row->up, n * sizeof *up);
  memcpy(down, row->down, n * sizeof *down);
  if (row->beta)
    memcpy(beta, row->beta, n * sizeof *beta);
  else
    memset(beta, 0, n * sizeof *beta);
  row->l = l;
  row->u = u;
  row->up = up;
  row->down = down;
  row->beta = beta;
}

/* The row of activation node k as it is under its own cuts. */
static void cut_row(Lagrangian *L, RelaxRow *row, int k, int n_cuts,
                    const LagrangianCut *cut)
{
  bool copied = false;
  for (int c = 0; c < n_cuts; c++, cut++) {
    if (cut->node != k) continue;
    if (!copied) copy_lines(L, row);
    copied = true;
    double *l = L->patch + cut->index, *u = l + L->wide, *up = u + L->wide,
           *down = up + L->wide, *beta = down + L->wide;
    STATUS_REQUIRE(*l < 0 && *u > 0, "a cut needs an unstable neuron");
    *(cut->positive ? l : u) = 0;
    *up = *down = cut->positive ? 1 : 0;
    *beta = cut->beta;
  }
}

static void set_lines(RelaxRow *row, const RelaxLines lines[2], size_t box)
{
  for (int s = 0; s < 2; s++)
    row->lines[s] = (RelaxLines){.first = lines[s].first + box,
                                 .slope = lines[s].slope + box,
                                 .last = lines[s].last + box,
                                 .offset = lines[s].offset + box,
                                 .touch = lines[s].touch + box};
}

/* q^j += p for row r.  One addition per element: its rounding is a residual of node j,
 * whose intervals begin at `box`. */
static void pass_on(Lagrangian *L, const Bounds *b, int j, int r, size_t box,
                    const double *p)
{
  const int n = L->net->nodes[j].size;
  double *q = L->q[j] + (size_t)r * (size_t)n;
  for (int i = 0; i < n; i++)
    q[i] += p[i];
  L->total[r].err += kernel_interval_size(n, q, b->lo[j] + box, b->hi[j] + box) *
                     ROUND_U * (1 + 0x1p-20);
}

/* q^k - lambda times x^k, for one row; q becomes the difference. */
static void residual_term(const Bounds *b, int k, size_t box, const double *lambda,
                          double *q, double *x, Total *t)
{
  const int n = b->net->nodes[k].size;
  for (int i = 0; i < n; i++)
    q[i] -= lambda[i];
  interval_term(n, q, b->lo[k] + box, b->hi[k] + box, x, t);
}

/* Activation node k on pre-activation j: phi, the residual where lambda is given,
 * and p added to q^j. */
static void act_node(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch,
                     int k)
{
  const Node *v = &L->net->nodes[k];
  const int j = v->in[0], n = v->size, n_rows = batch->n_rows;
  const double *lambda = given(batch->lambda, k), *mu = given(batch->mu, k),
               *alpha = given(batch->alpha, k), *beta = given(batch->beta, k);
  double *slope = batch->keep ? kept(L, L->slope, k) : NULL;
  double *z = batch->keep ? kept(L, L->z, k) : NULL;
  double *x = batch->keep && lambda ? kept(L, L->x, k) : NULL;
  double *lam = batch->keep ? kept(L, L->lam, k) : NULL;
  double *rate = batch->keep && v->act != ACT_RELU ? kept(L, L->rate, k) : NULL;
  open_node(L, j);
  for (int r = 0; r < n_rows; r++) {
    const size_t at = (size_t)r * (size_t)n;
    const size_t box = lagrangian_box(batch, r) * (size_t)n;
    const size_t from = lagrangian_source(batch, r) * (size_t)n;
    double *q = L->q[k] + at;
    Total *t = &L->total[r];
    if (lambda) residual_term(b, k, box, lambda + from, q, x ? x + at : NULL, t);
    RelaxRow row = {.n = n,
                    .l = b->bend_lo[j] + box,
                    .u = b->bend_hi[j] + box,
                    .up = b->up[j] + box,
                    .down = b->down[j] + box,
                    .lam = lambda ? lambda + from : q,
                    .alpha = alpha ? alpha + from : NULL,
                    .mu = mu ? mu + from : NULL,
                    .beta = beta ? beta + from : NULL,
                    .p = L->fresh[j] ? L->q[j] + at : L->p,
                    .slope = slope ? slope + at : NULL,
                    .z = z ? z + at : NULL,
                    .rate = rate ? rate + at : NULL};
    if (v->act != ACT_RELU) set_lines(&row, b->lines[j], box);
    if (batch->cut)
      cut_row(L, &row, k, batch->cuts_per_row,
              batch->cut + (size_t)r * (size_t)batch->cuts_per_row);
    relax_row(v->act, &row, &t->value, &t->size);
    if (lam) memcpy(lam + at, row.lam, (size_t)n * sizeof *lam);
    if (!L->fresh[j]) pass_on(L, b, j, r, box, L->p);
  }
  L->fresh[j] = false;
  close_node(L, k);
}

/* Pair node k: as act_node, with two inputs. */
static void pair_node(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch,
                      int k)
{
  const Node *v = &L->net->nodes[k];
  const int n = v->size, first = v->in[0], second = v->in[1];
  const double *lambda = given(batch->lambda, k), *alpha = given(batch->alpha, k);
  const bool keep = batch->keep;
  double *x = keep && lambda ? kept(L, L->x, k) : NULL;
  double *lam = keep ? kept(L, L->lam, k) : NULL;
  double *out[6] = {0};
  double **slot[6] = {L->z, L->z2, L->slope, L->slope2, L->rate, L->rate2};
  for (int i = 0; i < 6 && keep; i++)
    out[i] = kept(L, slot[i], k);
  open_node(L, first);
  open_node(L, second);
  for (int r = 0; r < batch->n_rows; r++) {
    const size_t at = (size_t)r * (size_t)n;
    const size_t box = lagrangian_box(batch, r) * (size_t)n;
    const size_t from = lagrangian_source(batch, r) * (size_t)n;
    double *q = L->q[k] + at;
    Total *t = &L->total[r];
    if (lambda) residual_term(b, k, box, lambda + from, q, x ? x + at : NULL, t);
    RelaxPairs row = {.n = n,
                      .la = b->lo[first] + box,
                      .ua = b->hi[first] + box,
                      .lb = b->lo[second] + box,
                      .ub = b->hi[second] + box,
                      .lam = lambda ? lambda + from : q,
                      .alpha = alpha                 ? alpha + from
                               : v->kind == NODE_MAX ? b->down[first] + box
                                                     : NULL,
                      .pa = L->fresh[first] ? L->q[first] + at : L->p,
                      .pb = L->fresh[second] ? L->q[second] + at : L->p + L->wide};
    if (keep) {
      row.za = out[0] + at;
      row.zb = out[1] + at;
      row.slope_a = out[2] + at;
      row.slope_b = out[3] + at;
      row.rate_a = out[4] + at;
      row.rate_b = out[5] + at;
    }
    if (v->kind == NODE_MAX)
      relax_maxima(&row, &t->value, &t->size);
    else
      relax_pairs(&row, &t->value, &t->size);
    if (lam) memcpy(lam + at, row.lam, (size_t)n * sizeof *lam);
    if (!L->fresh[first]) pass_on(L, b, first, r, box, L->p);
    if (!L->fresh[second]) pass_on(L, b, second, r, box, L->p + L->wide);
  }
  L->fresh[first] = L->fresh[second] = false;
  close_node(L, k);
}

/* q^0 . x over the input set, and where that is least. */
static void input_term(Lagrangian *L, const Bounds *b, int r, size_t box, double *at)
{
  const int n = net_in_size(L->net);
  const double *q = L->q[0] + (size_t)r * (size_t)n;
  const double *lo = b->lo[0] + box, *hi = b->hi[0] + box;
  Total *t = &L->total[r];
  if (L->net->ball)
    support_term(L->net->ball, q, lo, hi, L->pair, at, &t->value, &t->size, &t->err);
  else
    interval_term(n, q, lo, hi, at, t);
}

static void start_rows(Lagrangian *L, const LagrangianBatch *batch)
{
  const int s = batch->start;
  open_node(L, s);
  L->fresh[s] = false;
  const size_t n = (size_t)L->net->nodes[s].size;
  for (int r = 0; r < batch->n_rows; r++)
    memcpy(L->q[s] + (size_t)r * n, batch->c + lagrangian_source(batch, r) * n,
           n * sizeof *batch->c);
}

static bool can_start_with_rows(const Lagrangian *L, const LagrangianBatch *batch)
{
  const Node *v = &L->net->nodes[batch->start];
  return !batch->c && v->n_in == 1 && v->kind != NODE_ADD;
}

/* Unit objectives spelt out, for nodes whose rows cannot be read off. */
static void start_units(Lagrangian *L, const LagrangianBatch *batch)
{
  const int s = batch->start;
  const size_t n = (size_t)L->net->nodes[s].size;
  open_node(L, s);
  L->fresh[s] = false;
  memset(L->q[s], 0, (size_t)batch->n_rows * n * sizeof(double));
  for (int r = 0; r < batch->n_rows; r++)
    L->q[s][(size_t)r * n + (size_t)batch->unit[r]] = batch->sign[r];
}

/* g of (2) with everything that rounding may have added taken away. */
static double proven(const Lagrangian *L, const Total *t)
{
  const double gamma = round_gamma(L->n_terms) * (1 + 0x1p-20);
  const double err =
      (t->err * (1 + 0x1p-20) + gamma * t->size) * (1 + 0x1p-20) + ROUND_TINY;
  const double g = round_dn(t->value - err);
  return isfinite(g) && isfinite(t->size) && isfinite(t->err) ? g : -INFINITY;
}

void lagrangian_bound(Lagrangian *L, const Bounds *b, const LagrangianBatch *batch,
                      double *lower)
{
  STATUS_REQUIRE(batch->n_rows <= L->max_rows, "batch does not fit");
  STATUS_REQUIRE(batch->box || b->n_box == 1, "rows of several boxes must name theirs");
  STATUS_REQUIRE(net_is_linear(&L->net->nodes[batch->start]), "start must be linear");
  memset(L->total, 0, (size_t)batch->n_rows * sizeof *L->total);
  int from = batch->start;
  if (can_start_with_rows(L, batch)) {
    unit_node(L, b, batch);
    from--;
  } else if (batch->c) {
    start_rows(L, batch);
  } else {
    start_units(L, batch);
  }
  for (int k = from; k > 0; k--) {
    if (!L->q[k]) continue;
    if (L->net->nodes[k].kind == NODE_ACT)
      act_node(L, b, batch, k);
    else if (net_is_pair(&L->net->nodes[k]))
      pair_node(L, b, batch, k);
    else
      linear_node(L, b, batch, k);
  }
  const int n = net_in_size(L->net);
  if (batch->keep && !L->corner)
    L->corner = mem_doubles((size_t)L->max_rows * (size_t)n);
  for (int r = 0; r < batch->n_rows; r++) {
    const size_t at = (size_t)r * (size_t)n, box = lagrangian_box(batch, r) * (size_t)n;
    if (L->q[0])
      input_term(L, b, r, box, batch->keep ? L->corner + at : NULL);
    else if (batch->keep)
      memcpy(L->corner + at, b->lo[0] + box, (size_t)n * sizeof *L->corner);
    lower[r] = proven(L, &L->total[r]);
  }
  if (batch->q0 && L->q[0])
    memcpy(batch->q0, L->q[0], (size_t)batch->n_rows * (size_t)n * sizeof *batch->q0);
  else if (batch->q0)
    memset(batch->q0, 0, (size_t)batch->n_rows * (size_t)n * sizeof *batch->q0);
  close_node(L, 0);
}

/* ---- gradient ---------------------------------------------------------- */

/* Which nodes lie between the input and `start`. */
static void mark_ancestors(const Net *net, int start, bool *wanted)
{
  memset(wanted, 0, (size_t)net->n_nodes * sizeof *wanted);
  wanted[start] = true;
  for (int k = start; k > 0; k--)
    for (int p = 0; wanted[k] && p < net->nodes[k].n_in; p++)
      wanted[net->nodes[k].in[p]] = true;
}

/* h where phi is attained: of the jump of Sign, the side that lam prefers. */
static inline double attained(ActKind kind, double z, double lam)
{
  if (kind == ACT_RELU) return z > 0 ? z : 0;
  if (kind == ACT_SIGN && z == 0) return lam > 0 ? -1 : 1;
  return act_value(kind, z);
}

static void act_gradient(const Lagrangian *L, const LagrangianBatch *batch,
                         const LagrangianGradient *out, int k, const double *v,
                         double *y)
{
  const Node *node = &L->net->nodes[k];
  const size_t n = (size_t)batch->n_rows * (size_t)node->size;
  const double *z = L->z[k], *s = L->slope[k], *lam = L->lam[k], *rate = L->rate[k];
  const double *lambda = given(batch->lambda, k);
  double *g_lambda = out->lambda ? out->lambda[k] : NULL;
  double *g_mu = out->mu ? out->mu[k] : NULL;
  double *g_alpha = out->alpha ? out->alpha[k] : NULL;
  for (size_t i = 0; i < n; i++) {
    const double step = v[i] - z[i];
    const double h = attained(node->act, z[i], lam[i]) + s[i] * step;
    if (g_mu) g_mu[i] = step;
    if (g_alpha) g_alpha[i] = rate ? lam[i] * rate[i] * step : lam[i] * step;
    if (g_lambda) g_lambda[i] = lambda ? h - L->x[k][i] : 0;
    y[i] = lambda ? L->x[k][i] : h;
  }
}

static void pair_gradient(const Lagrangian *L, const LagrangianBatch *batch,
                          const LagrangianGradient *out, int k, const double *a,
                          const double *b, double *y)
{
  const size_t n = (size_t)batch->n_rows * (size_t)L->net->nodes[k].size;
  const bool is_max = L->net->nodes[k].kind == NODE_MAX;
  const double *za = L->z[k], *zb = L->z2[k], *lambda = given(batch->lambda, k);
  double *g_lambda = out->lambda ? out->lambda[k] : NULL;
  double *g_mu = out->mu ? out->mu[k] : NULL;
  double *g_alpha = out->alpha ? out->alpha[k] : NULL;
  for (size_t i = 0; i < n; i++) {
    const double da = a[i] - za[i], db = b[i] - zb[i];
    const double at = is_max ? fmax(za[i], zb[i]) : za[i] * zb[i];
    const double h = at + L->slope[k][i] * da + L->slope2[k][i] * db;
    if (g_mu) g_mu[i] = da;
    if (g_alpha) g_alpha[i] = L->lam[k][i] * (L->rate[k][i] * da + L->rate2[k][i] * db);
    if (g_lambda) g_lambda[i] = lambda ? h - L->x[k][i] : 0;
    y[i] = lambda ? L->x[k][i] : h;
  }
}

void lagrangian_gradient(Lagrangian *L, const LagrangianBatch *batch,
                         const LagrangianGradient *out)
{
  const Net *net = L->net;
  mark_ancestors(net, batch->start, L->wanted);
  open_node(L, 0);
  memcpy(L->q[0], L->corner,
         (size_t)batch->n_rows * (size_t)net_in_size(net) * sizeof *L->corner);
  for (int k = 1; k <= batch->start; k++) {
    if (!L->wanted[k]) continue;
    open_node(L, k);
    const Node *v = &net->nodes[k];
    if (v->kind == NODE_ACT)
      act_gradient(L, batch, out, k, L->q[v->in[0]], L->q[k]);
    else if (net_is_pair(v))
      pair_gradient(L, batch, out, k, L->q[v->in[0]], L->q[v->in[1]], L->q[k]);
    else
      linop_forward(L->op, k, batch->n_rows, L->q, L->q[k]);
    for (int p = 0; p < v->n_in; p++)
      if (L->last_use[v->in[p]] <= k) close_node(L, v->in[p]);
  }
  if (out->y)
    memcpy(out->y, L->q[batch->start],
           (size_t)batch->n_rows * (size_t)net->nodes[batch->start].size *
               sizeof(double));
  if (out->x0)
    memcpy(out->x0, L->corner,
           (size_t)batch->n_rows * (size_t)net_in_size(net) * sizeof(double));
  for (int k = 0; k <= batch->start; k++)
    close_node(L, k);
}

const double *lagrangian_lambda(const Lagrangian *L, int k)
{
  return L->lam[k];
}

const double *lagrangian_slope(const Lagrangian *L, int k)
{
  return L->slope[k];
}

const double *lagrangian_minimiser(const Lagrangian *L, int k)
{
  return L->z[k];
}

double **lagrangian_new_multipliers(const Net *net, int n_rows)
{
  double **a = mem_zero((size_t)net->n_nodes, sizeof *a);
  for (int k = 0; k < net->n_nodes; k++)
    if (net_is_nonlinear(&net->nodes[k]))
      a[k] = mem_doubles0((size_t)n_rows * (size_t)net->nodes[k].size);
  return a;
}

void lagrangian_free_multipliers(const Net *net, double **multipliers)
{
  for (int k = 0; multipliers && k < net->n_nodes; k++)
    mem_free(multipliers[k]);
  mem_free(multipliers);
}
