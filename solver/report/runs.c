/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/report/csvruns.h"

enum { SCHEMA = 1 };

/* ---- sets ---------------------------------------------------------------- */

static RunSet *set_of(Runs *runs, const char *name)
{
  for (int i = 0; i < runs->n; i++)
    if (!strcmp(runs->sets[i].name, name)) return &runs->sets[i];
  if (runs->n == runs->room) {
    runs->room = runs->room ? 2 * runs->room : 4;
    runs->sets = mem_grow(runs->sets, (size_t)runs->room, sizeof *runs->sets);
  }
  runs->sets[runs->n] = (RunSet){.name = mem_strdup(name)};
  return &runs->sets[runs->n++];
}

static void add(RunSet *set, const Run *run)
{
  if (set->n == set->room) {
    set->room = set->room ? 2 * set->room : 64;
    set->runs = mem_grow(set->runs, (size_t)set->room, sizeof *set->runs);
  }
  set->runs[set->n++] = *run;
}

static void free_run(Run *run)
{
  mem_free(run->category);
  mem_free(run->network);
  mem_free(run->property);
  mem_free(run->tool);
  mem_free(run->message);
  json_free(run->verify);
}

void runs_free(Runs *runs)
{
  for (int i = 0; i < runs->n; i++) {
    for (int k = 0; k < runs->sets[i].n; k++)
      free_run(&runs->sets[i].runs[k]);
    mem_free(runs->sets[i].runs);
    mem_free(runs->sets[i].name);
  }
  mem_free(runs->sets);
  text_free(&runs->notes);
  *runs = (Runs){0};
}

/* ---- words --------------------------------------------------------------- */

bool runs_is_solved(const Run *run)
{
  return run->end == RUN_VERIFIED || run->end == RUN_FALSIFIED;
}

bool runs_is_wrong(const Run *run)
{
  return runs_is_solved(run) && run->expected != RUN_UNKNOWN &&
         run->expected != run->end;
}

const char *runs_end_word(RunEnd end)
{
  static const char *const words[] = {"verified", "falsified",   "unknown",
                                      "timeout",  "unsupported", "error"};
  return words[end];
}

