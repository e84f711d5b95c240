/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/reader.h"

#include <string.h>

#include "net/base/file.h"
#include "net/foreign.h"
#include "net/jsonnet.h"
#include "net/lower.h"
#include "net/nnet.h"
#include "net/onnx.h"

typedef enum { FORMAT_ONNX, FORMAT_NNET, FORMAT_JSON } Format;

/* An ONNX file starts with the tag of ir_version, byte 8, or another small tag, so
 * printable first characters decide. */
static Format guess_format(const char *path, const File *file)
{
  size_t i = 0;
  if (file->size >= 3 && !memcmp(file->data, "\xef\xbb\xbf", 3)) i = 3;
  while (i < file->size && strchr(" \t\r\n", file->data[i]) && file->data[i])
    i++;
  const char c = i < file->size ? file->data[i] : '\0';
  if (c == '{') return FORMAT_JSON;
  if (c == '/' || (c >= '0' && c <= '9')) return FORMAT_NNET;
  const char *dot = strrchr(path, '.');
  if (dot && !strcmp(dot, ".json")) return FORMAT_JSON;
  if (dot && !strcmp(dot, ".nnet")) return FORMAT_NNET;
  return FORMAT_ONNX;
}

static Net *load_onnx(const char *path, const File *file, const ReaderWants *wants,
                      Err *err)
{
  OnnxGraph *graph = onnx_parse(path, file, err);
  if (!graph) return NULL;
  Status rc = STATUS_OK;
  for (int k = 0; k < wants->n_values && !rc; k++)
    rc = onnx_expose(path, graph, wants->values[k], err);
  for (int k = 0; k < wants->n_inputs; k++) {
    const ReaderInput *const in = &wants->inputs[k];
    onnx_close_dims(graph, in->name, in->number, in->rank, in->dims);
  }
  Net *net = rc ? NULL : lower_graph(path, graph, err);
  onnx_free(graph);
  return net;
}

static Status refuse_names(const char *path, const char *name, Err *err)
{
  return status_fail(err, STATUS_UNSUPPORTED,
                     "%s: the specification declares '%.80s' as hidden, but only ONNX "
                     "models have names inside",
                     path, name);
}

static Net *parse(const char *name, const File *file, const ReaderWants *wants,
                  Err *err)
{
  Net *net = NULL;
  const char *const kind = foreign_kind(file->data, file->size);
  if (kind) {
    status_fail(err, STATUS_DATA, "%s: this is %s", name, kind);
    return NULL;
  }
  const Format format = guess_format(name, file);
  if (wants->n_values && format != FORMAT_ONNX) {
    refuse_names(name, wants->values[0], err);
    return NULL;
  }
  switch (format) {
  case FORMAT_ONNX:
    net = load_onnx(name, file, wants, err);
    break;
  case FORMAT_NNET:
    net = nnet_read(name, file, err);
    break;
  case FORMAT_JSON:
    net = jsonnet_read(name, file, err);
    break;
  }
  if (net) memcpy(net->sha256, file->sha256, sizeof net->sha256);
  return net;
}

Net *reader_parse(const char *name, const File *file, Err *err)
{
  return parse(name, file, &(ReaderWants){0}, err);
}

Net *reader_load(const char *path, Err *err)
{
  return reader_load_as(path, &(ReaderWants){0}, err);
}

Net *reader_load_as(const char *path, const ReaderWants *wants, Err *err)
{
  File file;
  Net *net = NULL;
  if (!file_read(path, FILE_MAX_BYTES, &file, err))
    net = parse(path, &file, wants, err);
  file_free(&file);
  return net;
}
