/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/work.h -- one query under check, and how cases are closed. */
#ifndef SPECS_CHECK_WORK_H
#define SPECS_CHECK_WORK_H

#include "specs/check/pass.h"
#include "specs/query.h"

typedef struct {
  const Query *query; /* borrowed */
  Plan *plan;
  Layout *layout;
  Pass *pass;
  Hints hints;
  State state;   /* of the whole box */
  bool *closed;  /* bool closed[n_cases] */
  size_t leaves; /* regions and tree nodes without kids that were closed */
} Work;

/* The state is the box and interval propagation of all nodes.  exact: without rounding
 * (specs/check/exact.h). */
void work_start(Work *w, const Query *query, bool exact);
void work_end(Work *w);

/* One attempt to close a case. */
typedef struct {
  int index; /* case */
  Multipliers m;
  double bound; /* out: proven; the case is closed when it is above 0 */
} Closing;

int work_n_rows(const Work *w, int index); /* rows of a case */
bool work_no_slopes(const Multipliers *m);

/* Add one row for it to the batch of w->pass->bound, betas of a list included. */
void work_add(Work *w, const State *s, const Closing *closing);

/* Bound n attempts over the state. */
void work_bound(Work *w, const State *s, Closing *closings, int n);

/* An ascending list of cases of the query: int list[*n], owned by the caller. */
Status work_cases(const Work *w, Cursor *c, int **list, int *n, Err *err);

/* "bound -0.5 is not above 0" with enough digits. */
Status work_not_closed(const char *where, int at, int index, double bound, Err *err);

#endif
