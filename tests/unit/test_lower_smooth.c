/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of variables, and functions that are made of several nodes: what they become
 * and what they compute.  Long like test_lower.c: every operator has lines. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "net/shape.h"
#include "tests/support/make_onnx.h"

/* ---- helpers ------------------------------------------------------------- */

#define DIMS(...)                                                                      \
  (int)(sizeof(int64_t[]){__VA_ARGS__} / 8), (int64_t[])                               \
  {                                                                                    \
    __VA_ARGS__                                                                        \
  }

static MakeOnnx *model(int64_t opset, int rank, const int64_t *dims)
{
  MakeOnnx *m = make_onnx_new(opset);
  make_onnx_input(m, "x", rank, dims);
  make_onnx_output(m, "y");
  return m;
}

static void number(MakeOnnx *m, const char *name, float v)
{
  make_onnx_floats(m, name, 0, NULL, &v);
}

static Net *loaded(MakeOnnx *m)
{
  Err err = {0};
  Net *net = make_onnx_load(m, &err);
  cr_assert(net, "%s", err.text);
  make_onnx_free(m);
  return net;
}

static void refused(MakeOnnx *m, Status code, const char *part)
{
  Err err = {0};
  cr_expect_null(make_onnx_load(m, &err));
  cr_expect_eq(err.code, code, "%s", err.text);
  cr_assert(err.text);
  cr_expect(strstr(err.text, part), "'%s' not in: %s", part, err.text);
  status_reset(&err);
  make_onnx_free(m);
}

static int count_act(const Net *net, ActKind act)
{
  int n = 0;
  for (int k = 0; k < net->n_nodes; k++)
    n += net->nodes[k].kind == NODE_ACT && net->nodes[k].act == act;
  return n;
}

static int count_kind(const Net *net, NodeKind kind)
{
  int n = 0;
  for (int k = 0; k < net->n_nodes; k++)
    n += net->nodes[k].kind == kind;
  return n;
}

/* The net is one ACT of this kind between linear nodes. */
static void is_one_act(const Net *net, ActKind act)
{
  cr_expect_eq(count_kind(net, NODE_ACT), 1);
  cr_expect_eq(count_act(net, act), 1, "no %s", act_name(act));
  cr_expect_eq(count_kind(net, NODE_MUL), 0);
}

/* At x = from, from + step, ... in every element the net computes want (x) up to
 * 1e-14, and the enclosure contains it up to the error of want itself. */
static void computes(Net *net, double (*want)(double), double from, double step)
{
  const int n = net_in_size(net);
  cr_assert_eq(net_out_size(net), n);
  double *x = mem_doubles((size_t)n), *y = mem_doubles((size_t)n);
  double *rad = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    x[i] = from + i * step;
  eval_double(net, x, y);
  for (int i = 0; i < n; i++) {
    const double w = want(x[i]);
    cr_expect(fabs(y[i] - w) <= 1e-14 * (1 + fabs(w)), "at %g: %.17g, expected %.17g",
              x[i], y[i], w);
  }
  eval_enclose(net, x, y, rad);
  for (int i = 0; i < n; i++) {
    const double w = want(x[i]);
    cr_expect(fabs(y[i] - w) <= rad[i] + 1e-14 * (1 + fabs(w)));
    cr_expect(rad[i] <= 1e-6 * (1 + fabs(w)), "at %g: radius %g", x[i], rad[i]);
  }
  mem_free(x);
  mem_free(y);
  mem_free(rad);
  net_free(net);
}

/* ---- products ------------------------------------------------------------ */

static double square(double x)
{
  return x * x;
}

Test(lower_smooth, squares_a_variable_times_itself)
{
  MakeOnnx *m = model(13, DIMS(1, 5));
  make_onnx_node(m, "Mul", "x x", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_SQUARE);
  computes(net, square, -2, 1.25);
}

/* The same elements by two ways. */
Test(lower_smooth, squares_what_two_slices_share)
{
  MakeOnnx *m = model(13, DIMS(4));
  make_onnx_ints(m, "a", 3, (int64_t[]){0, 1, 2});
  make_onnx_ints(m, "b", 3, (int64_t[]){3, 1, 2});
  make_onnx_node(m, "Gather", "x a", "p");
  make_onnx_node(m, "Gather", "x b", "q");
  make_onnx_node(m, "Mul", "p q", "y");
  Net *net = loaded(m);
  cr_expect_eq(count_act(net, ACT_SQUARE), 1);
  cr_expect_eq(count_kind(net, NODE_MUL), 1);
  double y[3];
  eval_double(net, (double[]){2, 3, 5, 7}, y);
  cr_expect(y[0] == 14 && y[1] == 9 && y[2] == 25);
  net_free(net);
}

