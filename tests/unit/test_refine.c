/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to the root: trees for intermediate bounds, networks without their dead
 * neurons, slopes in bytes. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/lp.h"
#include "bounds/packed.h"
#include "bounds/reduce.h"
#include "bounds/refine.h"
#include "net/base/mem.h"
#include "tests/support/bounded.h"
#include "tests/support/extreme.h"
#include "tests/support/nets.h"
#include "tests/support/rational.h"

/* Of a bound against enumeration, in units of the numbers around. */
#define SLACK 1e-9

/* ---- trees for intermediate bounds
 * ---------------------------------------------------
 */

static bool refine(Bounded *f, int leaves, int iterations, const Hints *hints,
                   const Stop *stop)
{
  const Team solo = {1, &f->L};
  const RefineParams params = {
      .leaves = leaves, .iterations = iterations, .hints = hints, .stop = stop};
  return refine_run(&solo, f->b, &params);
}

/* No interval is wider than in `before`. */
static void check_not_wider(const Bounds *now, const Bounds *before)
{
  for (int k = 0; k < now->net->n_nodes; k++)
    for (int i = 0; i < now->net->nodes[k].size; i++) {
      cr_assert(now->lo[k][i] >= before->lo[k][i]);
      cr_assert(now->hi[k][i] <= before->hi[k][i]);
    }
}

/* Every pre-activation's interval holds its exact range. */
static void check_range(const Bounded *f, int t)
{
  if (net_in_size(f->net) > NETS_MOST_INPUTS) return;
  for (int j = 0; j < f->net->n_nodes; j++) {
    if (f->b->pre[j] < 0) continue;
    for (int i = 0; i < f->net->nodes[j].size; i++) {
      double least, most;
      nets_piecewise_range(f->net, j, i, f->lo, f->hi, &least, &most);
      const double slack = SLACK * (1 + fabs(least) + fabs(most));
      cr_assert(f->b->lo[j][i] <= least + slack, "net %d, node %d: %.12g above %.12g",
                t, j, f->b->lo[j][i], least);
      cr_assert(f->b->hi[j][i] >= most - slack, "net %d, node %d: %.12g below %.12g", t,
                j, f->b->hi[j][i], most);
    }
  }
}

static Bounds *copy_of(const Bounds *b)
{
  Bounds *copy = bounds_new(b->net, 1);
  bounds_copy_box(copy, 0, b, 0);
  return copy;
}

static long unstable(const Bounds *b)
{
  long active, inactive, open;
  bounds_count(b, &active, &inactive, &open);
  return open;
}

/* From weak intervals or good ones, with slopes from an earlier run or without. */
Test(refine, intervals_hold_samples_and_the_exact_range, .timeout = 200)
{
  static const int leaves[5] = {1, 2, 5, 16, 40};
  Prng prng = prng_init(101);
  long before = 0, after = 0;
  for (int t = 0; t < 120; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 4, 1.5, &prng), 1, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    Packed *packed = packed_new(f.b);
    Hints *hints = t % 2 ? packed_hints_new(packed, (size_t)1 << 24) : NULL;
    if (hints) {
      const Team solo = {1, &f.L};
      Crown *crown = crown_new(&solo);
      const CrownParams params = {.first = 1, .slope_iterations = 3, .learn = hints};
      crown_run(crown, f.b, &params);
      crown_free(crown);
    } else if (t % 4 == 0) {
      bounded_tighten(&f, 0);
    }
    Bounds *was = copy_of(f.b);
    before += unstable(f.b);
    cr_assert(refine(&f, leaves[t % 5], 1 + t % 7, hints, NULL));
    after += unstable(f.b);
    cr_assert(bounds_check(f.b));
    cr_assert_not(f.b->empty[0]);
    check_not_wider(f.b, was);
    cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "net %d", t);
    check_range(&f, t);
    bounds_free(was);
    packed_hints_free(hints);
    packed_free(packed);
    bounded_free(&f);
  }
  cr_assert(after < before - 20, "%ld unstable neurons became %ld", before, after);
}

