/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/phi.h -- functions other than ReLU (stub). */
#ifndef SPECS_CHECK_PHI_H
#define SPECS_CHECK_PHI_H
#include "net/act.h"
double phi_min(ActKind kind, double l, double u, double lam, double p);
double phi_slope(ActKind kind, double l, double u, int sign, double alpha);
void phi_range(ActKind kind, double l, double u, double *lo, double *hi);
double phi_min_product(double la, double ua, double lb, double ub, double lam,
                       double pa, double pb);
#endif
