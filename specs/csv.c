/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/csv.h"

#include <stdbool.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/file.h"
#include "specs/prop.h"

typedef struct {
  const char *path;
  const char *at, *end, *line_start;
  int line;
} Reader;

static bool is_separator(char c)
{
  return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\r';
}

/* The next number of this line; its length is 0 at the end of the line or file. */
static const char *next_field(Reader *r, size_t *n)
{
  while (r->at < r->end && is_separator(*r->at))
    r->at++;
  const char *const start = r->at;
  while (r->at < r->end && !is_separator(*r->at) && *r->at != '\n')
    r->at++;
  *n = (size_t)(r->at - start);
  return start;
}

static void next_line(Reader *r)
{
  if (r->at < r->end) r->at++;
  r->line++;
  r->line_start = r->at;
}

static Status count_wrong(const Reader *r, int row, long found, int n, Err *err)
{
  if (row >= 0)
    return status_fail(err, STATUS_DATA,
                       "%s:%d:1: row %d has %s%ld numbers, but the network has %d "
                       "inputs",
                       r->path, r->line, row, found > n ? "at least " : "", found, n);
  return status_fail(err, STATUS_DATA,
                     "%s: %s%ld numbers, but the network has %d inputs", r->path,
                     found > n ? "at least " : "", found, n);
}

/* The numbers of one line, appended to x[*found..n-1]; `take` = false only checks
 * whether the line is empty. */
static Status read_line(Reader *r, int row, bool take, long *found, int n, double *x,
                        bool *empty, Err *err)
{
  *empty = true;
  for (;;) {
    size_t size;
    const char *const field = next_field(r, &size);
    if (size == 0) return STATUS_OK;
    *empty = false;
    if (!take) continue;
    Decimal value;
    if (!decimal_parse(field, size, &value))
      return status_fail(err, STATUS_DATA, "%s:%d:%d: expected a finite decimal number",
                         r->path, r->line, (int)(field - r->line_start) + 1);
    if (*found == n) return count_wrong(r, row, *found + 1, n, err);
    x[(*found)++] = value.near;
  }
}

static Status read_rows(Reader *r, int row, int n, double *x, Err *err)
{
  long found = 0;
  int rows = 0;
  for (; r->at < r->end; next_line(r)) {
    bool empty;
    const bool take = row < 0 || rows == row;
    const Status rc = read_line(r, row, take, &found, n, x, &empty, err);
    if (rc) return rc;
    if (empty) continue;
    if (row >= 0 && rows == row)
      return found == n ? STATUS_OK : count_wrong(r, row, found, n, err);
    rows++;
  }
  if (row >= 0)
    return status_fail(err, STATUS_DATA,
                       "%s: has %d rows, no row %d (they count from 0)", r->path, rows,
                       row);
  return found == n ? STATUS_OK : count_wrong(r, row, found, n, err);
}

Status csv_read(const char *path, int row, int n, double *x, Err *err)
{
  File file;
  Status rc = file_read(path, PROP_MAX_BYTES, &file, err);
  if (!rc) {
    const size_t bom = file.size >= 3 && !memcmp(file.data, "\xef\xbb\xbf", 3) ? 3 : 0;
    Reader r = {.path = path,
                .at = file.data + bom,
                .end = file.data + file.size,
                .line_start = file.data + bom,
                .line = 1};
    rc = read_rows(&r, row, n, x, err);
  }
  file_free(&file);
  return rc;
}
