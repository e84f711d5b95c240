/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/json.h -- JSON through cJSON, whose only includer this is.
 *
 * Reading adds what cJSON leaves out: line and column of a syntax error,
 * duplicate keys and \u0000 refused, and typed look-ups whose message names the file
 * and the path of the value.  A number means its nearest double.
 */
#ifndef NET_BASE_JSON_H
#define NET_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "net/base/file.h"
#include "net/base/status.h"
#include "net/base/text.h"

/* Parse a file's text.  `path` is only for messages.  Returns an owned tree
 * (json_free, never cJSON_Delete, which would leave its guard) or NULL with err set:
 * DATA with line and column. */
cJSON *json_parse(const char *path, const File *file, Err *err);

void json_free(cJSON *root); /* NULL is fine */

/* A member of an object, by exact key; NULL when absent. */
const cJSON *json_get(const cJSON *object, const char *key);

/* Fails DATA when an object has a key outside `keys` (NULL-terminated): a
 * misspelt key must not be silently ignored; the one that was meant is named.  `where`
 * is "$" or "$.input". */
Status json_only_keys(const char *path, const char *where, const cJSON *object,
                      const char *const *keys, Err *err);

/* Typed look-ups; Fails DATA naming path, where and key. */
Status json_number(const char *path, const char *where, const cJSON *object,
                   const char *key, double *value, Err *err);
Status json_int(const char *path, const char *where, const cJSON *object,
                const char *key, int low, int high, int *value, Err *err);

/* The numbers of a (nested) array in row-major order.  *values is owned by the
 * caller (mem_free), *n their count.  Fails DATA on anything but finite numbers. */
Status json_numbers(const char *path, const char *where, const cJSON *array,
                    double **values, size_t *n, Err *err);

/* The same into double x[n]: exactly n of them, as many as `owner` ("network") has `of`
 * ("inputs").  Fails DATA, for another number too. */
Status json_vector(const char *path, const char *where, const cJSON *array, int n,
                   const char *owner, const char *of, double *x, Err *err);

/* The value as JSON on one line; every number reads back as the same double, which
 * cJSON's own printer does not promise. */
void json_print(const cJSON *item, Text *out);

#endif
