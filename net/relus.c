/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/relus.h"

#include <string.h>

#include "net/base/mem.h"

static bool has_maxima(const Net *net)
{
  for (int k = 0; k < net->n_nodes; k++)
    if (net->nodes[k].kind == NODE_MAX) return true;
  return false;
}

/* a + relu (b - a) for a MAX of new nodes a, b. */
static int add_maximum(Net *net, const Node *max, int a, int b)
{
  static const signed char minus[2] = {1, -1}, plus[2] = {1, 1};
  Node v = *max;
  v.kind = NODE_ADD;
  v.coef = minus;
  const int d = net_add(net, &v, (int[]){b, a}, 2);
  v.kind = NODE_ACT;
  v.act = ACT_RELU;
  v.coef = NULL;
  const int r = net_add(net, &v, &d, 1);
  v.kind = NODE_ADD;
  v.coef = plus;
  return net_add(net, &v, (int[]){a, r}, 2);
}

Net *relus_net(const Net *net)
{
  if (!has_maxima(net)) return NULL;
  Net *to = net_new(net->path);
  int *now = mem_array((size_t)net->n_nodes, sizeof *now);
  for (int k = 0; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    int *in = mem_array((size_t)v->n_in + 1, sizeof *in);
    for (int p = 0; p < v->n_in; p++)
      in[p] = now[v->in[p]];
    now[k] = v->kind == NODE_MAX ? add_maximum(to, v, in[0], in[1])
                                 : net_add(to, v, in, v->n_in);
    mem_free(in);
  }
  mem_free(now);
  to->is_float32 = net->is_float32;
  to->respelled = net->respelled;
  to->units = net->units;
  to->n_inputs = net->n_inputs;
  to->n_outputs = net->n_outputs;
  to->ball = net->ball;
  memcpy(to->sha256, net->sha256, sizeof net->sha256);
  Err err = {0};
  if (net_finish(to, &err)) status_abort(__func__, err.text);
  return to;
}
