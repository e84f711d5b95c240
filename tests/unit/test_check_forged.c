/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of false properties, each of which one refusal of the checker keeps from
 * being accepted: without it everything else in the file is as it should be.  Beside
 * each of them a certificate that differs in that one thing and stands.  Long: a
 * section for each kind of block, with the same few networks. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"
#include "specs/query.h"
#include "tests/support/certs.h"
#include "tests/support/chain.h"
#include "tests/support/props.h"

TestSuite(check_forged, .timeout = 120);

/* ---- networks and properties --------------------------------------------------------
 */

/* z = x, h = max (z, 0) and the outputs y_k = slope[k] h + bias[k]: nodes 1, 2, 3. */
static Net *hinges(int n, const double *slope, const double *bias)
{
  static const double one = 1;
  Net *net = chain_new(1);
  const int z = chain_dense(net, 0, 1, &one, NULL);
  chain_dense(net, chain_act(net, z, ACT_RELU), n, slope, bias);
  chain_finish(net);
  return net;
}

/* y = 1/2 - max (x, 0): 1/2 up to 0, not above 0 from 1/2 on. */
static Net *hinge(void)
{
  return hinges(1, (double[]){-1}, (double[]){0.5});
}

/* y = |z| / 2 with z = w x + b: nodes 1 z, 2 ReLU, 3 -z / 2, 4 y. */
static Net *half_abs(double w, double b)
{
  static const double minus = -0.5;
  Net *net = chain_new(1);
  const int z = chain_dense(net, 0, 1, &w, &b), h = chain_act(net, z, ACT_RELU);
  chain_add(net, h, chain_dense(net, z, 1, &minus, NULL), 1);
  chain_finish(net);
  return net;
}

typedef struct {
  Net *net;
  Prop *prop;
  Certs c;
} Forged;

/* n_cases cases, unsafe where y_k <= rhs[k], on [lo, hi] in every input. */
static Forged begin(Net *net, double lo, double hi, int n_cases, const double *rhs)
{
  static const int first[3] = {0, 1, 2}, var[2] = {0, 1};
  double l[3], u[3];
  for (int i = 0; i < net_in_size(net); i++) {
    l[i] = lo;
    u[i] = hi;
  }
  Forged f = {.net = net, .prop = props_below(net, l, u, n_cases, first, var, rhs)};
  f.c = certs_new(net, f.prop);
  certs_query(&f.c, 0, net->n_nodes + 1, n_cases);
  return f;
}

static Forged begin_one(Net *net, double lo, double hi, double rhs)
{
  return begin(net, lo, hi, 1, &rhs);
}

/* Accepted, in double arithmetic or in exact arithmetic alone? */
static bool stands_as_it_is(Forged *f, bool exactly)
{
  char *why = NULL;
  const bool stands = exactly ? certs_accepted_exactly(&f->c, f->net, f->prop)
                              : certs_accepted(&f->c, f->net, f->prop, &why);
  if (why) cr_log_info("%s", why);
  mem_free(why);
  certs_free(&f->c);
  prop_free(f->prop);
  net_free(f->net);
  return stands;
}

static bool stands(Forged *f)
{
  certs_block(&f->c, CERTIFICATE_END_QUERY);
  certs_end(&f->c, 1);
  return stands_as_it_is(f, false);
}

static bool stands_exactly(Forged *f)
{
  certs_block(&f->c, CERTIFICATE_END_QUERY);
  certs_end(&f->c, 1);
  return stands_as_it_is(f, true);
}

/* ---- blocks -------------------------------------------------------------------------
 */

/* A and X: cases 0 .. n - 1. */
static void cases(Certs *c, int n, int tag)
{
  certs_n(c, (unsigned long)n);
  for (int k = 0; k < n; k++)
    certs_n(c, k ? 1 : 0);
  certs_block(c, tag);
}

static void event(Certs *c, int t, int type)
{
  certs_n(c, (unsigned long)t);
  certs_u8(c, type);
  if (type == CERTIFICATE_EVENT_PASS) certs_n(c, 1);
  if (type != CERTIFICATE_EVENT_CLOSE) return;
  certs_u8(c, 0); /* one row, default slopes */
  certs_n(c, 0);
}

static void sign_event(Certs *c, int t, int node, int flag)
{
  event(c, t, CERTIFICATE_EVENT_SIGN);
  certs_n(c, (unsigned long)node);
  certs_n(c, 0);
  certs_u8(c, flag);
}

