/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/net.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "net/base/mem.h"

Net *net_new(const char *path)
{
  Net *net = mem_zero(1, sizeof *net);
  net->path = mem_strdup(path);
  return net;
}

void net_free(Net *net)
{
  if (!net) return;
  for (int i = 0; i < net->n_blocks; i++)
    mem_free(net->blocks[i]);
  mem_free(net->blocks);
  mem_free(net->nodes);
  mem_free(net->path);
  mem_free(net);
}

void *net_keep(Net *net, void *block)
{
  if (!block) return NULL;
  if (net->n_blocks == net->blocks_room) {
    net->blocks_room = net->blocks_room ? 2 * net->blocks_room : 16;
    net->blocks = mem_grow(net->blocks, (size_t)net->blocks_room, sizeof *net->blocks);
  }
  return net->blocks[net->n_blocks++] = block;
}

int net_add(Net *net, const Node *node, const int *in, int n_in)
{
  if (net->n_nodes == net->room) {
    net->room = net->room ? 2 * net->room : 16;
    net->nodes = mem_grow(net->nodes, (size_t)net->room, sizeof *net->nodes);
  }
  Node *copy = &net->nodes[net->n_nodes];
  *copy = *node;
  copy->n_in = n_in;
  copy->in = NULL;
  if (n_in) {
    int *kept = net_keep(net, mem_array((size_t)n_in, sizeof *kept));
    memcpy(kept, in, (size_t)n_in * sizeof *kept);
    copy->in = kept;
  }
  if (!copy->name) copy->name = "";
  return net->n_nodes++;
}

/* ---- the invariants of net.h --------------------------------------------- */

static Status bad(const Net *net, int k, const char *what, Err *err)
{
  return status_fail(err, STATUS_DATA, "%s: node %d '%s' (%s): %s", net->path, k,
                     net->nodes[k].name, net_kind_name(net->nodes[k].kind), what);
}

static bool all_finite(const double *a, size_t n)
{
  for (size_t i = 0; a && i < n; i++)
    if (!isfinite(a[i])) return false;
  return true;
}

static bool all_errors(const double *a, size_t n)
{
  for (size_t i = 0; a && i < n; i++)
    if (!(a[i] >= 0 && a[i] < INFINITY)) return false;
  return true;
}

static const char *check_dense(const Node *v, int in_size)
{
  if (v->reps < 1 || v->rows < 1 || v->cols < 1) return "empty matrix";
  if ((int64_t)v->reps * v->rows != v->size || (int64_t)v->reps * v->cols != in_size)
    return "matrix does not fit its input or output";
  if (!v->W || !all_finite(v->W, (size_t)v->rows * (size_t)v->cols))
    return "weights must be finite";
  if (!all_finite(v->b, (size_t)v->rows)) return "biases must be finite";
  return all_errors(v->b_err, (size_t)v->rows) ? NULL : "bias errors must be >= 0";
}

static const char *check_conv(const Node *v, int in_size)
{
  const Conv *c = &v->conv;
  if (c->c_in < 1 || c->h_in < 1 || c->w_in < 1 || c->c_out < 1 || c->h_out < 1 ||
      c->w_out < 1 || c->kh < 1 || c->kw < 1 || c->sh < 1 || c->sw < 1 || c->dh < 1 ||
      c->dw < 1 || c->groups < 1)
    return "convolution with an empty dimension";
  if (c->c_in % c->groups || c->c_out % c->groups)
    return "groups do not divide channels";
  if ((int64_t)c->c_in * c->h_in * c->w_in != in_size ||
      (int64_t)c->c_out * c->h_out * c->w_out != v->size)
    return "convolution does not fit its input or output";
  const size_t n =
      (size_t)c->c_out * (size_t)(c->c_in / c->groups) * (size_t)c->kh * (size_t)c->kw;
  if (!v->W || !all_finite(v->W, n)) return "weights must be finite";
  if (!all_finite(v->b, (size_t)c->c_out)) return "biases must be finite";
  return all_errors(v->b_err, (size_t)c->c_out) ? NULL : "bias errors must be >= 0";
}

