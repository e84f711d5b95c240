/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/chain.h"

#include <string.h>

#include "net/base/mem.h"

Net *chain_new(int n_inputs)
{
  Net *net = net_new("chain");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = n_inputs}, NULL, 0);
  return net;
}

static double *copied(Net *net, const double *a, size_t n)
{
  return a ? net_keep(net, memcpy(mem_doubles(n), a, n * sizeof *a)) : NULL;
}

int chain_dense(Net *net, int in, int rows, const double *W, const double *b)
{
  const int cols = net->nodes[in].size;
  const Node v = {.kind = NODE_DENSE,
                  .size = rows,
                  .reps = 1,
                  .rows = rows,
                  .cols = cols,
                  .W = copied(net, W, (size_t)rows * (size_t)cols),
                  .b = copied(net, b, (size_t)rows)};
  return net_add(net, &v, &in, 1);
}

int chain_scale(Net *net, int in, const double *scale, const double *shift)
{
  const int n = net->nodes[in].size;
  const Node v = {.kind = NODE_SCALE,
                  .size = n,
                  .scale = copied(net, scale, (size_t)n),
                  .shift = copied(net, shift, (size_t)n)};
  return net_add(net, &v, &in, 1);
}

int chain_add(Net *net, int a, int b, signed char sign_of_b)
{
  const int in[2] = {a, b};
  signed char *coef = net_keep(net, mem_alloc(2));
  coef[0] = 1;
  coef[1] = sign_of_b;
  const Node v = {.kind = NODE_ADD, .size = net->nodes[a].size, .coef = coef};
  return net_add(net, &v, in, 2);
}

int chain_act(Net *net, int in, ActKind kind)
{
  const Node v = {.kind = NODE_ACT, .size = net->nodes[in].size, .act = kind};
  return net_add(net, &v, &in, 1);
}

int chain_identity(Net *net, int in)
{
  const int n = net->nodes[in].size;
  int *map = net_keep(net, mem_array((size_t)n, sizeof *map));
  for (int i = 0; i < n; i++)
    map[i] = i;
  const Node v = {.kind = NODE_MAP, .size = n, .map = map};
  return net_add(net, &v, &in, 1);
}

void chain_finish(Net *net)
{
  Err err = {0};
  if (net_finish(net, &err)) status_abort(__func__, err.text);
}
