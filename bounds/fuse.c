/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/fuse.h"

#include <math.h>
#include <string.h>

#include "bounds/absorb.h"
#include "bounds/form.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* What a node costs whatever its size, in multiplications. */
#define NODE_COST 64.0
/* A form that needs no more multiplications, or has no more atoms, is kept even where
 * its chain needs fewer: later nodes may gain from it. */
#define SMALL_FORM 1024.0
#define FEW_ATOMS  32
/* The new network takes at most this share of the old one's operations. */
#define WORTH 0.95
/* A wider map than asked for serves too, up to this many columns for one. */
#define WIDER 2

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

typedef struct {
  const Net *old;
  Net *net;
  Forms *forms;
  Shape *shape; /* Shape shape[n_nodes] */
  double *cost; /* to make a node from roots; 0 for roots */
  bool *needed;
  int *now;    /* its node in the new network, or -1 */
  int *behind; /* the scale that node k, dense or a convolution, absorbs, or -1 */
  Gather *gather;
  int n_gathers;
} Fusion;

/* ---- what a node costs ----------------------------------------------------- */

static double full_cost(const Node *v)
{
  return NODE_COST + form_operations(v);
}

/* The only root whose elements a form needs, most of them; -1 when a map must gather.
 */
static int only_root(const Fusion *x, const Form *form)
{
  if (!form->n_cols) return 0;
  const int root = x->forms->owner[form->cols[0]];
  if (x->forms->owner[form->cols[form->n_cols - 1]] != root) return -1;
  return WIDER * form->n_cols >= x->old->nodes[root].size ? root : -1;
}

/* Whether row i is element i of the root. */
static bool is_in_place(const Fusion *x, const Form *form, int size)
{
  const int root = only_root(x, form);
  if (root < 0 || x->old->nodes[root].size != size) return false;
  for (int i = 0; i < size; i++)
    if (form->start[i] < form->start[i + 1] &&
        form->atom[form->start[i]] != x->forms->first[root] + i)
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
  const double scales =
      is_in_place(x, form, size) ? NODE_COST + size : 2 * (NODE_COST + size);
  if (dense < scales) return dense;
  *shape = AS_SCALES;
  return scales;
}

/* Node k gets a form if that is cheap enough, or becomes a root. */
static void consider(Fusion *x, int k)
{
  const Node *v = &x->old->nodes[k];
  Form form = {0};
  x->shape[k] = AS_IT_IS;
  if (!form_may_be(x->forms, k)) return;
  double chain = full_cost(v);
  for (int p = 0; p < v->n_in; p++)
    chain += x->cost[v->in[p]];
  Shape shape = AS_IT_IS;
  if (!form_make(x->forms, k, &form)) {
    form_drop(&form);
    return;
  }
  const double cost = form_cost(x, &form, v->size, &shape);
  if (cost > chain && (double)v->size * form.n_cols > SMALL_FORM &&
      form.n_cols > FEW_ATOMS) {
    form_drop(&form);
    return;
  }
  x->forms->form[k] = form;
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
    for (int c = 0; c < x->forms->form[k].n_cols && x->shape[k] != AS_IT_IS; c++)
      x->needed[x->forms->owner[x->forms->form[k].cols[c]]] = true;
  }
}

/* ---- scales that a matrix absorbs ------------------------------------------ */

/* The only needed node that reads each root, -1 if there is none, -2 if several. */
static int *only_readers(const Fusion *x)
{
  const int n = x->old->n_nodes;
  int *reader = mem_array((size_t)n, sizeof *reader);
  for (int k = 0; k < n; k++)
    reader[k] = -1;
  for (int k = 0; k < n; k++) {
    const Node *v = &x->old->nodes[k];
    const Form *form = &x->forms->form[k];
    const bool as_is = x->shape[k] == AS_IT_IS;
    for (int p = 0; x->needed[k] && p < (as_is ? v->n_in : form->n_cols); p++) {
      const int root = as_is ? v->in[p] : x->forms->owner[form->cols[p]];
      reader[root] = reader[root] == -1 || reader[root] == k ? k : -2;
    }
  }
  return reader;
}

/* What the rows of the form do to each row of root's W, where that is one thing. */
static bool rows_of(const Fusion *x, int root, const Form *form, int size,
                    AbsorbRows *rows)
{
  const Node *v = &x->old->nodes[root];
  bool *seen = mem_zero((size_t)absorb_n_rows(v), sizeof *seen), same = true;
  for (int i = 0; i < size && same; i++) {
    const int t = form->start[i];
    if (t == form->start[i + 1]) {
      same = form->b[i] == 0 && form->f[i] == 0;
      continue;
    }
    const int c = absorb_row(v, form->atom[t] - x->forms->first[root]);
    if (seen[c]) {
      same = rows->s[c] == form->w[t] && rows->t[c] == form->b[i];
      rows->s_err[c] = fmax(rows->s_err[c], form->e[t]);
      rows->t_err[c] = fmax(rows->t_err[c], form->f[i]);
      continue;
    }
    seen[c] = true;
    rows->s[c] = form->w[t];
    rows->s_err[c] = form->e[t];
    rows->t[c] = form->b[i];
    rows->t_err[c] = form->f[i];
  }
  mem_free(seen);
  return same;
}

