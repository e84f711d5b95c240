/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/chart.h -- the plots of a report: SVG elements with a legend in HTML.
 */
#ifndef SOLVER_REPORT_CHART_H
#define SOLVER_REPORT_CHART_H

#include "net/base/json.h"
#include "net/base/text.h"
#include "solver/report/runs.h"

/* Times below this are drawn as this: seconds. */
#define CHART_FASTEST 1e-3

/* Cactus plot, a <figure>: point (x, y) of a curve says that the x-th fastest solved
 * run of the set took y seconds.  False, and nothing is added, when no set has one. */
bool chart_cactus(const Runs *runs, Text *out);

/* Where the other side of a scatter plot comes from. */
typedef struct {
  const char *name;
  const RunSet *set; /* NULL: best_time of the runs themselves */
} ChartOther;

/* Scatter plot, a <figure>: one mark for each run of `set` that the other side has as
 * well, at (its seconds, ours), by category; no answer is at the outer end.  Marks link
 * to #i<index of the run>.  False, and nothing is added, when there is no such run.
 * `number` makes its id unique. */
bool chart_scatter(const RunSet *set, const ChartOther *other, int number, Text *out);

/* The smallest proven bound over time, and the share of open cases: from the member
 * "trace" of `verify --format json`.  False, and nothing is added, when it has less
 * than two points. */
bool chart_trace(const cJSON *verify, int number, int most, Text *out);

#endif
