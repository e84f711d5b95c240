/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/job.h -- `dualcert verify` in processes of their own, several at once.
 *
 * A job that crashes, is killed for want of memory or does not stop is one bad answer
 * and not the end of its caller.  Jobs die with the process that started them.
 *
 * The loop of a caller:
 *
 *     while (more || job_running (pool)) {
 *       if (more && job_running (pool) < n) job_start (pool, &plan, tag, &err);
 *       else if (job_wait (pool, 1.0, &tag, &outcome)) ...; job_outcome_reset
 * (&outcome);
 *     }
 */
#ifndef SOLVER_BATCH_JOB_H
#define SOLVER_BATCH_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/json.h"
#include "net/base/status.h"

/* Seconds after its timeout in which a job must end: then SIGTERM, and SIGKILL after
 * JOB_KILL more. */
#define JOB_GRACE 10.0
#define JOB_KILL  5.0

/* What to run.  Everything borrowed until job_start returns. */
typedef struct {
  const char *program;        /* the dualcert to run; NULL: this one, job_program () */
  const char *const *options; /* more arguments for verify, NULL-terminated; or NULL */
  const char *net, *spec;     /* spec NULL: the arguments are all in options */
  double timeout;             /* seconds; INFINITY or <= 0: none */
  int memory;                 /* MB; 0: no limit.  The job stops itself there and is
                               * killed when it has a quarter more than that */
  int threads;                /* 0: the program's default */
} JobPlan;

typedef enum {
  JOB_ANSWERED, /* a verdict: exit status 0 to 3, and `json` is there */
  JOB_REFUSED,  /* it said why not: exit status 64 to 74, and `message` */
  JOB_MEMORY,   /* killed because of memory, by us or by the system */
  JOB_STUCK,    /* did not stop in time */
  JOB_CRASHED,  /* another signal, another exit status, or no JSON */
  JOB_STOPPED   /* by job_stop_all */
} JobEnd;

typedef struct {
  JobEnd end;
  int exit_status; /* -1 when a signal ended it */
  int signal;      /* 0 when none */
  char *text;      /* stdout, "" when empty: the JSON result of verify; owned */
  cJSON *json;     /* the same, read; NULL unless it is an object; owned */
  char *message;   /* the first line of stderr without "dualcert: ", or what happened to
                    * the process; "" when there is none; owned */
  double wall, cpu;
  long peak_kb;
} JobOutcome;

typedef struct JobPool JobPool;

/* Owned: job_pool_free stops what still runs. */
JobPool *job_pool_new(void);
void job_pool_free(JobPool *pool);

/* Start `verify --format json -q ...`; `tag` comes back with the outcome.  Fails
 * OS when no process can be made. */
Status job_start(JobPool *pool, const JobPlan *plan, void *tag, Err *err);

int job_running(const JobPool *pool);

/* Wait until a job has ended, at most so many seconds (it watches time and memory of
 * the jobs meanwhile, so call it often).  False when none ended. */
bool job_wait(JobPool *pool, double seconds, void **tag, JobOutcome *outcome);

/* Ask all jobs to stop; job_wait still returns them. */
void job_stop_all(JobPool *pool);

void job_outcome_reset(JobOutcome *outcome);

/* The verdict of an outcome as the competition writes it: unsat, sat, timeout,
 * unknown, or error.  Static text. */
const char *job_word(const JobOutcome *outcome);

/* The path of the running program; borrowed, static. */
const char *job_program(void);

#endif
