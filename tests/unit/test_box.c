/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/base/text.h"
#include "specs/load.h"
#include "specs/prop.h"

static Box unit_box(int n)
{
  Box box = box_new(n);
  for (int i = 0; i < n; i++)
    box.hi[i] = box.in_hi[i] = 1;
  return box;
}

Test(box, a_copy_is_equal_until_it_is_changed)
{
  Box a = unit_box(3), b = box_copy(&a);
  cr_assert(box_equal(&a, &b));
  cr_assert_eq(box_hash(&a), box_hash(&b));
  b.lo[0] = -0.0;
  cr_assert(box_equal(&a, &b));
  cr_assert_eq(box_hash(&a), box_hash(&b));
  b.in_hi[2] = nextafter(1, 0);
  cr_assert_not(box_equal(&a, &b));
  cr_assert_neq(box_hash(&a), box_hash(&b));
  box_free(&a);
  box_free(&b);
}

Test(box, contains_uses_the_inner_ends_and_refuses_nan)
{
  Box box = unit_box(2);
  box.in_lo[1] = 0.25;
  cr_assert(box_contains(&box, (double[]){0, 0.25}));
  cr_assert(box_contains(&box, (double[]){1, 1}));
  cr_assert_not(box_contains(&box, (double[]){0, 0.2}));
  cr_assert_not(box_contains(&box, (double[]){NAN, 0.5}));
  cr_assert_not(box_contains(&box, (double[]){0.5, 1.0000000000000002}));
  box_free(&box);
}

/* The corner of the box is outside of it. */
Test(box, a_ball_is_part_of_what_a_box_is)
{
  Box box = unit_box(2), plain = unit_box(2);
  box.ball = ball_new(BALL_L2, 2, (double[]){0, 0}, 1);
  cr_assert(box_contains(&box, (double[]){0.5, 0.5}));
  cr_assert_not(box_contains(&box, (double[]){1, 1}));
  cr_assert(box_contains(&plain, (double[]){1, 1}));
  Box copy = box_copy(&box);
  cr_assert(box_equal(&copy, &box));
  cr_assert_not(box_equal(&plain, &box));
  cr_assert_not(box_contains(&copy, (double[]){1, 1}));
  box_free(&copy);
  box_free(&plain);
  box_free(&box);
}

Test(box, float_ends_are_never_inside_the_double)
{
  Prng rng = prng_init(1);
  for (int k = 0; k < 100000; k++) {
    const double x = ldexp(prng_range(&rng, -1, 1), prng_below(&rng, 300) - 160);
    cr_assert_leq(box_float_dn(x), x);
    cr_assert_geq(box_float_up(x), x);
    if (fabs(x) <= (double)FLT_MAX) {
      cr_assert_leq(box_float_dn(x), (double)(float)x);
      cr_assert_geq(box_float_up(x), (double)(float)x);
    }
    cr_assert(isfinite(box_float_dn(x)) && isfinite(box_float_up(x)));
  }
  const double above = nextafter((double)FLT_MAX, INFINITY);
  cr_assert_eq(box_float_dn(above), (double)FLT_MAX);
  cr_assert_eq(box_float_up(above), above);
  cr_assert_eq(box_float_dn(1e300), 1e300);
}

/* ---- prop -------------------------------------------------------------------------
 */

Test(prop, equal_boxes_are_stored_once_and_cases_sorted_by_box)
{
  Prop *p = prop_new("p", 1, 1);
  Box a = unit_box(1), b = unit_box(1);
  b.lo[0] = -1;
  b.in_lo[0] = -1;
  cr_assert_eq(prop_add_box(p, &a), 0);
  cr_assert_eq(prop_add_box(p, &b), 1);
  cr_assert_eq(prop_add_box(p, &a), 0);
  prop_add_case(p, 1, NULL, 0, 10);
  prop_add_case(p, 0, NULL, 0, 11);
  prop_add_case(p, 1, NULL, 0, 12);
  prop_add_case(p, 0, NULL, 0, 13);
  prop_finish(p);
  const int lines[] = {11, 13, 10, 12};
  for (int k = 0; k < 4; k++) {
    cr_assert_eq(p->cases[k].line, lines[k]);
    cr_assert_eq(p->cases[k].box, k / 2);
  }
  box_free(&a);
  box_free(&b);
  prop_free(p);
}

