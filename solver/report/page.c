/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/page.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/report/chart.h"
#include "solver/report/entry.h"
#include "solver/report/html.h"
#include "solver/report/number.h"
#include "solver/report/style.h"
#include "solver/report/tally.h"

enum { MAX_SCATTERS = 6, MANY_RUNS = 150 };

/* ---- head ---------------------------------------------------------------- */

static void title(const Report *r, Text *out)
{
  if (r->title) {
    html_short(out, r->title, 200);
  } else {
    html_short(out, r->runs->sets[0].name, 100);
    text_add(out, ": %d run%s", r->runs->sets[0].n, r->runs->sets[0].n == 1 ? "" : "s");
  }
}

static void head(const Report *r, Text *out)
{
  text_add(out,
           "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
           "img-src data:; style-src 'unsafe-inline'; script-src 'sha256-%s'; "
           "base-uri 'none'; form-action 'none'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
           "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
           style_script_digest);
  title(r, out);
  text_add(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<header>\n<h1>",
           style_sheet);
  title(r, out);
  text_add(out, "</h1>\n<p class=\"sub\">made by dualcert %s; all times in seconds",
           r->version);
  text_add(out, "</p>\n</header>\n<main>\n");
}

/* ---- contradictions and notes -------------------------------------------- */

static void clash(const Clash *c, const Run *first, Text *out)
{
  text_add(out, "<li><a href=\"#i%d\">", (int)(c->run - first));
  if (*c->run->category) {
    html_short(out, c->run->category, 60);
    text_add(out, ": ");
  }
  html_short(out, runs_base(c->run->network), 80);
  text_add(out, " ");
  html_short(out, runs_base(c->run->property), 80);
  text_add(out, "</a>: %s here, ", runs_end_word(c->run->end));
  if (c->source) {
    text_add(out, "%s in ", runs_end_word(c->other));
    html_short(out, c->source, 60);
  } else {
    text_add(out, "known to be %s", runs_end_word(c->other));
  }
  text_add(out, "</li>\n");
}

/* Those with what is known (from a set: false), or those with other sets. */
static int clashes(const Clash *list, int n, bool from_set, const Run *first, Text *out)
{
  int count = 0;
  for (int i = 0; i < n; i++) {
    if ((list[i].source != NULL) != from_set) continue;
    count++;
    if (out) clash(&list[i], first, out);
  }
  return count;
}

static void alarms(const Report *r, Text *out)
{
  int n;
  Clash *list = tally_clashes(r->runs, r->reference, &n);
  const Run *const first = r->runs->sets[0].runs;
  const int wrong = clashes(list, n, false, first, NULL);
  if (wrong) {
    text_add(out,
             "<section class=\"alarm\" role=\"alert\">\n<h2>%d contradiction%s</h2>\n"
             "<p>The verdict is the opposite of the known one:</p>\n<ul>\n",
             wrong, wrong == 1 ? "" : "s");
    clashes(list, n, false, first, out);
    text_add(out, "</ul>\n</section>\n");
  }
  const int others = clashes(list, n, true, first, NULL);
  if (others) {
    text_add(out,
             "<section class=\"card\">\n<h2>%d disagree%s with another set</h2>\n"
             "<p>One of the two is wrong, or the same names mean other files there. "
             "They are not counted as contradictions.</p>\n<ul>\n",
             others, others == 1 ? "s" : "");
    clashes(list, n, true, first, out);
    text_add(out, "</ul>\n</section>\n");
  }
  mem_free(list);
}

static void notes(const Text *lines, Text *out)
{
  const char *s = lines->s ? lines->s : "";
  while (*s) {
    const size_t n = strcspn(s, "\n");
    char *line = mem_strndup(s, n);
    text_add(out, "<p class=\"note\">Note: ");
    html_text(out, line);
    text_add(out, "</p>\n");
    mem_free(line);
    s += n + (s[n] == '\n');
  }
}

/* ---- summary ------------------------------------------------------------- */

