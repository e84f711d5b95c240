/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/status.h -- how a function says that the input is wrong.
 *
 * Four kinds of failure, four treatments:
 *   input is wrong    Status return value and an Err that names file, place,
 *                     what was expected and what to do
 *   out of luck       a limit or a stalled LP: not an error but `unknown`
 *   caller is wrong   STATUS_REQUIRE: prints function and reason, aborts
 *   no memory         mem_* reports it and ends the process (net/base/mem.h)
 *
 * The values of Status are the exit codes of sysexits.h.
 */
#ifndef NET_BASE_STATUS_H
#define NET_BASE_STATUS_H

typedef enum {
  STATUS_OK = 0,
  STATUS_USAGE = 64,       /* wrong command line */
  STATUS_DATA = 65,        /* a file is malformed or contradicts another one */
  STATUS_NO_INPUT = 66,    /* a file cannot be read */
  STATUS_UNSUPPORTED = 69, /* well-formed, but outside what dualcert supports */
  STATUS_INTERNAL = 70,    /* a self-test failed */
  STATUS_OS = 71,          /* memory, threads */
  STATUS_CREATE = 73,      /* an output file cannot be written */
  STATUS_IO = 74           /* a read or write failed half-way */
} Status;

/* The error of one operation.  Start with `Err err = {0}`. */
typedef struct {
  Status code; /* STATUS_OK while nothing went wrong */
  char *text;  /* owned; one line without a final newline, or several lines when
                * several things are wrong (all unsupported nodes of a network) */
} Err;

/* Record a failure and return `code`, so that callers write
 * `return status_fail (err, STATUS_DATA, "%s: ...", path);`.
 * A first error is kept: a later one does not replace it.  err may be NULL.  Control
 * characters of the arguments become "?", here and in status_add. */
Status status_fail(Err *err, Status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Add one more line to the text, setting the code if there was none. */
Status status_add(Err *err, Status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Forget the error and free its text. */
void status_reset(Err *err);

/* "data error", "unsupported", ... */
const char *status_name(Status code);

/* A broken promise of the caller: always compiled, prints where, aborts. */
#define STATUS_REQUIRE(cond, text)                                                     \
  do {                                                                                 \
    if (!(cond)) status_abort(__func__, text);                                         \
  } while (0)
_Noreturn void status_abort(const char *function, const char *text);

#endif
