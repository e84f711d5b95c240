/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/limited.h -- the frame of commands that may run long: everything between
 * limits_begin and limits_end (solver/limits.h).
 */
#ifndef SOLVER_APP_LIMITED_H
#define SOLVER_APP_LIMITED_H

#include "solver/limits.h"

typedef struct {
  LimitsPlan limits;
  Status (*load)(Err *err); /* read the files */
  /* Do the work, claim the output, print the answer; returns the exit status. */
  int (*work)(const Stop *stop, Err *err);
  void (*clean_up)(void); /* after either */
} Limited;

/* Returns the exit status; errors of load are reported. */
int limited_run(const Limited *l);

#endif
