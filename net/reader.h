/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/reader.h -- a network from a file of any supported format.
 *
 * The format follows from the content where it shows ("{" starts JSON, "//" or a
 * digit starts .nnet) and from the name otherwise; gzip is transparent.
 */
#ifndef NET_READER_H
#define NET_READER_H

#include "net/base/file.h"
#include "net/net.h"

/* Returns an owned Net (net_free), or NULL with err set:
 * NO_INPUT, IO, DATA (malformed), UNSUPPORTED (one line per unsupported node). */
Net *reader_load(const char *path, Err *err);

/* The same from a file in memory (file_from_memory); `name` takes the part of the path.
 */
Net *reader_parse(const char *name, const File *file, Err *err);

/* What a specification says of an ONNX model. */
typedef struct {
  const char *name; /* of the input, or NULL: number `number` of them, from 0 */
  int number;
  int rank;
  const int *dims; /* int dims[rank] */
} ReaderInput;

typedef struct {
  const char *const *values; /* values inside, by name, in any order: further outputs,
                              * behind the model's own (Net.outputs) */
  int n_values;
  const ReaderInput *inputs; /* open dimensions of inputs become these */
  int n_inputs;
} ReaderWants;

/* The same with what is wanted of it.  Fails UNSUPPORTED for values inside other
 * formats, which have no names; their shapes are what they are. */
Net *reader_load_as(const char *path, const ReaderWants *wants, Err *err);

#endif
