/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/make_onnx.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/lower.h"

static void *keep(MakeOnnx *m, void *block)
{
  m->blocks = mem_grow(m->blocks, (size_t)m->n_blocks + 1, sizeof *m->blocks);
  m->blocks[m->n_blocks++] = block;
  return block;
}

static void *keep_copy(MakeOnnx *m, const void *data, size_t bytes)
{
  void *copy = keep(m, mem_alloc(bytes));
  if (bytes) memcpy(copy, data, bytes);
  return copy;
}

static char *keep_text(MakeOnnx *m, const char *text)
{
  return keep(m, mem_strdup(text));
}

/* A list one longer; the old one stays until the end. */
static void *push(MakeOnnx *m, void *list, size_t *n, void *item)
{
  void **longer = keep(m, mem_zero(*n + 1, sizeof *longer));
  if (*n) memcpy(longer, list, *n * sizeof *longer);
  longer[(*n)++] = item;
  return longer;
}

MakeOnnx *make_onnx_new(int64_t opset)
{
  MakeOnnx *m = mem_zero(1, sizeof *m);
  m->model = keep(m, mem_zero(1, sizeof *m->model));
  m->graph = keep(m, mem_zero(1, sizeof *m->graph));
  onnx__model_proto__init(m->model);
  onnx__graph_proto__init(m->graph);
  m->model->graph = m->graph;
  m->model->has_ir_version = 1;
  m->model->ir_version = 8;
  Onnx__OperatorSetIdProto *set = keep(m, mem_zero(1, sizeof *set));
  onnx__operator_set_id_proto__init(set);
  set->has_version = 1;
  set->version = opset;
  m->model->opset_import =
      push(m, m->model->opset_import, &m->model->n_opset_import, set);
  return m;
}

void make_onnx_free(MakeOnnx *m)
{
  for (int i = 0; i < m->n_blocks; i++)
    mem_free(m->blocks[i]);
  mem_free(m->blocks);
  mem_free(m);
}

static Onnx__ValueInfoProto *value_info(MakeOnnx *m, const char *name)
{
  Onnx__ValueInfoProto *v = keep(m, mem_zero(1, sizeof *v));
  onnx__value_info_proto__init(v);
  v->name = keep_text(m, name);
  return v;
}

Onnx__ValueInfoProto *make_onnx_input(MakeOnnx *m, const char *name, int rank,
                                      const int64_t *dims)
{
  Onnx__ValueInfoProto *v = value_info(m, name);
  Onnx__TypeProto *type = keep(m, mem_zero(1, sizeof *type));
  Onnx__TypeProto__Tensor *tensor = keep(m, mem_zero(1, sizeof *tensor));
  Onnx__TensorShapeProto *shape = keep(m, mem_zero(1, sizeof *shape));
  onnx__type_proto__init(type);
  onnx__type_proto__tensor__init(tensor);
  onnx__tensor_shape_proto__init(shape);
  v->type = type;
  type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  type->tensor_type = tensor;
  tensor->has_elem_type = 1;
  tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  tensor->shape = shape;
  for (int d = 0; d < rank; d++) {
    Onnx__TensorShapeProto__Dimension *dim = keep(m, mem_zero(1, sizeof *dim));
    onnx__tensor_shape_proto__dimension__init(dim);
    if (dims[d] >= 0) {
      dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
      dim->dim_value = dims[d];
    } else {
      dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
      dim->dim_param = keep_text(m, "batch");
    }
    shape->dim = push(m, shape->dim, &shape->n_dim, dim);
  }
  m->graph->input = push(m, m->graph->input, &m->graph->n_input, v);
  return v;
}

void make_onnx_output(MakeOnnx *m, const char *name)
{
  m->graph->output =
      push(m, m->graph->output, &m->graph->n_output, value_info(m, name));
}

static Onnx__TensorProto *tensor_proto(MakeOnnx *m, const char *name, int type,
                                       int rank, const int64_t *dims)
{
  Onnx__TensorProto *t = keep(m, mem_zero(1, sizeof *t));
  onnx__tensor_proto__init(t);
  t->name = keep_text(m, name);
  t->has_data_type = 1;
  t->data_type = type;
  t->n_dims = (size_t)rank;
  t->dims = keep_copy(m, dims, (size_t)rank * sizeof *dims);
  m->graph->initializer = push(m, m->graph->initializer, &m->graph->n_initializer, t);
  return t;
}

