/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/nnet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base/decimal.h"
#include "net/base/mem.h"
#include "net/draft.h"

#define MAX_LAYERS 10000

/* The current line and its numbers. */
typedef struct {
  const char *path;
  Err *err;
  const char *pos, *end;
  int line; /* 1-based number of the line just read */
  double *v;
  size_t n, room;
} Scanner;

static Status bad_line(Scanner *s, const char *what)
{
  return status_fail(s->err, STATUS_DATA, "%s:%d: %s", s->path, s->line, what);
}

/* [*from, *to) becomes the next line with content; false at the end of the file. */
static bool next_line(Scanner *s, const char **from, const char **to)
{
  while (s->pos < s->end) {
    const char *start = s->pos;
    const char *stop = memchr(start, '\n', (size_t)(s->end - start));
    if (!stop) stop = s->end;
    s->pos = stop < s->end ? stop + 1 : stop;
    s->line++;
    bool blank = true, comment = false;
    for (const char *c = start; c < stop; c++) {
      blank = blank && strchr(" \t\r", *c) && *c;
      comment = comment || (c[0] == '/' && c + 1 < stop && c[1] == '/');
    }
    *from = start;
    *to = stop;
    if (!blank && !comment) return true;
  }
  return false;
}

static bool is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static Status parse_numbers(Scanner *s, const char *from, const char *to)
{
  s->n = 0;
  while (from < to) {
    const char *comma = memchr(from, ',', (size_t)(to - from));
    const char *stop = comma ? comma : to;
    const char *a = from, *b = stop;
    while (a < b && is_space(*a))
      a++;
    while (b > a && is_space(b[-1]))
      b--;
    from = comma ? comma + 1 : to;
    if (a == b) {
      /* Nothing may follow a trailing comma but blanks. */
      while (from < to && is_space(*from))
        from++;
      if (!comma || from == to) return STATUS_OK;
      return bad_line(s, "an empty entry between commas");
    }
    Decimal number;
    if (!decimal_parse(a, (size_t)(b - a), &number))
      return bad_line(s, "expected numbers separated by commas");
    if (s->n == s->room) {
      s->room = s->room ? 2 * s->room : 64;
      s->v = mem_grow(s->v, s->room, sizeof *s->v);
    }
    s->v[s->n++] = number.near;
  }
  return STATUS_OK;
}

/* The next line of `low` to `high` numbers. */
static Status read_line(Scanner *s, const char *what, size_t low, size_t high)
{
  const char *from, *to;
  if (!next_line(s, &from, &to))
    return status_fail(s->err, STATUS_DATA,
                       "%s: the file ends where %s is expected; it is truncated",
                       s->path, what);
  const Status rc = parse_numbers(s, from, to);
  if (rc) return rc;
  if (s->n >= low && s->n <= high) return STATUS_OK;
  return status_fail(s->err, STATUS_DATA, "%s:%d: %s: expected %zu numbers, found %zu",
                     s->path, s->line, what, low, s->n);
}

static Status to_int(Scanner *s, double x, int high, int *value)
{
  if (!(x >= 1 && x <= high) || x != floor(x))
    return bad_line(s, "a number of layers or neurons is out of range");
  *value = (int)x;
  return STATUS_OK;
}

/* ---- header -------------------------------------------------------------- */

typedef struct {
  int n_layers;
  int *sizes; /* int sizes[n_layers + 1] */
} Sizes;

static Status read_sizes(Scanner *s, Sizes *sizes)
{
  int n_in = 0, n_out = 0;
  Status rc = read_line(s, "the line of sizes", 4, 4);
  if (!rc) rc = to_int(s, s->v[0], MAX_LAYERS, &sizes->n_layers);
  if (!rc) rc = to_int(s, s->v[1], SHAPE_MAX_SIZE, &n_in);
  if (!rc) rc = to_int(s, s->v[2], SHAPE_MAX_SIZE, &n_out);
  if (rc) return rc;
  const size_t n = (size_t)sizes->n_layers + 1;
  if ((rc = read_line(s, "the line of layer sizes", n, n))) return rc;
  sizes->sizes = mem_array(n, sizeof *sizes->sizes);
  for (size_t k = 0; k < n && !rc; k++)
    rc = to_int(s, s->v[k], SHAPE_MAX_SIZE, &sizes->sizes[k]);
  if (!rc && (sizes->sizes[0] != n_in || sizes->sizes[n - 1] != n_out))
    rc = bad_line(s, "the layer sizes contradict the numbers of inputs and outputs");
  return rc;
}

