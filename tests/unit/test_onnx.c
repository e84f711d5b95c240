/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/onnx.h"
#include "net/onnx_wire.h"
#include "tests/support/make_onnx.h"

/* y = x w with a 3 x 2 matrix. */
static MakeOnnx *small_model(void)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 2, (int64_t[]){1, 3});
  make_onnx_floats(m, "w", 2, (int64_t[]){3, 2}, (float[]){1, 2, 3, 4, 5, 6});
  make_onnx_node(m, "MatMul", "x w", "y");
  make_onnx_output(m, "y");
  return m;
}

/* Parsing fails with this status and one line that holds `part`. */
static void refused(MakeOnnx *m, Status code, const char *part)
{
  Err err = {0};
  OnnxGraph *graph = make_onnx_parse(m, &err);
  cr_assert_null(graph);
  cr_expect_eq(err.code, code, "%s", err.text);
  cr_expect(strstr(err.text, part), "'%s' not in: %s", part, err.text);
  cr_expect(!strncmp(err.text, "test.onnx: ", 11), "%s", err.text);
  cr_expect_null(strchr(err.text, '\n'));
  status_reset(&err);
  make_onnx_free(m);
}

static OnnxGraph *accepted(MakeOnnx *m)
{
  Err err = {0};
  OnnxGraph *graph = make_onnx_parse(m, &err);
  cr_assert(graph, "%s", err.text);
  make_onnx_free(m);
  return graph;
}

Test(onnx, reads_a_small_model)
{
  OnnxGraph *g = accepted(small_model());
  cr_expect_eq(g->n_nodes, 1);
  cr_expect_eq(g->n_in, 1);
  cr_expect_str_eq(g->values[g->in[0]].name, "x");
  cr_expect_eq(g->values[g->in[0]].dims[1], 3);
  const OnnxTensor *w = g->constant[g->nodes[0].in[1]];
  cr_assert_not_null(w);
  cr_expect_eq(w->n, 6);
  cr_expect_eq(w->v[5], 6);
  cr_expect_str_eq(g->nodes[0].name, "node 0");
  onnx_free(g);
}

Test(onnx, reads_raw_bytes_as_little_endian)
{
  MakeOnnx *m = small_model();
  uint8_t bytes[] = {0, 0, 128, 63, 0, 0, 32, 192, 0, 0, 0,   0,
                     1, 0, 0,   0,  0, 0, 0,  66,  0, 0, 128, 190};
  Onnx__TensorProto *w = m->graph->initializer[0];
  w->n_float_data = 0;
  w->has_raw_data = 1;
  w->raw_data = (ProtobufCBinaryData){sizeof bytes, bytes};
  OnnxGraph *g = accepted(m);
  const double *v = g->constant[g->nodes[0].in[1]]->v;
  cr_expect(v[0] == 1 && v[1] == -2.5 && v[2] == 0 && v[3] == 0x1p-149 && v[4] == 32 &&
            v[5] == -0.25);
  onnx_free(g);
}

Test(onnx, clamps_the_largest_integers)
{
  MakeOnnx *m = small_model();
  make_onnx_ints(m, "ends", 3, (int64_t[]){INT64_MAX, INT64_MIN, -7});
  make_onnx_node(m, "Slice", "x ends ends", "z");
  OnnxGraph *g = accepted(m);
  const double *v = g->constant[g->nodes[1].in[1]]->v;
  cr_expect(v[0] == 0x1p53 && v[1] == -0x1p53 && v[2] == -7);
  onnx_free(g);
}

Test(onnx, puts_nodes_in_order)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 1, (int64_t[]){2});
  make_onnx_node(m, "Relu", "b", "c");
  make_onnx_node(m, "Neg", "a", "b");
  make_onnx_node(m, "Identity", "x", "a");
  make_onnx_output(m, "c");
  OnnxGraph *g = accepted(m);
  cr_expect_str_eq(g->nodes[0].op, "Identity");
  cr_expect_str_eq(g->nodes[1].op, "Neg");
  cr_expect_str_eq(g->nodes[2].op, "Relu");
  onnx_free(g);
}

