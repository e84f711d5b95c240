/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/form.h -- linear nodes written over what they depend on.
 *
 * Roots are the input, nonlinear nodes and the linear ones that have no form.  Their
 * elements are the atoms: element i of root k is atom first[k] + i.  A form is
 *
 *     x^k_i  =  sum_j w_ij x_j + b_i         j over the atoms                  (1)
 *
 * w and b are computed in double, and so are bounds on what they are wrong by over the
 * reals, weights' and biases' own errors of net/net.h included:
 *
 *     |true w_ij - w_ij| <= e_ij          |true b_i - b_i| <= f_i
 *
 * Where terms cancel e_ij is not relative to w_ij.
 */
#ifndef BOUNDS_FORM_H
#define BOUNDS_FORM_H

#include "bounds/bounds.h"

/* Covers the rounding of sums of fewer than 2^30 errors. */
#define FORM_SLACK (1 + 0x1p-20)

/* Row i has the entries start[i] .. start[i + 1] - 1. */
typedef struct {
  int *start; /* int start[size + 1]; NULL: the node is a root */
  int *atom;  /* rising in every row */
  double *w, *e;
  double *b, *f; /* [size] */
  int n, room;
  int n_cols, *cols; /* the atoms in it, rising */
} Form;

typedef struct {
  const Bounds *b; /* one box; borrowed, and its net */
  const Net *old;
  Form *form;   /* Form form[n_nodes]; set by the owner, node by node */
  int *first;   /* int first[n_nodes + 1] */
  int *owner;   /* int owner[atoms]: its node */
  double *most; /* double most[atoms]: the largest magnitude on the box */
  /* private: the row in work */
  double *w, *e; /* double w[atoms], e[atoms] */
  bool *marked;
  int *touched, n_touched;
  double bias, bias_err;
} Forms;

Forms *form_table_new(const Bounds *b);
void form_table_free(Forms *x);

static inline bool form_is_root(const Forms *x, int k)
{
  return !x->form[k].start;
}

/* Whether node k can have a form of moderate size: a convolution only where it depends
 * on few atoms. */
bool form_may_be(const Forms *x, int k);

/* The form of node k over the atoms of those before it; form_drop frees it.  False
 * where it is no use: too large, not finite, or sum_j e_ij max |x_j| is not. */
bool form_make(Forms *x, int k, Form *form);
void form_drop(Form *form);

/* *sum += c w, and to *err what that may be wrong by over all c (1 +- rel) and w +- e.
 */
void form_add(double *sum, double *err, double c, double rel, double w, double e);

/* Intervals of `net`, the same function as b's on box 0, where node now[k] computes
 * what node k of b computes (-1: none): what is proven about the old nodes holds for
 * them. */
Bounds *form_carry_over(const Bounds *b, const Net *net, const int *now);

/* Whether a convolution of n atoms is better written as a dense node: one product with
 * a thin matrix takes longer for a multiplication than many small ones. */
bool form_conv_pays(const Node *v, double n);

/* Multiplications of a linear node as it is. */
double form_operations(const Node *v);

#endif
