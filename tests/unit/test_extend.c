/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/extend: products are what they say, also when there is no room for more. */
#include <criterion/criterion.h>

#include "specs/extend.h"

TestSuite(extend, .timeout = 120);

/* How often variable 0 is a factor; -1000 less for every other one. */
static int degree(const Extend *e, int var)
{
  if (var < e->n_in + e->n_out) return var == 0 ? 1 : -1000;
  const ExtendItem *const item = &e->item[var - e->n_in - e->n_out];
  return degree(e, item->a) + (item->b < 0 ? 0 : degree(e, item->b));
}

Test(extend, powers_have_their_degree)
{
  Extend e;
  extend_init(&e, 1, 1);
  for (int m = 2, var = 0; m <= EXTEND_MAX_DEGREE; m++) {
    var = extend_product(&e, var, 0);
    cr_assert_geq(var, 0);
    cr_expect_eq(degree(&e, var), m);
  }
  extend_reset(&e);
}

/* x^3 does not fit any more, x^2 and x^4 are there: x^7 must not become one of them. */
Test(extend, a_full_table_makes_no_other_product)
{
  enum { N = 1500 };
  Extend e;
  extend_init(&e, N, 1);
  const int x2 = extend_product(&e, 0, 0), x4 = extend_product(&e, x2, x2);
  const int x6 = extend_product(&e, x4, x2);
  cr_assert_eq(degree(&e, x6), 6);
  for (int i = 1; i < N && e.n < EXTEND_MAX_ITEMS; i++)
    for (int j = i + 1; j < N && e.n < EXTEND_MAX_ITEMS; j++)
      cr_assert_geq(extend_product(&e, i, j), 0);
  cr_assert_eq(e.n, EXTEND_MAX_ITEMS);
  cr_expect_eq(extend_product(&e, x6, 0), -1);
  cr_expect_eq(extend_product(&e, x2, 0), -1);
  cr_expect_eq(extend_product(&e, x2, x2), x4);
  extend_reset(&e);
}
