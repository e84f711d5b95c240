/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dualcert-check --exact: its numbers against GMP's rationals, its bounds against those
 * of double arithmetic and against the least value itself, and properties that hold or
 * fail by less than a rounding. */
#include <criterion/criterion.h>
#include <float.h>
#include <gmp.h>
#include <math.h>
#include <stdlib.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"
#include "specs/check/dyadic.h"
#include "specs/check/pass.h"
#include "tests/support/certs.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"
#include "tests/support/rational.h"

TestSuite(check_dyadic, .timeout = 300);

/* ---- numbers ------------------------------------------------------------------------
 */

/* x = a exactly? */
static void check_same(const Dyadic *x, mpq_srcptr a)
{
  mpq_t q;
  mpq_init(q);
  mpq_set_z(q, x->m);
  if (x->e >= 0)
    mpq_mul_2exp(q, q, (mp_bitcnt_t)x->e);
  else
    mpq_div_2exp(q, q, (mp_bitcnt_t)-x->e);
  cr_assert(mpq_equal(q, a));
  mpq_clear(q);
}

/* d is a double on the right side of a and no neighbour of it comes nearer. */
static void check_rounded(const Dyadic *x, mpq_srcptr a)
{
  const double dn = dyadic_dn(x), up = dyadic_up(x), in = dyadic_inward(x);
  cr_assert(rational_compare(a, dn) >= 0 && rational_compare(a, up) <= 0);
  if (dn < DBL_MAX) cr_assert(rational_compare(a, nextafter(dn, INFINITY)) < 0);
  if (up > -DBL_MAX) cr_assert(rational_compare(a, nextafter(up, -INFINITY)) > 0);
  cr_assert_eq(in, mpq_sgn(a) >= 0 ? dn : up);
  cr_assert_eq(dyadic_sign(x), mpq_sgn(a));
}

Test(check_dyadic, sums_and_products_are_those_of_rationals)
{
  Prng prng = prng_init(1);
  Dyadic x, y;
  mpq_t a, b;
  mpq_inits(a, b, NULL);
  dyadic_init(&x);
  dyadic_init(&y);
  for (int k = 0; k < 20000; k++) {
    if (k % 6 == 0) {
      dyadic_set_d(&x, 0);
      mpq_set_ui(a, 0, 1);
    }
    double d = extreme_number((ExtremeMode)prng_below(&prng, EXTREME_N), &prng);
    if (prng_below(&prng, 8) == 0) d = dyadic_dn(&x); /* cancels */
    if (!isfinite(d)) d = 1;
    dyadic_set_d(&y, d);
    mpq_set_d(b, d);
    cr_assert_eq(dyadic_compare(&x, &y), (mpq_cmp(a, b) > 0) - (mpq_cmp(a, b) < 0));
    switch (prng_below(&prng, 3)) {
    case 0:
      dyadic_add(&x, &y);
      mpq_add(a, a, b);
      break;
    case 1:
      dyadic_sub(&x, &y);
      mpq_sub(a, a, b);
      break;
    default:
      dyadic_mul(&x, &x, &y);
      mpq_mul(a, a, b);
    }
    check_same(&x, a);
    check_rounded(&x, a);
  }
  dyadic_clear(&x);
  dyadic_clear(&y);
  mpq_clears(a, b, NULL);
}

/* ---- bounds
 * -------------------------------------------------------------------------- */

/* Bounds of +e and -e of every element of node k over the state s. */
static void bounds_of(Pass *pass, const State *s, int k, double *lower)
{
  Bound *const b = pass->bound;
  const int n = 2 * pass->plan->net->nodes[k].size;
  double some[LINEAR_MOST_ROWS];
  bound_begin(b);
  for (int r = 0, from = 0; r < n; r++) {
    bound_add(b, (BoundRow){.element = r / 2, .sign = r % 2 ? -1 : 1});
    if (!bound_full(b) && r < n - 1) continue;
    bound_run(b, s, k, false, some);
    for (int j = 0; from <= r; j++)
      lower[from++] = some[j];
    bound_begin(b);
  }
}

