/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/expand.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/mem.h"
#include "net/base/text.h"
#include "solver/batch/samples.h"

char *expand_beside(const char *manifest, const char *name)
{
  const char *const slash = strrchr(manifest, '/');
  Text path = {0};
  if (*name != '/' && slash)
    text_add(&path, "%.*s", (int)(slash - manifest) + 1, manifest);
  text_add(&path, "%s", name);
  return path.s;
}

/* ---- files --------------------------------------------------------------- */

static bool is_listed(char **list, int n, const char *path)
{
  for (int i = 0; i < n; i++)
    if (!strcmp(list[i], path)) return true;
  return false;
}

static void push_file(char ***list, int *n, const char *path)
{
  if (is_listed(*list, *n, path)) return;
  *list = mem_grow(*list, (size_t)*n + 1, sizeof **list);
  (*list)[(*n)++] = mem_strdup(path);
}

/* Only the name is a pattern; the folder of the manifest is what it is. */
static char *pattern_beside(const char *manifest, const char *name)
{
  const char *const slash = strrchr(manifest, '/');
  Text pattern = {0};
  if (*name != '/' && slash)
    for (const char *c = manifest; c <= slash; c++)
      text_add(&pattern, strchr("*?[]\\", *c) ? "\\%c" : "%c", *c);
  text_add(&pattern, "%s", name);
  return pattern.s;
}

static Status expand_pattern(const ExpandFrom *from, const char *name, char ***list,
                             int *n)
{
  if (strstr(name, "**"))
    return status_fail(from->err, STATUS_DATA,
                       "%s: %s: \"%s\": ** is not supported; give a pattern for each "
                       "folder",
                       from->manifest, from->where, name);
  char *pattern = pattern_beside(from->manifest, name);
  glob_t found = {0};
  const int rc = glob(pattern, GLOB_ERR, NULL, &found);
  mem_free(pattern);
  for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
    push_file(list, n, found.gl_pathv[i]);
  globfree(&found);
  if (rc == 0) return STATUS_OK;
  return status_fail(from->err, rc == GLOB_NOMATCH ? STATUS_DATA : STATUS_NO_INPUT,
                     rc == GLOB_NOMATCH ? "%s: %s: no file matches \"%s\""
                                        : "%s: %s: cannot read the folder of \"%s\"",
                     from->manifest, from->where, name);
}

static Status expand_name(const ExpandFrom *from, const cJSON *item, char ***list,
                          int *n)
{
  if (!cJSON_IsString(item) || !*item->valuestring)
    return status_fail(from->err, STATUS_DATA, "%s: %s: expected the name of a file",
                       from->manifest, from->where);
  const char *const name = item->valuestring;
  char *path = expand_beside(from->manifest, name);
  struct stat info;
  Status rc = STATUS_OK;
  if (!strpbrk(name, "*?[") || lstat(path, &info) == 0)
    push_file(list, n, path);
  else
    rc = expand_pattern(from, name, list, n);
  mem_free(path);
  return rc;
}

static Status check_filled(const ExpandFrom *from, const cJSON *item)
{
  if (!cJSON_IsArray(item) || item->child) return STATUS_OK;
  return status_fail(from->err, STATUS_DATA, "%s: %s: is empty: nothing to check",
                     from->manifest, from->where);
}

Status expand_files(const ExpandFrom *from, const cJSON *item, char ***list, int *n)
{
  if (!cJSON_IsArray(item)) return expand_name(from, item, list, n);
  Status rc = check_filled(from, item);
  for (const cJSON *m = item->child; m && !rc; m = m->next)
    rc = expand_name(from, m, list, n);
  return rc;
}

/* ---- samples ------------------------------------------------------------- */

/* A robustness block while it is read. */
typedef struct {
  const ExpandFrom *from;
  const cJSON *block;
  char *path;   /* of the data file */
  int label;    /* -1: from the data */
  bool *wanted; /* bool wanted[samples.n] */
  Samples samples;
} Block;

static Status bad(const Block *b, const char *key, const char *what)
{
  return status_fail(b->from->err, STATUS_DATA, "%s: %s.robustness.%s: %s",
                     b->from->manifest, b->from->where, key, what);
}

static Status read_label(Block *b)
{
  const cJSON *const label = json_get(b->block, "label");
  b->label = -1;
  if (!label || (cJSON_IsString(label) && !strcmp(label->valuestring, "data")))
    return STATUS_OK;
  const double x = cJSON_IsNumber(label) ? label->valuedouble : -1;
  if (!(x >= 0 && x <= INT_MAX) || x != (double)(int)x)
    return bad(b, "label", "expected \"data\" or the number of an output");
  b->label = (int)x;
  return STATUS_OK;
}

/* "3-7" or 5.  Ends of ranges belong to them. */
static bool read_range(const cJSON *item, long *first, long *last)
{
  if (cJSON_IsNumber(item)) {
    const double x = item->valuedouble;
    if (!(x >= 0 && x <= INT_MAX) || x != (double)(int)x) return false;
    *first = *last = (long)x;
    return true;
  }
  if (!cJSON_IsString(item)) return false;
  const char *const text = item->valuestring;
  char *end = NULL;
  if (*text < '0' || *text > '9') return false;
  *first = strtol(text, &end, 10);
  if (*end != '-' || end[1] < '0' || end[1] > '9') return false;
  *last = strtol(end + 1, &end, 10);
  return !*end && *first <= *last;
}

