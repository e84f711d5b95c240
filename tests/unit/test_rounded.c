/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No execution in float32 leaves what is said about all of them, in any order. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "net/range.h"
#include "net/rounded.h"
#include "solver/options.h"
#include "solver/solve.h"
#include "specs/query.h"
#include "tests/support/chain.h"
#include "tests/support/executions.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"

TestSuite(rounded, .timeout = 300);

enum { MOST_IN = 64, MOST_OUT = 8 };

static Net *net_of(int t, Prng *prng)
{
  Net *net = t % 4 < 3
                 ? nets_random((NetsKind)(t % 4), 2 + prng_below(prng, 6), 1.5, prng)
                 : nets_of_kind(t / 4 % NETS_N_KINDS, 3, 1, prng);
  executions_make_float32(net);
  return net;
}

/* ---- enclosures ---------------------------------------------------------- */

typedef struct {
  int nets, runs;
  double most_used; /* the largest share of the radius that an execution differs by */
} Seen;

/* All executions at one point are within what exact arithmetic makes of the rounded
 * network there. */
static void check_point(const Net *net, const Net *rounded, const float *x, int t,
                        Prng *prng, Seen *seen)
{
  double at[MOST_IN], mid[MOST_OUT], rad[MOST_OUT];
  float y[MOST_OUT];
  for (int i = 0; i < net_in_size(net); i++)
    at[i] = x[i];
  eval_enclose(rounded, at, mid, rad);
  for (int run = 0; run < 12; run++) {
    const bool finite = executions_run(net, x, run % 3 == 0, prng, y);
    cr_assert(finite, "net %d overflows", t);
    for (int i = 0; i < net_out_size(net); i++) {
      const double off = fabs((double)y[i] - mid[i]);
      cr_assert(off <= rad[i], "net %d: %.9g is %.3g from %.17g, more than %.3g", t,
                (double)y[i], off, mid[i], rad[i]);
      if (rad[i] > 0) seen->most_used = fmax(seen->most_used, off / rad[i]);
      seen->runs++;
    }
  }
}

Test(rounded, encloses_executions_at_points)
{
  Prng prng = prng_init(701);
  Seen seen = {0};
  for (int t = 0; t < 320; t++) {
    Net *net = net_of(t, &prng);
    const int n = net_in_size(net);
    double lo[MOST_IN], hi[MOST_IN];
    float x[MOST_IN];
    cr_assert(n <= MOST_IN && net_out_size(net) <= MOST_OUT);
    nets_box(n, 0.5, &prng, lo, hi);
    executions_box(n, lo, hi);
    const char *where;
    Net *rounded = rounded_net(net, lo, hi, &where);
    for (int s = 0; rounded && s < 8; s++) {
      executions_sample(n, lo, hi, &prng, x);
      check_point(net, rounded, x, t, &prng, &seen);
    }
    seen.nets += rounded != NULL;
    net_free(rounded);
    net_free(net);
  }
  cr_assert(seen.nets > 280, "%d nets", seen.nets);
  cr_assert(seen.most_used > 0.2, "no execution differs much: %g", seen.most_used);
}

/* ---- one operation ------------------------------------------------------- */

enum { WIDTH = 6 };

static void copies(Net *net, int n)
{
  for (int p = 0; p < n; p++) {
    int *map = net_keep(net, mem_array(WIDTH, sizeof *map));
    for (int i = 0; i < WIDTH; i++)
      map[i] = (i + p) % WIDTH;
    net_add(net, &(Node){.kind = NODE_MAP, .size = WIDTH, .map = map}, &(int){0}, 1);
  }
}

/* y = the operation of copies of the inputs, turned around: nothing else is rounded. */
static Net *one_operation(const Node *node, int n_in)
{
  Net *net = net_new("operation");
  Node v = *node;
  int in[4] = {1, 2, 3, 4};
  v.size = WIDTH;
  net_add(net, &(Node){.kind = NODE_INPUT, .size = WIDTH}, NULL, 0);
  copies(net, n_in);
  net_add(net, &v, in, n_in);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  net->is_float32 = true;
  return net;
}