/* A Lagrangian with room for few rows takes more passes; one row is too few. */
Test(refine, works_in_little_room)
{
  Prng prng = prng_init(106);
  long before = 0, after = 0;
  for (int t = 0; t < 24; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 4, 1.5, &prng), 1, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    Bounds *was = copy_of(f.b);
    const int rows = 1 + t % 6;
    Team *team = team_new(f.net, 2, rows);
    const RefineParams params = {.leaves = 8, .iterations = 3};
    before += unstable(f.b);
    cr_assert_eq(refine_run(team, f.b, &params), rows > 1);
    after += unstable(f.b);
    check_not_wider(f.b, was);
    cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "net %d", t);
    check_range(&f, t);
    team_free(team);
    bounds_free(was);
    bounded_free(&f);
  }
  cr_assert(after < before);
}

/* A hat on three ReLUs of one input, f (x) = a (x + 1/2) - 2 a (x) + a (x - 1/2), then
 * y = relu (f - 1/4).  f is between 0 and 1/2 on [-1, 1].  The triangles lose more than
 * a tenth at either end, says GLPK; with all three signs decided nothing is lost. */
Test(refine, a_hat_is_as_wide_as_it_is_once_there_are_enough_leaves)
{
  const double W1[3] = {1, 1, 1}, b1[3] = {0.5, 0, -0.5}, W2[3] = {1, -2, 1},
               b2 = -0.25, one = 1, lo = -1, hi = 1, exact[2] = {-0.25, 0.25};
  Net *net = net_new("hat");
  int in = 0;
  const Node input = {.kind = NODE_INPUT, .size = 1};
  const Node first = {
      .kind = NODE_DENSE, .size = 3, .reps = 1, .rows = 3, .cols = 1, .W = W1, .b = b1};
  const Node three = {.kind = NODE_ACT, .size = 3, .act = ACT_RELU};
  const Node second = {.kind = NODE_DENSE,
                       .size = 1,
                       .reps = 1,
                       .rows = 1,
                       .cols = 3,
                       .W = W2,
                       .b = &b2};
  const Node relu = {.kind = NODE_ACT, .size = 1, .act = ACT_RELU};
  const Node last = {
      .kind = NODE_DENSE, .size = 1, .reps = 1, .rows = 1, .cols = 1, .W = &one};
  net_add(net, &input, NULL, 0);
  in = net_add(net, &first, &in, 1);
  in = net_add(net, &three, &in, 1);
  const int j = in = net_add(net, &second, &in, 1);
  in = net_add(net, &relu, &in, 1);
  net_add(net, &last, &in, 1);
  cr_assert_eq(net_finish(net, NULL), STATUS_OK);
  Prng prng = prng_init(102);
  Bounded f = bounded_new(net, 0, &prng);
  f.lo[0] = lo;
  f.hi[0] = hi;
  bounds_set_box(f.b, 0, &lo, &hi);
  ibp_all(f.b, lagrangian_linop(f.L));

  /* The relaxation's optimum below and above, from a network that ends in f - 1/4. */
  Net prefix = *net;
  prefix.n_nodes = j + 1;
  const int cases = 0, row[2] = {0, 1};
  double triangle[2];
  for (int side = 0; side < 2; side++) {
    double sign = side ? -1 : 1, V[3] = {sign, -2 * sign, sign}, c = -0.25 * sign;
    prefix.nodes[j].W = V;
    prefix.nodes[j].b = &c;
    Lagrangian *L = lagrangian_new(&prefix, 4);
    Bounds *b = bounds_new(&prefix, 1);
    bounds_set_box(b, 0, &lo, &hi);
    ibp_all(b, lagrangian_linop(L));
    Objective o = objective_cases(&prefix, 1, &cases, row);
    LpResult lp;
    cr_assert(lp_bound(L, b, &o, 10, NULL, NULL, &lp, NULL, NULL) && lp.solved);
    triangle[side] = sign * lp.optimum;
    objective_free(&o);
    bounds_free(b);
    lagrangian_free(L);
    prefix.nodes[j].W = W2;
    prefix.nodes[j].b = &b2;
  }
  cr_assert(triangle[0] < exact[0] - 0.1 && triangle[1] > exact[1] + 0.1);

  refine(&f, 1, 200, NULL, NULL);
  cr_assert(f.b->lo[j][0] <= triangle[0] + SLACK &&
                f.b->hi[j][0] >= triangle[1] - SLACK,
            "one leaf is one relaxation");
  double width = f.b->hi[j][0] - f.b->lo[j][0];
  for (int leaves = 2; leaves <= 8; leaves *= 2) {
    refine(&f, leaves, 200, NULL, NULL);
    const double now = f.b->hi[j][0] - f.b->lo[j][0];
    cr_assert(now <= width);
    width = now;
  }
  cr_assert(f.b->lo[j][0] <= exact[0] && f.b->hi[j][0] >= exact[1]);
  cr_assert(width < exact[1] - exact[0] + 0.01, "[%.6g, %.6g]", f.b->lo[j][0],
            f.b->hi[j][0]);
  bounded_free(&f);
}

