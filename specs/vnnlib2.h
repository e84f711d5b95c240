/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/vnnlib2.h -- specifications in VNN-LIB 2.0 and 2.1.
 *
 *     query    ::= version network+ assertion+
 *     version  ::= "(" "vnnlib-version" "<" MAJOR "." MINOR ">" ")"
 *     network  ::= "(" "declare-network" NAME equiv? input+ hidden* output+ ")"
 *     equiv    ::= "(" ("equal-to" | "isomorphic-to") NAME ")"
 *     input    ::= "(" "declare-input" NAME TYPE shape "initialized"? ")"
 *     hidden   ::= "(" "declare-hidden" NAME TYPE shape STRING ")"
 *     output   ::= "(" "declare-output" NAME TYPE shape ")"
 *     shape    ::= "[" (INT ("," INT)*)? "]"
 *     assertion::= "(" "assert" bool ")"          bool: specs/formula.h
 *
 * Elements are written X[0,3], a tensor of shape [] by its name alone.  The conjunction
 * of all assertions is the unsafe set.
 *
 * Types are real, float32 and float64; all are read as exact numbers.  An input with an
 * initialiser is refused.  More than the grammar is accepted with a note (Lax of
 * specs/scope.h), unless the scope is strict: then the typing rules of the standard
 * hold.
 */
#ifndef SPECS_VNNLIB2_H
#define SPECS_VNNLIB2_H

#include <stdbool.h>

#include "specs/extend.h"
#include "specs/prop.h"
#include "specs/scope.h"
#include "specs/sexpr.h"

/* Does the text start with a vnnlib-version or a network? */
bool vnnlib2_is_text(const Sexpr *start);

/* Read version and networks into a scope of scope_init_v2; *s is then where the
 * assertions start.  Fails DATA, UNSUPPORTED with one line path:line:column: what. */
Status vnnlib2_declarations(Sexpr *s, Scope *scope, Err *err);

/* Read the assertions, once the tensors have their places (ScopeTensor.first): as
 * vnnlib_read. */
Prop *vnnlib2_assertions(const Sexpr *start, Scope *scope, Extend *extend, Err *err);

/* Places as if every network had just what it declares: its outputs, then its hidden
 * values. */
void vnnlib2_place(Scope *scope);

/* All of the above for text[0..size), without networks; prop->scope is set. */
Prop *vnnlib2_parse(const char *path, const char *text, size_t size, bool strict,
                    Extend *extend, Err *err);

#endif