/* Points of all sizes, each with a box of its own. */
static void check_operation(const Node *node, int n_in, double low, double high,
                            const char *name)
{
  Prng prng = prng_init(709);
  Net *net = one_operation(node, n_in);
  Seen seen = {0};
  for (int t = 0; t < 600; t++) {
    double lo[WIDTH];
    float x[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      const double size = exp2(prng_range(&prng, -12, 0));
      lo[i] = (double)(x[i] = (float)fmax(low, prng_range(&prng, low, high) * size));
    }
    const char *where;
    Net *rounded = rounded_net(net, lo, lo, &where);
    cr_assert(rounded, "%s", name);
    check_point(net, rounded, x, t, &prng, &seen);
    net_free(rounded);
  }
  cr_expect(seen.most_used > 0.02, "%s: %g", name, seen.most_used);
  net_free(net);
}

Test(rounded, encloses_single_functions)
{
  for (ActKind kind = 0; kind < ACT_COUNT; kind++) {
    const bool exact = kind == ACT_RELU || kind == ACT_SIGN || kind == ACT_FLOOR;
    const bool edge = kind == ACT_LOG || kind == ACT_SQRT || kind == ACT_RECIPROCAL;
    const Node v = {.kind = NODE_ACT, .act = kind};
    if (exact) continue;
    check_operation(&v, 1, edge ? 1e-3 : -16, 16, act_name(kind));
  }
}

Test(rounded, encloses_single_sums_and_products)
{
  static const signed char coef[4] = {1, -1, 1, -1};
  static const double s[WIDTH] = {0x1.8p0, 3, -7, 0x1.555556p-2, 1, -1},
                      b[WIDTH] = {1, 0x1.99999ap-4, -3, 0x1.99999ap8, 5, 0x1p-20};
  check_operation(&(Node){.kind = NODE_ADD, .coef = coef}, 2, -9, 9, "sum of 2");
  check_operation(&(Node){.kind = NODE_ADD, .coef = coef}, 3, -9, 9, "sum of 3");
  check_operation(&(Node){.kind = NODE_ADD, .coef = coef}, 4, -9, 9, "sum of 4");
  check_operation(&(Node){.kind = NODE_MUL}, 2, -9, 9, "product");
  check_operation(&(Node){.kind = NODE_SCALE, .scale = s}, 1, -9, 9, "scale");
  check_operation(&(Node){.kind = NODE_SCALE, .shift = b}, 1, -9, 9, "shift");
  check_operation(&(Node){.kind = NODE_SCALE, .scale = s, .shift = b}, 1, -9, 9,
                  "both");
}

/* The reverse: an enclosure of everything would say nothing.  Four units in the last
 * place for each of the ten operations of the longest path, about. */
Test(rounded, enclosures_of_plain_networks_are_narrow)
{
  Prng prng = prng_init(702);
  for (int t = 0; t < 60; t++) {
    const int sizes[4] = {2, 6, 6, 2};
    Net *net = nets_dense(sizes, 4, 1, &prng);
    executions_make_float32(net);
    const double lo[2] = {-0.25, 0.5}, hi[2] = {0.25, 0.5};
    double mid[2], rad[2];
    const char *where;
    Net *rounded = rounded_net(net, lo, hi, &where);
    cr_assert(rounded);
    eval_enclose(rounded, lo, mid, rad);
    cr_assert(rad[0] > 0x1p-30 && rad[0] < 0x1p-16, "net %d: %g", t, rad[0]);
    net_free(rounded);
    net_free(net);
  }
}

/* ---- bounds of boxes ----------------------------------------------------- */

