/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/equations.h -- intervals narrowed by every equation of a network, in all
 * directions.
 *
 * A state that is about the inputs that violate a case, m_j <= 0 for its rows j, is met
 * with what follows from
 *
 *     linear   y = sum_t w_t x_t + b
 *                  y  in  sum_t w_t [x_t] + b,      w_t x_t  <=  max y - b - sum of the
 *                  others' minima, and >= likewise; exact weights only
 *     ReLU     y = max (0, x)
 *                  y  in  max (0, [x]),   x <= max y,   x >= min y where that is above
 * 0
 *
 * until no interval moves by a share worth mentioning.  Sums and quotients are rounded
 * outwards, operation by operation.  Functions other than ReLU say nothing here.
 */
#ifndef SPECS_CHECK_EQUATIONS_H
#define SPECS_CHECK_EQUATIONS_H

#include "specs/check/plan.h"

typedef struct Equations Equations;

/* NULL where there are more terms than a checker wants to look at. */
Equations *equations_new(const Plan *plan);
void equations_free(Equations *e); /* NULL is fine */

/* Narrow s for the case whose rows are elements first .. first + count - 1 of the last
 * node.  Sets s->empty when no input is left. */
void equations_run(Equations *e, State *s, int first, int count);

#endif
