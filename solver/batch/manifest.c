/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/manifest.h"

#include <math.h>
#include <string.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/suggest.h"
#include "net/base/text.h"
#include "solver/batch/expand.h"
#include "solver/options.h"

/* As large as any list of checks that people write or generate. */
#define MAX_BYTES ((size_t)64 << 20)

typedef struct {
  const char *path;
  const cJSON *root;
  Manifest *out;
  Err *err;
} Reader;

/* One member of the manifest or of a check. */
typedef struct {
  const Reader *r;
  const cJSON *object; /* what has the member */
  const char *where;   /* "$" or "$.checks[2]" */
} At;

static Status bad(const At *at, const char *key, const char *what)
{
  return status_fail(at->r->err, STATUS_DATA, "%s: %s.%s: %s", at->r->path, at->where,
                     key, what);
}

/* ---- words and limits ---------------------------------------------------- */

static Status read_text(const At *at, const char *key, char **text)
{
  const cJSON *const item = json_get(at->object, key);
  if (!item) return STATUS_OK;
  if (!cJSON_IsString(item)) return bad(at, key, "expected a text");
  mem_free(*text);
  *text = mem_strdup(item->valuestring);
  return STATUS_OK;
}

/* A number of the object `limits`, > 0 and at most `most`; absent: unchanged. */
static Status read_limit(const At *at, const char *key, double most, double *value)
{
  if (!json_get(at->object, key)) return STATUS_OK;
  double x;
  const Status rc =
      json_number(at->r->path, at->where, at->object, key, &x, at->r->err);
  if (rc) return rc;
  if (!(x > 0 && x <= most)) return bad(at, key, "expected a number above 0");
  *value = x;
  return STATUS_OK;
}

static Status read_whole(const At *at, const char *key, int most, int *value)
{
  if (!json_get(at->object, key)) return STATUS_OK;
  return json_int(at->r->path, at->where, at->object, key, 1, most, value, at->r->err);
}

static Status read_limits(const At *at, ManifestLimits *limits, double *total)
{
  static const char *const keys[] = {"timeout", "memory", "threads", "total", NULL};
  const cJSON *const item = json_get(at->object, "limits");
  if (!item) return STATUS_OK;
  Text where = {0};
  text_add(&where, "%s.limits", at->where);
  const At in = {at->r, item, where.s};
  Status rc = json_only_keys(at->r->path, where.s, item, keys, at->r->err);
  if (!rc && !total && json_get(item, "total"))
    rc = bad(&in, "total", "belongs to the limits of the whole manifest");
  if (!rc) rc = read_limit(&in, "timeout", 1e9, &limits->timeout);
  if (!rc && total) rc = read_limit(&in, "total", 1e9, total);
  if (!rc) rc = read_whole(&in, "memory", 1 << 24, &limits->memory);
  if (!rc) rc = read_whole(&in, "threads", 1024, &limits->threads);
  text_free(&where);
  return rc;
}

static const struct {
  const char *word;
  unsigned bit;
} evidence[] = {{"certificate", MANIFEST_CERTIFICATE},
                {"robust-witness", MANIFEST_ROBUST}};

static bool add_required(const char *word, size_t n, unsigned *require)
{
  for (int i = 0; i < 2; i++)
    if (strlen(evidence[i].word) == n && !strncmp(word, evidence[i].word, n)) {
      *require |= evidence[i].bit;
      return true;
    }
  return false;
}

Status manifest_require(const char *list, unsigned *require, Err *err)
{
  *require = 0;
  if (!strcmp(list, "none")) return STATUS_OK;
  for (const char *word = list;; word++) {
    const size_t n = strcspn(word, ",");
    if (!add_required(word, n, require))
      return status_fail(err, STATUS_USAGE,
                         "--require: expected certificate, robust-witness or both with "
                         "a comma, or none");
    word += n;
    if (!*word) return STATUS_OK;
  }
}

