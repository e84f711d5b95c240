/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators that move elements by lists of indices, sums, and operators of constants.
 */
#include <stdio.h>

#include "tests/support/lowered.h"

/* ---- picking and placing ------------------------------------------------- */

/* x = [[1, 2, 3], [4, 5, 6]] */
static MakeOnnx *two_by_three(void)
{
  return model(18, DIMS(2, 3));
}

Test(lower_pick, gathers_by_element)
{
  MakeOnnx *m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(2, 2), (int64_t[]){2, 0, -1, 1});
  make_onnx_attr_int(m, make_onnx_node(m, "GatherElements", "x i", "y"), "axis", 1);
  COMPUTES(m, 3, 1, 6, 5);
  m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(1, 3), (int64_t[]){1, 0, -1});
  make_onnx_node(m, "GatherElements", "x i", "y");
  COMPUTES(m, 4, 2, 6);
}

Test(lower_pick, gathers_slices)
{
  MakeOnnx *m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(2, 2), (int64_t[]){1, -1, 0, 1});
  make_onnx_node(m, "GatherND", "x i", "y");
  COMPUTES(m, 6, 2);
  m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(2, 1), (int64_t[]){1, -2});
  make_onnx_node(m, "GatherND", "x i", "y");
  COMPUTES(m, 4, 5, 6, 1, 2, 3);
  m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(2, 1), (int64_t[]){2, 0});
  make_onnx_attr_int(m, make_onnx_node(m, "GatherND", "x i", "y"), "batch_dims", 1);
  COMPUTES(m, 3, 4);
}

Test(lower_pick, scatters)
{
  MakeOnnx *m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(2, 1), (int64_t[]){2, 0});
  make_onnx_floats(m, "u", DIMS(2, 1), (float[]){-7, -8});
  make_onnx_attr_int(m, make_onnx_node(m, "ScatterElements", "x i u", "y"), "axis", 1);
  COMPUTES(m, 1, 2, -7, -8, 5, 6);
  m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(1, 1), (int64_t[]){-1});
  make_onnx_floats(m, "c", DIMS(1, 3), (float[]){0, 10, 0});
  make_onnx_ints(m, "one", DIMS(1));
  make_onnx_node(m, "Gather", "x one", "row");
  make_onnx_node(m, "Add", "row c", "u");
  make_onnx_node(m, "ScatterND", "x i u", "y");
  COMPUTES(m, 1, 2, 3, 4, 15, 6);
}

Test(lower_pick, refuses_wrong_indices)
{
  static const char *const ops[] = {"GatherElements", "GatherND", "ScatterElements",
                                    "ScatterND"};
  for (int k = 0; k < 4; k++)
    for (int i = 0; i < 2; i++) {
      MakeOnnx *m = two_by_three();
      make_onnx_int_tensor(m, "i", DIMS(1, 1), (int64_t[]){i ? INT64_MIN : 3});
      make_onnx_floats(m, "u", DIMS(1, k == 3 ? 3 : 1), (float[]){0, 0, 0});
      make_onnx_node(m, ops[k], k < 2 ? "x i" : "x i u", "y");
      char want[80];
      snprintf(want, sizeof want, "operator %s: index", ops[k]);
      refused(m, STATUS_DATA, want);
    }
}

Test(lower_pick, refuses_scatters_that_add_or_collide)
{
  MakeOnnx *m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(1, 2), (int64_t[]){0, 0});
  make_onnx_floats(m, "u", DIMS(1, 2), (float[]){1, 2});
  Onnx__NodeProto *v = make_onnx_node(m, "ScatterElements", "x i u", "y");
  make_onnx_attr_int(m, v, "axis", 1);
  refused(m, STATUS_UNSUPPORTED, "operator ScatterElements writes an element twice");
  m = two_by_three();
  make_onnx_int_tensor(m, "i", DIMS(1, 1), (int64_t[]){0});
  make_onnx_floats(m, "u", DIMS(1, 3), (float[]){1, 2, 3});
  v = make_onnx_node(m, "ScatterND", "x i u", "y");
  make_onnx_attr_string(m, v, "reduction", "add");
  refused(m, STATUS_UNSUPPORTED, "attribute reduction=add of operator ScatterND");
}

/* ---- blocks -------------------------------------------------------------- */

