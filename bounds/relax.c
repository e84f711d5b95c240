/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/relax.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bounds/kernel.h"
#include "net/base/status.h"

/* Neurons are taken KERNEL_LANES at a time (bounds/kernel.h): compilers do not
 * vectorise this many choices by themselves. */
#define LANES KERNEL_LANES
typedef KernelLanes Lanes;
typedef KernelMask Mask;
#define PICK   KERNEL_PICK
#define ABS(a) ((Lanes)((Mask)(a)&all_but_sign))

typedef struct {
  Lanes l, u, up, down, alpha, lam, mu, beta; /* in, as in RelaxRow */
  Lanes p, slope, z;                          /* out */
  Lanes value, size;                          /* sums so far */
} Relu;

/* p, and the smallest of the candidates of (1): the ends of the interval and the kink.
 * The flags are constants where this is called. */
static inline __attribute__((always_inline)) void
relu_lanes(Relu *r, bool has_alpha, bool has_mu, bool has_beta, bool keep)
{
  const Lanes zero = {0};
  const Mask all_but_sign = ~(Mask)(zero * -1);
  const Lanes l = r->l, u = r->u, lam = r->lam;
  const Mask open = (l < zero) & (u > zero);
  const Lanes lower = has_alpha ? PICK(open, r->alpha, r->down) : r->down;
  Lanes s = PICK(lam >= zero, lower, r->up);
  Lanes p = s * lam;
  if (has_mu) {
    p = PICK(open, r->mu, p);
    s = PICK(open, zero, s);
  }
  if (has_beta) p += PICK(u > l, r->beta, zero);
  const Lanes at_l = -(p * l), at_u = (lam - p) * u;
  const Lanes ends = PICK(at_l < at_u, at_l, at_u);
  r->p = p;
  r->value += PICK(ends > zero, zero, ends);
  r->size += ABS(lam) * u + ABS(p) * (u - l);
  if (!keep) return;
  r->slope = s;
  /* Ties go to the kink: at a slope of 0 or 1 the derivative inwards is wanted. */
  r->z = PICK(ends >= zero, zero, PICK(at_l < at_u, l, u));
}

/* Neurons from .. from + LANES of the row. */
static inline __attribute__((always_inline)) void relu_group(const RelaxRow *row,
                                                             int from, bool has_alpha,
                                                             bool has_mu, bool has_beta,
                                                             bool keep, Relu *r)
{
  memcpy(&r->l, row->l + from, sizeof r->l);
  memcpy(&r->u, row->u + from, sizeof r->u);
  memcpy(&r->up, row->up + from, sizeof r->up);
  memcpy(&r->down, row->down + from, sizeof r->down);
  memcpy(&r->lam, row->lam + from, sizeof r->lam);
  if (has_alpha) memcpy(&r->alpha, row->alpha + from, sizeof r->alpha);
  if (has_mu) memcpy(&r->mu, row->mu + from, sizeof r->mu);
  if (has_beta) memcpy(&r->beta, row->beta + from, sizeof r->beta);
  relu_lanes(r, has_alpha, has_mu, has_beta, keep);
  memcpy(row->p + from, &r->p, sizeof r->p);
  if (!keep) return;
  memcpy(row->slope + from, &r->slope, sizeof r->slope);
  memcpy(row->z + from, &r->z, sizeof r->z);
}

/* The last, incomplete group: missing neurons are zeros, which add nothing. */
static inline __attribute__((always_inline)) void relu_rest(const RelaxRow *row,
                                                            int from, bool has_alpha,
                                                            bool has_mu, bool has_beta,
                                                            bool keep, Relu *r)
{
  const Lanes zero = {0};
  r->l = r->u = r->up = r->down = r->lam = r->alpha = r->mu = r->beta = zero;
  for (int i = from; i < row->n; i++) {
    r->l[i - from] = row->l[i];
    r->u[i - from] = row->u[i];
    r->up[i - from] = row->up[i];
    r->down[i - from] = row->down[i];
    r->lam[i - from] = row->lam[i];
    if (has_alpha) r->alpha[i - from] = row->alpha[i];
    if (has_mu) r->mu[i - from] = row->mu[i];
    if (has_beta) r->beta[i - from] = row->beta[i];
  }
  relu_lanes(r, has_alpha, has_mu, has_beta, keep);
  for (int i = from; i < row->n; i++) {
    row->p[i] = r->p[i - from];
    if (!keep) continue;
    row->slope[i] = r->slope[i - from];
    row->z[i] = r->z[i - from];
  }
}

static inline __attribute__((always_inline)) void relu_loop(const RelaxRow *row,
                                                            bool has_alpha, bool has_mu,
                                                            bool has_beta, bool keep,
                                                            double *value, double *size)
{
  const Lanes zero = {0};
  Relu r = {.value = zero, .size = zero};
  int i = 0;
  for (; i + LANES <= row->n; i += LANES)
    relu_group(row, i, has_alpha, has_mu, has_beta, keep, &r);
  if (i < row->n) relu_rest(row, i, has_alpha, has_mu, has_beta, keep, &r);
  for (int j = 0; j < LANES; j++) {
    *value += r.value[j];
    *size += r.size[j];
  }
}

/* The flags as constants: one loop for every combination that is asked for. */
static inline __attribute__((always_inline)) void
relu_keep(const RelaxRow *r, bool keep, double *value, double *size)
{
  if (r->mu && r->beta)
    relu_loop(r, false, true, true, keep, value, size);
  else if (r->mu)
    relu_loop(r, false, true, false, keep, value, size);
  else if (r->alpha && r->beta)
    relu_loop(r, true, false, true, keep, value, size);
  else if (r->alpha)
    relu_loop(r, true, false, false, keep, value, size);
  else if (r->beta)
    relu_loop(r, false, false, true, keep, value, size);
  else
    relu_loop(r, false, false, false, keep, value, size);
}

KERNEL_CLONES
static void relu_row(const RelaxRow *r, double *value, double *size)
{
  if (r->z)
    relu_keep(r, true, value, size);
  else
    relu_keep(r, false, value, size);
}

bool relax_is_open(ActKind kind, double l, double u)
{
  switch (kind) {
  case ACT_RELU:
    return l < 0 && u > 0;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

bool relax_is_dead(ActKind kind, double l, double u)
{
  switch (kind) {
  case ACT_RELU:
    return l <= u && u <= 0;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

void relax_row(ActKind kind, const RelaxRow *row, double *value, double *size)
{
  switch (kind) {
  case ACT_RELU:
    relu_row(row, value, size);
    return;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}
