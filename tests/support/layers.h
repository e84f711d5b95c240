/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/layers.h -- an ONNX model with names inside, and its values by hand.
 *
 *     x [1,2]  ->  z = x W + b [1,3]  ->  h = relu z [1,3]  ->  y = h V [1,2]
 *
 * Weights are multiples of 1/4: for inputs that are small multiples of 1/8 every value
 * is exact in float32.
 */
#ifndef TESTS_SUPPORT_LAYERS_H
#define TESTS_SUPPORT_LAYERS_H

#include "tests/support/make_onnx.h"

MakeOnnx *layers_model(void);

/* double x[2], z[3], h[3], y[2] */
void layers_values(const double *x, double *z, double *h, double *y);

#endif
