/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brackets on tiny networks whose margin is known: a formula for linear ones, exact
 * linear programs in boxes, every set of inputs for l0, a fine grid for l2 and l1. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "solver/margin.h"
#include "specs/load.h"
#include "tests/support/nets.h"

#define SANITIZED (!strcmp(DUALCERT_MODE, "asan"))

enum { MOST = 6 };

/* What one test asks: unsafe is y_0 <= rhs, x in [0, 1]^n where clipped. */
typedef struct {
  Net *net;
  const char *norm;
  double center[MOST], rhs;
  bool clipped;
} Question;

static void load(const Question *q, Family *family)
{
  Text text = {0};
  File file = {0};
  Err err = {0};
  const int n = net_in_size(q->net);
  text_add(&text, "{\"norm\": \"%s\", \"epsilon\": %s, \"center\": [", q->norm,
           !strcmp(q->norm, "l0") ? "1" : "0.05");
  for (int i = 0; i < n; i++)
    text_add(&text, "%s%.17g", i ? ", " : "", q->center[i]);
  text_add(&text,
           "], %s\"unsafe\": [{\"rows\": [{\"coef\": {\"0\": 1}, \"rhs\": %.17g}]}]}",
           q->clipped ? "\"clip\": [0, 1], " : "", q->rhs);
  cr_assert_not(file_from_memory("q.json", text.s, text.n, 1 << 20, &file, &err));
  Problem p = {.net = q->net};
  p.prop = load_parse("q.json", &file, n, net_out_size(q->net), &err);
  cr_assert(p.prop, "%s", err.text ? err.text : "");
  p.prop->scope = mem_zero(1, sizeof *p.prop->scope);
  scope_init_v1(p.prop->scope, n, net_out_size(q->net));
  const FamilyChoice choice = {0};
  cr_assert_not(family_of_spec("q.json", &file, &p, &choice, family, &err), "%s",
                err.text ? err.text : "");
  prop_free(p.prop);
  file_free(&file);
  text_free(&text);
}

static MarginPlan plan_of(const Options *options)
{
  return (MarginPlan){
      .precision = 0.01, .step_seconds = 20, .most = INFINITY, .options = options};
}

/* The bracket; what the search itself says of the counterexample is checked by
 * evaluation. */
static void ask(const Question *q, Margin *m)
{
  Family family;
  Options options;
  Err err = {0};
  load(q, &family);
  options_init(&options);
  options.threads = 1;
  const MarginPlan plan = plan_of(&options);
  margin_init(m);
  cr_assert_not(margin_search(q->net, &family, &plan, NULL, m, &err), "%s",
                err.text ? err.text : "");
  if (m->x) {
    double y[MOST];
    eval_double(q->net, m->x, y);
    cr_assert(y[0] <= q->rhs + 1e-12, "the counterexample is none");
    cr_assert(m->upper == family_distance(&family, m->x));
  }
  cr_assert(m->lower < m->upper);
  family_reset(&family);
}

static void check_close(const Margin *m, double exact, int t)
{
  cr_assert_eq(m->state, MARGIN_CLOSE, "net %d: [%g, %g], exact %g", t, m->lower,
               m->upper, exact);
  cr_assert(m->lower <= exact * (1 + 1e-9) && exact <= m->upper * (1 + 1e-9),
            "net %d: [%.17g, %.17g], exact %.17g", t, m->lower, m->upper, exact);
  cr_assert(m->upper - m->lower <= 0.01 * m->upper);
}

/* ---- linear networks ----------------------------------------------------- */

/* The distance to the half-space is the margin at the centre over the dual norm. */
static double half_space(const Question *q)
{
  double w[MOST], y0[MOST], y1[MOST], sum = 0, x[MOST];
  const int n = net_in_size(q->net);
  eval_double(q->net, q->center, y0);
  for (int i = 0; i < n; i++) {
    memcpy(x, q->center, sizeof x);
    x[i] += 1;
    eval_double(q->net, x, y1);
    w[i] = fabs(y1[0] - y0[0]);
    if (!strcmp(q->norm, "linf"))
      sum += w[i];
    else if (!strcmp(q->norm, "l2"))
      sum += w[i] * w[i];
    else
      sum = fmax(sum, w[i]);
  }
  return (y0[0] - q->rhs) / (!strcmp(q->norm, "l2") ? sqrt(sum) : sum);
}

