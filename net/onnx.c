/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/onnx_tensor.h"
#include "net/onnx_wire.h"

#define IR_OLDEST 3
#define IR_NEWEST 13

/* Values are numbered by the rank of their name among all names, so look-ups are
 * binary searches and no choice of names makes them slow. */
typedef struct {
  const char *path;
  Err *err;
  const Onnx__GraphProto *proto;
  OnnxGraph *graph;
  const char **names; /* sorted, unique; borrowed from the proto */
  int *definer;       /* definer[value]: node index, or one of the below */
} Parse;

enum { UNDEFINED = -1, BY_INPUT = -2, BY_INITIALISER = -3 };

static void *keep(OnnxGraph *g, void *block)
{
  if (g->n_blocks == g->blocks_room) {
    g->blocks_room = g->blocks_room ? 2 * g->blocks_room : 64;
    g->blocks = mem_grow(g->blocks, (size_t)g->blocks_room, sizeof *g->blocks);
  }
  g->blocks[g->n_blocks++] = block;
  return block;
}

static void *keep_zero(OnnxGraph *g, size_t n, size_t size)
{
  return keep(g, mem_zero(n ? n : 1, size));
}

/* A copy for messages and comparisons: control characters would forge lines. */
static const char *clean(OnnxGraph *g, const char *text, size_t n)
{
  char *copy = keep(g, mem_strndup(text, n));
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f) copy[i] = '?';
  return copy;
}

static const char *clean_string(OnnxGraph *g, const char *text)
{
  return clean(g, text ? text : "", text ? strlen(text) : 0);
}

/* ---- names --------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int find_name(const Parse *p, const char *name)
{
  const char *const *hit = bsearch(&name, p->names, (size_t)p->graph->n_values,
                                   sizeof *p->names, compare_names);
  return (int)(hit - (const char *const *)p->names);
}

static size_t count_names(const Onnx__GraphProto *g)
{
  size_t n = g->n_input + g->n_output + g->n_initializer;
  for (size_t k = 0; k < g->n_node; k++)
    n += g->node[k]->n_input + g->node[k]->n_output;
  return n;
}

static size_t add_name(const char **list, size_t n, const char *name)
{
  if (name && *name) list[n++] = name;
  return n;
}

static Status number_names(Parse *p)
{
  const Onnx__GraphProto *g = p->proto;
  const size_t most = count_names(g);
  if (most > INT_MAX / 2 || g->n_node > INT_MAX / 2)
    return status_fail(p->err, STATUS_DATA, "%s: too many nodes", p->path);
  p->names = mem_array(most + 1, sizeof *p->names);
  size_t n = 0;
  for (size_t k = 0; k < g->n_input; k++)
    n = add_name(p->names, n, g->input[k]->name);
  for (size_t k = 0; k < g->n_output; k++)
    n = add_name(p->names, n, g->output[k]->name);
  for (size_t k = 0; k < g->n_initializer; k++)
    n = add_name(p->names, n, g->initializer[k]->name);
  for (size_t k = 0; k < g->n_node; k++) {
    for (size_t i = 0; i < g->node[k]->n_input; i++)
      n = add_name(p->names, n, g->node[k]->input[i]);
    for (size_t i = 0; i < g->node[k]->n_output; i++)
      n = add_name(p->names, n, g->node[k]->output[i]);
  }
  qsort(p->names, n, sizeof *p->names, compare_names);
  size_t unique = 0;
  for (size_t k = 0; k < n; k++)
    if (!unique || strcmp(p->names[unique - 1], p->names[k]) != 0)
      p->names[unique++] = p->names[k];

  OnnxGraph *graph = p->graph;
  graph->n_values = (int)unique;
  graph->values = keep_zero(graph, unique, sizeof *graph->values);
  graph->constant = keep_zero(graph, unique, sizeof *graph->constant);
  p->definer = mem_array(unique + 1, sizeof *p->definer);
  for (size_t k = 0; k < unique; k++) {
    graph->values[k].name = clean_string(graph, p->names[k]);
    graph->values[k].rank = -1;
    p->definer[k] = UNDEFINED;
  }
  return STATUS_OK;
}

static Status define(Parse *p, int value, int definer)
{
  if (p->definer[value] != UNDEFINED)
    return status_fail(p->err, STATUS_DATA, "%s: value '%s' is defined twice", p->path,
                       p->graph->values[value].name);
  p->definer[value] = definer;
  return STATUS_OK;
}

/* ---- types and shapes ---------------------------------------------------- */

