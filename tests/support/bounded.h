/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/bounded.h -- a random network on a random box, with what bounds it. */
#ifndef TESTS_SUPPORT_BOUNDED_H
#define TESTS_SUPPORT_BOUNDED_H

#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "net/base/prng.h"
#include "net/net.h"

typedef struct {
  Net *net;
  double *lo, *hi; /* the box */
  Lagrangian *L;
  Bounds *b; /* one box, nothing propagated yet */
} Bounded;

/* Takes the net. */
Bounded bounded_new(Net *net, double radius, Prng *prng);
void bounded_free(Bounded *f);

/* Backward bounds of all layers; iterations > 0 optimises slopes. */
void bounded_tighten(Bounded *f, int iterations);

/* The proven bound of output `row` for these multipliers, each NULL or [n_nodes]. */
double bounded_row(Bounded *f, int row, double **lambda, double **mu, double **alpha);

/* The smallest sampled value of output `row`: a true upper bound of its minimum. */
double bounded_sampled_minimum(const Bounded *f, int row, int samples, Prng *prng);

/* The number of values that a sample has outside its interval.  Samples are evaluated
 * with an enclosure, so a single one outside is a proof of unsoundness. */
int bounded_escapes(const Bounded *f, Prng *prng, int samples);

/* Random arrays for every nonlinear node; each block is given or left out by chance. */
double **bounded_random_multipliers(const Net *net, double lo, double hi, Prng *prng);
void bounded_free_multipliers(const Net *net, double **a);

#endif
