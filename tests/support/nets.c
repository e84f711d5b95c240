/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/nets.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>

#include "net/base/mem.h"
#include "net/eval.h"

static double *random_doubles(Net *net, size_t n, double scale, Prng *prng)
{
  double *a = net_keep(net, mem_doubles(n));
  for (size_t i = 0; i < n; i++)
    a[i] = prng_range(prng, -scale, scale);
  return a;
}

static int add_dense(Net *net, int in, int rows, double scale, Prng *prng)
{
  const int cols = net->nodes[in].size;
  const Node v = {
      .kind = NODE_DENSE,
      .size = rows,
      .reps = 1,
      .rows = rows,
      .cols = cols,
      .W = random_doubles(net, (size_t)rows * (size_t)cols, scale / sqrt(cols), prng),
      .b = random_doubles(net, (size_t)rows, scale / 4, prng)};
  return net_add(net, &v, &in, 1);
}

static int add_relu(Net *net, int in)
{
  const Node v = {.kind = NODE_ACT, .size = net->nodes[in].size, .act = ACT_RELU};
  return net_add(net, &v, &in, 1);
}

static void finish(Net *net)
{
  Err err = {0};
  if (net_finish(net, &err)) status_abort(__func__, err.text);
}

static Net *start(int n_inputs)
{
  Net *net = net_new("random");
  const Node v = {.kind = NODE_INPUT, .size = n_inputs};
  net_add(net, &v, NULL, 0);
  return net;
}

Net *nets_dense(const int *sizes, int n_sizes, double scale, Prng *prng)
{
  Net *net = start(sizes[0]);
  int last = 0;
  for (int l = 1; l < n_sizes; l++) {
    last = add_dense(net, last, sizes[l], scale, prng);
    if (l + 1 < n_sizes) last = add_relu(net, last);
  }
  finish(net);
  return net;
}

static int add_scale(Net *net, int in, Prng *prng)
{
  const size_t n = (size_t)net->nodes[in].size;
  const Node v = {.kind = NODE_SCALE,
                  .size = (int)n,
                  .scale = random_doubles(net, n, 2, prng),
                  .shift = random_doubles(net, n, 1, prng)};
  return net_add(net, &v, &in, 1);
}

/* An index map over two inputs with repeated, missing and constant entries. */
static int add_map(Net *net, const int *in, int n_in, int size, Prng *prng)
{
  int total = 0;
  for (int p = 0; p < n_in; p++)
    total += net->nodes[in[p]].size;
  int *map = net_keep(net, mem_array((size_t)size, sizeof *map));
  for (int i = 0; i < size; i++)
    map[i] = prng_below(prng, total + 1) - 1;
  const Node v = {.kind = NODE_MAP, .size = size, .map = map};
  return net_add(net, &v, in, n_in);
}

static int add_sum(Net *net, int a, int b, signed char sign)
{
  signed char *coef = net_keep(net, mem_alloc(2));
  coef[0] = 1;
  coef[1] = sign;
  const Node v = {.kind = NODE_ADD, .size = net->nodes[a].size, .coef = coef};
  const int in[2] = {a, b};
  return net_add(net, &v, in, 2);
}

static Net *residual(int size, double scale, Prng *prng)
{
  Net *net = start(1 + prng_below(prng, size));
  int x = add_scale(net, 0, prng);
  x = add_relu(net, add_dense(net, x, size, scale, prng));
  const int skip = add_dense(net, x, size, scale, prng);
  const int branch = add_dense(net, add_relu(net, skip), size, scale, prng);
  x = add_relu(net, add_sum(net, branch, skip, prng_below(prng, 2) ? 1 : -1));
  const int both[2] = {x, skip};
  x = add_map(net, both, 2, size + 2, prng);
  x = add_relu(net, add_scale(net, x, prng));
  add_dense(net, x, 3, scale, prng);
  finish(net);
  return net;
}

static int padded(int in, int k, int stride, int dilation, int pad)
{
  return (in + pad - dilation * (k - 1) - 1) / stride + 1;
}

