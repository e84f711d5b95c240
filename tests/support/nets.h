/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/nets.h -- random networks, and an exact answer for tiny ones. */
#ifndef TESTS_SUPPORT_NETS_H
#define TESTS_SUPPORT_NETS_H

#include "net/base/prng.h"
#include "net/net.h"

/* Which shapes nets_random may use. */
typedef enum {
  NETS_DENSE,    /* dense layers and ReLUs */
  NETS_RESIDUAL, /* a branch around two layers, scale and map nodes */
  NETS_CONV      /* convolutions with groups, strides, dilations, padding; dense end */
} NetsKind;

/* A random ReLU network; `size` bounds the width, weights are about `scale` in size.
 * The last node is linear. */
Net *nets_random(NetsKind kind, int size, double scale, Prng *prng);

/* A dense ReLU network of the given layer sizes, n_sizes of them, input first. */
Net *nets_dense(const int *sizes, int n_sizes, double scale, Prng *prng);

/* A random convolution node for an input of at most about `size` elements; returns
 * its index.  `in` is the node it reads. */
int nets_add_conv(Net *net, int in, int c, int h, int w, Prng *prng);

/* A random box of that many inputs: double lo[n], hi[n], some of them points. */
void nets_box(int n, double radius, Prng *prng, double *lo, double *hi);
void nets_sample(int n, const double *lo, const double *hi, Prng *prng, double *x);

/* min of output `row` of a dense ReLU network over the box: a linear program for
 * each of the 2^neurons activation patterns, in GLPK's exact arithmetic.
 * Needs at most 12 neurons. */
double nets_exact_minimum(const Net *net, const double *lo, const double *hi, int row);

#endif
