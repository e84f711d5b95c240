/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/linop.h"

#include <math.h>
#include <string.h>

#include "bounds/blas.h"
#include "net/base/mem.h"

static int conv_taps(const Conv *c)
{
  return c->c_in / c->groups * c->kh * c->kw;
}

static int conv_plane(const Conv *c)
{
  return c->h_out * c->w_out;
}

/* How often the index map reads its most popular element; an input that is listed
 * several times counts as often. */
static int most_reads(const Net *net, const Node *v)
{
  size_t total = 0;
  for (int p = 0; p < v->n_in; p++)
    total += (size_t)net->nodes[v->in[p]].size;
  int *reads = mem_zero(total, sizeof *reads), most = 0;
  for (int i = 0; i < v->size; i++)
    if (v->map[i] >= 0 && ++reads[v->map[i]] > most) most = reads[v->map[i]];
  mem_free(reads);
  int listed = 1;
  for (int p = 0; p < v->n_in; p++) {
    int same = 0;
    for (int s = 0; s < v->n_in; s++)
      same += v->in[s] == v->in[p];
    if (same > listed) listed = same;
  }
  return most * listed;
}

static void count_terms(Linop *op, int k)
{
  const Node *v = &op->net->nodes[k];
  switch (v->kind) {
  case NODE_DENSE:
    op->fan_in[k] = v->cols;
    op->fan_out[k] = v->rows;
    break;
  case NODE_CONV:
    op->fan_in[k] = conv_taps(&v->conv);
    op->fan_out[k] = v->conv.c_out / v->conv.groups * v->conv.kh * v->conv.kw;
    break;
  case NODE_SCALE:
    op->fan_in[k] = op->fan_out[k] = 1;
    break;
  case NODE_ADD:
    op->fan_in[k] = v->n_in;
    op->fan_out[k] = v->n_in; /* an input may be listed several times */
    break;
  case NODE_MAP:
    op->fan_in[k] = 0;
    op->fan_out[k] = most_reads(op->net, v);
    if (op->fan_out[k] == 1) op->fan_out[k] = 0; /* moves numbers, adds none */
    break;
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    break;
  }
}

/* Where each element is read, so that its adjoint is one sum and not many additions to
 * the same place, each of which would wait for the one before. */
static void list_readers(Linop *op, int k)
{
  const Node *v = &op->net->nodes[k];
  const int n = op->net->nodes[v->in[0]].size;
  int *first = op->first[k] = mem_zero((size_t)n + 2, sizeof *first);
  int *reader = op->reader[k] = mem_array((size_t)v->size, sizeof *reader);
  for (int i = 0; i < v->size; i++)
    if (v->map[i] >= 0) first[v->map[i] + 2]++;
  for (int m = 2; m <= n; m++)
    first[m + 1] += first[m];
  for (int i = 0; i < v->size; i++)
    if (v->map[i] >= 0) reader[first[v->map[i] + 1]++] = i;
}

Linop *linop_new(const Net *net)
{
  const size_t n = (size_t)net->n_nodes;
  Linop *op = mem_zero(1, sizeof *op);
  blas_init();
  op->net = net;
  op->abs_w = mem_zero(n, sizeof *op->abs_w);
  op->fan_in = mem_zero(n, sizeof *op->fan_in);
  op->fan_out = mem_zero(n, sizeof *op->fan_out);
  op->pass = mem_zero(n, sizeof *op->pass);
  op->first = mem_zero(n, sizeof *op->first);
  op->reader = mem_zero(n, sizeof *op->reader);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    count_terms(op, k);
    if (v->kind == NODE_MAP && v->n_in == 1 && op->fan_out[k] > 1) list_readers(op, k);
  }
  return op;
}

void linop_free(Linop *op)
{
  if (!op) return;
  for (int k = 0; k < op->net->n_nodes; k++) {
    mem_free(op->abs_w[k]);
    for (int d = 0; d < LINOP_PASSES; d++)
      conv_pass_free(op->pass[k][d]);
    mem_free(op->first[k]);
    mem_free(op->reader[k]);
  }
  mem_free(op->first);
  mem_free(op->reader);
  mem_free(op->abs_w);
  mem_free(op->fan_in);
  mem_free(op->fan_out);
  mem_free(op->pass);
  conv_room_free(&op->room);
  mem_free(op);
}

