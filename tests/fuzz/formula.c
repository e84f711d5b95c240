/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/formula.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "tests/fuzz/target.h"

typedef enum { NO, YES, MAYBE } Answer;

enum { MAX_DEPTH = 300, MAX_TEXT = 20000 };

typedef struct {
  const char *at, *end;
  const Prop *prop;
  const double *x, *y; /* of the Prop, y without extensions */
  int depth;
  bool lost; /* something that is not understood here: all answers are void */
} Scan;

/* value is off by at most slop */
typedef struct {
  long double value, slop;
} Term;

/* ---- the text ------------------------------------------------------------- */

static void skip_blanks(Scan *s)
{
  while (s->at < s->end) {
    if (*s->at == ';')
      while (s->at < s->end && *s->at != '\n')
        s->at++;
    else if (strchr(" \t\r\n\f\v", *s->at) && *s->at)
      s->at++;
    else
      return;
  }
}

static bool take(Scan *s, char c)
{
  skip_blanks(s);
  if (s->at == s->end || *s->at != c) return false;
  s->at++;
  return true;
}

/* The next atom, cut off at 63 characters; "" when there is none. */
static void take_atom(Scan *s, char atom[64])
{
  skip_blanks(s);
  size_t n = 0;
  while (s->at < s->end && (!*s->at || !strchr("(); \t\r\n\f\v", *s->at))) {
    if (n < 63 && *s->at)
      atom[n++] = *s->at;
    else
      s->lost = true;
    s->at++;
  }
  atom[n] = 0;
}

/* ---- variables ------------------------------------------------------------ */

static bool in_name(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c >= '0' && c <= '9');
}

/* The number of an element from its indices, "[0, 1]", where there are some. */
static int take_element(Scan *s, const ScopeTensor *t)
{
  int at = 0;
  if (!take(s, '[')) return 0;
  for (int d = 0; d < t->rank; d++) {
    skip_blanks(s);
    char *rest;
    at = at * t->dims[d] + (int)strtol(s->at, &rest, 10);
    if (rest == s->at || rest > s->end) s->lost = true;
    s->at = rest;
    if (!take(s, d + 1 < t->rank ? ',' : ']')) s->lost = true;
  }
  return at;
}

/* An element of a tensor of VNN-LIB 2; the cursor is at a letter. */
static Term read_element(Scan *s)
{
  const Scope *const scope = s->prop->scope;
  const char *const name = s->at;
  while (s->at < s->end && in_name(*s->at))
    s->at++;
  const size_t n = (size_t)(s->at - name);
  for (int k = 0; k < scope->n_tensors; k++) {
    const ScopeTensor *const t = &scope->tensor[k];
    if (strlen(t->name) != n || memcmp(t->name, name, n)) continue;
    const int at = t->first + take_element(s, t);
    if (s->lost) break;
    const double v = t->role == SCOPE_INPUT ? s->x[scope_free(scope, at)] : s->y[at];
    return (Term){(long double)v, 0};
  }
  s->lost = true;
  return (Term){0};
}

static Term read_atom_term(Scan *s)
{
  char atom[64], *rest;
  skip_blanks(s);
  if (s->prop->scope && s->at < s->end && in_name(*s->at) && *s->at > '9')
    return read_element(s);
  take_atom(s, atom);
  if (atom[0] == 'X' || atom[0] == 'Y') {
    const long index = strtol(atom + 2, NULL, 10);
    return (Term){(long double)(atom[0] == 'X' ? s->x : s->y)[index], 0};
  }
  const long double value = strtold(atom, &rest);
  if (!*atom || *rest) s->lost = true;
  return (Term){value, fabsl(value) * 1e-15L + 1e-4940L};
}

/* ---- formulas ------------------------------------------------------------- */

static Term read_term(Scan *s)
{
  if (!take(s, '(')) return read_atom_term(s);
  char op[64];
  take_atom(s, op);
  if (++s->depth > MAX_DEPTH) s->lost = true;
  Term sum = {0};
  for (int n = 0; !s->lost; n++) {
    if (take(s, ')')) {
      if (*op == '-' && n == 1) sum.value = -sum.value;
      break;
    }
    const Term t = read_term(s);
    if (n == 0)
      sum = t;
    else if (*op == '*')
      sum = (Term){sum.value * t.value, fabsl(sum.value) * t.slop +
                                            fabsl(t.value) * sum.slop +
                                            sum.slop * t.slop};
    else
      sum = (Term){*op == '+' ? sum.value + t.value : sum.value - t.value,
                   sum.slop + t.slop};
    sum.slop += 1e-15L * fabsl(sum.value);
  }
  s->depth--;
  return sum;
}

static Answer less(long double difference, long double slop)
{
  if (!isfinite(difference) || !isfinite(slop)) return MAYBE;
  if (fabsl(difference) <= slop * 4 + 1e-300L) return MAYBE;
  return difference < 0 ? YES : NO;
}

static Answer negated(Answer a)
{
  return a == MAYBE ? MAYBE : a == YES ? NO : YES;
}

static Answer read_comparison(Scan *s, const char *op)
{
  const Term a = read_term(s), b = read_term(s);
  if (!take(s, ')')) s->lost = true;
  const Answer is_less = less(a.value - b.value, a.slop + b.slop);
  if (*op == '=') return is_less == MAYBE ? MAYBE : NO;
  if (*op == '!') return is_less == MAYBE ? MAYBE : YES;
  return *op == '<' ? is_less : negated(is_less);
}

