/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets around a point: who is in them, and the least of a linear function over them as
 * the solver and the checker bound it, compared with enumeration and exact numbers.
 * Long, because the same sets judge bounds, certificates and witnesses. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>
#include <string.h>

#include "bounds/contract.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "bounds/support.h"
#include "net/ball.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "specs/box.h"
#include "specs/check/inputs.h"
#include "specs/witness.h"
#include "tests/support/bounded.h"
#include "tests/support/certs.h"
#include "tests/support/nets.h"
#include "tests/support/sets.h"

#define SANITIZED (!strcmp(DUALCERT_MODE, "asan"))

enum { MOST = 40 };

/* ---- containment --------------------------------------------------------- */

static bool contains(BallNorm norm, double r, double x0, double x1)
{
  const double c[2] = {0, 0}, x[2] = {x0, x1};
  Ball *ball = ball_new(norm, 2, c, r);
  const bool in = ball_contains(ball, x);
  ball_free(ball);
  return in;
}

Test(ball, points_exactly_on_the_border_are_inside_and_the_next_double_is_not)
{
  cr_assert(contains(BALL_L2, 5, 3, 4));
  cr_assert(contains(BALL_L2, 5, -3, -4));
  cr_assert_not(contains(BALL_L2, 5, 3, nextafter(4, 5)));
  cr_assert_not(contains(BALL_L2, nextafter(5, 4), 3, 4));
  cr_assert(contains(BALL_L2, 0x5p-400, 0x3p-400, 0x4p-400));
  cr_assert(contains(BALL_L1, 7, 3, -4));
  cr_assert_not(contains(BALL_L1, 7, 3, nextafter(-4, -5)));
  cr_assert(contains(BALL_L1, 0.75, 0.25, 0.5));
  cr_assert(contains(BALL_L0, 1, 1e300, 0));
  cr_assert_not(contains(BALL_L0, 1, 0x1p-1074, 0x1p-1074));
  cr_assert(contains(BALL_L0, 0, -0.0, 0));
  cr_assert_not(contains(BALL_L2, 1e308, NAN, 0));
  cr_assert_not(contains(BALL_L1, 1, INFINITY, 0));
  cr_assert_not(contains(BALL_L0, 2, NAN, 0));
}

/* sum |x - c| <= r or sum (x - c)^2 <= r^2, in rationals. */
static bool exactly_in(const Ball *ball, const double *x)
{
  mpq_t sum, d, c;
  mpq_inits(sum, d, c, NULL);
  for (int i = 0; i < ball->n; i++) {
    mpq_set_d(d, x[i]);
    mpq_set_d(c, ball->c[i]);
    mpq_sub(d, d, c);
    mpq_abs(d, d);
    if (ball->norm == BALL_L2) mpq_mul(d, d, d);
    mpq_add(sum, sum, d);
  }
  mpq_set_d(d, ball->radius);
  if (ball->norm == BALL_L2) mpq_mul(d, d, d);
  const bool in = mpq_cmp(sum, d) <= 0;
  mpq_clears(sum, d, c, NULL);
  return in;
}

Test(ball, what_is_called_inside_is_inside_in_rational_numbers)
{
  Prng prng = prng_init(1);
  int inside = 0, refused = 0;
  for (int t = 0; t < 4000; t++) {
    const int n = 1 + prng_below(&prng, 6);
    double lo[MOST], hi[MOST], x[MOST];
    nets_box(n, 1, &prng, lo, hi);
    Ball *ball = sets_ball(n, lo, hi, false, &prng);
    nets_sample(n, lo, hi, &prng, x);
    ball_pull(ball, lo, hi, 1, x);
    if (ball->norm != BALL_L0) {
      const bool in = ball_contains(ball, x), exact = exactly_in(ball, x);
      cr_assert(!in || exact);
      inside += in;
      refused += !in;
      const double d = ball_distance(ball, x);
      cr_assert(!(d <= ball->radius) || exact);
    }
    ball_free(ball);
  }
  cr_assert(inside > 1000 && refused > 100, "%d inside, %d not", inside, refused);
}