/* A node of a tree of assumptions: split at `at` of an input of element `element` of
 * node `node`, or a leaf. */
typedef struct {
  int kid, node, element, factor;
  double at;
} Split;

static void tree(Certs *c, int n, const Split *split)
{
  certs_block(c, CERTIFICATE_SIGN_EVENT);
  certs_n(c, (unsigned long)n);
  for (int t = 0; t < n; t++) {
    certs_n(c, (unsigned long)split[t].kid);
    if (!split[t].kid) continue;
    certs_n(c, (unsigned long)split[t].node);
    certs_n(c, (unsigned long)split[t].factor);
    certs_n(c, (unsigned long)split[t].element);
    certs_u8(c, split[t].at != 0);
    if (split[t].at != 0) certs_f64(c, split[t].at);
  }
  certs_block(c, CERTIFICATE_SIGN_TREE);
}

/* A search for one case with a CLOSE for each of these nodes. */
static bool closes(Net *net, double lo, double hi, double rhs, int n,
                   const Split *split, const char *closed)
{
  Forged f = begin_one(net, lo, hi, rhs);
  cases(&f.c, 1, CERTIFICATE_SIGNS);
  for (; *closed; closed++)
    event(&f.c, *closed - '0', CERTIFICATE_EVENT_CLOSE);
  tree(&f.c, n, split);
  return stands(&f);
}

/* ---- trees of assumptions -----------------------------------------------------------
 */

Test(check_forged, a_kid_that_is_the_root_of_another_case)
{
  static const double slope[2] = {0, -1}, bias[2] = {1, 0.5};
  static const Split forged[] = {{.kid = 1, .node = 2}, {0}, {0}};
  static const Split fine[] = {{.kid = 2, .node = 2}, {0}, {0}, {0}};
  for (int is_true = 0; is_true < 2; is_true++)
    for (int is_fine = 0; is_fine < 2; is_fine++) {
      Forged f =
          begin(hinges(2, slope, bias), -1, 1, 2, (double[]){0, is_true ? -1 : 0});
      cases(&f.c, 2, CERTIFICATE_SIGNS);
      for (int t = 1; t < (is_fine ? 4 : 3); t++)
        event(&f.c, t, CERTIFICATE_EVENT_CLOSE);
      tree(&f.c, is_fine ? 4 : 3, is_fine ? fine : forged);
      cr_assert_eq(stands(&f), is_true && is_fine);
    }
}

/* Node 2 is the half z >= 0 of the root and the half z <= -1 of node 1: nobody looks at
 * z >= 0. */
Test(check_forged, a_kid_of_two_nodes)
{
  static const Split forged[] = {
      {.kid = 1, .node = 2}, {.kid = 2, .node = 2, .at = -0.5}, {0}, {0}};
  static const Split fine[] = {
      {.kid = 1, .node = 2}, {.kid = 3, .node = 2, .at = -0.5}, {0}, {0}, {0}};
  cr_assert_not(closes(hinge(), -1, 1, 0, 4, forged, "23"));
  cr_assert(closes(hinge(), -1, 0.25, 0, 5, fine, "234"));
  cr_assert_not(closes(hinge(), -1, 1, 0, 5, fine, "234"));
}

Test(check_forged, trees_that_are_none)
{
  static const Split fine[] = {{.kid = 1, .node = 2}, {0}, {0}, {0}};
  static const Split far[] = {{.kid = 2, .node = 2}, {0}, {0}};
  static const Split infinite[] = {{.kid = 1, .node = 2, .at = INFINITY}, {0}, {0}};
  static const Split nan[] = {{.kid = 1, .node = 2, .at = NAN}, {0}, {0}};
  static const Split linear[] = {{.kid = 1, .node = 1}, {0}, {0}};
  static const Split element[] = {{.kid = 1, .node = 2, .element = 1}, {0}, {0}};
  static const Split factor[] = {{.kid = 1, .node = 2, .factor = 1}, {0}, {0}};
  cr_assert(closes(hinge(), -1, 0.25, 0, 3, fine, "12"));
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 4, fine, "12"), "an orphan");
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 3, far, "12"));
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 3, infinite, "12"));
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 3, nan, "12"));
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 3, linear, "12"));
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 3, element, "12"));
  cr_assert_not(closes(hinge(), -1, 0.25, 0, 3, factor, "12"));
}

/* ---- empty nodes --------------------------------------------------------------------
 */