Test(onnx, takes_an_initialiser_that_is_also_an_input_as_constant)
{
  MakeOnnx *m = small_model();
  make_onnx_input(m, "w", 2, (int64_t[]){3, 2});
  OnnxGraph *g = accepted(m);
  cr_expect_eq(g->n_in, 1);
  onnx_free(g);
}

Test(onnx, knows_omitted_operands)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 1, (int64_t[]){2});
  make_onnx_node(m, "Clip", "x _ x", "y");
  make_onnx_output(m, "y");
  OnnxGraph *g = accepted(m);
  cr_expect_eq(g->nodes[0].n_in, 3);
  cr_expect_eq(g->nodes[0].in[1], -1);
  onnx_free(g);
}

Test(onnx, replaces_control_characters_in_names)
{
  MakeOnnx *m = small_model();
  char name[] = "a\nverified\x1b";
  m->graph->node[0]->name = name;
  OnnxGraph *g = accepted(m);
  cr_expect_str_eq(g->nodes[0].name, "a?verified?");
  onnx_free(g);
}

/* ---- wrong files --------------------------------------------------------- */

static void refused_bytes(const void *data, size_t size, const char *part)
{
  File file = {.size = size, .data = mem_zero(size + 1, 1)};
  Err err = {0};
  memcpy(file.data, data, size);
  cr_assert_null(onnx_parse("bad.onnx", &file, &err));
  cr_expect_eq(err.code, STATUS_DATA);
  cr_expect(strstr(err.text, part), "%s", err.text);
  status_reset(&err);
  file_free(&file);
}

Test(onnx, refuses_what_is_no_onnx_file)
{
  refused_bytes("", 0, "not an ONNX file");
  refused_bytes("PK\003\004 a zip archive", 18, "not an ONNX file");
  refused_bytes("\x89HDF\r\n\x1a\n", 8, "not an ONNX file");
  refused_bytes("\x08\x08", 2, "no graph");
}

Test(onnx, refuses_every_truncation)
{
  MakeOnnx *m = small_model();
  File whole = make_onnx_pack(m);
  for (size_t n = 0; n < whole.size; n++) {
    File part = {.size = n, .data = mem_zero(n + 1, 1)};
    Err err = {0};
    memcpy(part.data, whole.data, n);
    OnnxGraph *g = onnx_parse("cut.onnx", &part, &err);
    cr_expect(!g && err.code, "%zu of %zu bytes were accepted", n, whole.size);
    onnx_free(g);
    status_reset(&err);
    file_free(&part);
  }
  file_free(&whole);
  make_onnx_free(m);
}

Test(onnx, survives_every_changed_byte)
{
  MakeOnnx *m = small_model();
  File file = make_onnx_pack(m);
  for (size_t i = 0; i < file.size; i++)
    for (int flip = 1; flip < 256; flip += flip < 8 ? 1 : 31) {
      Err err = {0};
      file.data[i] = (char)(file.data[i] ^ flip);
      OnnxGraph *g = onnx_parse("changed.onnx", &file, &err);
      cr_expect((g != NULL) == (err.code == STATUS_OK));
      onnx_free(g);
      status_reset(&err);
      file.data[i] = (char)(file.data[i] ^ flip);
    }
  file_free(&file);
  make_onnx_free(m);
}

/* Graph (7) > node (1) > attribute (5) > graph (6) > node (1) > ... */
Test(onnx, refuses_deep_nesting_without_recursion)
{
  const int levels = 30001;
  const size_t room = (size_t)levels * 6;
  uint8_t *bytes = mem_zero(room, 1);
  size_t at = room, n = 0;
  for (int k = 0; k < levels; k++) {
    uint8_t head[8];
    size_t h = 0;
    head[h++] = (uint8_t)((k == levels - 1 ? 7
                           : k % 3 == 0    ? 6
                           : k % 3 == 1    ? 5
                                           : 1)
                              << 3 |
                          2);
    size_t length = n;
    do {
      head[h++] = (uint8_t)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
      length >>= 7;
    } while (length);
    at -= h;
    memcpy(bytes + at, head, h);
    n += h;
  }
  refused_bytes(bytes + at, n, "nested");
  mem_free(bytes);
}

