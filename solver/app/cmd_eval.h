/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_eval.h -- dualcert eval: the network's output on one input. */
#ifndef SOLVER_APP_CMD_EVAL_H
#define SOLVER_APP_CMD_EVAL_H

/* argv[0] is "dualcert eval".  Returns the exit status. */
int cmd_eval_run(int argc, char **argv);

#endif