static Status read_require(const At *at, unsigned *require)
{
  const cJSON *const list = json_get(at->object, "require");
  if (!list) return STATUS_OK;
  if (!cJSON_IsArray(list)) return bad(at, "require", "expected an array of words");
  *require = 0;
  for (const cJSON *m = list->child; m; m = m->next)
    if (!cJSON_IsString(m) ||
        !add_required(m->valuestring, strlen(m->valuestring), require))
      return bad(at, "require", "expected \"certificate\" or \"robust-witness\"");
  return STATUS_OK;
}

static Status read_policy(const At *at, ManifestPolicy *policy)
{
  const cJSON *const item = json_get(at->object, "on_unknown");
  if (!item) return STATUS_OK;
  const char *const word = cJSON_IsString(item) ? item->valuestring : "";
  if (strcmp(word, "fail") && strcmp(word, "warn"))
    return bad(at, "on_unknown", "expected \"fail\" or \"warn\"");
  *policy = strcmp(word, "warn") ? MANIFEST_FAIL : MANIFEST_WARN;
  return STATUS_OK;
}

/* ---- options of verify --------------------------------------------------- */

/* Those that stand for themselves; limits and files have members of their own. */
static const char *const plain_options[] = {"semantics", "split", "stages", "seed"};
enum { N_PLAIN = sizeof plain_options / sizeof plain_options[0], MAX_OPTIONS = 96 };

static void list_options(const char **names)
{
  int n, k = 0;
  const OptionsRow *const rows = options_rows(&n);
  STATUS_REQUIRE(n + N_PLAIN < MAX_OPTIONS, "options.def has too many lines");
  for (; k < N_PLAIN; k++)
    names[k] = plain_options[k];
  for (int i = 0; i < n; i++)
    names[k++] = rows[i].name;
  names[k] = NULL;
}

/* The name as on the command line; '_' as in results is fine as well. */
static const char *find_option(const char *key)
{
  const char *names[MAX_OPTIONS];
  list_options(names);
  for (int i = 0; names[i]; i++) {
    const char *a = names[i], *b = key;
    while (*a && (*a == *b || (*a == '-' && *b == '_')))
      a++, b++;
    if (!*a && !*b) return names[i];
  }
  return NULL;
}

static Status unknown_option(const At *at, const char *key)
{
  const char *names[MAX_OPTIONS];
  list_options(names);
  const char *const meant = suggest_word(key, names);
  return status_fail(at->r->err, STATUS_DATA,
                     "%s: %s.options: unknown option \"%s\"%s%s%s", at->r->path,
                     at->where, key, meant ? "; did you mean \"" : "",
                     meant ? meant : "", meant ? "\"?" : "");
}

/* "--name=value", checked as the command line does. */
static Status read_option(const At *at, const cJSON *m, Options *checked, char **option)
{
  const char *const name = find_option(m->string);
  if (!name) return unknown_option(at, m->string);
  Text text = {0};
  text_add(&text, "--%s=", name);
  const size_t start = text.n;
  if (cJSON_IsString(m))
    text_add(&text, "%s", m->valuestring);
  else if (cJSON_IsNumber(m))
    text_add(&text, "%.17g", m->valuedouble);
  else
    text_add(&text, "?");
  Err err = {0};
  Status rc = options_set(checked, name, text.s + start, &err);
  if (rc)
    rc = status_fail(at->r->err, STATUS_DATA, "%s: %s.options: %s", at->r->path,
                     at->where, err.text);
  status_reset(&err);
  *option = text.s;
  return rc;
}

/* The same option of the manifest is replaced. */
static void put_option(ManifestCheck *c, char *option)
{
  int n = 0;
  const size_t name = strcspn(option, "=") + 1;
  for (; c->options && c->options[n]; n++)
    if (!strncmp(c->options[n], option, name)) {
      mem_free(c->options[n]);
      c->options[n] = option;
      return;
    }
  c->options = mem_grow(c->options, (size_t)n + 2, sizeof *c->options);
  c->options[n] = option;
  c->options[n + 1] = NULL;
}

