/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/sameprop.h -- are two properties the same, number by number? */
#ifndef TESTS_SUPPORT_SAMEPROP_H
#define TESTS_SUPPORT_SAMEPROP_H

#include <stdbool.h>

#include "net/base/text.h"
#include "specs/prop.h"

/* Sizes, boxes with their points, cases and rows, in the same order; not lines, names
 * and what was left out.  When they differ `where` says in what. */
bool sameprop(const Prop *a, const Prop *b, Text *where);

#endif
