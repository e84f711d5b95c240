/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/declared.h"

#include "net/base/file.h"
#include "specs/prop.h"
#include "specs/sexpr.h"
#include "specs/term.h"

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

Status declared_sizes(const char *path, int *n_in, int *n_out, Err *err)
{
  File file;
  Sexpr s;
  Status rc = file_read(path, PROP_MAX_BYTES, &file, err);
  if (!rc) rc = sexpr_init(&s, path, file.data, file.size, err);
  if (!rc && count(&s, n_in, n_out))
    rc = status_fail(err, STATUS_DATA,
                     "%s: declares no inputs X_0... or no outputs Y_0...; name the "
                     "network too: dualcert info NET %s",
                     path, path);
  file_free(&file);
  return rc;
}
