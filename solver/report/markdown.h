/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/markdown.h -- the tables of a report as Markdown. */
#ifndef SOLVER_REPORT_MARKDOWN_H
#define SOLVER_REPORT_MARKDOWN_H

#include "net/base/text.h"
#include "solver/report/page.h"

/* Summary, contradictions, categories, other sets, and the runs that are not solved. */
void markdown_print(const Report *report, Text *out);

/* A text inside of Markdown, also in a table: what could be markup is escaped. */
void markdown_text(Text *out, const char *text);

#endif
