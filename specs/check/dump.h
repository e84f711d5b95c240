/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/dump.h -- a network and a query as plain text, for people and for other
 * checkers: exactly what is proved. */
#ifndef SPECS_CHECK_DUMP_H
#define SPECS_CHECK_DUMP_H

#include <stdio.h>

#include "specs/query.h"

/* Nodes with their shapes and numbers, the box, the cases and their rows.  At most
 * `limit` numbers of each array, negative: all.  %.17g gives back the same double. */
void dump_query(FILE *out, const Query *query, int q, long limit);

#endif
