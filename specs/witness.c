/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/witness.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "net/orders.h"
#include "specs/ival.h"
#include "specs/sexpr.h"
#include "specs/term.h"

/* Attempts to find float32 numbers in a ball; the last one is content with doubles. */
#define SNAP_STEPS 22

/* ---- admissible points --------------------------------------------------- */

/* The gap between float32 numbers around x: 2^(e-24) for |x| in [2^(e-1), 2^e). */
static double float_gap(double x)
{
  int e;
  frexp(x, &e);
  return ldexp(1, e - 24 < -149 ? -149 : e - 24);
}

/* Range i holds a decimal but no double: see rule 1 of the header. */
static bool stands_for_decimal(const Net *net, const Box *box, int i, double x)
{
  const double lo = box->lo[i], hi = box->hi[i];
  const double in_lo = box->in_lo[i], in_hi = box->in_hi[i];
  if (!(in_lo > in_hi) || in_lo != round_up(in_hi)) return false;
  if (x == in_lo || x == in_hi) return true;
  return net->is_float32 && (x == lo || x == hi) && (double)(float)x == x &&
         hi - lo <= float_gap(fmax(fabs(lo), fabs(hi)));
}

static bool is_admissible_at(const Net *net, const Box *box, int i, double x)
{
  return (x >= box->in_lo[i] && x <= box->in_hi[i]) ||
         stands_for_decimal(net, box, i, x);
}

static bool is_admissible(const Net *net, const Box *box, const double *x)
{
  for (int i = 0; i < box->n; i++)
    if (!is_admissible_at(net, box, i, x[i])) return false;
  return !box->ball || ball_contains(box->ball, x);
}

/* The float32 number in [lo, hi] nearest to x, or NAN. */
static double float_inside(double lo, double hi, double x)
{
  if (!(fabs(x) <= (double)FLT_MAX)) return NAN;
  float f = (float)x;
  if ((double)f < lo) f = nextafterf(f, INFINITY);
  if ((double)f > hi) f = nextafterf(f, -INFINITY);
  return (double)f >= lo && (double)f <= hi && isfinite(f) ? (double)f : NAN;
}

static double snapped(const Net *net, const Box *box, int i, double x)
{
  double lo = box->in_lo[i], hi = box->in_hi[i];
  if (lo > hi) {
    /* The decimal lies next to in_hi; its float32 is lo or hi. */
    lo = box->lo[i];
    hi = box->hi[i];
    x = isfinite(box->in_hi[i]) ? box->in_hi[i] : x;
  }
  if (isnan(x)) x = lo / 2 + hi / 2;
  x = fmin(fmax(x, lo), hi);
  const double f = net->is_float32 ? float_inside(lo, hi, x) : NAN;
  return isnan(f) ? x : f;
}

/* Into the ball, by less and less of its radius until rounding to float32 does not lead
 * out again, or without float32 numbers.  l0: what has not moved stays as it is. */
static void snap_into_ball(const Net *net, const Box *box, double *x)
{
  const size_t bytes = (size_t)box->n * sizeof *x;
  double *const from = mem_doubles((size_t)box->n);
  memcpy(from, x, bytes);
  for (int step = 0; step < SNAP_STEPS; step++) {
    const bool last = step == SNAP_STEPS - 1;
    const double less = last ? 0x1p-40 : step ? ldexp(1, 2 * step - 42) : 0;
    memcpy(x, from, bytes);
    ball_pull(box->ball, box->in_lo, box->in_hi, 1 - less, x);
    for (int i = 0; i < box->n && !last; i++)
      if (box->ball->norm != BALL_L0 || x[i] != box->ball->c[i])
        x[i] = snapped(net, box, i, x[i]) + 0.0;
    if (ball_contains(box->ball, x)) break;
  }
  mem_free(from);
}

void witness_snap(const Net *net, const Box *box, double *x)
{
  if (box->ball && ball_contains(box->ball, x)) {
    /* A point that is good as it is. */
    bool fine = true;
    for (int i = 0; i < box->n && fine; i++)
      fine =
          x[i] >= box->in_lo[i] && x[i] <= box->in_hi[i] &&
          (!net->is_float32 || x[i] == box->ball->c[i] || x[i] == (double)(float)x[i]);
    if (fine) return;
  }
  for (int i = 0; i < box->n; i++)
    if (!box->ball || box->ball->norm != BALL_L0 || x[i] != box->ball->c[i])
      x[i] = snapped(net, box, i, x[i]) + 0.0; /* -0 becomes 0 */
  if (box->ball) snap_into_ball(net, box, x);
}

/* ---- replay -------------------------------------------------------------- */

