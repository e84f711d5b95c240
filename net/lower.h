/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower.h -- an ONNX graph becomes a Net.
 *
 * Unknown (dynamic) first dimensions of graph inputs, the batch, become 1.  Several
 * graph inputs are concatenated in order in node 0, several graph outputs in the
 * last node.  Nodes that no output needs are not looked at.
 *
 * What is supported follows from net/operators.def and net/act.def.  An operator,
 * attribute or combination outside is reported, all of them at once, one line each:
 *
 *     model.onnx: node 'act3': operator Hardmax is not supported
 *
 * To add an elementwise activation, see net/act.def; any other operator is a line
 * in net/operators.def and a function.
 */
#ifndef NET_LOWER_H
#define NET_LOWER_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/net.h"
#include "net/onnx.h"

/* Versions of the ONNX operators whose meaning is known. */
#define LOWER_OPSET_OLDEST 7
#define LOWER_OPSET_NEWEST 26

/* Operator number i = 0, 1, ... for people: its attributes (net/operators.def) and what
 * it becomes.  False after the last. */
typedef struct {
  const char *name, *attributes, *becomes;
} LowerOperator;

bool lower_operator(int i, LowerOperator *out);

/* Returns an owned Net (net_free) with path set and sha256 empty, or NULL with err
 * set: UNSUPPORTED (one line for each finding), DATA (shapes that contradict). */
Net *lower_graph(const char *path, const OnnxGraph *graph, Err *err);

#endif