Test(lower_smooth, multiplies_with_broadcasting)
{
  MakeOnnx *m = model(13, DIMS(2, 1));
  make_onnx_input(m, "z", 1, (int64_t[]){3});
  make_onnx_node(m, "Mul", "x z", "y");
  Net *net = loaded(m);
  double y[6];
  eval_double(net, (double[]){2, 3, 1, 10, 100}, y);
  const double want[6] = {2, 20, 200, 3, 30, 300};
  for (int i = 0; i < 6; i++)
    cr_expect_eq(y[i], want[i]);
  net_free(net);
}

/* Half as many reciprocals as quotients. */
Test(lower_smooth, divides_by_a_variable)
{
  MakeOnnx *m = model(13, DIMS(2, 2));
  make_onnx_input(m, "z", 1, (int64_t[]){2});
  make_onnx_node(m, "Div", "x z", "y");
  Net *net = loaded(m);
  double y[4];
  eval_double(net, (double[]){1, 2, 3, 4, 2, -4}, y);
  const double want[4] = {0.5, -0.5, 1.5, -1};
  for (int i = 0; i < 4; i++)
    cr_expect_eq(y[i], want[i]);
  for (int k = 0; k < net->n_nodes; k++)
    if (net->nodes[k].kind == NODE_ACT) cr_expect_eq(net->nodes[k].size, 2);
  net_free(net);
}

static double three_over(double x)
{
  return 3 / x;
}

Test(lower_smooth, divides_a_constant_by_a_variable)
{
  MakeOnnx *m = model(13, DIMS(4));
  number(m, "c", 3);
  make_onnx_node(m, "Div", "c x", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_RECIPROCAL);
  computes(net, three_over, 0.25, 1);
}

/* [[1, 2], [3, 4], [5, 6]] times its transpose: three squares for each diagonal. */
Test(lower_smooth, multiplies_matrices)
{
  MakeOnnx *m = model(13, DIMS(3, 2));
  make_onnx_node(m, "Transpose", "x", "t");
  make_onnx_node(m, "MatMul", "x t", "y");
  Net *net = loaded(m);
  double y[9];
  eval_double(net, (double[]){1, 2, 3, 4, 5, 6}, y);
  const double want[9] = {5, 11, 17, 11, 25, 39, 17, 39, 61};
  for (int i = 0; i < 9; i++)
    cr_expect_eq(y[i], want[i]);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    if (v->kind == NODE_ACT) cr_expect(v->act == ACT_SQUARE && v->size == 6);
    if (v->kind == NODE_MUL) cr_expect_eq(v->size, 12);
  }
  net_free(net);
}

Test(lower_smooth, multiplies_batches_of_matrices_with_broadcasting)
{
  MakeOnnx *m = model(13, DIMS(2, 1, 2));
  make_onnx_input(m, "z", 2, (int64_t[]){2, 2});
  make_onnx_node(m, "MatMul", "x z", "y");
  Net *net = loaded(m);
  double y[4];
  eval_double(net, (double[]){1, 2, 3, 4, 1, 10, 100, 1000}, y);
  const double want[4] = {201, 2010, 403, 4030};
  for (int i = 0; i < 4; i++)
    cr_expect_eq(y[i], want[i]);
  net_free(net);
}

/* 2 x^T z^T - c with x = [[1, 2], [3, 4]], z = [[5, 6], [7, 8]], c = 1. */
Test(lower_smooth, knows_gemm_of_two_variables)
{
  MakeOnnx *m = model(13, DIMS(2, 2));
  make_onnx_input(m, "z", 2, (int64_t[]){2, 2});
  number(m, "c", 1);
  Onnx__NodeProto *node = make_onnx_node(m, "Gemm", "x z c", "y");
  make_onnx_attr_int(m, node, "transA", 1);
  make_onnx_attr_int(m, node, "transB", 1);
  make_onnx_attr_float(m, node, "alpha", 2);
  make_onnx_attr_float(m, node, "beta", -1);
  Net *net = loaded(m);
  double y[4];
  eval_double(net, (double[]){1, 2, 3, 4, 5, 6, 7, 8}, y);
  const double want[4] = {2 * 23 - 1, 2 * 31 - 1, 2 * 34 - 1, 2 * 46 - 1};
  for (int i = 0; i < 4; i++)
    cr_expect_eq(y[i], want[i]);
  net_free(net);
}

