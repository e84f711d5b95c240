/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "net/base/clock.h"

#define LINE_BYTES     512
#define TERMINAL_WIDTH 79
#define CLEAR_LINE     "\r\033[K"
#define MIN_INTERVAL   0.1 /* seconds between two changes of the line */

static atomic_int level_now, fd_now;
static atomic_bool is_terminal, line_shown;
static double last_change; /* only the thread that calls progress_line */
static double last_row;    /* and the one that calls progress_search */
static _Thread_local ProgressSink *sink_now;

static void put(const char *text, size_t n)
{
  ssize_t written = write(atomic_load(&fd_now), text, n);
  (void)written; /* nobody to tell */
}

/* Clear the changing line, then write the text, cut to `width`, and `tail`. */
static void put_line(const char *format, va_list args, int width, const char *tail)
{
  char text[LINE_BYTES];
  int n = snprintf(text, sizeof text, "%s",
                   atomic_exchange(&line_shown, false) ? CLEAR_LINE : "");
  char body[LINE_BYTES - 32];
  vsnprintf(body, sizeof body, format, args);
  n += snprintf(text + n, sizeof text - (size_t)n, "%.*s%s", width, body, tail);
  put(text, (size_t)n);
}

void progress_use(ProgressSink *sink)
{
  sink_now = sink;
}

static int level_here(void)
{
  return sink_now ? sink_now->level : atomic_load(&level_now);
}

static void tell(int level, const char *format, va_list args)
{
  char text[LINE_BYTES];
  vsnprintf(text, sizeof text, format, args);
  sink_now->line(sink_now->context, level, text);
}

void progress_begin(int level, FILE *file)
{
  atomic_store(&fd_now, fileno(file));
  atomic_store(&is_terminal, isatty(fileno(file)) == 1);
  last_change = -INFINITY;
  last_row = 0;
  atomic_store(&level_now, level);
}

void progress_say(int level, const char *format, ...)
{
  if (level_here() < level || level < 1) return;
  va_list args;
  va_start(args, format);
  if (sink_now)
    tell(level, format, args);
  else
    put_line(format, args, LINE_BYTES, "\n");
  va_end(args);
}

void progress_note(const char *text)
{
  const int level = atomic_load(&level_now);
  if (sink_now || level < 1 || (level == 1 && !atomic_load(&is_terminal))) return;
  progress_clear();
  put(text, strlen(text));
}

void progress_line(const char *format, ...)
{
  if (sink_now || atomic_load(&level_now) != 1 || !atomic_load(&is_terminal)) return;
  const double now = clock_now();
  if (now < last_change + MIN_INTERVAL) return;
  last_change = now;
  va_list args;
  va_start(args, format);
  put_line(format, args, TERMINAL_WIDTH, "");
  va_end(args);
  atomic_store(&line_shown, true);
}

void progress_stage(const Result *r, const StageResult *stage)
{
  const int done = r->n_cases - r->n_open;
  char bound[48] = "no bound yet";
  if (isfinite(stage->bound))
    snprintf(bound, sizeof bound, "worst bound %.6g", stage->bound);
  if (level_here() < 2) {
    progress_line("%s: %d of %d cases proved, %s", stage->name, done, r->n_cases,
                  bound);
    return;
  }
  progress_say(2, "%-8s %9.3f s  %ld steps, %s, %d of %d cases proved%s", stage->name,
               stage->seconds, stage->n_steps, bound, done, r->n_cases,
               stage->found_witness ? ", counterexample found" : "");
}

/* The first row of a search, a second after it began, brings the heading. */
void progress_search(const ProgressSearch *p)
{
  const double rate = (double)p->nodes / (p->seconds + 1e-9);
  progress_line("%s: %.0f s, %ld nodes, %zu open, worst bound %.6g, %.0f nodes/s",
                p->stage, p->seconds, p->nodes, p->open, p->worst, rate);
  const double now = clock_now();
  const bool first = p->seconds < 2;
  double *const last = sink_now ? &sink_now->last_row : &last_row;
  if (level_here() < 2 || p->seconds < 1 || now < *last + 1) return;
  *last = now;
  if (first)
    progress_say(2, "%-8s %9s %10s %10s %6s %12s %9s", "", "seconds", "nodes", "open",
                 "depth", "worst bound", "nodes/s");
  progress_say(2, "%-8s %9.1f %10ld %10zu %6d %12.6g %9.0f", p->stage, p->seconds,
               p->nodes, p->open, p->depth, p->worst, rate);
}

void progress_clear(void)
{
  if (atomic_exchange(&line_shown, false)) put(CLEAR_LINE, sizeof CLEAR_LINE - 1);
}

void progress_end(void)
{
  atomic_store(&level_now, 0);
  progress_clear();
}
