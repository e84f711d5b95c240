/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ONNX operators of one node each: what they become, what they compute, what is
 * refused. Long, because every operator has its lines; families have files of their
 * own. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "net/fold.h"
#include "net/shape.h"
#include "tests/support/lowered.h"

/* ---- products ------------------------------------------------------------ */

Test(lower, multiplies_by_a_matrix_on_the_right)
{
  MakeOnnx *m = model(13, DIMS(1, 3));
  make_onnx_floats(m, "w", DIMS(3, 2), (float[]){1, 2, 3, 4, 5, 6});
  make_onnx_node(m, "MatMul", "x w", "y");
  COMPUTES(m, 1 + 6 + 15, 2 + 8 + 18);
}

/* w x with x = [[1, 2], [3, 4]] */
Test(lower, multiplies_by_a_matrix_on_the_left)
{
  MakeOnnx *m = model(13, DIMS(2, 2));
  make_onnx_floats(m, "w", DIMS(3, 2), (float[]){1, 2, 3, 4, 5, 6});
  make_onnx_node(m, "MatMul", "w x", "y");
  COMPUTES(m, 7, 10, 15, 22, 23, 34);
}

Test(lower, multiplies_batches_by_their_own_matrices)
{
  MakeOnnx *m = model(13, DIMS(2, 1, 2));
  make_onnx_floats(m, "w", DIMS(2, 2, 1), (float[]){1, 10, 100, 1000});
  make_onnx_node(m, "MatMul", "x w", "y");
  COMPUTES(m, 21, 4300);
}

Test(lower, fuses_an_added_vector_into_the_bias)
{
  MakeOnnx *m = model(13, DIMS(1, 2));
  make_onnx_floats(m, "w", DIMS(2, 2), (float[]){1, 2, 3, 4});
  make_onnx_floats(m, "b", DIMS(2), (float[]){0.5f, -1});
  make_onnx_node(m, "MatMul", "x w", "h");
  make_onnx_node(m, "Add", "b h", "y");
  Net *net = loaded(m);
  cr_assert_eq(net->n_nodes, 2);
  cr_expect(net->nodes[1].kind == NODE_DENSE && net->nodes[1].b[1] == -1);
  net_free(net);
}

/* The product is also an output: its bias must not change. */
Test(lower, does_not_fuse_where_the_product_is_used_twice)
{
  MakeOnnx *m = model(13, DIMS(1, 1));
  make_onnx_floats(m, "w", DIMS(1, 1), (float[]){3});
  make_onnx_floats(m, "b", DIMS(1), (float[]){5});
  make_onnx_node(m, "MatMul", "x w", "h");
  make_onnx_node(m, "Add", "h b", "y");
  make_onnx_output(m, "h");
  COMPUTES(m, 8, 3);
}

/* 2 x^T w^T + 3 c: x = [[1, 2], [3, 4]], w = [[1, 2], [0, 1]], c = [[1], [-1]] */
Test(lower, knows_every_attribute_of_gemm)
{
  MakeOnnx *m = model(13, DIMS(2, 2));
  make_onnx_floats(m, "w", DIMS(2, 2), (float[]){1, 2, 0, 1});
  make_onnx_floats(m, "c", DIMS(2, 1), (float[]){1, -1});
  Onnx__NodeProto *node = make_onnx_node(m, "Gemm", "x w c", "y");
  make_onnx_attr_int(m, node, "transA", 1);
  make_onnx_attr_int(m, node, "transB", 1);
  make_onnx_attr_float(m, node, "alpha", 2);
  make_onnx_attr_float(m, node, "beta", 3);
  COMPUTES(m, 2 * 7 + 3, 2 * 3 + 3, 2 * 10 - 3, 2 * 4 - 3);
}

Test(lower, encloses_weights_that_a_factor_makes_inexact)
{
  MakeOnnx *m = model(13, DIMS(1, 1));
  make_onnx_floats(m, "w", DIMS(1, 1), (float[]){0.1f});
  make_onnx_attr_float(m, make_onnx_node(m, "Gemm", "x w", "y"), "alpha", 0.3f);
  Net *net = loaded(m);
  /* Two float32 factors have an exact product in double. */
  cr_expect_eq(net->nodes[1].w_rel, 0);
  cr_expect_eq(net->nodes[1].W[0], (double)0.1f * (double)0.3f);
  net_free(net);
}

/* ---- elementwise --------------------------------------------------------- */

Test(lower, broadcasts_constants_like_numpy)
{
  MakeOnnx *m = model(13, DIMS(2, 1));
  make_onnx_floats(m, "c", DIMS(3), (float[]){10, 20, 30});
  make_onnx_node(m, "Sub", "c x", "y");
  COMPUTES(m, 9, 19, 29, 8, 18, 28);
}

