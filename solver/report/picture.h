/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/picture.h -- an input as a picture, where it is one. */
#ifndef SOLVER_REPORT_PICTURE_H
#define SOLVER_REPORT_PICTURE_H

#include <stdbool.h>

#include "net/base/json.h"
#include "net/base/text.h"

typedef struct {
  int width, height, channels; /* channels 1 or 3 */
  bool channels_last;          /* [height][width][channels], else channels first */
  bool
      is_guess; /* the model takes a vector: its length is a square, no shape says so */
} Picture;

/* From the member "input_shape": dimensions of 1 aside, it must be height x width,
 * 3 x height x width or height x width x 3, each of them at least 4; or one number of
 * at least 64 that is a square.  False when it is no picture, or not of n numbers. */
bool picture_shape(const cJSON *shape, int n, Picture *picture);

/* How numbers become brightness: lo[c] is black, hi[c] white in channel c. */
typedef struct {
  double lo[3], hi[3];
} PictureScale;

/* [0, 1] or [0, 255] when the box lo[n], hi[n] fits in and is not much smaller;
 * otherwise the ends of the box in each channel. */
PictureScale picture_scale(const Picture *p, const double *lo, const double *hi);

/* Append an <img> of x[n]; alt is escaped. */
void picture_image(const Picture *p, const PictureScale *scale, const double *x,
                   const char *alt, Text *out);

/* Append an <img> of d[n], differences: grey is 0, darker less, brighter more (one
 * channel: blue less, red more); `most` is full colour. */
void picture_difference(const Picture *p, const double *d, double most, const char *alt,
                        Text *out);

#endif
