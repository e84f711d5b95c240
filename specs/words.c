/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/words.h"

#include <math.h>

#include "net/base/mem.h"
#include "specs/image.h"

/* What is shown of long lists. */
enum { MAX_TERMS = 8, MAX_INPUTS = 12, MAX_CASES = 12, MAX_ROWS = 12, MAX_BOXES = 4 };

static double middle(double lo, double hi)
{
  return lo / 2 + hi / 2;
}

static double right_side(const PropRow *row)
{
  return middle(row->rhs_lo, row->rhs_hi);
}

/* ---- names --------------------------------------------------------------- */

static void add_input(const Prop *prop, int i, Text *out)
{
  char name[SCOPE_NAME];
  if (prop->scope)
    text_add(out, "%s", scope_input_name(prop->scope, i, name));
  else
    text_add(out, "X_%d", i);
}

/* An output of the network, or one of those that specs/extend.h adds. */
static void add_output(const Prop *prop, int j, Text *out)
{
  char name[SCOPE_NAME];
  int factor[EXTEND_MAX_DEGREE];
  const Extend *const e = &prop->extend;
  if (!prop->scope || j >= prop->scope->n_out + e->n) {
    text_add(out, "Y_%d", j);
    return;
  }
  const int n = j < prop->scope->n_out ? 0 : extend_factors(e, e->n_in + j, factor);
  if (n == 0) text_add(out, "%s", scope_output_name(prop->scope, j, name));
  for (int p = 0; p < n; p++) {
    if (p) text_add(out, "*");
    if (factor[p] < e->n_in)
      add_input(prop, factor[p], out);
    else
      add_output(prop, factor[p] - e->n_in, out);
  }
}

/* The other inputs that the specification equates with it. */
static void add_equals(const Prop *prop, int input, Text *out)
{
  const Scope *const scope = prop->scope;
  char name[SCOPE_NAME];
  int n = 0;
  if (!scope || !scope->free_input) return;
  for (int i = 0; i < scope->n_in; i++) {
    if (scope->free_input[i] != input || scope->declared[input] == i) continue;
    if (n < MAX_TERMS)
      text_add(out, "%s%s", n ? ", " : ", the same as ",
               scope_declared_name(scope, i, name));
    n++;
  }
  if (n > MAX_TERMS) text_add(out, ", ... (%d)", n);
}

/* ---- rows ---------------------------------------------------------------- */

/* Y_a >= Y_b with larger = a, smaller = b: the row is Y_b - Y_a <= 0. */
static bool is_order(const PropRow *row, int *larger, int *smaller)
{
  if (row->n != 2 || right_side(row) != 0 || row->coef[0] != -row->coef[1])
    return false;
  const int p = row->coef[0] < 0 ? 0 : 1;
  *larger = row->var[p];
  *smaller = row->var[1 - p];
  return true;
}

static void add_sum(const Prop *prop, const PropRow *row, Text *out)
{
  for (int p = 0; p < row->n && p < MAX_TERMS; p++) {
    const double c = row->coef[p];
    text_add(out, "%s", p ? (c < 0 ? " - " : " + ") : (c < 0 ? "-" : ""));
    if (fabs(c) != 1) text_add(out, "%.9g ", fabs(c));
    add_output(prop, row->var[p], out);
  }
  if (row->n > MAX_TERMS) text_add(out, " + ... (%d terms)", row->n);
}

void words_row(const Prop *prop, const PropRow *row, Text *out)
{
  const char *const less = row->strict ? "<" : "<=", *const more =
                                                         row->strict ? ">" : ">=";
  int larger, smaller;
  if (is_order(row, &larger, &smaller)) {
    add_output(prop, larger, out);
    text_add(out, " %s ", more);
    add_output(prop, smaller, out);
  } else if (row->n == 1) {
    add_output(prop, row->var[0], out);
    text_add(out, " %s %.9g", row->coef[0] > 0 ? less : more,
             right_side(row) / row->coef[0] + 0.0);
  } else {
    add_sum(prop, row, out);
    text_add(out, " %s %.9g", less, right_side(row) + 0.0);
  }
}

/* ---- the sentence -------------------------------------------------------- */

