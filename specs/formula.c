/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/formula.h"

#include <stdio.h>

#include "net/base/mem.h"
#include "specs/cases.h"

void formula_init(Formula *p, Sexpr *s, Scope *scope, Extend *extend, Err *err)
{
  *p = (Formula){.s = s, .scope = scope, .err = err};
  p->term = (Term){.scope = scope, .extend = extend, .n_in = scope->n_free};
  p->lits = (Literals){.text = s->text};
  dnf_init(&p->dnf);
}

void formula_reset(Formula *p)
{
  mem_free(p->group);
  term_free(&p->term);
  literal_free(&p->lits);
  dnf_free(&p->dnf);
}

static Status fail_at(const Formula *p, const SexprToken *t, Status code,
                      const char *text)
{
  return sexpr_fail(p->s, t->line, t->column, p->err, code, "%s", text);
}

static Status lax(Formula *p, const SexprToken *t, Lax kind, const char *text)
{
  return scope_lax(p->scope, p->s, t->line, t->column, kind, text, p->err);
}

/* ---- comparisons --------------------------------------------------------- */

typedef struct {
  const char *name;
  bool greater, strict, equal, unequal;
} Operator;

static const Operator operators[] = {
    {"<=", false, false, false, false}, {">=", true, false, false, false},
    {"<", false, true, false, false},   {">", true, true, false, false},
    {"=", false, false, true, false},   {"==", false, false, true, false},
    {"!=", false, false, true, true}};

static const Operator *find_operator(const SexprToken *token)
{
  for (size_t k = 0; k < sizeof operators / sizeof *operators; k++)
    if (sexpr_is(token, operators[k].name)) return &operators[k];
  return NULL;
}

static Status put_literal(Formula *p, const Comparison *c, bool greater, bool strict)
{
  int id;
  const Status rc = literal_add(&p->lits, p->s, c, greater, strict, &id, p->err);
  if (rc) return rc;
  if (id >= 0)
    dnf_literal(&p->dnf, id, c->line, c->column);
  else
    dnf_constant(&p->dnf, id == LITERAL_TRUE, c->line, c->column);
  return STATUS_OK;
}

/* Two inputs that every assert may take for one: X_f[0] == X_g[0]. */
static void note_equal(Formula *p, const Comparison *c)
{
  const Term *const t = c->term;
  if (!t->extend || p->n_ors || t->n != 2 || t->part[1].var >= t->n_in) return;
  const Ival a = t->part[0].coef, b = t->part[1].coef;
  if (a.lo == a.hi && b.lo == b.hi && (a.lo == 1 || a.lo == -1) && b.lo == -a.lo &&
      c->rhs.lo == 0 && c->rhs.hi == 0)
    scope_equate(p->scope, t->part[0].var, t->part[1].var);
}

/*  a = b        is  a <= b and a >= b;     not (a = b)  is  a < b or a > b;
 *  not (a <= b) is  a > b, and so on.                                          */
static Status read_comparison(Formula *p, const SexprToken *paren, const Operator *op,
                              bool negate)
{
  Comparison c = {.term = &p->term, .line = paren->line, .column = paren->column};
  Status rc = literal_read(&c, p->s, p->err);
  if (rc) return rc;
  if (!op->equal)
    return put_literal(p, &c, op->greater != negate, op->strict != negate);
  const bool differ = negate != op->unequal;
  if (!differ) note_equal(p, &c);
  dnf_open(&p->dnf, differ);
  rc = put_literal(p, &c, false, differ);
  if (!rc) rc = put_literal(p, &c, true, differ);
  /* Two literals never multiply. */
  if (!rc) STATUS_REQUIRE(dnf_close(&p->dnf, c.line, c.column), "cannot be too large");
  return rc;
}

/* ---- formulas ------------------------------------------------------------ */

static Status open_group(Formula *p, const SexprToken *paren, int kind, bool negate)
{
  if (p->depth == FORMULA_MAX_DEPTH)
    return sexpr_fail(p->s, paren->line, paren->column, p->err, STATUS_UNSUPPORTED,
                      "and, or and not are nested deeper than %d", FORMULA_MAX_DEPTH);
  if (p->depth == p->groups_room) {
    p->groups_room = p->groups_room ? p->groups_room * 2 : 64;
    p->group = mem_grow(p->group, (size_t)p->groups_room, sizeof *p->group);
  }
  FormulaGroup *const g = &p->group[p->depth++];
  *g = (FormulaGroup){.negate = negate, .line = paren->line, .column = paren->column};
  g->kind = kind == GROUP_AND ? GROUP_AND : kind == GROUP_OR ? GROUP_OR : GROUP_NOT;
  p->n_ors += g->kind != GROUP_AND;
  if (g->kind == GROUP_NOT)
    g->negate = !negate;
  else
    dnf_open(&p->dnf, (g->kind == GROUP_OR) != negate);
  return STATUS_OK;
}