Ival witness_row(const PropRow *row, const double *lo, const double *hi)
{
  Ival sum = {-row->rhs_hi, -row->rhs_lo};
  for (int p = 0; p < row->n; p++) {
    const double off = round_mul_up(fabs(row->coef[p]), row->coef_rel);
    const Ival coef = {round_add_dn(row->coef[p], -off),
                       round_add_up(row->coef[p], off)};
    const Ival y = {lo[row->var[p]], hi[row->var[p]]};
    sum = ival_add(sum, ival_mul(coef, y));
  }
  return (Ival){sum.lo + 0.0, sum.hi + 0.0}; /* -0 becomes 0 */
}

static bool row_holds(const PropRow *row, double upper)
{
  return row->strict ? upper < 0 : upper <= 0;
}

/* Does every row hold?  *margin is raised to the largest row value. */
static bool case_holds(const PropCase *c, const double *lo, const double *hi,
                       double *margin)
{
  for (int j = 0; j < c->n_rows; j++) {
    const double m = witness_row(&c->rows[j], lo, hi).hi;
    if (!row_holds(&c->rows[j], m)) return false;
    if (m > *margin) *margin = m;
  }
  return true;
}

static bool evaluate(const Net *net, const double *x, Witness *w)
{
  const size_t n_in = (size_t)w->n_in, n_out = (size_t)w->n_out;
  w->x = mem_doubles(n_in);
  memcpy(w->x, x, n_in * sizeof *x);
  w->y = mem_doubles(n_out);
  w->y_lo = mem_doubles(n_out);
  w->y_hi = mem_doubles(n_out);
  w->y32 = mem_array(n_out, sizeof *w->y32);
  double *mid = mem_doubles(n_out), *rad = mem_doubles(n_out);
  eval_double(net, x, w->y);
  eval_float(net, x, w->y32);
  eval_enclose(net, x, mid, rad);
  bool finite = true;
  for (size_t i = 0; i < n_out; i++) {
    finite = finite && isfinite(mid[i]) && rad[i] >= 0 && isfinite(rad[i]) &&
             isfinite(w->y[i]) && isfinite(w->y32[i]);
    w->y_lo[i] = round_add_dn(mid[i], -rad[i]);
    w->y_hi[i] = round_add_up(mid[i], rad[i]);
  }
  mem_free(mid);
  mem_free(rad);
  return finite;
}

static bool case_replays(const PropCase *c, const double *y32, Witness *w)
{
  double margin = c->n_rows ? -INFINITY : -1, ignored = -INFINITY;
  if (!case_holds(c, w->y_lo, w->y_hi, &margin)) return false;
  if (!case_holds(c, y32, y32, &ignored)) return false;
  if (w->any_lo && !case_holds(c, w->any_lo, w->any_hi, &ignored)) return false;
  w->margin = margin;
  return true;
}

/* Try the cases of the boxes that contain x; -1 when none replays.  With any_lo only
 * robust ones do. */
static int find_case(const Net *net, Witness *w)
{
  const Prop *const prop = w->prop;
  double *y32 = mem_doubles((size_t)w->n_out);
  for (int i = 0; i < w->n_out; i++)
    y32[i] = (double)w->y32[i];
  int box = -1, found = -1;
  bool inside = false;
  for (int k = 0; k < prop->n_cases && found < 0; k++) {
    const PropCase *const c = &prop->cases[k];
    if (c->box != box) inside = is_admissible(net, &prop->boxes[c->box], w->x);
    box = c->box;
    if (inside && case_replays(c, y32, w)) found = k;
  }
  mem_free(y32);
  return found;
}

/* Evaluating costs far more than looking whether any box contains the point. */
static bool in_some_box(const Net *net, const Prop *prop, const double *x)
{
  for (int i = 0; i < prop->n_in; i++)
    if (!isfinite(x[i])) return false;
  for (int b = 0; b < prop->n_boxes; b++)
    if (is_admissible(net, &prop->boxes[b], x)) return true;
  return false;
}

bool witness_replay(const Net *net, const Prop *prop, const double *x, Witness *w)
{
  STATUS_REQUIRE(net_in_size(net) == prop->n_in && net_out_size(net) == prop->n_out,
                 "network and specification must fit");
  *w = (Witness){.prop = prop, .n_in = prop->n_in, .n_out = prop->n_out, .case_id = -1};
  if (!in_some_box(net, prop, x)) return false;
  if (evaluate(net, x, w)) w->case_id = find_case(net, w);
  if (w->case_id >= 0) return true;
  witness_reset(w);
  return false;
}

