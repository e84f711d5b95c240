/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks with a planted counterexample, in the manner of SoundnessBench (Zhou et al.,
 * arXiv:2412.03154): one point of the box violates by a tiny margin and nearly all
 * others satisfy.  The answer may be falsified or unknown, never verified. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/chain.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"
#include "tests/support/ways.h"

enum { MOST_INPUTS = 64, SAMPLES = 60, STEPS = 120, PER_KIND = 120, RANDOM_WAYS = 4 };

/* Of every kind so many networks; each is solved in RANDOM_WAYS + 1 ways, and the
 * control once. */
typedef enum {
  PLANTED_DENSE,
  PLANTED_RESIDUAL,
  PLANTED_CONV,
  PLANTED_SIGMOID,
  PLANTED_TANH,
  PLANTED_PRODUCT,
  PLANTED_SPIKE, /* violates on a ball so small that no sample meets it */
  PLANTED_N
} PlantedKind;

typedef struct {
  Net *net;
  int n;
  double lo[MOST_INPUTS], hi[MOST_INPUTS], x[MOST_INPUTS];
  double y;     /* output 0 at x, where it is smallest as far as we know */
  double range; /* of output 0 over the samples */
} Planted;

static double output(const Net *net, const double *x)
{
  double *y = mem_doubles((size_t)net_out_size(net));
  eval_double(net, x, y);
  const double first = y[0];
  mem_free(y);
  return first;
}

/* x and y: the best of some samples, made better one coordinate at a time.  It is not
 * the solver's attack: no gradient. */
static void settle(Planted *p, Prng *prng)
{
  double x[MOST_INPUTS], most = -INFINITY;
  p->y = INFINITY;
  for (int s = 0; s < SAMPLES; s++) {
    nets_sample(p->n, p->lo, p->hi, prng, x);
    const double y = output(p->net, x);
    most = fmax(most, y);
    if (!(y < p->y)) continue;
    p->y = y;
    memcpy(p->x, x, sizeof x);
  }
  for (int s = 0; s < STEPS; s++) {
    const int i = prng_below(prng, p->n);
    const double old = p->x[i], step = (p->hi[i] - p->lo[i]) / (1 << (s * 12 / STEPS));
    p->x[i] = fmin(p->hi[i], fmax(p->lo[i], old + prng_range(prng, -step, step)));
    const double y = output(p->net, p->x);
    if (y < p->y)
      p->y = y;
    else
      p->x[i] = old;
  }
  p->range = fmax(most - p->y, 1e-9);
}

/* The network of `clean` minus a spike of that height at x, of that radius in the
 * 1-norm: height relu (1 - |x - at| / radius). */
static Net *with_spike(Net *clean, const double *at, double height, double radius)
{
  const int n = net_in_size(clean), sizes_in = clean->nodes[1].rows;
  const Node *first = &clean->nodes[1], *last = net_output(clean);
  Net *net = chain_new(n);
  STATUS_REQUIRE(clean->n_nodes == 4, "a network with one hidden layer");
  double *W = mem_doubles0((size_t)((sizes_in + 2 * n) * n)),
         *b = mem_doubles0((size_t)(sizes_in + 2 * n)),
         *U = mem_doubles0((size_t)((sizes_in + 1) * (sizes_in + 2 * n))),
         *V = mem_doubles0((size_t)(sizes_in + 1)), a[MOST_INPUTS + 1] = {0};
  const int width = sizes_in + 2 * n;
  for (int i = 0; i < sizes_in; i++) {
    memcpy(W + i * n, first->W + i * n, (size_t)n * sizeof *W);
    b[i] = first->b[i];
    U[i * width + i] = 1;
    V[i] = last->W[i];
  }
  for (int i = 0; i < n; i++)
    for (int side = 0; side < 2; side++) {
      const int r = sizes_in + 2 * i + side;
      W[r * n + i] = side ? -1 : 1;
      b[r] = side ? at[i] : -at[i];
      U[sizes_in * width + r] = -1 / radius;
    }
  a[sizes_in] = 1;
  V[sizes_in] = -height;
  int x = chain_act(net, chain_dense(net, 0, width, W, b), ACT_RELU);
  x = chain_act(net, chain_dense(net, x, sizes_in + 1, U, a), ACT_RELU);
  chain_dense(net, x, 1, V, last->b);
  chain_finish(net);
  mem_free(W);
  mem_free(b);
  mem_free(U);
  mem_free(V);
  net_free(clean);
  return net;
}