static const double *absolute_weights(Linop *op, int k)
{
  if (op->abs_w[k]) return op->abs_w[k];
  const Node *v = &op->net->nodes[k];
  const size_t n = v->kind == NODE_CONV
                       ? (size_t)v->conv.c_out * (size_t)conv_taps(&v->conv)
                       : (size_t)v->rows * (size_t)v->cols;
  double *a = mem_doubles(n);
  for (size_t i = 0; i < n; i++)
    a[i] = fabs(v->W[i]);
  return op->abs_w[k] = a;
}

/* A direction of convolution k, made when it is needed first. */
static const ConvPass *conv_pass(Linop *op, int k, int direction)
{
  const Node *v = &op->net->nodes[k];
  ConvPass **pass = &op->pass[k][direction];
  if (!*pass)
    *pass = conv_pass_new(&v->conv,
                          direction == LINOP_ABSOLUTE ? absolute_weights(op, k) : v->W,
                          direction == LINOP_BACK);
  return *pass;
}

/* ---- forward ----------------------------------------------------------- */

const double *linop_bias(const Node *v, int *stride, int *period)
{
  *stride = 1;
  *period = v->size;
  switch (v->kind) {
  case NODE_DENSE:
    *period = v->rows;
    return v->b;
  case NODE_CONV:
    *stride = v->conv.h_out * v->conv.w_out;
    return v->b;
  case NODE_SCALE:
    return v->shift;
  case NODE_ADD:
  case NODE_MAP:
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    break;
  }
  return NULL;
}

static void add_bias(const Node *v, int n_rows, double *y)
{
  int stride, period;
  const double *b = linop_bias(v, &stride, &period);
  if (!b) return;
  /* n_rows vectors of size / period repetitions, each of period / stride biases. */
  const size_t n = (size_t)n_rows * (size_t)(v->size / period);
  for (size_t r = 0; r < n; r++, y += period) {
    if (stride == 1) {
      for (int i = 0; i < period; i++)
        y[i] += b[i];
      continue;
    }
    for (int i = 0; i < period; i += stride)
      for (int s = 0; s < stride; s++)
        y[i + s] += b[i / stride];
  }
}

static void map_forward_single(const Net *net, const Node *v, int n_rows,
                               const double *restrict x, double *restrict y)
{
  const size_t size = (size_t)v->size, from = (size_t)net->nodes[v->in[0]].size;
  for (int r = 0; r < n_rows; r++, y += size, x += from)
    for (size_t i = 0; i < size; i++)
      y[i] = v->map[i] >= 0 ? x[v->map[i]] : 0;
}

static void map_forward(const Net *net, const Node *v, int n_rows, double *const *x,
                        double *y)
{
  if (v->n_in == 1) {
    map_forward_single(net, v, n_rows, x[v->in[0]], y);
    return;
  }
  for (int r = 0; r < n_rows; r++)
    for (int i = 0; i < v->size; i++) {
      int m = v->map[i], p = 0;
      double value = 0;
      if (m >= 0) {
        while (m >= net->nodes[v->in[p]].size)
          m -= net->nodes[v->in[p++]].size;
        value = x[v->in[p]][(size_t)r * (size_t)net->nodes[v->in[p]].size + (size_t)m];
      }
      y[(size_t)r * (size_t)v->size + (size_t)i] = value;
    }
}

