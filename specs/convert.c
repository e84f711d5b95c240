/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/convert.h"

#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/literal.h"

#define MAX_DIGITS 1000

typedef struct {
  bool is_not, negate;
  int n;     /* operands so far */
  size_t at; /* where it starts in the result */
} Frame;

typedef struct {
  Sexpr s;
  Scope *scope;  /* of the text */
  Scope *target; /* its tensors, as they are written; of version 2 */
  int to;
  Text *out;
  Frame *frame;
  int depth, room;
  Err *err;
} Convert;

/* ---- numbers ------------------------------------------------------------- */

bool convert_number(const char *s, int n, Text *out)
{
  const char *const end = s + n;
  char digits[MAX_DIGITS + 1];
  int n_digits = 0, point = 0;
  bool dot = false;
  const bool minus = *s == '-';
  if (*s == '-' || *s == '+') s++;
  for (; s < end && *s != 'e' && *s != 'E'; s++) {
    if (*s == '.') {
      dot = true;
      continue;
    }
    if (n_digits == MAX_DIGITS) return false;
    digits[n_digits++] = *s;
    point += !dot;
  }
  if (s < end) {
    const long exponent =
        strtol(s + 1, NULL, 10); /* the text ends with a blank or ")" */
    if (exponent > MAX_DIGITS || exponent < -MAX_DIGITS) return false;
    point += (int)exponent;
  }
  text_add(out, "%s", minus ? "-" : "");
  for (int i = point < 0 ? point : 0; i < n_digits || i < point; i++) {
    if (i == point) text_add(out, i > 0 || n_digits == 0 ? "." : "0.");
    text_add(out, "%c", i >= 0 && i < n_digits ? digits[i] : '0');
  }
  if (point >= n_digits) text_add(out, ".0");
  return true;
}

static Status put_number(Convert *c, const SexprToken *t)
{
  if (c->to == 1) {
    text_add(c->out, "%.*s", t->n, t->text);
    return STATUS_OK;
  }
  if (convert_number(t->text, t->n, c->out)) return STATUS_OK;
  return sexpr_fail(&c->s, t->line, t->column, c->err, STATUS_UNSUPPORTED,
                    "this number has more than %d digits without its exponent",
                    MAX_DIGITS);
}

/* ---- variables ----------------------------------------------------------- */

static void put_element(const Convert *c, bool is_input, int number)
{
  if (c->to == 1) {
    text_add(c->out, "%c_%d", is_input ? 'X' : 'Y', number);
    return;
  }
  const ScopeTensor *t = c->target->tensor;
  while ((t->role == SCOPE_INPUT) != is_input || number < t->first ||
         number >= t->first + t->size)
    t++;
  int index[SCOPE_MAX_RANK], rest = number - t->first;
  for (int d = t->rank; d-- > 0; rest /= t->dims[d])
    index[d] = rest % t->dims[d];
  text_add(c->out, "%s", t->name);
  for (int d = 0; d < t->rank; d++)
    text_add(c->out, "%c%d", d ? ',' : '[', index[d]);
  if (t->rank) text_add(c->out, "]");
}

static Status put_variable(Convert *c, const SexprToken *token)
{
  int var, tensor;
  const Status rc = scope_variable(c->scope, &c->s, token, &var, &tensor, c->err);
  if (rc) return rc;
  const bool is_input = var < c->scope->n_free;
  put_element(c, is_input, is_input ? var : var - c->scope->n_free);
  return STATUS_OK;
}

/* ---- comparisons --------------------------------------------------------- */

