/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dualcert-check on small networks whose bounds are known by hand: each rule of
 * docs/certificates.md proves what it should, and no more.  Long: a section for each
 * rule, on the same few networks. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"
#include "tests/support/certs.h"
#include "tests/support/props.h"

TestSuite(check_rules, .timeout = 300);

/* ---- networks ------------------------------------------------------------ */

static int dense(Net *net, int in, int rows, int cols, const double *W, const double *b)
{
  const Node node = {.kind = NODE_DENSE,
                     .size = rows,
                     .reps = 1,
                     .rows = rows,
                     .cols = cols,
                     .W = W,
                     .b = b,
                     .name = "dense"};
  return net_add(net, &node, &in, 1);
}

static int relu(Net *net, int in, int size)
{
  const Node node = {.kind = NODE_ACT, .size = size, .act = ACT_RELU, .name = "relu"};
  return net_add(net, &node, &in, 1);
}

static int add(Net *net, int a, int b, int size)
{
  static const signed char plus[2] = {1, 1};
  const Node node = {.kind = NODE_ADD, .size = size, .coef = plus, .name = "add"};
  return net_add(net, &node, (int[]){a, b}, 2);
}

static Net *start(int inputs)
{
  Net *const net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = inputs, .name = "x"}, NULL, 0);
  return net;
}

static Net *finish(Net *net)
{
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* y = max (x, 0) - x / 2 = |x| / 2: nodes 0 x, 1 z = x, 2 ReLU, 3 (z, h), 4 y */
static Net *half_abs(void)
{
  static const double one[] = {1}, minus[] = {-0.5};
  Net *const net = start(1);
  const int z = dense(net, 0, 1, 1, one, NULL), h = relu(net, z, 1);
  add(net, h, dense(net, 0, 1, 1, minus, NULL), 1);
  return finish(net);
}

/* y = x1 - x0 + max (z, 0), z = x0 - x1: y = max (z, 0) - z >= 0.
 * 0 x, 1 z, 2 ReLU, 3 -z, 4 y */
static Net *gap(void)
{
  static const double W[] = {1, -1}, V[] = {-1, 1};
  Net *const net = start(2);
  const int z = dense(net, 0, 1, 2, W, NULL), h = relu(net, z, 1);
  add(net, h, dense(net, 0, 1, 2, V, NULL), 1);
  return finish(net);
}

/* The same, then w = y - max (y, 0) = 0: 5 ReLU, 6 minus that, 7 w. */
static Net *double_gap(void)
{
  static const double W[] = {1, -1}, V[] = {-1, 1}, minus[] = {-1};
  Net *const net = start(2);
  const int z = dense(net, 0, 1, 2, W, NULL), h = relu(net, z, 1);
  const int y = add(net, h, dense(net, 0, 1, 2, V, NULL), 1);
  add(net, y, dense(net, relu(net, y, 1), 1, 1, minus, NULL), 1);
  return finish(net);
}

/* Unsafe: output <= rhs, on [lo, hi] in every input. */
static Prop *below(const Net *net, double lo, double hi, double rhs)
{
  double l[4], u[4];
  for (int i = 0; i < net_in_size(net); i++) {
    l[i] = lo;
    u[i] = hi;
  }
  return props_below(net, l, u, 1, (int[]){0, 1}, (int[]){0}, &rhs);
}

typedef struct {
  Net *net;
  Prop *prop;
  Certs c;
} Setup;

static Setup setup(Net *net, double lo, double hi, double rhs)
{
  Setup s = {.net = net, .prop = below(net, lo, hi, rhs)};
  s.c = certs_new(net, s.prop);
  certs_query(&s.c, 0, net->n_nodes + 1, 1);
  return s;
}

static void free_setup(Setup *s)
{
  certs_free(&s->c);
  prop_free(s->prop);
  net_free(s->net);
}

/* End the query and the file; accepted? */
static bool ends(Setup *s)
{
  certs_block(&s->c, CERTIFICATE_END_QUERY);
  certs_end(&s->c, 1);
  char *why = NULL;
  const bool accepted = certs_accepted(&s->c, s->net, s->prop, &why);
  if (!accepted) cr_log_info("%s", why);
  mem_free(why);
  free_setup(s);
  return accepted;
}

/* L: neuron 0 of node k has an alpha of its own. */
static void layout_one(Certs *c, int k)
{
  certs_n(c, (unsigned long)k);
  certs_n(c, 1);
  certs_n(c, 0);
  certs_block(c, CERTIFICATE_LAYOUT);
}

/* ---- default slopes, alphas
 * ----------------------------------------------------------- */

static bool default_row(Net *net, double lo, double hi, double rhs)
{
  Setup s = setup(net, lo, hi, rhs);
  certs_pass(&s.c, 1);
  certs_close_row(&s.c, 0, 0);
  return ends(&s);
}

/* u > -l: the slope is 1, so y >= x - x / 2 >= -1 / 2 on [-1, 2]. */
Test(check_rules, default_slopes_give_the_bound_computed_by_hand)
{
  cr_assert(default_row(half_abs(), -1, 2, -0.5 - 1e-9));
  cr_assert_not(default_row(half_abs(), -1, 2, -0.5 + 1e-9));
  /* u <= -l: slope 0, y >= - x / 2 >= -1 / 2 on [-2, 1]. */
  cr_assert(default_row(half_abs(), -2, 1, -0.5 - 1e-9));
  cr_assert_not(default_row(half_abs(), -2, 1, -0.5 + 1e-9));
}

static bool with_alpha(int flags, double alpha, double rhs)
{
  Setup s = setup(half_abs(), -1, 2, rhs);
  layout_one(&s.c, 2);
  certs_n(&s.c, 0);
  certs_u8(&s.c, flags);
  certs_n(&s.c, 0);
  if (flags == CERTIFICATE_SLOPES_U8) certs_u8(&s.c, (int)(alpha * 255));
  if (flags == CERTIFICATE_SLOPES_F64) certs_f64(&s.c, alpha);
  certs_block(&s.c, CERTIFICATE_CLOSE);
  return ends(&s);
}

Test(check_rules, alphas_change_the_lower_slope)
{
  /* y >= (alpha - 1/2) x */
  cr_assert(with_alpha(CERTIFICATE_SLOPES_F64, 0.5, -1e-9));
  cr_assert(with_alpha(CERTIFICATE_SLOPES_U8, 0.5, -0.01));
  cr_assert(with_alpha(CERTIFICATE_SLOPES_F64, 0.75, -0.25 - 1e-9));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, 0.75, -0.25 + 1e-9));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_DEFAULT, 0, -0.25));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, NAN, -0.25));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, INFINITY, -0.25));
  /* No proof of what is false, whatever alpha: y = 0 at 0. */
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, 0.5, 1e-9));
}

