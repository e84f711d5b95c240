/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/declared.h -- what a specification says of its network, without one. */
#ifndef SPECS_DECLARED_H
#define SPECS_DECLARED_H

#include "net/base/status.h"
#include "specs/prop.h"

/* How many inputs and outputs a VNN-LIB 1.0 file declares: one more than the highest
 * index after a declare-const.  Everything else is left to the reader.  Fails NO_INPUT,
 * IO; DATA when it declares no input or no output. */
Status declared_sizes(const char *path, int *n_in, int *n_out, Err *err);

/* The property of a VNN-LIB file, 1.0 or 2, as if every network had just what it
 * declares; prop->scope and prop->extend are set.  Returns an owned Prop or NULL with
 * err: as above and as problem_load. */
Prop *declared_load(const char *path, Err *err);

#endif
