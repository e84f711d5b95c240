/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/proofs.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "solver/proof.h"
#include "solver/solve.h"
#include "specs/check/check.h"

bool proofs_make(const Net *net, const Prop *prop, const Options *options,
                 const char *path, double seconds)
{
  Result r;
  Stop stop;
  Proof *proof;
  Err err = {0};
  stop_init(&stop, seconds);
  result_init(&r, prop);
  cr_assert_eq(
      proof_open(path, net, prop, options_semantics[options->semantics], &proof, &err),
      STATUS_OK, "%s", err.text);
  solve_property(net, prop, options, &stop, proof, &r);
  const bool verified = r.verdict == RESULT_VERIFIED;
  if (verified) {
    cr_assert_eq(proof_finish(proof, &err), STATUS_OK);
    cr_assert_eq(proof_publish(proof, &err), STATUS_OK);
  }
  proof_free(proof);
  result_reset(&r);
  return verified;
}

bool proofs_accepted(const char *path, const Net *net, const Prop *prop, bool exact,
                     char *reason)
{
  CheckReport report;
  Err err = {0};
  const Status rc = check_certificate(path, net, prop, exact, &report, &err);
  const bool accepted = !rc && report.is_accepted;
  snprintf(reason, 200, "%s", rc ? err.text : report.reason ? report.reason : "");
  if (!rc) check_report_reset(&report);
  status_reset(&err);
  return accepted;
}