/* Record what a ValueInfoProto says; false when it is no tensor of a known type. */
static bool read_type(const Onnx__ValueInfoProto *info, OnnxValue *value)
{
  const Onnx__TypeProto *type = info->type;
  if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) return false;
  const Onnx__TypeProto__Tensor *tensor = type->tensor_type;
  if (!tensor || !onnx_tensor_type(tensor->elem_type, &value->type)) return false;
  const Onnx__TensorShapeProto *shape = tensor->shape;
  value->rank = -1;
  if (!shape || shape->n_dim > ONNX_MAX_RANK) return true;
  value->rank = (int)shape->n_dim;
  for (int d = 0; d < value->rank; d++) {
    const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
    const bool known =
        dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
        dim->dim_value >= 0;
    value->dims[d] = known ? dim->dim_value : -1;
  }
  return true;
}

static Status read_input(Parse *p, const Onnx__ValueInfoProto *info)
{
  if (!info->name || !*info->name)
    return status_fail(p->err, STATUS_DATA, "%s: a graph input without a name",
                       p->path);
  OnnxGraph *g = p->graph;
  const int value = find_name(p, info->name);
  OnnxValue *v = &g->values[value];
  if (p->definer[value] == BY_INITIALISER) return STATUS_OK;
  if (!read_type(info, v))
    return status_fail(p->err, STATUS_UNSUPPORTED,
                       "%s: graph input '%s' is no tensor of FLOAT, DOUBLE, INT64, "
                       "INT32 or BOOL",
                       p->path, v->name);
  g->in[g->n_in++] = value;
  return define(p, value, BY_INPUT);
}

static Status read_interface(Parse *p)
{
  const Onnx__GraphProto *proto = p->proto;
  OnnxGraph *g = p->graph;
  g->in = keep_zero(g, proto->n_input, sizeof *g->in);
  g->out = keep_zero(g, proto->n_output, sizeof *g->out);
  /* Hints first, so that what inputs say overrides them. */
  for (size_t k = 0; k < proto->n_value_info; k++) {
    const char *name = proto->value_info[k]->name;
    if (!name ||
        !bsearch(&name, p->names, (size_t)g->n_values, sizeof *p->names, compare_names))
      continue;
    OnnxValue *v = &g->values[find_name(p, name)];
    if (!read_type(proto->value_info[k], v)) v->rank = -1;
  }
  for (size_t k = 0; k < proto->n_output; k++) {
    const char *name = proto->output[k]->name;
    if (!name || !*name)
      return status_fail(p->err, STATUS_DATA, "%s: a graph output without a name",
                         p->path);
    g->out[g->n_out] = find_name(p, name);
    read_type(proto->output[k], &g->values[g->out[g->n_out++]]);
  }
  for (size_t k = 0; k < proto->n_input; k++) {
    const Status rc = read_input(p, proto->input[k]);
    if (rc) return rc;
  }
  if (!g->n_out)
    return status_fail(p->err, STATUS_DATA, "%s: the graph has no output", p->path);
  return STATUS_OK;
}

/* ---- constants ----------------------------------------------------------- */

static Status read_tensor(Parse *p, const char *kind, const char *name,
                          const Onnx__TensorProto *proto, OnnxTensor *tensor)
{
  const size_t room = strlen(p->path) + strlen(kind) + strlen(name) + 8;
  char *where = mem_alloc(room);
  snprintf(where, room, "%s: %s '%s'", p->path, kind, name);
  const Status rc = onnx_tensor_read(where, proto, tensor, p->err);
  if (!rc) keep(p->graph, tensor->v);
  tensor->name = name;
  mem_free(where);
  return rc;
}

static Status read_initialisers(Parse *p)
{
  const Onnx__GraphProto *proto = p->proto;
  OnnxGraph *g = p->graph;
  if (proto->n_sparse_initializer)
    return status_fail(p->err, STATUS_UNSUPPORTED,
                       "%s: sparse initialisers are not supported", p->path);
  OnnxTensor *tensors = keep_zero(g, proto->n_initializer, sizeof *tensors);
  for (size_t k = 0; k < proto->n_initializer; k++) {
    const Onnx__TensorProto *t = proto->initializer[k];
    if (!t->name || !*t->name)
      return status_fail(p->err, STATUS_DATA, "%s: an initialiser without a name",
                         p->path);
    const int value = find_name(p, t->name);
    Status rc = define(p, value, BY_INITIALISER);
    if (rc) return rc;
    rc = read_tensor(p, "initialiser", g->values[value].name, t, &tensors[k]);
    if (rc) return rc;
    g->constant[value] = &tensors[k];
    OnnxValue *v = &g->values[value];
    v->type = tensors[k].type;
    v->rank = tensors[k].rank;
    memcpy(v->dims, tensors[k].dims, sizeof v->dims);
  }
  return STATUS_OK;
}

