/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/term.h -- a term of VNN-LIB as a linear one, read without recursion.
 *
 *     term  ::= NUM | VAR | "(" ("+"|"*") term+ ")" | "(" "-" term+ ")"
 *     value  =  constant + sum_p part[p].coef * variable part[p].var
 *
 * Variables are numbered 0..n_in-1 for the free inputs and n_in..n_in+n_out-1 for the
 * outputs of specs/scope.h; products of variables are further outputs, specs/extend.h.
 * Constants and coefficients are intervals around what the decimals mean.  A
 * variable may occur in several parts until term_merge.
 */
#ifndef SPECS_TERM_H
#define SPECS_TERM_H

#include <stdbool.h>

#include "net/base/status.h"
#include "specs/extend.h"
#include "specs/ival.h"
#include "specs/scope.h"
#include "specs/sexpr.h"

/* Negating the operand of a minus costs its size at every level, so the nesting of
 * terms is bounded to keep reading linear. */
#define TERM_MAX_DEPTH 200

/* Parts of the products of one comparison, all together. */
#define TERM_MAX_PRODUCTS 100000

typedef struct {
  int var;
  Ival coef;
} TermPart;

typedef struct TermFrame TermFrame;

/* Scratch for one comparison after the other; start with {.scope, .extend, .n_in}. */
typedef struct {
  Scope *scope;   /* borrowed */
  Extend *extend; /* borrowed; NULL: products of variables are refused */
  int n_in;       /* scope->n_free */
  int tensor;     /* of the comparison: one of its variables; -1 */
  int n_products; /* and the parts of its products so far */
  TermPart *part; /* owned; TermPart part[n] */
  int n, room;
  TermFrame *frame; /* owned; the open parentheses while reading */
  int depth;
} Term;

void term_free(Term *t);

/* Forget the last comparison. */
void term_clear(Term *t);

/* Read one term whose first token is `first` and append its parts; *constant is
 * its constant.  *number is the token when the term is a single number, else
 * its kind is SEXPR_END.  Fails DATA; UNSUPPORTED for products that are too large. */
Status term_read(Term *t, Sexpr *s, SexprToken first, Ival *constant,
                 SexprToken *number, Err *err);

/* Change the sign of part[from..n-1]. */
void term_negate(Term *t, int from);

/* Inputs become the outputs that copy them; parts ascend afterwards.  False: too many.
 */
bool term_copy_inputs(Term *t);

/* Sort by variable, add up repeated variables, drop exact zeros.  A sum that is
 * not exact and whose enclosure contains 0, or is not finite, has no known sign:
 * the function returns false and sets *var to its variable. */
bool term_merge(Term *t, int *var);

/* The variable of a name "X_3" or "Y_0": *letter and *index.  False when the token
 * is no such name or the index has leading zeros or more than 9 digits. */
bool term_variable(const SexprToken *token, char *letter, int *index);

#endif
