/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/formula.h -- the asserts of VNN-LIB, both versions.
 *
 *     bool  ::= "(" ("and" | "or") bool* ")" | "(" "not" bool ")"
 *             | "(" ("<=" | ">=" | "<" | ">" | "=" | "==" | "!=") term term ")"
 *     term  see specs/term.h
 *
 * Equality is two rows, inequality an or of two strict ones.  Reading is linear in the
 * text, plus the size of the result; nothing recurses.
 */
#ifndef SPECS_FORMULA_H
#define SPECS_FORMULA_H

#include <stdbool.h>

#include "net/base/status.h"
#include "specs/dnf.h"
#include "specs/extend.h"
#include "specs/literal.h"
#include "specs/prop.h"
#include "specs/scope.h"
#include "specs/sexpr.h"
#include "specs/term.h"

/* and, or and not may be nested this deep. */
#define FORMULA_MAX_DEPTH 1000000

/* An open and, or, not. */
typedef struct {
  enum { GROUP_AND, GROUP_OR, GROUP_NOT } kind;
  bool negate;      /* its operands are meant negated */
  bool has_operand; /* one formula of it has been read */
  int line, column;
} FormulaGroup;

typedef struct {
  Sexpr *s; /* borrowed, like scope and err */
  Scope *scope;
  Term term;
  Literals lits;
  Dnf dnf;
  FormulaGroup *group;
  int depth, groups_room;
  int n_ors; /* open groups that are no and */
  Err *err;
} Formula;

/* Without `extend`, what is no bound of an input and no linear row of outputs is
 * refused; with it, inputs that the asserts equate are noted in the scope
 * (scope_merge). */
void formula_init(Formula *f, Sexpr *s, Scope *scope, Extend *extend, Err *err);
void formula_reset(Formula *f);

/* Read one formula and the ")" behind it, after "(assert".  Fails DATA, UNSUPPORTED. */
Status formula_assert(Formula *f);

/* Fill boxes and cases, and finish the Prop: specs/cases.h. */
Status formula_build(Formula *f, Prop *prop);

#endif