/* ---- attributes ---------------------------------------------------------- */

static int attribute_kind(const Onnx__AttributeProto *a)
{
  if (a->ref_attr_name && *a->ref_attr_name) return ONNX_ATTR_OTHER;
  switch (a->type) {
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
    return ONNX_ATTR_INT;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
    return ONNX_ATTR_FLOAT;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
    return ONNX_ATTR_STRING;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
    return ONNX_ATTR_INTS;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
    return ONNX_ATTR_FLOATS;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
    return a->t ? ONNX_ATTR_TENSOR : ONNX_ATTR_OTHER;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED:
    /* Old writers leave the type out. */
    return a->has_i      ? ONNX_ATTR_INT
           : a->has_f    ? ONNX_ATTR_FLOAT
           : a->has_s    ? ONNX_ATTR_STRING
           : a->n_ints   ? ONNX_ATTR_INTS
           : a->n_floats ? ONNX_ATTR_FLOATS
           : a->t        ? ONNX_ATTR_TENSOR
                         : ONNX_ATTR_OTHER;
  default:
    return ONNX_ATTR_OTHER;
  }
}

static Status refuse_attribute(Parse *p, const OnnxNode *node, const OnnxAttr *attr,
                               const char *what)
{
  return status_fail(p->err, STATUS_DATA, "%s: node '%s': attribute %s %s", p->path,
                     node->name, attr->name, what);
}

static Status read_attribute(Parse *p, const OnnxNode *node,
                             const Onnx__AttributeProto *a, OnnxAttr *attr)
{
  OnnxGraph *g = p->graph;
  attr->name = clean_string(g, a->name);
  attr->kind = attribute_kind(a);
  attr->i = a->i;
  attr->f = (double)a->f;
  if (attr->kind == ONNX_ATTR_FLOAT && !isfinite(attr->f))
    return refuse_attribute(p, node, attr, "is not finite");
  attr->s = clean(g, a->has_s && a->s.len ? (const char *)a->s.data : "",
                  a->has_s ? a->s.len : 0);
  if (a->n_ints > INT_MAX || a->n_floats > INT_MAX)
    return refuse_attribute(p, node, attr, "is too long");
  if (attr->kind == ONNX_ATTR_INTS) {
    attr->n = (int)a->n_ints;
    attr->ints = keep_zero(g, a->n_ints, sizeof *attr->ints);
    for (size_t i = 0; i < a->n_ints; i++)
      attr->ints[i] = a->ints[i];
  }
  if (attr->kind == ONNX_ATTR_FLOATS) {
    attr->n = (int)a->n_floats;
    attr->floats = keep_zero(g, a->n_floats, sizeof *attr->floats);
    for (size_t i = 0; i < a->n_floats; i++) {
      attr->floats[i] = (double)a->floats[i];
      if (!isfinite(attr->floats[i]))
        return refuse_attribute(p, node, attr, "is not finite");
    }
  }
  if (attr->kind == ONNX_ATTR_TENSOR)
    return read_tensor(p, "constant of node", node->name, a->t, &attr->tensor);
  return STATUS_OK;
}

static Status read_attributes(Parse *p, const Onnx__NodeProto *proto, OnnxNode *node)
{
  if (proto->n_attribute > 256)
    return status_fail(p->err, STATUS_DATA, "%s: node '%s': too many attributes",
                       p->path, node->name);
  node->attr = keep_zero(p->graph, proto->n_attribute, sizeof *node->attr);
  for (size_t i = 0; i < proto->n_attribute; i++) {
    OnnxAttr *attr = &node->attr[i];
    const Status rc = read_attribute(p, node, proto->attribute[i], attr);
    if (rc) return rc;
    if (onnx_attr(node, attr->name))
      return refuse_attribute(p, node, attr, "is given twice");
    node->n_attr++;
  }
  return STATUS_OK;
}

