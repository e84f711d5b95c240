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
/* The same with further outputs: values inside an ONNX model, by name, in any order and
 * behind its own (Net.outputs).  Fails UNSUPPORTED for other formats, which have no
 * names. */
Net *reader_load_values(const char *path, const char *const *names, int n, Err *err);

#endif
