/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/settings.h -- settings.json of a folder of results: what was run.
 *
 *     {"schema_version":1,"id":"20261125T044212Z-host-4711","program":"build/dualcert",
 *      "sha256":"...","data":"/data","timeout":20,"memory":null,"threads":1,
 *      "options":["--seed","3"],"certificates":false}
 *
 * Two runs have the same settings when all but id and program agree: sha256 is that of
 * the program.
 */
#ifndef SOLVER_BATCH_SETTINGS_H
#define SOLVER_BATCH_SETTINGS_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/base/text.h"

/* What decides a result.  All borrowed. */
typedef struct {
  const char *program;        /* its path */
  const char *const *options; /* of verify, NULL-terminated */
  const char *data;           /* the folder or list of instances */
  double timeout;             /* INFINITY: the instances' own */
  int memory, threads;
  bool has_certificates;
} Settings;

/* Fails NO_INPUT when there is no such program. */
Status settings_print(const Settings *settings, Text *out, Err *err);

/* Fails USAGE when the file has other settings than the text, and names the first;
 * `dir` is for the message.  Fails NO_INPUT, IO, DATA. */
Status settings_compare(const char *path, const char *text, const char *dir, Err *err);

#endif
