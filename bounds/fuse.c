/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bounds/ibp.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* What a node costs whatever its size, in multiplications. */
#define NODE_COST 64.0
/* A form that needs no more multiplications is kept even where its chain needs fewer:
 * later nodes may gain from it. */
#define SMALL_FORM 1024.0
/* No form has more numbers. */
#define MOST_NUMBERS ((size_t)1 << 20)
/* The new network takes at most this share of the old one's operations. */
#define WORTH 0.8
/* Larger errors of stored weights stay relative: they shrink with the box. */
#define MOST_REL 0x1p-40
/* A wider map than asked for serves too, up to this many columns for one. */
#define WIDER 2
/* Covers the rounding of sums of fewer than 2^30 errors. */
#define SLACK (1 + 0x1p-20)

/* Equation (1) for a node: row i has the entries start[i] .. start[i + 1] - 1. */
typedef struct {
  int *start; /* int start[size + 1]; NULL: the node is a root */
  int *atom;  /* rising in every row */
  double *w, *e;
  double *b, *f; /* [size] */
  int n, room;
  int n_cols, *cols; /* the atoms in it, rising */
} Form;

/* How a node is made. */
typedef enum {
  AS_IT_IS,  /* the old node on new inputs */
  AS_MAP,    /* every row is one atom, or 0 */
  AS_SCALES, /* every row has one atom */
  AS_DENSE
} Shape;

typedef struct {
  int n, *cols, node;
} Gather;

/* Roots are the input, nonlinear nodes and the linear ones that have no form.  Their
 * elements are the atoms: element i of root k is atom first[k] + i. */
typedef struct {
  const Bounds *b;
  const Net *old;
  Net *net;
  Form *form;    /* Form form[n_nodes] */
  int *first;    /* int first[n_nodes + 1] */
  int *owner;    /* int owner[atoms] */
  double *most;  /* double most[atoms]: the largest magnitude */
  Shape *shape;  /* Shape shape[n_nodes] */
  double *cost;  /* to make a node from roots; 0 for roots */
  bool *needed;
  int *now;      /* its node in the new network, or -1 */
  Gather *gather;
  int n_gathers;
  /* the row in work */
  double *w, *e; /* double w[atoms], e[atoms] */
  bool *marked;
  int *touched, n_touched;
  double bias, bias_err;
} Fusion;

static bool is_root(const Fusion *x, int k)
{
  return !x->form[k].start;
}

/* ---- one row ------------------------------------------------------------- */

/* *sum += product, and what that is wrong by. */
static void add_to(double *sum, double *err, double coef, double rel, double w,
                   double e)
{
  double product, total;
  const double by_product = round_product_err(coef, w, &product);
  const double by_sum = fabs(round_sum_err(*sum, product, &total));
  const double mine = fabs(coef) * e + rel * fabs(coef) * (fabs(w) + e);
  const bool exact = by_product == 0 && by_sum == 0 && e == 0 && (rel == 0 || w == 0);
  if (!exact) *err += by_product + by_sum + mine + ROUND_TINY;
  *sum = total;
}

/* The row += coef x^k_i, where coef is known up to rel. */
static void add_term(Fusion *x, double coef, double rel, int k, int i)
{
  const Form *form = &x->form[k];
  const int one = x->first[k] + i;
  const int from = is_root(x, k) ? 0 : form->start[i];
  const int to = is_root(x, k) ? 1 : form->start[i + 1];
  for (int t = from; t < to; t++) {
    const int a = is_root(x, k) ? one : form->atom[t];
    if (!x->marked[a]) {
      x->marked[a] = true;
      x->touched[x->n_touched++] = a;
      x->w[a] = x->e[a] = 0;
    }
    add_to(&x->w[a], &x->e[a], coef, rel, is_root(x, k) ? 1 : form->w[t],
           is_root(x, k) ? 0 : form->e[t]);
  }
  if (!is_root(x, k))
    add_to(&x->bias, &x->bias_err, coef, rel, form->b[i], form->f[i]);
}