static bool absorb(Fusion *x, int root, Node *made)
{
  const int k = x->behind[root];
  const Node *v = &x->old->nodes[root];
  const size_t n = (size_t)absorb_n_rows(v);
  AbsorbRows rows = {mem_doubles0(n), mem_doubles0(n), mem_doubles0(n),
                     mem_doubles0(n)};
  const bool fine =
      rows_of(x, root, &x->forms->form[k], x->old->nodes[k].size, &rows) &&
      absorb_behind(x->net, v, &rows, made);
  mem_free(rows.s);
  mem_free(rows.s_err);
  mem_free(rows.t);
  mem_free(rows.t_err);
  return fine;
}

/* Where the only reader of a matrix as it is scales what it gives. */
static void find_scales(Fusion *x)
{
  int *reader = only_readers(x);
  for (int k = 0; k < x->old->n_nodes; k++) {
    const NodeKind kind = x->old->nodes[k].kind;
    const int s = reader[k];
    x->behind[k] = -1;
    if (!x->needed[k] || (kind != NODE_DENSE && kind != NODE_CONV) ||
        x->shape[k] != AS_IT_IS || s < 0 || s == x->old->n_nodes - 1 ||
        x->shape[s] != AS_SCALES)
      continue;
    const Form *form = &x->forms->form[s];
    if (x->forms->owner[form->cols[0]] == k &&
        x->forms->owner[form->cols[form->n_cols - 1]] == k)
      x->behind[k] = s;
  }
  mem_free(reader);
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
    const int root = x->forms->owner[atom[i]];
    if (base[root] < 0) {
      base[root] = before;
      before += x->old->nodes[root].size;
      in[n_in++] = x->now[root];
    }
    map[i] = base[root] + atom[i] - x->forms->first[root];
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
      all.cols[i] = x->forms->first[root] + i;
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
      if (form->e[t] > 0)
        sum += form->e[t] * x->forms->most[form->atom[t]] + ROUND_TINY;
    err[i] = sum * FORM_SLACK;
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

/* One atom of every row, or 0. */
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

/* Node k on its inputs in the new network, with what it absorbs. */
static int add_as_it_is(Fusion *x, int k)
{
  const Node *old = &x->old->nodes[k];
  Node made;
  if (x->behind[k] >= 0 && !absorb(x, k, &made)) x->behind[k] = -1;
  int *in = mem_array((size_t)old->n_in + 1, sizeof *in);
  for (int p = 0; p < old->n_in; p++)
    in[p] = x->now[old->in[p]];
  const int node = net_add(x->net, x->behind[k] >= 0 ? &made : old, in, old->n_in);
  mem_free(in);
  return node;
}

/* The node whose matrix has absorbed node k, or -1. */
static int absorber(const Fusion *x, int k)
{
  const Form *form = &x->forms->form[k];
  const int root = form->n_cols ? x->forms->owner[form->cols[0]] : -1;
  return root >= 0 && x->behind[root] == k ? root : -1;
}

static int add_absorbed(Fusion *x, const Form *form, const Node *old, int root)
{
  return is_in_place(x, form, old->size) ? x->now[root] : add_selection(x, form, old);
}

static void build(Fusion *x)
{
  for (int k = 0; k < x->old->n_nodes; k++) {
    const Node *old = &x->old->nodes[k];
    const Form *form = &x->forms->form[k];
    x->now[k] = -1;
    if (!x->needed[k]) continue;
    switch (x->shape[k]) {
    case AS_IT_IS:
      x->now[k] = add_as_it_is(x, k);
      break;
    case AS_MAP:
      x->now[k] = add_selection(x, form, old);
      break;
    case AS_SCALES:
      x->now[k] = absorber(x, k) >= 0 ? add_absorbed(x, form, old, absorber(x, k))
                                      : add_scales(x, form, old);
      break;
    case AS_DENSE:
      x->now[k] = add_dense(x, form, old);
      break;
    }
  }
  /* These compute something else now. */
  for (int k = 0; k < x->old->n_nodes; k++)
    if (x->needed[k] && x->behind[k] >= 0) x->now[k] = -1;
}

/* ---- the whole ----------------------------------------------------------- */

static double total_cost(const Net *net)
{
  double sum = 0;
  for (int k = 1; k < net->n_nodes; k++)
    sum += full_cost(&net->nodes[k]);
  return sum;
}

/* Before anything is computed: of linear nodes that read each other the dearest stays,
 * more or less, and what the others cost is all there is to gain.  A convolution stays
 * unless it depends on few elements, reach[k]. */
typedef struct {
  int *chain; /* the lowest node of each one's chain */
  double *reach, *dearest;
  bool *fixed; /* a node of the chain stays as it is */
} Chains;

static void join_chains(Chains *c, int k, int other)
{
  const int one = c->chain[k];
  if (one == other) return;
  for (int j = 0; j <= k; j++)
    if (c->chain[j] == one || c->chain[j] == other)
      c->chain[j] = one < other ? one : other;
}

static bool stays(const Node *v, double reach)
{
  return v->kind == NODE_CONV && !form_conv_pays(v, reach);
}

static void find_chain(Chains *c, const Net *net, int k)
{
  const Node *v = &net->nodes[k];
  double sum = 0;
  c->chain[k] = k;
  for (int p = 0; p < v->n_in && net_is_linear(v); p++) {
    sum += c->reach[v->in[p]];
    if (net_is_linear(&net->nodes[v->in[p]])) join_chains(c, k, c->chain[v->in[p]]);
  }
  c->reach[k] = net_is_linear(v) && !stays(v, sum) ? fmin(sum, v->size) : v->size;
}

static double most_gain(const Net *net)
{
  const size_t n = (size_t)net->n_nodes;
  Chains c = {mem_array(n, sizeof *c.chain), mem_doubles0(n), mem_doubles0(n),
              mem_zero(n, sizeof *c.fixed)};
  double gain = 0;
  for (int k = 0; k < net->n_nodes; k++)
    find_chain(&c, net, k);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    double cost = full_cost(v), sum = 0;
    if (!net_is_linear(v)) continue;
    for (int p = 0; p < v->n_in; p++)
      sum += c.reach[v->in[p]];
    if (stays(v, sum)) {
      c.fixed[c.chain[k]] = true;
      continue;
    }
    gain += cost;
    if (v->kind == NODE_CONV) cost = NODE_COST + sum * v->size;
    c.dearest[c.chain[k]] = fmax(c.dearest[c.chain[k]], cost);
  }
  for (int k = 0; k < net->n_nodes; k++)
    if (!c.fixed[k]) gain -= c.dearest[k];
  mem_free(c.chain);
  mem_free(c.reach);
  mem_free(c.dearest);
  mem_free(c.fixed);
  return gain;
}

