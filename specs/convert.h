/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/convert.h -- a specification in VNN-LIB 1.0 written in 2.0, and the reverse.
 *
 * The formula is copied, not its cases: every number keeps its digits, only written the
 * other way (1e-3 is 0.001).  2.0 has no `not`, which is moved into the comparisons,
 * and no comparisons of constants: they become X == X where they are true, else X != X.
 * 1.0 has no !=, which becomes (not (= a b)).  Comments are left out.
 *
 * Names of the model behind one of several inputs or outputs are refused: they decide
 * which one it is, and 2.0 has none.  1.0 has one network without hidden values, all of
 * whose inputs are X and outputs Y.
 */
#ifndef SPECS_CONVERT_H
#define SPECS_CONVERT_H

#include "net/base/text.h"
#include "net/net.h"
#include "specs/scope.h"
#include "specs/sexpr.h"

/* Write the assertions from `start` on (declarations of 1.0 are passed over) in version
 * `to`, 1 or 2, with the declarations that belong to them.  `scope` is that of the
 * text, which must have been read without an error.  Shapes are those of the network,
 * where one is given and the text is 1.0.  Fails UNSUPPORTED. */
Status convert_text(const Sexpr *start, Scope *scope, int to, const Net *net, Text *out,
                    Err *err);

/* A decimal as digits and one dot: exact.  False when it would be longer than 1000
 * digits. */
bool convert_number(const char *s, int n, Text *out);

#endif
