/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Branch and bound on the input box, against enumeration; and the frontier: what is in
 * it and what was closed always cover the root box. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>

#include "bounds/team.h"
#include "net/eval.h"
#include "solver/attack.h"
#include "solver/frontier.h"
#include "solver/split.h"
#include "specs/query.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"

#define PLENTY ((size_t)1 << 28)

/* Unsafe: y_j <= rhs_j for all outputs j of the network. */
static Prop *conjunction(const Net *net, const double *lo, const double *hi,
                         const double *rhs)
{
  const int first[2] = {0, net_out_size(net)}, var[3] = {0, 1, 2};
  return props_below(net, lo, hi, 1, first, var, rhs);
}

typedef struct {
  Verdict verdict;
  double lower;
  long regions;
} Outcome;

/* Little memory means depth first. */
static Outcome search(const Net *net, const Prop *prop, int threads, long max_regions,
                      size_t memory)
{
  Result r;
  Query query;
  Stop stop;
  stop_init(&stop, 30);
  result_init(&r, prop);
  query_build(net, prop, 0, &query);
  Team *team = team_new(query.net, threads, 256);
  Attack *attack = attack_new(net, prop, &query, &r);
  const SplitParams params = {
      .max_regions = max_regions, .memory_bytes = memory, .attack_steps = 5};
  Outcome out = {.regions = split_search(team, &query, &params, attack, &stop, &r)};
  out.verdict = r.verdict;
  out.lower = r.cases[0].lower;
  attack_free(attack);
  team_free(team);
  query_reset(&query);
  result_reset(&r);
  return out;
}

Test(split, decides_tiny_nets_as_enumeration_does, .timeout = 240)
{
  Prng prng = prng_init(31);
  int verified = 0, falsified = 0;
  for (int t = 0; t < 300; t++) {
    const int sizes[4] = {2, 4, 4, 1};
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    double lo[2], hi[2];
    nets_box(2, 1, &prng, lo, hi);
    const double exact = nets_exact_minimum(net, lo, hi, 0);
    const double gap[6] = {1e-5, 1e-3, 0.1, -1e-5, -1e-3, -0.1};
    const double rhs = exact - gap[t % 6];
    Prop *prop = conjunction(net, lo, hi, &rhs);
    const Outcome out = search(net, prop, 1 + t % 2, LONG_MAX, t % 4 < 2 ? PLENTY : 0);
    const Verdict expected = gap[t % 6] > 0 ? RESULT_VERIFIED : RESULT_FALSIFIED;
    cr_assert_eq(out.verdict, expected, "net %d, gap %g: %s after %ld regions", t,
                 gap[t % 6], result_verdict_word(out.verdict), out.regions);
    verified += out.verdict == RESULT_VERIFIED;
    falsified += out.verdict == RESULT_FALSIFIED;
    prop_free(prop);
    net_free(net);
  }
  cr_assert(verified > 100 && falsified > 100);
}

/* A conjunction that no single row refutes: |x| style outputs whose maximum is bounded
 * away from 0 although each comes below it. */
Test(split, proves_conjunctions)
{
  Prng prng = prng_init(32);
  int verified = 0, falsified = 0;
  for (int t = 0; t < 60; t++) {
    const int sizes[3] = {2, 6, 3};
    Net *net = nets_dense(sizes, 3, 1.5, &prng);
    const double lo[2] = {-1, -1}, hi[2] = {1, 1};
    /* The true minimum of max_j y_j from a fine grid, as an upper bound of it. */
    double least = INFINITY, y[3], x[2];
    for (int a = 0; a <= 80; a++)
      for (int b = 0; b <= 80; b++) {
        x[0] = -1 + a / 40.0;
        x[1] = -1 + b / 40.0;
        eval_double(net, x, y);
        least = fmin(least, fmax(y[0], fmax(y[1], y[2])));
      }
    const double shift = t % 2 ? 0.01 : -0.2;
    const double rhs[3] = {least + shift, least + shift, least + shift};
    Prop *prop = conjunction(net, lo, hi, rhs);
    const Outcome out = search(net, prop, 1, LONG_MAX, PLENTY);
    cr_assert_neq(out.verdict, RESULT_UNKNOWN);
    if (shift > 0) cr_assert_eq(out.verdict, RESULT_FALSIFIED, "net %d", t);
    verified += out.verdict == RESULT_VERIFIED;
    falsified += out.verdict == RESULT_FALSIFIED;
    prop_free(prop);
    net_free(net);
  }
  cr_assert(verified > 20 && falsified >= 30);
}

