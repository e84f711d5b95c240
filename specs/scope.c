/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/scope.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/base/mem.h"
#include "specs/term.h"

/* ---- tables -------------------------------------------------------------- */

static void init(Scope *scope, int version)
{
  *scope = (Scope){.version = version, .last = -1};
}

void scope_init_v2(Scope *scope, bool strict)
{
  init(scope, 2);
  scope->strict = strict;
}

void scope_init_v1(Scope *scope, int n_in, int n_out)
{
  init(scope, 1);
  scope_add_network(
      scope,
      &(ScopeNetwork){.name = mem_strdup("N"), .equal_to = -1, .isomorphic_to = -1});
  ScopeTensor x = {.role = SCOPE_INPUT,
                   .name = mem_strdup("X"),
                   .type = mem_strdup("real"),
                   .rank = 1,
                   .dims = {n_in},
                   .size = n_in};
  scope_add_tensor(scope, &x);
  ScopeTensor y = {.role = SCOPE_OUTPUT,
                   .name = mem_strdup("Y"),
                   .type = mem_strdup("real"),
                   .rank = 1,
                   .dims = {n_out},
                   .size = n_out};
  scope_add_tensor(scope, &y);
  scope->n_in = scope->n_free = n_in;
  scope->n_out = n_out;
}

void scope_free_all(Scope *scope)
{
  for (int k = 0; k < scope->n_networks; k++)
    mem_free(scope->network[k].name);
  for (int k = 0; k < scope->n_tensors; k++) {
    mem_free(scope->tensor[k].name);
    mem_free(scope->tensor[k].type);
    mem_free(scope->tensor[k].onnx);
  }
  mem_free(scope->network);
  mem_free(scope->tensor);
  mem_free(scope->free_input);
  mem_free(scope->declared);
  mem_free(scope->line);
  mem_free(scope->column);
  mem_free(scope->parent);
  mem_free(scope->slot);
  text_free(&scope->notes);
  *scope = (Scope){.last = -1};
}

void scope_add_network(Scope *scope, const ScopeNetwork *network)
{
  if (scope->n_networks == scope->networks_room) {
    scope->networks_room = scope->networks_room ? 2 * scope->networks_room : 2;
    scope->network =
        mem_grow(scope->network, (size_t)scope->networks_room, sizeof *scope->network);
  }
  ScopeNetwork *const new = &scope->network[scope->n_networks++];
  *new = *network;
  new->first_tensor = scope->n_tensors;
  new->n_tensors = 0;
}

static size_t hash_of(const char *name, size_t n)
{
  size_t h = 2166136261u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (unsigned char)name[i]) * 16777619u;
  return h ^ (h >> 15);
}

static bool is_name(const char *own, const char *name, size_t n)
{
  /* `name` may have zero bytes. */
  return strlen(own) == n && !memcmp(own, name, n);
}

/* The slot of that name, or the free one where it belongs. */
static size_t find_slot(const Scope *scope, const char *name, size_t n)
{
  const size_t mask = scope->n_slots - 1;
  size_t at = hash_of(name, n) & mask;
  while (scope->slot[at] >= 0 && !is_name(scope->tensor[scope->slot[at]].name, name, n))
    at = (at + 1) & mask;
  return at;
}

static void enter_name(Scope *scope, int tensor)
{
  const char *const name = scope->tensor[tensor].name;
  const size_t at = find_slot(scope, name, strlen(name));
  if (scope->slot[at] < 0) scope->slot[at] = tensor;
}

static void grow_slots(Scope *scope)
{
  mem_free(scope->slot);
  scope->n_slots = scope->n_slots ? 2 * scope->n_slots : 16;
  scope->slot = mem_array(scope->n_slots, sizeof *scope->slot);
  for (size_t at = 0; at < scope->n_slots; at++)
    scope->slot[at] = -1;
  for (int k = 0; k < scope->n_tensors; k++)
    enter_name(scope, k);
}