Test(ball, the_outer_reading_holds_the_float32_one)
{
  Prng prng = prng_init(2);
  int moved = 0;
  for (int t = 0; t < 300; t++) {
    double c[4], x[4], d1 = 0, d2 = 0;
    for (int i = 0; i < 4; i++)
      c[i] = prng_range(&prng, -1, 1);
    const double r = prng_unit(&prng);
    for (int norm = 0; norm < 2; norm++) {
      Ball *ball = ball_new(norm ? BALL_L1 : BALL_L2, 4, c, r);
      for (int i = 0; i < 4; i++)
        x[i] = (double)(float)c[i];
      d1 = d2 = 0;
      for (int i = 0; i < 4; i++) {
        d1 += fabs(x[i] - c[i]);
        d2 += (x[i] - c[i]) * (x[i] - c[i]);
      }
      const double d = norm ? d1 : sqrt(d2);
      cr_assert(ball->outer >= r && ball->outer >= (double)(float)r + d * (1 - 1e-12));
      cr_assert(ball->outer <= r + 1e-6);
      moved += ball->outer > r;
      ball_free(ball);
    }
  }
  cr_assert(moved > 500);
}

/* Squares of tiny numbers have no digits: roots of their sums once took for ever. */
Test(ball, numbers_of_all_sizes_have_a_distance)
{
  Prng prng = prng_init(3);
  for (int e = -1074; e < 500; e++) {
    const double c[2] = {ldexp(1 + prng_unit(&prng), e), 0};
    const double x[2] = {c[0] + ldexp(3, e), ldexp(4, e)}, true_one = ldexp(5, e);
    Ball *ball = ball_new(BALL_L2, 2, c, 1);
    cr_assert(ball->outer >= 1 && ball->outer <= (1 + c[0]) * (1 + 0x1p-52), "2^%d", e);
    ball_free(ball);
    const double zero[2] = {0, 0}, y[2] = {ldexp(3, e), ldexp(4, e)};
    ball = ball_new(BALL_L2, 2, zero, 1);
    const double d = ball_distance(ball, y);
    if (e >= -400)
      cr_assert_eq(d, true_one, "2^%d", e);
    else
      cr_assert(d >= true_one && d <= 2 * true_one + 0x1p-530, "2^%d: %g", e, d);
    cr_assert(ball_distance(ball, x) >= true_one * (1 - 1e-15), "2^%d", e);
    ball_free(ball);
  }
}

Test(ball, boxes_with_different_balls_are_different)
{
  const double c[2] = {0.5, 0.5}, d[2] = {0.5, 0.25};
  Box a = box_new(2), b = box_new(2);
  a.ball = ball_new(BALL_L2, 2, c, 1);
  cr_assert_not(box_equal(&a, &b));
  cr_assert_neq(box_hash(&a), box_hash(&b));
  Ball *const others[] = {ball_new(BALL_L2, 2, c, 1), ball_new(BALL_L1, 2, c, 1),
                          ball_new(BALL_L0, 2, c, 1), ball_new(BALL_L2, 2, d, 1),
                          ball_new(BALL_L2, 2, c, 2)};
  for (int i = 0; i < 5; i++) {
    b.ball = others[i];
    cr_assert_eq(box_equal(&a, &b), i == 0);
    cr_assert_eq(box_hash(&a) == box_hash(&b), i == 0);
    ball_free(b.ball);
  }
  b.ball = NULL;
  box_free(&b);
  b = box_copy(&a);
  cr_assert(box_equal(&a, &b) && a.ball != b.ball);
  box_free(&a);
  box_free(&b);
}

/* ---- the least of a linear function -------------------------------------- */

/* What solver and checker prove, alone. */
static double solver_bound(const Ball *ball, const double *q, const double *lo,
                           const double *hi, double *at)
{
  double room[2 * MOST], value = 0, size = 0, err = 0;
  support_term(ball, q, lo, hi, room, at, &value, &size, &err);
  const double e = err + (4 * ball->n + 16) * 0x1p-53 * size * (1 + 1e-6);
  return isfinite(value) && isfinite(e) ? value - e : -INFINITY;
}

