/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/support.h"

#include <math.h>
#include <stdbool.h>

#include "bounds/kernel.h"
#include "net/base/round.h"

/* Steps towards the best s and T; more than doubles have bits. */
#define ROOT_STEPS 64
/* Where the box misses the ball: how much larger than all else w and T become. */
#define FAR 0x1p20

static double nearest_in(double x, double lo, double hi)
{
  return x < lo ? lo : x > hi ? hi : x;
}

/* ---- l2 ------------------------------------------------------------------ */

/* |x(s) - c|^2 = fixed + s^2 free: what is clipped, and |q|^2 of the rest.  Is x(s) the
 * corner, where every input is at the end that q draws it to?  Where c is outside of
 * the box, inputs start at the other end. */
static bool split_squares(const Ball *ball, const double *q, const double *lo,
                          const double *hi, double s, double *fixed, double *free)
{
  *fixed = *free = 0;
  bool is_corner = true;
  for (int i = 0; i < ball->n; i++) {
    const double d = -s * q[i], a = lo[i] - ball->c[i], b = hi[i] - ball->c[i];
    if (d < a)
      *fixed += a * a;
    else if (d > b)
      *fixed += b * b;
    else
      *free += q[i] * q[i];
    is_corner = is_corner && (q[i] == 0 || (q[i] > 0 ? d < a : d > b));
  }
  return is_corner;
}

/* s of the header; INFINITY where the corner is in the ball.  Newton's steps inside of
 * a bracket, because |x(s) - c| never falls. */
static double find_s(const Ball *ball, const double *q, const double *lo,
                     const double *hi)
{
  const double r2 = ball->outer * ball->outer;
  double fixed, free, low = 0, high = INFINITY;
  split_squares(ball, q, lo, hi, 0, &fixed, &free);
  const double all = kernel_dot(ball->n, q, q);
  if (!(all > 0)) return INFINITY;
  double s = ball->outer / sqrt(all);
  if (fixed > r2) return sqrt(fixed / all) / FAR;
  for (int step = 0; step < ROOT_STEPS && s > 0 && s < INFINITY; step++) {
    const bool is_corner = split_squares(ball, q, lo, hi, s, &fixed, &free);
    if (is_corner && fixed <= r2) return INFINITY;
    const bool inside = fixed + s * s * free <= r2;
    if (inside)
      low = s;
    else
      high = s;
    double next = fixed < r2 && free > 0 ? sqrt((r2 - fixed) / free) : NAN;
    if (!(next >= low && next <= high))
      next = high < INFINITY ? low / 2 + high / 2 : 2 * low;
    if (fabs(next - s) <= 0x1p-50 * s) break;
    s = next;
  }
  return s;
}

static void choose_l2(const Ball *ball, const double *q, const double *lo,
                      const double *hi, double *w, double *at)
{
  const double s = find_s(ball, q, lo, hi);
  for (int i = 0; i < ball->n; i++) {
    const double c = ball->c[i], d = -s * q[i], a = lo[i] - c, b = hi[i] - c;
    if (!(s > 0 && s < INFINITY)) { /* the corner, or c alone */
      w[i] = s == 0 ? q[i] : 0;
      if (!at) continue;
      at[i] = q[i] > 0 ? lo[i] : hi[i];
      if (s == 0 || q[i] == 0) at[i] = nearest_in(c, lo[i], hi[i]);
      continue;
    }
    w[i] = d < a ? -a / s : d > b ? -b / s : q[i];
    if (at) at[i] = nearest_in(d < a ? lo[i] : d > b ? hi[i] : c + d, lo[i], hi[i]);
  }
}

/* |w|_2, rounded up: every square is off by u of itself or by less than 2^-1074, a sum
 * of n by gamma_n; the root by u. */
static double length_up(int n, const double *w)
{
  const double sum = kernel_dot(n, w, w);
  return sqrt((sum + n * 0x1p-1000) * (1 + 4 * round_gamma(n + 8.0))) * (1 + 0x1p-50);
}

/* ---- l1 ------------------------------------------------------------------ */

/* How far input i is from c at least, and at the end that q prefers. */
static double least_move(const Ball *ball, double lo, double hi, int i)
{
  return fabs(nearest_in(ball->c[i], lo, hi) - ball->c[i]);
}

/* The radius that is used when all inputs with |q_i| > T go where they are drawn. */
static double used(const Ball *ball, const double *q, const double *lo,
                   const double *hi, double T)
{
  double sum = 0;
  for (int i = 0; i < ball->n; i++)
    sum += fabs(q[i]) > T ? fabs((q[i] >= 0 ? lo[i] : hi[i]) - ball->c[i])
                          : least_move(ball, lo[i], hi[i], i);
  return sum;
}

static double find_T(const Ball *ball, const double *q, const double *lo,
                     const double *hi)
{
  double high = 0, low = 0, best = 0;
  for (int i = 0; i < ball->n; i++)
    high = fmax(high, fabs(q[i]));
  if (used(ball, q, lo, hi, 0) <= ball->outer) return 0;
  if (used(ball, q, lo, hi, high) > ball->outer) return high * FAR;
  for (int step = 0; step < ROOT_STEPS; step++) {
    const double mid = low / 2 + high / 2;
    if (!(mid > low && mid < high)) break;
    if (used(ball, q, lo, hi, mid) <= ball->outer)
      high = mid;
    else
      low = mid;
  }
  for (int i = 0; i < ball->n; i++)
    if (fabs(q[i]) <= high) best = fmax(best, fabs(q[i]));
  return best;
}

