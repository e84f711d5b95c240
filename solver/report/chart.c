/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/report/html.h"
#include "solver/report/number.h"
#include "solver/report/plot.h"
#include "solver/report/tally.h"

enum { WIDTH = 460, HEIGHT = 330, N_COLOURS = 8, N_SHAPES = 4 };

static double at_least(double seconds)
{
  return fmax(seconds, CHART_FASTEST);
}

/* The colour and the shape of kind k: no two of the first 32 have both. */
static int shape_of(int kind)
{
  return (kind + kind / N_COLOURS) % N_SHAPES;
}

/* ---- legend -------------------------------------------------------------- */

static void legend_begin(Text *out)
{
  text_add(out, "<ul class=\"legend\">\n");
}

static void legend_line(int colour, const char *name, const char *count, Text *out)
{
  text_add(out,
           "<li><svg viewBox=\"0 0 24 12\" aria-hidden=\"true\"><path class=\"c k%d\" "
           "d=\"M1 6H23\"/></svg>",
           colour % N_COLOURS);
  html_short(out, name, 40);
  text_add(out, " <b>%s</b></li>\n", count);
}

static void legend_mark(int kind, const char *name, Text *out)
{
  char class[16];
  snprintf(class, sizeof class, "m k%d", kind % N_COLOURS);
  text_add(out, "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\">");
  plot_mark(6, 6, shape_of(kind), class, out);
  text_add(out, "</svg>");
  html_short(out, *name ? name : "no category", 40);
  text_add(out, "</li>\n");
}

static void figure_begin(const char *heading, Text *out)
{
  text_add(out, "<figure>\n<figcaption>");
  html_text(out, heading);
  text_add(out, "</figcaption>\n");
}

/* ---- cactus -------------------------------------------------------------- */

typedef struct {
  int n;
  double *seconds;
} Curve;

static Plot cactus_frame(const Curve *curves, int n_curves, int most, const char *title)
{
  double lo = INFINITY, hi = 0;
  for (int i = 0; i < n_curves; i++) {
    if (!curves[i].n) continue;
    lo = fmin(lo, at_least(curves[i].seconds[0]));
    hi = fmax(hi, at_least(curves[i].seconds[curves[i].n - 1]));
  }
  Plot p = {.width = WIDTH,
            .height = HEIGHT,
            .x = plot_axis(PLOT_LINEAR, 0, most),
            .y = plot_axis(PLOT_LOG, lo, hi),
            .id = "cactus",
            .title = title,
            .x_label = "instances solved",
            .y_label = "seconds, each"};
  p.x.hi = most;
  plot_init(&p);
  return p;
}

static void cactus_curve(const Plot *p, const Curve *c, int colour, Text *out)
{
  if (!c->n) return;
  double *x = mem_doubles((size_t)c->n), *y = mem_doubles((size_t)c->n);
  for (int i = 0; i < c->n; i++) {
    x[i] = i + 1;
    y[i] = at_least(c->seconds[i]);
  }
  char class[16];
  snprintf(class, sizeof class, "k%d", colour % N_COLOURS);
  plot_curve(p, c->n, x, y, false, class, out);
  snprintf(class, sizeof class, "m k%d", colour % N_COLOURS);
  plot_mark(plot_at(&p->x, c->n), plot_at(&p->y, y[c->n - 1]), 0, class, out);
  text_add(out, "\n");
  mem_free(x);
  mem_free(y);
}

/* What the plot shows, for those who cannot see it. */
static void cactus_words(const Runs *runs, const Curve *curves, Text *words)
{
  text_add(words, "Cactus plot: instances solved within a time each. ");
  for (int i = 0; i < runs->n; i++)
    text_add(words, "%s: %d of %d%s", runs->sets[i].name, curves[i].n, runs->sets[i].n,
             i + 1 < runs->n ? "; " : ".");
}

