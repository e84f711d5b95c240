/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_info.h -- dualcert info: what is in a network file. */
#ifndef SOLVER_APP_CMD_INFO_H
#define SOLVER_APP_CMD_INFO_H

/* argv[0] is "dualcert info".  Returns the exit status. */
int cmd_info_run(int argc, char **argv);

#endif
