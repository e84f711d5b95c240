/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/problem.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/join.h"
#include "net/reader.h"
#include "net/rounded.h"
#include "specs/extend.h"
#include "specs/image.h"
#include "specs/load.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"

typedef struct {
  const ProblemFiles *files;
  Sexpr s; /* the specification, VNN-LIB */
  Scope *scope;
  Net **part; /* Net *part[n_networks]; a network that equals another is the same */
  int *file;  /* int file[n_networks]: which of files->nets */
  Extend extend;
  Err *err;
} Loader;

/* ---- which file is which network ----------------------------------------- */

static Status usage(const Loader *l, const char *what, const char *name)
{
  Text all = {0};
  for (int k = 0; k < l->scope->n_networks; k++)
    if (l->scope->network[k].equal_to < 0)
      text_add(&all, " --network %.40s=FILE", l->scope->network[k].name);
  const Status rc = status_fail(l->err, STATUS_USAGE, "%s: %s%.80s; expected%s",
                                l->files->spec, what, name, all.s);
  text_free(&all);
  return rc;
}

/* One unnamed file is the network that equals no other. */
static Status match_unnamed(Loader *l)
{
  int n = 0;
  for (int k = 0; k < l->scope->n_networks; k++)
    n += l->scope->network[k].equal_to < 0;
  if (n > 1)
    return usage(l, "several networks are declared, but one file is given", "");
  for (int k = 0; k < l->scope->n_networks; k++)
    l->file[k] = 0;
  return STATUS_OK;
}

static Status match_files(Loader *l)
{
  const Scope *const scope = l->scope;
  if (l->files->n_nets == 1 && !l->files->nets[0].name) return match_unnamed(l);
  for (int k = 0; k < scope->n_networks; k++)
    l->file[k] = -1;
  for (int f = 0; f < l->files->n_nets; f++) {
    const char *const name = l->files->nets[f].name;
    const int k = name ? scope_find_network(scope, name, strlen(name)) : -1;
    if (k < 0) return usage(l, "no network is called ", name ? name : "");
    if (l->file[k] >= 0) return usage(l, "two files for network ", name);
    if (scope->network[k].equal_to >= 0)
      return usage(l, "no file is needed for a network that equals another, ", name);
    l->file[k] = f;
  }
  for (int k = 0; k < scope->n_networks; k++) {
    const int equal_to = scope->network[k].equal_to;
    if (equal_to >= 0) l->file[k] = l->file[equal_to];
    if (l->file[k] < 0) return usage(l, "no file for network ", scope->network[k].name);
  }
  return STATUS_OK;
}

/* ---- reading networks ---------------------------------------------------- */

/* The network with all values that it or a network equal to it declares as hidden, and
 * its inputs as it declares them. */
static Net *load_part(const Loader *l, int k)
{
  const Scope *const scope = l->scope;
  const char **names = mem_array((size_t)scope->n_tensors + 1, sizeof *names);
  ReaderInput *inputs = mem_array((size_t)scope->n_tensors + 1, sizeof *inputs);
  int n = 0, n_in = 0;
  for (int t = 0; t < scope->n_tensors; t++) {
    const ScopeTensor *const tensor = &scope->tensor[t];
    const ScopeNetwork *const own = &scope->network[tensor->network];
    if (tensor->role == SCOPE_HIDDEN && (tensor->network == k || own->equal_to == k))
      names[n++] = tensor->onnx;
    if (tensor->role != SCOPE_INPUT || tensor->network != k) continue;
    inputs[n_in] = (ReaderInput){tensor->onnx, n_in, tensor->rank, tensor->dims};
    n_in++;
  }
  const ReaderWants wants = {names, n, inputs, n_in};
  Net *net = reader_load_as(l->files->nets[l->file[k]].path, &wants, l->err);
  mem_free(names);
  mem_free(inputs);
  return net;
}

static Status load_parts(Loader *l)
{
  for (int k = 0; k < l->scope->n_networks; k++) {
    const int equal_to = l->scope->network[k].equal_to;
    l->part[k] = equal_to >= 0 ? l->part[equal_to] : load_part(l, k);
    if (!l->part[k]) return l->err->code;
    if (l->files->float32 && rounded_check(l->part[k], l->err)) return l->err->code;
  }
  return STATUS_OK;
}