void witness_reset(Witness *w)
{
  mem_free(w->x);
  mem_free(w->y);
  mem_free(w->y_lo);
  mem_free(w->y_hi);
  mem_free(w->y32);
  mem_free(w->y32_pairwise);
  mem_free(w->any_lo);
  mem_free(w->any_hi);
  mem_free(w->row_any);
  *w = (Witness){.case_id = -1};
}

static double *copied(const double *x, int n)
{
  double *copy = mem_doubles((size_t)n);
  memcpy(copy, x, (size_t)n * sizeof *x);
  return copy;
}

Witness witness_copy(const Witness *w)
{
  STATUS_REQUIRE(w->kind == WITNESS_UNTESTED, "a completed witness is not copied");
  Witness copy = *w;
  copy.x = copied(w->x, w->n_in);
  copy.y = copied(w->y, w->n_out);
  copy.y_lo = copied(w->y_lo, w->n_out);
  copy.y_hi = copied(w->y_hi, w->n_out);
  copy.y32 = mem_array((size_t)w->n_out, sizeof *copy.y32);
  memcpy(copy.y32, w->y32, (size_t)w->n_out * sizeof *copy.y32);
  return copy;
}

/* l0: an input that has not moved is rounded as the centre is. */
static bool rounds_into_ball(const Ball *ball, const Witness *w)
{
  double *const x = mem_doubles((size_t)w->n_in);
  for (int i = 0; i < w->n_in; i++)
    x[i] = ball->norm == BALL_L0 && w->x[i] == ball->c[i] ? w->x[i]
                                                          : (double)(float)w->x[i];
  const bool inside = ball_contains(ball, x);
  mem_free(x);
  return inside;
}

/* A program rounds X to float32.  Is the result still in the box, wherever the box has
 * a float32 number? */
static bool rounds_into_box(const Net *net, const Witness *w)
{
  const Box *const box = &w->prop->boxes[w->prop->cases[w->case_id].box];
  if (box->ball && !rounds_into_ball(box->ball, w)) return false;
  for (int i = 0; i < w->n_in; i++) {
    const double x = w->x[i], f = (double)(float)x;
    if (f == x || is_admissible_at(net, box, i, f)) continue;
    if (!isnan(float_inside(box->in_lo[i], box->in_hi[i], x))) return false;
  }
  return true;
}

/* Values of the row in all float32 executions.  Intervals of outputs lose how they
 * depend on each other; where they do not do, the errors are followed to the row. */
static Ival row_any(const Orders *r, const Witness *w, const PropRow *row)
{
  const Ival any = witness_row(row, w->any_lo, w->any_hi);
  if (row_holds(row, any.hi)) return any;
  const Ival exact = witness_row(row, w->y_lo, w->y_hi);
  double off = orders_row(r, row->n, row->var, row->coef);
  for (int p = 0; p < row->n && row->coef_rel != 0; p++) {
    const int i = row->var[p];
    const double move = fmax(w->any_hi[i] - w->y_lo[i], w->y_hi[i] - w->any_lo[i]);
    off += row->coef_rel * fabs(row->coef[p]) * move;
  }
  off *= 1 + 0x1p-40; /* the few operations above */
  return (Ival){fmax(any.lo, round_add_dn(exact.lo, -off)),
                fmin(any.hi, round_add_up(exact.hi, off))};
}

/* Fill row_any; do all rows hold? */
static bool holds_in_any_order(const Orders *r, Witness *w)
{
  const PropCase *const c = &w->prop->cases[w->case_id];
  bool holds = true;
  w->row_any = mem_array((size_t)c->n_rows + 1, sizeof *w->row_any);
  for (int j = 0; j < c->n_rows; j++) {
    w->row_any[j] = row_any(r, w, &c->rows[j]);
    holds = holds && row_holds(&c->rows[j], w->row_any[j].hi);
  }
  return holds;
}

void witness_complete(const Net *net, Witness *w)
{
  STATUS_REQUIRE(w->case_id >= 0 && w->kind == WITNESS_UNTESTED,
                 "only a replayed witness can be completed, once");
  w->y32_pairwise = mem_array((size_t)w->n_out, sizeof *w->y32_pairwise);
  w->any_lo = mem_doubles((size_t)w->n_out);
  w->any_hi = mem_doubles((size_t)w->n_out);
  orders_pairwise(net, w->x, w->y32_pairwise);
  Orders *r = orders_new(net, w->x);
  const bool known = orders_outputs(r, w->any_lo, w->any_hi);
  const int robust = known ? find_case(net, w) : -1;
  if (robust >= 0) w->case_id = robust;
  const bool holds = holds_in_any_order(r, w) && known && rounds_into_box(net, w);
  w->kind = holds ? WITNESS_ROBUST : WITNESS_BORDERLINE;
  orders_free(r);
}

