/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/signs.h -- a search that splits at pre-activations: blocks A, a, b.
 *
 * The trees are walked depth first.  A node has a state of its own only where a pass, a
 * narrowing or equations (specs/check/equations.h) change it; elsewhere its assumptions
 * are cuts of a row over the state above (specs/check/bound.h), so that closings of
 * many nodes are one block of rows. Memory: one state for each node on the way that has
 * one.
 *
 * Covering: every tree node that is split has both kids, z <= point and z >= point.
 *
 * Narrowing.  For x in the node's state, sum_j w_j m_j(x) >= g + q_i x_i - min (q_i
 * lo_i, q_i hi_i) for each single input i, because g counts every other term at its
 * least.  A violating input has 0 >= sum_j w_j m_j, so for q_i > 0 x_i <= lo_i - g /
 * q_i.  The quotient and the sum are rounded outwards.
 */
#ifndef SPECS_CHECK_SIGNS_H
#define SPECS_CHECK_SIGNS_H

#include "specs/check/work.h"

/* `block` is at A; it is left at b.  Fails DATA with the reason of refusal. */
Status signs_check(Work *w, Block *block, Err *err);

#endif
