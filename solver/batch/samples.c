/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/samples.h"

#include <limits.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/file.h"
#include "net/base/mem.h"
#include "specs/prop.h"

typedef struct {
  const char *path;
  const char *at, *end, *line_start;
  int line;
  bool has_label;
  Samples *out;
  size_t n_values, room;
  int row_room;
  Err *err;
} Reader;

static bool is_separator(char c)
{
  return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\r';
}

static Status fail_at(const Reader *r, const char *at, const char *what)
{
  return status_fail(r->err, STATUS_DATA, "%s:%d:%d: %s", r->path, r->line,
                     (int)(at - r->line_start) + 1, what);
}

/* The next number of this line; *found is false at its end. */
static Status next_number(Reader *r, double *x, bool *found)
{
  while (r->at < r->end && is_separator(*r->at))
    r->at++;
  const char *const start = r->at;
  while (r->at < r->end && !is_separator(*r->at) && *r->at != '\n')
    r->at++;
  *found = r->at > start;
  if (!*found) return STATUS_OK;
  Decimal value;
  if (!decimal_parse(start, (size_t)(r->at - start), &value))
    return fail_at(r, start, "expected a finite decimal number");
  *x = value.near;
  return STATUS_OK;
}

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
  Sample row = {.line = r->line, .label = -1, .first = r->n_values};
  double x;
  bool found;
  const char *const start = r->at;
  Status rc = next_number(r, &x, &found);
  if (rc || !found) return rc;
  if (r->has_label) {
    if (!(x >= 0 && x <= INT_MAX) || x != (double)(int)x)
      return fail_at(r, start, "expected a label: a whole number, 0 or more");
    row.label = (int)x;
    rc = next_number(r, &x, &found);
    if (!rc && !found) return fail_at(r, start, "a label without inputs");
  }
  for (; !rc && found; rc = next_number(r, &x, &found)) {
    push_value(r, x);
    row.n++;
  }
  if (!rc) push_row(r, &row);
  return rc;
}

static Status read_all(Reader *r)
{
  while (r->at < r->end) {
    const Status rc = read_line(r);
    if (rc) return rc;
    if (r->at < r->end) r->at++;
    r->line++;
    r->line_start = r->at;
  }
  if (r->out->n) return STATUS_OK;
  return status_fail(r->err, STATUS_DATA, "%s: no samples in it", r->path);
}

Status samples_read(const char *path, bool has_label, Samples *samples, Err *err)
{
  *samples = (Samples){0};
  File file;
  Status rc = file_read(path, PROP_MAX_BYTES, &file, err);
  if (!rc) {
    const size_t bom = file.size >= 3 && !memcmp(file.data, "\xef\xbb\xbf", 3) ? 3 : 0;
    Reader r = {.path = path,
                .at = file.data + bom,
                .end = file.data + file.size,
                .line_start = file.data + bom,
                .line = 1,
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
