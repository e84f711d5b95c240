/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/proofs.h -- certificates of whole runs of the solver, and their judge.
 */
#ifndef TESTS_SUPPORT_PROOFS_H
#define TESTS_SUPPORT_PROOFS_H

#include <stdbool.h>

#include "net/net.h"
#include "solver/options.h"
#include "specs/prop.h"

/* Solve for at most `seconds`; the certificate is in the file `path` when the property
 * was verified, otherwise false. */
bool proofs_make(const Net *net, const Prop *prop, const Options *options,
                 const char *path, double seconds);

/* Is it accepted, in intervals or exactly?  char reason[200]: why not. */
bool proofs_accepted(const char *path, const Net *net, const Prop *prop, bool exact,
                     char *reason);

#endif
