/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/csv.h"

#include <stdbool.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/file.h"
#include "specs/prop.h"

static bool is_separator(char c)
{
  return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\r';
}

CsvCursor csv_cursor(const char *path, const File *file)
{
  const size_t bom = file->size >= 3 && !memcmp(file->data, "\xef\xbb\xbf", 3) ? 3 : 0;
  const char *const start = file->data + bom;
  return (CsvCursor){path, start, file->data + file->size, start, 1};
}

const char *csv_field(CsvCursor *c, size_t *n)
{
  while (c->at < c->end && is_separator(*c->at))
    c->at++;
  const char *const start = c->at;
  while (c->at < c->end && !is_separator(*c->at) && *c->at != '\n')
    c->at++;
  *n = (size_t)(c->at - start);
  return start;
}

Status csv_fail(const CsvCursor *c, const char *at, const char *what, Err *err)
{
  return status_fail(err, STATUS_DATA, "%s:%d:%d: %s", c->path, c->line,
                     (int)(at - c->line_start) + 1, what);
}

Status csv_number(CsvCursor *c, double *x, bool *found, Err *err)
{
  size_t n;
  Decimal value;
  const char *const field = csv_field(c, &n);
  *found = n > 0;
  *x = 0;
  if (!n) return STATUS_OK;
  if (!decimal_parse(field, n, &value))
    return csv_fail(c, field, "expected a finite decimal number", err);
  *x = value.near;
  return STATUS_OK;
}

void csv_next_line(CsvCursor *c)
{
  if (c->at < c->end) c->at++;
  c->line++;
  c->line_start = c->at;
}

/* ---- one vector ---------------------------------------------------------- */

static Status count_wrong(const CsvCursor *c, int row, long found, int n, Err *err)
{
  if (row >= 0)
    return status_fail(err, STATUS_DATA,
                       "%s:%d:1: row %d has %s%ld numbers, but the network has %d "
                       "inputs",
                       c->path, c->line, row, found > n ? "at least " : "", found, n);
  return status_fail(err, STATUS_DATA,
                     "%s: %s%ld numbers, but the network has %d inputs", c->path,
                     found > n ? "at least " : "", found, n);
}

/* Is there a field in this line?  Then all of it is passed over. */
static bool skip_line(CsvCursor *c)
{
  size_t n;
  bool any = false;
  for (csv_field(c, &n); n; csv_field(c, &n))
    any = true;
  return any;
}

/* The numbers of one line, appended to x[*found..n-1]. */
static Status read_line(CsvCursor *c, int row, long *found, int n, double *x, bool *any,
                        Err *err)
{
  double value;
  *any = false;
  for (;;) {
    bool is_there;
    const Status rc = csv_number(c, &value, &is_there, err);
    if (rc || !is_there) return rc;
    *any = true;
    if (*found == n) return count_wrong(c, row, *found + 1, n, err);
    x[(*found)++] = value;
  }
}

static Status read_rows(CsvCursor *c, int row, int n, double *x, Err *err)
{
  long found = 0;
  int rows = 0;
  for (; c->at < c->end; csv_next_line(c)) {
    if (row >= 0 && rows < row) {
      rows += skip_line(c);
      continue;
    }
    bool any;
    const Status rc = read_line(c, row, &found, n, x, &any, err);
    if (rc) return rc;
    if (any && row >= 0)
      return found == n ? STATUS_OK : count_wrong(c, row, found, n, err);
  }
  if (row >= 0)
    return status_fail(err, STATUS_DATA,
                       "%s: has %d rows, no row %d (they count from 0)", c->path, rows,
                       row);
  return found == n ? STATUS_OK : count_wrong(c, row, found, n, err);
}

Status csv_read(const char *path, int row, int n, double *x, Err *err)
{
  File file;
  Status rc = file_read(path, PROP_MAX_BYTES, &file, err);
  if (!rc) {
    CsvCursor c = csv_cursor(path, &file);
    rc = read_rows(&c, row, n, x, err);
  }
  file_free(&file);
  return rc;
}
