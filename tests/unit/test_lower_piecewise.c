/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LeakyRelu, PRelu, Abs, Clip, HardSigmoid, Max, Min, ReduceMax, ReduceMin, ReduceL1.
 */
#include <float.h>

#include "bounds/crown.h"
#include "bounds/objective.h"
#include "bounds/team.h"
#include "net/eval.h"
#include "net/act.h"
#include "tests/support/lowered.h"

static const double at[] = {-3, -1, -0.5, -1e-30, 0, 0.25, 1, 2, 7};
#define N_AT ((int)(sizeof at / sizeof *at))

/* y of the model at x, which has as many numbers as the input. */
static void values(MakeOnnx *m, const double *x, int n, double *y)
{
  Net *net = loaded(m);
  cr_assert_eq(net_out_size(net), n);
  eval_double(net, x, y);
  net_free(net);
}

static MakeOnnx *line(int64_t opset)
{
  return model(opset, DIMS(N_AT));
}

/* ---- two slopes ---------------------------------------------------------- */

Test(lower_piecewise, has_any_slope_left_of_zero)
{
  const float slopes[] = {0.01f, 0, 1, 2.5f, -1, -0.3f, 1e-20f};
  for (int k = 0; k < 7; k++) {
    double y[N_AT];
    MakeOnnx *m = line(16);
    make_onnx_attr_float(m, make_onnx_node(m, "LeakyRelu", "x", "y"), "alpha",
                         slopes[k]);
    values(m, at, N_AT, y);
    for (int i = 0; i < N_AT; i++)
      cr_expect_float_eq(y[i], at[i] < 0 ? (double)slopes[k] * at[i] : at[i], 1e-14);
  }
}

/* alpha x + (1 - alpha) relu (x): 1 - 0.01f is a double, 1 - 1e-20f is enclosed. */
Test(lower_piecewise, encloses_the_bend)
{
  for (int k = 0; k < 2; k++) {
    MakeOnnx *m = line(16);
    make_onnx_attr_float(m, make_onnx_node(m, "LeakyRelu", "x", "y"), "alpha",
                         k ? 1e-20f : 0.01f);
    Net *net = loaded(m);
    cr_expect_eq(net_n_neurons(net), N_AT);
    double worst = 0;
    for (int i = 0; i < net->n_nodes; i++)
      worst = fmax(worst, net->nodes[i].w_rel);
    cr_expect(k ? worst > 0 && worst < 1e-15 : worst == 0);
    net_free(net);
  }
}

Test(lower_piecewise, knows_the_default_slope)
{
  double y[N_AT];
  MakeOnnx *m = line(16);
  make_onnx_node(m, "LeakyRelu", "x", "y");
  values(m, at, N_AT, y);
  cr_expect_eq(y[0], -3 * (double)0.01f);
}

/* x = 1 .. 6 minus 3.5, a slope for each row. */
Test(lower_piecewise, broadcasts_slopes)
{
  MakeOnnx *m = model(16, DIMS(2, 3));
  make_onnx_floats(m, "s", DIMS(2, 1), (float[]){2, 100});
  make_onnx_floats(m, "c", DIMS(1), (float[]){3.5f});
  make_onnx_node(m, "Sub", "x c", "h");
  make_onnx_node(m, "PRelu", "h s", "y");
  COMPUTES(m, -5, -3, -1, 0.5, 1.5, 2.5);
  m = model(16, DIMS(3));
  make_onnx_floats(m, "s", DIMS(2, 3), (float[]){2, 1, 1, 1, 1, 1});
  make_onnx_node(m, "PRelu", "x s", "y");
  refused(m, STATUS_DATA, "its slope does not match its input");
}

Test(lower_piecewise, takes_absolute_values_with_one_relu_each)
{
  double y[N_AT];
  MakeOnnx *m = line(13);
  make_onnx_node(m, "Abs", "x", "y");
  Net *net = make_onnx_load(m, NULL);
  cr_assert(net);
  cr_expect_eq(net_n_neurons(net), N_AT);
  net_free(net);
  values(m, at, N_AT, y);
  for (int i = 0; i < N_AT; i++)
    cr_expect_eq(y[i], fabs(at[i]));
  m = model(13, DIMS(2, 2));
  make_onnx_floats(m, "c", DIMS(1), (float[]){2.5f});
  make_onnx_node(m, "Sub", "x c", "h");
  make_onnx_attr_ints(m, make_onnx_node(m, "ReduceL1", "h", "y"), "axes", DIMS(1));
  COMPUTES(m, 2, 2);
}