int nets_add_conv(Net *net, int in, int c, int h, int w, Prng *prng)
{
  Conv v;
  do {
    v = (Conv){.c_in = c, .h_in = h, .w_in = w};
    v.groups = c % 2 == 0 ? 1 + prng_below(prng, 2) : 1;
    v.c_out = v.groups * (1 + prng_below(prng, 3));
    v.kh = 1 + prng_below(prng, 3);
    v.kw = 1 + prng_below(prng, 3);
    v.sh = 1 + prng_below(prng, 2);
    v.sw = 1 + prng_below(prng, 3);
    v.dh = 1 + prng_below(prng, 2);
    v.dw = 1 + prng_below(prng, 2);
    v.pt = prng_below(prng, 3);
    v.pl = prng_below(prng, 3);
    v.h_out = padded(h, v.kh, v.sh, v.dh, v.pt + prng_below(prng, 3));
    v.w_out = padded(w, v.kw, v.sw, v.dw, v.pl + prng_below(prng, 3));
  } while (v.h_out < 1 || v.w_out < 1);
  const size_t taps = (size_t)(c / v.groups) * (size_t)(v.kh * v.kw);
  const Node node = {.kind = NODE_CONV,
                     .size = v.c_out * v.h_out * v.w_out,
                     .conv = v,
                     .W = random_doubles(net, (size_t)v.c_out * taps, 1, prng),
                     .b = random_doubles(net, (size_t)v.c_out, 0.5, prng)};
  return net_add(net, &node, &in, 1);
}

static Net *convolutional(int size, double scale, Prng *prng)
{
  const int c = 1 + prng_below(prng, 2), h = 3 + prng_below(prng, 3);
  const int w = 3 + prng_below(prng, 3);
  Net *net = start(c * h * w);
  int x = nets_add_conv(net, 0, c, h, w, prng);
  const Conv first = net->nodes[x].conv;
  x = add_relu(net, x);
  x = nets_add_conv(net, x, first.c_out, first.h_out, first.w_out, prng);
  x = add_relu(net, x);
  x = add_relu(net, add_dense(net, x, size, scale, prng));
  add_dense(net, x, 3, scale, prng);
  finish(net);
  return net;
}

/* ---- curves and products -------------------------------------------------- */

static int add_act(Net *net, int in, ActKind kind)
{
  const Node v = {.kind = NODE_ACT, .size = net->nodes[in].size, .act = kind};
  return net_add(net, &v, &in, 1);
}

/* A square times something positive plus something positive. */
static int add_positive(Net *net, int in, Prng *prng)
{
  const int square = add_act(net, in, ACT_SQUARE);
  const size_t n = (size_t)net->nodes[in].size;
  double *scale = random_doubles(net, n, 0.5, prng);
  double *shift = random_doubles(net, n, 0.5, prng);
  for (size_t i = 0; i < n; i++) {
    scale[i] = fabs(scale[i]) + 0.1;
    shift[i] = fabs(shift[i]) + 0.2;
  }
  const Node v = {.kind = NODE_SCALE, .size = (int)n, .scale = scale, .shift = shift};
  return net_add(net, &v, &square, 1);
}

static int add_curve(Net *net, int in, ActKind kind, bool is_wild, Prng *prng)
{
  const bool has_edge = kind == ACT_LOG || kind == ACT_SQRT || kind == ACT_RECIPROCAL;
  if (has_edge && !is_wild) in = add_positive(net, in, prng);
  return add_act(net, in, kind);
}

/* A product or maximum of two linear functions, or of one with itself. */
static int add_pair(Net *net, NodeKind kind, int in, double scale, Prng *prng)
{
  const int size = net->nodes[in].size;
  const int factor[2] = {in, prng_below(prng, 4) ? add_dense(net, in, size, scale, prng)
                                                 : in};
  const Node v = {.kind = kind, .size = size};
  return net_add(net, &v, factor, 2);
}

