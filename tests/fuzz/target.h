/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/target.h -- what every fuzz target needs around its reader.
 *
 * A target is one file tests/fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput, and NAME in
 * the list FUZZ of the Makefile.  The same file is linked twice: with libFuzzer
 * (`make fuzz`), and with tests/fuzz/replay.c, which runs stored files (`make test`).
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "net/base/file.h"
#include "net/base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Live memory above this ends one input: a small file may ask for a large network, and
 * then the program says that memory is out.  That is an end like any other here. */
#define TARGET_MEMORY ((size_t)64 << 20)

/* Run `body` on a copy of the input that ends where the input ends (data[size] = 0, as
 * after file_read).  Aborts when the body leaves memory allocated.  Returns 0. */
int target_run(const uint8_t *data, size_t size, void (*body)(const File *file));

/* `got` is what a reader returned; err belongs to it.  Aborts unless there is exactly
 * one of result and error, and the error is text for people: a code of a bad input, and
 * lines that start with `path`, without control characters; one line if `single`. */
void target_check_error(const char *path, const void *got, const Err *err, int single);

/* Like assert, but in every build. */
#define TARGET_REQUIRE(cond)                                                           \
  do {                                                                                 \
    if (!(cond)) target_fail(__FILE__, __LINE__, #cond);                               \
  } while (0)
_Noreturn void target_fail(const char *file, int line, const char *cond);

/* The content as a file that can be opened by name; `path` gets its name. */
typedef struct {
  int fd;
  char path[32];
} TargetFile;

TargetFile target_file(const File *file);
void target_file_close(TargetFile *f);

/* How often `word` occurs in the file, at least `low` and at most `high`. */
int target_count(const File *file, const char *word, int low, int high);

#endif
