/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/contract.h -- intervals of the inputs that violate the specification.
 *
 * One box, possibly a branch (bounds/bounds.h), and one case of the specification: rows
 * m_j of the margin node.  What is asked for are the inputs of the box with
 *
 *     m_j  <=  CONTRACT_MARGIN     for all rows j of the case                     (1)
 *
 * Every equation of the network is used in all directions, until nothing moves:
 *
 *     y = sum_i w_i x_i + b      y from all x_i, and each x_i from y and the others:
 *                                w_i x_i <= max y - b - min sum_{k != i} w_k x_k
 *     y = max (0, x)             x <= max y;  x >= min y where that is above 0
 *
 * (feasibility-based bound tightening).  In addition each m_j is bounded from below by
 * a linear function of the inputs, by substituting equations backwards and replacing
 * every unstable ReLU by a line, as in bounds/crown.h:
 *
 *     m_j  >=  sum_i q_i x_i + c + sum over lines with a_k > 0 of
 *                                         a_k (max (0, z_k) - line_k (z_k))         (2)
 *
 * and (1) with (2) narrows inputs and the z_k of such lines.
 *
 * WHAT THE RESULT MAY BE USED FOR.  Afterwards the intervals of the box speak about the
 * inputs with (1) alone, no longer about all inputs of the box.  So they may only be
 * used to close this case in this box and in branches of it:
 *
 *   - an empty box says: margin > CONTRACT_MARGIN on the whole branch
 *   - a bound L of the margin computed from such intervals says: margin >=
 *     min (L, CONTRACT_MARGIN) on the whole branch
 *
 * They are no bounds of reachable values, and nothing at all for another case.
 *
 * All deductions hold in real arithmetic for every network within w_rel and b_err:
 * sums carry an explicit error, the rest is rounded outwards.
 */
#ifndef BOUNDS_CONTRACT_H
#define BOUNDS_CONTRACT_H

#include <stdbool.h>

#include "bounds/bounds.h"
#include "bounds/rows.h"
#include "net/base/round.h"

/* Above 0, so that what remains after closing is a bound that proves a case. */
#define CONTRACT_MARGIN ROUND_TINY

/* Workspace of one thread; the equations are borrowed. */
typedef struct Contract Contract;
Contract *contract_new(const Rows *rows);
void contract_free(Contract *c); /* NULL is fine */

/* The widths of box 0 of b are the normal ones: what moves an interval by a tiny share
 * of that is not worth a step.  Without it every step is. */
void contract_scale(Contract *c, const Bounds *b);

/* Leave (2) out from now on. */
void contract_by_equations(Contract *c);

/* Narrow box t of b for the case with rows first .. first + count - 1 of the last node,
 * whose own intervals stay as they are.  Sets empty[t] when no input is left.  Returns
 * true when that or anything else has changed.  No allocation after warming up.
 * Cost: a few passes over the terms, less where few intervals move. */
bool contract_run(Contract *c, Bounds *b, int t, int first, int count);

/* Narrow the inputs of box t by a proven bound g = lagrangian_bound of a weighted row
 * with weights w >= 0 over the rows of the case, and the coefficients q0 it has in the
 * inputs.  Where q0_i > 0, for all inputs of the box,
 *
 *     sum_j w_j m_j  >=  g + q0_i (x_i - lo_i)
 *
 * because g is the sum of independent minima, one of which is q0_i lo_i; with (1) that
 * bounds x_i from above.  Likewise from below where q0_i < 0.  Returns by what share an
 * input's width shrank on average.  Less than a hundredth is not worth it: then b stays
 * as it is, and the result is 0.  Cost: linear. */
double contract_inputs(Bounds *b, int t, double g, int count, const double *w,
                       const double *q0);

/* What would follow for the box of the last contract_run, as it was left, from an
 * assumed sign of one pre-activation. */
typedef struct {
  bool empty;  /* no input with (1) is left */
  double gain; /* how far intervals shrank, each relative to its own width, in total */
} ContractProbe;

/* Assume z >= 0 (positive) or z <= 0 of element i of activation node k. */
ContractProbe contract_probe(Contract *c, int k, int i, bool positive);

/* Keep that assumption, which must follow from (1) because the other sign was found to
 * be empty; b and t as in contract_run, which see all consequences. */
void contract_force(Contract *c, Bounds *b, int t, int k, int i, bool positive);

#endif
