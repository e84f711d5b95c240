/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks in JSON. */
#include "net/jsonnet.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static void body(const File *file)
{
  Err err = {0};
  Net *net = jsonnet_read("fuzz.json", file, &err);
  target_check_error("fuzz.json", net, &err, 1);
  invariants_net(net, (unsigned)file->size);
  net_free(net);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
