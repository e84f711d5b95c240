/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/forged.h -- certificates about tiny networks, block by block, to be
 * accepted or refused. */
#ifndef TESTS_SUPPORT_FORGED_H
#define TESTS_SUPPORT_FORGED_H

#include "tests/support/certs.h"

/* z = x, h = max (z, 0) and the outputs y_k = slope[k] h + bias[k], k < n: nodes 1, 2
 * and 3. */
Net *forged_hinges(int n, const double *slope, const double *bias);

/* y = 1/2 - max (x, 0): 1/2 up to 0, not above 0 from 1/2 on. */
Net *forged_hinge(void);

/* y = |z| / 2 with z = w x + b: nodes 1 z, 2 ReLU, 3 -z / 2, 4 y. */
Net *forged_half_abs(double w, double b);

typedef struct {
  Net *net; /* owned, as all of it */
  Prop *prop;
  Certs c;
} Forged;

/* A certificate up to its first query, of n_cases <= 2 cases: unsafe where y_k <=
 * rhs[k], on [lo, hi] in every input.  Takes the net. */
Forged forged_begin(Net *net, double lo, double hi, int n_cases, const double *rhs);
Forged forged_begin_one(Net *net, double lo, double hi, double rhs);

/* End the query and the file, and free everything.  Is it accepted: in double
 * arithmetic (and then in exact arithmetic as well), or in exact arithmetic alone? */
bool forged_stands(Forged *f);
bool forged_stands_exactly(Forged *f);

/* Block A or X (the tag) about cases 0 .. n - 1. */
void forged_cases(Certs *c, int n, int tag);

/* An event of tree node t: CLOSE with row 0 and default slopes, PASS from 1, others as
 * far as their type; and a sign of element 0 of a node. */
void forged_event(Certs *c, int t, int type);
void forged_sign_event(Certs *c, int t, int node, int flag);

/* A node of a tree of assumptions: split at `at` of an input of element `element` of
 * node `node`, or a leaf. */
typedef struct {
  int kid, node, element, factor;
  double at;
} ForgedSplit;

/* Ends the block of events, then block b. */
void forged_tree(Certs *c, int n, const ForgedSplit *split);

#endif
