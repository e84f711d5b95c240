/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/status.h"
#include "solver/app/app.h"

/* gcc and clang say it in different ways. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
int __lsan_do_recoverable_leak_check(void);
#else
#define __lsan_do_recoverable_leak_check() 0
#endif

enum { MOST_WORDS = 40 };

static _Noreturn void child(const char *words, void (*before)(void *),
                            void (*after)(void *), void *context)
{
  static char program[] = "dualcert";
  char *text = strdup(words), *argv[MOST_WORDS + 2] = {program};
  int n = 1;
  for (char *word = strtok(text, " "); word && n < MOST_WORDS; word = strtok(NULL, " "))
    argv[n++] = word;
  if (before) before(context);
  int code = app_run(n, argv);
  if (after) after(context);
  fflush(NULL);
  free(text);
  if (__lsan_do_recoverable_leak_check()) code = PROCESS_LEAK;
  _exit(code);
}

/* The rest of a temporary file, from its start. */
static char *slurp(FILE *f)
{
  fseek(f, 0, SEEK_END);
  const long size = ftell(f);
  rewind(f);
  char *text = calloc((size_t)size + 1, 1);
  const size_t got = fread(text, 1, (size_t)size, f);
  text[got] = '\0';
  fclose(f);
  return text;
}

Process process_run(const char *words, void (*before)(void *), void (*after)(void *),
                    void *context)
{
  FILE *out = tmpfile(), *err = tmpfile();
  STATUS_REQUIRE(out && err, "no temporary files");
  fflush(NULL);
  const pid_t pid = fork();
  STATUS_REQUIRE(pid >= 0, "no process");
  if (pid == 0) {
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    child(words, before, after, context);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return (Process){.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                   .out = slurp(out),
                   .err = slurp(err)};
}

void process_free(Process *p)
{
  free(p->out);
  free(p->err);
}

const char *process_write(const char *path, const void *data, unsigned long size)
{
  Err err = {0};
  if (file_write(path, data, size, &err)) status_abort(__func__, err.text);
  return path;
}
