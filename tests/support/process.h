/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/process.h -- the program in a process of its own, inside a test.
 *
 * app_run in a forked child, so that a test can change what it finds there (an
 * allocation that fails) and sees exactly what a user would.
 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

typedef struct {
  int code;        /* exit status; -signal when one ended the process */
  char *out, *err; /* stdout and stderr; owned */
} Process;

/* Runs `dualcert WORD...`, words separated by single blanks.  `before`, unless NULL, is
 * called in the child first, `after` last, before exit unless the process ended on the
 * way.  In builds with the leak sanitizer a leak makes the code PROCESS_LEAK. */
#define PROCESS_LEAK 123
Process process_run(const char *words, void (*before)(void *), void (*after)(void *),
                    void *context);
void process_free(Process *p);

/* Writes a file; returns path. */
const char *process_write(const char *path, const void *data, unsigned long size);

#endif
