/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/query.h -- one box and all cases that share it, ready to be solved.
 *
 * The rows of the cases become one more linear node, so that everything after
 * this point only sees a network whose last vector is
 *
 *     m[j] = C_j y - d_j           rows j = row[k] .. row[k+1]-1 belong to case k
 *
 * The margin of case k at x is max_j m[j] over its rows: x is a counterexample
 * exactly when it is <= 0 (< 0 where a row is strict).  Case k is proved when for
 * some weights w >= 0, not all 0, sum_j w_j m[j] > 0 on the whole box.
 */
#ifndef SPECS_QUERY_H
#define SPECS_QUERY_H

#include <stdbool.h>

#include "net/net.h"
#include "specs/prop.h"

typedef struct {
  Net *net;       /* owned view: shares the nodes' arrays with the network, which must
                   * outlive it, adds the margin node at the end, and names the ball of
                   * the box */
  const Box *box; /* borrowed from the Prop */
  int n_cases;
  int first_case; /* the cases are prop->cases[first_case .. first_case+n_cases-1] */
  int *row;       /* int row[n_cases+1]; owned */
} Query;

/* Number of queries of a property = its boxes that have a case. */
int query_count(const Prop *prop);

/* Build query q, 0 <= q < query_count.  A case without rows gets one row with
 * m = -1: always violated.  Needs net sizes that match the Prop (load_prop). */
void query_build(const Net *net, const Prop *prop, int q, Query *query);

/* The same about the network as float32 executes it, in any order of its sums
 * (net/rounded.h): m encloses the margins of all executions for inputs of the box.  The
 * rows are taken of the float32 outputs without another rounding.  False, and nothing
 * in *query, where float32 might overflow: nothing can be proved then, and *where
 * (borrowed from net) is the name of the node.  Needs rounded_check. */
bool query_build_float32(const Net *net, const Prop *prop, int q, Query *query,
                         const char **where);

/* The same cases about the same network, its maxima written as ReLUs (net/relus.h); it
 * borrows from `query`.  False, and nothing in *to, where there are none. */
bool query_relus(const Query *query, Query *to);
void query_reset(Query *query);

#endif
