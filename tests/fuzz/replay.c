/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/replay.c -- run stored inputs through a target, without libFuzzer.
 *
 *     build/release/fuzz/NAME [-v] FILE-OR-FOLDER...
 *
 * -v prints the processor time of each file.  When one makes the target abort, its name
 * is the last line of stderr.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "tests/fuzz/target.h"

static int n_files;
static bool verbose;
static char current[4096];

/* ---- the name of the file that made it abort ------------------------------ */

static void name_file(void)
{
  static const char text[] = "replay: that was ";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
  if (write(STDERR_FILENO, current, strlen(current)) < 0) return;
  if (write(STDERR_FILENO, "\n", 1) < 0) return;
}

static void on_signal(int number)
{
  name_file();
  signal(number, SIG_DFL);
  raise(number);
}

/* Sanitizers end the process without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch(void)
{
  signal(SIGABRT, on_signal);
  if (__sanitizer_set_death_callback)
    __sanitizer_set_death_callback(name_file);
  else
    signal(SIGSEGV, on_signal);
}

/* ---- files ---------------------------------------------------------------- */

/* The bytes as they are: file_read would unpack them. */
static uint8_t *read_bytes(const char *path, size_t *size)
{
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    exit(STATUS_NO_INPUT);
  }
  uint8_t *data = NULL;
  size_t room = 0;
  *size = 0;
  do {
    room = 2 * room + 65536;
    data = mem_realloc(data, room);
    *size += fread(data + *size, 1, room - *size, f);
  } while (*size == room);
  fclose(f);
  return data;
}

static void run_file(const char *path)
{
  size_t size;
  uint8_t *data = read_bytes(path, &size);
  snprintf(current, sizeof current, "%s", path);
  const clock_t start = clock();
  LLVMFuzzerTestOneInput(data, size);
  if (verbose)
    printf("%8.3f s  %s\n", (double)(clock() - start) / CLOCKS_PER_SEC, path);
  mem_free(data);
  n_files++;
}

static void run(const char *path);

static void run_folder(const char *path)
{
  struct dirent **entries;
  const int n = scandir(path, &entries, NULL, alphasort);
  for (int k = 0; k < n; k++) {
    char inner[sizeof current];
    if (entries[k]->d_name[0] != '.') {
      snprintf(inner, sizeof inner, "%s/%s", path, entries[k]->d_name);
      run(inner);
    }
    free(entries[k]);
  }
  if (n >= 0) free(entries);
}

static void run(const char *path)
{
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
    run_folder(path);
  else
    run_file(path);
}

int main(int argc, char **argv)
{
  watch();
  for (int k = 1; k < argc; k++)
    if (!strcmp(argv[k], "-v"))
      verbose = true;
    else
      run(argv[k]);
  printf("%s: %d inputs\n", argv[0], n_files);
  return n_files ? 0 : STATUS_NO_INPUT; /* nothing was tested */
}
