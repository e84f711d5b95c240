/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/invariants.h"

#include <math.h>
#include <string.h>

#include "bounds/affine.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "tests/fuzz/target.h"

/* ---- the graph ------------------------------------------------------------ */

static void check_finite(const double *a, size_t n)
{
  for (size_t i = 0; a && i < n; i++)
    TARGET_REQUIRE(isfinite(a[i]));
}

static void check_errors(const double *a, size_t n)
{
  for (size_t i = 0; a && i < n; i++)
    TARGET_REQUIRE(a[i] >= 0 && isfinite(a[i]));
}

/* Numbers of W and of b. */
static void check_numbers(const Node *v, size_t n_w, size_t n_b)
{
  TARGET_REQUIRE(v->W);
  check_finite(v->W, n_w);
  check_finite(v->b, n_b);
  check_errors(v->b_err, n_b);
}

static void check_conv(const Node *v, int in_size)
{
  const Conv *c = &v->conv;
  TARGET_REQUIRE(c->c_in > 0 && c->h_in > 0 && c->w_in > 0 && c->kh > 0 && c->kw > 0);
  TARGET_REQUIRE(c->c_out > 0 && c->h_out > 0 && c->w_out > 0 && c->groups > 0);
  TARGET_REQUIRE(c->sh > 0 && c->sw > 0 && c->dh > 0 && c->dw > 0);
  TARGET_REQUIRE((int64_t)c->c_in * c->h_in * c->w_in == in_size);
  TARGET_REQUIRE((int64_t)c->c_out * c->h_out * c->w_out == v->size);
  TARGET_REQUIRE(c->c_in % c->groups == 0 && c->c_out % c->groups == 0);
  const size_t per = (size_t)(c->c_in / c->groups) * (size_t)c->kh * (size_t)c->kw;
  check_numbers(v, (size_t)c->c_out * per, (size_t)c->c_out);
}

/* An ACT or MUL reads linear nodes that no other one reads. */
static void check_readers(const Net *net, int k)
{
  const Node *v = &net->nodes[k];
  for (int p = 0; p < v->n_in; p++) {
    TARGET_REQUIRE(net_is_linear(&net->nodes[v->in[p]]));
    int readers = 0;
    for (int q = 1; q < net->n_nodes; q++)
      for (int i = 0; net_is_nonlinear(&net->nodes[q]) && i < net->nodes[q].n_in; i++)
        readers += net->nodes[q].in[i] == v->in[p];
    TARGET_REQUIRE(readers == 1);
  }
}

static void check_node(const Net *net, int k)
{
  const Node *v = &net->nodes[k];
  const int in_size = k ? net->nodes[v->in[0]].size : 0;
  int64_t total = 0, product = 1;
  for (int p = 0; p < v->n_in; p++)
    total += net->nodes[v->in[p]].size;
  TARGET_REQUIRE(v->rank >= 0 && v->rank <= NODE_MAX_RANK && v->name);
  for (int d = 0; d < v->rank; d++)
    product *= v->dims[d];
  TARGET_REQUIRE(product == v->size);
  TARGET_REQUIRE(v->w_rel >= 0 && v->w_rel < 1);
  switch (v->kind) {
  case NODE_INPUT:
    break;
  case NODE_DENSE:
    TARGET_REQUIRE((int64_t)v->reps * v->rows == v->size &&
                   (int64_t)v->reps * v->cols == in_size);
    check_numbers(v, (size_t)v->rows * (size_t)v->cols, (size_t)v->rows);
    break;
  case NODE_CONV:
    check_conv(v, in_size);
    break;
  case NODE_SCALE:
    TARGET_REQUIRE(v->size == in_size);
    check_finite(v->scale, (size_t)v->size);
    check_finite(v->shift, (size_t)v->size);
    check_errors(v->b_err, (size_t)v->size);
    break;
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++)
      TARGET_REQUIRE(net->nodes[v->in[p]].size == v->size &&
                     (v->coef[p] == 1 || v->coef[p] == -1));
    break;
  case NODE_MAP:
    for (int i = 0; i < v->size; i++)
      TARGET_REQUIRE(v->map[i] < total);
    break;
  case NODE_ACT:
    TARGET_REQUIRE(v->n_in == 1 && v->size == in_size && v->act < ACT_COUNT);
    break;
  case NODE_MUL:
  case NODE_MAX:
    TARGET_REQUIRE(v->n_in == 2 && total == 2 * (int64_t)v->size && in_size == v->size);
    TARGET_REQUIRE(v->in[0] != v->in[1]);
    break;
  }
}

static void check_graph(const Net *net)
{
  TARGET_REQUIRE(net->n_nodes > 1 && net->n_inputs > 0 && net->n_outputs > 0);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    TARGET_REQUIRE((v->kind == NODE_INPUT) == (k == 0) && v->size > 0);
    TARGET_REQUIRE((v->n_in > 0) == (k > 0));
    for (int p = 0; p < v->n_in; p++)
      TARGET_REQUIRE(v->in[p] >= 0 && v->in[p] < k);
    check_node(net, k);
    if (net_is_nonlinear(v) && net->n_nodes < 200) check_readers(net, k);
  }
}

