/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/literal.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/exact.h"

/* A coefficient known worse than this is the rest of a cancellation. */
#define MAX_COEF_REL 0x1p-30

void literal_free(Literals *store)
{
  mem_free(store->lit);
  mem_free(store->y);
  mem_free(store->coef);
  mem_free(store->known);
  *store = (Literals){0};
}

static int push(Literals *store, const Literal *literal)
{
  STATUS_REQUIRE(store->n < INT_MAX / 2, "too many literals");
  if (store->n == store->room) {
    store->room = store->room ? store->room * 2 : 256;
    store->lit = mem_grow(store->lit, (size_t)store->room, sizeof *store->lit);
  }
  store->lit[store->n] = *literal;
  return store->n++;
}

static void push_coef(Literals *store, int y, double coef)
{
  if (store->n_coefs == store->coefs_room) {
    store->coefs_room = store->coefs_room ? store->coefs_room * 2 : 256;
    store->y = mem_grow(store->y, store->coefs_room, sizeof *store->y);
    store->coef = mem_grow(store->coef, store->coefs_room, sizeof *store->coef);
  }
  store->y[store->n_coefs] = y;
  store->coef[store->n_coefs++] = coef;
}

/* A variable for a message. */
static const char *name_of(const Term *t, int var, char name[SCOPE_NAME])
{
  const Scope *const scope = t->scope;
  const int j = var - t->n_in;
  if (j < 0) return scope_input_name(scope, var, name);
  if (j < scope->n_out) return scope_output_name(scope, j, name);
  snprintf(name, SCOPE_NAME, "a product");
  return name;
}

Status literal_read(Comparison *c, Sexpr *s, Err *err)
{
  Ival left, right;
  term_clear(c->term);
  Status rc = term_read(c->term, s, sexpr_next(s), &left, &c->left, err);
  if (rc) return rc;
  const int n_left = c->term->n;
  rc = term_read(c->term, s, sexpr_next(s), &right, &c->right, err);
  if (rc) return rc;
  term_negate(c->term, n_left);
  c->is_bare = (c->left.kind == SEXPR_ATOM || (left.lo == 0 && left.hi == 0)) &&
               (c->right.kind == SEXPR_ATOM || (right.lo == 0 && right.hi == 0));
  c->rhs = ival_add(right, ival_neg(left));
  rc = sexpr_need(s, SEXPR_CLOSE, "\")\" after the two terms of a comparison", err);
  if (rc) return rc;
  int var = 0;
  char name[SCOPE_NAME];
  if (!term_merge(c->term, &var))
    return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                      "the coefficient of %s is too large, too small or cancels "
                      "inexactly; simplify the comparison",
                      name_of(c->term, var, name));
  if (!ival_finite(c->rhs))
    return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                      "the constants of the comparison exceed the largest double");
  if (c->term->tensor < 0)
    return scope_lax(c->term->scope, s, c->line, c->column, LAX_CONSTANT,
                     "VNN-LIB 2 has no type for a comparison without variables", err);
  return STATUS_OK;
}

/* No variables: is  left <= right  (or the like) true? */
static Status decide(const Sexpr *s, const Comparison *c, bool greater, bool strict,
                     int *id, Err *err)
{
  int order = 0; /* of right against left */
  if (c->rhs.lo > 0 || c->rhs.hi < 0)
    order = c->rhs.lo > 0 ? 1 : -1;
  else if (c->rhs.lo == 0 && c->rhs.hi == 0)
    order = 0;
  else if (c->left.kind != SEXPR_ATOM || c->right.kind != SEXPR_ATOM ||
           !exact_compare(c->right.text, c->right.n, c->left.text, c->left.n, &order))
    return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                      "cannot decide this comparison of constants exactly; write its "
                      "sides as plain numbers");
  if (greater) order = -order;
  *id = order > 0 || (order == 0 && !strict) ? LITERAL_TRUE : LITERAL_FALSE;
  return STATUS_OK;
}

/* A bound whose value is one of the decimals as written: the variable alone, with
 * factor 1, on the side opposite to the number. */
static const SexprToken *bound_number(const Comparison *c, Ival coef)
{
  if (!c->is_bare) return NULL;
  if (c->right.kind == SEXPR_ATOM && coef.lo == 1 && coef.hi == 1) return &c->right;
  if (c->left.kind == SEXPR_ATOM && coef.lo == -1 && coef.hi == -1) return &c->left;
  return NULL;
}

/* coef * X_var <= rhs, where an input stands alone. */
static Status add_bound(Literals *store, const Sexpr *s, const Comparison *c,
                        bool greater, Literal *l, int *id, Err *err)
{
  const TermPart *const part = &c->term->part[0];
  const SexprToken *const number = bound_number(c, part->coef);
  l->var = part->var;
  l->is_lower = greater != (part->coef.hi < 0);
  if (number) {
    l->value = number == &c->right ? c->rhs : ival_neg(c->rhs);
    l->number_at = (int)(number->text - s->text);
    l->number_n = number->n;
  } else {
    l->value = ival_div(c->rhs, part->coef);
  }
  if (!ival_finite(l->value))
    return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                      "the bound exceeds the largest double");
  *id = push(store, l);
  return STATUS_OK;
}

