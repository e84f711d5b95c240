/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/gate.h -- every network of a manifest against its specifications, with
 * evidence; may it be released?
 *
 * Nothing here proves anything.  Each question goes to `dualcert verify` in a process
 * of its own (solver/batch/job.h), and what comes back counts only when
 *   it is about the files that were asked about, by their digests,
 *   falsified: `check-witness`, in another process, says that the point is a witness,
 *   verified, where a certificate is required: dualcert-check accepts it,
 *   from the cache: the same, and the entry is whole (solver/batch/cache.h).
 * Everything else is an alarm (rejected), an error, or undecided: never verified.
 */
#ifndef SOLVER_BATCH_GATE_H
#define SOLVER_BATCH_GATE_H

#include <signal.h>
#include <stdbool.h>

#include "net/base/json.h"
#include "net/base/text.h"
#include "solver/batch/cache.h"
#include "solver/batch/manifest.h"

typedef enum {
  GATE_VERIFIED,
  GATE_FALSIFIED,
  GATE_UNDECIDED, /* `reason` says why */
  GATE_REJECTED,  /* the evidence is not what it should be: an alarm */
  GATE_ERROR      /* `exit_status` says of which kind */
} GateState;

/* One network and one specification. */
typedef struct {
  const ManifestCheck *check; /* borrowed, like net and spec */
  const char *net;
  const ManifestSpec *spec;
  char *file; /* the file with the specification that verify read; owned, like all
               * below; a sample's is gone at the end unless evidence is kept */
  char *id;   /* of letters, digits and "-_.", unique, the same in every run */
  char net_sha256[65], spec_sha256[65]; /* "" when it could not be read */

  GateState state;
  const char *reason; /* timeout, memory, incomplete, nodes, overflow, interrupted,
                       * total, or unknown; NULL unless undecided; static text */
  char *message;      /* one line, "" when there is nothing to say */
  int exit_status;    /* of an error: 64 to 74 */
  bool is_warning;    /* undecided, and the policy is to warn */
  bool is_cached;

  char *result; /* the JSON text of verify, and the same read; NULL: none */
  cJSON *json;
  double seconds; /* wall time of the gate on it, with checking */
  double cpu;     /* of verify; 0 when cached */
  long peak_kb;

  bool has_certificate, is_accepted; /* there is one; dualcert-check accepts it */
  char *certificate, *witness;       /* where they are kept; NULL: they are not */
  const char *kind;   /* falsified: "robust" or "borderline"; else NULL; static */
  bool is_borderline; /* falsified, and a robust witness is required */
  char *evidence;     /* falsified: the text of the witness file */
} GateItem;

typedef struct {
  const Manifest *manifest; /* borrowed */
  const char *program;      /* that verifies; NULL: this one */
  const char *checker;      /* dualcert-check; only needed where one is required */
  const char *evidence_dir; /* keep certificates and witnesses there; NULL: do not */
  const Cache *cache;       /* NULL: none */
  const char *version;      /* of this program, for reports; static */
  int jobs;                 /* >= 1, at once */
  bool is_quiet;            /* no line per check on stderr */
} GatePlan;

typedef struct {
  const Manifest *manifest; /* borrowed */
  int n;
  GateItem *items; /* GateItem items[n], in the order of the manifest */
  double seconds;
  char started[24];    /* "2026-01-31T12:00:00Z" */
  char build[65];      /* digest of the program that verifies */
  const char *version; /* of this one */
} Gate;

/* Do it all.  `stop` becomes the number of a signal: then everything is ended.
 * Owned; NULL with err for what concerns no single check: CREATE, OS, NO_INPUT; NULL
 * without err when it was stopped. */
Gate *gate_run(const GatePlan *plan, const volatile sig_atomic_t *stop, Err *err);
void gate_free(Gate *gate);

/* How many are in that state. */
int gate_count(const Gate *gate, GateState state);

/* 3 when evidence was rejected, else the status of the first error, else 1 when one is
 * falsified, else 2 when one is undecided that is no mere warning, else 0. */
int gate_exit_status(const Gate *gate);

/* "verified", "falsified", "undecided", "rejected", "error" */
const char *gate_word(GateState state);

/* What an item is about, for people: "models/a.onnx specs/b.vnnlib", of a sample
 * "models/a.onnx samples.csv row 3". */
void gate_title(const GateItem *item, Text *out);

/* Where it is violated: the file of the specification and the line of the disjunct;
 * of a sample the data file and its line.  *line is 0 when there is none. */
void gate_place(const GateItem *item, const char **file, int *line);

/* The same where nothing is violated: the line of the first disjunct that is not
 * proved, or 0. */
void gate_open_place(const GateItem *item, const char **file, int *line);

/* "case 3 (props/a.vnnlib:12), margin -0.5", of a falsified item. */
void gate_violation(const GateItem *item, Text *out);

/* Margin at the witness; NAN when it is not known. */
double gate_margin(const GateItem *item);

#endif
