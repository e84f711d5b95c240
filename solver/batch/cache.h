/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/cache.h -- verdicts that were reached before, with their evidence.
 *
 *     DIR/KEY.json      an entry: digests of its objects, the build that made it
 *     DIR/objects/SHA   an object: the JSON result, a certificate, a witness
 *
 * KEY is the SHA-256 of the question: the bytes of the network and of the specification
 * (and of the files that a JSON specification names), the semantics, and the options of
 * verify.  Limits of time and memory are not in it: they do not change what is true.
 *
 * An entry is used only when it is whole: its digest, its key and the digests of all
 * its objects must be right.  Whoever gets one decides what more it needs: a witness
 * can be replayed, a certificate be checked, and without one of them an entry is worth
 * no more than the program that made it (`is_own`).  Whatever is wrong with an entry,
 * it is as if it were not there.
 *
 * Files appear under their name when they are complete, and objects before the entry
 * that needs them, so several programs may use one folder at the same time.
 */
#ifndef SOLVER_BATCH_CACHE_H
#define SOLVER_BATCH_CACHE_H

#include <stdbool.h>

#include "net/base/status.h"

typedef struct {
  char *dir;      /* owned */
  char build[65]; /* digest of the program that verifies */
} Cache;

/* What nobody has used for so many days is removed by cache_prune. */
#define CACHE_KEEP_DAYS 90

/* Makes the folder when needed.  `build` as above.  Owned; NULL with err: CREATE. */
Cache *cache_open(const char *dir, const char *build, Err *err);
void cache_free(Cache *cache);

/* $XDG_CACHE_HOME/dualcert, or $HOME/.cache/dualcert; owned; NULL without either. */
char *cache_default_dir(void);

/* A question.  All borrowed. */
typedef struct {
  const char *net_sha256;
  const char *spec; /* path */
  const char *semantics;
  char *const *options; /* NULL-terminated, or NULL */
} CacheQuestion;

/* Its key, and the digest of the specification.  Fails NO_INPUT, IO for `spec`. */
Status cache_key(const CacheQuestion *q, char key[65], char spec_sha256[65], Err *err);

typedef struct {
  char *result; /* the text of verify --format json; owned, like the paths */
  bool is_own;  /* made by this very build */
  char *certificate, *witness; /* paths of objects; NULL: none */
} CacheEntry;

/* False when there is none, or none that is whole.  What is found counts as used now.
 */
bool cache_find(const Cache *cache, const char *key, CacheEntry *entry);
void cache_entry_reset(CacheEntry *entry);

/* Store an answer; the files are copied, NULL for none.  An entry of that key is
 * replaced.  Fails as file_write, NO_INPUT. */
Status cache_store(const Cache *cache, const char *key, const char *result,
                   const char *certificate, const char *witness, Err *err);

/* Remove entries and objects, and nothing else in the folder, that were neither made
 * nor found since CACHE_KEEP_DAYS.  Failures are of no consequence. */
void cache_prune(const Cache *cache);

#endif
