/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/onnx_wire.h -- bytes to protobuf-c messages, safely.
 *
 * protobuf-c decodes nested messages by recursion and asks for whatever memory
 * the bytes describe.  Both are bounded here: a walk without recursion refuses
 * deep nesting before decoding, and the allocator stops at
 *
 *     ONNX_WIRE_FLOOR + ONNX_WIRE_FACTOR * (file size)   bytes.
 *
 * Names with a zero byte inside are refused.
 *
 * Ordinary models need one to three times their size; a list of two-byte empty
 * messages would need more than a hundred times.
 */
#ifndef NET_ONNX_WIRE_H
#define NET_ONNX_WIRE_H

#include "net/base/file.h"
#include "net/base/status.h"
#include "onnx.pb-c.h"

#define ONNX_WIRE_FLOOR     ((size_t)64 << 20)
#define ONNX_WIRE_FACTOR    16
#define ONNX_WIRE_MAX_DEPTH 48 /* a plain model nests 7 messages */

/* Returns an owned message (onnx_wire_free), or NULL with err set:
 * DATA for bytes that are no ONNX model. */
Onnx__ModelProto *onnx_wire_decode(const char *path, const File *file, Err *err);
void onnx_wire_free(Onnx__ModelProto *model); /* NULL is fine */

#endif
