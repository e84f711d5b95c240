/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/rational.h -- a network on one input in exact arithmetic.
 *
 * Doubles are rationals, and so is everything that ReLU, products, squares, signs and
 * reciprocals make of them.  The
 * results owe nothing to net/base/round.h: they are what error terms are tested with.
 */
#ifndef TESTS_SUPPORT_RATIONAL_H
#define TESTS_SUPPORT_RATIONAL_H

#include <gmp.h>
#include <stdbool.h>

#include "net/base/prng.h"
#include "net/net.h"

typedef struct {
  const Net *net;
  mpq_t **value;     /* value[k][i] = x^k_i */
  bool is_undefined; /* a division by 0 on the way: values do not count */
} Rational;

/* Every node's value at x.  Where the net says that a stored number is only close to
 * the true one (w_rel, b_err), prng picks a true one: the stored number or either end
 * of its range.  prng = NULL takes all numbers as stored. */
Rational rational_eval(const Net *net, const double *x, Prng *prng);
void rational_free(Rational *r);

/* The sign of a - d; d may be infinite but not NaN. */
int rational_compare(mpq_srcptr a, double d);

/* The sign of c . x^k - d, for finite c. */
int rational_compare_dot(const Rational *r, int k, const double *c, double d);

/* |a - mid| <= rad.  An infinite radius holds everything, whatever mid is; a negative
 * radius or NaN holds nothing. */
bool rational_within(mpq_srcptr a, double mid, double rad);

#endif
