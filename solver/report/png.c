/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/png.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/status.h"

unsigned png_crc(const unsigned char *data, size_t n)
{
  unsigned crc = 0xffffffffu;
  for (size_t i = 0; i < n; i++) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; bit++)
      crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

void png_base64(Text *out, const unsigned char *data, size_t n)
{
  static const char digit[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char *s = mem_alloc((n + 2) / 3 * 4 + 1), *to = s;
  for (size_t i = 0; i < n; i += 3) {
    const unsigned b = i + 1 < n ? data[i + 1] : 0, c = i + 2 < n ? data[i + 2] : 0;
    const unsigned word = (unsigned)data[i] << 16 | b << 8 | c;
    *to++ = digit[word >> 18];
    *to++ = digit[word >> 12 & 63];
    *to++ = digit[word >> 6 & 63];
    *to++ = digit[word & 63];
  }
  for (size_t pad = (3 - n % 3) % 3; pad; pad--)
    to[-(ptrdiff_t)pad] = '=';
  *to = '\0';
  text_add(out, "%s", s);
  mem_free(s);
}

typedef struct {
  unsigned char *data;
  size_t n;
} Bytes;

static void add_u32(Bytes *to, unsigned x)
{
  for (int shift = 24; shift >= 0; shift -= 8)
    to->data[to->n++] = (unsigned char)(x >> shift);
}

static void add_chunk(Bytes *to, const char *tag, const unsigned char *data, size_t n)
{
  add_u32(to, (unsigned)n);
  const size_t begin = to->n;
  memcpy(to->data + to->n, tag, 4);
  if (n) memcpy(to->data + to->n + 4, data, n);
  to->n += n + 4;
  add_u32(to, png_crc(to->data + begin, to->n - begin));
}

void png_uri(Text *out, int width, int height, int channels, const unsigned char *pixel)
{
  STATUS_REQUIRE(width >= 1 && width <= 8192 && height >= 1 && height <= 8192 &&
                     (channels == 1 || channels == 3),
                 "no picture of this kind");
  const size_t row = (size_t)width * (size_t)channels, lines = (size_t)height;
  /* Every line starts with its filter, 0: none. */
  unsigned char *raw = mem_zero(lines, row + 1);
  for (size_t i = 0; i < lines; i++)
    memcpy(raw + i * (row + 1) + 1, pixel + i * row, row);
  size_t n;
  unsigned char *packed = file_deflate(raw, lines * (row + 1), &n);
  Bytes png = {.data = mem_alloc(n + 64)};
  memcpy(png.data, "\x89PNG\r\n\x1a\n", 8);
  png.n = 8;
  unsigned char head[13] = {0};
  Bytes h = {.data = head};
  add_u32(&h, (unsigned)width);
  add_u32(&h, (unsigned)height);
  head[8] = 8;
  head[9] = channels == 3 ? 2 : 0;
  add_chunk(&png, "IHDR", head, sizeof head);
  add_chunk(&png, "IDAT", packed, n);
  add_chunk(&png, "IEND", NULL, 0);
  text_add(out, "data:image/png;base64,");
  png_base64(out, png.data, png.n);
  mem_free(png.data);
  mem_free(packed);
  mem_free(raw);
}
