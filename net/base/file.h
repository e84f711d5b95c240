/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/file.h -- a whole file in memory, gzip or plain. */
#ifndef NET_BASE_FILE_H
#define NET_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "net/base/status.h"

typedef struct {
  char *data;      /* owned; data[size] is a NUL that does not count */
  size_t size;     /* bytes after decompression */
  char sha256[65]; /* hex digest of the bytes as stored (compressed or not) */
} File;

/* Read `path`; a gzip stream is recognised by its magic, not by its name.
 * When `path` does not exist but `path`.gz does, that is read.
 *
 * Fails  NO_INPUT: missing, a directory, not readable; IO: read error,
 *        truncated or corrupt gzip stream; DATA: more than max_bytes.
 * Owns   the caller frees with file_free, also after a failure. */
Status file_read(const char *path, size_t max_bytes, File *file, Err *err);
void file_free(File *file);

/* The SHA-256 of any bytes, in hexadecimal. */
void file_digest(const char *data, size_t size, char sha256[65]);

/* Write atomically: a temporary file beside `path`, then rename; a device or pipe is
 * written to directly.  "-" writes to stdout.  Fails CREATE or IO. */
Status file_write(const char *path, const char *data, size_t size, Err *err);

/* The same with everything that `from` holds; its position moves. */
Status file_copy(FILE *from, const char *path, Err *err);

/* `size` bytes as zlib data (RFC 1950), fast rather than small: *packed of them, owned
 * by the caller.  size < 1 GiB. */
unsigned char *file_deflate(const void *data, size_t size, size_t *packed);
/* Unpack n bytes of zlib data (RFC 1950) into data[size]: false unless they are whole,
 * unpack to exactly `size` bytes and are followed by nothing.  n and size < 4 GiB. */
bool file_inflate(const void *packed, size_t n, void *data, size_t size);

/* 8 GiB: more than any network or specification, less than a mistake. */
#define FILE_MAX_BYTES ((size_t)8 << 30)

#endif