Test(prop, boxes_without_a_case_disappear)
{
  Prop *p = prop_new("p", 1, 1);
  Box box = unit_box(1);
  for (int k = 0; k < 5; k++) {
    box.hi[0] = 1 + k;
    prop_add_box(p, &box);
  }
  prop_add_case(p, 3, NULL, 0, 1);
  prop_add_case(p, 1, NULL, 0, 2);
  prop_finish(p);
  cr_assert_eq(p->n_boxes, 2);
  cr_assert_eq(p->boxes[0].hi[0], 2);
  cr_assert_eq(p->boxes[1].hi[0], 4);
  cr_assert_eq(p->cases[0].line, 2);
  box_free(&box);
  prop_free(p);
}

Test(prop, a_hundred_thousand_boxes_distinct_or_equal_take_linear_time)
{
  Prop *p = prop_new("p", 4, 1);
  Box box = unit_box(4);
  const double start = clock_now();
  for (int k = 0; k < 200000; k++) {
    box.hi[k % 4] = 1 + k % 100000 * 0.5;
    for (int i = 0; i < 4; i++)
      if (i != k % 4) box.hi[i] = 1;
    cr_assert_eq(prop_add_box(p, &box), k == 0 ? 0 : k % 100000 == 0 ? 0 : k % 100000);
  }
  cr_assert_lt(clock_now() - start, 5);
  cr_assert_eq(p->n_boxes, 100000);
  box_free(&box);
  prop_free(p);
}

static Prop *load(const char *text, Err *err)
{
  char path[64];
  snprintf(path, sizeof path, "/tmp/dualcert-test-%ld", (long)getpid());
  Err io = {0};
  cr_assert_eq(file_write(path, text, strlen(text), &io), STATUS_OK);
  Prop *p = load_prop(path, 1, 2, err);
  unlink(path);
  return p;
}

Test(prop, the_content_decides_the_format)
{
  const char *const text[] = {
      "{\"lower\":[0],\"upper\":[1],\"label\":1}",
      " \r\n{\"lower\":[0],\"upper\":[1],\"label\":1}",
      "; a comment\n(declare-const X_0 Real)(declare-const Y_0 Real)"
      "(declare-const Y_1 Real)(assert (and (>= X_0 0)(<= X_0 1)(<= Y_1 Y_0)))",
      "\xef\xbb\xbf(declare-const X_0 Real)(declare-const Y_0 Real)"
      "(declare-const Y_1 Real)(assert (and (>= X_0 0)(<= X_0 1)(<= Y_1 Y_0)))"};
  for (int k = 0; k < 4; k++) {
    Err err = {0};
    Prop *p = load(text[k], &err);
    cr_assert(p, "%s", err.text);
    cr_assert_eq(p->n_cases, 1);
    cr_assert_eq(p->cases[0].rows[0].coef[0], -1);
    cr_assert_eq(p->cases[0].rows[0].coef[1], 1);
    cr_assert_eq(strlen(p->sha256), 64);
    prop_free(p);
  }
}

Test(prop, other_content_and_missing_files_are_errors)
{
  const char *const text[] = {"", "hello", "[1]", "\x08\x01", "\xef\xbb\xbf"};
  for (int k = 0; k < 5; k++) {
    Err err = {0};
    cr_assert_null(load(text[k], &err));
    cr_assert_eq(err.code, STATUS_DATA);
    cr_assert(strstr(err.text, "VNN-LIB starts with"));
    status_reset(&err);
  }
  Err err = {0};
  cr_assert_null(load_prop("/no/such/file", 1, 1, &err));
  cr_assert_eq(err.code, STATUS_NO_INPUT);
  status_reset(&err);
}