/* One term; *any: it has a variable. */
static Status put_term(Convert *c, bool *any)
{
  int depth = 0;
  bool first = true;
  do {
    const SexprToken t = sexpr_next(&c->s);
    if (t.kind != SEXPR_CLOSE && !first) text_add(c->out, " ");
    first = t.kind == SEXPR_OPEN;
    Status rc = STATUS_OK;
    if (t.kind == SEXPR_OPEN) {
      const SexprToken op = sexpr_next(&c->s);
      text_add(c->out, "(%.*s", op.n, op.text);
      first = false;
      depth++;
    } else if (t.kind == SEXPR_CLOSE) {
      text_add(c->out, ")");
      depth--;
    } else if (scope_is_variable(c->scope, &t)) {
      *any = true;
      rc = put_variable(c, &t);
    } else {
      rc = put_number(c, &t);
    }
    if (rc) return rc;
  } while (depth);
  return STATUS_OK;
}

static const char *const operators[6] = {"<=", ">=", "<", ">", "==", "!="};
static const char *const negated[6] = {">", "<", ">=", "<=", "!=", "=="};

/* Is a comparison of constants true?  *s is behind its operator, operators[k]; it was
 * decided when the text was read. */
static Status decide(const Convert *c, const Sexpr *s, const SexprToken *word, int k,
                     bool *truth)
{
  Sexpr at = *s;
  Term term = {.scope = c->scope, .n_in = c->scope->n_free};
  Literals store = {.text = s->text};
  Comparison sides = {.term = &term, .line = word->line, .column = word->column};
  int at_most = LITERAL_FALSE, at_least = LITERAL_FALSE;
  const bool strict = k == 2 || k == 3;
  Status rc = literal_read(&sides, &at, c->err);
  if (!rc) rc = literal_add(&store, s, &sides, false, strict, &at_most, c->err);
  if (!rc) rc = literal_add(&store, s, &sides, true, strict, &at_least, c->err);
  const bool less = at_most == LITERAL_TRUE, greater = at_least == LITERAL_TRUE;
  *truth = k >= 4 ? (less && greater) == (k == 4) : k % 2 ? greater : less;
  literal_free(&store);
  term_free(&term);
  return rc;
}

/* 2.0 has no true and false. */
static void put_constant(const Convert *c, bool value)
{
  text_add(c->out, value ? "(== " : "(!= ");
  put_element(c, true, 0);
  text_add(c->out, " ");
  put_element(c, true, 0);
  text_add(c->out, ")");
}

static Status put_comparison(Convert *c, const SexprToken *word, bool negate)
{
  int k = 0;
  while (k < 5 && !sexpr_is(word, operators[k]))
    k++;
  if (sexpr_is(word, "=")) k = 4;
  const Sexpr start = c->s;
  const size_t from = c->out->n;
  const char *op = negate ? negated[k] : operators[k];
  const bool differ = c->to == 1 && !strcmp(op, "!=");
  if (c->to == 1 && (differ || !strcmp(op, "=="))) op = "=";
  text_add(c->out, "%s(%s ", differ ? "(not " : "", op);
  bool any = false;
  Status rc = put_term(c, &any);
  text_add(c->out, " ");
  if (!rc) rc = put_term(c, &any);
  sexpr_next(&c->s);
  text_add(c->out, differ ? "))" : ")");
  if (rc || any || c->to == 1) return rc;
  /* 2.0 has no type for a comparison without variables. */
  bool truth;
  rc = decide(c, &start, word, k, &truth);
  c->out->n = from;
  put_constant(c, truth != negate);
  return rc;
}

/* ---- formulas ------------------------------------------------------------ */

static void push(Convert *c, bool is_not, bool negate)
{
  if (c->depth == c->room) {
    c->room = c->room ? 2 * c->room : 64;
    c->frame = mem_grow(c->frame, (size_t)c->room, sizeof *c->frame);
  }
  c->frame[c->depth++] = (Frame){is_not, negate, 0, c->out->n};
}

