/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/app.h -- the program: commands, --help, --version. */
#ifndef SOLVER_APP_APP_H
#define SOLVER_APP_APP_H

#include "net/base/text.h"

/* Run the program on main's arguments.  Returns the exit status. */
int app_run(int argc, char **argv);

/* "0.1.0" */
const char *app_version(void);

#endif
