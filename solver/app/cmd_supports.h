/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_supports.h -- dualcert supports: what the VNN-LIB standard asks a
 * solver about itself. */
#ifndef SOLVER_APP_CMD_SUPPORTS_H
#define SOLVER_APP_CMD_SUPPORTS_H

/* argv[0] is "dualcert supports".  Returns the exit status. */
int cmd_supports_run(int argc, char **argv);

#endif