/* ---- nodes --------------------------------------------------------------- */

static const char *node_name(OnnxGraph *g, const Onnx__NodeProto *proto, size_t k)
{
  if (proto->name && *proto->name) return clean_string(g, proto->name);
  char text[40];
  snprintf(text, sizeof text, "node %zu", k);
  return clean_string(g, text);
}

static Status read_node(Parse *p, size_t k, OnnxNode *node)
{
  OnnxGraph *g = p->graph;
  const Onnx__NodeProto *proto = p->proto->node[k];
  node->name = node_name(g, proto, k);
  node->op = clean_string(g, proto->op_type);
  node->domain = clean_string(g, proto->domain);
  node->n_in = (int)proto->n_input;
  node->n_out = (int)proto->n_output;
  node->in = keep_zero(g, proto->n_input, sizeof *node->in);
  node->out = keep_zero(g, proto->n_output, sizeof *node->out);
  for (int i = 0; i < node->n_in; i++)
    node->in[i] = *proto->input[i] ? find_name(p, proto->input[i]) : -1;
  for (int i = 0; i < node->n_out; i++) {
    node->out[i] = *proto->output[i] ? find_name(p, proto->output[i]) : -1;
    const Status rc = node->out[i] < 0 ? STATUS_OK : define(p, node->out[i], (int)k);
    if (rc) return rc;
  }
  return read_attributes(p, proto, node);
}

static Status refuse_undefined(Parse *p)
{
  OnnxGraph *g = p->graph;
  for (int k = 0; k < g->n_nodes; k++)
    for (int i = 0; i < g->nodes[k].n_in; i++) {
      const int value = g->nodes[k].in[i];
      if (value >= 0 && p->definer[value] == UNDEFINED)
        return status_fail(p->err, STATUS_DATA,
                           "%s: node '%s': its input '%s' is not defined anywhere",
                           p->path, g->nodes[k].name, g->values[value].name);
    }
  for (int k = 0; k < g->n_out; k++)
    if (p->definer[g->out[k]] == UNDEFINED)
      return status_fail(p->err, STATUS_DATA,
                         "%s: graph output '%s' is not defined anywhere", p->path,
                         g->values[g->out[k]].name);
  return STATUS_OK;
}

/* ---- order --------------------------------------------------------------- */

/* Depth first from every node in file order, on an explicit stack: a graph that is
 * in order already stays as it is.  state: 0 new, 1 on the stack, 2 done. */
static Status sort_nodes(Parse *p)
{
  OnnxGraph *g = p->graph;
  const size_t n = (size_t)g->n_nodes;
  char *state = mem_zero(n + 1, 1);
  int *stack = mem_array(n + 1, sizeof *stack);
  int *next_in = mem_zero(n + 1, sizeof *next_in);
  OnnxNode *sorted = keep_zero(g, n, sizeof *sorted);
  int n_sorted = 0;
  Status rc = STATUS_OK;
  for (int root = 0; root < g->n_nodes && !rc; root++) {
    int depth = 0;
    if (state[root] == 0) stack[depth++] = root;
    while (depth && !rc) {
      const int k = stack[depth - 1];
      const OnnxNode *node = &g->nodes[k];
      state[k] = 1;
      if (next_in[k] == node->n_in) {
        state[k] = 2;
        sorted[n_sorted++] = *node;
        depth--;
        continue;
      }
      const int value = node->in[next_in[k]++];
      const int from = value < 0 ? UNDEFINED : p->definer[value];
      if (from >= 0 && state[from] == 0) stack[depth++] = from;
      if (from >= 0 && state[from] == 1)
        rc = status_fail(p->err, STATUS_DATA,
                         "%s: node '%s' depends on its own output (a cycle)", p->path,
                         g->nodes[from].name);
    }
  }
  g->nodes = sorted;
  mem_free(state);
  mem_free(stack);
  mem_free(next_in);
  return rc;
}

/* ---- the model ----------------------------------------------------------- */

