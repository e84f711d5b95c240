/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/executions.h"

#include <math.h>
#include <stdlib.h>

#include "net/base/mem.h"

/* One execution. */
typedef struct {
  const Net *net;
  float **x;
  bool flush;
  Prng *prng;
} Run;

static bool coin(Run *r)
{
  return prng_below(r->prng, 2) != 0;
}

static float kept(const Run *r, float a)
{
  return r->flush && fabsf(a) < 0x1p-126F ? copysignf(0, a) : a;
}

/* volatile: no compiler may keep more bits or contract. */
static float add(const Run *r, float a, float b)
{
  const volatile float s = kept(r, a) + kept(r, b);
  return kept(r, s);
}

static float multiply(const Run *r, float a, float b)
{
  const volatile float p = kept(r, a) * kept(r, b);
  return kept(r, p);
}

static float fused(const Run *r, float a, float b, float c)
{
  return kept(r, fmaf(kept(r, a), kept(r, b), kept(r, c)));
}

/* ---- sums of products ---------------------------------------------------- */

typedef struct {
  float w, x;
  bool alone; /* x itself: no product */
} Term;

static float value(const Run *r, const Term *t)
{
  return t->alone ? t->x : multiply(r, t->w, t->x);
}

static float sum(Run *r, const Term *t, int n)
{
  if (n == 1) return value(r, t);
  const int left = coin(r) ? 1 : 1 + prng_below(r->prng, n - 1);
  if (left == 1 && !t->alone && coin(r))
    return fused(r, t->w, t->x, sum(r, t + 1, n - 1));
  const float a = sum(r, t, left);
  return add(r, a, sum(r, t + left, n - left));
}

static float shuffled_sum(Run *r, Term *t, int n)
{
  if (!n) return 0;
  for (int i = n - 1; i > 0; i--) {
    const int j = prng_below(r->prng, i + 1);
    const Term swap = t[i];
    t[i] = t[j];
    t[j] = swap;
  }
  return sum(r, t, n);
}

static int dense_terms(const Run *r, const Node *v, int i, Term *t)
{
  const int row = i % v->rows, first = i / v->rows * v->cols;
  int n = 0;
  for (int j = 0; j < v->cols; j++)
    t[n++] = (Term){(float)v->W[row * v->cols + j], r->x[v->in[0]][first + j], false};
  if (v->b) t[n++] = (Term){1, (float)v->b[row], true};
  return n;
}

static int conv_terms(const Run *r, const Node *v, int i, Term *t)
{
  const Conv *c = &v->conv;
  const int ox = i % c->w_out, oy = i / c->w_out % c->h_out,
            co = i / c->w_out / c->h_out;
  const int per = c->c_in / c->groups, group = co / (c->c_out / c->groups);
  int n = 0;
  for (int ci = 0; ci < per; ci++)
    for (int ky = 0; ky < c->kh; ky++)
      for (int kx = 0; kx < c->kw; kx++) {
        const int y = oy * c->sh + ky * c->dh - c->pt,
                  x = ox * c->sw + kx * c->dw - c->pl;
        if (y < 0 || x < 0 || y >= c->h_in || x >= c->w_in) continue;
        const int from = ((group * per + ci) * c->h_in + y) * c->w_in + x;
        const int at = ((co * per + ci) * c->kh + ky) * c->kw + kx;
        t[n++] = (Term){(float)v->W[at], r->x[v->in[0]][from], false};
      }
  if (v->b) t[n++] = (Term){1, (float)v->b[co], true};
  return n;
}

static int scale_terms(const Run *r, const Node *v, int i, Term *t)
{
  const float x = r->x[v->in[0]][i];
  t[0] = (Term){v->scale ? (float)v->scale[i] : 1, x, !v->scale};
  if (!v->shift || v->shift[i] == 0) return 1;
  t[1] = (Term){1, (float)v->shift[i], true};
  return 2;
}

static int add_terms(const Run *r, const Node *v, int i, Term *t)
{
  for (int p = 0; p < v->n_in; p++)
    t[p] = (Term){1, v->coef[p] > 0 ? r->x[v->in[p]][i] : -r->x[v->in[p]][i], true};
  return v->n_in;
}

static float mapped(const Run *r, const Node *v, int i)
{
  int m = v->map[i], p = 0;
  if (m < 0) return 0;
  while (m >= r->net->nodes[v->in[p]].size)
    m -= r->net->nodes[v->in[p++]].size;
  return r->x[v->in[p]][m];
}

/* ---- functions ----------------------------------------------------------- */

static float sigmoid(bool other, float x)
{
  if (other) return 0.5F * tanhf(0.5F * x) + 0.5F;
  return 1 / (1 + expf(-x));
}

static float softplus(bool other, float x)
{
  return other ? fmaxf(x, 0) + logf(1 + expf(-fabsf(x))) : log1pf(expf(x));
}

