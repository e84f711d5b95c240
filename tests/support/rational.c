/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/rational.h"

#include <math.h>

#include "net/base/mem.h"

static mpq_t *new_zeros(size_t n)
{
  mpq_t *a = mem_array(n, sizeof *a);
  for (size_t i = 0; i < n; i++)
    mpq_init(a[i]);
  return a;
}

static void free_all(mpq_t *a, size_t n)
{
  for (size_t i = 0; i < n; i++)
    mpq_clear(a[i]);
  mem_free(a);
}

/* True numbers for the stored a[i], or `missing` where a is NULL: somewhere within
 * rel |a[i]| + err[i]. */
static mpq_t *true_numbers(const double *a, double missing, size_t n, double rel,
                           const double *err, Prng *prng)
{
  mpq_t *truth = new_zeros(n), radius, t;
  mpq_inits(radius, t, NULL);
  for (size_t i = 0; i < n; i++) {
    mpq_set_d(truth[i], a ? a[i] : missing);
    mpq_abs(radius, truth[i]);
    mpq_set_d(t, rel);
    mpq_mul(radius, radius, t);
    mpq_set_d(t, err ? err[i] : 0);
    mpq_add(radius, radius, t);
    const int end = prng && mpq_sgn(radius) != 0 ? prng_below(prng, 3) : 0;
    if (end == 1) mpq_add(truth[i], truth[i], radius);
    if (end == 2) mpq_sub(truth[i], truth[i], radius);
  }
  mpq_clears(radius, t, NULL);
  return truth;
}

static void add_product(mpq_t y, const mpq_t w, const mpq_t x)
{
  mpq_t t;
  mpq_init(t);
  mpq_mul(t, w, x);
  mpq_add(y, y, t);
  mpq_clear(t);
}

static void eval_dense(const Node *v, mpq_t *in, mpq_t *y, Prng *prng)
{
  const size_t n_w = (size_t)v->rows * (size_t)v->cols;
  mpq_t *w = true_numbers(v->W, 0, n_w, v->w_rel, NULL, prng);
  mpq_t *b = true_numbers(v->b, 0, (size_t)v->rows, 0, v->b_err, prng);
  for (int i = 0; i < v->size; i++) {
    const int row = i % v->rows, from = i / v->rows * v->cols;
    mpq_set(y[i], b[row]);
    for (int j = 0; j < v->cols; j++)
      add_product(y[i], w[row * v->cols + j], in[from + j]);
  }
  free_all(w, n_w);
  free_all(b, (size_t)v->rows);
}

/* The sum over the taps of one output; w are the weights of its channel co. */
static void conv_element(const Conv *c, int co, int oy, int ox, mpq_t *w, mpq_t *in,
                         mpq_t y)
{
  const int per = c->c_in / c->groups, first = co / (c->c_out / c->groups) * per;
  for (int ci = 0; ci < per; ci++)
    for (int ky = 0; ky < c->kh; ky++)
      for (int kx = 0; kx < c->kw; kx++) {
        const int iy = oy * c->sh + ky * c->dh - c->pt;
        const int ix = ox * c->sw + kx * c->dw - c->pl;
        if (iy < 0 || iy >= c->h_in || ix < 0 || ix >= c->w_in) continue;
        add_product(y, w[(ci * c->kh + ky) * c->kw + kx],
                    in[((first + ci) * c->h_in + iy) * c->w_in + ix]);
      }
}

static void eval_conv(const Node *v, mpq_t *in, mpq_t *y, Prng *prng)
{
  const Conv *c = &v->conv;
  const int plane = c->h_out * c->w_out, taps = c->c_in / c->groups * c->kh * c->kw;
  const size_t n_w = (size_t)c->c_out * (size_t)taps;
  mpq_t *w = true_numbers(v->W, 0, n_w, v->w_rel, NULL, prng);
  mpq_t *b = true_numbers(v->b, 0, (size_t)c->c_out, 0, v->b_err, prng);
  for (int i = 0; i < v->size; i++) {
    const int co = i / plane;
    mpq_set(y[i], b[co]);
    conv_element(c, co, i % plane / c->w_out, i % c->w_out, w + co * taps, in, y[i]);
  }
  free_all(w, n_w);
  free_all(b, (size_t)c->c_out);
}

static void eval_scale(const Node *v, mpq_t *in, mpq_t *y, Prng *prng)
{
  const size_t n = (size_t)v->size;
  mpq_t *w = true_numbers(v->scale, 1, n, v->scale ? v->w_rel : 0, NULL, prng);
  mpq_t *b = true_numbers(v->shift, 0, n, 0, v->b_err, prng);
  for (size_t i = 0; i < n; i++) {
    mpq_set(y[i], b[i]);
    add_product(y[i], w[i], in[i]);
  }
  free_all(w, n);
  free_all(b, n);
}

