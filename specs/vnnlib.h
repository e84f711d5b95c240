/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/vnnlib.h -- specifications in VNN-LIB 1.0 and a little more.
 *
 *     file  ::= cmd*
 *     cmd   ::= "(" "declare-const" VAR ("Real" | "real") ")" | "(" "assert" bool ")"
 *     bool  ::= "(" ("and" | "or") bool* ")" | "(" "not" bool ")"
 *             | "(" ("<=" | ">=" | "<" | ">" | "=" | "==") term term ")"
 *     term  see specs/term.h          VAR  ::= ("X" | "Y") "_" index
 *
 * The conjunction of all asserts is the unsafe set.  Declarations come first and
 * name X_0..X_{n-1} and Y_0..Y_{m-1}, as many as the network has.  A comparison is
 * about constants, one input, or outputs; all others are refused as unsupported.
 * Equality is two rows, a negated one is an or of two strict rows.
 *
 * Reading is linear in the text, plus the size of the result; nothing recurses.
 */
#ifndef SPECS_VNNLIB_H
#define SPECS_VNNLIB_H

#include <stddef.h>

#include "specs/prop.h"

/* and, or and not may be nested this deep. */
#define VNNLIB_MAX_DEPTH 10000

/* Parse text[0..size); `path` is for messages and prop->path; sha256 stays empty.
 * Returns an owned Prop, or NULL with err: DATA or UNSUPPORTED, always one line
 * path:line:column: what was expected. */
Prop *vnnlib_parse(const char *path, const char *text, size_t size, int n_in, int n_out,
                   Err *err);

#endif
