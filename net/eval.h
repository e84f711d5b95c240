/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/eval.h -- the network on one input, by plain loops.
 *
 * Three arithmetics: double; float32 as a straightforward implementation runs it
 * (sums in index order); and an enclosure of the real-arithmetic value as
 * centre and radius, |true x_i - mid_i| <= rad_i, where every operation adds
 * its exact rounding error to the radius (so exact arithmetic gives radius 0).
 * Fast batches for search live in bounds/linop.h; this is the reference.
 */
#ifndef NET_EVAL_H
#define NET_EVAL_H

#include "net/net.h"

/* y = net (x).  double x[net_in_size], y[net_out_size].  Allocates scratch. */
void eval_double(const Net *net, const double *x, double *y);

/* The same in float32: x is rounded to float32 first. */
void eval_float(const Net *net, const double *x, float *y);

/* mid and rad of every output, rounding and the net's own enclosures included.
 * rad is +infinity where arithmetic overflowed. */
void eval_enclose(const Net *net, const double *x, double *mid, double *rad);

#endif