static void fusion_free(Fusion *x)
{
  form_table_free(x->forms);
  mem_free(x->shape);
  mem_free(x->cost);
  mem_free(x->needed);
  mem_free(x->now);
  mem_free(x->behind);
  mem_free(x->gather);
}

static Net *empty_copy(const Net *old)
{
  Net *net = net_new(old->path);
  net->is_float32 = old->is_float32;
  net->n_inputs = old->n_inputs;
  net->n_outputs = old->n_outputs;
  net->ball = old->ball;
  return net;
}

static int *origin_of(const Fusion *x)
{
  int *origin = mem_array((size_t)x->net->n_nodes, sizeof *origin);
  for (int k = 0; k < x->net->n_nodes; k++)
    origin[k] = -1;
  for (int k = 0; k < x->old->n_nodes; k++)
    if (x->now[k] >= 0 && net_is_nonlinear(&x->old->nodes[k])) origin[x->now[k]] = k;
  return origin;
}

Net *fuse_net(const Bounds *b, Bounds **inside, int **origin)
{
  STATUS_REQUIRE(b->n_box == 1, "one box");
  if (most_gain(b->net) < (1 - WORTH) * total_cost(b->net)) return NULL;
  const size_t n = (size_t)b->net->n_nodes;
  Fusion x = {.old = b->net, .net = empty_copy(b->net), .forms = form_table_new(b)};
  x.shape = mem_zero(n, sizeof *x.shape);
  x.cost = mem_zero(n, sizeof *x.cost);
  x.needed = mem_zero(n, sizeof *x.needed);
  x.now = mem_array(n, sizeof *x.now);
  x.behind = mem_array(n, sizeof *x.behind);
  for (int k = 0; k < b->net->n_nodes; k++)
    consider(&x, k);
  mark_needed(&x);
  find_scales(&x);
  build(&x);
  Err err = {0};
  const bool fine = !net_finish(x.net, &err);
  STATUS_REQUIRE(fine, "a fused network is well-formed");
  if (total_cost(x.net) <= WORTH * total_cost(x.old)) {
    *inside = form_carry_over(b, x.net, x.now);
    if (origin) *origin = origin_of(&x);
  } else {
    net_free(x.net);
    x.net = NULL;
  }
  fusion_free(&x);
  return x.net;
}
