/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/literal.h -- a comparison of VNN-LIB in normal form.
 *
 *     bound   X_var >= value   or   X_var <= value             (> and < if strict)
 *     row     sum_p coef[p] Y_var[p] <= value                  (<)
 *
 * value lies in [value.lo, value.hi].  Comparisons of constants are decided
 * exactly.  Y are the outputs with those of specs/extend.h: inputs in a row, and
 * products, are among these.  Without a Term.extend such comparisons are refused.
 */
#ifndef SPECS_LITERAL_H
#define SPECS_LITERAL_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/status.h"
#include "specs/ival.h"
#include "specs/prop.h"
#include "specs/sexpr.h"
#include "specs/term.h"

/* What a comparison can be instead of an index into lit. */
#define LITERAL_TRUE  (-1)
#define LITERAL_FALSE (-2)

typedef struct {
  Ival value;
  int line, column; /* of the comparison's "(" */
  int var;          /* bound: the input; row: -1 */
  bool is_lower;    /* bound */
  bool strict;
  int number_at, number_n; /* bound: the decimal in the text that is exactly `value`;
                            * number_n = 0 when it was computed */
  int n;                   /* row: number of coefficients */
  size_t first;            /* row: they are y[first..] and coef[first..] */
  double coef_rel;         /* row: see PropRow */
} Literal;

/* Comparing two decimals takes as long as they are, and products of disjunctions
 * compare the same two again and again. */
typedef struct {
  int a, b; /* 0, 0: free; a literal is not compared with itself */
  int order;
  bool is_known; /* what exact_compare returned */
} LiteralOrder;

#define LITERAL_N_ORDERS (1 << 16)

typedef struct {
  const char *text; /* borrowed: the specification */
  Literal *lit;     /* owned; Literal lit[n] */
  int n, room;
  int *y; /* owned; int y[n_coefs], double coef[n_coefs] */
  double *coef;
  size_t n_coefs, coefs_room;
  LiteralOrder *known; /* owned; LiteralOrder known[LITERAL_N_ORDERS], or NULL */
} Literals;

void literal_free(Literals *store);

/* The two sides of a comparison: `term` is left minus right with its constant
 * left out, which is in `rhs` as right minus left. */
typedef struct {
  Term *term;
  Ival rhs;
  SexprToken left, right; /* the numbers, when a side is one; else SEXPR_END */
  bool is_bare;           /* a side without a number has the constant 0 */
  int line, column;
} Comparison;

/* Read "term term )" after "(op".  Fails like term_read. */
Status literal_read(Comparison *c, Sexpr *s, Err *err);

/* Store  left <= right  (left >= right when `greater`; < and > when strict).
 * *id is an index or one of the two constants above.  May be called several
 * times for one comparison.  Fails DATA and UNSUPPORTED. */
Status literal_add(Literals *store, const Sexpr *s, const Comparison *c, bool greater,
                   bool strict, int *id, Err *err);

/* Order of two bounds on one variable: *order = -1, 0, 1.  False: not known. */
bool literal_order(Literals *store, int a, int b, int *order);

/* A PropRow with its own copies of the coefficients. */
PropRow literal_row(const Literals *store, int id);

#endif
