/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/brackets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/jsonout.h"
#include "solver/report/number.h"
#include "solver/report/plot.h"

/* ---- numbers ------------------------------------------------------------- */

/* Six digits, on the safe side: one unit of the last is at most 1e-5 of the number. */
static const char *digits(double x, bool up, char text[32])
{
  snprintf(text, 32, "%.6g", x);
  const double shown = strtod(text, NULL);
  if (up ? shown < x : shown > x)
    snprintf(text, 32, "%.6g", up ? x * (1 + 1e-5) : x * (1 - 1e-5));
  return text;
}

static const char *certified(const Margin *m, char text[32])
{
  return m->lower < 0 ? "-" : digits(m->lower, false, text);
}

static const char *counterexample(const Margin *m, char text[32])
{
  return m->upper < INFINITY ? digits(m->upper, true, text) : "-";
}

/* Of numbers of inputs, how many apart. */
static const char *width(const Brackets *b, const Margin *m, char text[32])
{
  const double w = margin_width(m);
  if (!(w < INFINITY) || m->upper == 0) return "-";
  if (!strcmp(b->norm, "l0"))
    snprintf(text, 32, "%g", m->upper - m->lower);
  else
    snprintf(text, 32, "%.2f %%", 100 * w);
  return text;
}

const char *brackets_note(const Margin *m)
{
  switch (m->state) {
  case MARGIN_CLOSE:
    return "";
  case MARGIN_WRONG:
    return "unsafe at the centre";
  case MARGIN_EVERYWHERE:
    return "proved up to the largest radius";
  case MARGIN_NONE:
    return "not finished";
  case MARGIN_WIDE:
    break;
  }
  switch (m->why) {
  case STOP_TIMEOUT:
    return "out of time";
  case STOP_MEMORY:
    return "out of memory";
  case STOP_INTERRUPTED:
    return "interrupted";
  case STOP_NO:
    break;
  }
  return m->undecided < INFINITY ? "radii between were undecided"
                                 : "no end was found above";
}

/* ---- text ---------------------------------------------------------------- */

/* What stays the same while a row is written. */
static void lock(Bracket *row)
{
  pthread_mutex_lock(&row->margin.lock);
}

static void unlock(Bracket *row)
{
  pthread_mutex_unlock(&row->margin.lock);
}

void brackets_say(Bracket *row, Text *out)
{
  const Margin *const m = &row->margin;
  char lower[32], upper[32];
  lock(row);
  const char *const note = brackets_note(m);
  text_add(out, "certified %s, counterexample %s, %.2f s%s%s", certified(m, lower),
           counterexample(m, upper), m->seconds, *note ? ": " : "", note);
  unlock(row);
}

static void add_row(const Brackets *b, const Bracket *row, Text *out)
{
  const Margin *const m = &row->margin;
  char lower[32], upper[32], wide[32];
  if (b->data_path) text_add(out, "%6d %6d ", row->row, row->label);
  text_add(out, "%13s %15s %9s %6d %8.2f", certified(m, lower),
           counterexample(m, upper), width(b, m, wide), m->n_steps, m->seconds);
  const char *const note = brackets_note(m);
  if (*note) text_add(out, "  %s", note);
  if (m->state == MARGIN_WIDE && m->undecided < INFINITY)
    text_add(out, " (from %s)", number_short(m->undecided).s);
  text_add(out, "\n");
}

static int compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The lower ends (upper ends) in ascending order; owned. */
static double *sorted(const Brackets *b, bool is_upper)
{
  double *const x = mem_doubles((size_t)b->n);
  for (int i = 0; i < b->n; i++) {
    lock(&b->rows[i]);
    x[i] = is_upper ? b->rows[i].margin.upper : b->rows[i].margin.lower;
    unlock(&b->rows[i]);
  }
  qsort(x, (size_t)b->n, sizeof *x, compare);
  return x;
}

static void add_summary(const Brackets *b, Text *out)
{
  int count[MARGIN_WIDE + 1] = {0};
  for (int i = 0; i < b->n; i++)
    count[b->rows[i].margin.state]++;
  text_add(out, "%d sample%s: %d close, %d wide", b->n, b->n == 1 ? "" : "s",
           count[MARGIN_CLOSE], count[MARGIN_WIDE]);
  if (count[MARGIN_EVERYWHERE])
    text_add(out, ", %d safe everywhere", count[MARGIN_EVERYWHERE]);
  if (count[MARGIN_WRONG])
    text_add(out, ", %d unsafe at the centre", count[MARGIN_WRONG]);
  if (count[MARGIN_NONE]) text_add(out, ", %d not finished", count[MARGIN_NONE]);
  double *const lower = sorted(b, false), *const upper = sorted(b, true);
  char low[32], high[32];
  const Margin median = {.lower = lower[(b->n - 1) / 2], .upper = upper[b->n / 2]};
  text_add(out, "; median certified %s, counterexample %s; %.2f s\n",
           certified(&median, low), counterexample(&median, high), b->seconds);
  mem_free(lower);
  mem_free(upper);
}

