/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_witness.h -- dualcert check-witness: is a point a counterexample? */
#ifndef SOLVER_APP_CMD_WITNESS_H
#define SOLVER_APP_CMD_WITNESS_H

/* argv[0] is "dualcert check-witness".  Returns the exit status: 0 a witness, 1 none,
 * or an error. */
int cmd_witness_run(int argc, char **argv);

#endif