Onnx__TensorProto *make_onnx_floats(MakeOnnx *m, const char *name, int rank,
                                    const int64_t *dims, const float *v)
{
  Onnx__TensorProto *t =
      tensor_proto(m, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
  t->n_float_data = 1;
  for (int d = 0; d < rank; d++)
    t->n_float_data *= (size_t)dims[d];
  t->float_data = keep_copy(m, v, t->n_float_data * sizeof *v);
  return t;
}

Onnx__TensorProto *make_onnx_int_tensor(MakeOnnx *m, const char *name, int rank,
                                        const int64_t *dims, const int64_t *v)
{
  Onnx__TensorProto *t =
      tensor_proto(m, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, rank, dims);
  t->n_int64_data = 1;
  for (int d = 0; d < rank; d++)
    t->n_int64_data *= (size_t)dims[d];
  t->int64_data = keep_copy(m, v, t->n_int64_data * sizeof *v);
  return t;
}

Onnx__TensorProto *make_onnx_ints(MakeOnnx *m, const char *name, int n,
                                  const int64_t *v)
{
  return make_onnx_int_tensor(m, name, 1, &(int64_t){n}, v);
}

static char **split_names(MakeOnnx *m, const char *text, size_t *n)
{
  char **list = NULL;
  for (const char *p = text; *p;) {
    const size_t length = strcspn(p, " ");
    char *name = keep(m, mem_strndup(p, length));
    if (!strcmp(name, "_")) *name = '\0';
    list = push(m, list, n, name);
    p += length;
    p += strspn(p, " ");
  }
  return list;
}

Onnx__NodeProto *make_onnx_node(MakeOnnx *m, const char *op, const char *in,
                                const char *out)
{
  Onnx__NodeProto *node = keep(m, mem_zero(1, sizeof *node));
  onnx__node_proto__init(node);
  node->op_type = keep_text(m, op);
  node->input = split_names(m, in, &node->n_input);
  node->output = split_names(m, out, &node->n_output);
  m->graph->node = push(m, m->graph->node, &m->graph->n_node, node);
  return node;
}

static Onnx__AttributeProto *attribute(MakeOnnx *m, Onnx__NodeProto *node,
                                       const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
  Onnx__AttributeProto *a = keep(m, mem_zero(1, sizeof *a));
  onnx__attribute_proto__init(a);
  a->name = keep_text(m, name);
  a->has_type = 1;
  a->type = type;
  node->attribute = push(m, node->attribute, &node->n_attribute, a);
  return a;
}

void make_onnx_attr_int(MakeOnnx *m, Onnx__NodeProto *node, const char *name, int64_t i)
{
  Onnx__AttributeProto *a =
      attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
  a->has_i = 1;
  a->i = i;
}

void make_onnx_attr_float(MakeOnnx *m, Onnx__NodeProto *node, const char *name, float f)
{
  Onnx__AttributeProto *a =
      attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
  a->has_f = 1;
  a->f = f;
}

void make_onnx_attr_string(MakeOnnx *m, Onnx__NodeProto *node, const char *name,
                           const char *s)
{
  Onnx__AttributeProto *a =
      attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
  a->has_s = 1;
  a->s.len = strlen(s);
  a->s.data = (uint8_t *)keep_text(m, s);
}

void make_onnx_attr_ints(MakeOnnx *m, Onnx__NodeProto *node, const char *name, int n,
                         const int64_t *v)
{
  Onnx__AttributeProto *a =
      attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
  a->n_ints = (size_t)n;
  a->ints = keep_copy(m, v, (size_t)n * sizeof *v);
}

File make_onnx_pack(const MakeOnnx *m)
{
  File file = {.size = onnx__model_proto__get_packed_size(m->model)};
  file.data = mem_zero(file.size + 1, 1);
  onnx__model_proto__pack(m->model, (uint8_t *)file.data);
  return file;
}

OnnxGraph *make_onnx_parse(const MakeOnnx *m, Err *err)
{
  File file = make_onnx_pack(m);
  OnnxGraph *graph = onnx_parse("test.onnx", &file, err);
  file_free(&file);
  return graph;
}

Net *make_onnx_load(const MakeOnnx *m, Err *err)
{
  OnnxGraph *graph = make_onnx_parse(m, err);
  Net *net = graph ? lower_graph("test.onnx", graph, err) : NULL;
  onnx_free(graph);
  return net;
}
