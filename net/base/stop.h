/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/stop.h -- when to give up: deadline, interruption, memory.
 *
 * Everything that may run long polls stop_why at least every few milliseconds and
 * returns what it has.  Giving up is never an error.
 */
#ifndef NET_BASE_STOP_H
#define NET_BASE_STOP_H

#include <stdatomic.h>
#include <stddef.h>

typedef enum { STOP_NO, STOP_TIMEOUT, STOP_MEMORY, STOP_INTERRUPTED } StopWhy;

typedef struct Stop {
  const struct Stop *parent; /* obeyed too; NULL: none */
  double deadline;           /* clock_now seconds; INFINITY for none */
  atomic_int interrupted;    /* set to 1 by a signal handler or another thread */
} Stop;

void stop_init(Stop *stop, double seconds); /* INFINITY for no limit */

/* STOP_NO while there is time.  stop = NULL means no limits.
 * Cost: one clock read.  Memory is full when mem_room () is below 1 MiB. */
StopWhy stop_why(const Stop *stop);

/* Seconds until the deadline, >= 0; INFINITY without one. */
double stop_seconds_left(const Stop *stop);

#endif