static void tile(const char *class, int n, const char *what, Text *out)
{
  text_add(out, "<li class=\"%s\"><b>%d</b><span>%s</span></li>\n", class, n, what);
}

static void bar(const Tally *t, Text *out)
{
  text_add(out, "<div class=\"bar\" aria-hidden=\"true\">");
  for (int e = 0; e < RUN_N_ENDS; e++)
    if (t->count[e])
      text_add(out, "<i class=\"%s\" style=\"flex:%d\"></i>", runs_end_word((RunEnd)e),
               t->count[e]);
  text_add(out, "</div>\n");
}

static void summary(const Report *r, Text *out)
{
  const Tally t = tally_of(&r->runs->sets[0], NULL);
  text_add(out, "<section aria-label=\"summary\">\n<ul class=\"tiles\">\n");
  text_add(out, "<li class=\"solved\"><b>%d of %d</b><span>solved, %s</span></li>\n",
           tally_solved(&t), t.n, number_percent(tally_solved(&t), t.n).s);
  for (int e = 0; e < RUN_N_ENDS; e++)
    if (t.count[e] || e <= RUN_UNKNOWN)
      tile(runs_end_word((RunEnd)e), t.count[e],
           e == RUN_ERROR ? "errors" : runs_end_word((RunEnd)e), out);
  if (t.n_known)
    tile(t.n_wrong ? "error" : "verified", t.n_wrong, "contradict what is known", out);
  text_add(out, "</ul>\n");
  bar(&t, out);
  text_add(out, "<p class=\"note\">Of the solved half took at most ");
  html_seconds(out, t.median);
  text_add(out, " s; all runs together took ");
  html_seconds(out, t.total);
  text_add(out, " s. The verdict of %d was known before.</p>\n</section>\n", t.n_known);
}

/* ---- categories ---------------------------------------------------------- */

static void count_cell(int n, Text *out)
{
  text_add(out, "<td>%d</td>", n);
}

static void seconds_cell(double x, Text *out)
{
  text_add(out, "<td data-v=\"%.6g\">", isnan(x) ? -1 : x);
  html_seconds(out, x);
  text_add(out, "</td>");
}

static void category_row(const Tally *t, int number, Text *out)
{
  text_add(out, "<tr><th scope=\"row\">");
  if (t->category) text_add(out, "<a href=\"#c%d\">", number);
  html_short(out, t->category ? *t->category ? t->category : "no category" : "all", 60);
  text_add(out, "%s</th>", t->category ? "</a>" : "");
  count_cell(t->n, out);
  count_cell(tally_solved(t), out);
  for (int e = 0; e < RUN_N_ENDS; e++)
    count_cell(t->count[e], out);
  count_cell(t->n_known, out);
  text_add(out, t->n_wrong ? "<td><b class=\"bad\">%d</b></td>" : "<td>%d</td>",
           t->n_wrong);
  seconds_cell(t->median, out);
  seconds_cell(t->total, out);
  text_add(out, "</tr>\n");
}

static void categories(const Report *r, const Tally *list, int n, Text *out)
{
  static const char *const heads[] = {"runs",    "solved",  "verified",    "falsified",
                                      "unknown", "timeout", "unsupported", "errors",
                                      "known",   "wrong",   "median s",    "total s"};
  const Tally all = tally_of(&r->runs->sets[0], NULL);
  text_add(out, "<section>\n<h2 id=\"categories\">Categories</h2>\n"
                "<div class=\"wide card full\" tabindex=\"0\" role=\"region\" "
                "aria-labelledby=\"categories\">\n<table class=\"sort\">\n"
                "<thead><tr><th scope=\"col\">category</th>");
  for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
    text_add(out, "<th scope=\"col\" class=\"n\">%s</th>", heads[i]);
  text_add(out, "</tr></thead>\n<tbody>\n");
  for (int i = 0; i < n; i++)
    category_row(&list[i], i, out);
  text_add(out, "</tbody>\n<tfoot>");
  category_row(&all, -1, out);
  text_add(out, "</tfoot></table>\n</div>\n<p class=\"note\">known: somebody knew the "
                "verdict; wrong: ours contradicts it; median: of the solved; total: of "
                "all runs.</p>\n</section>\n");
}

