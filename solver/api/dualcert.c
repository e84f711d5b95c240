/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/api/dualcert.h"

#include "net/base/status.h"
#include "specs/result.h"

/* The header repeats what callers need; the two must not drift apart. */
#define SAME(a, b) _Static_assert((int)(a) == (int)(b), #a " is " #b)
SAME(DUALCERT_OK, STATUS_OK);
SAME(DUALCERT_USAGE, STATUS_USAGE);
SAME(DUALCERT_DATA, STATUS_DATA);
SAME(DUALCERT_NO_INPUT, STATUS_NO_INPUT);
SAME(DUALCERT_UNSUPPORTED, STATUS_UNSUPPORTED);
SAME(DUALCERT_INTERNAL, STATUS_INTERNAL);
SAME(DUALCERT_SYSTEM, STATUS_OS);
SAME(DUALCERT_CREATE, STATUS_CREATE);
SAME(DUALCERT_IO, STATUS_IO);
SAME(DUALCERT_UNKNOWN, RESULT_UNKNOWN);
SAME(DUALCERT_VERIFIED, RESULT_VERIFIED);
SAME(DUALCERT_FALSIFIED, RESULT_FALSIFIED);
SAME(DUALCERT_REASON_NONE, RESULT_NO_REASON);
SAME(DUALCERT_REASON_TIMEOUT, RESULT_TIMEOUT);
SAME(DUALCERT_REASON_MEMORY, RESULT_MEMORY);
SAME(DUALCERT_REASON_INCOMPLETE, RESULT_INCOMPLETE);
SAME(DUALCERT_REASON_NODES, RESULT_NODES);
SAME(DUALCERT_REASON_OVERFLOW, RESULT_OVERFLOW);
SAME(DUALCERT_REASON_INTERRUPTED, RESULT_INTERRUPTED);
SAME(DUALCERT_REASON_REJECTED, RESULT_REJECTED);

int dualcert_abi_version(void)
{
  return DUALCERT_ABI;
}

const char *dualcert_version(void)
{
  return DUALCERT_VERSION;
}

const char *dualcert_status_name(int status)
{
  return status_name((Status)status);
}

const char *dualcert_verdict_name(int verdict)
{
  return result_verdict_word((Verdict)verdict);
}

const char *dualcert_reason_name(int reason)
{
  return result_reason_word((Reason)reason);
}