void scope_add_tensor(Scope *scope, const ScopeTensor *tensor)
{
  STATUS_REQUIRE(scope->n_networks > 0, "a tensor belongs to a network");
  if (scope->n_tensors == scope->tensors_room) {
    scope->tensors_room = scope->tensors_room ? 2 * scope->tensors_room : 4;
    scope->tensor =
        mem_grow(scope->tensor, (size_t)scope->tensors_room, sizeof *scope->tensor);
  }
  ScopeTensor *const new = &scope->tensor[scope->n_tensors];
  *new = *tensor;
  new->network = scope->n_networks - 1;
  scope->network[new->network].n_tensors++;
  if (2 * (size_t)scope->n_tensors + 2 > scope->n_slots) grow_slots(scope);
  enter_name(scope, scope->n_tensors++);
}

int scope_find_tensor(const Scope *scope, const char *name, size_t n)
{
  return scope->n_slots ? scope->slot[find_slot(scope, name, n)] : -1;
}

int scope_find_network(const Scope *scope, const char *name, size_t n)
{
  for (int k = 0; k < scope->n_networks; k++)
    if (is_name(scope->network[k].name, name, n)) return k;
  return -1;
}

/* ---- variables ----------------------------------------------------------- */

static bool is_letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool in_name(char c)
{
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

bool scope_is_variable(const Scope *scope, const SexprToken *token)
{
  char letter;
  int index;
  if (token->kind != SEXPR_ATOM) return false;
  return scope->version == 1 ? term_variable(token, &letter, &index)
                             : is_letter(token->text[0]);
}

static Status variable_v1(const Scope *scope, const Sexpr *s, const SexprToken *token,
                          int *var, Err *err)
{
  char letter, shown[SEXPR_SHOW];
  int index;
  if (!term_variable(token, &letter, &index))
    return sexpr_expected(s, token, "a finite decimal number, X_<i>, Y_<j> or a term",
                          err);
  const int size = letter == 'X' ? scope->n_in : scope->n_out;
  if (index >= size)
    return sexpr_fail(s, token->line, token->column, err, STATUS_DATA,
                      "%s is not declared; the declared variables are %c_0 to %c_%d",
                      sexpr_show(token, shown), letter, letter, size - 1);
  *var = letter == 'X' ? scope_free(scope, index) : scope->n_free + index;
  return STATUS_OK;
}

static void print_dims(const ScopeTensor *t, Text *out)
{
  text_add(out, "[");
  for (int d = 0; d < t->rank; d++)
    text_add(out, "%s%d", d ? "," : "", t->dims[d]);
  text_add(out, "]");
}

static Status bad_indices(const Sexpr *s, const SexprToken *token, const ScopeTensor *t,
                          const char *what, Err *err)
{
  Text dims = {0};
  print_dims(t, &dims);
  const Status rc = sexpr_fail(s, token->line, token->column, err, STATUS_DATA,
                               "%.60s %s %s", t->name, what, dims.s);
  text_free(&dims);
  return rc;
}

/* One index; false when there is no number that fits. */
static bool read_index(Sexpr *s, int *index)
{
  char c = sexpr_peek(s);
  if (c < '0' || c > '9') return false;
  long long value = 0;
  do {
    value = value < 1000000000 ? value * 10 + (c - '0') : 1000000000;
    sexpr_take(s);
    c = (char)(s->at < s->size ? s->text[s->at] : 0);
  } while (c >= '0' && c <= '9');
  *index = (int)value;
  return true;
}

/* "[" INT ("," INT)* "]", the first bracket being next: the element's number. */
static Status read_indices(Sexpr *s, const SexprToken *token, const ScopeTensor *t,
                           int *element, Err *err)
{
  int n = 0, at = 0;
  bool outside = false;
  sexpr_take(s);
  for (;;) {
    int index;
    if (!read_index(s, &index))
      return bad_indices(s, token, t,
                         "needs indices that are whole numbers; its shape is", err);
    if (n < t->rank) {
      outside = outside || index >= t->dims[n];
      at = outside ? 0 : at * t->dims[n] + index;
    }
    n++;
    const char c = sexpr_peek(s);
    if (c != ',' && c != ']')
      return bad_indices(s, token, t,
                         "needs \",\" or \"]\" after an index; its shape is", err);
    sexpr_take(s);
    if (c == ']') break;
  }
  if (n != t->rank)
    return bad_indices(s, token, t, "needs one index for every dimension; its shape is",
                       err);
  if (outside)
    return bad_indices(s, token, t, "has no such element; its shape is", err);
  *element = at;
  return STATUS_OK;
}

/* The tensor that was named last is named again, mostly. */
static int find_cached(Scope *scope, const char *name, size_t n)
{
  if (scope->last >= 0 && is_name(scope->tensor[scope->last].name, name, n))
    return scope->last;
  return scope->last = scope_find_tensor(scope, name, n);
}

static Status unknown_name(const Scope *scope, const Sexpr *s, const SexprToken *token,
                           Err *err)
{
  char shown[SEXPR_SHOW];
  Text list = {0};
  for (int k = 0; k < scope->n_tensors && k < 8; k++)
    text_add(&list, "%s%.40s", k ? ", " : "", scope->tensor[k].name);
  const Status rc =
      sexpr_fail(s, token->line, token->column, err, STATUS_DATA,
                 "%s is not declared; the declared variables are %s%s",
                 sexpr_show(token, shown), list.s, scope->n_tensors > 8 ? ", ..." : "");
  text_free(&list);
  return rc;
}

static Status variable_v2(Scope *scope, Sexpr *s, const SexprToken *token, int *var,
                          int *tensor, Err *err)
{
  int n = 0;
  if (token->kind == SEXPR_ATOM && is_letter(token->text[0]))
    while (n < token->n && in_name(token->text[n]))
      n++;
  if (n == 0 || (n < token->n && token->text[n] != '['))
    return sexpr_expected(
        s, token, "a finite decimal number, an element such as X[0,1] or a term", err);
  const int k = find_cached(scope, token->text, (size_t)n);
  SexprToken name = *token;
  name.n = n;
  if (k < 0) return unknown_name(scope, s, &name, err);
  const ScopeTensor *const t = &scope->tensor[k];
  int element = 0;
  if (n < token->n) sexpr_back(s, token, n);
  if (sexpr_peek(s) == '[') {
    const Status rc = read_indices(s, &name, t, &element, err);
    if (rc) return rc;
    const char c = (char)(s->at < s->size ? s->text[s->at] : ' ');
    if (c != ')' && c != '(' && c != ';' && c > ' ')
      return bad_indices(s, &name, t,
                         "is followed by something after its indices; its "
                         "shape is",
                         err);
  } else if (t->rank) {
    return bad_indices(s, &name, t, "needs one index for every dimension; its shape is",
                       err);
  }
  *tensor = k;
  const int number = t->first + element;
  *var = t->role == SCOPE_INPUT ? scope_free(scope, number) : scope->n_free + number;
  return STATUS_OK;
}

Status scope_variable(Scope *scope, Sexpr *s, const SexprToken *token, int *var,
                      int *tensor, Err *err)
{
  *tensor = -1;
  return scope->version == 1 ? variable_v1(scope, s, token, var, err)
                             : variable_v2(scope, s, token, var, tensor, err);
}

/* ---- equal inputs -------------------------------------------------------- */

static int first_declared(const Scope *scope, int input)
{
  return scope->declared ? scope->declared[input] : input;
}

static int root(const Scope *scope, int i)
{
  while (scope->parent[i] != i) {
    scope->parent[i] = scope->parent[scope->parent[i]];
    i = scope->parent[i];
  }
  return i;
}

void scope_equate(Scope *scope, int a, int b)
{
  if (!scope->parent) {
    scope->parent = mem_array((size_t)scope->n_in, sizeof *scope->parent);
    for (int i = 0; i < scope->n_in; i++)
      scope->parent[i] = i;
  }
  const int p = root(scope, first_declared(scope, a));
  const int q = root(scope, first_declared(scope, b));
  /* The smaller one stays, so that the order of inputs does. */
  if (p < q)
    scope->parent[q] = p;
  else
    scope->parent[p] = q;
}

bool scope_merge(Scope *scope)
{
  if (!scope->parent) return false;
  const size_t n = (size_t)scope->n_in;
  int n_free = 0;
  int *free_input = mem_array(n, sizeof *free_input);
  int *declared = mem_array(n, sizeof *declared);
  for (int i = 0; i < scope->n_in; i++) {
    const int r = root(scope, i);
    if (r == i) declared[n_free] = i;
    free_input[i] = r == i ? n_free++ : free_input[r];
  }
  const bool fewer = n_free < scope->n_free;
  mem_free(scope->free_input);
  mem_free(scope->declared);
  scope->free_input = free_input;
  scope->declared = declared;
  scope->n_free = n_free;
  return fewer;
}

/* ---- names for messages -------------------------------------------------- */

/* Element i of the declared inputs, or of the outputs and hidden values. */
static const char *element_name(const Scope *scope, bool is_input, int i,
                                char name[SCOPE_NAME])
{
  if (scope->version == 1) {
    snprintf(name, SCOPE_NAME, "%c_%d", is_input ? 'X' : 'Y', i);
    return name;
  }
  const ScopeTensor *t = scope->tensor;
  while ((t->role == SCOPE_INPUT) != is_input || i < t->first ||
         i >= t->first + t->size)
    t++;
  int index[SCOPE_MAX_RANK], rest = i - t->first;
  for (int d = t->rank; d-- > 0; rest /= t->dims[d])
    index[d] = rest % t->dims[d];
  int n = snprintf(name, SCOPE_NAME, "%.30s", t->name);
  for (int d = 0; d < t->rank; d++)
    n += snprintf(name + n, (size_t)(SCOPE_NAME - n), "%c%d", d ? ',' : '[', index[d]);
  if (t->rank) snprintf(name + n, (size_t)(SCOPE_NAME - n), "]");
  return name;
}

const char *scope_declared_name(const Scope *scope, int declared, char name[SCOPE_NAME])
{
  return element_name(scope, true, declared, name);
}

const char *scope_input_name(const Scope *scope, int input, char name[SCOPE_NAME])
{
  return element_name(scope, true, first_declared(scope, input), name);
}

const char *scope_output_name(const Scope *scope, int output, char name[SCOPE_NAME])
{
  return element_name(scope, false, output, name);
}

void scope_input_place(const Scope *scope, int input, int *line, int *column)
{
  const int i = first_declared(scope, input);
  *line = *column = 1;
  if (scope->line) {
    *line = scope->line[i];
    *column = scope->column[i];
    return;
  }
  for (int k = 0; k < scope->n_tensors; k++) {
    const ScopeTensor *const t = &scope->tensor[k];
    if (t->role != SCOPE_INPUT || i < t->first || i >= t->first + t->size) continue;
    *line = t->line;
    *column = t->column;
  }
}

/* ---- leniency and types -------------------------------------------------- */

Status scope_lax(Scope *scope, const Sexpr *s, int line, int column, Lax kind,
                 const char *what, Err *err)
{
  if (scope->version == 1) return STATUS_OK;
  if (scope->strict)
    return sexpr_fail(s, line, column, err, STATUS_DATA, "%s (--strict)", what);
  if (scope->said[kind]) return STATUS_OK;
  scope->said[kind] = true;
  text_add(&scope->notes, "%s%s:%d:%d: %s", scope->notes.n ? "\n" : "", s->path, line,
           column, what);
  return STATUS_OK;
}

bool scope_type_is_real(const char *type)
{
  return !strcasecmp(type, "real");
}

const char *scope_type(const Scope *scope)
{
  const char *type = NULL;
  for (int k = 0; k < scope->n_tensors; k++) {
    const char *const own =
        scope_type_is_real(scope->tensor[k].type) ? "real" : scope->tensor[k].type;
    if (type && strcmp(type, own)) return NULL;
    type = own;
  }
  return type;
}