Test(lower_smooth, refuses_products_of_matrices_that_are_too_large)
{
  MakeOnnx *m = model(13, DIMS(1024, 1024));
  make_onnx_node(m, "MatMul", "x x", "y");
  refused(m, STATUS_UNSUPPORTED, "1073741824 intermediate numbers are too many");
}

/* Each is small enough, all of them are not. */
Test(lower_smooth, refuses_many_products_of_matrices)
{
  MakeOnnx *m = model(13, DIMS(240, 240));
  make_onnx_node(m, "MatMul", "x x", "a");
  make_onnx_node(m, "MatMul", "a x", "b");
  make_onnx_node(m, "MatMul", "b x", "y");
  refused(m, STATUS_UNSUPPORTED, "node 2': operator MatMul: 13824000 intermediate");
}

/* ---- functions found again ----------------------------------------------- */

static double silu(double x)
{
  return x / (1 + exp(-x));
}

Test(lower_smooth, finds_silu_as_a_product)
{
  MakeOnnx *m = model(13, DIMS(1, 9));
  make_onnx_node(m, "Sigmoid", "x", "s");
  make_onnx_node(m, "Mul", "s x", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_SILU);
  cr_expect_eq(count_kind(net, NODE_SCALE), 0);
  computes(net, silu, -4, 1);
}

Test(lower_smooth, finds_silu_as_a_quotient)
{
  MakeOnnx *m = model(13, DIMS(9));
  number(m, "one", 1);
  make_onnx_node(m, "Neg", "x", "a");
  make_onnx_node(m, "Exp", "a", "b");
  make_onnx_node(m, "Add", "b one", "c");
  make_onnx_node(m, "Div", "x c", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_SILU);
  computes(net, silu, -4, 1);
}

static double tanh_gate(double x)
{
  return 3 * x * (2 * tanh(0.5 * x) + 5);
}

/* 3x (2 tanh (x / 2) + 5) = 3x (4 sigmoid (x) + 3) */
Test(lower_smooth, finds_a_gate_up_to_any_factor_and_constant)
{
  MakeOnnx *m = model(13, DIMS(9));
  number(m, "half", 0.5f);
  number(m, "two", 2);
  number(m, "three", 3);
  number(m, "five", 5);
  make_onnx_node(m, "Mul", "x half", "a");
  make_onnx_node(m, "Tanh", "a", "b");
  make_onnx_node(m, "Mul", "b two", "c");
  make_onnx_node(m, "Add", "five c", "d");
  make_onnx_node(m, "Mul", "three x", "e");
  make_onnx_node(m, "Mul", "e d", "y");
  Net *net = loaded(m);
  cr_expect_eq(count_act(net, ACT_SILU), 1);
  cr_expect_eq(count_kind(net, NODE_MUL), 0);
  computes(net, tanh_gate, -4, 1);
}

static double rounded_gelu(double x)
{
  return 0.5 * x * (1 + erf(x / (double)1.41421356f));
}

/* The constant of the model is a float32, which is not sqrt 2; neither is the result
 * the GELU, and 1e-14 tells them apart. */
Test(lower_smooth, finds_gelu_with_the_constant_of_the_model)
{
  MakeOnnx *m = model(13, DIMS(9));
  number(m, "root", 1.41421356f);
  number(m, "one", 1);
  number(m, "half", 0.5f);
  make_onnx_node(m, "Div", "x root", "a");
  make_onnx_node(m, "Erf", "a", "b");
  make_onnx_node(m, "Add", "b one", "c");
  make_onnx_node(m, "Mul", "x c", "d");
  make_onnx_node(m, "Mul", "d half", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_GELU);
  computes(net, rounded_gelu, -4, 1);
}

static double multiplied_gelu(double x)
{
  return 0.5 * x * (1 + erf(x * (double)0.70710678f));
}