static Net *curved(int size, double scale, bool is_wild, Prng *prng)
{
  Net *net = start(1 + prng_below(prng, NETS_MOST_INPUTS));
  int x = add_dense(net, 0, size, scale, prng);
  for (int l = prng_below(prng, 3); l >= 0; l--) {
    const int before = x;
    x = prng_below(prng, 4)
            ? add_curve(net, x, (ActKind)prng_below(prng, ACT_COUNT), is_wild, prng)
            : add_pair(net, prng_below(prng, 2) ? NODE_MUL : NODE_MAX, x, scale, prng);
    if (prng_below(prng, 3) == 0) x = add_sum(net, x, before, 1);
    x = add_dense(net, x, l ? size : 3, scale, prng);
  }
  finish(net);
  return net;
}

Net *nets_wild(int size, double scale, Prng *prng)
{
  return curved(size, scale, true, prng);
}

Net *nets_of_kind(int kind, int size, double scale, Prng *prng)
{
  Net *net = start(1 + prng_below(prng, NETS_MOST_INPUTS));
  int x = add_dense(net, 0, size, scale, prng);
  for (int l = prng_below(prng, 2); l >= 0; l--) {
    x = kind < ACT_COUNT ? add_curve(net, x, (ActKind)kind, false, prng)
                         : add_pair(net, kind == NETS_PRODUCTS ? NODE_MUL : NODE_MAX, x,
                                    scale, prng);
    x = add_dense(net, x, l ? size : 3, scale, prng);
  }
  finish(net);
  return net;
}

Net *nets_random(NetsKind kind, int size, double scale, Prng *prng)
{
  if (kind == NETS_RESIDUAL) return residual(size, scale, prng);
  if (kind == NETS_CURVED) return curved(size, scale, false, prng);
  if (kind == NETS_CONV) return convolutional(size, scale, prng);
  const int sizes[5] = {1 + prng_below(prng, 4), size, size, size, 3};
  return nets_dense(sizes, 3 + prng_below(prng, 3), scale, prng);
}

void nets_box(int n, double radius, Prng *prng, double *lo, double *hi)
{
  for (int i = 0; i < n; i++) {
    const double c = prng_range(prng, -1, 1), r = prng_range(prng, 0, radius);
    lo[i] = c - r;
    hi[i] = prng_below(prng, 8) ? c + r : lo[i];
  }
}

void nets_sample(int n, const double *lo, const double *hi, Prng *prng, double *x)
{
  const int corners = prng_below(prng, 3) == 0;
  for (int i = 0; i < n; i++)
    x[i] = corners ? (prng_next(prng) & 1 ? lo[i] : hi[i])
                   : prng_range(prng, lo[i], hi[i]);
}

/* ---- exact minimum by enumeration --------------------------------------------------
 */

/* Rows of affine functions of the input: double a[rows][n + 1], constant last. */
typedef struct {
  int n, rows;
  double *a;
} Affine;

static Affine affine_dense(const Node *v, const Affine *x)
{
  Affine y = {.n = x->n, .rows = v->rows};
  y.a = calloc((size_t)v->rows * (size_t)(x->n + 1), sizeof(double));
  for (int i = 0; i < v->rows; i++) {
    for (int j = 0; j < v->cols; j++)
      for (int c = 0; c <= x->n; c++)
        y.a[i * (x->n + 1) + c] += v->W[i * v->cols + j] * x->a[j * (x->n + 1) + c];
    if (v->b) y.a[i * (x->n + 1) + x->n] += v->b[i];
  }
  return y;
}

/* sign * (affine row) <= 0 as a row of the linear program. */
static void add_region_row(glp_prob *lp, const Affine *x, int i, double sign)
{
  int index[64];
  double value[64];
  const int row = glp_add_rows(lp, 1);
  for (int c = 0; c < x->n; c++) {
    index[c + 1] = c + 1;
    value[c + 1] = sign * x->a[i * (x->n + 1) + c];
  }
  glp_set_mat_row(lp, row, x->n, index, value);
  glp_set_row_bnds(lp, row, GLP_UP, 0, -sign * x->a[i * (x->n + 1) + x->n]);
}