/* Rows that compare one output with each of the others, the same way round. */
typedef struct {
  int first, second; /* of the last row: larger, smaller */
  int n;
  bool same_larger, same_smaller, is_all;
  unsigned char *seen; /* unsigned char seen[n_out][2]: as the larger, as the smaller */
} Ranking;

static void rank_begin(Ranking *r, int n_out)
{
  *r = (Ranking){.same_larger = true, .same_smaller = true, .is_all = true};
  r->seen = mem_zero((size_t)n_out * 2, 1);
}

static void rank_add(Ranking *r, const PropRow *row)
{
  int larger, smaller;
  if (!is_order(row, &larger, &smaller)) {
    r->is_all = false;
    return;
  }
  if (r->n) {
    r->same_larger = r->same_larger && larger == r->first;
    r->same_smaller = r->same_smaller && smaller == r->second;
  }
  r->seen[2 * larger] = r->seen[2 * smaller + 1] = 1;
  r->first = larger;
  r->second = smaller;
  r->n++;
}

/* The other side of the rows has all other outputs, each at least once. */
static bool rank_is_full(const Ranking *r, int n_out, int which)
{
  int n = 0;
  for (int j = 0; j < n_out; j++)
    n += r->seen[2 * j + which];
  return r->is_all && n_out > 1 && n == n_out - 1;
}

static void add_rank(const Prop *prop, int j, const char *what, Text *out)
{
  add_output(prop, j, out);
  text_add(out, " is %s of the %d outputs.", what, prop->n_out);
}

/* Y_l is the largest (smallest) output: any other in its place is unsafe. */
static bool claim_best(const Prop *prop, Text *out)
{
  Ranking r;
  rank_begin(&r, prop->n_out);
  for (int k = 0; k < prop->n_cases && r.is_all; k++) {
    r.is_all = prop->cases[k].n_rows == 1;
    if (r.is_all) rank_add(&r, prop->cases[k].rows);
  }
  bool found = true;
  if (r.same_smaller && rank_is_full(&r, prop->n_out, 0))
    add_rank(prop, r.second, "always the largest", out);
  else if (r.same_larger && rank_is_full(&r, prop->n_out, 1))
    add_rank(prop, r.first, "always the smallest", out);
  else
    found = false;
  mem_free(r.seen);
  return found;
}

/* Y_l is never the largest (smallest) output: all rows at once are unsafe. */
static bool claim_never(const Prop *prop, Text *out)
{
  Ranking r;
  if (prop->n_cases != 1) return false;
  const PropCase *const c = &prop->cases[0];
  rank_begin(&r, prop->n_out);
  for (int j = 0; j < c->n_rows; j++)
    rank_add(&r, &c->rows[j]);
  bool found = true;
  if (r.same_larger && rank_is_full(&r, prop->n_out, 1))
    add_rank(prop, r.first, "never the largest", out);
  else if (r.same_smaller && rank_is_full(&r, prop->n_out, 0))
    add_rank(prop, r.second, "never the smallest", out);
  else
    found = false;
  mem_free(r.seen);
  return found;
}

/* Y_l stays below, above, or between: one or two cases of one row each. */
static bool claim_range(const Prop *prop, Text *out)
{
  double low = -INFINITY, high = INFINITY;
  bool is_low_strict = false, is_high_strict = false;
  if (prop->n_cases < 1 || prop->n_cases > 2) return false;
  const int var = prop->cases[0].n_rows == 1 ? prop->cases[0].rows[0].var[0] : -1;
  for (int k = 0; k < prop->n_cases; k++) {
    const PropRow *const row = prop->cases[k].rows;
    if (prop->cases[k].n_rows != 1 || row->n != 1 || row->var[0] != var) return false;
    const double value = right_side(row) / row->coef[0] + 0.0;
    if (row->coef[0] > 0) {
      low = fmax(low, value);
      is_low_strict = !row->strict;
    } else {
      high = fmin(high, value);
      is_high_strict = !row->strict;
    }
  }
  add_output(prop, var, out);
  text_add(out, " is always ");
  if (isfinite(low))
    text_add(out, "%s %.9g", is_low_strict ? "greater than" : "at least", low);
  if (isfinite(low) && isfinite(high)) text_add(out, " and ");
  if (isfinite(high))
    text_add(out, "%s %.9g", is_high_strict ? "less than" : "at most", high);
  text_add(out, ".");
  return true;
}

