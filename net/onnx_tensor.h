/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/onnx_tensor.h -- one TensorProto as checked doubles.
 *
 * Accepted: FLOAT, DOUBLE, INT64, INT32 and BOOL, stored as raw_data (little
 * endian) or in the field of the type, at most ONNX_MAX_RANK dimensions, and
 * exactly as many numbers as the dimensions say.
 *
 * Integers beyond 2^53 are clamped to +-2^53: exporters write "to the end" of a
 * Slice as the largest int64, and every use as an index or size saturates there
 * anyway.  Arithmetic on such a constant is refused later (net/fold.h), because
 * the clamped number is not the stored one.
 */
#ifndef NET_ONNX_TENSOR_H
#define NET_ONNX_TENSOR_H

#include "net/base/status.h"
#include "net/onnx.h"
#include "onnx.pb-c.h"

#define ONNX_TENSOR_INT_LIMIT 0x1p53

/* Fill *tensor except its name.  tensor->v is owned by the caller (mem_free).
 * `where` names the tensor in messages: "model.onnx: tensor 'w'".
 * Fails DATA (sizes, NaN, infinity), UNSUPPORTED (type, rank, external data). */
Status onnx_tensor_read(const char *where, const Onnx__TensorProto *proto,
                        OnnxTensor *tensor, Err *err);

/* The OnnxType of a TensorProto.DataType number; false for the others. */
bool onnx_tensor_type(int32_t number, OnnxType *type);

/* "FLOAT16", ... of a TensorProto.DataType number. */
const char *onnx_tensor_type_name(int32_t number);

#endif
