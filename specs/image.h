/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/image.h -- input sets that are affine images of a box or ball:
 *
 *     x = center + sum_j t_j d_j        t in R^k, in a box or ball around 0
 *
 * The set is what the doubles center and d_j say, exactly.  The formulas below say how
 * d_j is computed, in double precision and with +, -, *, / and sqrt alone, so that
 * every machine gets the same doubles.
 *
 *     directions   d_j as given
 *     brightness   d_0 = 1; with channels: d_c = 1 in channel c, 0 elsewhere
 *     contrast     d_0 = center - mean,  mean = (sum_i center_i) / n
 *     bias-field   d_ab = center u^a v^b,  a + b <= degree,  u = 2 x / (width - 1) - 1,
 *                  v = 2 y / (height - 1) - 1 (0 where there is one column or row):
 *                  x = center (1 + polynomial in u, v), the same for all channels
 *     blur         d_0 = blurred - center, 0 <= t_0: (1 - t) center + t blurred.  A
 *                  pixel of `blurred` is the mean of those pixels of the size x size
 *                  window around it that are in the picture
 *     frequency    d_cpq = B_pq in channel c, low <= p + q <= high, the orthonormal
 *                  basis of DCT-II:  B_pq(y, x) = s_p cos (pi (2y + 1) p / (2 height))
 *                  s_q cos (pi (2x + 1) q / (2 width)),  s_0 = sqrt (1 / length), else
 *                  sqrt (2 / length).  The l2 norm of t is that of the change of x
 *
 * Parameters are in this order: a + b ascending, then a descending; c ascending, then
 * p + q, then p.  Inputs are channels, rows, columns, row-major.
 *
 * With clip, the network gets min (max (x, clip_lo), clip_hi) instead of x, which two
 * layers of ReLUs compute exactly:
 *
 *     z = clip_lo + relu (x - clip_lo)        clip_hi - relu (clip_hi - z)
 *
 * Bias fields: Henriksen, Hammernik, Rueckert, Lomuscio, Bias field robustness
 * verification of large neural image classifiers, BMVC 2021.  Photometric changes and
 * blur as few parameters: Mohapatra, Weng, Chen, Liu, Daniel, Towards verifying
 * robustness of neural networks against a family of semantic perturbations, CVPR 2020.
 */
#ifndef SPECS_IMAGE_H
#define SPECS_IMAGE_H

#include <stdbool.h>

#include "net/base/json.h"
#include "net/base/text.h"
#include "net/net.h"

typedef enum {
  IMAGE_DIRECTIONS,
  IMAGE_BRIGHTNESS,
  IMAGE_CONTRAST,
  IMAGE_BIAS_FIELD,
  IMAGE_BLUR,
  IMAGE_FREQUENCY
} ImageKind;

#define IMAGE_MAX_PARAMETERS 4096
#define IMAGE_MAX_NUMBERS    (1 << 24) /* n k */

typedef struct Image {
  ImageKind kind;
  int n, k;                    /* inputs of the network; parameters */
  double *center;              /* double center[n], finite; owned like the others */
  double *d;                   /* double d[n][k], finite: column j is d_j */
  int channels, height, width; /* 0 where the kind has no shape */
  int degree, size, low, high; /* of the kinds that have them */
  double *clip_lo, *clip_hi;   /* double [n], finite, clip_lo <= clip_hi; or NULL */
} Image;

/* With directions d = 0 and a copy of center, double center[n].  n > 0, k > 0, n k <=
 * IMAGE_MAX_NUMBERS. */
Image *image_new(ImageKind kind, int n, int k, const double *center);
/* Copies double lo[n], hi[n], finite, lo <= hi. */
void image_set_clip(Image *image, const double *lo, const double *hi);
void image_free(Image *image); /* NULL is fine */

/* Reads one vector of n numbers; `where` is for messages, such as
 * image.directions[3]. */
typedef Status ImageVector(const void *reader, const char *where, const cJSON *item,
                           double *x);

/* {"kind": "...", ...} or {"directions": [...]} for a network with n inputs; `path` is
 * for messages, which call the object $.image.  Owned, without clip.  NULL with err:
 * DATA naming the key, UNSUPPORTED for an unknown kind, and what `vector` fails
 * with. */
Image *image_read(const char *path, const cJSON *object, int n, const double *center,
                  ImageVector *vector, const void *reader, Err *err);

/* Is the set of t only the part where t_0 >= 0? */
bool image_is_one_sided(const Image *image);

/* The input of the network at double t[k]: x, rounded once or twice, then clipped;
 * owned double x[n]. */
double *image_input(const Image *image, const double *t);

/* The network behind the image: its inputs are t, what it computes is net (x (t)).  The
 * digest stays that of net.  `net` is taken; image->n must be its number of inputs.
 * NULL with err DATA when sizes are out of range. */
Net *image_net(Net *net, const Image *image, Err *err);

/* One line for people: what X_0, X_1, ... of the specification are. */
void image_words(const Image *image, Text *out);

#endif
