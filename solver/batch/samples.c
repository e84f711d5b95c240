/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/samples.h"

#include <limits.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "specs/csv.h"
#include "specs/prop.h"

typedef struct {
  CsvCursor csv;
  bool has_label;
  Samples *out;
  size_t n_values, room;
  int row_room;
  Err *err;
} Reader;

static void push_value(Reader *r, double x)
{
  if (r->n_values == r->room) {
    r->room = r->room ? r->room * 2 : 1024;
    r->out->values = mem_grow(r->out->values, r->room, sizeof *r->out->values);
  }
  r->out->values[r->n_values++] = x;
}

static void push_row(Reader *r, const Sample *row)
{
  Samples *const s = r->out;
  if (s->n == r->row_room) {
    r->row_room = r->row_room ? r->row_room * 2 : 64;
    s->rows = mem_grow(s->rows, (size_t)r->row_room, sizeof *s->rows);
  }
  s->rows[s->n++] = *row;
}

static Status read_line(Reader *r)
{
  Sample row = {.line = r->csv.line, .label = -1, .first = r->n_values};
  double x;
  bool found;
  const char *const start = r->csv.at;
  Status rc = csv_number(&r->csv, &x, &found, r->err);
  if (rc || !found) return rc;
  if (r->has_label) {
    if (!(x >= 0 && x <= INT_MAX) || x != (double)(int)x)
      return csv_fail(&r->csv, start, "expected a label: a whole number, 0 or more",
                      r->err);
    row.label = (int)x;
    rc = csv_number(&r->csv, &x, &found, r->err);
    if (!rc && !found)
      return csv_fail(&r->csv, start, "a label without inputs", r->err);
  }
  for (; !rc && found; rc = csv_number(&r->csv, &x, &found, r->err)) {
    push_value(r, x);
    row.n++;
  }
  if (!rc) push_row(r, &row);
  return rc;
}

static Status read_all(Reader *r)
{
  for (; r->csv.at < r->csv.end; csv_next_line(&r->csv)) {
    const Status rc = read_line(r);
    if (rc) return rc;
  }
  if (r->out->n) return STATUS_OK;
  return status_fail(r->err, STATUS_DATA, "%s: no samples in it", r->csv.path);
}

Status samples_read(const char *path, bool has_label, Samples *samples, Err *err)
{
  *samples = (Samples){0};
  File file;
  Status rc = file_read(path, PROP_MAX_BYTES, &file, err);
  if (!rc) {
    Reader r = {.csv = csv_cursor(path, &file),
                .has_label = has_label,
                .out = samples,
                .err = err};
    rc = read_all(&r);
  }
  file_free(&file);
  return rc;
}

void samples_reset(Samples *samples)
{
  mem_free(samples->rows);
  mem_free(samples->values);
  *samples = (Samples){0};
}