/* Root split, kid 1 (z <= at) and kid 2 each closed, called empty, or neither. */
static Forged halved(double lo, double hi, double at, int first, int second)
{
  const Split split[] = {{.kid = 1, .node = 2, .at = at}, {0}, {0}};
  Forged f = begin_one(hinge(), lo, hi, 0);
  cases(&f.c, 1, CERTIFICATE_SIGNS);
  if (first) event(&f.c, 1, first);
  if (second) event(&f.c, 2, second);
  tree(&f.c, 3, split);
  return f;
}

static bool halves(double lo, double hi, double at, int first, int second)
{
  Forged f = halved(lo, hi, at, first, second);
  return stands(&f);
}

Test(check_forged, a_half_that_is_called_empty)
{
  const int close = CERTIFICATE_EVENT_CLOSE, empty = CERTIFICATE_EVENT_EMPTY;
  cr_assert_not(halves(-1, 1, 0, close, empty));
  cr_assert_not(halves(-1, 1, 0, empty, close));
  cr_assert(halves(-1, 0.25, 0.5, close, empty));
  /* All of it: the interval of z is one point. */
  cr_assert_not(halves(1, 1, 5, empty, empty));
  cr_assert_not(halves(1, 1, 5, 0, 0));
  cr_assert_not(halves(1, 1, 1, empty, empty));
  Forged f = halved(1, 1, 5, empty, empty), g = halved(0.25, 0.25, 5, close, empty);
  cr_assert_not(stands_exactly(&f));
  cr_assert(stands_exactly(&g));
}

/* a = x0 + 1, b = x1 + 1 and y = 10 a - b + bias; with 7/4 not above 0 only where a <=
 * 1/2 and b >= 3/2.  The tree assumes just that, in node 4, about two neurons, two
 * layers or two factors. */
static bool apart(int kind, double bias, int at_4)
{
  static const double eye[4] = {1, 0, 0, 1}, one[2] = {1, 0}, other[2] = {0, 1};
  static const double both[2] = {10, -1}, zero[2] = {0, 0}, shift[2] = {1, 1};
  static const Split two[] = {{.kid = 1, .node = 2, .at = 0.5},
                              {.kid = 3, .node = 2, .element = 1, .at = 1.5},
                              {0},
                              {0},
                              {0}};
  static const Split layers[] = {{.kid = 1, .node = 2, .at = 0.5},
                                 {.kid = 3, .node = 4, .at = 1.5},
                                 {0},
                                 {0},
                                 {0}};
  static const Split factors[] = {{.kid = 1, .node = 3, .at = 0.5},
                                  {.kid = 3, .node = 3, .factor = 1, .at = 1.5},
                                  {0},
                                  {0},
                                  {0}};
  const Split *const split[3] = {two, layers, factors};
  Net *net = chain_new(2);
  int h, y;
  if (kind == 0) {
    const int z = chain_dense(net, 0, 2, eye, shift);
    h = chain_dense(net, chain_act(net, z, ACT_RELU), 1, zero, NULL);
    y = chain_dense(net, z, 1, both, &bias);
  } else {
    const int a = chain_dense(net, 0, 1, one, shift);
    if (kind == 1) chain_act(net, a, ACT_RELU);
    const int b = chain_dense(net, 0, 1, other, shift), in[2] = {a, b};
    const Node mul = {.kind = NODE_MUL, .size = 1};
    h = kind == 1 ? chain_act(net, b, ACT_RELU) : net_add(net, &mul, in, 2);
    h = chain_dense(net, h, 1, zero, NULL);
    y = chain_add(net, chain_dense(net, a, 1, both, &bias), b, -1);
  }
  chain_add(net, y, h, 1);
  chain_finish(net);
  Forged f = begin_one(net, -1, 1, 0);
  cases(&f.c, 1, CERTIFICATE_SIGNS);
  event(&f.c, 2, CERTIFICATE_EVENT_EQUATIONS);
  event(&f.c, 3, CERTIFICATE_EVENT_EQUATIONS);
  event(&f.c, 4, at_4);
  tree(&f.c, 5, split[kind]);
  return stands(&f);
}

Test(check_forged, assumptions_about_two_numbers_exclude_nothing)
{
  for (int kind = 0; kind < 3; kind++) {
    cr_assert(apart(kind, 3, CERTIFICATE_EVENT_EQUATIONS), "%d", kind);
    cr_assert_not(apart(kind, 1.75, CERTIFICATE_EVENT_EQUATIONS), "%d", kind);
    cr_assert_not(apart(kind, 1.75, CERTIFICATE_EVENT_EMPTY), "%d", kind);
  }
}