static void check_box(const Net *net, const Net *rounded, const Bounds *b,
                      const double *lo, const double *hi, int t, Prng *prng)
{
  const int last = rounded->n_nodes - 1, n = net_in_size(net);
  float x[MOST_IN], y[MOST_OUT];
  for (int s = 0; s < 40; s++) {
    executions_sample(n, lo, hi, prng, x);
    cr_assert(executions_run(net, x, s % 2 == 0, prng, y));
    for (int i = 0; i < net_out_size(net); i++)
      cr_assert((double)y[i] >= b->lo[last][i] && (double)y[i] <= b->hi[last][i],
                "net %d: %.9g outside [%.17g, %.17g]", t, (double)y[i], b->lo[last][i],
                b->hi[last][i]);
  }
}

Test(rounded, executions_never_leave_the_bounds)
{
  Prng prng = prng_init(703);
  int nets = 0;
  for (int t = 0; t < 160; t++) {
    Net *net = net_of(t, &prng);
    const int n = net_in_size(net);
    double lo[MOST_IN], hi[MOST_IN];
    nets_box(n, t % 3 ? 0x1p-21 : 0.3, &prng, lo, hi);
    executions_box(n, lo, hi);
    const char *where;
    Net *rounded = rounded_net(net, lo, hi, &where);
    if (rounded) {
      Lagrangian *L = lagrangian_new(rounded, 64);
      Bounds *b = bounds_new(rounded, 1);
      const Team solo = {1, &L};
      bounds_set_box(b, 0, lo, hi);
      ibp_all(b, lagrangian_linop(L));
      check_box(net, rounded, b, lo, hi, t, &prng);
      crown_tighten(&solo, b, 3, NULL);
      check_box(net, rounded, b, lo, hi, t, &prng);
      bounds_free(b);
      lagrangian_free(L);
      nets++;
    }
    net_free(rounded);
    net_free(net);
  }
  cr_assert(nets > 130, "%d nets", nets);
}

/* ---- verdicts ------------------------------------------------------------ */

static Result solve(const Net *net, const Prop *prop, Semantics semantics)
{
  Result r;
  Stop stop;
  Options options;
  options_init(&options);
  options.semantics = semantics;
  options.max_nodes = 200;
  stop_init(&stop, 20);
  result_init(&r, prop);
  solve_property(net, prop, &options, &stop, NULL, &r);
  return r;
}

static Verdict verdict(const Net *net, const double *lo, const double *hi, int var,
                       double rhs, Semantics semantics)
{
  const int first[2] = {0, 1};
  Prop *prop = props_below(net, lo, hi, 1, first, &var, &rhs);
  Result r = solve(net, prop, semantics);
  const Verdict v = r.verdict;
  result_reset(&r);
  prop_free(prop);
  return v;
}

/* The smallest output that executions have, where the network itself is smallest among
 * some points. */
static double least_execution(const Net *net, const double *lo, const double *hi,
                              Prng *prng)
{
  const int n = net_in_size(net);
  float x[MOST_IN], y[MOST_OUT], best[MOST_IN] = {0};
  double least = INFINITY, at[MOST_IN], out[MOST_OUT];
  for (int s = 0; s < 300; s++) {
    executions_sample(n, lo, hi, prng, x);
    for (int i = 0; i < n; i++)
      at[i] = x[i];
    eval_double(net, at, out);
    if (out[0] >= least) continue;
    least = out[0];
    memcpy(best, x, sizeof best);
  }
  for (int run = 0; run < 200; run++) {
    cr_assert(executions_run(net, best, run % 4 == 0, prng, y));
    least = fmin(least, (double)y[0]);
  }
  return least;
}

