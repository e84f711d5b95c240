/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "net/base/mem.h"

void text_add(Text *t, const char *format, ...)
{
  if (!t->s) {
    t->room = 256;
    t->s = mem_alloc(t->room);
  }
  for (;;) {
    va_list args;
    va_start(args, format);
    const int more = vsnprintf(t->s + t->n, t->room - t->n, format, args);
    va_end(args);
    if (more < 0) return;
    if ((size_t)more < t->room - t->n) {
      t->n += (size_t)more;
      return;
    }
    t->room = (t->n + (size_t)more + 1) * 2;
    t->s = mem_realloc(t->s, t->room);
  }
}

void text_free(Text *t)
{
  mem_free(t->s);
  *t = (Text){0};
}