/* What node 1 (z <= 0) knows of its own must be forgotten at node 2. */
Test(check_forged, what_one_half_knows_says_nothing_about_the_other)
{
  static const Split split[] = {{.kid = 1, .node = 2}, {0}, {0}};
  for (int type = 0; type < 2; type++)
    for (int is_true = 0; is_true < 2; is_true++) {
      Forged f = begin_one(hinge(), -1, is_true ? 0.25 : 1, 0);
      cases(&f.c, 1, CERTIFICATE_SIGNS);
      event(&f.c, 1, type ? CERTIFICATE_EVENT_EQUATIONS : CERTIFICATE_EVENT_PASS);
      event(&f.c, 1, CERTIFICATE_EVENT_CLOSE);
      if (type) event(&f.c, 2, CERTIFICATE_EVENT_EQUATIONS);
      event(&f.c, 2, CERTIFICATE_EVENT_CLOSE);
      tree(&f.c, 3, split);
      cr_assert_eq(stands(&f), is_true);
    }
}

/* The same of what weights that are not exact are wrong by: nothing where h is 0, a
 * share of h elsewhere. */
Test(check_forged, what_is_inexact_in_one_half_says_nothing_about_the_other)
{
  static const double one = 1, minus = -1;
  static const Split split[] = {{.kid = 1, .node = 2}, {0}, {0}};
  for (int is_true = 0; is_true < 2; is_true++) {
    const double bias = is_true ? 2 : 1 + 0x1p-23;
    Net *net = chain_new(1);
    const int h = chain_act(net, chain_dense(net, 0, 1, &one, NULL), ACT_RELU);
    const Node y = {.kind = NODE_DENSE,
                    .size = 1,
                    .reps = 1,
                    .rows = 1,
                    .cols = 1,
                    .W = &minus,
                    .b = &bias,
                    .w_rel = 0x1p-22};
    net_add(net, &y, &h, 1);
    chain_finish(net);
    Forged f = begin_one(net, -1, 1, 0);
    cases(&f.c, 1, CERTIFICATE_SIGNS);
    event(&f.c, 1, CERTIFICATE_EVENT_PASS);
    event(&f.c, 1, CERTIFICATE_EVENT_CLOSE);
    event(&f.c, 2, CERTIFICATE_EVENT_CLOSE);
    tree(&f.c, 3, split);
    cr_assert_eq(stands(&f), is_true);
  }
}

/* ---- signs and equations ------------------------------------------------------------
 */

/* The root alone: a sign, then a bound. */
static bool with_sign(double lo, double hi, int node, int flag)
{
  Forged f = begin_one(hinge(), lo, hi, 0);
  cases(&f.c, 1, CERTIFICATE_SIGNS);
  sign_event(&f.c, 0, node, flag);
  event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
  tree(&f.c, 1, (Split[]){{0}});
  return stands(&f);
}

/* y <= 0 only where z >= 1/2. */
Test(check_forged, signs_that_equations_do_not_decide)
{
  cr_assert_not(with_sign(-1, 1, 2, 0));
  cr_assert_not(with_sign(-2, 1, 2, 0));
  cr_assert(with_sign(-1, 0.25, 2, 1));
  /* z >= 1/2 here: z <= 0 is impossible, and to claim it would prove everything. */
  cr_assert_not(with_sign(0.75, 1, 2, 0));
  cr_assert_not(with_sign(-1, 1, 0, 0), "of an input");
  cr_assert_not(with_sign(-1, 1, 1, 0), "of a linear node");
  cr_assert_not(with_sign(-1, 0.25, 2, 2), "a flag of 2");
}

/* That the first case is never violated says nothing about the second. */
Test(check_forged, equations_are_about_the_case_of_the_tree)
{
  static const double slope[2] = {0, -1}, bias[2] = {1, 0.5};
  for (int is_true = 0; is_true < 2; is_true++) {
    Forged f = begin(hinges(2, slope, bias), -1, 1, 2, (double[]){0, is_true ? -1 : 0});
    cases(&f.c, 2, CERTIFICATE_SIGNS);
    event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
    event(&f.c, 1, CERTIFICATE_EVENT_EQUATIONS);
    tree(&f.c, 2, (Split[]){{0}, {0}});
    cr_assert_eq(stands(&f), is_true);
  }
}

