/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outputs of ONNX Runtime that tests/make-conformance stored, and ours.
 *
 * Tolerance.  Two float32 implementations of one network differ by rounding only: an
 * operation by half a unit in the last place, a sum of n terms in another order by
 * about sqrt (n) of them.  Added up over the nodes, with numbers as large as the
 * largest of 1, the inputs and the outputs,
 *
 *     |ours - theirs| <= ULPS * 2^-24 * (sum over nodes of sqrt (terms)) * that
 *
 * A wrong axis, attribute or formula misses this by orders of magnitude.  The enclosure
 * of the real value must contain theirs up to the same tolerance.  Where net/rounded.h
 * speaks about the model, what it says must hold without any. */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "net/lower.h"
#include "net/onnx.h"
#include "net/reader.h"
#include "net/rounded.h"

#define ULPS 4

/* ---- comparing ----------------------------------------------------------- */

typedef struct {
  int models, unsupported, numbers;
  int rounded;  /* numbers that net/rounded.h speaks about */
  double worst; /* in units of the tolerance */
  char worst_name[160];
} Tally;

static double largest(const double *a, int n, double least)
{
  for (int i = 0; i < n; i++)
    least = fmax(least, fabs(a[i]));
  return least;
}

/* The sum over all nodes of the square root of how many terms they sum. */
static double depth(const Net *net)
{
  double sum = 0;
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    const Conv *c = &v->conv;
    double terms = 1;
    if (v->kind == NODE_DENSE) terms = v->cols;
    if (v->kind == NODE_ADD) terms = v->n_in;
    if (v->kind == NODE_CONV)
      terms = (double)c->kh * (double)c->kw * (c->c_in / c->groups);
    sum += sqrt(terms);
  }
  return sum;
}

/* What is said about all executions in float32 holds for theirs and for ours. */
static void compare_rounded(const char *name, const Net *net, const double *x,
                            const double *theirs, const float *ours, Tally *t)
{
  const char *where;
  if (rounded_check(net, NULL)) return;
  Net *rounded = rounded_net(net, x, x, &where);
  if (!rounded) return;
  const int n = net_out_size(net);
  double *mid = mem_doubles((size_t)n), *rad = mem_doubles((size_t)n);
  eval_enclose(rounded, x, mid, rad);
  for (int i = 0; i < n; i++) {
    cr_expect(fabs(theirs[i] - mid[i]) <= rad[i] &&
                  fabs((double)ours[i] - mid[i]) <= rad[i],
              "%s: output %d is %.9g and %.9g, not in %.17g +- %g", name, i, theirs[i],
              (double)ours[i], mid[i], rad[i]);
    t->rounded++;
  }
  net_free(rounded);
  mem_free(mid);
  mem_free(rad);
}

/* One run: x and theirs are given; n_in and n_out fit the net. */
static void compare(const char *name, const Net *net, const double *x,
                    const double *theirs, Tally *t)
{
  const int n = net_out_size(net);
  float *y = mem_array((size_t)n, sizeof *y);
  double *mid = mem_doubles((size_t)n), *rad = mem_doubles((size_t)n);
  double *exact = mem_doubles((size_t)n);
  eval_float(net, x, y);
  eval_double(net, x, exact);
  eval_enclose(net, x, mid, rad);
  const double size = largest(theirs, n, largest(x, net_in_size(net), 1));
  const double unit = ULPS * 0x1p-24 * depth(net) * size;
  for (int i = 0; i < n; i++) {
    const double off = fabs((double)y[i] - theirs[i]) / unit;
    cr_expect(off <= 1, "%s: output %d is %.9g, expected %.9g", name, i, (double)y[i],
              theirs[i]);
    cr_expect(fabs(mid[i] - theirs[i]) <= rad[i] + unit,
              "%s: output %d is %.9g, not in %.17g +- %g", name, i, theirs[i], mid[i],
              rad[i]);
    cr_expect(fabs(exact[i] - mid[i]) <= 2 * rad[i] + 1e-9 * unit,
              "%s: output %d is %.17g in double, not %.17g +- %g", name, i, exact[i],
              mid[i], rad[i]);
    t->numbers++;
    if (!(off <= t->worst)) {
      t->worst = off;
      snprintf(t->worst_name, sizeof t->worst_name, "%s", name);
    }
  }
  compare_rounded(name, net, x, theirs, y, t);
  mem_free(y);
  mem_free(mid);
  mem_free(rad);
  mem_free(exact);
}

static void report(const char *what, const Tally *t)
{
  printf(
      "conformance: %d %s, %d numbers agree with ONNX Runtime; %d are not supported; "
      "largest difference %.2f of the tolerance (%s); %d numbers are in the enclosure "
      "of "
      "all float32 executions\n",
      t->models, what, t->numbers, t->unsupported, t->worst, t->worst_name, t->rounded);
  fflush(stdout);
}

/* ---- the archive --------------------------------------------------------- */

typedef struct {
  File file;
  size_t at;
} Archive;

static void open_archive(Archive *a, const char *path)
{
  Err err = {0};
  *a = (Archive){0};
  cr_assert_eq(file_read(path, FILE_MAX_BYTES, &a->file, &err), STATUS_OK, "%s",
               err.text);
}

/* The next line, or NULL at the end; valid until the archive is closed. */
static const char *next_line(Archive *a)
{
  if (a->at == a->file.size) return NULL;
  char *line = a->file.data + a->at;
  char *end = memchr(line, '\n', a->file.size - a->at);
  cr_assert(end, "a record without an end");
  *end = 0;
  a->at = (size_t)(end + 1 - a->file.data);
  return line;
}

