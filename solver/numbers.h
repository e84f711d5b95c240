/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/numbers.h -- the numbers given to `dualcert eval`, in any of three forms:
 * separated by commas, semicolons or blanks; a JSON array, nested or not; or a
 * counterexample (specs/witness.h).  The first character decides.  A decimal means its
 * nearest double.
 */
#ifndef SOLVER_NUMBERS_H
#define SOLVER_NUMBERS_H

#include <stddef.h>

#include "net/base/file.h"
#include "net/base/status.h"

typedef struct {
  double *x; /* owned; double x[n], finite */
  size_t n, room;
} Numbers;

/* Fill *v from a file that has been read; n_in is the number of inputs, which only a
 * counterexample needs.  numbers_reset also after a failure.  Fails DATA. */
Status numbers_read(const char *path, const File *file, int n_in, Numbers *v, Err *err);
void numbers_reset(Numbers *v);

#endif
