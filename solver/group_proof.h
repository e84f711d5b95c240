/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/group_proof.h -- what closes or narrows nodes, for a certificate.
 */
#ifndef SOLVER_GROUP_PROOF_H
#define SOLVER_GROUP_PROOF_H

#include "bounds/lp.h"
#include "solver/group.h"

/* The events of a part in the order in which they happened, *at being 0 at first: type
 * and content of the next one, which are borrowed; false after the last. */
bool group_proof_event(const GroupPart *part, size_t *at, ProofText *event);

/* All intervals from node `first` on have been bounded again; equations have narrowed
 * the part; and they have decided signs, because the others leave nothing. */
void group_proof_pass(const Group *g, GroupPart *part, int first);
void group_proof_equations(GroupPart *part);
void group_proof_steps(const Group *g, GroupPart *part, const NarrowSteps *steps);
void group_proof_empty(GroupPart *part);

/* Row r has narrowed the inputs of its part. */
void group_proof_narrow(const Group *g, GroupWorker *w, GroupPart *part, int r);

/* Round the multipliers of all rows, and note those of the rows that are closed: as
 * they were where the bound does not stand the rounding.  `mean` of those is lost. */
void group_proof_closed(const Group *g, GroupWorker *w, GroupPart *parts, Objective *o,
                        const SlopesParams *params);

/* A linear program has closed a part. */
void group_proof_leaf(const Group *g, GroupPart *part, const Objective *o,
                      const LpCuts *cuts);

#endif
