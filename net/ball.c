/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/ball.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/base/status.h"

/* Steps that halve the way to the centre. */
#define PULL_STEPS 60

/* The float32 number nearest to x; x itself where that is not finite. */
static double nearest_float(double x)
{
  const double f = fabs(x) <= (double)FLT_MAX ? (double)(float)x : x;
  return isfinite(f) ? f : x;
}

/* The sum of one more magnitude in the norm, rounded up: l1 adds d, l2 adds d^2. */
static double add_up(BallNorm norm, double sum, double d)
{
  return round_add_up(sum, norm == BALL_L1 ? d : round_mul_up(d, d));
}

/* radius, or its float32 number where that is larger, and how far the centre moves. */
static double outer_radius(const Ball *ball)
{
  double moved = 0;
  for (int i = 0; i < ball->n; i++)
    moved = add_up(ball->norm, moved, round_add_up(ball->c_hi[i], -ball->c_lo[i]));
  if (ball->norm == BALL_L2) moved = round_sqrt_up(moved);
  return round_add_up(fmax(ball->radius, nearest_float(ball->radius)), moved);
}

Ball *ball_new(BallNorm norm, int n, const double *c, double radius)
{
  STATUS_REQUIRE(n >= 0 && radius >= 0 && isfinite(radius), "a ball needs a radius");
  const size_t size = (size_t)n;
  Ball *ball = mem_zero(1, sizeof *ball);
  double *block = mem_doubles0(3 * size + 1);
  *ball = (Ball){.norm = norm,
                 .n = n,
                 .radius = radius,
                 .outer = radius,
                 .c = block,
                 .c_lo = block + size,
                 .c_hi = block + 2 * size};
  for (int i = 0; i < n; i++) {
    STATUS_REQUIRE(isfinite(c[i]), "the centre of a ball must be finite");
    ball->c[i] = c[i] + 0.0; /* -0 becomes 0 */
    ball->c_lo[i] = fmin(c[i], nearest_float(c[i]));
    ball->c_hi[i] = fmax(c[i], nearest_float(c[i]));
  }
  if (norm == BALL_L0) {
    STATUS_REQUIRE(radius <= n && radius == floor(radius), "l0 counts coordinates");
    ball->k = (int)radius;
  } else {
    ball->outer = outer_radius(ball);
  }
  return ball;
}

void ball_free(Ball *ball)
{
  if (!ball) return;
  mem_free(ball->c);
  mem_free(ball);
}

Ball *ball_copy(const Ball *ball)
{
  return ball ? ball_new(ball->norm, ball->n, ball->c, ball->radius) : NULL;
}

bool ball_equal(const Ball *a, const Ball *b)
{
  if (!a || !b) return a == b;
  if (a->norm != b->norm || a->n != b->n || a->radius != b->radius) return false;
  for (int i = 0; i < a->n; i++)
    if (a->c[i] != b->c[i]) return false;
  return true;
}

uint64_t ball_hash(const Ball *ball)
{
  if (!ball) return 0;
  uint64_t h = (uint64_t)ball->norm + 1;
  for (int i = -1; i < ball->n; i++) {
    const double x = (i < 0 ? ball->radius : ball->c[i]) + 0.0;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    h = (h ^ bits) * 0x9e3779b97f4a7c15u;
    h ^= h >> 31;
  }
  return h;
}

static int count_moved(const Ball *ball, const double *x)
{
  int moved = 0;
  for (int i = 0; i < ball->n; i++)
    moved += !(x[i] == ball->c[i]); /* NaN has moved */
  return moved;
}

/* |x_i - c_i|, rounded up. */
static double gap_up(const Ball *ball, const double *x, int i)
{
  return fmax(round_add_up(x[i], -ball->c[i]), round_add_up(ball->c[i], -x[i]));
}

/* Sum of |x_i - c_i| (l1) or their squares (l2), rounded up; NaN stays. */
static double sum_up(const Ball *ball, const double *x)
{
  double sum = 0;
  for (int i = 0; i < ball->n; i++) {
    if (isnan(x[i])) return NAN;
    sum = add_up(ball->norm, sum, gap_up(ball, x, i));
  }
  return sum;
}

bool ball_contains(const Ball *ball, const double *x)
{
  if (ball->norm == BALL_L0) {
    for (int i = 0; i < ball->n; i++)
      if (!isfinite(x[i])) return false;
    return count_moved(ball, x) <= ball->k;
  }
  const double most =
      ball->norm == BALL_L1 ? ball->radius : round_mul_dn(ball->radius, ball->radius);
  const double sum = sum_up(ball, x);
  return isfinite(sum) && sum <= most;
}

double ball_distance(const Ball *ball, const double *x)
{
  if (ball->norm == BALL_L0) return count_moved(ball, x);
  const double sum = sum_up(ball, x);
  return ball->norm == BALL_L1 || !(sum >= 0) ? sum : round_sqrt_up(sum);
}

static double nearest_in(double c, double lo, double hi)
{
  return c < lo ? lo : c > hi ? hi : c;
}

/* Give the coordinates that moved least back, until at most k have moved. */
static void pull_count(const Ball *ball, const double *lo, const double *hi, double *x)
{
  for (int moved = count_moved(ball, x); moved > ball->k; moved--) {
    int least = -1;
    double step = INFINITY;
    for (int i = 0; i < ball->n; i++) {
      const double c = ball->c[i], d = fabs(x[i] - c);
      if (!(c >= lo[i] && c <= hi[i]) || x[i] == c || !(d < step)) continue;
      least = i;
      step = d;
    }
    if (least < 0) return;
    x[least] = ball->c[least];
  }
}

void ball_pull(const Ball *ball, const double *lo, const double *hi, double share,
               double *x)
{
  if (ball->norm == BALL_L0) {
    pull_count(ball, lo, hi, x);
    return;
  }
  const double r = ball->radius * share, most = ball->norm == BALL_L1 ? r : r * r;
  double in = 0, out = 1;
  for (int step = 0; step < PULL_STEPS; step++) {
    const double f = step ? in / 2 + out / 2 : 1;
    double sum = 0;
    for (int i = 0; i < ball->n; i++) {
      const double p = nearest_in(ball->c[i], lo[i], hi[i]);
      const double d = fabs(p + f * (x[i] - p) - ball->c[i]);
      sum += ball->norm == BALL_L1 ? d : d * d;
    }
    if (sum <= most && step == 0) return;
    if (sum <= most)
      in = f;
    else
      out = f;
  }
  for (int i = 0; i < ball->n; i++) {
    const double p = nearest_in(ball->c[i], lo[i], hi[i]);
    x[i] = nearest_in(p + in * (x[i] - p), lo[i], hi[i]);
  }
}

const char *ball_norm_word(BallNorm norm)
{
  switch (norm) {
  case BALL_L2:
    return "l2";
  case BALL_L1:
    return "l1";
  case BALL_L0:
    return "l0";
  }
  return "?";
}
