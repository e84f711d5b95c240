/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/batch/database.h"

/* ---- signals ----------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
  caught = number;
}

int suite_signal(void)
{
  return caught;
}

/* The second one ends the process at once; jobs die with it. */
static void catch_signals(void)
{
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  caught = 0;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  /* Whoever started us may have ignored it; then nobody could be waited for. */
  signal(SIGCHLD, SIG_DFL);
}

static void give_back_signals(void)
{
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

/* ---- progress ---------------------------------------------------------------- */

typedef struct {
  bool is_quiet, is_terminal;
  int n, done, n_solved, n_wrong;
  double started;
} Progress;

static const char *last_part(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int columns_of_terminal(void)
{
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col
                                                                          : 80;
}

static void count_row(Progress *p, const Row *row)
{
  p->done++;
  p->n_solved += row_is_solved(row);
  p->n_wrong += row_is_wrong(row);
}

static void say_status(const Progress *p, int running)
{
  if (p->is_quiet || !p->is_terminal) return;
  Text t = {0};
  text_add(&t, "%d of %d done, %d solved, %d running, %.0f s", p->done, p->n,
           p->n_solved, running, clock_now() - p->started);
  if (p->n_wrong) text_add(&t, ", %d WRONG", p->n_wrong);
  fprintf(stderr, "\r\033[K%.*s", columns_of_terminal() - 1, t.s);
  text_free(&t);
}

static void clear_status(const Progress *p)
{
  if (!p->is_quiet && p->is_terminal) fputs("\r\033[K", stderr);
}

/* On a terminal only what needs a look; the rest is in the status line. */
static void say_row(const Progress *p, const Row *row)
{
  const bool is_bad =
      row->result == ROW_ERROR || row_is_wrong(row) || row->check == ROW_REFUSED;
  if (p->is_quiet || (p->is_terminal && !is_bad)) return;
  clear_status(p);
  fprintf(stderr, "%4d/%d %-11s %8.3f s  %-7s %s %s %s%s%s%s\n", p->done, p->n,
          row_result_word(row->result), row->run_time, row->stage ? row->stage : "",
          row->category, last_part(row->network), last_part(row->property),
          row_is_wrong(row) ? "  WRONG" : "", is_bad && *row->message ? ": " : "",
          is_bad ? row->message : "");
}

/* ---- this machine ------------------------------------------------------------ */

static int local_room(void *self)
{
  const SuiteLocal *local = self;
  return local->jobs - crew_running(local->crew);
}

static int local_running(void *self)
{
  return crew_running(((SuiteLocal *)self)->crew);
}

static Status local_start(void *self, const Instance *instance, Err *err)
{
  return crew_start(((SuiteLocal *)self)->crew, instance, err);
}

static bool local_wait(void *self, double seconds, Row *row, Text *line)
{
  return crew_wait(((SuiteLocal *)self)->crew, seconds, row, line);
}

static void local_stop(void *self)
{
  crew_stop(((SuiteLocal *)self)->crew);
}

SuiteHands suite_local(SuiteLocal *local)
{
  return (SuiteHands){local,       local_room, local_running,
                      local_start, local_wait, local_stop};
}

/* ---- the loop ---------------------------------------------------------------- */

typedef struct {
  const SuitePlan *plan;
  const SuiteHands *hands;
  Journal *journal;
  const Instance **todo; /* const Instance *todo[n] */
  int n, next, n_rows;   /* n_rows: kept by this run */
  Progress progress;
} Run;

/* verify refuses options that it was given: the same for every instance.  Without any,
 * one instance has too many networks or too few, which is a row of its own. */
static Status check_first(const Run *run, const Row *row, Err *err)
{
  const char *const *const options = run->plan->settings.options;
  if (row->exit_status != STATUS_USAGE || !options || !options[0]) return STATUS_OK;
  return status_fail(err, STATUS_USAGE, "verify refuses what it was given: %s",
                     row->message);
}

static Status keep_row(Run *run, Row *row, const Text *line, Err *err)
{
  if (run->n_rows == 0) {
    const Status rc = check_first(run, row, err);
    if (rc) return rc;
  }
  run->n_rows++;
  count_row(&run->progress, row);
  say_row(&run->progress, row);
  return journal_add(run->journal, row, line, err);
}

static Status hand_out(Run *run, Err *err)
{
  const SuiteHands *h = run->hands;
  Status rc = STATUS_OK;
  while (!rc && !caught && run->next < run->n && h->room(h->self) > 0)
    rc = h->start(h->self, run->todo[run->next++], err);
  if (!rc && run->next < run->n && h->room(h->self) < 0)
    rc = status_fail(err, STATUS_OS, "a worker ended early");
  return rc;
}

/* Until all is done, or it must stop: a signal, or an error. */
static Status work(Run *run, Err *err)
{
  const SuiteHands *h = run->hands;
  Status rc = STATUS_OK;
  bool is_stopped = false;
  while (h->running(h->self) || (!rc && !caught && run->next < run->n)) {
    if (!rc && !caught) rc = hand_out(run, err);
    if ((rc || caught) && !is_stopped) {
      h->stop(h->self);
      is_stopped = true;
    }
    Row row = {0};
    Text line = {0};
    if (h->wait(h->self, 0.5, &row, &line) && !is_stopped)
      rc = keep_row(run, &row, &line, err);
    row_reset(&row);
    text_free(&line);
    say_status(&run->progress, h->running(h->self));
  }
  clear_status(&run->progress);
  if (!rc && !caught && run->n_rows < run->n)
    rc =
        status_fail(err, STATUS_OS, "%d instances have no result: a worker ended early",
                    run->n - run->n_rows);
  return rc;
}

static void collect_todo(Run *run, const Instances *list)
{
  run->todo = mem_array((size_t)list->n + 1, sizeof *run->todo);
  for (int i = 0; i < list->n; i++) {
    const Instance *one = &list->all[i];
    const Row *row =
        journal_find(run->journal, one->category, one->network, one->property);
    if (row)
      count_row(&run->progress, row);
    else
      run->todo[run->n++] = one;
  }
}

static void say_start(const Run *run, const Instances *list)
{
  if (run->progress.is_quiet) return;
  if (list->n_duplicates)
    fprintf(stderr, "suite: %d instances are listed twice and run once\n",
            list->n_duplicates);
  if (run->progress.done)
    fprintf(stderr, "suite: %s has %d of %d results: continuing\n", run->plan->out,
            run->progress.done, list->n);
}

/* The table of the rows of the list. */
static int tell(const SuitePlan *plan, const Instances *list, const Journal *journal,
                Text *table)
{
  Row *rows = mem_array((size_t)list->n + 1, sizeof *rows);
  TallyAlarm alarm;
  int n = 0;
  for (int i = 0; i < list->n; i++) {
    const Instance *one = &list->all[i];
    const Row *row = journal_find(journal, one->category, one->network, one->property);
    if (row) rows[n++] = *row; /* borrowed */
  }
  tally_print(rows, n, plan->format, table, &alarm);
  mem_free(rows);
  return alarm.n_wrong || alarm.n_refused ? 1 : 0;
}

static int stop_code(const Run *run)
{
  fprintf(stderr,
          "dualcert: interrupted, %d of %d done; the same command continues with the "
          "rest\n",
          run->progress.done, run->progress.n);
  return 128 + caught;
}

int suite_run(const SuitePlan *plan, const Instances *list, const SuiteHands *hands,
              Text *table, Err *err)
{
  Run run = {.plan = plan, .hands = hands};
  run.progress = (Progress){.is_quiet = plan->is_quiet,
                            .is_terminal = isatty(STDERR_FILENO) == 1,
                            .n = list->n,
                            .started = clock_now()};
  Status rc = journal_open(plan->out, plan->shard, plan->n_shards, &plan->settings,
                           plan->is_forced, &run.journal, err);
  if (rc) return (int)rc;
  int n_before;
  journal_rows(run.journal, &n_before);
  if (plan->must_resume && !n_before)
    rc = status_fail(err, STATUS_USAGE, "--resume: no results in %s", plan->out);
  collect_todo(&run, list);
  say_start(&run, list);
  catch_signals();
  if (!rc) rc = work(&run, err);
  int code = rc ? (int)rc : caught ? stop_code(&run) : 0;
  if (!code) code = tell(plan, list, run.journal, table);
  give_back_signals();
  mem_free(run.todo);
  Status closed = journal_close(run.journal, err);
  if (!closed && !rc && plan->database)
    closed = database_write(plan->database, plan->out, err);
  return closed && !rc ? (int)closed : code;
}
