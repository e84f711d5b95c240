/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/sets.h"

#include <criterion/criterion.h>
#include <math.h>

#include "net/base/mem.h"
#include "tests/support/props.h"

Ball *sets_ball(int n, const double *lo, const double *hi, bool coarse, Prng *prng)
{
  double *c = mem_doubles((size_t)n), corner = 0;
  const BallNorm norm = (BallNorm)prng_below(prng, 3);
  for (int i = 0; i < n; i++) {
    c[i] = prng_range(prng, lo[i], hi[i]);
    if (coarse) c[i] = fmin(fmax(round(c[i] * 1024) / 1024, lo[i]), hi[i]);
    const double d = fmax(hi[i] - c[i], c[i] - lo[i]);
    corner += norm == BALL_L2 ? d * d : d;
  }
  if (norm == BALL_L2) corner = sqrt(corner);
  double r =
      norm == BALL_L0 ? prng_below(prng, n + 1) : prng_range(prng, 0, 1.5) * corner;
  if (coarse) r = round(r * 1024) / 1024;
  Ball *ball = ball_new(norm, n, c, r);
  mem_free(c);
  return ball;
}

void sets_sample(const Ball *ball, const double *lo, const double *hi, const double *q,
                 Prng *prng, double *x)
{
  const int n = ball->n;
  for (int i = 0; i < n; i++) {
    const int way = prng_below(prng, 4);
    x[i] = way == 0   ? ball->c[i]
           : way == 1 ? prng_range(prng, lo[i], hi[i])
           : q        ? (q[i] > 0 ? lo[i] : hi[i])
           : way == 2 ? lo[i]
                      : hi[i];
  }
  double share = prng_below(prng, 2) ? 1 : prng_unit(prng);
  do {
    ball_pull(ball, lo, hi, share, x);
    share = share * (1 - 0x1p-40) - 1e-300;
  } while (!ball_contains(ball, x) && share > 0);
  if (ball_contains(ball, x)) return;
  for (int i = 0; i < n; i++)
    x[i] = ball->c[i];
}

Prop *sets_below(const Net *net, const double *lo, const double *hi, const Ball *ball,
                 double rhs)
{
  Prop *prop = props_below(net, lo, hi, 1, (int[]){0, 1}, (int[]){0}, &rhs);
  prop->boxes[0].ball = ball_copy(ball);
  return prop;
}
