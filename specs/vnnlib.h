/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/vnnlib.h -- specifications in VNN-LIB 1.0 and a little more.
 *
 *     file  ::= cmd*
 *     cmd   ::= "(" "declare-const" VAR ("Real" | "real") ")" | "(" "assert" bool ")"
 *     bool  see specs/formula.h        VAR  ::= ("X" | "Y") "_" index
 *
 * The conjunction of all asserts is the unsafe set.  Declarations come first and
 * name X_0..X_{n-1} and Y_0..Y_{m-1}, as many as the network has.
 */
#ifndef SPECS_VNNLIB_H
#define SPECS_VNNLIB_H

#include <stddef.h>

#include "specs/extend.h"
#include "specs/prop.h"
#include "specs/scope.h"
#include "specs/sexpr.h"

/* Read the text from `start` on, whose path is for messages and prop->path; sha256
 * stays empty.  `scope` is that of scope_init_v1; inputs that are equated become one.
 * `extend` receives what the Prop needs as further outputs.  Without it, comparisons
 * that are no bound of one input and no linear row of outputs are refused. Returns an
 * owned Prop, or NULL with err: DATA or UNSUPPORTED, always one line path:line:column:
 * what was expected. */
Prop *vnnlib_read(const Sexpr *start, Scope *scope, Extend *extend, Err *err);

/* The same for text[0..size), without extensions. */
Prop *vnnlib_parse(const char *path, const char *text, size_t size, int n_in, int n_out,
                   Err *err);

#endif
