/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/suggest.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MAX_WORD 31

/* Levenshtein's distance of two short words. */
static int distance(const char *a, const char *b)
{
  const int n = (int)strlen(a), m = (int)strlen(b);
  if (n > MAX_WORD || m > MAX_WORD) return MAX_WORD;
  int row[MAX_WORD + 1];
  for (int j = 0; j <= m; j++)
    row[j] = j;
  for (int i = 1; i <= n; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[m];
}

const char *suggest_word(const char *word, const char *const *words)
{
  const char *best = NULL;
  /* Half of a short word is another word. */
  const int half = (int)(strlen(word) / 2) + 1;
  int least = half < 3 ? half : 3;
  for (int i = 0; words[i]; i++) {
    const bool prefix = *word && !strncmp(word, words[i], strlen(word));
    const int d = prefix ? 0 : distance(word, words[i]);
    if (d < least) {
      least = d;
      best = words[i];
    }
  }
  return best;
}
