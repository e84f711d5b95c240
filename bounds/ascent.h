/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/ascent.h -- step rules for maximising a concave, piecewise linear function.
 *
 * A block is an array of variables x with a supergradient g and a scale d (its
 * natural unit).  In the scaled variable x / d the rules are
 *
 *     ADAM    step of length rate m^ / sqrt (v^), Kingma and Ba 2015, with
 *             b1 = 0.9, b2 = 0.999
 *     DAMPED  ADAM with sqrt (v^) + DAMPING sqrt (mean of v^ over the row): variables
 *             that hardly matter hardly move.  Near an optimum ADAM's equal steps in
 * all directions do more harm than good DECAY   step of length rate * g d / max |g d|
 * over the row
 *
 * Either way the rate follows rate_t = rate (1 - t / T)^power down to `floor` * rate.
 * Steps are advice: nothing here is part of a proof.
 */
#ifndef BOUNDS_ASCENT_H
#define BOUNDS_ASCENT_H

#include <stddef.h>

typedef enum { ASCENT_ADAM, ASCENT_DECAY } AscentRule;

/* Momentum of one block; belongs to whoever optimises. */
typedef struct {
  size_t n;
  double *m, *v; /* double m[n], v[n]; owned */
} Ascent;

Ascent ascent_new(size_t n);
void ascent_free(Ascent *a);

/* Adam for a single variable in iteration t: the factors that all variables share, and
 * the step, which updates the two averages of gradients g. */
typedef struct {
  double rate, c1, c2;
} AscentSchedule;

AscentSchedule ascent_schedule(int t, double rate);
double ascent_move(const AscentSchedule *now, double g, double *m, double *v);

/* The rate of iteration t = 0, 1, ... of T. */
double ascent_rate(double first, double last, int t, int T);

/* What ADAM would add to x, clamped to [lo, hi], without adding it: double
 * d[n_rows][size].  How far to go is the caller's decision. */
void ascent_direction(Ascent *a, int t, double rate, int n_rows, int size,
                      const double *g, double lo, double hi, const double *x,
                      double *d);

/* One step on n_rows rows of `size` variables.  d: double d[n_rows][size] or NULL for
 * 1; clamp to [lo, hi] afterwards (pass -INFINITY, INFINITY for none). */
void ascent_step(Ascent *a, AscentRule rule, int t, double rate, int n_rows, int size,
                 const double *g, const double *d, double lo, double hi, double *x);

#endif
