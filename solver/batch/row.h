/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/row.h -- the result of one instance, and the line that keeps it.
 *
 * A line of results.jsonl is one JSON object, docs/schema/suite.schema.json; a line of
 * results.csv has the six columns of the competition.
 */
#ifndef SOLVER_BATCH_ROW_H
#define SOLVER_BATCH_ROW_H

#include <stdbool.h>

#include "net/base/json.h"
#include "net/base/status.h"
#include "net/base/text.h"
#include "solver/batch/instances.h"
#include "solver/batch/job.h"

typedef enum {
  ROW_UNSAT,
  ROW_SAT,
  ROW_UNKNOWN,
  ROW_TIMEOUT,
  ROW_ERROR,
  ROW_UNSUPPORTED,
  ROW_N_RESULTS
} RowResult;

/* What dualcert-check said of a certificate. */
typedef enum { ROW_UNCHECKED, ROW_ACCEPTED, ROW_REFUSED } RowCheck;

typedef struct {
  char *category, *network, *property; /* owned */
  double timeout;                      /* seconds */
  const char *expected;                /* "sat", "unsat" or NULL; static text */
  double best_time;                    /* seconds; NAN: not known */
  RowResult result;
  double run_time, cpu; /* seconds, whole milliseconds */
  long peak_kb;
  int exit_status;   /* -1: none, a signal ended it */
  int signal;        /* 0: none */
  char *message;     /* owned, "" for none */
  char *certificate; /* owned path; NULL: none was asked for or made */
  double bytes;      /* of the certificate */
  RowCheck check;
  double check_time; /* seconds; NAN: not checked */

  /* From the answer of verify; NULL and NAN where there is none. */
  char *reason; /* owned: "incomplete" ... */
  char *stage;  /* owned: found the witness, or was the last to prove a case */
  double bound; /* the smallest proven margin */
} Row;

/* Of a job that has ended.  Free with row_reset. */
void row_of_job(const Instance *instance, const JobOutcome *outcome, Row *row);
void row_reset(Row *row);

/* Append the line with its line end.  `verify` is the JSON text of the answer, or
 * NULL. */
void row_print(const Row *row, const char *verify, Text *out);
void row_print_csv(const Row *row, Text *out);

/* Read a line of results.jsonl, whose text is data[size] without the line end.  The
 * answer of verify goes to *verify, owned, when that is not NULL; itself NULL where
 * there is none.  Fails DATA; `place` ("FILE:12") is for the message. */
Status row_read(const char *place, const char *data, size_t size, Row *row,
                cJSON **verify, Err *err);

/* By category, network and property. */
int row_compare(const void *a, const void *b);

/* Whole milliseconds, as the files have them: a table must not change when it is made
 * from the files again. */
double row_seconds(double seconds);

const char *row_result_word(RowResult result); /* "unsat" ... */
bool row_is_solved(const Row *row);

/* The verdict is not the known one. */
bool row_is_wrong(const Row *row);

#endif
