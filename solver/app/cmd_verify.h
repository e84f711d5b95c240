/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_verify.h -- dualcert verify: decide whether the specification's unsafe
 * set is empty. */
#ifndef SOLVER_APP_CMD_VERIFY_H
#define SOLVER_APP_CMD_VERIFY_H

/* argv[0] is "dualcert verify".  Returns the exit status. */
int cmd_verify_run(int argc, char **argv);

#endif
