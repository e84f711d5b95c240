/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks in the .nnet format. */
#include "net/nnet.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static void body(const File *file)
{
  Err err = {0};
  Net *net = nnet_read("fuzz.nnet", file, &err);
  target_check_error("fuzz.nnet", net, &err, 1);
  invariants_net(net, (unsigned)file->size);
  net_free(net);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
