/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/api/handle.h -- what the handles of dualcert.h are made of, and the room in
 * which their work is done.
 *
 * The caller's thread may have any floating-point environment, locale, signal mask and
 * stack; and running out of memory must not end its process.  So work runs on a thread
 * of its own (handle_run), its memory belongs to accounts (net/base/mem.h), and whoever
 * allocates does it inside handle_catch.
 */
#ifndef SOLVER_API_HANDLE_H
#define SOLVER_API_HANDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/mem.h"
#include "net/base/status.h"
#include "net/base/stop.h"
#include "net/net.h"
#include "solver/api/dualcert.h"
#include "solver/options.h"
#include "specs/prop.h"
#include "specs/result.h"

/* The first member of every handle. */
typedef struct {
  MemAccount *own;   /* the handle itself and the text of its error */
  char *text;        /* owned; NULL: none */
  const char *error; /* that, or static text; never NULL */
} Handle;

struct dualcert_network {
  Handle handle;
  MemAccount *account; /* of `net` */
  Net *net;            /* NULL: empty */
};

struct dualcert_spec {
  Handle handle;
  MemAccount *account;
  Prop *prop;
};

struct dualcert_options {
  Handle handle;
  Options options; /* `certificate` is owned */
  int level;
  dualcert_log *log;
  void *context;
};

struct dualcert_result {
  Handle handle;
  Stop stop;           /* only its `interrupted`; parent of what the engine polls */
  MemAccount *account; /* of everything below; NULL: all of it is 0 */
  Verdict verdict;
  Reason reason;
  double seconds, bound; /* bound: INFINITY without cases */
  int n_cases, n_open;
  CaseResult *cases; /* CaseResult cases[n_cases] */
  int *line;         /* int line[n_cases] */
  int n_in, n_out;   /* of the counterexample; 0 without one */
  int case_id;
  WitnessKind kind;
  double *x, *y;
  float *y32;
  char *json, *witness, *evidence; /* NULL: none */
};

/* As dualcert_result_reset, but a cancelled result stays cancelled and its error, if
 * any, is kept.  Not exported. */
void dualcert_result_forget(dualcert_result *result);

/* A handle of so many bytes, zeroed but for its first member; NULL without memory. */
void *handle_new(size_t bytes);
void handle_free(Handle *handle); /* with the memory of the handle itself */

/* Note the error, a copy of `text`, and return the status; text NULL: that of a status
 * without details.  handle_clear: no error. */
int handle_fail(Handle *handle, int status, const char *text);
void handle_clear(Handle *handle);

/* work (context) on this thread with memory of `account`.  False when that ran out. */
bool handle_catch(MemAccount *account, void (*work)(void *context), void *context);

/* work (context) on a new thread: no signals, round to nearest, "C" locale, no account.
 * Returns when it is done; false when there is no thread. */
bool handle_run(void (*work)(void *context), void *context);

/* Both: a call with one account.  Returns err->code, or OS, and then err->text may be
 * NULL. */
Status handle_work(MemAccount *account, void (*work)(void *context), void *context,
                   const Err *err);

#endif
