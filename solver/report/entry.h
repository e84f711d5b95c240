/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/entry.h -- what a page says about one run: a <details> element.
 *
 * Nothing of the JSON object is trusted: a member that is missing or of another type is
 * left out.
 */
#ifndef SOLVER_REPORT_ENTRY_H
#define SOLVER_REPORT_ENTRY_H

#include <stddef.h>

#include "net/base/text.h"
#include "solver/report/runs.h"

typedef struct {
  size_t image_bytes; /* left for pictures in the page */
  int n_left_out;     /* witnesses whose pictures did not fit any more */
  int trace_points;   /* most points of a curve of bounds */
} EntryBudget;

/* <details id="i<index>">, closed. */
void entry_print(const Run *run, int index, EntryBudget *budget, Text *out);

/* A chip with the word: <span class="chip verified">verified</span>. */
void entry_chip(RunEnd end, Text *out);

#endif