static Status open_formula(Convert *c)
{
  Frame *const outer = c->depth ? &c->frame[c->depth - 1] : NULL;
  const bool negate = outer && outer->negate;
  if (outer && !outer->is_not)
    text_add(c->out, c->depth < 3 && outer->n ? "\n  %*s" : " %*s",
             c->depth < 3 && outer->n ? 2 * c->depth : 0, "");
  if (outer) outer->n++;
  const SexprToken word = sexpr_next(&c->s);
  if (sexpr_is(&word, "not")) {
    push(c, true, !negate);
    return STATUS_OK;
  }
  const bool is_or = sexpr_is(&word, "or");
  if (!is_or && !sexpr_is(&word, "and")) return put_comparison(c, &word, negate);
  push(c, false, negate);
  text_add(c->out, is_or != negate ? "(or" : "(and");
  return STATUS_OK;
}

static void close_formula(Convert *c)
{
  const Frame f = c->frame[--c->depth];
  if (f.is_not) return;
  const bool is_or = c->out->s[f.at + 1] == 'o';
  if (f.n || c->to == 1) {
    text_add(c->out, ")");
    return;
  }
  /* (and) is true, (or) is false. */
  c->out->n = f.at;
  put_constant(c, !is_or);
}

static Status put_assert(Convert *c)
{
  text_add(c->out, "(assert ");
  do {
    const SexprToken t = sexpr_next(&c->s);
    if (t.kind == SEXPR_CLOSE) {
      close_formula(c);
    } else {
      const Status rc = open_formula(c);
      if (rc) return rc;
    }
  } while (c->depth);
  sexpr_next(&c->s);
  text_add(c->out, ")\n");
  return STATUS_OK;
}

static Status put_asserts(Convert *c)
{
  for (;;) {
    if (sexpr_next(&c->s).kind == SEXPR_END) return STATUS_OK;
    const SexprToken word = sexpr_next(&c->s);
    if (sexpr_is(&word, "assert")) {
      const Status rc = put_assert(c);
      if (rc) return rc;
      continue;
    }
    sexpr_next(&c->s); /* X_0 Real ) */
    sexpr_next(&c->s);
    sexpr_next(&c->s);
  }
}

/* ---- declarations -------------------------------------------------------- */