/* ---- bounds --------------------------------------------------------------- */

/* Multiplications of one evaluation, roughly. */
static double work(const Net *net)
{
  double sum = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    double terms = 1 + v->n_in;
    if (v->kind == NODE_DENSE) terms = v->cols;
    if (v->kind == NODE_CONV)
      terms = (double)v->conv.kh * v->conv.kw * (v->conv.c_in / v->conv.groups);
    sum += v->size * terms;
  }
  return sum;
}

enum { N_SAMPLES = 4 };

static void sample(int n, int which, const double *lo, const double *hi, double *x)
{
  for (int i = 0; i < n; i++) {
    const double centre = lo[i] / 2 + hi[i] / 2;
    x[i] = which == 0   ? centre
           : which == 1 ? lo[i]
           : which == 2 ? hi[i]
           : i % 2      ? lo[i]
                        : hi[i];
  }
}

/* A few points of the box, with enclosures of every node there. */
typedef struct {
  double **mid[N_SAMPLES], **rad[N_SAMPLES]; /* [n_nodes][size]; NULL: not evaluated */
} Samples;

static Samples samples_new(const Net *net, bool every_node, const double *lo,
                           const double *hi)
{
  Samples s;
  const int last = net->n_nodes - 1;
  double *x = mem_doubles((size_t)net_in_size(net));
  for (int t = 0; t < N_SAMPLES; t++) {
    s.mid[t] = mem_zero((size_t)net->n_nodes, sizeof *s.mid[t]);
    s.rad[t] = mem_zero((size_t)net->n_nodes, sizeof *s.rad[t]);
    sample(net_in_size(net), t, lo, hi, x);
    for (int k = every_node ? 1 : last; k <= last; k++) {
      Net prefix = *net; /* the same network with node k as its output */
      prefix.n_nodes = k + 1;
      const size_t n = (size_t)net->nodes[k].size;
      s.mid[t][k] = mem_doubles(n);
      s.rad[t][k] = mem_doubles(n);
      eval_enclose(&prefix, x, s.mid[t][k], s.rad[t][k]);
      for (size_t i = 0; i < n; i++)
        TARGET_REQUIRE(s.rad[t][k][i] >= 0 &&
                       (isinf(s.rad[t][k][i]) || isfinite(s.mid[t][k][i])));
    }
  }
  mem_free(x);
  return s;
}

static void samples_free(const Net *net, Samples *s)
{
  for (int t = 0; t < N_SAMPLES; t++) {
    for (int k = 0; k < net->n_nodes; k++) {
      mem_free(s->mid[t][k]);
      mem_free(s->rad[t][k]);
    }
    mem_free(s->mid[t]);
    mem_free(s->rad[t]);
  }
}

/* Ordered, and not without what the samples say.  The box is not empty. */
static void check_bounds(const Bounds *b, const Samples *s)
{
  TARGET_REQUIRE(!b->empty[0]);
  for (int k = 0; k < b->net->n_nodes; k++)
    for (int i = 0; i < b->net->nodes[k].size; i++) {
      const double lo = b->lo[k][i], hi = b->hi[k][i];
      TARGET_REQUIRE(lo <= hi);
      for (int t = 0; t < N_SAMPLES; t++) {
        if (!s->mid[t][k] || isinf(s->rad[t][k][i])) continue;
        const double mid = s->mid[t][k][i], rad = s->rad[t][k][i];
        TARGET_REQUIRE((rad > 0 ? round_up(mid + rad) : mid) >= lo);
        TARGET_REQUIRE((rad > 0 ? round_dn(mid - rad) : mid) <= hi);
      }
    }
}

static Bounds *new_box(const Net *net, const double *lo, const double *hi)
{
  Bounds *b = bounds_new(net, 1);
  bounds_set_box(b, 0, lo, hi);
  return b;
}

static void check_ibp(const Net *net, const double *lo, const double *hi,
                      const Samples *s)
{
  Bounds *b = new_box(net, lo, hi);
  Linop *op = linop_new(net);
  ibp_all(b, op);
  check_bounds(b, s);
  linop_free(op);
  bounds_free(b);
}

static void check_affine(const Net *net, const double *lo, const double *hi,
                         const Samples *s)
{
  Bounds *b = new_box(net, lo, hi);
  Linop *op = linop_new(net);
  Affine *a = affine_new(net, 1, net_in_size(net));
  affine_all(a, b, op);
  check_bounds(b, s);
  affine_free(a);
  linop_free(op);
  bounds_free(b);
}

static void check_crown(const Net *net, const double *lo, const double *hi,
                        const Samples *s)
{
  Bounds *b = new_box(net, lo, hi);
  Lagrangian *L = lagrangian_new(net, 64);
  const Team solo = {1, &L};
  crown_tighten(&solo, b, 0, NULL);
  check_bounds(b, s);
  lagrangian_free(L);
  bounds_free(b);
}

