/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/child.h -- another program in a process of its own, looked at now and
 * then: what checks evidence.  (solver/batch/job.h is for verify.)
 *
 * The process dies with the one that started it.  Its output goes into temporary files
 * without a name, so nobody has to read it while it runs.
 */
#ifndef SOLVER_BATCH_CHILD_H
#define SOLVER_BATCH_CHILD_H

#include <stdbool.h>

#include "net/base/status.h"

typedef struct Child Child;

typedef struct {
  int exit_status; /* -1 when a signal ended it; 127 when there is no such program */
  int signal;      /* 0 when none */
  bool is_late;    /* it was ended because of the timeout */
  char *out;       /* the first MiB of stdout, owned */
  char *err;       /* the first line of stderr, without control characters, owned */
} ChildEnd;

/* Run argv, NULL-terminated, argv[0] a path; borrowed until it returns.  `timeout` in
 * seconds, INFINITY for none.  Owned; NULL with err: OS. */
Child *child_start(const char *const *argv, double timeout, Err *err);

/* Has it ended?  Then fills *end, once.  Enforces the timeout, so call it often. */
bool child_ended(Child *child, ChildEnd *end);
void child_end_reset(ChildEnd *end);

/* Kills it when it still runs. */
void child_free(Child *child);

#endif
