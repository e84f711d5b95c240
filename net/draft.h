/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/draft.h -- the nodes of a Net while it is being made.
 *
 * Readers add nodes in any number; draft_finish copies those that reach the
 * output.  Three simplifications, all exact:
 *   - a MAP of MAPs becomes one MAP, and a MAP that changes nothing disappears
 *   - a constant added to a DENSE or CONV node without bias becomes its bias
 *   - nodes that do not reach the output are dropped
 * Arrays given to a draft belong to the Net from then on (net_keep).
 */
#ifndef NET_DRAFT_H
#define NET_DRAFT_H

#include "net/net.h"
#include "net/shape.h"

typedef struct {
  Net *net;    /* borrowed; receives the nodes */
  Node *nodes; /* Node nodes[n]; in[] owned by the draft until draft_finish */
  int n, room;
} Draft;

/* Start with node 0, the input. */
void draft_init(Draft *draft, Net *net, const Shape *input);
void draft_reset(Draft *draft); /* frees; the net is untouched */

/* Each returns the index of a node (perhaps an older one that does the same).
 * `name` is copied.  Arrays are taken; see net/net.h for what they mean. */
int draft_dense(Draft *d, const char *name, int in, const Shape *shape, int reps,
                int rows, int cols, double *W, double *b, double w_rel);
int draft_conv(Draft *d, const char *name, int in, const Shape *shape, const Conv *conv,
               double *W, double *b, double w_rel);
int draft_scale(Draft *d, const char *name, int in, const Shape *shape, double *scale,
                double *shift, double w_rel, double *b_err);
int draft_add(Draft *d, const char *name, const Shape *shape, const int *in,
              const signed char *coef, int n_in);
int draft_act(Draft *d, const char *name, int in, const Shape *shape, ActKind act);
int draft_mul(Draft *d, const char *name, const Shape *shape, int a, int b);
int draft_max(Draft *d, const char *name, const Shape *shape, int a, int b);

/* x[i] = concat(parts)[map[i]], 0 where map[i] < 0.  `map` is borrowed.
 * Needs map[i] < the sum of the parts' sizes, which is at most INT_MAX. */
int draft_map(Draft *d, const char *name, const Shape *shape, const int *parts,
              int n_parts, const int *map);

/* Element i of `node` is element index[i] of the node from[i], which is no MAP; 0 where
 * from[i] < 0.  Both int [size], the caller's. */
void draft_places(const Draft *d, int node, int *from, int *index);

/* Hand all nodes that reach `output` to the net; `output` becomes the last. */
void draft_finish(Draft *d, int output);

#endif
