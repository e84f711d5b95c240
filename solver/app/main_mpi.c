/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mpirun -n N dualcert-mpi suite ...: the same program, where `suite` is spread over
 * all ranks.  Its other commands, and so its jobs, know nothing of MPI. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "solver/app/app.h"
#include "solver/app/cmd_suite.h"
#include "solver/batch/mpi.h"

static bool has_option(char **argv, const char *option)
{
  for (; *argv && strcmp(*argv, "--") != 0; argv++)
    if (strlen(*argv) > 4 && !strncmp(*argv, option, strlen(*argv))) return true;
  return false;
}

static int real_stderr = -1;

/* What all ranks would say is said by rank 0; from here on each speaks for itself. */
static int run(const SuitePlan *plan, const Instances *list, Text *table, Err *err)
{
  if (real_stderr >= 0) dup2(real_stderr, 2);
  return mpi_run(plan, list, table, err);
}

static void be_silent(void)
{
  const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
  real_stderr = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (nothing < 0) return;
  dup2(nothing, 1);
  dup2(nothing, 2);
}

int main(int argc, char **argv)
{
  if (argc < 2 || strcmp(argv[1], "suite") != 0) return app_run(argc, argv);
  int code = 0;
  mpi_begin(&argc, &argv);
  atexit(mpi_end); /* --help ends the process */
  cmd_suite_runner = run;
  if (mpi_is_worker()) be_silent();
  if (!mpi_is_worker() || !has_option(argv, "--merge")) code = app_run(argc, argv);
  fflush(NULL);
  mpi_end();
  /* As in main.c. */
  _exit(code);
}