/* Far below what any slope would prove, so that nothing but the slope is refused. */
Test(check_rules, alphas_outside_of_0_and_1_are_refused)
{
  cr_assert(with_alpha(CERTIFICATE_SLOPES_F64, 0, -100));
  cr_assert(with_alpha(CERTIFICATE_SLOPES_F64, 1, -100));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, 1 + 0x1p-52, -100));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, -0x1p-1074, -100));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_F64, NAN, -100));
}

/* y = |x| / 2 on [1, 2], where the ReLU is decided, with betas of 0 for it. */
static bool with_list(int n, const int *node, const int *element)
{
  Setup s = setup(half_abs(), 1, 2, 0.1);
  certs_n(&s.c, 0);
  certs_u8(&s.c, CERTIFICATE_BETAS_LIST);
  certs_n(&s.c, 0);
  certs_n(&s.c, (unsigned long)n);
  for (int i = 0; i < n; i++) {
    certs_n(&s.c, (unsigned long)node[i]);
    certs_n(&s.c, (unsigned long)element[i]);
    certs_f64(&s.c, 0);
  }
  certs_block(&s.c, CERTIFICATE_CLOSE);
  return ends(&s);
}

Test(check_rules, a_list_of_betas_has_each_relu_once)
{
  cr_assert(with_list(0, NULL, NULL));
  cr_assert(with_list(1, (int[]){2}, (int[]){0}));
  cr_assert_not(with_list(2, (int[]){2, 2}, (int[]){0, 0}));
  cr_assert_not(with_list(1, (int[]){1}, (int[]){0}));
  cr_assert_not(with_list(1, (int[]){2}, (int[]){1}));
}