/* The same state for both; returns how many bounds were compared. */
static int check_agreement(NetsKind kind, const Net *net, Prng *prng)
{
  Plan *const plan = plan_new(net);
  Layout *const layout = advice_layout_new(net);
  Pass *const pass = pass_new(plan, layout, false), *const exact =
                                                        pass_new(plan, layout, true);
  State s = plan_state(plan);
  const int n = net_in_size(net), last = net->n_nodes - 1;
  const size_t rows = 2 * (size_t)net_out_size(net);
  double *const box = malloc(2 * (size_t)n * sizeof *box);
  double *const lower = malloc(2 * rows * sizeof *lower);
  nets_box(n, 1, prng, box, box + n);
  for (int i = 0; i < n; i++)
    plan_meet(&s, (size_t)i, box[i], box[n + i]);
  pass_run(pass, &s, 1, NULL, true);
  bounds_of(pass, &s, last, lower);
  bounds_of(exact, &s, last, lower + rows);
  int compared = 0;
  for (size_t r = 0; r < rows; r++) {
    const double size = 1e-9 * (1 + fabs(lower[r]));
    cr_assert(isfinite(lower[r]) == isfinite(lower[rows + r]));
    if (!isfinite(lower[r])) continue;
    compared++;
    cr_assert(fabs(lower[rows + r] - lower[r]) <= size, "%.17g, exactly %.17g",
              lower[r], lower[rows + r]);
  }
  /* Interval propagation: never wider than the one that rounds. */
  State wide = plan_state(plan), narrow = plan_state(plan);
  for (int i = 0; i < n; i++) {
    plan_meet(&wide, (size_t)i, box[i], box[n + i]);
    plan_meet(&narrow, (size_t)i, box[i], box[n + i]);
  }
  pass_propagate(pass, &wide, 1, last);
  pass_propagate(exact, &narrow, 1, last);
  for (size_t e = 0; e < plan->off[plan->n_nodes]; e++) {
    const double size = 1e-9 * (1 + fabs(wide.lo[e]) + fabs(wide.hi[e]));
    /* The enclosures of h at two points that are close need not be nested. */
    const double slack = kind == NETS_CURVED ? size : 0;
    cr_assert(narrow.lo[e] >= wide.lo[e] - slack && narrow.hi[e] <= wide.hi[e] + slack);
    if (isfinite(size))
      cr_assert(narrow.lo[e] - wide.lo[e] <= size && wide.hi[e] - narrow.hi[e] <= size);
  }
  plan_state_free(&wide);
  plan_state_free(&narrow);
  plan_state_free(&s);
  free(box);
  free(lower);
  pass_free(pass);
  pass_free(exact);
  advice_layout_free(layout);
  plan_free(plan);
  return compared;
}

Test(check_dyadic, bounds_are_those_of_double_arithmetic_but_for_rounding)
{
  static const NetsKind kinds[] = {NETS_DENSE, NETS_RESIDUAL, NETS_CONV, NETS_CURVED};
  for (int k = 0; k < 4; k++) {
    Prng prng = prng_init(2 + (uint64_t)k);
    int compared = 0;
    for (int j = 0; j < 150; j++) {
      Net *const net = nets_random(kinds[k], 2 + prng_below(&prng, 5), 1, &prng);
      compared += check_agreement(kinds[k], net, &prng);
      net_free(net);
    }
    cr_assert(compared > 300, "%d", compared);
  }
}

/* A linear network on a point: the value itself, rounded once. */
Test(check_dyadic, a_linear_network_at_a_point_is_rounded_once)
{
  Prng prng = prng_init(9);
  for (int k = 0; k < 400; k++) {
    const ExtremeMode mode = (ExtremeMode)(k % EXTREME_N);
    const int cols = 1 + prng_below(&prng, 6);
    double w[6], x[6];
    for (int j = 0; j < 6; j++) {
      w[j] = extreme_number(mode, &prng);
      x[j] = extreme_number(mode, &prng);
    }
    const double bias = extreme_number(mode, &prng);
    Net *const net = net_new("net");
    net_add(net, &(Node){.kind = NODE_INPUT, .size = cols, .name = "x"}, NULL, 0);
    const Node node = {.kind = NODE_DENSE,
                       .size = 1,
                       .reps = 1,
                       .rows = 1,
                       .cols = cols,
                       .W = w,
                       .b = &bias,
                       .name = "y"};
    net_add(net, &node, (int[]){0}, 1);
    cr_assert_eq(net_finish(net, NULL), STATUS_OK);
    Plan *const plan = plan_new(net);
    Layout *const layout = advice_layout_new(net);
    Pass *const pass = pass_new(plan, layout, true);
    State s = plan_state(plan);
    for (int i = 0; i < cols; i++)
      plan_meet(&s, (size_t)i, x[i], x[i]);
    pass_propagate(pass, &s, 1, 1);
    double lower[2];
    bounds_of(pass, &s, 1, lower);
    Rational exact = rational_eval(net, x, NULL);
    mpq_srcptr y = exact.value[1][0];
    const double ends[4] = {lower[0], -lower[1], s.lo[cols], s.hi[cols]};
    for (int e = 0; e < 4; e++) {
      const int side = e % 2 ? -1 : 1; /* ends that are below, or above */
      cr_assert(side * rational_compare(y, ends[e]) >= 0);
      if (fabs(ends[e]) < DBL_MAX)
        cr_assert(side * rational_compare(y, nextafter(ends[e], side * INFINITY)) < 0);
    }
    rational_free(&exact);
    plan_state_free(&s);
    pass_free(pass);
    advice_layout_free(layout);
    plan_free(plan);
    net_free(net);
  }
}