RunEnd runs_end_of(const char *word)
{
  static const struct {
    const char *word;
    RunEnd end;
  } table[] = {{"unsat", RUN_VERIFIED},
               {"verified", RUN_VERIFIED},
               {"holds", RUN_VERIFIED},
               {"sat", RUN_FALSIFIED},
               {"falsified", RUN_FALSIFIED},
               {"violated", RUN_FALSIFIED},
               {"unknown", RUN_UNKNOWN},
               {"timeout", RUN_TIMEOUT},
               {"timed-out", RUN_TIMEOUT},
               {"unsupported", RUN_UNSUPPORTED},
               {"error_exit_code_69", RUN_UNSUPPORTED}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (!strcmp(table[i].word, word)) return table[i].end;
  return RUN_ERROR;
}

double runs_amount(double x)
{
  return isfinite(x) && x >= 0 ? x : NAN;
}

const char *runs_base(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static bool same_file(const char *a, const char *b)
{
  const char *const x = runs_base(a), *const y = runs_base(b);
  size_t n = strlen(x), m = strlen(y);
  if (n > 3 && !strcmp(x + n - 3, ".gz")) n -= 3;
  if (m > 3 && !strcmp(y + m - 3, ".gz")) m -= 3;
  return n == m && !strncmp(x, y, n);
}

const Run *runs_find(const RunSet *set, const Run *like)
{
  for (int i = 0; i < set->n; i++) {
    const Run *const r = &set->runs[i];
    if (*r->category && *like->category && strcmp(r->category, like->category) != 0)
      continue;
    if (same_file(r->network, like->network) && same_file(r->property, like->property))
      return r;
  }
  return NULL;
}

/* ---- objects ------------------------------------------------------------- */

/* A text member, NULL when it is missing or null. */
static Status text_of(const char *path, int line, const cJSON *object, const char *key,
                      const char **value, Err *err)
{
  const cJSON *const item = json_get(object, key);
  *value = NULL;
  if (!item || cJSON_IsNull(item)) return STATUS_OK;
  if (!cJSON_IsString(item))
    return status_fail(err, STATUS_DATA, "%s:%d: \"%s\": expected a text or null", path,
                       line, key);
  *value = item->valuestring;
  return STATUS_OK;
}

static Status amount_of(const char *path, int line, const cJSON *object,
                        const char *key, double *value, Err *err)
{
  const cJSON *const item = json_get(object, key);
  *value = NAN;
  if (!item || cJSON_IsNull(item)) return STATUS_OK;
  if (!cJSON_IsNumber(item))
    return status_fail(err, STATUS_DATA, "%s:%d: \"%s\": expected a number or null",
                       path, line, key);
  *value = runs_amount(item->valuedouble);
  return STATUS_OK;
}

static char *copy(const char *text)
{
  return mem_strdup(text ? text : "");
}

static const char *member(const cJSON *object, const char *key)
{
  const cJSON *const item = json_get(object, key);
  return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* A number of an object that may lack it. */
static double amount_at(const cJSON *object, const char *key, double otherwise)
{
  const cJSON *const item = json_get(object, key);
  return cJSON_IsNumber(item) ? runs_amount(item->valuedouble) : otherwise;
}

/* What the object of `verify` says about a run of which nothing else is known.  Takes
 * the object; NULL: nothing is known. */
static Run run_of_verify(cJSON *verify)
{
  const char *const verdict = member(verify, "verdict");
  const char *const reason = member(verify, "reason");
  const cJSON *const seconds = json_get(verify, "seconds");
  Run run = {.category = copy(NULL),
             .network = copy(member(json_get(verify, "network"), "path")),
             .property = copy(member(json_get(verify, "specification"), "path")),
             .tool = copy(NULL),
             .message = copy(NULL),
             .end = runs_end_of(verdict ? verdict : ""),
             .expected = RUN_UNKNOWN,
             .timeout = NAN,
             .best_time = NAN,
             .run_time = NAN,
             .cpu = NAN,
             .peak_kb = NAN,
             .verify = verify};
  if (run.end == RUN_UNKNOWN && reason && !strcmp(reason, "timeout"))
    run.end = RUN_TIMEOUT;
  if (cJSON_IsNumber(seconds)) run.run_time = runs_amount(seconds->valuedouble);
  return run;
}

/* An object of its own instead of the member of another one. */
static cJSON *detach(cJSON *object, const char *key)
{
  const cJSON *const item = json_get(object, key);
  return cJSON_IsObject(item) ? cJSON_DetachItemViaPointer(object, (cJSON *)item)
                              : NULL;
}

static Status read_texts(const char *path, int line, const cJSON *object, Run *run,
                         Err *err)
{
  static const char *const keys[] = {"category", "network", "property",
                                     "message",  "result",  "expected"};
  const char *value[6];
  for (int i = 0; i < 6; i++) {
    const Status rc = text_of(path, line, object, keys[i], &value[i], err);
    if (rc) return rc;
  }
  if (!value[4])
    return status_fail(err, STATUS_DATA, "%s:%d: \"result\" is missing", path, line);
  run->category = copy(value[0]);
  run->network = copy(value[1]);
  run->property = copy(value[2]);
  run->message = copy(value[3]);
  run->tool = copy(NULL);
  run->end = runs_end_of(value[4]);
  run->expected = value[5] ? runs_end_of(value[5]) : RUN_UNKNOWN;
  if (run->expected != RUN_VERIFIED && run->expected != RUN_FALSIFIED)
    run->expected = RUN_UNKNOWN;
  return STATUS_OK;
}

/* A line of results.jsonl. */
static Status read_row(const char *path, int line, cJSON *object, RunSet *set, Err *err)
{
  const cJSON *const schema = json_get(object, "schema_version");
  if (schema && !(cJSON_IsNumber(schema) && schema->valuedouble == SCHEMA))
    return status_fail(err, STATUS_DATA,
                       "%s:%d: schema_version is not %d: written by a newer dualcert?",
                       path, line, SCHEMA);
  Run run = {0};
  double signal = NAN;
  Status rc = amount_of(path, line, object, "timeout", &run.timeout, err);
  if (!rc) rc = amount_of(path, line, object, "best_time", &run.best_time, err);
  if (!rc) rc = amount_of(path, line, object, "run_time", &run.run_time, err);
  if (!rc) rc = amount_of(path, line, object, "cpu", &run.cpu, err);
  if (!rc) rc = amount_of(path, line, object, "peak_kb", &run.peak_kb, err);
  if (!rc) rc = amount_of(path, line, object, "signal", &signal, err);
  if (!rc) rc = read_texts(path, line, object, &run, err);
  if (rc) return rc;
  run.signal = signal >= 1 && signal <= 1000 ? (int)signal : 0;
  run.verify = detach(object, "verify");
  add(set, &run);
  return STATUS_OK;
}

static void replace(char **text, const char *with)
{
  if (!with) return;
  mem_free(*text);
  *text = copy(with);
}

/* What the gate itself decided: undecided is unknown, and a verdict whose evidence was
 * rejected counts as an error. */
static RunEnd end_of_state(const char *state, RunEnd end)
{
  if (!state) return end;
  if (!strcmp(state, "undecided")) return end == RUN_TIMEOUT ? end : RUN_UNKNOWN;
  return runs_end_of(state);
}

/* One check of a gate (docs/gate.md): its object of `verify`, and what
 * the check says about the same run. */
static void read_check(cJSON *check, RunSet *set)
{
  Run run = run_of_verify(NULL);
  cJSON *const verify = detach(check, "result");
  if (verify) {
    free_run(&run);
    run = run_of_verify(verify);
  }
  const char *const reason = member(check, "reason");
  if (reason && !strcmp(reason, "timeout")) run.end = RUN_TIMEOUT;
  run.end = end_of_state(member(check, "state"), run.end);
  replace(&run.category, member(check, "check"));
  replace(&run.network, member(json_get(check, "network"), "path"));
  replace(&run.property, member(json_get(check, "specification"), "path"));
  replace(&run.message, member(check, "message"));
  run.run_time = amount_at(check, "seconds", run.run_time);
  run.cpu = amount_at(check, "cpu", run.cpu);
  run.peak_kb = amount_at(check, "peak_kb", run.peak_kb);
  run.timeout = amount_at(check, "timeout", run.timeout);
  add(set, &run);
}

/* A file that is one object. */
static Status read_object(const char *path, cJSON *object, RunSet *set, Err *err)
{
  const cJSON *const checks = json_get(object, "checks");
  if (cJSON_IsArray(checks)) {
    const cJSON *const version = json_get(object, "version");
    if (version && !(cJSON_IsNumber(version) && version->valuedouble == SCHEMA)) {
      json_free(object);
      return status_fail(err, STATUS_DATA,
                         "%s: version is not %d: written by a newer dualcert?", path,
                         SCHEMA);
    }
    for (cJSON *c = checks->child; c; c = c->next)
      read_check(c, set);
    json_free(object);
    return STATUS_OK;
  }
  if (member(object, "verdict")) {
    const Run run = run_of_verify(object);
    add(set, &run);
    return STATUS_OK;
  }
  const Status rc = read_row(path, 1, object, set, err);
  json_free(object);
  return rc;
}

/* ---- files --------------------------------------------------------------- */

/* The line [text, end) as JSON; its own copy, since the parser wants a NUL. */
static cJSON *parse_line(const char *text, const char *end)
{
  const size_t n = (size_t)(end - text);
  File line = {.data = mem_strndup(text, n), .size = n};
  Err ignored = {0};
  cJSON *const object = json_parse("", &line, &ignored);
  status_reset(&ignored);
  mem_free(line.data);
  if (object && !cJSON_IsObject(object)) {
    json_free(object);
    return NULL;
  }
  return object;
}

static bool is_blank(const char *text, const char *end)
{
  while (text < end && strchr(" \t\r\n", *text))
    text++;
  return text == end;
}

static Status read_lines(const char *path, const File *file, Runs *runs, RunSet *set,
                         Err *err)
{
  const char *const end = file->data + file->size;
  int line = 1;
  for (const char *text = file->data; text < end; line++) {
    const char *const newline = memchr(text, '\n', (size_t)(end - text));
    const char *const stop = newline ? newline : end;
    if (!is_blank(text, stop)) {
      cJSON *const object = parse_line(text, stop);
      if (!object && !newline && line > 1) {
        text_add(&runs->notes, "%s:%d: the last line is cut short and was left out\n",
                 path, line);
        return STATUS_OK;
      }
      if (!object)
        return status_fail(err, STATUS_DATA,
                           "%s:%d: not valid JSON; expected one object on each line",
                           path, line);
      const Status rc = read_row(path, line, object, set, err);
      json_free(object);
      if (rc) return rc;
    }
    text = stop + 1;
  }
  return STATUS_OK;
}

/* One object of many lines, or one on each line. */
static Status read_json(const char *path, const File *file, Runs *runs, RunSet *set,
                        Err *err)
{
  const char *const end = file->data + file->size;
  const char *const newline = memchr(file->data, '\n', file->size);
  cJSON *const first = parse_line(file->data, newline ? newline : end);
  const bool has_more = newline && !is_blank(newline, end);
  if (first && !has_more) return read_object(path, first, set, err);
  const bool is_row = first && json_get(first, "result");
  json_free(first);
  if (is_row) return read_lines(path, file, runs, set, err);
  cJSON *const whole = json_parse(path, file, err);
  if (!whole) return err->code;
  if (!cJSON_IsObject(whole)) {
    json_free(whole);
    return status_fail(err, STATUS_DATA, "%s: expected an object", path);
  }
  return read_object(path, whole, set, err);
}

static Status read_csv(const char *path, const File *file, Runs *runs, const char *name,
                       bool by_tool, Err *err)
{
  CsvRuns rows;
  const Status rc = csvruns_parse(path, file, &rows, err);
  for (int i = 0; i < rows.n; i++) {
    Run *const run = &rows.runs[i];
    if (rc)
      free_run(run);
    else
      add(set_of(runs, by_tool && *run->tool ? run->tool : name), run);
  }
  mem_free(rows.runs);
  return rc;
}

static Status read_file(Runs *runs, const char *name, const char *path, bool by_tool,
                        Err *err)
{
  File file;
  Status rc = file_read(path, FILE_MAX_BYTES, &file, err);
  if (!rc) {
    const char *first = file.data;
    while (*first && strchr(" \t\r\n", *first))
      first++;
    /* An empty file is an empty set: a run that has not begun. */
    RunSet *const set = by_tool ? NULL : set_of(runs, name);
    if (!*first)
      text_add(&runs->notes, "%s: is empty\n", path);
    else if (*first == '{')
      rc = read_json(path, &file, runs, set ? set : set_of(runs, name), err);
    else
      rc = read_csv(path, &file, runs, name, by_tool, err);
  }
  file_free(&file);
  return rc;
}

Status runs_read(Runs *runs, const char *name, const char *path, Err *err)
{
  return read_file(runs, name, path, false, err);
}

Status runs_read_tools(Runs *runs, const char *name, const char *path, Err *err)
{
  return read_file(runs, name, path, true, err);
}
