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
  NETS_CONV,     /* convolutions with groups, strides, dilations, padding; dense end */
  NETS_CURVED    /* all activations, products and maxima; arguments stay inside their
                    domains */
} NetsKind;

/* A random network, all but NETS_CURVED with ReLUs alone; `size` bounds the width,
 * weights are about `scale` in size. The last node is linear. */
Net *nets_random(NetsKind kind, int size, double scale, Prng *prng);

/* NETS_CURVED again, but logarithms, roots and reciprocals may be given any number. */
Net *nets_wild(int size, double scale, Prng *prng);

/* NETS_CURVED with one kind of function, an ActKind or one of these, in one or two
 * layers. */
enum { NETS_PRODUCTS = ACT_COUNT, NETS_MAXIMA, NETS_N_KINDS };
Net *nets_of_kind(int kind, int size, double scale, Prng *prng);

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

/* The same for any ReLU network of at most NETS_MOST_INPUTS inputs, and for several
 * outputs at once: min over the box of max_r c_r . y, double c[n_rows][outputs].  The
 * box is cut into simplices on which every neuron keeps its sign and one row is the
 * largest: there the minimum is at a corner.  Every corner is a point of the box, so
 * the result is never too small, and too large by rounding only, about 1e-12 of the
 * numbers in the network. */
#define NETS_MOST_INPUTS 3
double nets_piecewise_minimum(const Net *net, const double *lo, const double *hi,
                              int n_rows, const double *c);

/* The same over a branch, where pre-activation i (of all in the order of the nodes) is
 * <= 0 where sign[i] < 0 and >= 0 where sign[i] > 0.  INFINITY when it has no input. */
double nets_branch_minimum(const Net *net, const double *lo, const double *hi,
                           const signed char *sign, int n_rows, const double *c);

/* The exact range of element i of node k, from the same cuts. */
void nets_piecewise_range(const Net *net, int k, int i, const double *lo,
                          const double *hi, double *least, double *most);

#endif