Test(margin, of_a_linear_network_is_the_distance_to_a_half_space, .timeout = 120)
{
  static const char *const norms[] = {"linf", "l2", "l1"};
  Prng prng = prng_init(61);
  for (int t = 0; t < 30; t++) {
    const int sizes[2] = {2 + t % 4, 1};
    Question q = {.net = nets_dense(sizes, 2, 1, &prng), .norm = norms[t % 3]};
    double y[MOST];
    for (int i = 0; i < sizes[0]; i++)
      q.center[i] = prng_range(&prng, -1, 1);
    eval_double(q.net, q.center, y);
    q.rhs = y[0] - exp(prng_range(&prng, -6, 3));
    Margin m;
    ask(&q, &m);
    check_close(&m, half_space(&q), t);
    margin_reset(&m);
    net_free(q.net);
  }
}

/* ---- boxes --------------------------------------------------------------- */

static double least_in_box(const Question *q, double r)
{
  double lo[MOST], hi[MOST];
  for (int i = 0; i < net_in_size(q->net); i++) {
    lo[i] = q->center[i] - r;
    hi[i] = q->center[i] + r;
  }
  return nets_exact_minimum(q->net, lo, hi, 0);
}

Test(margin, in_boxes_agrees_with_exact_linear_programs, .timeout = 120)
{
  Prng prng = prng_init(62);
  for (int t = 0; t < (SANITIZED ? 4 : 16); t++) {
    const int sizes[4] = {2, 3, 3, 1};
    Question q = {.net = nets_dense(sizes, 4, 1.5, &prng), .norm = "linf"};
    double y[MOST];
    eval_double(q.net, q.center, y);
    q.rhs = y[0] - exp(prng_range(&prng, -4, 0));
    Margin m;
    ask(&q, &m);
    cr_assert(least_in_box(&q, fmin(m.lower, 100)) >= q.rhs - 1e-9, "net %d", t);
    if (m.upper < INFINITY) {
      cr_assert(least_in_box(&q, m.upper) <= q.rhs + 1e-9, "net %d", t);
      cr_assert_eq(m.state, MARGIN_CLOSE, "net %d: [%g, %g]", t, m.lower, m.upper);
    } else {
      cr_assert_eq(m.state, MARGIN_EVERYWHERE);
      cr_assert(m.lower >= 1e6, "net %d: nothing above %g", t, m.lower);
    }
    margin_reset(&m);
    net_free(q.net);
  }
}

/* ---- l0: every set of inputs --------------------------------------------- */

static double least_of_subset(const Question *q, int n, unsigned set)
{
  double lo[MOST], hi[MOST];
  for (int i = 0; i < n; i++) {
    const bool moves = set >> i & 1;
    lo[i] = moves ? 0 : q->center[i];
    hi[i] = moves ? 1 : q->center[i];
  }
  return nets_exact_minimum(q->net, lo, hi, 0);
}

/* The smallest number of inputs that can reach the unsafe set; n + 1: none can. */
static int fewest(const Question *q, int n)
{
  int best = n + 1;
  for (unsigned set = 0; set < 1u << n; set++) {
    const int size = __builtin_popcount(set);
    if (size < best && least_of_subset(q, n, set) <= q->rhs) best = size;
  }
  return best;
}

Test(margin, l0_agrees_with_every_set_of_inputs, .timeout = 300)
{
  Prng prng = prng_init(63);
  int seen[MOST + 1] = {0};
  for (int t = 0; t < (SANITIZED ? 4 : 20); t++) {
    const int n = 4, sizes[3] = {n, 4, 1};
    Question q = {
        .net = nets_dense(sizes, 3, 1.5, &prng), .norm = "l0", .clipped = true};
    double y[MOST];
    for (int i = 0; i < n; i++)
      q.center[i] = prng_range(&prng, 0, 1);
    eval_double(q.net, q.center, y);
    const double least = least_of_subset(&q, n, (1u << n) - 1);
    q.rhs = y[0] - (y[0] - least) * prng_range(&prng, 0.2, 1.05);
    if (fabs(q.rhs - least) < 1e-6)
      q.rhs = least - 0.1; /* the programs' own rounding */
    const int exact = fewest(&q, n);
    Margin m;
    ask(&q, &m);
    cr_assert_eq(m.lower, exact - 1, "net %d: %g, exact %d", t, m.lower, exact);
    if (exact <= n)
      cr_assert_eq(m.upper, exact, "net %d: %g, exact %d", t, m.upper, exact);
    else
      cr_assert_eq(m.state, MARGIN_EVERYWHERE);
    seen[exact]++;
    margin_reset(&m);
    net_free(q.net);
  }
  cr_assert(seen[1] || seen[2]);
  cr_assert(seen[3] || seen[4] || seen[5]);
}

