/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/entry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/report/chart.h"
#include "solver/report/html.h"
#include "solver/report/point.h"

enum { MAX_CASES = 10, MAX_MESSAGE = 600 };

/* ---- members of unknown objects ------------------------------------------ */

static double number_of(const cJSON *object, const char *key)
{
  const cJSON *const item = json_get(object, key);
  return cJSON_IsNumber(item) && isfinite(item->valuedouble) ? item->valuedouble : NAN;
}

static const char *text_of(const cJSON *object, const char *key)
{
  const cJSON *const item = json_get(object, key);
  return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* ---- facts --------------------------------------------------------------- */

void entry_chip(RunEnd end, Text *out)
{
  text_add(out, "<span class=\"chip %s\">%s</span>", runs_end_word(end),
           runs_end_word(end));
}

static void fact_begin(const char *name, Text *out)
{
  text_add(out, "<div><dt>%s</dt><dd>", name);
}

static void fact_end(Text *out)
{
  text_add(out, "</dd></div>\n");
}

static void fact_seconds(const char *name, double x, Text *out)
{
  if (isnan(x)) return;
  fact_begin(name, out);
  html_seconds(out, x);
  text_add(out, " s");
  fact_end(out);
}

static void fact_text(const char *name, const char *text, Text *out)
{
  if (!text || !*text) return;
  fact_begin(name, out);
  html_short(out, text, MAX_MESSAGE);
  fact_end(out);
}

static void fact_verdict(const Run *run, Text *out)
{
  const char *const reason = text_of(run->verify, "reason");
  fact_begin("verdict", out);
  text_add(out, "%s", runs_end_word(run->end));
  if (reason && run->end == RUN_UNKNOWN) {
    text_add(out, " (");
    html_short(out, reason, 40);
    text_add(out, ")");
  }
  if (runs_is_wrong(run))
    text_add(out, " <b class=\"bad\">contradicts the known verdict: %s</b>",
             runs_end_word(run->expected));
  else if (runs_is_solved(run) && run->expected != RUN_UNKNOWN)
    text_add(out, ", as known");
  else if (run->expected != RUN_UNKNOWN)
    text_add(out, "; known to be %s", runs_end_word(run->expected));
  if (run->signal) text_add(out, "; ended by signal %d", run->signal);
  fact_end(out);
}

static void fact_cases(const cJSON *verify, Text *out)
{
  const double n = number_of(verify, "n_cases"), open = number_of(verify, "n_open");
  if (isnan(n) || isnan(open)) return;
  fact_begin("cases proved", out);
  html_number(out, n - open);
  text_add(out, " of ");
  html_number(out, n);
  fact_end(out);
}

static void fact_neurons(const cJSON *verify, Text *out)
{
  const cJSON *const neurons = json_get(verify, "neurons");
  const double all = number_of(neurons, "all");
  static const char *const kinds[] = {"active", "inactive", "unstable", "curved"};
  if (isnan(all)) return;
  fact_begin("neurons", out);
  html_number(out, all);
  const char *separator = " (";
  for (int i = 0; i < 4; i++) {
    const double n = number_of(neurons, kinds[i]);
    if (!(n > 0)) continue;
    text_add(out, "%s%s ", separator, kinds[i]);
    html_number(out, n);
    separator = ", ";
  }
  text_add(out, "%s", *separator == ',' ? ")" : "");
  fact_end(out);
}

static void fact_number(const char *name, double x, Text *out)
{
  if (isnan(x)) return;
  fact_begin(name, out);
  html_number(out, x);
  fact_end(out);
}

static void fact_certificate(const cJSON *verify, Text *out)
{
  const char *const path = text_of(verify, "certificate");
  const bool is_checked = cJSON_IsTrue(json_get(verify, "checked"));
  if (!verify || strcmp(text_of(verify, "verdict") ? text_of(verify, "verdict") : "",
                        "verified") != 0)
    return;
  fact_begin("certificate", out);
  if (path) html_short(out, path, 80);
  text_add(out, "%s%s", path ? ", " : "",
           is_checked ? "<b class=\"good\">accepted by the checker</b>"
           : path     ? "not checked in this run"
                      : "none was asked for");
  fact_end(out);
}

static void facts(const Run *run, Text *out)
{
  const cJSON *const v = run->verify;
  const char *const semantics = text_of(v, "semantics");
  text_add(out, "<dl class=\"facts\">\n");
  fact_verdict(run, out);
  fact_seconds("wall time", run->run_time, out);
  fact_seconds("processor time", run->cpu, out);
  fact_seconds("time limit", run->timeout, out);
  fact_seconds("best known time", run->best_time, out);
  if (!isnan(run->peak_kb)) {
    fact_begin("peak memory", out);
    html_number(out, run->peak_kb / 1024);
    text_add(out, " MiB");
    fact_end(out);
  }
  fact_number("smallest proven margin", number_of(v, "bound"), out);
  fact_cases(v, out);
  fact_neurons(v, out);
  const double nodes = number_of(json_get(v, "tree"), "nodes");
  if (nodes > 0) fact_number("parts searched", nodes, out);
  fact_certificate(v, out);
  if (semantics && strcmp(semantics, "real") != 0)
    fact_text("semantics", semantics, out);
  fact_text("message", run->message, out);
  text_add(out, "</dl>\n");
}

/* ---- tables -------------------------------------------------------------- */

static void table_begin(const char *caption, const char *head, Text *out)
{
  text_add(out,
           "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
           "<table><caption>%s</caption>\n<thead><tr>%s</tr></thead>\n<tbody>\n",
           caption, caption, head);
}

static void table_end(Text *out)
{
  text_add(out, "</tbody></table></div>\n");
}

static void cell(double x, Text *out)
{
  text_add(out, "<td>");
  html_number(out, x);
  text_add(out, "</td>");
}

static void stages(const cJSON *verify, Text *out)
{
  const cJSON *const list = json_get(verify, "stages");
  if (!cJSON_IsArray(list) || !list->child) return;
  table_begin("Stages",
              "<th>stage</th><th class=\"n\">seconds</th><th class=\"n\">worst bound "
              "after</th><th class=\"n\">cases closed</th><th class=\"n\">steps</th>"
              "<th>witness</th>",
              out);
  for (const cJSON *s = list->child; s; s = s->next) {
    text_add(out, "<tr><th scope=\"row\">");
    html_short(out, text_of(s, "name"), 40);
    text_add(out, "</th><td>");
    html_seconds(out, number_of(s, "seconds"));
    text_add(out, "</td>");
    cell(number_of(s, "bound"), out);
    cell(number_of(s, "closed"), out);
    cell(number_of(s, "steps"), out);
    text_add(out, "<td class=\"l\">%s</td></tr>\n",
             cJSON_IsTrue(json_get(s, "found_witness")) ? "found" : "");
  }
  table_end(out);
}

typedef struct {
  const cJSON *item;
  double lower;
  int number;
} Case;

/* Open ones first, then by how little is proved. */
static int by_lower(const void *a, const void *b)
{
  const Case *const x = a, *const y = b;
  if (x->lower != y->lower) return x->lower < y->lower ? -1 : 1;
  return x->number - y->number;
}

static void cases(const cJSON *verify, Text *out)
{
  const cJSON *const list = json_get(verify, "cases");
  const int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
  if (!n) return;
  Case *all = mem_array((size_t)n, sizeof *all);
  int k = 0;
  for (const cJSON *c = list->child; c; c = c->next, k++) {
    const double lower = number_of(c, "lower");
    all[k] = (Case){c, isnan(lower) ? -INFINITY : lower, k};
  }
  qsort(all, (size_t)n, sizeof *all, by_lower);
  table_begin(
      "Cases, the hardest first",
      "<th class=\"n\">case</th><th class=\"n\">line</th><th class=\"n\">proven "
      "margin</th><th class=\"n\">smallest seen</th><th>proved by</th>",
      out);
  for (k = 0; k < n && k < MAX_CASES; k++) {
    text_add(out, "<tr><th scope=\"row\" class=\"n\">%d</th>", all[k].number);
    cell(number_of(all[k].item, "line"), out);
    cell(all[k].lower, out);
    cell(number_of(all[k].item, "best"), out);
    const char *const stage = text_of(all[k].item, "stage");
    text_add(out, "<td class=\"l\">");
    html_short(out, stage ? stage : "open", 40);
    text_add(out, "</td></tr>\n");
  }
  table_end(out);
  if (n > MAX_CASES)
    text_add(out, "<p class=\"note\">%d more cases are not shown.</p>\n",
             n - MAX_CASES);
  mem_free(all);
}

/* ---- the element --------------------------------------------------------- */

static void summary(const Run *run, Text *out)
{
  text_add(out, "<summary>");
  entry_chip(run->end, out);
  text_add(out, "<span class=\"who\"><bdi>");
  html_short(out, *run->network ? runs_base(run->network) : "(no name)", 70);
  text_add(out, "</bdi><span class=\"prop\"><bdi>");
  html_short(out, runs_base(run->property), 80);
  text_add(out, "</bdi></span></span><span class=\"time\">");
  html_seconds(out, run->run_time);
  text_add(out, "%s</span>", isnan(run->run_time) ? "" : " s");
  if (runs_is_wrong(run)) text_add(out, "<b class=\"bad\">contradiction</b>");
  text_add(out, "</summary>\n");
}

/* What to type for the same again. */
static void command(const Run *run, Text *out)
{
  const char *const net = text_of(json_get(run->verify, "network"), "path");
  const char *const spec = text_of(json_get(run->verify, "specification"), "path");
  if (!net || !spec) return;
  text_add(out, "<p class=\"note\">Again: <code>dualcert verify ");
  if (run->timeout > 0) {
    text_add(out, "--timeout ");
    html_number(out, run->timeout);
    text_add(out, " ");
  }
  html_short(out, net, 200);
  text_add(out, " ");
  html_short(out, spec, 200);
  text_add(out, "</code></p>\n");
}

void entry_print(const Run *run, int index, EntryBudget *budget, Text *out)
{
  text_add(out, "<details class=\"run %s%s\" id=\"i%d\">", runs_end_word(run->end),
           runs_is_wrong(run) ? " wrong" : "", index);
  summary(run, out);
  text_add(out, "<div class=\"body\">\n");
  facts(run, out);
  point_print(run->verify, &budget->image_bytes, &budget->n_left_out, out);
  stages(run->verify, out);
  const size_t before = out->n;
  text_add(out, "<figure class=\"trace\"><figcaption>Bound over time</figcaption>\n");
  if (chart_trace(run->verify, index, budget->trace_points, out))
    text_add(out, "<p class=\"note\">Grey: the share of cases that are open.</p>"
                  "</figure>\n");
  else
    out->s[out->n = before] = '\0';
  cases(run->verify, out);
  command(run, out);
  text_add(out, "</div></details>\n");
}
