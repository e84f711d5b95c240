/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/load.h"

#include <string.h>

#include "net/base/file.h"
#include "net/foreign.h"
#include "specs/jsonspec.h"
#include "specs/vnnlib.h"

/* The first character that is not a byte order mark or blank; 0 when none. */
static char first_char(const File *file)
{
  size_t i = file->size >= 3 && !memcmp(file->data, "\xef\xbb\xbf", 3) ? 3 : 0;
  while (i < file->size && strchr(" \t\r\n\f\v", file->data[i]) && file->data[i])
    i++;
  return (char)(i < file->size ? file->data[i] : 0);
}

LoadFormat load_format(const char *path, const File *file, Err *err)
{
  const char first = first_char(file);
  if (first == '{') return LOAD_JSON;
  if (first == '(' || first == ';') return LOAD_VNNLIB;
  if (foreign_kind(file->data, file->size)) {
    status_fail(err, STATUS_DATA, "%s: this is %s", path,
                foreign_kind(file->data, file->size));
    return LOAD_NONE;
  }
  status_fail(err, STATUS_DATA,
              "%s:1:1: expected a specification: VNN-LIB starts with \"(\" or \";\", "
              "JSON with \"{\"%s",
              path, file->size ? "" : "; the file is empty");
  return LOAD_NONE;
}

Prop *load_json(const char *path, const File *file, int n_in, int n_out, Err *err)
{
  return jsonspec_parse(path, file, n_in, n_out, err);
}

Prop *load_parse(const char *name, const File *file, int n_in, int n_out, Err *err)
{
  Prop *prop = NULL;
  const LoadFormat format = load_format(name, file, err);
  if (format == LOAD_JSON)
    prop = load_json(name, file, n_in, n_out, err);
  else if (format == LOAD_VNNLIB)
    prop = vnnlib_parse(name, file->data, file->size, n_in, n_out, err);
  if (prop) memcpy(prop->sha256, file->sha256, sizeof prop->sha256);
  return prop;
}

Prop *load_prop(const char *path, int n_in, int n_out, Err *err)
{
  File file;
  Prop *prop = NULL;
  if (!file_read(path, PROP_MAX_BYTES, &file, err))
    prop = load_parse(path, &file, n_in, n_out, err);
  file_free(&file);
  return prop;
}
