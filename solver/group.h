/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/group.h -- the work on nodes of solver/bab.h: steps 1 to 4 for a group of
 * them, in one thread.
 *
 * Rows are the nodes of the group that are not empty, then those that are not closed:
 * row r is the case of part[r], in box part[r] of the group's intervals.
 */
#ifndef SOLVER_GROUP_H
#define SOLVER_GROUP_H

#include <stdbool.h>

#include "bounds/contract.h"
#include "bounds/crown.h"
#include "bounds/slopes.h"
#include "bounds/team.h"
#include "solver/bab.h"
#include "solver/branch.h"
#include "solver/narrow.h"
#include "solver/proof.h"
#include "solver/slot.h"
#include "solver/tree.h"

/* Nodes in one group, at most. */
#define GROUP_MOST 16

/* What all groups of a search share; everything borrowed. */
typedef struct {
  const Query *query;
  const Bounds *root;
  const Packed *packed;
  const Hints *hints;
  const Rows *rows; /* where bounds say nothing: of the network, for contractions; or
                     * NULL */
  const BabParams *params;
  const Stop *stop;
  const int *open; /* open cases, from query->first_case */
  const Tree *tree;
  SlotLayout slots;
  int size; /* of a group, at most */
  int look_ahead, n_candidates, max_count;
  bool certifies; /* a certificate is wanted */
} Group;

/* A node in work. */
typedef struct {
  TreeNode node;
  const unsigned char *parent; /* slot; NULL for a root */
  Decision decision;           /* what it adds */
  double beta;                 /* of it, to start with */
  bool has_smaller_box;        /* so much that all layers are worth bounding again */
  bool is_empty;
  ProofText events; /* for a certificate: group_proof_event of each */
} GroupPart;

/* What one thread needs to bound a group. */
typedef struct {
  Lagrangian *L;
  Team solo;
  Crown *crown;
  Slopes *slopes;
  Branch *branch;
  Contract *contract; /* NULL: not used */
  Bounds *b, *one;    /* the group's boxes; one of them, for a linear program */
  double **alpha, **mean;
  double *c, *lower, *value, *corner, *q0;
  int *first, *count, *box;
  int n_rows, *part; /* part of each row */
  SlopesCut *cuts;
  int n_cuts, cuts_room;
  Decision *path;
  int path_room;
  /* look-ahead: candidates of each row, and both halves of each candidate */
  Candidate *candidate; /* Candidate candidate[group][look_ahead] */
  int *n_candidates;    /* int n_candidates[group] */
  int *source;          /* int source[2 group look_ahead] */
  LagrangianCut *ahead;
  double *ahead_value;
  long lps, tightened;
  /* for a certificate */
  double *exact_c, *exact_beta; /* as found: objectives, betas of all cuts */
  double *beta;                 /* double beta[path_room]: of one row */
  NarrowSteps steps;
  int exact_room, beta_room;
} GroupWorker;

GroupWorker *group_worker_new(const Group *g, Lagrangian *L);
void group_worker_free(GroupWorker *w);

/* How many nodes a group of this network should have. */
int group_size(const Net *net);

/* Bound parts[0 .. n - 1].  An open part comes out with what to split next and with its
 * slot filled, and corner[t], double corner[n][inputs], is where its bound is attained.
 * Leaves everything as it is when the search has been stopped. */
void group_bound(const Group *g, GroupWorker *w, int n, GroupPart *parts,
                 double *corner);

/* A bound of case k that is 0 up to rounding: it tells no neuron from another, and
 * never closes what the signs of all neurons together do not. */
bool group_is_mute(const Group *g, int k, double lower);

#endif
