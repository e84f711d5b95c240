/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/ascent.h"

#include <math.h>

#include "bounds/kernel.h"
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

AscentSchedule ascent_schedule(int t, double rate)
{
  return (AscentSchedule){
      .rate = rate, .c1 = 1 / (1 - pow(B1, t + 1)), .c2 = 1 / (1 - pow(B2, t + 1))};
}

double ascent_move(const AscentSchedule *now, double g, double *m, double *v)
{
  *m = B1 * *m + (1 - B1) * g;
  *v = B2 * *v + (1 - B2) * g * g;
  return now->rate * now->c1 * *m / (sqrt(now->c2 * *v) + 1e-12);
}

/* No branch but what a compiler turns into a choice: this loop is vectorised. */
KERNEL_CLONES
static void direction(double rate, double c1, double c2, size_t n,
                      const double *restrict g, double lo, double hi,
                      double *restrict m, double *restrict v, const double *restrict x,
                      double *restrict d)
{
  for (size_t i = 0; i < n; i++) {
    m[i] = B1 * m[i] + (1 - B1) * g[i];
    v[i] = B2 * v[i] + (1 - B2) * g[i] * g[i];
    const double y = x[i] + rate * c1 * m[i] / (sqrt(c2 * v[i]) + 1e-12);
    const double z = y < lo ? lo : y;
    d[i] = (z > hi ? hi : z) - x[i];
  }
}

void ascent_direction(Ascent *a, int t, double rate, int n_rows, int size,
                      const double *g, double lo, double hi, const double *x, double *d)
{
  const AscentSchedule now = ascent_schedule(t, rate);
  direction(rate, now.c1, now.c2, (size_t)n_rows * (size_t)size, g, lo, hi, a->m, a->v,
            x, d);
}

static void adam(const AscentSchedule *now, Ascent *a, size_t n, const double *g,
                 const double *d, double lo, double hi, double *x)
{
  for (size_t i = 0; i < n; i++) {
    const double unit = d ? d[i] : 1;
    x[i] =
        clamp(x[i] + unit * ascent_move(now, g[i] * unit, &a->m[i], &a->v[i]), lo, hi);
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
  const size_t n = (size_t)n_rows * (size_t)size;
  const AscentSchedule now = ascent_schedule(t, rate);
  if (rule == ASCENT_DECAY)
    decay(rate, n_rows, size, g, d, lo, hi, x);
  else
    adam(&now, a, n, g, d, lo, hi, x);
}