/* ---- l2 and l1: a grid --------------------------------------------------- */

/* The smallest distance of an unsafe point of the grid in [-1, 1]^2 around the centre;
 * INFINITY: none. */
static double nearest_of_grid(const Question *q, int steps)
{
  double best = INFINITY;
  for (int i = -steps; i <= steps; i++)
    for (int j = -steps; j <= steps; j++) {
      const double a = (double)i / steps, b = (double)j / steps;
      const double x[2] = {q->center[0] + a, q->center[1] + b};
      const double d = !strcmp(q->norm, "l2") ? hypot(a, b) : fabs(a) + fabs(b);
      double y[MOST];
      if (d >= best) continue;
      eval_double(q->net, x, y);
      if (y[0] <= q->rhs) best = d;
    }
  return best;
}

Test(margin, l2_and_l1_agree_with_a_grid, .timeout = 300)
{
  Prng prng = prng_init(64);
  int compared = 0;
  for (int t = 0; t < (SANITIZED ? 4 : 20); t++) {
    const int sizes[4] = {2, 4, 3, 1}, steps = 400;
    Question q = {.net = nets_dense(sizes, 4, 1.5, &prng), .norm = t % 2 ? "l1" : "l2"};
    double y[MOST];
    eval_double(q.net, q.center, y);
    q.rhs = y[0] - exp(prng_range(&prng, -4, 0));
    const double grid = nearest_of_grid(&q, steps);
    Margin m;
    ask(&q, &m);
    cr_assert(m.lower <= grid, "net %d: proved %g, but unsafe at %g", t, m.lower, grid);
    if (grid < INFINITY) {
      /* The grid may miss a tip of the unsafe set, so it may lie above, never the
       * bracket above it. */
      cr_assert(m.upper <= 1.011 * grid, "net %d: %g, grid %g", t, m.upper, grid);
      cr_assert_eq(m.state, MARGIN_CLOSE, "net %d", t);
      compared++;
    }
    margin_reset(&m);
    net_free(q.net);
  }
  cr_assert(compared >= (SANITIZED ? 1 : 8), "only %d", compared);
}

/* ---- other ends ---------------------------------------------------------- */

Test(margin, an_unsafe_centre_has_none)
{
  Prng prng = prng_init(65);
  const int sizes[3] = {2, 3, 1};
  Question q = {.net = nets_dense(sizes, 3, 1, &prng), .norm = "l2"};
  double y[MOST];
  eval_double(q.net, q.center, y);
  q.rhs = y[0] + 0.1;
  Margin m;
  ask(&q, &m);
  cr_assert_eq(m.state, MARGIN_WRONG);
  cr_assert_eq(m.upper, 0);
  cr_assert(m.lower < 0);
  margin_reset(&m);
  net_free(q.net);
}

Test(margin, where_all_of_the_clip_is_safe_no_radius_is_larger)
{
  Prng prng = prng_init(66);
  const int sizes[3] = {3, 4, 1};
  Question q = {.net = nets_dense(sizes, 3, 1, &prng), .norm = "l1", .clipped = true};
  const double center[3] = {0.25, 0.5, 1};
  memcpy(q.center, center, sizeof center);
  q.rhs = least_of_subset(&q, 3, 7) - 0.01;
  Margin m;
  ask(&q, &m);
  cr_assert_eq(m.state, MARGIN_EVERYWHERE);
  cr_assert_eq(m.lower, 0.75 + 0.5 + 1); /* the farthest corner */
  cr_assert_eq(m.upper, INFINITY);
  margin_reset(&m);
  net_free(q.net);
}

Test(margin, without_time_nothing_is_claimed)
{
  Prng prng = prng_init(67);
  const int sizes[3] = {2, 3, 1};
  Question q = {.net = nets_dense(sizes, 3, 1, &prng), .norm = "l2", .rhs = -100};
  Family family;
  Options options;
  Stop stop;
  Err err = {0};
  Margin m;
  load(&q, &family);
  options_init(&options);
  const MarginPlan plan = plan_of(&options);
  stop_init(&stop, 0);
  margin_init(&m);
  cr_assert_not(margin_search(q.net, &family, &plan, &stop, &m, &err));
  cr_assert_eq(m.state, MARGIN_WIDE);
  cr_assert_eq(m.why, STOP_TIMEOUT);
  cr_assert(m.lower <= 0 && m.upper == INFINITY);
  margin_reset(&m);
  family_reset(&family);
  net_free(q.net);
}
