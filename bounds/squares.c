/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/squares.h"

#include <math.h>
#include <string.h>

#include "bounds/follow.h"
#include "bounds/form.h"
#include "bounds/quad.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* Only networks with no more products, elements and inputs are looked at, */
#define MOST_PRODUCTS 256
#define MOST_ATOMS    4096
#define MOST_INPUTS   32
/* only sums over no more elements, and no more rows. */
#define MOST_VARIABLES 48
#define MOST_ROWS      32
/* Squares replace products that lose at least so many times as much. */
#define LEAST_GAIN 1.4

typedef struct {
  Forms *forms;
  Follow *follow;
  const Net *old;
  Net *net;
  Form *form;      /* Form form[n_nodes]: of candidates too, which are roots for the
                    * others, */
  bool *candidate; /* because they add products */
  int *index;      /* scratch: the index of an atom in a map, or -1 */
  bool *needed;
  int *now;   /* int now[n_nodes]: in the new network, or -1 */
  int *first; /* int first[n_nodes]: the first quad of a node, or -1 */
  Quad *quad; /* the rows that change, node by node */
  int n_quads;
} Squares;

/* ---- which rows ------------------------------------------------------------- */

static int count_products(const Squares *x, int k, int i)
{
  const Form *form = &x->form[k];
  int n = 0;
  for (int t = form->start[i]; t < form->start[i + 1]; t++)
    n += quad_is_product(x->forms, form->atom[t]);
  return n;
}

/* How element i of node k is used: bit 0 where it counts from below, as in the rows of
 * the last node, bit 1 where from above. */
static int uses(const Squares *x, int k, int i)
{
  const int atom = x->forms->first[k] + i, last = x->old->n_nodes - 1;
  int found = k == last ? 1 : 0;
  for (int j = k + 1; j <= last; j++) {
    const Form *form = &x->form[j];
    if (j < last && x->forms->b->pre[j] < 0 && !x->candidate[j]) continue;
    for (int t = 0; t < form->n; t++)
      if (form->atom[t] == atom) found |= j < last ? 3 : form->w[t] > 0 ? 1 : 2;
  }
  return found;
}

/* Forms of all nodes; those that add products are roots for the others.  False where
 * there are none. */
static bool find_candidates(Squares *x)
{
  bool any = false;
  for (int k = 1; k < x->old->n_nodes; k++) {
    if (!form_may_be(x->forms, k)) continue;
    if (!form_make(x->forms, k, &x->form[k])) {
      form_drop(&x->form[k]);
      continue;
    }
    for (int i = 0; i < x->old->nodes[k].size; i++)
      if (x->old->nodes[k].kind != NODE_MAP && count_products(x, k, i) > 1)
        x->candidate[k] = true;
    any = any || x->candidate[k];
    if (!x->candidate[k]) x->forms->form[k] = x->form[k];
  }
  return any;
}

static void try_row(Squares *x, int k, int i, int use)
{
  Quad q;
  bool gains = quad_make(x->forms, x->follow, k, &x->form[k], i, MOST_VARIABLES, &q);
  const double lost = (use & 1 ? q.below : 0) + (use & 2 ? q.above : 0);
  gains = gains && LEAST_GAIN * lost < q.planes * (use == 3 ? 2 : 1);
  if (!gains) {
    quad_drop(&q);
    return;
  }
  x->quad = mem_grow(x->quad, (size_t)x->n_quads + 1, sizeof *x->quad);
  x->quad[x->n_quads++] = q;
}

static void find_rows(Squares *x)
{
  for (int k = 0; k < x->old->n_nodes; k++) {
    const int before = x->n_quads;
    for (int i = 0; i < x->old->nodes[k].size && x->candidate[k]; i++) {
      const int use = uses(x, k, i);
      if (use && count_products(x, k, i) > 1 && x->n_quads < MOST_ROWS)
        try_row(x, k, i, use);
    }
    x->first[k] = x->n_quads > before ? before : -1;
  }
}

/* ---- the new network -------------------------------------------------------- */

static bool is_rewritten(const Squares *x, int k)
{
  return x->first[k] >= 0;
}

static const Quad *quad_of(const Squares *x, int k, int row)
{
  for (int s = x->first[k]; s < x->n_quads && x->quad[s].node == k; s++)
    if (x->quad[s].row == row) return &x->quad[s];
  return NULL;
}

/* Mark in x->index what the rows of node k need besides squares. */
static void mark_atoms(Squares *x, int k)
{
  const int atoms = x->forms->first[x->old->n_nodes];
  const Form *form = &x->form[k];
  for (int i = 0; i < x->old->nodes[k].size; i++) {
    const Quad *q = quad_of(x, k, i);
    for (int a = 0; a < atoms && q; a++)
      if (q->w[a] != 0 || q->e[a] != 0) x->index[a] = 0;
    for (int t = form->start[i]; t < form->start[i + 1] && !q; t++)
      x->index[form->atom[t]] = 0;
  }
}

