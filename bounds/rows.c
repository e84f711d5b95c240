/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/rows.h"

#include "bounds/linop.h"
#include "net/base/mem.h"

/* A term of the row in work, the last one so far. */
static void add_term(Rows *rows, size_t *n, int col, double w)
{
  if (!(w < 0 || w > 0)) return;
  if (*n == rows->room) {
    rows->room = rows->room ? 2 * rows->room : 256;
    rows->col = mem_grow(rows->col, rows->room, sizeof *rows->col);
    rows->w = mem_grow(rows->w, rows->room, sizeof *rows->w);
  }
  rows->col[*n] = col;
  rows->w[(*n)++] = w;
}

static void add_dense(Rows *rows, size_t *n, const Node *v, int i)
{
  const double *w = v->W + (size_t)(i % v->rows) * (size_t)v->cols;
  const int from = rows->base[v->in[0]] + i / v->rows * v->cols;
  for (int j = 0; j < v->cols; j++)
    add_term(rows, n, from + j, w[j]);
}

static void add_conv(Rows *rows, size_t *n, const Node *v, int i)
{
  const Conv *c = &v->conv;
  const int x = i % c->w_out, y = i / c->w_out % c->h_out,
            co = i / (c->w_out * c->h_out);
  const int ci = c->c_in / c->groups, first = co / (c->c_out / c->groups) * ci;
  const double *w = v->W + (size_t)co * (size_t)(ci * c->kh * c->kw);
  for (int k = 0; k < ci * c->kh * c->kw; k++) {
    const int iy = y * c->sh + k / c->kw % c->kh * c->dh - c->pt,
              ix = x * c->sw + k % c->kw * c->dw - c->pl;
    if (iy < 0 || iy >= c->h_in || ix < 0 || ix >= c->w_in) continue;
    const int in = ((first + k / (c->kh * c->kw)) * c->h_in + iy) * c->w_in + ix;
    add_term(rows, n, rows->base[v->in[0]] + in, w[k]);
  }
}

/* map[i] counts through all inputs, one after the other. */
static void add_map(Rows *rows, size_t *n, const Node *v, int i)
{
  int at = v->map[i], p = 0;
  if (at < 0) return;
  for (; at >= rows->net->nodes[v->in[p]].size; p++)
    at -= rows->net->nodes[v->in[p]].size;
  add_term(rows, n, rows->base[v->in[p]] + at, 1);
}

static void add_row(Rows *rows, size_t *n, const Node *v, int i)
{
  switch (v->kind) {
  case NODE_DENSE:
    add_dense(rows, n, v, i);
    return;
  case NODE_CONV:
    add_conv(rows, n, v, i);
    return;
  case NODE_SCALE:
    add_term(rows, n, rows->base[v->in[0]] + i, v->scale ? v->scale[i] : 1);
    return;
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++)
      add_term(rows, n, rows->base[v->in[p]] + i, v->coef[p]);
    return;
  case NODE_MAP:
    add_map(rows, n, v, i);
    return;
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    return;
  }
}

static void add_constants(Rows *rows, const Node *node, int v, int i)
{
  int stride, period;
  const double *bias = linop_bias(node, &stride, &period);
  if (bias) rows->bias[v] = bias[i % period / stride];
  if (node->b_err) rows->bias_err[v] = node->b_err[i % period / stride];
}

/* All equations in order; false when there are too many terms. */
static bool fill(Rows *rows, size_t most_terms)
{
  size_t n = 0;
  for (int k = 0, v = 0; k < rows->net->n_nodes; k++) {
    const Node *node = &rows->net->nodes[k];
    for (int i = 0; i < node->size; i++, v++) {
      rows->node[v] = k;
      rows->start[v] = n;
      rows->pre[v] = node->kind == NODE_ACT ? rows->base[node->in[0]] + i : -1;
      if (net_is_linear(node)) add_constants(rows, node, v, i);
      add_row(rows, &n, node, i);
      if (n > most_terms) return false;
    }
  }
  rows->start[rows->n_vars] = n;
  return true;
}

/* The same terms by column. */
static void list_uses(Rows *rows)
{
  const size_t n = (size_t)rows->n_vars;
  size_t *at = rows->use_start = mem_zero(n + 2, sizeof *rows->use_start);
  for (size_t t = 0; t < rows->start[n]; t++)
    at[rows->col[t] + 2]++;
  for (size_t v = 0; v < n; v++)
    if (rows->pre[v] >= 0) at[rows->pre[v] + 2]++;
  for (size_t v = 2; v <= n + 1; v++)
    at[v] += at[v - 1];
  rows->use = mem_array(at[n + 1] + 1, sizeof *rows->use);
  for (size_t v = 0; v < n; v++) {
    for (size_t t = rows->start[v]; t < rows->start[v + 1]; t++)
      rows->use[at[rows->col[t] + 1]++] = (int)v;
    if (rows->pre[v] >= 0) rows->use[at[rows->pre[v] + 1]++] = (int)v;
  }
}

/* Whoever reads the equations takes every activation for a ReLU. */
static bool has_only_relus(const Net *net)
{
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    if (net_is_nonlinear(v) && (v->kind != NODE_ACT || v->act != ACT_RELU))
      return false;
  }
  return true;
}

Rows *rows_new(const Net *net, size_t most_terms)
{
  if (!has_only_relus(net)) return NULL;
  Rows *rows = mem_zero(1, sizeof *rows);
  rows->net = net;
  rows->n_inputs = net_in_size(net);
  rows->base = mem_array((size_t)net->n_nodes + 1, sizeof *rows->base);
  rows->base[0] = 0;
  for (int k = 0; k < net->n_nodes; k++)
    rows->base[k + 1] = rows->base[k] + net->nodes[k].size;
  const size_t n = (size_t)(rows->n_vars = rows->base[net->n_nodes]);
  rows->node = mem_array(n, sizeof *rows->node);
  rows->start = mem_array(n + 1, sizeof *rows->start);
  rows->bias = mem_doubles0(n);
  rows->bias_err = mem_doubles0(n);
  rows->pre = mem_array(n, sizeof *rows->pre);
  if (!fill(rows, most_terms)) {
    rows_free(rows);
    return NULL;
  }
  list_uses(rows);
  return rows;
}

void rows_free(Rows *rows)
{
  if (!rows) return;
  mem_free(rows->base);
  mem_free(rows->node);
  mem_free(rows->start);
  mem_free(rows->col);
  mem_free(rows->w);
  mem_free(rows->bias);
  mem_free(rows->bias_err);
  mem_free(rows->pre);
  mem_free(rows->use_start);
  mem_free(rows->use);
  mem_free(rows);
}