/* Limits so near to the minimum that float32 is on both sides of them. */
Test(rounded, no_execution_contradicts_verified)
{
  Prng prng = prng_init(704);
  int verified = 0, differ = 0;
  for (int t = 0; t < 60; t++) {
    const int sizes[5] = {t % 2 ? 2 : 12, 5, 5, 5, 1};
    Net *net = nets_dense(sizes, 5, 1.5, &prng);
    executions_make_float32(net);
    double lo[MOST_IN], hi[MOST_IN];
    nets_box(sizes[0], t % 3 ? 0x1p-22 : 0.2, &prng, lo, hi);
    executions_box(sizes[0], lo, hi);
    const double least = least_execution(net, lo, hi, &prng);
    for (int g = 0; g < 6; g++) {
      const double rhs = least - (g == 5 ? 1e-3 : ldexp(g - 1, -26));
      const Verdict v = verdict(net, lo, hi, 0, rhs, SEMANTICS_FLOAT32);
      cr_assert(v != RESULT_VERIFIED || least > rhs, "net %d: wrong verified", t);
      verified += v == RESULT_VERIFIED;
      differ += g < 5 && v != RESULT_VERIFIED &&
                verdict(net, lo, hi, 0, rhs, SEMANTICS_REAL) == RESULT_VERIFIED;
    }
    net_free(net);
  }
  cr_assert(verified > 30 && differ > 10, "%d verified, %d differ", verified, differ);
}

static Net *one_dense_after_another(const double *W, const double *b, int n, int cols)
{
  Net *net = net_new("constructed");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = cols}, NULL, 0);
  for (int k = 0; k < n; k++)
    net_add(net,
            &(Node){.kind = NODE_DENSE,
                    .size = 1,
                    .reps = 1,
                    .rows = 1,
                    .cols = cols,
                    .W = W + k,
                    .b = b ? b + k : NULL,
                    .name = "sum"},
            &k, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  net->is_float32 = true;
  return net;
}

/* y = (x + 2^25) - 2^25: x over the reals, a multiple of 4 in float32. */
Test(rounded, cancellation_is_verified_over_the_reals_alone)
{
  static const double W[2] = {1, 1}, b[2] = {0x1p25, -0x1p25};
  Net *net = one_dense_after_another(W, b, 2, 1);
  const double lo = 1, hi = 1.5;
  Prng prng = prng_init(705);
  float x = 1.25F, y;
  cr_assert(executions_run(net, &x, false, &prng, &y));
  cr_assert_eq(y, 0, "the reason why this is not verified");
  cr_expect_eq(verdict(net, &lo, &hi, 0, 1 - 1e-9, SEMANTICS_REAL), RESULT_VERIFIED);
  cr_expect_neq(verdict(net, &lo, &hi, 0, 1 - 1e-9, SEMANTICS_FLOAT32),
                RESULT_VERIFIED);
  cr_expect_neq(verdict(net, &lo, &hi, 0, 0.5, SEMANTICS_FLOAT32), RESULT_VERIFIED);
  cr_expect_eq(verdict(net, &lo, &hi, 0, -64, SEMANTICS_FLOAT32), RESULT_VERIFIED);
  net_free(net);
}

/* y = 2^24 x0 - 2^24 x1 + x2: x2 when summed in this order, 0 in another. */
Test(rounded, another_order_of_a_sum_counts)
{
  static const double W[3] = {0x1p24, -0x1p24, 1};
  Net *net = one_dense_after_another(W, NULL, 1, 3);
  const double lo[3] = {1, 1, 0.5}, hi[3] = {1, 1, 0.5};
  Prng prng = prng_init(706);
  const float x[3] = {1, 1, 0.5F};
  float y, least = 1;
  eval_float(net, lo, &y);
  cr_assert_eq(y, 0.5F);
  for (int run = 0; run < 50; run++) {
    cr_assert(executions_run(net, x, false, &prng, &y));
    least = fminf(least, y);
  }
  cr_assert_eq(least, 0);
  cr_expect_eq(verdict(net, lo, hi, 0, 0.25, SEMANTICS_REAL), RESULT_VERIFIED);
  cr_expect_neq(verdict(net, lo, hi, 0, 0.25, SEMANTICS_FLOAT32), RESULT_VERIFIED);
  net_free(net);
}