Test(lower_smooth, finds_gelu_in_another_order)
{
  MakeOnnx *m = model(13, DIMS(9));
  number(m, "root", 0.70710678f);
  number(m, "one", 1);
  number(m, "half", 0.5f);
  make_onnx_node(m, "Mul", "x root", "a");
  make_onnx_node(m, "Erf", "a", "b");
  make_onnx_node(m, "Add", "one b", "c");
  make_onnx_node(m, "Mul", "half x", "d");
  make_onnx_node(m, "Mul", "d c", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_GELU);
  computes(net, multiplied_gelu, -4, 1);
}

/* A gate of another variable is a product. */
Test(lower_smooth, does_not_find_a_gate_of_something_else)
{
  MakeOnnx *m = model(13, DIMS(3));
  number(m, "one", 1);
  make_onnx_node(m, "Add", "x one", "z");
  make_onnx_node(m, "Sigmoid", "z", "s");
  make_onnx_node(m, "Mul", "s x", "y");
  Net *net = loaded(m);
  cr_expect_eq(count_kind(net, NODE_MUL), 1);
  net_free(net);
}

static double log_one_plus_exp(double x)
{
  return log1p(exp(x));
}

Test(lower_smooth, finds_softplus)
{
  MakeOnnx *m = model(13, DIMS(9));
  number(m, "one", 1);
  make_onnx_node(m, "Exp", "x", "a");
  make_onnx_node(m, "Add", "a one", "b");
  make_onnx_node(m, "Log", "b", "y");
  Net *net = loaded(m);
  is_one_act(net, ACT_SOFTPLUS);
  computes(net, log_one_plus_exp, -4, 1);
}

/* ---- elementwise operators ----------------------------------------------- */

static double elu_of_three(double x)
{
  return x >= 0 ? x : 3 * expm1(x);
}

static double celu_of_three(double x)
{
  return x >= 0 ? x : 3 * expm1(x / 3);
}

static double softsign(double x)
{
  return x / (1 + fabs(x));
}

static double mish(double x)
{
  return x * tanh(log1p(exp(x)));
}

static double swish_of_three(double x)
{
  return x / (1 + exp(-3 * x));
}

static double selu(double x)
{
  const double alpha = (double)1.67326319217681884765625f;
  const double gamma = (double)1.05070102214813232421875f;
  return gamma * (x >= 0 ? x : alpha * expm1(x));
}

Test(lower_smooth, computes_elementwise_operators)
{
  static const struct {
    const char *op;
    float alpha;
    double (*want)(double);
  } list[] = {{"Elu", 3, elu_of_three},     {"Celu", 3, celu_of_three},
              {"Softsign", 0, softsign},    {"Mish", 0, mish},
              {"Swish", 3, swish_of_three}, {"Selu", 0, selu}};
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    MakeOnnx *m = model(24, DIMS(9));
    Onnx__NodeProto *node = make_onnx_node(m, list[k].op, "x", "y");
    if (list[k].alpha != 0) make_onnx_attr_float(m, node, "alpha", list[k].alpha);
    computes(loaded(m), list[k].want, -4, 1);
  }
}

static double tanh_gelu(double x)
{
  return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

Test(lower_smooth, knows_both_kinds_of_gelu)
{
  MakeOnnx *m = model(20, DIMS(9));
  make_onnx_attr_string(m, make_onnx_node(m, "Gelu", "x", "y"), "approximate", "tanh");
  computes(loaded(m), tanh_gelu, -4, 1);
  m = model(20, DIMS(9));
  make_onnx_attr_string(m, make_onnx_node(m, "Gelu", "x", "y"), "approximate", "no");
  refused(m, STATUS_UNSUPPORTED, "attribute approximate=no of operator Gelu");
}

/* ---- Pow ----------------------------------------------------------------- */

static double exponent;

static double to_exponent(double x)
{
  return pow(x, exponent);
}

Test(lower_smooth, raises_to_constant_powers)
{
  static const struct {
    float p;
    int n_mul;
  } list[] = {{1, 0},    {2, 0},     {3, 1},    {4, 0},  {6, 1},     {-1, 0},   {-2, 0},
              {0.5f, 0}, {-0.5f, 0}, {1.5f, 0}, {-3, 1}, {2.25f, 0}, {0.1f, 0}, {7, 2}};
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    MakeOnnx *m = model(13, DIMS(5));
    number(m, "p", list[k].p);
    make_onnx_node(m, "Pow", "x p", "y");
    Net *net = loaded(m);
    cr_expect_eq(count_kind(net, NODE_MUL), list[k].n_mul, "%g", (double)list[k].p);
    exponent = (double)list[k].p;
    computes(net, to_exponent, 0.25, 0.75);
  }
}

