/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/csv.h -- a vector of numbers from a text file.
 *
 * Numbers are separated by commas, semicolons, blanks or line ends; empty lines do
 * not count as rows.  A number means its nearest double.
 */
#ifndef SPECS_CSV_H
#define SPECS_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/file.h"
#include "net/base/status.h"

/* Read n numbers into x: all of the file when row < 0, else row `row` (from 0), which
 * must have exactly n.  gzip is fine.  Fails NO_INPUT, IO; DATA with line and
 * column. */
Status csv_read(const char *path, int row, int n, double *x, Err *err);

/* Line by line, for other tables of numbers. */
typedef struct {
  const char *path;     /* borrowed, for messages */
  const char *at, *end; /* borrowed: the text that is left */
  const char *line_start;
  int line; /* from 1 */
} CsvCursor;

/* At the first line; a byte order mark is passed over. */
CsvCursor csv_cursor(const char *path, const File *file);

/* The next field of this line; its length is 0 at the end of the line or file. */
const char *csv_field(CsvCursor *c, size_t *n);

/* The same as a number; *found is false at the end of the line or file.  Fails DATA
 * with line and column. */
Status csv_number(CsvCursor *c, double *x, bool *found, Err *err);

/* From the end of a line to the next one. */
void csv_next_line(CsvCursor *c);

/* DATA with line and column of the character `at`. */
Status csv_fail(const CsvCursor *c, const char *at, const char *what, Err *err);

#endif
