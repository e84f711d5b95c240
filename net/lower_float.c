/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_float.h"

#include <stdio.h>
#include <string.h>

#include "net/act.h"
#include "net/base/mem.h"

/* Nothing is computed, or only whole numbers and truth values of constants are. */
static const char *const movers[] = {"And",
                                     "ArgMax",
                                     "ArgMin",
                                     "Concat",
                                     "Constant",
                                     "Dropout",
                                     "Equal",
                                     "Expand",
                                     "DepthToSpace",
                                     "Flatten",
                                     "Gather",
                                     "Greater",
                                     "GatherND",
                                     "GatherElements",
                                     "Identity",
                                     "Less",
                                     "LessOrEqual",
                                     "NonZero",
                                     "Not",
                                     "Or",
                                     "Pad",
                                     "Reshape",
                                     "Shape",
                                     "Size",
                                     "Slice",
                                     "Split",
                                     "SpaceToDepth",
                                     "Squeeze",
                                     "Tile",
                                     "Transpose",
                                     "Trilu",
                                     "Unsqueeze",
                                     "Where",
                                     "Xor",
                                     "ConstantOfShape",
                                     "GreaterOrEqual",
                                     NULL};

/* One operation of constants, rounded once or not at all. */
static const char *const single[] = {"Abs", "Add",   "Cast", "Ceil", "Clip", "Div",
                                     "Max", "Floor", "Min",  "Mul",  "Neg",  "Sub",
                                     "Mod", "Round", "Relu", "Sqrt", NULL};

/* Of variables; see lower_float.h.  Those with conditions are in is_faithful. */
static const char *const faithful[] = {"Abs",
                                       "Add",
                                       "CumSum",
                                       "Cast",
                                       "Ceil",
                                       "Celu",
                                       "Clip",
                                       "Div",
                                       "Elu",
                                       "Floor",
                                       "Max",
                                       "MatMul",
                                       "HardSigmoid",
                                       "LeakyRelu",
                                       "MaxPool",
                                       "Min",
                                       "Mish",
                                       "Mul",
                                       "Neg",
                                       "PRelu",
                                       "Selu",
                                       "Softsign",
                                       "Sub",
                                       "ReduceL1",
                                       "GlobalMaxPool",
                                       "Conv",
                                       "ReduceMax",
                                       "ReduceMean",
                                       "ReduceMin",
                                       "ConvTranspose",
                                       "ReduceSum",
                                       "ThresholdedRelu",
                                       "GlobalAveragePool",
                                       NULL};

static bool is_in(const char *op, const char *const *list)
{
  for (int i = 0; list[i]; i++)
    if (!strcmp(op, list[i])) return true;
  return false;
}

static bool is_float(const Value *x)
{
  return x->type == ONNX_FLOAT || x->type == ONNX_DOUBLE;
}

/* Are all numbers of a constant float32? */
static bool is_exact(const Value *x)
{
  for (int i = 0; is_float(x) && i < x->shape.n; i++)
    if ((x->err && x->err[i] != 0) || (double)(float)x->v[i] != x->v[i]) return false;
  return true;
}

static bool any_variable(const Lower *l, const OnnxNode *node)
{
  for (int k = 0; k < node->n_in; k++) {
    const Value *x = lower_ctx_in(l, node, k);
    if (x && x->kind != VALUE_CONST) return true;
  }
  return false;
}

static bool constants_are_exact(const Lower *l, const OnnxNode *node)
{
  bool exact = true, real = false;
  for (int k = 0; k < node->n_out; k++) {
    if (node->out[k] < 0) continue;
    const Value *y = &l->values[node->out[k]];
    if (y->kind != VALUE_CONST) continue;
    exact = exact && is_exact(y);
    real = real || is_float(y);
  }
  return !real || (exact && (is_in(node->op, movers) || is_in(node->op, single)));
}

/* x^2, 1 / x and the root are one function here and in a runtime, and x is itself. */
static bool is_plain_power(const Lower *l, const OnnxNode *node)
{
  const Value *e = lower_ctx_in(l, node, 1);
  if (!e || e->kind != VALUE_CONST || !e->shape.n) return false;
  const double p = e->v[0];
  return p == 1 || p == 2 || p == -1 || p == 0.5;
}

static bool is_faithful(const Lower *l, const OnnxNode *node)
{
  const char *op = node->op;
  if (is_in(op, movers) || is_in(op, faithful)) return true;
  if (act_find(op) != ACT_COUNT) return true;
  if (!strcmp(op, "Gemm"))
    return lower_ctx_float(node, "alpha", 1) == 1 &&
           lower_ctx_float(node, "beta", 1) == 1;
  if (!strcmp(op, "AveragePool")) return lower_ctx_in(l, node, 0)->shape.rank <= 4;
  if (!strcmp(op, "Sum") || !strcmp(op, "Mean")) return node->n_in <= 2;
  if (!strcmp(op, "Pow")) return is_plain_power(l, node);
  if (!strcmp(op, "Gelu"))
    return !strcmp(lower_ctx_string(node, "approximate", "none"), "none");
  if (!strcmp(op, "ScatterElements") || !strcmp(op, "ScatterND"))
    return !strcmp(lower_ctx_string(node, "reduction", "none"), "none");
  return false;
}

void lower_float_doubt(Lower *l, const OnnxNode *node)
{
  Net *net = l->draft.net;
  if (net->respelled) return;
  char text[256];
  snprintf(text, sizeof text,
           "what float32 makes of operator %.60s in node '%.100s' is not covered",
           node->op, node->name);
  net->respelled = net_keep(net, mem_strdup(text));
}

void lower_float_note(Lower *l, const OnnxNode *node)
{
  if (any_variable(l, node) ? !is_faithful(l, node) : !constants_are_exact(l, node))
    lower_float_doubt(l, node);
}
