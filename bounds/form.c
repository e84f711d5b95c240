/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/form.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bounds/ibp.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* No form has more numbers. */
#define MOST_NUMBERS ((size_t)1 << 20)
/* Multiplications that the form of a convolution may take, about a tenth of a second.
 */
#define MOST_WORK 0x1p27
#define CONV_GAIN 4
/* Larger errors of stored weights stay relative: they shrink with the box. */
#define MOST_REL 0x1p-40

/* ---- one row ------------------------------------------------------------- */

/* *sum += product, and what that is wrong by. */
void form_add(double *sum, double *err, double coef, double rel, double w, double e)
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
static void add_term(Forms *x, double coef, double rel, int k, int i)
{
  const Form *form = &x->form[k];
  const int one = x->first[k] + i;
  const int from = form_is_root(x, k) ? 0 : form->start[i];
  const int to = form_is_root(x, k) ? 1 : form->start[i + 1];
  for (int t = from; t < to; t++) {
    const int a = form_is_root(x, k) ? one : form->atom[t];
    if (!x->marked[a]) {
      x->marked[a] = true;
      x->touched[x->n_touched++] = a;
      x->w[a] = x->e[a] = 0;
    }
    form_add(&x->w[a], &x->e[a], coef, rel, form_is_root(x, k) ? 1 : form->w[t],
             form_is_root(x, k) ? 0 : form->e[t]);
  }
  if (!form_is_root(x, k))
    form_add(&x->bias, &x->bias_err, coef, rel, form->b[i], form->f[i]);
}

static void add_map_term(Forms *x, const Node *v, int i)
{
  int m = v->map[i], p = 0;
  if (m < 0) return;
  while (m >= x->old->nodes[v->in[p]].size)
    m -= x->old->nodes[v->in[p++]].size;
  add_term(x, 1, 0, v->in[p], m);
}

/* Row i of node k in x->w and so on. */
static void sum_row(Forms *x, int k, int i)
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
  case NODE_MAX:
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
static bool store_row(Forms *x, Form *form, int i)
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
    if (x->e[a] > 0 || isnan(x->e[a])) reach += x->e[a] * FORM_SLACK * x->most[a];
    if (x->w[a] == 0 && x->e[a] == 0) continue;
    form->atom[form->n] = a;
    form->w[form->n] = x->w[a];
    form->e[form->n++] = x->e[a] * FORM_SLACK;
  }
  form->start[i + 1] = form->n;
  form->b[i] = x->bias;
  form->f[i] = x->bias_err * FORM_SLACK;
  return fine && reach * FORM_SLACK < INFINITY;
}

/* ---- convolutions -------------------------------------------------------- */

/* The input of a convolution as a table of numbers w, for n - 1 atoms and the bias,
 * and g, by how much a product of it with a weight of 1 may be wrong in the sum,
 * above 0 wherever w is not exactly 0. */
typedef struct {
  int n;
  double *w, *g, rel; /* double w[size][n], g[size][n] */
} Table;

/* A weight counts as no smaller in an error, so that none underflows to 0. */
#define LEAST_WEIGHT 0x1p-100

static Table table_of(const Forms *x, const Node *v, const int *cols, int n_cols)
{
  const int j = v->in[0], size = x->old->nodes[j].size, n = n_cols + 1;
  const double taps = (double)(v->conv.c_in / v->conv.groups) * v->conv.kh * v->conv.kw;
  const double rel = round_gamma(taps + 2) + v->w_rel;
  const Form *form = &x->form[j];
  Table table = {n, mem_doubles0((size_t)size * (size_t)n),
                 mem_doubles0((size_t)size * (size_t)n), rel};
  for (int i = 0; i < size; i++) {
    double *w = table.w + (size_t)i * (size_t)n, *g = table.g + (size_t)i * (size_t)n;
    if (form_is_root(x, j)) {
      w[i] = 1;
    } else {
      for (int t = form->start[i], c = 0; t < form->start[i + 1]; t++) {
        while (cols[c] != form->atom[t])
          c++;
        w[c] = form->w[t];
        g[c] = form->e[t];
      }
      w[n_cols] = form->b[i];
      g[n_cols] = form->f[i];
    }
    for (int c = 0; c < n; c++)
      if (w[c] != 0 || g[c] != 0)
        g[c] = g[c] + rel * (fabs(w[c]) + g[c]) * FORM_SLACK + ROUND_TINY;
  }
  return table;
}

