/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/page.h -- a report as one HTML file that needs nothing else.
 *
 * No script, font, image or style comes from outside, and the page's content security
 * policy forbids it.  It is complete without JavaScript.  Sections: contradictions, a
 * summary, categories, plots, and every run of the first set.
 */
#ifndef SOLVER_REPORT_PAGE_H
#define SOLVER_REPORT_PAGE_H

#include "net/base/text.h"
#include "solver/report/runs.h"

/* Pictures stop being added when they fill this many bytes. */
#define PAGE_IMAGE_BYTES ((size_t)5 << 19)

typedef struct {
  const Runs *runs; /* at least one set: the first one is what the report is about */
  const Runs *reference; /* other tools, for the scatter plots; may have no set */
  const char *title;     /* NULL: made from the name of the first set */
  const char *version;   /* of dualcert */
} Report;

void page_print(const Report *report, Text *out);

#endif
