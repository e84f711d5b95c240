/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A mutator that keeps protobuf messages well-formed.
 *
 * Changing bytes at random breaks the length of some enclosing message nearly always,
 * and then nothing behind the decoder is reached.  Here one field, anywhere in the
 * nesting, is changed, removed, repeated or replaced by another of its kind, and all
 * lengths around it are written anew.  One time in sixteen libFuzzer's own mutations
 * get the whole file.
 */
#include <stdbool.h>
#include <string.h>

#include "onnx.pb-c.h"
#include "tests/fuzz/target.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b,
                                 size_t n_b, uint8_t *out, size_t max_size,
                                 unsigned seed);

typedef struct {
  const ProtobufCMessageDescriptor *type; /* of the message that it is in */
  uint64_t tag;
  size_t start, length_at, body,
      end;    /* of the tag, the length, the content, the rest */
  int parent; /* -1: the file */
} Field;

enum { MAX_FIELDS = 4096, MAX_DEPTH = 12, MAX_BODY = 1 << 16 };
static Field fields[MAX_FIELDS];
static uint8_t body[MAX_BODY], scratch[1 << 21];
static uint64_t random_state;

static unsigned below(unsigned n)
{
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(random_state >> 33) % n;
}

static bool take_varint(const uint8_t *data, size_t *at, size_t end, uint64_t *value)
{
  *value = 0;
  for (int shift = 0; shift < 64 && *at < end; shift += 7) {
    const uint8_t byte = data[(*at)++];
    *value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

static size_t put_varint(uint8_t *out, uint64_t value)
{
  size_t n = 0;
  do {
    out[n++] = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);
    value >>= 7;
  } while (value);
  return n;
}

static const ProtobufCFieldDescriptor *describe(const ProtobufCMessageDescriptor *type,
                                                uint64_t tag)
{
  return tag >> 3 > INT32_MAX
             ? NULL
             : protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
}

/* Append the fields of data[at..end), outer ones first; false when it is no message. */
static bool collect(const uint8_t *data, size_t at, size_t end, int parent, int depth,
                    const ProtobufCMessageDescriptor *type, int *n)
{
  while (at < end) {
    Field f = {.type = type, .start = at, .parent = parent};
    uint64_t length = 0;
    if (!take_varint(data, &at, end, &f.tag)) return false;
    f.length_at = f.body = at;
    switch (f.tag & 7) {
    case 0:
      if (!take_varint(data, &at, end, &length)) return false;
      f.end = at;
      break;
    case 2:
      if (!take_varint(data, &at, end, &length) || length > end - at) return false;
      f.body = at;
      f.end = at + length;
      break;
    case 1:
    case 5:
      f.end = at + ((f.tag & 7) == 1 ? 8 : 4);
      if (f.end > end) return false;
      break;
    default:
      return false;
    }
    at = f.end;
    if (*n == MAX_FIELDS) return true;
    fields[(*n)++] = f;
    const ProtobufCFieldDescriptor *known = describe(type, f.tag);
    if ((f.tag & 7) == 2 && known && known->type == PROTOBUF_C_TYPE_MESSAGE &&
        depth < MAX_DEPTH &&
        !collect(data, f.body, f.end, *n - 1, depth + 1, known->descriptor, n))
      return false;
  }
  return true;
}

/* Replace data[from..to), which lies inside `parent`, and mend the lengths around it.
 * Returns the new size; 0 when it does not fit. */
static size_t splice(uint8_t *data, size_t size, size_t max_size, size_t from,
                     size_t to, const uint8_t *with, size_t n, int parent)
{
  if (size - (to - from) + n + 10 * MAX_DEPTH > sizeof scratch) return 0;
  memmove(scratch, with, n); /* scratch[0..n) replaces data[from..to) */
  for (; parent >= 0; parent = fields[parent].parent) {
    const Field *f = &fields[parent];
    uint8_t length[10];
    const size_t before = from - f->body, after = f->end - to;
    const size_t n_length = put_varint(length, before + n + after);
    memmove(scratch + n_length + before, scratch, n);
    memcpy(scratch, length, n_length);
    memcpy(scratch + n_length, data + f->body, before);
    memcpy(scratch + n_length + before + n, data + to, after);
    n += n_length + before + after;
    from = f->length_at;
    to = f->end;
  }
  if (from + n + (size - to) > max_size) return 0;
  memmove(data + from + n, data + to, size - to);
  memcpy(data + from, scratch, n);
  return from + n + (size - to);
}

/* ---- new content ---------------------------------------------------------- */

static size_t change_number(const uint8_t *data, const Field *f)
{
  static const uint64_t special[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     7,
                                     8,
                                     9,
                                     11,
                                     16,
                                     127,
                                     255,
                                     1 << 20,
                                     INT32_MAX,
                                     (uint64_t)1 << 32,
                                     INT64_MAX,
                                     (uint64_t)-1,
                                     (uint64_t)-2,
                                     (uint64_t)INT64_MIN};
  size_t at = f->body;
  uint64_t value = 0;
  take_varint(data, &at, f->end, &value);
  const unsigned how = below(4);
  if (how == 0)
    value = special[below(sizeof special / sizeof *special)];
  else
    value = how == 1 ? value + 1 : how == 2 ? value - 1 : value ^ (1u << below(8));
  return put_varint(body, value);
}

static size_t change_leaf(const uint8_t *data, const Field *f)
{
  const size_t n = f->end - f->body;
  if ((f->tag & 7) == 0) return change_number(data, f);
  if (n > MAX_BODY) return 0;
  memcpy(body, data + f->body, n);
  if ((f->tag & 7) == 2)
    return LLVMFuzzerMutate(body, n, n + 64 < MAX_BODY ? n + 64 : n);
  LLVMFuzzerMutate(body, n, n);
  return n;
}

/* A changed copy of field k in place of it.  The length of a leaf is its own parent's
 * business, so the field is written whole. */
static size_t change(uint8_t *data, size_t size, size_t max_size, int k)
{
  const Field f = fields[k];
  static uint8_t whole[MAX_BODY + 32];
  const size_t n = change_leaf(data, &f);
  size_t at = put_varint(whole, f.tag);
  if ((f.tag & 7) == 2) at += put_varint(whole + at, n);
  memcpy(whole + at, body, n);
  return splice(data, size, max_size, f.start, f.end, whole, at + n, f.parent);
}

/* A field of the same message and number, or of any message of that type; k if none. */
static int alike(int k, int n)
{
  const int start = (int)below((unsigned)n);
  for (int i = 0; i < n; i++) {
    const int j = (start + i) % n;
    if (j != k && fields[j].type == fields[k].type && fields[j].tag == fields[k].tag)
      return j;
  }
  return k;
}

static size_t mutate(uint8_t *data, size_t size, size_t max_size, int n)
{
  const int k = (int)below((unsigned)n);
  const Field f = fields[k];
  const ProtobufCFieldDescriptor *known = describe(f.type, f.tag);
  const bool leaf = !known || known->type != PROTOBUF_C_TYPE_MESSAGE;
  static uint8_t copy[MAX_BODY];
  const Field *other = &fields[alike(k, n)];
  const size_t n_copy = other->end - other->start;
  if (leaf && below(4)) return change(data, size, max_size, k);
  if (n_copy > MAX_BODY) return 0;
  memcpy(copy, data + other->start, n_copy);
  switch (below(3)) {
  case 0: /* remove */
    return splice(data, size, max_size, f.start, f.end, copy, 0, f.parent);
  case 1: /* insert a sibling's copy before it */
    return splice(data, size, max_size, f.start, f.start, copy, n_copy, f.parent);
  default: /* become like a sibling */
    return splice(data, size, max_size, f.start, f.end, copy, n_copy, f.parent);
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed)
{
  random_state = seed * 2654435761u + 1;
  size_t best = 0;
  for (unsigned step = 1 + below(3); step && below(16); step--) {
    int n = 0;
    if (!collect(data, 0, size, -1, 0, &onnx__model_proto__descriptor, &n) || !n) break;
    const size_t now = mutate(data, size, max_size, n);
    if (!now) continue;
    best = size = now;
  }
  return best ? best : LLVMFuzzerMutate(data, size, max_size);
}

/* A field of b in place of one of its kind in a. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b,
                                 size_t n_b, uint8_t *out, size_t max_size,
                                 unsigned seed)
{
  random_state = seed * 2654435761u + 7;
  int n = 0;
  static uint8_t copy[MAX_BODY];
  if (n_a > max_size ||
      !collect(b, 0, n_b, -1, 0, &onnx__model_proto__descriptor, &n) || !n)
    return 0;
  const Field chosen = fields[below((unsigned)n)];
  const size_t n_copy = chosen.end - chosen.start;
  if (n_copy > MAX_BODY) return 0;
  memcpy(copy, b + chosen.start, n_copy);
  memcpy(out, a, n_a);
  n = 0;
  if (!collect(out, 0, n_a, -1, 0, &onnx__model_proto__descriptor, &n) || !n) return 0;
  const int start = (int)below((unsigned)n);
  for (int i = 0; i < n; i++) {
    const Field f = fields[(start + i) % n];
    if (f.type != chosen.type || f.tag != chosen.tag) continue;
    const size_t to = below(2) ? f.end : f.start; /* replace, or insert before it */
    return splice(out, n_a, max_size, f.start, to, copy, n_copy, f.parent);
  }
  return 0;
}
