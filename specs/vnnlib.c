/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/vnnlib.h"

#include <string.h>

#include "net/base/mem.h"
#include "specs/cases.h"
#include "specs/dnf.h"
#include "specs/literal.h"
#include "specs/sexpr.h"
#include "specs/term.h"

/* The variables of one letter that have been declared. */
typedef struct {
  char letter;
  int size; /* what the network has */
  unsigned char *seen;
  int *line, *column; /* int [size]: where they are declared */
  int n;              /* how many */
} Names;

/* An open and, or, not. */
typedef struct {
  enum { GROUP_AND, GROUP_OR, GROUP_NOT } kind;
  bool negate;      /* its operands are meant negated */
  bool has_operand; /* GROUP_NOT: its one formula has been read */
  int line, column;
} Group;

typedef struct {
  Sexpr s;
  Names x, y;
  Term term;
  Literals lits;
  Dnf dnf;
  Group *group;
  int depth, groups_room;
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

/* ---- comparisons --------------------------------------------------------- */

typedef struct {
  const char *name;
  bool greater, strict, equal;
} Operator;

static const Operator operators[] = {
    {"<=", false, false, false}, {">=", true, false, false},
    {"<", false, true, false},   {">", true, true, false},
    {"=", false, false, true},   {"==", false, false, true}};

static const Operator *find_operator(const SexprToken *token)
{
  for (size_t k = 0; k < sizeof operators / sizeof *operators; k++)
    if (sexpr_is(token, operators[k].name)) return &operators[k];
  return NULL;
}

static Status put_literal(Parser *p, const Comparison *c, bool greater, bool strict)
{
  int id;
  const Status rc = literal_add(&p->lits, &p->s, c, greater, strict, &id, p->err);
  if (rc) return rc;
  if (id >= 0)
    dnf_literal(&p->dnf, id, c->line, c->column);
  else
    dnf_constant(&p->dnf, id == LITERAL_TRUE, c->line, c->column);
  return STATUS_OK;
}

/*  a = b        is  a <= b and a >= b;     not (a = b)  is  a < b or a > b;
 *  not (a <= b) is  a > b, and so on.                                          */
static Status read_comparison(Parser *p, const SexprToken *paren, const Operator *op,
                              bool negate)
{
  Comparison c = {.term = &p->term, .line = paren->line, .column = paren->column};
  Status rc = literal_read(&c, &p->s, p->err);
  if (rc) return rc;
  if (!op->equal)
    return put_literal(p, &c, op->greater != negate, op->strict != negate);
  dnf_open(&p->dnf, negate);
  rc = put_literal(p, &c, false, negate);
  if (!rc) rc = put_literal(p, &c, true, negate);
  /* Two literals never multiply. */
  if (!rc) STATUS_REQUIRE(dnf_close(&p->dnf, c.line, c.column), "cannot be too large");
  return rc;
}

/* ---- formulas ------------------------------------------------------------ */

static Status open_group(Parser *p, const SexprToken *paren, int kind, bool negate)
{
  if (p->depth == VNNLIB_MAX_DEPTH)
    return sexpr_fail(&p->s, paren->line, paren->column, p->err, STATUS_UNSUPPORTED,
                      "and, or and not are nested deeper than %d", VNNLIB_MAX_DEPTH);
  if (p->depth == p->groups_room) {
    p->groups_room = p->groups_room ? p->groups_room * 2 : 64;
    p->group = mem_grow(p->group, (size_t)p->groups_room, sizeof *p->group);
  }
  Group *const g = &p->group[p->depth++];
  *g = (Group){.negate = negate, .line = paren->line, .column = paren->column};
  g->kind = kind == GROUP_AND ? GROUP_AND : kind == GROUP_OR ? GROUP_OR : GROUP_NOT;
  if (g->kind == GROUP_NOT)
    g->negate = !negate;
  else
    dnf_open(&p->dnf, (g->kind == GROUP_OR) != negate);
  return STATUS_OK;
}

static Status close_group(Parser *p, const SexprToken *paren)
{
  const Group *const g = &p->group[--p->depth];
  if (g->kind == GROUP_NOT)
    return g->has_operand ? STATUS_OK
                          : sexpr_expected(&p->s, paren, "a formula after not", p->err);
  if (dnf_close(&p->dnf, g->line, g->column)) return STATUS_OK;
  return sexpr_fail(&p->s, g->line, g->column, p->err, STATUS_UNSUPPORTED,
                    "the disjunctions inside this group multiply to more than %d "
                    "literals; split the specification",
                    DNF_MAX_LITERALS);
}

/* The word after "(" is no operator of a formula: say what is probably meant. */
static Status bad_operator(const Parser *p, const SexprToken *word)
{
  char letter, shown[SEXPR_SHOW];
  int index;
  if (term_variable(word, &letter, &index))
    return sexpr_fail(&p->s, word->line, word->column, p->err, STATUS_DATA,
                      "expected and, or, not or a comparison, found %s; the operator "
                      "comes first: (<= Y_0 Y_1)",
                      sexpr_show(word, shown));
  return sexpr_expected(&p->s, word, "and, or, not, <=, >=, <, >, = or ==", p->err);
}

static Status open_formula(Parser *p, const SexprToken *paren)
{
  const bool negate = p->depth && p->group[p->depth - 1].negate;
  if (p->depth && p->group[p->depth - 1].kind == GROUP_NOT) {
    if (p->group[p->depth - 1].has_operand)
      return fail_at(p, paren, STATUS_DATA, "expected \")\": not takes one formula");
    p->group[p->depth - 1].has_operand = true;
  }
  const SexprToken word = sexpr_next(&p->s);
  if (sexpr_is(&word, "and")) return open_group(p, paren, GROUP_AND, negate);
  if (sexpr_is(&word, "or")) return open_group(p, paren, GROUP_OR, negate);
  if (sexpr_is(&word, "not")) return open_group(p, paren, GROUP_NOT, negate);
  const Operator *const op = find_operator(&word);
  if (!op) return bad_operator(p, &word);
  return read_comparison(p, paren, op, negate);
}

static Status unclosed(const Parser *p, const SexprToken *end)
{
  const Group *const g = &p->group[p->depth - 1];
  return sexpr_fail(&p->s, end->line, end->column, p->err, STATUS_DATA,
                    "the file ends inside the \"(\" of line %d, column %d; a \")\" is "
                    "missing or the file is cut off",
                    g->line, g->column);
}

static Status read_assert(Parser *p)
{
  p->depth = 0;
  do {
    const SexprToken token = sexpr_next(&p->s);
    Status rc;
    if (token.kind == SEXPR_OPEN)
      rc = open_formula(p, &token);
    else if (token.kind == SEXPR_CLOSE && p->depth)
      rc = close_group(p, &token);
    else if (token.kind == SEXPR_END && p->depth)
      rc = unclosed(p, &token);
    else
      rc = sexpr_expected(&p->s, &token, "a formula such as (<= X_0 1.5)", p->err);
    if (rc) return rc;
  } while (p->depth);
  return sexpr_need(&p->s, SEXPR_CLOSE, "\")\" after the formula of an assert", p->err);
}

/* ---- commands ------------------------------------------------------------ */

static Status read_command(Parser *p, const SexprToken *paren)
{
  const SexprToken word = sexpr_next(&p->s);
  if (sexpr_is(&word, "declare-const")) return read_declaration(p);
  if (sexpr_is(&word, "assert")) {
    const Status rc = p->has_assert ? STATUS_OK : check_counts(p, paren);
    p->has_assert = true;
    return rc ? rc : read_assert(p);
  }
  if (sexpr_is(&word, "vnnlib-version") || sexpr_is(&word, "declare-network"))
    return fail_at(p, &word, STATUS_UNSUPPORTED,
                   "this is VNN-LIB 2; supported is VNN-LIB 1.0");
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

Prop *vnnlib_parse(const char *path, const char *text, size_t size, int n_in, int n_out,
                   Err *err)
{
  Parser p = {.err = err};
  p.term = (Term){.n_in = n_in, .n_out = n_out};
  p.lits = (Literals){.text = text};
  Prop *prop = prop_new(path, n_in, n_out);
  names_init(&p.x, 'X', n_in);
  names_init(&p.y, 'Y', n_out);
  dnf_init(&p.dnf);
  Status rc = sexpr_init(&p.s, path, text, size, err);
  if (!rc) rc = read_file(&p);
  mem_free(p.group);
  term_free(&p.term);
  if (!rc) rc = cases_build(&p.dnf, &p.lits, &p.s, p.x.line, p.x.column, prop, err);
  names_free(&p.x);
  names_free(&p.y);
  literal_free(&p.lits);
  dnf_free(&p.dnf);
  if (!rc) return prop;
  prop_free(prop);
  return NULL;
}