/* 1 + u + u + ... from the left is 1, because ties go to even numbers: all of gamma is
 * needed.  Terms that are 0 need none of it. */
Test(rounded, the_worst_order_of_a_sum_is_enclosed)
{
  enum { N = 64 };
  double W[N], x[N], mid, rad;
  for (int i = 0; i < N; i++) {
    W[i] = 1;
    x[i] = i ? 0x1p-24 : 1;
  }
  volatile float sum = 1;
  for (int i = 1; i < N; i++)
    sum += (float)x[i];
  cr_assert_eq(sum, 1);
  Net *net = one_dense_after_another(W, NULL, 1, N);
  Net *conv = net_new("convolution");
  net_add(conv, &(Node){.kind = NODE_INPUT, .size = N}, NULL, 0);
  const Conv c = {1, 1, N, 1, 1, 1, 1, N, 1, 1, 1, 1, 0, 0, 1};
  net_add(conv, &(Node){.kind = NODE_CONV, .size = 1, .conv = c, .W = W}, &(int){0}, 1);
  Err err = {0};
  cr_assert_eq(net_finish(conv, &err), STATUS_OK, "%s", err.text);
  for (int step = 0; step < 3; step++) {
    const bool zero = step == 2;
    const char *where;
    Net *rounded = rounded_net(step == 1 ? conv : net, x, x, &where);
    cr_assert(rounded);
    eval_enclose(rounded, x, &mid, &rad);
    cr_expect(fabs((double)sum - mid) <= rad, "%g is %g away, more than %g",
              (double)sum, fabs((double)sum - mid), rad);
    cr_expect(!zero || rad < 0x1p-21);
    net_free(rounded);
    for (int i = 1; step && i < N; i++)
      x[i] = 0;
  }
  net_free(net);
  net_free(conv);
}

/* Rounding before a jump: the sign of (x + 2^25) - 2^25 is 1, in float32 0. */
Test(rounded, a_jump_behind_a_rounding_counts)
{
  static const double W[2] = {1, 1}, b[2] = {0x1p25, -0x1p25};
  Net *net = one_dense_after_another(W, b, 2, 1);
  net_add(net, &(Node){.kind = NODE_ACT, .size = 1, .act = ACT_SIGN}, (int[]){2}, 1);
  const double lo = 1, hi = 1.5;
  cr_expect_eq(verdict(net, &lo, &hi, 0, 0.5, SEMANTICS_REAL), RESULT_VERIFIED);
  cr_expect_neq(verdict(net, &lo, &hi, 0, 0.5, SEMANTICS_FLOAT32), RESULT_VERIFIED);
  cr_expect_eq(verdict(net, &lo, &hi, 0, -1.5, SEMANTICS_FLOAT32), RESULT_VERIFIED);
  net_free(net);
}

/* 2^120 x for a denormal x is 2^-10, and 0 where denormals are read as 0; so is a
 * product with a denormal weight, and the sign of a denormal. */
Test(rounded, flushed_denormals_are_enclosed)
{
  static const double W[1] = {0x1p120}, V[1] = {0x1p-130};
  const double tiny = 0x1p-130, huge = 0x1p120;
  Net *net = one_dense_after_another(W, NULL, 1, 1);
  cr_expect_eq(verdict(net, &tiny, &tiny, 0, 0x1p-11, SEMANTICS_REAL), RESULT_VERIFIED);
  cr_expect_neq(verdict(net, &tiny, &tiny, 0, 0x1p-11, SEMANTICS_FLOAT32),
                RESULT_VERIFIED);
  net_free(net);
  net = one_dense_after_another(V, NULL, 1, 1);
  cr_expect_neq(verdict(net, &huge, &huge, 0, 0x1p-11, SEMANTICS_FLOAT32),
                RESULT_VERIFIED);
  net_free(net);
  net = net_new("sign");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 1}, NULL, 0);
  net_add(net, &(Node){.kind = NODE_ACT, .size = 1, .act = ACT_SIGN}, (int[]){0}, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK);
  net->is_float32 = true;
  cr_expect_eq(verdict(net, &tiny, &tiny, 0, 0.5, SEMANTICS_REAL), RESULT_VERIFIED);
  cr_expect_neq(verdict(net, &tiny, &tiny, 0, 0.5, SEMANTICS_FLOAT32), RESULT_VERIFIED);
  net_free(net);
}

