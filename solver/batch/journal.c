/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/batch/settings.h"
#include "solver/batch/table.h"

struct Journal {
  char *dir, *jsonl, *csv, *details, *settings; /* owned paths */
  int fd, csv_fd;
  int n, room;
  Row *rows;  /* in the order of the file */
  int *order; /* int order[n]: rows by row_compare */
};

/* ---- reading ---------------------------------------------------------------- */

Status journal_each(const char *path, JournalEach each, void *context, Err *err)
{
  File file;
  Status rc = file_read(path, FILE_MAX_BYTES, &file, err);
  const char *at = file.data, *end = file.data ? file.data + file.size : NULL;
  for (int line = 1; !rc && at < end; line++) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) break;
    Text place = {0};
    text_add(&place, "%s:%d", path, line);
    Row row;
    cJSON *verify = NULL;
    rc = row_read(place.s, at, (size_t)(stop - at), &row, &verify, err);
    if (!rc) rc = each(context, &row, verify, at, (size_t)(stop - at), err);
    json_free(verify);
    text_free(&place);
    at = stop + 1;
  }
  file_free(&file);
  return rc;
}

static bool is_results(const char *name)
{
  const size_t n = strlen(name);
  return !strncmp(name, "results.", 8) && n >= 13 && !strcmp(name + n - 6, ".jsonl");
}

