/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/join.h"

#include <limits.h>
#include <string.h>

#include "net/base/mem.h"

int join_gather(Net *net, const JoinPlace *place, int n, const char *name)
{
  /* start[k]: where node k begins in the concatenation of the nodes that are read. */
  int *start = mem_array((size_t)net->n_nodes, sizeof *start);
  int *in = mem_array((size_t)net->n_nodes, sizeof *in);
  int *map = net_keep(net, mem_array((size_t)n, sizeof *map));
  for (int k = 0; k < net->n_nodes; k++)
    start[k] = -1;
  for (int i = 0; i < n; i++)
    start[place[i].node] = 0;
  int n_in = 0, total = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    if (start[k] < 0) continue;
    STATUS_REQUIRE(total < INT_MAX - net->nodes[k].size,
                   "too many numbers to pick from");
    start[k] = total;
    total += net->nodes[k].size;
    in[n_in++] = k;
  }
  for (int i = 0; i < n; i++)
    map[i] = start[place[i].node] + place[i].index;
  const Node node = {
      .kind = NODE_MAP, .size = n, .rank = 1, .dims = {n}, .name = name, .map = map};
  const int at = net_add(net, &node, in, n_in);
  mem_free(start);
  mem_free(in);
  return at;
}

/* What `from` owns belongs to `to`; from is freed. */
static void absorb(Net *to, Net *from)
{
  for (int i = 0; i < from->n_blocks; i++)
    net_keep(to, from->blocks[i]);
  from->n_blocks = 0;
  net_free(from);
}

Net *join_copy(Net *net)
{
  Net *copy = net_new(net->path);
  for (int k = 0; k < net->n_nodes; k++)
    net_add(copy, &net->nodes[k], net->nodes[k].in, net->nodes[k].n_in);
  copy->is_float32 = net->is_float32;
  copy->respelled = net->respelled;
  copy->units = net->units;
  copy->n_inputs = net->n_inputs;
  copy->n_outputs = net->n_outputs;
  copy->n_hidden = net->n_hidden;
  copy->inputs = net->inputs;
  copy->outputs = net->outputs;
  memcpy(copy->sha256, net->sha256, sizeof copy->sha256);
  absorb(copy, net);
  return copy;
}

/* Append the nodes of a network, whose input is node `input` of net; returns the last.
 */
static int add_nodes(Net *net, const Net *own, int input)
{
  int *now = mem_array((size_t)own->n_nodes, sizeof *now);
  now[0] = input;
  for (int k = 1; k < own->n_nodes; k++) {
    const Node *const node = &own->nodes[k];
    int *in = mem_array((size_t)node->n_in, sizeof *in);
    for (int p = 0; p < node->n_in; p++)
      in[p] = now[node->in[p]];
    now[k] = net_add(net, node, in, node->n_in);
    mem_free(in);
  }
  const int last = now[own->n_nodes - 1];
  mem_free(now);
  return last;
}

Net *join_chain(Net *front, Net *net, Err *err)
{
  STATUS_REQUIRE(net_out_size(front) == net_in_size(net), "the networks must fit");
  Net *const all = join_copy(front);
  add_nodes(all, net, all->n_nodes - 1);
  all->is_float32 = net->is_float32;
  all->respelled = net->respelled;
  all->units = NULL;
  all->n_inputs = 1;
  all->inputs = NULL;
  all->n_outputs = net->n_outputs;
  all->n_hidden = net->n_hidden;
  all->outputs = net->outputs;
  memcpy(all->sha256, net->sha256, sizeof all->sha256);
  mem_free(all->path);
  all->path = mem_strdup(net->path);
  absorb(all, net);
  if (!net_finish(all, err)) return all;
  net_free(all);
  return NULL;
}

/* Append the nodes of one network; returns its last. */
static int add_part(Net *net, const JoinPart *part)
{
  const Net *const own = part->net;
  const int n = net_in_size(own);
  JoinPlace *place = mem_array((size_t)n, sizeof *place);
  for (int i = 0; i < n; i++)
    place[i] = (JoinPlace){0, part->pick[i]};
  const int last = add_nodes(net, own, join_gather(net, place, n, "input"));
  mem_free(place);
  net->is_float32 = net->is_float32 && own->is_float32;
  if (!net->respelled) net->respelled = own->respelled;
  net->n_inputs += own->n_inputs;
  net->n_outputs += own->n_outputs;
  return last;
}

static void add_outputs(Net *net, const JoinPart *part, const int *last, int n_parts)
{
  int n = 0;
  for (int p = 0; p < n_parts; p++)
    n += net_out_size(part[p].net);
  JoinPlace *place = mem_array((size_t)n, sizeof *place);
  n = 0;
  for (int p = 0; p < n_parts; p++)
    for (int i = 0; i < net_out_size(part[p].net); i++)
      place[n++] = (JoinPlace){last[p], i};
  join_gather(net, place, n, "outputs");
  mem_free(place);
}

static bool sizes_fit(const JoinPart *part, int n_parts, int n_in)
{
  long long total = n_in;
  for (int p = 0; p < n_parts; p++)
    total += net_out_size(part[p].net);
  return total <= INT_MAX / 2;
}

Net *join_nets(const char *path, const JoinPart *part, int n_parts, int n_in, Err *err)
{
  Net *net = net_new(path);
  net->is_float32 = true;
  const Node input = {
      .kind = NODE_INPUT, .size = n_in, .rank = 1, .dims = {n_in}, .name = "input"};
  net_add(net, &input, NULL, 0);
  Status rc = STATUS_OK;
  if (!sizes_fit(part, n_parts, n_in))
    rc = status_fail(err, STATUS_DATA, "%s: the networks have too many outputs", path);
  if (!rc) {
    int *last = mem_array((size_t)n_parts, sizeof *last);
    for (int p = 0; p < n_parts; p++)
      last[p] = add_part(net, &part[p]);
    add_outputs(net, part, last, n_parts);
    mem_free(last);
  }
  for (int p = 0; p < n_parts; p++) {
    bool again = false;
    for (int q = 0; q < p; q++)
      again = again || part[q].net == part[p].net;
    if (!again) absorb(net, part[p].net);
  }
  if (!rc) rc = net_finish(net, err);
  if (!rc) return net;
  net_free(net);
  return NULL;
}