/* Are the outputs of the Prop those of one network, and nothing else? */
static bool is_plain(const Prop *prop)
{
  const Scope *const scope = prop->scope;
  if (!scope) return true;
  for (int t = 0; t < scope->n_tensors; t++)
    if (scope->tensor[t].role == SCOPE_HIDDEN) return false;
  return scope->n_networks == 1 && prop->n_out == scope->n_out;
}

bool words_claim(const Prop *prop, Text *out)
{
  if (prop->n_cases == 0) {
    text_add(out, "Nothing is asked: no input and no output is unsafe.");
    return true;
  }
  if (prop->n_boxes > 1) return false;
  if (is_plain(prop) && (claim_best(prop, out) || claim_never(prop, out))) return true;
  return claim_range(prop, out);
}

/* ---- all of it ----------------------------------------------------------- */

/* What else the inputs must satisfy, where the box is not all of it. */
static void add_ball(const Ball *ball, Text *out)
{
  if (!ball) return;
  if (ball->norm == BALL_L0)
    text_add(out, "  and at most %d of them differ from the centre\n", ball->k);
  else
    text_add(out, "  and they are at most %.9g from the centre in the %s norm\n",
             ball->radius, ball_norm_word(ball->norm));
}

/* One input of a box. */
static void add_range(const Prop *prop, int b, int i, Text *out)
{
  const Box *const box = &prop->boxes[b];
  const char *const decimal = prop_decimal(prop, b, i);
  const bool is_range = !decimal && box->in_lo[i] < box->in_hi[i];
  text_add(out, "  ");
  if (is_range) text_add(out, "%.9g <= ", box->in_lo[i] + 0.0);
  add_input(prop, i, out);
  if (decimal)
    text_add(out, " = %s", decimal);
  else if (is_range)
    text_add(out, " <= %.9g", box->in_hi[i] + 0.0);
  else if (box->in_lo[i] == box->in_hi[i])
    text_add(out, " = %.9g", box->in_lo[i] + 0.0);
  else
    text_add(out, " is about %.9g", middle(box->lo[i], box->hi[i]));
  add_equals(prop, i, out);
  text_add(out, "\n");
}

/* The boxes as written: the decimals are between the two readings. */
static void add_box(const Prop *prop, int b, Text *out)
{
  const Box *const box = &prop->boxes[b];
  double least = INFINITY, most = 0;
  int n_fixed = 0;
  for (int i = 0; i < box->n; i++) {
    const double width = fmax(box->in_hi[i] - box->in_lo[i], 0);
    n_fixed += !(width > 0);
    if (width > 0) least = fmin(least, width);
    most = fmax(most, width);
  }
  const int n_vary = box->n - n_fixed;
  const char *const verb = n_vary == 1 ? "ies" : "y";
  if (n_vary == 0)
    text_add(out, ": a single point\n");
  else if (least == most || (float)least == (float)most)
    text_add(out, ": %d var%s by %.9g, %d fixed\n", n_vary, verb, most, n_fixed);
  else
    text_add(out, ": %d var%s by %.6g to %.6g, %d fixed\n", n_vary, verb, least, most,
             n_fixed);
  for (int i = 0; i < box->n && i < MAX_INPUTS; i++)
    add_range(prop, b, i, out);
  if (box->n > MAX_INPUTS) text_add(out, "  ... %d more\n", box->n - MAX_INPUTS);
  add_ball(box->ball, out);
}

static void add_case(const Prop *prop, int k, Text *out)
{
  const PropCase *const c = &prop->cases[k];
  text_add(out, "  case %d", k);
  if (c->line) text_add(out, " (line %d)", c->line);
  text_add(out, ": ");
  if (prop->n_boxes > 1) text_add(out, "input set %d and ", c->box);
  if (c->n_rows == 0) text_add(out, "any output");
  for (int j = 0; j < c->n_rows && j < MAX_ROWS; j++) {
    if (j) text_add(out, " and ");
    words_row(prop, &c->rows[j], out);
  }
  if (c->n_rows > MAX_ROWS) text_add(out, " and %d more", c->n_rows - MAX_ROWS);
  text_add(out, "\n");
}

