/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/suggest.h -- the word that was probably meant. */
#ifndef NET_BASE_SUGGEST_H
#define NET_BASE_SUGGEST_H

/* NULL, or the first word of the NULL-terminated list that begins with `word` or that
 * few letters, added, dropped or changed, make of it: at most two, and at most half. */
const char *suggest_word(const char *word, const char *const *words);

#endif
