/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/cmd_report.h -- `dualcert report RESULTS... [--html FILE]`. */
#ifndef SOLVER_APP_CMD_REPORT_H
#define SOLVER_APP_CMD_REPORT_H

/* argv[0] is the command's title.  Returns the exit status. */
int cmd_report_run(int argc, char **argv);

#endif