/* ---- declarations -------------------------------------------------------- */

/* A name of a model may have any characters. */
static void add_quoted(const char *name, Text *out)
{
  text_add(out, "\"");
  for (const char *c = name; *c; c++)
    text_add(out, "%c", (unsigned char)*c < ' ' || *c == 127 ? '?' : *c);
  text_add(out, "\"");
}

static void add_tensor(const ScopeTensor *t, Text *out)
{
  static const char *const words[] = {"input", "hidden", "output"};
  text_add(out, "  %-9s %-14s %s [", words[t->role], t->name,
           scope_type_is_real(t->type) ? "real" : t->type);
  for (int d = 0; d < t->rank; d++)
    text_add(out, "%s%d", d ? "," : "", t->dims[d]);
  text_add(out, "]");
  if (t->onnx) text_add(out, ", in the model ");
  if (t->onnx) add_quoted(t->onnx, out);
  text_add(out, "\n");
}

void words_networks(const Prop *prop, const char *const *file, Text *out)
{
  const Scope *const scope = prop->scope;
  if (!scope || scope->version == 1) return;
  for (int k = 0; k < scope->n_networks; k++) {
    const ScopeNetwork *const net = &scope->network[k];
    text_add(out, "network     %s", net->name);
    if (net->equal_to >= 0)
      text_add(out, ", equal to %s", scope->network[net->equal_to].name);
    if (net->isomorphic_to >= 0)
      text_add(out, ", isomorphic to %s", scope->network[net->isomorphic_to].name);
    if (file && file[k]) text_add(out, ", from %s", file[k]);
    text_add(out, "\n");
    for (int t = net->first_tensor; t < net->first_tensor + net->n_tensors; t++)
      add_tensor(&scope->tensor[t], out);
  }
}

static void add_count(int n, const char *what, Text *out)
{
  text_add(out, "%d %s%s", n, what, n == 1 ? "" : "s");
}

void words_sizes(const Prop *prop, Text *out)
{
  const Scope *const scope = prop->scope;
  const int n_in = scope ? scope->n_in : prop->n_in;
  int n_hidden = 0;
  for (int t = 0; scope && t < scope->n_tensors; t++)
    if (scope->tensor[t].role == SCOPE_HIDDEN) n_hidden += scope->tensor[t].size;
  add_count(n_in, "input", out);
  if (prop->n_in < n_in) text_add(out, " (%d different)", prop->n_in);
  text_add(out, ", ");
  add_count((scope ? scope->n_out : prop->n_out) - n_hidden, "output", out);
  if (n_hidden) text_add(out, ", ");
  if (n_hidden) add_count(n_hidden, "hidden value", out);
}

/* ---- all together -------------------------------------------------------- */

void words_property(const Prop *prop, Text *out)
{
  Text claim = {0};
  if (words_claim(prop, &claim))
    text_add(out, "claim: %s%s\n", prop->n_cases ? "for every input below, " : "",
             claim.s);
  else
    text_add(out, "claim: for no input below does one of the cases hold.\n");
  text_free(&claim);
  for (int b = 0; b < prop->n_boxes && b < MAX_BOXES; b++) {
    if (prop->n_boxes > 1)
      text_add(out, "input set %d", b);
    else
      text_add(out, prop->image ? "parameters" : "inputs");
    add_box(prop, b, out);
  }
  if (prop->image) image_words(prop->image, out);
  if (prop->n_boxes > MAX_BOXES)
    text_add(out, "... %d more input sets\n", prop->n_boxes - MAX_BOXES);
  if (prop->n_cases)
    text_add(out, "a counterexample is an input where %s:\n",
             prop->n_cases > 1 ? "one of these holds" : "this holds");
  for (int k = 0; k < prop->n_cases && k < MAX_CASES; k++)
    add_case(prop, k, out);
  if (prop->n_cases > MAX_CASES)
    text_add(out, "  ... %d more cases\n", prop->n_cases - MAX_CASES);
}
