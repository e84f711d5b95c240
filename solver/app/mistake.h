/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/mistake.h -- positional arguments that cannot be what was meant.
 *
 * Looked at before any file is read, so that the message speaks of the command line: a
 * folder in place of a file, a specification in place of a network and the reverse.
 */
#ifndef SOLVER_APP_MISTAKE_H
#define SOLVER_APP_MISTAKE_H

#include <stdbool.h>

#include "solver/app/usage.h"

/* Fails USAGE, already reported, when an argument called NET or SPEC is a folder, or
 * one looks like the other. */
Status mistake_check(const Usage *usage);

/* By name or by the first bytes; false when in doubt. */
bool mistake_is_spec(const char *path);

#endif