Test(lower_piecewise, refuses_to_jump)
{
  MakeOnnx *m = line(13);
  make_onnx_node(m, "ThresholdedRelu", "x", "y");
  refused(m, STATUS_UNSUPPORTED, "attribute alpha=1 of operator ThresholdedRelu");
  double y[N_AT];
  m = line(13);
  make_onnx_attr_float(m, make_onnx_node(m, "ThresholdedRelu", "x", "y"), "alpha", 0);
  values(m, at, N_AT, y);
  for (int i = 0; i < N_AT; i++)
    cr_expect_eq(y[i], fmax(at[i], 0));
}

/* ---- Clip ---------------------------------------------------------------- */

static MakeOnnx *clip6(const float *low, const float *high)
{
  MakeOnnx *m = line(10);
  Onnx__NodeProto *v = make_onnx_node(m, "Clip", "x", "y");
  if (low) make_onnx_attr_float(m, v, "min", *low);
  if (high) make_onnx_attr_float(m, v, "max", *high);
  return m;
}

static MakeOnnx *clip11(const float *low, const float *high)
{
  MakeOnnx *m = line(13);
  if (low) make_onnx_floats(m, "low", 0, NULL, low);
  if (high) make_onnx_floats(m, "high", 0, NULL, high);
  make_onnx_node(m, "Clip",
                 low    ? high ? "x low high" : "x low"
                 : high ? "x _ high"
                        : "x",
                 "y");
  return m;
}

/* Also where low > high, which gives high everywhere. */
Test(lower_piecewise, clips_as_attributes_and_operands_say)
{
  const float ends[] = {-1, -0.5f, 0, 0.75f, 6};
  for (int a = -1; a < 5; a++)
    for (int b = -1; b < 5; b++)
      for (int operand = 0; operand < 2; operand++) {
        const float *low = a < 0 ? NULL : &ends[a], *high = b < 0 ? NULL : &ends[b];
        double y[N_AT];
        values(operand ? clip11(low, high) : clip6(low, high), at, N_AT, y);
        for (int i = 0; i < N_AT; i++) {
          double want = at[i];
          if (low && want < (double)*low) want = (double)*low;
          if (high && want > (double)*high) want = (double)*high;
          cr_expect_float_eq(y[i], want, 1e-15, "%g in [%d, %d]: %g", at[i], a, b,
                             y[i]);
        }
      }
}

static size_t neurons(MakeOnnx *m)
{
  Net *net = loaded(m);
  const size_t n = net_n_neurons(net);
  net_free(net);
  return n;
}

/* ReLU6 costs two; no bound costs nothing, but the largest float32 is one. */
Test(lower_piecewise, clips_with_few_neurons)
{
  const float zero = 0, six = 6, top = FLT_MAX;
  cr_expect_eq(neurons(clip11(&zero, &six)), 2 * N_AT);
  cr_expect_eq(neurons(clip11(&zero, NULL)), N_AT);
  cr_expect_eq(neurons(clip11(NULL, NULL)), 0);
  cr_expect_eq(neurons(clip11(&zero, &top)), 2 * N_AT);
}

/* Over the reals 1e39 is larger than the largest float32; and that bound takes no part
 * where no input comes near. */
Test(lower_piecewise, the_largest_float_is_a_bound)
{
  const float low = -FLT_MAX, high = FLT_MAX;
  MakeOnnx *made[3] = {clip6(&low, &high), clip6(NULL, NULL), clip11(&low, &high)};
  for (int k = 0; k < 3; k++) {
    Net *net = loaded(made[k]);
    double x[N_AT], y[N_AT];
    for (int i = 0; i < N_AT; i++)
      x[i] = i % 2 ? 1e39 : -1e39;
    eval_double(net, x, y);
    for (int i = 0; i < N_AT; i++)
      cr_expect_float_eq(y[i] / (i % 2 ? FLT_MAX : -FLT_MAX), 1, 1e-12);
    for (int i = 0; i < N_AT; i++)
      x[i] = -1;
    for (int i = 0; i < N_AT; i++)
      y[i] = 1;
    Bounds *b = bounds_new(net, 1);
    bounds_set_box(b, 0, x, y);
    Team *team = team_new(net, 1, 64);
    crown_tighten(team, b, 0, NULL);
    const int last = net->n_nodes - 1;
    const signed char plus = 1;
    Objective o = objective_units(net, last, 1, &(int){0}, &plus, NULL);
    LagrangianBatch batch = objective_batch(&o);
    double lower;
    lagrangian_bound(team->member[0], b, &batch, &lower);
    cr_expect_float_eq(lower, -1, 1e-9);
    team_free(team);
    bounds_free(b);
    net_free(net);
  }
}