Test(lower_smooth, knows_signs_of_powers)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_ints(m, "p", 1, (int64_t[]){3});
  make_onnx_node(m, "Pow", "x p", "y");
  Net *net = loaded(m);
  double y[2];
  eval_double(net, (double[]){-2, 0}, y);
  cr_expect(y[0] == -8 && y[1] == 0);
  net_free(net);
}

Test(lower_smooth, refuses_other_powers)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Pow", "x x", "y");
  refused(m, STATUS_UNSUPPORTED, "exponent must be a constant");
  m = model(13, DIMS(2));
  make_onnx_floats(m, "p", DIMS(2), (float[]){1, 2});
  make_onnx_node(m, "Pow", "x p", "y");
  refused(m, STATUS_UNSUPPORTED, "exponent must be one number");
  m = model(13, DIMS(2));
  number(m, "p", 65);
  make_onnx_node(m, "Pow", "x p", "y");
  refused(m, STATUS_UNSUPPORTED, "exponent 65 is too large");
}

/* ---- softmax ------------------------------------------------------------- */

/* y[i] = softmax over groups of `n` elements `stride` apart, or its logarithm. */
static void is_softmax(Net *net, int n, int stride, bool is_log)
{
  const int size = net_in_size(net);
  double x[64] = {0}, y[64], mid[64], rad[64];
  for (int i = 0; i < size; i++)
    x[i] = sin(3 * i) * 4;
  eval_double(net, x, y);
  eval_enclose(net, x, mid, rad);
  for (int i = 0; i < size; i++) {
    const int first = i / (n * stride) * n * stride + i % stride;
    double sum = 0;
    for (int j = 0; j < n; j++)
      sum += exp(x[first + j * stride] - x[i]);
    const double want = is_log ? -log(sum) : 1 / sum;
    cr_expect(fabs(y[i] - want) <= 1e-14 * (1 + fabs(want)),
              "element %d: %.17g, not "
              "%.17g",
              i, y[i], want);
    cr_expect(fabs(mid[i] - want) <= rad[i] + 1e-14 && rad[i] < 1e-12);
  }
  net_free(net);
}

static Net *softmax(const char *op, int64_t opset, int rank, const int64_t *dims,
                    int axis)
{
  MakeOnnx *m = model(opset, rank, dims);
  Onnx__NodeProto *node = make_onnx_node(m, op, "x", "y");
  if (axis != 99) make_onnx_attr_int(m, node, "axis", axis);
  return loaded(m);
}

Test(lower_smooth, knows_softmax_of_either_meaning)
{
  for (int log = 0; log < 2; log++) {
    const char *op = log ? "LogSoftmax" : "Softmax";
    is_softmax(softmax(op, 13, DIMS(2, 3, 4), 99), 4, 1, log);
    is_softmax(softmax(op, 13, DIMS(2, 3, 4), 1), 3, 4, log);
    is_softmax(softmax(op, 13, DIMS(2, 3, 4), -3), 2, 12, log);
    is_softmax(softmax(op, 11, DIMS(2, 3, 4), 99), 12, 1, log);
    is_softmax(softmax(op, 11, DIMS(2, 3, 4), -1), 4, 1, log);
    is_softmax(softmax(op, 11, DIMS(2, 3, 4), 0), 24, 1, log);
    is_softmax(softmax(op, 13, DIMS(5, 2), 1), 2, 1, log);
  }
}

Test(lower_smooth, makes_a_softmax_of_two_elements_a_sigmoid)
{
  Net *net = softmax("Softmax", 13, DIMS(1, 2), 1);
  is_one_act(net, ACT_SIGMOID);
  net_free(net);
  net = softmax("LogSoftmax", 13, DIMS(1, 2), 1);
  is_one_act(net, ACT_SOFTPLUS);
  net_free(net);
}

