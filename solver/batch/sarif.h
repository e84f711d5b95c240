/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/sarif.h -- the result of a gate as SARIF 2.1.0, for code scanning.
 *
 * Each specification of a check is a rule.  What is falsified is a result of kind
 * `fail` and level `error`, at the line of the disjunct that is violated (of a sample:
 * its line in the data file); so are rejected evidence and errors.  Undecided is `fail`
 * with level `warning`: the standard's `open` goes with level `none`, which most
 * consumers drop.  Paths are relative to the folder in which the program runs, the root
 * of the repository for most consumers; others become file URIs.
 */
#ifndef SOLVER_BATCH_SARIF_H
#define SOLVER_BATCH_SARIF_H

#include "solver/batch/gate.h"

typedef struct {
  bool strict_kinds; /* undecided is `open`, level `none` */
  bool pass;         /* verified is there too, as `pass` */
} SarifStyle;

void sarif_print(const Gate *gate, SarifStyle style, Text *out);

#endif
