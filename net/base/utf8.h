/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/utf8.h -- names of files are bytes; JSON and XML want UTF-8. */
#ifndef NET_BASE_UTF8_H
#define NET_BASE_UTF8_H

/* Bytes of the UTF-8 sequence at s, 1 to 4 (RFC 3629: the shortest form, no
 * surrogates, at most U+10FFFF); 0 when there is none.  s ends with a NUL. */
int utf8_length(const char *s);

#endif
