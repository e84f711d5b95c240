/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/row.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/batch/table.h"
#include "solver/jsonout.h"

static const char *const words[ROW_N_RESULTS] = {"unsat",   "sat",   "unknown",
                                                 "timeout", "error", "unsupported"};
static const char *const checks[] = {"unchecked", "accepted", "refused"};

const char *row_result_word(RowResult result)
{
  return words[result];
}

bool row_is_solved(const Row *row)
{
  return row->result == ROW_UNSAT || row->result == ROW_SAT;
}

bool row_is_wrong(const Row *row)
{
  return row_is_solved(row) && row->expected &&
         strcmp(row->expected, words[row->result]) != 0;
}

int row_compare(const void *a, const void *b)
{
  const Row *x = a, *y = b;
  int d = strcmp(x->category, y->category);
  if (!d) d = strcmp(x->network, y->network);
  return d ? d : strcmp(x->property, y->property);
}

void row_reset(Row *row)
{
  mem_free(row->category);
  mem_free(row->network);
  mem_free(row->property);
  mem_free(row->message);
  mem_free(row->certificate);
  mem_free(row->reason);
  mem_free(row->stage);
  *row = (Row){0};
}

double row_seconds(double seconds)
{
  return round(seconds * 1e3) / 1e3;
}

/* ---- from a job ------------------------------------------------------------ */

static const char *text_of(const cJSON *object, const char *key)
{
  const cJSON *value = json_get(object, key);
  return cJSON_IsString(value) ? value->valuestring : NULL;
}