/* The other two arithmetics at point 1 of the samples.  Double runs through the same
 * operations as the centre of the enclosure, so without jumps they can hardly differ.
 */
static void check_values(const Net *net, const double *x, const Samples *s)
{
  const int last = net->n_nodes - 1, n = net_out_size(net);
  double *y = mem_doubles((size_t)n);
  float *y32 = mem_array((size_t)n, sizeof *y32);
  eval_double(net, x, y);
  eval_float(net, x, y32);
  bool jumps = false;
  for (int k = 0; k <= last; k++)
    jumps =
        jumps || (net->nodes[k].kind == NODE_ACT &&
                  (net->nodes[k].act == ACT_SIGN || net->nodes[k].act == ACT_FLOOR));
  for (int i = 0; !jumps && i < n; i++) {
    const double mid = s->mid[1][last][i], rad = s->rad[1][last][i];
    TARGET_REQUIRE(!isfinite(rad) || fabs(y[i] - mid) <= 2 * rad + 1e-9 * fabs(mid));
  }
  mem_free(y);
  mem_free(y32);
}

void invariants_net(const Net *net, unsigned seed)
{
  if (!net) return;
  static const double radii[] = {0.0625, 0, 1, 1000, 1e-9};
  check_graph(net);
  const double cost = work(net);
  if (cost > 1e5) return;
  const int n = net_in_size(net);
  double *lo = mem_doubles((size_t)n), *hi = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++) {
    const double x = ((i * 37 + 3) % 17 - 8) * 0.125;
    lo[i] = x - radii[seed % 5];
    hi[i] = x + radii[seed % 5];
  }
  Samples s = samples_new(net, cost * net->n_nodes < 5e4, lo, hi);
  check_values(net, lo, &s);
  check_ibp(net, lo, hi, &s);
  if (cost * n < 5e4) check_affine(net, lo, hi, &s);
  if (cost * (double)net_n_neurons(net) < 2e5) check_crown(net, lo, hi, &s);
  samples_free(net, &s);
  mem_free(lo);
  mem_free(hi);
}

/* ---- specifications ------------------------------------------------------- */

static void check_box(const Prop *prop, const Box *box)
{
  TARGET_REQUIRE(box->n == prop->n_in);
  for (int i = 0; i < box->n; i++) {
    const double lo = box->lo[i], hi = box->hi[i];
    const double in_lo = box->in_lo[i], in_hi = box->in_hi[i];
    TARGET_REQUIRE(isfinite(lo) && isfinite(hi) && lo <= hi);
    TARGET_REQUIRE(lo <= in_lo && in_hi <= hi);
    if (in_lo > in_hi) /* no double is inside: a decimal between neighbours, or none */
      TARGET_REQUIRE((in_lo == INFINITY && in_hi == -INFINITY) ||
                     (in_lo == round_up(in_hi) && in_lo <= hi && in_hi >= lo));
    else
      TARGET_REQUIRE(isfinite(in_lo) && isfinite(in_hi));
  }
}

static void check_row(const Prop *prop, const PropRow *row)
{
  TARGET_REQUIRE(row->n > 0 && row->line >= 0);
  for (int p = 0; p < row->n; p++) {
    TARGET_REQUIRE(row->var[p] >= 0 && row->var[p] < prop->n_out);
    TARGET_REQUIRE(p == 0 || row->var[p - 1] < row->var[p]);
    TARGET_REQUIRE(isfinite(row->coef[p]) && row->coef[p] != 0);
  }
  TARGET_REQUIRE(row->coef_rel >= 0 && row->coef_rel < 1);
  TARGET_REQUIRE(isfinite(row->rhs_lo) && isfinite(row->rhs_hi));
  TARGET_REQUIRE(row->rhs_lo <= row->rhs_hi);
}

void invariants_prop(const Prop *prop)
{
  if (!prop) return;
  TARGET_REQUIRE(prop->n_in > 0 && prop->n_out > 0 && prop->n_dropped >= 0);
  TARGET_REQUIRE((prop->n_boxes > 0) == (prop->n_cases > 0));
  for (int b = 0; b < prop->n_boxes; b++) {
    check_box(prop, &prop->boxes[b]);
    for (int c = 0; c < b && prop->n_boxes < 64; c++)
      TARGET_REQUIRE(!box_equal(&prop->boxes[b], &prop->boxes[c]));
  }
  for (int k = 0; k < prop->n_cases; k++) {
    const PropCase *c = &prop->cases[k];
    const int before = k ? prop->cases[k - 1].box : -1;
    TARGET_REQUIRE(c->box == before || c->box == before + 1);
    TARGET_REQUIRE(c->n_rows >= 0 && c->line >= 0);
    for (int j = 0; j < c->n_rows; j++)
      check_row(prop, &c->rows[j]);
  }
  TARGET_REQUIRE(!prop->n_cases ||
                 prop->cases[prop->n_cases - 1].box == prop->n_boxes - 1);
}