static void put_string(const char *s, Text *out)
{
  text_add(out, " \"");
  for (; *s; s++)
    if (*s == '\n' || *s == '\t')
      text_add(out, *s == '\n' ? "\\n" : "\\t");
    else
      text_add(out, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
  text_add(out, "\"");
}

static void put_tensor(const ScopeTensor *t, Text *out)
{
  static const char *const words[3] = {"input", "hidden", "output"};
  text_add(out, "\n  (declare-%s %s %s [", words[t->role], t->name,
           scope_type_is_real(t->type) ? "real" : t->type);
  for (int d = 0; d < t->rank; d++)
    text_add(out, "%s%d", d ? "," : "", t->dims[d]);
  text_add(out, "]");
  if (t->role == SCOPE_HIDDEN) put_string(t->onnx, out);
  text_add(out, ")");
}

/* Inputs first, then hidden values, then outputs. */
static void put_v2(const Scope *scope, Text *out)
{
  text_add(out, "(vnnlib-version <2.0>)\n");
  for (int k = 0; k < scope->n_networks; k++) {
    const ScopeNetwork *const net = &scope->network[k];
    text_add(out, "(declare-network %s", net->name);
    if (net->equal_to >= 0)
      text_add(out, "\n  (equal-to %s)", scope->network[net->equal_to].name);
    if (net->isomorphic_to >= 0)
      text_add(out, "\n  (isomorphic-to %s)", scope->network[net->isomorphic_to].name);
    for (int role = SCOPE_INPUT; role <= SCOPE_OUTPUT; role++)
      for (int i = 0; i < net->n_tensors; i++)
        if ((int)scope->tensor[net->first_tensor + i].role == role)
          put_tensor(&scope->tensor[net->first_tensor + i], out);
    text_add(out, ")\n");
  }
}

static void put_v1(const Scope *scope, Text *out)
{
  for (int i = 0; i < scope->n_in; i++)
    text_add(out, "(declare-const X_%d Real)\n", i);
  for (int i = 0; i < scope->n_out; i++)
    text_add(out, "(declare-const Y_%d Real)\n", i);
}

static Status check_v1(const Convert *c)
{
  const Scope *const scope = c->scope;
  if (scope->n_networks > 1)
    return sexpr_fail(&c->s, scope->network[1].line, scope->network[1].column, c->err,
                      STATUS_UNSUPPORTED,
                      "VNN-LIB 1.0 has one network, and this is a second one");
  for (int k = 0; k < scope->n_tensors; k++)
    if (scope->tensor[k].role == SCOPE_HIDDEN)
      return sexpr_fail(&c->s, scope->tensor[k].line, scope->tensor[k].column, c->err,
                        STATUS_UNSUPPORTED, "VNN-LIB 1.0 has no hidden values");
  return STATUS_OK;
}

/* The name of a model decides which of several inputs (outputs) a variable is; without
 * it the order does. */
static Status check_names(const Convert *c)
{
  const Scope *const scope = c->scope;
  for (int k = 0; k < scope->n_tensors; k++) {
    const ScopeTensor *const t = &scope->tensor[k];
    const ScopeNetwork *const own = &scope->network[t->network];
    if (t->role == SCOPE_HIDDEN || !t->onnx) continue;
    int n = 0;
    for (int i = own->first_tensor; n < 2 && i < own->first_tensor + own->n_tensors;
         i++)
      n += scope->tensor[i].role == t->role;
    if (n < 2) continue;
    return sexpr_fail(&c->s, t->line, t->column, c->err, STATUS_UNSUPPORTED,
                      "the name of the model behind %.40s would be lost; put the "
                      "%s into the order of the model and leave the names out",
                      t->name, t->role == SCOPE_INPUT ? "inputs" : "outputs");
  }
  return STATUS_OK;
}

/* ---- tensors for a text in 1.0 ------------------------------------------- */

static void add_tensors(Scope *target, ScopeRole role, int size, const Port *ports,
                        int n)
{
  const char letter = role == SCOPE_INPUT ? 'X' : 'Y';
  for (int k = 0, first = 0; k < (ports ? n : 1); k++) {
    ScopeTensor t = {.role = role,
                     .type = mem_strdup("real"),
                     .rank = ports ? ports[k].rank : 1,
                     .dims = {size},
                     .size = ports ? ports[k].size : size,
                     .first = first};
    for (int d = 0; ports && d < t.rank; d++)
      t.dims[d] = ports[k].dims[d];
    Text name = {0};
    text_add(&name, "%c", letter);
    if (ports && n > 1) text_add(&name, "%d", k);
    t.name = name.s;
    first += t.size;
    scope_add_tensor(target, &t);
  }
}

static void make_target(Scope *target, const Scope *scope, const Net *net)
{
  scope_init_v2(target, false);
  scope_add_network(
      target,
      &(ScopeNetwork){.name = mem_strdup("N"), .equal_to = -1, .isomorphic_to = -1});
  add_tensors(target, SCOPE_INPUT, scope->n_in, net ? net->inputs : NULL,
              net ? net->n_inputs : 1);
  add_tensors(target, SCOPE_OUTPUT, scope->n_out, net ? net->outputs : NULL,
              net ? net->n_outputs : 1);
}

Status convert_text(const Sexpr *start, Scope *scope, int to, const Net *net, Text *out,
                    Err *err)
{
  Scope made = {0};
  const bool from_v1 = scope->version == 1;
  Convert c = {.s = *start,
               .scope = scope,
               .target = from_v1 ? &made : scope,
               .to = to,
               .out = out,
               .err = err};
  Status rc = to == 1 && !from_v1 ? check_v1(&c) : STATUS_OK;
  if (!rc) rc = check_names(&c);
  if (rc) return rc;
  if (from_v1) make_target(&made, scope, net);
  if (to == 1)
    put_v1(scope, out);
  else
    put_v2(c.target, out);
  rc = put_asserts(&c);
  scope_free_all(&made);
  mem_free(c.frame);
  return rc;
}
