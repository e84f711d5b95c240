/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/json.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/suggest.h"

/* In a program.  In a library cJSON belongs to the whole process, so its trees come
 * from malloc, uncounted. */
static void use_counted_memory(void)
{
  static bool done;
  if (done || mem_account_now()) return;
  cJSON_Hooks hooks = {.malloc_fn = mem_alloc, .free_fn = mem_free};
  cJSON_InitHooks(&hooks);
  done = true;
}

static void free_tree(void *root)
{
  cJSON_Delete(root);
}

void json_free(cJSON *root)
{
  if (!root) return;
  mem_unguard(root);
  cJSON_Delete(root);
}

/* No format read here has objects this large; comparing keys is quadratic. */
#define MAX_KEYS 1000

static Status refuse_duplicates(const char *path, const cJSON *item, Err *err)
{
  if (cJSON_IsObject(item) && cJSON_GetArraySize(item) > MAX_KEYS)
    return status_fail(err, STATUS_DATA, "%s: an object with more than %d keys", path,
                       MAX_KEYS);
  for (const cJSON *a = item ? item->child : NULL; a; a = a->next) {
    if (cJSON_IsObject(item))
      for (const cJSON *b = a->next; b; b = b->next)
        if (!strcmp(a->string, b->string))
          return status_fail(err, STATUS_DATA, "%s: key \"%s\" is given twice", path,
                             a->string);
    if (a->child) {
      const Status rc = refuse_duplicates(path, a, err);
      if (rc) return rc;
    }
  }
  return STATUS_OK;
}

/* cJSON would end the text at such an escape, and "label\u0000x" would be "label". */
static const char *find_zero(const File *file)
{
  const char *end = file->data + file->size;
  for (const char *c = file->data; (c = memchr(c, '\\', (size_t)(end - c))); c += 2)
    if (end - c < 2)
      return NULL;
    else if (end - c >= 6 && !memcmp(c, "\\u0000", 6))
      return c;
  return NULL;
}

static void fail_at(const char *path, const File *file, const char *at,
                    const char *what, Err *err)
{
  int line = 1, column = 1;
  for (const char *c = file->data; at && c < at; c++) {
    column = *c == '\n' ? 1 : column + 1;
    line += *c == '\n';
  }
  status_fail(err, STATUS_DATA, "%s:%d:%d: %s", path, line, column, what);
}

cJSON *json_parse(const char *path, const File *file, Err *err)
{
  use_counted_memory();
  const char *const zero = find_zero(file), *end = NULL;
  if (zero) {
    fail_at(path, file, zero, "a text must not contain \\u0000", err);
    return NULL;
  }
  cJSON *root = cJSON_ParseWithLengthOpts(file->data, file->size + 1, &end, 1);
  if (!root) {
    fail_at(path, file, end, "not valid JSON", err);
    return NULL;
  }
  mem_guard(free_tree, root);
  if (refuse_duplicates(path, root, err)) {
    json_free(root);
    return NULL;
  }
  return root;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
  return cJSON_GetObjectItemCaseSensitive(object, key);
}

Status json_only_keys(const char *path, const char *where, const cJSON *object,
                      const char *const *keys, Err *err)
{
  if (!cJSON_IsObject(object))
    return status_fail(err, STATUS_DATA, "%s: %s: expected an object", path, where);
  for (const cJSON *m = object->child; m; m = m->next) {
    bool known = false;
    for (const char *const *k = keys; *k; k++)
      known = known || !strcmp(*k, m->string);
    if (known) continue;
    const char *const meant = suggest_word(m->string, keys);
    return status_fail(err, STATUS_DATA, "%s: %s: unknown key \"%s\"%s%s%s", path,
                       where, m->string, meant ? "; did you mean \"" : "",
                       meant ? meant : "", meant ? "\"?" : "");
  }
  return STATUS_OK;
}

Status json_number(const char *path, const char *where, const cJSON *object,
                   const char *key, double *value, Err *err)
{
  const cJSON *item = json_get(object, key);
  if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
    return status_fail(err, STATUS_DATA, "%s: %s.%s: expected a finite number%s", path,
                       where, key, item ? "" : ", found nothing");
  *value = item->valuedouble;
  return STATUS_OK;
}

Status json_int(const char *path, const char *where, const cJSON *object,
                const char *key, int low, int high, int *value, Err *err)
{
  const cJSON *item = json_get(object, key);
  const double x = cJSON_IsNumber(item) ? item->valuedouble : NAN;
  if (!(x >= low && x <= high) || x != floor(x))
    return status_fail(err, STATUS_DATA,
                       "%s: %s.%s: expected an integer from %d to %d%s", path, where,
                       key, low, high, item ? "" : ", found nothing");
  *value = (int)x;
  return STATUS_OK;
}

static bool collect(const cJSON *item, double **values, size_t *n, size_t *room)
{
  for (const cJSON *c = item->child; c; c = c->next) {
    if (cJSON_IsArray(c)) {
      if (!collect(c, values, n, room)) return false;
    } else if (cJSON_IsNumber(c) && isfinite(c->valuedouble)) {
      if (*n == *room) {
        *room = *room ? *room * 2 : 64;
        *values = mem_grow(*values, *room, sizeof **values);
      }
      (*values)[(*n)++] = c->valuedouble;
    } else {
      return false;
    }
  }
  return true;
}

Status json_numbers(const char *path, const char *where, const cJSON *array,
                    double **values, size_t *n, Err *err)
{
  size_t room = 0;
  *values = NULL;
  *n = 0;
  if (!cJSON_IsArray(array) || !collect(array, values, n, &room)) {
    mem_free(*values);
    *values = NULL;
    return status_fail(err, STATUS_DATA, "%s: %s: expected an array of finite numbers",
                       path, where);
  }
  return STATUS_OK;
}

Status json_vector(const char *path, const char *where, const cJSON *array, int n,
                   const char *owner, const char *of, double *x, Err *err)
{
  double *values;
  size_t found;
  const Status rc = json_numbers(path, where, array, &values, &found, err);
  if (rc) return rc;
  const bool fits = found == (size_t)n;
  if (fits) memcpy(x, values, found * sizeof *x);
  mem_free(values);
  if (fits) return STATUS_OK;
  return status_fail(err, STATUS_DATA, "%s: %s: has %zu numbers, but the %s has %d %s",
                     path, where, found, owner, n, of);
}

void json_print(const cJSON *item, Text *out)
{
  const bool is_object = cJSON_IsObject(item);
  if (cJSON_IsNumber(item)) {
    /* What is too large for a double was read as infinity, and is again. */
    if (isfinite(item->valuedouble))
      text_add(out, "%.17g", item->valuedouble);
    else
      text_add(out, item->valuedouble < 0 ? "-1e999" : "1e999");
    return;
  }
  if (!is_object && !cJSON_IsArray(item)) {
    char *const text = cJSON_PrintUnformatted(item);
    text_add(out, "%s", text ? text : "null");
    cJSON_free(text);
    return;
  }
  text_add(out, is_object ? "{" : "[");
  for (const cJSON *m = item->child; m; m = m->next) {
    if (m != item->child) text_add(out, ", ");
    if (is_object) {
      const cJSON key = {.type = cJSON_String, .valuestring = m->string};
      json_print(&key, out);
      text_add(out, ": ");
    }
    json_print(m, out);
  }
  text_add(out, is_object ? "}" : "]");
}