static double checker_bound(const Ball *ball, const double *q, const double *lo,
                            const double *hi)
{
  double room[MOST], value, error;
  inputs_bound(ball, q, lo, hi, room, &value, &error);
  return isfinite(value) && isfinite(error) ? value - error : -INFINITY;
}

static double nearest(double c, double lo, double hi)
{
  return fmin(fmax(c, lo), hi);
}

/* l0 and l1 by enumeration: which inputs go to the end that q likes, and for l1 which
 * one goes there in part. INFINITY when the set is empty. */
static double enumerated(const Ball *ball, const double *q, const double *lo,
                         const double *hi)
{
  double least = INFINITY;
  for (unsigned set = 0; set < 1u << ball->n; set++)
    for (int part = -1; part < (ball->norm == BALL_L1 ? ball->n : 0); part++) {
      double value = 0, length = 0;
      int moved = 0;
      for (int i = 0; i < ball->n; i++) {
        const double end = q[i] > 0 ? lo[i] : hi[i];
        const double x = set >> i & 1 ? end : nearest(ball->c[i], lo[i], hi[i]);
        moved += x != ball->c[i];
        if (i != part) value += q[i] * x;
        if (i != part) length += fabs(x - ball->c[i]);
      }
      if (ball->norm == BALL_L0 && moved > ball->k) continue;
      if (part >= 0) {
        const double near = nearest(ball->c[part], lo[part], hi[part]);
        const double end = q[part] > 0 ? lo[part] : hi[part];
        const double left = ball->radius - length - fabs(near - ball->c[part]);
        if (left < 0) continue;
        const double step = fmin(left, fabs(end - near));
        value += q[part] * (near + (end < near ? -step : step));
      }
      if (ball->norm == BALL_L1 && length > ball->radius) continue;
      least = fmin(least, value);
    }
  return least;
}

/* A part of the box, which may miss the centre. */
static void shrink(int n, double *lo, double *hi, Prng *prng)
{
  for (int i = 0; i < n; i++) {
    const double mid = round(prng_range(prng, lo[i], hi[i]) * 1024) / 1024;
    const int way = prng_below(prng, 4);
    if (!(mid >= lo[i] && mid <= hi[i])) continue;
    if (way == 0) lo[i] = mid;
    if (way == 1) hi[i] = mid;
  }
}

static void grid_box(int n, Prng *prng, double *lo, double *hi)
{
  for (int i = 0; i < n; i++) {
    lo[i] = round(prng_range(prng, -1, 1) * 1024) / 1024;
    hi[i] = lo[i] + round(prng_range(prng, -0.1, 1) * 1024) / 1024;
    if (hi[i] < lo[i]) hi[i] = lo[i];
  }
}

Test(ball, l0_and_l1_agree_with_enumeration)
{
  Prng prng = prng_init(3);
  int compared = 0, empty = 0;
  for (int t = 0; t < (SANITIZED ? 1500 : 6000); t++) {
    const int n = 1 + prng_below(&prng, 6);
    double lo[MOST], hi[MOST], q[MOST], size = 0;
    grid_box(n, &prng, lo, hi);
    Ball *ball = sets_ball(n, lo, hi, true, &prng);
    if (t % 2) shrink(n, lo, hi, &prng);
    for (int i = 0; i < n; i++) {
      q[i] = t % 3 ? prng_range(&prng, -1, 1) : prng_below(&prng, 5) - 2; /* ties */
      size += fabs(q[i]);
    }
    if (ball->norm != BALL_L2) {
      const double least = enumerated(ball, q, lo, hi);
      const double a = solver_bound(ball, q, lo, hi, NULL);
      const double b = checker_bound(ball, q, lo, hi);
      const double tiny = 1e-12 * (1 + size);
      if (least < INFINITY) {
        cr_assert(a <= least + tiny && b <= least + tiny, "%d: %g %g, least %g", t, a,
                  b, least);
        cr_assert(a >= least - tiny && b >= least - tiny, "%d: %g %g, least %g", t, a,
                  b, least);
        compared++;
      } else if (size > 0) {
        cr_assert(a > size && b > size, "%d: %g %g of an empty set", t, a, b);
        empty++;
      }
    }
    ball_free(ball);
  }
  cr_assert(compared > 900 && empty > 30, "%d compared, %d empty", compared, empty);
}