static Status close_group(Formula *p, const SexprToken *paren)
{
  const FormulaGroup *const g = &p->group[--p->depth];
  p->n_ors -= g->kind != GROUP_AND;
  if (!g->has_operand && g->kind != GROUP_NOT) {
    const Status rc =
        lax(p, paren, LAX_EMPTY, "VNN-LIB 2 has no and or or without operands");
    if (rc) return rc;
  }
  if (g->kind == GROUP_NOT)
    return g->has_operand ? STATUS_OK
                          : sexpr_expected(p->s, paren, "a formula after not", p->err);
  if (dnf_close(&p->dnf, g->line, g->column)) return STATUS_OK;
  return sexpr_fail(p->s, g->line, g->column, p->err, STATUS_UNSUPPORTED,
                    "the disjunctions inside this group multiply to more than %d "
                    "literals; split the specification",
                    DNF_MAX_LITERALS);
}

/* The word after "(" is no operator of a formula: say what is probably meant. */
static Status bad_operator(const Formula *p, const SexprToken *word)
{
  char shown[SEXPR_SHOW], meant[3 * SEXPR_SHOW] = "(<= Y_0 Y_1)";
  if (!scope_is_variable(p->scope, word))
    return sexpr_expected(p->s, word,
                          "and, or, not, <=, >=, <, >, =, == or !=", p->err);
  const SexprToken op = sexpr_next(p->s), right = sexpr_next(p->s);
  if (find_operator(&op) && right.kind == SEXPR_ATOM && right.n < 40 && word->n < 40)
    snprintf(meant, sizeof meant, "(%.*s %.*s %.*s)", op.n, op.text, word->n,
             word->text, right.n, right.text);
  for (char *c = meant; *c; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  return sexpr_fail(p->s, word->line, word->column, p->err, STATUS_DATA,
                    "expected and, or, not or a comparison, found %s; the operator "
                    "comes first: %s",
                    sexpr_show(word, shown), meant);
}

static Status open_formula(Formula *p, const SexprToken *paren)
{
  FormulaGroup *const outer = p->depth ? &p->group[p->depth - 1] : NULL;
  const bool negate = outer && outer->negate;
  if (outer && outer->kind == GROUP_NOT && outer->has_operand)
    return fail_at(p, paren, STATUS_DATA, "expected \")\": not takes one formula");
  if (outer) outer->has_operand = true;
  const SexprToken word = sexpr_next(p->s);
  if (sexpr_is(&word, "and")) return open_group(p, paren, GROUP_AND, negate);
  if (sexpr_is(&word, "or")) return open_group(p, paren, GROUP_OR, negate);
  if (sexpr_is(&word, "not")) {
    const Status rc = lax(p, &word, LAX_NOT, "VNN-LIB 2 has no not");
    return rc ? rc : open_group(p, paren, GROUP_NOT, negate);
  }
  const Operator *const op = find_operator(&word);
  if (!op) return bad_operator(p, &word);
  if (word.n == 1 && op->equal) {
    const Status rc = lax(p, &word, LAX_EQUAL, "VNN-LIB 2 writes equality ==");
    if (rc) return rc;
  }
  return read_comparison(p, paren, op, negate);
}

static Status unclosed(const Formula *p, const SexprToken *end)
{
  const FormulaGroup *const g = &p->group[p->depth - 1];
  return sexpr_fail(p->s, end->line, end->column, p->err, STATUS_DATA,
                    "the file ends inside the \"(\" of line %d, column %d; a \")\" is "
                    "missing or the file is cut off",
                    g->line, g->column);
}

Status formula_assert(Formula *p)
{
  p->depth = p->n_ors = 0;
  do {
    const SexprToken token = sexpr_next(p->s);
    Status rc;
    if (token.kind == SEXPR_OPEN)
      rc = open_formula(p, &token);
    else if (token.kind == SEXPR_CLOSE && p->depth)
      rc = close_group(p, &token);
    else if (token.kind == SEXPR_END && p->depth)
      rc = unclosed(p, &token);
    else
      rc = sexpr_expected(p->s, &token, "a formula such as (<= X_0 1.5)", p->err);
    if (rc) return rc;
  } while (p->depth);
  return sexpr_need(p->s, SEXPR_CLOSE, "\")\" after the formula of an assert", p->err);
}

Status formula_build(Formula *p, Prop *prop)
{
  if (p->term.extend) prop->n_out = p->scope->n_out + p->term.extend->n;
  return cases_build(&p->dnf, &p->lits, p->s, p->scope, p->term.extend, prop, p->err);
}
