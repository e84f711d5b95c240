/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/words.h -- a property as a person would say it.
 *
 * A specification describes what must NOT happen; people think of what must.  Where the
 * unsafe set has one of the usual shapes the sentence says the property itself:
 *
 *     one row "Y_j >= Y_l" per case, all j != l     Y_l is the largest output
 *     one case "Y_l >= Y_j" for all j != l          Y_l is never the largest output
 *     the same with <=                              ... smallest output
 *     rows "Y_l >= b", "Y_l <= a" as cases          Y_l stays below b, above a
 *
 * "The largest" is said of the outputs of one network, hidden values not among them.
 * Numbers are rounded to nine digits: words are for reading, never for a verdict.
 */
#ifndef SPECS_WORDS_H
#define SPECS_WORDS_H

#include "net/base/text.h"
#include "specs/prop.h"

/* The networks of VNN-LIB 2 and what each declares, a line for each; nothing for other
 * specifications.  file[k] is the path of network k, file may be NULL. */
void words_networks(const Prop *prop, const char *const *file, Text *out);

/* "4 inputs (3 different), 2 outputs, 5 hidden values". */
void words_sizes(const Prop *prop, Text *out);

/* "Y_3 >= Y_7", "2 Y[0,0] - Y[0,1] <= 5", "X[1]*Y[0] > 1": as the specification calls
 * them; long sums are cut. */
void words_row(const Prop *prop, const PropRow *row, Text *out);

/* One sentence, ending with a full stop, for the shapes above; otherwise false and
 * nothing is added. */
bool words_claim(const Prop *prop, Text *out);

/* Several lines: the sentence, the inputs (box and ball), the cases; long lists are
 * cut. */
void words_property(const Prop *prop, Text *out);

#endif
