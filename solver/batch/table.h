/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/table.h -- files of comma-separated values (RFC 4180).
 *
 * A field may stand in double quotes, where a double quote is written twice; then it
 * may contain commas and line ends.  Blanks around a field without quotes do not
 * count.  Lines end in LF or CRLF, a byte order mark is skipped, and so are lines with
 * nothing but blanks.
 */
#ifndef SOLVER_BATCH_TABLE_H
#define SOLVER_BATCH_TABLE_H

#include "net/base/file.h"
#include "net/base/status.h"
#include "net/base/text.h"

typedef struct {
  int line; /* where it starts, from 1 */
  int n;
  char **fields; /* char *fields[n], NUL-terminated */
} TableRow;

typedef struct {
  int n;
  TableRow *rows; /* TableRow rows[n] */
  File file;      /* holds the text of the fields */
} Table;

/* Read a file, gzip or plain.  Fails NO_INPUT, IO; DATA with the line.  Free with
 * table_free, also after a failure. */
Status table_read(const char *path, Table *table, Err *err);
void table_free(Table *table);

/* The column of that name in a row; -1 when there is none. */
int table_column(const TableRow *header, const char *name);

/* Append a field, in quotes where it needs them. */
void table_put(Text *out, const char *field);

#endif