/* ---- boxes --------------------------------------------------------------------------
 */

typedef struct {
  int kid; /* 0: not cut */
  double mid;
} Cut;

static void box_tree(Certs *c, int n, const Cut *cut)
{
  certs_n(c, (unsigned long)n);
  for (int r = 0; r < n; r++) {
    certs_n(c, cut[r].kid ? 1 : 0);
    if (!cut[r].kid) continue;
    certs_f64(c, cut[r].mid);
    certs_n(c, (unsigned long)cut[r].kid);
  }
}

static bool boxes(double lo, double hi, int n, const Cut *cut)
{
  Forged f = begin_one(hinge(), lo, hi, 0);
  cases(&f.c, 1, CERTIFICATE_BOXES);
  box_tree(&f.c, n, cut);
  certs_block(&f.c, CERTIFICATE_BOX_TREE);
  return stands(&f);
}

/* As above: [0, 1] is region 2, which is also a part of region 1. */
Test(check_forged, a_region_of_two_parents)
{
  static const Cut forged[] = {{1, 0}, {2, -0.5}, {0}, {0}};
  static const Cut fine[] = {{1, 0}, {3, -0.5}, {0}, {0}, {0}};
  cr_assert_not(boxes(-1, 1, 4, forged));
  cr_assert(boxes(-1, 0.25, 5, fine));
  cr_assert_not(boxes(-1, 1, 5, fine));
}

/* An event of region 0 for a case: one that is not searched, or whose bound is no proof
 * yet. */
static bool with_box_event(int searched, int about, double hi)
{
  static const double slope[2] = {-1, -1}, bias[2] = {0.5, 0.5};
  static const Cut cut[] = {{1, 0}, {0}, {0}};
  Forged f = begin(hinges(2, slope, bias), -1, hi, 2, (double[]){0, 0});
  for (int k = searched; k < 2; k++) {
    certs_n(&f.c, (unsigned long)k);
    certs_u8(&f.c, 0);
    certs_n(&f.c, 0);
  }
  certs_block(&f.c, CERTIFICATE_CLOSE);
  cases(&f.c, searched, CERTIFICATE_BOXES);
  certs_n(&f.c, 0);
  certs_n(&f.c, (unsigned long)about);
  certs_u8(&f.c, 0);
  certs_n(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_BOX_EVENT);
  box_tree(&f.c, 3, cut);
  certs_block(&f.c, CERTIFICATE_BOX_TREE);
  return stands(&f);
}

Test(check_forged, events_of_regions_close_what_they_say)
{
  cr_assert(with_box_event(1, 0, 0.25));
  cr_assert(with_box_event(2, 1, 0.25));
  cr_assert_not(with_box_event(1, 1, 0.25), "not searched");
  cr_assert_not(with_box_event(2, 0, 1), "false");
}

/* An event at region 0 whose bound proves nothing, though both halves need none. */
Test(check_forged, an_event_of_a_region_must_close_its_case)
{
  static const Cut cut[] = {{1, 0}, {0}, {0}};
  for (int has_event = 0; has_event < 2; has_event++) {
    Forged f = begin_one(half_abs(1, 0), -1, 2, -1e-9);
    cases(&f.c, 1, CERTIFICATE_BOXES);
    for (int k = 0; k < 4 && has_event; k++)
      certs_u8(&f.c, 0); /* region, case, flags, row */
    if (has_event) certs_block(&f.c, CERTIFICATE_BOX_EVENT);
    box_tree(&f.c, 3, cut);
    certs_block(&f.c, CERTIFICATE_BOX_TREE);
    cr_assert_eq(stands(&f), !has_event);
  }
}

/* ---- weights ------------------------------------------------------------------------
 */

/* One case, y0 <= 10 and y1 <= 10 with y = (x, -x): unsafe everywhere. */
static bool weighted(double w0, double w1)
{
  static const double W[2] = {1, -1}, lo = -1, hi = 1, rhs[2] = {10, 10};
  Net *net = chain_new(1);
  chain_dense(net, 0, 2, W, NULL);
  chain_finish(net);
  Forged f = {.net = net,
              .prop = props_below(net, &lo, &hi, 1, (int[]){0, 2}, (int[]){0, 1}, rhs)};
  f.c = certs_new(net, f.prop);
  certs_query(&f.c, 0, 3, 1);
  certs_n(&f.c, 0);
  certs_u8(&f.c, CERTIFICATE_WEIGHTS_F64);
  certs_f64(&f.c, w0);
  certs_f64(&f.c, w1);
  certs_block(&f.c, CERTIFICATE_CLOSE);
  return stands(&f);
}

