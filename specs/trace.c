/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/trace.h"

#include <math.h>

#include "net/base/clock.h"

void trace_init(Trace *t, int n_cases)
{
  t->n = 1;
  t->point[0] = (TracePoint){.seconds = 0, .bound = -INFINITY, .n_open = n_cases};
  t->started = clock_now();
  t->step = 1e-3 + 1e-6 * n_cases;
  t->changed = -1;
}

bool trace_is_due(const Trace *t, double now)
{
  /* After a long silence the last change before it counts too. */
  return t->changed >= 0 && (t->changed >= t->point[t->n - 1].seconds + t->step ||
                             now - t->started >= t->changed + t->step);
}

static void thin(Trace *t)
{
  int n = 0;
  for (int i = 0; i < t->n; i += 2)
    t->point[n++] = t->point[i];
  t->n = n;
  t->step *= 2;
}

void trace_add(Trace *t, double bound, int n_open)
{
  if (t->n == TRACE_MAX) thin(t);
  t->point[t->n++] =
      (TracePoint){.seconds = t->changed, .bound = bound, .n_open = n_open};
  t->changed = -1;
}

void trace_touch(Trace *t, double now)
{
  t->changed = fmax(now - t->started, 0);
}
