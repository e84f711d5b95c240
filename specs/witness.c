/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/witness.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "specs/ival.h"
#include "specs/sexpr.h"
#include "specs/term.h"

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

static bool is_admissible(const Net *net, const Box *box, const double *x)
{
  for (int i = 0; i < box->n; i++)
    if (!(x[i] >= box->in_lo[i] && x[i] <= box->in_hi[i]) &&
        !stands_for_decimal(net, box, i, x[i]))
      return false;
  return true;
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

void witness_snap(const Net *net, const Box *box, double *x)
{
  for (int i = 0; i < box->n; i++)
    x[i] = snapped(net, box, i, x[i]) + 0.0; /* -0 becomes 0 */
}

/* ---- replay -------------------------------------------------------------- */

/* An upper bound of  coef y - rhs  over all y in [lo, hi], true coefficients and true
 * right-hand sides.  NaN or +infinity when it cannot be bounded. */
static double row_upper(const PropRow *row, const double *lo, const double *hi)
{
  double sum = -row->rhs_lo;
  for (int p = 0; p < row->n; p++) {
    const double off = round_mul_up(fabs(row->coef[p]), row->coef_rel);
    const Ival coef = {round_add_dn(row->coef[p], -off),
                       round_add_up(row->coef[p], off)};
    const Ival y = {lo[row->var[p]], hi[row->var[p]]};
    sum = round_add_up(sum, ival_mul(coef, y).hi);
  }
  return sum;
}

/* Does every row hold?  *margin is raised to the largest row value. */
static bool case_holds(const PropCase *c, const double *lo, const double *hi,
                       double *margin)
{
  for (int j = 0; j < c->n_rows; j++) {
    const double m = row_upper(&c->rows[j], lo, hi);
    if (!(c->rows[j].strict ? m < 0 : m <= 0)) return false;
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
  w->margin = margin;
  return true;
}

/* Try the cases of the boxes that contain x; -1 when none replays. */
static int find_case(const Net *net, const Prop *prop, const double *x,
                     const double *y32, Witness *w)
{
  int box = -1;
  bool inside = false;
  for (int k = 0; k < prop->n_cases; k++) {
    const PropCase *const c = &prop->cases[k];
    if (c->box != box) inside = is_admissible(net, &prop->boxes[c->box], x);
    box = c->box;
    if (inside && case_replays(c, y32, w)) return k;
  }
  return -1;
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
  *w = (Witness){.n_in = prop->n_in, .n_out = prop->n_out, .case_id = -1};
  if (!in_some_box(net, prop, x)) return false;
  if (evaluate(net, x, w)) {
    double *y32 = mem_doubles((size_t)w->n_out);
    for (int i = 0; i < w->n_out; i++)
      y32[i] = (double)w->y32[i];
    w->case_id = find_case(net, prop, x, y32, w);
    mem_free(y32);
  }
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
  *w = (Witness){.case_id = -1};
}

/* ---- text ---------------------------------------------------------------- */

void witness_print(const Net *net, const Witness *w, Text *out)
{
  for (int i = 0; i < w->n_in; i++)
    text_add(out, "%s(X_%d %.17g)", i ? "\n" : "(", i, w->x[i]);
  for (int i = 0; i < w->n_out; i++)
    text_add(out, "\n(Y_%d %.17g)", i, net->is_float32 ? (double)w->y32[i] : w->y[i]);
  text_add(out, ")\n");
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
