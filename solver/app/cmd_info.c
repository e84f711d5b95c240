/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_info.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/text.h"
#include "net/lower.h"
#include "net/reader.h"
#include "solver/jsonout.h"
#include "solver/options.h"
#include "specs/declared.h"
#include "specs/problem.h"
#include "specs/words.h"
#include "solver/app/mistake.h"
#include "solver/app/networks.h"
#include "solver/app/usage.h"

static const char *const format_words[] = {"text", "json", NULL};

typedef struct {
  Usage usage;
  int json;
  bool operators;
  Networks networks; /* of --network, then of the argument NET */
} Args;

enum { KEY_FORMAT = 0x100, KEY_OPERATORS, KEY_NETWORK };

static const struct argp_option options[] = {
    {"format", KEY_FORMAT, "FORMAT", 0, "text (default) or json", 0},
    {"network", KEY_NETWORK, "NAME=FILE", 0,
     "The file of the network that SPEC, in VNN-LIB 2, calls NAME; may be left out", 0},
    {"operators", KEY_OPERATORS, 0, 0,
     "Instead, list the ONNX operators that are supported, as Markdown", 0},
    {0, 0, 0, 0, 0, 0},
};

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *a = state->input;
  if (key == KEY_FORMAT)
    return usage_checked(
        options_word("format", arg, format_words, &a->json, &a->usage.err));
  if (key == KEY_NETWORK)
    return usage_checked(networks_add(&a->networks, arg, &a->usage.err));
  if (key == KEY_OPERATORS) {
    a->operators = true;
    a->usage.n_wanted = 0;
    return 0;
  }
  return usage_key(&a->usage, key, arg);
}

static const char doc[] =
    "Show the layers, sizes and operators of a network, or say a specification in "
    "words."
    "\v"
    "Layers are those the verifier works on: linear operators of the model may be "
    "merged. A VNN-LIB specification needs no network: sizes are then those that it "
    "declares. In version 2 NET may be one file, or a list as for 'verify'. Exit "
    "status: 0, or 64-74 for errors.";

/* ---- facts --------------------------------------------------------------- */

static const char *operator_name(const Node *node)
{
  return node->kind == NODE_ACT ? act_name(node->act) : net_kind_name(node->kind);
}

static size_t n_parameters(const Node *node)
{
  const Conv *c = &node->conv;
  const size_t n = (size_t)node->size;
  switch (node->kind) {
  case NODE_DENSE:
    return (size_t)node->rows * (size_t)node->cols + (node->b ? (size_t)node->rows : 0);
  case NODE_CONV:
    return (size_t)c->c_out * (size_t)(c->c_in / c->groups) * (size_t)c->kh *
               (size_t)c->kw +
           (node->b ? (size_t)c->c_out : 0);
  case NODE_SCALE:
    return (node->scale ? n : 0) + (node->shift ? n : 0);
  default:
    return 0;
  }
}

typedef struct {
  const char *name;
  int count;
} OperatorCount;

/* Operators in the order of their first appearance.  counts[n_nodes]. */
static int count_operators(const Net *net, OperatorCount *counts)
{
  int n = 0;
  for (int k = 1; k < net->n_nodes; k++) {
    const char *name = operator_name(&net->nodes[k]);
    int i = 0;
    while (i < n && strcmp(counts[i].name, name))
      i++;
    if (i == n) counts[n++] = (OperatorCount){name, 0};
    counts[i].count++;
  }
  return n;
}

/* "1x3x32x32", or the size where the shape has no dimensions. */
static void add_shape(const Node *node, Text *out)
{
  if (!node->rank) text_add(out, "%d", node->size);
  for (int d = 0; d < node->rank; d++)
    text_add(out, "%s%d", d ? "x" : "", node->dims[d]);
}

/* ---- text ---------------------------------------------------------------- */

static void text_layer(const Net *net, int k, Text *out)
{
  const Node *node = &net->nodes[k];
  Text shape = {0}, inputs = {0};
  add_shape(node, &shape);
  for (int p = 0; p < node->n_in; p++)
    text_add(&inputs, "%s%d", p ? "," : "", node->in[p]);
  text_add(out, "%5d  %-12s %-16s %-12s %10zu  %s\n", k, operator_name(node), shape.s,
           inputs.s ? inputs.s : "-", n_parameters(node), node->name ? node->name : "");
  text_free(&shape);
  text_free(&inputs);
}

static void text_units(const Net *net, Text *out)
{
  const Units *u = net->units;
  text_add(out, "units\n%5s  %-14s %-14s %-14s %-14s\n", "input", "min", "max", "mean",
           "range");
  for (int i = 0; i < net_in_size(net); i++)
    text_add(out, "%5d  %-14.9g %-14.9g %-14.9g %-14.9g\n", i, u->min[i], u->max[i],
             u->mean[i], u->range[i]);
  text_add(out, "%5s  %-14s %-14s %-14.9g %-14.9g\n", "out", "", "", u->mean_out,
           u->range_out);
}

