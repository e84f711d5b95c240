/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/picture.h"

#include <math.h>

#include "net/base/mem.h"
#include "solver/report/html.h"
#include "solver/report/png.h"

enum { LEAST_SIDE = 4, LEAST_GUESS = 64, MOST_SIDE = 1024 };

static bool is_side(int n)
{
  return n >= LEAST_SIDE && n <= MOST_SIDE;
}

bool picture_shape(const cJSON *shape, int n, Picture *p)
{
  int side[4], n_sides = 0;
  if (!cJSON_IsArray(shape)) return false;
  for (const cJSON *d = shape->child; d; d = d->next) {
    if (!cJSON_IsNumber(d) || !(d->valuedouble >= 1 && d->valuedouble <= 1e9) ||
        n_sides == 4)
      return false;
    if (d->valuedouble != 1) side[n_sides++] = (int)d->valuedouble;
  }
  *p = (Picture){.channels = 1};
  if (n_sides == 1) {
    const int root = (int)lround(sqrt(side[0]));
    *p = (Picture){root, root, 1, false, true};
    if (side[0] < LEAST_GUESS || root * root != side[0]) return false;
  } else if (n_sides == 2) {
    *p = (Picture){side[1], side[0], 1, false, false};
  } else if (n_sides == 3 && side[0] == 3) {
    *p = (Picture){side[2], side[1], 3, false, false};
  } else if (n_sides == 3 && side[2] == 3) {
    *p = (Picture){side[1], side[0], 3, true, false};
  } else {
    return false;
  }
  return is_side(p->width) && is_side(p->height) &&
         p->width * p->height * p->channels == n;
}

/* Where channel c of pixel i is. */
static int place(const Picture *p, int i, int c)
{
  return p->channels_last ? i * p->channels + c : c * p->width * p->height + i;
}

/* Does [0, top] hold all numbers, of which the largest is not much smaller? */
static bool fits(const double *lo, const double *hi, int n, double top)
{
  double least = INFINITY, most = -INFINITY;
  for (int i = 0; i < n; i++) {
    least = fmin(least, lo[i]);
    most = fmax(most, hi[i]);
  }
  /* Outer boxes are an ulp or so wider. */
  return least >= -1e-3 * top && most <= 1.001 * top && most >= 0.3 * top;
}

PictureScale picture_scale(const Picture *p, const double *lo, const double *hi)
{
  const int size = p->width * p->height;
  PictureScale s = {{0, 0, 0}, {1, 1, 1}};
  if (fits(lo, hi, size * p->channels, 1)) return s;
  const bool is_bytes = fits(lo, hi, size * p->channels, 255);
  for (int c = 0; c < p->channels; c++) {
    s.lo[c] = is_bytes ? 0 : INFINITY;
    s.hi[c] = is_bytes ? 255 : -INFINITY;
    for (int i = 0; !is_bytes && i < size; i++) {
      s.lo[c] = fmin(s.lo[c], lo[place(p, i, c)]);
      s.hi[c] = fmax(s.hi[c], hi[place(p, i, c)]);
    }
  }
  return s;
}

static unsigned char byte_of(double share)
{
  return share > 0 ? (unsigned char)(fmin(share, 1) * 255 + 0.5) : 0;
}

static void add_image(const Picture *p, int channels, const unsigned char *pixel,
                      const char *alt, Text *out)
{
  text_add(out, "<img width=\"%d\" height=\"%d\" alt=\"", p->width, p->height);
  html_text(out, alt);
  text_add(out, "\" src=\"");
  png_uri(out, p->width, p->height, channels, pixel);
  text_add(out, "\">");
}

void picture_image(const Picture *p, const PictureScale *scale, const double *x,
                   const char *alt, Text *out)
{
  const int size = p->width * p->height;
  unsigned char *pixel = mem_array((size_t)size, (size_t)p->channels);
  for (int i = 0; i < size; i++)
    for (int c = 0; c < p->channels; c++) {
      const double range = scale->hi[c] - scale->lo[c];
      pixel[i * p->channels + c] =
          byte_of(range > 0 ? (x[place(p, i, c)] - scale->lo[c]) / range : 0.5);
    }
  add_image(p, p->channels, pixel, alt, out);
  mem_free(pixel);
}

void picture_difference(const Picture *p, const double *d, double most, const char *alt,
                        Text *out)
{
  const int size = p->width * p->height;
  unsigned char *pixel = mem_array((size_t)size, 3);
  for (int i = 0; i < size; i++)
    for (int c = 0; c < 3; c++) {
      const double v = most > 0 ? d[place(p, i, p->channels == 3 ? c : 0)] / most : 0;
      /* One channel: white at 0, red above, blue below. */
      const double one = c == 0   ? 1 + fmin(v, 0)
                         : c == 2 ? 1 - fmax(v, 0)
                                  : 1 - fabs(v);
      pixel[3 * i + c] = byte_of(p->channels == 3 ? 0.5 + v / 2 : one);
    }
  add_image(p, 3, pixel, alt, out);
  mem_free(pixel);
}