static const char *check_scale(const Node *v, int in_size)
{
  if (v->size != in_size) return "size differs from its input";
  if (!all_finite(v->scale, (size_t)v->size) || !all_finite(v->shift, (size_t)v->size))
    return "constants must be finite";
  return all_errors(v->b_err, (size_t)v->size) ? NULL : "bias errors must be >= 0";
}

static const char *check_add(const Net *net, const Node *v)
{
  for (int p = 0; p < v->n_in; p++) {
    if (net->nodes[v->in[p]].size != v->size) return "size differs from its inputs";
    if (v->coef[p] != 1 && v->coef[p] != -1) return "coefficients must be +1 or -1";
  }
  return NULL;
}

static const char *check_map(const Net *net, const Node *v)
{
  int64_t total = 0;
  for (int p = 0; p < v->n_in; p++)
    total += net->nodes[v->in[p]].size;
  for (int i = 0; i < v->size; i++)
    if (v->map[i] >= total) return "index outside its inputs";
  return NULL;
}

static const char *check_pair(const Net *net, const Node *v)
{
  if (v->in[0] == v->in[1]) return "its inputs must be different nodes";
  for (int p = 0; p < 2; p++) {
    const Node *in = &net->nodes[v->in[p]];
    if (!net_is_linear(in)) return "its inputs must be linear nodes";
    if (v->size != in->size) return "size differs from its inputs";
  }
  return NULL;
}

static const char *check_node(const Net *net, int k)
{
  const Node *v = &net->nodes[k];
  if (v->size < 1) return "empty vector";
  if ((v->kind == NODE_INPUT) != (k == 0)) return "node 0 must be the only input";
  if ((v->kind == NODE_INPUT) != (v->n_in == 0)) return "wrong number of inputs";
  for (int p = 0; p < v->n_in; p++)
    if (v->in[p] < 0 || v->in[p] >= k) return "inputs must come before the node";
  if (!(v->w_rel >= 0 && v->w_rel < 0.5)) return "weight error out of range";
  if (net_is_pair(v) && v->n_in != 2) return "expected two inputs";
  if (v->n_in != 1 && v->kind != NODE_INPUT && v->kind != NODE_ADD &&
      v->kind != NODE_MAP && !net_is_pair(v))
    return "expected one input";
  const int in_size = v->n_in ? net->nodes[v->in[0]].size : 0;
  switch (v->kind) {
  case NODE_INPUT:
    return NULL;
  case NODE_DENSE:
    return check_dense(v, in_size);
  case NODE_CONV:
    return check_conv(v, in_size);
  case NODE_SCALE:
    return check_scale(v, in_size);
  case NODE_ADD:
    return check_add(net, v);
  case NODE_MAP:
    return check_map(net, v);
  case NODE_ACT:
    if (v->act >= ACT_COUNT) return "unknown activation";
    if (!net_is_linear(&net->nodes[v->in[0]])) return "its input must be a linear node";
    return v->size == in_size ? NULL : "size differs from its input";
  case NODE_MUL:
  case NODE_MAX:
    return check_pair(net, v);
  }
  return "unknown kind";
}

/* ---- identity nodes in front of activations ------------------------------ */

static int *identity_map(Net *net, int n)
{
  int *map = net_keep(net, mem_array((size_t)n, sizeof *map));
  for (int i = 0; i < n; i++)
    map[i] = i;
  return map;
}

/* Node `in` of the new list through a copy of its own: `pre` is what it was. */
static int add_copy(Net *net, const Node *pre, int in)
{
  Node copy = *pre;
  copy.kind = NODE_MAP;
  copy.w_rel = 0;
  copy.b_err = NULL;
  copy.map = identity_map(net, pre->size);
  return net_add(net, &copy, &in, 1);
}

