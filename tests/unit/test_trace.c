/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "specs/trace.h"

/* What the owner does; `bound` is the state before the change at `now`. */
static void change(Trace *t, double now, double bound, int n_open)
{
  if (trace_is_due(t, now)) trace_add(t, bound, n_open);
  trace_touch(t, now);
}

static Trace start(void)
{
  Trace t;
  trace_init(&t, 3);
  t.started = 100;
  return t;
}

Test(trace, starts_with_nothing_proved)
{
  const Trace t = start();
  cr_assert_eq(t.n, 1);
  cr_assert_eq(t.point[0].seconds, 0);
  cr_assert_eq(t.point[0].bound, -INFINITY);
  cr_assert_eq(t.point[0].n_open, 3);
  cr_assert(t.changed < 0);
}

Test(trace, a_change_before_a_long_silence_is_not_lost)
{
  Trace t = start();
  t.step = 1;
  change(&t, 100.25, -INFINITY, 3); /* too soon after the start ... */
  change(&t, 107, -2, 2);           /* ... but it stayed like that for long */
  change(&t, 107.25, -1, 1);
  change(&t, 107.5, -0.5, 1); /* within a step of the next one */
  change(&t, 109, -0.25, 1);
  cr_assert_eq(t.n, 4);
  cr_assert_eq(t.point[1].seconds, 0.25);
  cr_assert_eq(t.point[1].bound, -2);
  cr_assert_eq(t.point[1].n_open, 2);
  cr_assert_eq(t.point[2].seconds, 7);
  cr_assert_eq(t.point[2].bound, -1);
  cr_assert_eq(t.point[3].seconds, 7.5);
  cr_assert_eq(t.point[3].bound, -0.25);
  cr_assert_eq(t.changed, 9);
}

/* The bound is a function of time, so every point can be checked. */
Test(trace, a_long_run_keeps_between_half_of_all_points_and_all_of_them)
{
  Trace t = start();
  int most = 0;
  double last = -INFINITY;
  for (int k = 1; k <= 300000; k++) {
    const double now = 100 + k * 0x1p-10;
    change(&t, now, last, k);
    last = -1.0 / (now - 100);
    most = t.n > most ? t.n : most;
    cr_assert(k < 1000 || t.n >= TRACE_MAX / 2);
  }
  cr_assert_eq(most, TRACE_MAX);
  cr_assert_eq(t.point[0].seconds, 0);
  for (int i = 1; i < t.n; i++) {
    cr_assert_eq(t.point[i].bound, -1 / t.point[i].seconds);
    cr_assert(t.point[i].seconds - t.point[i - 1].seconds >= t.step);
    cr_assert_eq(t.point[i].n_open, t.point[i].seconds * 0x1p10 + 1);
  }
  cr_assert(300000 * 0x1p-10 - t.point[t.n - 1].seconds <= 2 * t.step);
}
