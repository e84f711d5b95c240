/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/html.h -- texts and numbers inside HTML and SVG.
 *
 * Everything that comes from a file goes through html_text, as content or between
 * double quotes: then no name can become markup.
 */
#ifndef SOLVER_REPORT_HTML_H
#define SOLVER_REPORT_HTML_H

#include "net/base/text.h"

/* Escaped: & < > " ' as references; control characters and bytes that are no UTF-8
 * become U+FFFD; NULL becomes nothing. */
void html_text(Text *out, const char *text);

/* The same, of at most n characters: the middle of a longer one becomes an ellipsis. */
void html_short(Text *out, const char *text, int n);

/* number_short with a real minus, and an en dash for what is not there. */
void html_number(Text *out, double x);
void html_seconds(Text *out, double x);

#endif