static float smooth(bool other, ActKind kind, float x)
{
  switch (kind) {
  case ACT_SIGMOID:
    return sigmoid(other, x);
  case ACT_TANH:
    return other ? 2 * sigmoid(false, 2 * x) - 1 : tanhf(x);
  case ACT_EXP:
    return other ? exp2f(x * 0.5F * (float)M_LOG2E) * expf(x * 0.5F) : expf(x);
  case ACT_LOG:
    return other ? logf(x * 0.5F) + (float)M_LN2 : logf(x);
  case ACT_SQRT:
    return other ? 1 / sqrtf(1 / x) : sqrtf(x);
  case ACT_SQUARE:
    return x * x;
  case ACT_RECIPROCAL:
    return 1 / x;
  case ACT_SIN:
    return sinf(x);
  case ACT_COS:
    return other ? 1 - 2 * sinf(0.5F * x) * sinf(0.5F * x) : cosf(x);
  case ACT_ERF:
    return other ? 1 - erfcf(x) : erff(x);
  case ACT_SOFTPLUS:
    return softplus(other, x);
  case ACT_ELU:
    return x >= 0 ? x : other ? expf(x) - 1 : expm1f(x);
  case ACT_SILU:
    return other ? x / (1 + expf(-x)) : x * sigmoid(true, x);
  case ACT_GELU:
    return other ? 0.5F * x * (1 + erff(x * (float)M_SQRT1_2))
                 : x * (0.5F * erfcf(-x / (float)M_SQRT2));
  case ACT_HARDSWISH:
    return x * fminf(fmaxf(other ? x / 6 + 0.5F : (x + 3) / 6, 0), 1);
  case ACT_LOGCOSH:
    return other ? logf(coshf(x))
                 : fabsf(x) + log1pf(expf(-2 * fabsf(x))) - (float)M_LN2;
  default:
    return NAN;
  }
}

static float function(Run *r, ActKind kind, float x)
{
  const float at = kind == ACT_RELU && coin(r) ? x : kept(r, x);
  if (kind == ACT_RELU) return at > 0 ? at : 0;
  if (kind == ACT_SIGN) return (float)((at > 0) - (at < 0));
  if (kind == ACT_FLOOR) return floorf(at);
  return kept(r, smooth(coin(r), kind, at));
}

/* ---- all nodes ----------------------------------------------------------- */

static float element(Run *r, const Node *v, int i, Term *t)
{
  switch (v->kind) {
  case NODE_DENSE:
    return shuffled_sum(r, t, dense_terms(r, v, i, t));
  case NODE_CONV:
    return shuffled_sum(r, t, conv_terms(r, v, i, t));
  case NODE_SCALE:
    return shuffled_sum(r, t, scale_terms(r, v, i, t));
  case NODE_ADD:
    return shuffled_sum(r, t, add_terms(r, v, i, t));
  case NODE_MAP:
    return mapped(r, v, i);
  case NODE_ACT:
    return function(r, v->act, r->x[v->in[0]][i]);
  case NODE_MUL:
    return multiply(r, r->x[v->in[0]][i], r->x[v->in[1]][i]);
  case NODE_MAX:
    return fmaxf(r->x[v->in[0]][i], r->x[v->in[1]][i]);
  case NODE_INPUT:
    break;
  }
  return NAN;
}

static int most_terms(const Net *net)
{
  int n = 2;
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    const int taps = v->conv.c_in * v->conv.kh * v->conv.kw;
    const int mine = v->kind == NODE_DENSE  ? v->cols + 1
                     : v->kind == NODE_CONV ? taps + 1
                                            : v->n_in;
    if (mine > n) n = mine;
  }
  return n;
}

bool executions_run(const Net *net, const float *x, bool flush, Prng *prng, float *y)
{
  Run r = {.net = net, .flush = flush, .prng = prng};
  r.x = calloc((size_t)net->n_nodes, sizeof *r.x);
  Term *t = calloc((size_t)most_terms(net), sizeof *t);
  bool fine = true;
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    r.x[k] = calloc((size_t)v->size, sizeof **r.x);
    for (int i = 0; i < v->size; i++) {
      r.x[k][i] = k ? element(&r, v, i, t) : x[i];
      fine = fine && isfinite(r.x[k][i]);
    }
  }
  for (int i = 0; i < net_out_size(net); i++)
    y[i] = r.x[net->n_nodes - 1][i];
  for (int k = 0; k < net->n_nodes; k++)
    free(r.x[k]);
  free(r.x);
  free(t);
  return fine;
}

/* ---- float32 numbers ----------------------------------------------------- */

static void round_all(const double *a, size_t n)
{
  double *own = (double *)a;
  for (size_t i = 0; a && i < n; i++)
    own[i] = (double)(float)own[i];
}

void executions_make_float32(Net *net)
{
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    const Conv *c = &v->conv;
    if (v->kind == NODE_DENSE) {
      round_all(v->W, (size_t)v->rows * (size_t)v->cols);
      round_all(v->b, (size_t)v->rows);
    } else if (v->kind == NODE_CONV) {
      round_all(v->W, (size_t)(c->c_out * (c->c_in / c->groups) * c->kh * c->kw));
      round_all(v->b, (size_t)c->c_out);
    } else if (v->kind == NODE_SCALE) {
      round_all(v->scale, (size_t)v->size);
      round_all(v->shift, (size_t)v->size);
    }
  }
  net->is_float32 = true;
}

void executions_box(int n, double *lo, double *hi)
{
  for (int i = 0; i < n; i++) {
    lo[i] = (double)(float)lo[i];
    hi[i] = fmax((double)(float)hi[i], lo[i]);
  }
}

void executions_sample(int n, const double *lo, const double *hi, Prng *prng, float *x)
{
  const bool corner = prng_below(prng, 3) == 0;
  for (int i = 0; i < n; i++) {
    const double at =
        corner ? (prng_below(prng, 2) ? lo[i] : hi[i]) : prng_range(prng, lo[i], hi[i]);
    /* Rounding is monotonic and keeps the ends: it stays inside. */
    x[i] = (float)at;
  }
}
