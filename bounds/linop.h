/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/linop.h -- linear nodes as batched operators.
 *
 * A linear node is x^k = A x + b, where x is the concatenation of its inputs.  A
 * batch is a row-major matrix with one vector per row.  Dense nodes are one GEMM
 * for the whole batch; convolutions are those of bounds/conv.h.
 */
#ifndef BOUNDS_LINOP_H
#define BOUNDS_LINOP_H

#include <stdbool.h>

#include "bounds/conv.h"
#include "net/net.h"

enum { LINOP_FORWARD, LINOP_ABSOLUTE, LINOP_BACK, LINOP_PASSES };

/* The operators of one network with their scratch; belongs to one thread. */
typedef struct {
  const Net *net;
  double **abs_w; /* double *abs_w[n_nodes]: |W| of dense and conv nodes, made on
                   * first use */
  int *fan_in;    /* terms in one sum of A x;   0 when A only moves numbers */
  int *fan_out;   /* terms in one sum of A^T v; likewise */
  ConvPass *(*pass)[LINOP_PASSES]; /* of convolutions, made on first use */
  ConvRoom room;
  /* Maps of one input that repeat elements: element m is read at reader[k][first[k][m]]
   * up to before first[k][m + 1]; else NULL. */
  int **first, **reader;
} Linop;

Linop *linop_new(const Net *net);
void linop_free(Linop *op);

/* y[r] = A x[r] + b.  x[k] points to the batch of node k (read for the inputs
 * only).  double y[n_rows][size]. */
void linop_forward(Linop *op, int k, int n_rows, double *const *x, double *y);

/* y[r] = A x[r], without the bias. */
void linop_product(Linop *op, int k, int n_rows, double *const *x, double *y);

/* y[r] = |A| x[r], for x >= 0. */
void linop_forward_abs(Linop *op, int k, int n_rows, double *const *x, double *y);

/* q[in[p]] (+)= A_p^T nu for every input p.  q[j] must point to a matrix
 * [n_rows][size of j]; `fresh[j]` says that it holds nothing yet and is to be
 * overwritten.  Inputs listed twice are accumulated. */
void linop_adjoint(Linop *op, int k, int n_rows, const double *nu, double *const *q,
                   bool *fresh);

/* The same for nu[r] = sign[r] e_unit[r], without building nu.  Exact unless the
 * node adds (repeated indices).  Only for nodes with one input that is fresh. */
void linop_adjoint_unit(Linop *op, int k, int n_rows, const int *unit,
                        const signed char *sign, double *q);

/* The bias vector of a linear node: element i has bias[i % period / stride].
 * NULL when there is none. */
const double *linop_bias(const Node *v, int *stride, int *period);

#endif
