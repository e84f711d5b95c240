/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_suite.h -- dualcert suite: a folder of benchmark instances. */
#ifndef SOLVER_APP_CMD_SUITE_H
#define SOLVER_APP_CMD_SUITE_H

#include "solver/batch/suite.h"

/* argv[0] is "dualcert suite".  Returns the exit status. */
int cmd_suite_run(int argc, char **argv);

/* Another way to run a list, with the status of suite_run; NULL (the default): this
 * machine.  main_mpi.c sets it. */
extern int (*cmd_suite_runner)(const SuitePlan *plan, const Instances *list,
                               Text *table, Err *err);

#endif
