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

#include "net/base/mem.h"

void target_fail(const char *file, int line, const char *cond)
{
  fprintf(stderr, "%s:%d: not true: %s\n", file, line, cond);
  abort();
}

/* ---- blocks that an end of memory leaves behind --------------------------- */

/* The exhaustion hook must not return, so it jumps out, and what the reader had
 * allocated is lost.  Sanitizers tell of every allocation; the list of these is worth
 * looking at only then. */
typedef struct {
  uintptr_t block; /* the lowest bit set: freed */
  unsigned at;
} Event;

enum { MOST_EVENTS = 1 << 21 };
static Event events[MOST_EVENTS];
static unsigned n_events;
static _Thread_local bool recording;

static void note(uintptr_t block)
{
  if (n_events < MOST_EVENTS) events[n_events] = (Event){block, n_events};
  n_events++;
}

static void note_malloc(const volatile void *block, size_t size)
{
  (void)size;
  if (recording && block) note((uintptr_t)block);
}

static void note_free(const volatile void *block)
{
  if (recording && block) note((uintptr_t)block | 1);
}

static int compare_events(const void *a, const void *b)
{
  const Event *e = a, *f = b;
  const uintptr_t x = e->block & ~(uintptr_t)1, y = f->block & ~(uintptr_t)1;
  if (x != y) return x < y ? -1 : 1;
  return e->at < f->at ? -1 : e->at > f->at;
}

/* A block whose last event is its allocation is still there. */
static void free_lost(void)
{
  if (n_events > MOST_EVENTS) return;
  qsort(events, n_events, sizeof *events, compare_events);
  for (unsigned i = 0; i < n_events; i++) {
    const uintptr_t block = events[i].block;
    if ((block & 1) ||
        (i + 1 < n_events && (events[i + 1].block & ~(uintptr_t)1) == block))
      continue;
    mem_free((void *)block);
  }
}

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *,
                                                                size_t),
                                              void (*on_free)(const volatile void *))
    __attribute__((weak));

/* ---- one input ------------------------------------------------------------ */

static jmp_buf out_of_memory;

static void jump(size_t wanted)
{
  (void)wanted;
  longjmp(out_of_memory, 1);
}

static void start(void)
{
  static bool done;
  if (done) return;
  done = true;
  mem_on_exhausted(jump);
  if (__sanitizer_install_malloc_and_free_hooks)
    __sanitizer_install_malloc_and_free_hooks(note_malloc, note_free);
}

int target_run(const uint8_t *data, size_t size, void (*body)(const File *file))
{
  start();
  const size_t before = mem_live_bytes();
  mem_set_limit(before + TARGET_MEMORY);
  n_events = 0;
  recording = true;
  if (!setjmp(out_of_memory)) {
    File file = {.data = mem_alloc(size + 1), .size = size};
    if (size) memcpy(file.data, data, size);
    file.data[size] = 0;
    body(&file);
    file_free(&file);
    recording = false;
    TARGET_REQUIRE(mem_live_bytes() == before);
  } else {
    recording = false;
    free_lost();
  }
  mem_set_limit(0);
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
  TARGET_REQUIRE(write(f.fd, file->data, file->size) == (ssize_t)file->size);
  snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
  return f;
}

void target_file_close(TargetFile *f)
{
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
