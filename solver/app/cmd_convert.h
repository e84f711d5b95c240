/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_convert.h -- dualcert convert: between the versions of VNN-LIB. */
#ifndef SOLVER_APP_CMD_CONVERT_H
#define SOLVER_APP_CMD_CONVERT_H

/* argv[0] is "dualcert convert".  Returns the exit status. */
int cmd_convert_run(int argc, char **argv);

#endif