Test(lower, adds_variables_of_different_shapes)
{
  MakeOnnx *m = model(13, DIMS(2, 2));
  make_onnx_node(m, "Transpose", "x", "t");
  make_onnx_node(m, "Sub", "x t", "y");
  COMPUTES(m, 0, -1, 1, 0);
  m = model(13, DIMS(2));
  make_onnx_input(m, "z", DIMS(2, 1));
  make_onnx_node(m, "Add", "x z", "y");
  COMPUTES(m, 4, 5, 5, 6);
}

Test(lower, doubles_and_cancels_a_variable)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Add", "x x", "a");
  make_onnx_node(m, "Sub", "x x", "b");
  make_onnx_node(m, "Add", "a b", "y");
  COMPUTES(m, 2, 4);
}

/* The quotient is enclosed, and |1/3 - fl (1/3)| is about 2^-54 / 3. */
Test(lower, encloses_a_division)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(2), (float[]){3, 4});
  make_onnx_node(m, "Div", "x c", "y");
  Net *net = loaded(m);
  const Node *v = net_output(net);
  cr_expect_eq(v->scale[1], 0.25);
  cr_expect(v->w_rel >= 0x1p-56 && v->w_rel < 0x1p-51, "%g", v->w_rel);
  const long double miss = fabsl(1.0L / 3 - (long double)v->scale[0]);
  cr_expect(miss <= (long double)(v->w_rel * v->scale[0]));
  net_free(net);
  m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(2), (float[]){0.5f, 4});
  make_onnx_node(m, "Div", "x c", "y");
  net = loaded(m);
  cr_expect_eq(net_output(net)->w_rel, 0);
  net_free(net);
}

Test(lower, refuses_a_division_by_zero)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(2), (float[]){3, 0});
  make_onnx_node(m, "Div", "x c", "y");
  refused(m, STATUS_DATA, "divides by 0");
}

/* Per channel s x + t with s = g / sqrt (v + e), t = b - mean s, in long double. */
Test(lower, encloses_batch_normalisation)
{
  const float g[2] = {1.7f, -0.3f}, b[2] = {0.1f, 2}, mean[2] = {-0.4f, 5},
              var[2] = {0.9f, 1e-3f};
  MakeOnnx *m = model(13, DIMS(1, 2, 2));
  make_onnx_floats(m, "g", DIMS(2), g);
  make_onnx_floats(m, "b", DIMS(2), b);
  make_onnx_floats(m, "m", DIMS(2), mean);
  make_onnx_floats(m, "v", DIMS(2), var);
  make_onnx_attr_float(m, make_onnx_node(m, "BatchNormalization", "x g b m v", "y"),
                       "epsilon", 1e-3f);
  Net *net = loaded(m);
  const Node *n = net_output(net);
  cr_assert(n->kind == NODE_SCALE && n->scale && n->shift && n->b_err);
  cr_expect(n->w_rel < 1e-14);
  for (int i = 0; i < 4; i++) {
    const int c = i / 2;
    const long double s =
        (long double)g[c] / sqrtl((long double)var[c] + (long double)1e-3f);
    const long double t = (long double)b[c] - (long double)mean[c] * s;
    cr_expect(fabsl(s - (long double)n->scale[i]) <=
              (long double)(n->w_rel * fabs(n->scale[i])));
    cr_expect(fabsl(t - (long double)n->shift[i]) <= (long double)n->b_err[i]);
    cr_expect(n->b_err[i] < 1e-12);
  }
  net_free(net);
}

/* ---- convolutions -------------------------------------------------------- */

/* 2 x 2 window of 1, 10, 100, 1000 over [[1, 2, 3], [4, 5, 6], [7, 8, 9]]. */
Test(lower, convolves)
{
  MakeOnnx *m = model(13, DIMS(1, 1, 3, 3));
  make_onnx_floats(m, "w", DIMS(1, 1, 2, 2), (float[]){1, 10, 100, 1000});
  make_onnx_floats(m, "b", DIMS(1), (float[]){0.5f});
  make_onnx_node(m, "Conv", "x w b", "y");
  COMPUTES(m, 5421.5, 6532.5, 8754.5, 9865.5);
}

/* SAME_LOWER puts the odd row of padding in front, SAME_UPPER behind. */
Test(lower, pads_automatically_on_the_right_side)
{
  for (int upper = 0; upper < 2; upper++) {
    MakeOnnx *m = model(13, DIMS(1, 1, 3));
    make_onnx_floats(m, "w", DIMS(1, 1, 2), (float[]){1, 10});
    make_onnx_attr_string(m, make_onnx_node(m, "Conv", "x w", "y"), "auto_pad",
                          upper ? "SAME_UPPER" : "SAME_LOWER");
    if (upper)
      COMPUTES(m, 21, 32, 3);
    else
      COMPUTES(m, 10, 21, 32);
  }
}

