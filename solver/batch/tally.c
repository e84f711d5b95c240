/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/tally.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"

enum { MAX_STAGES = 32, N_COLUMNS = 15 };

static const char *const columns[N_COLUMNS] = {
    "category",  "runs",    "known",       "solved",     "verified",
    "falsified", "unknown", "unsupported", "errors",     "wrong",
    "median s",  "best s",  "total s",     "best total", "decided by"};

/* Stages in the order in which they run, then others as they come. */
typedef struct {
  int n;
  const char *names[MAX_STAGES];
} Stages;

/* One line of the table: rows[n] of one category, or all. */
typedef struct {
  int n, known, known_solved, wrong;
  int by_result[ROW_N_RESULTS];
  int by_stage[MAX_STAGES];
  double total, best_total; /* best_total: NAN where none is known */
  int n_times, n_bests;
  double *times, *bests; /* of the solved: double times[n_times]; owned */
} Sum;

static int stage_index(Stages *stages, const char *name)
{
  for (int i = 0; i < stages->n; i++)
    if (!strcmp(stages->names[i], name)) return i;
  if (stages->n == MAX_STAGES) return MAX_STAGES - 1;
  stages->names[stages->n] = name;
  return stages->n++;
}

static int compare_doubles(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void sum_up(const Row *rows, int n, Stages *stages, Sum *sum)
{
  *sum = (Sum){.n = n, .best_total = NAN};
  sum->times = mem_doubles((size_t)n + 1);
  sum->bests = mem_doubles((size_t)n + 1);
  for (int i = 0; i < n; i++) {
    const Row *r = &rows[i];
    sum->by_result[r->result]++;
    sum->known += r->expected != NULL;
    sum->wrong += row_is_wrong(r);
    sum->total += round(r->run_time * 1e3); /* exact, in any order */
    if (isfinite(r->best_time))
      sum->best_total = r->best_time + (isnan(sum->best_total) ? 0 : sum->best_total);
    if (!row_is_solved(r)) continue;
    sum->known_solved += r->expected != NULL;
    sum->times[sum->n_times++] = r->run_time;
    if (isfinite(r->best_time)) sum->bests[sum->n_bests++] = r->best_time;
    if (r->stage) sum->by_stage[stage_index(stages, r->stage)]++;
  }
  sum->total /= 1e3;
  qsort(sum->times, (size_t)sum->n_times, sizeof(double), compare_doubles);
  qsort(sum->bests, (size_t)sum->n_bests, sizeof(double), compare_doubles);
}

static void sum_reset(Sum *sum)
{
  mem_free(sum->times);
  mem_free(sum->bests);
}

/* ---- lines ------------------------------------------------------------------- */

typedef struct {
  Text *out;
  TallyFormat format;
  int width; /* of the first column */
} Writer;

static void put_cell(const Writer *w, int k, const char *text)
{
  const bool is_last = k == N_COLUMNS - 1;
  if (w->format == TALLY_MARKDOWN) {
    text_add(w->out, "| %s%s", text, is_last ? " |\n" : " ");
  } else if (k == 0) {
    text_add(w->out, "%-*s", w->width, text);
  } else if (is_last) {
    text_add(w->out, "%s%s\n", *text ? "  " : "", text);
  } else {
    const int least = (int)strlen(columns[k]);
    text_add(w->out, " %*s", least < 6 ? 6 : least, text);
  }
}

static void put_count(const Writer *w, int k, int n)
{
  char text[16];
  snprintf(text, sizeof text, "%d", n);
  put_cell(w, k, text);
}

static void put_seconds(const Writer *w, int k, int digits, double seconds)
{
  char text[48] = "-";
  if (isfinite(seconds)) snprintf(text, sizeof text, "%.*f", digits, seconds);
  put_cell(w, k, text);
}

static double median(const double *sorted, int n)
{
  if (n == 0) return NAN;
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void put_sum(const Writer *w, const char *name, const Sum *s,
                    const Stages *stages)
{
  const int *by = s->by_result;
  const int counts[] = {s->n,
                        s->known,
                        by[ROW_UNSAT] + by[ROW_SAT],
                        by[ROW_UNSAT],
                        by[ROW_SAT],
                        by[ROW_UNKNOWN] + by[ROW_TIMEOUT],
                        by[ROW_UNSUPPORTED],
                        by[ROW_ERROR],
                        s->wrong};
  put_cell(w, 0, name);
  for (int k = 0; k < 9; k++)
    put_count(w, k + 1, counts[k]);
  put_seconds(w, 10, 2, median(s->times, s->n_times));
  put_seconds(w, 11, 2, median(s->bests, s->n_bests));
  put_seconds(w, 12, 1, s->total);
  put_seconds(w, 13, 1, s->best_total);
  Text by_stage = {0};
  text_add(&by_stage, "%s", "");
  for (int i = 0; i < stages->n; i++)
    if (s->by_stage[i])
      text_add(&by_stage, "%s%s %d", by_stage.n ? ", " : "", stages->names[i],
               s->by_stage[i]);
  put_cell(w, 14, by_stage.s);
  text_free(&by_stage);
}

static void put_head(const Writer *w)
{
  for (int k = 0; k < N_COLUMNS; k++)
    put_cell(w, k, columns[k]);
  if (w->format != TALLY_MARKDOWN) return;
  text_add(w->out, "|---|");
  for (int k = 1; k < N_COLUMNS - 1; k++)
    text_add(w->out, "--:|");
  text_add(w->out, "---|\n");
}

/* ---- below the table --------------------------------------------------------- */

/* "FILE: node 'x': operator Foo ..." -> "operator Foo ...": owned. */
static char *what_is_missing(const char *message)
{
  const char *colon = strstr(message, ": ");
  if (colon) message = colon + 2;
  if (!strncmp(message, "node '", 6)) {
    const char *end = strstr(message, "': ");
    if (end) message = end + 3;
  }
  return mem_strdup(message);
}

static int compare_texts(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_unsupported(const Row *rows, int n, const char *item, Text *out)
{
  char **texts = mem_array((size_t)n + 1, sizeof *texts);
  int m = 0;
  for (int i = 0; i < n; i++)
    if (rows[i].result == ROW_UNSUPPORTED)
      texts[m++] = what_is_missing(rows[i].message);
  qsort(texts, (size_t)m, sizeof *texts, compare_texts);
  for (int i = 0, same; i < m; i += same) {
    for (same = 1; i + same < m && !strcmp(texts[i], texts[i + same]); same++)
      ;
    text_add(out, "%sunsupported: %d x %s\n", item, same, texts[i]);
  }
  for (int i = 0; i < m; i++)
    mem_free(texts[i]);
  mem_free(texts);
}

static void list_alarms(const Row *rows, int n, const char *item, Text *out,
                        TallyAlarm *alarm)
{
  for (int i = 0; i < n; i++) {
    const Row *r = &rows[i];
    if (r->result == ROW_ERROR)
      text_add(out, "%sERROR %s %s %s: %s\n", item, r->category, r->network,
               r->property, r->message);
  }
  for (int i = 0; i < n; i++) {
    const Row *r = &rows[i];
    const bool is_rejected = r->check == ROW_REFUSED ||
                             (r->reason && !strcmp(r->reason, "evidence rejected"));
    if (is_rejected)
      text_add(out, "%sREFUSED %s %s %s: %s\n", item, r->category, r->network,
               r->property, r->check == ROW_REFUSED ? r->message : r->reason);
    alarm->n_refused += is_rejected;
  }
  for (int i = 0; i < n; i++) {
    const Row *r = &rows[i];
    if (!row_is_wrong(r)) continue;
    text_add(out, "%sCONTRADICTION %s %s %s: %s, expected %s\n", item, r->category,
             r->network, r->property, row_result_word(r->result), r->expected);
    alarm->n_wrong++;
  }
}

static void put_checks(const Row *rows, int n, Text *out)
{
  int made = 0, accepted = 0, verified = 0;
  double seconds = 0;
  for (int i = 0; i < n; i++) {
    verified += rows[i].result == ROW_UNSAT;
    made += rows[i].certificate != NULL;
    accepted += rows[i].check == ROW_ACCEPTED;
    if (isfinite(rows[i].check_time)) seconds += rows[i].check_time;
  }
  if (made)
    text_add(out, "%d certificates of %d verified, %d accepted in %.1f s\n", made,
             verified, accepted, seconds);
}

static void put_notes(Row *rows, int n, const Sum *all, TallyFormat format, Text *out,
                      TallyAlarm *alarm)
{
  text_add(out, "\nsolved %d of %d known, %d contradictions; %d of all %d solved\n",
           all->known_solved, all->known, all->wrong, all->n_times, all->n);
  put_checks(rows, n, out);
  text_add(
      out,
      "\nknown: the verdict is known; median s, best s: of the solved, ours and of "
      "the\nbest known tool; total s, best total: of all runs, and of the best "
      "known tool\nwherever there is one\n");
  const char *item = format == TALLY_MARKDOWN ? "* " : "";
  Text list = {0};
  text_add(&list, "%s", "");
  list_unsupported(rows, n, item, &list);
  list_alarms(rows, n, item, &list, alarm);
  if (list.n) text_add(out, "\n%s", list.s);
  text_free(&list);
}

void tally_print(Row *rows, int n, TallyFormat format, Text *out, TallyAlarm *alarm)
{
  *alarm = (TallyAlarm){0};
  Stages stages = {5, {"attack", "ibp", "crown", "dual", "lp"}};
  Writer w = {out, format, 19};
  if (n) qsort(rows, (size_t)n, sizeof *rows, row_compare);
  for (int i = 0; i < n; i++)
    if ((int)strlen(rows[i].category) >= w.width)
      w.width = (int)strlen(rows[i].category) + 1;
  Sum sum, all;
  sum_up(rows, n, &stages, &all);
  put_head(&w);
  for (int first = 0, next; first < n; first = next) {
    for (next = first; next < n; next++)
      if (strcmp(rows[next].category, rows[first].category)) break;
    sum_up(rows + first, next - first, &stages, &sum);
    put_sum(&w, rows[first].category, &sum, &stages);
    sum_reset(&sum);
  }
  put_sum(&w, "all", &all, &stages);
  put_notes(rows, n, &all, format, out, alarm);
  sum_reset(&all);
}
