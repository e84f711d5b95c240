/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of false properties, each of which one refusal of the checker keeps from
 * being accepted: without it everything else in the file is as it should be.  Beside
 * each of them a certificate that differs in that one thing and stands. */
#include <criterion/criterion.h>
#include <math.h>

#include "specs/check/certificate.h"
#include "tests/support/chain.h"
#include "tests/support/forged.h"
#include "tests/support/props.h"

TestSuite(check_forged, .timeout = 120);

/* A search for one case with a CLOSE for each of these nodes. */
static bool closes(Net *net, double lo, double hi, double rhs, int n,
                   const ForgedSplit *split, const char *closed)
{
  Forged f = forged_begin_one(net, lo, hi, rhs);
  forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
  for (; *closed; closed++)
    forged_event(&f.c, *closed - '0', CERTIFICATE_EVENT_CLOSE);
  forged_tree(&f.c, n, split);
  return forged_stands(&f);
}

/* ---- trees of assumptions -----------------------------------------------------------
 */

Test(check_forged, a_kid_that_is_the_root_of_another_case)
{
  static const double slope[2] = {0, -1}, bias[2] = {1, 0.5};
  static const ForgedSplit forged[] = {{.kid = 1, .node = 2}, {0}, {0}};
  static const ForgedSplit fine[] = {{.kid = 2, .node = 2}, {0}, {0}, {0}};
  for (int is_true = 0; is_true < 2; is_true++)
    for (int is_fine = 0; is_fine < 2; is_fine++) {
      Forged f = forged_begin(forged_hinges(2, slope, bias), -1, 1, 2,
                              (double[]){0, is_true ? -1 : 0});
      forged_cases(&f.c, 2, CERTIFICATE_SIGNS);
      for (int t = 1; t < (is_fine ? 4 : 3); t++)
        forged_event(&f.c, t, CERTIFICATE_EVENT_CLOSE);
      forged_tree(&f.c, is_fine ? 4 : 3, is_fine ? fine : forged);
      cr_assert_eq(forged_stands(&f), is_true && is_fine);
    }
}

/* Node 2 is the half z >= 0 of the root and the half z <= -1 of node 1: nobody looks at
 * z >= 0. */
Test(check_forged, a_kid_of_two_nodes)
{
  static const ForgedSplit forged[] = {
      {.kid = 1, .node = 2}, {.kid = 2, .node = 2, .at = -0.5}, {0}, {0}};
  static const ForgedSplit fine[] = {
      {.kid = 1, .node = 2}, {.kid = 3, .node = 2, .at = -0.5}, {0}, {0}, {0}};
  cr_assert_not(closes(forged_hinge(), -1, 1, 0, 4, forged, "23"));
  cr_assert(closes(forged_hinge(), -1, 0.25, 0, 5, fine, "234"));
  cr_assert_not(closes(forged_hinge(), -1, 1, 0, 5, fine, "234"));
}

Test(check_forged, trees_that_are_none)
{
  static const ForgedSplit fine[] = {{.kid = 1, .node = 2}, {0}, {0}, {0}};
  static const ForgedSplit far[] = {{.kid = 2, .node = 2}, {0}, {0}};
  static const ForgedSplit infinite[] = {
      {.kid = 1, .node = 2, .at = INFINITY}, {0}, {0}};
  static const ForgedSplit nan[] = {{.kid = 1, .node = 2, .at = NAN}, {0}, {0}};
  static const ForgedSplit linear[] = {{.kid = 1, .node = 1}, {0}, {0}};
  static const ForgedSplit element[] = {{.kid = 1, .node = 2, .element = 1}, {0}, {0}};
  static const ForgedSplit factor[] = {{.kid = 1, .node = 2, .factor = 1}, {0}, {0}};
  cr_assert(closes(forged_hinge(), -1, 0.25, 0, 3, fine, "12"));
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 4, fine, "12"), "an orphan");
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 3, far, "12"));
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 3, infinite, "12"));
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 3, nan, "12"));
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 3, linear, "12"));
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 3, element, "12"));
  cr_assert_not(closes(forged_hinge(), -1, 0.25, 0, 3, factor, "12"));
}

/* ---- empty nodes --------------------------------------------------------------------
 */

