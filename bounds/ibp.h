/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/ibp.h -- interval bound propagation, the cheapest proven intervals.
 *
 * With centre c and radius r of the inputs, r rounded up so that the box is covered,
 *
 *     A x + b  in  A c + b  +-  ( |A| r  +  error )                            (1)
 *     error = gamma (|A| (|c| + r) + |b|) + w_rel |A| X + b_err
 *
 * gamma as in net/base/round.h, X = |c| + r.  In the language of the Lagrangian:
 * all multipliers zero but one layer's (Dvijotham et al. 2018, section 4).
 */
#ifndef BOUNDS_IBP_H
#define BOUNDS_IBP_H

#include "bounds/bounds.h"

/* Node k from the intervals of its inputs, intersected with what is known;
 * then its error terms.  Cost: three products for a linear node. */
void ibp_node(Bounds *b, Linop *op, int k);

/* All nodes after the input.  Non-finite intervals mean that the network
 * overflows; they stay infinite and prove nothing. */
void ibp_all(Bounds *b, Linop *op);

#endif
