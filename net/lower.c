/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower.h"

#include <inttypes.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/lower_arith.h"
#include "net/lower_const.h"
#include "net/lower_conv.h"
#include "net/lower_ctx.h"
#include "net/lower_deconv.h"
#include "net/lower_index.h"
#include "net/lower_float.h"
#include "net/lower_known.h"
#include "net/lower_linear.h"
#include "net/lower_move.h"
#include "net/lower_norm.h"
#include "net/lower_pick.h"
#include "net/lower_piecewise.h"
#include "net/lower_pool.h"
#include "net/lower_resize.h"
#include "net/lower_smooth.h"
#include "net/lower_sum.h"

/* ---- the operators ------------------------------------------------------- */

/* A line of net/operators.def. */
typedef struct {
  const char *op;
  int required, most; /* operands; most = -1: any number */
  const char *attrs, *becomes;
  Status (*run)(Lower *, const OnnxNode *);
} Operator;

static const char kind_letters[] = "ifsIFt"; /* in the order of OnnxAttr.kind */

static const Operator operators[] = {
#define OPERATOR(op, required, most, attrs, run, becomes)                              \
  {op, required, most, attrs, becomes, run},
#include "net/operators.def"
#undef OPERATOR
};

static const Operator activation = {"", 1, 1, "", "", lower_arith_act};

static const Operator *find_operator(const OnnxNode *node)
{
  if (*node->domain && strcmp(node->domain, "ai.onnx") != 0) return NULL;
  for (size_t k = 0; k < sizeof operators / sizeof *operators; k++)
    if (!strcmp(operators[k].op, node->op)) return &operators[k];
  return act_find(node->op) < ACT_COUNT ? &activation : NULL;
}

bool lower_operator(int i, LowerOperator *out)
{
  const int n = (int)(sizeof operators / sizeof *operators);
  if (i < n) {
    *out = (LowerOperator){operators[i].op, operators[i].attrs, operators[i].becomes};
    return true;
  }
  for (int kind = 0, at = n; kind < ACT_COUNT; kind++) {
    const char *op = act_operator((ActKind)kind);
    if (!op || at++ < i) continue;
    *out = (LowerOperator){op, "", act_shape((ActKind)kind)};
    return true;
  }
  return false;
}

/* ---- checks before an operator runs -------------------------------------- */

/* The letter of the attribute in "name:kind ...", or 0. */
static char listed_kind(const char *attrs, const char *name)
{
  const size_t n = strlen(name);
  for (const char *p = attrs; *p;) {
    const char *colon = strchr(p, ':');
    if ((size_t)(colon - p) == n && !strncmp(p, name, n)) return colon[1];
    p = colon + 2;
    while (*p == ' ')
      p++;
  }
  return 0;
}

static void refuse_attribute(Lower *l, const OnnxNode *node, const OnnxAttr *a)
{
  if (a->kind == ONNX_ATTR_INT)
    lower_ctx_refuse(l, node,
                     "attribute %.60s=%" PRId64 " of operator %.60s is not supported",
                     a->name, a->i, node->op);
  else if (a->kind == ONNX_ATTR_FLOAT)
    lower_ctx_refuse(l, node, "attribute %.60s=%g of operator %.60s is not supported",
                     a->name, a->f, node->op);
  else if (a->kind == ONNX_ATTR_STRING)
    lower_ctx_refuse(l, node,
                     "attribute %.60s=%.60s of operator %.60s is not supported",
                     a->name, a->s, node->op);
  else
    lower_ctx_refuse(l, node, "attribute %.60s of operator %.60s is not supported",
                     a->name, node->op);
}

static Status check_attributes(Lower *l, const OnnxNode *node, const Operator *op)
{
  Status rc = STATUS_OK;
  for (int i = 0; i < node->n_attr; i++) {
    const OnnxAttr *a = &node->attr[i];
    const char kind = listed_kind(op->attrs, a->name);
    if (!kind) {
      refuse_attribute(l, node, a);
      rc = STATUS_UNSUPPORTED;
    } else if (a->kind == ONNX_ATTR_OTHER || kind != kind_letters[a->kind]) {
      return lower_ctx_bad(l, node, "attribute %.60s of operator %s has the wrong type",
                           a->name, node->op);
    }
  }
  return rc;
}