Test(refine, the_number_of_threads_changes_no_interval)
{
  Prng prng = prng_init(103);
  Bounded f = bounded_new(nets_random(NETS_DENSE, 40, 1, &prng), 0.5, &prng);
  bounded_tighten(&f, 0);
  Bounds *again = copy_of(f.b);
  refine(&f, 8, 3, NULL, NULL);
  Team *team = team_new(f.net, 3, 64);
  const RefineParams params = {.leaves = 8, .iterations = 3};
  refine_run(team, again, &params);
  for (int k = 0; k < f.net->n_nodes; k++)
    for (int i = 0; i < f.net->nodes[k].size; i++) {
      cr_assert_eq(again->lo[k][i], f.b->lo[k][i]);
      cr_assert_eq(again->hi[k][i], f.b->hi[k][i]);
    }
  team_free(team);
  bounds_free(again);
  bounded_free(&f);
}

typedef struct {
  Stop *stop;
  useconds_t delay;
} Interrupter;

static void *interrupt(void *context)
{
  const Interrupter *me = context;
  usleep(me->delay);
  atomic_store(&me->stop->interrupted, 1);
  return NULL;
}

/* From another thread and by a deadline, at any moment. */
Test(refine, intervals_hold_samples_when_it_is_stopped_early, .timeout = 200)
{
  Prng prng = prng_init(104);
  int stopped = 0;
  for (int t = 0; t < 90; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 6, 1.5, &prng), 1, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    Bounds *was = copy_of(f.b);
    Stop stop;
    stop_init(&stop, t % 2 ? pow(10, prng_range(&prng, -6, -2)) : INFINITY);
    Interrupter other = {&stop, (useconds_t)prng_below(&prng, 3000)};
    pthread_t thread;
    if (t % 2 == 0) cr_assert_eq(pthread_create(&thread, NULL, interrupt, &other), 0);
    stopped += !refine(&f, 64, 10, NULL, &stop);
    if (t % 2 == 0) pthread_join(thread, NULL);
    check_not_wider(f.b, was);
    cr_assert_eq(bounded_escapes(&f, &prng, 60), 0, "net %d", t);
    bounds_free(was);
    bounded_free(&f);
  }
  cr_assert(stopped > 0);
}

Test(refine, it_says_so_when_it_could_not_start)
{
  Prng prng = prng_init(105);
  Bounded f = bounded_new(nets_random(NETS_DENSE, 6, 1.5, &prng), 1, &prng);
  ibp_all(f.b, lagrangian_linop(f.L));
  Stop stop;
  stop_init(&stop, 0);
  cr_assert_not(refine(&f, 64, 10, NULL, &stop));
  cr_assert_eq(bounded_escapes(&f, &prng, 60), 0);
  bounded_free(&f);
}

/* ---- networks without their dead neurons
 * -----------------------------------------------
 */

/* The kinds of nodes that both networks have been seen with. */
typedef struct {
  long kinds[NODE_ACT + 1];
  int reduced, refused, differ_outside;
  long dead;
} Seen;

/* Exactly equal at points of the box, and every value of the new network is inside the
 * intervals that were carried over. */
