/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_tensor.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"

bool onnx_tensor_type(int32_t number, OnnxType *type)
{
  switch (number) {
  case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    *type = ONNX_FLOAT;
    return true;
  case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    *type = ONNX_DOUBLE;
    return true;
  case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
    *type = ONNX_INT64;
    return true;
  case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    *type = ONNX_INT32;
    return true;
  case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
    *type = ONNX_BOOL;
    return true;
  default:
    return false;
  }
}

const char *onnx_tensor_type_name(int32_t number)
{
  static const char *const names[] = {
      "UNDEFINED", "FLOAT",  "UINT8",     "INT8",       "UINT16",  "INT16",
      "INT32",     "INT64",  "STRING",    "BOOL",       "FLOAT16", "DOUBLE",
      "UINT32",    "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"};
  const int n = (int)(sizeof names / sizeof *names);
  return number >= 0 && number < n ? names[number] : "of a newer ONNX";
}

/* ---- little-endian bytes ----------------------------------------------------------
 */

static uint64_t bytes_le(const uint8_t *p, int n)
{
  uint64_t x = 0;
  for (int i = n - 1; i >= 0; i--)
    x = x << 8 | p[i];
  return x;
}

static double raw_number(OnnxType type, const uint8_t *p)
{
  const uint64_t x = bytes_le(p, type == ONNX_DOUBLE || type == ONNX_INT64 ? 8
                                 : type == ONNX_BOOL                       ? 1
                                                                           : 4);
  const uint32_t low = (uint32_t)x;
  float f;
  double d;
  int64_t i;
  int32_t j;
  switch (type) {
  case ONNX_FLOAT:
    memcpy(&f, &low, sizeof f);
    return (double)f;
  case ONNX_DOUBLE:
    memcpy(&d, &x, sizeof d);
    return d;
  case ONNX_INT64:
    memcpy(&i, &x, sizeof i);
    return (double)i;
  case ONNX_INT32:
    memcpy(&j, &low, sizeof j);
    return (double)j;
  case ONNX_BOOL:
    return (double)x;
  }
  return NAN;
}

static size_t raw_size(OnnxType type)
{
  return type == ONNX_DOUBLE || type == ONNX_INT64 ? 8 : type == ONNX_BOOL ? 1 : 4;
}

/* ---- counting ------------------------------------------------------------ */

/* The numbers in the field that belongs to the type. */
static size_t n_typed(const Onnx__TensorProto *p, OnnxType type)
{
  switch (type) {
  case ONNX_FLOAT:
    return p->n_float_data;
  case ONNX_DOUBLE:
    return p->n_double_data;
  case ONNX_INT64:
    return p->n_int64_data;
  case ONNX_INT32:
  case ONNX_BOOL:
    return p->n_int32_data;
  }
  return 0;
}

static double typed_number(const Onnx__TensorProto *p, OnnxType type, size_t i)
{
  switch (type) {
  case ONNX_FLOAT:
    return (double)p->float_data[i];
  case ONNX_DOUBLE:
    return p->double_data[i];
  case ONNX_INT64:
    return (double)p->int64_data[i];
  case ONNX_INT32:
  case ONNX_BOOL:
    return (double)p->int32_data[i];
  }
  return NAN;
}

static Status read_dims(const char *where, const Onnx__TensorProto *p, OnnxTensor *t,
                        Err *err)
{
  if (p->n_dims > ONNX_MAX_RANK)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s has %zu dimensions, at most %d are supported", where,
                       p->n_dims, ONNX_MAX_RANK);
  t->rank = (int)p->n_dims;
  uint64_t n = 1;
  bool empty = false;
  for (int d = 0; d < t->rank; d++) {
    t->dims[d] = p->dims[d];
    if (p->dims[d] < 0)
      return status_fail(err, STATUS_DATA, "%s has the negative dimension %" PRId64,
                         where, p->dims[d]);
    empty = empty || p->dims[d] == 0;
    /* Dimensions of zero must not hide an overflow of the others. */
    if (p->dims[d] && __builtin_mul_overflow(n, (uint64_t)p->dims[d], &n))
      return status_fail(err, STATUS_DATA,
                         "%s: the product of its dimensions overflows", where);
  }
  t->n = empty ? 0 : n;
  return STATUS_OK;
}

static Status check_count(const char *where, const Onnx__TensorProto *p,
                          const OnnxTensor *t, Err *err)
{
  const size_t typed = n_typed(p, t->type);
  const size_t all = p->n_float_data + p->n_double_data + p->n_int64_data +
                     p->n_int32_data + p->n_uint64_data + p->n_string_data;
  const bool raw = p->has_raw_data && p->raw_data.len;
  if (raw ? all != 0 : all != typed)
    return status_fail(err, STATUS_DATA, "%s stores its numbers in two places", where);
  const size_t bytes = raw_size(t->type);
  const bool fits =
      raw ? p->raw_data.len / bytes == t->n && p->raw_data.len % bytes == 0
          : typed == t->n;
  if (!fits)
    return status_fail(
        err, STATUS_DATA, "%s: its dimensions ask for %zu numbers but it stores %zu %s",
        where, t->n, raw ? p->raw_data.len : typed, raw ? "bytes" : "numbers");
  return STATUS_OK;
}

static Status check_number(const char *where, OnnxType type, size_t i, double *x,
                           Err *err)
{
  if (!isfinite(*x))
    return status_fail(err, STATUS_DATA, "%s: number %zu is %s", where, i,
                       isnan(*x) ? "NaN" : "infinite");
  if (type == ONNX_BOOL && *x != 0 && *x != 1)
    return status_fail(err, STATUS_DATA, "%s: number %zu is no BOOL", where, i);
  if (type == ONNX_INT64 && fabs(*x) > ONNX_TENSOR_INT_LIMIT)
    *x = copysign(ONNX_TENSOR_INT_LIMIT, *x);
  return STATUS_OK;
}

Status onnx_tensor_read(const char *where, const Onnx__TensorProto *proto,
                        OnnxTensor *tensor, Err *err)
{
  if ((proto->has_data_location &&
       proto->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT) ||
      proto->n_external_data)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s is stored in another file; save the model with its weights "
                       "inside",
                       where);
  if (!onnx_tensor_type(proto->data_type, &tensor->type))
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s has type %s; supported are FLOAT, DOUBLE, INT64, INT32 and "
                       "BOOL",
                       where, onnx_tensor_type_name(proto->data_type));
  if (proto->segment)
    return status_fail(err, STATUS_UNSUPPORTED, "%s is stored in segments", where);
  Status rc = read_dims(where, proto, tensor, err);
  if (rc) return rc;
  if ((rc = check_count(where, proto, tensor, err))) return rc;
  const bool raw = proto->has_raw_data && proto->raw_data.len;
  const size_t bytes = raw_size(tensor->type);
  tensor->v = mem_doubles(tensor->n);
  for (size_t i = 0; i < tensor->n; i++) {
    tensor->v[i] = raw ? raw_number(tensor->type, proto->raw_data.data + i * bytes)
                       : typed_number(proto, tensor->type, i);
    if ((rc = check_number(where, tensor->type, i, &tensor->v[i], err))) {
      mem_free(tensor->v);
      tensor->v = NULL;
      return rc;
    }
  }
  return STATUS_OK;
}
