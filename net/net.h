/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/net.h -- the network as a directed acyclic graph of nodes.
 *
 * Node k computes a vector x^k of `size` numbers from the vectors of its inputs
 *
 *     INPUT   x^0, given
 *     DENSE   x^k[r,i] = sum_j W[i,j] x[r,j] + b[i]        r < reps
 *     CONV    2-D convolution with groups, strides, dilations and padding
 *     SCALE   x^k[i] = scale[i] x[i] + shift[i]
 *     ADD     x^k[i] = sum_p coef[p] x^{in[p]}[i]          coef = +1 or -1
 *     MAP     x^k[i] = concat(x^{in[0]}, x^{in[1]}, ...)[map[i]], 0 if map[i] < 0
 *     ACT     x^k[i] = h (x[i])                            h of net/act.def
 *     MUL     x^k[i] = x^{in[0]}[i] x^{in[1]}[i]
 *     MAX     x^k[i] = max (x^{in[0]}[i], x^{in[1]}[i])
 *
 * INPUT apart, ACT and the pairs MUL and MAX are nonlinear and all others linear.
 * Vectors are the row-major flattened ONNX tensors.  Invariants (net_check): node 0 is
 * the only INPUT, the last node is the output, every in[p] is smaller than the own
 * index, every number finite, and every input of a nonlinear node is a linear node that
 * no other nonlinear node reads, nor the same pair twice (its "pre-activation").  A Net
 * is never changed after net_finish.
 *
 * Numbers.  The network is a function over the reals.  W, scale, b and shift are
 * doubles; models stored in float32 widen exactly.  Where a stored number had to
 * be computed at load time (1/c of a division, a folded constant), the true
 * number differs:
 *     |true w - w| <= w_rel |w|       for W and scale
 *     |true b - b| <= b_err[i]        for b and shift; b_err = NULL means 0
 * so that every bound can include it.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "net/act.h"
#include "net/base/status.h"

typedef enum {
  NODE_INPUT,
  NODE_DENSE,
  NODE_CONV,
  NODE_SCALE,
  NODE_ADD,
  NODE_MAP,
  NODE_ACT,
  NODE_MUL,
  NODE_MAX
} NodeKind;

/* y[co,oy,ox] = b[co] + sum over ci, ky, kx of
 *     W[co,ci,ky,kx] x[g ci_per_group + ci, oy sh + ky dh - pt, ox sw + kx dw - pl]
 * with g the group of co and x = 0 outside.  1-D convolutions have height 1. */
typedef struct {
  int c_in, h_in, w_in;
  int c_out, h_out, w_out;
  int kh, kw;
  int sh, sw; /* strides */
  int dh, dw; /* dilations */
  int pt,
      pl; /* padding at the top and left; bottom and right follow from h_out, w_out */
  int groups;
} Conv;

#define NODE_MAX_RANK 8

typedef struct {
  NodeKind kind;
  int size;                /* > 0 */
  int rank;                /* shape as in the model, only for people */
  int dims[NODE_MAX_RANK]; /* product = size */
  int n_in;
  const int *in;    /* int in[n_in] */
  const char *name; /* the ONNX node's name or a made-up one; for messages */

  int reps, rows, cols;    /* DENSE: size = reps * rows, input size = reps * cols */
  const double *W;         /* DENSE: double W[rows][cols];
                            * CONV: double W[c_out][c_in / groups][kh][kw] */
  const double *b;         /* DENSE: double b[rows]; CONV: double b[c_out]; NULL = 0 */
  Conv conv;               /* CONV */
  const double *scale;     /* SCALE: double scale[size]; NULL = 1 */
  const double *shift;     /* SCALE: double shift[size]; NULL = 0 */
  double w_rel;            /* see above; 0 when exact */
  const double *b_err;     /* length of b or shift; NULL when exact */
  const signed char *coef; /* ADD: signed char coef[n_in] */
  const int *map;          /* MAP: int map[size] */
  ActKind act;             /* ACT */
} Node;

/* .nnet files carry units; the network itself works on normalised numbers.
 *     normalised input  = (clip (physical, min, max) - mean) / range
 *     physical output   = normalised output * range_out + mean_out */
typedef struct {
  double *min, *max, *mean, *range; /* double [n_inputs] each, owned by the Net */
  double mean_out, range_out;
} Units;

/* A tensor that the model calls an input or output. */
typedef struct {
  const char *name;
  int size, rank, dims[NODE_MAX_RANK];
  bool is_double; /* of type DOUBLE, else FLOAT */
} Port;

typedef struct {
  int n_nodes;
  Node *nodes;           /* Node nodes[n_nodes] */
  bool is_float32;       /* inputs and weights are float32 numbers */
  const char *respelled; /* NULL, or why the nodes do not round as the operators of the
                          * model do (net/lower_float.h) */
  const Units *units;    /* NULL unless the file had some */
  char *path;            /* as given by the user */
  char sha256[65];       /* of the file as stored */
  int n_inputs;          /* tensors the model calls inputs, concatenated in node 0 */
  int n_outputs; /* tensors the model calls outputs, concatenated in the last node */
  int n_hidden;  /* of them, the last ones: values inside (net/reader.h) */
  const Port *inputs, *outputs; /* Port [n_inputs], [n_outputs]; NULL where the format
                                 * has no names or several networks are one */
  const struct Ball
      *ball; /* of the net of a query and of nets made from it: inputs are
              * known to lie in this set, too; NULL: nothing is; borrowed */
  /* private to net/net.c */
  int room;
  void **blocks;
  int n_blocks, blocks_room;
} Net;

/* An empty network, for readers and tests; net/reader.h loads files. */
Net *net_new(const char *path);
void net_free(Net *net); /* NULL is fine */

/* Ownership of a mem_* block passes to the net. */
void *net_keep(Net *net, void *block);

/* Append a node; arrays it points to must live as long as the net (net_keep).
 * `in` is copied.  Returns its index. */
int net_add(Net *net, const Node *node, const int *in, int n_in);

/* Insert what the invariants need (an identity MAP where the input of a nonlinear node
 * is no linear node or has a second such reader), then check everything.
 * Fails DATA naming the node. */
Status net_finish(Net *net, Err *err);

static inline const Node *net_output(const Net *net)
{
  return &net->nodes[net->n_nodes - 1];
}

static inline int net_in_size(const Net *net)
{
  return net->nodes[0].size;
}

static inline int net_out_size(const Net *net)
{
  return net->nodes[net->n_nodes - 1].size;
}

/* MUL and MAX: functions of two numbers. */
static inline bool net_is_pair(const Node *node)
{
  return node->kind == NODE_MUL || node->kind == NODE_MAX;
}

/* ACT and the pairs: what the Lagrangian has multipliers for. */
static inline bool net_is_nonlinear(const Node *node)
{
  return node->kind == NODE_ACT || net_is_pair(node);
}

static inline bool net_is_linear(const Node *node)
{
  return node->kind != NODE_INPUT && !net_is_nonlinear(node);
}

/* Numbers for people: stored weights and biases, and activation neurons. */
size_t net_n_parameters(const Net *net);
size_t net_n_neurons(const Net *net);
const char *net_kind_name(NodeKind kind);

#endif
