/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_eval.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "net/reader.h"
#include "solver/jsonout.h"
#include "solver/numbers.h"
#include "solver/options.h"
#include "solver/app/mistake.h"
#include "solver/app/usage.h"

static const char *const format_words[] = {"text", "json", NULL};
static const char *const precision_words[] = {"double", "float32", "both", NULL};
static const char *const units_words[] = {"normalised", "physical", NULL};

enum { DOUBLE, FLOAT32, BOTH };

typedef struct {
  Usage usage;
  int json, precision, physical;
} Args;

enum { KEY_FORMAT = 0x100, KEY_PRECISION, KEY_UNITS };

static const struct argp_option options[] = {
    {"format", KEY_FORMAT, "FORMAT", 0, "text (default) or json", 0},
    {"precision", KEY_PRECISION, "ARITHMETIC", 0, "double, float32 or both (default)",
     0},
    {"units", KEY_UNITS, "UNITS", 0,
     "normalised (default) or physical, for .nnet files", 0},
    {0, 0, 0, 0, 0, 0},
};

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *a = state->input;
  Err *err = &a->usage.err;
  switch (key) {
  case KEY_FORMAT:
    return usage_checked(options_word("format", arg, format_words, &a->json, err));
  case KEY_PRECISION:
    return usage_checked(
        options_word("precision", arg, precision_words, &a->precision, err));
  case KEY_UNITS:
    return usage_checked(options_word("units", arg, units_words, &a->physical, err));
  default:
    return usage_key(&a->usage, key, arg);
  }
}

static const char doc[] =
    "Print the network's output on one input, one number per line."
    "\v"
    "INPUT is a file, or '-' for stdin, with numbers separated by commas or blanks, a "
    "JSON array (nested or not), or a counterexample as verify writes it. With "
    "--precision=both a line has the double and the float32 value. Exit status: 0, or "
    "64-74 for errors.";

/* ---- reading the input --------------------------------------------------- */

static Status read_numbers(const char *path, const File *file, const Net *net,
                           Numbers *v, Err *err)
{
  const Status rc = numbers_read(path, file, net_in_size(net), v, err);
  if (rc || v->n == (size_t)net_in_size(net)) return rc;
  return status_fail(err, STATUS_DATA, "%s: %zu numbers, but %s takes %d", path, v->n,
                     net->path, net_in_size(net));
}

static Status read_input(const char *path, const Net *net, Numbers *v, Err *err)
{
  const bool is_stdin = !strcmp(path, "-");
  File file = {0};
  Status rc = file_read(is_stdin ? "/dev/stdin" : path, FILE_MAX_BYTES, &file, err);
  if (!rc) rc = read_numbers(is_stdin ? "stdin" : path, &file, net, v, err);
  file_free(&file);
  return rc;
}

/* ---- evaluation ---------------------------------------------------------- */

typedef struct {
  double *y;
  float *y32;
  int n;
} Output;

static void normalise(const Units *u, double *x, int n)
{
  for (int i = 0; i < n; i++) {
    const double low = x[i] < u->min[i] ? u->min[i] : x[i];
    const double inside = low > u->max[i] ? u->max[i] : low;
    x[i] = (inside - u->mean[i]) / u->range[i];
  }
}

static void evaluate(const Net *net, double *x, bool physical, Output *o)
{
  o->n = net_out_size(net);
  o->y = mem_doubles((size_t)o->n);
  o->y32 = mem_array((size_t)o->n, sizeof *o->y32);
  if (physical) normalise(net->units, x, net_in_size(net));
  eval_double(net, x, o->y);
  eval_float(net, x, o->y32);
  if (!physical) return;
  const Units *u = net->units;
  for (int i = 0; i < o->n; i++) {
    o->y[i] = o->y[i] * u->range_out + u->mean_out;
    o->y32[i] = (float)((double)o->y32[i] * u->range_out + u->mean_out);
  }
}

/* ---- printing ------------------------------------------------------------ */

static void print_text(const Args *a, const Output *o, Text *out)
{
  for (int i = 0; i < o->n; i++) {
    if (a->precision != FLOAT32) text_add(out, "%.17g", o->y[i]);
    if (a->precision == BOTH) text_add(out, " ");
    if (a->precision != DOUBLE) text_add(out, "%.9g", (double)o->y32[i]);
    text_add(out, "\n");
  }
}

static void print_json(const Args *a, const Net *net, const Numbers *input,
                       const Output *o, Text *out)
{
  text_add(out, "{\n  \"net\": ");
  jsonout_string(out, net->path);
  text_add(out,
           ",\n  \"sha256\": \"%s\",\n  \"units\": \"%s\",\n  \"input\": ", net->sha256,
           units_words[a->physical]);
  jsonout_numbers(out, input->x, input->n);
  if (a->precision != FLOAT32) {
    text_add(out, ",\n  \"double\": ");
    jsonout_numbers(out, o->y, (size_t)o->n);
  }
  if (a->precision != DOUBLE) {
    text_add(out, ",\n  \"float32\": [");
    for (int i = 0; i < o->n; i++) {
      if (i) text_add(out, ", ");
      jsonout_float(out, o->y32[i]);
    }
    text_add(out, "]");
  }
  text_add(out, "\n}\n");
}

/* Evaluate a copy of the input, which --format=json repeats as given. */
static Status evaluate_and_print(const Args *a, const Net *net, const Numbers *input,
                                 Err *err)
{
  double *x = mem_doubles(input->n);
  memcpy(x, input->x, input->n * sizeof *x);
  Output o;
  evaluate(net, x, a->physical, &o);
  Text out = {0};
  if (a->json)
    print_json(a, net, input, &o, &out);
  else
    print_text(a, &o, &out);
  const Status rc = file_write("-", out.s, out.n, err);
  text_free(&out);
  mem_free(o.y);
  mem_free(o.y32);
  mem_free(x);
  return rc;
}

static Status check_units(const Args *a, const Net *net, Err *err)
{
  if (!a->physical || net->units) return STATUS_OK;
  return status_fail(err, STATUS_USAGE,
                     "--units: %s has no physical units, only .nnet files have",
                     net->path);
}

int cmd_eval_run(int argc, char **argv)
{
  Args a = {.usage = {.command = "eval", .n_wanted = 2, .names = {"NET", "INPUT"}},
            .precision = BOTH};
  const struct argp argp = {options, parse_key, "NET INPUT", doc, NULL, NULL, NULL};
  if (usage_parse(&argp, argc, argv, &a.usage, &a)) return STATUS_USAGE;
  const Status wrong = mistake_check(&a.usage);
  if (wrong) return (int)wrong;
  Err err = {0};
  Numbers input = {0};
  Net *net = reader_load(a.usage.args[0], &err);
  Status rc = net ? round_self_test(&err) : err.code;
  if (!rc) rc = check_units(&a, net, &err);
  if (!rc) rc = read_input(a.usage.args[1], net, &input, &err);
  if (!rc) evaluate_and_print(&a, net, &input, &err);
  numbers_reset(&input);
  net_free(net);
  return err.code ? usage_report(&err) : 0;
}