/* The double for an interval that does not contain 0, and how far off it may be. */
static double centre(Ival a, double *rel)
{
  const double c = a.lo + (a.hi - a.lo) / 2;
  const double off = fmax(round_add_up(a.hi, -c), round_add_up(c, -a.lo));
  *rel = off > 0 ? round_up(off / fabs(c)) : 0;
  return c;
}

static Status add_row(Literals *store, const Sexpr *s, const Comparison *c,
                      bool greater, Literal *l, int *id, Err *err)
{
  const Term *const t = c->term;
  l->var = -1;
  l->value = greater ? ival_neg(c->rhs) : c->rhs;
  l->n = t->n;
  l->first = store->n_coefs;
  for (int p = 0; p < t->n; p++) {
    double rel;
    const double coef = centre(t->part[p].coef, &rel);
    char name[SCOPE_NAME];
    if (!(rel <= MAX_COEF_REL) || !isfinite(coef) || coef == 0)
      return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                        "the coefficient of %s cancels almost completely or is too "
                        "small; simplify the comparison",
                        name_of(t, t->part[p].var, name));
    l->coef_rel = fmax(l->coef_rel, rel);
    push_coef(store, t->part[p].var - t->n_in, greater ? -coef : coef);
  }
  *id = push(store, l);
  return STATUS_OK;
}

Status literal_add(Literals *store, const Sexpr *s, const Comparison *c, bool greater,
                   bool strict, int *id, Err *err)
{
  const Term *const t = c->term;
  Literal l = {.line = c->line, .column = c->column, .strict = strict};
  if (t->n == 0) return decide(s, c, greater, strict, id, err);
  const bool some_input = t->part[0].var < t->n_in;
  const bool some_output = t->part[t->n - 1].var >= t->n_in;
  if (t->extend && some_input && t->n > 1) {
    if (!term_copy_inputs(c->term))
      return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                        "more than %d inputs and products in comparisons",
                        EXTEND_MAX_ITEMS);
    return add_row(store, s, c, greater, &l, id, err);
  }
  if (some_input && some_output)
    return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                      "a comparison of inputs with outputs; supported are bounds on "
                      "one X_i and linear comparisons of Y_j");
  if (!some_input) return add_row(store, s, c, greater, &l, id, err);
  if (t->n > 1)
    return sexpr_fail(s, c->line, c->column, err, STATUS_UNSUPPORTED,
                      "a comparison of several inputs; supported are bounds on one "
                      "X_i and linear comparisons of Y_j");
  return add_bound(store, s, c, greater, &l, id, err);
}

/* Where the order of two literals is remembered, perhaps that of others now. */
static LiteralOrder *slot(Literals *store, int a, int b)
{
  if (!store->known) store->known = mem_zero(LITERAL_N_ORDERS, sizeof *store->known);
  return &store->known[((unsigned)a * 40503u + (unsigned)b) % LITERAL_N_ORDERS];
}

/* exact_compare of the numbers in the text of two literals. */
static bool compare_text(Literals *store, int a, int b, int *order)
{
  const Literal *const p = &store->lit[a], *const q = &store->lit[b];
  const char *const at_p = store->text + p->number_at;
  const char *const at_q = store->text + q->number_at;
  if (a == b || p->number_n + q->number_n < 100)
    return exact_compare(at_p, p->number_n, at_q, q->number_n, order);
  LiteralOrder *const known = slot(store, a, b);
  if (known->a != a || known->b != b) {
    known->a = a;
    known->b = b;
    known->is_known =
        exact_compare(at_p, p->number_n, at_q, q->number_n, &known->order);
  }
  *order = known->order;
  return known->is_known;
}

bool literal_order(Literals *store, int a, int b, int *order)
{
  const Literal *const p = &store->lit[a], *const q = &store->lit[b];
  if (p->value.hi < q->value.lo || p->value.lo > q->value.hi) {
    *order = p->value.hi < q->value.lo ? -1 : 1;
    return true;
  }
  if (p->number_n && q->number_n) return compare_text(store, a, b, order);
  *order = 0;
  return p->value.lo == p->value.hi && q->value.lo == q->value.hi;
}

PropRow literal_row(const Literals *store, int id)
{
  const Literal *const l = &store->lit[id];
  PropRow row = {.n = l->n,
                 .coef_rel = l->coef_rel,
                 .rhs_lo = l->value.lo,
                 .rhs_hi = l->value.hi,
                 .strict = l->strict,
                 .line = l->line};
  const size_t n = (size_t)l->n;
  row.var = mem_array(n, sizeof *row.var);
  row.coef = mem_array(n, sizeof *row.coef);
  memcpy(row.var, store->y + l->first, n * sizeof *row.var);
  memcpy(row.coef, store->coef + l->first, n * sizeof *row.coef);
  return row;
}