Test(lower, convolves_every_image_of_a_batch)
{
  MakeOnnx *m = model(13, DIMS(2, 2, 2));
  make_onnx_floats(m, "w", DIMS(1, 2, 1), (float[]){1, 10});
  make_onnx_node(m, "Conv", "x w", "y");
  COMPUTES(m, 31, 42, 75, 86);
}

Test(lower, averages_with_and_without_padding)
{
  for (int count = 0; count < 2; count++) {
    MakeOnnx *m = model(13, DIMS(1, 1, 2));
    Onnx__NodeProto *node = make_onnx_node(m, "AveragePool", "x", "y");
    make_onnx_attr_ints(m, node, "kernel_shape", DIMS(2));
    make_onnx_attr_ints(m, node, "pads", DIMS(1, 1));
    make_onnx_attr_int(m, node, "count_include_pad", count);
    if (count)
      COMPUTES(m, 0.5, 1.5, 1);
    else
      COMPUTES(m, 1, 1.5, 2);
  }
}

/* Windows at -2, 0, 2, then at 1, 3, 5, of 1, 2, 3, 4. */
Test(lower, averages_with_strides_and_dilations)
{
  MakeOnnx *m = model(19, DIMS(1, 1, 4));
  Onnx__NodeProto *node = make_onnx_node(m, "AveragePool", "x", "y");
  make_onnx_attr_ints(m, node, "kernel_shape", DIMS(3));
  make_onnx_attr_ints(m, node, "strides", DIMS(3));
  make_onnx_attr_ints(m, node, "dilations", DIMS(2));
  make_onnx_attr_ints(m, node, "pads", DIMS(2, 2));
  COMPUTES(m, (1 + 3) / 2.0, (2 + 4) / 2.0);
}

/* Few bytes, a million windows of a million positions each: no loop over both. */
Test(lower, counts_huge_windows_at_once)
{
  MakeOnnx *m = model(13, DIMS(1, 1, 1));
  Onnx__NodeProto *node = make_onnx_node(m, "AveragePool", "x", "y");
  make_onnx_attr_ints(m, node, "kernel_shape", DIMS(1 << 20));
  make_onnx_attr_ints(m, node, "pads", DIMS((1 << 20) - 1, (1 << 20) - 1));
  const double start = clock_now();
  Net *net = loaded(m);
  cr_expect_lt(clock_now() - start, 20);
  const Node *v = net_output(net);
  cr_assert_eq(v->size, 1 << 20);
  net_free(net);
}

Test(lower, refuses_windows_and_results_that_are_too_large)
{
  MakeOnnx *m = model(13, DIMS(1, 8, 1));
  Onnx__NodeProto *node = make_onnx_node(m, "AveragePool", "x", "y");
  make_onnx_attr_ints(m, node, "kernel_shape", DIMS(1 << 22));
  make_onnx_attr_ints(m, node, "pads", DIMS(0, 1 << 22));
  refused(m, STATUS_UNSUPPORTED, "operator AveragePool: its window is too large");
  m = model(13, DIMS(1, 1, 1, 1));
  node = make_onnx_node(m, "AveragePool", "x", "y");
  make_onnx_attr_ints(m, node, "kernel_shape", DIMS(1, 1));
  make_onnx_attr_ints(m, node, "pads", DIMS(0, 0, 8191, 8191));
  refused(m, STATUS_UNSUPPORTED, "operator AveragePool: its result is too large");
}

Test(lower, refuses_automatic_padding_with_dilations)
{
  for (int pool = 0; pool < 2; pool++) {
    MakeOnnx *m = model(19, DIMS(1, 1, 9));
    make_onnx_floats(m, "w", DIMS(1, 1, 3), (float[]){1, 2, 3});
    Onnx__NodeProto *node =
        make_onnx_node(m, pool ? "AveragePool" : "Conv", pool ? "x" : "x w", "y");
    make_onnx_attr_ints(m, node, "kernel_shape", DIMS(3));
    make_onnx_attr_ints(m, node, "dilations", DIMS(2));
    make_onnx_attr_string(m, node, "auto_pad", pool ? "SAME_LOWER" : "SAME_UPPER");
    refused(m, STATUS_UNSUPPORTED, "attribute auto_pad=SAME_");
  }
}

Test(lower, averages_whole_planes)
{
  MakeOnnx *m = model(13, DIMS(1, 2, 2, 2));
  make_onnx_node(m, "GlobalAveragePool", "x", "y");
  COMPUTES(m, 2.5, 6.5);
}

Test(lower, sums_over_any_axis)
{
  MakeOnnx *m = model(11, DIMS(2, 2, 2));
  Onnx__NodeProto *node = make_onnx_node(m, "ReduceSum", "x", "y");
  make_onnx_attr_ints(m, node, "axes", DIMS(0, -1));
  make_onnx_attr_int(m, node, "keepdims", 0);
  COMPUTES(m, 1 + 2 + 5 + 6, 3 + 4 + 7 + 8);
}