/* Root split, kid 1 (z <= at) and kid 2 each closed, called empty, or neither. */
static Forged halved(double lo, double hi, double at, int first, int second)
{
  const ForgedSplit split[] = {{.kid = 1, .node = 2, .at = at}, {0}, {0}};
  Forged f = forged_begin_one(forged_hinge(), lo, hi, 0);
  forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
  if (first) forged_event(&f.c, 1, first);
  if (second) forged_event(&f.c, 2, second);
  forged_tree(&f.c, 3, split);
  return f;
}

static bool halves(double lo, double hi, double at, int first, int second)
{
  Forged f = halved(lo, hi, at, first, second);
  return forged_stands(&f);
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
  cr_assert_not(forged_stands_exactly(&f));
  cr_assert(forged_stands_exactly(&g));
}

/* a = x0 + 1, b = x1 + 1 and y = 10 a - b + bias; with 7/4 not above 0 only where a <=
 * 1/2 and b >= 3/2.  The tree assumes just that, in node 4, about two neurons, two
 * layers or two factors. */
static bool apart(int kind, double bias, int at_4)
{
  static const double eye[4] = {1, 0, 0, 1}, one[2] = {1, 0}, other[2] = {0, 1};
  static const double both[2] = {10, -1}, zero[2] = {0, 0}, shift[2] = {1, 1};
  static const ForgedSplit two[] = {{.kid = 1, .node = 2, .at = 0.5},
                                    {.kid = 3, .node = 2, .element = 1, .at = 1.5},
                                    {0},
                                    {0},
                                    {0}};
  static const ForgedSplit layers[] = {{.kid = 1, .node = 2, .at = 0.5},
                                       {.kid = 3, .node = 4, .at = 1.5},
                                       {0},
                                       {0},
                                       {0}};
  static const ForgedSplit factors[] = {{.kid = 1, .node = 3, .at = 0.5},
                                        {.kid = 3, .node = 3, .factor = 1, .at = 1.5},
                                        {0},
                                        {0},
                                        {0}};
  const ForgedSplit *const split[3] = {two, layers, factors};
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
  Forged f = forged_begin_one(net, -1, 1, 0);
  forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
  forged_event(&f.c, 2, CERTIFICATE_EVENT_EQUATIONS);
  forged_event(&f.c, 3, CERTIFICATE_EVENT_EQUATIONS);
  forged_event(&f.c, 4, at_4);
  forged_tree(&f.c, 5, split[kind]);
  return forged_stands(&f);
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
  static const ForgedSplit split[] = {{.kid = 1, .node = 2}, {0}, {0}};
  for (int type = 0; type < 2; type++)
    for (int is_true = 0; is_true < 2; is_true++) {
      Forged f = forged_begin_one(forged_hinge(), -1, is_true ? 0.25 : 1, 0);
      forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
      forged_event(&f.c, 1,
                   type ? CERTIFICATE_EVENT_EQUATIONS : CERTIFICATE_EVENT_PASS);
      forged_event(&f.c, 1, CERTIFICATE_EVENT_CLOSE);
      if (type) forged_event(&f.c, 2, CERTIFICATE_EVENT_EQUATIONS);
      forged_event(&f.c, 2, CERTIFICATE_EVENT_CLOSE);
      forged_tree(&f.c, 3, split);
      cr_assert_eq(forged_stands(&f), is_true);
    }
}

/* The same of what weights that are not exact are wrong by: nothing where h is 0, a
 * share of h elsewhere. */
Test(check_forged, what_is_inexact_in_one_half_says_nothing_about_the_other)
{
  static const double one = 1, minus = -1;
  static const ForgedSplit split[] = {{.kid = 1, .node = 2}, {0}, {0}};
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
    Forged f = forged_begin_one(net, -1, 1, 0);
    forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
    forged_event(&f.c, 1, CERTIFICATE_EVENT_PASS);
    forged_event(&f.c, 1, CERTIFICATE_EVENT_CLOSE);
    forged_event(&f.c, 2, CERTIFICATE_EVENT_CLOSE);
    forged_tree(&f.c, 3, split);
    cr_assert_eq(forged_stands(&f), is_true);
  }
}

