/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/vnnlib.h"

#include <string.h>

#include "net/base/mem.h"
#include "specs/formula.h"
#include "specs/term.h"

/* The variables of one letter that have been declared. */
typedef struct {
  char letter;
  int size; /* what the network has */
  unsigned char *seen;
  int *line, *column; /* int [size]: where they are declared */
  int n;              /* how many */
} Names;

typedef struct {
  Sexpr s;
  Names x, y;
  Formula formula;
  bool has_assert;
  Err *err;
} Parser;

static Status fail_at(const Parser *p, const SexprToken *t, Status code,
                      const char *text)
{
  return sexpr_fail(&p->s, t->line, t->column, p->err, code, "%s", text);
}

/* ---- declarations -------------------------------------------------------- */

static void names_init(Names *names, char letter, int size)
{
  *names = (Names){.letter = letter, .size = size};
  names->seen = mem_zero((size_t)size, sizeof *names->seen);
  names->line = mem_zero((size_t)size, sizeof *names->line);
  names->column = mem_zero((size_t)size, sizeof *names->column);
}

static void names_free(Names *names)
{
  mem_free(names->seen);
  mem_free(names->line);
  mem_free(names->column);
}

/* More variables than the network has: count the rest for the message. */
static Status too_many(Parser *p, const SexprToken *name, const Names *names)
{
  long n = names->n;
  SexprToken variable = *name, word;
  char letter;
  int index;
  do {
    n += term_variable(&variable, &letter, &index) && letter == names->letter;
    sexpr_next(&p->s); /* the type */
    sexpr_next(&p->s);
    sexpr_next(&p->s);
    word = sexpr_next(&p->s);
    variable = sexpr_next(&p->s);
  } while (sexpr_is(&word, "declare-const"));
  char shown[SEXPR_SHOW];
  return sexpr_fail(&p->s, name->line, name->column, p->err, STATUS_DATA,
                    "%s: %ld %s are declared, but the network has %d (%c_0 to %c_%d)",
                    sexpr_show(name, shown), n,
                    names->letter == 'X' ? "inputs" : "outputs", names->size,
                    names->letter, names->letter, names->size - 1);
}

static Status declare(Parser *p, const SexprToken *name)
{
  char letter, shown[SEXPR_SHOW];
  int index;
  if (!term_variable(name, &letter, &index))
    return sexpr_expected(&p->s, name, "a variable X_<i> or Y_<j>", p->err);
  if (p->has_assert)
    return fail_at(p, name, STATUS_DATA,
                   "a declaration after an assert; declare all variables first");
  Names *const names = letter == 'X' ? &p->x : &p->y;
  if (index >= names->size) return too_many(p, name, names);
  if (names->seen[index])
    return sexpr_fail(&p->s, name->line, name->column, p->err, STATUS_DATA,
                      "%s is declared twice, first on line %d", sexpr_show(name, shown),
                      names->line[index]);
  names->seen[index] = 1;
  names->line[index] = name->line;
  names->column[index] = name->column;
  names->n++;
  return STATUS_OK;
}

static Status read_declaration(Parser *p)
{
  const SexprToken name = sexpr_next(&p->s);
  Status rc = declare(p, &name);
  if (rc) return rc;
  const SexprToken type = sexpr_next(&p->s);
  if (!sexpr_is(&type, "Real") && !sexpr_is(&type, "real"))
    return sexpr_expected(&p->s, &type, "the type Real", p->err);
  return sexpr_need(&p->s, SEXPR_CLOSE, "\")\" after the type", p->err);
}

/* All variables must be known before the first assert and at the end. */
static Status check_counts(const Parser *p, const SexprToken *place)
{
  const Names *const both[2] = {&p->x, &p->y};
  for (int k = 0; k < 2; k++) {
    const Names *const names = both[k];
    if (names->n == names->size) continue;
    int missing = 0;
    while (names->seen[missing])
      missing++;
    return sexpr_fail(&p->s, place->line, place->column, p->err, STATUS_DATA,
                      "%d %s (%c_) are declared so far, but the network has %d; %c_%d "
                      "is missing",
                      names->n, k ? "outputs" : "inputs", names->letter, names->size,
                      names->letter, missing);
  }
  return STATUS_OK;
}

/* ---- commands ------------------------------------------------------------ */

static Status read_command(Parser *p, const SexprToken *paren)
{
  const SexprToken word = sexpr_next(&p->s);
  if (sexpr_is(&word, "declare-const")) return read_declaration(p);
  if (sexpr_is(&word, "assert")) {
    const Status rc = p->has_assert ? STATUS_OK : check_counts(p, paren);
    p->has_assert = true;
    return rc ? rc : formula_assert(&p->formula);
  }
  if (sexpr_is(&word, "vnnlib-version") || sexpr_is(&word, "declare-network"))
    return fail_at(p, &word, STATUS_UNSUPPORTED,
                   "a command of VNN-LIB 2, but the file does not start with "
                   "(vnnlib-version <2.0>)");
  return sexpr_expected(&p->s, &word, "the command declare-const or assert", p->err);
}

static Status read_file(Parser *p)
{
  for (;;) {
    const SexprToken token = sexpr_next(&p->s);
    if (token.kind == SEXPR_END)
      return p->has_assert ? STATUS_OK : check_counts(p, &token);
    if (token.kind != SEXPR_OPEN)
      return sexpr_expected(&p->s, &token, "\"(\" of the next command", p->err);
    const Status rc = read_command(p, &token);
    if (rc) return rc;
  }
}

/* Once through the text. */
static Status read_once(const Sexpr *start, Scope *scope, Extend *extend, Prop *prop,
                        Err *err)
{
  Parser p = {.s = *start, .err = err};
  names_init(&p.x, 'X', scope->n_in);
  names_init(&p.y, 'Y', scope->n_out);
  formula_init(&p.formula, &p.s, scope, extend, err);
  Status rc = read_file(&p);
  mem_free(scope->line);
  mem_free(scope->column);
  scope->line = p.x.line;
  scope->column = p.x.column;
  p.x.line = p.x.column = NULL;
  names_free(&p.x);
  names_free(&p.y);
  if (!rc && !scope_merge(scope)) rc = formula_build(&p.formula, prop);
  formula_reset(&p.formula);
  return rc;
}

Prop *vnnlib_read(const Sexpr *start, Scope *scope, Extend *extend, Err *err)
{
  for (;;) {
    const int n_free = scope->n_free;
    if (extend) {
      extend_reset(extend);
      extend_init(extend, n_free, scope->n_out);
    }
    Prop *prop = prop_new(start->path, n_free, scope->n_out);
    const Status rc = read_once(start, scope, extend, prop, err);
    if (!rc && scope->n_free == n_free) return prop;
    prop_free(prop);
    if (rc) return NULL;
  }
}

Prop *vnnlib_parse(const char *path, const char *text, size_t size, int n_in, int n_out,
                   Err *err)
{
  Sexpr s;
  if (sexpr_init(&s, path, text, size, err)) return NULL;
  Scope scope;
  scope_init_v1(&scope, n_in, n_out);
  Prop *prop = vnnlib_read(&s, &scope, NULL, err);
  scope_free_all(&scope);
  return prop;
}
