/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/formula.h -- a second opinion about a VNN-LIB file that was accepted.
 *
 * The asserts are evaluated at points straight from the text, by recursive descent in
 * long double, and the Prop by its cases.  Each says true, false, or too close to tell;
 * two definite answers must agree.  Text that nests deeply or is large is left alone.
 */
#ifndef TESTS_FUZZ_FORMULA_H
#define TESTS_FUZZ_FORMULA_H

#include <stddef.h>

#include "specs/prop.h"

/* Aborts on a contradiction.  prop may be NULL.  VNN-LIB 2, where prop->scope is set:
 * it says where tensors are, and `extend` what the outputs behind them mean.  Otherwise
 * `extend` is NULL. */
void formula_compare(const char *text, size_t size, const Prop *prop,
                     const Extend *extend);

#endif