/* C would see "x" and find it defined. */
Test(onnx, refuses_names_with_a_zero_inside)
{
  MakeOnnx *m = small_model();
  make_onnx_node(m, "Relu", "xAz", "z");
  File file = make_onnx_pack(m);
  size_t at = 0;
  while (at + 3 <= file.size && memcmp(file.data + at, "xAz", 3) != 0)
    at++;
  cr_assert_lt(at + 3, file.size);
  file.data[at + 1] = 0;
  refused_bytes((const uint8_t *)file.data, file.size, "zero byte");
  file_free(&file);
  make_onnx_free(m);
}

/* Two bytes per empty node (graph: field 7, node: field 1). */
Test(onnx, refuses_to_spend_memory_beyond_the_size)
{
  const size_t n = 2000000;
  uint8_t *bytes = mem_zero(n + 8, 1);
  bytes[0] = 7 << 3 | 2;
  size_t at = 1;
  for (size_t length = n; length; length >>= 7)
    bytes[at++] = (uint8_t)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
  for (size_t i = 0; i < n; i += 2)
    bytes[at + i] = 1 << 3 | 2;
  const size_t before = mem_live_bytes();
  refused_bytes(bytes, at + n, "memory");
  cr_expect(mem_peak_bytes() - before < ONNX_WIRE_FLOOR + (ONNX_WIRE_FACTOR + 4) * n);
  mem_free(bytes);
}

Test(onnx, refuses_a_tensor_whose_size_lies)
{
  MakeOnnx *m = small_model();
  m->graph->initializer[0]->n_float_data = 5;
  refused(m, STATUS_DATA, "initialiser 'w': its dimensions ask for 6 numbers");
  m = small_model();
  m->graph->initializer[0]->dims[0] = 4;
  refused(m, STATUS_DATA, "initialiser 'w'");
  m = small_model();
  uint8_t bytes[25] = {0};
  m->graph->initializer[0]->n_float_data = 0;
  m->graph->initializer[0]->has_raw_data = 1;
  m->graph->initializer[0]->raw_data = (ProtobufCBinaryData){sizeof bytes, bytes};
  refused(m, STATUS_DATA, "25 bytes");
}

Test(onnx, refuses_dimensions_that_overflow)
{
  MakeOnnx *m = small_model();
  m->graph->initializer[0]->dims[0] = (int64_t)1 << 62;
  m->graph->initializer[0]->dims[1] = 8;
  refused(m, STATUS_DATA, "overflows");
  m = small_model();
  m->graph->initializer[0]->dims[0] = -3;
  refused(m, STATUS_DATA, "negative dimension -3");
}

Test(onnx, refuses_too_many_dimensions)
{
  MakeOnnx *m = small_model();
  int64_t dims[9] = {1, 1, 1, 1, 1, 1, 1, 3, 2};
  m->graph->initializer[0]->n_dims = 9;
  m->graph->initializer[0]->dims = dims;
  refused(m, STATUS_UNSUPPORTED, "9 dimensions");
}

Test(onnx, refuses_weights_that_are_no_numbers)
{
  MakeOnnx *m = small_model();
  m->graph->initializer[0]->float_data[3] = NAN;
  refused(m, STATUS_DATA, "initialiser 'w': number 3 is NaN");
  m = small_model();
  m->graph->initializer[0]->float_data[0] = -INFINITY;
  refused(m, STATUS_DATA, "infinite");
}