/* ---- moving elements ----------------------------------------------------- */

Test(lower, slices_backward_and_to_the_end)
{
  MakeOnnx *m = model(13, DIMS(2, 3));
  make_onnx_ints(m, "starts", DIMS(-1, 1));
  make_onnx_ints(m, "ends", DIMS(INT64_MIN, INT64_MAX));
  make_onnx_ints(m, "axes", DIMS(0, 1));
  make_onnx_ints(m, "steps", DIMS(-1, 1));
  make_onnx_node(m, "Slice", "x starts ends axes steps", "y");
  COMPUTES(m, 5, 6, 2, 3);
}

Test(lower, mixes_constants_and_variables_in_a_concatenation)
{
  MakeOnnx *m = model(13, DIMS(2, 1));
  make_onnx_floats(m, "c", DIMS(2, 2), (float[]){0.5f, 0, 7, 8});
  make_onnx_attr_int(m, make_onnx_node(m, "Concat", "c x", "y"), "axis", 1);
  COMPUTES(m, 0.5, 0, 1, 7, 8, 2);
}

Test(lower, pads_with_any_number)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_ints(m, "pads", DIMS(1, 2));
  make_onnx_floats(m, "v", 0, NULL, (float[]){-3});
  make_onnx_node(m, "Pad", "x pads v", "y");
  COMPUTES(m, -3, 1, 2, -3, -3);
}

Test(lower, splits_and_gathers)
{
  MakeOnnx *m = model(13, DIMS(5));
  make_onnx_ints(m, "sizes", DIMS(2, 3));
  make_onnx_ints(m, "idx", DIMS(-1, 0));
  make_onnx_node(m, "Split", "x sizes", "a b");
  make_onnx_node(m, "Gather", "b idx", "c");
  make_onnx_attr_int(m, make_onnx_node(m, "Concat", "c a", "y"), "axis", 0);
  COMPUTES(m, 5, 3, 1, 2);
}

Test(lower, makes_one_map_of_many)
{
  MakeOnnx *m = model(13, DIMS(2, 3));
  make_onnx_node(m, "Transpose", "x", "a");
  make_onnx_node(m, "Flatten", "a", "b");
  make_onnx_node(m, "Transpose", "b", "c");
  make_onnx_node(m, "Transpose", "c", "d");
  make_onnx_node(m, "Identity", "d", "y");
  Net *net = loaded(m);
  cr_expect_eq(net->n_nodes, 2);
  cr_expect_eq(count_kind(net, NODE_MAP), 1);
  net_free(net);
}

/* Shape -> Gather -> Unsqueeze -> Concat -> Reshape, as exporters write "flatten". */
Test(lower, folds_the_shape_arithmetic_of_exporters)
{
  MakeOnnx *m = model(11, DIMS(-1, 2, 3));
  make_onnx_node(m, "Shape", "x", "s");
  Onnx__TensorProto *zero = make_onnx_ints(m, "zero", DIMS(0));
  zero->n_dims = 0;
  make_onnx_ints(m, "rest", DIMS(-1));
  make_onnx_node(m, "Gather", "s zero", "batch");
  make_onnx_attr_ints(m, make_onnx_node(m, "Unsqueeze", "batch", "b1"), "axes",
                      DIMS(0));
  make_onnx_attr_int(m, make_onnx_node(m, "Concat", "b1 rest", "target"), "axis", 0);
  make_onnx_node(m, "Reshape", "x target", "r");
  make_onnx_node(m, "Relu", "r", "y");
  Net *net = loaded(m);
  cr_expect_eq(net_output(net)->rank, 2);
  cr_expect_eq(net_output(net)->dims[1], 6);
  cr_expect_eq(net->n_nodes, 3); /* the input, its copy for the Relu, the Relu */
  net_free(net);
}

Test(lower, folds_integers_exactly_or_not_at_all)
{
  MakeOnnx *m = model(13, DIMS(4));
  make_onnx_ints(m, "a", DIMS(-7));
  make_onnx_ints(m, "b", DIMS(2));
  make_onnx_ints(m, "one", DIMS(1));
  make_onnx_node(m, "Div", "a b", "q"); /* truncates: -3 */
  make_onnx_node(m, "Add", "q one", "start");
  make_onnx_ints(m, "end", DIMS(INT64_MAX));
  make_onnx_node(m, "Slice", "x start end", "y");
  COMPUTES(m, 3, 4);
  m = model(13, DIMS(4));
  make_onnx_ints(m, "big", DIMS(INT64_MAX));
  make_onnx_ints(m, "one", DIMS(-1));
  make_onnx_node(m, "Add", "big one", "end");
  make_onnx_node(m, "Slice", "x one end", "y");
  refused(m, STATUS_UNSUPPORTED, "overflows");
}

