/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/jsonrows.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/text.h"
#include "specs/extend.h"

/* Coefficients of `where` in all cases together. */
#define MAX_COPIED 50000000

/* What rows may speak of. */
typedef struct {
  int n;
  const char *what, *all; /* "output", "outputs" */
} Side;

typedef struct {
  const char *path;
  const cJSON *root;
  Side out, in;
  Prop *prop;
  double *dense; /* double dense[max (in.n, out.n)] */
  Err *err;
} Reader;

static Status bad(const Reader *r, const char *key, const char *what)
{
  return status_fail(r->err, STATUS_DATA, "%s: $.%s: %s", r->path, key, what);
}

static PropRow new_row(int n, double rhs)
{
  return (PropRow){.n = n,
                   .var = mem_array((size_t)n, sizeof(int)),
                   .coef = mem_array((size_t)n, sizeof(double)),
                   .rhs_lo = rhs,
                   .rhs_hi = rhs};
}

/* ---- labels -------------------------------------------------------------- */

/* One case  y_label - y_j <= 0  for every other j. */
static Status read_label(const Reader *r, int box)
{
  int label;
  const int n = r->out.n;
  const Status rc = json_int(r->path, "$", r->root, "label", 0, n - 1, &label, r->err);
  if (rc) return rc;
  if (n < 2) return bad(r, "label", "the network has only one output");
  for (int j = 0; j < n; j++) {
    if (j == label) continue;
    PropRow *const row = mem_array(1, sizeof *row);
    *row = new_row(2, 0);
    row->var[0] = j < label ? j : label;
    row->var[1] = j < label ? label : j;
    row->coef[0] = j < label ? -1 : 1;
    row->coef[1] = -row->coef[0];
    prop_add_case(r->prop, box, row, 1, 0);
  }
  return STATUS_OK;
}

/* ---- one row ------------------------------------------------------------- */

/* {"0": 1, "3": -1} into dense coefficients. */
static Status read_sparse(const Reader *r, const char *where, const cJSON *object,
                          const Side *side)
{
  memset(r->dense, 0, (size_t)side->n * sizeof *r->dense);
  for (const cJSON *m = object->child; m; m = m->next) {
    const char *s = m->string;
    long index = *s == '0' && s[1] ? -1 : 0; /* no leading zeros: one name for each */
    if (!*s) index = -1;
    for (; *s && index >= 0; s++)
      index = *s >= '0' && *s <= '9' && index < side->n ? index * 10 + (*s - '0') : -1;
    if (index < 0 || index >= side->n)
      return status_fail(r->err, STATUS_DATA,
                         "%s: $.%s: expected %s indices \"0\" to \"%d\" as keys",
                         r->path, where, side->what, side->n - 1);
    if (!cJSON_IsNumber(m) || !isfinite(m->valuedouble))
      return status_fail(r->err, STATUS_DATA,
                         "%s: $.%s: the coefficient of %s %ld must be a finite number",
                         r->path, where, side->what, index);
    r->dense[index] = m->valuedouble;
  }
  return STATUS_OK;
}

static Status read_dense(const Reader *r, const char *where, const cJSON *array,
                         const Side *side)
{
  const bool is_image = r->prop->image && side == &r->in;
  char full[96] = "$.";
  strncat(full, where, sizeof full - 3);
  return json_vector(r->path, full, array, side->n, is_image ? "image" : "network",
                     side->all, r->dense, r->err);
}

/* {"coef": COEF, "rhs": d}; its variables are the indices of the side. */
static Status read_row(const Reader *r, const char *where, const cJSON *item,
                       const Side *side, PropRow *row)
{
  static const char *const keys[] = {"coef", "rhs", NULL};
  char at[80] = "$.", coef_at[80] = "";
  strncat(at, where, sizeof at - 3);
  strncat(coef_at, where, sizeof coef_at - 8);
  strcat(coef_at, ".coef");
  double rhs;
  Status rc = json_only_keys(r->path, at, item, keys, r->err);
  if (!rc) rc = json_number(r->path, at, item, "rhs", &rhs, r->err);
  if (rc) return rc;
  const cJSON *const coef = json_get(item, "coef");
  rc = cJSON_IsObject(coef) ? read_sparse(r, coef_at, coef, side)
                            : read_dense(r, coef_at, coef, side);
  if (rc) return rc;
  int n = 0;
  for (int j = 0; j < side->n; j++)
    n += r->dense[j] != 0;
  if (n == 0) return bad(r, coef_at, "all coefficients are zero");
  *row = new_row(n, rhs);
  for (int j = 0, k = 0; j < side->n; j++) {
    if (r->dense[j] == 0) continue;
    row->var[k] = j;
    row->coef[k++] = r->dense[j];
  }
  return STATUS_OK;
}

/* An array of at least one row, "WHERE[0]" and so on.  *rows is owned by the caller,
 * also after a failure. */
