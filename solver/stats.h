/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/stats.h -- the table of --stats: stages, neurons, memory. */
#ifndef SOLVER_STATS_H
#define SOLVER_STATS_H

#include "net/base/text.h"
#include "specs/result.h"

/* Add the table to `out`; locks *r. */
void stats_table(Result *r, Text *out);

#endif
