/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks with maxima as nodes: the same function as with ReLUs in their place, of
 * which the exact minimum is known by enumeration; proofs of them by hand. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "net/relus.h"
#include "solver/solve.h"
#include "specs/check/certificate.h"
#include "tests/support/certs.h"
#include "tests/support/nets.h"
#include "tests/support/proofs.h"
#include "tests/support/props.h"
#include "tests/support/rational.h"

TestSuite(maxima, .timeout = 300);

static Net *finish(Net *net)
{
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

static int add_dense(Net *net, int in, int rows, Prng *prng)
{
  const int cols = net->nodes[in].size;
  double *W = net_keep(net, mem_doubles((size_t)(rows * cols)));
  double *b = net_keep(net, mem_doubles((size_t)rows));
  for (int i = 0; i < rows * cols; i++)
    W[i] = prng_range(prng, -1.5, 1.5);
  for (int i = 0; i < rows; i++)
    b[i] = prng_range(prng, -0.5, 0.5);
  const Node v = {.kind = NODE_DENSE,
                  .size = rows,
                  .reps = 1,
                  .rows = rows,
                  .cols = cols,
                  .W = W,
                  .b = b,
                  .name = "dense"};
  return net_add(net, &v, &in, 1);
}

/* The larger one of the halves of a vector, as a pool has it. */
static int add_pool(Net *net, int in)
{
  const int n = net->nodes[in].size / 2;
  int *map = net_keep(net, mem_array(2 * (size_t)n, sizeof *map)), half[2];
  for (int i = 0; i < 2 * n; i++)
    map[i] = i;
  for (int p = 0; p < 2; p++) {
    const Node v = {.kind = NODE_MAP, .size = n, .map = map + p * n, .name = "half"};
    half[p] = net_add(net, &v, &in, 1);
  }
  const Node v = {.kind = NODE_MAX, .size = n, .name = "max"};
  return net_add(net, &v, half, 2);
}

/* Dense layers, most of them with ReLUs, and pools behind them. */
static Net *pooled(Prng *prng)
{
  Net *net = net_new("pooled");
  const Node input = {.kind = NODE_INPUT, .size = 1 + prng_below(prng, 3), .name = "x"};
  int x = net_add(net, &input, NULL, 0);
  for (int l = 0; l < 2; l++) {
    x = add_dense(net, x, 4, prng);
    const Node relu = {.kind = NODE_ACT, .size = 4, .act = ACT_RELU, .name = "relu"};
    if (prng_below(prng, 3)) x = net_add(net, &relu, &x, 1);
    x = add_pool(net, x);
    if (prng_below(prng, 4) == 0) x = add_pool(net, x);
  }
  add_dense(net, x, 1, prng);
  return finish(net);
}

Test(maxima, written_as_relus_are_the_same_function)
{
  Prng prng = prng_init(800);
  for (int t = 0; t < 100; t++) {
    Net *net = pooled(&prng), *relus = relus_net(net);
    cr_assert(relus);
    cr_assert_null(relus_net(relus));
    for (int s = 0; s < 20; s++) {
      double x[3];
      for (int i = 0; i < 3; i++)
        x[i] = prng_range(&prng, -2, 2);
      Rational a = rational_eval(net, x, NULL), b = rational_eval(relus, x, NULL);
      cr_assert(
          mpq_equal(a.value[net->n_nodes - 1][0], b.value[relus->n_nodes - 1][0]));
      rational_free(&a);
      rational_free(&b);
    }
    net_free(relus);
    net_free(net);
  }
}

/* ---- verdicts ------------------------------------------------------------ */

static Prop *below(const Net *net, const double *lo, const double *hi, double rhs)
{
  static const char zeros[65] =
      "0000000000000000000000000000000000000000000000000000000000000000";
  Prop *prop = props_below(net, lo, hi, 1, (int[]){0, 1}, (int[]){0}, &rhs);
  memcpy(prop->sha256, zeros, sizeof zeros);
  return prop;
}

typedef struct {
  int verified, falsified, accepted;
} Verdicts;

static void solve(const Net *net, const Prop *prop, const Options *options, bool holds,
                  int t, Verdicts *v)
{
  Result r;
  Stop stop;
  stop_init(&stop, 20);
  result_init(&r, prop);
  solve_property(net, prop, options, &stop, NULL, &r);
  cr_assert_eq(r.verdict, holds ? RESULT_VERIFIED : RESULT_FALSIFIED, "net %d: %s", t,
               result_verdict_word(r.verdict));
  v->verified += holds;
  v->falsified += !holds;
  result_reset(&r);
}

/* Is it accepted, in both arithmetics?  What is false is never proved. */
static bool prove(const Net *net, const Prop *prop, const Prop *lie,
                  const Options *options, int t)
{
  char path[64], reason[200];
  bool accepted = true;
  snprintf(path, sizeof path, "/tmp/dualcert-maxima-%d", (int)getpid());
  cr_assert(proofs_make(net, prop, options, path, 20), "net %d", t);
  for (int exact = 0; exact < 2; exact++) {
    accepted = accepted && proofs_accepted(path, net, prop, exact, reason);
    cr_assert_not(proofs_accepted(path, net, lie, exact, reason), "net %d", t);
  }
  unlink(path);
  return accepted;
}

Test(maxima, verdicts_and_proofs_are_those_of_enumeration)
{
  static const double gaps[4] = {1e-4, 0.02, 0.3, -1e-3};
  Prng prng = prng_init(801);
  Verdicts v = {0};
  for (int t = 0; t < 120; t++) {
    Net *net = pooled(&prng), *relus = relus_net(net);
    double lo[3], hi[3];
    const double one = 1;
    nets_box(net_in_size(net), 1.5, &prng, lo, hi);
    const double least = nets_piecewise_minimum(relus, lo, hi, 1, &one);
    const double gap = gaps[t % 4] * (1 + fabs(least));
    Prop *prop = below(net, lo, hi, least - gap),
         *lie = below(net, lo, hi, least + 1e-6 * (1 + fabs(least)));
    Options options;
    options_init(&options);
    options.split = t / 4 % 2 ? SPLIT_INPUT : SPLIT_ACTIVATION;
    options.refine_leaves = t % 3 ? 0 : 16;
    solve(net, prop, &options, gap > 0, t, &v);
    if (gap > 0) v.accepted += prove(net, prop, lie, &options, t);
    prop_free(prop);
    prop_free(lie);
    net_free(relus);
    net_free(net);
  }
  cr_assert(v.verified >= 90 && v.falsified >= 30, "%d, %d", v.verified, v.falsified);
  /* A few are refused: where ends of intervals differ by a rounding, the solver and the
   * checker do not always find the same neurons decided. */
  cr_assert(v.accepted >= 85, "%d of %d certificates accepted", v.accepted, v.verified);
}

/* ---- certificates by hand ------------------------------------------------ */

/* y = sign max (x0, x1) - shift x0: 0 x, 1 x0, 2 x1, 3 max, 4 y */
static Net *signed_maximum(double sign, double shift)
{
  static const int first = 0, second = 1;
  Net *net = net_new("max");
  int x = net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  const Node a = {.kind = NODE_MAP, .size = 1, .map = &first, .name = "a"},
             b = {.kind = NODE_MAP, .size = 1, .map = &second, .name = "b"};
  const int in[2] = {net_add(net, &a, &x, 1), net_add(net, &b, &x, 1)};
  int both[2] = {
      net_add(net, &(Node){.kind = NODE_MAX, .size = 1, .name = "max"}, in, 2), in[0]};
  int *map = net_keep(net, mem_array(2, sizeof *map));
  map[0] = 0;
  map[1] = 1;
  const int v = net_add(
      net, &(Node){.kind = NODE_MAP, .size = 2, .map = map, .name = "both"}, both, 2);
  double *W = net_keep(net, mem_doubles(2));
  W[0] = sign;
  W[1] = -shift;
  const Node y = {.kind = NODE_DENSE,
                  .size = 1,
                  .reps = 1,
                  .rows = 1,
                  .cols = 2,
                  .W = W,
                  .name = "y"};
  net_add(net, &y, &v, 1);
  return finish(net);
}

typedef struct {
  Net *net;
  Prop *prop;
  Certs c;
} Setup;

/* On x0 in [lo0, 1], x1 in [-1, 1]. */
static Setup setup(double sign, double shift, double lo0, double rhs)
{
  Setup s = {.net = signed_maximum(sign, shift)};
  s.prop = below(s.net, (double[]){lo0, -1}, (double[]){1, 1}, rhs);
  s.c = certs_new(s.net, s.prop);
  certs_query(&s.c, 0, s.net->n_nodes + 1, 1);
  return s;
}

static bool ends(Setup *s)
{
  char *why = NULL;
  certs_block(&s->c, CERTIFICATE_END_QUERY);
  certs_end(&s->c, 1);
  const bool accepted = certs_accepted(&s->c, s->net, s->prop, &why);
  mem_free(why);
  certs_free(&s->c);
  prop_free(s->prop);
  net_free(s->net);
  return accepted;
}

static bool closed(double sign, double shift, double lo0, double rhs, int relus)
{
  Setup s = setup(sign, shift, lo0, rhs);
  for (int i = 0; i < relus; i++) {
    certs_n(&s.c, (unsigned long)s.net->n_nodes + 3);
    certs_block(&s.c, CERTIFICATE_RELUS);
  }
  certs_close_row(&s.c, 0, 0);
  return ends(&s);
}

/* The bound is proved, and no better one. */
static void bound_is(double sign, double shift, double lo0, double bound, bool relus)
{
  cr_assert(closed(sign, shift, lo0, bound - 1e-9, relus), "%g", bound);
  cr_assert_not(closed(sign, shift, lo0, bound + 1e-9, relus), "%g", bound);
}

Test(maxima, default_slopes_give_the_bounds_computed_by_hand)
{
  bound_is(1, 1, -1, 0, false);   /* equal centres: max >= x0 */
  bound_is(1, 0, -1, -1, false);  /* the interval of x0 */
  bound_is(1, 0, -2, -1, false);  /* x1 has the higher centre */
  bound_is(-1, 0, -1, -1, false); /* the plane top is the constant 1 */
  bound_is(-1, 0, -2, -1, false);
  /* x = x0 + relu (x1 - x0) <= x0 + (x1 - x0 + 2) / 2 <= 2 */
  bound_is(-1, 0, -1, -2, true);
  bound_is(1, 1, -1, 0, true);
}

static bool with_alpha(double sign, double alpha, double rhs)
{
  Setup s = setup(sign, 0, -1, rhs);
  certs_n(&s.c, 3);
  certs_n(&s.c, 1);
  certs_n(&s.c, 0);
  certs_block(&s.c, CERTIFICATE_LAYOUT);
  certs_n(&s.c, 0);
  certs_u8(&s.c, CERTIFICATE_SLOPES_F64);
  certs_n(&s.c, 0);
  certs_f64(&s.c, alpha);
  certs_block(&s.c, CERTIFICATE_CLOSE);
  return ends(&s);
}

Test(maxima, alphas_choose_the_planes_of_the_header)
{
  /* bottom: max <= x0 + x1 + 1; half way to it from top, 1 + (x0 + x1 + 0) / 2 */
  const struct {
    double sign, alpha, bound;
  } list[] = {{-1, 0, -1},    {-1, 1, -1}, {-1, 0.5, -3}, {-1, 0.25, -2},
              {-1, 0.75, -2}, {1, 0, -1},  {1, 1, -1},    {1, 0.5, -1}};
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    cr_assert(with_alpha(list[k].sign, list[k].alpha, list[k].bound - 1e-9));
    cr_assert_not(with_alpha(list[k].sign, list[k].alpha, list[k].bound + 1e-9), "%zu",
                  k);
  }
  cr_assert_not(with_alpha(-1, 2, -100));
  cr_assert_not(with_alpha(-1, NAN, -100));
}

Test(maxima, the_network_of_relus_is_taken_once_and_only_where_there_is_one)
{
  cr_assert(closed(-1, 0, -1, -2.1, 1));
  cr_assert_not(closed(-1, 0, -1, -2.1, 2));
  Setup s = setup(-1, 0, -1, -2.1);
  certs_n(&s.c, (unsigned long)s.net->n_nodes + 2); /* another number of nodes */
  certs_block(&s.c, CERTIFICATE_RELUS);
  certs_close_row(&s.c, 0, 0);
  cr_assert_not(ends(&s));
  /* What was closed before stays so, what was not does not. */
  s = setup(-1, 0, -1, -1.5);
  certs_close_row(&s.c, 0, 0);
  certs_n(&s.c, (unsigned long)s.net->n_nodes + 3);
  certs_block(&s.c, CERTIFICATE_RELUS);
  cr_assert(ends(&s));
  s = setup(-1, 0, -1, -1.5);
  certs_n(&s.c, (unsigned long)s.net->n_nodes + 3);
  certs_block(&s.c, CERTIFICATE_RELUS);
  cr_assert_not(ends(&s));
}