/* And what their squares need. */
static void mark_variables(Squares *x, int k)
{
  for (int s = x->first[k]; s < x->n_quads && x->quad[s].node == k; s++)
    for (int i = 0; i < x->quad[s].n; i++)
      x->index[x->quad[s].var[i]] = 0;
}

static void mark_needed(Squares *x)
{
  const int last = x->old->n_nodes - 1, atoms = x->forms->first[last + 1];
  x->needed[0] = x->needed[last] = true;
  for (int k = last; k > 0; k--) {
    if (!x->needed[k]) continue;
    for (int p = 0; p < x->old->nodes[k].n_in && !is_rewritten(x, k); p++)
      x->needed[x->old->nodes[k].in[p]] = true;
    if (!is_rewritten(x, k)) continue;
    mark_atoms(x, k);
    mark_variables(x, k);
    for (int a = 0; a < atoms; a++) {
      if (x->index[a] == 0) x->needed[x->forms->owner[a]] = true;
      x->index[a] = -1;
    }
  }
}

static int add_flat(Squares *x, Node *v, const int *in, int n_in)
{
  v->rank = 1;
  v->dims[0] = v->size;
  return net_add(x->net, v, in, n_in);
}

/* A map of the marked atoms, which get their index in it, and of all elements of node
 * `more` of the new network behind them, unless it is negative.  *n is its size. */
static int gather(Squares *x, const char *name, int more, int n_more, int *n)
{
  const Forms *forms = x->forms;
  int *in = mem_array((size_t)x->old->n_nodes + 1, sizeof *in), n_in = 0, before = 0;
  int *map = NULL;
  *n = 0;
  for (int k = 0; k < x->old->n_nodes; k++) {
    const int had = *n;
    for (int a = forms->first[k]; a < forms->first[k + 1]; a++) {
      if (x->index[a] < 0) continue;
      map = mem_grow(map, (size_t)*n + 1, sizeof *map);
      map[*n] = before + a - forms->first[k];
      x->index[a] = (*n)++;
    }
    if (*n == had) continue;
    in[n_in++] = x->now[k];
    before += x->old->nodes[k].size;
  }
  if (more >= 0) in[n_in++] = more;
  map = mem_grow(map, (size_t)*n + (size_t)n_more + 1, sizeof *map);
  for (int i = 0; i < n_more; i++)
    map[*n + i] = before + i;
  *n += n_more;
  Node v = {.kind = NODE_MAP, .size = *n, .name = name, .map = net_keep(x->net, map)};
  const int node = add_flat(x, &v, in, n_in);
  mem_free(in);
  return node;
}

static void clear_index(Squares *x)
{
  for (int a = 0; a < x->forms->first[x->old->n_nodes]; a++)
    x->index[a] = -1;
}

/* The squares of all sums of node k; *n of them. */
static int add_squares(Squares *x, int k, int *n)
{
  const char *name = x->old->nodes[k].name;
  int cols, at = 0;
  *n = 0;
  for (int s = x->first[k]; s < x->n_quads && x->quad[s].node == k; s++)
    *n += x->quad[s].n_squares;
  if (!*n) return -1;
  mark_variables(x, k);
  const int from = gather(x, name, -1, 0, &cols);
  double *W = net_keep(x->net, mem_doubles0((size_t)*n * (size_t)cols));
  for (int s = x->first[k]; s < x->n_quads && x->quad[s].node == k; s++)
    for (int q = 0; q < x->quad[s].n_squares; q++, at++)
      for (int i = 0; i < x->quad[s].n; i++)
        W[(size_t)at * (size_t)cols + (size_t)x->index[x->quad[s].var[i]]] =
            x->quad[s].l[q * x->quad[s].n + i];
  clear_index(x);
  Node z = {.kind = NODE_DENSE,
            .size = *n,
            .name = name,
            .reps = 1,
            .rows = *n,
            .cols = cols,
            .W = W};
  const int in = add_flat(x, &z, &from, 1);
  Node square = {.kind = NODE_ACT, .size = *n, .name = name, .act = ACT_SQUARE};
  return add_flat(x, &square, &in, 1);
}

/* The entries of row i that are not squares, and its bias with the error. */
static void fill_row(const Squares *x, int k, int i, double *W, double *b,
                     double *b_err)
{
  const Quad *q = quad_of(x, k, i);
  const Form *form = &x->form[k];
  const double *most = x->forms->most;
  double err = q ? q->f : form->f[i];
  *b = q ? q->b : form->b[i];
  for (int a = 0; a < x->forms->first[x->old->n_nodes] && q; a++) {
    if (x->index[a] >= 0) W[x->index[a]] = q->w[a];
    if (q->e[a] > 0) err += q->e[a] * FORM_SLACK * most[a] + ROUND_TINY;
  }
  for (int t = form->start[i]; t < form->start[i + 1] && !q; t++) {
    W[x->index[form->atom[t]]] = form->w[t];
    if (form->e[t] > 0) err += form->e[t] * most[form->atom[t]] + ROUND_TINY;
  }
  *b_err = err * FORM_SLACK;
}

