/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/png.h -- a small picture as a data: URI (PNG, 8 bits per sample). */
#ifndef SOLVER_REPORT_PNG_H
#define SOLVER_REPORT_PNG_H

#include <stddef.h>

#include "net/base/text.h"

/* Append "data:image/png;base64,..." of unsigned char pixel[height][width][channels],
 * channels 1 (grey) or 3 (red, green, blue).  width, height from 1 to 8192. */
void png_uri(Text *out, int width, int height, int channels,
             const unsigned char *pixel);

/* Append n bytes in base64. */
void png_base64(Text *out, const unsigned char *data, size_t n);

/* The CRC of PNG chunks: polynomial 0xedb88320, reflected, as in ISO 3309. */
unsigned png_crc(const unsigned char *data, size_t n);

#endif