bool chart_cactus(const Runs *runs, Text *out)
{
  Curve *curves = mem_zero((size_t)runs->n + 1, sizeof *curves);
  int most = 0, solved = 0;
  for (int i = 0; i < runs->n; i++) {
    curves[i].seconds = tally_times(&runs->sets[i], &curves[i].n);
    solved += curves[i].n;
    if (runs->sets[i].n > most) most = runs->sets[i].n;
  }
  if (solved) {
    Text words = {0};
    cactus_words(runs, curves, &words);
    const Plot p = cactus_frame(curves, runs->n, most, words.s);
    figure_begin("Solved within a time", out);
    plot_begin(&p, out);
    for (int i = runs->n - 1; i >= 0; i--)
      cactus_curve(&p, &curves[i], i, out);
    plot_end(out);
    legend_begin(out);
    for (int i = 0; i < runs->n; i++) {
      char count[48];
      snprintf(count, sizeof count, "%d of %d", curves[i].n, runs->sets[i].n);
      legend_line(i, runs->sets[i].name, count, out);
    }
    text_add(out, "</ul>\n<p class=\"note\">The x-th fastest solved instance took y "
                  "seconds: the further right and the lower, the better.</p>\n"
                  "</figure>\n");
    text_free(&words);
  }
  for (int i = 0; i < runs->n; i++)
    mem_free(curves[i].seconds);
  mem_free(curves);
  return solved > 0;
}

/* ---- scatter ------------------------------------------------------------- */

typedef struct {
  const Run *run;
  int index;
  double x, y; /* seconds; INFINITY: no answer */
} Pair;

/* False when the other side does not know this run, or both have no answer. */
static bool pair_of(const Run *run, const ChartOther *other, Pair *pair)
{
  const Run *const theirs = other->set ? runs_find(other->set, run) : NULL;
  if (other->set ? !theirs : isnan(run->best_time)) return false;
  pair->run = run;
  pair->y = runs_is_solved(run) ? run->run_time : INFINITY;
  pair->x = !theirs                  ? run->best_time
            : runs_is_solved(theirs) ? theirs->run_time
                                     : INFINITY;
  return !isnan(pair->x) && !isnan(pair->y) && (isfinite(pair->x) || isfinite(pair->y));
}

static Pair *pairs_of(const RunSet *set, const ChartOther *other, int *n)
{
  Pair *pairs = mem_array((size_t)set->n + 1, sizeof *pairs);
  *n = 0;
  for (int i = 0; i < set->n; i++)
    if (pair_of(&set->runs[i], other, &pairs[*n])) pairs[(*n)++].index = i;
  return pairs;
}

/* The limit of all runs; NAN when they differ. */
static double one_timeout(const Pair *pairs, int n)
{
  for (int i = 1; i < n; i++)
    if (!(pairs[i].run->timeout == pairs[0].run->timeout)) return NAN;
  return pairs[0].run->timeout > 0 ? pairs[0].run->timeout : NAN;
}

/* Both axes are the same; their outer end is for no answer. */
static Plot scatter_frame(const Pair *pairs, int n, double timeout)
{
  double lo = INFINITY, hi = isnan(timeout) ? 0 : at_least(timeout);
  for (int i = 0; i < n; i++) {
    lo = fmin(lo, at_least(fmin(pairs[i].x, pairs[i].y)));
    if (isfinite(pairs[i].x)) hi = fmax(hi, at_least(pairs[i].x));
    if (isfinite(pairs[i].y)) hi = fmax(hi, at_least(pairs[i].y));
  }
  Plot p = {.width = WIDTH, .height = HEIGHT + 30};
  p.x = p.y = plot_axis(PLOT_LOG, lo, hi * 1.5);
  plot_init(&p);
  return p;
}

static int category_index(const Tally *categories, int n, const Run *run)
{
  for (int i = 0; i < n; i++)
    if (!strcmp(categories[i].category, run->category)) return i;
  return 0;
}

static void scatter_marks(const Plot *p, const Pair *pairs, int n,
                          const Tally *categories, int n_categories, Text *out)
{
  for (int i = 0; i < n; i++) {
    const Run *const r = pairs[i].run;
    const int kind = category_index(categories, n_categories, r);
    char class[16];
    snprintf(class, sizeof class, "m k%d", kind % N_COLOURS);
    text_add(out, "<a href=\"#i%d\">", pairs[i].index);
    plot_mark(plot_at(&p->x, at_least(pairs[i].x)),
              plot_at(&p->y, at_least(pairs[i].y)), shape_of(kind), class, out);
    text_add(out, "</a>\n");
  }
}

