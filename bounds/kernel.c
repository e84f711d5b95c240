/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/kernel.h"

#include <math.h>

static inline double add_up(const double *lanes)
{
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

KERNEL_CLONES
double kernel_abs_dot(int n, const double *a, const double *b)
{
  double s[KERNEL_LANES] = {0}, rest = 0;
  int i = 0;
  for (; i + KERNEL_LANES <= n; i += KERNEL_LANES)
    for (int j = 0; j < KERNEL_LANES; j++)
      s[j] += fabs(a[i + j]) * b[i + j];
  for (; i < n; i++)
    rest += fabs(a[i]) * b[i];
  return add_up(s) + rest;
}

KERNEL_CLONES
void kernel_scaled_sum(int n, const double *a, double w, double *value, double *size)
{
  double s[KERNEL_LANES] = {0}, t[KERNEL_LANES] = {0}, v = 0, m = 0;
  const double aw = fabs(w);
  int i = 0;
  for (; i + KERNEL_LANES <= n; i += KERNEL_LANES)
    for (int j = 0; j < KERNEL_LANES; j++) {
      s[j] += a[i + j] * w;
      t[j] += fabs(a[i + j]) * aw;
    }
  for (; i < n; i++) {
    v += a[i] * w;
    m += fabs(a[i]) * aw;
  }
  *value += add_up(s) + v;
  *size += add_up(t) + m;
}

KERNEL_CLONES
void kernel_dot(int n, const double *a, const double *b, double *value, double *size)
{
  double s[KERNEL_LANES] = {0}, t[KERNEL_LANES] = {0}, v = 0, m = 0;
  int i = 0;
  for (; i + KERNEL_LANES <= n; i += KERNEL_LANES)
    for (int j = 0; j < KERNEL_LANES; j++) {
      s[j] += a[i + j] * b[i + j];
      t[j] += fabs(a[i + j]) * fabs(b[i + j]);
    }
  for (; i < n; i++) {
    v += a[i] * b[i];
    m += fabs(a[i]) * fabs(b[i]);
  }
  *value += add_up(s) + v;
  *size += add_up(t) + m;
}

KERNEL_CLONES
void kernel_interval(int n, const double *q, const double *lo, const double *hi,
                     double *value, double *size)
{
  double s[KERNEL_LANES] = {0}, t[KERNEL_LANES] = {0}, v = 0, m = 0;
  int i = 0;
  for (; i + KERNEL_LANES <= n; i += KERNEL_LANES)
    for (int j = 0; j < KERNEL_LANES; j++) {
      const double x = q[i + j];
      s[j] += x * (x >= 0 ? lo[i + j] : hi[i + j]);
      t[j] += fabs(x) * (fabs(lo[i + j]) + fabs(hi[i + j]));
    }
  for (; i < n; i++) {
    v += q[i] * (q[i] >= 0 ? lo[i] : hi[i]);
    m += fabs(q[i]) * (fabs(lo[i]) + fabs(hi[i]));
  }
  *value += add_up(s) + v;
  *size += add_up(t) + m;
}

KERNEL_CLONES
double kernel_interval_size(int n, const double *q, const double *lo, const double *hi)
{
  double t[KERNEL_LANES] = {0}, m = 0;
  int i = 0;
  for (; i + KERNEL_LANES <= n; i += KERNEL_LANES)
    for (int j = 0; j < KERNEL_LANES; j++)
      t[j] += fabs(q[i + j]) * (fabs(lo[i + j]) + fabs(hi[i + j]));
  for (; i < n; i++)
    m += fabs(q[i]) * (fabs(lo[i]) + fabs(hi[i]));
  return add_up(t) + m;
}