/* ---- near-ties
 * ------------------------------------------------------------------------ */

/* y = max (z, 0) - z >= 0, z = x0 - x1; times `scale`. */
static Net *gap(double scale, double *numbers)
{
  Net *const net = net_new("net");
  for (int i = 0; i < 2; i++) {
    numbers[i] = i ? -1 : 1;
    numbers[2 + i] = i ? scale : -scale;
  }
  numbers[4] = scale;
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  Node node = {.kind = NODE_DENSE,
               .size = 1,
               .reps = 1,
               .rows = 1,
               .cols = 2,
               .W = numbers,
               .name = "dense"};
  const int z = net_add(net, &node, (int[]){0}, 1);
  node.W = numbers + 2;
  const int back = net_add(net, &node, (int[]){0}, 1);
  const Node relu = {.kind = NODE_ACT, .size = 1, .act = ACT_RELU, .name = "relu"};
  const int h = net_add(net, &relu, &z, 1);
  node.W = numbers + 4;
  node.cols = 1;
  const int y = net_add(net, &node, &h, 1);
  static const signed char plus[2] = {1, 1};
  const Node add = {.kind = NODE_ADD, .size = 1, .coef = plus, .name = "add"};
  net_add(net, &add, (int[]){y, back}, 2);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* Is "y > rhs on [lo, hi]^2" accepted, by the default slopes alone? */
static bool proves(double scale, double lo, double hi, double rhs, bool exact)
{
  double numbers[5];
  Net *const net = gap(scale, numbers);
  Prop *const prop = props_below(net, (double[]){lo, lo}, (double[]){hi, hi}, 1,
                                 (int[]){0, 1}, (int[]){0}, &rhs);
  Certs c = certs_new(net, prop);
  certs_query(&c, 0, net->n_nodes + 1, 1);
  certs_pass(&c, 1);
  certs_close_row(&c, 0, 0);
  certs_block(&c, CERTIFICATE_END_QUERY);
  certs_end(&c, 1);
  const bool accepted = exact ? certs_accepted_exactly(&c, net, prop)
                              : certs_accepted(&c, net, prop, NULL);
  certs_free(&c);
  prop_free(prop);
  net_free(net);
  return accepted;
}

/* On [2, 3]^2 z is between -1 and 1 and the default slope 0: y >= -z.  On [0, 1] x
 * [0, 1] likewise; z = x0 - x1 with both in a point is 0. */
Test(check_dyadic, what_holds_by_less_than_a_rounding)
{
  /* x0 = x1 = 1/3: z = 0 and y = 0. */
  const double third = 1 / 3.0;
  cr_expect_not(proves(3, third, third, 0, true), "a bound of exactly 0");
  cr_expect_not(proves(3, third, third, 0x1p-1060, true));
  cr_expect(proves(3, third, third, -0x1p-1060, true));
  cr_expect_not(proves(3, third, third, -0x1p-1060, false));
  cr_expect(proves(3, third, third, -1e-12, false));
  /* The smallest double of all, and numbers of very different sizes. */
  cr_expect(proves(1, 1, 1, -0x1p-1074, true));
  cr_expect(proves(0x1p1000, 0x1p20, 0x1p20, -0x1p-1074, true));
  cr_expect_not(proves(0x1p1000, 0x1p20, 0x1p20, 0, true));
}

/* y >= -1 on [2, 3]^2 with slope 0, attained by the relaxation at z = 1: exactly -1. */
Test(check_dyadic, what_a_relaxation_attains)
{
  cr_expect_not(proves(1, 2, 3, -1, true));
  cr_expect(proves(1, 2, 3, -nextafter(1, 2), true));
  cr_expect(proves(0.1, 2, 3, -nextafter(0.1, 1), true));
  cr_expect_not(proves(0.1, 2, 3, -0.1, true));
  cr_expect_not(proves(0.1, 2, 3, -nextafter(0.1, 1), false));
}