/* How many runs are faster on which side. */
static void scatter_note(const Pair *pairs, int n, const ChartOther *other, Text *out)
{
  int ours = 0, theirs = 0;
  double logs = 0;
  int both = 0;
  for (int i = 0; i < n; i++) {
    ours += pairs[i].y < pairs[i].x;
    theirs += pairs[i].x < pairs[i].y;
    if (!isfinite(pairs[i].x) || !isfinite(pairs[i].y)) continue;
    logs += log(at_least(pairs[i].x) / at_least(pairs[i].y));
    both++;
  }
  text_add(out,
           "<p class=\"note\">%d instances; below the diagonal we were faster: %d, "
           "above: %d.",
           n, ours, theirs);
  if (both && other->set) {
    text_add(out, " Where both answered, ");
    html_short(out, other->name, 40);
    text_add(out, " took ");
    html_number(out, exp(logs / both));
    text_add(out, " times as long (geometric mean of %d).", both);
  }
  text_add(out,
           " Times below 1 ms count as 1 ms. Times of other machines do not "
           "compare exactly%s.</p>\n",
           other->set ? "" : ", and published ones are of other machines");
}

bool chart_scatter(const RunSet *set, const ChartOther *other, int number, Text *out)
{
  int n, n_categories;
  Pair *pairs = pairs_of(set, other, &n);
  Tally *categories = tally_categories(set, &n_categories);
  if (n) {
    char id[32];
    Text words = {0}, x_label = {0}, y_label = {0}, limit = {0};
    const double timeout = one_timeout(pairs, n);
    Plot p = scatter_frame(pairs, n, timeout);
    snprintf(id, sizeof id, "scatter%d", number);
    text_add(&words, "Scatter plot: seconds of %s and of %s for %d instances.",
             set->name, other->name, n);
    text_add(&x_label, "%s, seconds", other->name);
    text_add(&y_label, "%s, seconds", set->name);
    text_add(&limit, "limit %s s", number_short(timeout).s);
    p.id = id;
    p.title = words.s;
    p.x_label = x_label.s;
    p.y_label = y_label.s;
    Text heading = {0};
    text_add(&heading, "%s and %s", set->name, other->name);
    figure_begin(heading.s, out);
    plot_begin(&p, out);
    plot_diagonal(&p, out);
    plot_rule_x(&p, p.x.hi, "no answer", out);
    plot_rule_y(&p, p.y.hi, "", out);
    if (!isnan(timeout)) plot_rule_y(&p, timeout, limit.s, out);
    if (!isnan(timeout)) plot_rule_x(&p, timeout, "", out);
    scatter_marks(&p, pairs, n, categories, n_categories, out);
    plot_end(out);
    legend_begin(out);
    for (int i = 0; i < n_categories; i++)
      for (int k = 0; k < n; k++)
        if (category_index(categories, n_categories, pairs[k].run) == i) {
          legend_mark(i, categories[i].category, out);
          break;
        }
    text_add(out, "</ul>\n");
    scatter_note(pairs, n, other, out);
    text_add(out, "</figure>\n");
    text_free(&heading);
    text_free(&words);
    text_free(&x_label);
    text_free(&y_label);
    text_free(&limit);
  }
  mem_free(pairs);
  mem_free(categories);
  return n > 0;
}

/* ---- bound over time ----------------------------------------------------- */

typedef struct {
  int n;
  double *seconds, *bound, *open; /* bound: -INFINITY before there is one */
} Trace;

static double number_at(const cJSON *array, int i)
{
  const cJSON *const item = cJSON_GetArrayItem(array, i);
  return cJSON_IsNumber(item) && isfinite(item->valuedouble) ? item->valuedouble : NAN;
}

