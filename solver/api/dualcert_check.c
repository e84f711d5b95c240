/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/clock.h"
#include "net/base/round.h"
#include "net/base/text.h"
#include "solver/api/handle.h"
#include "solver/jsonout.h"
#include "specs/check/check.h"

typedef struct {
  const Net *net;
  const Prop *prop;
  const char *path;
  dualcert_result *to;
  CheckReport report;
  Err err;
} Checking;

/* `bounds` and so on as dualcert-check counts them. */
static void describe(Checking *c)
{
  const CheckReport *report = &c->report;
  Text json = {0};
  text_add(&json, "{\n  \"verdict\": \"%s\",\n  \"reason\": ",
           report->is_accepted ? "verified" : "unknown");
  if (report->is_accepted)
    text_add(&json, "null");
  else
    jsonout_string(&json, report->reason);
  text_add(&json, ",\n  \"semantics\": \"%s\",\n  \"program\": ",
           report->is_float32 ? "float32" : "real");
  jsonout_string(&json, report->program ? report->program : "");
  text_add(&json, ",\n  \"cases\": %d,\n  \"leaves\": %zu,\n  \"bounds\": %zu\n}\n",
           report->n_cases, report->n_leaves, report->n_bounds);
  c->to->json = json.s;
}

static void check(void *context)
{
  Checking *c = context;
  if (!round_self_test(&c->err) &&
      !check_certificate(c->path, c->net, c->prop, false, &c->report, &c->err))
    describe(c);
}

/* What the call left is memory of the account that is the result's now. */
static int judge(const Checking *c, Status rc)
{
  dualcert_result *r = c->to;
  if (rc) {
    handle_fail(&r->handle, rc, c->err.text);
    dualcert_result_forget(r);
    return rc;
  }
  if (c->report.is_accepted) {
    r->verdict = RESULT_VERIFIED;
  } else {
    r->reason = RESULT_REJECTED;
    handle_fail(&r->handle, DUALCERT_DATA, c->report.reason);
  }
  return DUALCERT_OK;
}

int dualcert_check(const dualcert_network *n, const dualcert_spec *s,
                   const char *certificate, dualcert_result *r)
{
  if (!r) return DUALCERT_USAGE;
  dualcert_result_forget(r);
  handle_clear(&r->handle);
  if (!n || !n->net || !s || !s->prop || !certificate)
    return handle_fail(&r->handle, DUALCERT_USAGE, NULL);
  if (s->prop->n_in != net_in_size(n->net) || s->prop->n_out != net_out_size(n->net))
    return handle_fail(&r->handle, DUALCERT_USAGE,
                       "the specification is for a network of another size");
  if (stop_why(&r->stop) == STOP_INTERRUPTED) {
    r->reason = RESULT_INTERRUPTED;
    return DUALCERT_OK;
  }
  const double start = clock_now();
  Checking c = {.net = n->net, .prop = s->prop, .path = certificate, .to = r};
  r->account = mem_account_new();
  const int status = judge(&c, handle_work(r->account, check, &c, &c.err));
  r->seconds = clock_now() - start;
  return status;
}
