/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks in ONNX, as net/reader.c reads them: bytes to a graph, graph to a network.
 */
#include "net/lower.h"
#include "net/onnx.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static void body(const File *file)
{
  Err err = {0};
  OnnxGraph *graph = onnx_parse("fuzz.onnx", file, &err);
  target_check_error("fuzz.onnx", graph, &err, 0);
  if (graph) {
    Net *net = lower_graph("fuzz.onnx", graph, &err);
    onnx_free(graph);
    target_check_error("fuzz.onnx", net, &err, 0);
    invariants_net(net, (unsigned)file->size);
    net_free(net);
  }
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