void brackets_text(const Brackets *b, Text *out)
{
  if (b->data_path) text_add(out, "%6s %6s ", "row", "label");
  text_add(out, "%13s %15s %9s %6s %8s\n", "certified", "counterexample", "width",
           "radii", "seconds");
  for (int i = 0; i < b->n; i++) {
    lock(&b->rows[i]);
    add_row(b, &b->rows[i], out);
    unlock(&b->rows[i]);
  }
  if (b->data_path && b->n) add_summary(b, out);
  if (!b->data_path)
    text_add(out, "%s; %s\n",
             b->is_factor ? "factors: 1 is the box of the specification"
                          : "distances from the centre",
             b->norm);
}

/* ---- CSV ----------------------------------------------------------------- */

static void csv_number(Text *out, double x, const char *end)
{
  if (isfinite(x) && x >= 0) text_add(out, "%.17g", x);
  text_add(out, "%s", end);
}

void brackets_csv(const Brackets *b, Text *out)
{
  text_add(out, "row,line,label,state,certified,counterexample,width,undecided,radii,"
                "seconds\n");
  for (int i = 0; i < b->n; i++) {
    Bracket *const row = &b->rows[i];
    const Margin *const m = &row->margin;
    lock(row);
    if (row->row >= 0)
      text_add(out, "%d,%d,%d,", row->row, row->line, row->label);
    else
      text_add(out, ",,,");
    text_add(out, "%s,", margin_word(m->state));
    csv_number(out, m->lower, ",");
    csv_number(out, m->upper, ",");
    csv_number(out, margin_width(m), ",");
    csv_number(out, m->undecided, ",");
    text_add(out, "%d,%.6f\n", m->n_steps, m->seconds);
    unlock(row);
  }
}

/* ---- JSON ---------------------------------------------------------------- */

static void json_string(Text *out, const char *key, const char *text)
{
  text_add(out, "\"%s\": ", key);
  if (text)
    jsonout_string(out, text);
  else
    text_add(out, "null");
  text_add(out, ", ");
}

static void json_number(Text *out, const char *key, double x)
{
  text_add(out, "\"%s\": ", key);
  jsonout_number(out, x < 0 ? NAN : x);
  text_add(out, ", ");
}

static void json_row(const Bracket *row, int n_in, Text *out)
{
  const Margin *const m = &row->margin;
  text_add(out, "    {");
  if (row->row >= 0)
    text_add(out, "\"row\": %d, \"line\": %d, \"label\": %d, ", row->row, row->line,
             row->label);
  json_string(out, "state", margin_word(m->state));
  json_string(out, "note", brackets_note(m));
  json_number(out, "certified", m->lower);
  json_number(out, "counterexample", m->upper);
  json_number(out, "width", margin_width(m));
  json_number(out, "undecided", m->undecided);
  text_add(out, "\"certificate\": %s, ", m->is_certified ? "true" : "false");
  text_add(out, "\"radii\": %d, \"seconds\": %.6f, \"x\": ", m->n_steps, m->seconds);
  if (m->x)
    jsonout_numbers(out, m->x, (size_t)n_in);
  else
    text_add(out, "null");
  text_add(out, "}");
}

/* At every end that is finite, in ascending order. */
static void json_accuracy(const Brackets *b, Text *out)
{
  double *const lower = sorted(b, false), *const upper = sorted(b, true);
  int proved = b->n, unbroken = b->n;
  double last = 0;
  text_add(out, "[");
  for (int i = 0, j = 0, k = 0;; k++) {
    while (i < b->n && lower[i] < last)
      i++, proved--;
    while (j < b->n && upper[j] <= last)
      j++, unbroken--;
    text_add(out, "%s{\"radius\": ", k ? ", " : "");
    jsonout_number(out, last);
    text_add(out, ", \"certified\": %.6f, \"attacked\": %.6f}", (double)proved / b->n,
             (double)unbroken / b->n);
    double next = INFINITY;
    for (int p = i; p < b->n && !(next < INFINITY); p++)
      if (lower[p] > last) next = lower[p];
    if (j < b->n) next = fmin(next, upper[j]);
    if (!(next < INFINITY)) break;
    last = next;
  }
  text_add(out, "]");
  mem_free(lower);
  mem_free(upper);
}

