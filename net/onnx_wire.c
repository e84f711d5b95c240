/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/base/mem.h"

/* ---- nesting ------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct {
  const uint8_t *end;
  const ProtobufCMessageDescriptor *type;
} Level;

static bool take_varint(const uint8_t **pos, const uint8_t *end, uint64_t *value)
{
  *value = 0;
  for (int shift = 0; shift < 70 && *pos < end; shift += 7) {
    const uint8_t byte = *(*pos)++;
    if (shift < 64) *value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

static const ProtobufCFieldDescriptor *
find_field(const ProtobufCMessageDescriptor *type, uint64_t id)
{
  if (id > UINT32_MAX) return NULL;
  return protobuf_c_message_descriptor_get_field(type, (unsigned)id);
}

typedef enum { WALK_OK, WALK_BROKEN, WALK_DEEP, WALK_ZERO } Walk;

static Walk walk(const uint8_t *pos, size_t size)
{
  Level stack[ONNX_WIRE_MAX_DEPTH];
  int depth = 0;
  stack[0] = (Level){pos + size, &onnx__model_proto__descriptor};
  for (;;) {
    const uint8_t *end = stack[depth].end;
    if (pos == end) {
      if (depth-- == 0) return WALK_OK;
      continue;
    }
    uint64_t tag, n = 0;
    if (!take_varint(&pos, end, &tag)) return WALK_BROKEN;
    switch (tag & 7) {
    case WIRE_VARINT:
      if (!take_varint(&pos, end, &n)) return WALK_BROKEN;
      continue;
    case WIRE_64:
      n = 8;
      break;
    case WIRE_32:
      n = 4;
      break;
    case WIRE_BYTES:
      if (!take_varint(&pos, end, &n)) return WALK_BROKEN;
      break;
    default:
      return WALK_BROKEN;
    }
    if (n > (uint64_t)(end - pos)) return WALK_BROKEN;
    const ProtobufCFieldDescriptor *field =
        (tag & 7) == WIRE_BYTES ? find_field(stack[depth].type, tag >> 3) : NULL;
    /* C would see only what is before the zero, and take two names for one. */
    if (field && field->type == PROTOBUF_C_TYPE_STRING && memchr(pos, 0, n))
      return WALK_ZERO;
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
      pos += n;
    } else {
      if (++depth == ONNX_WIRE_MAX_DEPTH) return WALK_DEEP;
      stack[depth] = (Level){pos + n, field->descriptor};
    }
  }
}

/* ---- memory -------------------------------------------------------------- */

typedef struct {
  size_t room; /* bytes that may still be asked for */
} Budget;

/* NULL only beyond the budget, so that the file is to blame.  Where memory itself is
 * missing, mem_alloc says so and ends the process. */
static void *budget_alloc(void *data, size_t bytes)
{
  Budget *budget = data;
  /* What the allocators below put before a block, so that many tiny ones count too. */
  const size_t cost = bytes < SIZE_MAX - 48 ? bytes + 48 : SIZE_MAX;
  budget->room = cost <= budget->room ? budget->room - cost : 0;
  return budget->room ? mem_alloc(bytes) : NULL;
}

static void budget_free(void *data, void *block)
{
  (void)data;
  mem_free(block);
}

Onnx__ModelProto *onnx_wire_decode(const char *path, const File *file, Err *err)
{
  const uint8_t *bytes = (const uint8_t *)file->data;
  const Walk shape = file->size ? walk(bytes, file->size) : WALK_BROKEN;
  if (shape == WALK_DEEP) {
    status_fail(err, STATUS_DATA,
                "%s: not an ONNX file: messages are nested more than %d deep", path,
                ONNX_WIRE_MAX_DEPTH);
    return NULL;
  }
  if (shape == WALK_ZERO) {
    status_fail(err, STATUS_DATA, "%s: a name contains a zero byte", path);
    return NULL;
  }
  if (shape == WALK_BROKEN) {
    status_fail(err, STATUS_DATA,
                "%s: not an ONNX file or truncated; export or copy it again", path);
    return NULL;
  }
  const size_t most = (SIZE_MAX / 2 - ONNX_WIRE_FLOOR) / ONNX_WIRE_FACTOR;
  const size_t size = file->size < most ? file->size : most;
  Budget budget = {.room = ONNX_WIRE_FLOOR + ONNX_WIRE_FACTOR * size};
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
  Onnx__ModelProto *model = onnx__model_proto__unpack(&allocator, file->size, bytes);
  if (!model)
    status_fail(err, STATUS_DATA, "%s: %s", path,
                budget.room ? "not an ONNX file or truncated; export or copy it again"
                            : "not an ONNX file: decoding needs far more memory than "
                              "its size justifies");
  return model;
}

void onnx_wire_free(Onnx__ModelProto *model)
{
  Budget budget = {0};
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
  if (model) onnx__model_proto__free_unpacked(model, &allocator);
}
