/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/join.h -- networks side by side or one behind the other as one, and nodes
 * that pick numbers.
 *
 *     input    x        its numbers are handed to the networks: x^p = x[pick_p]
 *     output   (y^0, y^1, ...)        the outputs of all networks, one after the other
 *
 * Nodes are the same and share their arrays; a network may occur several times.
 */
#ifndef NET_JOIN_H
#define NET_JOIN_H

#include "net/net.h"

/* Element `index` of a node. */
typedef struct {
  int node, index;
} JoinPlace;

/* Append a MAP with these n elements of nodes before it; n > 0.  Returns its index.
 * `name` must live as long as the net. */
int join_gather(Net *net, const JoinPlace *place, int n, const char *name);

/* An unfinished network with the same nodes and everything that belongs to them; `net`
 * is taken. */
Net *join_copy(Net *net);

/* What `net` computes of what `front` computes, whose outputs are as many as net has
 * inputs.  Path, digest, float type and outputs are those of net.  Both are taken, also
 * when it fails.  Fails DATA where a node is out of range.
 */
Net *join_chain(Net *front, Net *net, Err *err);

/* One of the networks: its inputs are x[pick[0]], x[pick[1]], ... */
typedef struct {
  Net *net; /* may be that of an earlier part */
  const int *pick;
} JoinPart;

/* The networks beside each other, for an input of n_in numbers.  All nets are taken,
 * also when it fails.  Its digest is left empty.  Fails DATA when sizes are out of
 * range.
 */
Net *join_nets(const char *path, const JoinPart *part, int n_parts, int n_in, Err *err);

#endif
