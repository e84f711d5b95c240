/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/kernel.h"

#include <math.h>
#include <string.h>

/* Vectors are passed between inlined functions only. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef KernelLanes Lanes;
#define LANES KERNEL_LANES

static inline __attribute__((always_inline)) Lanes load(const double *a)
{
  Lanes x;
  memcpy(&x, a, sizeof x);
  return x;
}

static inline __attribute__((always_inline)) Lanes magnitude(Lanes x)
{
  const KernelMask sign = (KernelMask)(-(Lanes){0});
  return (Lanes)((KernelMask)x & ~sign);
}

static inline __attribute__((always_inline)) double add_up(Lanes x)
{
  return (x[0] + x[1]) + (x[2] + x[3]);
}

KERNEL_CLONES
double kernel_abs_dot(int n, const double *a, const double *b)
{
  Lanes s = {0};
  double rest = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    s += magnitude(load(a + i)) * load(b + i);
  for (; i < n; i++)
    rest += fabs(a[i]) * b[i];
  return add_up(s) + rest;
}

KERNEL_CLONES
void kernel_scaled_sum(int n, const double *a, double w, double *value, double *size)
{
  Lanes s = {0}, t = {0};
  double v = 0, m = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    const Lanes x = load(a + i);
    s += x;
    t += magnitude(x);
  }
  for (; i < n; i++) {
    v += a[i];
    m += fabs(a[i]);
  }
  *value += (add_up(s) + v) * w;
  *size += (add_up(t) + m) * fabs(w);
}

KERNEL_CLONES
void kernel_bias(int n, const double *a, const double *b, const double *e,
                 double *value, double *size, double *err)
{
  Lanes s = {0}, t = {0}, u = {0};
  double v = 0, m = 0, w = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    const Lanes x = load(a + i), ax = magnitude(x), y = load(b + i);
    s += x * y;
    t += ax * magnitude(y);
    u += ax * load(e + i);
  }
  for (; i < n; i++) {
    v += a[i] * b[i];
    m += fabs(a[i]) * fabs(b[i]);
    w += fabs(a[i]) * e[i];
  }
  *value += add_up(s) + v;
  *size += add_up(t) + m;
  *err += add_up(u) + w;
}

KERNEL_CLONES
void kernel_interval(int n, const double *q, const double *lo, const double *hi,
                     double *value, double *size)
{
  Lanes s = {0}, t = {0};
  double v = 0, m = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    const Lanes x = load(q + i), l = load(lo + i), h = load(hi + i);
    s += x * KERNEL_PICK(x >= (Lanes){0}, l, h);
    t += magnitude(x) * (magnitude(l) + magnitude(h));
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
  Lanes t = {0};
  double m = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    t += magnitude(load(q + i)) * (magnitude(load(lo + i)) + magnitude(load(hi + i)));
  for (; i < n; i++)
    m += fabs(q[i]) * (fabs(lo[i]) + fabs(hi[i]));
  return add_up(t) + m;
}