static void eval_add(const Node *v, mpq_t **x, mpq_t *y)
{
  for (int p = 0; p < v->n_in; p++)
    for (int i = 0; i < v->size; i++)
      (v->coef[p] > 0 ? mpq_add : mpq_sub)(y[i], y[i], x[v->in[p]][i]);
}

static void eval_map(const Net *net, const Node *v, mpq_t **x, mpq_t *y)
{
  for (int i = 0; i < v->size; i++) {
    int at = v->map[i], p = 0;
    if (at < 0) continue;
    while (at >= net->nodes[v->in[p]].size)
      at -= net->nodes[v->in[p++]].size;
    mpq_set(y[i], x[v->in[p]][at]);
  }
}

static void eval_act(const Node *v, mpq_t *in, mpq_t *y, bool *is_undefined)
{
  for (int i = 0; i < v->size; i++)
    if (v->act == ACT_SQUARE)
      mpq_mul(y[i], in[i], in[i]);
    else if (v->act == ACT_SIGN)
      mpq_set_si(y[i], mpq_sgn(in[i]), 1);
    else if (v->act == ACT_RECIPROCAL && mpq_sgn(in[i]) == 0)
      *is_undefined = true;
    else if (v->act == ACT_RECIPROCAL)
      mpq_inv(y[i], in[i]);
    else if (v->act != ACT_RELU)
      status_abort(__func__, "values that are no rational numbers");
    else if (mpq_sgn(in[i]) > 0)
      mpq_set(y[i], in[i]);
}

Rational rational_eval(const Net *net, const double *x, Prng *prng)
{
  Rational r = {.net = net, .value = mem_array((size_t)net->n_nodes, sizeof *r.value)};
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    mpq_t *y = r.value[k] = new_zeros((size_t)v->size);
    mpq_t *in = v->n_in ? r.value[v->in[0]] : NULL;
    switch (v->kind) {
    case NODE_INPUT:
      for (int i = 0; i < v->size; i++)
        mpq_set_d(y[i], x[i]);
      break;
    case NODE_DENSE:
      eval_dense(v, in, y, prng);
      break;
    case NODE_CONV:
      eval_conv(v, in, y, prng);
      break;
    case NODE_SCALE:
      eval_scale(v, in, y, prng);
      break;
    case NODE_ADD:
      eval_add(v, r.value, y);
      break;
    case NODE_MAP:
      eval_map(net, v, r.value, y);
      break;
    case NODE_ACT:
      eval_act(v, in, y, &r.is_undefined);
      break;
    case NODE_MUL:
      for (int i = 0; i < v->size; i++)
        mpq_mul(y[i], in[i], r.value[v->in[1]][i]);
      break;
    case NODE_MAX:
      for (int i = 0; i < v->size; i++) {
        mpq_srcptr other = r.value[v->in[1]][i];
        mpq_set(y[i], mpq_cmp(in[i], other) > 0 ? in[i] : other);
      }
      break;
    }
  }
  return r;
}

void rational_free(Rational *r)
{
  for (int k = 0; k < r->net->n_nodes; k++)
    free_all(r->value[k], (size_t)r->net->nodes[k].size);
  mem_free(r->value);
  r->value = NULL;
}

int rational_compare(mpq_srcptr a, double d)
{
  STATUS_REQUIRE(!isnan(d), "NaN has no order");
  if (isinf(d)) return d > 0 ? -1 : 1;
  mpq_t t;
  mpq_init(t);
  mpq_set_d(t, d);
  const int order = mpq_cmp(a, t);
  mpq_clear(t);
  return order;
}

int rational_compare_dot(const Rational *r, int k, const double *c, double d)
{
  mpq_t sum, weight;
  mpq_inits(sum, weight, NULL);
  for (int i = 0; i < r->net->nodes[k].size; i++) {
    mpq_set_d(weight, c[i]);
    add_product(sum, weight, r->value[k][i]);
  }
  const int order = rational_compare(sum, d);
  mpq_clears(sum, weight, NULL);
  return order;
}

bool rational_within(mpq_srcptr a, double mid, double rad)
{
  if (!(rad >= 0)) return false;
  if (isinf(rad)) return true;
  if (!isfinite(mid)) return false;
  mpq_t distance;
  mpq_init(distance);
  mpq_set_d(distance, mid);
  mpq_sub(distance, a, distance);
  mpq_abs(distance, distance);
  const int order = rational_compare(distance, rad);
  mpq_clear(distance);
  return order <= 0;
}
