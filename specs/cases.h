/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/cases.h -- boxes and cases of a Prop from a formula in normal form.
 *
 * The formula is the conjunction of the segments of a Dnf.  Segments with a single
 * conjunction hold in every case: their bounds are computed once.  Every choice of
 * one conjunction from each other segment is a case: its box is the common box
 * intersected with its own bounds, never a hull with another case's box.
 *
 * A range is dropped as empty only when nothing is left of [lo, hi] (specs/box.h),
 * so a case that is empty for decimals but not for float32 is still proved.  When
 * every case is empty for decimals the specification is refused.
 *
 * An input without a bound of its own may have one by rows about inputs alone:
 * X_g <= X_f and X_f <= 1.  Such a bound is an outer one, rounded outwards; the row
 * stays and decides what lies inside.
 *
 * Cases dropped like that, and false operands of an or, are counted in
 * prop->n_dropped.  A formula that is false as written has no case; its inputs need
 * bounds nevertheless.
 */
#ifndef SPECS_CASES_H
#define SPECS_CASES_H

#include "net/base/status.h"
#include "specs/dnf.h"
#include "specs/extend.h"
#include "specs/literal.h"
#include "specs/prop.h"
#include "specs/scope.h"
#include "specs/sexpr.h"

/* Fill prop and finish it; `extend` says which outputs are inputs, or is NULL.  Fails
 * DATA for missing bounds and an empty input set, UNSUPPORTED for too many cases. */
Status cases_build(const Dnf *d, Literals *lits, const Sexpr *s, const Scope *scope,
                   const Extend *extend, Prop *prop, Err *err);

#endif