static Status want_rows(Block *b)
{
  const cJSON *const rows = json_get(b->block, "rows");
  const int n = b->samples.n;
  const bool all = !rows || (cJSON_IsString(rows) && !strcmp(rows->valuestring, "all"));
  b->wanted = mem_zero((size_t)n, sizeof *b->wanted);
  for (int i = 0; i < n; i++)
    b->wanted[i] = all;
  if (all) return STATUS_OK;
  if (!cJSON_IsArray(rows) || !rows->child)
    return bad(b, "rows", "expected \"all\", or rows and ranges, as in [0, \"3-7\"]");
  for (const cJSON *m = rows->child; m; m = m->next) {
    long first, last;
    if (!read_range(m, &first, &last))
      return bad(b, "rows", "expected whole numbers from 0 and ranges like \"3-7\"");
    if (last >= n)
      return status_fail(b->from->err, STATUS_DATA,
                         "%s: %s.robustness.rows: %s has %d rows, no row %ld (they "
                         "count from 0)",
                         b->from->manifest, b->from->where, b->path, n, last);
    for (long i = first; i <= last; i++)
      b->wanted[i] = true;
  }
  return STATUS_OK;
}

/* A member of the block as it stands there. */
static void copy_member(const Block *b, const char *key, Text *out)
{
  const cJSON *const item = json_get(b->block, key);
  if (!item) return;
  text_add(out, "\"%s\": ", key);
  json_print(item, out);
  text_add(out, ", ");
}

static char *make_spec(const Block *b, const Sample *s)
{
  Text out = {0};
  text_add(&out, "{");
  copy_member(b, "norm", &out);
  copy_member(b, "image", &out);
  text_add(&out, "\"center\": [");
  for (size_t i = 0; i < s->n; i++)
    text_add(&out, "%s%.17g", i ? ", " : "", b->samples.values[s->first + i]);
  text_add(&out, "], ");
  copy_member(b, "epsilon", &out);
  copy_member(b, "clip", &out);
  copy_member(b, "where", &out);
  text_add(&out, "\"label\": %d}\n", b->label >= 0 ? b->label : s->label);
  return out.s;
}

static void push_spec(ManifestSpec **list, int *n, ManifestSpec spec)
{
  *list = mem_grow(*list, (size_t)*n + 1, sizeof **list);
  (*list)[(*n)++] = spec;
}

static Status read_block(Block *b)
{
  static const char *const keys[] = {"data", "rows",  "label", "norm", "epsilon",
                                     "clip", "image", "where", NULL};
  Text where = {0};
  text_add(&where, "%s.robustness", b->from->where);
  Status rc = json_only_keys(b->from->manifest, where.s, b->block, keys, b->from->err);
  text_free(&where);
  const cJSON *const data = rc ? NULL : json_get(b->block, "data");
  if (!rc && (!cJSON_IsString(data) || !*data->valuestring))
    rc = bad(b, "data", "expected the name of a file with samples");
  if (!rc && !json_get(b->block, "epsilon")) rc = bad(b, "epsilon", "is missing");
  if (!rc) rc = read_label(b);
  if (rc) return rc;
  b->path = expand_beside(b->from->manifest, data->valuestring);
  rc = samples_read(b->path, b->label < 0, &b->samples, b->from->err);
  return rc ? rc : want_rows(b);
}

static Status expand_block(const ExpandFrom *from, const cJSON *block,
                           ManifestSpec **list, int *n)
{
  Block b = {.from = from, .block = block};
  const Status rc = read_block(&b);
  for (int i = 0; i < b.samples.n && !rc; i++)
    if (b.wanted[i])
      push_spec(list, n,
                (ManifestSpec){.path = mem_strdup(b.path),
                               .text = make_spec(&b, &b.samples.rows[i]),
                               .row = i,
                               .line = b.samples.rows[i].line});
  samples_reset(&b.samples);
  mem_free(b.wanted);
  mem_free(b.path);
  return rc;
}

static Status expand_spec(const ExpandFrom *from, const cJSON *item,
                          ManifestSpec **list, int *n)
{
  static const char *const keys[] = {"robustness", NULL};
  if (cJSON_IsObject(item)) {
    const Status rc =
        json_only_keys(from->manifest, from->where, item, keys, from->err);
    if (rc) return rc;
    return expand_block(from, json_get(item, "robustness"), list, n);
  }
  char **files = NULL;
  int n_files = 0;
  const Status rc = expand_name(from, item, &files, &n_files);
  for (int i = 0; i < n_files; i++) {
    bool is_known = false;
    for (int k = 0; k < *n; k++)
      is_known = is_known || (!(*list)[k].text && !strcmp((*list)[k].path, files[i]));
    if (is_known)
      mem_free(files[i]);
    else
      push_spec(list, n, (ManifestSpec){.path = files[i]});
  }
  mem_free(files);
  return rc;
}

Status expand_specs(const ExpandFrom *from, const cJSON *item, ManifestSpec **list,
                    int *n)
{
  if (!cJSON_IsArray(item)) return expand_spec(from, item, list, n);
  Status rc = check_filled(from, item);
  for (const cJSON *m = item->child; m && !rc; m = m->next)
    rc = expand_spec(from, m, list, n);
  return rc;
}
