/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/inputs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "net/base/round.h"

/* Halvings of an interval of lengths. */
#define HALVINGS 100
/* What w and T are multiplied with where the box misses the ball. */
#define BEYOND 0x1p20

/* ---- choices ------------------------------------------------------------- */

/* The input that q . x + |x - c|^2 / (2 s) is least at, relative to c. */
static double step_at(const Ball *ball, double q, double lo, double hi, double s, int i)
{
  return fmin(fmax(-s * q, lo - ball->c[i]), hi - ball->c[i]);
}

static double square_at(const Ball *ball, const double *q, const double *lo,
                        const double *hi, double s)
{
  double sum = 0;
  for (int i = 0; i < ball->n; i++) {
    const double d = step_at(ball, q[i], lo[i], hi[i], s, i);
    sum += d * d;
  }
  return sum;
}

/* The largest s whose point is in the ball; 0: none is; INFINITY: all are. */
static double largest_step(const Ball *ball, const double *q, const double *lo,
                           const double *hi)
{
  const double r2 = ball->outer * ball->outer;
  double in = 0, out = 1;
  if (square_at(ball, q, lo, hi, 0) > r2) return 0;
  while (square_at(ball, q, lo, hi, out) <= r2) {
    in = out;
    out *= 16;
    if (!(out < 0x1p1000)) return INFINITY;
  }
  while (in == 0 && out > 0x1p-1000) {
    const double s = out / 16;
    if (square_at(ball, q, lo, hi, s) <= r2)
      in = s;
    else
      out = s;
  }
  for (int k = 0; k < HALVINGS; k++) {
    const double s = in / 2 + out / 2;
    if (!(s > in && s < out)) break;
    if (square_at(ball, q, lo, hi, s) <= r2)
      in = s;
    else
      out = s;
  }
  return in;
}

static void choose_l2(const Ball *ball, const double *q, const double *lo,
                      const double *hi, double *w)
{
  double s = largest_step(ball, q, lo, hi);
  const bool misses = s == 0;
  if (misses) s = 1 / BEYOND;
  for (int i = 0; i < ball->n; i++) {
    const double d = step_at(ball, q[i], lo[i], hi[i], s, i);
    w[i] = s == INFINITY ? 0 : d == -s * q[i] ? q[i] : -d / s;
    if (!isfinite(w[i])) w[i] = 0;
  }
}