/* The minimiser: beyond T all the way, at T as far as the radius goes. */
static void greedy_l1(const Ball *ball, const double *q, const double *lo,
                      const double *hi, double T, double *at)
{
  double left = ball->outer - used(ball, q, lo, hi, T);
  for (int i = 0; i < ball->n; i++) {
    const double end = q[i] >= 0 ? lo[i] : hi[i];
    const double near = nearest_in(ball->c[i], lo[i], hi[i]);
    at[i] = fabs(q[i]) > T ? end : near;
    if (fabs(q[i]) != T || T == 0 || !(left > 0)) continue;
    const double step = fmin(left, fabs(end - near));
    at[i] = nearest_in(near + (end < near ? -step : step), lo[i], hi[i]);
    left -= step;
  }
}

static double choose_l1(const Ball *ball, const double *q, const double *lo,
                        const double *hi, double *w, double *at)
{
  const double T = find_T(ball, q, lo, hi);
  for (int i = 0; i < ball->n; i++) {
    w[i] = q[i] > T ? T : q[i] < -T ? -T : q[i];
    if (lo[i] > ball->c[i]) w[i] = -T;
    if (hi[i] < ball->c[i]) w[i] = T;
  }
  if (at) greedy_l1(ball, q, lo, hi, T, at);
  return T;
}

/* The sum (1), w in room[0 .. n). */
static void add_split(const Ball *ball, const double *q, const double *lo,
                      const double *hi, double norm, double *room, double *value,
                      double *size, double *err)
{
  const int n = ball->n;
  double *const w = room, *const v = room + n, ignored = 0;
  for (int i = 0; i < n; i++)
    v[i] = q[i] - w[i];
  kernel_interval(n, v, lo, hi, value, size);
  kernel_bias(n, w, ball->c, ball->c, value, size, &ignored);
  *err += kernel_interval_size(n, v, lo, hi) * ROUND_U * (1 + 0x1p-20);
  *value -= ball->outer * norm;
  *size += ball->outer * norm;
}

/* ---- l0 ------------------------------------------------------------------ */

/* The `rank`-th largest of a[0 .. n), rank >= 1; reorders a.  With NaN: any element. */
static double select_largest(double *a, int n, int rank)
{
  int from = 0, to = n - 1;
  const int at = rank - 1;
  while (from < to) {
    const double pivot = a[from + (to - from) / 2];
    int i = from, j = to;
    while (i <= j) {
      while (i < to && a[i] > pivot)
        i++;
      while (j > from && pivot > a[j])
        j--;
      if (i > j) break;
      const double t = a[i];
      a[i++] = a[j];
      a[j--] = t;
    }
    if (at <= j)
      to = j;
    else if (at >= i)
      from = i;
    else
      break;
  }
  return a[at];
}

/* Gains into gain[n] (0 where forced), b into the sums.  Returns f. */
static int gains(const Ball *ball, const double *q, const double *lo, const double *hi,
                 double *gain, double *value, double *size)
{
  int forced = 0;
  for (int i = 0; i < ball->n; i++) {
    const double near_lo = fmax(ball->c_lo[i], lo[i]);
    const double near_hi = fmin(ball->c_hi[i], hi[i]);
    const double a = q[i] * (q[i] >= 0 ? lo[i] : hi[i]);
    const bool is_forced = near_lo > near_hi;
    const double b = is_forced ? a : q[i] * (q[i] >= 0 ? near_lo : near_hi);
    gain[i] = b - a;
    forced += is_forced;
    *value += b;
    *size += 4 * (fabs(a) + fabs(b));
  }
  return forced;
}

/* Moves of the minimiser: the gains above T, then those at T while any are left. */
static void move_l0(const Ball *ball, const double *q, const double *lo,
                    const double *hi, const double *gain, double T, int left,
                    double *at)
{
  for (int i = 0; i < ball->n; i++)
    left -= gain[i] > T;
  for (int i = 0; i < ball->n; i++) {
    const double near = nearest_in(ball->c[i], lo[i], hi[i]);
    bool moves = gain[i] > T;
    if (gain[i] == T && T > 0 && left > 0) {
      moves = true;
      left--;
    }
    const bool forced = fmax(ball->c_lo[i], lo[i]) > fmin(ball->c_hi[i], hi[i]);
    at[i] = moves || forced ? (q[i] >= 0 ? lo[i] : hi[i]) : near;
  }
}

static void add_count(const Ball *ball, const double *q, const double *lo,
                      const double *hi, double *room, double *at, double *value,
                      double *size)
{
  const int n = ball->n;
  double *const gain = room, *const copy = room + n, all = 0, T = 0;
  const int k = ball->k - gains(ball, q, lo, hi, gain, value, &all);
  for (int i = 0; i < n; i++)
    copy[i] = gain[i];
  if (k < 0)
    T = FAR * all;
  else if (k < n)
    T = select_largest(copy, n, k > 0 ? k : 1);
  if (!(T >= 0)) T = 0;
  for (int i = 0; i < n; i++)
    if (!(gain[i] <= T)) *value -= gain[i] - T;
  *value -= k * T;
  *size += all + 4 * fabs((double)k) * T;
  if (at) move_l0(ball, q, lo, hi, gain, T, k > 0 ? k : 0, at);
}

void support_term(const Ball *ball, const double *q, const double *lo, const double *hi,
                  double *room, double *at, double *value, double *size, double *err)
{
  if (ball->norm == BALL_L0) {
    add_count(ball, q, lo, hi, room, at, value, size);
    return;
  }
  double norm;
  if (ball->norm == BALL_L1) {
    norm = choose_l1(ball, q, lo, hi, room, at);
  } else {
    choose_l2(ball, q, lo, hi, room, at);
    norm = length_up(ball->n, room);
  }
  add_split(ball, q, lo, hi, norm, room, value, size, err);
}
