/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/ascent.h"

#include <math.h>

#include "net/base/mem.h"

#define B1 0.9
#define B2 0.999

Ascent ascent_new(size_t n)
{
  return (Ascent){.n = n, .m = mem_doubles0(n), .v = mem_doubles0(n)};
}

void ascent_free(Ascent *a)
{
  mem_free(a->m);
  mem_free(a->v);
  *a = (Ascent){0};
}

double ascent_rate(double first, double last, int t, int T)
{
  if (T <= 1) return first;
  return first * pow(last / first, (double)t / (T - 1));
}

static double clamp(double x, double lo, double hi)
{
  return x < lo ? lo : x > hi ? hi : x;
}

static void adam(Ascent *a, int t, double rate, size_t n, const double *g,
                 const double *d, double lo, double hi, double *x)
{
  const double c1 = 1 / (1 - pow(B1, t + 1)), c2 = 1 / (1 - pow(B2, t + 1));
  for (size_t i = 0; i < n; i++) {
    const double unit = d ? d[i] : 1, gi = g[i] * unit;
    a->m[i] = B1 * a->m[i] + (1 - B1) * gi;
    a->v[i] = B2 * a->v[i] + (1 - B2) * gi * gi;
    if (gi == 0 && a->m[i] == 0) continue;
    const double step = c1 * a->m[i] / (sqrt(c2 * a->v[i]) + 1e-12);
    x[i] = clamp(x[i] + rate * unit * step, lo, hi);
  }
}

static void decay(double rate, int n_rows, int size, const double *g, const double *d,
                  double lo, double hi, double *x)
{
  for (int r = 0; r < n_rows; r++) {
    const size_t at = (size_t)r * (size_t)size;
    double largest = 0;
    for (int i = 0; i < size; i++) {
      const double gi = fabs(g[at + (size_t)i]) * (d ? d[at + (size_t)i] : 1);
      if (gi > largest) largest = gi;
    }
    if (!(largest > 0)) continue;
    for (int i = 0; i < size; i++) {
      const double unit = d ? d[at + (size_t)i] : 1;
      double *xi = &x[at + (size_t)i];
      *xi = clamp(*xi + rate / largest * unit * unit * g[at + (size_t)i], lo, hi);
    }
  }
}

void ascent_step(Ascent *a, AscentRule rule, int t, double rate, int n_rows, int size,
                 const double *g, const double *d, double lo, double hi, double *x)
{
  if (rule == ASCENT_ADAM)
    adam(a, t, rate, (size_t)n_rows * (size_t)size, g, d, lo, hi, x);
  else
    decay(rate, n_rows, size, g, d, lo, hi, x);
}