/* A block that says it is large in a file that is small. */
Test(check_rules, a_block_cannot_be_larger_than_what_it_unpacks_to)
{
  Setup s = setup(half_abs(), 1, 2, 0.1);
  certs_close_row(&s.c, 0, 0);
  certs_block(&s.c, CERTIFICATE_END_QUERY);
  certs_end(&s.c, 1);
  size_t n;
  uint8_t *const bytes = certs_bytes(&s.c, &n);
  cr_assert(certs_accepted_bytes(bytes, n, s.net, s.prop, NULL));
  const char *const line = strchr(strchr((const char *)bytes, '\n') + 1, '\n');
  uint8_t *const size = bytes + (line - (const char *)bytes) + 2;
  memcpy(size, (uint8_t[]){0, 0, 0, 0x10}, 4);
  const size_t before = mem_peak_bytes();
  cr_assert_not(certs_accepted_bytes(bytes, n, s.net, s.prop, NULL));
  cr_assert_lt(mem_peak_bytes() - before, (size_t)1 << 24);
  free(bytes);
  free_setup(&s);
}

/* Without slopes the ReLU is in [0, 2], and x apart from it in [-1, 2]. */
Test(check_rules, no_slopes_meet_the_intervals)
{
  cr_assert(with_alpha(CERTIFICATE_SLOPES_NONE, 0, -1 - 1e-9));
  cr_assert_not(with_alpha(CERTIFICATE_SLOPES_NONE, 0, -1 + 1e-9));
}

/* ---- weights
 * --------------------------------------------------------------------------- */

/* y = (x, -x) on [-1, 1]: the two rows of a case, y0 <= -d and y1 <= -d, exclude each
 * other; neither is enough alone. */
static bool weighted(int flags, double w0, double w1)
{
  static const double W[] = {1, -1};
  Net *const net = start(1);
  dense(net, 0, 2, 1, W, NULL);
  finish(net);
  const double lo = -1, hi = 1, rhs[2] = {-0.1, -0.1};
  Setup s = {.net = net,
             .prop = props_below(net, &lo, &hi, 1, (int[]){0, 2}, (int[]){0, 1}, rhs)};
  s.c = certs_new(net, s.prop);
  certs_query(&s.c, 0, 3, 1);
  certs_n(&s.c, 0);
  certs_u8(&s.c, flags);
  for (int j = 0; j < 2; j++)
    if (flags == CERTIFICATE_WEIGHTS_F32)
      certs_f32(&s.c, j ? w1 : w0);
    else
      certs_f64(&s.c, j ? w1 : w0);
  certs_block(&s.c, CERTIFICATE_CLOSE);
  return ends(&s);
}

Test(check_rules, rows_are_weighted)
{
  cr_assert(weighted(CERTIFICATE_WEIGHTS_F32, 1, 1));
  cr_assert(weighted(CERTIFICATE_WEIGHTS_F64, 0.3, 0.31));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, 1, 2));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, 1, 0));
}

Test(check_rules, weights_that_prove_nothing_are_refused)
{
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, 0, 0));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, -1, -1));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, -1, 2));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F32, NAN, 1));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, INFINITY, INFINITY));
  cr_assert_not(weighted(CERTIFICATE_WEIGHTS_F64, 1e308, 1.7e308));
}

/* ---- assumptions
 * ------------------------------------------------------------------------ */

/* One tree that splits the ReLU of gap (): kids with betas. */
static bool gap_search(double beta0, double beta1, double rhs, bool both)
{
  Setup s = setup(gap(), 0, 1, rhs);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGNS);
  for (int kid = 1; kid < (both ? 3 : 2); kid++) {
    certs_n(&s.c, (unsigned long)kid);
    certs_u8(&s.c, CERTIFICATE_EVENT_CLOSE);
    certs_u8(&s.c, CERTIFICATE_BETAS_F32);
    certs_n(&s.c, 0);
    certs_f32(&s.c, kid == 1 ? beta0 : beta1);
  }
  certs_block(&s.c, CERTIFICATE_SIGN_EVENT);
  certs_n(&s.c, 3);
  certs_n(&s.c, 1);
  certs_n(&s.c, 2);
  certs_n(&s.c, 0);
  certs_n(&s.c, 0);
  certs_u8(&s.c, 0);
  certs_n(&s.c, 0);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGN_TREE);
  return ends(&s);
}

