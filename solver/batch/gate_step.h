/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/gate_step.h -- the way of one network and specification through the
 * gate:
 *
 *     WAITING   nothing was done
 *     SOLVING   verify works on it
 *     CHECKING  another process looks at the certificate or at the counterexample
 *     DONE      the item is filled
 *
 * What the cache knows goes from WAITING to CHECKING or DONE, and to SOLVING when its
 * evidence is bad.
 */
#ifndef SOLVER_BATCH_GATE_STEP_H
#define SOLVER_BATCH_GATE_STEP_H

#include "solver/batch/child.h"
#include "solver/batch/gate.h"
#include "solver/batch/job.h"

typedef enum {
  GATE_STEP_WAITING,
  GATE_STEP_SOLVING,
  GATE_STEP_CHECKING,
  GATE_STEP_DONE
} GateStage;

/* An item on its way. */
typedef struct {
  GateItem *item; /* borrowed */
  GateStage stage;
  double started; /* clock_now */
  char key[65];
  char *certificate, *witness; /* paths of this run's files; owned */
  Child *child;                /* while it is checked; owned */
  CacheEntry entry;            /* while is_cached */
} GateWork;

/* What all of them share. */
typedef struct {
  const GatePlan *plan;
  Gate *gate;
  GateWork *work; /* GateWork work[gate->n] */
  JobPool *pool;
  char *folder;    /* for temporary files; owned */
  double deadline; /* clock_now; INFINITY: none */
  int n_done;
} GateRun;

/* WAITING -> any other stage. */
void gate_step_begin(GateRun *run, GateWork *w);

/* SOLVING -> CHECKING or DONE: verify has ended.  Takes text and JSON from `outcome`.
 */
void gate_step_answer(GateRun *run, GateWork *w, JobOutcome *outcome);

/* CHECKING -> DONE, or SOLVING, when the process has ended.  Call it often. */
void gate_step_look(GateRun *run, GateWork *w);

/* Forget the answer of verify. */
void gate_step_forget(GateItem *item);

#endif
