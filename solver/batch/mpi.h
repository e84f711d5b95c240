/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/mpi.h -- a suite on many machines: rank 0 hands out instances one by one
 * and keeps the rows, all other ranks run them.
 *
 * Only dualcert-mpi (make mpi) has this file.  All ranks read the same lists from a
 * shared file system and compare a digest of them before they start; networks and
 * properties are read by the jobs themselves.  The jobs are processes without MPI.
 *
 * Messages, all of bytes:
 *     ready   worker -> 0   one more instance can be taken
 *     run     0 -> worker   index of an instance in the list, or -1: no more
 *     row     worker -> 0   a line of results.jsonl
 *     away    worker -> 0   the worker ends
 */
#ifndef SOLVER_BATCH_MPI_H
#define SOLVER_BATCH_MPI_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/base/text.h"
#include "solver/batch/suite.h"

/* Start MPI.  Every mpi_begin needs an mpi_end, before the process ends. */
void mpi_begin(int *argc, char ***argv);
void mpi_end(void);

bool mpi_is_worker(void);

/* Rank 0: suite_run with the other ranks as hands, or alone when there are none.
 * Workers: take instances until there are no more; 0, or the status of err. */
int mpi_run(const SuitePlan *plan, const Instances *list, Text *table, Err *err);

#endif