static const char *next_bytes(Archive *a, size_t n)
{
  cr_assert(n <= a->file.size - a->at, "a record is cut off");
  const char *bytes = a->file.data + a->at;
  a->at += n;
  return bytes;
}

/* float32, little-endian, as on every machine this runs on; owned by the caller. */
static double *next_numbers(Archive *a, int n)
{
  const char *bytes = next_bytes(a, (size_t)n * sizeof(float));
  double *v = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++) {
    float f;
    memcpy(&f, bytes + (size_t)i * sizeof f, sizeof f);
    v[i] = (double)f;
  }
  return v;
}

/* ---- models of one operator ---------------------------------------------- */

/* Lines of tests/conformance/unsupported.txt are patterns of names. */
static bool is_listed(const char *list, const char *name)
{
  char pattern[256];
  for (const char *line = list; *line;) {
    const size_t n = strcspn(line, "\n");
    snprintf(pattern, sizeof pattern, "%.*s", (int)n, line);
    if (n && !fnmatch(pattern, name, 0)) return true;
    line += n + (line[n] == '\n');
  }
  return false;
}

static Net *net_of(const char *name, const char *bytes, size_t size, Err *err)
{
  File file = {.data = mem_alloc(size + 1), .size = size};
  memcpy(file.data, bytes, size);
  file.data[size] = 0;
  OnnxGraph *graph = onnx_parse(name, &file, err);
  file_free(&file);
  Net *net = graph ? lower_graph(name, graph, err) : NULL;
  onnx_free(graph);
  return net;
}

static void check_unit(Archive *a, const char *line, const char *list, Tally *t)
{
  int bytes, samples, n_in, n_out, at = 0;
  cr_assert_eq(sscanf(line, "%d %d %d %d %n", &bytes, &samples, &n_in, &n_out, &at), 4);
  const char *name = line + at, *data = next_bytes(a, (size_t)bytes);
  double *x = next_numbers(a, samples * n_in), *y = next_numbers(a, samples * n_out);
  Err err = {0};
  Net *net = net_of(name, data, (size_t)bytes, &err);
  if (!net) {
    cr_expect(err.code == STATUS_UNSUPPORTED && is_listed(list, name), "%s", err.text);
    t->unsupported++;
  } else {
    cr_assert(net_in_size(net) == n_in && net_out_size(net) == n_out, "%s: %d to %d",
              name, net_in_size(net), net_out_size(net));
    for (int k = 0; k < samples; k++)
      compare(name, net, x + k * n_in, y + k * n_out, t);
    t->models++;
  }
  status_reset(&err);
  net_free(net);
  mem_free(x);
  mem_free(y);
}

Test(conformance, agrees_on_single_operators)
{
  Archive a;
  File list;
  Tally t = {0};
  Err err = {0};
  cr_assert_eq(
      file_read("tests/conformance/unsupported.txt", FILE_MAX_BYTES, &list, &err),
      STATUS_OK, "%s", err.text);
  open_archive(&a, "tests/conformance/units.gz");
  for (const char *line; (line = next_line(&a));)
    check_unit(&a, line, list.data, &t);
  report("models of operators", &t);
  cr_expect(t.models >= 300, "only %d models", t.models);
  cr_expect(t.rounded >= 10000, "only %d numbers in float32 enclosures", t.rounded);
  file_free(&a.file);
  file_free(&list);
}

/* ---- whole networks ------------------------------------------------------ */

/* splitmix64, as in tests/make-conformance: number i of the stream `seed`, in [0, 1).
 */
static double stream(uint64_t seed, uint64_t i)
{
  uint64_t z = seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  z ^= z >> 31;
  return (double)(z >> 40) * 0x1p-24;
}

static void check_network(Archive *a, const char *line, const char *folder, Tally *t)
{
  int samples, n_in, n_out, at = 0;
  cr_assert_eq(sscanf(line, "%d %d %d %n", &samples, &n_in, &n_out, &at), 3);
  const char *name = line + at;
  double *y = next_numbers(a, samples * n_out), *x = mem_doubles((size_t)n_in);
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  Err err = {0};
  Net *net = reader_load(path, &err);
  if (!net) {
    cr_expect_eq(err.code, STATUS_UNSUPPORTED, "%s", err.text);
    t->unsupported++;
  } else {
    cr_assert(net_in_size(net) == n_in && net_out_size(net) == n_out, "%s", name);
    for (int k = 0; k < samples; k++) {
      for (int i = 0; i < n_in; i++)
        x[i] = k ? 2 * stream((uint64_t)k, (uint64_t)i) - 1 : stream(0, (uint64_t)i);
      compare(name, net, x, y + k * n_out, t);
    }
    t->models++;
  }
  status_reset(&err);
  net_free(net);
  mem_free(x);
  mem_free(y);
}

Test(conformance, agrees_on_whole_networks)
{
  const char *given = getenv("DUALCERT_DATA"),
             *folder = given ? given : "../shared/data";
  char probe[1024];
  snprintf(probe, sizeof probe, "%s/acasxu/onnx", folder);
  if (access(probe, R_OK) != 0) {
    printf("conformance: whole networks skipped, %s is not there\n", probe);
    cr_skip_test("no networks at %s", folder);
  }
  Archive a;
  Tally t = {0};
  open_archive(&a, "tests/conformance/networks.gz");
  for (const char *line; (line = next_line(&a));)
    check_network(&a, line, folder, &t);
  report("networks", &t);
  file_free(&a.file);
}
