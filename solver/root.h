/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/root.h -- what is done for the intermediate bounds of the whole box.
 *
 * The bound of a property is no better than the intervals it is made from, and every
 * node of a search starts from the root's.  In order of cost:
 *
 *   fuse      make chains of linear nodes one node each (bounds/fuse.h), and sums of
 *             products sums of squares (bounds/squares.h)
 *
 *   shrink    leave out the neurons that are proven to be 0 (bounds/reduce.h)
 *
 *   tighten   every interval with slopes of its own (bounds/crown.h); the slopes are
 * kept as hints for the nodes of a search
 *
 *   refine    every interval by a tree of its own (bounds/refine.h)
 */
#ifndef SOLVER_ROOT_H
#define SOLVER_ROOT_H

#include "solver/stage.h"

/* Workspaces for the net that bounds are about; older ones are freed. */
void root_make_team(Job *job, const Net *net);

/* Go on with a network that has fewer linear nodes, if that is worth it; before hints.
 */
void root_fuse(Job *job);

/* Go on with a network without the neurons that are known to be dead, if that is worth
 * it.  Hints belong to the old one and are forgotten. */
void root_shrink(Job *job);

/* The layout of slopes, for the neurons that are unstable now. */
void root_need_packed(Job *job);

void root_tighten(Job *job, const Stop *stop);

/* Most of the network's work is in dense layers.  Only then intermediate bounds are
 * worth bounding again, at the root by trees and in every node: there it costs about as
 * much as the slopes of a node, in a convolutional network many times as much. */
bool root_is_dense(const Job *job);

/* What all relaxations together can lose: the sum of the intercepts -l u / (u - l). */
double root_looseness(const Job *job);

/* Whether trees with so many leaves take a fair share of the time that is left; false
 * too when there is nothing that trees could tighten. */
bool root_refining_pays(const Job *job, int leaves);
/* Whether small trees cost so little that nothing should come before them. */
bool root_refining_is_cheap(const Job *job);

void root_refine(Job *job, int leaves, const Stop *stop);

#endif