/* Neither overflows, however large the numbers. */
Test(lower_smooth, computes_softmax_of_large_numbers)
{
  double y[3];
  Net *net = softmax("Softmax", 13, DIMS(1, 3), 1);
  eval_double(net, (double[]){1e4, -1e4, 1e4}, y);
  cr_expect(y[0] == 0.5 && y[1] == 0 && y[2] == 0.5);
  net_free(net);
  net = softmax("LogSoftmax", 13, DIMS(1, 3), 1);
  eval_double(net, (double[]){1e4, -1e4, 0}, y);
  cr_expect(y[0] == 0 && y[1] == -2e4 && y[2] == -1e4);
  net_free(net);
}

/* A long row needs a few neurons for each element, not one for each pair. */
Test(lower_smooth, computes_softmax_of_long_rows)
{
  Net *net = softmax("Softmax", 13, DIMS(1, 1100), 1);
  cr_expect(net_n_neurons(net) < 4 * 1100, "%zu neurons", net_n_neurons(net));
  double *x = mem_doubles(1100), *y = mem_doubles(1100), sum = 0, all = 0;
  for (int i = 0; i < 1100; i++) {
    x[i] = sin(i);
    all += exp(x[i]);
  }
  eval_double(net, x, y);
  for (int i = 0; i < 1100; i++) {
    sum += y[i];
    cr_expect(fabs(y[i] - exp(x[i]) / all) < 1e-15);
  }
  cr_expect(fabs(sum - 1) < 1e-13);
  mem_free(x);
  mem_free(y);
  net_free(net);
}

/* ---- norms --------------------------------------------------------------- */

static void reduces(const char *op, double want_0, double want_1)
{
  MakeOnnx *m = model(13, DIMS(2, 3));
  Onnx__NodeProto *node = make_onnx_node(m, op, "x", "y");
  make_onnx_attr_ints(m, node, "axes", 1, (int64_t[]){1});
  make_onnx_attr_int(m, node, "keepdims", 0);
  Net *net = loaded(m);
  double y[2];
  cr_assert_eq(net_out_size(net), 2);
  eval_double(net, (double[]){1, 2, 3, 4, 5, 6}, y);
  cr_expect(fabs(y[0] - want_0) < 1e-14 && fabs(y[1] - want_1) < 1e-14 * want_1,
            "%s: %.17g %.17g", op, y[0], y[1]);
  net_free(net);
}

Test(lower_smooth, knows_norms_and_logarithms_of_sums)
{
  reduces("ReduceL1", 6, 15);
  reduces("ReduceL2", sqrt(14), sqrt(77));
  reduces("ReduceSumSquare", 14, 77);
  reduces("ReduceLogSum", log(6), log(15));
  reduces("ReduceLogSumExp", log(exp(1) + exp(2) + exp(3)),
          log(exp(4) + exp(5) + exp(6)));
}

Test(lower_smooth, folds_a_sum_of_constants)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(2, 2), (float[]){1, 2, 3, 5});
  make_onnx_ints(m, "axes", 1, (int64_t[]){1});
  Onnx__NodeProto *node = make_onnx_node(m, "ReduceSum", "c axes", "s");
  make_onnx_attr_int(m, node, "keepdims", 0);
  make_onnx_node(m, "Add", "x s", "y");
  Net *net = loaded(m);
  double y[2];
  eval_double(net, (double[]){0, 0}, y);
  cr_expect(y[0] == 3 && y[1] == 8);
  net_free(net);
}

/* y = (x - mean) / sqrt (var + epsilon) of n numbers, times scale plus bias. */
static void normalised(const double *x, int n, double epsilon, double scale,
                       double bias, double *y)
{
  double mean = 0, var = 0;
  for (int i = 0; i < n; i++)
    mean += x[i] / n;
  for (int i = 0; i < n; i++)
    var += (x[i] - mean) * (x[i] - mean) / n;
  for (int i = 0; i < n; i++)
    y[i] = (x[i] - mean) / sqrt(var + epsilon) * scale + bias;
}

static void near(const double *y, const double *want, int n)
{
  for (int i = 0; i < n; i++)
    cr_expect(fabs(y[i] - want[i]) < 1e-13, "%d: %.17g, expected %.17g", i, y[i],
              want[i]);
}

