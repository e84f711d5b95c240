/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/declared.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "specs/load.h"
#include "specs/sexpr.h"
#include "specs/term.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"

static Status count(Sexpr *s, int *n_in, int *n_out)
{
  *n_in = *n_out = 0;
  bool is_next = false;
  for (SexprToken t = sexpr_next(s); t.kind != SEXPR_END; t = sexpr_next(s)) {
    char letter;
    int index;
    if (is_next && t.kind == SEXPR_ATOM && term_variable(&t, &letter, &index)) {
      int *const n = letter == 'X' ? n_in : n_out;
      if (index >= *n) *n = index + 1;
    }
    is_next = t.kind == SEXPR_ATOM && sexpr_is(&t, "declare-const");
  }
  return *n_in && *n_out ? STATUS_OK : STATUS_DATA;
}

static Status sizes(const char *path, const Sexpr *start, int *n_in, int *n_out,
                    Err *err)
{
  Sexpr s = *start;
  if (!count(&s, n_in, n_out)) return STATUS_OK;
  return status_fail(err, STATUS_DATA,
                     "%s: declares no inputs X_0... or no outputs Y_0...; name the "
                     "network too: dualcert info NET %s",
                     path, path);
}

Status declared_sizes(const char *path, int *n_in, int *n_out, Err *err)
{
  File file;
  Sexpr s;
  Status rc = file_read(path, PROP_MAX_BYTES, &file, err);
  if (!rc) rc = sexpr_init(&s, path, file.data, file.size, err);
  if (!rc) rc = sizes(path, &s, n_in, n_out, err);
  file_free(&file);
  return rc;
}

/* ---- the property -------------------------------------------------------- */

static Prop *load_v1(const Sexpr *s, Extend *extend, Err *err)
{
  int n_in, n_out;
  if (sizes(s->path, s, &n_in, &n_out, err)) return NULL;
  Scope *scope = mem_zero(1, sizeof *scope);
  scope_init_v1(scope, n_in, n_out);
  Prop *prop = vnnlib_read(s, scope, extend, err);
  if (prop) {
    prop->scope = scope;
    return prop;
  }
  scope_free_all(scope);
  mem_free(scope);
  return NULL;
}

static Prop *load(const char *path, const File *file, Err *err)
{
  Sexpr s;
  Extend extend = {0};
  const LoadFormat format = load_format(path, file, err);
  if (format == LOAD_NONE) return NULL;
  if (format == LOAD_JSON) {
    status_fail(err, STATUS_USAGE,
                "%s: a JSON specification does not say the sizes of its network; name "
                "it too: dualcert info NET %s",
                path, path);
    return NULL;
  }
  if (sexpr_init(&s, path, file->data, file->size, err)) return NULL;
  Prop *prop = vnnlib2_is_text(&s)
                   ? vnnlib2_parse(path, file->data, file->size, false, &extend, err)
                   : load_v1(&s, &extend, err);
  if (prop)
    prop->extend = extend;
  else
    extend_reset(&extend);
  return prop;
}

Prop *declared_load(const char *path, Err *err)
{
  File file = {0};
  Prop *prop = NULL;
  if (!file_read(path, PROP_MAX_BYTES, &file, err)) prop = load(path, &file, err);
  if (prop) memcpy(prop->sha256, file.sha256, sizeof prop->sha256);
  file_free(&file);
  return prop;
}