Test(check_forged, a_weight_below_0)
{
  cr_assert_not(weighted(-1, 1e-9));
  cr_assert_not(weighted(1e-9, -1));
  cr_assert_not(weighted(-1, -1));
}

/* ---- bounds that are 0 --------------------------------------------------------------
 */

/* |x| / 2 <= -below on [1, 2], nothing lost: by a bound, by boxes, by assumptions,
 * by narrowing. */
static bool touches(int way, double below)
{
  Forged f = begin_one(half_abs(1, 0), 1, 2, 0.5 - below);
  if (way == 0) {
    certs_close_row(&f.c, 0, 0);
  } else if (way == 1) {
    cases(&f.c, 1, CERTIFICATE_BOXES);
    certs_n(&f.c, 1);
    certs_n(&f.c, 0);
    certs_block(&f.c, CERTIFICATE_BOX_TREE);
  } else {
    cases(&f.c, 1, CERTIFICATE_SIGNS);
    event(&f.c, 0, way == 2 ? CERTIFICATE_EVENT_CLOSE : CERTIFICATE_EVENT_NARROW);
    if (way == 3) {
      certs_u8(&f.c, 0);
      certs_n(&f.c, 0);
    }
    tree(&f.c, 1, (Split[]){{0}});
  }
  return stands_exactly(&f);
}

/* The smallest y is unsafe when the bound of y - rhs is 0 and attained. */
Test(check_forged, a_bound_of_0_proves_nothing)
{
  for (int way = 0; way < 4; way++) {
    cr_assert(touches(way, 0x1p-60 + 0x1p-54), "%d", way);
    cr_assert_not(touches(way, 0), "%d", way);
  }
}

/* ---- narrowed inputs ----------------------------------------------------------------
 */

/* y = |w x + b| / 2 <= 0 at x = -b / w, which is no double.  Slope 1 (or 0) of the ReLU
 * gives a bound that is 0 just there: inputs beyond cannot violate, and a rounding the
 * wrong way leaves that point out.  Then the other slope proves what is left. */
static bool narrowed(double w, double b, double lo, double hi, int alpha, double rhs)
{
  Forged f = begin_one(half_abs(w, b), lo, hi, rhs);
  certs_n(&f.c, 2);
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_LAYOUT);
  cases(&f.c, 1, CERTIFICATE_SIGNS);
  event(&f.c, 0, CERTIFICATE_EVENT_NARROW);
  certs_u8(&f.c, CERTIFICATE_SLOPES_F64);
  certs_n(&f.c, 0);
  certs_f64(&f.c, alpha);
  event(&f.c, 0, CERTIFICATE_EVENT_PASS);
  event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
  tree(&f.c, 1, (Split[]){{0}});
  return stands_exactly(&f);
}

Test(check_forged, inputs_at_the_edge_are_not_narrowed_away)
{
  static const double w[4] = {3, 7, -5, -11};
  int edges = 0;
  for (int i = 0; i < 4; i++)
    for (int b = -20; b <= 20; b++)
      for (int at = 1; at <= 5; at += 2) {
        const double x = -b / w[i];
        if (fma(w[i], x, b) == 0) continue;
        for (int alpha = 0; alpha < 2; alpha++)
          cr_assert_not(narrowed(w[i], b, x - at, x + at, alpha, 0), "%g x + %d", w[i],
                        b);
        edges++;
      }
  cr_assert(edges > 300, "%d", edges);
  cr_assert(narrowed(3, 1, -4, 8, 1, -0.5));
}

/* ---- what a file says ---------------------------------------------------------------
 */

/* A certificate about float32 of max (x, 0) + 1 on [0, 1], for y <= rhs. */
static bool for_semantics(const char *word, bool is_float32, double rhs)
{
  Net *net = hinges(1, (double[]){1}, (double[]){1});
  net->is_float32 = true;
  Forged f = begin_one(net, 0, 1, rhs);
  certs_free(&f.c);
  f.c = certs_new(net, f.prop);
  const char *const at = strstr(f.c.head, "\"real\"");
  const size_t room = strlen(f.c.head) + 40;
  char *const head = malloc(room);
  snprintf(head, room, "%.*s\"%s\"%s", (int)(at - f.c.head), f.c.head, word, at + 6);
  free(f.c.head);
  f.c.head = head;
  Query q;
  const char *where;
  if (strcmp(word, "float32"))
    query_build(net, f.prop, 0, &q);
  else
    cr_assert(query_build_float32(net, f.prop, 0, &q, &where));
  certs_query(&f.c, 0, q.net->n_nodes, 1);
  query_reset(&q);
  net->is_float32 = is_float32;
  certs_close_row(&f.c, 0, 0);
  return stands(&f);
}

