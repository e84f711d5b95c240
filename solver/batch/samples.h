/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/samples.h -- a table of labelled inputs from a text file.
 *
 * One sample on each line: its label, a whole number >= 0, then the inputs. Separators,
 * empty lines and gzip are as in specs/csv.h; rows count from 0.  A number means its
 * nearest double.
 */
#ifndef SOLVER_BATCH_SAMPLES_H
#define SOLVER_BATCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/status.h"

typedef struct {
  int line;     /* in the file, from 1 */
  int label;    /* -1 without labels */
  size_t first; /* index into values */
  size_t n;     /* inputs, >= 1 */
} Sample;

typedef struct {
  int n;
  Sample *rows;   /* Sample rows[n], owned */
  double *values; /* owned */
} Samples;

/* Read all rows; with has_label the first number of each is its label.
 * Fails NO_INPUT, IO; DATA with line and column, and when there is no row. */
Status samples_read(const char *path, bool has_label, Samples *samples, Err *err);
void samples_reset(Samples *samples);

#endif
