/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/check.h -- does a certificate prove that a property holds?
 *
 * docs/certificates.md says what is proved and by which rules; nothing of bounds/ or
 * solver/ takes part.  The state of each query starts as its box; every interval in it
 * is then only met with proven ones.  "verified" needs, in one query for each box of
 * the property, every case closed by a bound strictly above 0 that was computed here,
 * on parts that cover the box.  What the file says is never a bound.
 */
#ifndef SPECS_CHECK_CHECK_H
#define SPECS_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "net/net.h"
#include "specs/prop.h"

typedef struct {
  bool is_accepted;
  bool is_float32;        /* it is about every execution in float32 (net/rounded.h) */
  char *reason;           /* why it is refused, one line; owned; NULL when accepted */
  char *program;          /* the writer's name and version; owned, may be NULL */
  int n_queries, n_cases; /* checked so far */
  size_t n_leaves;        /* parts of searches that were closed */
  size_t n_bounds;        /* backward bounds computed */
} CheckReport;

/* exact: without rounding (specs/check/exact.h), for small networks.
 * Fill report, to be freed by check_report_reset.  STATUS_OK whether or not the
 * certificate is accepted.  Fails when there is nothing to judge: NO_INPUT, IO; DATA:
 * not a certificate; UNSUPPORTED: semantics other than "real" and "float32", or a
 * network that float32 is not known of. */
Status check_certificate(const char *path, const Net *net, const Prop *prop, bool exact,
                         CheckReport *report, Err *err);
void check_report_reset(CheckReport *report);

#endif