Test(lower, chooses_by_a_constant_condition)
{
  MakeOnnx *m = model(13, DIMS(3));
  make_onnx_ints(m, "a", DIMS(1, 2, 3));
  make_onnx_ints(m, "b", DIMS(2));
  make_onnx_floats(m, "f", DIMS(1), (float[]){-4});
  make_onnx_node(m, "Equal", "a b", "c");
  make_onnx_node(m, "Where", "c x f", "y");
  COMPUTES(m, -4, 2, -4);
}

Test(lower, refuses_to_negate_integers_it_does_not_know)
{
  MakeOnnx *m = model(13, DIMS(4));
  make_onnx_ints(m, "big", DIMS(INT64_MAX));
  make_onnx_ints(m, "one", DIMS(1));
  make_onnx_node(m, "Neg", "big", "start");
  make_onnx_node(m, "Slice", "x start one", "y");
  refused(m, STATUS_UNSUPPORTED, "operator Neg of these constants overflows");
  int32_t low = INT32_MIN; /* which has no negative */
  m = model(13, DIMS(4));
  Onnx__TensorProto *t = make_onnx_ints(m, "low", DIMS(0));
  t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
  t->n_int64_data = 0;
  t->n_int32_data = 1;
  t->int32_data = &low;
  make_onnx_ints(m, "one", DIMS(1));
  make_onnx_node(m, "Neg", "low", "end");
  make_onnx_node(m, "Slice", "x one end", "y");
  refused(m, STATUS_UNSUPPORTED, "operator Neg of these constants overflows");
  m = model(13, DIMS(4));
  make_onnx_ints(m, "two", DIMS(2));
  make_onnx_ints(m, "end", DIMS(INT64_MAX));
  make_onnx_node(m, "Neg", "two", "start");
  make_onnx_node(m, "Slice", "x start end", "y");
  COMPUTES(m, 3, 4);
}

/* ---- where rounding could jump ------------------------------------------- */

/* x of shape [1, 2] and the stored constants c = 2.5, k = 3 and odd = 2^24 + 1. */
static MakeOnnx *jumping(void)
{
  MakeOnnx *m = model(13, DIMS(1, 2));
  make_onnx_floats(m, "c", 0, NULL, (float[]){2.5f});
  make_onnx_floats(m, "k", 0, NULL, (float[]){3});
  make_onnx_ints(m, "odd", DIMS((1 << 24) + 1));
  return m;
}