static Status check_operands(Lower *l, const OnnxNode *node, const Operator *op)
{
  if (op->most >= 0 && node->n_in > op->most)
    return lower_ctx_refuse(l, node, "operator %s with %d inputs is not supported",
                            node->op, node->n_in);
  const int required = op->most < 0 ? node->n_in : op->required;
  if (node->n_in < op->required)
    return lower_ctx_bad(l, node, "operator %s needs %d inputs, found %d", node->op,
                         op->required, node->n_in);
  for (int k = 0; k < required; k++)
    if (!lower_ctx_in(l, node, k))
      return lower_ctx_bad(l, node, "operator %s: its input %d is missing", node->op,
                           k + 1);
  return STATUS_OK;
}

static bool any_opaque(const Lower *l, const OnnxNode *node)
{
  for (int k = 0; k < node->n_in; k++) {
    const Value *x = lower_ctx_in(l, node, k);
    if (x && x->kind == VALUE_OPAQUE) return true;
  }
  return false;
}

/* ---- stand-ins for what is not supported --------------------------------- */

/* A node of the right size; its numbers do not matter, no net will be made. */
static Value stand_in(Lower *l, OnnxType type, const Shape *shape)
{
  int *map = mem_array((size_t)shape->n, sizeof *map);
  for (int i = 0; i < shape->n; i++)
    map[i] = -1;
  const int k = draft_map(&l->draft, "stand-in", shape, &(int){0}, 1, map);
  mem_free(map);
  return lower_ctx_var(type, shape, k);
}

static bool declared_shape(const OnnxValue *v, Shape *shape)
{
  int64_t dims[ONNX_MAX_RANK];
  for (int d = 0; d < v->rank; d++)
    dims[d] = d == 0 && v->dims[d] < 0 ? 1 : v->dims[d];
  return v->rank >= 0 && shape_make(v->rank, dims, shape) && shape->n > 0 &&
         shape->n <= SHAPE_MAX_VARIABLE;
}

