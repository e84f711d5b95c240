/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sha256.h> /* libmd */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "net/base/mem.h"

/* Open `path`, or `path`.gz when only that exists. */
static int open_either(const char *path)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 || errno != ENOENT) return fd;
  const size_t n = strlen(path);
  char *packed = mem_alloc(n + 4);
  memcpy(packed, path, n);
  memcpy(packed + n, ".gz", 4);
  fd = open(packed, O_RDONLY | O_CLOEXEC);
  mem_free(packed);
  if (fd < 0) errno = ENOENT;
  return fd;
}

/* All bytes of fd; the size of stat is only a hint because of pipes. */
static Status read_all(const char *path, int fd, size_t hint, size_t max_bytes,
                       File *file, Err *err)
{
  size_t room = hint + 1;
  file->data = mem_alloc(room + 1);
  for (;;) {
    if (file->size == room) {
      room = room < 4096 ? 8192 : room * 2;
      file->data = mem_realloc(file->data, room + 1);
    }
    const ssize_t got = read(fd, file->data + file->size, room - file->size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return status_fail(
          err, errno == EISDIR ? STATUS_NO_INPUT : STATUS_IO, "%s: %s", path,
          errno == EISDIR ? "is a directory, expected a file" : strerror(errno));
    if (got == 0) break;
    file->size += (size_t)got;
    if (file->size > max_bytes)
      return status_fail(err, STATUS_DATA, "%s: larger than %zu bytes", path,
                         max_bytes);
  }
  file->data[file->size] = '\0';
  return STATUS_OK;
}

static Status inflate_members(const char *path, size_t max_bytes, z_stream *z,
                              File *out, Err *err)
{
  size_t room = (size_t)z->avail_in * 4 + 4096;
  out->data = mem_alloc(room + 1);
  for (;;) {
    if (out->size == room) {
      room *= 2;
      out->data = mem_realloc(out->data, room + 1);
    }
    const size_t chunk = room - out->size > 1u << 30 ? 1u << 30 : room - out->size;
    z->next_out = (Bytef *)out->data + out->size;
    z->avail_out = (uInt)chunk;
    const int rc = inflate(z, Z_NO_FLUSH);
    out->size += chunk - z->avail_out;
    if (out->size > max_bytes)
      return status_fail(err, STATUS_DATA, "%s: unpacks to more than %zu bytes", path,
                         max_bytes);
    if (rc == Z_STREAM_END) {
      if (z->avail_in == 0) break;
      if (inflateReset(z) == Z_OK) continue; /* gzip files may be concatenated */
    }
    if (rc != Z_OK || (z->avail_in == 0 && z->avail_out > 0))
      return status_fail(err, STATUS_IO, "%s: truncated or corrupt gzip stream (%s)",
                         path, z->msg ? z->msg : "unexpected end");
  }
  out->data[out->size] = '\0';
  return STATUS_OK;
}

static voidpf count_alloc(voidpf opaque, uInt n, uInt size)
{
  (void)opaque;
  return mem_array(n, size);
}

static void count_free(voidpf opaque, voidpf block)
{
  (void)opaque;
  mem_free(block);
}

static Status unpack(const char *path, size_t max_bytes, File *file, Err *err)
{
  if (file->size > 0xffffffffu)
    return status_fail(err, STATUS_DATA, "%s: gzip file larger than 4 GiB", path);
  z_stream z = {.zalloc = count_alloc, .zfree = count_free};
  z.next_in = (Bytef *)file->data;
  z.avail_in = (uInt)file->size;
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
    return status_fail(err, STATUS_OS, "%s: zlib cannot start", path);
  File out = {0};
  const Status rc = inflate_members(path, max_bytes, &z, &out, err);
  inflateEnd(&z);
  mem_free(file->data);
  file->data = out.data;
  file->size = out.size;
  return rc;
}

static Status read_fd(const char *path, int fd, size_t max_bytes, File *file, Err *err)
{
  struct stat info;
  if (fstat(fd, &info) != 0)
    return status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno));
  if (S_ISDIR(info.st_mode))
    return status_fail(err, STATUS_NO_INPUT, "%s: is a directory, expected a file",
                       path);
  const size_t hint =
      S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
  if (hint > max_bytes)
    return status_fail(err, STATUS_DATA, "%s: larger than %zu bytes", path, max_bytes);
  const Status rc = read_all(path, fd, hint, max_bytes, file, err);
  if (rc) return rc;
  SHA256Data((const uint8_t *)file->data, file->size, file->sha256);
  const unsigned char *magic = (const unsigned char *)file->data;
  if (file->size >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
    return unpack(path, max_bytes, file, err);
  return STATUS_OK;
}