Test(onnx, refuses_tensor_types_it_cannot_widen)
{
  MakeOnnx *m = small_model();
  m->graph->initializer[0]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
  refused(m, STATUS_UNSUPPORTED, "initialiser 'w' has type FLOAT16");
}

Test(onnx, refuses_data_in_other_files)
{
  MakeOnnx *m = small_model();
  m->graph->initializer[0]->has_data_location = 1;
  m->graph->initializer[0]->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
  refused(m, STATUS_UNSUPPORTED, "another file");
}

Test(onnx, refuses_a_value_defined_twice)
{
  MakeOnnx *m = small_model();
  make_onnx_node(m, "Relu", "x", "y");
  refused(m, STATUS_DATA, "value 'y' is defined twice");
  m = small_model();
  make_onnx_node(m, "Relu", "x", "w");
  refused(m, STATUS_DATA, "value 'w' is defined twice");
  m = small_model();
  make_onnx_floats(m, "w", 1, (int64_t[]){1}, (float[]){1});
  refused(m, STATUS_DATA, "value 'w' is defined twice");
}

Test(onnx, refuses_names_that_nobody_defines)
{
  MakeOnnx *m = small_model();
  make_onnx_node(m, "Add", "y missing", "z");
  refused(m, STATUS_DATA, "its input 'missing' is not defined");
  m = small_model();
  make_onnx_output(m, "nowhere");
  refused(m, STATUS_DATA, "graph output 'nowhere' is not defined");
}

Test(onnx, refuses_a_cycle_and_names_a_node_on_it)
{
  MakeOnnx *m = small_model();
  char name[] = "loop";
  make_onnx_node(m, "Add", "x c", "a");
  make_onnx_node(m, "Relu", "a", "b")->name = name;
  make_onnx_node(m, "Neg", "b", "c");
  m->graph->node[1]->name = name;
  m->graph->node[3]->name = name;
  refused(m, STATUS_DATA, "node 'loop' depends on its own output");
}

/* A chain far deeper than any stack of calls. */
Test(onnx, sorts_a_long_backward_chain)
{
  enum { N = 3000 };
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "v0", 1, (int64_t[]){1});
  for (int k = N; k > 0; k--) {
    char in[16], out[16];
    snprintf(in, sizeof in, "v%d", k - 1);
    snprintf(out, sizeof out, "v%d", k);
    make_onnx_node(m, "Relu", in, out);
  }
  make_onnx_output(m, "v3000");
  OnnxGraph *g = accepted(m);
  cr_expect_eq(g->n_nodes, N);
  cr_expect_eq(g->nodes[0].in[0], g->in[0]);
  onnx_free(g);
}

Test(onnx, refuses_an_attribute_given_twice)
{
  MakeOnnx *m = small_model();
  make_onnx_attr_int(m, m->graph->node[0], "axis", 1);
  make_onnx_attr_int(m, m->graph->node[0], "axis", 2);
  refused(m, STATUS_DATA, "attribute axis is given twice");
}

Test(onnx, refuses_versions_it_does_not_know)
{
  MakeOnnx *m = small_model();
  m->model->ir_version = 99;
  refused(m, STATUS_UNSUPPORTED, "IR version 99");
  m = small_model();
  m->model->n_opset_import = 0;
  refused(m, STATUS_DATA, "no version of the ONNX operators");
}

Test(onnx, refuses_functions_and_sparse_initialisers)
{
  MakeOnnx *m = small_model();
  Onnx__FunctionProto function, *functions[] = {&function};
  onnx__function_proto__init(&function);
  m->model->n_functions = 1;
  m->model->functions = functions;
  refused(m, STATUS_UNSUPPORTED, "functions");
  m = small_model();
  Onnx__SparseTensorProto sparse, *tensors[] = {&sparse};
  onnx__sparse_tensor_proto__init(&sparse);
  m->graph->n_sparse_initializer = 1;
  m->graph->sparse_initializer = tensors;
  refused(m, STATUS_UNSUPPORTED, "sparse");
}