/* ---- signs and equations ------------------------------------------------------------
 */

/* The root alone: a sign, then a bound. */
static bool with_sign(double lo, double hi, int node, int flag)
{
  Forged f = forged_begin_one(forged_hinge(), lo, hi, 0);
  forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
  forged_sign_event(&f.c, 0, node, flag);
  forged_event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
  forged_tree(&f.c, 1, (ForgedSplit[]){{0}});
  return forged_stands(&f);
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
    Forged f = forged_begin(forged_hinges(2, slope, bias), -1, 1, 2,
                            (double[]){0, is_true ? -1 : 0});
    forged_cases(&f.c, 2, CERTIFICATE_SIGNS);
    forged_event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
    forged_event(&f.c, 1, CERTIFICATE_EVENT_EQUATIONS);
    forged_tree(&f.c, 2, (ForgedSplit[]){{0}, {0}});
    cr_assert_eq(forged_stands(&f), is_true);
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
  Forged f = forged_begin_one(forged_hinge(), lo, hi, 0);
  forged_cases(&f.c, 1, CERTIFICATE_BOXES);
  box_tree(&f.c, n, cut);
  certs_block(&f.c, CERTIFICATE_BOX_TREE);
  return forged_stands(&f);
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
  Forged f = forged_begin(forged_hinges(2, slope, bias), -1, hi, 2, (double[]){0, 0});
  for (int k = searched; k < 2; k++) {
    certs_n(&f.c, (unsigned long)k);
    certs_u8(&f.c, 0);
    certs_n(&f.c, 0);
  }
  certs_block(&f.c, CERTIFICATE_CLOSE);
  forged_cases(&f.c, searched, CERTIFICATE_BOXES);
  certs_n(&f.c, 0);
  certs_n(&f.c, (unsigned long)about);
  certs_u8(&f.c, 0);
  certs_n(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_BOX_EVENT);
  box_tree(&f.c, 3, cut);
  certs_block(&f.c, CERTIFICATE_BOX_TREE);
  return forged_stands(&f);
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
    Forged f = forged_begin_one(forged_half_abs(1, 0), -1, 2, -1e-9);
    forged_cases(&f.c, 1, CERTIFICATE_BOXES);
    for (int k = 0; k < 4 && has_event; k++)
      certs_u8(&f.c, 0); /* region, case, flags, row */
    if (has_event) certs_block(&f.c, CERTIFICATE_BOX_EVENT);
    box_tree(&f.c, 3, cut);
    certs_block(&f.c, CERTIFICATE_BOX_TREE);
    cr_assert_eq(forged_stands(&f), !has_event);
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
  return forged_stands(&f);
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
  Forged f = forged_begin_one(forged_half_abs(1, 0), 1, 2, 0.5 - below);
  if (way == 0) {
    certs_close_row(&f.c, 0, 0);
  } else if (way == 1) {
    forged_cases(&f.c, 1, CERTIFICATE_BOXES);
    certs_n(&f.c, 1);
    certs_n(&f.c, 0);
    certs_block(&f.c, CERTIFICATE_BOX_TREE);
  } else {
    forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
    forged_event(&f.c, 0,
                 way == 2 ? CERTIFICATE_EVENT_CLOSE : CERTIFICATE_EVENT_NARROW);
    if (way == 3) {
      certs_u8(&f.c, 0);
      certs_n(&f.c, 0);
    }
    forged_tree(&f.c, 1, (ForgedSplit[]){{0}});
  }
  return forged_stands_exactly(&f);
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
  Forged f = forged_begin_one(forged_half_abs(w, b), lo, hi, rhs);
  certs_n(&f.c, 2);
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_LAYOUT);
  forged_cases(&f.c, 1, CERTIFICATE_SIGNS);
  forged_event(&f.c, 0, CERTIFICATE_EVENT_NARROW);
  certs_u8(&f.c, CERTIFICATE_SLOPES_F64);
  certs_n(&f.c, 0);
  certs_f64(&f.c, alpha);
  forged_event(&f.c, 0, CERTIFICATE_EVENT_PASS);
  forged_event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
  forged_tree(&f.c, 1, (ForgedSplit[]){{0}});
  return forged_stands_exactly(&f);
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