/* ---- places of tensors --------------------------------------------------- */

static Status bad_tensor(const Loader *l, const ScopeTensor *t, const Net *net,
                         const char *what)
{
  return sexpr_fail(&l->s, t->line, t->column, l->err, STATUS_DATA, "%.40s %s %.200s",
                    t->name, what, net->path);
}

static void print_shape(int rank, const int *dims, Text *out)
{
  text_add(out, "[");
  for (int d = 0; d < rank; d++)
    text_add(out, "%s%d", d ? "," : "", dims[d]);
  text_add(out, "]");
}

static Status check_shape(const Loader *l, const ScopeTensor *t, const Port *port,
                          const Net *net)
{
  bool same = t->rank == port->rank || !port->name;
  for (int d = 0; same && port->name && d < t->rank; d++)
    same = t->dims[d] == port->dims[d];
  if (same && t->size == port->size) return STATUS_OK;
  Text what = {0};
  text_add(&what, "is declared as ");
  print_shape(t->rank, t->dims, &what);
  text_add(&what, ", but is ");
  print_shape(port->rank, port->dims, &what);
  text_add(&what, " in");
  Status rc;
  if (t->size != port->size) {
    rc = bad_tensor(l, t, net, what.s);
  } else {
    text_add(&what, " %.200s", net->path);
    Text line = {0};
    text_add(&line, "%.40s %s", t->name, what.s);
    rc = scope_lax(l->scope, &l->s, t->line, t->column, LAX_SHAPE, line.s, l->err);
    text_free(&line);
  }
  text_free(&what);
  return rc;
}

/* float32 and float64 are types of the model, real is any. */
static Status check_type(const Loader *l, const ScopeTensor *t, const Port *port,
                         const Net *net)
{
  if (scope_type_is_real(t->type)) return STATUS_OK;
  const bool is_double = !strcmp(t->type, "float64");
  if (port->name ? is_double == port->is_double : is_double || net->is_float32)
    return STATUS_OK;
  return scope_lax(l->scope, &l->s, t->line, t->column, LAX_MODEL,
                   "the model has another type here; declare real, or the type of the "
                   "model",
                   l->err);
}

/* What the format calls inputs (outputs): ports with names, or everything is one. */
static int ports_of(const Net *net, bool inputs, Port *whole, const Port **ports)
{
  *ports = inputs ? net->inputs : net->outputs;
  if (*ports) return inputs ? net->n_inputs : net->n_outputs;
  const int n = inputs ? net_in_size(net) : net_out_size(net);
  *whole = (Port){.size = n, .rank = 1, .dims = {n}};
  *ports = whole;
  return 1;
}

/* The port of a tensor: by its name where it has one, else the i-th. */
static int find_port(const Port *ports, int n, const ScopeTensor *t, int i)
{
  if (!t->onnx) return i < n ? i : -1;
  for (int k = 0; k < n; k++)
    if (ports[k].name && !strcmp(ports[k].name, t->onnx)) return k;
  return -1;
}

/* Does a variable before it in its network stand for the same tensor of the model? */
static bool is_taken(const Scope *scope, const ScopeTensor *t)
{
  const ScopeTensor *other = &scope->tensor[scope->network[t->network].first_tensor];
  for (; other < t; other++)
    if (other->role == t->role && other->first == t->first) return true;
  return false;
}

static Status place_tensor(const Loader *l, ScopeTensor *t, const Net *net, int base,
                           int i)
{
  Port whole;
  const Port *ports;
  const int n = ports_of(net, t->role == SCOPE_INPUT, &whole, &ports);
  const int own = t->role == SCOPE_OUTPUT ? n - net->n_hidden : n;
  const int port = find_port(ports, own, t, i);
  if (port < 0)
    return bad_tensor(l, t, net,
                      t->onnx ? "is called by a name that is none of"
                              : "is one more than there are in");
  t->first = base;
  for (int k = 0; k < port; k++)
    t->first += ports[k].size;
  if (is_taken(l->scope, t))
    return bad_tensor(l, t, net, "is what another variable is already, in");
  const Status rc = check_shape(l, t, &ports[port], net);
  return rc ? rc : check_type(l, t, &ports[port], net);
}