static void add_map_term(Fusion *x, const Node *v, int i)
{
  int m = v->map[i], p = 0;
  if (m < 0) return;
  while (m >= x->old->nodes[v->in[p]].size)
    m -= x->old->nodes[v->in[p++]].size;
  add_term(x, 1, 0, v->in[p], m);
}

/* Row i of node k in x->w and so on. */
static void sum_row(Fusion *x, int k, int i)
{
  const Node *v = &x->old->nodes[k];
  int stride, period;
  const double *bias = linop_bias(v, &stride, &period);
  const int at = i % period / stride;
  x->n_touched = 0;
  x->bias = bias ? bias[at] : 0;
  x->bias_err = v->b_err ? v->b_err[at] : 0;
  switch (v->kind) {
  case NODE_DENSE:
    for (int j = 0; j < v->cols; j++)
      if (v->W[(size_t)(i % v->rows) * (size_t)v->cols + (size_t)j] != 0)
        add_term(x, v->W[(size_t)(i % v->rows) * (size_t)v->cols + (size_t)j], v->w_rel,
                 v->in[0], i / v->rows * v->cols + j);
    return;
  case NODE_SCALE:
    add_term(x, v->scale ? v->scale[i] : 1, v->w_rel, v->in[0], i);
    return;
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++)
      add_term(x, v->coef[p], 0, v->in[p], i);
    return;
  case NODE_MAP:
    add_map_term(x, v, i);
    return;
  case NODE_CONV:
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
    break;
  }
  status_abort(__func__, "a node without a form");
}

