/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/plot.h"

#include <math.h>

#include "net/base/status.h"
#include "solver/report/html.h"

/* Around the axes: room for labels. */
enum { LEFT = 56, RIGHT = 32, TOP = 12, BOTTOM = 44 };
enum { LINE_HEIGHT = 15 }; /* of a label in a narrow window, where it is largest */

/* ---- axes ---------------------------------------------------------------- */

/* The power of ten at or below v > 0. */
static double decade(double v)
{
  double p = pow(10, floor(log10(v)));
  if (p > v) p /= 10;
  return p * 10 <= v ? p * 10 : p;
}

/* 1, 2 or 5 times a power of ten, at most v or at least v, v > 0. */
static double round_down(double v)
{
  const double p = decade(v);
  return v >= 5 * p ? 5 * p : v >= 2 * p ? 2 * p : p;
}

static double round_up(double v)
{
  const double p = decade(v);
  return v <= p ? p : v <= 2 * p ? 2 * p : v <= 5 * p ? 5 * p : 10 * p;
}

PlotAxis plot_axis(PlotScale scale, double lo, double hi)
{
  PlotAxis a = {.scale = scale, .lo = lo, .hi = hi, .unit = 1};
  const bool is_sane =
      isfinite(lo) && isfinite(hi) && lo <= hi && fabs(lo) < 1e300 && fabs(hi) < 1e300;
  if (scale == PLOT_LOG) {
    if (!is_sane || lo < 1e-300) {
      a.lo = 0.1;
      a.hi = 1;
      return a;
    }
    a.lo = round_down(lo);
    a.hi = round_up(hi);
    if (a.hi < 10 * a.lo) a.hi = 10 * a.lo;
    return a;
  }
  if (!is_sane) {
    a.lo = 0;
    a.hi = 1;
  } else if (!(hi > lo)) {
    const double half = lo == 0 ? 1 : fabs(lo);
    a.lo = lo - half;
    a.hi = hi + half;
  }
  if (scale == PLOT_LINEAR) {
    const double step = round_up((a.hi - a.lo) / 10);
    a.lo = floor(a.lo / step + 1e-9) * step;
    a.hi = ceil(a.hi / step - 1e-9) * step;
  }
  return a;
}

static double scaled(const PlotAxis *a, double v)
{
  switch (a->scale) {
  case PLOT_LOG:
    return log10(v);
  case PLOT_SIGNED:
    return copysign(log10(1 + fabs(v) / a->unit), v);
  case PLOT_LINEAR:
    break;
  }
  return v;
}

double plot_at(const PlotAxis *a, double v)
{
  const double inside = v < a->lo ? a->lo : v > a->hi ? a->hi : v;
  const double lo = scaled(a, a->lo), hi = scaled(a, a->hi);
  return a->from + (a->to - a->from) * (scaled(a, inside) - lo) / (hi - lo);
}

static int linear_ticks(const PlotAxis *a, int most, double *tick)
{
  double step = round_up((a->hi - a->lo) / most);
  for (;;) {
    const double first = ceil(a->lo / step - 1e-9), last = floor(a->hi / step + 1e-9);
    if (last - first + 1 <= most) {
      int n = 0;
      for (double k = first; k <= last; k++)
        tick[n++] = k == 0 ? 0 : k * step;
      return n;
    }
    step = round_up(step * 1.5);
  }
}

/* The multiples `mark` of powers of ten, every `stride`-th power: their number, or
 * most + 1 when there are too many. */
static int powers(const PlotAxis *a, int most, const double *mark, int n_marks,
                  int stride, double *tick)
{
  int n = 0;
  const int first = (int)floor(log10(a->lo) - 1e-9), last = (int)ceil(log10(a->hi));
  for (int e = first; e <= last; e++) {
    if (e % stride) continue;
    for (int k = 0; k < n_marks; k++) {
      const double v = mark[k] * pow(10, e);
      if (v < a->lo * (1 - 1e-9) || v > a->hi * (1 + 1e-9)) continue;
      if (n == most) return most + 1;
      tick[n++] = v;
    }
  }
  return n;
}

static int log_ticks(const PlotAxis *a, int most, double *tick)
{
  static const double marks[] = {1, 2, 5};
  int n = powers(a, most, marks, 3, 1, tick);
  for (int stride = 1; n > most; stride++)
    n = powers(a, most, marks, 1, stride, tick);
  return n;
}

/* 0, and powers of ten times the unit on both sides, every stride-th of them. */
static int signed_ticks(const PlotAxis *a, int most, double *tick)
{
  for (int stride = 1;; stride++) {
    int n = 0, below = 0, above = 0;
    while (a->unit * pow(10, below * stride) <= -a->lo)
      below++;
    while (a->unit * pow(10, above * stride) <= a->hi)
      above++;
    const bool has_zero = a->lo <= 0 && a->hi >= 0;
    if (below + above + has_zero > most) continue;
    for (int k = below - 1; k >= 0; k--)
      if (-a->unit * pow(10, k * stride) <= a->hi)
        tick[n++] = -a->unit * pow(10, k * stride);
    if (has_zero) tick[n++] = 0;
    for (int k = 0; k < above; k++)
      if (a->unit * pow(10, k * stride) >= a->lo)
        tick[n++] = a->unit * pow(10, k * stride);
    return n;
  }
}

