/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/problem.h -- network files and a specification become one network and its Prop.
 *
 * The only door for commands: what a specification needs of its networks follows from
 * the specification.  Several networks become one (net/join.h), hidden values become
 * outputs, and so do copies of inputs and products (specs/extend.h); inputs that are
 * equated become one input.
 *
 * A JSON specification with an image (specs/image.h) puts a node in front of its
 * network: the inputs are then the parameters, prop->image is set, and the digest stays
 * that of the file.
 *
 * The digest of a network that stands for several is the SHA-256 of their digests, one
 * a line, in the order of the specification (docs/certificates.md).
 */
#ifndef SPECS_PROBLEM_H
#define SPECS_PROBLEM_H

#include <stdbool.h>

#include "net/base/file.h"
#include "net/net.h"
#include "specs/prop.h"

typedef struct {
  const char *name; /* that of the specification, or NULL: its only one */
  const char *path;
} ProblemNet;

typedef struct {
  const ProblemNet *nets;
  int n_nets;
  const char *spec;
  bool strict;  /* VNN-LIB 2 as the standard has it */
  bool float32; /* refuse networks that rounded_check refuses, before anything else */
} ProblemFiles;

typedef struct {
  Net *net;
  Prop *prop; /* prop->scope is set */
} Problem;

/* Read VNN-LIB 1.0, 2.0, 2.1 or JSON by content (gzip too), and its networks.  Fails
 * NO_INPUT, IO, DATA, UNSUPPORTED, and USAGE for networks that are missing or too many;
 * one line: path, line and column, what was expected.  *p is empty then. */
Status problem_load(const ProblemFiles *files, Problem *p, Err *err);

/* The same with the specification in memory; files->spec takes the part of its path. */
Status problem_parse(const ProblemFiles *files, const File *spec, Problem *p, Err *err);

/* The same for one network without a name. */
Status problem_load_pair(const char *net, const char *spec, Problem *p, Err *err);

void problem_free(Problem *p);

#endif
