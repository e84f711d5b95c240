/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/block.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "specs/check/certificate.h"

/* The line of JSON is a few hundred bytes. */
#define MOST_HEAD 65536

uint8_t block_u8(Cursor *c)
{
  if (c->bad || c->at == c->end) {
    c->bad = true;
    return 0;
  }
  return *c->at++;
}

int block_n(Cursor *c)
{
  uint64_t n = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const uint8_t byte = block_u8(c);
    if (c->bad) return 0;
    n |= (uint64_t)(byte & 127) << shift;
    if (!(byte & 128)) {
      if (n <= INT_MAX) return (int)n;
      break;
    }
  }
  c->bad = true;
  return 0;
}

int block_below(Cursor *c, int n)
{
  const int value = block_n(c);
  if (value < n) return value;
  c->bad = true;
  return 0;
}

const uint8_t *block_skip(Cursor *c, size_t n, size_t size)
{
  if (c->bad || (n && size > (size_t)(c->end - c->at) / n)) {
    c->bad = true;
    return NULL;
  }
  const uint8_t *const run = c->at;
  c->at += n * size;
  return run;
}

static uint64_t little(const uint8_t *at, int n)
{
  uint64_t value = 0;
  for (int k = n - 1; k >= 0; k--)
    value = value << 8 | at[k];
  return value;
}

double block_item_f32(const uint8_t *run, size_t i)
{
  const uint32_t bits = (uint32_t)little(run + 4 * i, 4);
  float value;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

double block_item_f64(const uint8_t *run, size_t i)
{
  const uint64_t bits = little(run + 8 * i, 8);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

double block_f32(Cursor *c)
{
  const uint8_t *const run = block_skip(c, 1, 4);
  return run ? block_item_f32(run, 0) : 0;
}

double block_f64(Cursor *c)
{
  const uint8_t *const run = block_skip(c, 1, 8);
  return run ? block_item_f64(run, 0) : 0;
}

static Status no_certificate(const Block *b, Err *err)
{
  return status_fail(err, STATUS_DATA,
                     "%s: not a certificate; expected a first line '%.*s'", b->path,
                     (int)strlen(CERTIFICATE_MAGIC) - 1, CERTIFICATE_MAGIC);
}

static void close_file(void *file)
{
  fclose(file);
}

Status block_open(Block *b, const char *path, Err *err)
{
  *b = (Block){.path = mem_strdup(path)};
  b->file = fopen(path, "rb");
  if (!b->file)
    return status_fail(err, STATUS_NO_INPUT, "%s: %s", path, strerror(errno));
  mem_guard(close_file, b->file);
  char magic[sizeof CERTIFICATE_MAGIC];
  const size_t n = strlen(CERTIFICATE_MAGIC);
  if (fread(magic, 1, n, b->file) != n) {
    if (ferror(b->file))
      return status_fail(err, errno == EISDIR ? STATUS_NO_INPUT : STATUS_IO, "%s: %s",
                         path, strerror(errno));
    return no_certificate(b, err);
  }
  if (memcmp(magic, CERTIFICATE_MAGIC, n)) return no_certificate(b, err);
  b->head = mem_alloc(MOST_HEAD);
  for (size_t k = 0; k < MOST_HEAD; k++) {
    const int byte = getc(b->file);
    if (byte == EOF) break;
    b->head[k] = (char)byte;
    if (byte == '\n') {
      b->head[k] = '\0';
      return STATUS_OK;
    }
  }
  return status_fail(err, STATUS_DATA,
                     "%s: expected a line of JSON after the first line", path);
}

void block_close(Block *b)
{
  if (b->file) {
    mem_unguard(b->file);
    fclose(b->file);
  }
  mem_free(b->path);
  mem_free(b->head);
  mem_free(b->data);
  mem_free(b->packed);
  *b = (Block){0};
}

/* At most this much more than the data can zlib make of it, */
static size_t most_packed(size_t size)
{
  return size + size / 1000 + 1024;
}

/* and what `packed` bytes can unpack to: zlib makes no more than 1032 of one. */
static size_t most_unpacked(size_t packed)
{
  return 1040 * packed + 64;
}

Status block_next(Block *b, Err *err)
{
  uint8_t head[9];
  b->pos = (long long)ftello(b->file);
  const size_t got = fread(head, 1, sizeof head, b->file);
  if (ferror(b->file))
    return status_fail(err, STATUS_IO, "%s: %s", b->path, strerror(errno));
  mem_free(block_take(b));
  b->tag = EOF;
  if (!got) return STATUS_OK;
  if (got < sizeof head)
    return status_fail(err, STATUS_DATA, "the file ends inside a block");
  b->tag = head[0];
  const size_t size = (size_t)little(head + 1, 4), packed = (size_t)little(head + 5, 4);
  if (size > CERTIFICATE_BLOCK || packed > most_packed(size) ||
      size > most_unpacked(packed))
    return status_fail(err, STATUS_DATA,
                       "a block of %zu bytes, %zu packed: at most %zu", size, packed,
                       CERTIFICATE_BLOCK);
  if (packed > b->packed_room) {
    mem_free(b->packed);
    b->packed = mem_alloc(packed);
    b->packed_room = packed;
  }
  if (fread(b->packed, 1, packed, b->file) != packed) {
    if (ferror(b->file))
      return status_fail(err, STATUS_IO, "%s: %s", b->path, strerror(errno));
    return status_fail(err, STATUS_DATA, "the file ends inside a block");
  }
  b->data = mem_alloc(size ? size : 1);
  b->size = size;
  if (!file_inflate(b->packed, packed, b->data, size))
    return status_fail(err, STATUS_DATA, "a block does not unpack to its %zu bytes",
                       size);
  return STATUS_OK;
}

Cursor block_cursor(const Block *b)
{
  return (Cursor){.at = b->data, .end = b->data + b->size};
}

uint8_t *block_take(Block *b)
{
  uint8_t *const data = b->data;
  b->data = NULL;
  b->size = 0;
  return data;
}
