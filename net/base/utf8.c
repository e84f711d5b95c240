/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/utf8.h"

int utf8_length(const char *text)
{
  const unsigned char *s = (const unsigned char *)text;
  const unsigned c = s[0];
  if (c < 0x80) return 1;
  const int n = c >= 0xc2 && c <= 0xdf   ? 2
                : c >= 0xe0 && c <= 0xef ? 3
                : c >= 0xf0 && c <= 0xf4 ? 4
                                         : 0;
  for (int i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) ||
      (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
    return 0;
  return n;
}
