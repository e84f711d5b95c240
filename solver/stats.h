/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/stats.h -- the run in words and in numbers, for people, on stderr. */
#ifndef SOLVER_STATS_H
#define SOLVER_STATS_H

#include <stdbool.h>

#include "net/base/text.h"
#include "specs/prop.h"
#include "specs/result.h"

/* The table of --stats: stages, neurons, memory.  Locks *r. */
void stats_table(Result *r, Text *out);

/* One or a few lines after the verdict: the counterexample and what it violates, or
 * how far the proof went and what to try.  Locks *r. */
void stats_summary(Result *r, const Prop *prop, bool witness_saved, Text *out);

#endif
