/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A network from a file whose format its content decides: gzip, ONNX, .nnet, JSON. */
#include "net/reader.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static void body(const File *file)
{
  Err err = {0};
  TargetFile f = target_file(file);
  Net *net = reader_load(f.path, &err);
  target_file_close(&f);
  target_check_error(f.path, net, &err, 0);
  invariants_net(net, (unsigned)file->size);
  net_free(net);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
