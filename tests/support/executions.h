/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/executions.h -- a network in float32, one execution of many.
 *
 * Every sum is added in an order and parenthesisation of its own, products are rounded
 * or not (FMA), and functions are computed by one of several formulas, as chance wants.
 * Owes nothing to net/rounded.h, net/range.h or net/eval.h.
 */
#ifndef TESTS_SUPPORT_EXECUTIONS_H
#define TESTS_SUPPORT_EXECUTIONS_H

#include <stdbool.h>

#include "net/base/prng.h"
#include "net/net.h"

/* float y[outputs] for float x[inputs].  With `flush`, denormal operands are read as 0
 * and denormal results become 0.  False when something is not finite on the way. */
bool executions_run(const Net *net, const float *x, bool flush, Prng *prng, float *y);

/* Round all numbers of the net, which are its own, to float32, and call it float32. */
void executions_make_float32(Net *net);

/* A box with float32 ends inside [lo, hi], in place; then a float32 point in it. */
void executions_box(int n, double *lo, double *hi);
void executions_sample(int n, const double *lo, const double *hi, Prng *prng, float *x);

#endif
