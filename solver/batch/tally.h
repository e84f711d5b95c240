/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/tally.h -- the table of a suite, whatever the order of its rows.
 *
 *     runs         rows
 *     known        of them with a known verdict
 *     solved       verified + falsified
 *     unknown      with those that ran out of time
 *     wrong        the verdict is not the known one
 *     median s     of the solved; best s: of the best known tool, for the solved
 *     total s      of all; best total: of the best known tool, where there is one
 *     decided by   the stages that found the witness, or proved the last case
 */
#ifndef SOLVER_BATCH_TALLY_H
#define SOLVER_BATCH_TALLY_H

#include "net/base/text.h"
#include "solver/batch/row.h"

typedef enum { TALLY_TEXT, TALLY_MARKDOWN } TallyFormat;

/* What must not be: wrong verdicts, and refused certificates. */
typedef struct {
  int n_wrong, n_refused;
} TallyAlarm;

/* Append the table of rows[n], which are sorted in place by row_compare, and below it
 * what is unsupported, failed or wrong. */
void tally_print(Row *rows, int n, TallyFormat format, Text *out, TallyAlarm *alarm);

#endif
