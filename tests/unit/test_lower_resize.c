/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resize and Upsample.  The expected values follow from the coordinates that the ONNX
 * page defines, by hand; x is always 1, 2, 3, ... */
#include <stdio.h>

#include "tests/support/lowered.h"

/* Resize of a line of n elements by a scale, or to a size when the scale is 0. */
static MakeOnnx *resized(int n, float scale, int size, const char *mode,
                         const char *coordinates, const char *rounding)
{
  MakeOnnx *m = model(19, DIMS(1, 1, n));
  make_onnx_floats(m, "scales", DIMS(3), (float[]){1, 1, scale});
  make_onnx_ints(m, "sizes", DIMS(1, 1, size));
  Onnx__NodeProto *v =
      make_onnx_node(m, "Resize", scale > 0 ? "x _ scales" : "x _ _ sizes", "y");
  make_onnx_attr_string(m, v, "mode", mode);
  if (coordinates)
    make_onnx_attr_string(m, v, "coordinate_transformation_mode", coordinates);
  if (rounding) make_onnx_attr_string(m, v, "nearest_mode", rounding);
  return m;
}

/* Twice the length: half_pixel reads -0.25, 0.25, 0.75, 1.25, ..., asymmetric reads
 * 0, 0.5, 1, 1.5, ... */
Test(lower_resize, doubles_with_every_rounding)
{
  COMPUTES(resized(2, 2, 0, "nearest", NULL, NULL), 1, 1, 2, 2);
  COMPUTES(resized(2, 2, 0, "nearest", "half_pixel", "floor"), 1, 1, 1, 2);
  COMPUTES(resized(2, 2, 0, "nearest", "half_pixel", "ceil"), 1, 2, 2, 2);
  COMPUTES(resized(2, 2, 0, "nearest", "asymmetric", "round_prefer_floor"), 1, 1, 2, 2);
  COMPUTES(resized(2, 2, 0, "nearest", "asymmetric", "round_prefer_ceil"), 1, 2, 2, 2);
  COMPUTES(resized(2, 2, 0, "nearest", "asymmetric", "floor"), 1, 1, 2, 2);
  COMPUTES(resized(2, 2, 0, "nearest", "tf_half_pixel_for_nn", "floor"), 1, 1, 2, 2);
  COMPUTES(resized(3, 0, 5, "nearest", "align_corners", "floor"), 1, 1, 2, 2, 3);
}

/* Four to two elements: half_pixel reads 0.5 and 2.5, asymmetric 0 and 2. */
Test(lower_resize, halves)
{
  COMPUTES(resized(4, 0.5f, 0, "nearest", "half_pixel", "round_prefer_floor"), 1, 3);
  COMPUTES(resized(4, 0.5f, 0, "nearest", "half_pixel", "round_prefer_ceil"), 2, 4);
  COMPUTES(resized(4, 0, 2, "linear", "half_pixel", NULL), 1.5, 3.5);
  COMPUTES(resized(4, 0, 2, "linear", "asymmetric", NULL), 1, 3);
  COMPUTES(resized(4, 0, 2, "linear", "align_corners", NULL), 1, 4);
  COMPUTES(resized(4, 0, 1, "linear", "pytorch_half_pixel", NULL), 1);
  COMPUTES(resized(4, 0, 1, "linear", "half_pixel", NULL), 2.5);
  COMPUTES(resized(4, 0, 1, "linear", "align_corners", NULL), 1);
}

Test(lower_resize, interpolates)
{
  COMPUTES(resized(2, 2, 0, "linear", "half_pixel", NULL), 1, 1.25, 1.75, 2);
  COMPUTES(resized(2, 2, 0, "linear", "asymmetric", NULL), 1, 1.5, 2, 2);
  COMPUTES(resized(3, 0, 5, "linear", "align_corners", NULL), 1, 1.5, 2, 2.5, 3);
  /* floor (2 * 2.25) = 4 elements of 4.5: the middle of both lengths coincides. */
  COMPUTES(resized(2, 2.25f, 0, "linear", "asymmetric", NULL), 1, 1 + 4 / 9.0,
           1 + 8 / 9.0, 2);
}

/* Element o reads (o + 1/2) / 2.25 - 1/2 + (1 - 4 / 4.5): thirds, enclosed. */
Test(lower_resize, encloses_its_coefficients)
{
  MakeOnnx *m = resized(2, 2.25f, 0, "linear", "half_pixel_symmetric", NULL);
  Net *net = loaded(m);
  double y[4];
  eval_double(net, (double[]){1, 2}, y);
  for (int o = 0; o < 4; o++) {
    const double c = (o + 0.5) / 2.25 - 0.5 + (1 - 4 / 4.5);
    cr_expect_float_eq(y[o], 1 + fmax(0, fmin(1, c)), 1e-14);
  }
  double worst = 0;
  for (int k = 0; k < net->n_nodes; k++)
    worst = fmax(worst, net->nodes[k].w_rel);
  cr_expect(worst > 0 && worst < 1e-12, "%g", worst);
  net_free(net);
}