/* q . x - d in rationals. */
static int compare_dot(int n, const double *q, const double *x, double d)
{
  mpq_t sum, a, b;
  mpq_inits(sum, a, b, NULL);
  for (int i = 0; i < n; i++) {
    mpq_set_d(a, q[i]);
    mpq_set_d(b, x[i]);
    mpq_mul(a, a, b);
    mpq_add(sum, sum, a);
  }
  mpq_set_d(a, d);
  const int sign = mpq_cmp(sum, a);
  mpq_clears(sum, a, b, NULL);
  return sign;
}

/* Coefficients of one size, of many, with sums that cancel, tiny, huge. */
static void coefficients(int n, int kind, Prng *prng, double *q)
{
  for (int i = 0; i < n; i++) {
    q[i] = prng_range(prng, -1, 1);
    if (kind == 1) q[i] *= exp2(prng_range(prng, -40, 40));
    if (kind == 2 && i) q[i] = -q[i - 1] * (1 + prng_range(prng, 0, 1e-15));
    if (kind == 3) q[i] *= 1e-290;
    if (kind == 4) q[i] *= 1e140;
    if (prng_below(prng, 8) == 0) q[i] = 0;
  }
}

Test(ball, no_bound_is_above_a_point_of_the_set_in_rational_numbers)
{
  Prng prng = prng_init(4);
  int near = 0;
  for (int t = 0; t < (SANITIZED ? 500 : 3000); t++) {
    const int n = 1 + prng_below(&prng, 12);
    double lo[MOST], hi[MOST], q[MOST], x[MOST], at[MOST];
    nets_box(n, 1, &prng, lo, hi);
    Ball *ball = sets_ball(n, lo, hi, false, &prng);
    coefficients(n, t % 5, &prng, q);
    const double a = solver_bound(ball, q, lo, hi, at);
    const double b = checker_bound(ball, q, lo, hi);
    for (int s = 0; s < 8; s++) {
      if (s == 0) { /* the minimiser itself, brought inside */
        memcpy(x, at, sizeof x);
        for (double share = 1; share > 0.9 && !ball_contains(ball, x); share -= 1e-15)
          ball_pull(ball, lo, hi, share, x);
        if (!ball_contains(ball, x)) continue;
      } else {
        sets_sample(ball, lo, hi, q, &prng, x);
      }
      cr_assert(a == -INFINITY || compare_dot(n, q, x, a) >= 0, "solver, %d", t);
      cr_assert(b == -INFINITY || compare_dot(n, q, x, b) >= 0, "checker, %d", t);
      double size = 0;
      for (int i = 0; i < n; i++)
        size += fabs(q[i]);
      if (s) continue;
      near += compare_dot(n, q, x, a + 1e-6 * size) <= 0 &&
              compare_dot(n, q, x, b + 1e-6 * size) <= 0;
    }
    ball_free(ball);
  }
  cr_assert(near > (SANITIZED ? 300 : 1800), "only %d bounds are attained", near);
}