const char *witness_kind_word(WitnessKind kind)
{
  switch (kind) {
  case WITNESS_UNTESTED:
    return "untested";
  case WITNESS_BORDERLINE:
    return "borderline";
  case WITNESS_ROBUST:
    return "robust";
  }
  return "?";
}

/* ---- why a point is none ------------------------------------------------- */

static void explain_input(const Prop *prop, int b, int i, double x, Text *why)
{
  const Box *const box = &prop->boxes[b];
  const char *const decimal = prop_decimal(prop, b, i);
  text_add(why, "X_%d = %.17g ", i, x);
  if (box->in_lo[i] <= box->in_hi[i])
    text_add(why, "is outside its range [%.17g, %.17g]", box->in_lo[i], box->in_hi[i]);
  else if (decimal)
    text_add(why, "is not %s, nor a number that stands for it", decimal);
  else
    text_add(why, "is in a range that no number is known to lie in");
  if (x >= box->lo[i] && x <= box->hi[i])
    text_add(why, "; only bounds rounded to float32 would admit it");
  if (prop->n_boxes > 1) text_add(why, "; other boxes are missed as well");
}

/* Why x is in a box but in no ball that goes with one. */
static void explain_ball(const Prop *prop, const double *x, const Net *net, Text *why)
{
  for (int b = 0; b < prop->n_boxes; b++) {
    const Ball *const ball = prop->boxes[b].ball;
    if (!ball || is_admissible(net, &prop->boxes[b], x)) continue;
    text_add(why, "X is not proved to be in the %s ball: ", ball_norm_word(ball->norm));
    if (ball->norm == BALL_L0)
      text_add(why, "%.0f inputs differ from the centre, but at most %d may",
               ball_distance(ball, x), ball->k);
    else
      text_add(why,
               "its distance from the centre, rounded up, is %.17g, the radius %.17g",
               ball_distance(ball, x), ball->radius);
    return;
  }
}

/* The box that is left by the fewest inputs, and the first of them; -1 when x is in
 * some box. */
static int first_outside(const Net *net, const Prop *prop, const double *x, int *box)
{
  int least = prop->n_in + 1, input = -1;
  for (int b = 0; b < prop->n_boxes; b++) {
    int n = 0, first = -1;
    for (int i = 0; i < prop->n_in; i++) {
      if (is_admissible_at(net, &prop->boxes[b], i, x[i])) continue;
      if (!n++) first = i;
    }
    if (n == 0) return -1;
    if (n >= least) continue;
    least = n;
    input = first;
    *box = b;
  }
  return input;
}

/* The first row of the case that does not hold over [lo, hi], and its values. */
static const PropRow *first_row(const PropCase *c, const double *lo, const double *hi,
                                Ival *value)
{
  for (int j = 0; j < c->n_rows; j++) {
    *value = witness_row(&c->rows[j], lo, hi);
    if (!row_holds(&c->rows[j], value->hi)) return &c->rows[j];
  }
  return NULL;
}

static double largest_row(const PropCase *c, const double *lo, const double *hi)
{
  double most = -INFINITY;
  for (int j = 0; j < c->n_rows; j++)
    most = fmax(most, witness_row(&c->rows[j], lo, hi).hi);
  return most;
}

static void explain_rows(const Prop *prop, int k, const Witness *w, const double *y32,
                         Text *why)
{
  const PropCase *const c = &prop->cases[k];
  Ival value;
  const char *place = "over the reals";
  const PropRow *row = first_row(c, w->y_lo, w->y_hi, &value);
  if (!row) {
    place = "in float32";
    row = first_row(c, y32, y32, &value);
  }
  text_add(why, "case %d", k);
  if (row && row->line) text_add(why, ", row of line %d", row->line);
  if (row)
    text_add(why, ": its value %s is in [%.17g, %.17g], but must be %s 0", place,
             value.lo, value.hi, row->strict ? "<" : "<=");
}

static void explain_outputs(const Net *net, const Prop *prop, const double *x,
                            const Witness *w, Text *why)
{
  double *y32 = mem_doubles((size_t)w->n_out);
  for (int i = 0; i < w->n_out; i++)
    y32[i] = (double)w->y32[i];
  int nearest = -1;
  double least = INFINITY;
  for (int k = 0; k < prop->n_cases; k++) {
    if (!is_admissible(net, &prop->boxes[prop->cases[k].box], x)) continue;
    const double most = fmax(largest_row(&prop->cases[k], w->y_lo, w->y_hi),
                             largest_row(&prop->cases[k], y32, y32));
    if (nearest >= 0 && !(most < least)) continue;
    nearest = k;
    least = most;
  }
  explain_rows(prop, nearest, w, y32, why);
  mem_free(y32);
}