/* Where z <= 0 is assumed y = -z, which only beta = 1 sees; there z >= 0 needs none. */
Test(check_rules, betas_of_assumptions_enter_the_bound)
{
  cr_assert_not(default_row(gap(), 0, 1, -0.1));
  cr_assert(gap_search(1, 0, -1e-9, true));
  cr_assert_not(gap_search(0, 0, -0.1, true));
  cr_assert(gap_search(0.5, 0, -0.5 - 1e-6, true));
  cr_assert_not(gap_search(0.5, 0, -0.5 + 1e-6, true));
  cr_assert_not(gap_search(-1, 0, -0.1, true));
  cr_assert_not(gap_search(NAN, 0, -0.1, true));
  cr_assert_not(gap_search(1, 1e30, -0.1, true));
  cr_assert_not(gap_search(1, 0, 1e-9, true));
}

Test(check_rules, both_kids_of_a_split_must_be_closed)
{
  cr_assert_not(gap_search(1, 0, -0.1, false));
}

/* ---- refinement
 * -------------------------------------------------------------------------- */

/* R: the lower end of y in double_gap () by a tree that splits z. */
static bool refined(double beta, double rhs, bool tree)
{
  Setup s = setup(double_gap(), 0, 1, rhs);
  certs_pass(&s.c, 1);
  certs_n(&s.c, 5); /* the input of node 5 */
  certs_n(&s.c, 0);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0); /* element 0, +e */
  certs_u8(&s.c, 0);
  if (tree) {
    certs_u8(&s.c, 1);
    certs_n(&s.c, 2);
    certs_n(&s.c, 0);
    certs_u8(&s.c, 0); /* z <= 0 */
    certs_f32(&s.c, beta);
    certs_u8(&s.c, 0); /* z >= 0 */
    certs_f32(&s.c, 0);
  } else {
    certs_u8(&s.c, 0);
  }
  certs_block(&s.c, CERTIFICATE_REFINE);
  certs_close_row(&s.c, 0, 0);
  return ends(&s);
}

Test(check_rules, trees_refine_intervals)
{
  cr_assert(refined(1, -1e-6, true));
  cr_assert_not(refined(0, -0.01, true));
  cr_assert_not(refined(1, -0.01, false));
  cr_assert_not(refined(1, 1e-9, true));
}

/* ---- slopes of passes
 * ---------------------------------------------------------------------- */

/* z2 = |x| / 2, w = z2 - max (z2, 0) = 0, on x in [-1, 2]: the row for z2 needs alpha =
 * 1/2 to see z2 >= 0.  0 x, 1 z, 2 ReLU, 3 -x/2, 4 z2, 5 ReLU, 6 minus that,
 * 7 w. */
static bool with_rows(int alpha, double rhs, bool stored)
{
  static const double one[] = {1}, half[] = {-0.5}, minus[] = {-1};
  Net *const net = start(1);
  const int z = dense(net, 0, 1, 1, one, NULL), h = relu(net, z, 1);
  const int z2 = add(net, h, dense(net, 0, 1, 1, half, NULL), 1);
  add(net, z2, dense(net, relu(net, z2, 1), 1, 1, minus, NULL), 1);
  Setup s = setup(finish(net), -1, 2, rhs);
  layout_one(&s.c, 2);
  certs_n(&s.c, 5);
  certs_n(&s.c, 0);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_u8(&s.c, 0);
  certs_u8(&s.c, alpha);
  certs_block(&s.c, CERTIFICATE_SLOPES);
  if (stored) certs_close_row(&s.c, 0, 0);
  return ends(&s);
}

Test(check_rules, slope_rows_make_passes_tighter)
{
  cr_assert(with_rows(128, -0.01, true));
  cr_assert_not(with_rows(255, -0.1, true));
  cr_assert_not(with_rows(128, 0.01, true));
  cr_assert_not(with_rows(128, -0.01, false));
}

/* ---- boxes
 * -----------------------------------------------------------------------------------
 */

typedef struct {
  int axis; /* 0: not cut */
  double mid;
  int kid;
} Cut;