/* At most `most` points, evenly thinned; the last one stays. */
static Trace trace_of(const cJSON *list, int most)
{
  const int all = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
  Trace t = {.seconds = mem_doubles((size_t)all + 2),
             .bound = mem_doubles((size_t)all + 2),
             .open = mem_doubles((size_t)all + 2)};
  const int stride = (all + most - 1) / most;
  int i = 0;
  for (const cJSON *p = all ? list->child : NULL; p; p = p->next, i++) {
    if (i % stride && p->next) continue;
    const double seconds = number_at(p, 0), open = number_at(p, 2);
    if (isnan(seconds) || isnan(open)) continue;
    const double bound = number_at(p, 1);
    t.seconds[t.n] = seconds;
    t.bound[t.n] = isnan(bound) ? -INFINITY : bound;
    t.open[t.n++] = open;
  }
  return t;
}

static void trace_free(Trace *t)
{
  mem_free(t->seconds);
  mem_free(t->bound);
  mem_free(t->open);
}

/* A scale on which the last bounds can be told apart although the first are huge. */
static PlotAxis bound_axis(const Trace *t)
{
  double lo = 0, hi = 0, least = INFINITY;
  for (int i = 0; i < t->n; i++) {
    if (!isfinite(t->bound[i])) continue;
    lo = fmin(lo, t->bound[i]);
    hi = fmax(hi, t->bound[i]);
    if (t->bound[i] != 0) least = fmin(least, fabs(t->bound[i]));
  }
  const double most = fmax(hi, -lo);
  if (!(most > 30 * least)) return plot_axis(PLOT_LINEAR, lo, hi);
  PlotAxis a = plot_axis(PLOT_SIGNED, lo, hi);
  a.unit = pow(10, ceil(log10(fmax(least, most * 1e-6))));
  a.hi = fmax(hi, -lo / 30);
  if (a.hi < a.unit) a.hi = a.unit;
  return a;
}

/* The share of open cases as a grey area. */
static void open_area(const Plot *p, const Trace *t, double end, Text *out)
{
  double most = 0;
  for (int i = 0; i < t->n; i++)
    most = fmax(most, t->open[i]);
  if (most < 2) return;
  text_add(out, "<path class=\"open\" d=\"M%.1f %.1f", p->x.from, p->y.from);
  for (int i = 0; i < t->n; i++)
    text_add(out, "H%.1fV%.1f", plot_at(&p->x, t->seconds[i]),
             p->y.from + (p->y.to - p->y.from) * t->open[i] / most);
  text_add(out, "H%.1fV%.1fZ\"/>\n", plot_at(&p->x, end), p->y.from);
}

static void bound_curve(const Plot *p, const Trace *t, double end, Text *out)
{
  double *x = mem_doubles((size_t)t->n + 1), *y = mem_doubles((size_t)t->n + 1);
  int n = 0;
  for (int i = 0; i < t->n; i++) {
    if (!isfinite(t->bound[i])) continue;
    x[n] = t->seconds[i];
    y[n++] = t->bound[i];
  }
  if (n) {
    x[n] = end;
    y[n] = y[n - 1];
    plot_curve(p, n + 1, x, y, true, "k0", out);
  }
  mem_free(x);
  mem_free(y);
}

bool chart_trace(const cJSON *verify, int number, int most, Text *out)
{
  Trace t = trace_of(json_get(verify, "trace"), most);
  const bool has_plot = t.n >= 2;
  if (has_plot) {
    const cJSON *const seconds = json_get(verify, "seconds");
    double end = t.seconds[t.n - 1];
    if (cJSON_IsNumber(seconds) && isfinite(seconds->valuedouble))
      end = fmax(end, seconds->valuedouble);
    char id[32];
    snprintf(id, sizeof id, "trace%d", number);
    Text words = {0};
    text_add(&words, "Smallest proven bound over time, up to %s after %s seconds.",
             number_short(t.bound[t.n - 1]).s, number_short(t.seconds[t.n - 1]).s);
    Plot p = {.width = WIDTH,
              .height = 200,
              .x = plot_axis(PLOT_LINEAR, 0, end > 0 ? end : 1e-3),
              .y = bound_axis(&t),
              .id = id,
              .title = words.s,
              .x_label = "seconds",
              .y_label = "proven bound"};
    plot_init(&p);
    plot_begin(&p, out);
    open_area(&p, &t, end, out);
    plot_rule_y(&p, 0, "proved above 0", out);
    bound_curve(&p, &t, end, out);
    plot_end(out);
    text_free(&words);
  }
  trace_free(&t);
  return has_plot;
}