/* Operators outside the table that are known to keep the shape of their input. */
static bool keeps_shape(const char *op)
{
  static const char *const names[] = {"Abs",
                                      "Acos",
                                      "Asin",
                                      "Atan",
                                      "Celu",
                                      "Ceil",
                                      "Clip",
                                      "Cos",
                                      "Elu",
                                      "Erf",
                                      "Exp",
                                      "Gelu",
                                      "HardSigmoid",
                                      "HardSwish",
                                      "LeakyRelu",
                                      "Log",
                                      "LogSoftmax",
                                      "Mish",
                                      "Reciprocal",
                                      "Round",
                                      "Selu",
                                      "Sigmoid",
                                      "Sign",
                                      "Sin",
                                      "Softmax",
                                      "Softplus",
                                      "Softsign",
                                      "Sqrt",
                                      "Tan",
                                      "Tanh",
                                      "ThresholdedRelu"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (!strcmp(op, names[k])) return true;
  return false;
}

static void stand_in_outputs(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  for (int k = 0; k < node->n_out; k++) {
    if (node->out[k] < 0) continue;
    Value *y = &l->values[node->out[k]];
    const OnnxValue *declared = &l->graph->values[node->out[k]];
    Shape shape = {0};
    bool known = true;
    if (y->kind == VALUE_VAR)
      shape = y->shape;
    else if (k == 0 && x && x->kind == VALUE_VAR && keeps_shape(node->op))
      shape = x->shape;
    else
      known = declared_shape(declared, &shape);
    const OnnxType type = x && x->kind == VALUE_VAR ? x->type : declared->type;
    known = known && shape.n <= SHAPE_MAX_VARIABLE;
    if (known && (type == ONNX_FLOAT || type == ONNX_DOUBLE))
      *y = stand_in(l, type, &shape);
    else
      y->kind = VALUE_OPAQUE;
  }
}

/* ---- one node ------------------------------------------------------------ */

static Status check_outputs(Lower *l, const OnnxNode *node)
{
  for (int k = 0; k < node->n_out; k++) {
    if (node->out[k] < 0) continue;
    const Value *y = &l->values[node->out[k]];
    if (l->used[node->out[k]] && y->kind == VALUE_NONE)
      return lower_ctx_refuse(l, node, "output %d of operator %s is not supported",
                              k + 1, node->op);
    if (y->kind == VALUE_VAR && y->shape.n > SHAPE_MAX_VARIABLE)
      return lower_ctx_refuse(l, node, "operator %s: its result has %d elements",
                              node->op, y->shape.n);
  }
  return STATUS_OK;
}

static Status try_node(Lower *l, const OnnxNode *node)
{
  const Operator *op = find_operator(node);
  if (!op)
    return lower_ctx_refuse(l, node, "operator %.60s%s%.60s is not supported",
                            node->domain, *node->domain ? "." : "", node->op);
  const Status attributes = check_attributes(l, node, op);
  Status rc = check_operands(l, node, op);
  if (attributes || rc) return attributes ? attributes : rc;
  if (any_opaque(l, node)) return STATUS_UNSUPPORTED; /* reported where it arose */
  rc = op->run(l, node);
  if (!rc) lower_known_note(l, node);
  if (!rc) lower_float_note(l, node);
  return rc ? rc : check_outputs(l, node);
}

/* Count what `node` read and made: computed operands, results, and nodes of the draft
 * from number `first` on.  Numbers stored in the file are paid for by its size. */
static Status check_total(Lower *l, const OnnxNode *node, int first)
{
  for (int k = first; k < l->draft.n; k++)
    l->n_moved += l->draft.nodes[k].size;
  for (int k = 0; k < node->n_in; k++)
    if (node->in[k] >= 0 && !l->graph->constant[node->in[k]])
      l->n_moved += l->values[node->in[k]].shape.n;
  for (int k = 0; k < node->n_out; k++)
    if (node->out[k] >= 0) l->n_moved += l->values[node->out[k]].shape.n;
  const int64_t most = SHAPE_MAX_TOTAL + SHAPE_PER_STORED * l->n_stored;
  if (l->n_moved <= most) return STATUS_OK;
  return lower_ctx_refuse(l, node,
                          "the model is too large: up to here its nodes read and make "
                          "more than %" PRId64 " numbers",
                          most);
}

/* After a first unsupported node every other failure may be its consequence. */
static Status lower_node(Lower *l, const OnnxNode *node)
{
  const int first = l->draft.n;
  const Status rc = try_node(l, node);
  if (rc && !l->n_refused) return rc;
  if (rc) stand_in_outputs(l, node);
  return check_total(l, node, first);
}

/* ---- the graph ----------------------------------------------------------- */

/* Walk backward from the outputs: nodes are in order, so once is enough. */
static bool *find_needed(Lower *l)
{
  const OnnxGraph *g = l->graph;
  bool *needed = mem_zero((size_t)g->n_nodes + 1, sizeof *needed);
  for (int k = 0; k < g->n_out; k++)
    l->used[g->out[k]] = true;
  for (int k = g->n_nodes - 1; k >= 0; k--) {
    const OnnxNode *node = &g->nodes[k];
    for (int i = 0; i < node->n_out; i++)
      needed[k] = needed[k] || (node->out[i] >= 0 && l->used[node->out[i]]);
    for (int i = 0; needed[k] && i < node->n_in; i++)
      if (node->in[i] >= 0) l->used[node->in[i]] = true;
  }
  return needed;
}

static Status input_shape(Lower *l, const OnnxValue *v, Shape *shape)
{
  if (v->type != ONNX_FLOAT && v->type != ONNX_DOUBLE)
    return status_fail(l->err, STATUS_UNSUPPORTED,
                       "%s: graph input '%s' must be of type FLOAT or DOUBLE", l->path,
                       v->name);
  for (int d = 1; d < v->rank; d++)
    if (v->dims[d] < 0)
      return status_fail(l->err, STATUS_UNSUPPORTED,
                         "%s: graph input '%s': dimension %d is not fixed; only the "
                         "first, the batch, may be open, unless the specification says "
                         "in VNN-LIB 2 what they are",
                         l->path, v->name, d);
  if (v->rank < 0)
    return status_fail(l->err, STATUS_UNSUPPORTED,
                       "%s: graph input '%s' has no shape; export the model with one",
                       l->path, v->name);
  if (!declared_shape(v, shape))
    return status_fail(l->err, STATUS_DATA,
                       "%s: graph input '%s' is empty or too large", l->path, v->name);
  return STATUS_OK;
}

/* What the model calls a value, for Net.inputs and Net.outputs. */
static void fill_port(Net *net, Port *port, const OnnxValue *v, const Shape *shape)
{
  *port = (Port){.name = net_keep(net, mem_strdup(v->name)),
                 .size = shape->n,
                 .rank = shape->rank,
                 .is_double = v->type == ONNX_DOUBLE};
  memcpy(port->dims, shape->dims, sizeof port->dims);
}

/* Node 0 and, for several inputs, a MAP that cuts each one out. */
static Status lower_inputs(Lower *l, Net *net)
{
  const OnnxGraph *g = l->graph;
  if (!g->n_in)
    return status_fail(l->err, STATUS_DATA, "%s: the graph has no input", l->path);
  Shape *shapes = mem_array((size_t)g->n_in, sizeof *shapes);
  int64_t total = 0;
  Status rc = STATUS_OK;
  Port *const ports = net_keep(net, mem_zero((size_t)g->n_in + 1, sizeof *ports));
  net->is_float32 = true;
  net->inputs = ports;
  for (int k = 0; k < g->n_in && !rc; k++) {
    const OnnxValue *v = &g->values[g->in[k]];
    rc = input_shape(l, v, &shapes[k]);
    if (v->type != ONNX_FLOAT) net->is_float32 = false;
    total += rc ? 0 : shapes[k].n;
    if (!rc) fill_port(net, &ports[k], v, &shapes[k]);
    if (!rc && total > SHAPE_MAX_VARIABLE)
      rc = status_fail(l->err, STATUS_DATA, "%s: the graph inputs are too large",
                       l->path);
  }
  if (!rc) {
    const Shape all = g->n_in == 1 ? shapes[0] : shape_vector((int)total);
    draft_init(&l->draft, net, &all);
    const Value whole = lower_ctx_var(ONNX_FLOAT, &all, 0);
    const OnnxNode node = {.name = "input", .op = "input"};
    int offset = 0;
    for (int k = 0; k < g->n_in && !rc; k++) {
      Value *x = &l->values[g->in[k]];
      int strides[NODE_MAX_RANK];
      shape_strides(&shapes[k], strides);
      rc = lower_ctx_strided(l, &node, &whole, offset, strides, &shapes[k], x);
      x->type = g->values[g->in[k]].type;
      offset += shapes[k].n;
    }
  }
  mem_free(shapes);
  net->n_inputs = g->n_in;
  return rc;
}

static void lower_constants(Lower *l)
{
  const OnnxGraph *g = l->graph;
  for (int k = 0; k < g->n_values; k++) {
    const OnnxTensor *t = g->constant[k];
    Shape shape;
    if (!t || !l->used[k]) continue;
    l->n_stored += (int64_t)t->n;
    if (shape_make(t->rank, t->dims, &shape)) {
      l->values[k] = lower_ctx_const(t->type, &shape, t->v, NULL);
    } else {
      l->n_refused++;
      status_add(l->err, STATUS_UNSUPPORTED, "%s: initialiser '%s' is too large",
                 l->path, t->name);
      l->values[k].kind = VALUE_OPAQUE;
    }
  }
}

/* Outputs that no input reaches: zeros of the input, and the numbers added to them.
 * What depends on nothing is still worth a question ("is y >= 0?"). */
static Status constant_output(Lower *l, Value *y)
{
  const OnnxNode node = {.name = "output", .op = "output"};
  const Value x = lower_ctx_var(y->type, &(Shape){.rank = 1}, 0), number = *y;
  const Value *parts[2] = {&number, &x};
  const int one = 1;
  if (!y->shape.n || y->shape.n > SHAPE_MAX_VARIABLE)
    return status_fail(l->err, STATUS_UNSUPPORTED,
                       "%s: the output is constant and empty or too large", l->path);
  const Shape flat = shape_vector(y->shape.n);
  int *map = shape_map(&flat, 0, &one);
  const Status rc = lower_ctx_gather(l, &node, parts, 2, map, &number.shape, y);
  mem_free(map);
  return rc;
}

/* The last node: the output, or all of them one after the other. */
static Status lower_outputs(Lower *l, Net *net)
{
  const OnnxGraph *g = l->graph;
  const Value **parts = mem_array((size_t)g->n_out, sizeof *parts);
  int64_t total = 0;
  Status rc = STATUS_OK;
  Port *const ports = net_keep(net, mem_zero((size_t)g->n_out + 1, sizeof *ports));
  net->outputs = ports;
  for (int k = 0; k < g->n_out; k++) {
    parts[k] = &l->values[g->out[k]];
    total += parts[k]->shape.n;
    fill_port(net, &ports[k], &g->values[g->out[k]], &parts[k]->shape);
    if (!rc && parts[k]->kind != VALUE_VAR && parts[k]->kind != VALUE_CONST)
      rc = status_fail(l->err, STATUS_UNSUPPORTED,
                       "%s: output '%s' holds no numbers that are known", l->path,
                       g->values[g->out[k]].name);
  }
  if (!rc && total > SHAPE_MAX_VARIABLE)
    rc = status_fail(l->err, STATUS_UNSUPPORTED, "%s: the outputs are too large",
                     l->path);
  Value y = *parts[0];
  if (!rc && g->n_out > 1) {
    const Shape all = shape_vector((int)total);
    const OnnxNode node = {.name = "outputs", .op = "outputs"};
    const int one = 1;
    int *map = shape_map(&all, 0, &one);
    rc = lower_ctx_gather(l, &node, parts, g->n_out, map, &all, &y);
    mem_free(map);
  }
  mem_free(parts);
  net->n_outputs = g->n_out;
  net->n_hidden = g->n_hidden;
  if (!rc && y.kind == VALUE_CONST) rc = constant_output(l, &y);
  if (rc) return rc;
  draft_finish(&l->draft, y.node);
  net->is_float32 = net->is_float32 && !l->widened;
  return net_finish(net, l->err);
}

static Status check_opset(Lower *l)
{
  const int64_t opset = l->graph->opset;
  if (opset >= LOWER_OPSET_OLDEST && opset <= LOWER_OPSET_NEWEST) return STATUS_OK;
  return status_fail(l->err, STATUS_UNSUPPORTED,
                     "%s: version %" PRId64
                     " of the ONNX operators, supported are %d to "
                     "%d; convert the model with onnx.version_converter",
                     l->path, opset, LOWER_OPSET_OLDEST, LOWER_OPSET_NEWEST);
}

static Status lower_all(Lower *l, Net *net)
{
  const OnnxGraph *g = l->graph;
  Status rc = check_opset(l);
  if (rc) return rc;
  bool *needed = find_needed(l);
  lower_constants(l);
  rc = lower_inputs(l, net);
  for (int k = 0; k < g->n_nodes && !rc; k++)
    if (needed[k]) rc = lower_node(l, &g->nodes[k]);
  mem_free(needed);
  if (!rc && l->n_refused) rc = STATUS_UNSUPPORTED;
  return rc ? rc : lower_outputs(l, net);
}

Net *lower_graph(const char *path, const OnnxGraph *graph, Err *err)
{
  Err own = {0};
  Net *net = net_new(path);
  Lower l = {.path = path, .err = err ? err : &own, .graph = graph};
  l.values = mem_zero((size_t)graph->n_values + 1, sizeof *l.values);
  l.used = mem_zero((size_t)graph->n_values + 1, sizeof *l.used);
  const Status rc = lower_all(&l, net);
  draft_reset(&l.draft);
  for (int i = 0; i < l.n_blocks; i++)
    mem_free(l.blocks[i]);
  mem_free(l.blocks);
  mem_free(l.values);
  mem_free(l.used);
  status_reset(&own);
  if (!rc) return net;
  net_free(net);
  return NULL;
}
