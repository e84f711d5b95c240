/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/options.h -- what the user asked for.
 *
 * Effort options are declared once, in solver/options.def; the others here.
 * Only solver/ sees Options: lower layers take parameter structs of their own.
 */
#ifndef SOLVER_OPTIONS_H
#define SOLVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/base/status.h"
#include "net/base/text.h"

/* Bits of Options.stages; solver/solve.c has their order. */
enum {
  STAGE_ATTACK = 1 << 0,
  STAGE_IBP = 1 << 1,
  STAGE_CROWN = 1 << 2,
  STAGE_DUAL = 1 << 3,
  STAGE_LP = 1 << 4,
  STAGE_SPLIT = 1 << 5,
  STAGE_ALL = (1 << 6) - 1
};

typedef enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_VNNCOMP, FORMAT_VNNLIB } Format;

/* Of the witness file; AUTO is JSON when its name ends in .json. */
typedef enum {
  WITNESS_FORMAT_AUTO,
  WITNESS_FORMAT_TEXT,
  WITNESS_FORMAT_JSON
} WitnessFormat;

/* What branch and bound splits. */
typedef enum { SPLIT_AUTO, SPLIT_INPUT, SPLIT_ACTIVATION } SplitKind;

/* What `verified` speaks about: the network over the reals, or every execution in
 * float32 (net/rounded.h). */
typedef enum { SEMANTICS_REAL, SEMANTICS_FLOAT32 } Semantics;

typedef struct {
#define OPTION(name, dflt, low, high, help) int name;
#include "solver/options.def"
#undef OPTION
  unsigned stages; /* bits STAGE_* */
  Format format;
  SplitKind split;
  Semantics semantics;
  double timeout; /* seconds; INFINITY: none */
  size_t memory;  /* bytes; 0: no limit */
  int threads;    /* >= 1; the default is the number of processors */
  uint64_t seed;  /* default 0 */
  int verbosity;  /* 0 errors only, 1 a progress line on terminals, 2 every stage */
  bool exit_zero; /* exit 0 for every verdict */
  bool check;     /* the certificate, before saying verified */
  bool explain;   /* why unknown, on stderr at the end */
  bool stats;     /* a table on stderr at the end */
  bool strict;    /* VNN-LIB 2 as the standard has it */
  bool has_semantics, has_format; /* they were given */
  const char *net; /* paths as given, borrowed from argv; NULL when not given */
  const char *spec;
  const char *witness;
  const char *certificate;
  const char *assignments; /* folder for the tensors of a counterexample */
  WitnessFormat witness_format;
} Options;

/* One line of options.def, for the command line's help. */
typedef struct {
  const char *name; /* as typed: '-' for '_' */
  int dflt, low, high;
  const char *help; /* ends with the default */
} OptionsRow;

/* The table, n rows. */
const OptionsRow *options_rows(int *n);

/* Every option at its default. */
void options_init(Options *o);

/* Set an option that takes a value: a row of the table, or one of
 *     timeout  memory (MB of 2^20 bytes)  threads  seed  stages  split  semantics
 *     format  witness  witness-format  certificate
 * `name` is the long name without dashes.  `value` is borrowed by witness and
 * certificate.
 * Fails USAGE with one line: not a number, out of range, unknown word. */
Status options_set(Options *o, const char *name, const char *value, Err *err);

/* A whole number of low..high, or seconds >= 0.  Fails USAGE naming the option. */
Status options_int(const char *name, const char *value, long long low, long long high,
                   long long *number, Err *err);
Status options_seconds(const char *name, const char *value, double *seconds, Err *err);

/* Index of value in a NULL-terminated list of words.  Fails USAGE with the list. */
Status options_word(const char *name, const char *value, const char *const *words,
                    int *index, Err *err);

/* Index is the Semantics: "real", "float32", NULL. */
extern const char *const options_semantics[];

/* All options but paths, as one JSON object. */
void options_json(const Options *o, Text *out);

#endif