static Status read_options(const At *at, ManifestCheck *c)
{
  const cJSON *const item = json_get(at->object, "options");
  if (!item) return STATUS_OK;
  if (!cJSON_IsObject(item)) return bad(at, "options", "expected an object");
  Options checked;
  options_init(&checked);
  for (const cJSON *m = item->child; m; m = m->next) {
    char *option = NULL;
    const Status rc = read_option(at, m, &checked, &option);
    if (rc) {
      mem_free(option);
      return rc;
    }
    put_option(c, option);
    if (!strcmp(m->string, "semantics"))
      c->semantics = options_semantics[checked.semantics];
  }
  return STATUS_OK;
}

/* ---- checks -------------------------------------------------------------- */

/* Everything but the lists of files: first from the manifest, then from the check. */
static Status read_settings(const At *at, ManifestCheck *c, double *total)
{
  Status rc = read_limits(at, &c->limits, total);
  if (!rc) rc = read_require(at, &c->require);
  if (!rc) rc = read_policy(at, &c->on_unknown);
  if (!rc) rc = read_options(at, c);
  return rc;
}

/* The lists of a check, or those of the manifest. */
static Status read_lists(const At *check, const At *root, ManifestCheck *c)
{
  static const char *const keys[] = {"networks", "specifications"};
  for (int i = 0; i < 2; i++) {
    const At *const at = json_get(check->object, keys[i]) ? check : root;
    const cJSON *const item = json_get(at->object, keys[i]);
    if (!item) return bad(check, keys[i], "is missing: nothing to check");
    Text where = {0};
    text_add(&where, "%s.%s", at->where, keys[i]);
    const ExpandFrom from = {at->r->path, where.s, at->r->err};
    const Status rc = i ? expand_specs(&from, item, &c->specs, &c->n_specs)
                        : expand_files(&from, item, &c->nets, &c->n_nets);
    text_free(&where);
    if (rc) return rc;
  }
  return STATUS_OK;
}

static Status read_check(const At *at, const At *root, ManifestCheck *c)
{
  static const char *const keys[] = {"name",    "description", "networks",
                                     "limits",  "options",     "specifications",
                                     "require", "on_unknown",  NULL};
  Status rc = json_only_keys(at->r->path, at->where, at->object, keys, at->r->err);
  if (!rc) rc = read_text(at, "name", &c->name);
  if (!rc && (!c->name || !*c->name)) rc = bad(at, "name", "expected a text");
  if (!rc) rc = read_text(at, "description", &c->description);
  if (!rc) rc = read_settings(root, c, &at->r->out->total);
  if (!rc) rc = read_settings(at, c, NULL);
  return rc ? rc : read_lists(at, root, c);
}

static void start_check(ManifestCheck *c)
{
  *c = (ManifestCheck){.limits = {.timeout = INFINITY},
                       .semantics = options_semantics[SEMANTICS_REAL],
                       .description = mem_strdup("")};
}

static Status check_names(const Reader *r)
{
  for (int i = 0; i < r->out->n_checks; i++)
    for (int k = 0; k < i; k++)
      if (!strcmp(r->out->checks[i].name, r->out->checks[k].name))
        return status_fail(r->err, STATUS_DATA,
                           "%s: $.checks[%d].name: \"%s\" is the name of two checks",
                           r->path, i, r->out->checks[i].name);
  return STATUS_OK;
}

static Status read_checks(const Reader *r, const At *root)
{
  const cJSON *const list = json_get(r->root, "checks");
  if (!cJSON_IsArray(list) || !list->child)
    return bad(root, "checks", "expected an array of at least one check");
  Manifest *const m = r->out;
  m->checks = mem_zero((size_t)cJSON_GetArraySize(list), sizeof *m->checks);
  Status rc = STATUS_OK;
  for (const cJSON *item = list->child; item && !rc; item = item->next) {
    Text where = {0};
    text_add(&where, "$.checks[%d]", m->n_checks);
    const At at = {r, item, where.s};
    start_check(&m->checks[m->n_checks]);
    rc = read_check(&at, root, &m->checks[m->n_checks++]);
    text_free(&where);
  }
  return rc ? rc : check_names(r);
}

