/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/evidence.h"

#include <math.h>
#include <string.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "specs/assignment.h"
#include "specs/image.h"

#define FORMAT  "dualcert-witness"
#define VERSION 1

/* ---- writing ------------------------------------------------------------- */

static void add_number(Text *out, double x)
{
  if (isfinite(x))
    text_add(out, "%.17g", x);
  else
    text_add(out, "null");
}

static void add_pair(Text *out, double lo, double hi)
{
  text_add(out, "[");
  add_number(out, lo);
  text_add(out, ", ");
  add_number(out, hi);
  text_add(out, "]");
}

static void add_pairs(Text *out, const char *name, int n, const double *lo,
                      const double *hi)
{
  text_add(out, "    \"%s\": %s", name, lo ? "[" : "null");
  for (int i = 0; i < n && lo; i++) {
    if (i) text_add(out, ", ");
    add_pair(out, lo[i], hi[i]);
  }
  text_add(out, "%s,\n", lo ? "]" : "");
}

static void add_floats(Text *out, const char *name, int n, const float *y)
{
  text_add(out, "    \"%s\": %s", name, y ? "[" : "null");
  for (int i = 0; i < n && y; i++) {
    if (i) text_add(out, ", ");
    add_number(out, (double)y[i]);
  }
  text_add(out, "%s,\n", y ? "]" : "");
}

static void add_outputs(Text *out, const Witness *w)
{
  text_add(out, "  \"y\": {\n");
  add_pairs(out, "exact", w->n_out, w->y_lo, w->y_hi);
  add_pairs(out, "float32_any_order", w->n_out, w->any_lo, w->any_hi);
  add_floats(out, "float32_left_to_right", w->n_out, w->y32);
  add_floats(out, "float32_pairwise", w->n_out, w->y32_pairwise);
  text_add(out, "    \"double\": [");
  for (int i = 0; i < w->n_out; i++) {
    if (i) text_add(out, ", ");
    add_number(out, w->y[i]);
  }
  text_add(out, "]\n  },\n");
}

static void add_row(Text *out, const Witness *w, int j)
{
  const PropRow *const row = &w->prop->cases[w->case_id].rows[j];
  const Ival exact = witness_row(row, w->y_lo, w->y_hi);
  text_add(out, "    {\"line\": %d, \"strict\": %s, \"exact\": ", row->line,
           row->strict ? "true" : "false");
  add_pair(out, exact.lo, exact.hi);
  text_add(out, ", \"float32_any_order\": ");
  if (w->row_any)
    add_pair(out, w->row_any[j].lo, w->row_any[j].hi);
  else
    text_add(out, "null");
  text_add(out, "}");
}

/* The input of the model that the parameters of an image stand for. */
static void add_model_input(Text *out, const Witness *w)
{
  const Image *const image = w->prop->image;
  if (!image) return;
  double *const x = image_input(image, w->x);
  text_add(out, "  \"input\": [");
  for (int i = 0; i < image->n; i++) {
    if (i) text_add(out, ", ");
    add_number(out, x[i]);
  }
  text_add(out, "],\n");
  mem_free(x);
}

void evidence_print(const Net *net, const Witness *w, Text *out)
{
  const PropCase *const c = &w->prop->cases[w->case_id];
  text_add(out, "{\n  \"format\": \"" FORMAT "\",\n  \"version\": %d,\n", VERSION);
  text_add(out, "  \"network\": {\"sha256\": \"%s\"},\n", net->sha256);
  text_add(out, "  \"specification\": {\"sha256\": \"%s\"},\n", w->prop->sha256);
  text_add(out, "  \"case\": %d,\n  \"line\": %d,\n  \"kind\": \"%s\",\n  \"x\": [",
           w->case_id, c->line, witness_kind_word(w->kind));
  for (int i = 0; i < assignment_n_inputs(w->prop); i++) {
    if (i) text_add(out, ", ");
    witness_print_input(w, assignment_input(w->prop, i), out);
  }
  text_add(out, "],\n");
  add_model_input(out, w);
  add_outputs(out, w);
  text_add(out, "  \"rows\": [");
  for (int j = 0; j < c->n_rows; j++) {
    text_add(out, j ? ",\n" : "\n");
    add_row(out, w, j);
  }
  text_add(out, "%s]\n}\n", c->n_rows ? "\n  " : "");
}

/* ---- reading ------------------------------------------------------------- */

static Status check_digest(const char *path, const cJSON *root, const char *key,
                           const char *kind, const char *of, const char *sha256,
                           Err *err)
{
  const cJSON *const file = json_get(root, key);
  if (!file) return STATUS_OK;
  const cJSON *const digest = json_get(file, "sha256");
  if (!cJSON_IsString(digest))
    return status_fail(err, STATUS_DATA,
                       "%s: $.%s: expected {\"sha256\": \"<64 hex digits>\"}", path,
                       key);
  if (!strcmp(digest->valuestring, sha256)) return STATUS_OK;
  return status_fail(err, STATUS_DATA,
                     "%s: $.%s.sha256 is not that of %s (%s): the witness is for "
                     "another %s",
                     path, key, of, sha256, kind);
}

static Status check_head(const char *path, const cJSON *root, const Net *net,
                         const Prop *prop, Err *err)
{
  static const char *const keys[] = {"format", "version", "network", "specification",
                                     "case",   "line",    "kind",    "x",
                                     "y",      "rows",    "input",   NULL};
  Status rc = json_only_keys(path, "$", root, keys, err);
  if (rc) return rc;
  const cJSON *const format = json_get(root, "format");
  if (format && !(cJSON_IsString(format) && !strcmp(format->valuestring, FORMAT)))
    return status_fail(err, STATUS_DATA, "%s: $.format: expected \"" FORMAT "\"", path);
  const cJSON *const version = json_get(root, "version");
  if (version && !(cJSON_IsNumber(version) && version->valuedouble == VERSION))
    return status_fail(err, STATUS_UNSUPPORTED, "%s: $.version: only %d is supported",
                       path, VERSION);
  rc = check_digest(path, root, "network", "network", net->path, net->sha256, err);
  if (!rc)
    rc = check_digest(path, root, "specification", "specification", prop->path,
                      prop->sha256, err);
  return rc;
}

static Status read_point(const char *path, const cJSON *root, const Prop *prop,
                         double *x, Err *err)
{
  const int n_in = assignment_n_inputs(prop);
  const cJSON *const array = json_get(root, "x");
  if (!array)
    return status_fail(err, STATUS_DATA, "%s: $.x is missing: the inputs of the point",
                       path);
  double *values = NULL;
  size_t n = 0;
  Status rc = json_numbers(path, "$.x", array, &values, &n, err);
  if (!rc && n != (size_t)n_in)
    rc = status_fail(err, STATUS_DATA, "%s: $.x has %zu numbers, but the %s has %d %s",
                     path, n, prop->image ? "image" : "network", n_in,
                     prop->image ? "parameters" : "inputs");
  if (!rc) rc = assignment_reduce(path, prop, values, x, err);
  mem_free(values);
  return rc;
}

Status evidence_read(const char *path, const File *file, const Net *net,
                     const Prop *prop, double *x, Err *err)
{
  const char *s = file->data;
  while (*s && strchr(" \t\r\n", *s))
    s++;
  if (*s != '{') return assignment_parse(path, file->data, file->size, prop, x, err);
  cJSON *root = json_parse(path, file, err);
  if (!root) return err->code;
  Status rc = check_head(path, root, net, prop, err);
  if (!rc) rc = read_point(path, root, prop, x, err);
  json_free(root);
  return rc;
}
