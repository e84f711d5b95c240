/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/tally.h -- counts and times of runs. */
#ifndef SOLVER_REPORT_TALLY_H
#define SOLVER_REPORT_TALLY_H

#include "solver/report/runs.h"

typedef struct {
  const char *category; /* borrowed from the runs; NULL: all of them */
  int n;
  int count[RUN_N_ENDS]; /* sums to n */
  int n_known;           /* runs whose verdict was known before */
  int n_wrong;           /* and contradicts that */
  double median;         /* seconds of the solved runs; NAN without one */
  double total;          /* seconds of all runs whose time is known */
} Tally;

/* All runs together, or those of one category. */
Tally tally_of(const RunSet *set, const char *category);

/* The tally of every category, by name: *n of them, an owned array (mem_free). */
Tally *tally_categories(const RunSet *set, int *n);

int tally_solved(const Tally *t);

/* Seconds of the solved runs that have a time, ascending: an owned array, *n of them.
 */
double *tally_times(const RunSet *set, int *n);

/* A run whose verdict is the opposite of what is known, a contradiction, or of what
 * another set says: then one of the two is wrong, or they mean different files that
 * have the same name. */
typedef struct {
  const Run *run;     /* of the first set */
  const char *source; /* the set that disagrees; NULL: contradicts `expected` */
  RunEnd other;
} Clash;

/* All of set 0 of `runs` against what is expected, the other sets, and `reference`:
 * an owned array, *n of them, in the order of the runs. */
Clash *tally_clashes(const Runs *runs, const Runs *reference, int *n);

#endif