/* Rebuild the node list with a copy in front of every nonlinear node whose input
 * is no linear node, or already feeds another one. */
static void insert_copies(Net *net)
{
  const int n = net->n_nodes;
  Node *old = net->nodes;
  int *now = mem_array((size_t)n, sizeof *now);
  bool *is_read = mem_zero((size_t)n, sizeof *is_read);
  net->nodes = NULL;
  net->n_nodes = net->room = 0;
  for (int k = 0; k < n; k++) {
    int *in = mem_array((size_t)old[k].n_in, sizeof *in);
    for (int p = 0; p < old[k].n_in; p++)
      in[p] = now[old[k].in[p]];
    for (int p = 0; net_is_nonlinear(&old[k]) && p < old[k].n_in; p++) {
      const int j = old[k].in[p];
      if (!net_is_linear(&old[j]) || is_read[j]) in[p] = add_copy(net, &old[j], in[p]);
      is_read[j] = true;
    }
    now[k] = net_add(net, &old[k], in, old[k].n_in);
    mem_free(in);
  }
  mem_free(now);
  mem_free(is_read);
  mem_free(old);
}

static bool needs_copies(const Net *net)
{
  bool needs = false;
  bool *is_read = mem_zero((size_t)net->n_nodes, sizeof *is_read);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    for (int p = 0; net_is_nonlinear(v) && p < v->n_in; p++) {
      needs = needs || is_read[v->in[p]] || !net_is_linear(&net->nodes[v->in[p]]);
      is_read[v->in[p]] = true;
    }
  }
  mem_free(is_read);
  return needs;
}

/* The graph must be in order before copies can be inserted. */
static Status check_order(const Net *net, Err *err)
{
  if (!net->n_nodes)
    return status_fail(err, STATUS_DATA, "%s: empty network", net->path);
  for (int k = 0; k < net->n_nodes; k++)
    for (int p = 0; p < net->nodes[k].n_in; p++)
      if (net->nodes[k].in[p] < 0 || net->nodes[k].in[p] >= k)
        return bad(net, k, "inputs must come before the node", err);
  return STATUS_OK;
}

Status net_finish(Net *net, Err *err)
{
  Status rc = check_order(net, err);
  if (rc) return rc;
  if (needs_copies(net)) insert_copies(net);
  for (int k = 0; k < net->n_nodes; k++) {
    const char *what = check_node(net, k);
    if (what) return bad(net, k, what, err);
  }
  return STATUS_OK;
}

/* ---- numbers for people -------------------------------------------------- */

size_t net_n_parameters(const Net *net)
{
  size_t n = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    const Conv *c = &v->conv;
    if (v->kind == NODE_DENSE)
      n += (size_t)v->rows * (size_t)v->cols + (v->b ? (size_t)v->rows : 0);
    if (v->kind == NODE_CONV)
      n += (size_t)c->c_out *
           ((size_t)(c->c_in / c->groups) * (size_t)c->kh * (size_t)c->kw +
            (v->b ? 1 : 0));
    if (v->kind == NODE_SCALE)
      n += (v->scale ? (size_t)v->size : 0) + (v->shift ? (size_t)v->size : 0);
  }
  return n;
}

size_t net_n_neurons(const Net *net)
{
  size_t n = 0;
  for (int k = 0; k < net->n_nodes; k++)
    if (net_is_nonlinear(&net->nodes[k])) n += (size_t)net->nodes[k].size;
  return n;
}

const char *net_kind_name(NodeKind kind)
{
  switch (kind) {
  case NODE_INPUT:
    return "input";
  case NODE_DENSE:
    return "dense";
  case NODE_CONV:
    return "conv";
  case NODE_SCALE:
    return "scale";
  case NODE_ADD:
    return "add";
  case NODE_MAP:
    return "map";
  case NODE_ACT:
    return "activation";
  case NODE_MUL:
    return "mul";
  case NODE_MAX:
    return "max";
  }
  return "?";
}