Test(split, threads_change_neither_bounds_nor_regions)
{
  Prng prng = prng_init(33);
  const int sizes[4] = {3, 12, 12, 1};
  Net *net = nets_dense(sizes, 4, 1.5, &prng);
  const double lo[3] = {-1, -1, -1}, hi[3] = {1, 1, 1};
  const double rhs = -0.4;
  Prop *prop = conjunction(net, lo, hi, &rhs);
  const size_t memory[2] = {0, PLENTY};
  for (int m = 0; m < 2; m++) {
    const Outcome one = search(net, prop, 1, 2000, memory[m]);
    const Outcome four = search(net, prop, 4, 2000, memory[m]);
    cr_assert_eq(one.verdict, four.verdict);
    cr_assert_eq(one.regions, four.regions);
    cr_assert_eq(one.lower, four.lower);
  }
  prop_free(prop);
  net_free(net);
}

/* An anytime bound from an interrupted search is proven too. */
Test(split, a_search_cut_short_keeps_a_valid_bound)
{
  Prng prng = prng_init(34);
  for (int t = 0; t < 60; t++) {
    const int sizes[4] = {2, 4, 4, 1};
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    double lo[2], hi[2];
    nets_box(2, 1, &prng, lo, hi);
    const double exact = nets_exact_minimum(net, lo, hi, 0), rhs = exact + 10;
    Prop *prop = conjunction(net, lo, hi, &rhs);
    Result r;
    Query query;
    result_init(&r, prop);
    query_build(net, prop, 0, &query);
    Team *team = team_new(query.net, 1, 256);
    const SplitParams params = {.max_regions = 1 + t % 7 * 10,
                                .memory_bytes = t % 2 ? PLENTY : 0};
    split_search(team, &query, &params, NULL, NULL, &r);
    cr_assert_eq(r.verdict, RESULT_UNKNOWN);
    cr_assert(r.cases[0].lower <= exact - rhs + 1e-9 * (1 + fabs(exact)),
              "bound %.12g, true margin %.12g", r.cases[0].lower, exact - rhs);
    cr_assert(r.cases[0].lower > -INFINITY);
    team_free(team);
    query_reset(&query);
    result_reset(&r);
    prop_free(prop);
    net_free(net);
  }
}

/* The limit may be reached at any moment, also when the last parts have just been
 * proved. */
Test(split, a_limit_on_regions_never_makes_a_wrong_verdict)
{
  Prng prng = prng_init(38);
  int verified = 0, unfinished = 0;
  for (int t = 0; t < 20; t++) {
    const int sizes[4] = {2, 4, 4, 1};
    const double one = 1;
    Net *net = nets_dense(sizes, 4, 1.5, &prng);
    double lo[2], hi[2];
    nets_box(2, 1, &prng, lo, hi);
    const double exact = nets_piecewise_minimum(net, lo, hi, 1, &one);
    const double gap = t % 2 ? 1e-3 : -1e-3, rhs = exact - gap;
    Prop *prop = conjunction(net, lo, hi, &rhs);
    Result r;
    Query query;
    for (int limit = 0; limit <= 60; limit++) {
      result_init(&r, prop);
      query_build(net, prop, 0, &query);
      Team *team = team_new(query.net, 1, 64);
      const SplitParams params = {
          .max_regions = limit, .batch = 2 + t % 5, .memory_bytes = PLENTY};
      split_search(team, &query, &params, NULL, NULL, &r);
      cr_assert(gap > 0 || r.verdict != RESULT_VERIFIED);
      cr_assert(r.cases[0].lower <= gap + 1e-9, "net %d, limit %d: bound %.9g", t,
                limit, r.cases[0].lower);
      verified += r.verdict == RESULT_VERIFIED;
      unfinished += r.verdict == RESULT_UNKNOWN;
      team_free(team);
      query_reset(&query);
      result_reset(&r);
    }
    prop_free(prop);
    net_free(net);
  }
  cr_assert(verified > 100 && unfinished > 100, "%d verified, %d not", verified,
            unfinished);
}

/* ---- frontier ------------------------------------------------------------------ */

