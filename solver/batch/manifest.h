/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/manifest.h -- what `dualcert gate` shall check, from a JSON file.
 *
 *     { "version": 1,
 *       "name": "...", "description": "...",
 *       "networks": FILES,            of every check that has none of its own
 *       "specifications": SPECS,      the same
 *       "limits": {"timeout": s, "memory": MB, "threads": n, "total": s},
 *       "options": {"semantics": "float32", "split": "input", ...},
 *       "require": ["certificate", "robust-witness"],
 *       "on_unknown": "fail" | "warn",
 *       "checks": [ {"name": "...", and any of the members above but version and
 *                    limits.total}, ... ] }
 *
 *     FILES  "net.onnx", "net-*.onnx", or an array of those
 *     SPECS  the same with specifications; in an array also
 *            {"robustness": {"data": "samples.csv", "rows": ROWS, "label": LABEL,
 *                            "norm": "linf", "epsilon": e, "clip": [0, 1],
 *                            "image": {"kind": "brightness"}}}
 *     ROWS   "all" (default), or an array of rows, from 0, and of ranges "3-7"
 *     LABEL  "data" (default): the first number of each line; or an output, from 0,
 *            and then all numbers are inputs
 *
 * A check is every one of its networks with every one of its specifications.  Without
 * `checks` the manifest itself is one.  A sample becomes a specification in JSON
 * (specs/jsonspec.h) which gets `norm`, `epsilon`, `clip`, `image` and `where` as they
 * stand here.
 *
 * Paths are relative to the folder of the manifest.  A name is a pattern (glob(7)) when
 * it has one of *?[ and no file has that very name.
 */
#ifndef SOLVER_BATCH_MANIFEST_H
#define SOLVER_BATCH_MANIFEST_H

#include <stdbool.h>

#include "net/base/status.h"

/* Bits of ManifestCheck.require. */
enum {
  MANIFEST_CERTIFICATE = 1 << 0, /* verified: accepted by dualcert-check */
  MANIFEST_ROBUST = 1 << 1       /* falsified: by a robust witness, or it is said */
};

typedef enum { MANIFEST_FAIL, MANIFEST_WARN } ManifestPolicy;

typedef struct {
  double timeout; /* seconds for each network and specification; INFINITY: none */
  int memory;     /* MB; 0: no limit */
  int threads;    /* 0: the program's default */
} ManifestLimits;

/* A specification: a file, or text that becomes one. */
typedef struct {
  char *path; /* the file; of a sample: the data file */
  char *text; /* NULL for a file; of a sample: the specification in JSON */
  int row;    /* of a sample, from 0 */
  int line;   /* of a sample: its line in the data file */
} ManifestSpec;

typedef struct {
  char *name;        /* unique */
  char *description; /* "" when not given */
  int n_nets, n_specs;
  char **nets;         /* char *nets[n_nets], paths */
  ManifestSpec *specs; /* ManifestSpec specs[n_specs] */
  ManifestLimits limits;
  char **options;        /* for verify: "--split=input", ...; NULL-terminated */
  const char *semantics; /* "real" or "float32", static */
  unsigned require;      /* bits MANIFEST_* */
  ManifestPolicy on_unknown;
} ManifestCheck;

/* Everything in it is owned by it. */
typedef struct {
  char *path;
  char sha256[65]; /* of the file */
  char *name;      /* default: the name of the file without folder and ".json" */
  char *description;
  double total; /* seconds for everything; INFINITY: none */
  int n_checks; /* >= 1, each with at least one network and one specification */
  ManifestCheck *checks;
} Manifest;

/* Read and expand it.  Returns an owned Manifest, or NULL with err: file and key.
 * Fails NO_INPUT, IO; DATA: a key that is unknown (with the one that was meant), a
 * value that is wrong, a pattern without files, nothing to check; UNSUPPORTED: another
 * version. */
Manifest *manifest_read(const char *path, Err *err);
void manifest_free(Manifest *m);

/* "certificate,robust-witness", or "none".  Fails USAGE naming --require. */
Status manifest_require(const char *list, unsigned *require, Err *err);

#endif