static Status read_versions(const char *path, const Onnx__ModelProto *model,
                            OnnxGraph *g, Err *err)
{
  g->ir_version = model->ir_version;
  if (!model->graph)
    return status_fail(err, STATUS_DATA, "%s: not an ONNX file: it has no graph", path);
  if (!model->has_ir_version || g->ir_version < IR_OLDEST || g->ir_version > IR_NEWEST)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: ONNX IR version %" PRId64 ", supported are %d to %d", path,
                       g->ir_version, IR_OLDEST, IR_NEWEST);
  if (model->n_functions)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: models with their own functions are not supported; inline "
                       "them when exporting",
                       path);
  bool found = false;
  for (size_t k = 0; k < model->n_opset_import; k++) {
    const Onnx__OperatorSetIdProto *set = model->opset_import[k];
    const char *domain = set->domain ? set->domain : "";
    if (*domain && strcmp(domain, "ai.onnx") != 0) continue;
    if (found && g->opset != set->version)
      return status_fail(err, STATUS_DATA, "%s: two versions of the ONNX operators",
                         path);
    g->opset = set->version;
    found = true;
  }
  if (!found)
    return status_fail(err, STATUS_DATA,
                       "%s: no version of the ONNX operators is given", path);
  return STATUS_OK;
}

static Status read_nodes(Parse *p)
{
  OnnxGraph *g = p->graph;
  g->nodes = keep_zero(g, p->proto->n_node, sizeof *g->nodes);
  for (size_t k = 0; k < p->proto->n_node; k++) {
    const Status rc = read_node(p, k, &g->nodes[k]);
    if (rc) return rc;
    g->n_nodes++;
  }
  return STATUS_OK;
}

static Status read_graph(Parse *p)
{
  Status rc = number_names(p);
  if (!rc) rc = read_initialisers(p);
  if (!rc) rc = read_interface(p);
  if (!rc) rc = read_nodes(p);
  if (!rc) rc = refuse_undefined(p);
  if (!rc) rc = sort_nodes(p);
  mem_free(p->names);
  mem_free(p->definer);
  return rc;
}

OnnxGraph *onnx_parse(const char *path, const File *file, Err *err)
{
  Onnx__ModelProto *model = onnx_wire_decode(path, file, err);
  if (!model) return NULL;
  OnnxGraph *graph = mem_zero(1, sizeof *graph);
  Status rc = read_versions(path, model, graph, err);
  if (!rc) {
    Parse parse = {.path = path, .err = err, .proto = model->graph, .graph = graph};
    rc = read_graph(&parse);
  }
  onnx_wire_free(model);
  if (!rc) return graph;
  onnx_free(graph);
  return NULL;
}

void onnx_free(OnnxGraph *graph)
{
  if (!graph) return;
  for (int i = 0; i < graph->n_blocks; i++)
    mem_free(graph->blocks[i]);
  mem_free(graph->blocks);
  mem_free(graph);
}

const OnnxAttr *onnx_attr(const OnnxNode *node, const char *name)
{
  for (int i = 0; i < node->n_attr; i++)
    if (!strcmp(node->attr[i].name, name)) return &node->attr[i];
  return NULL;
}

static int find_value(const OnnxGraph *g, const char *name)
{
  for (int k = 0; k < g->n_values; k++)
    if (!strcmp(g->values[k].name, name)) return k;
  return -1;
}

Status onnx_expose(const char *path, OnnxGraph *graph, const char *name, Err *err)
{
  const int value = find_value(graph, name);
  if (value < 0)
    return status_fail(err, STATUS_DATA,
                       "%s: no node has an output '%.80s', which the specification "
                       "declares as hidden (a name of a value, not of a node)",
                       path, name);
  for (int k = 0; k < graph->n_out; k++)
    if (graph->out[k] == value) return STATUS_OK;
  int *const out = keep_zero(graph, (size_t)graph->n_out + 1, sizeof *out);
  memcpy(out, graph->out, (size_t)graph->n_out * sizeof *out);
  out[graph->n_out++] = value;
  graph->n_hidden++;
  graph->out = out;
  return STATUS_OK;
}

void onnx_close_dims(OnnxGraph *graph, const char *name, int k, int rank,
                     const int *dims)
{
  if (name)
    for (k = 0; k < graph->n_in; k++)
      if (!strcmp(graph->values[graph->in[k]].name, name)) break;
  if (k >= graph->n_in || rank > ONNX_MAX_RANK) return;
  OnnxValue *const v = &graph->values[graph->in[k]];
  const bool is_unknown = v->rank < 0;
  if (!is_unknown && v->rank != rank) return;
  v->rank = rank;
  for (int d = 0; d < rank; d++)
    if (is_unknown || v->dims[d] < 0) v->dims[d] = dims[d];
}