/* Four channels of one row [2]: 1 2 | 3 4 | 5 6 | 7 8. */
Test(lower_pick, moves_depth_to_space_and_back)
{
  for (int crd = 0; crd < 2; crd++) {
    MakeOnnx *m = model(13, DIMS(1, 4, 1, 2));
    Onnx__NodeProto *v = make_onnx_node(m, "DepthToSpace", "x", "y");
    make_onnx_attr_int(m, v, "blocksize", 2);
    make_onnx_attr_string(m, v, "mode", crd ? "CRD" : "DCR");
    COMPUTES(m, 1, 3, 2, 4, 5, 7, 6, 8);
  }
  /* Eight channels of one element: block before channel, or channel before block. */
  MakeOnnx *m = model(13, DIMS(1, 8, 1, 1));
  Onnx__NodeProto *v = make_onnx_node(m, "DepthToSpace", "x", "y");
  make_onnx_attr_int(m, v, "blocksize", 2);
  COMPUTES(m, 1, 3, 5, 7, 2, 4, 6, 8);
  m = model(13, DIMS(1, 1, 2, 4));
  make_onnx_attr_int(m, make_onnx_node(m, "SpaceToDepth", "x", "y"), "blocksize", 2);
  COMPUTES(m, 1, 3, 2, 4, 5, 7, 6, 8);
}

Test(lower_pick, refuses_blocks_that_do_not_fit)
{
  const int64_t sizes[] = {0, -2, 3, INT64_MAX};
  for (int k = 0; k < 4; k++)
    for (int back = 0; back < 2; back++) {
      MakeOnnx *m = model(13, DIMS(1, 4, 2, 2));
      Onnx__NodeProto *v =
          make_onnx_node(m, back ? "SpaceToDepth" : "DepthToSpace", "x", "y");
      make_onnx_attr_int(m, v, "blocksize", sizes[k]);
      refused(m, STATUS_DATA, back ? "operator SpaceToDepth" : "operator DepthToSpace");
    }
}

Test(lower_pick, keeps_triangles)
{
  MakeOnnx *m = two_by_three();
  make_onnx_node(m, "Trilu", "x", "y");
  COMPUTES(m, 1, 2, 3, 0, 5, 6);
  m = two_by_three();
  make_onnx_ints(m, "k", DIMS(-1));
  make_onnx_attr_int(m, make_onnx_node(m, "Trilu", "x k", "y"), "upper", 0);
  COMPUTES(m, 0, 0, 0, 4, 0, 0);
}

/* ---- Pad ----------------------------------------------------------------- */

Test(lower_pick, pads_by_repeating_the_tensor)
{
  static const char *const modes[] = {"edge", "reflect", "wrap"};
  const double want[3][7] = {
      {1, 1, 1, 2, 3, 3, 3}, {3, 2, 1, 2, 3, 2, 1}, {2, 3, 1, 2, 3, 1, 2}};
  for (int k = 0; k < 3; k++) {
    MakeOnnx *m = model(19, DIMS(3));
    make_onnx_ints(m, "p", DIMS(2, 2));
    make_onnx_attr_string(m, make_onnx_node(m, "Pad", "x p", "y"), "mode", modes[k]);
    computes(m, 7, want[k]);
    if (!k) continue;
    m = model(19, DIMS(3));
    make_onnx_ints(m, "p", DIMS(4, 0));
    make_onnx_attr_string(m, make_onnx_node(m, "Pad", "x p", "y"), "mode", modes[k]);
    refused(m, STATUS_UNSUPPORTED, "operator Pad: paddings of 4 and 0 for 3 elements");
  }
}

/* ---- sums ---------------------------------------------------------------- */

Test(lower_pick, sums_and_averages_operands)
{
  for (int mean = 0; mean < 2; mean++) {
    MakeOnnx *m = model(13, DIMS(2));
    make_onnx_floats(m, "c", DIMS(2, 1), (float[]){10, 20});
    make_onnx_node(m, mean ? "Mean" : "Sum", "x c x x", "y");
    const double d = mean ? 4 : 1;
    COMPUTES(m, 13 / d, 16 / d, 23 / d, 26 / d);
  }
}

Test(lower_pick, accumulates_in_both_directions)
{
  const double want[4][4] = {{1, 2, 4, 6}, {0, 0, 1, 2}, {4, 6, 3, 4}, {3, 4, 0, 0}};
  for (int k = 0; k < 4; k++) {
    MakeOnnx *m = model(14, DIMS(2, 2));
    make_onnx_ints(m, "axis", DIMS(-2));
    Onnx__NodeProto *v = make_onnx_node(m, "CumSum", "x axis", "y");
    make_onnx_attr_int(m, v, "exclusive", k % 2);
    make_onnx_attr_int(m, v, "reverse", k / 2);
    computes(m, 4, want[k]);
  }
}

