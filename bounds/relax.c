/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/relax.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bounds/kernel.h"
#include "net/base/status.h"

/* Neurons in a vector register: four are compared and chosen among in one instruction
 * each on AVX2, in two on anything older. */
#define LANES 4

/* LANES neurons at once, through the vector extension of gcc and clang:
 * compilers do not vectorise this many choices by themselves. */
typedef double Lanes __attribute__((vector_size(8 * LANES)));
typedef long long Mask __attribute__((vector_size(8 * LANES)));

#define PICK(mask, a, b) ((Lanes)(((mask) & (Mask)(a)) | (~(mask) & (Mask)(b))))
#define ABS(a)           ((Lanes)((Mask)(a)&all_but_sign))

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

/* Neurons from .. from + n of the row, n <= LANES; a full group is the common
 * case.  Missing ones are zeros, which add nothing. */
static inline __attribute__((always_inline)) void
relu_group(const RelaxRow *row, int from, size_t n, bool has_alpha, bool has_mu,
           bool keep, Relu *r)
{
  const size_t bytes = n * sizeof(double);
  if (n < LANES) {
    const Lanes zero = {0};
    r->l = r->u = r->up = r->lam = r->alpha = r->mu = zero;
  }
  memcpy(&r->l, row->l + from, bytes);
  memcpy(&r->u, row->u + from, bytes);
  memcpy(&r->up, row->up + from, bytes);
  memcpy(&r->lam, row->lam + from, bytes);
  if (has_alpha) memcpy(&r->alpha, row->alpha + from, bytes);
  if (has_mu) memcpy(&r->mu, row->mu + from, bytes);
  relu_lanes(r, has_alpha, has_mu);
  memcpy(row->p + from, &r->p, bytes);
  if (!keep) return;
  memcpy(row->slope + from, &r->slope, bytes);
  memcpy(row->z + from, &r->z, bytes);
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
    relu_group(row, i, LANES, has_alpha, has_mu, keep, &r);
  if (i < row->n) relu_group(row, i, (size_t)(row->n - i), has_alpha, has_mu, keep, &r);
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