static int compare_texts(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

char **journal_files(const char *dir_or_file)
{
  char **files = mem_array(2, sizeof *files);
  size_t n = 0;
  DIR *dir = opendir(dir_or_file);
  if (!dir) {
    files[n++] = mem_strdup(dir_or_file);
  } else {
    for (const struct dirent *e; (e = readdir(dir));) {
      if (!is_results(e->d_name)) continue;
      Text path = {0};
      text_add(&path, "%s/%s", dir_or_file, e->d_name);
      files = mem_grow(files, n + 2, sizeof *files);
      files[n++] = path.s;
    }
    closedir(dir);
    qsort(files, n, sizeof *files, compare_texts);
  }
  files[n] = NULL;
  return files;
}

void journal_free_files(char **files)
{
  for (char **file = files; *file; file++)
    mem_free(*file);
  mem_free(files);
}

/* ---- rows in memory --------------------------------------------------------- */

/* Where a row of that name is in `order`, or would be. */
static int place_of(const Journal *j, const Row *key, bool *is_there)
{
  int low = 0, high = j->n;
  *is_there = false;
  while (low < high) {
    const int mid = low + (high - low) / 2;
    const int d = row_compare(&j->rows[j->order[mid]], key);
    if (d == 0) *is_there = true;
    if (d < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static void remember(Journal *j, Row *row)
{
  bool is_there;
  const int at = place_of(j, row, &is_there);
  if (j->n == j->room) {
    j->room = j->room ? 2 * j->room : 64;
    j->rows = mem_grow(j->rows, (size_t)j->room, sizeof *j->rows);
    j->order = mem_grow(j->order, (size_t)j->room, sizeof *j->order);
  }
  memmove(j->order + at + 1, j->order + at, (size_t)(j->n - at) * sizeof *j->order);
  j->order[at] = j->n;
  j->rows[j->n++] = *row;
  *row = (Row){0};
}

const Row *journal_rows(const Journal *j, int *n)
{
  *n = j->n;
  return j->rows;
}

const Row *journal_find(const Journal *j, const char *category, const char *network,
                        const char *property)
{
  const Row key = {.category = (char *)category,
                   .network = (char *)network,
                   .property = (char *)property};
  bool is_there;
  const int at = place_of(j, &key, &is_there);
  return is_there ? &j->rows[j->order[at]] : NULL;
}

static Status take_row(void *context, Row *row, const cJSON *verify, const char *data,
                       size_t size, Err *err)
{
  (void)verify;
  (void)data;
  (void)size;
  (void)err;
  remember(context, row);
  return STATUS_OK;
}

/* ---- writing ---------------------------------------------------------------- */

static Status append(const char *path, int fd, const Text *text, Err *err)
{
  for (size_t n = 0; n < text->n;) {
    const ssize_t put = write(fd, text->s + n, text->n - n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno));
    n += (size_t)put;
  }
  /* A pipe or a device cannot be synchronised, and need not. */
  if (fsync(fd) && errno != EINVAL && errno != EROFS)
    return status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno));
  return STATUS_OK;
}

static void put_details(const Row *r, Text *out)
{
  table_put(out, r->category);
  text_add(out, ",");
  table_put(out, r->network);
  text_add(out, ",");
  table_put(out, r->property);
  text_add(out, ",%g,%s,%.3f,", r->timeout, row_result_word(r->result), r->run_time);
  table_put(out, r->reason ? r->reason : r->message);
  text_add(out, ",%s,", r->stage ? r->stage : "");
  if (isfinite(r->bound)) text_add(out, "%.17g", r->bound);
  text_add(out, ",%ld,%s,", r->peak_kb, r->expected ? r->expected : "");
  if (isfinite(r->best_time)) text_add(out, "%g", r->best_time);
  text_add(out, "\n");
}

static Status write_details(const Journal *j, Err *err)
{
  Text out = {0};
  text_add(&out, "category,network,property,timeout,result,run_time,reason,stage,bound,"
                 "peak_kb,expected,best_t\n");
  for (int i = 0; i < j->n; i++)
    put_details(&j->rows[i], &out);
  const Status rc = file_write(j->details, out.s, out.n, err);
  text_free(&out);
  return rc;
}

/* results.csv as results.jsonl has it; then open for more. */
static Status write_csv(Journal *j, Err *err)
{
  Text out = {0};
  text_add(&out, "%s", "");
  for (int i = 0; i < j->n; i++)
    row_print_csv(&j->rows[i], &out);
  Status rc = file_write(j->csv, out.s, out.n, err);
  text_free(&out);
  if (rc) return rc;
  j->csv_fd = open(j->csv, O_WRONLY | O_APPEND | O_CLOEXEC);
  return j->csv_fd < 0
             ? status_fail(err, STATUS_CREATE, "%s: %s", j->csv, strerror(errno))
             : STATUS_OK;
}

Status journal_add(Journal *j, Row *row, const Text *line, Err *err)
{
  Text csv = {0};
  row_print_csv(row, &csv);
  remember(j, row);
  Status rc = append(j->jsonl, j->fd, line, err);
  if (!rc) rc = append(j->csv, j->csv_fd, &csv, err);
  text_free(&csv);
  return rc;
}

/* ---- opening ---------------------------------------------------------------- */

static char *path_in(const char *dir, const char *stem, int shard, int n_shards,
                     const char *end)
{
  Text t = {0};
  text_add(&t, "%s/%s", dir, stem);
  if (shard > 0) text_add(&t, ".%d-of-%d", shard, n_shards);
  text_add(&t, "%s", end);
  return t.s;
}

/* Cut off what has no line end: the write that a crash interrupted. */
static Status drop_torn_line(const Journal *j, Err *err)
{
  struct stat info;
  if (fstat(j->fd, &info) || !S_ISREG(info.st_mode))
    return status_fail(err, STATUS_CREATE, "%s: not a file", j->jsonl);
  off_t end = info.st_size;
  char c;
  while (end > 0 && pread(j->fd, &c, 1, end - 1) == 1 && c != '\n')
    end--;
  if (end < info.st_size && (ftruncate(j->fd, end) || fsync(j->fd)))
    return status_fail(err, STATUS_IO, "%s: %s", j->jsonl, strerror(errno));
  return STATUS_OK;
}

static Status open_jsonl(Journal *j, Err *err)
{
  j->fd = open(j->jsonl, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (j->fd < 0)
    return status_fail(err, STATUS_CREATE, "%s: %s", j->jsonl, strerror(errno));
  /* Some network file systems have no locks: then the user must take care. */
  if (flock(j->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
    return status_fail(err, STATUS_OS, "%s: another dualcert suite is writing there",
                       j->jsonl);
  Status rc = drop_torn_line(j, err);
  return rc ? rc : journal_each(j->jsonl, take_row, j, err);
}

static Journal *begin(const char *dir, int shard, int n_shards)
{
  Journal *j = mem_zero(1, sizeof *j);
  j->fd = j->csv_fd = -1;
  j->dir = mem_strdup(dir);
  j->jsonl = path_in(dir, "results", shard, n_shards, ".jsonl");
  j->csv = path_in(dir, "results", shard, n_shards, ".csv");
  j->details = path_in(dir, "details", shard, n_shards, ".csv");
  j->settings = path_in(dir, "settings", shard, n_shards, ".json");
  return j;
}

static void discard(Journal *j)
{
  for (int i = 0; i < j->n; i++)
    row_reset(&j->rows[i]);
  if (j->fd >= 0) close(j->fd);
  if (j->csv_fd >= 0) close(j->csv_fd);
  mem_free(j->rows);
  mem_free(j->order);
  mem_free(j->dir);
  mem_free(j->jsonl);
  mem_free(j->csv);
  mem_free(j->details);
  mem_free(j->settings);
  mem_free(j);
}

static void sync_folder(const char *dir)
{
  const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

Status journal_open(const char *dir, int shard, int n_shards, const Settings *settings,
                    bool is_forced, Journal **journal, Err *err)
{
  Journal *j = begin(dir, shard, n_shards);
  Text text = {0};
  Status rc = settings_print(settings, &text, err);
  if (!rc) rc = file_make_folder(dir, err);
  if (!rc) rc = open_jsonl(j, err);
  if (!rc && j->n && !is_forced) rc = settings_compare(j->settings, text.s, dir, err);
  if (!rc && (!j->n || is_forced)) rc = file_write(j->settings, text.s, text.n, err);
  if (!rc) rc = write_csv(j, err);
  if (!rc) sync_folder(dir);
  text_free(&text);
  if (rc)
    discard(j);
  else
    *journal = j;
  return rc;
}

Status journal_open_merged(const char *dir, Journal **journal, Err *err)
{
  Journal *j = begin(dir, 0, 0);
  Status rc = file_make_folder(dir, err);
  if (!rc) rc = open_jsonl(j, err);
  if (!rc) rc = write_csv(j, err);
  if (rc)
    discard(j);
  else
    *journal = j;
  return rc;
}

Status journal_open_to_read(const char *dir, Journal **journal, Err *err)
{
  Journal *j = begin(dir, 0, 0);
  const Status rc = journal_each(j->jsonl, take_row, j, err);
  if (rc)
    discard(j);
  else
    *journal = j;
  return rc;
}

Status journal_close(Journal *j, Err *err)
{
  if (!j) return STATUS_OK;
  const Status rc = j->fd >= 0 ? write_details(j, err) : STATUS_OK;
  discard(j);
  return rc;
}
