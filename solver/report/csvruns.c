/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/csvruns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"

enum {
  CATEGORY,
  NETWORK,
  PROPERTY,
  RESULT,
  RUN_TIME,
  TIMEOUT,
  EXPECTED,
  BEST_TIME,
  TOOL,
  N_COLUMNS,
  MAX_FIELDS = 64
};

static const struct {
  const char *name;
  int column;
} names[] = {
    {"category", CATEGORY},   {"network", NETWORK},  {"net", NETWORK},
    {"onnx", NETWORK},        {"nnet", NETWORK},     {"property", PROPERTY},
    {"spec", PROPERTY},       {"vnnlib", PROPERTY},  {"specification", PROPERTY},
    {"result", RESULT},       {"verdict", RESULT},   {"run_time", RUN_TIME},
    {"seconds", RUN_TIME},    {"timeout", TIMEOUT},  {"expected", EXPECTED},
    {"best_time", BEST_TIME}, {"best_t", BEST_TIME}, {"tool", TOOL},
};

typedef struct {
  int n;
  char *field[MAX_FIELDS]; /* parts of the line, which is cut up */
} Fields;

/* Fields may be in double quotes, in which "" is one. */
static char *take_field(char *s, char **next)
{
  char *const begin = s;
  if (*s != '"') {
    s += strcspn(s, ",");
    *next = *s ? s + 1 : NULL;
    *s = '\0';
    return begin;
  }
  char *to = begin;
  for (s++; *s && !(s[0] == '"' && s[1] != '"'); s++) {
    if (*s == '"') s++;
    *to++ = *s;
  }
  if (*s) s++;
  s += strcspn(s, ",");
  *next = *s ? s + 1 : NULL;
  *to = '\0';
  return begin;
}

static Fields split(char *line)
{
  Fields f = {0};
  line[strcspn(line, "\r")] = '\0';
  for (char *s = line; s && f.n < MAX_FIELDS;)
    f.field[f.n++] = take_field(s, &s);
  return f;
}

/* Which field is what: the place of each column, -1 where there is none.  False when
 * this is no header. */
static bool read_header(const Fields *f, int *place)
{
  bool any = false;
  for (int c = 0; c < N_COLUMNS; c++)
    place[c] = -1;
  for (int i = 0; i < f->n; i++)
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
      if (!strcmp(f->field[i], names[k].name) && place[names[k].column] < 0) {
        place[names[k].column] = i;
        any = true;
      }
  return any && (place[RESULT] >= 0 || place[NETWORK] >= 0);
}

/* Those of VNN-COMP, which has no header. */
static void use_plain(int *place)
{
  for (int c = 0; c < N_COLUMNS; c++)
    place[c] = -1;
  place[CATEGORY] = 0;
  place[NETWORK] = 1;
  place[PROPERTY] = 2;
  place[RESULT] = 4;
  place[RUN_TIME] = 5;
}

static const char *text_of(const Fields *f, const int *place, int column)
{
  const int i = place[column];
  return i >= 0 && i < f->n ? f->field[i] : "";
}

static Status amount_of(const char *path, int line, const Fields *f, const int *place,
                        int column, double *value, Err *err)
{
  const char *const text = text_of(f, place, column);
  *value = NAN;
  if (!*text || !strcmp(text, "-")) return STATUS_OK;
  char *end;
  const double x = strtod(text, &end);
  if (end == text || *end)
    return status_fail(err, STATUS_DATA, "%s:%d: field %d: expected a number", path,
                       line, place[column] + 1);
  *value = runs_amount(x);
  return STATUS_OK;
}

static Status read_row(const char *path, int line, const Fields *f, const int *place,
                       CsvRuns *rows, Err *err)
{
  const int needed[] = {NETWORK, PROPERTY, RESULT, RUN_TIME};
  for (size_t i = 0; i < 4; i++)
    if (place[needed[i]] >= f->n)
      return status_fail(err, STATUS_DATA,
                         "%s:%d: %d fields; expected category,network,property,"
                         "prepare_time,result,run_time or what the header names",
                         path, line, f->n);
  Run run = {0};
  Status rc = amount_of(path, line, f, place, RUN_TIME, &run.run_time, err);
  if (!rc) rc = amount_of(path, line, f, place, TIMEOUT, &run.timeout, err);
  if (!rc) rc = amount_of(path, line, f, place, BEST_TIME, &run.best_time, err);
  if (rc) return rc;
  run.cpu = run.peak_kb = NAN;
  run.category = mem_strdup(text_of(f, place, CATEGORY));
  run.network = mem_strdup(text_of(f, place, NETWORK));
  run.property = mem_strdup(text_of(f, place, PROPERTY));
  run.tool = mem_strdup(text_of(f, place, TOOL));
  run.message = mem_strdup("");
  run.end = runs_end_of(text_of(f, place, RESULT));
  run.expected = runs_end_of(text_of(f, place, EXPECTED));
  if (run.expected != RUN_VERIFIED && run.expected != RUN_FALSIFIED)
    run.expected = RUN_UNKNOWN;
  if (rows->n == rows->room) {
    rows->room = rows->room ? 2 * rows->room : 64;
    rows->runs = mem_grow(rows->runs, (size_t)rows->room, sizeof *rows->runs);
  }
  rows->runs[rows->n++] = run;
  return STATUS_OK;
}

static Status check_header(const char *path, const int *place, Err *err)
{
  static const struct {
    int column;
    const char *name;
  } needed[] = {{NETWORK, "network"},
                {PROPERTY, "property"},
                {RESULT, "result"},
                {RUN_TIME, "run_time"}};
  for (size_t i = 0; i < 4; i++)
    if (place[needed[i].column] < 0)
      return status_fail(err, STATUS_DATA, "%s:1: no column '%s'", path,
                         needed[i].name);
  return STATUS_OK;
}

Status csvruns_parse(const char *path, const File *file, CsvRuns *rows, Err *err)
{
  int place[N_COLUMNS], number = 1;
  Status rc = STATUS_OK;
  *rows = (CsvRuns){0};
  char *const text = mem_strndup(file->data, file->size);
  for (char *s = text; s && !rc; number++) {
    char *const newline = strchr(s, '\n');
    if (newline) *newline = '\0';
    Fields f = split(s);
    const bool is_blank = f.n == 1 && !*f.field[0];
    const bool is_header = number == 1 && read_header(&f, place);
    if (is_header)
      rc = check_header(path, place, err);
    else if (number == 1)
      use_plain(place);
    if (!rc && !is_blank && !is_header)
      rc = read_row(path, number, &f, place, rows, err);
    s = newline ? newline + 1 : NULL;
  }
  mem_free(text);
  return rc;
}
