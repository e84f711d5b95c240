/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/brackets.h -- the answer of `dualcert margin`: a table, CSV, JSON, and
 * accuracy against radius as a picture.
 *
 * Of n samples, `certified` at radius r are those proved on S(r), lower >= r, and
 * `attacked` those without a counterexample there, upper > r.  The accuracy of the
 * network against the best attack lies between the two.
 *
 * Tables round the certified end down and the other one up.
 */
#ifndef SOLVER_REPORT_BRACKETS_H
#define SOLVER_REPORT_BRACKETS_H

#include <stdbool.h>

#include "net/base/text.h"
#include "solver/margin.h"

typedef struct {
  int row, line, label; /* of the samples' file; row -1: the specification alone */
  Margin margin;
} Bracket;

typedef struct {
  const char *net_path, *net_sha256;
  const char *spec_path; /* NULL: samples alone */
  const char *data_path; /* of the samples, or NULL */
  const char *norm, *semantics, *version;
  bool is_factor;
  double precision, seconds;
  int n;
  Bracket *rows; /* Bracket rows[n], owned by the caller */
} Brackets;

/* Each locks the margins, one by one.  n > 0, except for JSON. */
void brackets_text(const Brackets *b, Text *out);
void brackets_csv(const Brackets *b, Text *out);
void brackets_json(const Brackets *b, Text *out);

/* A picture of its own, for light and dark. */
void brackets_svg(const Brackets *b, Text *out);

/* Both ends of one, rounded as in tables, and its note: for progress. */
void brackets_say(Bracket *row, Text *out);

/* Why a bracket is not close, in words; "" when there is nothing to say. */
const char *brackets_note(const Margin *m);

#endif
