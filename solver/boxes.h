/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/boxes.h -- the work on regions of solver/split.h: bounds for a group of boxes,
 * in one thread.
 */
#ifndef SOLVER_BOXES_H
#define SOLVER_BOXES_H

#include <stdbool.h>

#include "bounds/affine.h"
#include "bounds/crown.h"
#include "bounds/slopes.h"
#include "bounds/team.h"
#include "solver/frontier.h"
#include "solver/proof.h"
#include "solver/split.h"

/* Depth of the part that is the whole box. */
#define BOXES_ROOT_DEPTH 1

/* A search, as far as bounding its regions needs it; arrays are owned by boxes_init and
 * boxes_free. */
typedef struct {
  const Query *query;
  const Result *result;
  const Stop *stop;
  const SplitParams *params;
  int n;                 /* inputs */
  int group;             /* boxes in a group */
  int batch;             /* parts in work at once */
  int n_rows;            /* rows of the open cases */
  int *row, *row_case;   /* their elements and which open case they belong to */
  int n_open, *open;     /* open cases, from query->first_case */
  int *first;            /* int first[n_open + 1]: their rows in `row` */
  bool has_conjunctions; /* an open case has several rows */
  size_t kept;           /* floats kept with a region: lo, hi of its neurons,
                          * then the proven bound of every open case */
  /* the parts of one batch */
  int n_parts;
  Region *part;       /* Region part[batch] */
  double *lo, *hi;    /* double lo[batch][n] */
  float *interval;    /* float interval[batch][kept] */
  double *corner;     /* double corner[batch][n]: where the weakest bound is attained */
  int *weakest;       /* int weakest[batch]: the case of that bound */
  double *case_lower; /* double case_lower[batch][n_open] */
  ProofText *events;  /* ProofText events[batch]: for a certificate */
} Boxes;

/* What one thread needs to bound a group. */
typedef struct {
  Bounds *b; /* one group of boxes */
  Lagrangian *L;
  Team solo;
  Crown *crown;
  Affine *affine; /* NULL: not worth it */
  Slopes *slopes;
  int *unit, *box;
  signed char *sign;
  double *lower, *q0;  /* double lower[rows], q0[rows][inputs] */
  const double **best; /* best[n_open]: coefficients of each case's best bound, */
  const double **gain; /* and what a cut of each input promises, per width */
  /* one weighted row for every box and case that its rows alone leave open */
  int n_mixed, *mixed_box, *mixed_case; /* box and open case of each */
  int *mixed_first, *mixed_count;       /* rows of its case */
  double *mixed; /* double mixed[group n_open][margins]: their objectives */
  double *mixed_lower, *mixed_q0;
  double *mixed_gain; /* sum_j w_j |q_ji|: the mixture's own q is small by design */
  double *weight;     /* double weight[n_rows], of one case */
  /* for a certificate */
  double **alpha, **exact; /* slopes of a block of mixed rows, as found and rounded */
  double *exact_mixed;     /* their objectives as found */
  int *source;
  double *value;
  ProofText
      *mixed_bound; /* ProofText mixed_bound[group n_open]: what closed the case */
  int *best_row, *best_mixed; /* int best_row[n_open], best_mixed[n_open]: of each
                               * case's best bound; -1: none */
} BoxesWorker;

/* Set query, result, stop and params first. */
void boxes_init(Boxes *s);
void boxes_free(Boxes *s);

BoxesWorker *boxes_worker_new(const Boxes *s, Lagrangian *L);
void boxes_worker_free(const Boxes *s, BoxesWorker *w);

/* Bound group g of the parts: their bounds, weakest cases, where to cut them next, and
 * what their halves will start from.  Leaves everything as it is when the search has
 * been stopped. */
void boxes_bound(const Boxes *s, BoxesWorker *w, int g);

#endif