Test(check_forged, what_is_proved_is_what_the_head_says)
{
  const double near = 1 - 0x1p-40;
  cr_assert(for_semantics("real", true, near));
  cr_assert(for_semantics("float32", true, 0.5));
  cr_assert_not(for_semantics("float32", true, near), "reals alone");
  cr_assert_not(for_semantics("float32", false, 0.5), "not a network of float32");
  cr_assert_not(for_semantics("float16", true, 0.5));
  cr_assert_not(for_semantics("", true, 0.5));
}

/* All 64 digits of both digests count, and the checksum of a block. */
Test(check_forged, every_digit_counts)
{
  for (int which = 0; which < 4; which++) {
    Net *net = hinge();
    memset(net->sha256, 'a', 64);
    Forged f = begin_one(net, -1, 0.25, 0);
    certs_free(&f.c);
    memset(f.prop->sha256, 'b', 64);
    f.c = certs_new(net, f.prop);
    certs_query(&f.c, 0, net->n_nodes + 1, 1);
    certs_close_row(&f.c, 0, 0);
    certs_block(&f.c, CERTIFICATE_END_QUERY);
    certs_end(&f.c, 1);
    size_t n;
    uint8_t *const bytes = certs_bytes(&f.c, &n);
    if (which == 1) net->sha256[63] = 'b';
    if (which == 2) f.prop->sha256[63] = 'a';
    if (which == 3) bytes[n - 1] ^= 1;
    cr_assert_eq(certs_accepted_bytes(bytes, n, net, f.prop, NULL), which == 0, "%d",
                 which);
    free(bytes);
    certs_free(&f.c);
    prop_free(f.prop);
    net_free(net);
  }
}

/* One byte too much: in A, b, X, y, E, C. */
static bool with_a_byte_more(char block)
{
  Forged f = begin_one(hinge(), -1, 0.25, 0);
  const bool signs = block == 'A' || block == 'b';
  certs_n(&f.c, 1);
  if (block == 'C') certs_u8(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_PASS);
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  if (block == 'A' || block == 'X') certs_u8(&f.c, 0);
  certs_block(&f.c, signs ? CERTIFICATE_SIGNS : CERTIFICATE_BOXES);
  if (signs) {
    event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
    certs_block(&f.c, CERTIFICATE_SIGN_EVENT);
  }
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  if (block == 'b' || block == 'y') certs_u8(&f.c, 0);
  certs_block(&f.c, signs ? CERTIFICATE_SIGN_TREE : CERTIFICATE_BOX_TREE);
  if (block == 'E') certs_u8(&f.c, 0);
  return stands(&f);
}

Test(check_forged, nothing_follows_what_a_block_is)
{
  cr_assert(with_a_byte_more(0));
  for (const char *block = "AbXyEC"; *block; block++)
    cr_assert_not(with_a_byte_more(*block), "%c", *block);
}

/* A layout of node 2 with these neurons, as differences. */
static bool with_layout(int node, int n, int first, int second)
{
  Forged f = begin_one(hinge(), -1, 0.25, 0);
  certs_n(&f.c, (unsigned long)node);
  certs_n(&f.c, (unsigned long)n);
  certs_n(&f.c, (unsigned long)first);
  if (n > 1) certs_n(&f.c, (unsigned long)second);
  certs_block(&f.c, CERTIFICATE_LAYOUT);
  certs_close_row(&f.c, 0, 0);
  return stands(&f);
}

Test(check_forged, layouts_are_about_neurons_that_exist)
{
  cr_assert(with_layout(2, 1, 0, 0));
  cr_assert_not(with_layout(2, 1, 1, 0));
  cr_assert_not(with_layout(2, 2, 0, 0));
  cr_assert_not(with_layout(1, 1, 0, 0), "linear");
  cr_assert_not(with_layout(9, 1, 0, 0));
  cr_assert_not(with_layout(2, 0, 0, 0));
}