/* One line of n entries, or n + 2 in old files, then `extra` for the output. */
static Status read_unit(Scanner *s, Net *net, const char *what, int n, int extra,
                        double **values, double *last)
{
  const size_t low = (size_t)n + (size_t)extra;
  const Status rc = read_line(s, what, low, (size_t)n + 2);
  if (rc) return rc;
  *values = net_keep(net, mem_doubles((size_t)n));
  memcpy(*values, s->v, (size_t)n * sizeof **values);
  if (last) *last = s->v[s->n - 1];
  return STATUS_OK;
}

static Status read_units(Scanner *s, Net *net, int n)
{
  Units *u = net_keep(net, mem_zero(1, sizeof *u));
  Status rc = read_line(s, "the flag", 1, 1);
  if (!rc) rc = read_unit(s, net, "smallest inputs", n, 0, &u->min, NULL);
  if (!rc) rc = read_unit(s, net, "largest inputs", n, 0, &u->max, NULL);
  for (int i = 0; !rc && i < n; i++)
    if (u->min[i] > u->max[i]) rc = bad_line(s, "a largest input below its smallest");
  if (!rc) rc = read_unit(s, net, "means", n, 1, &u->mean, &u->mean_out);
  if (!rc) rc = read_unit(s, net, "ranges", n, 1, &u->range, &u->range_out);
  for (int i = 0; !rc && i < n; i++)
    if (!(u->range[i] > 0)) rc = bad_line(s, "ranges must be positive");
  if (!rc && !(u->range_out > 0)) rc = bad_line(s, "ranges must be positive");
  net->units = u;
  return rc;
}

/* ---- layers -------------------------------------------------------------- */

static Status read_layer(Scanner *s, Draft *d, int layer, const int *sizes, int *node)
{
  const int cols = sizes[layer], rows = sizes[layer + 1];
  /* A number takes at least two bytes, so sizes cannot ask for more memory than the
   * file deserves. */
  if ((int64_t)rows * cols > (s->end - s->pos) / 2 + 1)
    return status_fail(s->err, STATUS_DATA,
                       "%s: too short for the %d x %d weights of layer %d", s->path,
                       rows, cols, layer + 1);
  double *W = mem_doubles((size_t)rows * (size_t)cols), *b = mem_doubles((size_t)rows);
  Status rc = STATUS_OK;
  for (int i = 0; i < rows && !rc; i++) {
    rc = read_line(s, "a row of weights", (size_t)cols, (size_t)cols);
    if (!rc) memcpy(W + (size_t)i * (size_t)cols, s->v, (size_t)cols * sizeof *W);
  }
  for (int i = 0; i < rows && !rc; i++) {
    rc = read_line(s, "a bias", 1, 1);
    if (!rc) b[i] = s->v[0];
  }
  if (rc) {
    mem_free(W);
    mem_free(b);
    return rc;
  }
  char name[32];
  snprintf(name, sizeof name, "layer %d", layer + 1);
  const Shape shape = shape_vector(rows);
  *node = draft_dense(d, name, *node, &shape, 1, rows, cols, W, b, 0);
  return STATUS_OK;
}

static Status read_net(Scanner *s, Net *net, Draft *d, Sizes *sizes)
{
  Status rc = read_sizes(s, sizes);
  if (!rc) rc = read_units(s, net, sizes->sizes[0]);
  if (rc) return rc;
  const Shape input = shape_vector(sizes->sizes[0]);
  draft_init(d, net, &input);
  int node = 0;
  for (int k = 0; k < sizes->n_layers; k++) {
    if ((rc = read_layer(s, d, k, sizes->sizes, &node))) return rc;
    const Shape shape = shape_vector(sizes->sizes[k + 1]);
    char name[32];
    snprintf(name, sizeof name, "relu %d", k + 1);
    if (k < sizes->n_layers - 1) node = draft_act(d, name, node, &shape, ACT_RELU);
  }
  const char *from, *to;
  if (next_line(s, &from, &to)) return bad_line(s, "more lines than the layers need");
  draft_finish(d, node);
  net->n_inputs = net->n_outputs = 1;
  return net_finish(net, s->err);
}

Net *nnet_read(const char *path, const File *file, Err *err)
{
  Scanner s = {
      .path = path, .err = err, .pos = file->data, .end = file->data + file->size};
  if (file->size >= 3 && !memcmp(file->data, "\xef\xbb\xbf", 3)) s.pos += 3;
  Net *net = net_new(path);
  Draft d = {0};
  Sizes sizes = {0};
  const Status rc = read_net(&s, net, &d, &sizes);
  draft_reset(&d);
  mem_free(s.v);
  mem_free(sizes.sizes);
  if (!rc) return net;
  net_free(net);
  return NULL;
}
