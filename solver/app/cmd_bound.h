/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_bound.h -- dualcert bound: one bounding method alone, as CSV. */
#ifndef SOLVER_APP_CMD_BOUND_H
#define SOLVER_APP_CMD_BOUND_H

/* argv[0] is "dualcert bound".  Returns the exit status. */
int cmd_bound_run(int argc, char **argv);

#endif
