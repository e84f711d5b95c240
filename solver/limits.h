/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/limits.h -- time, memory and signals: every run ends with an answer.
 *
 * The deadline and SIGINT, SIGTERM go into one Stop, which the solver polls.  When
 * it does not come back, a watchdog thread says what is known and ends the process:
 * LIMITS_GRACE_S after the deadline or the signal.  An exhausted memory limit does
 * the same at once.
 *
 * Exactly one party prints: who wants to print an answer or an error calls
 * limits_claim first.  It returns to the first caller only; the others wait there
 * until the process ends.
 *
 * Last words may get stuck too (a lock held by a stuck thread).  After one more
 * second a fallback text, made in advance, is written from a signal handler.
 */
#ifndef SOLVER_LIMITS_H
#define SOLVER_LIMITS_H

#include <stddef.h>

#include "net/base/status.h"
#include "net/base/stop.h"
#include "net/base/text.h"
#include "specs/result.h"

#define LIMITS_GRACE_S 0.5

typedef struct {
  double timeout; /* seconds; INFINITY: none */
  size_t memory;  /* bytes; 0: no limit */

  /* Print what is known with limits_print and return the exit status.  Called at
   * most once, on the watchdog thread or on the thread whose allocation failed,
   * which has claimed the output; `out` has room for a usual answer. */
  int (*last_words)(Reason why, Text *out);

  /* What to write instead, for every limit, and the exit status that goes with it. */
  const char *(*fallback)(Reason why); /* static text; called by limits_begin */
  int fallback_exit;
} LimitsPlan;

/* Start the clock, the signal handlers, the memory limit and the watchdog.
 * Returns the Stop to poll; it lives until the end of the process.
 * Fails OS (NULL and err) when there is no thread or pipe. */
const Stop *limits_begin(const LimitsPlan *plan, Err *err);

/* The output is mine; the memory limit ends here.  See above. */
void limits_claim(void);

/* Write the answer to stdout in one piece.  Needs limits_claim.  `code` is the exit
 * status from here on, should what follows get stuck. */
Status limits_print(const Text *answer, int code, Err *err);

/* Set the room of last words: for many cases. */
void limits_reserve(size_t bytes);

/* Stop the watchdog, give back signals and memory.  Needs limits_claim.  Call once
 * per limits_begin that succeeded.  Once an answer is printed, SIGINT and SIGTERM are
 * ignored instead: the exit status must be the one that belongs to the answer. */
void limits_end(void);

#endif
