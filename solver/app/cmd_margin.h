/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_margin.h -- dualcert margin: how far a property holds. */
#ifndef SOLVER_APP_CMD_MARGIN_H
#define SOLVER_APP_CMD_MARGIN_H

/* argv[0] is "dualcert margin".  Returns the exit status. */
int cmd_margin_run(int argc, char **argv);

#endif
