/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "solver/app/app.h"

int main(int argc, char **argv)
{
  const int code = app_run(argc, argv);
#ifdef NDEBUG
  /* Not exit: where memory is short, the destructor of OpenBLAS waits for ever for
   * threads that wait for memory.  Sanitizers and coverage need exit. */
  fflush(NULL);
  _exit(code);
#else
  return code;
#endif
}