static void check_inside(const Net *net, const Net *small, const Bounds *inside,
                         const double *lo, const double *hi, Prng *prng, int t)
{
  const int n = net_in_size(net), m = net_out_size(net);
  cr_assert_eq(net_in_size(small), n);
  cr_assert_eq(net_out_size(small), m);
  double *x = mem_doubles((size_t)n);
  for (int s = 0; s < 12; s++) {
    extreme_sample(n, lo, hi, prng, x);
    Rational a = rational_eval(net, x, NULL), b = rational_eval(small, x, NULL);
    for (int i = 0; i < m; i++)
      cr_assert(mpq_equal(a.value[net->n_nodes - 1][i], b.value[small->n_nodes - 1][i]),
                "net %d, output %d", t, i);
    for (int k = 0; k < small->n_nodes; k++)
      for (int i = 0; i < small->nodes[k].size; i++)
        cr_assert(rational_compare(b.value[k][i], inside->lo[k][i]) >= 0 &&
                      rational_compare(b.value[k][i], inside->hi[k][i]) <= 0,
                  "net %d, node %d, element %d", t, k, i);
    rational_free(&a);
    rational_free(&b);
  }
  mem_free(x);
}

/* Far away they are different functions: if not, nothing would have been left out. */
static bool differs_outside(const Net *net, const Net *small, Prng *prng)
{
  const int n = net_in_size(net);
  double *x = mem_doubles((size_t)n);
  bool differs = false;
  for (int s = 0; s < 10 && !differs; s++) {
    for (int i = 0; i < n; i++)
      x[i] = prng_range(prng, -20, 20);
    Rational a = rational_eval(net, x, NULL), b = rational_eval(small, x, NULL);
    for (int i = 0; i < net_out_size(net); i++)
      differs = differs || !mpq_equal(a.value[net->n_nodes - 1][i],
                                      b.value[small->n_nodes - 1][i]);
    rational_free(&a);
    rational_free(&b);
  }
  mem_free(x);
  return differs;
}

/* The proven bound of output `row` by backward bounds. */
static double bound_row(const Net *net, const Bounds *b, int row)
{
  const signed char plus = 1;
  Lagrangian *L = lagrangian_new(net, 1);
  const LagrangianBatch batch = {
      .start = net->n_nodes - 1, .n_rows = 1, .unit = &row, .sign = &plus};
  double lower;
  lagrangian_bound(L, b, &batch, &lower);
  lagrangian_free(L);
  return lower;
}

/* Neurons that are not dead; a layer keeps at least one. */
static long live_neurons(const Bounds *b)
{
  long total = 0;
  for (int j = 0; j < b->net->n_nodes; j++) {
    if (b->pre[j] < 0) continue;
    long live = 0;
    for (int i = 0; i < b->net->nodes[j].size; i++)
      live += b->hi[j][i] > 0;
    total += live ? live : 1;
  }
  return total;
}

static void try_to_reduce(const Net *net, const Bounds *b, bool compare_bounds,
                          Prng *prng, int t, Seen *seen)
{
  long active, inactive, open;
  bounds_count(b, &active, &inactive, &open);
  Bounds *inside = NULL;
  Net *small = reduce_net(b, &inside, NULL);
  if (!small) {
    seen->refused++;
    cr_assert_null(inside);
    cr_assert(10 * inactive <= active + inactive + open);
    return;
  }
  seen->reduced++;
  cr_assert_eq((long)net_n_neurons(small), live_neurons(b), "net %d", t);
  seen->dead += (long)(net_n_neurons(net) - net_n_neurons(small));
  check_inside(net, small, inside, b->lo[0], b->hi[0], prng, t);
  for (int k = 0; k < net->n_nodes; k++)
    seen->kinds[net->nodes[k].kind]++;
  seen->differ_outside += differs_outside(net, small, prng);
  for (int row = 0; compare_bounds && row < net_out_size(net); row++) {
    const double old = bound_row(net, b, row), now = bound_row(small, inside, row);
    cr_assert(now >= old - SLACK * (1 + fabs(old)), "net %d: %.12g was %.12g", t, now,
              old);
  }
  bounds_free(inside);
  net_free(small);
}

Test(reduce, a_network_is_the_same_function_on_the_box, .timeout = 200)
{
  Prng prng = prng_init(111);
  Seen seen = {0};
  for (int t = 0; t < 240; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 6, 1.5, &prng), 0.4, &prng);
    bounded_tighten(&f, t % 2 * 3);
    try_to_reduce(f.net, f.b, true, &prng, t, &seen);
    bounded_free(&f);
  }
  cr_assert(seen.reduced > 100 && seen.refused > 0 && seen.dead > 300,
            "%d reduced, %d refused, %ld neurons left", seen.reduced, seen.refused,
            seen.dead);
  for (int kind = 0; kind <= NODE_ACT; kind++)
    cr_assert(seen.kinds[kind] > 0, "no %s", net_kind_name((NodeKind)kind));
  cr_assert(seen.differ_outside > 50, "%d differ outside", seen.differ_outside);
}