static int compare_falling(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* Inputs that matter most move first, each to its end, until the radius is used up: T
 * is what the one that gets no further matters. */
static double threshold(const Ball *ball, const double *q, const double *lo,
                        const double *hi, double *sorted)
{
  double need = 0, spent, most = 0;
  int n = ball->n;
  for (int i = 0; i < n; i++) {
    sorted[i] = fabs(q[i]);
    most = fmax(most, sorted[i]);
    need += fmax(0, fmax(lo[i] - ball->c[i], ball->c[i] - hi[i]));
  }
  if (need > ball->outer) return most * BEYOND;
  qsort(sorted, (size_t)n, sizeof *sorted, compare_falling);
  int in = -1, out = n; /* of sorted: moving all above sorted[out] uses too much */
  while (out - in > 1) {
    const int mid = in + (out - in) / 2;
    spent = 0;
    for (int i = 0; i < n; i++) {
      const double c = ball->c[i], end = q[i] > 0 ? lo[i] : hi[i];
      if (fabs(q[i]) > sorted[mid])
        spent += fabs(end - c);
      else
        spent += fmax(0, fmax(lo[i] - c, c - hi[i]));
    }
    if (spent <= ball->outer)
      in = mid;
    else
      out = mid;
  }
  if (out < n) return sorted[in < 0 ? 0 : in];
  spent = 0;
  for (int i = 0; i < n; i++)
    spent += fabs((q[i] > 0 ? lo[i] : hi[i]) - ball->c[i]);
  return spent <= ball->outer ? 0 : sorted[n - 1];
}

static void choose_l1(const Ball *ball, const double *q, const double *lo,
                      const double *hi, double *w)
{
  const double T = threshold(ball, q, lo, hi, w);
  for (int i = 0; i < ball->n; i++) {
    w[i] = fmax(-T, fmin(T, q[i]));
    if (ball->c[i] < lo[i]) w[i] = -T;
    if (ball->c[i] > hi[i]) w[i] = T;
  }
}

/* The part of an input's range where it counts as the centre. */
static bool is_near(const Ball *ball, double lo, double hi, int i, double *from,
                    double *to)
{
  *from = lo > ball->c_lo[i] ? lo : ball->c_lo[i];
  *to = hi < ball->c_hi[i] ? hi : ball->c_hi[i];
  return *from <= *to;
}

static double least(double q, double lo, double hi)
{
  return q > 0 ? q * lo : q * hi;
}

static double choose_T(const Ball *ball, const double *q, const double *lo,
                       const double *hi, double *gain)
{
  double from, to, size = 0;
  int k = ball->k;
  for (int i = 0; i < ball->n; i++) {
    const double a = least(q[i], lo[i], hi[i]);
    const bool near = is_near(ball, lo[i], hi[i], i, &from, &to);
    gain[i] = near ? least(q[i], from, to) - a : 0;
    size += fabs(a) + gain[i];
    k -= !near;
  }
  if (k < 0) return size < 0x1p900 ? size * BEYOND : 0;
  if (k >= ball->n) return 0;
  qsort(gain, (size_t)ball->n, sizeof *gain, compare_falling);
  const double T = gain[k > 0 ? k - 1 : 0];
  return T >= 0 && T < INFINITY ? T : 0;
}

double inputs_choose(const Ball *ball, const double *q, const double *lo,
                     const double *hi, double *w)
{
  switch (ball->norm) {
  case BALL_L2:
    choose_l2(ball, q, lo, hi, w);
    return 0;
  case BALL_L1:
    choose_l1(ball, q, lo, hi, w);
    return 0;
  case BALL_L0:
    return choose_T(ball, q, lo, hi, w);
  }
  return NAN;
}

/* ---- their bounds -------------------------------------------------------- */

/* |w|*, rounded up: squares and their sum are off by gamma and by what underflows. */
static double norm_up(const Ball *ball, const double *w)
{
  double sum = 0;
  for (int i = 0; i < ball->n; i++) {
    const double x = fabs(w[i]);
    if (isnan(x)) return NAN;
    if (ball->norm == BALL_L2)
      sum += x * x;
    else if (x > sum)
      sum = x;
  }
  if (ball->norm == BALL_L1) return sum;
  sum = sum * (1 + 2 * round_gamma(ball->n + 4.0)) + ROUND_TINY;
  return sqrt(sum) * (1 + 0x1p-50);
}

/* Every term has at most three roundings before it is summed, and there are 2 n + 1 of
 * them; `size` holds their magnitudes, q - w counted with the wider end. */
static void bound_split(const Ball *ball, const double *q, const double *lo,
                        const double *hi, const double *w, double *value, double *error)
{
  double sum = 0, size = 0;
  for (int i = 0; i < ball->n; i++) {
    const double v = q[i] - w[i], t = least(v, lo[i], hi[i]), u = w[i] * ball->c[i];
    sum += t + u;
    size += fabs(v) * fmax(fabs(lo[i]), fabs(hi[i])) + fabs(u);
  }
  const double beyond = ball->outer * norm_up(ball, w);
  *value = sum - beyond;
  *error = round_gamma(2.0 * ball->n + 8) * (size + beyond) * (1 + 0x1p-10) +
           ROUND_TINY * (ball->n + 1.0);
}

static void bound_count(const Ball *ball, const double *q, const double *lo,
                        const double *hi, double T, double *value, double *error)
{
  double sum = 0, size = 0, from, to;
  int k = ball->k;
  for (int i = 0; i < ball->n; i++) {
    const double a = least(q[i], lo[i], hi[i]);
    const bool near = is_near(ball, lo[i], hi[i], i, &from, &to);
    const double b = near ? least(q[i], from, to) : a, gain = b - a;
    k -= !near;
    sum += b;
    if (!(gain <= T)) sum -= gain - T;
    size += 2 * (fabs(a) + fabs(b));
  }
  const double all = (double)k * T;
  *value = sum - all;
  *error = round_gamma(2.0 * ball->n + 8) * (size + fabs(all)) * (1 + 0x1p-10) +
           ROUND_TINY * (ball->n + 1.0);
}

void inputs_bound(const Ball *ball, const double *q, const double *lo, const double *hi,
                  double *room, double *value, double *error)
{
  *value = *error = NAN;
  for (int i = 0; i < ball->n; i++)
    if (!isfinite(q[i])) return;
  const double T = inputs_choose(ball, q, lo, hi, room);
  if (ball->norm == BALL_L0)
    bound_count(ball, q, lo, hi, T, value, error);
  else
    bound_split(ball, q, lo, hi, room, value, error);
}