/* ---- plots --------------------------------------------------------------- */

static void plots(const Report *r, Text *out)
{
  const size_t before = out->n;
  const RunSet *const set = &r->runs->sets[0];
  int n = 0, left_out = 0;
  text_add(out, "<section>\n<h2>Plots</h2>\n<div class=\"plots\">\n");
  bool any = chart_cactus(r->runs, out);
  const ChartOther best = {"best known time", NULL};
  any |= chart_scatter(set, &best, n++, out);
  for (int i = 1; i < r->runs->n + r->reference->n; i++) {
    const RunSet *const other =
        i < r->runs->n ? &r->runs->sets[i] : &r->reference->sets[i - r->runs->n];
    const ChartOther o = {other->name, other};
    if (n < MAX_SCATTERS)
      any |= chart_scatter(set, &o, n++, out);
    else
      left_out++;
  }
  text_add(out, "</div>\n");
  if (left_out)
    text_add(out, "<p class=\"note\">%d more scatter plots were left out.</p>\n",
             left_out);
  text_add(out, "</section>\n");
  if (!any) out->s[out->n = before] = '\0';
}

/* ---- runs ---------------------------------------------------------------- */

static void filter(const Tally *all, Text *out)
{
  text_add(out, "<fieldset class=\"filter\" aria-label=\"which runs to show\">\n");
  for (int e = 0; e < RUN_N_ENDS; e++) {
    const char *const word = runs_end_word((RunEnd)e);
    if (!all->count[e]) continue;
    text_add(out,
             "<label><input type=\"checkbox\" id=\"f-%s\" checked><span class=\"chip "
             "%s\">%s</span> %d</label>\n",
             word, word, word, all->count[e]);
  }
  text_add(out, "</fieldset>\n");
}

static void entries(const Report *r, const Tally *list, int n, Text *out)
{
  const RunSet *const set = &r->runs->sets[0];
  const Tally all = tally_of(set, NULL);
  EntryBudget budget = {.image_bytes = PAGE_IMAGE_BYTES,
                        .trace_points = set->n > MANY_RUNS ? 40 : 200};
  text_add(out, "<section>\n<h2 id=\"runs\">Runs</h2>\n");
  if (set->n > 1) filter(&all, out);
  for (int c = 0; c < n; c++) {
    text_add(out, "<section class=\"runs\"><h3 id=\"c%d\">", c);
    html_short(out, *list[c].category ? list[c].category : "no category", 80);
    text_add(out, " <span class=\"sub\">%d of %d solved</span></h3>\n",
             tally_solved(&list[c]), list[c].n);
    for (int i = 0; i < set->n; i++)
      if (!strcmp(set->runs[i].category, list[c].category))
        entry_print(&set->runs[i], i, &budget, out);
    text_add(out, "</section>\n");
  }
  if (budget.n_left_out)
    text_add(out,
             "<p class=\"note\">The pictures of %d counterexamples were left out to "
             "keep this page small.</p>\n",
             budget.n_left_out);
  text_add(out, "</section>\n");
}

void page_print(const Report *r, Text *out)
{
  int n;
  Tally *list = tally_categories(&r->runs->sets[0], &n);
  head(r, out);
  alarms(r, out);
  notes(&r->runs->notes, out);
  notes(&r->reference->notes, out);
  if (!r->runs->sets[0].n) {
    text_add(out, "<p>There are no results yet.</p>\n");
  } else {
    summary(r, out);
    if (r->runs->sets[0].n > 1) categories(r, list, n, out);
    if (r->runs->sets[0].n > 1) plots(r, out);
    entries(r, list, n, out);
  }
  text_add(out, "</main>\n<script>%s</script>\n</body>\n</html>\n", style_script);
  mem_free(list);
}