Test(lower_piecewise, refuses_clips_that_say_two_things)
{
  MakeOnnx *m = line(13);
  make_onnx_floats(m, "low", 0, NULL, (float[]){1});
  make_onnx_attr_float(m, make_onnx_node(m, "Clip", "x low", "y"), "min", 0);
  refused(m, STATUS_DATA, "operator Clip: min is given twice");
  m = line(13);
  make_onnx_floats(m, "low", DIMS(2), (float[]){1, 2});
  make_onnx_node(m, "Clip", "x low", "y");
  refused(m, STATUS_DATA, "operator Clip: min must be one number");
  m = line(13);
  make_onnx_ints(m, "low", DIMS(1));
  make_onnx_node(m, "Clip", "x low", "y");
  refused(m, STATUS_DATA, "operator Clip: min must be one number");
}

Test(lower_piecewise, computes_hard_sigmoid)
{
  double y[N_AT];
  MakeOnnx *m = line(13);
  make_onnx_node(m, "HardSigmoid", "x", "y");
  values(m, at, N_AT, y);
  for (int i = 0; i < N_AT; i++)
    cr_expect_float_eq(y[i], fmax(0, fmin(1, (double)0.2f * at[i] + 0.5)), 1e-15);
  m = line(13);
  Onnx__NodeProto *v = make_onnx_node(m, "HardSigmoid", "x", "y");
  make_onnx_attr_float(m, v, "alpha", -2);
  make_onnx_attr_float(m, v, "beta", 0.25f);
  values(m, at, N_AT, y);
  for (int i = 0; i < N_AT; i++)
    cr_expect_float_eq(y[i], fmax(0, fmin(1, -2 * at[i] + 0.25)), 1e-15);
}

/* ---- max and min --------------------------------------------------------- */

/* x [3], its reverse, a column [2, 1] and two constants, in any number and order. */
Test(lower_piecewise, takes_extremes_of_many_operands)
{
  static const char *const lists[] = {"x", "x r", "c x r d", "d c", "q x d r", "r c x"};
  for (int max = 0; max < 2; max++)
    for (int k = 0; k < 6; k++) {
      MakeOnnx *m = model(13, DIMS(3));
      make_onnx_ints(m, "turn", DIMS(2, 1, 0));
      make_onnx_floats(m, "c", DIMS(2, 1), (float[]){1.5f, 2.5f});
      make_onnx_floats(m, "d", DIMS(3), (float[]){2.25f, -9, 2.75f});
      make_onnx_floats(m, "s", DIMS(2, 1), (float[]){1, -1});
      make_onnx_node(m, "Gather", "x turn", "r");
      make_onnx_node(m, "Mul", "x s", "q");
      make_onnx_node(m, max ? "Max" : "Min", lists[k], "z");
      make_onnx_node(m, "Mul", "x s", "zero");
      make_onnx_node(m, "Sub", "zero zero", "none");
      make_onnx_node(m, "Add", "z none", "y"); /* [2, 3] in every case */
      double want[6];
      for (int i = 0; i < 6; i++) {
        const double x = i % 3 + 1, r = 3 - i % 3, q = i < 3 ? x : -x;
        const double c = i < 3 ? 1.5 : 2.5, d[] = {2.25, -9, 2.75};
        want[i] = max ? -INFINITY : INFINITY;
        for (const char *p = lists[k]; *p; p++) {
          if (*p == ' ') continue;
          const double v = *p == 'x'   ? x
                           : *p == 'r' ? r
                           : *p == 'q' ? q
                           : *p == 'c' ? c
                                       : d[i % 3];
          want[i] = max ? fmax(want[i], v) : fmin(want[i], v);
        }
      }
      computes(m, 6, want);
    }
}

