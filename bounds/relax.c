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
  Lanes l, u, up, alpha, lam, mu; /* in, as in RelaxRow */
  Lanes p, slope, z;              /* out */
  Lanes value, size;              /* sums so far */
} Relu;

/* The slope s of the neurons' states and of the signs of lam, p, and the smallest of
 * the candidates of (1), which are the ends of the interval and, inside it, the kink. A
 * NaN anywhere makes size NaN.  The flags are constants where this is called. */
static inline __attribute__((always_inline)) void relu_lanes(Relu *r, bool has_alpha,
                                                             bool has_mu)
{
  const Lanes zero = {0}, one = zero + 1;
  const Mask all_but_sign = ~(Mask)(zero * -1);
  const Lanes l = r->l, u = r->u, lam = r->lam;
  const Mask open = (l < zero) & (u > zero);
  const Lanes lower = has_alpha ? r->alpha : PICK(u > -l, one, zero);
  Lanes s = PICK(lam >= zero, lower, r->up);
  s = PICK(open, s, PICK(l >= zero, one, zero));
  Lanes p = s * lam;
  if (has_mu) {
    p = PICK(open, r->mu, p);
    s = PICK(open, zero, s);
  }
  const Lanes hl = PICK(l > zero, l, zero), hu = PICK(u > zero, u, zero);
  const Lanes at_l = lam * hl - p * l, at_u = lam * hu - p * u;
  const Lanes ends = PICK(at_l < at_u, at_l, at_u);
  const Mask kink = open & (ends > zero);
  r->p = p;
  r->slope = s;
  r->z = PICK(kink, zero, PICK(at_l < at_u, l, u));
  r->value += PICK(kink, zero, ends);
  r->size += ABS(lam) * hu + ABS(p) * (ABS(l) + ABS(u));
}

/* Neurons from .. from + LANES of the row. */
static inline __attribute__((always_inline)) void relu_group(const RelaxRow *row,
                                                             int from, bool has_alpha,
                                                             bool has_mu, bool keep,
                                                             Relu *r)
{
  memcpy(&r->l, row->l + from, sizeof r->l);
  memcpy(&r->u, row->u + from, sizeof r->u);
  memcpy(&r->up, row->up + from, sizeof r->up);
  memcpy(&r->lam, row->lam + from, sizeof r->lam);
  if (has_alpha) memcpy(&r->alpha, row->alpha + from, sizeof r->alpha);
  if (has_mu) memcpy(&r->mu, row->mu + from, sizeof r->mu);
  relu_lanes(r, has_alpha, has_mu);
  memcpy(row->p + from, &r->p, sizeof r->p);
  if (!keep) return;
  memcpy(row->slope + from, &r->slope, sizeof r->slope);
  memcpy(row->z + from, &r->z, sizeof r->z);
}

/* The last, incomplete group: missing neurons are zeros, which add nothing. */
static inline __attribute__((always_inline)) void relu_rest(const RelaxRow *row,
                                                            int from, bool has_alpha,
                                                            bool has_mu, bool keep,
                                                            Relu *r)
{
  const Lanes zero = {0};
  r->l = r->u = r->up = r->lam = r->alpha = r->mu = zero;
  for (int i = from; i < row->n; i++) {
    r->l[i - from] = row->l[i];
    r->u[i - from] = row->u[i];
    r->up[i - from] = row->up[i];
    r->lam[i - from] = row->lam[i];
    if (has_alpha) r->alpha[i - from] = row->alpha[i];
    if (has_mu) r->mu[i - from] = row->mu[i];
  }
  relu_lanes(r, has_alpha, has_mu);
  for (int i = from; i < row->n; i++) {
    row->p[i] = r->p[i - from];
    if (!keep) continue;
    row->slope[i] = r->slope[i - from];
    row->z[i] = r->z[i - from];
  }
}

static inline __attribute__((always_inline)) void relu_loop(const RelaxRow *row,
                                                            bool has_alpha, bool has_mu,
                                                            bool keep, double *value,
                                                            double *size)
{
  const Lanes zero = {0};
  Relu r = {.value = zero, .size = zero};
  int i = 0;
  for (; i + LANES <= row->n; i += LANES)
    relu_group(row, i, has_alpha, has_mu, keep, &r);
  if (i < row->n) relu_rest(row, i, has_alpha, has_mu, keep, &r);
  for (int j = 0; j < LANES; j++) {
    *value += r.value[j];
    *size += r.size[j];
  }
}

KERNEL_CLONES
static void relu_row(const RelaxRow *r, double *value, double *size)
{
  if (r->z && r->mu && r->alpha)
    relu_loop(r, true, true, true, value, size);
  else if (r->z && r->mu)
    relu_loop(r, false, true, true, value, size);
  else if (r->z && r->alpha)
    relu_loop(r, true, false, true, value, size);
  else if (r->z)
    relu_loop(r, false, false, true, value, size);
  else if (r->mu && r->alpha)
    relu_loop(r, true, true, false, value, size);
  else if (r->mu)
    relu_loop(r, false, true, false, value, size);
  else if (r->alpha)
    relu_loop(r, true, false, false, value, size);
  else
    relu_loop(r, false, false, false, value, size);
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
