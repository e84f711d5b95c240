/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/relax.h"

#include <math.h>
#include <stddef.h>

#include "net/base/status.h"

/* p = s lam with the slope of the neuron's state and of the sign of lam. */
static inline double relu_slope(const RelaxRow *r, int i)
{
  const double l = r->l[i], u = r->u[i];
  if (l >= 0) return 1;
  if (u <= 0) return 0;
  if (!(r->lam[i] >= 0)) return r->up[i];
  if (r->alpha) return r->alpha[i];
  return u > -l ? 1 : 0;
}

/* The candidates of (1) are the ends of the interval and, inside it, the kink. */
static inline void relu_neuron(const RelaxRow *r, int i, double s, double p,
                               double *value, double *size)
{
  const double l = r->l[i], u = r->u[i], lam = r->lam[i];
  const double hl = l > 0 ? l : 0, hu = u > 0 ? u : 0;
  const double at_l = lam * hl - p * l, at_u = lam * hu - p * u;
  const double at_0 = l < 0 && u > 0 ? 0 : INFINITY;
  double best = at_l < at_u ? at_l : at_u;
  best = at_0 < best ? at_0 : best;
  if (isnan(at_l) || isnan(at_u)) best = NAN;
  *value += best;
  *size += fabs(lam) * hu + fabs(p) * (-l > u ? -l : u);
  if (r->z) r->z[i] = best == at_0 ? 0 : best == at_l ? l : u;
  if (r->slope) r->slope[i] = s;
}

static void relu_row(const RelaxRow *r, double *value, double *size)
{
  double v = 0, a = 0;
  for (int i = 0; i < r->n; i++) {
    double s = relu_slope(r, i);
    double p = s * r->lam[i];
    if (r->mu && r->l[i] < 0 && r->u[i] > 0) {
      p = r->mu[i];
      s = 0;
    }
    relu_neuron(r, i, s, p, &v, &a);
    r->p[i] = p;
  }
  *value += v;
  *size += a;
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
