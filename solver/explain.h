/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/explain.h -- verify --explain-unknown: where it stopped, what is missing, what
 * to try.  For people; nothing depends on it. */
#ifndef SOLVER_EXPLAIN_H
#define SOLVER_EXPLAIN_H

#include "net/base/text.h"
#include "solver/options.h"
#include "specs/prop.h"
#include "specs/result.h"

/* Several lines when the verdict is unknown, otherwise nothing.  Locks *r. */
void explain_unknown(Result *r, const Prop *prop, const Options *options, Text *out);

/* A note, through solver/progress.h, where the unsafe set is empty as written or parts
 * of it are: what a specification says may not be what its author meant. */
void explain_vacuous(const Prop *prop);

#endif