void witness_explain(const Net *net, const Prop *prop, const double *x, Text *why)
{
  int box = 0;
  if (prop->n_cases == 0) {
    text_add(why, "the unsafe set is empty");
    return;
  }
  const int input = first_outside(net, prop, x, &box);
  if (input >= 0) {
    explain_input(prop, box, input, x[input], why);
    return;
  }
  if (!in_some_box(net, prop, x)) {
    explain_ball(prop, x, net, why);
    return;
  }
  Witness w = {.prop = prop, .n_in = prop->n_in, .n_out = prop->n_out};
  if (evaluate(net, x, &w))
    explain_outputs(net, prop, x, &w, why);
  else
    text_add(why, "some output is not known to be finite");
  witness_reset(&w);
}

/* ---- text ---------------------------------------------------------------- */

/* The decimal without what JSON does not know: a plus sign, zeros in front, a dot
 * without digits on both sides. */
static void print_decimal(const char *s, Text *out)
{
  if (*s == '-') text_add(out, "-");
  if (*s == '-' || *s == '+') s++;
  while (*s == '0' && s[1] >= '0' && s[1] <= '9')
    s++;
  if (*s == '.') text_add(out, "0");
  for (; *s; s++) {
    if (*s == '.' && !(s[1] >= '0' && s[1] <= '9')) continue;
    text_add(out, "%c", *s);
  }
}

void witness_print_input(const Witness *w, int i, Text *out)
{
  const char *const decimal = prop_decimal(w->prop, w->prop->cases[w->case_id].box, i);
  if (decimal)
    print_decimal(decimal, out);
  else
    text_add(out, "%.17g", w->x[i]);
}

/* One "(NAME VALUE)" after its "(". */
static Status read_pair(Sexpr *s, int n_in, double *x, bool *seen, Err *err)
{
  const SexprToken name = sexpr_next(s), number = sexpr_next(s);
  char letter, shown[SEXPR_SHOW];
  int index;
  Decimal value;
  if (!term_variable(&name, &letter, &index))
    return sexpr_expected(s, &name, "X_<i> or Y_<j>", err);
  if (number.kind != SEXPR_ATOM ||
      !decimal_parse(number.text, (size_t)number.n, &value))
    return sexpr_expected(s, &number, "a finite decimal number", err);
  if (letter == 'X') {
    if (index >= n_in)
      return sexpr_fail(s, name.line, name.column, err, STATUS_DATA,
                        "%s, but the network has %d inputs", sexpr_show(&name, shown),
                        n_in);
    if (seen[index])
      return sexpr_fail(s, name.line, name.column, err, STATUS_DATA,
                        "%s is given twice", sexpr_show(&name, shown));
    seen[index] = true;
    x[index] = value.near;
  }
  return sexpr_need(s, SEXPR_CLOSE, "\")\" after the value", err);
}

static Status read_pairs(Sexpr *s, int n_in, double *x, bool *seen, Err *err)
{
  SexprToken token = sexpr_next(s);
  if (sexpr_is(&token, "sat")) token = sexpr_next(s);
  if (token.kind != SEXPR_OPEN)
    return sexpr_expected(s, &token, "a witness ((X_0 value) ...)", err);
  for (token = sexpr_next(s); token.kind == SEXPR_OPEN; token = sexpr_next(s)) {
    const Status rc = read_pair(s, n_in, x, seen, err);
    if (rc) return rc;
  }
  if (token.kind != SEXPR_CLOSE)
    return sexpr_expected(s, &token, "(X_<i> value) or \")\"", err);
  for (int i = 0; i < n_in; i++)
    if (!seen[i])
      return sexpr_fail(s, token.line, token.column, err, STATUS_DATA,
                        "the witness gives no value for X_%d", i);
  token = sexpr_next(s);
  if (token.kind != SEXPR_END)
    return sexpr_expected(s, &token, "the end of the file after the witness", err);
  return STATUS_OK;
}

Status witness_parse(const char *path, const char *text, size_t size, int n_in,
                     double *x, Err *err)
{
  Sexpr s;
  Status rc = sexpr_init(&s, path, text, size, err);
  if (rc) return rc;
  bool *seen = mem_zero((size_t)n_in, sizeof *seen);
  rc = read_pairs(&s, n_in, x, seen, err);
  mem_free(seen);
  return rc;
}
