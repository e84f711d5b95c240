/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_resize.h -- Resize and Upsample, nearest and linear.
 *
 * Element o of a resized axis reads the input at the real coordinate c (o), which
 * coordinate_transformation_mode defines.  "nearest" takes the element at c rounded by
 * nearest_mode: a MAP.  "linear" takes
 *
 *     (1 - f) x[i] + f x[i + 1],   i = floor (c), f = c - i, indices clamped,
 *
 * one axis after the other: two MAPs, two SCALEs with enclosed coefficients, an ADD.
 *
 * Rounding is where the real function and a float32 runtime can take different
 * elements.  Both are computed here, and where they differ the operator is refused.
 */
#ifndef NET_LOWER_RESIZE_H
#define NET_LOWER_RESIZE_H

#include "net/lower_ctx.h"

Status lower_resize(Lower *l, const OnnxNode *node);
Status lower_resize_upsample(Lower *l, const OnnxNode *node);

#endif
