/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which models net/rounded.h may speak about. */
#include <criterion/criterion.h>

#include "net/rounded.h"
#include "tests/support/make_onnx.h"

static void check_model(MakeOnnx *m, bool covered, const char *what)
{
  Err err = {0};
  Net *net = make_onnx_load(m, &err);
  cr_assert(net, "%s: %s", what, err.text);
  const Status rc = rounded_check(net, &err);
  cr_expect_eq(rc == STATUS_OK, covered, "%s: %s", what,
               err.text ? err.text : "covered");
  cr_expect(covered || rc == STATUS_UNSUPPORTED);
  status_reset(&err);
  net_free(net);
  make_onnx_free(m);
}

static MakeOnnx *model(void)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 2, (int64_t[]){1, 3});
  make_onnx_floats(m, "w", 2, (int64_t[]){3, 3},
                   (float[]){1, 0.1F, 3, 4, 0.3F, 6, 7, 8, 9});
  make_onnx_floats(m, "b", 1, (int64_t[]){3}, (float[]){0.1F, 0.25F, 0.3F});
  make_onnx_floats(m, "c", 1, (int64_t[]){3}, (float[]){0.5F, 0.25F, 2});
  make_onnx_output(m, "y");
  return m;
}

Test(lower_float, operators_that_round_like_their_nodes)
{
  static const char *const one[] = {"Relu", "Sigmoid", "Abs", "LeakyRelu",
                                    "Exp",  "Elu",     "Neg", "Floor"};
  for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
    MakeOnnx *m = model();
    make_onnx_node(m, one[i], "x", "y");
    check_model(m, true, one[i]);
  }
  static const char *const two[] = {"Add", "Sub", "Mul", "Div", "Max"};
  for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
    MakeOnnx *m = model();
    make_onnx_node(m, two[i], "x b", "y");
    check_model(m, true, two[i]);
  }
  MakeOnnx *m = model();
  make_onnx_node(m, "Gemm", "x w b", "y");
  check_model(m, true, "Gemm");
  m = model();
  make_onnx_node(m, "Add", "c c", "d"); /* exact in float32 */
  make_onnx_node(m, "Mul", "x d", "y");
  check_model(m, true, "an exact constant");
}

Test(lower_float, operators_that_round_in_another_way_are_refused)
{
  MakeOnnx *m = model();
  make_onnx_node(m, "Softmax", "x", "y");
  check_model(m, false, "Softmax");
  m = model();
  make_onnx_attr_float(m, make_onnx_node(m, "Gemm", "x w b", "y"), "alpha", 0.3F);
  check_model(m, false, "Gemm with alpha");
  m = model();
  make_onnx_node(m, "Sum", "x b x", "y");
  check_model(m, false, "Sum of three");
  m = model();
  make_onnx_node(m, "Mul", "b b", "d"); /* rounded in float32 */
  make_onnx_node(m, "Add", "x d", "y");
  check_model(m, false, "a rounded constant");
  m = model();
  make_onnx_node(m, "Sigmoid", "x", "s");
  make_onnx_node(m, "Mul", "x s", "y");
  check_model(m, false, "a SILU in two nodes");
  m = model();
  make_onnx_node(m, "BatchNormalization", "x b b b c", "y");
  check_model(m, false, "BatchNormalization");
}