Test(lower_smooth, normalises_layers)
{
  MakeOnnx *m = model(17, DIMS(2, 3));
  make_onnx_floats(m, "s", DIMS(3), (float[]){2, 2, 2});
  make_onnx_floats(m, "b", DIMS(3), (float[]){-1, -1, -1});
  Onnx__NodeProto *node = make_onnx_node(m, "LayerNormalization", "x s b", "y");
  make_onnx_attr_float(m, node, "epsilon", 0.25f);
  Net *net = loaded(m);
  const double x[6] = {1, 2, 4, -3, 0, 5};
  double y[6], want[6];
  normalised(x, 3, 0.25, 2, -1, want);
  normalised(x + 3, 3, 0.25, 2, -1, want + 3);
  eval_double(net, x, y);
  near(y, want, 6);
  net_free(net);
}

Test(lower_smooth, normalises_instances_and_groups)
{
  for (int kind = 0; kind < 3; kind++) {
    MakeOnnx *m = model(kind == 1 ? 18 : 21, DIMS(1, 4, 3));
    const int64_t n = kind == 1 ? 2 : 4;
    make_onnx_floats(m, "s", 1, &n, (float[]){2, 2, 3, 3});
    make_onnx_floats(m, "b", 1, &n, (float[]){1, 1, 0, 0});
    Onnx__NodeProto *node = make_onnx_node(
        m, kind ? "GroupNormalization" : "InstanceNormalization", "x s b", "y");
    if (kind) make_onnx_attr_int(m, node, "num_groups", 2);
    Net *net = loaded(m);
    double x[12], y[12], want[12];
    for (int i = 0; i < 12; i++)
      x[i] = sin(5 * i);
    const int group = kind ? 6 : 3;
    for (int i = 0; i < 12; i += group) {
      const bool first = i < 6 || kind == 1; /* kind 1: a number for each group */
      normalised(x + i, group, (double)1e-5f, first ? 2 : 3, first ? 1 : 0, want + i);
    }
    eval_double(net, x, y);
    near(y, want, 12);
    net_free(net);
  }
}

Test(lower_smooth, gives_mean_and_inverse_deviation_of_a_layer)
{
  MakeOnnx *m = model(17, DIMS(1, 3));
  make_onnx_output(m, "mean");
  make_onnx_output(m, "inverse");
  make_onnx_floats(m, "s", DIMS(3), (float[]){1, 1, 1});
  make_onnx_node(m, "LayerNormalization", "x s", "y mean inverse");
  Net *net = loaded(m);
  double y[5];
  cr_assert_eq(net_out_size(net), 5);
  eval_double(net, (double[]){1, 2, 6}, y);
  cr_expect(fabs(y[3] - 3) < 1e-15);
  cr_expect(fabs(y[4] - 1 / sqrt(14.0 / 3 + (double)1e-5f)) < 1e-15);
  net_free(net);
}

/* ---- refused ------------------------------------------------------------- */

Test(lower_smooth, refuses_by_name)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_node(m, "Tan", "x", "y");
  refused(m, STATUS_UNSUPPORTED, "operator Tan is not supported");
  m = model(13, DIMS(2));
  make_onnx_node(m, "ArgMax", "x", "y");
  refused(m, STATUS_UNSUPPORTED, "state the property about the scores");
  m = model(13, DIMS(2));
  make_onnx_attr_float(m, make_onnx_node(m, "Celu", "x", "y"), "alpha", -1);
  refused(m, STATUS_UNSUPPORTED, "attribute alpha=-1 of operator Celu");
  m = model(17, DIMS(1, 3));
  make_onnx_floats(m, "s", DIMS(3), (float[]){1, 1, 1});
  Onnx__NodeProto *node = make_onnx_node(m, "LayerNormalization", "x s", "y");
  make_onnx_attr_int(m, node, "stash_type", 10);
  refused(m, STATUS_UNSUPPORTED, "attribute stash_type=10");
  m = model(17, DIMS(1, 3));
  make_onnx_floats(m, "s", DIMS(2), (float[]){1, 1});
  make_onnx_node(m, "LayerNormalization", "x s", "y");
  refused(m, STATUS_DATA, "input 2 does not match");
  m = model(18, DIMS(1, 3, 2));
  make_onnx_floats(m, "s", DIMS(2), (float[]){1, 1});
  node = make_onnx_node(m, "GroupNormalization", "x s s", "y");
  make_onnx_attr_int(m, node, "num_groups", 2);
  refused(m, STATUS_DATA, "num_groups=2 does not divide");
}
