/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/phi.h"
#include <math.h>
double phi_min(ActKind kind, double l, double u, double lam, double p)
{
  (void)kind, (void)l, (void)u, (void)lam, (void)p;
  return -INFINITY;
}
double phi_slope(ActKind kind, double l, double u, int sign, double alpha)
{
  (void)kind, (void)l, (void)u, (void)sign, (void)alpha;
  return 0;
}
void phi_range(ActKind kind, double l, double u, double *lo, double *hi)
{
  (void)kind, (void)l, (void)u;
  *lo = -INFINITY;
  *hi = INFINITY;
}
double phi_min_product(double la, double ua, double lb, double ub, double lam,
                       double pa, double pb)
{
  (void)la, (void)ua, (void)lb, (void)ub, (void)lam, (void)pa, (void)pb;
  return -INFINITY;
}
