/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/database.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "net/base/file.h"
#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/text.h"
#include "solver/batch/journal.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, program TEXT, sha256 TEXT,"
    " data TEXT, timeout REAL, memory REAL, threads INTEGER, options TEXT,"
    " certificates INTEGER);"
    "CREATE TABLE IF NOT EXISTS instances (id INTEGER PRIMARY KEY, run TEXT NOT NULL"
    " REFERENCES runs, category TEXT, network TEXT, property TEXT, timeout REAL,"
    " expected TEXT, best_time REAL, result TEXT, run_time REAL, cpu REAL,"
    " peak_kb INTEGER, exit_status INTEGER, signal INTEGER, message TEXT, reason TEXT,"
    " stage TEXT, bound REAL, certificate TEXT, bytes INTEGER, checked TEXT,"
    " check_time REAL, UNIQUE (run, category, network, property));"
    "CREATE TABLE IF NOT EXISTS cases (instance INTEGER NOT NULL REFERENCES instances,"
    " number INTEGER, line INTEGER, lower REAL, best REAL, stage TEXT,"
    " PRIMARY KEY (instance, number));"
    "CREATE TABLE IF NOT EXISTS stages (instance INTEGER NOT NULL REFERENCES instances,"
    " number INTEGER, name TEXT, seconds REAL, bound REAL, closed INTEGER,"
    " steps INTEGER, found_witness INTEGER, PRIMARY KEY (instance, number));";

typedef struct {
  const char *path;
  sqlite3 *db;
  char *run; /* owned id */
  sqlite3_stmt *instance, *one_case, *stage;
} Database;

static Status fail(const Database *d, Err *err)
{
  return status_fail(err, STATUS_IO, "%s: %s", d->path, sqlite3_errmsg(d->db));
}

static Status execute(Database *d, const char *sql, Err *err)
{
  return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK
                                                                 : fail(d, err);
}

static Status prepare(Database *d, const char *sql, sqlite3_stmt **statement, Err *err)
{
  return sqlite3_prepare_v2(d->db, sql, -1, statement, NULL) == SQLITE_OK
             ? STATUS_OK
             : fail(d, err);
}

/* Run a statement once and make it ready for the next. */
static Status step(Database *d, sqlite3_stmt *statement, Err *err)
{
  const int code = sqlite3_step(statement);
  const Status rc = code == SQLITE_DONE ? STATUS_OK : fail(d, err);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return rc;
}

/* ---- values ------------------------------------------------------------------ */

static void bind_text(sqlite3_stmt *s, int k, const char *text)
{
  if (text) sqlite3_bind_text(s, k, text, -1, SQLITE_TRANSIENT);
}

/* NULL where there is no number; whole numbers as such. */
static void bind_number(sqlite3_stmt *s, int k, double x)
{
  if (!isfinite(x)) return;
  if (x == floor(x) && fabs(x) < 1e15)
    sqlite3_bind_int64(s, k, (sqlite3_int64)x);
  else
    sqlite3_bind_double(s, k, x);
}

static void bind_member(sqlite3_stmt *s, int k, const cJSON *object, const char *key)
{
  const cJSON *value = json_get(object, key);
  if (cJSON_IsString(value)) bind_text(s, k, value->valuestring);
  if (cJSON_IsNumber(value)) bind_number(s, k, value->valuedouble);
  if (cJSON_IsBool(value)) bind_number(s, k, cJSON_IsTrue(value));
  if (cJSON_IsArray(value)) {
    char *text = cJSON_PrintUnformatted(value);
    bind_text(s, k, text);
    cJSON_free(text);
  }
}

/* ---- rows -------------------------------------------------------------------- */

/* The members of every object of an array, after instance and number. */
static Status put_array(Database *d, sqlite3_stmt *s, sqlite3_int64 instance,
                        const cJSON *array, const char *const *keys, Err *err)
{
  int number = 0;
  Status rc = STATUS_OK;
  for (const cJSON *item = array ? array->child : NULL; item && !rc;
       item = item->next) {
    sqlite3_bind_int64(s, 1, instance);
    sqlite3_bind_int(s, 2, number++);
    for (int k = 0; keys[k]; k++)
      bind_member(s, k + 3, item, keys[k]);
    rc = step(d, s, err);
  }
  return rc;
}

static void bind_row(sqlite3_stmt *s, const char *run, const Row *r)
{
  static const char *const checks[] = {"unchecked", "accepted", "refused"};
  bind_text(s, 1, run);
  bind_text(s, 2, r->category);
  bind_text(s, 3, r->network);
  bind_text(s, 4, r->property);
  bind_number(s, 5, r->timeout);
  bind_text(s, 6, r->expected);
  bind_number(s, 7, r->best_time);
  bind_text(s, 8, row_result_word(r->result));
  bind_number(s, 9, r->run_time);
  bind_number(s, 10, r->cpu);
  bind_number(s, 11, (double)r->peak_kb);
  bind_number(s, 12, r->exit_status < 0 ? NAN : r->exit_status);
  bind_number(s, 13, r->signal ? r->signal : NAN);
  bind_text(s, 14, r->message);
  bind_text(s, 15, r->reason);
  bind_text(s, 16, r->stage);
  bind_number(s, 17, r->bound);
  bind_text(s, 18, r->certificate);
  bind_number(s, 19, r->certificate ? r->bytes : NAN);
  bind_text(s, 20, r->certificate ? checks[r->check] : NULL);
  bind_number(s, 21, r->check_time);
}