static int rewrite(Squares *x, int k)
{
  const Node *old = &x->old->nodes[k];
  int n_squares, cols, at = 0;
  const int squares = add_squares(x, k, &n_squares);
  mark_atoms(x, k);
  const int from = gather(x, old->name, squares, n_squares, &cols);
  double *W = net_keep(x->net, mem_doubles0((size_t)old->size * (size_t)cols));
  double *b = net_keep(x->net, mem_doubles((size_t)old->size));
  double *b_err = net_keep(x->net, mem_doubles((size_t)old->size));
  for (int i = 0; i < old->size; i++) {
    double *row = W + (size_t)i * (size_t)cols;
    const Quad *q = quad_of(x, k, i);
    fill_row(x, k, i, row, &b[i], &b_err[i]);
    for (int s = 0; q && s < q->n_squares; s++, at++)
      row[cols - n_squares + at] = q->c[s];
  }
  clear_index(x);
  Node v = {.kind = NODE_DENSE,
            .size = old->size,
            .name = old->name,
            .reps = 1,
            .rows = old->size,
            .cols = cols,
            .W = W,
            .b = b,
            .b_err = b_err};
  return add_flat(x, &v, &from, 1);
}

static void build(Squares *x)
{
  for (int k = 0; k < x->old->n_nodes; k++) {
    const Node *old = &x->old->nodes[k];
    x->now[k] = -1;
    if (!x->needed[k]) continue;
    if (is_rewritten(x, k)) {
      x->now[k] = rewrite(x, k);
      continue;
    }
    int *in = mem_array((size_t)old->n_in + 1, sizeof *in);
    for (int p = 0; p < old->n_in; p++)
      in[p] = x->now[old->in[p]];
    x->now[k] = net_add(x->net, old, in, old->n_in);
    mem_free(in);
  }
}

/* ---- the whole -------------------------------------------------------------- */

static bool worth_a_look(const Net *net)
{
  long products = 0, atoms = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    if (net->nodes[k].kind == NODE_MUL) products += net->nodes[k].size;
    atoms += net->nodes[k].size;
  }
  return products > 0 && products <= MOST_PRODUCTS && atoms <= MOST_ATOMS &&
         net_in_size(net) <= MOST_INPUTS;
}

static void prepare(Squares *x, const Bounds *b)
{
  const size_t n = (size_t)b->net->n_nodes;
  x->old = b->net;
  x->forms = form_table_new(b);
  x->form = mem_zero(n, sizeof *x->form);
  x->candidate = mem_zero(n, sizeof *x->candidate);
  x->needed = mem_zero(n, sizeof *x->needed);
  x->now = mem_array(n, sizeof *x->now);
  x->first = mem_array(n, sizeof *x->first);
  x->index = mem_array((size_t)x->forms->first[n], sizeof *x->index);
  clear_index(x);
}

static void squares_free(Squares *x)
{
  for (int k = 0; k < x->old->n_nodes; k++)
    if (x->candidate[k]) form_drop(&x->form[k]);
  form_table_free(x->forms); /* the other forms too */
  for (int s = 0; s < x->n_quads; s++)
    quad_drop(&x->quad[s]);
  mem_free(x->quad);
  mem_free(x->form);
  mem_free(x->candidate);
  mem_free(x->needed);
  mem_free(x->now);
  mem_free(x->first);
  mem_free(x->index);
  follow_free(x->follow);
}

Net *squares_net(const Bounds *b, Bounds **inside)
{
  STATUS_REQUIRE(b->n_box == 1, "one box");
  if (!worth_a_look(b->net)) return NULL;
  Squares x = {0};
  prepare(&x, b);
  if (find_candidates(&x)) {
    x.follow = follow_new(b);
    find_rows(&x);
  }
  if (x.n_quads) {
    x.net = net_new(b->net->path);
    x.net->is_float32 = b->net->is_float32;
    x.net->n_inputs = b->net->n_inputs;
    x.net->n_outputs = b->net->n_outputs;
    x.net->ball = b->net->ball;
    mark_needed(&x);
    build(&x);
    Err err = {0};
    const bool fine = !net_finish(x.net, &err);
    STATUS_REQUIRE(fine, "a network with squares is well-formed");
    *inside = form_carry_over(b, x.net, x.now);
  }
  squares_free(&x);
  return x.net;
}