void brackets_json(const Brackets *b, Text *out)
{
  text_add(out, "{");
  json_string(out, "version", b->version);
  text_add(out, "\"network\": {");
  json_string(out, "path", b->net_path);
  text_add(out, "\"sha256\": \"%s\"}, ", b->net_sha256);
  json_string(out, "specification", b->spec_path);
  json_string(out, "samples", b->data_path);
  json_string(out, "norm", b->norm);
  json_string(out, "unit", b->is_factor ? "factor" : "radius");
  json_string(out, "semantics", b->semantics);
  json_number(out, "precision", b->precision);
  text_add(out, "\"seconds\": %.6f, \"brackets\": [", b->seconds);
  for (int i = 0; i < b->n; i++) {
    text_add(out, "%s\n", i ? "," : "");
    lock(&b->rows[i]);
    json_row(&b->rows[i], b->rows[i].margin.n, out);
    unlock(&b->rows[i]);
  }
  text_add(out, "%s], \"accuracy\": ", b->n ? "\n  " : "");
  if (b->n)
    json_accuracy(b, out);
  else
    text_add(out, "[]");
  text_add(out, "}\n");
}

/* ---- the picture --------------------------------------------------------- */

static const char svg_style[] =
    "svg{--card:#fff;--text:#1b1f24;--axis:#6b7480;--grid:#e6e9ed;--k0:#0b62c4;"
    "--k1:#c2500a}"
    "@media(prefers-color-scheme:dark){svg{--card:#171c23;--text:#e7ecf2;"
    "--axis:#8b949e;--grid:#262d36;--k0:#6cb2ff;--k1:#ff9d5c}}"
    ".bg{fill:var(--card)}.g{stroke:var(--grid)}.a{stroke:var(--axis)}"
    "path{fill:none}.t{fill:var(--text);font:12px sans-serif}.tr{text-anchor:end}"
    ".tm{text-anchor:middle}.c{stroke-width:2}.k0{stroke:var(--k0)}"
    ".k1{stroke:var(--k1)}";

/* The share of samples whose end is above (>= with `at`) each radius, as steps. */
static void curve(const Plot *p, const double *end, int n, bool at, const char *class,
                  Text *out)
{
  double *const x = mem_doubles((size_t)n + 2), *const y = mem_doubles((size_t)n + 2);
  int k = 0;
  int left = n;
  while (left && (at ? end[n - left] < 0 : end[n - left] <= 0))
    left--;
  x[k] = 0;
  y[k++] = 100.0 * left / n;
  while (left && end[n - left] < p->x.hi) {
    x[k] = end[n - left];
    y[k++] = 100.0 * --left / n;
  }
  x[k] = p->x.hi;
  y[k] = y[k - 1];
  plot_curve(p, k + 1, x, y, true, class, out);
  mem_free(x);
  mem_free(y);
}

static void legend(int y, const char *class, const char *words, Text *out)
{
  text_add(out,
           "<path class=\"c %s\" d=\"M330 %dH354\"/>"
           "<text class=\"t\" x=\"360\" y=\"%d\">%s</text>\n",
           class, y, y + 4, words);
}

void brackets_svg(const Brackets *b, Text *out)
{
  double *const lower = sorted(b, false), *const upper = sorted(b, true);
  double most = 0;
  for (int i = 0; i < b->n; i++) {
    most = fmax(most, lower[i]);
    if (upper[i] < INFINITY) most = fmax(most, upper[i]);
  }
  char label[64];
  snprintf(label, sizeof label, "%s %s", b->norm, b->is_factor ? "factor" : "radius");
  Plot p = {.width = 520,
            .height = 340,
            .x = plot_axis(PLOT_LINEAR, 0, most > 0 ? most : 1),
            .y = plot_axis(PLOT_LINEAR, 0, 100),
            .id = "accuracy",
            .title =
                "Share of samples that stay right, by radius: proved, and found by "
                "no attack",
            .x_label = label,
            .y_label = "samples that stay right, %"};
  plot_init(&p);
  text_add(out,
           "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 520 340\">\n"
           "<style>%s</style>\n<rect class=\"bg\" width=\"520\" height=\"340\"/>\n",
           svg_style);
  plot_begin(&p, out);
  curve(&p, upper, b->n, false, "k1", out);
  curve(&p, lower, b->n, true, "k0", out);
  legend(24, "k1", "no counterexample", out);
  legend(42, "k0", "certified", out);
  plot_end(out);
  text_add(out, "</svg>\n");
  mem_free(lower);
  mem_free(upper);
}
