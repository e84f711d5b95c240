/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/escape.h -- any bytes as text of XML, of a URI, of a terminal.
 *
 * Names of files and of checks come from outside.  Bytes that are no UTF-8 become
 * U+FFFD, except in URIs, which have %XX for all bytes.  (JSON: solver/jsonout.h.)
 */
#ifndef SOLVER_BATCH_ESCAPE_H
#define SOLVER_BATCH_ESCAPE_H

#include "net/base/text.h"

/* Text of an element or of an attribute in double quotes: < > & " ' are escaped, tabs
 * and line ends too (an attribute would lose them), and what XML 1.0 has no place for,
 * other control characters, U+FFFE and U+FFFF, becomes U+FFFD. */
void escape_xml(Text *out, const char *text);

/* The same for longer text: line ends and tabs stay. */
void escape_xml_lines(Text *out, const char *text);

/* A relative reference or file URI (RFC 3986) of a path. */
void escape_uri(Text *out, const char *path);

/* One line for a terminal: control characters become "?". */
void escape_line(Text *out, const char *text);

#endif
