/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/usage.h -- what the argument parsers of all commands share.
 *
 * A parse function passes keys it does not know to usage_key.  Wrong options end
 * the process in argp (exit 64); everything else wrong goes into Usage.err.
 */
#ifndef SOLVER_APP_USAGE_H
#define SOLVER_APP_USAGE_H

#include <argp.h>
#include <stdbool.h>

#include "net/base/status.h"

#define USAGE_MAX_ARGS 3

typedef struct {
  const char *command;               /* "verify" */
  int n_wanted;                      /* positional arguments, all needed */
  int n_optional;                    /* and so many more that may follow */
  const char *names[USAGE_MAX_ARGS]; /* what they are called: "NET", "SPEC" */
  const char *args[USAGE_MAX_ARGS];  /* out: borrowed from argv */
  int n_args;
  Err err;
} Usage;

/* Positional arguments: too many and too few are errors. */
error_t usage_key(Usage *usage, int key, char *arg);

/* Parse; `input` is what the parse function expects, `usage` lies inside it.
 * --help and --version end the process.  Fails USAGE, already reported. */
Status usage_parse(const struct argp *argp, int argc, char **argv, Usage *usage,
                   void *input);

/* Set u->err when `rc` says that a value was wrong: the answer for argp. */
error_t usage_checked(Status rc);

/* Print the lines of the error on stderr, forget it, return its exit status. */
int usage_report(Err *err);

/* NULL, or the word of the NULL-terminated list that was probably meant. */
const char *usage_suggest(const char *word, const char *const *words);

#endif
