/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/kernel.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef KernelLanes Lanes;
#define LANES KERNEL_LANES

/* Macros and pointers, not vector arguments: how those are passed depends on the
 * instruction set. */
#define ALL_BUT_SIGN ((KernelMask){LLONG_MAX, LLONG_MAX, LLONG_MAX, LLONG_MAX})
#define MAGNITUDE(x) ((Lanes)((KernelMask)(x)&ALL_BUT_SIGN))

static inline __attribute__((always_inline)) void load(const double *a, Lanes *x)
{
  memcpy(x, a, sizeof *x);
}

static inline __attribute__((always_inline)) double add_up(const Lanes *x)
{
  return ((*x)[0] + (*x)[1]) + ((*x)[2] + (*x)[3]);
}

KERNEL_CLONES
double kernel_abs_dot(int n, const double *a, const double *b)
{
  Lanes s = {0}, x, y;
  double rest = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    load(a + i, &x);
    load(b + i, &y);
    s += MAGNITUDE(x) * y;
  }
  for (; i < n; i++)
    rest += fabs(a[i]) * b[i];
  return add_up(&s) + rest;
}

KERNEL_CLONES
double kernel_dot(int n, const double *a, const double *b)
{
  Lanes s = {0}, x, y;
  double rest = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    load(a + i, &x);
    load(b + i, &y);
    s += x * y;
  }
  for (; i < n; i++)
    rest += a[i] * b[i];
  return add_up(&s) + rest;
}

KERNEL_CLONES
void kernel_axpy(int n, double w, const double *restrict d, double *restrict x)
{
  for (int i = 0; i < n; i++)
    x[i] += w * d[i];
}

KERNEL_CLONES
void kernel_scaled_sum(int n, const double *a, double w, double *value, double *size)
{
  Lanes s = {0}, t = {0}, x;
  double v = 0, m = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    load(a + i, &x);
    s += x;
    t += MAGNITUDE(x);
  }
  for (; i < n; i++) {
    v += a[i];
    m += fabs(a[i]);
  }
  *value += (add_up(&s) + v) * w;
  *size += (add_up(&t) + m) * fabs(w);
}

KERNEL_CLONES
void kernel_bias(int n, const double *a, const double *b, const double *e,
                 double *value, double *size, double *err)
{
  Lanes s = {0}, t = {0}, u = {0}, x, y, z;
  double v = 0, m = 0, w = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    load(a + i, &x);
    load(b + i, &y);
    load(e + i, &z);
    s += x * y;
    t += MAGNITUDE(x) * MAGNITUDE(y);
    u += MAGNITUDE(x) * z;
  }
  for (; i < n; i++) {
    v += a[i] * b[i];
    m += fabs(a[i]) * fabs(b[i]);
    w += fabs(a[i]) * e[i];
  }
  *value += add_up(&s) + v;
  *size += add_up(&t) + m;
  *err += add_up(&u) + w;
}

KERNEL_CLONES
void kernel_interval(int n, const double *q, const double *lo, const double *hi,
                     double *value, double *size)
{
  Lanes s = {0}, t = {0}, x, l, h;
  double v = 0, m = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    load(q + i, &x);
    load(lo + i, &l);
    load(hi + i, &h);
    s += x * KERNEL_PICK(x >= (Lanes){0}, l, h);
    t += MAGNITUDE(x) * (MAGNITUDE(l) + MAGNITUDE(h));
  }
  for (; i < n; i++) {
    v += q[i] * (q[i] >= 0 ? lo[i] : hi[i]);
    m += fabs(q[i]) * (fabs(lo[i]) + fabs(hi[i]));
  }
  *value += add_up(&s) + v;
  *size += add_up(&t) + m;
}

KERNEL_CLONES
void kernel_corner(int n, const double *restrict q, const double *restrict lo,
                   const double *restrict hi, double *restrict at)
{
  for (int i = 0; i < n; i++) {
    const double l = lo[i], h = hi[i];
    at[i] = q[i] >= 0 ? l : h;
  }
}

KERNEL_CLONES
double kernel_interval_size(int n, const double *q, const double *lo, const double *hi)
{
  Lanes t = {0}, x, l, h;
  double m = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    load(q + i, &x);
    load(lo + i, &l);
    load(hi + i, &h);
    t += MAGNITUDE(x) * (MAGNITUDE(l) + MAGNITUDE(h));
  }
  for (; i < n; i++)
    m += fabs(q[i]) * (fabs(lo[i]) + fabs(hi[i]));
  return add_up(&t) + m;
}
