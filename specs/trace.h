/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/trace.h -- how the proven bound of a run rose over time, in few points.
 *
 * A point is a moment at which something was proved, the smallest proven margin of all
 * cases just after it, and the number of cases that were still open.  Points are at
 * least `step` seconds apart; when there are TRACE_MAX of them every second one is
 * dropped and `step` doubles, so a run of any length has between 100 and 200.
 *
 * A change is only noted (trace_touch) and becomes a point before the next one, if it
 * is due: every point is exact, and gaps are gaps.  Finding the smallest margin costs a
 * look at all cases; `step` grows with their number so that this stays below a
 * hundredth of the time.  Nothing is allocated; the owner locks.
 */
#ifndef SPECS_TRACE_H
#define SPECS_TRACE_H

#include <stdbool.h>

#define TRACE_MAX 200

typedef struct {
  double seconds; /* since `started` */
  double bound;   /* -INFINITY: nothing was proved of some case */
  int n_open;
} TracePoint;

typedef struct {
  int n;
  TracePoint point[TRACE_MAX]; /* ascending in seconds; point[0] is the start */
  double started;              /* clock_now() then; the owner may move it back */
  double step;                 /* seconds */
  double changed;              /* seconds of the last change that is no point yet; < 0:
                                  there is none */
} Trace;

/* One point: now, nothing proved. */
void trace_init(Trace *t, int n_cases);

/* Something is about to be proved at clock_now() = now: is the change before it due to
 * be a point?  Then the caller adds it, with the state as it still is. */
bool trace_is_due(const Trace *t, double now);
void trace_add(Trace *t, double bound, int n_open);

/* Something has been proved. */
void trace_touch(Trace *t, double now);

#endif
