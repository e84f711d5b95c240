/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/trees.h -- slopes of passes (S) and refinement by small trees (R). */
#ifndef SPECS_CHECK_TREES_H
#define SPECS_CHECK_TREES_H

#include "specs/check/work.h"

/* The blocks S in succession: a pass from node 1, whose slope rows are kept as hints.
 * `block` is at the first of them and is left at the first block that is none. */
Status trees_slopes(Work *w, Block *block, Err *err);

/* The blocks R in succession, likewise.  The bound of a tree is the smallest of its
 * leaves, each with the intervals that its signs leave; both signs of a split are in
 * the tree, so the leaves cover the state. */
Status trees_refine(Work *w, Block *block, Err *err);

#endif