/* What stored numbers are wrong by is added to what rounding does, not replaced. */
Test(rounded, inexact_numbers_stay_inexact)
{
  const double W = 3, b = 1, b_err = 0x1p-10, rel = 0x1p-22, one = 1;
  for (int kind = 0; kind < 3; kind++) {
    Net *net = chain_new(1);
    net->is_float32 = true;
    Node v = {.size = 1, .b_err = &b_err, .w_rel = kind < 2 ? rel : 0};
    v.kind = kind ? NODE_SCALE : NODE_DENSE;
    if (kind == 0) {
      v.reps = v.rows = v.cols = 1;
      v.W = &W;
      v.b = &b;
    } else {
      v.scale = kind == 1 ? &W : &one;
    }
    const int input = 0;
    net_add(net, &v, &input, 1);
    chain_finish(net);
    const double lo = -1, hi = 1;
    const char *where;
    Net *made = rounded_net(net, &lo, &hi, &where);
    cr_assert_not_null(made);
    double widest = 0, loosest = 0;
    for (int k = 1; k < made->n_nodes; k++) {
      widest = fmax(widest, made->nodes[k].b_err ? made->nodes[k].b_err[0] : 0);
      loosest = fmax(loosest, made->nodes[k].w_rel);
    }
    cr_assert_geq(widest, b_err + (kind == 0 ? 0x1p-24 : 0));
    if (kind < 2) cr_assert_geq(loosest, rel + 0x1p-24);
    net_free(made);
    net_free(net);
  }
}

/* Numbers that are only moved may be flushed when they are stored, at the end too; and
 * inputs must be float32 numbers. */
Test(rounded, what_is_stored_may_be_flushed)
{
  const double denormal = 0x1p-140, large = 0x1p130;
  const char *where;
  for (int kind = 0; kind < 2; kind++) {
    Net *net = chain_new(1);
    net->is_float32 = true;
    const int z = chain_identity(net, 0);
    if (kind) chain_act(net, z, ACT_RELU);
    chain_finish(net);
    Net *made = rounded_net(net, &denormal, &denormal, &where);
    cr_assert_not_null(made);
    double mid, rad;
    eval_enclose(made, &denormal, &mid, &rad);
    cr_assert_leq(mid - rad, 0);
    net_free(made);
    net->respelled = "a reason";
    Err err = {0};
    cr_assert_eq(rounded_check(net, &err), STATUS_UNSUPPORTED);
    status_reset(&err);
    net->respelled = NULL;
    cr_assert_eq(rounded_check(net, &err), STATUS_OK);
    net_free(net);
  }
  Net *net = chain_new(1);
  chain_dense(net, 0, 1, &denormal, NULL);
  chain_finish(net);
  cr_assert_null(rounded_net(net, &large, &large, &where));
  net_free(net);
}

/* ---- overflow ------------------------------------------------------------ */

