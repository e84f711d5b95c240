/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/expand.h -- the files that names and patterns of a manifest stand for,
 * and the specifications that samples stand for. */
#ifndef SOLVER_BATCH_EXPAND_H
#define SOLVER_BATCH_EXPAND_H

#include "net/base/json.h"
#include "solver/batch/manifest.h"

/* Where a value stands, for messages and relative paths; borrowed. */
typedef struct {
  const char *manifest; /* path of the manifest */
  const char *where;    /* "$.checks[0].networks" */
  Err *err;
} ExpandFrom;

/* `name` beside the manifest, or itself when absolute; owned. */
char *expand_beside(const char *manifest, const char *name);

/* A name, a pattern, or an array of those, as FILES of manifest.h: appended to
 * (*list)[*n], without what is there already.  Names are not looked up: a file that
 * does not exist is an error of its own checks.  Fails DATA: another type, an empty
 * list, a pattern without files. */
Status expand_files(const ExpandFrom *from, const cJSON *item, char ***list, int *n);

/* The same as SPECS of manifest.h.  Also fails NO_INPUT, IO for a data file. */
Status expand_specs(const ExpandFrom *from, const cJSON *item, ManifestSpec **list,
                    int *n);

#endif
