/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/csvruns.h -- runs from a CSV file (solver/report/runs.h says which). */
#ifndef SOLVER_REPORT_CSVRUNS_H
#define SOLVER_REPORT_CSVRUNS_H

#include "net/base/file.h"
#include "solver/report/runs.h"

typedef struct {
  int n, room;
  Run *runs; /* owned, also after a failure, with all that is in them */
} CsvRuns;

/* Fails DATA with file and line: a row with too few fields, a time that is no number, a
 * header without a needed column. */
Status csvruns_parse(const char *path, const File *file, CsvRuns *rows, Err *err);

#endif