static int by_number(const void *a, const void *b)
{
  const int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* The row in work becomes row i of the form; zeros are left out.  False where it is not
 * finite or (2) would not be. */
static bool store_row(Fusion *x, Form *form, int i)
{
  double reach = x->bias_err;
  qsort(x->touched, (size_t)x->n_touched, sizeof *x->touched, by_number);
  if (form->n + x->n_touched > form->room) {
    form->room = 2 * (form->n + x->n_touched) + 16;
    form->atom = mem_grow(form->atom, (size_t)form->room, sizeof *form->atom);
    form->w = mem_grow(form->w, (size_t)form->room, sizeof *form->w);
    form->e = mem_grow(form->e, (size_t)form->room, sizeof *form->e);
  }
  form->start[i] = form->n;
  bool fine = isfinite(x->bias);
  for (int t = 0; t < x->n_touched; t++) {
    const int a = x->touched[t];
    x->marked[a] = false;
    fine = fine && isfinite(x->w[a]);
    if (x->e[a] > 0 || isnan(x->e[a])) reach += x->e[a] * SLACK * x->most[a];
    if (x->w[a] == 0 && x->e[a] == 0) continue;
    form->atom[form->n] = a;
    form->w[form->n] = x->w[a];
    form->e[form->n++] = x->e[a] * SLACK;
  }
  form->start[i + 1] = form->n;
  form->b[i] = x->bias;
  form->f[i] = x->bias_err * SLACK;
  return fine && reach * SLACK < INFINITY;
}

/* ---- forms --------------------------------------------------------------- */

static void form_drop(Form *form)
{
  mem_free(form->start);
  mem_free(form->atom);
  mem_free(form->w);
  mem_free(form->e);
  mem_free(form->b);
  mem_free(form->f);
  mem_free(form->cols);
  *form = (Form){0};
}

static void list_columns(Fusion *x, Form *form)
{
  x->n_touched = 0;
  for (int t = 0; t < form->n; t++) {
    if (!x->marked[form->atom[t]]) x->touched[x->n_touched++] = form->atom[t];
    x->marked[form->atom[t]] = true;
  }
  qsort(x->touched, (size_t)x->n_touched, sizeof *x->touched, by_number);
  form->n_cols = x->n_touched;
  form->cols = mem_array((size_t)x->n_touched + 1, sizeof *form->cols);
  for (int c = 0; c < form->n_cols; c++) {
    form->cols[c] = x->touched[c];
    x->marked[form->cols[c]] = false;
  }
}

/* Multiplications of a linear node as it is. */
static double operations(const Node *v)
{
  switch (v->kind) {
  case NODE_DENSE:
    return (double)v->size * v->cols;
  case NODE_CONV:
    return (double)v->size * (v->conv.c_in / v->conv.groups) * v->conv.kh * v->conv.kw;
  case NODE_ADD:
    return (double)v->size * v->n_in;
  case NODE_SCALE:
  case NODE_MAP:
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
    break;
  }
  return v->size;
}

static double full_cost(const Node *v)
{
  return NODE_COST + operations(v);
}

/* The only root whose elements a form needs, most of them; -1 when a map must gather. */
static int only_root(const Fusion *x, const Form *form)
{
  if (!form->n_cols) return 0;
  const int root = x->owner[form->cols[0]];
  if (x->owner[form->cols[form->n_cols - 1]] != root) return -1;
  return WIDER * form->n_cols >= x->old->nodes[root].size ? root : -1;
}

/* Whether row i is element i of the root. */
static bool is_in_place(const Fusion *x, const Form *form, int size)
{
  const int root = only_root(x, form);
  if (root < 0 || x->old->nodes[root].size != size) return false;
  for (int i = 0; i < size; i++)
    if (form->start[i] < form->start[i + 1] &&
        form->atom[form->start[i]] != x->first[root] + i)
      return false;
  return true;
}

/* The cheapest way to make a node from its form, and what that takes. */
static double form_cost(const Fusion *x, const Form *form, int size, Shape *shape)
{
  bool single = true, moves = true;
  for (int i = 0; i < size; i++) {
    const int t = form->start[i], n = form->start[i + 1] - t;
    single = single && n <= 1;
    moves = moves && n <= 1 && form->b[i] == 0 && form->f[i] == 0 &&
            (n == 0 || (form->w[t] == 1 && form->e[t] == 0));
  }
  *shape = AS_MAP;
  if (moves) return NODE_COST + size;
  *shape = AS_DENSE;
  const double dense = NODE_COST * (only_root(x, form) < 0 ? 2 : 1) +
                       (double)size * fmax(form->n_cols, 1);
  if (!single) return dense;
  const double scales = is_in_place(x, form, size) ? NODE_COST + size
                                                   : 2 * (NODE_COST + size);
  if (dense < scales) return dense;
  *shape = AS_SCALES;
  return scales;
}

/* A bound on the numbers of the form before it is made. */
static bool may_have_form(const Fusion *x, int k)
{
  const Node *v = &x->old->nodes[k];
  if (!net_is_linear(v) || v->kind == NODE_CONV || v->w_rel > MOST_REL) return false;
  double widest = 1;
  for (int p = 0; p < v->n_in; p++)
    if (!is_root(x, v->in[p]))
      widest = fmax(widest, (double)x->form[v->in[p]].n / x->old->nodes[v->in[p]].size);
  return operations(v) * widest <= (double)MOST_NUMBERS;
}

static bool make_form(Fusion *x, int k, Form *form)
{
  const int size = x->old->nodes[k].size;
  *form = (Form){.start = mem_array((size_t)size + 1, sizeof *form->start),
                 .b = mem_doubles((size_t)size),
                 .f = mem_doubles((size_t)size)};
  bool fine = true;
  for (int i = 0; i < size && fine; i++) {
    sum_row(x, k, i);
    fine = store_row(x, form, i) && (size_t)form->n <= MOST_NUMBERS;
  }
  if (fine) list_columns(x, form);
  return fine;
}

/* Node k gets a form if that is cheap enough, or becomes a root. */
static void consider(Fusion *x, int k)
{
  const Node *v = &x->old->nodes[k];
  Form form = {0};
  x->shape[k] = AS_IT_IS;
  if (!may_have_form(x, k)) return;
  double chain = full_cost(v);
  for (int p = 0; p < v->n_in; p++)
    chain += x->cost[v->in[p]];
  Shape shape = AS_IT_IS;
  if (!make_form(x, k, &form)) {
    form_drop(&form);
    return;
  }
  const double cost = form_cost(x, &form, v->size, &shape);
  if (cost > chain && (double)v->size * form.n_cols > SMALL_FORM) {
    form_drop(&form);
    return;
  }
  x->form[k] = form;
  x->shape[k] = cost <= chain ? shape : AS_IT_IS;
  x->cost[k] = fmin(cost, chain);
}

/* ---- what the new network consists of ------------------------------------ */

static void mark_needed(Fusion *x)
{
  x->needed[0] = x->needed[x->old->n_nodes - 1] = true;
  for (int k = x->old->n_nodes - 1; k > 0; k--) {
    const Node *v = &x->old->nodes[k];
    if (!x->needed[k]) continue;
    for (int p = 0; p < v->n_in && x->shape[k] == AS_IT_IS; p++)
      x->needed[v->in[p]] = true;
    for (int c = 0; c < x->form[k].n_cols && x->shape[k] != AS_IT_IS; c++)
      x->needed[x->owner[x->form[k].cols[c]]] = true;
  }
}

static int add_flat(Fusion *x, Node *v, const int *in, int n_in)
{
  v->rank = 1;
  v->dims[0] = v->size;
  return net_add(x->net, v, in, n_in);
}

/* A map whose element i is atom[i], or 0 where that is negative. */
static int add_map(Fusion *x, const char *name, const int *atom, int size)
{
  int *in = mem_array((size_t)size + 1, sizeof *in), n_in = 0, before = 0;
  int *base = mem_array((size_t)x->old->n_nodes, sizeof *base);
  int *map = net_keep(x->net, mem_array((size_t)size, sizeof *map));
  for (int k = 0; k < x->old->n_nodes; k++)
    base[k] = -1;
  for (int i = 0; i < size; i++) {
    map[i] = -1;
    if (atom[i] < 0) continue;
    const int root = x->owner[atom[i]];
    if (base[root] < 0) {
      base[root] = before;
      before += x->old->nodes[root].size;
      in[n_in++] = x->now[root];
    }
    map[i] = base[root] + atom[i] - x->first[root];
  }
  if (!n_in) in[n_in++] = 0;
  Node v = {.kind = NODE_MAP, .size = size, .name = name, .map = map};
  const int node = add_flat(x, &v, in, n_in);
  mem_free(in);
  mem_free(base);
  return node;
}

static bool holds(const Gather *g, int n, const int *cols)
{
  int at = 0;
  if (g->n > WIDER * n) return false;
  for (int c = 0; c < n; c++) {
    while (at < g->n && g->cols[at] < cols[c])
      at++;
    if (at == g->n || g->cols[at] != cols[c]) return false;
  }
  return true;
}

/* The columns of a dense node: a root, a map that others use too, or a new one. */
static Gather columns(Fusion *x, const Form *form, const char *name)
{
  const int root = only_root(x, form);
  if (root >= 0) {
    Gather all = {x->old->nodes[root].size, NULL, x->now[root]};
    all.cols = net_keep(x->net, mem_array((size_t)all.n, sizeof *all.cols));
    for (int i = 0; i < all.n; i++)
      all.cols[i] = x->first[root] + i;
    return all;
  }
  for (int g = 0; g < x->n_gathers; g++)
    if (holds(&x->gather[g], form->n_cols, form->cols)) return x->gather[g];
  Gather mine = {form->n_cols, NULL, 0};
  mine.cols = net_keep(x->net, mem_array((size_t)mine.n, sizeof *mine.cols));
  memcpy(mine.cols, form->cols, (size_t)mine.n * sizeof *mine.cols);
  mine.node = add_map(x, name, mine.cols, mine.n);
  x->gather = mem_grow(x->gather, (size_t)x->n_gathers + 1, sizeof *x->gather);
  return x->gather[x->n_gathers++] = mine;
}

/* (2); NULL when the form is exact. */
static double *bias_errors(Fusion *x, const Form *form, int size)
{
  bool exact = true;
  double *err = net_keep(x->net, mem_doubles((size_t)size));
  for (int i = 0; i < size; i++) {
    double sum = form->f[i];
    for (int t = form->start[i]; t < form->start[i + 1]; t++)
      if (form->e[t] > 0) sum += form->e[t] * x->most[form->atom[t]] + ROUND_TINY;
    err[i] = sum * SLACK;
    exact = exact && sum == 0;
  }
  return exact ? NULL : err;
}

static double *biases(Fusion *x, const Form *form, int size)
{
  double *b = net_keep(x->net, mem_doubles((size_t)size));
  memcpy(b, form->b, (size_t)size * sizeof *b);
  return b;
}

static int add_dense(Fusion *x, const Form *form, const Node *old)
{
  const Gather g = columns(x, form, old->name);
  const size_t n = (size_t)g.n;
  double *W = net_keep(x->net, mem_doubles0((size_t)old->size * n));
  for (int i = 0; i < old->size; i++)
    for (int t = form->start[i], c = 0; t < form->start[i + 1]; t++) {
      while (g.cols[c] != form->atom[t])
        c++;
      W[(size_t)i * n + (size_t)c] = form->w[t];
    }
  Node v = {.kind = NODE_DENSE,
            .size = old->size,
            .name = old->name,
            .reps = 1,
            .rows = old->size,
            .cols = g.n,
            .W = W,
            .b = biases(x, form, old->size),
            .b_err = bias_errors(x, form, old->size)};
  return add_flat(x, &v, &g.node, 1);
}

/* The one atom of every row, or -1. */
static int add_selection(Fusion *x, const Form *form, const Node *old)
{
  int *atom = mem_array((size_t)old->size, sizeof *atom);
  for (int i = 0; i < old->size; i++)
    atom[i] = form->start[i] < form->start[i + 1] ? form->atom[form->start[i]] : -1;
  const int node = add_map(x, old->name, atom, old->size);
  mem_free(atom);
  return node;
}

static int add_scales(Fusion *x, const Form *form, const Node *old)
{
  const int from = is_in_place(x, form, old->size) ? x->now[only_root(x, form)]
                                                   : add_selection(x, form, old);
  double *scale = net_keep(x->net, mem_doubles((size_t)old->size));
  for (int i = 0; i < old->size; i++)
    scale[i] = form->start[i] < form->start[i + 1] ? form->w[form->start[i]] : 0;
  Node v = {.kind = NODE_SCALE,
            .size = old->size,
            .name = old->name,
            .scale = scale,
            .shift = biases(x, form, old->size),
            .b_err = bias_errors(x, form, old->size)};
  return add_flat(x, &v, &from, 1);
}

static int add_as_it_is(Fusion *x, const Node *old)
{
  int *in = mem_array((size_t)old->n_in + 1, sizeof *in);
  for (int p = 0; p < old->n_in; p++)
    in[p] = x->now[old->in[p]];
  const int node = net_add(x->net, old, in, old->n_in);
  mem_free(in);
  return node;
}

static void build(Fusion *x)
{
  for (int k = 0; k < x->old->n_nodes; k++) {
    const Node *old = &x->old->nodes[k];
    const Form *form = &x->form[k];
    x->now[k] = -1;
    if (!x->needed[k]) continue;
    switch (x->shape[k]) {
    case AS_IT_IS:
      x->now[k] = add_as_it_is(x, old);
      break;
    case AS_MAP:
      x->now[k] = add_selection(x, form, old);
      break;
    case AS_SCALES:
      x->now[k] = add_scales(x, form, old);
      break;
    case AS_DENSE:
      x->now[k] = add_dense(x, form, old);
      break;
    }
  }
}

/* ---- the whole ----------------------------------------------------------- */

/* What is proven about an old node holds for the same vector in the new network. */
static Bounds *carry_over(const Fusion *x)
{
  const Bounds *b = x->b;
  Bounds *to = bounds_new(x->net, 1);
  Linop *op = linop_new(x->net);
  bounds_set_box(to, 0, b->lo[0], b->hi[0]);
  int *source = mem_array((size_t)x->net->n_nodes, sizeof *source);
  for (int k = 0; k < x->net->n_nodes; k++)
    source[k] = -1;
  for (int k = 0; k < x->old->n_nodes; k++)
    if (x->now[k] >= 0) source[x->now[k]] = k;
  for (int k = 1; k < x->net->n_nodes; k++) {
    ibp_node(to, op, k);
    if (source[k] >= 0) bounds_meet_node(to, k, b->lo[source[k]], b->hi[source[k]]);
    if (source[k] >= 0 && to->err[k]) bounds_refresh_errors(to, op, k);
  }
  to->empty[0] = to->empty[0] || b->empty[0];
  mem_free(source);
  linop_free(op);
  return to;
}

static double total_cost(const Net *net)
{
  double sum = 0;
  for (int k = 1; k < net->n_nodes; k++)
    sum += full_cost(&net->nodes[k]);
  return sum;
}

/* Linear nodes that read others: without them there is nothing to do. */
static bool has_chains(const Net *net)
{
  for (int k = 1; k < net->n_nodes; k++)
    for (int p = 0; p < net->nodes[k].n_in && net_is_linear(&net->nodes[k]); p++)
      if (net_is_linear(&net->nodes[net->nodes[k].in[p]])) return true;
  return false;
}

static void number_atoms(Fusion *x)
{
  const int n = x->old->n_nodes;
  x->first = mem_zero((size_t)n + 1, sizeof *x->first);
  for (int k = 0; k < n; k++)
    x->first[k + 1] = x->first[k] + x->old->nodes[k].size;
  const size_t atoms = (size_t)x->first[n];
  x->owner = mem_array(atoms, sizeof *x->owner);
  x->most = mem_doubles(atoms);
  for (int k = 0; k < n; k++)
    for (int i = 0; i < x->old->nodes[k].size; i++) {
      x->owner[x->first[k] + i] = k;
      x->most[x->first[k] + i] = fmax(fabs(x->b->lo[k][i]), fabs(x->b->hi[k][i]));
    }
  x->w = mem_doubles(atoms);
  x->e = mem_doubles(atoms);
  x->marked = mem_zero(atoms, sizeof *x->marked);
  x->touched = mem_array(atoms, sizeof *x->touched);
}

static void fusion_free(Fusion *x)
{
  for (int k = 0; k < x->old->n_nodes; k++)
    form_drop(&x->form[k]);
  mem_free(x->form);
  mem_free(x->first);
  mem_free(x->owner);
  mem_free(x->most);
  mem_free(x->shape);
  mem_free(x->cost);
  mem_free(x->needed);
  mem_free(x->now);
  mem_free(x->gather);
  mem_free(x->w);
  mem_free(x->e);
  mem_free(x->marked);
  mem_free(x->touched);
}

static Net *empty_copy(const Net *old)
{
  Net *net = net_new(old->path);
  net->is_float32 = old->is_float32;
  net->n_inputs = old->n_inputs;
  net->n_outputs = old->n_outputs;
  return net;
}

Net *fuse_net(const Bounds *b, Bounds **inside)
{
  STATUS_REQUIRE(b->n_box == 1, "one box");
  if (!has_chains(b->net)) return NULL;
  const size_t n = (size_t)b->net->n_nodes;
  Fusion x = {.b = b, .old = b->net, .net = empty_copy(b->net)};
  x.form = mem_zero(n, sizeof *x.form);
  x.shape = mem_zero(n, sizeof *x.shape);
  x.cost = mem_zero(n, sizeof *x.cost);
  x.needed = mem_zero(n, sizeof *x.needed);
  x.now = mem_array(n, sizeof *x.now);
  number_atoms(&x);
  for (int k = 0; k < b->net->n_nodes; k++)
    consider(&x, k);
  mark_needed(&x);
  build(&x);
  Err err = {0};
  const bool fine = !net_finish(x.net, &err);
  STATUS_REQUIRE(fine, "a fused network is well-formed");
  if (total_cost(x.net) <= WORTH * total_cost(x.old)) {
    *inside = carry_over(&x);
  } else {
    net_free(x.net);
    x.net = NULL;
  }
  fusion_free(&x);
  return x.net;
}
