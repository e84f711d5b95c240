/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/html.h"

#include <math.h>
#include <string.h>

#include "solver/report/number.h"

/* Bytes of the UTF-8 character at s (NUL-terminated), 0 when it is none that a page
 * may contain. */
static int character(const unsigned char *s)
{
  const unsigned c = s[0];
  if (c < 0x80) return c == '\t' || c == '\n' || (c >= ' ' && c != 0x7f) ? 1 : 0;
  const int n = c >= 0xc2 && c <= 0xdf   ? 2
                : c >= 0xe0 && c <= 0xef ? 3
                : c >= 0xf0 && c <= 0xf4 ? 4
                                         : 0;
  for (int i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((c == 0xc2 && s[1] < 0xa0) || /* C1 controls */
      (c == 0xe0 && s[1] < 0xa0) ||
      (c == 0xed && s[1] > 0x9f) || /* too long, surrogates */
      (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f) ||
      (c == 0xef && s[1] == 0xbf && s[2] >= 0xbe)) /* U+FFFE, U+FFFF */
    return 0;
  return n;
}

static void add(Text *out, const unsigned char *s, int n)
{
  switch (*s) {
  case '&':
    text_add(out, "&amp;");
    break;
  case '<':
    text_add(out, "&lt;");
    break;
  case '>':
    text_add(out, "&gt;");
    break;
  case '"':
    text_add(out, "&quot;");
    break;
  case '\'':
    text_add(out, "&#39;");
    break;
  default:
    if (n)
      text_add(out, "%.*s", n, (const char *)s);
    else
      text_add(out, "\xef\xbf\xbd");
  }
}

static size_t length(const char *text)
{
  size_t n = 0;
  for (const unsigned char *s = (const unsigned char *)text; *s; n++) {
    const int step = character(s);
    s += step ? step : 1;
  }
  return n;
}

/* Characters [from, to). */
static void add_range(Text *out, const char *text, size_t from, size_t to)
{
  size_t i = 0;
  for (const unsigned char *s = (const unsigned char *)text; *s && i < to; i++) {
    const int n = character(s);
    if (i >= from) add(out, s, n);
    s += n ? n : 1;
  }
}

void html_text(Text *out, const char *text)
{
  if (text) add_range(out, text, 0, (size_t)-1);
}

void html_short(Text *out, const char *text, int n)
{
  if (!text) return;
  const size_t all = length(text), most = (size_t)n;
  if (all <= most) {
    html_text(out, text);
    return;
  }
  const size_t head = most / 2, tail = most - head - 1;
  add_range(out, text, 0, head);
  text_add(out, "\xe2\x80\xa6");
  add_range(out, text, all - tail, all);
}

static void add_number(Text *out, Number t)
{
  if (!strcmp(t.s, "-"))
    text_add(out, "\xe2\x80\x93");
  else if (t.s[0] == '-')
    text_add(out, "\xe2\x88\x92%s", t.s + 1);
  else if (t.s[0] == '<')
    text_add(out, "&lt;%s", t.s + 1);
  else
    text_add(out, "%s", t.s);
}

void html_number(Text *out, double x)
{
  add_number(out, number_short(x));
}

void html_seconds(Text *out, double x)
{
  add_number(out, number_seconds(x));
}