/* 3e38 x0 - 3e38 x1 + 3e38 x2 is 3e38, and infinite when summed in another order. */
Test(rounded, sums_that_may_overflow_prove_nothing)
{
  static const double W[3] = {3e38, -3e38, 3e38};
  Net *net = one_dense_after_another(W, NULL, 1, 3);
  const double one[3] = {1, 1, 1}, small[3] = {1e-3, 1e-3, 1e-3};
  const char *where = NULL;
  cr_expect_null(rounded_net(net, one, one, &where));
  cr_expect_str_eq(where, "sum");
  Net *rounded = rounded_net(net, small, small, &where);
  cr_expect(rounded);
  net_free(rounded);
  const int first[2] = {0, 1}, var = 0;
  const double rhs = 0;
  Prop *prop = props_below(net, one, one, 1, first, &var, &rhs);
  Result r = solve(net, prop, SEMANTICS_FLOAT32);
  cr_expect_eq(r.verdict, RESULT_UNKNOWN);
  cr_expect_eq(r.reason, RESULT_OVERFLOW);
  result_reset(&r);
  r = solve(net, prop, SEMANTICS_REAL);
  cr_expect_eq(r.verdict, RESULT_VERIFIED);
  result_reset(&r);
  prop_free(prop);
  net_free(net);
}

Test(rounded, a_counterexample_is_found_where_nothing_can_be_proved)
{
  static const double W[2] = {2e38, -1e38};
  Net *net = one_dense_after_another(W, NULL, 1, 2);
  const double lo[2] = {-1, -1}, hi[2] = {1, 1};
  const char *where;
  cr_assert_null(rounded_net(net, lo, hi, &where));
  cr_expect_eq(verdict(net, lo, hi, 0, 0, SEMANTICS_FLOAT32), RESULT_FALSIFIED);
  net_free(net);
}

/* ---- intervals by plain loops -------------------------------------------- */

/* The intervals of bounds/ibp.h are another program's. */
Test(rounded, plain_intervals_agree_with_batched_ones)
{
  Prng prng = prng_init(707);
  for (int t = 0; t < 120; t++) {
    Net *net = net_of(t, &prng);
    const int n = net_in_size(net), last = net->n_nodes;
    double box_lo[MOST_IN], box_hi[MOST_IN];
    nets_box(n, 0.5, &prng, box_lo, box_hi);
    Linop *op = linop_new(net);
    Bounds *b = bounds_new(net, 1);
    bounds_set_box(b, 0, box_lo, box_hi);
    ibp_all(b, op);
    double **lo = mem_array((size_t)last, sizeof *lo),
           **hi = mem_array((size_t)last, sizeof *hi);
    for (int k = 0; k < last; k++) {
      const int size = net->nodes[k].size;
      lo[k] = mem_doubles((size_t)size);
      hi[k] = mem_doubles((size_t)size);
      if (k)
        range_node(net, k, lo, hi);
      else
        memcpy(lo[0], box_lo, (size_t)n * sizeof **lo),
            memcpy(hi[0], box_hi, (size_t)n * sizeof **hi);
      for (int i = 0; i < size; i++) {
        const double room = 1e-9 * (1 + fabs(lo[k][i]) + fabs(hi[k][i]));
        cr_assert((isinf(lo[k][i]) && isinf(b->lo[k][i])) ||
                      (fabs(lo[k][i] - b->lo[k][i]) < room &&
                       fabs(hi[k][i] - b->hi[k][i]) < room),
                  "net %d, node %d: [%g, %g] and [%g, %g]", t, k, lo[k][i], hi[k][i],
                  b->lo[k][i], b->hi[k][i]);
      }
    }
    for (int k = 0; k < last; k++) {
      mem_free(lo[k]);
      mem_free(hi[k]);
    }
    mem_free(lo);
    mem_free(hi);
    bounds_free(b);
    linop_free(op);
    net_free(net);
  }
}

/* ---- what can be said at all --------------------------------------------- */

Test(rounded, other_networks_than_float32_are_refused)
{
  static const double W[1] = {0.1};
  Net *net = one_dense_after_another(W, NULL, 1, 1);
  net->is_float32 = false;
  Err err = {0};
  cr_expect_eq(rounded_check(net, &err), STATUS_UNSUPPORTED);
  cr_expect(strstr(err.text, "--semantics real"), "%s", err.text);
  status_reset(&err);
  net_free(net);
}