static double number_of(const cJSON *object, const char *key)
{
  const cJSON *value = json_get(object, key);
  return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

static char *copy_of(const cJSON *object, const char *key)
{
  const char *text = text_of(object, key);
  return text ? mem_strdup(text) : NULL;
}

/* What the columns of tables need of the answer of verify. */
static void digest(const cJSON *verify, Row *row)
{
  row->bound = NAN;
  if (!verify) return;
  row->reason = copy_of(verify, "reason");
  row->bound = number_of(verify, "bound");
  const char *stage = NULL;
  for (const cJSON *s =
           (json_get(verify, "stages") ? json_get(verify, "stages")->child : NULL);
       s; s = s->next) {
    const bool found = cJSON_IsTrue(json_get(s, "found_witness"));
    const bool closed = number_of(s, "closed") > 0;
    if (row->result == ROW_SAT ? found : row->result == ROW_UNSAT && closed)
      stage = text_of(s, "name");
  }
  row->stage = stage ? mem_strdup(stage) : NULL;
}

static RowResult result_of(const JobOutcome *o)
{
  if (o->end == JOB_REFUSED && o->exit_status == STATUS_UNSUPPORTED)
    return ROW_UNSUPPORTED;
  const char *word = job_word(o);
  for (int i = 0; i < ROW_N_RESULTS; i++)
    if (!strcmp(word, words[i])) return (RowResult)i;
  return ROW_ERROR;
}

/* The message with "?" for what is no UTF-8: it may quote any bytes of a file. */
static char *clean(const char *text)
{
  char *copy = mem_strdup(text);
  unsigned char *c = (unsigned char *)copy;
  while (*c) {
    const int more = *c < 0x80                 ? 0
                     : *c >= 0xc2 && *c < 0xe0 ? 1
                     : *c >= 0xe1 && *c < 0xed ? 2
                                               : -1;
    bool is_good = more >= 0;
    for (int i = 1; is_good && i <= more; i++)
      is_good = (c[i] & 0xc0) == 0x80;
    if (!is_good || *c == 0x7f) *c = '?';
    c += is_good ? more + 1 : 1;
  }
  return copy;
}

void row_of_job(const Instance *i, const JobOutcome *o, Row *row)
{
  *row = (Row){.category = mem_strdup(i->category),
               .network = mem_strdup(i->network),
               .property = mem_strdup(i->property),
               .timeout = i->timeout,
               .expected = i->expected,
               .best_time = i->best_time,
               .result = result_of(o),
               .run_time = row_seconds(o->wall),
               .cpu = row_seconds(o->cpu),
               .peak_kb = o->peak_kb,
               .exit_status = o->exit_status,
               .signal = o->signal,
               .message = clean(o->message),
               .check_time = NAN};
  digest(o->end == JOB_ANSWERED ? o->json : NULL, row);
}

/* ---- to text ---------------------------------------------------------------- */

static void put_member(Text *out, const char *name, const char *value)
{
  text_add(out, "\"%s\":", name);
  if (value)
    jsonout_string(out, value);
  else
    text_add(out, "null");
  text_add(out, ",");
}

static void put_number(Text *out, const char *name, double value)
{
  text_add(out, "\"%s\":", name);
  jsonout_number(out, value);
  text_add(out, ",");
}

/* JSON text without its line ends, which are only between its tokens. */
static void put_flat(Text *out, const char *json)
{
  while (*json) {
    const size_t n = strcspn(json, "\r\n");
    text_add(out, "%.*s", (int)n, json);
    json += n + strspn(json + n, "\r\n ");
  }
}

void row_print(const Row *row, const char *verify, Text *out)
{
  text_add(out, "{\"schema_version\":1,");
  put_member(out, "category", row->category);
  put_member(out, "network", row->network);
  put_member(out, "property", row->property);
  put_number(out, "timeout", row->timeout);
  put_member(out, "expected", row->expected);
  put_number(out, "best_time", row->best_time);
  put_member(out, "result", words[row->result]);
  put_number(out, "run_time", row->run_time);
  put_number(out, "cpu", row->cpu);
  put_number(out, "peak_kb", (double)row->peak_kb);
  put_number(out, "exit_status", row->exit_status < 0 ? NAN : row->exit_status);
  put_number(out, "signal", row->signal ? row->signal : NAN);
  put_member(out, "message", row->message);
  text_add(out, "\"certificate\":");
  if (row->certificate) {
    text_add(out, "{");
    put_member(out, "path", row->certificate);
    put_number(out, "bytes", row->bytes);
    put_number(out, "check_time", row->check_time);
    text_add(out, "\"check\":\"%s\"},", checks[row->check]);
  } else {
    text_add(out, "null,");
  }
  text_add(out, "\"verify\":");
  if (verify)
    put_flat(out, verify);
  else
    text_add(out, "null");
  text_add(out, "}\n");
}

/* The competition's scorer accepts no other words. */
void row_print_csv(const Row *row, Text *out)
{
  table_put(out, row->category);
  text_add(out, ",");
  table_put(out, row->network);
  text_add(out, ",");
  table_put(out, row->property);
  text_add(out, ",0,");
  if ((row->result == ROW_ERROR || row->result == ROW_UNSUPPORTED) &&
      row->exit_status > 0)
    text_add(out, "error_exit_code_%d", row->exit_status);
  else
    text_add(out, "%s", row->result == ROW_UNSUPPORTED ? "error" : words[row->result]);
  text_add(out, ",%.3f\n", row->run_time);
}

/* ---- from text -------------------------------------------------------------- */

static int index_of(const char *word, const char *const *list, int n)
{
  for (int i = 0; word && i < n; i++)
    if (!strcmp(word, list[i])) return i;
  return -1;
}

static Status fill(const char *place, const cJSON *object, Row *row, Err *err)
{
  const int result = index_of(text_of(object, "result"), words, ROW_N_RESULTS);
  row->category = copy_of(object, "category");
  row->network = copy_of(object, "network");
  row->property = copy_of(object, "property");
  row->run_time = number_of(object, "run_time");
  row->timeout = number_of(object, "timeout");
  if (!row->category || !row->network || !row->property || result < 0 ||
      !isfinite(row->run_time) || !isfinite(row->timeout))
    return status_fail(err, STATUS_DATA,
                       "%s: not a result of dualcert suite: category, network, "
                       "property, timeout, result or run_time is missing or wrong",
                       place);
  row->result = (RowResult)result;
  const char *expected = text_of(object, "expected");
  row->expected = !expected                    ? NULL
                  : !strcmp(expected, "sat")   ? "sat"
                  : !strcmp(expected, "unsat") ? "unsat"
                                               : NULL;
  row->best_time = number_of(object, "best_time");
  const double cpu = number_of(object, "cpu"), peak = number_of(object, "peak_kb");
  const double status = number_of(object, "exit_status");
  const double number = number_of(object, "signal");
  row->cpu = isfinite(cpu) ? cpu : 0;
  row->peak_kb = peak >= 0 && peak < 1e15 ? (long)peak : 0;
  row->exit_status = status >= 0 && status < 256 ? (int)status : -1;
  row->signal = number > 0 && number < 256 ? (int)number : 0;
  row->message = copy_of(object, "message");
  if (!row->message) row->message = mem_strdup("");
  const cJSON *certificate = json_get(object, "certificate");
  row->certificate = copy_of(certificate, "path");
  row->bytes = number_of(certificate, "bytes");
  row->check_time = number_of(certificate, "check_time");
  const int check = index_of(text_of(certificate, "check"), checks, 3);
  row->check = check < 0 ? ROW_UNCHECKED : (RowCheck)check;
  return STATUS_OK;
}

Status row_read(const char *place, const char *data, size_t size, Row *row,
                cJSON **verify, Err *err)
{
  *row = (Row){0};
  if (verify) *verify = NULL;
  File file = {.data = mem_strndup(data, size), .size = size};
  cJSON *object = json_parse(place, &file, err);
  file_free(&file);
  if (!object) return err ? err->code : STATUS_DATA;
  Status rc = cJSON_IsObject(object)
                  ? fill(place, object, row, err)
                  : status_fail(err, STATUS_DATA, "%s: expected an object", place);
  cJSON *answer = rc ? NULL : cJSON_DetachItemFromObjectCaseSensitive(object, "verify");
  if (answer && !cJSON_IsObject(answer)) {
    json_free(answer);
    answer = NULL;
  }
  if (!rc) digest(answer, row);
  if (verify)
    *verify = answer;
  else if (answer)
    json_free(answer);
  json_free(object);
  if (rc) row_reset(row);
  return rc;
}
