/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/netlist.h -- several networks as one argument, as in instances.csv of VNN-COMP:
 *
 *     [('f', 'onnx/a.onnx'), ('g', 'onnx/b.onnx')]
 *
 * a list of pairs of quoted names and paths; quotes are ' or ", with \ before a quote
 * or another \.
 */
#ifndef SPECS_NETLIST_H
#define SPECS_NETLIST_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/base/text.h"
#include "specs/problem.h"

typedef struct {
  ProblemNet *nets; /* owned, with its strings; ProblemNet nets[n] */
  int n;
  char *strings;
} NetList;

/* Does the argument look like one?  (A path that starts with "[(" does not exist.) */
bool netlist_is(const char *text);

/* Fails USAGE with the character where it goes wrong.  Relative paths stay as they are.
 */
Status netlist_parse(const char *text, NetList *list, Err *err);
void netlist_reset(NetList *list);

/* Append a list that netlist_parse reads as these, n > 0. */
void netlist_print(const ProblemNet *nets, int n, Text *out);

#endif