int plot_ticks(const PlotAxis *a, int most, double *tick)
{
  STATUS_REQUIRE(most >= 2 && most <= PLOT_MAX_TICKS, "no room for ticks");
  switch (a->scale) {
  case PLOT_LOG:
    return log_ticks(a, most, tick);
  case PLOT_SIGNED:
    return signed_ticks(a, most, tick);
  case PLOT_LINEAR:
    break;
  }
  return linear_ticks(a, most, tick);
}

/* ---- the picture --------------------------------------------------------- */

void plot_init(Plot *p)
{
  p->x.from = LEFT;
  p->x.to = p->width - RIGHT;
  p->y.from = p->height - BOTTOM;
  p->y.to = TOP;
}

static void line(double x1, double y1, double x2, double y2, const char *class,
                 Text *out)
{
  text_add(out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, x1, y1, x2,
           y2);
}

static void label(double x, double y, const char *class, const char *text, Text *out)
{
  text_add(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
  html_text(out, text);
  text_add(out, "</text>\n");
}

static void tick_label(double x, double y, const char *class, double v, Text *out)
{
  text_add(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
  html_number(out, v);
  text_add(out, "</text>\n");
}

static void grid(const Plot *p, Text *out)
{
  double tick[PLOT_MAX_TICKS];
  const int wide = p->width / 60;
  int n = plot_ticks(&p->x, wide < 3 ? 3 : wide > 9 ? 9 : wide, tick);
  for (int i = 0; i < n; i++) {
    const double x = plot_at(&p->x, tick[i]);
    line(x, p->y.from, x, p->y.to, "g", out);
    tick_label(x, p->y.from + 16, "t tm", tick[i], out);
  }
  const int high = p->height / 36;
  n = plot_ticks(&p->y, high < 3 ? 3 : high > 9 ? 9 : high, tick);
  for (int i = 0; i < n; i++) {
    const double y = plot_at(&p->y, tick[i]);
    line(p->x.from, y, p->x.to, y, "g", out);
    tick_label(p->x.from - 6, y + 4, "t tr", tick[i], out);
  }
}

void plot_begin(const Plot *p, Text *out)
{
  text_add(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s\">\n",
           p->width, p->height, p->id);
  text_add(out, "<title id=\"%s\">", p->id);
  html_text(out, p->title);
  text_add(out, "</title>\n");
  grid(p, out);
  line(p->x.from, p->y.from, p->x.to, p->y.from, "a", out);
  line(p->x.from, p->y.from, p->x.from, p->y.to, "a", out);
  label((p->x.from + p->x.to) / 2, p->height - 8, "t tm", p->x_label, out);
  text_add(out, "<text class=\"t tm\" transform=\"translate(13 %.1f) rotate(-90)\">",
           (p->y.from + p->y.to) / 2);
  html_text(out, p->y_label);
  text_add(out, "</text>\n");
}

void plot_end(Text *out)
{
  text_add(out, "</svg>\n");
}

void plot_curve(const Plot *p, int n, const double *x, const double *y, bool steps,
                const char *class, Text *out)
{
  if (n <= 0) return;
  text_add(out, "<path class=\"c %s\" d=\"M%.1f %.1f", class, plot_at(&p->x, x[0]),
           plot_at(&p->y, y[0]));
  for (int i = 1; i < n; i++) {
    const double at_x = plot_at(&p->x, x[i]), at_y = plot_at(&p->y, y[i]);
    if (steps)
      text_add(out, "H%.1fV%.1f", at_x, at_y);
    else
      text_add(out, "L%.1f %.1f", at_x, at_y);
  }
  text_add(out, "\"/>\n");
}

void plot_mark(double x, double y, int shape, const char *class, Text *out)
{
  switch (shape & 3) {
  case 0:
    text_add(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\"/>", class, x,
             y);
    break;
  case 1:
    text_add(out, "<path class=\"%s\" d=\"M%.1f %.1fh6.6v6.6h-6.6z\"/>", class, x - 3.3,
             y - 3.3);
    break;
  case 2:
    text_add(out, "<path class=\"%s\" d=\"M%.1f %.1fl4.4 7.4h-8.8z\"/>", class, x,
             y - 4.6);
    break;
  default:
    text_add(out, "<path class=\"%s\" d=\"M%.1f %.1fl4.6 4.6l-4.6 4.6l-4.6-4.6z\"/>",
             class, x, y - 4.6);
    break;
  }
}

void plot_rule_x(const Plot *p, double v, const char *text, Text *out)
{
  const double x = plot_at(&p->x, v);
  line(x, p->y.from, x, p->y.to, "r", out);
  text_add(out, "<text class=\"t tr\" transform=\"translate(%.1f %.1f) rotate(-90)\">",
           x - 4, p->y.to + 4);
  html_text(out, text);
  text_add(out, "</text>\n");
}

void plot_rule_y(const Plot *p, double v, const char *text, Text *out)
{
  const double y = plot_at(&p->y, v);
  line(p->x.from, y, p->x.to, y, "r", out);
  /* Below the line where there is no room above. */
  label(p->x.from + 4, y - p->y.to < LINE_HEIGHT ? y + LINE_HEIGHT : y - 4, "t tl",
        text, out);
}

void plot_diagonal(const Plot *p, Text *out)
{
  const double lo = fmax(p->x.lo, p->y.lo), hi = fmin(p->x.hi, p->y.hi);
  if (!(lo < hi)) return;
  line(plot_at(&p->x, lo), plot_at(&p->y, lo), plot_at(&p->x, hi), plot_at(&p->y, hi),
       "a", out);
}
