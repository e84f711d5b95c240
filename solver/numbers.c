/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/numbers.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/json.h"
#include "net/base/mem.h"
#include "specs/witness.h"

static void append(Numbers *v, double x)
{
  if (v->n == v->room) {
    v->room = v->room ? v->room * 2 : 64;
    v->x = mem_grow(v->x, v->room, sizeof *v->x);
  }
  v->x[v->n++] = x;
}

static bool separates(char c)
{
  return c == ',' || c == ';' || isspace((unsigned char)c);
}

static Status read_csv(const char *path, const File *file, Numbers *v, Err *err)
{
  int line = 1;
  for (size_t i = 0; i < file->size;) {
    if (separates(file->data[i])) {
      line += file->data[i++] == '\n';
      continue;
    }
    size_t end = i;
    while (end < file->size && !separates(file->data[end]))
      end++;
    Decimal d;
    if (!decimal_parse(file->data + i, end - i, &d))
      return status_fail(err, STATUS_DATA, "%s:%d: expected a number, found '%.*s'",
                         path, line, (int)(end - i < 40 ? end - i : 40),
                         file->data + i);
    append(v, d.near);
    i = end;
  }
  return STATUS_OK;
}

static Status read_json(const char *path, const File *file, Numbers *v, Err *err)
{
  cJSON *root = json_parse(path, file, err);
  if (!root) return err->code;
  const Status rc = json_numbers(path, "$", root, &v->x, &v->n, err);
  json_free(root);
  return rc;
}

static Status read_witness(const char *path, const File *file, int n_in, Numbers *v,
                           Err *err)
{
  v->x = mem_doubles0((size_t)n_in);
  v->n = (size_t)n_in;
  return witness_parse(path, file->data, file->size, n_in, v->x, err);
}

Status numbers_read(const char *path, const File *file, int n_in, Numbers *v, Err *err)
{
  const char *s = file->data;
  while (isspace((unsigned char)*s))
    s++;
  *v = (Numbers){0};
  if (*s == '(' || !strncmp(s, "sat", 3)) return read_witness(path, file, n_in, v, err);
  if (*s == '[' || *s == '{') return read_json(path, file, v, err);
  return read_csv(path, file, v, err);
}

void numbers_reset(Numbers *v)
{
  mem_free(v->x);
  *v = (Numbers){0};
}
