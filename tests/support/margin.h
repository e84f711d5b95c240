/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/margin.h -- what a point says about a property, in rational numbers.
 *
 * The margin of case k at x is the largest  C_r y - rhs_lo[r]  over its rows, y = net
 * (x) over the reals: no proof may state more, whatever the solver was asked to do.
 */
#ifndef TESTS_SUPPORT_MARGIN_H
#define TESTS_SUPPORT_MARGIN_H

#include <gmp.h>
#include <stdbool.h>

#include "net/net.h"
#include "specs/prop.h"

typedef struct {
  mpq_t value;   /* the margin, -1 for a case without rows */
  bool is_real;  /* every operation on the way is defined: otherwise nothing counts */
  bool violates; /* x is in the inner box and all rows hold, strictly where strict */
} Margin;

/* The network may have everything that rational.h evaluates.  Needs coef_rel = 0. */
Margin margin_at(const Net *net, const Prop *prop, int k, const double *x);
void margin_free(Margin *m);

/* The smallest double >= a and the largest <= a, for values in the range of doubles. */
double margin_up(mpq_srcptr a);
double margin_down(mpq_srcptr a);

#endif