static void text_all(const Net *net, const OperatorCount *counts, int n, Text *out)
{
  text_add(out, "file        %s\nsha256      %s\nfloat type  %s\n", net->path,
           net->sha256, net->is_float32 ? "float32" : "double");
  text_add(out, "input       ");
  add_shape(&net->nodes[0], out);
  text_add(out, " (%d numbers)\noutput      ", net_in_size(net));
  add_shape(net_output(net), out);
  text_add(out, " (%d numbers)\n", net_out_size(net));
  text_add(out, "parameters  %zu\nneurons     %zu\noperators  ", net_n_parameters(net),
           net_n_neurons(net));
  for (int i = 0; i < n; i++)
    text_add(out, " %s %d%s", counts[i].name, counts[i].count, i + 1 < n ? "," : "");
  text_add(out, "\n%5s  %-12s %-16s %-12s %10s  %s\n", "layer", "kind", "shape", "from",
           "parameters", "name");
  for (int k = 0; k < net->n_nodes; k++)
    text_layer(net, k, out);
  if (net->units) text_units(net, out);
}

/* ---- JSON ---------------------------------------------------------------- */

static void json_shape(const Node *node, Text *out)
{
  const int size = node->size;
  if (node->rank)
    jsonout_ints(out, node->dims, (size_t)node->rank);
  else
    jsonout_ints(out, &size, 1);
}

static void json_layer(const Net *net, int k, Text *out)
{
  const Node *node = &net->nodes[k];
  text_add(out, "    {\"index\": %d, \"kind\": \"%s\", \"operator\": ", k,
           net_kind_name(node->kind));
  jsonout_string(out, operator_name(node));
  text_add(out, ", \"name\": ");
  jsonout_string(out, node->name ? node->name : "");
  text_add(out, ", \"shape\": ");
  json_shape(node, out);
  text_add(out, ", \"size\": %d, \"inputs\": ", node->size);
  jsonout_ints(out, node->in, (size_t)node->n_in);
  text_add(out, ", \"parameters\": %zu}%s\n", n_parameters(node),
           k + 1 < net->n_nodes ? "," : "");
}

static void json_units(const Net *net, Text *out)
{
  const Units *u = net->units;
  const size_t n = (size_t)net_in_size(net);
  const double *const rows[] = {u->min, u->max, u->mean, u->range};
  static const char *const names[] = {"min", "max", "mean", "range"};
  text_add(out, "  \"units\": {");
  for (int i = 0; i < 4; i++) {
    text_add(out, "\"%s\": ", names[i]);
    jsonout_numbers(out, rows[i], n);
    text_add(out, ", ");
  }
  text_add(out, "\"mean_out\": ");
  jsonout_number(out, u->mean_out);
  text_add(out, ", \"range_out\": ");
  jsonout_number(out, u->range_out);
  text_add(out, "},\n");
}

static void json_all(const Net *net, const OperatorCount *counts, int n, Text *out)
{
  text_add(out, "{\n  \"path\": ");
  jsonout_string(out, net->path);
  text_add(out, ",\n  \"sha256\": \"%s\",\n  \"float_type\": \"%s\",\n", net->sha256,
           net->is_float32 ? "float32" : "double");
  text_add(out, "  \"input\": {\"shape\": ");
  json_shape(&net->nodes[0], out);
  text_add(out, ", \"size\": %d},\n  \"output\": {\"shape\": ", net_in_size(net));
  json_shape(net_output(net), out);
  text_add(out, ", \"size\": %d},\n  \"parameters\": %zu,\n  \"neurons\": %zu,\n",
           net_out_size(net), net_n_parameters(net), net_n_neurons(net));
  text_add(out, "  \"operators\": {");
  for (int i = 0; i < n; i++)
    text_add(out, "%s\"%s\": %d", i ? ", " : "", counts[i].name, counts[i].count);
  text_add(out, "},\n");
  if (net->units) json_units(net, out);
  text_add(out, "  \"layers\": [\n");
  for (int k = 0; k < net->n_nodes; k++)
    json_layer(net, k, out);
  text_add(out, "  ]\n}\n");
}

/* ---- the run ------------------------------------------------------------- */

static Status print(const Net *net, int json, Err *err)
{
  OperatorCount *counts = mem_array((size_t)net->n_nodes, sizeof *counts);
  const int n = count_operators(net, counts);
  Text out = {0};
  (json ? json_all : text_all)(net, counts, n, &out);
  const Status rc = file_write("-", out.s, out.n, err);
  text_free(&out);
  mem_free(counts);
  return rc;
}

/* ---- operators ----------------------------------------------------------- */

/* "axis:i epsilon:f" as "axis, epsilon". */
static void add_attributes(Text *out, const char *attributes)
{
  for (const char *p = attributes; *p;) {
    const size_t n = strcspn(p, ":");
    text_add(out, "%s%.*s", p == attributes ? "" : ", ", (int)n, p);
    p += n + strcspn(p + n, " ");
    p += strspn(p, " ");
  }
}

