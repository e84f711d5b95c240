/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/crew.h -- instances on this machine: a job for each, then, where it made
 * a certificate, dualcert-check on it in a process of its own. */
#ifndef SOLVER_BATCH_CREW_H
#define SOLVER_BATCH_CREW_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/base/text.h"
#include "solver/batch/instances.h"
#include "solver/batch/row.h"

/* All borrowed, for as long as the crew lives. */
typedef struct {
  const char *program;        /* the dualcert to run */
  const char *const *options; /* more options of verify, NULL-terminated */
  int memory, threads;        /* of each job: MB, 0 for no limit; threads >= 1 */
  const char *certificates;   /* folder for them, or NULL: make none */
  const char *checker;        /* the dualcert-check to run, or NULL: check none */
} CrewPlan;

typedef struct Crew Crew;

/* Owned; crew_free stops what runs. */
Crew *crew_new(const CrewPlan *plan);
void crew_free(Crew *crew);

/* The instance is borrowed until its row came back.  Fails OS, CREATE. */
Status crew_start(Crew *crew, const Instance *instance, Err *err);

int crew_running(const Crew *crew);

/* Wait until an instance is finished, at most so many seconds: its row, and the line of
 * row_print appended to `line`.  After crew_stop the row is empty (category NULL).
 * False when none is finished. */
bool crew_wait(Crew *crew, double seconds, Row *row, Text *line);

/* Ask all to stop; crew_wait still returns them. */
void crew_stop(Crew *crew);

/* Seconds that dualcert-check may take for an instance with this timeout. */
double crew_patience(double timeout);

#endif