/* sum[c] += weight w[c], and to err[c] what that is wrong by. */
static void add_tap(const Table *table, double weight, int element, double *sum,
                    double *err)
{
  const size_t n = (size_t)table->n, from = (size_t)element * n;
  const double *w = table->w + from, *g = table->g + from;
  const double size = fmax(fabs(weight), LEAST_WEIGHT);
  for (size_t c = 0; c < n; c++) {
    sum[c] += weight * w[c];
    err[c] += size * g[c];
  }
}

/* Element i of convolution v: its coefficients, the last one its bias. */
static void conv_row(const Node *v, const Table *table, int i, double *sum, double *err)
{
  const Conv *c = &v->conv;
  const int per = c->c_in / c->groups, plane = c->h_out * c->w_out;
  const int co = i / plane, oy = i % plane / c->w_out, ox = i % c->w_out;
  const int first = co / (c->c_out / c->groups) * per, last = table->n - 1;
  const double *W = v->W + (size_t)co * (size_t)(per * c->kh * c->kw);
  for (int a = 0; a <= last; a++)
    sum[a] = err[a] = 0;
  sum[last] = v->b ? v->b[co] : 0;
  err[last] = v->b_err ? v->b_err[co] : 0;
  for (int t = 0; t < per * c->kh * c->kw; t++) {
    const int y = oy * c->sh + t / c->kw % c->kh * c->dh - c->pt;
    const int x = ox * c->sw + t % c->kw * c->dw - c->pl;
    if (y < 0 || y >= c->h_in || x < 0 || x >= c->w_in || W[t] == 0) continue;
    const int channel = first + t / (c->kh * c->kw);
    add_tap(table, W[t], (channel * c->h_in + y) * c->w_in + x, sum, err);
  }
  if (err[last] > 0 && v->b) err[last] += table->rel * fabs(v->b[co]) + ROUND_TINY;
}

/* They become row i of the form; false as for store_row. */
static bool store_sums(const Forms *x, Form *form, int i, const int *cols, int n_cols,
                       const double *sum, const double *err)
{
  double reach = err[n_cols];
  bool fine = isfinite(sum[n_cols]);
  form->start[i] = form->n;
  for (int c = 0; c < n_cols; c++) {
    if (sum[c] == 0 && err[c] == 0) continue;
    fine = fine && isfinite(sum[c]);
    reach += (err[c] + ROUND_TINY) * FORM_SLACK * x->most[cols[c]];
    form->atom[form->n] = cols[c];
    form->w[form->n] = sum[c];
    form->e[form->n++] = (err[c] + ROUND_TINY) * FORM_SLACK;
  }
  form->start[i + 1] = form->n;
  form->b[i] = sum[n_cols];
  form->f[i] = err[n_cols] * FORM_SLACK;
  return fine && reach * FORM_SLACK < INFINITY;
}

static bool make_conv(Forms *x, int k, const int *cols, int n_cols, Form *form)
{
  const Node *v = &x->old->nodes[k];
  const size_t room = (size_t)v->size * (size_t)n_cols + 1;
  Table table = table_of(x, v, cols, n_cols);
  double *sum = mem_doubles((size_t)table.n), *err = mem_doubles((size_t)table.n);
  form->atom = mem_array(room, sizeof *form->atom);
  form->w = mem_doubles(room);
  form->e = mem_doubles(room);
  bool fine = true;
  for (int i = 0; i < v->size && fine; i++) {
    conv_row(v, &table, i, sum, err);
    fine = store_sums(x, form, i, cols, n_cols, sum, err);
  }
  mem_free(table.w);
  mem_free(table.g);
  mem_free(sum);
  mem_free(err);
  return fine;
}

/* What one row of a convolution depends on: atoms [first[j], ...) or those of a form.
 */