/* Rows and columns: [[1, 2], [3, 4]] to 4 x 3, both axes named from the back. */
Test(lower_resize, resizes_planes_and_named_axes)
{
  MakeOnnx *m = model(18, DIMS(2, 2));
  make_onnx_ints(m, "sizes", DIMS(3, 4));
  Onnx__NodeProto *v = make_onnx_node(m, "Resize", "x _ _ sizes", "y");
  make_onnx_attr_ints(m, v, "axes", DIMS(-1, -2));
  make_onnx_attr_string(m, v, "mode", "linear");
  make_onnx_attr_string(m, v, "coordinate_transformation_mode", "align_corners");
  Net *net = loaded(m);
  double y[12];
  cr_assert_eq(net_out_size(net), 12);
  eval_double(net, (double[]){1, 2, 3, 4}, y);
  for (int i = 0; i < 12; i++)
    cr_expect_float_eq(y[i], 1 + 2 * (i / 3) / 3.0 + i % 3 / 2.0, 1e-14);
  net_free(net);
}

Test(lower_resize, reads_every_version)
{
  MakeOnnx *m = model(10, DIMS(1, 2));
  make_onnx_floats(m, "s", DIMS(2), (float[]){1, 2});
  make_onnx_node(m, "Resize", "x s", "y");
  COMPUTES(m, 1, 1, 2, 2);
  m = model(11, DIMS(1, 2));
  make_onnx_floats(m, "none", DIMS(0), NULL);
  make_onnx_ints(m, "sizes", DIMS(1, 4));
  make_onnx_node(m, "Resize", "x none none sizes", "y");
  COMPUTES(m, 1, 1, 2, 2);
  m = model(9, DIMS(1, 2));
  make_onnx_floats(m, "s", DIMS(2), (float[]){1, 3});
  make_onnx_attr_string(m, make_onnx_node(m, "Upsample", "x s", "y"), "mode", "linear");
  Net *net = loaded(m);
  double y[6];
  eval_double(net, (double[]){1, 2}, y);
  for (int o = 0; o < 6; o++)
    cr_expect_float_eq(y[o], fmin(2, 1 + o / 3.0), 1e-14);
  net_free(net);
}

/* The real coordinate of element 4 is 2.9999999, and 3 in float32. */
Test(lower_resize, refuses_where_rounding_decides)
{
  refused(resized(6, 1.3333334f, 0, "nearest", "asymmetric", "floor"),
          STATUS_UNSUPPORTED, "rounding decides which element is the nearest");
  MakeOnnx *m = model(10, DIMS(1, 5));
  make_onnx_floats(m, "s", DIMS(2), (float[]){1, 0.75f});
  make_onnx_node(m, "Resize", "x s", "y"); /* floor here, ceil there */
  refused(m, STATUS_UNSUPPORTED, "runtimes disagree");
}

Test(lower_resize, refuses_modes_it_does_not_know)
{
  refused(resized(2, 2, 0, "cubic", NULL, NULL), STATUS_UNSUPPORTED,
          "attribute mode=cubic of operator Resize");
  refused(resized(2, 2, 0, "nearest", "tf_crop_and_resize", NULL), STATUS_UNSUPPORTED,
          "attribute coordinate_transformation_mode=tf_crop_and_resize");
  refused(resized(2, 2, 0, "nearest", NULL, "simple"), STATUS_UNSUPPORTED,
          "attribute nearest_mode=simple");
  refused(resized(2, 2, 0, "linear", "tf_half_pixel_for_nn", NULL), STATUS_UNSUPPORTED,
          "is for mode=nearest only");
  static const char *const names[] = {"antialias", "exclude_outside"};
  for (int k = 0; k < 2; k++) {
    MakeOnnx *m = resized(2, 2, 0, "linear", NULL, NULL);
    make_onnx_attr_int(m, m->graph->node[0], names[k], 1);
    refused(m, STATUS_UNSUPPORTED, names[k]);
  }
}

Test(lower_resize, refuses_sizes_that_make_no_sense)
{
  const float scales[] = {-1, 0x1p30f, 1e-9f};
  for (int k = 0; k < 3; k++) {
    MakeOnnx *m = model(19, DIMS(1, 2));
    make_onnx_floats(m, "s", DIMS(2), (float[]){1, scales[k]});
    make_onnx_node(m, "Resize", "x _ s", "y");
    refused(m, STATUS_DATA, "operator Resize");
  }
  refused(resized(2, 0, 0, "nearest", NULL, NULL), STATUS_DATA, "a scale or size of 0");
  MakeOnnx *m = model(19, DIMS(1, 2));
  make_onnx_ints(m, "s", DIMS(INT64_MAX, 4));
  make_onnx_node(m, "Resize", "x _ _ s", "y");
  refused(m, STATUS_DATA, "operator Resize");
  m = model(19, DIMS(1, 2));
  make_onnx_ints(m, "s", DIMS(4));
  make_onnx_node(m, "Resize", "x _ _ s", "y");
  refused(m, STATUS_DATA, "one scale or size for each axis");
  m = model(19, DIMS(1, 2));
  make_onnx_node(m, "Resize", "x", "y");
  refused(m, STATUS_DATA, "either scales or sizes");
  m = model(19, DIMS(64, 64, 2));
  make_onnx_floats(m, "s", DIMS(3), (float[]){1 << 12, 1 << 12, 1 << 12});
  make_onnx_node(m, "Resize", "x _ s", "y");
  refused(m, STATUS_UNSUPPORTED, "its result is too large");
  m = model(9, DIMS(2, 2));
  make_onnx_node(m, "Upsample", "x", "y");
  refused(m, STATUS_DATA, "operator Upsample needs one list of scales");
}
