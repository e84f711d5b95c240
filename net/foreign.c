/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/foreign.h"

#include <stdbool.h>
#include <string.h>

/* Names inside a zip archive are near its start or, in the directory, near its end. */
#define ZIP_LOOK 65536

static const char pytorch[] =
    "a PyTorch file; in Python: torch.onnx.export(model, example_input, 'net.onnx')";
static const char keras[] = "a Keras or HDF5 file; in Python: model.export('net.onnx', "
                            "format='onnx') or tf2onnx";

/* `bytes` (n of them, may contain NUL) at `offset` says that it is `kind`. */
typedef struct {
  size_t offset, n;
  const char *bytes, *kind;
} Magic;

#define MAGIC(offset, bytes, kind)                                                     \
  {                                                                                    \
    offset, sizeof(bytes) - 1, bytes, kind                                             \
  }

static const Magic magics[] = {
    MAGIC(0, "\x89HDF\r\n", keras),
    MAGIC(4, "TFL3",
          "a TensorFlow Lite file; in Python: python -m tf2onnx.convert "
          "--tflite FILE --output net.onnx"),
    MAGIC(0, "\x93NUMPY", "a NumPy array; expected a network or a specification"),
    MAGIC(0, "\x89PNG", "a PNG image; expected a network or a specification"),
    MAGIC(0, "\xff\xd8\xff", "a JPEG image; expected a network or a specification"),
    MAGIC(0, "%PDF-", "a PDF file; expected a network or a specification"),
    MAGIC(0, "SQLite format 3",
          "an SQLite database; expected a network or a specification"),
    MAGIC(0, "version https://git-lfs",
          "a Git LFS pointer, not the file itself; run 'git "
          "lfs pull'"),
    MAGIC(0, "BZh", "a bzip2 file; unpack it with bunzip2 (gzip is read as it is)"),
    MAGIC(0,
          "\xfd"
          "7zXZ",
          "an xz file; unpack it with unxz (gzip is read as it is)"),
    MAGIC(0, "\x28\xb5\x2f\xfd",
          "a Zstandard file; unpack it with unzstd (gzip is read "
          "as it is)"),
    MAGIC(0,
          "\x7f"
          "ELF",
          "a program; expected a network or a specification"),
    MAGIC(257, "ustar", "a tar archive; unpack it first"),
    MAGIC(0, "<!DOCTYPE html",
          "a web page; download the file itself, not the page about it"),
    MAGIC(0, "<html", "a web page; download the file itself, not the page about it"),
};

static bool contains(const char *data, size_t size, const char *word)
{
  const size_t n = strlen(word);
  for (size_t i = 0; i + n <= size; i++)
    if (data[i] == word[0] && !memcmp(data + i, word, n)) return true;
  return false;
}

static const char *kind_of_zip(const char *data, size_t size)
{
  const size_t n = size < ZIP_LOOK ? size : ZIP_LOOK;
  const char *const ends[] = {data, data + size - n};
  for (int i = 0; i < 2; i++) {
    if (contains(ends[i], n, "data.pkl")) return pytorch;
    if (contains(ends[i], n, "model.weights.h5")) return keras;
    if (contains(ends[i], n, ".npy"))
      return "NumPy arrays; expected a network or a specification";
  }
  return "a zip archive; unpack it first (gzip is read as it is)";
}

/* Python's pickle: protocol 2 to 5, then what starts a stream. */
static bool is_pickle(const char *data, size_t size)
{
  return size > 3 && data[0] == '\x80' && data[1] >= 2 && data[1] <= 5 &&
         (strchr("}]c(X\x8a\x95", data[2]) != NULL && data[2]);
}

/* safetensors: eight bytes of length, then a JSON object. */
static bool is_safetensors(const char *data, size_t size)
{
  return size > 10 && data[5] == 0 && data[6] == 0 && data[7] == 0 && data[8] == '{' &&
         data[9] == '"';
}

const char *foreign_kind(const char *data, size_t size)
{
  for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
    const Magic *const m = &magics[i];
    if (size >= m->offset + m->n && !memcmp(data + m->offset, m->bytes, m->n))
      return m->kind;
  }
  if (size >= 4 && !memcmp(data, "PK\003\004", 4)) return kind_of_zip(data, size);
  if (is_pickle(data, size)) return pytorch;
  if (is_safetensors(data, size))
    return "a safetensors file: weights without a network; load them in Python and "
           "export the model as ONNX";
  return NULL;
}