/* With a ball of that radius around (middle, 0) unless it is 0. */
static bool boxes_in(Net *net, double lo, double hi, double rhs, const Cut *cut, int n,
                     double middle, double radius)
{
  Setup s = setup(net, lo, hi, rhs);
  if (radius > 0)
    s.prop->boxes[0].ball = ball_new(BALL_L2, 2, (double[]){middle, 0}, radius);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_BOXES);
  certs_n(&s.c, (unsigned long)n);
  for (int r = 0; r < n; r++) {
    certs_n(&s.c, (unsigned long)cut[r].axis);
    if (!cut[r].axis) continue;
    certs_f64(&s.c, cut[r].mid);
    certs_n(&s.c, (unsigned long)cut[r].kid);
  }
  certs_block(&s.c, CERTIFICATE_BOX_TREE);
  return ends(&s);
}

static bool boxes(Net *net, double lo, double hi, double rhs, const Cut *cut, int n)
{
  return boxes_in(net, lo, hi, rhs, cut, n, 0, 0);
}

/* x0 >= 1 (x0 <= 1) has no input of the ball, and z = x0 - x1 there has bounds that
 * exclude each other.  That closes nothing elsewhere: y = 0 where z >= 0. */
Test(check_rules, a_part_that_misses_the_ball_is_closed_and_only_that)
{
  static const Cut at1[] = {{1, 1, 1}, {0}, {0}};
  cr_assert(boxes_in(gap(), -1, 2, -1, at1, 3, 0, 0.5));
  cr_assert_not(boxes_in(gap(), -1, 2, 0.1, at1, 3, 0, 0.5));
  cr_assert(boxes_in(gap(), -1, 2, -0.1, at1, 3, 1.75, 0.5));
  cr_assert_not(boxes_in(gap(), -1, 2, 0.1, at1, 3, 1.75, 0.5));
  cr_assert_not(boxes_in(gap(), -1, 2, 0.1, at1, 3, 1.25, 0.5));
}

Test(check_rules, a_search_by_boxes_closes_what_one_box_does_not)
{
  /* |x| / 2 is linear on both sides of 0. */
  static const Cut at0[] = {{1, 0, 1}, {0}, {0}}, at1[] = {{1, 1, 1}, {0}, {0}};
  static const Cut twice[] = {{1, 1, 1}, {1, 0, 3}, {0}, {0}, {0}};
  static const Cut whole[] = {{0}};
  cr_assert(boxes(half_abs(), -1, 2, -1e-9, at0, 3));
  cr_assert(boxes(half_abs(), -1, 2, -1e-9, twice, 5));
  cr_assert_not(boxes(half_abs(), -1, 2, -0.01, at1, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, -0.01, whole, 1));
  cr_assert_not(boxes(half_abs(), -1, 2, 1e-9, at0, 3));
}

Test(check_rules, trees_of_boxes_that_are_no_trees_are_refused)
{
  const double rhs = -2; /* even one box would do */
  static const Cut good[] = {{1, 0, 1}, {0}, {0}};
  static const Cut outside[] = {{1, 5, 1}, {0}, {0}}, edge[] = {{1, 2, 1}, {0}, {0}};
  static const Cut infinite[] = {{1, INFINITY, 1}, {0}, {0}},
                   nan[] = {{1, NAN, 1}, {0}, {0}};
  static const Cut self[] = {{1, 0, 0}, {0}, {0}}, far[] = {{1, 0, 2}, {0}, {0}};
  static const Cut axis[] = {{2, 0, 1}, {0}, {0}}, orphan[] = {{0}, {0}, {0}};
  static const Cut shared[] = {{1, 0, 1}, {1, -0.5, 3}, {1, 1, 3}, {0}, {0}};
  cr_assert(boxes(half_abs(), -1, 2, rhs, good, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, outside, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, edge, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, infinite, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, nan, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, self, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, far, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, axis, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, orphan, 3));
  cr_assert_not(boxes(half_abs(), -1, 2, rhs, shared, 5));
}

/* ---- narrowing
 * ---------------------------------------------------------------------------------- */

/* y = max (x, 0) - x / 2 on [-4, 8]: with slope 1 g = -2 - rhs and q = 1/2, so a
 * violating x is at most -4 + 2 (2 + rhs); after the pass the ReLU is off and y = -x
 * / 2. */