static Net *network(PlantedKind kind, Prng *prng)
{
  const int sizes[3] = {2 + prng_below(prng, 3), 3 + prng_below(prng, 14), 1};
  switch (kind) {
  case PLANTED_DENSE:
    return nets_random(NETS_DENSE, 4 + prng_below(prng, 13), 1.5, prng);
  case PLANTED_RESIDUAL:
    return nets_random(NETS_RESIDUAL, 4, 1.2, prng);
  case PLANTED_CONV:
    return nets_random(NETS_CONV, 5, 1.2, prng);
  case PLANTED_SIGMOID:
    return nets_of_kind(ACT_SIGMOID, 4, 2, prng);
  case PLANTED_TANH:
    return nets_of_kind(ACT_TANH, 4, 2, prng);
  case PLANTED_PRODUCT:
    return nets_of_kind(NETS_PRODUCTS, 3, 1.2, prng);
  default:
    return nets_dense(sizes, 3, 1.5, prng);
  }
}

static Planted plant(PlantedKind kind, Prng *prng)
{
  Planted p = {.net = network(kind, prng)};
  p.n = net_in_size(p.net);
  cr_assert(p.n <= MOST_INPUTS, "%d inputs", p.n);
  nets_box(p.n, kind == PLANTED_CONV ? 0.1 : 0.8, prng, p.lo, p.hi);
  settle(&p, prng);
  if (kind == PLANTED_SPIKE) {
    /* Below all that the clean network does, but only just. */
    double at[MOST_INPUTS], low = p.y;
    nets_sample(p.n, p.lo, p.hi, prng, at);
    const double height = output(p.net, at) - low + 0.05 * p.range;
    p.net = with_spike(p.net, at, height, pow(10, -prng_range(prng, 1, 8)));
    memcpy(p.x, at, sizeof at);
    p.y = output(p.net, at);
  }
  return p;
}

typedef struct {
  int runs, falsified, unknown, controls;
} Tally;

/* Unsafe: y[0] <= y at x plus that margin. */
static Prop *below(const Planted *p, double margin)
{
  const int first[2] = {0, 1}, var = 0;
  const double rhs = p->y + margin;
  return props_below(p->net, p->lo, p->hi, 1, first, &var, &rhs);
}

static void run(const Planted *p, int kind, int t, Prng *prng, Tally *tally)
{
  const double margin = p->range * pow(10, -prng_range(prng, 3, 6));
  Prop *prop = below(p, margin);
  for (int w = 0; w <= RANDOM_WAYS; w++) {
    const Options o = w ? ways_random(prng) : ways_fixed(0);
    Result r = ways_solve(p->net, prop, &o);
    cr_assert_neq(r.verdict, RESULT_VERIFIED, "kind %d, net %d: a wrong proof (%s)",
                  kind, t, ways_text(&o));
    /* Errors of the plain evaluation at x are far below the margin. */
    cr_assert(!(r.cases[0].lower > -0.5 * margin),
              "kind %d, net %d: the bound %g is above a margin of %g (%s)", kind, t,
              r.cases[0].lower, -margin, ways_text(&o));
    tally->runs++;
    tally->falsified += r.verdict == RESULT_FALSIFIED;
    tally->unknown += r.verdict == RESULT_UNKNOWN;
    result_reset(&r);
  }
  prop_free(prop);
}

/* That the same networks can be verified when the planted point is none. */
static void control(const Planted *p, Tally *tally)
{
  Prop *prop = below(p, -0.05 * p->range);
  const Options o = ways_fixed(0);
  Result r = ways_solve(p->net, prop, &o);
  tally->controls += r.verdict == RESULT_VERIFIED;
  result_reset(&r);
  prop_free(prop);
}

static void plant_all(PlantedKind kind)
{
  Prng prng = prng_init(81 + (uint64_t)kind);
  Tally tally = {0};
  for (int t = 0; t < PER_KIND; t++) {
    Planted p = plant(kind, &prng);
    run(&p, (int)kind, t, &prng, &tally);
    control(&p, &tally);
    net_free(p.net);
  }
  cr_assert(tally.falsified > PER_KIND && tally.unknown > 0, "%d falsified, %d unknown",
            tally.falsified, tally.unknown);
  cr_assert(tally.controls > PER_KIND / 2,
            "only %d of %d are verified without their point", tally.controls, PER_KIND);
}

Test(planted, dense, .timeout = 300)
{
  plant_all(PLANTED_DENSE);
}

Test(planted, residual, .timeout = 300)
{
  plant_all(PLANTED_RESIDUAL);
}

Test(planted, convolutions, .timeout = 300)
{
  plant_all(PLANTED_CONV);
}

Test(planted, sigmoid, .timeout = 300)
{
  plant_all(PLANTED_SIGMOID);
}

Test(planted, tanh, .timeout = 300)
{
  plant_all(PLANTED_TANH);
}

Test(planted, products, .timeout = 300)
{
  plant_all(PLANTED_PRODUCT);
}

Test(planted, spikes_that_no_sample_meets, .timeout = 300)
{
  plant_all(PLANTED_SPIKE);
}
