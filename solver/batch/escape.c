/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/escape.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "net/base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* U+FFFE and U+FFFF are no characters of XML. */
static bool is_noncharacter(const char *s, int n)
{
  return n == 3 && (!strncmp(s, "\xef\xbf\xbe", 3) || !strncmp(s, "\xef\xbf\xbf", 3));
}

static const char *entity(char c)
{
  switch (c) {
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '&':
    return "&amp;";
  case '"':
    return "&quot;";
  case '\'':
    return "&apos;";
  default:
    return NULL;
  }
}

static void add_xml(Text *out, const char *text, bool keep_lines)
{
  for (const char *s = text; *s;) {
    const int n = utf8_length(s);
    const char *const name = entity(*s);
    const bool is_blank = *s == '\n' || *s == '\t' || *s == '\r';
    if (name)
      text_add(out, "%s", name);
    else if (is_blank && keep_lines && *s != '\r')
      text_add(out, "%c", *s);
    else if (is_blank)
      text_add(out, "&#%d;", *s);
    else if (n == 0 || (unsigned char)*s < ' ' || is_noncharacter(s, n))
      text_add(out, REPLACEMENT);
    else
      text_add(out, "%.*s", n, s);
    s += n ? n : 1;
  }
}

void escape_xml(Text *out, const char *text)
{
  add_xml(out, text, false);
}

void escape_xml_lines(Text *out, const char *text)
{
  add_xml(out, text, true);
}

void escape_uri(Text *out, const char *path)
{
  for (const char *s = path; *s; s++)
    if (isalnum((unsigned char)*s) || strchr("-._~/", *s))
      text_add(out, "%c", *s);
    else
      text_add(out, "%%%02X", (unsigned)(unsigned char)*s);
}

void escape_line(Text *out, const char *text)
{
  for (const char *s = text; *s; s++)
    text_add(out, "%c", (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}