static Status print_operators(Err *err)
{
  Text out = {0};
  LowerOperator op;
  text_add(&out,
           "# Operators\n\nMade by `dualcert info --operators`; versions %d to %d "
           "of the ONNX operators.\n",
           LOWER_OPSET_OLDEST, LOWER_OPSET_NEWEST);
  text_add(&out,
           "An attribute, or a combination, that is not supported is named when a "
           "network is read.\n\n| operator | attributes | becomes, of variables "
           "|\n|---|---|---|\n");
  for (int i = 0; lower_operator(i, &op); i++) {
    text_add(&out, "| %s | ", op.name);
    add_attributes(&out, op.attributes);
    text_add(&out, " | %s |\n", op.becomes);
  }
  text_add(&out,
           "\nCurves: tangents where the function is convex, chords where it is "
           "concave, the tangent point\noptimised, and the exact conjugate in the full "
           "dual (`bounds/conjugate.h`). ReLUs: the triangle\nwith an optimised lower "
           "slope (`bounds/relax.h`). Products: McCormick planes, optimised.\n");
  const Status rc = file_write("-", out.s, out.n, err);
  text_free(&out);
  return rc;
}

/* ---- specifications ------------------------------------------------------ */

/* The file of every network of the specification, NULL where there is none. */
static const char **files_of(const Scope *scope, const Networks *given)
{
  const char **file = mem_zero((size_t)scope->n_networks, sizeof *file);
  for (int k = 0; k < scope->n_networks; k++)
    for (int f = 0; f < given->n && scope->network[k].equal_to < 0; f++)
      if (!given->nets[f].name || !strcmp(given->nets[f].name, scope->network[k].name))
        file[k] = given->nets[f].path;
  return file;
}

/* What was read although the standard does not have it. */
static void add_notes(const char *notes, Text *out)
{
  for (const char *s = notes ? notes : ""; *s; s += *s == '\n') {
    const size_t n = strcspn(s, "\n");
    text_add(out, "note        %.*s\n", (int)n, s);
    s += n;
  }
}

static Status print_words(const Prop *prop, const Networks *given, Err *err)
{
  Text out = {0};
  const char **file = files_of(prop->scope, given);
  text_add(&out, "file        %s\nsha256      %s\nsizes       ", prop->path,
           prop->sha256);
  words_sizes(prop, &out);
  text_add(&out, "\ncases       %d in %d input set%s\n", prop->n_cases, prop->n_boxes,
           prop->n_boxes == 1 ? "" : "s");
  if (prop->n_dropped)
    text_add(&out, "left out    %d that can never hold\n", prop->n_dropped);
  add_notes(prop->scope->notes.s, &out);
  words_networks(prop, file, &out);
  words_property(prop, &out);
  const Status rc = file_write("-", out.s, out.n, err);
  text_free(&out);
  mem_free(file);
  return rc;
}

/* With the networks that are given, or as it is declared. */
static Status show_spec(const char *path, const Networks *given, Err *err)
{
  Problem problem = {0};
  const ProblemFiles files = {.nets = given->nets, .n_nets = given->n, .spec = path};
  if (given->n)
    problem_load(&files, &problem, err);
  else
    problem.prop = declared_load(path, err);
  if (problem.prop) print_words(problem.prop, given, err);
  problem_free(&problem);
  return err->code;
}

/* ---- the command --------------------------------------------------------- */

static Status show_net(const Args *a, Err *err)
{
  Net *net = reader_load(a->usage.args[0], err);
  if (net) print(net, a->json, err);
  net_free(net);
  return err->code;
}

static bool is_spec_alone(const Args *a)
{
  return a->usage.n_args == 1 &&
         (a->networks.n > 0 || mistake_is_spec(a->usage.args[0]));
}

static Status show(Args *a, Err *err)
{
  const char *const *const args = a->usage.args;
  const bool alone = is_spec_alone(a);
  if (a->operators) return print_operators(err);
  if (!alone && a->usage.n_args == 1) return show_net(a, err);
  if (a->json)
    return status_fail(err, STATUS_USAGE,
                       "info: --format=json is for networks; a specification is said "
                       "in words");
  if (!alone && a->networks.n)
    return status_fail(err, STATUS_USAGE,
                       "info: with --network the only argument is the specification");
  if (!alone && networks_positional(&a->networks, args[0], err)) return err->code;
  return show_spec(args[alone ? 0 : 1], &a->networks, err);
}

int cmd_info_run(int argc, char **argv)
{
  Args a = {
      .usage = {
          .command = "info", .n_wanted = 1, .n_optional = 1, .names = {"NET", "SPEC"}}};
  const struct argp argp = {
      options, parse_key, "NET\nSPEC\nNET SPEC\nSPEC --network NAME=FILE\n--operators",
      doc,     NULL,      NULL,
      NULL};
  Status rc = usage_parse(&argp, argc, argv, &a.usage, &a);
  if (!rc && !a.operators && !is_spec_alone(&a)) rc = mistake_check(&a.usage);
  Err err = {0};
  if (!rc && show(&a, &err)) rc = (Status)usage_report(&err);
  networks_reset(&a.networks);
  return (int)rc;
}
