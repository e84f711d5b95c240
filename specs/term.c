/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/term.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/mem.h"

/* One open "(op": its operands so far, folded. */
struct TermFrame {
  char op; /* '+', '-' or '*' */
  int n_args;
  int first;      /* its parts are part[first..n-1] */
  bool is_linear; /* '*': one factor has variables */
  Ival constant;  /* '+', '-': sum so far; '*': constant of the linear factor */
  Ival factor;    /* '*': product of the constant factors */
  int line, column;
};

void term_clear(Term *t)
{
  t->n = t->n_products = 0;
  t->tensor = -1;
}

void term_free(Term *t)
{
  mem_free(t->part);
  mem_free(t->frame);
  t->part = NULL;
  t->frame = NULL;
  t->n = t->room = 0;
}

bool term_variable(const SexprToken *token, char *letter, int *index)
{
  const char *const s = token->text;
  if (token->kind != SEXPR_ATOM || token->n < 3 || token->n > 11) return false;
  if ((s[0] != 'X' && s[0] != 'Y') || s[1] != '_') return false;
  if (s[2] == '0' && token->n > 3) return false;
  int value = 0;
  for (int i = 2; i < token->n; i++) {
    if (s[i] < '0' || s[i] > '9') return false;
    value = value * 10 + (s[i] - '0');
  }
  *letter = s[0];
  *index = value;
  return true;
}

static void add_part(Term *t, int var, Ival coef)
{
  STATUS_REQUIRE(t->n < INT_MAX / 2, "too many parts");
  if (t->n == t->room) {
    t->room = t->room ? t->room * 2 : 16;
    t->part = mem_grow(t->part, (size_t)t->room, sizeof *t->part);
  }
  t->part[t->n++] = (TermPart){var, coef};
}

void term_negate(Term *t, int from)
{
  for (int p = from; p < t->n; p++)
    t->part[p].coef = ival_neg(t->part[p].coef);
}

/* The standard's numbers are -1.5 and, for tensors of integers, -1. */
static Status check_number(Term *t, const Sexpr *s, const SexprToken *token, Err *err)
{
  const char *const text = token->text;
  int at = *text == '-', digits = 0, dots = 0;
  bool plain = at < token->n && text[at] != '.' && text[token->n - 1] != '.';
  for (; at < token->n; at++) {
    dots += text[at] == '.';
    digits += text[at] >= '0' && text[at] <= '9';
    plain = plain && (text[at] == '.' || (text[at] >= '0' && text[at] <= '9'));
  }
  if (!plain || !digits || dots > 1)
    return scope_lax(t->scope, s, token->line, token->column, LAX_NUMBER,
                     "VNN-LIB 2 writes numbers as -12.5, without sign +, exponent, or "
                     "dot at an end",
                     err);
  if (dots) return STATUS_OK;
  return scope_lax(
      t->scope, s, token->line, token->column, LAX_INTEGER,
      "VNN-LIB 2 writes constants of real and floating types with a decimal "
      "point, 1.0",
      err);
}

/* All variables of a comparison have one type. */
static Status check_type(Term *t, const Sexpr *s, const SexprToken *token, int tensor,
                         Err *err)
{
  if (tensor < 0) return STATUS_OK;
  if (t->tensor < 0) t->tensor = tensor;
  const ScopeTensor *const a = &t->scope->tensor[t->tensor];
  const ScopeTensor *const b = &t->scope->tensor[tensor];
  if (a == b || !strcmp(a->type, b->type)) return STATUS_OK;
  if (scope_type_is_real(a->type) && scope_type_is_real(b->type)) return STATUS_OK;
  return scope_lax(t->scope, s, token->line, token->column, LAX_MIXED,
                   "VNN-LIB 2 compares variables of one type only", err);
}

static Status read_atom(Term *t, Sexpr *s, const SexprToken *token, Ival *constant,
                        SexprToken *number, Err *err)
{
  Decimal value;
  *number = (SexprToken){.kind = SEXPR_END};
  if (decimal_parse(token->text, (size_t)token->n, &value)) {
    *constant = (Ival){value.lo, value.hi};
    *number = *token;
    return t->scope->version == 1 ? STATUS_OK : check_number(t, s, token, err);
  }
  int var, tensor;
  Status rc = scope_variable(t->scope, s, token, &var, &tensor, err);
  if (!rc) rc = check_type(t, s, token, tensor, err);
  if (rc) return rc;
  *constant = (Ival){0, 0};
  add_part(t, var, (Ival){1, 1});
  return STATUS_OK;
}

static Status open_frame(Term *t, Sexpr *s, const SexprToken *paren, Err *err)
{
  if (t->depth == TERM_MAX_DEPTH)
    return sexpr_fail(s, paren->line, paren->column, err, STATUS_UNSUPPORTED,
                      "terms are nested deeper than %d; write the sum without inner "
                      "parentheses",
                      TERM_MAX_DEPTH);
  const SexprToken op = sexpr_next(s);
  if (!sexpr_is(&op, "+") && !sexpr_is(&op, "-") && !sexpr_is(&op, "*"))
    return sexpr_expected(s, &op, "the operator +, - or * of a term", err);
  if (!t->frame) t->frame = mem_array(TERM_MAX_DEPTH, sizeof *t->frame);
  t->frame[t->depth++] = (TermFrame){.op = *op.text,
                                     .first = t->n,
                                     .factor = {1, 1},
                                     .line = paren->line,
                                     .column = paren->column};
  return STATUS_OK;
}

/* Frame f holds the parts part[f->first..first-1] and a constant; the operand
 * part[first..n-1] and `constant`.  Both are replaced by their product. */