static double pattern_minimum(const Net *net, const double *lo, const double *hi,
                              int row, unsigned pattern)
{
  const int n = net_in_size(net);
  glp_prob *lp = glp_create_prob();
  glp_add_cols(lp, n);
  Affine x = {
      .n = n, .rows = n, .a = calloc((size_t)n * (size_t)(n + 1), sizeof(double))};
  for (int i = 0; i < n; i++) {
    x.a[i * (n + 1) + i] = 1;
    glp_set_col_bnds(lp, i + 1, lo[i] < hi[i] ? GLP_DB : GLP_FX, lo[i], hi[i]);
  }
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    if (v->kind == NODE_DENSE) {
      const Affine y = affine_dense(v, &x);
      free(x.a);
      x = y;
      continue;
    }
    for (int i = 0; i < v->size; i++, pattern >>= 1) {
      add_region_row(lp, &x, i, pattern & 1 ? -1 : 1);
      for (int c = 0; !(pattern & 1) && c <= n; c++)
        x.a[i * (n + 1) + c] = 0;
    }
  }
  for (int c = 0; c < n; c++)
    glp_set_obj_coef(lp, c + 1, x.a[row * (n + 1) + c]);
  glp_set_obj_coef(lp, 0, x.a[row * (n + 1) + n]);
  glp_smcp parm;
  glp_init_smcp(&parm);
  parm.msg_lev = GLP_MSG_OFF;
  const int ok = glp_exact(lp, &parm) == 0 && glp_get_status(lp) == GLP_OPT;
  const double value = ok ? glp_get_obj_val(lp) : INFINITY;
  glp_delete_prob(lp);
  free(x.a);
  return value;
}

static int silent(void *info, const char *text)
{
  (void)info;
  (void)text;
  return 1;
}

double nets_exact_minimum(const Net *net, const double *lo, const double *hi, int row)
{
  const size_t neurons = net_n_neurons(net);
  if (neurons > 12) status_abort(__func__, "too many neurons to enumerate");
  glp_term_hook(silent, NULL);
  double best = INFINITY;
  for (unsigned p = 0; p < 1u << neurons; p++)
    best = fmin(best, pattern_minimum(net, lo, hi, row, p));
  glp_term_hook(NULL, NULL);
  return best;
}

/* ---- the same by cutting the box into simplices ------------------------------------
 */

enum { MOST_VALUES = 64 };

/* A value that is 0 up to rounding lies on the cut. */
#define ON_THE_CUT 1e-12

/* A point of the box with everything whose sign matters there: pre-activations in the
 * order of the nodes, then the differences of all pairs of rows. */
typedef struct {
  double x[NETS_MOST_INPUTS];
  double value[MOST_VALUES];
  double margin; /* max_r c_r . y */
} Corner;

typedef struct {
  const Net *net;
  int n, n_values, n_rows;
  const double *c;
  const signed char *sign; /* signed char sign[neurons]: the branch; NULL: everything */
  double *y;               /* values of one node */
  double least;
} Pieces;

static void evaluate(Pieces *p, Corner *at)
{
  Net prefix = *p->net;
  int n = 0;
  for (int k = 1; k < p->net->n_nodes; k++) {
    if (p->net->nodes[k].kind != NODE_ACT) continue;
    prefix.n_nodes = p->net->nodes[k].in[0] + 1;
    eval_double(&prefix, at->x, p->y);
    for (int i = 0; i < p->net->nodes[k].size; i++)
      at->value[n++] = p->y[i];
  }
  const int m = net_out_size(p->net);
  eval_double(p->net, at->x, p->y);
  at->margin = -INFINITY;
  double row[MOST_VALUES];
  for (int r = 0; r < p->n_rows; r++) {
    row[r] = 0;
    for (int i = 0; i < m; i++)
      row[r] += p->c[r * m + i] * p->y[i];
    at->margin = fmax(at->margin, row[r]);
    for (int q = 0; q < r; q++)
      at->value[n++] = row[r] - row[q];
  }
}

static int side(double value)
{
  return fabs(value) <= ON_THE_CUT ? 0 : value < 0 ? -1 : 1;
}

/* Where value f is 0 between two corners; everything before f is affine there, and so
 * is f. */
