/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/layers.h"

static const float W[6] = {1, -2, 0.5F, 3, 1, -1}, B[3] = {0.25F, -1, 2},
                   V[6] = {1, 2, -1, 0.5F, 3, -2};

MakeOnnx *layers_model(void)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 2, (int64_t[]){1, 2});
  make_onnx_floats(m, "W", 2, (int64_t[]){2, 3}, W);
  make_onnx_floats(m, "b", 1, (int64_t[]){3}, B);
  make_onnx_floats(m, "V", 2, (int64_t[]){3, 2}, V);
  make_onnx_node(m, "Gemm", "x W b", "z");
  make_onnx_node(m, "Relu", "z", "h");
  make_onnx_node(m, "MatMul", "h V", "y");
  make_onnx_output(m, "y");
  return m;
}

void layers_values(const double *x, double *z, double *h, double *y)
{
  for (int i = 0; i < 3; i++) {
    z[i] = x[0] * (double)W[i] + x[1] * (double)W[3 + i] + (double)B[i];
    h[i] = z[i] > 0 ? z[i] : 0;
  }
  for (int j = 0; j < 2; j++)
    y[j] = h[0] * (double)V[j] + h[1] * (double)V[2 + j] + h[2] * (double)V[4 + j];
}