/* ---- constants ----------------------------------------------------------- */

/* y = x + what the operator makes of a and b, as floats. */
static MakeOnnx *constant_op(const char *op, const char *in, int64_t mod)
{
  MakeOnnx *m = model(16, DIMS(1));
  make_onnx_floats(m, "a", DIMS(4), (float[]){-1.5f, 0.5f, 2.5f, 3});
  make_onnx_floats(m, "b", DIMS(4), (float[]){-1.5f, 2, 1, 4});
  make_onnx_ints(m, "i", DIMS(-7, 7, 6, 0));
  make_onnx_ints(m, "j", DIMS(3, -3, 4, 5));
  make_onnx_node(m, "Less", "a b", "s");
  make_onnx_node(m, "Greater", "i j", "t");
  Onnx__NodeProto *v = make_onnx_node(m, op, in, "c");
  if (mod >= 0) make_onnx_attr_int(m, v, "fmod", mod);
  make_onnx_attr_int(m, make_onnx_node(m, "Cast", "c", "f"), "to",
                     ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  make_onnx_ints(m, "all", DIMS(-1));
  make_onnx_node(m, "Reshape", "f all", "r");
  make_onnx_floats(m, "minus", 0, NULL, (float[]){1});
  make_onnx_node(m, "Sub", "x minus", "nothing");
  make_onnx_node(m, "Add", "nothing r", "y");
  return m;
}

Test(lower_pick, computes_with_constants)
{
  COMPUTES(constant_op("Ceil", "a", -1), -1, 1, 3, 3);
  COMPUTES(constant_op("Floor", "a", -1), -2, 0, 2, 3);
  COMPUTES(constant_op("Round", "a", -1), -2, 0, 2, 3);
  COMPUTES(constant_op("Equal", "a b", -1), 1, 0, 0, 0);
  COMPUTES(constant_op("Greater", "a b", -1), 0, 0, 1, 0);
  COMPUTES(constant_op("GreaterOrEqual", "a b", -1), 1, 0, 1, 0);
  COMPUTES(constant_op("Less", "a b", -1), 0, 1, 0, 1);
  COMPUTES(constant_op("LessOrEqual", "i j", -1), 1, 0, 0, 1);
  COMPUTES(constant_op("And", "s t", -1), 0, 1, 0, 0);
  COMPUTES(constant_op("Or", "s t", -1), 0, 1, 1, 1);
  COMPUTES(constant_op("Xor", "s t", -1), 0, 0, 1, 1);
  COMPUTES(constant_op("Not", "s", -1), 1, 0, 1, 0);
  COMPUTES(constant_op("Mod", "i j", 0), 2, -2, 2, 0);
  COMPUTES(constant_op("Mod", "i j", 1), -1, 1, 2, 0);
  COMPUTES(constant_op("Mod", "a b", 1), 0, 0.5, 0.5, 3);
  COMPUTES(constant_op("ArgMax", "a", -1), 3);
  COMPUTES(constant_op("ArgMin", "i", -1), 0);
  COMPUTES(constant_op("NonZero", "i", -1), 0, 1, 2);
  COMPUTES(constant_op("Size", "a", -1), 4);
}

Test(lower_pick, rounds_variables_up_and_down)
{
  for (int up = 0; up < 2; up++) {
    MakeOnnx *m = model(13, DIMS(4));
    make_onnx_floats(m, "c", DIMS(4), (float[]){-1.5f, -1.75f, -3, -3.5f});
    make_onnx_node(m, "Add", "x c", "h");
    make_onnx_node(m, up ? "Ceil" : "Floor", "h", "y");
    COMPUTES(m, up ? 0 : -1, up ? 1 : 0, 0, up ? 1 : 0);
  }
}

Test(lower_pick, refuses_variables_where_it_needs_constants)
{
  static const char *const ops[] = {"Round", "ArgMax", "ArgMin", "NonZero"};
  for (int k = 0; k < 4; k++) {
    MakeOnnx *m = model(13, DIMS(2));
    make_onnx_node(m, ops[k], "x", "y");
    char want[80];
    snprintf(want, sizeof want, "operator %s of a variable is not supported", ops[k]);
    refused(m, STATUS_UNSUPPORTED, want);
  }
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Less", "x x", "c");
  make_onnx_node(m, "Where", "c x x", "y");
  refused(m, STATUS_UNSUPPORTED, "operator Less of variables is not supported");
  refused(constant_op("Mod", "a b", 0), STATUS_DATA, "needs fmod=1");
}
