/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/suite.h -- all instances of a benchmark, one process each.
 *
 * The loop hands out instances in the order of the list and keeps each row
 * (solver/batch/journal.h) before it takes the next.  What it hands them to is a table
 * of functions: this machine (solver/batch/crew.h), or other processes under MPI
 * (solver/batch/mpi.c).
 */
#ifndef SOLVER_BATCH_SUITE_H
#define SOLVER_BATCH_SUITE_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/base/text.h"
#include "solver/batch/crew.h"
#include "solver/batch/instances.h"
#include "solver/batch/journal.h"
#include "solver/batch/tally.h"

/* All borrowed. */
typedef struct {
  CrewPlan crew;
  Settings settings;
  int jobs;            /* at the same time, on each machine */
  const char *out;     /* folder of the results */
  int shard, n_shards; /* shard 0: not a shard */
  bool is_forced;      /* continue with other settings */
  bool must_resume;    /* fail when there is nothing to continue */
  bool is_quiet;
  const char *database; /* file, or NULL */
  TallyFormat format;
} SuitePlan;

/* Who does the work. */
typedef struct {
  void *self;
  int (*room)(void *self); /* instances that can be taken now; < 0: a worker is lost */
  int (*running)(void *self);
  Status (*start)(void *self, const Instance *instance, Err *err);
  bool (*wait)(void *self, double seconds, Row *row, Text *line); /* as crew_wait */
  void (*stop)(void *self);
} SuiteHands;

/* Run what is not done yet; the table of the list is appended to `table`.  Returns the
 * exit status: 0; 1 when a verdict is wrong or a certificate was refused; 130, 143
 * after SIGINT, SIGTERM (a line on stderr says how to continue, and there is no table);
 * or that of err. */
int suite_run(const SuitePlan *plan, const Instances *list, const SuiteHands *hands,
              Text *table, Err *err);

/* The crew as hands; `jobs` at the same time. */
typedef struct {
  Crew *crew;
  int jobs;
} SuiteLocal;
SuiteHands suite_local(SuiteLocal *local);

/* The signal that asked to stop, SIGINT or SIGTERM; 0: none.  For mpi.c. */
int suite_signal(void);

#endif