/* Graphs of every kind of node in any order, with numbers that cancel or overflow. */
Test(reduce, odd_graphs_are_the_same_function_on_the_box, .timeout = 200)
{
  Prng prng = prng_init(112);
  Seen seen = {0};
  for (int t = 0; t < 600; t++) {
    const ExtremeMode mode = (ExtremeMode)(t % EXTREME_N);
    Net *net = extreme_net(mode, 4 + prng_below(&prng, 12), &prng);
    if (!net_n_neurons(net)) {
      net_free(net);
      continue;
    }
    Bounded f = bounded_new(net, 0, &prng);
    extreme_box(mode, net_in_size(net), &prng, f.lo, f.hi);
    bounds_set_box(f.b, 0, f.lo, f.hi);
    ibp_all(f.b, lagrangian_linop(f.L));
    if (t % 2) bounded_tighten(&f, 0);
    try_to_reduce(f.net, f.b, false, &prng, t, &seen);
    bounded_free(&f);
  }
  cr_assert(seen.reduced > 150 && seen.dead > 300, "%d reduced, %ld neurons left",
            seen.reduced, seen.dead);
  for (int kind = 0; kind <= NODE_ACT; kind++)
    cr_assert(seen.kinds[kind] > 0, "no %s", net_kind_name((NodeKind)kind));
}

/* Again and again: a network that was reduced can shrink further. */
Test(reduce, a_reduced_network_can_be_reduced_again)
{
  Prng prng = prng_init(113);
  int twice = 0;
  for (int t = 0; t < 60; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 6, 1.5, &prng), 0.4, &prng);
    ibp_all(f.b, lagrangian_linop(f.L));
    Bounds *inside = NULL, *again = NULL;
    Net *small = reduce_net(f.b, &inside, NULL);
    if (small) {
      Lagrangian *L = lagrangian_new(small, 64);
      const Team solo = {1, &L};
      crown_tighten(&solo, inside, 5, NULL);
      Net *smaller = reduce_net(inside, &again, NULL);
      if (smaller) {
        check_inside(f.net, smaller, again, f.lo, f.hi, &prng, t);
        twice++;
        bounds_free(again);
        net_free(smaller);
      }
      lagrangian_free(L);
      bounds_free(inside);
      net_free(small);
    }
    bounded_free(&f);
  }
  cr_assert(twice > 5, "%d", twice);
}

/* ---- slopes in bytes
 * --------------------------------------------------------------------
 */

Test(packed, slopes_come_back_within_a_step)
{
  enum { ROWS = 3 };
  Prng prng = prng_init(121);
  for (int t = 0; t < 60; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 6, 1, &prng), 1, &prng);
    const Net *net = f.net;
    bounded_tighten(&f, 0);
    Packed *p = packed_new(f.b);
    double **alpha = lagrangian_new_multipliers(net, ROWS);
    double **back = lagrangian_new_multipliers(net, ROWS);
    for (int k = 0; k < net->n_nodes; k++)
      for (int i = 0; alpha[k] && i < ROWS * net->nodes[k].size; i++) {
        const int what = prng_below(&prng, 4);
        alpha[k][i] = what == 0 ? 0 : what == 1 ? 1 : prng_unit(&prng);
        back[k][i] = -7;
      }
    for (int start = 1; start < net->n_nodes; start++) {
      const size_t width = packed_width(p, start);
      cr_assert(width >= packed_width(p, start - 1));
      /* Bytes behind the row stay as they are. */
      unsigned char *bytes = mem_alloc(width + 1);
      bytes[width] = 77;
      const int row = prng_below(&prng, ROWS);
      packed_store(p, start, alpha, row, bytes);
      cr_assert_eq(bytes[width], 77);
      packed_load(p, start, bytes, back, row);
      size_t n = 0;
      for (int k = 0; k < net->n_nodes; k++)
        for (int i = 0; alpha[k] && i < net->nodes[k].size; i++) {
          const int at = row * net->nodes[k].size + i;
          const bool open = bounds_unstable(f.b, net->nodes[k].in[0], 0, i);
          if (k < start && open) {
            cr_assert(back[k][at] >= 0 && back[k][at] <= 1);
            cr_assert(fabs(back[k][at] - alpha[k][at]) <= 1.0 / 255);
            if (alpha[k][at] == 0 || alpha[k][at] == 1)
              cr_assert_eq(back[k][at], alpha[k][at], "the ends are exact");
            n++;
          } else {
            cr_assert_eq(back[k][at], -7);
          }
          back[k][at] = -7;
        }
      cr_assert_eq(n, width);
      mem_free(bytes);
    }
    lagrangian_free_multipliers(net, alpha);
    lagrangian_free_multipliers(net, back);
    packed_free(p);
    bounded_free(&f);
  }
}