Test(ball, l2_satisfies_the_conditions_of_optimality)
{
  Prng prng = prng_init(5);
  int active = 0;
  for (int t = 0; t < 2000; t++) {
    const int n = 1 + prng_below(&prng, 30);
    double lo[MOST], hi[MOST], q[MOST], c[MOST], at[MOST], value = 0, r2 = 0, size = 0;
    grid_box(n, &prng, lo, hi);
    for (int i = 0; i < n; i++)
      c[i] = nearest(round(prng_range(&prng, lo[i], hi[i]) * 256) / 256, lo[i], hi[i]);
    double radius = round(prng_range(&prng, 0, 512)) / 256, least = 0;
    /* A part of a box need not have the centre. */
    for (int i = 0; i < n && t % 2; i++) {
      if (prng_below(&prng, 2)) c[i] += prng_range(&prng, -1, 1) * (hi[i] - lo[i]);
      least += pow(nearest(c[i], lo[i], hi[i]) - c[i], 2);
    }
    if (t % 2) radius = sqrt(least) + radius / 4;
    Ball *ball = ball_new(BALL_L2, n, c, radius);
    coefficients(n, 0, &prng, q);
    const double bound = solver_bound(ball, q, lo, hi, at);
    for (int i = 0; i < n; i++) {
      value += q[i] * at[i];
      r2 += (at[i] - c[i]) * (at[i] - c[i]);
      size += fabs(q[i]);
      cr_assert(at[i] >= lo[i] && at[i] <= hi[i]);
    }
    cr_assert(sqrt(r2) <= ball->outer * (1 + 1e-9) + 1e-12,
              "%d: n %d, %g from the centre, radius %g", t, n, sqrt(r2), ball->outer);
    cr_assert(fabs(value - bound) <= 1e-9 * (1 + size), "%d: %g at the point, bound %g",
              t, value, bound);
    cr_assert(fabs(bound - checker_bound(ball, q, lo, hi)) <= 1e-9 * (1 + size),
              "%d: solver %g, checker %g", t, bound, checker_bound(ball, q, lo, hi));
    active += r2 > 0.99 * ball->outer * ball->outer;
    ball_free(ball);
  }
  cr_assert(active > 300, "the ball mattered %d times", active);
}

Test(ball, numbers_that_are_none_prove_nothing)
{
  const double c[3] = {0, 0, 0}, lo[3] = {-1, -1, -1}, hi[3] = {1, 1, 1};
  const double bad[3] = {NAN, INFINITY, -INFINITY};
  for (int norm = 0; norm < 3; norm++)
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < 3; i++) {
        Ball *ball = ball_new((BallNorm)norm, 3, c, 1);
        double q[3] = {1, -2, 0.5};
        q[i] = bad[k];
        cr_assert_eq(solver_bound(ball, q, lo, hi, NULL), -INFINITY, "%d %d", norm, k);
        cr_assert_eq(checker_bound(ball, q, lo, hi), -INFINITY, "%d %d", norm, k);
        ball_free(ball);
      }
}

/* ---- networks ------------------------------------------------------------ */

/* Points of the set leave no interval, and no bound is above one of them. */
static int one_net(NetsKind kind, int samples, Prng *prng)
{
  Bounded f = bounded_new(nets_random(kind, 6, 1, prng), 0.5, prng);
  Net *net = f.net;
  const int n = net_in_size(net), m = net_out_size(net);
  Ball *ball = sets_ball(n, f.lo, f.hi, false, prng);
  bounds_free(f.b);
  lagrangian_free(f.L);
  net->ball = ball;
  f.L = lagrangian_new(net, 64);
  f.b = bounds_new(net, 1);
  bounds_set_box(f.b, 0, f.lo, f.hi);
  bounded_tighten(&f, prng_below(prng, 2) * 5);
  double *x = mem_doubles((size_t)n), *mid = mem_doubles((size_t)m),
         *rad = mem_doubles((size_t)m), *lower = mem_doubles((size_t)m);
  int tighter = 0;
  for (int row = 0; row < m; row++)
    lower[row] = bounded_row(&f, row, NULL, NULL, NULL);
  for (int s = 0; s < samples; s++) {
    sets_sample(ball, f.lo, f.hi, NULL, prng, x);
    eval_enclose(net, x, mid, rad);
    for (int i = 0; i < m; i++) {
      const int last = net->n_nodes - 1;
      cr_assert(mid[i] + rad[i] >= lower[i]);
      cr_assert(mid[i] + rad[i] >= f.b->lo[last][i] &&
                mid[i] - rad[i] <= f.b->hi[last][i]);
    }
  }
  net->ball = NULL;
  Bounds *without = bounds_new(net, 1);
  bounds_set_box(without, 0, f.lo, f.hi);
  Lagrangian *L = lagrangian_new(net, 64);
  const Team solo = {1, &L};
  crown_tighten(&solo, without, 0, NULL);
  for (int k = 1; k < net->n_nodes; k++)
    for (int i = 0; i < net->nodes[k].size; i++)
      tighter += f.b->lo[k][i] > without->lo[k][i] + 1e-6;
  lagrangian_free(L);
  bounds_free(without);
  mem_free(x);
  mem_free(mid);
  mem_free(rad);
  mem_free(lower);
  ball_free(ball);
  bounded_free(&f);
  return tighter > 0;
}