static Status read_rows(const Reader *r, const char *where, const cJSON *list,
                        const Side *side, PropRow **rows, int *n)
{
  *rows = NULL;
  *n = 0;
  if (!cJSON_IsArray(list) || !list->child)
    return bad(r, where, "expected an array of at least one row");
  *rows = mem_zero((size_t)cJSON_GetArraySize(list), sizeof **rows);
  Status rc = STATUS_OK;
  for (const cJSON *m = list->child; m && !rc; m = m->next) {
    Text at = {0};
    text_add(&at, "%s[%d]", where, *n);
    rc = read_row(r, at.s, m, side, &(*rows)[*n]);
    text_free(&at);
    if (!rc) (*n)++;
  }
  return rc;
}

/* ---- unsafe -------------------------------------------------------------- */

/* One {"rows": [...]}. */
static Status read_case(const Reader *r, int k, const cJSON *item, int box)
{
  static const char *const keys[] = {"rows", NULL};
  Text where = {0};
  PropRow *rows = NULL;
  int n = 0;
  text_add(&where, "$.unsafe[%d]", k);
  Status rc = json_only_keys(r->path, where.s, item, keys, r->err);
  text_add(&where, ".rows");
  if (!rc) rc = read_rows(r, where.s + 2, json_get(item, "rows"), &r->out, &rows, &n);
  text_free(&where);
  if (rc)
    prop_free_rows(rows, n);
  else
    prop_add_case(r->prop, box, rows, n, 0);
  return rc;
}

static Status read_unsafe(const Reader *r, int box)
{
  const cJSON *const list = json_get(r->root, "unsafe");
  if (!cJSON_IsArray(list) || !list->child)
    return bad(r, "unsafe", "expected an array of at least one {\"rows\": [...]}");
  Status rc = STATUS_OK;
  int k = 0;
  for (const cJSON *m = list->child; m && !rc; m = m->next, k++)
    rc = read_case(r, k, m, box);
  return rc;
}

/* ---- where --------------------------------------------------------------- */

/* Their inputs become outputs, in ascending order, so that those of a row ascend. */
static Status copy_inputs(const Reader *r, const PropRow *rows, int n)
{
  Extend *const e = &r->prop->extend;
  bool *const used = mem_zero((size_t)r->in.n, sizeof *used);
  bool fits = true;
  extend_init(e, r->in.n, r->out.n);
  for (int k = 0; k < n; k++)
    for (int p = 0; p < rows[k].n; p++)
      used[rows[k].var[p]] = true;
  for (int i = 0; i < r->in.n && fits; i++)
    fits = !used[i] || extend_copy(e, i) >= 0;
  for (int k = 0; k < n && fits; k++)
    for (int p = 0; p < rows[k].n; p++)
      rows[k].var[p] = extend_copy(e, rows[k].var[p]) - r->in.n;
  mem_free(used);
  r->prop->n_out = r->out.n + e->n;
  return fits ? STATUS_OK : bad(r, "where", "too many inputs in rows");
}

static PropRow copy_row(const PropRow *row)
{
  PropRow copy = new_row(row->n, row->rhs_hi);
  memcpy(copy.var, row->var, (size_t)row->n * sizeof *copy.var);
  memcpy(copy.coef, row->coef, (size_t)row->n * sizeof *copy.coef);
  return copy;
}

/* Each case gets all of them: it is unsafe only where they hold too. */
static void add_to_cases(const Reader *r, const PropRow *rows, int n)
{
  for (int k = 0; k < r->prop->n_cases; k++) {
    PropCase *const c = &r->prop->cases[k];
    c->rows = mem_grow(c->rows, (size_t)(c->n_rows + n), sizeof *c->rows);
    for (int i = 0; i < n; i++)
      c->rows[c->n_rows++] = copy_row(&rows[i]);
  }
}

/* Every case has a copy of all rows: a small file must not take all memory. */
static Status check_where(const Reader *r, const PropRow *rows, int n)
{
  size_t all = 0;
  for (int k = 0; k < n; k++)
    all += (size_t)rows[k].n;
  if (all <= MAX_COPIED / (size_t)r->prop->n_cases) return STATUS_OK;
  return status_fail(r->err, STATUS_UNSUPPORTED,
                     "%s: $.where: %zu coefficients in each of %d cases are too many; "
                     "at most %d in all",
                     r->path, all, r->prop->n_cases, MAX_COPIED);
}

static Status read_where(const Reader *r)
{
  const cJSON *const list = json_get(r->root, "where");
  PropRow *rows = NULL;
  int n = 0;
  if (!list) return STATUS_OK;
  Status rc = read_rows(r, "where", list, &r->in, &rows, &n);
  if (!rc) rc = check_where(r, rows, n);
  if (!rc) rc = copy_inputs(r, rows, n);
  if (!rc) add_to_cases(r, rows, n);
  prop_free_rows(rows, n);
  return rc;
}

Status jsonrows_read(const char *path, const cJSON *root, int box, Prop *prop, Err *err)
{
  Reader r = {.path = path,
              .root = root,
              .out = {prop->n_out, "output", "outputs"},
              .in = {prop->n_in, prop->image ? "parameter" : "input",
                     prop->image ? "parameters" : "inputs"},
              .prop = prop,
              .err = err};
  r.dense = mem_doubles((size_t)(r.in.n > r.out.n ? r.in.n : r.out.n));
  Status rc = json_get(root, "label") ? read_label(&r, box) : read_unsafe(&r, box);
  if (!rc) rc = read_where(&r);
  mem_free(r.dense);
  return rc;
}
