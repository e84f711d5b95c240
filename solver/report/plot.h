/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/plot.h -- one plot as inline SVG: axes, grid, curves, marks.
 *
 * Coordinates are rounded to a tenth.  Colours are the business of the page: classes
 *   g  grid   a  axis   t  text (tl left, tr right, tm middle)   c  curve
 *   k0 .. k7  colours of series (curves: stroke; marks: fill)   r  rule (a limit)
 * A picture scales with its width; its text is 12 units high.
 */
#ifndef SOLVER_REPORT_PLOT_H
#define SOLVER_REPORT_PLOT_H

#include <stdbool.h>

#include "net/base/text.h"

typedef enum {
  PLOT_LINEAR,
  PLOT_LOG,   /* lo > 0 */
  PLOT_SIGNED /* sign (v) log10 (1 + |v| / unit): logarithmic on both sides of 0 */
} PlotScale;

typedef struct {
  PlotScale scale;
  double lo, hi;   /* what is at the ends; lo < hi, finite */
  double unit;     /* of PLOT_SIGNED, > 0 */
  double from, to; /* where that is, in units of the picture; set by plot_init */
} PlotAxis;

#define PLOT_MAX_TICKS 16

typedef struct {
  int width, height;
  PlotAxis x, y;
  const char *id;    /* unique in the page; borrowed like all below */
  const char *title; /* what the picture shows, in words, for those who do not see it */
  const char *x_label, *y_label;
} Plot;

/* An axis that holds [lo, hi], widened to round numbers (1, 2, 5 times a power of ten;
 * for PLOT_LOG at least one decade).  Nonsense becomes [0, 1], or [0.1, 1]. */
PlotAxis plot_axis(PlotScale scale, double lo, double hi);

/* Ticks from low to high, at most `most` <= PLOT_MAX_TICKS: their number. */
int plot_ticks(const PlotAxis *axis, int most, double *tick);

/* Where v is; values outside are at the nearer end. */
double plot_at(const PlotAxis *axis, double v);

/* Place the axes inside width x height. */
void plot_init(Plot *p);

/* The start of the element: title, grid, ticks and labels. */
void plot_begin(const Plot *p, Text *out);
void plot_end(Text *out);

/* A curve through n points; with `steps` it keeps y until the next x. */
void plot_curve(const Plot *p, int n, const double *x, const double *y, bool steps,
                const char *class, Text *out);

/* A mark, shape 0 to 3: circle, square, triangle, diamond. */
void plot_mark(double x, double y, int shape, const char *class, Text *out);

/* A line across at x (or at y) = v, with a label at its end. */
void plot_rule_x(const Plot *p, double v, const char *label, Text *out);
void plot_rule_y(const Plot *p, double v, const char *label, Text *out);

/* From corner to corner where x = y. */
void plot_diagonal(const Plot *p, Text *out);

#endif