/* y = A x, or |A| x. */
static void apply(Linop *op, int k, int n_rows, double *const *x, bool absolute,
                  double *y)
{
  const Node *v = &op->net->nodes[k];
  const double *in = x[v->in[0]];
  const size_t n = (size_t)n_rows * (size_t)v->size;
  switch (v->kind) {
  case NODE_DENSE:
    blas_gemm(false, true, n_rows * v->reps, v->rows, v->cols, in, v->cols,
              absolute ? absolute_weights(op, k) : v->W, v->cols, false, y, v->rows);
    return;
  case NODE_CONV:
    conv_run(conv_pass(op, k, absolute ? LINOP_ABSOLUTE : LINOP_FORWARD), &op->room,
             n_rows, in, false, y);
    return;
  case NODE_SCALE:
    for (size_t i = 0; i < n; i++) {
      const double s = v->scale ? v->scale[i % (size_t)v->size] : 1;
      y[i] = (absolute ? fabs(s) : s) * in[i];
    }
    return;
  case NODE_ADD:
    for (size_t i = 0; i < n; i++) {
      double s = 0;
      for (int p = 0; p < v->n_in; p++)
        s += absolute || v->coef[p] > 0 ? x[v->in[p]][i] : -x[v->in[p]][i];
      y[i] = s;
    }
    return;
  case NODE_MAP:
    map_forward(op->net, v, n_rows, x, y);
    return;
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    break;
  }
  status_abort(__func__, "not a linear node");
}

void linop_forward(Linop *op, int k, int n_rows, double *const *x, double *y)
{
  apply(op, k, n_rows, x, false, y);
  add_bias(&op->net->nodes[k], n_rows, y);
}

void linop_product(Linop *op, int k, int n_rows, double *const *x, double *y)
{
  apply(op, k, n_rows, x, false, y);
}

void linop_forward_abs(Linop *op, int k, int n_rows, double *const *x, double *y)
{
  apply(op, k, n_rows, x, true, y);
}

/* ---- adjoint ------------------------------------------------------------- */

/* Make q[j] ready to be added to. */
static void open_input(const Linop *op, int j, int n_rows, double *const *q,
                       bool *fresh)
{
  if (!fresh[j]) return;
  memset(q[j], 0, (size_t)n_rows * (size_t)op->net->nodes[j].size * sizeof(double));
  fresh[j] = false;
}

/* Most maps have one input: nothing to look for. */
static void map_adjoint_single(const Net *net, const Node *v, int n_rows,
                               const double *restrict nu, double *restrict q)
{
  const size_t size = (size_t)v->size, from = (size_t)net->nodes[v->in[0]].size;
  for (int r = 0; r < n_rows; r++, nu += size, q += from)
    for (size_t i = 0; i < size; i++)
      if (v->map[i] >= 0) q[v->map[i]] += nu[i];
}

static void map_adjoint_repeated(const Linop *op, int k, int n_rows,
                                 const double *restrict nu, bool add,
                                 double *restrict q)
{
  const Node *v = &op->net->nodes[k];
  const int n = op->net->nodes[v->in[0]].size, *first = op->first[k];
  const int *restrict reader = op->reader[k];
  for (int r = 0; r < n_rows; r++, nu += v->size, q += n)
    for (int m = 0, i = 0; m < n; m++) {
      double sum = add ? q[m] : 0;
      for (; i < first[m + 1]; i++)
        sum += nu[reader[i]];
      q[m] = sum;
    }
}

static void map_adjoint(const Net *net, const Node *v, int n_rows, const double *nu,
                        double *const *q)
{
  if (v->n_in == 1) {
    map_adjoint_single(net, v, n_rows, nu, q[v->in[0]]);
    return;
  }
  for (int r = 0; r < n_rows; r++)
    for (int i = 0; i < v->size; i++) {
      int m = v->map[i], p = 0;
      if (m < 0) continue;
      while (m >= net->nodes[v->in[p]].size)
        m -= net->nodes[v->in[p++]].size;
      q[v->in[p]][(size_t)r * (size_t)net->nodes[v->in[p]].size + (size_t)m] +=
          nu[(size_t)r * (size_t)v->size + (size_t)i];
    }
}

static void scale_adjoint(const Node *v, int n_rows, const double *nu, bool add,
                          double *q)
{
  const size_t n = (size_t)n_rows * (size_t)v->size;
  for (size_t i = 0; i < n; i++) {
    const double t = v->scale ? v->scale[i % (size_t)v->size] * nu[i] : nu[i];
    q[i] = add ? q[i] + t : t;
  }
}

