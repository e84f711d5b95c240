/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/runs.h -- what a report is about: results of many runs, from files.
 *
 * Four kinds of files, told apart by their content (gzip is fine too):
 *   results.jsonl   one JSON object per line, as `dualcert suite` writes it
 *                   (docs/formats.md): category, network, property, result, ...
 *   results.csv     VNN-COMP's: category,network,property,prepare_time,result,run_time
 *                   without a header, or any CSV whose first line names its columns:
 *                     network (net, onnx, nnet), property (spec, vnnlib), result
 *                     (verdict), run_time (seconds), and if wanted category, timeout,
 *                     expected, best_time (best_t), tool
 *   one object      of `dualcert verify --format json`
 *   a gate result   {"checks": [...]} of `dualcert gate --json`; a check is a run
 *
 * Numbers that are missing, null, negative or not finite are NAN here.
 */
#ifndef SOLVER_REPORT_RUNS_H
#define SOLVER_REPORT_RUNS_H

#include <stdbool.h>

#include "net/base/json.h"
#include "net/base/status.h"
#include "net/base/text.h"

/* How a run ended, in the order of a report. */
typedef enum {
  RUN_VERIFIED,
  RUN_FALSIFIED,
  RUN_UNKNOWN,
  RUN_TIMEOUT,
  RUN_UNSUPPORTED,
  RUN_ERROR /* also what nobody knows how to read */
} RunEnd;
#define RUN_N_ENDS 6

typedef struct {
  char *category, *network, *property; /* owned, "" when not known, like `message` */
  char *tool;                          /* of a CSV file with such a column */
  char *message;                       /* of errors */
  RunEnd end;
  RunEnd expected; /* RUN_VERIFIED, RUN_FALSIFIED, or RUN_UNKNOWN: nobody knows */
  double timeout, best_time, run_time, cpu; /* seconds */
  double peak_kb;
  int signal;    /* that ended the run; 0: none */
  cJSON *verify; /* the object of `verify --format json`, owned; NULL: there is none */
} Run;

/* Runs under one name: one curve. */
typedef struct {
  char *name; /* owned */
  int n, room;
  Run *runs; /* owned */
} RunSet;

typedef struct {
  int n, room;
  RunSet *sets; /* in the order of their first mention */
  Text notes;   /* lines about what was left out while reading */
} Runs;

/* Read a file into the set of that name, made when new.
 * Fails  NO_INPUT, IO as file_read; DATA with file and line: not one of the four kinds,
 *        a line that is no JSON, an unknown schema_version, a member of the wrong type.
 *        A last line that is cut short (a run was interrupted) is a note. */
Status runs_read(Runs *runs, const char *name, const char *path, Err *err);

/* The same, but rows with a tool go into the set of that name. */
Status runs_read_tools(Runs *runs, const char *name, const char *path, Err *err);

void runs_free(Runs *runs);

bool runs_is_solved(const Run *run);
/* The verdict is the opposite of the expected one. */
bool runs_is_wrong(const Run *run);

/* "verified", "falsified", "unknown", "timeout", "unsupported", "error" */
const char *runs_end_word(RunEnd end);
/* From VNN-COMP's words (unsat, sat, ...) or dualcert's; RUN_ERROR for any other. */
RunEnd runs_end_of(const char *word);

/* x, or NAN when it is not finite or negative. */
double runs_amount(double x);

/* The run of the same instance: category where both have one, and the names of the
 * files without folders and .gz.  NULL when there is none.  The first of several. */
const Run *runs_find(const RunSet *set, const Run *like);

/* The name of a file without its folders: a part of `path`. */
const char *runs_base(const char *path);

#endif
