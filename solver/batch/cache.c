/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/text.h"
#include "specs/prop.h"

#define FORMAT     "dualcert-cache"
#define MAX_ENTRY  4096
#define MAX_RESULT ((size_t)1 << 30)
#define NO_FILE    "-"
#define OBJECTS    "objects"

/* ---- folder -------------------------------------------------------------- */

Cache *cache_open(const char *dir, const char *build, Err *err)
{
  Text objects = {0};
  text_add(&objects, "%s/" OBJECTS, dir);
  Status rc = file_make_folder(objects.s, err);
  if (!rc && access(objects.s, W_OK))
    rc = status_fail(err, STATUS_CREATE, "%s: %s", objects.s, strerror(errno));
  text_free(&objects);
  if (rc) return NULL;
  Cache *cache = mem_zero(1, sizeof *cache);
  cache->dir = mem_strdup(dir);
  memcpy(cache->build, build, sizeof cache->build);
  return cache;
}

void cache_free(Cache *cache)
{
  if (cache) mem_free(cache->dir);
  mem_free(cache);
}

char *cache_default_dir(void)
{
  const char *const xdg = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");
  Text path = {0};
  if (xdg && *xdg == '/')
    text_add(&path, "%s/dualcert", xdg);
  else if (home && *home == '/')
    text_add(&path, "%s/.cache/dualcert", home);
  return path.s;
}

static char *entry_path(const Cache *cache, const char *key)
{
  Text path = {0};
  text_add(&path, "%s/%s.json", cache->dir, key);
  return path.s;
}

static char *object_path(const Cache *cache, const char *sha256)
{
  Text path = {0};
  text_add(&path, "%s/" OBJECTS "/%s", cache->dir, sha256);
  return path.s;
}

/* ---- keys ---------------------------------------------------------------- */

/* Which texts of a specification are names of files is not known here: all that might
 * be are taken for one, and what is no file has no digest. */
static void add_companions(const char *spec, const cJSON *item, Text *all)
{
  for (const cJSON *m = item->child; m; m = m->next) {
    if (m->child) add_companions(spec, m, all);
    if (!cJSON_IsString(m)) continue;
    const char *const slash = strrchr(spec, '/');
    Text path = {0};
    if (*m->valuestring != '/' && slash)
      text_add(&path, "%.*s", (int)(slash - spec) + 1, spec);
    text_add(&path, "%s", m->valuestring);
    char sha256[65] = NO_FILE;
    Err ignored = {0};
    if (file_sha256(path.s, sha256, &ignored)) strcpy(sha256, NO_FILE);
    status_reset(&ignored);
    text_free(&path);
    text_add(all, "file %s\n", sha256);
  }
}

/* A VNN-LIB file names no others. */
static void add_spec(const char *path, const File *file, Text *all)
{
  const char *s = file->data;
  if (file->size >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) s += 3;
  while (*s && strchr(" \t\r\n\f\v", *s))
    s++;
  if (*s != '{') return;
  Err ignored = {0};
  cJSON *root = json_parse(path, file, &ignored);
  if (root) add_companions(path, root, all);
  json_free(root);
  status_reset(&ignored);
}

Status cache_key(const CacheQuestion *q, char key[65], char spec_sha256[65], Err *err)
{
  File file;
  const Status rc = file_read(q->spec, PROP_MAX_BYTES, &file, err);
  if (!rc) {
    Text all = {0};
    text_add(&all, FORMAT " 1\nnetwork %s\nspecification %s\nsemantics %s\n",
             q->net_sha256, file.sha256, q->semantics);
    for (int i = 0; q->options && q->options[i]; i++)
      text_add(&all, "option %s\n", q->options[i]);
    add_spec(q->spec, &file, &all);
    memcpy(spec_sha256, file.sha256, 65);
    file_digest(all.s, all.n, key);
    text_free(&all);
  }
  file_free(&file);
  return rc;
}

/* ---- entries ------------------------------------------------------------- */

enum { KEY, BUILD, RESULT, CERTIFICATE, WITNESS, N_PARTS };
static const char *const part_names[N_PARTS] = {"key", "build", "result", "certificate",
                                                "witness"};

static void digest_of(const char *const *parts, char sha256[65])
{
  Text all = {0};
  for (int i = 0; i < N_PARTS; i++)
    text_add(&all, "%s %s\n", part_names[i], parts[i]);
  file_digest(all.s, all.n, sha256);
  text_free(&all);
}