/* y = x times what the operator makes of c, k and r. */
static void jump(MakeOnnx *m, const char *op)
{
  if (!strcmp(op, "Floor")) {
    make_onnx_node(m, "Floor", "c", "f");
  } else if (!strcmp(op, "Cast")) {
    make_onnx_attr_int(m, make_onnx_node(m, "Cast", "c", "i"), "to",
                       ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    make_onnx_attr_int(m, make_onnx_node(m, "Cast", "i", "f"), "to",
                       ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  } else if (!strcmp(op, "Equal")) {
    make_onnx_node(m, "Equal", "c k", "b");
    make_onnx_node(m, "Where", "b c k", "f");
  } else {
    make_onnx_node(m, "Range", "k r k", "f");
  }
  make_onnx_node(m, "Mul", "x f", "y");
}

static const char *const jumps[] = {"Floor", "Cast", "Equal", "Range"};

Test(lower, jumps_at_stored_constants)
{
  const double factor[] = {2, 2, 3, 3};
  for (int k = 0; k < 4; k++) {
    MakeOnnx *m = jumping();
    make_onnx_floats(m, "r", 0, NULL, (float[]){4});
    jump(m, jumps[k]);
    COMPUTES(m, factor[k], 2 * factor[k]);
  }
}

/* Results that are float32 numbers are what ONNX computes. */
Test(lower, jumps_at_constants_computed_without_rounding)
{
  MakeOnnx *m = jumping();
  make_onnx_node(m, "Mul", "c c", "h");
  make_onnx_node(m, "Floor", "h", "f");
  make_onnx_node(m, "Mul", "x f", "y");
  COMPUTES(m, 6, 12);
}

/* 0.04f * 25 is below 1, but ONNX rounds it to 1. */
Test(lower, refuses_to_jump_at_a_rounded_product)
{
  MakeOnnx *m = model(13, DIMS(1, 2));
  make_onnx_floats(m, "a", 0, NULL, (float[]){0.04f});
  make_onnx_floats(m, "b", 0, NULL, (float[]){25});
  make_onnx_node(m, "Mul", "a b", "c");
  make_onnx_node(m, "Floor", "c", "f");
  make_onnx_node(m, "Mul", "x f", "y");
  refused(m, STATUS_UNSUPPORTED,
          "operator Floor of a computed floating-point constant is not supported");
}

/* Every source of drift against every operator that can jump.  The constant d that
 * drifts is not the one at which the operator would jump. */
Test(lower, refuses_to_jump_once_any_constant_has_drifted)
{
  double tenth = 0.1;
  for (int k = 0; k < 16; k++) {
    MakeOnnx *m = jumping();
    make_onnx_floats(m, "r", 0, NULL, (float[]){4});
    const int source = k / 4;
    if (source == 0) {
      make_onnx_node(m, "Div", "c k", "d");
    } else if (source == 1) {
      make_onnx_attr_int(m, make_onnx_node(m, "Cast", "odd", "d"), "to",
                         ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    } else if (source == 2) { /* 2^24 + 1 - 2^24: every sum is a float32 */
      make_onnx_floats(m, "u", DIMS(1, 3), (float[]){0x1p24f, 1, -0x1p24f});
      make_onnx_floats(m, "v", DIMS(3, 1), (float[]){1, 1, 1});
      make_onnx_node(m, "MatMul", "u v", "d");
    } else {
      Onnx__TensorProto *t = make_onnx_floats(m, "w", 0, NULL, (float[]){0});
      t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
      t->n_float_data = 0;
      t->n_double_data = 1;
      t->double_data = &tenth;
      make_onnx_attr_int(m, make_onnx_node(m, "Cast", "w", "d"), "to",
                         ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    }
    jump(m, jumps[k % 4]);
    make_onnx_node(m, "Add", "x d", "z");
    make_onnx_output(m, "z");
    char want[64];
    snprintf(want, sizeof want, "operator %s of a computed floating", jumps[k % 4]);
    refused(m, STATUS_UNSUPPORTED, want);
  }
}

Test(lower, refuses_to_jump_after_batch_normalisation)
{
  MakeOnnx *m = jumping();
  make_onnx_floats(m, "g", DIMS(2), (float[]){1, 1});
  make_onnx_node(m, "BatchNormalization", "x g g g g", "z");
  make_onnx_output(m, "z");
  jump(m, "Floor");
  refused(m, STATUS_UNSUPPORTED, "operator Floor of a computed floating");
}

Test(lower, computes_with_integers_after_a_drift)
{
  MakeOnnx *m = jumping();
  make_onnx_node(m, "Div", "x k", "z");
  make_onnx_ints(m, "a", DIMS(7));
  make_onnx_ints(m, "b", DIMS(7));
  make_onnx_node(m, "Equal", "a b", "same");
  make_onnx_node(m, "Where", "same x z", "y");
  COMPUTES(m, 1, 2);
}

/* float32 cannot count beyond 2^24. */
Test(lower, refuses_ranges_that_float32_would_round)
{
  MakeOnnx *m = model(13, DIMS(1));
  make_onnx_floats(m, "a", 0, NULL, (float[]){1});
  make_onnx_floats(m, "b", 0, NULL, (float[]){0x1p25f + 4});
  make_onnx_floats(m, "s", 0, NULL, (float[]){0x1p24f});
  make_onnx_node(m, "Range", "a b s", "r");
  make_onnx_node(m, "Add", "x r", "y");
  refused(m, STATUS_UNSUPPORTED, "operator Range is supported for integers only");
}

/* ---- inputs and outputs -------------------------------------------------- */

Test(lower, joins_inputs_and_outputs_in_order)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "a", DIMS(2));
  make_onnx_input(m, "b", DIMS(1, 2));
  make_onnx_node(m, "Neg", "b", "nb");
  make_onnx_node(m, "Relu", "a", "ra");
  make_onnx_output(m, "nb");
  make_onnx_output(m, "ra");
  make_onnx_output(m, "a");
  COMPUTES(m, -3, -4, 1, 2, 1, 2);
}

Test(lower, copies_an_input_that_is_the_output)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Identity", "x", "y");
  COMPUTES(m, 1, 2);
}

Test(lower, drops_what_no_output_needs)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Softmax", "x", "unused");
  make_onnx_node(m, "Relu", "x", "y");
  Net *net = loaded(m);
  cr_expect_eq(net->n_nodes, 3);
  net_free(net);
}

Test(lower, loads_an_output_without_input)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(3), (float[]){1, 0, -2.5f});
  make_onnx_node(m, "Identity", "c", "y");
  COMPUTES(m, 1, 0, -2.5);
}

Test(lower, refuses_open_dimensions_other_than_the_batch)
{
  MakeOnnx *m = model(13, DIMS(1, -1));
  make_onnx_node(m, "Relu", "x", "y");
  refused(m, STATUS_UNSUPPORTED, "dimension 1 is not fixed");
}

/* ---- what is not supported ----------------------------------------------- */