/* A mask of -1e38 must not swallow x. */
Test(lower_piecewise, is_exact_beside_huge_constants)
{
  MakeOnnx *m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(2), (float[]){-1e38f, 0});
  make_onnx_node(m, "Max", "c x", "y");
  COMPUTES(m, 1, 2);
  m = model(13, DIMS(2));
  make_onnx_floats(m, "c", DIMS(2), (float[]){1e38f, 1.5f});
  make_onnx_node(m, "Min", "x c", "y");
  COMPUTES(m, 1, 1.5);
}

Test(lower_piecewise, refuses_extremes_that_do_not_match)
{
  MakeOnnx *m = model(13, DIMS(3));
  make_onnx_floats(m, "c", DIMS(2), (float[]){1, 2});
  make_onnx_node(m, "Max", "x c", "y");
  refused(m, STATUS_DATA, "operator Max: the shapes of its operands do not match");
  m = model(13, DIMS(3));
  make_onnx_ints(m, "c", DIMS(1));
  make_onnx_node(m, "Min", "x c", "y");
  refused(m, STATUS_DATA, "operator Min: its operands have the wrong types");
}

/* x [2, 3, 2] = 1 .. 12 with every second number negated. */
Test(lower_piecewise, reduces_any_axis)
{
  for (int max = 0; max < 2; max++)
    for (int axis = -3; axis < 3; axis++) {
      MakeOnnx *m = model(13, DIMS(2, 3, 2));
      make_onnx_floats(m, "s", DIMS(2), (float[]){-1, 1});
      make_onnx_node(m, "Mul", "x s", "h");
      Onnx__NodeProto *v = make_onnx_node(m, max ? "ReduceMax" : "ReduceMin", "h", "y");
      make_onnx_attr_ints(m, v, "axes", DIMS(axis));
      make_onnx_attr_int(m, v, "keepdims", axis < 0);
      const int a = (axis + 3) % 3, dims[3] = {2, 3, 2};
      const int inner = a == 0 ? 6 : a == 1 ? 2 : 1, n = 12 / dims[a];
      double want[6];
      for (int i = 0; i < n; i++) {
        want[i] = max ? -INFINITY : INFINITY;
        for (int k = 0; k < dims[a]; k++) {
          const int j = (i / inner * dims[a] + k) * inner + i % inner;
          const double h = j % 2 ? j + 1 : -(j + 1);
          want[i] = max ? fmax(want[i], h) : fmin(want[i], h);
        }
      }
      computes(m, n, want);
    }
}

Test(lower_piecewise, takes_the_largest_of_whole_planes)
{
  MakeOnnx *m = model(13, DIMS(1, 2, 2, 3));
  make_onnx_node(m, "GlobalMaxPool", "x", "y");
  COMPUTES(m, 6, 12);
}

/* ---- constants ----------------------------------------------------------- */

Test(lower_piecewise, folds_constants)
{
  MakeOnnx *m = model(13, DIMS(1));
  make_onnx_floats(m, "c", DIMS(3), (float[]){-2, 0.5f, 4});
  make_onnx_floats(m, "one", 0, NULL, (float[]){1});
  make_onnx_node(m, "Abs", "c", "a");      /* 2, 0.5, 4 */
  make_onnx_node(m, "Clip", "c one", "b"); /* 1, 1, 4 */
  make_onnx_attr_float(m, make_onnx_node(m, "LeakyRelu", "c", "d"), "alpha", 0.5f);
  make_onnx_attr_int(m, make_onnx_node(m, "ReduceMax", "c", "e"), "keepdims", 0);
  make_onnx_node(m, "Sum", "a b d e", "s");
  make_onnx_node(m, "Mul", "x s", "y");
  COMPUTES(m, 2 + 1 - 1 + 4, 0.5 + 1 + 0.5 + 4, 4 + 4 + 4 + 4);
}

/* Coefficients that only exist here must not make a later Floor refuse. */
Test(lower_piecewise, does_not_drift)
{
  MakeOnnx *m = model(13, DIMS(1));
  make_onnx_floats(m, "c", 0, NULL, (float[]){2.5f});
  make_onnx_node(m, "LeakyRelu", "x", "h");
  make_onnx_node(m, "Floor", "c", "f");
  make_onnx_node(m, "Mul", "h f", "y");
  COMPUTES(m, 2);
}
