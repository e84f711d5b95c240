/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/text.h -- a growing string, for output that is written in one piece. */
#ifndef NET_BASE_TEXT_H
#define NET_BASE_TEXT_H

#include <stddef.h>

/* Start with `Text t = {0}`; s[n] is always a NUL once something was added. */
typedef struct {
  char *s; /* owned */
  size_t n, room;
} Text;

void text_add(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(Text *t);

#endif
