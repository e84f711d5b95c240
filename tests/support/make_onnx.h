/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/make_onnx.h -- small ONNX models in memory, also wrong ones.
 *
 *     MakeOnnx *m = make_onnx_new(13);
 *     make_onnx_input(m, "x", 2, (int64_t[]){1, 3});
 *     make_onnx_floats(m, "w", 2, (int64_t[]){3, 2}, (float[]){1, 2, 3, 4, 5, 6});
 *     make_onnx_node(m, "MatMul", "x w", "y");
 *     make_onnx_output(m, "y");
 *     Net *net = make_onnx_load(m, &err);
 *     make_onnx_free(m);
 *
 * The fields of the returned messages may be changed before packing.
 */
#ifndef TESTS_SUPPORT_MAKE_ONNX_H
#define TESTS_SUPPORT_MAKE_ONNX_H

#include "net/base/file.h"
#include "net/net.h"
#include "net/onnx.h"
#include "onnx.pb-c.h"

typedef struct {
  Onnx__ModelProto *model;
  Onnx__GraphProto *graph;
  void **blocks; /* everything the messages consist of */
  int n_blocks;
} MakeOnnx;

MakeOnnx *make_onnx_new(int64_t opset);
void make_onnx_free(MakeOnnx *m);

/* A dimension of -1 is left open. */
Onnx__ValueInfoProto *make_onnx_input(MakeOnnx *m, const char *name, int rank,
                                      const int64_t *dims);
void make_onnx_output(MakeOnnx *m, const char *name);

/* Initialisers. */
Onnx__TensorProto *make_onnx_floats(MakeOnnx *m, const char *name, int rank,
                                    const int64_t *dims, const float *v);
Onnx__TensorProto *make_onnx_int_tensor(MakeOnnx *m, const char *name, int rank,
                                        const int64_t *dims, const int64_t *v);
Onnx__TensorProto *make_onnx_ints(MakeOnnx *m, const char *name, int n,
                                  const int64_t *v);

/* Names of operands and results are separated by blanks; "_" leaves one out. */
Onnx__NodeProto *make_onnx_node(MakeOnnx *m, const char *op, const char *in,
                                const char *out);

void make_onnx_attr_int(MakeOnnx *m, Onnx__NodeProto *node, const char *name,
                        int64_t i);
void make_onnx_attr_float(MakeOnnx *m, Onnx__NodeProto *node, const char *name,
                          float f);
void make_onnx_attr_string(MakeOnnx *m, Onnx__NodeProto *node, const char *name,
                           const char *s);
void make_onnx_attr_ints(MakeOnnx *m, Onnx__NodeProto *node, const char *name, int n,
                         const int64_t *v);

/* The packed bytes; the caller calls file_free. */
File make_onnx_pack(const MakeOnnx *m);

/* Through onnx_parse, and through lower_graph too, under the path "test.onnx". */
OnnxGraph *make_onnx_parse(const MakeOnnx *m, Err *err);
Net *make_onnx_load(const MakeOnnx *m, Err *err);

#endif
