/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/merge.h"

#include <string.h>
#include <sys/stat.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/batch/database.h"

typedef struct {
  const SuitePlan *plan;
  Journal *journal;
  Text conflicts; /* lines */
} Merge;

/* Keep the row unless the instance has one; two verdicts must be the same. */
static Status take(void *context, Row *row, const cJSON *verify, const char *data,
                   size_t size, Err *err)
{
  Merge *m = context;
  (void)verify;
  const Row *old = journal_find(m->journal, row->category, row->network, row->property);
  Status rc = STATUS_OK;
  if (!old) {
    Text line = {0};
    text_add(&line, "%.*s\n", (int)size, data);
    rc = journal_add(m->journal, row, &line, err);
    text_free(&line);
  } else if (row_is_solved(old) && row_is_solved(row) && old->result != row->result) {
    text_add(&m->conflicts, "CONTRADICTION %s %s %s: %s and %s\n", row->category,
             row->network, row->property, row_result_word(old->result),
             row_result_word(row->result));
  }
  row_reset(row);
  return rc;
}

/* ---- settings ---------------------------------------------------------------- */

/* ".../results.X.jsonl" -> ".../settings.X.json", owned. */
static char *settings_beside(const char *file)
{
  const char *slash = strrchr(file, '/');
  const char *name = slash ? slash + 1 : file;
  const size_t n = strlen(name);
  Text t = {0};
  text_add(&t, "%.*ssettings", (int)(name - file), file);
  if (n >= 13 && !strncmp(name, "results.", 8))
    text_add(&t, "%.*s", (int)(n - 7 - 1), name + 7);
  else
    text_add(&t, ".json");
  return t.s;
}

/* The settings of the first source stand for all. */
static Status check_settings(const Merge *m, const char *source, Err *err)
{
  char *path = settings_beside(source);
  Text ours = {0};
  File file;
  struct stat info;
  Status rc = STATUS_OK;
  text_add(&ours, "%s/settings.json", m->plan->out);
  if (!stat(path, &info) && !(rc = file_read(path, FILE_MAX_BYTES, &file, err))) {
    if (stat(ours.s, &info))
      rc = file_write(ours.s, file.data, file.size, err);
    else if (!m->plan->is_forced)
      rc = settings_compare(ours.s, file.data, m->plan->out, err);
    file_free(&file);
  }
  text_free(&ours);
  mem_free(path);
  return rc;
}

/* ---- sources ----------------------------------------------------------------- */

typedef struct {
  char **paths; /* owned, as they are; NULL-terminated */
  int n;
} Files;

static bool is_same_file(const char *a, const char *b)
{
  struct stat x, y;
  return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* All files of the sources but that of the merged rows itself. */
static Status collect(const char *out, const char *const *sources, Files *all, Err *err)
{
  Text own = {0};
  Status rc = STATUS_OK;
  text_add(&own, "%s/results.jsonl", out);
  for (; *sources && !rc; sources++) {
    char **files = journal_files(*sources);
    if (!files[0])
      rc = status_fail(err, STATUS_NO_INPUT, "%s: no results.jsonl there", *sources);
    for (char **file = files; *file; file++) {
      if (is_same_file(*file, own.s)) continue;
      all->paths = mem_grow(all->paths, (size_t)all->n + 1, sizeof *all->paths);
      all->paths[all->n++] = mem_strdup(*file);
    }
    journal_free_files(files);
  }
  text_free(&own);
  return rc;
}

static void files_reset(Files *files)
{
  for (int i = 0; i < files->n; i++)
    mem_free(files->paths[i]);
  mem_free(files->paths);
}

/* ---- all of it --------------------------------------------------------------- */

static Status add_all(Merge *m, const Files *files, Err *err)
{
  const char *out = m->plan->out;
  Status rc = files->n ? journal_open_merged(out, &m->journal, err)
                       : journal_open_to_read(out, &m->journal, err);
  for (int i = 0; i < files->n && !rc; i++) {
    rc = check_settings(m, files->paths[i], err);
    if (!rc) rc = journal_each(files->paths[i], take, m, err);
  }
  return rc;
}

static int tell(const Merge *m, Text *table)
{
  int n;
  TallyAlarm alarm;
  const Row *rows = journal_rows(m->journal, &n);
  Row *copy =
      mem_array((size_t)n + 1, sizeof *copy); /* what it points to is borrowed */
  for (int i = 0; i < n; i++)
    copy[i] = rows[i];
  tally_print(copy, n, m->plan->format, table, &alarm);
  mem_free(copy);
  if (m->conflicts.n) text_add(table, "%s", m->conflicts.s);
  return alarm.n_wrong || alarm.n_refused || m->conflicts.n ? 1 : 0;
}

int merge_run(const SuitePlan *plan, const char *const *sources, Text *table, Err *err)
{
  Merge m = {.plan = plan};
  Files files = {0};
  Status rc = collect(plan->out, sources, &files, err);
  if (!rc) rc = add_all(&m, &files, err);
  int code = rc ? (int)rc : tell(&m, table);
  Err closing = {0};
  const Status closed = journal_close(m.journal, &closing);
  if (!rc && closed) {
    status_fail(err, closed, "%s", closing.text);
    code = (int)closed;
  } else if (!rc && plan->database) {
    rc = database_write(plan->database, plan->out, err);
    if (rc) code = (int)rc;
  }
  status_reset(&closing);
  text_free(&m.conflicts);
  files_reset(&files);
  return code;
}