static bool narrowed_in(double alpha, double rhs, double radius)
{
  Setup s = setup(half_abs(), -4, 8, rhs);
  if (radius > 0) s.prop->boxes[0].ball = ball_new(BALL_L2, 1, (double[]){2}, radius);
  layout_one(&s.c, 2);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGNS);
  certs_n(&s.c, 0);
  certs_u8(&s.c, CERTIFICATE_EVENT_NARROW);
  certs_u8(&s.c, CERTIFICATE_SLOPES_F64);
  certs_n(&s.c, 0);
  certs_f64(&s.c, alpha);
  certs_n(&s.c, 0);
  certs_u8(&s.c, CERTIFICATE_EVENT_PASS);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_u8(&s.c, CERTIFICATE_EVENT_CLOSE);
  certs_u8(&s.c, 0);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGN_EVENT);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGN_TREE);
  return ends(&s);
}

static bool narrowed(double alpha, double rhs)
{
  return narrowed_in(alpha, rhs, 0);
}

/* In a ball g is no sum over the inputs.  This one holds the whole box. */
Test(check_rules, inputs_in_a_ball_are_not_narrowed_by_a_bound)
{
  cr_assert(narrowed_in(1, -0.5, 0));
  cr_assert_not(narrowed_in(1, -0.5, 100));
}

Test(check_rules, narrowed_inputs_close_a_node)
{
  cr_assert_not(default_row(half_abs(), -4, 8, -0.5));
  cr_assert(narrowed(1, -0.5));
  cr_assert_not(narrowed(1, 0.5));
  cr_assert_not(narrowed(NAN, -0.5));
}

/* ---- emptiness
 * ------------------------------------------------------------------------------------
 */

/* On [1, 2] z <= 0 is impossible: that kid needs no bound. */
static bool empty_kid(double lo, bool event)
{
  Setup s = setup(half_abs(), lo, 2, -1e-9);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGNS);
  if (event) {
    certs_n(&s.c, 1);
    certs_u8(&s.c, CERTIFICATE_EVENT_EMPTY);
  }
  certs_n(&s.c, 2);
  certs_u8(&s.c, CERTIFICATE_EVENT_CLOSE);
  certs_u8(&s.c, 0);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_SIGN_EVENT);
  certs_n(&s.c, 3);
  for (int t = 0; t < 3; t++) {
    certs_n(&s.c, t ? 0 : 1);
    if (t) continue;
    certs_n(&s.c, 2);
    certs_n(&s.c, 0);
    certs_n(&s.c, 0);
    certs_u8(&s.c, 0);
  }
  certs_block(&s.c, CERTIFICATE_SIGN_TREE);
  return ends(&s);
}

Test(check_rules, an_empty_node_is_closed_and_only_that)
{
  cr_assert(empty_kid(1, true));
  cr_assert(empty_kid(1, false));
  cr_assert_not(empty_kid(-1, true));
  cr_assert_not(empty_kid(-1, false));
}

/* ---- what frames it
 * --------------------------------------------------------------------------------- */

static bool head_replaced(const char *from, const char *to)
{
  Setup s = setup(half_abs(), -1, 2, -1);
  certs_pass(&s.c, 1);
  certs_close_row(&s.c, 0, 0);
  char *const at = strstr(s.c.head, from);
  cr_assert(at);
  char head[2048];
  snprintf(head, sizeof head, "%.*s%s%s", (int)(at - s.c.head), s.c.head, to,
           at + strlen(from));
  free(s.c.head);
  s.c.head = strdup(head);
  return ends(&s);
}

Test(check_rules, the_head_must_fit_the_files)
{
  cr_assert(head_replaced("test 1", "test 2"));
  cr_assert_not(head_replaced("dualcert-certificate 1", "dualcert-certificate 2"));
  cr_assert_not(
      head_replaced("\"network\": {\"sha256\": \"", "\"network\": {\"sha256\": \"0"));
  cr_assert_not(head_replaced("\"specification\": {\"sha256\": \"",
                              "\"specification\": {\"sha256\": \"0"));
  cr_assert_not(head_replaced("\"real\"", "\"float32\""));
  cr_assert_not(head_replaced("\"queries\": 1", "\"queries\": 2"));
  cr_assert_not(head_replaced("\"cases\": 1", "\"cases\": 0"));
  cr_assert_not(head_replaced("\"cases\": 1", "\"cases\": 1, \"more\": 1"));
}

