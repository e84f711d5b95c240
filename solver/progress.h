/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/progress.h -- what the user sees while waiting, on stderr.
 *
 * Levels: 0 nothing, 1 one line on a terminal that keeps changing, 2 a line per
 * event.  Every call writes at most once, in one piece and without locks, so the
 * watchdog can speak while the solver is stuck.  Before progress_begin and after
 * progress_end nothing is shown.
 */
#ifndef SOLVER_PROGRESS_H
#define SOLVER_PROGRESS_H

#include <stdio.h>

#include "specs/result.h"

/* Where lines of the calling thread go instead, complete and without newline, in a
 * library: levels 1 and 2 as above, no changing line.  NULL: nowhere of its own. */
typedef struct {
  int level;
  void (*line)(void *context, int level, const char *text);
  void *context;
  double last_row; /* 0 at the start */
} ProgressSink;

void progress_use(ProgressSink *sink); /* borrowed */

/* Start at that level; `file` is normally stderr. */
void progress_begin(int level, FILE *file);

/* A line of its own, without final newline, when the level is at least `level`. */
void progress_say(int level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text of its own, complete with newlines, for people: on a terminal at level 1, and
 * always from level 2 on. */
void progress_note(const char *text);

/* Replace the changing line: on terminals, at most ten times a second, cheap
 * otherwise.  At level 2 nothing changes in place. */
void progress_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A stage has ended: level 2 gets a line with its time and bounds, level 1 the
 * changing line.  Call on the thread that fills *r, without its lock. */
void progress_stage(const Result *r, const StageResult *stage);

/* Where a search is.  On a terminal the changing line; at level 2 a line of a column
 * log once a second.  Call from one thread. */
typedef struct {
  const char *stage;
  double seconds; /* since it began */
  long nodes;
  size_t open;
  int depth;
  double worst; /* smallest proven bound of what is open */
} ProgressSearch;

void progress_search(const ProgressSearch *p);

/* Remove the changing line, before something else is written to the terminal. */
void progress_clear(void);

/* The same, and show nothing more. */
void progress_end(void);

#endif