Test(ball, no_point_of_the_set_leaves_the_bounds_of_a_network)
{
  Prng prng = prng_init(6);
  int tighter = 0;
  for (int t = 0; t < 120; t++)
    tighter += one_net((NetsKind)(t % 4), SANITIZED ? 100 : 900, &prng);
  cr_assert(tighter > 40, "the ball made %d networks tighter", tighter);
}

Test(ball, a_bound_with_a_ball_narrows_no_input)
{
  Prng prng = prng_init(8);
  const int sizes[3] = {3, 4, 1};
  Bounded f = bounded_new(nets_dense(sizes, 3, 1, &prng), 1, &prng);
  const double c[3] = {0, 0, 0}, w = 1, q0[3] = {5, 5, 5};
  Bounds *ways[2];
  for (int k = 0; k < 2; k++) {
    Ball *ball = ball_new(BALL_L1, 3, c, 1);
    for (int i = 0; i < 3; i++) {
      f.lo[i] = -1;
      f.hi[i] = 1;
    }
    f.net->ball = k ? ball : NULL;
    ways[k] = bounds_new(f.net, 1);
    bounds_set_box(ways[k], 0, f.lo, f.hi);
    cr_assert_eq(contract_inputs(ways[k], 0, -0.5, 1, &w, q0) > 0, k == 0);
    cr_assert_eq(ways[k]->hi[0][0] < 1, k == 0);
    bounds_free(ways[k]);
    ball_free(ball);
  }
  f.net->ball = NULL;
  bounded_free(&f);
}

/* ---- certificates -------------------------------------------------------- */

/* y = q . x */
static Net *product(int n, const double *q)
{
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = n, .name = "x"}, NULL, 0);
  double *W = net_keep(net, mem_doubles((size_t)n));
  memcpy(W, q, (size_t)n * sizeof *W);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 1,
                      .reps = 1,
                      .rows = 1,
                      .cols = n,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK);
  return net;
}

/* Does a certificate without any advice prove q . x > rhs? */
static bool proves(const Net *net, const double *lo, const double *hi, const Ball *ball,
                   double rhs, bool exact)
{
  Prop *prop = sets_below(net, lo, hi, ball, rhs);
  Certs c = certs_new(net, prop);
  certs_query(&c, 0, net->n_nodes + 1, 1);
  certs_close_row(&c, 0, 0);
  certs_block(&c, 'E');
  certs_end(&c, 1);
  const bool accepted = exact ? certs_accepted_exactly(&c, net, prop)
                              : certs_accepted(&c, net, prop, NULL);
  certs_free(&c);
  prop_free(prop);
  return accepted;
}

/* In both arithmetics: what is just below the least value is proved, and nothing that a
 * point of the set shows to be false, decided in rationals; what holds for one radius
 * is refused for a larger one. */
Test(ball, certificates_prove_what_is_below_the_least_value_and_nothing_else)
{
  Prng prng = prng_init(9);
  int proved = 0, refuted = 0, mutated = 0;
  for (int t = 0; t < (SANITIZED ? 60 : 400); t++) {
    const int n = 1 + prng_below(&prng, 8);
    double lo[MOST], hi[MOST], q[MOST], x[MOST], size = 0;
    grid_box(n, &prng, lo, hi);
    Ball *ball = sets_ball(n, lo, hi, t % 2, &prng);
    coefficients(n, t % 3, &prng, q);
    for (int i = 0; i < n; i++)
      size += fabs(q[i]);
    Net *net = product(n, q);
    memset(net->sha256, '0', 64);
    const double bound = solver_bound(ball, q, lo, hi, x) - 1e-9 * size;
    Ball *wide = ball->norm == BALL_L0
                     ? ball_new(BALL_L0, n, ball->c, fmin(ball->k + 1, n))
                     : ball_new(ball->norm, n, ball->c, ball->radius * 1.001);
    for (int exact = 0; exact < 2; exact++) {
      if (size > 0) cr_assert(proves(net, lo, hi, ball, bound, exact), "%d", t);
      proved += size > 0;
      if (size > 0 && solver_bound(wide, q, lo, hi, NULL) < bound - 1e-6 * size) {
        cr_assert_not(proves(net, lo, hi, wide, bound, exact), "%d", t);
        mutated++;
      }
    }
    for (double share = 1; share > 0.99 && !ball_contains(ball, x); share -= 1e-15)
      ball_pull(ball, lo, hi, share, x);
    if (ball_contains(ball, x)) {
      double value = 0;
      for (int i = 0; i < n; i++)
        value += q[i] * x[i];
      while (compare_dot(n, q, x, value) > 0) /* q . x <= value, exactly */
        value = nextafter(value, INFINITY);
      cr_assert_not(proves(net, lo, hi, ball, value, false), "%d", t);
      cr_assert_not(proves(net, lo, hi, ball, value, true), "%d", t);
      refuted++;
    }
    ball_free(ball);
    ball_free(wide);
    net_free(net);
  }
  cr_assert(proved > 90 && refuted > 30 && mutated > 30, "%d %d %d", proved, refuted,
            mutated);
}

