/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/vnnlib2.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/formula.h"

/* Elements of one tensor. */
#define MAX_ELEMENTS (INT_MAX / 4)

typedef struct {
  Sexpr *s;
  Scope *scope;
  Err *err;
} Parser;

bool vnnlib2_is_text(const Sexpr *start)
{
  Sexpr s = *start;
  if (sexpr_next(&s).kind != SEXPR_OPEN) return false;
  const SexprToken word = sexpr_next(&s);
  return sexpr_is(&word, "vnnlib-version") || sexpr_is(&word, "declare-network");
}

static Status fail_at(const Parser *p, const SexprToken *t, Status code,
                      const char *text)
{
  return sexpr_fail(p->s, t->line, t->column, p->err, code, "%s", text);
}

/* The next token, for messages about what characters follow. */
static Status found_instead(const Parser *p, const char *what)
{
  Sexpr ahead = *p->s;
  const SexprToken token = sexpr_next(&ahead);
  return sexpr_expected(p->s, &token, what, p->err);
}

/* ---- version ------------------------------------------------------------- */

/* One or more digits; false for none or too large. */
static bool read_int(Sexpr *s, int *value)
{
  char c = sexpr_peek(s);
  if (c < '0' || c > '9') return false;
  long long x = 0;
  for (; c >= '0' && c <= '9'; c = (char)(s->at < s->size ? s->text[s->at] : 0)) {
    x = x * 10 + (c - '0');
    if (x > INT_MAX) return false;
    sexpr_take(s);
  }
  *value = (int)x;
  return true;
}

static bool take(Sexpr *s, char c)
{
  if (sexpr_peek(s) != c) return false;
  sexpr_take(s);
  return true;
}

static Status read_version(const Parser *p)
{
  SexprToken token = sexpr_next(p->s);
  if (token.kind != SEXPR_OPEN)
    return sexpr_expected(p->s, &token, "\"(vnnlib-version <2.0>)\"", p->err);
  token = sexpr_next(p->s);
  if (!sexpr_is(&token, "vnnlib-version"))
    return sexpr_expected(p->s, &token,
                          "vnnlib-version: a query of VNN-LIB 2 starts with "
                          "(vnnlib-version <2.0>)",
                          p->err);
  int major, minor;
  Sexpr ahead = *p->s;
  const SexprToken number = sexpr_next(&ahead);
  if (!take(p->s, '<') || !read_int(p->s, &major) || !take(p->s, '.') ||
      !read_int(p->s, &minor) || !take(p->s, '>'))
    return sexpr_expected(p->s, &number, "a version such as <2.0>", p->err);
  if (major != 2)
    return sexpr_fail(
        p->s, number.line, number.column, p->err, STATUS_UNSUPPORTED,
        "VNN-LIB %d.%d; supported are 2.0, 2.1 and, without this line, 1.0", major,
        minor);
  p->scope->minor = minor;
  Status rc = STATUS_OK;
  if (minor > 1)
    rc = scope_lax(p->scope, p->s, number.line, number.column, LAX_MINOR,
                   "a later minor version than 2.1, read as 2.1", p->err);
  return rc ? rc : sexpr_need(p->s, SEXPR_CLOSE, "\")\" after the version", p->err);
}

/* ---- tensors ------------------------------------------------------------- */

static Status read_name(const Parser *p, const char *what, SexprToken *name)
{
  *name = sexpr_next(p->s);
  bool good = name->kind == SEXPR_ATOM;
  for (int i = 0; good && i < name->n; i++) {
    const char c = name->text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    good = letter || (i && ((c >= '0' && c <= '9') || c == '_'));
  }
  if (!good) return sexpr_expected(p->s, name, what, p->err);
  if (scope_find_tensor(p->scope, name->text, (size_t)name->n) >= 0 ||
      scope_find_network(p->scope, name->text, (size_t)name->n) >= 0) {
    char shown[SEXPR_SHOW];
    return sexpr_fail(p->s, name->line, name->column, p->err, STATUS_DATA,
                      "%s is declared twice; every network and variable has a name of "
                      "its own",
                      sexpr_show(name, shown));
  }
  return STATUS_OK;
}

