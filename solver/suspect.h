/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/suspect.h -- does a falsified specification look like a property that somebody
 * forgot to negate?
 *
 * The assertions of a specification describe what must not happen.  Whoever writes the
 * property itself gets `falsified` at once, because nearly every input then counts as a
 * counterexample.  So: is the centre of the input set unsafe, and every random point?
 */
#ifndef SOLVER_SUSPECT_H
#define SOLVER_SUSPECT_H

#include <stdbool.h>

#include "net/net.h"
#include "specs/prop.h"

/* Points tried: the centre and so many - 1 random ones. */
#define SUSPECT_POINTS 17

/* All of them, in input set `box`, are unsafe in some case of it (in double arithmetic:
 * good enough for a note).  False when the set is a point. */
bool suspect_everything_unsafe(const Net *net, const Prop *prop, int box);

#endif
