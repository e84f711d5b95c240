/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/join: networks side by side compute what each of them computes alone. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "net/join.h"
#include "tests/support/nets.h"

TestSuite(join, .timeout = 120);

enum { MOST_PARTS = 4 };

typedef struct {
  int n_parts, n_in, n_out;
  int own[MOST_PARTS]; /* the first part with the same network */
  Net *net[MOST_PARTS];
  int *pick[MOST_PARTS];
} World;

/* Inputs are picked at random, some twice, some never; some networks are there twice.
 */
static void world_make(World *w, Prng *rng)
{
  *w = (World){.n_parts = 1 + prng_below(rng, MOST_PARTS), .n_in = 3};
  for (int k = 0; k < w->n_parts; k++) {
    w->own[k] = k && prng_below(rng, 3) == 0 ? w->own[prng_below(rng, k)] : k;
    w->net[k] = w->own[k] < k ? w->net[w->own[k]]
                              : nets_random((NetsKind)prng_below(rng, 4), 6, 1, rng);
    w->n_in += net_in_size(w->net[k]) / 2;
    w->n_out += net_out_size(w->net[k]);
  }
  for (int k = 0; k < w->n_parts; k++) {
    const int n = net_in_size(w->net[k]);
    w->pick[k] = mem_array((size_t)n, sizeof *w->pick[k]);
    for (int i = 0; i < n; i++)
      w->pick[k][i] = prng_below(rng, w->n_in);
  }
}

/* What the parts say of x, one after the other, in both arithmetics. */
static void compute(const World *w, const double *x, double *y, float *y32)
{
  for (int k = 0, at = 0; k < w->n_parts; at += net_out_size(w->net[k++])) {
    const int n = net_in_size(w->net[k]);
    double *part = mem_doubles((size_t)n);
    for (int i = 0; i < n; i++)
      part[i] = x[w->pick[k][i]];
    eval_double(w->net[k], part, y + at);
    eval_float(w->net[k], part, y32 + at);
    mem_free(part);
  }
}

Test(join, a_joined_network_computes_its_parts)
{
  enum { N_POINTS = 5 };
  Prng rng = prng_init(11);
  int n_again = 0;
  for (int round = 0; round < 200; round++) {
    World w;
    Err err = {0};
    world_make(&w, &rng);
    const size_t n_out = (size_t)w.n_out;
    double *x = mem_doubles((size_t)(N_POINTS * w.n_in)), *y = mem_doubles(2 * n_out);
    double *want = mem_doubles(N_POINTS * n_out);
    float *y32 = mem_array(n_out, sizeof *y32);
    float *want32 = mem_array(N_POINTS * n_out, sizeof *want32);
    JoinPart part[MOST_PARTS];
    bool is_float32 = true;
    for (int i = 0; i < N_POINTS * w.n_in; i++)
      x[i] = prng_range(&rng, -2, 2);
    for (int p = 0; p < N_POINTS; p++)
      compute(&w, x + p * w.n_in, want + (size_t)p * n_out, want32 + (size_t)p * n_out);
    for (int k = 0; k < w.n_parts; k++) {
      part[k] = (JoinPart){w.net[k], w.pick[k]};
      is_float32 = is_float32 && w.net[k]->is_float32;
      n_again += w.own[k] < k;
    }
    Net *net = join_nets("both", part, w.n_parts, w.n_in, &err);
    cr_assert(net, "%s", err.text);
    cr_assert(net_in_size(net) == w.n_in && net_out_size(net) == w.n_out);
    cr_assert_eq(net->is_float32, is_float32);
    cr_assert_str_eq(net->path, "both");
    for (int p = 0; p < N_POINTS; p++) {
      eval_double(net, x + p * w.n_in, y);
      eval_float(net, x + p * w.n_in, y32);
      /* The same sums in the same order: bit for bit. */
      for (size_t j = 0; j < n_out; j++) {
        cr_assert_eq(y[j], want[(size_t)p * n_out + j], "round %d", round);
        cr_assert_eq(y32[j], want32[(size_t)p * n_out + j], "round %d", round);
      }
    }
    for (int k = 0; k < w.n_parts; k++)
      mem_free(w.pick[k]);
    net_free(net);
    mem_free(x);
    mem_free(y);
    mem_free(want);
    mem_free(y32);
    mem_free(want32);
  }
  cr_assert_gt(n_again, 20);
}

Test(join, too_many_outputs_are_refused_and_everything_is_freed)
{
  static const double one[1] = {1};
  const size_t before = mem_live_bytes();
  /* One number for everybody: 2^28 of them are no array anywhere. */
  Net *net = net_new("wide");
  const Node in = {.kind = NODE_INPUT, .size = 1, .rank = 1, .dims = {1}};
  const Node dense = {.kind = NODE_DENSE,
                      .size = 1,
                      .rank = 1,
                      .dims = {1},
                      .reps = 1,
                      .rows = 1,
                      .cols = 1,
                      .W = one};
  net_add(net, &in, NULL, 0);
  net_add(net, &dense, &(int){0}, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK);
  const int pick[1] = {0};
  const JoinPart part = {net, pick};
  cr_expect_null(join_nets("wide", &part, 1, 0x7fffffff, &err));
  cr_expect_eq(err.code, STATUS_DATA);
  cr_expect(err.text && strstr(err.text, "too many outputs"), "%s", err.text);
  status_reset(&err);
  cr_expect_eq(mem_live_bytes(), before);
}

Test(join, gather_picks_numbers_of_any_nodes_before)
{
  Prng rng = prng_init(3);
  for (int round = 0; round < 100; round++) {
    Net *net = join_copy(nets_random(NETS_DENSE, 5, 1, &rng));
    const int n_nodes = net->n_nodes, n = 1 + prng_below(&rng, 9);
    JoinPlace place[10];
    for (int i = 0; i < n; i++) {
      place[i].node = i % 2 ? 0 : n_nodes - 1;
      place[i].index = prng_below(&rng, net->nodes[place[i].node].size);
    }
    const int n_in = net_in_size(net), n_out = net->nodes[n_nodes - 1].size;
    double x[16], inner[16], y[10];
    Err err = {0};
    cr_assert(n_in <= 16 && n_out <= 16);
    for (int i = 0; i < n_in; i++)
      x[i] = prng_range(&rng, -1, 1);
    eval_double(net, x, inner);
    cr_assert_eq(join_gather(net, place, n, "picked"), n_nodes);
    cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
    eval_double(net, x, y);
    for (int i = 0; i < n; i++)
      cr_assert_eq(y[i], i % 2 ? x[place[i].index] : inner[place[i].index]);
    net_free(net);
  }
}