static int n_atoms(const Forms *x, int j)
{
  return form_is_root(x, j) ? x->old->nodes[j].size : x->form[j].n_cols;
}

static bool form_conv(Forms *x, int k, Form *form)
{
  const int j = x->old->nodes[k].in[0], n = n_atoms(x, j);
  int *cols = mem_array((size_t)n + 1, sizeof *cols);
  for (int c = 0; c < n; c++)
    cols[c] = form_is_root(x, j) ? x->first[j] + c : x->form[j].cols[c];
  const bool fine = make_conv(x, k, cols, n, form);
  mem_free(cols);
  return fine;
}

/* ---- whole forms --------------------------------------------------------- */

void form_drop(Form *form)
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

static void list_columns(Forms *x, Form *form)
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

double form_operations(const Node *v)
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
  case NODE_MAX:
    break;
  }
  return v->size;
}

bool form_conv_pays(const Node *v, double n)
{
  return CONV_GAIN * n * v->size <= form_operations(v);
}

/* A bound on the numbers of the form before it is made. */
bool form_may_be(const Forms *x, int k)
{
  const Node *v = &x->old->nodes[k];
  if (!net_is_linear(v) || v->w_rel > MOST_REL) return false;
  if (v->kind == NODE_CONV) {
    const double n = n_atoms(x, v->in[0]), work = form_operations(v);
    return form_conv_pays(v, n) && n * v->size <= (double)MOST_NUMBERS &&
           work * n <= MOST_WORK;
  }
  double widest = 1;
  for (int p = 0; p < v->n_in; p++)
    if (!form_is_root(x, v->in[p]))
      widest = fmax(widest, (double)x->form[v->in[p]].n / x->old->nodes[v->in[p]].size);
  return form_operations(v) * widest <= (double)MOST_NUMBERS;
}

bool form_make(Forms *x, int k, Form *form)
{
  const int size = x->old->nodes[k].size;
  *form = (Form){.start = mem_array((size_t)size + 1, sizeof *form->start),
                 .b = mem_doubles((size_t)size),
                 .f = mem_doubles((size_t)size)};
  const bool is_conv = x->old->nodes[k].kind == NODE_CONV;
  bool fine = !is_conv || form_conv(x, k, form);
  for (int i = 0; i < size && fine && !is_conv; i++) {
    sum_row(x, k, i);
    fine = store_row(x, form, i) && (size_t)form->n <= MOST_NUMBERS;
  }
  if (fine) list_columns(x, form);
  return fine;
}

Forms *form_table_new(const Bounds *b)
{
  Forms *x = mem_zero(1, sizeof *x);
  x->b = b;
  x->old = b->net;
  x->form = mem_zero((size_t)b->net->n_nodes, sizeof *x->form);
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
  return x;
}

void form_table_free(Forms *x)
{
  for (int k = 0; k < x->old->n_nodes; k++)
    form_drop(&x->form[k]);
  mem_free(x->form);
  mem_free(x->first);
  mem_free(x->owner);
  mem_free(x->most);
  mem_free(x->w);
  mem_free(x->e);
  mem_free(x->marked);
  mem_free(x->touched);
  mem_free(x);
}

Bounds *form_carry_over(const Bounds *b, const Net *net, const int *now)
{
  Bounds *to = bounds_new(net, 1);
  Linop *op = linop_new(net);
  bounds_set_box(to, 0, b->lo[0], b->hi[0]);
  int *source = mem_array((size_t)net->n_nodes, sizeof *source);
  for (int k = 0; k < net->n_nodes; k++)
    source[k] = -1;
  for (int k = 0; k < b->net->n_nodes; k++)
    if (now[k] >= 0) source[now[k]] = k;
  for (int k = 1; k < net->n_nodes; k++) {
    ibp_node(to, op, k);
    if (source[k] >= 0) bounds_meet_node(to, k, b->lo[source[k]], b->hi[source[k]]);
    if (source[k] >= 0 && to->err[k]) bounds_refresh_errors(to, op, k);
  }
  to->empty[0] = to->empty[0] || b->empty[0];
  mem_free(source);
  linop_free(op);
  return to;
}
