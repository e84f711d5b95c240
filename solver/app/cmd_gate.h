/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_gate.h -- dualcert gate: may these networks be released? */
#ifndef SOLVER_APP_CMD_GATE_H
#define SOLVER_APP_CMD_GATE_H

/* argv[0] is "dualcert gate".  Returns the exit status. */
int cmd_gate_run(int argc, char **argv);

#endif