Test(lower, lists_everything_that_is_not_supported)
{
  MakeOnnx *m = model(13, DIMS(1, 2));
  make_onnx_floats(m, "w", DIMS(2, 2), (float[]){1, 2, 3, 4});
  make_onnx_node(m, "Frobnicate", "x", "a");
  make_onnx_node(m, "Relu", "a", "b");
  Onnx__NodeProto *gemm = make_onnx_node(m, "Gemm", "x w", "c");
  make_onnx_attr_int(m, gemm, "fancy", 3);
  make_onnx_node(m, "Pow", "x x", "d");
  char domain[] = "com.example";
  make_onnx_node(m, "Relu", "d", "e")->domain = domain;
  make_onnx_attr_int(m, make_onnx_node(m, "Concat", "b c e", "y"), "axis", 1);
  Err err = {0};
  cr_assert_null(make_onnx_load(m, &err));
  cr_expect_eq(err.code, STATUS_UNSUPPORTED);
  cr_expect_str_eq(
      err.text,
      "test.onnx: node 'node 0': operator Frobnicate is not supported\n"
      "test.onnx: node 'node 2': attribute fancy=3 of operator Gemm is not supported\n"
      "test.onnx: node 'node 3': operator Pow: its exponent must be a constant\n"
      "test.onnx: node 'node 4': operator com.example.Relu is not supported");
  status_reset(&err);
  make_onnx_free(m);
}

Test(lower, refuses_attributes_of_the_wrong_type)
{
  MakeOnnx *m = model(13, DIMS(2, 2));
  make_onnx_attr_float(m, make_onnx_node(m, "Flatten", "x", "y"), "axis", 1);
  refused(m, STATUS_DATA, "attribute axis of operator Flatten has the wrong type");
}

Test(lower, refuses_modes_it_does_not_know)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_ints(m, "pads", DIMS(1, 0));
  make_onnx_attr_string(m, make_onnx_node(m, "Pad", "x pads", "y"), "mode", "mirror");
  refused(m, STATUS_UNSUPPORTED, "attribute mode=mirror of operator Pad");
}

Test(lower, refuses_missing_operands)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Add", "x _", "y");
  refused(m, STATUS_DATA, "its input 2 is missing");
  m = model(13, DIMS(2));
  make_onnx_node(m, "Add", "x", "y");
  refused(m, STATUS_DATA, "needs 2 inputs, found 1");
}

Test(lower, refuses_shapes_that_do_not_match)
{
  MakeOnnx *m = model(13, DIMS(1, 3));
  make_onnx_floats(m, "w", DIMS(2, 2), (float[]){1, 2, 3, 4});
  make_onnx_node(m, "MatMul", "x w", "y");
  refused(m, STATUS_DATA, "the shapes [1, 3] and [2, 2] do not match");
  m = model(13, DIMS(4));
  make_onnx_ints(m, "s", DIMS(3, -1));
  make_onnx_node(m, "Reshape", "x s", "y");
  refused(m, STATUS_DATA, "do not fit");
  m = model(13, DIMS(4));
  make_onnx_ints(m, "i", DIMS(4));
  make_onnx_node(m, "Gather", "x i", "y");
  refused(m, STATUS_DATA, "index 4 of 4 elements");
}

/* As an attribute and as an operand: no axis, or all of them? */
Test(lower, refuses_to_squeeze_nothing)
{
  MakeOnnx *m = model(11, DIMS(1, 2));
  make_onnx_attr_ints(m, make_onnx_node(m, "Squeeze", "x", "y"), "axes", 0, NULL);
  refused(m, STATUS_UNSUPPORTED, "operator Squeeze with an empty list of axes");
  m = model(13, DIMS(1, 2));
  make_onnx_ints(m, "axes", 0, NULL);
  make_onnx_node(m, "Squeeze", "x axes", "y");
  refused(m, STATUS_UNSUPPORTED, "operator Squeeze with an empty list of axes");
  m = model(13, DIMS(1, 2));
  make_onnx_node(m, "Squeeze", "x", "y");
  COMPUTES(m, 1, 2);
}

Test(lower, refuses_operators_without_what_they_need)
{
  MakeOnnx *m = model(13, DIMS(1, 2));
  make_onnx_node(m, "Concat", "x x", "y");
  refused(m, STATUS_DATA, "node 'node 0': operator Concat needs the attribute axis");
  m = model(13, DIMS(2));
  make_onnx_node(m, "Slice", "x", "y");
  refused(m, STATUS_DATA, "node 'node 0': operator Slice needs starts and ends");
  m = model(9, DIMS(2));
  make_onnx_attr_ints(m, make_onnx_node(m, "Slice", "x", "y"), "ends", 0, NULL);
  refused(m, STATUS_DATA, "node 'node 0': operator Slice needs starts and ends");
}

/* Four thousand rows and columns of zeros: a few bytes. */
Test(lower, refuses_large_products_of_constants)
{
  MakeOnnx *m = model(13, DIMS(4096, 1));
  make_onnx_ints(m, "s", DIMS(4096, 4096));
  make_onnx_node(m, "ConstantOfShape", "s", "z");
  make_onnx_node(m, "MatMul", "z z", "p");
  make_onnx_node(m, "MatMul", "p x", "y");
  refused(m, STATUS_UNSUPPORTED,
          "operator MatMul: the products of constants are too large");
}

