/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/quad.h -- a sum of products as a sum of squares.
 *
 * A row of a linear node over products x_m y_m whose factors are linear in atoms v
 * (bounds/form.h) is
 *
 *     v' Q v + w . v + b  =  sum_k c_k (l_k . v)^2 + w . v + b + v' R v        (1)
 *
 * c_k = +1 or -1, l_k the eigenvectors of Q in the units in which the v move
 * (bounds/follow.h), and R what rounding left of Q.  The l_k are numbers that were
 * chosen, exact as they stand.  Everything else is computed with its errors: Q_ij and
 * w_j like the numbers of a form, and |v' R v| <= sum |R_ij| max |v_i| max |v_j| is an
 * error of b.
 */
#ifndef BOUNDS_QUAD_H
#define BOUNDS_QUAD_H

#include "bounds/follow.h"
#include "bounds/form.h"

typedef struct {
  int node, row;
  int n, *var;   /* int var[n]: the atoms v, the inputs first */
  double *Q, *R; /* double Q[n][n], upper triangle: the coefficient of v_i v_j for
                  * i <= j, and what it may be wrong by */
  double *w, *e; /* double w[atoms], e[atoms]: the linear part, |true w - w| <= e */
  double b, f;   /* and the bias, with all of R */
  int n_squares;
  double *l;           /* double l[n_squares][n] */
  int *c;              /* int c[n_squares] */
  double planes;       /* what McCormick's planes lose of the products, and */
  double below, above; /* chords of the squares with c = -1 and +1, in a small part of
                        * the box, in units of the square of its size, about */
} Quad;

/* Whether an atom is a product. */
bool quad_is_product(const Forms *x, int atom);

/* Row `row` of node `node`, which has form `form`; the factors of its products have
 * theirs in x or are roots.  False where (1) is no use: more than `most` variables, or
 * not finite, or R not small.  quad_drop frees it in any case. */
bool quad_make(const Forms *x, const Follow *f, int node, const Form *form, int row,
               int most, Quad *q);
void quad_drop(Quad *q);

#endif