/* All inputs and outputs of the model are declared. */
static Status check_count(const Loader *l, const ScopeNetwork *own, const Net *net,
                          int n_in, int n_out)
{
  const int ins = net->inputs ? net->n_inputs : 1;
  const int outs = net->outputs ? net->n_outputs - net->n_hidden : 1;
  if (n_in == ins && n_out == outs) return STATUS_OK;
  return sexpr_fail(
      &l->s, own->line, own->column, l->err, STATUS_DATA,
      "network %.40s declares %d inputs and %d outputs, but %.200s has %d "
      "and %d",
      own->name, n_in, n_out, net->path, ins, outs);
}

static Status place_tensors(Loader *l)
{
  Scope *const scope = l->scope;
  int base_in = 0, base_out = 0;
  for (int k = 0; k < scope->n_networks; k++) {
    const ScopeNetwork *const own = &scope->network[k];
    const Net *const net = l->part[k];
    int n_in = 0, n_out = 0;
    for (int i = 0; i < own->n_tensors; i++) {
      ScopeTensor *const t = &scope->tensor[own->first_tensor + i];
      const bool is_input = t->role == SCOPE_INPUT;
      const int at = is_input ? n_in : n_out;
      const Status rc = place_tensor(l, t, net, is_input ? base_in : base_out, at);
      if (rc) return rc;
      n_in += is_input;
      n_out += t->role == SCOPE_OUTPUT;
    }
    const Status rc = check_count(l, own, net, n_in, n_out);
    if (rc) return rc;
    base_in += net_in_size(net);
    base_out += net_out_size(net);
  }
  scope->n_in = scope->n_free = base_in;
  scope->n_out = base_out;
  return STATUS_OK;
}

/* ---- one network --------------------------------------------------------- */

/* SHA-256 of the digests, one a line. */
static void digest_parts(const Loader *l, char sha256[65])
{
  Text all = {0};
  for (int k = 0; k < l->scope->n_networks; k++)
    text_add(&all, "%s\n", l->part[k]->sha256);
  file_digest(all.s, all.n, sha256);
  text_free(&all);
}

static char *paths_of_parts(const Loader *l)
{
  Text all = {0};
  for (int k = 0; k < l->scope->n_networks; k++)
    if (l->scope->network[k].equal_to < 0)
      text_add(&all, "%s%s", all.n ? ", " : "", l->part[k]->path);
  return all.s;
}

/* The parts are taken. */
static Net *join(Loader *l)
{
  const Scope *const scope = l->scope;
  const int n = scope->n_networks;
  if (n == 1 && scope->n_free == scope->n_in) {
    Net *const net = l->part[0];
    l->part[0] = NULL;
    return net;
  }
  char sha256[65];
  memcpy(sha256, l->part[0]->sha256, sizeof sha256);
  if (n > 1) digest_parts(l, sha256);
  char *path = paths_of_parts(l);
  int *pick = mem_array((size_t)scope->n_in, sizeof *pick);
  for (int i = 0; i < scope->n_in; i++)
    pick[i] = scope_free(scope, i);
  JoinPart *part = mem_array((size_t)n, sizeof *part);
  for (int k = 0, at = 0; k < n; k++) {
    part[k] = (JoinPart){l->part[k], pick + at};
    at += net_in_size(l->part[k]);
  }
  for (int k = 0; k < n; k++)
    l->part[k] = NULL;
  Net *net = join_nets(path, part, n, scope->n_free, l->err);
  if (net) memcpy(net->sha256, sha256, sizeof sha256);
  mem_free(part);
  mem_free(pick);
  mem_free(path);
  return net;
}

static Status finish(Loader *l, Problem *p)
{
  p->net = join(l);
  if (p->net) p->net = extend_net(p->net, &l->extend, l->err);
  return p->net ? STATUS_OK : l->err->code;
}

/* ---- the formats --------------------------------------------------------- */

