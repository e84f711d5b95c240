/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/point.h"

#include <math.h>

#include "net/base/mem.h"
#include "solver/report/html.h"
#include "solver/report/number.h"
#include "solver/report/picture.h"

enum { MAX_INPUTS = 16, MAX_OUTPUTS = 12 };

/* Numbers of the witness; NULL where the object has none. */
typedef struct {
  int n_in, n_out;
  double *x, *lo, *hi;
  double *y_lo, *y_hi, *y32;
} Point;

/* An array of numbers, null as NAN; NULL when it is none of length n (n < 0: any, and
 * *n is set). */
static double *numbers_of(const cJSON *object, const char *key, int *n)
{
  const cJSON *const list = json_get(object, key);
  if (!cJSON_IsArray(list)) return NULL;
  const int size = cJSON_GetArraySize(list);
  if (*n >= 0 && size != *n) return NULL;
  *n = size;
  double *v = mem_doubles((size_t)size + 1);
  int i = 0;
  for (const cJSON *c = list->child; c; c = c->next)
    v[i++] = cJSON_IsNumber(c) && isfinite(c->valuedouble) ? c->valuedouble : NAN;
  return v;
}

static Point point_of(const cJSON *witness)
{
  Point p = {.n_in = -1, .n_out = -1};
  p.x = numbers_of(witness, "x", &p.n_in);
  p.lo = numbers_of(witness, "lo", &p.n_in);
  p.hi = numbers_of(witness, "hi", &p.n_in);
  p.y_lo = numbers_of(witness, "y_lo", &p.n_out);
  p.y_hi = numbers_of(witness, "y_hi", &p.n_out);
  p.y32 = numbers_of(witness, "y32", &p.n_out);
  return p;
}

static void point_free(Point *p)
{
  mem_free(p->x);
  mem_free(p->lo);
  mem_free(p->hi);
  mem_free(p->y_lo);
  mem_free(p->y_hi);
  mem_free(p->y32);
}

/* ---- pictures ------------------------------------------------------------ */

static bool all_finite(const double *v, int n)
{
  for (int i = 0; v && i < n; i++)
    if (!isfinite(v[i])) return false;
  return v != NULL;
}

static void figure(const char *caption, const Text *image, Text *out)
{
  text_add(out, "<figure class=\"px\">%s<figcaption>%s</figcaption></figure>\n",
           image->s, caption);
}

/* Centre of the box, the counterexample, and their difference. */
static void pictures(const Picture *p, const Point *w, Text *out)
{
  const PictureScale scale = picture_scale(p, w->lo, w->hi);
  double *centre = mem_doubles((size_t)w->n_in), *d = mem_doubles((size_t)w->n_in);
  double most = 0;
  for (int i = 0; i < w->n_in; i++) {
    centre[i] = w->lo[i] / 2 + w->hi[i] / 2;
    d[i] = w->x[i] - centre[i];
    most = fmax(most, fabs(d[i]));
  }
  Text a = {0}, b = {0}, c = {0}, caption = {0};
  picture_image(p, &scale, centre, "the centre of the input box", &a);
  picture_image(p, &scale, w->x, "the counterexample", &b);
  picture_difference(p, d, most, "the difference of the two, amplified", &c);
  text_add(&caption, "difference, amplified: full colour is ");
  html_number(&caption, most);
  text_add(&caption, p->channels == 1 ? " (red more, blue less)" : " (grey is none)");
  text_add(out, "<div class=\"pictures\">\n");
  figure("centre of the input box", &a, out);
  figure("counter&shy;example", &b, out);
  figure(caption.s, &c, out);
  text_add(out, "</div>\n<p class=\"note\">%d × %d pixels, %s.", p->width, p->height,
           p->channels == 3 ? "red, green, blue" : "one channel");
  if (p->is_guess)
    text_add(out,
             " <b>The shape is a guess</b>: the model takes a vector of %d numbers, "
             "which is %d × %d.",
             w->n_in, p->width, p->height);
  text_add(out, " Black is ");
  html_number(out, scale.lo[0]);
  text_add(out, ", white ");
  html_number(out, scale.hi[0]);
  text_add(out, "%s.</p>\n",
           p->channels == 3 &&
                   (scale.lo[0] != scale.lo[1] || scale.hi[0] != scale.hi[2])
               ? " (red; the other channels have their own scale)"
               : "");
  text_free(&a);
  text_free(&b);
  text_free(&c);
  text_free(&caption);
  mem_free(centre);
  mem_free(d);
}

/* ---- tables -------------------------------------------------------------- */

static void cell(double x, Text *out)
{
  text_add(out, "<td>");
  html_number(out, x);
  text_add(out, "</td>");
}

static void table_begin(const char *caption, const char *head, Text *out)
{
  text_add(out,
           "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
           "<table><caption>%s</caption>\n<thead><tr>%s</tr></thead>\n<tbody>\n",
           caption, caption, head);
}