/* A slope row of the input of node 2: an element and its sign; once or twice. */
static bool with_row(int step, int minus, int count)
{
  Forged f = begin_one(hinge(), -1, 0.25, 0);
  certs_n(&f.c, 2);
  certs_n(&f.c, 0);
  certs_n(&f.c, (unsigned long)count);
  for (int i = 0; i < count; i++) {
    certs_n(&f.c, (unsigned long)step);
    certs_u8(&f.c, minus);
  }
  certs_block(&f.c, CERTIFICATE_SLOPES);
  certs_close_row(&f.c, 0, 0);
  return stands(&f);
}

Test(check_forged, slope_rows_are_about_elements_that_exist_once)
{
  cr_assert(with_row(0, 0, 1));
  cr_assert(with_row(0, 1, 1));
  cr_assert_not(with_row(0, 2, 1));
  cr_assert_not(with_row(1, 0, 1));
  cr_assert_not(with_row(0, 0, 2));
}

/* z = x, h = z^2, y = h + 1, max (y, 0) + 1: 1 z, 2 h, 3 y, 4 ReLU. */
static Forged squared(void)
{
  static const double one = 1;
  Net *net = chain_new(1);
  const int h = chain_act(net, chain_dense(net, 0, 1, &one, NULL), ACT_SQUARE);
  chain_dense(net, chain_act(net, chain_dense(net, h, 1, &one, &one), ACT_RELU), 1,
              &one, &one);
  chain_finish(net);
  return begin_one(net, -1, 1, 0);
}

static void head(Certs *c, int node, int count)
{
  certs_n(c, (unsigned long)node);
  certs_n(c, 0);
  certs_n(c, (unsigned long)count);
}

/* Slope rows of two nodes; a refinement that splits one; a beta. */
Test(check_forged, lists_ascend_and_signs_are_of_relus)
{
  for (int which = 0; which < 6; which++) {
    Forged f = squared();
    if (which < 2) {
      head(&f.c, which ? 4 : 2, 0);
      head(&f.c, which ? 2 : 4, 0);
      certs_block(&f.c, CERTIFICATE_SLOPES);
    } else if (which < 4) {
      head(&f.c, 4, 1);
      certs_n(&f.c, 0);
      certs_u8(&f.c, 0);
      if (which == 3) { /* split at z of the square, two leaves with betas */
        certs_u8(&f.c, 1);
        certs_n(&f.c, 2);
        certs_n(&f.c, 0);
        certs_u8(&f.c, 0);
        certs_f32(&f.c, 0);
      }
      certs_u8(&f.c, 0);
      if (which == 3) certs_f32(&f.c, 0);
      certs_block(&f.c, CERTIFICATE_REFINE);
    }
    certs_n(&f.c, 0);
    certs_u8(&f.c, which < 4 ? 0 : CERTIFICATE_BETAS_LIST);
    certs_n(&f.c, 0);
    if (which >= 4) {
      certs_n(&f.c, 1);
      certs_n(&f.c, which == 4 ? 4 : 2);
      certs_n(&f.c, 0);
      certs_f64(&f.c, 0);
    }
    certs_block(&f.c, CERTIFICATE_CLOSE);
    cr_assert_eq(stands(&f), which % 2 == 0, "%d", which);
  }
}

/* The same case twice in a search, and one that is not there. */
static bool with_cases(int n, int step)
{
  Forged f = begin(hinges(2, (double[]){-1, -1}, (double[]){0.5, 0.5}), -1, 0.25, 2,
                   (double[]){0, 0});
  certs_close_row(&f.c, 0, 0);
  certs_close_row(&f.c, 1, 0);
  certs_n(&f.c, (unsigned long)n);
  for (int k = 0; k < n; k++)
    certs_n(&f.c, (unsigned long)(k ? step : 0));
  certs_block(&f.c, CERTIFICATE_BOXES);
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_BOX_TREE);
  return stands(&f);
}

Test(check_forged, searches_are_about_cases_that_exist_once)
{
  cr_assert(with_cases(2, 1));
  cr_assert_not(with_cases(2, 0));
  cr_assert_not(with_cases(2, 2));
  cr_assert_not(with_cases(3, 1));
  cr_assert_not(with_cases(0, 1));
}

/* A row of a case that has one. */
Test(check_forged, multipliers_are_of_rows_that_exist)
{
  for (int row = 0; row < 2; row++) {
    Forged f = begin_one(hinge(), -1, 0.25, 0);
    certs_close_row(&f.c, 0, row);
    cr_assert_eq(stands(&f), row == 0);
  }
}