static Status put_row(void *context, Row *row, const cJSON *verify, const char *data,
                      size_t size, Err *err)
{
  static const char *const of_case[] = {"line", "lower", "best", "stage", NULL};
  static const char *const of_stage[] = {"name",  "seconds",       "bound", "closed",
                                         "steps", "found_witness", NULL};
  Database *d = context;
  (void)data;
  (void)size;
  bind_row(d->instance, d->run, row);
  Status rc = step(d, d->instance, err);
  const sqlite3_int64 id = sqlite3_last_insert_rowid(d->db);
  if (!rc) rc = put_array(d, d->one_case, id, json_get(verify, "cases"), of_case, err);
  if (!rc) rc = put_array(d, d->stage, id, json_get(verify, "stages"), of_stage, err);
  row_reset(row);
  return rc;
}

/* ---- runs -------------------------------------------------------------------- */

static Status put_run(Database *d, const cJSON *settings, Err *err)
{
  static const char *const keys[] = {"id",      "program", "sha256",
                                     "data",    "timeout", "memory",
                                     "threads", "options", "certificates"};
  sqlite3_stmt *s = NULL;
  Status rc = prepare(d, "INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?)", &s, err);
  for (int k = 0; !rc && k < 9; k++)
    bind_member(s, k + 1, settings, keys[k]);
  if (!rc) rc = step(d, s, err);
  sqlite3_finalize(s);
  return rc;
}

static Status remove_run(Database *d, Err *err)
{
  static const char *const deletions[] = {
      "DELETE FROM cases WHERE instance IN (SELECT id FROM instances WHERE run = ?)",
      "DELETE FROM stages WHERE instance IN (SELECT id FROM instances WHERE run = ?)",
      "DELETE FROM instances WHERE run = ?", "DELETE FROM runs WHERE run = ?"};
  Status rc = STATUS_OK;
  for (int i = 0; i < 4 && !rc; i++) {
    sqlite3_stmt *s = NULL;
    rc = prepare(d, deletions[i], &s, err);
    if (rc) break;
    bind_text(s, 1, d->run);
    rc = step(d, s, err);
    sqlite3_finalize(s);
  }
  return rc;
}

static Status put_rows(Database *d, const char *out, Err *err)
{
  Status rc = prepare(d,
                      "INSERT INTO instances VALUES "
                      "(NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      &d->instance, err);
  if (!rc) rc = prepare(d, "INSERT INTO cases VALUES (?,?,?,?,?,?)", &d->one_case, err);
  if (!rc)
    rc = prepare(d, "INSERT INTO stages VALUES (?,?,?,?,?,?,?,?)", &d->stage, err);
  Text path = {0};
  text_add(&path, "%s/results.jsonl", out);
  if (!rc) rc = journal_each(path.s, put_row, d, err);
  text_free(&path);
  sqlite3_finalize(d->instance);
  sqlite3_finalize(d->one_case);
  sqlite3_finalize(d->stage);
  return rc;
}

static Status put_all(Database *d, const char *out, const cJSON *settings, Err *err)
{
  Status rc = execute(d, schema, err);
  if (!rc) rc = execute(d, "BEGIN IMMEDIATE", err);
  if (rc) return rc;
  rc = remove_run(d, err);
  if (!rc) rc = put_run(d, settings, err);
  if (!rc) rc = put_rows(d, out, err);
  if (!rc) return execute(d, "COMMIT", err);
  execute(d, "ROLLBACK", NULL);
  return rc;
}

static cJSON *read_settings(const char *out, Err *err)
{
  Text path = {0};
  File file;
  text_add(&path, "%s/settings.json", out);
  cJSON *settings = file_read(path.s, FILE_MAX_BYTES, &file, err)
                        ? NULL
                        : json_parse(path.s, &file, err);
  if (settings && !cJSON_IsString(json_get(settings, "id"))) {
    status_fail(err, STATUS_DATA, "%s: expected a text \"id\"", path.s);
    json_free(settings);
    settings = NULL;
  }
  file_free(&file);
  text_free(&path);
  return settings;
}

Status database_write(const char *path, const char *out, Err *err)
{
  cJSON *settings = read_settings(out, err);
  if (!settings) return err ? err->code : STATUS_DATA;
  Database d = {.path = path};
  d.run = mem_strdup(json_get(settings, "id")->valuestring);
  Status rc = STATUS_OK;
  if (sqlite3_open(path, &d.db) != SQLITE_OK)
    rc = status_fail(err, STATUS_CREATE, "%s: %s", path, sqlite3_errmsg(d.db));
  /* Another suite may be writing. */
  if (!rc) sqlite3_busy_timeout(d.db, 60000);
  if (!rc) rc = put_all(&d, out, settings, err);
  sqlite3_close(d.db);
  mem_free(d.run);
  json_free(settings);
  return rc;
}
