/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/sexpr.h -- tokens of an s-expression text in memory.
 *
 *     text  ::= ( "(" | ")" | atom | blank | ";" comment to the end of the line )*
 *     atom  ::= the longest run of other characters
 *
 * A byte order mark at the start is skipped; lines end with LF or CRLF; columns
 * count bytes from 1.  Nothing is allocated and the text is not changed, so a
 * token points into it.  Cost: linear, each byte is looked at once.
 */
#ifndef SPECS_SEXPR_H
#define SPECS_SEXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/status.h"

typedef enum { SEXPR_END, SEXPR_OPEN, SEXPR_CLOSE, SEXPR_ATOM } SexprKind;

typedef struct {
  SexprKind kind;
  const char *text; /* borrowed from the text */
  int n;            /* bytes; 0 for SEXPR_END */
  int line, column; /* of the first byte, from 1 */
} SexprToken;

typedef struct {
  const char *path; /* borrowed, only for messages */
  const char *text; /* borrowed */
  int size, at;
  int line, line_start; /* current line and the offset of its first byte */
} Sexpr;

/* Fails DATA when the text is larger than an int can count. */
Status sexpr_init(Sexpr *s, const char *path, const char *text, size_t size, Err *err);

SexprToken sexpr_next(Sexpr *s);

/* Character by character, for what is no s-expression inside one (indices of VNN-LIB
 * 2). sexpr_back moves to byte `at` of a token that was just read; sexpr_peek skips
 * blanks and comments and returns the next byte, 0 at the end; sexpr_take consumes it.
 */
void sexpr_back(Sexpr *s, const SexprToken *token, int at);
char sexpr_peek(Sexpr *s);
void sexpr_take(Sexpr *s);

/* Is the token this atom? */
bool sexpr_is(const SexprToken *token, const char *word);

/* The token for a message: quoted, cut after 40 bytes, control characters and
 * bytes beyond ASCII as "?"; "the end of the file".  Returns buffer. */
#define SEXPR_SHOW 64
const char *sexpr_show(const SexprToken *token, char buffer[SEXPR_SHOW]);

/* Record path:line:column: message and return `code`. */
Status sexpr_fail(const Sexpr *s, int line, int column, Err *err, Status code,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));

/* DATA: "expected WHAT, found TOKEN". */
Status sexpr_expected(const Sexpr *s, const SexprToken *token, const char *what,
                      Err *err);

/* Read one token that must be "(" or ")". */
Status sexpr_need(Sexpr *s, SexprKind kind, const char *what, Err *err);

#endif
