/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results of a suite: a row that was read can be written, and is the same again, in
 * JSON and as a line of the competition.  Bytes that are no UTF-8 become U+FFFD, so a
 * line that has any is only written. */
#include "solver/batch/journal.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/batch/table.h"
#include "tests/fuzz/target.h"

static bool same_text(const char *a, const char *b)
{
  return (!a && !b) || (a && b && !strcmp(a, b));
}

static bool same_number(double a, double b)
{
  return a == b || (!isfinite(a) && !isfinite(b));
}

static void check_same(const Row *a, const Row *b)
{
  TARGET_REQUIRE(row_compare(a, b) == 0 && a->result == b->result);
  TARGET_REQUIRE(same_text(a->message, b->message) && same_text(a->stage, b->stage));
  TARGET_REQUIRE(same_text(a->reason, b->reason) &&
                 same_text(a->certificate, b->certificate));
  TARGET_REQUIRE(same_text(a->expected, b->expected) &&
                 (!a->certificate || a->check == b->check));
  TARGET_REQUIRE(a->exit_status == b->exit_status && a->signal == b->signal);
  TARGET_REQUIRE(same_number(a->timeout, b->timeout) &&
                 same_number(a->run_time, b->run_time) && same_number(a->cpu, b->cpu));
  TARGET_REQUIRE(same_number(a->bound, b->bound) &&
                 same_number(a->best_time, b->best_time) && a->peak_kb == b->peak_kb);
}

static void check_csv(const Row *row)
{
  Text line = {0};
  Table table;
  Err err = {0};
  row_print_csv(row, &line);
  TargetFile f = target_file(&(File){.data = line.s, .size = line.n});
  TARGET_REQUIRE(!table_read(f.path, &table, &err));
  TARGET_REQUIRE(table.n == 1 && table.rows[0].n == 6);
  TARGET_REQUIRE(!strcmp(table.rows[0].fields[0], row->category));
  TARGET_REQUIRE(!strcmp(table.rows[0].fields[1], row->network));
  TARGET_REQUIRE(!strcmp(table.rows[0].fields[2], row->property));
  table_free(&table);
  target_file_close(&f);
  text_free(&line);
}

static bool is_ascii(const char *data, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)data[i] >= 0x80) return false;
  return true;
}

static Status each(void *context, Row *row, const cJSON *verify, const char *data,
                   size_t size, Err *err)
{
  (void)context;
  (void)err;
  Text line = {0};
  Row again;
  Err own = {0};
  char *answer = verify ? cJSON_PrintUnformatted(verify) : NULL;
  row_print(row, answer, &line);
  TARGET_REQUIRE(line.n > 1 && strchr(line.s, '\n') == line.s + line.n - 1);
  TARGET_REQUIRE(!row_read("again", line.s, line.n - 1, &again, NULL, &own));
  if (is_ascii(data, size)) check_same(row, &again);
  check_csv(row);
  row_reset(&again);
  row_reset(row);
  mem_free(answer);
  text_free(&line);
  return STATUS_OK;
}

static void body(const File *file)
{
  TargetFile f = target_file(file);
  Err err = {0};
  const Status rc = journal_each(f.path, each, NULL, &err);
  TARGET_REQUIRE(rc == err.code);
  target_check_error(f.path, rc ? NULL : file, &err, 1);
  status_reset(&err);
  target_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
