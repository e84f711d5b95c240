/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/csv.h -- a vector of numbers from a text file.
 *
 * Numbers are separated by commas, semicolons, blanks or line ends; empty lines do
 * not count as rows.  A number means its nearest double.
 */
#ifndef SPECS_CSV_H
#define SPECS_CSV_H

#include "net/base/status.h"

/* Read n numbers into x: all of the file when row < 0, else row `row` (from 0), which
 * must have exactly n.  gzip is fine.  Fails NO_INPUT, IO; DATA with line and
 * column. */
Status csv_read(const char *path, int row, int n, double *x, Err *err);

#endif