/* A row for every unstable neuron and sign, all apart, and none for others. */
Test(packed, hints_have_a_row_for_every_unstable_neuron)
{
  Prng prng = prng_init(122);
  long rows = 0;
  for (int t = 0; t < 30; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 6, 1, &prng), 1, &prng);
    const Net *net = f.net;
    bounded_tighten(&f, 0);
    Packed *p = packed_new(f.b);
    Hints *h = packed_hints_new(p, (size_t)1 << 24);
    cr_assert_not_null(h);
    size_t total = 0;
    for (int pass = 0; pass < 2; pass++)
      for (int j = 0; j < net->n_nodes; j++)
        for (int i = 0; f.b->pre[j] >= 0 && i < net->nodes[j].size; i++)
          for (int sign = -1; sign <= 1; sign += 2) {
            unsigned char *row = packed_hints_row(h, j, i, sign);
            const size_t width = packed_width(p, j);
            const int mark = (j * 31 + i * 2 + (sign > 0)) % 251;
            cr_assert_eq(row != NULL, bounds_unstable(f.b, j, 0, i));
            if (!row) continue;
            /* First every row is written, then every row is read. */
            if (pass == 0) {
              memset(row, mark, width);
              total += width;
              rows++;
            }
            for (size_t c = 0; c < width; c++)
              cr_assert_eq(row[c], mark);
          }
    packed_hints_free(h);
    cr_assert(!total || !packed_hints_new(p, total - 1), "more than allowed");
    h = packed_hints_new(p, total);
    cr_assert_not_null(h);
    packed_hints_free(h);
    packed_free(p);
    bounded_free(&f);
  }
  cr_assert(rows > 300, "%ld rows", rows);
}

/* Slopes that were learnt give the same intervals again, up to their rounding, without
 * a single step of optimisation. */
Test(packed, hints_give_back_the_intervals_they_were_learnt_with)
{
  Prng prng = prng_init(123);
  double learnt = 0, plain = 0, hinted = 0;
  for (int t = 0; t < 30; t++) {
    Bounded f = bounded_new(nets_random((NetsKind)(t % 3), 6, 1.5, &prng), 1, &prng);
    const Team solo = {1, &f.L};
    ibp_all(f.b, lagrangian_linop(f.L));
    Packed *p = packed_new(f.b);
    Hints *h = packed_hints_new(p, (size_t)1 << 24);
    Bounds *without = copy_of(f.b), *with = copy_of(f.b);
    Crown *crown = crown_new(&solo);
    CrownParams params = {.first = 1, .slope_iterations = 20, .learn = h};
    crown_run(crown, f.b, &params);
    params = (CrownParams){.first = 1, .hints = h};
    crown_run(crown, with, &params);
    params.hints = NULL;
    crown_run(crown, without, &params);
    for (int j = 0; j < f.net->n_nodes; j++)
      for (int i = 0; f.b->pre[j] >= 0 && i < f.net->nodes[j].size; i++) {
        learnt += f.b->hi[j][i] - f.b->lo[j][i];
        hinted += with->hi[j][i] - with->lo[j][i];
        plain += without->hi[j][i] - without->lo[j][i];
      }
    crown_free(crown);
    bounds_free(with);
    bounds_free(without);
    packed_hints_free(h);
    packed_free(p);
    bounded_free(&f);
  }
  cr_assert(learnt < plain && hinted < plain, "%g learnt, %g plain, %g with hints",
            learnt, plain, hinted);
  cr_assert(hinted - learnt < 0.2 * (plain - learnt), "%g learnt, %g plain, %g hinted",
            learnt, plain, hinted);
}