Test(lower, refuses_results_that_are_too_large)
{
  MakeOnnx *m = model(13, DIMS(1));
  make_onnx_ints(m, "s", DIMS(1 << 20, 1 << 20));
  make_onnx_node(m, "Expand", "x s", "y");
  refused(m, STATUS_DATA, "Expand");
  m = model(13, DIMS(2));
  make_onnx_ints(m, "s", DIMS(INT64_MAX));
  make_onnx_node(m, "Tile", "x s", "y");
  refused(m, STATUS_DATA, "Tile");
}

/* Each node alone is allowed.  The second model only has stand-ins for what is refused
 * anyway: it must end all the same. */
Test(lower, refuses_results_that_are_too_large_together)
{
  char in[16] = "x", out[16];
  MakeOnnx *m = model(13, DIMS(1 << 20)), *n = model(13, DIMS(1 << 20));
  /* A stored number that is used allows a little more. */
  make_onnx_floats(m, "w", DIMS(1), (float[]){1});
  make_onnx_node(m, "Mul", "x w", "scaled");
  for (int k = 0; k < 1000; k++) {
    snprintf(out, sizeof out, k < 999 ? "v%d" : "y", k);
    make_onnx_node(m, "Neg", k ? in : "scaled", out);
    make_onnx_node(n, "Atan", in, out);
    memcpy(in, out, sizeof in);
  }
  refused(m, STATUS_UNSUPPORTED, "more than 268435712 numbers");
  refused(n, STATUS_UNSUPPORTED, "more than 268435456 numbers");
  /* One of 2^20 numbers, read again and again. */
  m = model(13, DIMS(1 << 20));
  make_onnx_ints(m, "i", DIMS(0));
  char all[4000] = "";
  for (int k = 0; k < 400; k++) {
    snprintf(out, sizeof out, "%sv%d", k ? " " : "", k);
    make_onnx_node(m, "Gather", "x i", out + (k > 0));
    strcat(all, out);
  }
  make_onnx_node(m, "Sum", all, "y");
  refused(m, STATUS_UNSUPPORTED, "more than 268435712 numbers"); /* "i" is stored */
}

Test(lower, refuses_old_operator_versions)
{
  MakeOnnx *m = model(6, DIMS(2));
  make_onnx_node(m, "Relu", "x", "y");
  refused(m, STATUS_UNSUPPORTED, "version 6 of the ONNX operators");
}

/* ---- folds and shapes ---------------------------------------------------- */

Test(lower, folds_enclose_the_exact_result)
{
  uint64_t state = 1;
  for (int k = 0; k < 2000; k++) {
    double v[2];
    for (int i = 0; i < 2; i++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      v[i] = ((double)(state >> 11) * 0x1p-53 - 0.5) * ((k & 1) ? 1e6 : 1e-3);
    }
    const Fold a = {v[0], k & 2 ? 0 : fabs(v[0]) * 1e-10}, b = fold_exact(v[1]);
    const long double x = (long double)a.v + (long double)a.err / 2, y = b.v;
    const Fold sum = fold_add(a, b), product = fold_mul(a, b), q = fold_div(a, b);
    cr_assert(fabsl(x + y - (long double)sum.v) <= (long double)sum.err * (1 + 1e-15L));
    cr_assert(fabsl(x * y - (long double)product.v) <=
              (long double)product.err + fabsl(x * y) * 0x1p-63L);
    cr_assert(fabsl(x / y - (long double)q.v) <=
              (long double)q.err + fabsl(x / y) * 0x1p-63L);
  }
  cr_expect_eq(fold_add(fold_exact(0.5), fold_exact(0.25)).err, 0);
  cr_expect_eq(fold_sqrt(fold_exact(2.25)).err, 0);
  cr_expect(fold_sqrt(fold_exact(2)).err > 0);
  cr_expect(!fold_ok(fold_div(fold_exact(1), fold_exact(0))));
  cr_expect(!fold_ok(fold_mul(fold_exact(1e200), fold_exact(1e200))));
}

Test(lower, shapes_check_their_products)
{
  Shape s, t, u;
  cr_expect(!shape_make(2, (int64_t[]){1 << 20, 1 << 20}, &s));
  cr_expect(!shape_make(1, (int64_t[]){-1}, &s));
  cr_expect(!shape_make(9, NULL, &s));
  cr_expect(!shape_make(3, (int64_t[]){0, 1 << 20, 1 << 20}, &s));
  cr_expect(shape_make(2, (int64_t[]){3, 1}, &s) && shape_make(1, (int64_t[]){4}, &t));
  cr_expect(shape_broadcast(&s, &t, &u) && u.n == 12 && u.rank == 2);
  cr_expect(shape_make(1, (int64_t[]){2}, &s) && !shape_broadcast(&s, &t, &u));
}