/* Types that ONNX has but no network here. */
static bool is_other_type(const SexprToken *t)
{
  static const char *const names[] = {
      "float16", "bfloat16", "int4",   "int8",   "int16",     "int32",
      "int64",   "uint4",    "uint8",  "uint16", "uint32",    "uint64",
      "bool",    "string",   "double", "float",  "complex64", "complex128"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (sexpr_is(t, names[k])) return true;
  return t->n > 6 && !memcmp(t->text, "float8", 6);
}

static Status read_type(const Parser *p, ScopeTensor *t)
{
  SexprToken type = sexpr_next(p->s);
  /* "real[1,5]" without a blank */
  const char *const bracket =
      type.kind == SEXPR_ATOM ? memchr(type.text, '[', (size_t)type.n) : NULL;
  if (bracket) {
    type.n = (int)(bracket - type.text);
    sexpr_back(p->s, &type, type.n);
  }
  if (sexpr_is(&type, "Real")) {
    const Status rc =
        scope_lax(p->scope, p->s, type.line, type.column, LAX_TYPE_NAME,
                  "VNN-LIB 2 writes the type of the real numbers real", p->err);
    if (rc) return rc;
  } else if (type.kind == SEXPR_ATOM && is_other_type(&type)) {
    char shown[SEXPR_SHOW];
    return sexpr_fail(p->s, type.line, type.column, p->err, STATUS_UNSUPPORTED,
                      "the type %s; supported are real, float32 and float64",
                      sexpr_show(&type, shown));
  } else if (!sexpr_is(&type, "real") && !sexpr_is(&type, "float32") &&
             !sexpr_is(&type, "float64")) {
    return sexpr_expected(p->s, &type, "a type: real, float32 or float64", p->err);
  }
  t->type = mem_strndup(type.text, (size_t)type.n);
  return STATUS_OK;
}

static Status read_shape(const Parser *p, ScopeTensor *t)
{
  static const char want[] = "a shape such as [1,5], or [] for one number";
  if (!take(p->s, '[')) return found_instead(p, want);
  long long size = 1;
  if (!take(p->s, ']'))
    for (;;) {
      int n;
      Sexpr ahead = *p->s;
      const SexprToken number = sexpr_next(&ahead);
      if (!read_int(p->s, &n)) return found_instead(p, want);
      if (n < 1 || t->rank == SCOPE_MAX_RANK || (size *= n) > MAX_ELEMENTS)
        return sexpr_fail(p->s, number.line, number.column, p->err, STATUS_DATA,
                          "expected at most %d dimensions from 1 on, with at most %d "
                          "elements together",
                          SCOPE_MAX_RANK, MAX_ELEMENTS);
      t->dims[t->rank++] = n;
      if (take(p->s, ']')) break;
      if (!take(p->s, ',')) return found_instead(p, "\",\" or \"]\" in a shape");
    }
  t->size = (int)size;
  return STATUS_OK;
}

/* "..." with \" \\ \n \t; the quote is next. */
static Status read_string(const Parser *p, char **string)
{
  Sexpr *const s = p->s;
  const int line = s->line, column = s->at - s->line_start + 1;
  Text text = {0};
  text_add(&text, "%s", "");
  for (sexpr_take(s); s->at < s->size; sexpr_take(s)) {
    char c = s->text[s->at];
    if (c == '"') {
      sexpr_take(s);
      *string = text.s;
      return STATUS_OK;
    }
    if (c == '\\' && s->at + 1 < s->size) {
      sexpr_take(s);
      c = s->text[s->at];
      c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
    } else if (c == '\n') {
      break;
    }
    if (!c) break;
    text_add(&text, "%c", c);
  }
  text_free(&text);
  return sexpr_fail(s, line, column, p->err, STATUS_DATA,
                    "the string that starts here does not end on its line");
}

static Status read_onnx_name(const Parser *p, ScopeTensor *t)
{
  if (sexpr_peek(p->s) != '"') {
    if (t->role != SCOPE_HIDDEN) return STATUS_OK;
    return found_instead(
        p, "the name of a value of the model, in quotes, for a hidden one");
  }
  const int line = p->s->line, column = p->s->at - p->s->line_start + 1;
  const Status rc = read_string(p, &t->onnx);
  if (rc || t->role == SCOPE_HIDDEN) return rc;
  return scope_lax(p->scope, p->s, line, column, LAX_ONNX_NAME,
                   "VNN-LIB 2 has names of the model for hidden values only", p->err);
}

/* "initialized", of 2.1. */
static Status refuse_initialised(const Parser *p)
{
  Sexpr ahead = *p->s;
  const SexprToken word = sexpr_next(&ahead);
  if (!sexpr_is(&word, "initialized")) return STATUS_OK;
  return fail_at(p, &word, STATUS_UNSUPPORTED,
                 "an input with an initialiser; networks are verified with the value "
                 "that the model stores, so leave this declaration out");
}

static Status read_tensor(const Parser *p, ScopeRole role, ScopeTensor *t)
{
  SexprToken name;
  Status rc = read_name(p, "the name of a variable: letters, digits and _", &name);
  if (rc) return rc;
  *t = (ScopeTensor){.role = role, .line = name.line, .column = name.column};
  rc = read_type(p, t);
  if (!rc) rc = read_shape(p, t);
  if (!rc) rc = read_onnx_name(p, t);
  if (!rc && role == SCOPE_INPUT) rc = refuse_initialised(p);
  if (!rc) rc = sexpr_need(p->s, SEXPR_CLOSE, "\")\" after a declaration", p->err);
  if (!rc) t->name = mem_strndup(name.text, (size_t)name.n);
  return rc;
}

/* ---- networks ------------------------------------------------------------ */

static Status read_relation(const Parser *p, bool equal)
{
  ScopeNetwork *const net = &p->scope->network[p->scope->n_networks - 1];
  const SexprToken name = sexpr_next(p->s);
  char shown[SEXPR_SHOW];
  if (net->equal_to >= 0 || net->isomorphic_to >= 0)
    return fail_at(p, &name, STATUS_DATA,
                   "a second equal-to or isomorphic-to; a network has at most one");
  if (net->n_tensors)
    return fail_at(p, &name, STATUS_DATA,
                   "equal-to and isomorphic-to come before the variables of a network");
  const int k = name.kind == SEXPR_ATOM
                    ? scope_find_network(p->scope, name.text, (size_t)name.n)
                    : -1;
  if (k < 0 || k == p->scope->n_networks - 1)
    return sexpr_expected(p->s, &name, "the name of a network declared before", p->err);
  if (p->scope->network[k].equal_to >= 0 || p->scope->network[k].isomorphic_to >= 0)
    return sexpr_fail(p->s, name.line, name.column, p->err, STATUS_DATA,
                      "%s is itself equal or isomorphic to another network; name that "
                      "one",
                      sexpr_show(&name, shown));
  *(equal ? &net->equal_to : &net->isomorphic_to) = k;
  return sexpr_need(p->s, SEXPR_CLOSE, "\")\" after the name of a network", p->err);
}

/* One member of declare-network, after its "(". */
static Status read_member(const Parser *p, ScopeRole *last)
{
  const SexprToken word = sexpr_next(p->s);
  ScopeRole role;
  if (sexpr_is(&word, "equal-to")) return read_relation(p, true);
  if (sexpr_is(&word, "isomorphic-to")) return read_relation(p, false);
  if (sexpr_is(&word, "declare-input"))
    role = SCOPE_INPUT;
  else if (sexpr_is(&word, "declare-hidden"))
    role = SCOPE_HIDDEN;
  else if (sexpr_is(&word, "declare-output"))
    role = SCOPE_OUTPUT;
  else
    return sexpr_expected(p->s, &word,
                          "declare-input, declare-hidden, declare-output, equal-to or "
                          "isomorphic-to",
                          p->err);
  Status rc = STATUS_OK;
  if (role < *last)
    rc = scope_lax(p->scope, p->s, word.line, word.column, LAX_ORDER,
                   "VNN-LIB 2 declares inputs first, then hidden values, then outputs",
                   p->err);
  *last = role;
  if (rc) return rc;
  ScopeTensor tensor = {0};
  rc = read_tensor(p, role, &tensor);
  if (!rc) {
    scope_add_tensor(p->scope, &tensor);
    return STATUS_OK;
  }
  mem_free(tensor.type);
  mem_free(tensor.onnx);
  return rc;
}

/* The i-th tensor of that role, or NULL. */
static const ScopeTensor *nth(const Scope *scope, const ScopeNetwork *net,
                              ScopeRole role, int i)
{
  for (int k = net->first_tensor; k < net->first_tensor + net->n_tensors; k++)
    if (scope->tensor[k].role == role && i-- == 0) return &scope->tensor[k];
  return NULL;
}

static bool same_shape(const ScopeTensor *a, const ScopeTensor *b)
{
  return a->rank == b->rank &&
         !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

static bool same_type(const ScopeTensor *a, const ScopeTensor *b)
{
  return !strcmp(a->type, b->type) ||
         (scope_type_is_real(a->type) && scope_type_is_real(b->type));
}

/* Inputs and outputs are those of the related network: shapes, and types when equal. */
static Status check_relation(const Parser *p, const ScopeNetwork *net)
{
  const bool equal = net->equal_to >= 0;
  if (!equal && net->isomorphic_to < 0) return STATUS_OK;
  const ScopeNetwork *const other =
      &p->scope->network[equal ? net->equal_to : net->isomorphic_to];
  static const ScopeRole roles[2] = {SCOPE_INPUT, SCOPE_OUTPUT};
  for (int r = 0; r < 2; r++)
    for (int i = 0;; i++) {
      const ScopeTensor *const a = nth(p->scope, net, roles[r], i);
      const ScopeTensor *const b = nth(p->scope, other, roles[r], i);
      if (!a && !b) break;
      if (a && b && same_shape(a, b) && (!equal || same_type(a, b))) continue;
      return sexpr_fail(p->s, a ? a->line : net->line, a ? a->column : net->column,
                        p->err, STATUS_DATA,
                        "network %.40s is %s %.40s, but their %s differ in %s",
                        net->name, equal ? "equal to" : "isomorphic to", other->name,
                        r ? "outputs" : "inputs",
                        !a || !b            ? "number"
                        : !same_shape(a, b) ? "shape"
                                            : "type");
    }
  return STATUS_OK;
}

static int compare_onnx(const void *a, const void *b)
{
  const ScopeTensor *const s = *(const ScopeTensor *const *)a,
                           *const t = *(const ScopeTensor *const *)b;
  const int order =
      s->role != t->role ? (int)s->role - (int)t->role : strcmp(s->onnx, t->onnx);
  return order ? order : s < t ? -1 : s > t;
}

/* No two variables of a role have the same name in the model. */
static Status check_onnx_names(const Parser *p, const ScopeNetwork *net)
{
  const ScopeTensor **named = mem_array((size_t)net->n_tensors + 1, sizeof *named);
  int n = 0;
  for (int k = 0; k < net->n_tensors; k++) {
    named[n] = &p->scope->tensor[net->first_tensor + k];
    n += named[n]->onnx != NULL;
  }
  qsort(named, (size_t)n, sizeof *named, compare_onnx);
  Status rc = STATUS_OK;
  for (int k = 1; k < n && !rc; k++)
    if (named[k]->role == named[k - 1]->role &&
        !strcmp(named[k]->onnx, named[k - 1]->onnx))
      rc = sexpr_fail(p->s, named[k]->line, named[k]->column, p->err, STATUS_DATA,
                      "%.40s has the same name in the model as %.40s; use one variable "
                      "for both",
                      named[k]->name, named[k - 1]->name);
  mem_free(named);
  return rc;
}

static Status check_network(const Parser *p)
{
  const ScopeNetwork *const net = &p->scope->network[p->scope->n_networks - 1];
  const bool has_input = nth(p->scope, net, SCOPE_INPUT, 0);
  if (!has_input || !nth(p->scope, net, SCOPE_OUTPUT, 0))
    return sexpr_fail(p->s, net->line, net->column, p->err, STATUS_DATA,
                      "network %.40s declares no %s", net->name,
                      has_input ? "output" : "input");
  const Status rc = check_onnx_names(p, net);
  return rc ? rc : check_relation(p, net);
}

static Status read_network(const Parser *p)
{
  SexprToken name;
  Status rc = read_name(p, "the name of a network: letters, digits and _", &name);
  if (rc) return rc;
  const ScopeNetwork network = {.name = mem_strndup(name.text, (size_t)name.n),
                                .equal_to = -1,
                                .isomorphic_to = -1,
                                .line = name.line,
                                .column = name.column};
  scope_add_network(p->scope, &network);
  ScopeRole last = SCOPE_INPUT;
  for (;;) {
    const SexprToken token = sexpr_next(p->s);
    if (token.kind == SEXPR_CLOSE) return check_network(p);
    if (token.kind != SEXPR_OPEN)
      return sexpr_expected(p->s, &token, "a declaration of network variables or \")\"",
                            p->err);
    rc = read_member(p, &last);
    if (rc) return rc;
  }
}

Status vnnlib2_declarations(Sexpr *s, Scope *scope, Err *err)
{
  const Parser p = {.s = s, .scope = scope, .err = err};
  Status rc = read_version(&p);
  while (!rc) {
    Sexpr ahead = *s;
    const SexprToken paren = sexpr_next(&ahead);
    const SexprToken word = sexpr_next(&ahead);
    const bool is_network =
        paren.kind == SEXPR_OPEN && sexpr_is(&word, "declare-network");
    if (!is_network && scope->n_networks) return STATUS_OK;
    if (!is_network)
      return sexpr_expected(s, paren.kind == SEXPR_OPEN ? &word : &paren,
                            "(declare-network ...)", err);
    *s = ahead;
    rc = read_network(&p);
  }
  return rc;
}

/* ---- assertions ---------------------------------------------------------- */

static Status read_assertions(Sexpr *s, Scope *scope, Formula *f, Err *err)
{
  bool any = false;
  for (;; any = true) {
    const SexprToken paren = sexpr_next(s);
    if (paren.kind == SEXPR_END && !any)
      return scope_lax(scope, s, paren.line, paren.column, LAX_NO_ASSERT,
                       "VNN-LIB 2 has at least one assertion", err);
    if (paren.kind == SEXPR_END) return STATUS_OK;
    if (paren.kind != SEXPR_OPEN)
      return sexpr_expected(s, &paren, "\"(\" of the next command", err);
    const SexprToken word = sexpr_next(s);
    if (sexpr_is(&word, "declare-network") || sexpr_is(&word, "vnnlib-version"))
      return sexpr_fail(s, word.line, word.column, err, STATUS_DATA,
                        "a declaration after an assertion; declare all networks first");
    if (!sexpr_is(&word, "assert"))
      return sexpr_expected(s, &word, "the command assert", err);
    const Status rc = formula_assert(f);
    if (rc) return rc;
  }
}

Prop *vnnlib2_assertions(const Sexpr *start, Scope *scope, Extend *extend, Err *err)
{
  for (;;) {
    const int n_free = scope->n_free;
    Sexpr s = *start;
    Formula f;
    extend_reset(extend);
    extend_init(extend, n_free, scope->n_out);
    Prop *prop = prop_new(start->path, n_free, scope->n_out);
    formula_init(&f, &s, scope, extend, err);
    Status rc = read_assertions(&s, scope, &f, err);
    const bool again = !rc && scope_merge(scope);
    if (!rc && !again) rc = formula_build(&f, prop);
    formula_reset(&f);
    if (!rc && !again) return prop;
    prop_free(prop);
    if (rc) return NULL;
  }
}

/* ---- without networks ---------------------------------------------------- */

void vnnlib2_place(Scope *scope)
{
  static const ScopeRole roles[3] = {SCOPE_INPUT, SCOPE_OUTPUT, SCOPE_HIDDEN};
  scope->n_in = scope->n_out = 0;
  for (int k = 0; k < scope->n_networks; k++)
    for (int r = 0; r < 3; r++)
      for (int i = 0; i < scope->network[k].n_tensors; i++) {
        ScopeTensor *const t = &scope->tensor[scope->network[k].first_tensor + i];
        if (t->role != roles[r]) continue;
        int *const n = t->role == SCOPE_INPUT ? &scope->n_in : &scope->n_out;
        t->first = *n;
        *n += t->size;
      }
  scope->n_free = scope->n_in;
}

/* Sizes are added up, so all of them together must fit. */
static Status check_total(const Sexpr *s, const Scope *scope, Err *err)
{
  long long total = 0;
  for (int k = 0; k < scope->n_tensors; k++)
    total += scope->tensor[k].size;
  if (total <= MAX_ELEMENTS) return STATUS_OK;
  return sexpr_fail(s, 1, 1, err, STATUS_UNSUPPORTED,
                    "the variables have more than %d elements together", MAX_ELEMENTS);
}

Prop *vnnlib2_parse(const char *path, const char *text, size_t size, bool strict,
                    Extend *extend, Err *err)
{
  Sexpr s;
  if (sexpr_init(&s, path, text, size, err)) return NULL;
  Scope *scope = mem_zero(1, sizeof *scope);
  Prop *prop = NULL;
  scope_init_v2(scope, strict);
  Status rc = vnnlib2_declarations(&s, scope, err);
  if (!rc) rc = check_total(&s, scope, err);
  if (!rc) vnnlib2_place(scope);
  if (!rc) prop = vnnlib2_assertions(&s, scope, extend, err);
  if (prop) {
    prop->scope = scope;
    return prop;
  }
  scope_free_all(scope);
  mem_free(scope);
  return NULL;
}
