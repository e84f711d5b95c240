/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same network with scales behind its matrices and with these folded by hand: the
 * whole solver says the same of both. */
#include <criterion/criterion.h>
#include <math.h>

#include "net/eval.h"
#include "tests/support/nets.h"
#include "tests/support/normalised.h"
#include "tests/support/props.h"
#include "tests/support/ways.h"

enum { INPUTS = 18, SAMPLES = 300 };

typedef struct {
  int both[3]; /* of each verdict, where it is the same */
  int one;     /* unknown for one of them */
} Count;

static double least_of(const Net *net, const double *lo, const double *hi, Prng *prng)
{
  double x[INPUTS], y[2], least = INFINITY;
  for (int s = 0; s < SAMPLES; s++) {
    nets_sample(net_in_size(net), lo, hi, prng, x);
    eval_double(net, x, y);
    least = fmin(least, y[0]);
  }
  return least;
}

/* Unsafe: y_0 is below `rhs`.  A proven bound is no larger than what was seen. */
static Verdict verdict_of(const Net *net, const double *lo, const double *hi,
                          double rhs, double least, const Options *o)
{
  const int first[2] = {0, 1}, var = 0;
  Prop *prop = props_below(net, lo, hi, 1, first, &var, &rhs);
  Result r = ways_solve(net, prop, o);
  const Verdict verdict = r.verdict;
  cr_expect(r.cases[0].lower <= least - rhs + 1e-9 * (1 + fabs(least)),
            "bound %.17g, but %.17g was seen", r.cases[0].lower, least - rhs);
  result_reset(&r);
  prop_free(prop);
  return verdict;
}

static void compare(const Normalised *how, const Options *o, double gap, Prng *prng,
                    Count *count)
{
  Normalised by_hand = *how;
  by_hand.folded = true;
  Prng same = *prng;
  Net *net = normalised_net(how, prng), *folded = normalised_net(&by_hand, &same);
  double lo[INPUTS], hi[INPUTS];
  nets_box(net_in_size(net), 0.2, prng, lo, hi);
  const double least = least_of(net, lo, hi, prng);
  const double rhs = least - gap * (1 + fabs(least));
  const Verdict a = verdict_of(net, lo, hi, rhs, least, o);
  const Verdict b = verdict_of(folded, lo, hi, rhs, least, o);
  cr_expect(a == b || a == RESULT_UNKNOWN || b == RESULT_UNKNOWN,
            "%d, folded by hand %d, %s", (int)a, (int)b, ways_text(o));
  if (a == b) count->both[a]++;
  count->one += a != b;
  net_free(net);
  net_free(folded);
}

Test(normalised, verdicts_are_those_of_the_folded_network, .timeout = 240)
{
  static const double gaps[] = {-0.1, 0.02, 0.2, 1};
  Prng prng = prng_init(31);
  Count count = {.one = 0};
  for (int t = 0; t < 120; t++) {
    const Normalised how = {.mode = EXTREME_ORDINARY, .few_inputs = t % 2};
    const Options o = t % 3 ? ways_random(&prng) : ways_fixed(t % WAYS_N);
    compare(&how, &o, gaps[t / 2 % 4], &prng, &count);
  }
  cr_assert(count.both[RESULT_VERIFIED] > 40 && count.both[RESULT_FALSIFIED] > 5 &&
                count.one < 6,
            "%d verified, %d falsified, %d different", count.both[RESULT_VERIFIED],
            count.both[RESULT_FALSIFIED], count.one);
}