static Status load_v2(Loader *l, Problem *p)
{
  scope_init_v2(l->scope, l->files->strict);
  Status rc = vnnlib2_declarations(&l->s, l->scope, l->err);
  if (rc) return rc;
  const size_t n = (size_t)l->scope->n_networks;
  l->part = mem_zero(n, sizeof *l->part);
  l->file = mem_zero(n, sizeof *l->file);
  rc = match_files(l);
  if (!rc) rc = load_parts(l);
  if (!rc) rc = place_tensors(l);
  if (!rc) p->prop = vnnlib2_assertions(&l->s, l->scope, &l->extend, l->err);
  return p->prop ? finish(l, p) : l->err->code;
}

/* The specification is about the parameters of an image: the network behind it. */
static Status put_image(Loader *l, const Prop *prop)
{
  l->part[0] = image_net(l->part[0], prop->image, l->err);
  scope_free_all(l->scope);
  scope_init_v1(l->scope, prop->n_in, prop->n_out - prop->extend.n);
  return l->part[0] ? STATUS_OK : l->err->code;
}

/* VNN-LIB 1.0 and JSON are about one network. */
static Status load_single(Loader *l, const File *file, bool is_json, Problem *p)
{
  if (l->files->n_nets != 1)
    return status_fail(l->err, STATUS_USAGE,
                       "%s: this specification is about one network, but %d are given",
                       l->files->spec, l->files->n_nets);
  Net *net = reader_load(l->files->nets[0].path, l->err);
  if (!net) return l->err->code;
  l->part = mem_zero(1, sizeof *l->part);
  l->part[0] = net;
  scope_init_v1(l->scope, net_in_size(net), net_out_size(net));
  if (l->files->float32 && rounded_check(net, l->err)) return l->err->code;
  if (is_json)
    p->prop =
        load_json(l->files->spec, file, net_in_size(net), net_out_size(net), l->err);
  else
    p->prop = vnnlib_read(&l->s, l->scope, &l->extend, l->err);
  if (p->prop && p->prop->image && put_image(l, p->prop)) return l->err->code;
  if (p->prop && is_json) {
    l->extend = p->prop->extend;
    p->prop->extend = (Extend){0};
  }
  return p->prop ? finish(l, p) : l->err->code;
}

static Status load_file(Loader *l, const File *file, Problem *p)
{
  const LoadFormat format = load_format(l->files->spec, file, l->err);
  if (format == LOAD_NONE) return l->err->code;
  if (format == LOAD_JSON) return load_single(l, file, true, p);
  const Status rc = sexpr_init(&l->s, l->files->spec, file->data, file->size, l->err);
  if (rc) return rc;
  return vnnlib2_is_text(&l->s) ? load_v2(l, p) : load_single(l, file, false, p);
}

static void free_parts(const Loader *l)
{
  for (int k = 0; l->part && k < l->scope->n_networks; k++)
    if (l->scope->network[k].equal_to < 0) net_free(l->part[k]);
}

Status problem_parse(const ProblemFiles *files, const File *spec, Problem *p, Err *err)
{
  Loader l = {.files = files, .err = err, .scope = mem_zero(1, sizeof *l.scope)};
  *p = (Problem){0};
  const Status rc = load_file(&l, spec, p);
  if (!rc) {
    memcpy(p->prop->sha256, spec->sha256, sizeof spec->sha256);
    p->prop->scope = l.scope;
    p->prop->extend = l.extend;
    l.extend = (Extend){0};
  } else {
    free_parts(&l);
    scope_free_all(l.scope);
    mem_free(l.scope);
    problem_free(p);
  }
  extend_reset(&l.extend);
  mem_free(l.part);
  mem_free(l.file);
  return rc;
}

Status problem_load(const ProblemFiles *files, Problem *p, Err *err)
{
  File file = {0};
  *p = (Problem){0};
  Status rc = file_read(files->spec, PROP_MAX_BYTES, &file, err);
  if (!rc) rc = problem_parse(files, &file, p, err);
  file_free(&file);
  return rc;
}

Status problem_load_pair(const char *net, const char *spec, Problem *p, Err *err)
{
  const ProblemNet one = {NULL, net};
  const ProblemFiles files = {.nets = &one, .n_nets = 1, .spec = spec};
  return problem_load(&files, p, err);
}

void problem_free(Problem *p)
{
  prop_free(p->prop);
  net_free(p->net);
  *p = (Problem){0};
}