/* A manifest without checks is one. */
static Status read_as_check(const Reader *r, const At *root)
{
  Manifest *const m = r->out;
  m->checks = mem_zero(1, sizeof *m->checks);
  m->n_checks = 1;
  start_check(m->checks);
  m->checks->name = mem_strdup(m->name);
  mem_free(m->checks->description);
  m->checks->description = mem_strdup(m->description);
  const Status rc = read_settings(root, m->checks, &m->total);
  return rc ? rc : read_lists(root, root, m->checks);
}

/* ---- the manifest -------------------------------------------------------- */

/* "models.json" of "release/models.json" without its end. */
static char *default_name(const char *path)
{
  const char *const slash = strrchr(path, '/');
  const char *const base = slash ? slash + 1 : path;
  size_t n = strlen(base);
  if (n > 5 && !strcmp(base + n - 5, ".json")) n -= 5;
  return mem_strndup(base, n);
}

static Status read_head(const Reader *r, const At *root)
{
  static const char *const keys[] = {
      "version", "name",    "description", "networks", "specifications", "limits",
      "options", "require", "on_unknown",  "checks",   "$schema",        NULL};
  Status rc = json_only_keys(r->path, "$", r->root, keys, r->err);
  int version = 0;
  if (!rc)
    rc = json_int(r->path, "$", r->root, "version", 1, 1 << 30, &version, r->err);
  if (!rc && version != 1)
    rc = status_fail(r->err, STATUS_UNSUPPORTED,
                     "%s: $.version: only version 1 is supported", r->path);
  if (!rc) rc = read_text(root, "name", &r->out->name);
  if (!rc && !*r->out->name) rc = bad(root, "name", "expected a text");
  if (!rc) rc = read_text(root, "description", &r->out->description);
  return rc;
}

static Status parse(const char *path, const File *file, Manifest *m, Err *err)
{
  cJSON *root = json_parse(path, file, err);
  if (!root) return err->code;
  const Reader r = {path, root, m, err};
  const At at = {&r, root, "$"};
  Status rc = read_head(&r, &at);
  if (!rc)
    rc = json_get(root, "checks") ? read_checks(&r, &at) : read_as_check(&r, &at);
  json_free(root);
  return rc;
}

Manifest *manifest_read(const char *path, Err *err)
{
  File file;
  Manifest *m = NULL;
  if (!file_read(path, MAX_BYTES, &file, err)) {
    m = mem_zero(1, sizeof *m);
    m->path = mem_strdup(path);
    m->name = default_name(path);
    m->description = mem_strdup("");
    m->total = INFINITY;
    memcpy(m->sha256, file.sha256, sizeof m->sha256);
    if (parse(path, &file, m, err)) {
      manifest_free(m);
      m = NULL;
    }
  }
  file_free(&file);
  return m;
}

static void reset_check(ManifestCheck *c)
{
  for (int i = 0; i < c->n_nets; i++)
    mem_free(c->nets[i]);
  for (int i = 0; i < c->n_specs; i++) {
    mem_free(c->specs[i].path);
    mem_free(c->specs[i].text);
  }
  for (int i = 0; c->options && c->options[i]; i++)
    mem_free(c->options[i]);
  mem_free(c->nets);
  mem_free(c->specs);
  mem_free(c->options);
  mem_free(c->name);
  mem_free(c->description);
}

void manifest_free(Manifest *m)
{
  if (!m) return;
  for (int i = 0; i < m->n_checks; i++)
    reset_check(&m->checks[i]);
  mem_free(m->checks);
  mem_free(m->path);
  mem_free(m->name);
  mem_free(m->description);
  mem_free(m);
}
