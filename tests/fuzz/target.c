/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* memmem, memfd_create */
#include "tests/fuzz/target.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/base/json.h"
#include "net/base/mem.h"

void target_fail(const char *file, int line, const char *cond)
{
  fprintf(stderr, "%s:%d: not true: %s\n", file, line, cond);
  abort();
}

/* ---- one input ------------------------------------------------------------ */

/* cJSON allocates as in the program, where there are no accounts. */
static void start(void)
{
  static bool done;
  if (done) return;
  done = true;
  Err err = {0};
  char text[] = "{}";
  json_free(json_parse("start", &(File){.data = text, .size = 2}, &err));
}

int target_run(const uint8_t *data, size_t size, void (*body)(const File *file))
{
  start();
  const size_t before = mem_live_bytes();
  MemAccount *const account = mem_account_new();
  TARGET_REQUIRE(account);
  mem_account_limit(account, TARGET_MEMORY);
  MemAccount *const outer = mem_account_use(account);
  MemCatch exhausted;
  mem_catch_begin(&exhausted);
  if (!setjmp(exhausted.here)) {
    File file = {.data = mem_alloc(size + 1), .size = size};
    if (size) memcpy(file.data, data, size);
    file.data[size] = 0;
    body(&file);
    file_free(&file);
    mem_catch_end(&exhausted);
    TARGET_REQUIRE(mem_live_bytes() == before);
  }
  /* What was lost on the way when memory was out goes with the account. */
  mem_account_use(outer);
  mem_account_free(account);
  TARGET_REQUIRE(mem_live_bytes() == before);
  return 0;
}

/* ---- errors --------------------------------------------------------------- */

static bool is_code_of_bad_input(Status code)
{
  return code == STATUS_DATA || code == STATUS_UNSUPPORTED || code == STATUS_NO_INPUT ||
         code == STATUS_IO;
}

void target_check_error(const char *path, const void *got, const Err *err, int single)
{
  if (got) {
    TARGET_REQUIRE(err->code == STATUS_OK && !err->text);
    return;
  }
  TARGET_REQUIRE(is_code_of_bad_input(err->code));
  TARGET_REQUIRE(err->text && *err->text);
  const size_t n = strlen(path);
  for (const char *line = err->text; line;) {
    TARGET_REQUIRE(!strncmp(line, path, n));
    const char *end = strchr(line, '\n');
    TARGET_REQUIRE(!end || !single);
    line = end ? end + 1 : NULL;
  }
  for (const char *c = err->text; *c; c++)
    TARGET_REQUIRE(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
}

/* ---- files ---------------------------------------------------------------- */

TargetFile target_file(const File *file)
{
  TargetFile f = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
  TARGET_REQUIRE(f.fd >= 0);
  mem_guard_fd(f.fd);
  TARGET_REQUIRE(write(f.fd, file->data, file->size) == (ssize_t)file->size);
  snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
  return f;
}

void target_file_close(TargetFile *f)
{
  mem_unguard_fd(f->fd);
  close(f->fd);
}

int target_count(const File *file, const char *word, int low, int high)
{
  const size_t n = strlen(word);
  const char *at = file->data, *end = file->data + file->size;
  int count = 0;
  while (count < high && (at = memmem(at, (size_t)(end - at), word, n))) {
    count++;
    at += n;
  }
  return count < low ? low : count;
}