static Corner crossing(Pieces *p, const Corner *a, const Corner *b, int f)
{
  const double t = a->value[f] / (a->value[f] - b->value[f]);
  Corner mid;
  for (int i = 0; i < p->n; i++)
    mid.x[i] = a->x[i] + t * (b->x[i] - a->x[i]);
  evaluate(p, &mid);
  mid.value[f] = 0;
  return mid;
}

/* Whether a simplex on which no value changes its sign is in the branch. */
static bool is_wanted(const Pieces *p, const Corner *const *corner)
{
  const int neurons = (int)net_n_neurons(p->net);
  for (int f = 0; p->sign && f < neurons; f++)
    for (int i = 0; i <= p->n; i++)
      if (p->sign[f] * side(corner[i]->value[f]) < 0) return false;
  return true;
}

/* Values before f keep their sign on this simplex of n + 1 corners. */
static void visit(Pieces *p, const Corner *const *corner, int f)
{
  for (; f < p->n_values; f++)
    for (int a = 0; a <= p->n; a++)
      for (int b = 0; b < a; b++) {
        if (side(corner[a]->value[f]) * side(corner[b]->value[f]) >= 0) continue;
        const Corner mid = crossing(p, corner[a], corner[b], f);
        const Corner *half[NETS_MOST_INPUTS + 1];
        for (int which = 0; which < 2; which++) {
          for (int i = 0; i <= p->n; i++)
            half[i] = i == (which ? a : b) ? &mid : corner[i];
          visit(p, half, f);
        }
        return;
      }
  for (int i = 0; i <= p->n && is_wanted(p, corner); i++)
    p->least = fmin(p->least, corner[i]->margin);
}

/* The simplices of a box: from its lower corner to its upper one, a coordinate at a
 * time, in every order. */
static void visit_box(Pieces *p, const double *lo, const double *hi, Corner *path,
                      int depth, unsigned raised)
{
  Corner *at = &path[depth];
  for (int i = 0; i < p->n; i++)
    at->x[i] = raised >> i & 1 ? hi[i] : lo[i];
  evaluate(p, at);
  for (int i = 0; i < p->n; i++)
    if (!(raised >> i & 1)) visit_box(p, lo, hi, path, depth + 1, raised | 1u << i);
  if (depth < p->n) return;
  const Corner *corner[NETS_MOST_INPUTS + 1];
  for (int i = 0; i <= p->n; i++)
    corner[i] = &path[i];
  visit(p, corner, 0);
}

double nets_branch_minimum(const Net *net, const double *lo, const double *hi,
                           const signed char *sign, int n_rows, const double *c)
{
  size_t wide = 1;
  for (int k = 0; k < net->n_nodes; k++)
    if ((size_t)net->nodes[k].size > wide) wide = (size_t)net->nodes[k].size;
  Pieces p = {.net = net,
              .n = net_in_size(net),
              .n_values = (int)net_n_neurons(net) + n_rows * (n_rows - 1) / 2,
              .n_rows = n_rows,
              .c = c,
              .sign = sign,
              .least = INFINITY};
  if (p.n > NETS_MOST_INPUTS || p.n_values > MOST_VALUES || n_rows > MOST_VALUES)
    status_abort(__func__, "too large to enumerate");
  p.y = mem_doubles(wide);
  Corner path[NETS_MOST_INPUTS + 1];
  visit_box(&p, lo, hi, path, 0, 0);
  mem_free(p.y);
  return p.least;
}

double nets_piecewise_minimum(const Net *net, const double *lo, const double *hi,
                              int n_rows, const double *c)
{
  return nets_branch_minimum(net, lo, hi, NULL, n_rows, c);
}

void nets_piecewise_range(const Net *net, int k, int i, const double *lo,
                          const double *hi, double *least, double *most)
{
  Net prefix = *net;
  prefix.n_nodes = k + 1;
  double *c = mem_doubles0((size_t)net->nodes[k].size);
  c[i] = 1;
  *least = nets_piecewise_minimum(&prefix, lo, hi, 1, c);
  c[i] = -1;
  *most = -nets_piecewise_minimum(&prefix, lo, hi, 1, c);
  mem_free(c);
}