/* A region's box and floats stay with it. */
Test(frontier, gives_back_the_hardest_region_first)
{
  Prng prng = prng_init(35);
  Frontier f = frontier_new(1, 3);
  for (int i = 0; i < 1000; i++) {
    const double x = i, y = i + 0.5;
    const float kept[3] = {(float)i, (float)-i, (float)(i % 7)};
    const Region region = {.lower = prng_range(&prng, -1, 0), .depth = i % 5, .id = i};
    frontier_add(&f, &region, &x, &y, kept);
  }
  double last = -INFINITY;
  while (f.size) {
    Region region;
    double lo, hi;
    float kept[3];
    cr_assert_eq(frontier_lower(&f), f.heap[0].lower);
    frontier_pop(&f, false, &region, &lo, &hi, kept);
    cr_assert(region.lower >= last);
    cr_assert(lo == region.id && hi == region.id + 0.5);
    cr_assert(kept[0] == (float)region.id && kept[1] == (float)-region.id &&
              kept[2] == (float)(region.id % 7));
    last = region.lower;
  }
  frontier_free(&f);
}

/* From both ends in turn: every region comes out once, as it went in. */
Test(frontier, gives_back_every_region_from_either_end)
{
  enum { N = 700 };
  Prng prng = prng_init(37);
  bool seen[N] = {false};
  Frontier f = frontier_new(1, 1);
  for (int i = 0; i < N; i++) {
    const double x = i;
    const float kept = (float)i;
    const Region region = {.lower = prng_range(&prng, -1, 0), .id = i};
    frontier_add(&f, &region, &x, &x, &kept);
  }
  for (int n = 0; n < N; n++) {
    const bool easiest = prng_below(&prng, 2);
    const double least = frontier_lower(&f);
    Region region;
    double lo, hi;
    float kept;
    frontier_pop(&f, easiest, &region, &lo, &hi, &kept);
    cr_assert(region.id >= 0 && region.id < N && !seen[region.id]);
    cr_assert(easiest || region.lower == least);
    cr_assert(lo == region.id && hi == region.id && kept == (float)region.id);
    seen[region.id] = true;
  }
  cr_assert_eq(f.size, 0);
  cr_assert_eq(frontier_lower(&f), INFINITY);
  frontier_free(&f);
}

/* Split at random as the search does; every sample of the root must lie in a region
 * that is open or was closed. */
Test(frontier, splitting_never_loses_a_point)
{
  enum { CLOSED = 4000 };
  Prng prng = prng_init(36);
  const double root_lo[2] = {-0.3, 0.1}, root_hi[2] = {0.7, 0.1 + 0x1p-40};
  static double closed[CLOSED][4];
  int n_closed = 0;
  Frontier f = frontier_new(2, 0);
  const Region any = {.lower = -1};
  frontier_add(&f, &any, root_lo, root_hi, NULL);
  for (int t = 0; t < 3000 && f.size; t++) {
    Region region;
    double lo[2], hi[2], mid;
    frontier_pop(&f, prng_below(&prng, 2), &region, lo, hi, NULL);
    const int axis = prng_below(&prng, 2);
    const bool can = frontier_middle(lo[axis], hi[axis], &mid);
    if (!can || prng_below(&prng, 4) == 0) {
      const double box[4] = {lo[0], hi[0], lo[1], hi[1]};
      for (int i = 0; i < 4; i++)
        closed[n_closed][i] = box[i];
      n_closed++;
      continue;
    }
    const double end = hi[axis];
    region.lower = prng_range(&prng, -1, 0);
    hi[axis] = mid;
    frontier_add(&f, &region, lo, hi, NULL);
    hi[axis] = end;
    lo[axis] = mid;
    frontier_add(&f, &region, lo, hi, NULL);
  }
  while (f.size) {
    Region region;
    double lo[2], hi[2];
    frontier_pop(&f, prng_below(&prng, 2), &region, lo, hi, NULL);
    const double box[4] = {lo[0], hi[0], lo[1], hi[1]};
    for (int i = 0; i < 4; i++)
      closed[n_closed][i] = box[i];
    cr_assert(++n_closed < CLOSED);
  }
  for (int s = 0; s < 20000; s++) {
    double x[2];
    nets_sample(2, root_lo, root_hi, &prng, x);
    bool found = false;
    for (int i = 0; i < n_closed && !found; i++)
      found = closed[i][0] <= x[0] && x[0] <= closed[i][1] && closed[i][2] <= x[1] &&
              x[1] <= closed[i][3];
    cr_assert(found, "point (%.17g, %.17g) is lost", x[0], x[1]);
  }
  frontier_free(&f);
}