/* Where x is between lo and hi: a mark on a line. */
static void gauge(double lo, double hi, double x, Text *out)
{
  text_add(out, "<td>");
  if (hi > lo && isfinite(x)) {
    const double share = fmin(fmax((x - lo) / (hi - lo), 0), 1);
    text_add(out,
             "<svg class=\"gauge\" viewBox=\"0 0 64 10\" aria-hidden=\"true\">"
             "<path class=\"a\" d=\"M2 5H62\"/><circle class=\"m k0\" cx=\"%.1f\" "
             "cy=\"5\" r=\"3\"/></svg>",
             2 + 60 * share);
  }
  text_add(out, "</td>");
}

static void inputs(const Point *w, Text *out)
{
  const bool has_box = w->lo && w->hi;
  table_begin("Inputs of the counterexample",
              has_box ? "<th class=\"n\">input</th><th class=\"n\">from</th><th "
                        "class=\"n\">value</th><th class=\"n\">to</th><th>in the "
                        "range</th>"
                      : "<th class=\"n\">input</th><th class=\"n\">value</th>",
              out);
  for (int i = 0; i < w->n_in && i < MAX_INPUTS; i++) {
    text_add(out, "<tr><th scope=\"row\" class=\"n\">X<sub>%d</sub></th>", i);
    if (has_box) cell(w->lo[i], out);
    cell(w->x[i], out);
    if (has_box) cell(w->hi[i], out);
    if (has_box) gauge(w->lo[i], w->hi[i], w->x[i], out);
    text_add(out, "</tr>\n");
  }
  text_add(out, "</tbody></table></div>\n");
  if (w->n_in > MAX_INPUTS)
    text_add(out, "<p class=\"note\">%d more inputs are not shown.</p>\n",
             w->n_in - MAX_INPUTS);
}

static void outputs(const Point *w, Text *out)
{
  if (!w->y_lo || !w->y_hi) return;
  int largest = 0;
  for (int i = 1; i < w->n_out; i++)
    if (w->y_lo[i] > w->y_lo[largest]) largest = i;
  table_begin("Outputs there",
              "<th class=\"n\">output</th><th class=\"n\">at least</th><th "
              "class=\"n\">at most</th><th class=\"n\">in float32</th><th></th>",
              out);
  for (int i = 0; i < w->n_out && i < MAX_OUTPUTS; i++) {
    text_add(out, "<tr><th scope=\"row\" class=\"n\">Y<sub>%d</sub></th>", i);
    cell(w->y_lo[i], out);
    cell(w->y_hi[i], out);
    cell(w->y32 ? w->y32[i] : NAN, out);
    text_add(out, "<td class=\"l\">%s</td></tr>\n",
             w->n_out > 1 && i == largest ? "largest" : "");
  }
  text_add(out, "</tbody></table></div>\n");
  if (w->n_out > MAX_OUTPUTS)
    text_add(out,
             "<p class=\"note\">%d more outputs are not shown; the largest is Y"
             "<sub>%d</sub>.</p>\n",
             w->n_out - MAX_OUTPUTS, largest);
}

static void heading(const cJSON *witness, Text *out)
{
  const cJSON *const kind = json_get(witness, "kind");
  const cJSON *const line = json_get(witness, "line");
  const cJSON *const margin = json_get(witness, "margin");
  text_add(out, "<h4>Counterexample</h4>\n<p class=\"note\">");
  if (cJSON_IsString(kind)) {
    html_short(out, kind->valuestring, 40);
    text_add(out, "; ");
  }
  if (cJSON_IsNumber(line) && line->valuedouble > 0)
    text_add(out, "line %.0f of the specification; ", line->valuedouble);
  text_add(out, "margin ");
  html_number(out, cJSON_IsNumber(margin) ? margin->valuedouble : NAN);
  text_add(out, ".</p>\n");
}

void point_print(const cJSON *verify, size_t *image_bytes, int *n_left_out, Text *out)
{
  const cJSON *const witness = json_get(verify, "witness");
  if (!cJSON_IsObject(witness)) return;
  Point w = point_of(witness);
  Picture p;
  heading(witness, out);
  const bool is_picture =
      w.n_in > 0 && picture_shape(json_get(verify, "input_shape"), w.n_in, &p) &&
      all_finite(w.x, w.n_in) && all_finite(w.lo, w.n_in) && all_finite(w.hi, w.n_in);
  if (is_picture) {
    Text images = {0};
    pictures(&p, &w, &images);
    if (images.n <= *image_bytes) {
      *image_bytes -= images.n;
      text_add(out, "%s", images.s);
    } else {
      ++*n_left_out;
      text_add(out, "<p class=\"note\">Its pictures were left out to keep this page "
                    "small.</p>\n");
    }
    text_free(&images);
  } else if (w.x) {
    inputs(&w, out);
  }
  outputs(&w, out);
  point_free(&w);
}
