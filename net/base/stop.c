/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/stop.h"

#include <math.h>

#include "net/base/clock.h"
#include "net/base/mem.h"

void stop_init(Stop *stop, double seconds)
{
  stop->parent = NULL;
  stop->deadline = clock_now() + seconds;
  atomic_init(&stop->interrupted, 0);
}

StopWhy stop_why(const Stop *stop)
{
  if (!stop) return STOP_NO;
  if (atomic_load(&stop->interrupted)) return STOP_INTERRUPTED;
  if (clock_now() >= stop->deadline) return STOP_TIMEOUT;
  if (mem_room() < (size_t)1 << 20) return STOP_MEMORY;
  return stop_why(stop->parent);
}

double stop_seconds_left(const Stop *stop)
{
  if (!stop) return INFINITY;
  const double left = stop->deadline - clock_now();
  return left > 0 ? left : 0;
}
