/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/load.h -- a property from a file of any supported format, as net/reader.h does
 * for networks.  Commands use specs/problem.h. */
#ifndef SPECS_LOAD_H
#define SPECS_LOAD_H

#include "net/base/file.h"
#include "specs/prop.h"

typedef enum { LOAD_NONE, LOAD_JSON, LOAD_VNNLIB } LoadFormat;

/* The format by content; LOAD_NONE with err DATA. */
LoadFormat load_format(const char *path, const File *file, Err *err);

/* A JSON specification; sha256 stays empty.  Where prop->image is set
 * or prop->extend has items, it is not about the network of these sizes but about
 * image_net of it and then extend_net. */
Prop *load_json(const char *path, const File *file, int n_in, int n_out, Err *err);

/* Read VNN-LIB 1.0 or JSON by content (gzip too) and check it against the
 * network's input and output sizes; VNN-LIB that needs more outputs (specs/extend.h) is
 * refused.  JSON as above.  Returns an owned Prop or NULL with err: path, line
 * and column, what was expected.  Fails NO_INPUT, IO, DATA, UNSUPPORTED. */
Prop *load_prop(const char *path, int n_in, int n_out, Err *err);

/* The same from a file in memory (file_from_memory); `name` takes the part of the path.
 */
Prop *load_parse(const char *name, const File *file, int n_in, int n_out, Err *err);

#endif
