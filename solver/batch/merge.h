/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/merge.h -- one table of the results of several folders or shards. */
#ifndef SOLVER_BATCH_MERGE_H
#define SOLVER_BATCH_MERGE_H

#include "net/base/status.h"
#include "net/base/text.h"
#include "solver/batch/suite.h"

/* Add the rows of all sources (NULL-terminated: folders, with the files of all shards
 * in them, or single files) to plan->out/results.jsonl and append the table of all that
 * is there then.  A source that is plan->out itself brings in its shards; when there is
 * nothing to add, nothing is written.
 *
 * A row that is there twice is kept once, the first one; two different verdicts for an
 * instance are told below the table.  Of the plan it uses out, format, database and
 * is_forced: sources of other settings are refused without it (USAGE).
 * Returns the exit status, as suite_run does; 1 also for two verdicts. */
int merge_run(const SuitePlan *plan, const char *const *sources, Text *table, Err *err);

#endif