static Answer read_formula(Scan *s)
{
  char op[64];
  if (!take(s, '(')) s->lost = true;
  take_atom(s, op);
  const bool is_and = !strcmp(op, "and"), is_or = !strcmp(op, "or");
  const bool is_not = !strcmp(op, "not");
  if (s->lost || ++s->depth > MAX_DEPTH) {
    s->lost = true;
    return MAYBE;
  }
  Answer all = is_or ? NO : YES;
  if (!is_and && !is_or && !is_not) {
    all = read_comparison(s, op);
  } else {
    while (!s->lost && !take(s, ')')) {
      const Answer a = read_formula(s);
      const Answer strong = is_or ? YES : NO;
      if (is_not)
        all = negated(a);
      else if (a == strong || (a == MAYBE && all != strong))
        all = a;
    }
  }
  s->depth--;
  return all;
}

/* The rest of a declaration up to its ")", with shapes and strings. */
static void skip_declaration(Scan *s)
{
  for (int depth = 1; depth && s->at < s->end; s->at++) {
    skip_blanks(s);
    if (s->at == s->end) break;
    if (*s->at == '"')
      for (s->at++; s->at + 1 < s->end && *s->at != '"'; s->at++)
        s->at += *s->at == '\\';
    depth += (*s->at == '(') - (*s->at == ')');
  }
  s->at--;
}

/* The conjunction of all asserts. */
static Answer read_text(Scan *s)
{
  Answer all = YES;
  skip_blanks(s);
  while (!s->lost && s->at < s->end) {
    char command[64];
    if (!take(s, '(')) s->lost = true;
    take_atom(s, command);
    if (!strcmp(command, "assert")) {
      const Answer a = read_formula(s);
      if (a == NO || (a == MAYBE && all == YES)) all = a;
    } else {
      skip_declaration(s);
    }
    if (!take(s, ')')) s->lost = true;
    skip_blanks(s);
  }
  return s->lost ? MAYBE : all;
}

/* ---- the normal form ------------------------------------------------------ */

static Answer in_box(const Box *box, const double *x)
{
  Answer all = YES;
  for (int i = 0; i < box->n; i++) {
    if (x[i] < box->lo[i] || x[i] > box->hi[i]) return NO;
    if (!(x[i] >= box->in_lo[i] && x[i] <= box->in_hi[i])) all = MAYBE;
  }
  return all;
}

/* Output j of the Prop, perhaps an extension. */
static long double output(const Prop *prop, const Extend *e, const double *x,
                          const double *y, int j)
{
  const int n_out = e ? e->n_out : prop->n_out;
  if (j < n_out) return (long double)y[j];
  int factor[EXTEND_MAX_DEGREE];
  const int n = extend_factors(e, prop->n_in + j, factor);
  long double product = 1;
  for (int p = 0; p < n; p++)
    product *= (long double)(factor[p] < prop->n_in ? x[factor[p]]
                                                    : y[factor[p] - prop->n_in]);
  return product;
}

static Answer in_row(const Prop *prop, const Extend *e, const PropRow *row,
                     const double *x, const double *y)
{
  long double sum = 0, slop = 0;
  for (int p = 0; p < row->n; p++) {
    const long double term =
        (long double)row->coef[p] * output(prop, e, x, y, row->var[p]);
    sum += term;
    slop += fabsl(term) * (1e-15L + row->coef_rel);
  }
  const long double rhs = row->rhs_lo / 2 + row->rhs_hi / 2;
  slop += fabsl(rhs) * 1e-15L + (row->rhs_hi - row->rhs_lo);
  return less(sum - rhs, slop);
}

static Answer in_cases(const Prop *prop, const Extend *e, const double *x,
                       const double *y)
{
  Answer any = NO;
  for (int k = 0; k < prop->n_cases && any != YES; k++) {
    const PropCase *c = &prop->cases[k];
    Answer all = in_box(&prop->boxes[c->box], x);
    for (int j = 0; j < c->n_rows && all != NO; j++) {
      const Answer row = in_row(prop, e, &c->rows[j], x, y);
      if (row != YES) all = row;
    }
    if (all != NO) any = all;
  }
  return any;
}

/* ---- points --------------------------------------------------------------- */

enum { N_POINTS = 8 };

/* Inside a box, in three places, or beside it. */
static void choose(const Prop *prop, int which, double *x, double *y)
{
  static const double values[] = {0, 1, -1, 0.5, 100, -3.25, 1e-3};
  static const double share[] = {0.5, 0.75, 0.05, 0};
  const Box *box = prop->n_boxes ? &prop->boxes[which % prop->n_boxes] : NULL;
  const double left = share[which % 4];
  for (int i = 0; i < prop->n_in; i++) {
    const double lo = box ? box->lo[i] : -1, hi = box ? box->hi[i] : 1;
    x[i] = left > 0 ? lo * left + hi * (1 - left) : hi + 1;
  }
  for (int j = 0; j < prop->n_out; j++)
    y[j] = values[(which * 3 + j * (which + 1)) % 7];
}

void formula_compare(const char *text, size_t size, const Prop *prop, const Extend *e)
{
  if (!prop || size > MAX_TEXT || prop->n_cases > 1000) return;
  double *x = mem_doubles((size_t)prop->n_in), *y = mem_doubles((size_t)prop->n_out);
  const size_t bom = size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
  for (int which = 0; which < N_POINTS; which++) {
    choose(prop, which, x, y);
    Scan s = {.at = text + bom, .end = text + size, .prop = prop, .x = x, .y = y};
    const Answer mine = read_text(&s), theirs = in_cases(prop, e, x, y);
    TARGET_REQUIRE(mine == MAYBE || theirs == MAYBE || mine == theirs);
  }
  mem_free(x);
  mem_free(y);
}