void linop_adjoint(Linop *op, int k, int n_rows, const double *nu, double *const *q,
                   bool *fresh)
{
  const Node *v = &op->net->nodes[k];
  const int j = v->in[0];
  const size_t n = (size_t)n_rows * (size_t)v->size;
  switch (v->kind) {
  case NODE_DENSE:
    blas_gemm(false, false, n_rows * v->reps, v->cols, v->rows, nu, v->rows, v->W,
              v->cols, !fresh[j], q[j], v->cols);
    fresh[j] = false;
    return;
  case NODE_CONV:
    conv_run(conv_pass(op, k, LINOP_BACK), &op->room, n_rows, nu, !fresh[j], q[j]);
    fresh[j] = false;
    return;
  case NODE_SCALE:
    scale_adjoint(v, n_rows, nu, !fresh[j], q[j]);
    fresh[j] = false;
    return;
  case NODE_ADD:
    for (int p = 0; p < v->n_in; p++) {
      open_input(op, v->in[p], n_rows, q, fresh);
      double *to = q[v->in[p]];
      for (size_t i = 0; i < n; i++)
        to[i] += v->coef[p] > 0 ? nu[i] : -nu[i];
    }
    return;
  case NODE_MAP:
    if (op->first[k]) {
      map_adjoint_repeated(op, k, n_rows, nu, !fresh[j], q[j]);
      fresh[j] = false;
      return;
    }
    for (int p = 0; p < v->n_in; p++)
      open_input(op, v->in[p], n_rows, q, fresh);
    map_adjoint(op->net, v, n_rows, nu, q);
    return;
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    break;
  }
  status_abort(__func__, "not a linear node");
}

/* Row `unit` of A, times sign. */
static void unit_row(const Node *v, int unit, double sign, double *q)
{
  const Conv *c = &v->conv;
  switch (v->kind) {
  case NODE_DENSE: {
    const double *w = v->W + (size_t)(unit % v->rows) * (size_t)v->cols;
    double *to = q + (size_t)(unit / v->rows) * (size_t)v->cols;
    for (int j = 0; j < v->cols; j++)
      to[j] = sign * w[j];
    return;
  }
  case NODE_CONV: {
    const int plane = conv_plane(c), co = unit / plane, per = c->c_in / c->groups;
    const int y0 = unit % plane / c->w_out * c->sh - c->pt;
    const int x0 = unit % c->w_out * c->sw - c->pl;
    const int base = co / (c->c_out / c->groups) * per;
    const double *w = v->W + (size_t)co * (size_t)conv_taps(c);
    for (int ci = 0; ci < per; ci++)
      for (int ky = 0; ky < c->kh; ky++)
        for (int kx = 0; kx < c->kw; kx++, w++) {
          const int y = y0 + ky * c->dh, x = x0 + kx * c->dw;
          if (y >= 0 && y < c->h_in && x >= 0 && x < c->w_in)
            q[((base + ci) * c->h_in + y) * c->w_in + x] = sign * *w;
        }
    return;
  }
  case NODE_SCALE:
    q[unit] = v->scale ? sign * v->scale[unit] : sign;
    return;
  case NODE_MAP:
    if (v->map[unit] >= 0) q[v->map[unit]] = sign;
    return;
  case NODE_ADD:
  case NODE_INPUT:
  case NODE_ACT:
  case NODE_MUL:
  case NODE_MAX:
    break;
  }
  status_abort(__func__, "not a linear node with one input");
}

void linop_adjoint_unit(Linop *op, int k, int n_rows, const int *unit,
                        const signed char *sign, double *q)
{
  const Node *v = &op->net->nodes[k];
  const size_t n = (size_t)op->net->nodes[v->in[0]].size;
  memset(q, 0, (size_t)n_rows * n * sizeof *q);
  for (int r = 0; r < n_rows; r++)
    unit_row(v, unit[r], sign[r], q + (size_t)r * n);
}
