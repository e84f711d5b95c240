/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/group_proof.h -- what closes or narrows nodes, for a certificate.
 */
#ifndef SOLVER_GROUP_PROOF_H
#define SOLVER_GROUP_PROOF_H

#include "bounds/lp.h"
#include "solver/group.h"

/* The multipliers of row r, rounded or (exact) as they were before. */
void group_proof_bound(const Group *g, GroupWorker *w, int r, bool exact,
                       ProofText *text);

/* Round the multipliers of all rows, and note those of the rows that are closed: as
 * they were where the bound does not stand the rounding.  `mean` of those is lost. */
void group_proof_closed(const Group *g, GroupWorker *w, GroupPart *parts, Objective *o,
                        const SlopesParams *params);

/* A linear program has closed a part. */
void group_proof_leaf(const Group *g, GroupPart *part, const Objective *o,
                      const LpCuts *cuts);

#endif