/* ---- witnesses ----------------------------------------------------------- */

Test(ball, a_snapped_point_is_in_box_and_ball)
{
  Prng prng = prng_init(7);
  const int sizes[2] = {5, 1};
  Net *net = nets_dense(sizes, 2, 1, &prng);
  int floats = 0;
  for (int t = 0; t < 900; t++) {
    net->is_float32 = t % 2;
    Box box = box_new(5);
    double x[5];
    nets_box(5, 1, &prng, box.in_lo, box.in_hi);
    memcpy(box.lo, box.in_lo, 5 * sizeof(double));
    memcpy(box.hi, box.in_hi, 5 * sizeof(double));
    box.ball = sets_ball(5, box.lo, box.hi, false, &prng);
    for (int i = 0; i < 5; i++)
      x[i] = prng_range(&prng, -3, 3);
    witness_snap(net, &box, x);
    cr_assert(box_contains(&box, x), "%d, norm %s", t, ball_norm_word(box.ball->norm));
    int is_float = 0;
    for (int i = 0; i < 5; i++)
      is_float += x[i] == (double)(float)x[i];
    floats += is_float == 5;
    box_free(&box);
  }
  cr_assert(floats > 50);
  net_free(net);
}

/* Everything is unsafe, so a point is a witness exactly when it is in the set. */
static bool is_witness(BallNorm norm, double r, double x0, double x1)
{
  const double q[2] = {1, 1}, c[2] = {0, 0}, x[2] = {x0, x1};
  Net *net = product(2, q);
  Prop *prop = prop_new("prop", 2, 1);
  Box box = box_new(2);
  for (int i = 0; i < 2; i++) {
    box.lo[i] = box.in_lo[i] = -8;
    box.hi[i] = box.in_hi[i] = 8;
  }
  box.ball = ball_new(norm, 2, c, r);
  prop_add_case(prop, prop_add_box(prop, &box), mem_zero(1, sizeof(PropRow)), 0, 0);
  prop_finish(prop);
  Witness w;
  Text why = {0};
  const bool is = witness_replay(net, prop, x, &w);
  if (!is) witness_explain(net, prop, x, &why);
  cr_assert(is || (why.s && strstr(why.s, ball_norm_word(norm))), "%s", why.s);
  text_free(&why);
  witness_reset(&w);
  prop_free(prop);
  box_free(&box);
  net_free(net);
  return is;
}

Test(ball, a_witness_lies_in_the_ball_exactly)
{
  cr_assert(is_witness(BALL_L2, 5, 3, -4));
  cr_assert_not(is_witness(BALL_L2, 5, 3, nextafter(4, 5)));
  cr_assert_not(is_witness(BALL_L2, nextafter(5, 4), 3, 4));
  cr_assert(is_witness(BALL_L1, 7, -3, 4));
  cr_assert_not(is_witness(BALL_L1, 7, nextafter(3, 4), 4));
  cr_assert(is_witness(BALL_L0, 1, 0, 8));
  cr_assert_not(is_witness(BALL_L0, 1, 0x1p-60, 8));
}