/* Two cases; blocks are left out, repeated or changed. */
static bool framed(int which)
{
  Net *const net = half_abs();
  const double lo = -1, hi = 2, rhs[2] = {-1, -2};
  Setup s = {.net = net,
             .prop =
                 props_below(net, &lo, &hi, 2, (int[]){0, 1, 2}, (int[]){0, 0}, rhs)};
  s.c = certs_new(net, s.prop);
  if (which != 1)
    certs_query(&s.c, which == 2 ? 1 : 0, which == 3 ? 5 : 6, which == 4 ? 1 : 2);
  certs_pass(&s.c, which == 5 ? 6 : 1);
  certs_close_row(&s.c, 0, which == 6 ? 1 : 0);
  if (which != 7) certs_close_row(&s.c, which == 8 ? 2 : 1, 0);
  if (which != 9) certs_block(&s.c, CERTIFICATE_END_QUERY);
  if (which == 10) {
    certs_query(&s.c, 0, 6, 2);
    certs_close_row(&s.c, 0, 0);
    certs_close_row(&s.c, 1, 0);
    certs_block(&s.c, CERTIFICATE_END_QUERY);
  }
  if (which != 11) certs_end(&s.c, which == 12 ? 0 : 1);
  if (which == 13) certs_end(&s.c, 1);
  char *why = NULL;
  const bool accepted = certs_accepted(&s.c, s.net, s.prop, &why);
  if (!accepted) cr_log_info("%d: %s", which, why);
  mem_free(why);
  free_setup(&s);
  return accepted;
}

Test(check_rules, everything_must_be_there_once)
{
  cr_assert(framed(0));
  for (int which = 1; which <= 13; which++)
    cr_assert_not(framed(which), "%d", which);
}

Test(check_rules, bytes_after_the_end_are_refused)
{
  Setup s = setup(half_abs(), -1, 2, -1);
  certs_close_row(&s.c, 0, 0);
  certs_block(&s.c, CERTIFICATE_END_QUERY);
  certs_end(&s.c, 1);
  size_t n;
  uint8_t *bytes = certs_bytes(&s.c, &n);
  cr_assert(certs_accepted_bytes(bytes, n, s.net, s.prop, NULL));
  bytes = realloc(bytes, n + 1);
  bytes[n] = 0;
  cr_assert_not(certs_accepted_bytes(bytes, n + 1, s.net, s.prop, NULL));
  free(bytes);
  free_setup(&s);
}

/* Two boxes are two queries: both must be there, each with its own box. */
static bool two_queries(int first, int second)
{
  Net *const net = half_abs();
  Prop *const prop = prop_new("test", 1, 1);
  for (int k = 0; k < 2; k++) {
    Box box = box_new(1);
    box.lo[0] = box.in_lo[0] = k ? -20 : -1;
    box.hi[0] = box.in_hi[0] = k ? 10 : 2;
    PropRow *const row = mem_zero(1, sizeof *row);
    *row = (PropRow){.n = 1, .rhs_lo = k ? -5.5 : -0.6, .rhs_hi = k ? -5.5 : -0.6};
    row->var = mem_zero(1, sizeof *row->var);
    row->coef = mem_doubles(1);
    row->coef[0] = 1;
    prop_add_case(prop, prop_add_box(prop, &box), row, 1, k);
    box_free(&box);
  }
  prop_finish(prop);
  Setup s = {.net = net, .prop = prop, .c = certs_new(net, prop)};
  const int order[2] = {first, second};
  for (int k = 0; k < 2 && order[k] >= 0; k++) {
    certs_query(&s.c, order[k], 6, 1);
    certs_close_row(&s.c, 0, 0);
    certs_block(&s.c, CERTIFICATE_END_QUERY);
  }
  certs_end(&s.c, 2);
  const bool accepted = certs_accepted(&s.c, s.net, s.prop, NULL);
  free_setup(&s);
  return accepted;
}

Test(check_rules, every_query_must_be_there)
{
  cr_assert(two_queries(0, 1));
  cr_assert(two_queries(1, 0));
  cr_assert_not(two_queries(0, -1));
  cr_assert_not(two_queries(1, -1));
  cr_assert_not(two_queries(0, 0));
}
