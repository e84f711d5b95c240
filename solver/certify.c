/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/certify.h"

#include "net/base/clock.h"
#include "solver/progress.h"
#include "specs/check/check.h"

Status certify_begin(const Net *net, const Prop *prop, const Options *o, Proof **proof,
                     Err *err)
{
  *proof = NULL;
  if (!o->certificate && !o->check) return STATUS_OK;
  return proof_open(o->certificate, net, prop, options_semantics[o->semantics], proof,
                    err);
}

/* What dualcert-check would say.  Anything but `accepted` is a rejection. */
static bool is_accepted(const Proof *proof, const Net *net, const Prop *prop, Err *err)
{
  CheckReport report = {.is_accepted = false};
  const double start = clock_now();
  const Status rc =
      check_certificate(proof_reading_path(proof), net, prop, false, &report, err);
  const bool accepted = !rc && report.is_accepted;
  if (!rc)
    progress_say(accepted ? 2 : 1, "certificate %s%s%s (%zu bounds, %.3f s)",
                 accepted ? "accepted" : "refused", report.reason ? ": " : "",
                 report.reason ? report.reason : "", report.n_bounds,
                 clock_now() - start);
  check_report_reset(&report);
  return accepted;
}

void certify_end(Proof *proof, const Net *net, const Prop *prop, const Options *o,
                 Result *r, Certified *c, Err *err)
{
  if (!proof || r->n_open || r->verdict == RESULT_FALSIFIED) return;
  const bool finished = !proof_finish(proof, err);
  const bool accepted = finished && (!o->check || is_accepted(proof, net, prop, err));
  c->is_checked = accepted && o->check;
  c->is_rejected = !accepted && o->check;
  if (accepted && o->certificate) c->is_written = !proof_publish(proof, err);
  if (o->check) result_release(r, accepted);
}
