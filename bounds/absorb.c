/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/absorb.h"

#include <math.h>

#include "bounds/form.h"
#include "net/base/mem.h"
#include "net/base/round.h"

/* Products are no smaller, so that their rounding error is relative. */
#define LEAST 0x1p-1000

int absorb_n_rows(const Node *v)
{
  return v->kind == NODE_CONV ? v->conv.c_out : v->rows;
}

int absorb_row(const Node *v, int i)
{
  return v->kind == NODE_CONV ? i / (v->conv.h_out * v->conv.w_out) : i % v->rows;
}

static size_t row_length(const Node *v)
{
  const Conv *c = &v->conv;
  if (v->kind == NODE_DENSE) return (size_t)v->cols;
  return (size_t)(c->c_in / c->groups) * (size_t)c->kh * (size_t)c->kw;
}

/* to = s w, rounded; false where that is no product with a relative error. */
static bool scale_row(const double *w, size_t n, double s, double *to)
{
  bool fine = true;
  for (size_t j = 0; j < n; j++) {
    to[j] = s * w[j];
    fine = fine &&
           (s == 0 || w[j] == 0 || (fabs(to[j]) > LEAST && fabs(to[j]) < INFINITY));
  }
  return fine;
}

bool absorb_behind(Net *net, const Node *v, const AbsorbRows *rows, Node *made)
{
  const size_t n = (size_t)absorb_n_rows(v), length = row_length(v);
  double *W = net_keep(net, mem_doubles(n * length));
  double *b = net_keep(net, mem_doubles(n)), *b_err = net_keep(net, mem_doubles(n));
  double rel = 0, by_rounding = 0;
  bool fine = true;
  for (size_t i = 0; i < n && fine; i++) {
    const double s = rows->s[i], s_err = rows->s_err[i];
    fine = scale_row(v->W + i * length, length, s, W + i * length) &&
           (s != 0 || s_err == 0);
    if (fabs(s) != 1) by_rounding = 2 * ROUND_U;
    if (s_err > 0) rel = fmax(rel, round_up(s_err / fabs(s)));
    b[i] = rows->t[i];
    b_err[i] = rows->t_err[i];
    form_add(&b[i], &b_err[i], v->b ? v->b[i] : 0, 0, s, s_err);
    if (v->b_err) b_err[i] += v->b_err[i] * (fabs(s) + s_err) * FORM_SLACK + ROUND_TINY;
    b_err[i] *= FORM_SLACK;
    fine = fine && isfinite(b[i]) && b_err[i] < INFINITY;
  }
  *made = *v;
  made->W = W;
  made->b = b;
  made->b_err = b_err;
  /* (1 + w_rel) (1 + rel) (1 + u) */
  made->w_rel = (v->w_rel + rel + v->w_rel * rel + by_rounding) * FORM_SLACK;
  return fine && made->w_rel < 0x1p-4;
}
