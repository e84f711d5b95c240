/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/onnx.h -- an ONNX file as a checked, plain C graph.
 *
 * protobuf-c decodes with a capped allocator; everything a later stage relies on
 * is checked here: tensor sizes against their data, names against definitions,
 * types and dimensions.  Numbers are widened to double (exact for float32, and
 * for integers up to 2^53; larger ones are clamped to +-2^53, see
 * net/onnx_tensor.h).  Numbers that are not finite are refused.  In names, control
 * characters are replaced by "?".  No operator is interpreted.
 */
#ifndef NET_ONNX_H
#define NET_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/base/file.h"
#include "net/base/status.h"

#define ONNX_MAX_RANK 8

typedef enum { ONNX_FLOAT, ONNX_DOUBLE, ONNX_INT64, ONNX_INT32, ONNX_BOOL } OnnxType;

/* A constant tensor: double v[n], row-major; rank 0 is a scalar with n = 1. */
typedef struct {
  const char *name;
  OnnxType type;
  int rank;
  int64_t dims[ONNX_MAX_RANK];
  size_t n;
  double *v;
} OnnxTensor;

typedef struct {
  const char *name;
  enum {
    ONNX_ATTR_INT,
    ONNX_ATTR_FLOAT,
    ONNX_ATTR_STRING,
    ONNX_ATTR_INTS,
    ONNX_ATTR_FLOATS,
    ONNX_ATTR_TENSOR,
    ONNX_ATTR_OTHER
  } kind;
  int64_t i;
  double f;
  const char *s;
  int n; /* entries of ints or floats */
  int64_t *ints;
  double *floats;
  OnnxTensor tensor;
} OnnxAttr;

/* Tensors are numbered; a value index of -1 is an omitted optional input. */
typedef struct {
  const char *name; /* never NULL; "node 17" when the model gives none */
  const char *op;
  const char *domain;
  int n_in, n_out, n_attr;
  int *in, *out;
  OnnxAttr *attr;
} OnnxNode;

typedef struct {
  const char *name;
  OnnxType type;
  int rank;                    /* -1: shape unknown */
  int64_t dims[ONNX_MAX_RANK]; /* -1: unknown (dynamic) */
} OnnxValue;

typedef struct {
  int n_values;
  OnnxValue *values;
  const OnnxTensor **constant; /* constant[value]: its initialiser, or NULL */
  int n_nodes;
  OnnxNode *nodes; /* in an order in which every input is defined before its use */
  int n_in, *in;   /* graph inputs that are no initialisers, as value indices */
  int n_out, *out; /* graph outputs, then what onnx_expose added */
  int n_hidden;    /* how many that is */
  int64_t ir_version, opset;
  /* private */
  void **blocks;
  int n_blocks, blocks_room;
} OnnxGraph;

/* Returns an owned graph (onnx_free) or NULL with err set: DATA for truncated or
 * lying files, cycles, undefined names; UNSUPPORTED for tensor types. */
OnnxGraph *onnx_parse(const char *path, const File *file, Err *err);
void onnx_free(OnnxGraph *graph);

/* Make the value of that name one more output of the graph, unless it is one.  Fails
 * DATA when there is none. */
Status onnx_expose(const char *path, OnnxGraph *graph, const char *name, Err *err);

/* Graph input `name`, or number k where that is NULL, is read with these dimensions:
 * open ones (and an unknown shape) become what they say.  Nothing happens where there
 * is no such input or the rank differs; other dimensions stay as they are. */
void onnx_close_dims(OnnxGraph *graph, const char *name, int k, int rank,
                     const int *dims);

/* The attribute of that name, or NULL. */
const OnnxAttr *onnx_attr(const OnnxNode *node, const char *name);

#endif