static Status multiply(Term *t, const Sexpr *s, TermFrame *f, int first, Ival constant,
                       Err *err)
{
  if (!t->extend)
    return sexpr_fail(s, f->line, f->column, err, STATUS_UNSUPPORTED,
                      "a product of two variables; supported are linear terms");
  const int a = f->first, b = first, end = t->n;
  const long long n = (long long)(b - a + 1) * (end - b + 1) + t->n_products;
  if (n > TERM_MAX_PRODUCTS)
    return sexpr_fail(s, f->line, f->column, err, STATUS_UNSUPPORTED,
                      "the products of this comparison have more than %d parts",
                      TERM_MAX_PRODUCTS);
  t->n_products = (int)n;
  for (int p = a; p < b; p++)
    for (int q = b; q < end; q++) {
      const int var = extend_product(t->extend, t->part[p].var, t->part[q].var);
      if (var < 0)
        return sexpr_fail(s, f->line, f->column, err, STATUS_UNSUPPORTED,
                          "a product of degree above %d, or more than %d products",
                          EXTEND_MAX_DEGREE, EXTEND_MAX_ITEMS);
      add_part(t, var, ival_mul(t->part[p].coef, t->part[q].coef));
    }
  for (int p = a; p < end; p++) {
    const Ival factor = p < b ? constant : f->constant;
    if (factor.lo != 0 || factor.hi != 0)
      add_part(t, t->part[p].var, ival_mul(t->part[p].coef, factor));
  }
  f->constant = ival_mul(f->constant, constant);
  memmove(t->part + a, t->part + end, (size_t)(t->n - end) * sizeof *t->part);
  t->n -= end - a;
  return STATUS_OK;
}

/* An operand with that constant and the parts part[first..n-1] is complete. */
static Status take_operand(Term *t, const Sexpr *s, int first, Ival constant, Err *err)
{
  TermFrame *f = &t->frame[t->depth - 1];
  f->n_args++;
  if (f->op == '+' || (f->op == '-' && f->n_args == 1)) {
    f->constant = ival_add(f->constant, constant);
  } else if (f->op == '-') {
    term_negate(t, first);
    f->constant = ival_add(f->constant, ival_neg(constant));
  } else if (first == t->n) {
    f->factor = ival_mul(f->factor, constant);
  } else if (f->is_linear) {
    return multiply(t, s, f, first, constant, err);
  } else {
    f->is_linear = true;
    f->constant = constant;
  }
  return STATUS_OK;
}

static Status close_frame(Term *t, const Sexpr *s, const SexprToken *paren, int *first,
                          Ival *constant, Err *err)
{
  const TermFrame *f = &t->frame[--t->depth];
  if (f->n_args == 0) return sexpr_expected(s, paren, "a term as operand", err);
  *first = f->first;
  *constant = f->constant;
  if (f->op == '-' && f->n_args == 1) {
    term_negate(t, f->first);
    *constant = ival_neg(*constant);
  } else if (f->op == '*' && f->is_linear) {
    for (int p = f->first; p < t->n; p++)
      t->part[p].coef = ival_mul(t->part[p].coef, f->factor);
    *constant = ival_mul(*constant, f->factor);
  } else if (f->op == '*') {
    *constant = f->factor;
  }
  return STATUS_OK;
}

Status term_read(Term *t, Sexpr *s, SexprToken first, Ival *constant,
                 SexprToken *number, Err *err)
{
  t->depth = 0;
  for (SexprToken token = first;; token = sexpr_next(s)) {
    int start = t->n;
    Status rc = STATUS_OK;
    *number = (SexprToken){.kind = SEXPR_END};
    if (token.kind == SEXPR_OPEN) {
      rc = open_frame(t, s, &token, err);
      if (rc) return rc;
      continue;
    }
    if (token.kind == SEXPR_ATOM)
      rc = read_atom(t, s, &token, constant, number, err);
    else if (token.kind == SEXPR_CLOSE && t->depth)
      rc = close_frame(t, s, &token, &start, constant, err);
    else
      rc = sexpr_expected(s, &token, "a term", err);
    if (!rc && t->depth == 0) return STATUS_OK;
    if (!rc) rc = take_operand(t, s, start, *constant, err);
    if (rc) return rc;
  }
}

static int by_variable(const void *a, const void *b)
{
  const TermPart *p = a, *q = b;
  return (p->var > q->var) - (p->var < q->var);
}

bool term_copy_inputs(Term *t)
{
  for (int p = 0; p < t->n; p++) {
    if (t->part[p].var >= t->n_in) continue;
    t->part[p].var = extend_copy(t->extend, t->part[p].var);
    if (t->part[p].var < 0) return false;
  }
  qsort(t->part, (size_t)t->n, sizeof *t->part, by_variable);
  return true;
}

static bool has_sign(Ival a)
{
  return ival_finite(a) && (a.lo > 0 || a.hi < 0 || (a.lo == 0 && a.hi == 0));
}

bool term_merge(Term *t, int *var)
{
  if (t->n > 1) qsort(t->part, (size_t)t->n, sizeof *t->part, by_variable);
  int kept = 0;
  for (int p = 0; p < t->n;) {
    TermPart sum = t->part[p++];
    for (; p < t->n && t->part[p].var == sum.var; p++)
      sum.coef = ival_add(sum.coef, t->part[p].coef);
    *var = sum.var;
    if (!has_sign(sum.coef)) return false;
    if (sum.coef.lo != 0) t->part[kept++] = sum;
  }
  t->n = kept;
  return true;
}
