/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/markdown.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/report/number.h"
#include "solver/report/tally.h"

void markdown_text(Text *out, const char *text)
{
  for (const char *s = text ? text : ""; *s; s++) {
    if ((unsigned char)*s < ' ' || *s == 0x7f)
      text_add(out, " ");
    else if (*s == '&')
      text_add(out, "&amp;");
    else if (*s == '<')
      text_add(out, "&lt;");
    else if (*s == '>')
      text_add(out, "&gt;");
    else if (strchr("\\`*_{}[]|#~!", *s))
      text_add(out, "\\%c", *s);
    else
      text_add(out, "%c", *s);
  }
}

static void row(const Tally *t, Text *out)
{
  text_add(out, "| ");
  markdown_text(out, t->category ? *t->category ? t->category : "no category" : "all");
  text_add(out, " | %d | %d", t->n, tally_solved(t));
  for (int e = 0; e < RUN_N_ENDS; e++)
    text_add(out, " | %d", t->count[e]);
  text_add(out, " | %d | %d | %s", t->n_known, t->n_wrong, number_seconds(t->median).s);
  text_add(out, " | %s |\n", number_seconds(t->total).s);
}

static void categories(const RunSet *set, Text *out)
{
  int n;
  Tally *list = tally_categories(set, &n);
  text_add(out,
           "| category | runs | solved | verified | falsified | unknown | timeout | "
           "unsupported | errors | known | wrong | median s | total s |\n"
           "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  for (int i = 0; i < n; i++)
    row(&list[i], out);
  const Tally all = tally_of(set, NULL);
  row(&all, out);
  text_add(out, "\n");
  mem_free(list);
}

static void names(const Run *run, Text *out)
{
  markdown_text(out, run->category);
  text_add(out, "%s", *run->category ? " " : "");
  markdown_text(out, runs_base(run->network));
  text_add(out, " ");
  markdown_text(out, runs_base(run->property));
}

static void clashes(const Report *r, Text *out)
{
  int n;
  Clash *list = tally_clashes(r->runs, r->reference, &n);
  for (int i = 0; i < n; i++) {
    text_add(out, list[i].source ? "* disagrees: " : "* **CONTRADICTION** ");
    names(list[i].run, out);
    text_add(out, ": %s here, %s %s", runs_end_word(list[i].run->end),
             list[i].source ? "in" : "known to be",
             list[i].source ? "" : runs_end_word(list[i].other));
    markdown_text(out, list[i].source);
    if (list[i].source) text_add(out, ": %s", runs_end_word(list[i].other));
    text_add(out, "\n");
  }
  if (n) text_add(out, "\n");
  mem_free(list);
}

static void others(const Report *r, Text *out)
{
  if (r->runs->n < 2) return;
  text_add(out,
           "| set | runs | solved | median s | total s |\n|---|--:|--:|--:|--:|\n");
  for (int s = 0; s < r->runs->n; s++) {
    const Tally t = tally_of(&r->runs->sets[s], NULL);
    text_add(out, "| ");
    markdown_text(out, r->runs->sets[s].name);
    text_add(out, " | %d | %d | %s", t.n, tally_solved(&t), number_seconds(t.median).s);
    text_add(out, " | %s |\n", number_seconds(t.total).s);
  }
  text_add(out, "\n");
}

static void unsolved(const RunSet *set, Text *out)
{
  bool any = false;
  for (int i = 0; i < set->n; i++) {
    const Run *const run = &set->runs[i];
    if (runs_is_solved(run)) continue;
    if (!any) text_add(out, "Not solved:\n\n");
    any = true;
    text_add(out, "* ");
    names(run, out);
    text_add(out, ": %s after %s s", runs_end_word(run->end),
             number_seconds(run->run_time).s);
    if (*run->message) text_add(out, ": ");
    markdown_text(out, run->message);
    text_add(out, "\n");
  }
}

void markdown_print(const Report *r, Text *out)
{
  const RunSet *const set = &r->runs->sets[0];
  const Tally t = tally_of(set, NULL);
  text_add(out, "# ");
  markdown_text(out, r->title ? r->title : set->name);
  text_add(out,
           "\n\nMade by dualcert %s. Solved %d of %d, %d contradict what is known of "
           "%d.\n\n",
           r->version, tally_solved(&t), t.n, t.n_wrong, t.n_known);
  clashes(r, out);
  if (set->n) categories(set, out);
  others(r, out);
  unsolved(set, out);
}
