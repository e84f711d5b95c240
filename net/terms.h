/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/terms.h -- what one element of a linear node sums up:
 *
 *     x^k[i] = sum_t w_t x^{in[p_t]}[j_t]  +  bias
 *
 * as loops for plain evaluation (net/eval.h, net/orders.h); batches live in
 * bounds/linop.h.
 */
#ifndef NET_TERMS_H
#define NET_TERMS_H

#include "net/net.h"

/* Where element i of a MAP comes from. */
typedef struct {
  int source; /* which input of the node */
  int index;  /* inside it; -1: the constant 0 */
} TermsOrigin;

static inline TermsOrigin terms_origin(const Net *net, const Node *v, int i)
{
  int m = v->map[i];
  if (m < 0) return (TermsOrigin){0, -1};
  for (int p = 0; p < v->n_in; p++) {
    const int n = net->nodes[v->in[p]].size;
    if (m < n) return (TermsOrigin){p, m};
    m -= n;
  }
  return (TermsOrigin){0, -1};
}

/* Calls of the form BODY (weight, index) over the terms of output i of a convolution,
 * in index order. */
#define TERMS_OF_CONV(v, i, BODY)                                                      \
  do {                                                                                 \
    const Conv *c_ = &(v)->conv;                                                       \
    const int plane_ = c_->h_out * c_->w_out;                                          \
    const int co_ = (i) / plane_, oy_ = (i) % plane_ / c_->w_out,                      \
              ox_ = (i) % c_->w_out;                                                   \
    const int per_ = c_->c_in / c_->groups;                                            \
    const int base_ = co_ / (c_->c_out / c_->groups) * per_;                           \
    const double *w_ =                                                                 \
        (v)->W + (size_t)co_ * (size_t)per_ * (size_t)c_->kh * (size_t)c_->kw;         \
    for (int ci_ = 0; ci_ < per_; ci_++)                                               \
      for (int ky_ = 0; ky_ < c_->kh; ky_++)                                           \
        for (int kx_ = 0; kx_ < c_->kw; kx_++, w_++) {                                 \
          const int y_ = oy_ * c_->sh + ky_ * c_->dh - c_->pt;                         \
          const int x_ = ox_ * c_->sw + kx_ * c_->dw - c_->pl;                         \
          if (y_ < 0 || y_ >= c_->h_in || x_ < 0 || x_ >= c_->w_in) continue;          \
          BODY(*w_, ((base_ + ci_) * c_->h_in + y_) * c_->w_in + x_);                  \
        }                                                                              \
  } while (0)

/* The most terms that an element of the linear node has. */
static inline size_t terms_most(const Node *v)
{
  const Conv *c = &v->conv;
  if (v->kind == NODE_DENSE) return (size_t)v->cols;
  if (v->kind == NODE_CONV)
    return (size_t)(c->c_in / c->groups) * (size_t)c->kh * (size_t)c->kw;
  return v->kind == NODE_ADD ? (size_t)v->n_in : 1;
}

/* The bias of element i, 0 when there is none; *err bounds what it is wrong by. */
static inline double terms_bias(const Node *v, int i, double *err)
{
  const double *b = v->kind == NODE_SCALE ? v->shift : v->b;
  int at = i;
  if (v->kind == NODE_DENSE) at = i % v->rows;
  if (v->kind == NODE_CONV) at = i / (v->conv.h_out * v->conv.w_out);
  const bool has =
      v->kind == NODE_DENSE || v->kind == NODE_CONV || v->kind == NODE_SCALE;
  *err = has && v->b_err ? v->b_err[at] : 0;
  return has && b ? b[at] : 0;
}

#endif
