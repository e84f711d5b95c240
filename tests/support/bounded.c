/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/bounded.h"

#include <math.h>

#include "bounds/blas.h"
#include "bounds/crown.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/nets.h"

Bounded bounded_new(Net *net, double radius, Prng *prng)
{
  const size_t n = (size_t)net_in_size(net);
  Bounded f = {.net = net, .lo = mem_doubles(n), .hi = mem_doubles(n)};
  blas_init();
  nets_box((int)n, radius, prng, f.lo, f.hi);
  f.L = lagrangian_new(net, 64);
  f.b = bounds_new(net, 1);
  bounds_set_box(f.b, 0, f.lo, f.hi);
  return f;
}

void bounded_free(Bounded *f)
{
  bounds_free(f->b);
  lagrangian_free(f->L);
  net_free(f->net);
  mem_free(f->lo);
  mem_free(f->hi);
}

void bounded_tighten(Bounded *f, int iterations)
{
  const Team solo = {1, &f->L};
  crown_tighten(&solo, f->b, iterations, NULL);
}

double bounded_sampled_minimum(const Bounded *f, int row, int samples, Prng *prng)
{
  const int n = net_in_size(f->net), m = net_out_size(f->net);
  double *x = mem_doubles((size_t)n), *mid = mem_doubles((size_t)m),
         *rad = mem_doubles((size_t)m), best = INFINITY;
  for (int s = 0; s < samples; s++) {
    nets_sample(n, f->lo, f->hi, prng, x);
    eval_enclose(f->net, x, mid, rad);
    best = fmin(best, mid[row] + rad[row]);
  }
  mem_free(x);
  mem_free(mid);
  mem_free(rad);
  return best;
}

int bounded_escapes(const Bounded *f, Prng *prng, int samples)
{
  const Net *net = f->net;
  const int last = net->n_nodes - 1, n = net_in_size(net), m = net_out_size(net);
  double *x = mem_doubles((size_t)n), *mid = mem_doubles((size_t)m),
         *rad = mem_doubles((size_t)m);
  int count = 0;
  for (int s = 0; s < samples; s++) {
    nets_sample(n, f->lo, f->hi, prng, x);
    for (int k = 1; k <= last; k++) {
      /* Every prefix of the network is a network with node k as its output. */
      Net prefix = *net;
      prefix.n_nodes = k + 1;
      if (net->nodes[k].size > m) {
        mid = mem_grow(mid, (size_t)net->nodes[k].size, sizeof *mid);
        rad = mem_grow(rad, (size_t)net->nodes[k].size, sizeof *rad);
      }
      eval_enclose(&prefix, x, mid, rad);
      for (int i = 0; i < net->nodes[k].size; i++)
        count += mid[i] + rad[i] < f->b->lo[k][i] || mid[i] - rad[i] > f->b->hi[k][i];
    }
  }
  mem_free(x);
  mem_free(mid);
  mem_free(rad);
  return count;
}

double **bounded_random_multipliers(const Net *net, double lo, double hi, Prng *prng)
{
  double **a = mem_zero((size_t)net->n_nodes, sizeof *a);
  for (int k = 0; k < net->n_nodes; k++) {
    if (!net_is_nonlinear(&net->nodes[k]) || prng_below(prng, 4) == 0) continue;
    a[k] = mem_doubles((size_t)net->nodes[k].size);
    for (int i = 0; i < net->nodes[k].size; i++)
      a[k][i] = prng_range(prng, lo, hi);
  }
  return a;
}

void bounded_free_multipliers(const Net *net, double **a)
{
  for (int k = 0; k < net->n_nodes; k++)
    mem_free(a[k]);
  mem_free(a);
}

double bounded_row(Bounded *f, int row, double **lambda, double **mu, double **alpha)
{
  const signed char plus = 1;
  const LagrangianBatch batch = {.start = f->net->n_nodes - 1,
                                 .n_rows = 1,
                                 .unit = &row,
                                 .sign = &plus,
                                 .lambda = lambda,
                                 .mu = mu,
                                 .alpha = alpha};
  double lower;
  lagrangian_bound(f->L, f->b, &batch, &lower);
  return lower;
}
