/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/table.h"

#include <stdbool.h>
#include <string.h>

#include "net/base/mem.h"

/* More than any list of instances. */
#define MAX_BYTES ((size_t)1 << 30)

typedef struct {
  const char *path;
  char *at, *end;
  int line;
  Err *err;
} Reader;

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static void add_row(Table *t, int line)
{
  if (t->n % 64 == 0) t->rows = mem_grow(t->rows, (size_t)t->n + 64, sizeof *t->rows);
  t->rows[t->n++] = (TableRow){.line = line};
}

static void add_field(Table *t, char *field)
{
  TableRow *row = &t->rows[t->n - 1];
  if (row->n % 8 == 0)
    row->fields = mem_grow(row->fields, (size_t)row->n + 8, sizeof *row->fields);
  row->fields[row->n++] = field;
}

/* A field in quotes, written over itself without them.  Leaves `at` behind the closing
 * quote. */
static Status read_quoted(Reader *r, char **field)
{
  const int line = r->line;
  char *to = *field = ++r->at;
  for (; r->at < r->end; r->at++) {
    if (*r->at == '"') {
      if (r->at + 1 == r->end || r->at[1] != '"') break;
      r->at++;
    }
    r->line += *r->at == '\n';
    *to++ = *r->at;
  }
  if (r->at == r->end)
    return status_fail(r->err, STATUS_DATA, "%s:%d: a quote is never closed", r->path,
                       line);
  r->at++;
  while (r->at < r->end && is_blank(*r->at))
    r->at++;
  if (r->at < r->end && *r->at != ',' && *r->at != '\n' && *r->at != '\r')
    return status_fail(r->err, STATUS_DATA,
                       "%s:%d: expected a comma or the end of the line after a quoted "
                       "field",
                       r->path, r->line);
  *to = '\0';
  return STATUS_OK;
}

/* Leaves `at` at the comma or line end; *last is the byte behind the field. */
static Status read_field(Reader *r, char **field, char **last)
{
  while (r->at < r->end && is_blank(*r->at))
    r->at++;
  *last = NULL;
  if (r->at < r->end && *r->at == '"') return read_quoted(r, field);
  *field = r->at;
  while (r->at < r->end && *r->at != ',' && *r->at != '\n' &&
         !(*r->at == '\r' && (r->at + 1 == r->end || r->at[1] == '\n')))
    r->at++;
  *last = r->at;
  while (*last > *field && is_blank((*last)[-1]))
    (*last)--;
  return STATUS_OK;
}

/* One line; the separator is overwritten only after it was looked at. */
static Status read_row(Reader *r, Table *t)
{
  add_row(t, r->line);
  for (;;) {
    char *field, *last;
    const Status rc = read_field(r, &field, &last);
    if (rc) return rc;
    const char c = r->at < r->end ? *r->at : '\n';
    if (last) *last = '\0';
    add_field(t, field);
    if (c == '\r') r->at++;
    if (r->at < r->end) r->at++;
    if (c != ',') break;
  }
  r->line++;
  return STATUS_OK;
}

static bool skip_blank_line(Reader *r)
{
  char *c = r->at;
  while (c < r->end && (is_blank(*c) || *c == '\r'))
    c++;
  if (c < r->end && *c != '\n') return false;
  r->at = c < r->end ? c + 1 : c;
  r->line++;
  return true;
}

Status table_read(const char *path, Table *table, Err *err)
{
  *table = (Table){0};
  Status rc = file_read(path, MAX_BYTES, &table->file, err);
  if (rc) return rc;
  char *text = table->file.data;
  Reader r = {path, text, text + table->file.size, 1, err};
  if (table->file.size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) r.at += 3;
  const char *zero = memchr(text, '\0', table->file.size);
  if (zero)
    return status_fail(err, STATUS_DATA, "%s: not a text file: byte %td is 0", path,
                       zero - text);
  while (!rc && r.at < r.end)
    if (!skip_blank_line(&r)) rc = read_row(&r, table);
  return rc;
}

void table_free(Table *table)
{
  for (int i = 0; i < table->n; i++)
    mem_free(table->rows[i].fields);
  mem_free(table->rows);
  file_free(&table->file);
  *table = (Table){0};
}

int table_column(const TableRow *header, const char *name)
{
  for (int i = 0; i < header->n; i++)
    if (!strcmp(header->fields[i], name)) return i;
  return -1;
}

void table_put(Text *out, const char *field)
{
  const size_t n = strlen(field);
  const bool is_padded = n && (is_blank(field[0]) || is_blank(field[n - 1]));
  const bool has_mark = !strncmp(field, "\xef\xbb\xbf", 3); /* as a file may start */
  if (!strpbrk(field, ",\"\r\n") && !is_padded && !has_mark) {
    text_add(out, "%s", field);
    return;
  }
  text_add(out, "\"");
  for (const char *c = field; *c; c++)
    text_add(out, *c == '"' ? "\"\"" : "%c", *c);
  text_add(out, "\"");
}