void file_digest(const char *data, size_t size, char sha256[65])
{
  SHA256Data((const uint8_t *)data, size, sha256);
}

Status file_read(const char *path, size_t max_bytes, File *file, Err *err)
{
  *file = (File){0};
  const int fd = open_either(path);
  if (fd < 0) return status_fail(err, STATUS_NO_INPUT, "%s: %s", path, strerror(errno));
  const Status rc = read_fd(path, fd, max_bytes, file, err);
  close(fd);
  return rc;
}

void file_free(File *file)
{
  mem_free(file->data);
  *file = (File){0};
}

bool file_inflate(const void *packed, size_t n, void *data, size_t size)
{
  uLongf got = (uLongf)size;
  uLong used = (uLong)n;
  return uncompress2(data, &got, packed, &used) == Z_OK && got == size && used == n;
}

static Status write_all(const char *path, int fd, const char *data, size_t size,
                        Err *err)
{
  while (size) {
    const ssize_t put = write(fd, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno));
    data += put;
    size -= (size_t)put;
  }
  return STATUS_OK;
}

/* What goes into a file: bytes, or everything that `from` holds. */
typedef struct {
  const char *data;
  size_t size;
  FILE *from;
} Content;

static Status copy_all(const char *path, int fd, FILE *from, Err *err)
{
  char some[1 << 16];
  rewind(from);
  for (size_t n; (n = fread(some, 1, sizeof some, from)) > 0;) {
    const Status rc = write_all(path, fd, some, n, err);
    if (rc) return rc;
  }
  return ferror(from) ? status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno))
                      : STATUS_OK;
}

static Status write_content(const char *path, int fd, const Content *c, Err *err)
{
  return c->from ? copy_all(path, fd, c->from, err)
                 : write_all(path, fd, c->data, c->size, err);
}

/* A device or a pipe is written to; renaming a file over it would replace it. */
static Status write_special(const char *path, const Content *content, Err *err)
{
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return status_fail(err, STATUS_CREATE, "%s: %s", path, strerror(errno));
  Status rc = write_content(path, fd, content, err);
  if (close(fd) != 0 && !rc)
    rc = status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno));
  return rc;
}

static Status write_file(const char *path, const Content *content, Err *err)
{
  if (!strcmp(path, "-")) return write_content("stdout", STDOUT_FILENO, content, err);
  struct stat info;
  if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
    return write_special(path, content, err);
  const size_t n = strlen(path) + 8;
  char *temporary = mem_alloc(n);
  snprintf(temporary, n, "%s.XXXXXX", path);
  Status rc = STATUS_OK;
  const int fd = mkstemp(temporary);
  if (fd < 0) {
    rc = status_fail(err, STATUS_CREATE, "%s: %s", path, strerror(errno));
  } else {
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    rc = write_content(path, fd, content, err);
    if (close(fd) != 0 && !rc)
      rc = status_fail(err, STATUS_IO, "%s: %s", path, strerror(errno));
    if (!rc && rename(temporary, path) != 0)
      rc = status_fail(err, STATUS_CREATE, "%s: %s", path, strerror(errno));
    if (rc) unlink(temporary);
  }
  mem_free(temporary);
  return rc;
}

Status file_write(const char *path, const char *data, size_t size, Err *err)
{
  return write_file(path, &(Content){.data = data, .size = size}, err);
}

Status file_copy(FILE *from, const char *path, Err *err)
{
  return write_file(path, &(Content){.from = from}, err);
}

unsigned char *file_deflate(const void *data, size_t size, size_t *packed)
{
  uLongf n = compressBound((uLong)size);
  unsigned char *to = mem_alloc(n);
  STATUS_REQUIRE(compress2(to, &n, data, (uLong)size, Z_BEST_SPEED) == Z_OK,
                 "zlib packs what it has room for");
  *packed = n;
  return to;
}