static bool is_digest(const char *text)
{
  return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* The texts of the parts, borrowed from root. */
static bool read_parts(const cJSON *root, const char *key, const char **parts)
{
  for (int i = 0; i < N_PARTS; i++) {
    const cJSON *const item = json_get(root, part_names[i]);
    const bool may_lack = i == CERTIFICATE || i == WITNESS;
    if (!cJSON_IsString(item)) return false;
    parts[i] = item->valuestring;
    if (!is_digest(parts[i]) && !(may_lack && !strcmp(parts[i], NO_FILE))) return false;
  }
  char sha256[65];
  digest_of(parts, sha256);
  const cJSON *const sum = json_get(root, "sha256");
  return cJSON_IsString(sum) && !strcmp(sum->valuestring, sha256) &&
         !strcmp(parts[KEY], key);
}

/* The path of an object whose bytes are right; owned.  *fine is false when they are
 * not; NULL for none. */
static char *find_object(const Cache *cache, const char *sha256, bool *fine)
{
  if (!strcmp(sha256, NO_FILE)) return NULL;
  char *path = object_path(cache, sha256);
  char found[65] = "";
  Err ignored = {0};
  if (file_sha256(path, found, &ignored) || strcmp(found, sha256)) *fine = false;
  status_reset(&ignored);
  return path;
}

static bool fill(const Cache *cache, const char *const *parts, CacheEntry *entry)
{
  bool fine = true;
  char *result = find_object(cache, parts[RESULT], &fine);
  entry->certificate = find_object(cache, parts[CERTIFICATE], &fine);
  entry->witness = find_object(cache, parts[WITNESS], &fine);
  entry->is_own = !strcmp(parts[BUILD], cache->build);
  File file = {0};
  if (fine && !file_read(result, MAX_RESULT, &file, NULL)) {
    /* Read twice: what counts are the bytes that are used. */
    if (!strcmp(file.sha256, parts[RESULT])) entry->result = mem_strdup(file.data);
  }
  file_free(&file);
  mem_free(result);
  return fine && entry->result;
}

/* It was used now: its time says how long it is kept. */
static void touch(const char *path)
{
  if (path) utimensat(AT_FDCWD, path, NULL, 0);
}

static void touch_all(const Cache *cache, const char *const *parts)
{
  for (int i = RESULT; i < N_PARTS; i++) {
    char *path = strcmp(parts[i], NO_FILE) ? object_path(cache, parts[i]) : NULL;
    touch(path);
    mem_free(path);
  }
}

bool cache_find(const Cache *cache, const char *key, CacheEntry *entry)
{
  *entry = (CacheEntry){0};
  char *path = entry_path(cache, key);
  File file;
  Err ignored = {0};
  cJSON *root = NULL;
  if (!file_read(path, MAX_ENTRY, &file, &ignored))
    root = json_parse(path, &file, &ignored);
  file_free(&file);
  status_reset(&ignored);
  const char *parts[N_PARTS];
  const bool found =
      cJSON_IsObject(root) && read_parts(root, key, parts) && fill(cache, parts, entry);
  if (found) {
    touch_all(cache, parts);
    touch(path);
  }
  mem_free(path);
  json_free(root);
  if (!found) cache_entry_reset(entry);
  return found;
}

void cache_entry_reset(CacheEntry *entry)
{
  mem_free(entry->result);
  mem_free(entry->certificate);
  mem_free(entry->witness);
  *entry = (CacheEntry){0};
}

/* ---- storing ------------------------------------------------------------- */

/* Copy a file to the objects; its digest is that of the copy. */
static Status store_file(const Cache *cache, const char *from, char sha256[65],
                         Err *err)
{
  strcpy(sha256, NO_FILE);
  if (!from) return STATUS_OK;
  Status rc = file_sha256(from, sha256, err);
  if (rc) return rc;
  FILE *f = fopen(from, "rb");
  if (!f) return status_fail(err, STATUS_NO_INPUT, "%s: %s", from, strerror(errno));
  char *path = object_path(cache, sha256);
  rc = file_copy(f, path, err);
  fclose(f);
  mem_free(path);
  return rc;
}

static Status store_text(const Cache *cache, const char *text, char sha256[65],
                         Err *err)
{
  file_digest(text, strlen(text), sha256);
  char *path = object_path(cache, sha256);
  const Status rc = file_write(path, text, strlen(text), err);
  mem_free(path);
  return rc;
}

Status cache_store(const Cache *cache, const char *key, const char *result,
                   const char *certificate, const char *witness, Err *err)
{
  char sum[65], of_result[65], of_certificate[65], of_witness[65];
  Status rc = store_text(cache, result, of_result, err);
  if (!rc) rc = store_file(cache, certificate, of_certificate, err);
  if (!rc) rc = store_file(cache, witness, of_witness, err);
  if (rc) return rc;
  const char *const parts[N_PARTS] = {key, cache->build, of_result, of_certificate,
                                      of_witness};
  digest_of(parts, sum);
  Text text = {0};
  text_add(&text, "{\"format\": \"" FORMAT "\", \"version\": 1");
  for (int i = 0; i < N_PARTS; i++)
    text_add(&text, ",\n \"%s\": \"%s\"", part_names[i], parts[i]);
  text_add(&text, ",\n \"sha256\": \"%s\"}\n", sum);
  char *path = entry_path(cache, key);
  rc = file_write(path, text.s, text.n, err);
  mem_free(path);
  text_free(&text);
  return rc;
}

/* ---- old ones ------------------------------------------------------------ */

/* A digest, followed by `end`: nothing else in a folder is ours. */
static bool is_ours(const char *name, const char *end)
{
  const size_t n = strspn(name, "0123456789abcdef");
  return n == 64 && !strcmp(name + n, end);
}

static void prune_folder(const char *path, const char *end, time_t oldest)
{
  DIR *const folder = opendir(path);
  if (!folder) return;
  for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
    struct stat st;
    if (!is_ours(e->d_name, end)) continue;
    if (fstatat(dirfd(folder), e->d_name, &st, AT_SYMLINK_NOFOLLOW)) continue;
    if (S_ISREG(st.st_mode) && st.st_mtime < oldest)
      unlinkat(dirfd(folder), e->d_name, 0);
  }
  closedir(folder);
}

void cache_prune(const Cache *cache)
{
  const time_t oldest = time(NULL) - (time_t)CACHE_KEEP_DAYS * 24 * 3600;
  char *const objects = object_path(cache, "");
  prune_folder(cache->dir, ".json", oldest);
  prune_folder(objects, "", oldest);
  mem_free(objects);
}
