/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/reduce.h"

#include <string.h>

#include "bounds/ibp.h"
#include "bounds/relax.h"
#include "net/base/mem.h"

/* A product per row through patches costs more than its multiplications: a dense matrix
 * may have this many times as many, and so many numbers. */
#define DENSE_WORTH 3.0
#define DENSE_MOST  ((size_t)8 << 20)
/* Below this share of removed neurons the copy is not worth it. */
#define LEAST_GAIN 0.1

/* What became of one node. */
typedef struct {
  int now;   /* its node in the new network */
  int n;     /* elements that are left, */
  int *kept; /* int kept[n], rising; NULL: all */
  int full;  /* the node with zeros put back, once somebody asked; -1 */
} Image;

typedef struct {
  const Bounds *b;
  const Net *old;
  Net *net;
  Image *image;   /* Image image[old->n_nodes] */
  bool *only_act; /* the activation is the node's only consumer */
} Reduction;

/* ---- which elements stay ----------------------------------------------- */

static void find_consumers(Reduction *x)
{
  int *consumers = mem_zero((size_t)x->old->n_nodes, sizeof *consumers);
  for (int k = 0; k < x->old->n_nodes; k++)
    for (int p = 0; p < x->old->nodes[k].n_in; p++)
      consumers[x->old->nodes[k].in[p]]++;
  for (int k = 0; k < x->old->n_nodes; k++)
    x->only_act[k] = x->b->is_relu[k] && consumers[k] == 1;
  mem_free(consumers);
}

/* Elements of pre-activation j whose activation is not always 0; at least one stays. */
static int *live_elements(const Reduction *x, int j, int *n)
{
  const int size = x->old->nodes[j].size;
  const ActKind kind = x->old->nodes[x->b->pre[j]].act;
  int *kept = net_keep(x->net, mem_array((size_t)size, sizeof *kept));
  *n = 0;
  for (int i = 0; i < size; i++)
    if (!relax_is_dead(kind, x->b->lo[j][i], x->b->hi[j][i])) kept[(*n)++] = i;
  if (!*n) kept[(*n)++] = 0;
  return *n < size ? kept : NULL;
}

/* ---- new nodes
 * ----------------------------------------------------------------------- */

static double *pick(Reduction *x, const double *from, int n, const int *kept)
{
  if (!from || !kept) return (double *)from;
  double *to = net_keep(x->net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    to[i] = from[kept[i]];
  return to;
}

static int add_flat(Reduction *x, Node *v, const int *in, int n_in)
{
  v->rank = 1;
  v->dims[0] = v->size;
  return net_add(x->net, v, in, n_in);
}

/* Element e of old node j in the image, or -1 where it was dropped; where[] is made by
 * index_of. */
static int *index_of(const Image *image, int size)
{
  int *where = mem_array((size_t)size, sizeof *where);
  for (int i = 0; i < size; i++)
    where[i] = image->kept ? -1 : i;
  for (int i = 0; image->kept && i < image->n; i++)
    where[image->kept[i]] = i;
  return where;
}

/* The node that holds all elements of old node j. */
static int full_node(Reduction *x, int j)
{
  Image *image = &x->image[j];
  if (!image->kept) return image->now;
  if (image->full >= 0) return image->full;
  const int size = x->old->nodes[j].size;
  Node v = {.kind = NODE_MAP, .size = size, .name = x->old->nodes[j].name};
  int *map = index_of(image, size);
  v.map = net_keep(x->net, map);
  return image->full = add_flat(x, &v, &image->now, 1);
}

/* Keep only `kept` of new node `now`. */
static int select_node(Reduction *x, int now, const char *name, int n, const int *kept)
{
  if (!kept) return now;
  const Node v = {.kind = NODE_MAP, .size = n, .name = name, .map = kept};
  Node copy = v;
  return add_flat(x, &copy, &now, 1);
}

static void dense_node(Reduction *x, int k, int n, int *kept)
{
  const Node *old = &x->old->nodes[k];
  const Image *in = &x->image[old->in[0]];
  Node v = *old;
  if (old->reps > 1) {
    const int from = full_node(x, old->in[0]);
    const int all = net_add(x->net, &v, &from, 1);
    x->image[k] = (Image){select_node(x, all, old->name, n, kept), n, kept, -1};
    return;
  }
  if (in->kept || kept) {
    v.rows = v.size = n;
    v.cols = in->n;
    double *W = net_keep(x->net, mem_doubles((size_t)v.rows * (size_t)v.cols));
    for (int r = 0; r < n; r++) {
      const double *row = old->W + (size_t)(kept ? kept[r] : r) * (size_t)old->cols;
      for (int c = 0; c < v.cols; c++)
        W[(size_t)r * (size_t)v.cols + (size_t)c] = row[in->kept ? in->kept[c] : c];
    }
    v.W = W;
    v.b = pick(x, old->b, n, kept);
    v.b_err = pick(x, old->b_err, n, kept);
  }
  x->image[k] = (Image){add_flat(x, &v, &in->now, 1), n, kept, -1};
}

static bool dense_is_cheaper(const Node *old, int n_out, int n_in)
{
  const Conv *c = &old->conv;
  const double taps = (double)(c->c_in / c->groups) * c->kh * c->kw;
  const double size = (double)n_out * n_in;
  return size <= DENSE_WORTH * taps * old->size && size <= (double)DENSE_MOST;
}

/* Row `unit` of a convolution, spread over the kept inputs. */
static void conv_row(const Node *old, int unit, const int *where, double *to)
{
  const Conv *c = &old->conv;
  const int plane = c->h_out * c->w_out, co = unit / plane, per = c->c_in / c->groups;
  const int y0 = unit % plane / c->w_out * c->sh - c->pt;
  const int x0 = unit % c->w_out * c->sw - c->pl;
  const int base = co / (c->c_out / c->groups) * per;
  const double *w = old->W + (size_t)co * (size_t)(per * c->kh * c->kw);
  for (int ci = 0; ci < per; ci++)
    for (int ky = 0; ky < c->kh; ky++)
      for (int kx = 0; kx < c->kw; kx++, w++) {
        const int y = y0 + ky * c->dh, xx = x0 + kx * c->dw;
        if (y < 0 || y >= c->h_in || xx < 0 || xx >= c->w_in) continue;
        const int at = where[((base + ci) * c->h_in + y) * c->w_in + xx];
        if (at >= 0) to[at] = *w;
      }
}

static void conv_as_dense(Reduction *x, int k, int n, int *kept)
{
  const Node *old = &x->old->nodes[k];
  const Image *in = &x->image[old->in[0]];
  const int plane = old->conv.h_out * old->conv.w_out;
  double *W = net_keep(x->net, mem_doubles0((size_t)n * (size_t)in->n));
  double *b = old->b ? net_keep(x->net, mem_doubles((size_t)n)) : NULL;
  double *b_err = old->b_err ? net_keep(x->net, mem_doubles((size_t)n)) : NULL;
  int *where = index_of(in, x->old->nodes[old->in[0]].size);
  for (int r = 0; r < n; r++) {
    const int unit = kept ? kept[r] : r;
    conv_row(old, unit, where, W + (size_t)r * (size_t)in->n);
    if (b) b[r] = old->b[unit / plane];
    if (b_err) b_err[r] = old->b_err[unit / plane];
  }
  mem_free(where);
  Node v = {.kind = NODE_DENSE,
            .size = n,
            .name = old->name,
            .reps = 1,
            .rows = n,
            .cols = in->n,
            .W = W,
            .b = b,
            .b_err = b_err,
            .w_rel = old->w_rel};
  x->image[k] = (Image){add_flat(x, &v, &in->now, 1), n, kept, -1};
}

static void conv_node(Reduction *x, int k, int n, int *kept)
{
  const Node *old = &x->old->nodes[k];
  const Image *in = &x->image[old->in[0]];
  if ((kept || in->kept) && dense_is_cheaper(old, n, in->n)) {
    conv_as_dense(x, k, n, kept);
    return;
  }
  const int from = full_node(x, old->in[0]);
  const int all = net_add(x->net, old, &from, 1);
  x->image[k] = (Image){select_node(x, all, old->name, n, kept), n, kept, -1};
}

static void scale_node(Reduction *x, int k, int n, int *kept)
{
  const Node *old = &x->old->nodes[k];
  const int from = select_node(x, full_node(x, old->in[0]), old->name, n, kept);
  Node v = *old;
  v.size = n;
  v.scale = pick(x, old->scale, n, kept);
  v.shift = pick(x, old->shift, n, kept);
  v.b_err = pick(x, old->b_err, n, kept);
  x->image[k] = (Image){
      kept ? add_flat(x, &v, &from, 1) : net_add(x->net, &v, &from, 1), n, kept, -1};
}

static void add_node(Reduction *x, int k, int n, int *kept)
{
  const Node *old = &x->old->nodes[k];
  int *in = mem_array((size_t)old->n_in, sizeof *in);
  for (int p = 0; p < old->n_in; p++)
    in[p] = full_node(x, old->in[p]);
  const int all = net_add(x->net, old, in, old->n_in);
  mem_free(in);
  x->image[k] = (Image){select_node(x, all, old->name, n, kept), n, kept, -1};
}

static void map_node(Reduction *x, int k, int n, int *kept)
{
  const Node *old = &x->old->nodes[k];
  int *in = mem_array((size_t)old->n_in, sizeof *in);
  int **where = mem_array((size_t)old->n_in, sizeof *where);
  for (int p = 0; p < old->n_in; p++) {
    in[p] = x->image[old->in[p]].now;
    where[p] = index_of(&x->image[old->in[p]], x->old->nodes[old->in[p]].size);
  }
  int *map = net_keep(x->net, mem_array((size_t)n, sizeof *map));
  for (int i = 0; i < n; i++) {
    int m = old->map[kept ? kept[i] : i], p = 0, before = 0;
    map[i] = -1;
    if (m < 0) continue;
    while (m >= x->old->nodes[old->in[p]].size) {
      m -= x->old->nodes[old->in[p]].size;
      before += x->image[old->in[p++]].n;
    }
    if (where[p][m] >= 0) map[i] = before + where[p][m];
  }
  Node v = *old;
  v.size = n;
  v.map = map;
  x->image[k] = (Image){kept ? add_flat(x, &v, in, old->n_in)
                             : net_add(x->net, &v, in, old->n_in),
                        n, kept, -1};
  for (int p = 0; p < old->n_in; p++)
    mem_free(where[p]);
  mem_free(where);
  mem_free(in);
}

static void act_node(Reduction *x, int k)
{
  const Node *old = &x->old->nodes[k];
  const Image *in = &x->image[old->in[0]];
  int n = old->size, *kept = in->kept, from = in->now;
  if (!kept) {
    /* Others use the pre-activation too: it stays whole, only this copy shrinks. */
    kept = live_elements(x, old->in[0], &n);
    from = select_node(x, from, old->name, n, kept);
  } else {
    n = in->n;
  }
  Node v = *old;
  v.size = n;
  x->image[k] = (Image){
      kept ? add_flat(x, &v, &from, 1) : net_add(x->net, &v, &from, 1), n, kept, -1};
}

static void pair_node(Reduction *x, int k)
{
  const Node *old = &x->old->nodes[k];
  const int in[2] = {full_node(x, old->in[0]), full_node(x, old->in[1])};
  x->image[k] = (Image){net_add(x->net, old, in, 2), old->size, NULL, -1};
}

static void convert(Reduction *x, int k)
{
  const Node *old = &x->old->nodes[k];
  int n = old->size, *kept = x->only_act[k] ? live_elements(x, k, &n) : NULL;
  switch (old->kind) {
  case NODE_INPUT:
    x->image[k] = (Image){net_add(x->net, old, NULL, 0), n, NULL, -1};
    return;
  case NODE_DENSE:
    dense_node(x, k, n, kept);
    return;
  case NODE_CONV:
    conv_node(x, k, n, kept);
    return;
  case NODE_SCALE:
    scale_node(x, k, n, kept);
    return;
  case NODE_ADD:
    add_node(x, k, n, kept);
    return;
  case NODE_MAP:
    map_node(x, k, n, kept);
    return;
  case NODE_ACT:
    act_node(x, k);
    return;
  case NODE_MUL:
  case NODE_MAX:
    pair_node(x, k);
    return;
  }
}

/* ---- intervals
 * ------------------------------------------------------------------------ */

/* What is proven about the old pre-activations holds for the new ones. */
static Bounds *carry_over(const Reduction *x)
{
  const Bounds *b = x->b;
  Bounds *to = bounds_new(x->net, 1);
  Linop *op = linop_new(x->net);
  int *source = mem_array((size_t)x->net->n_nodes, sizeof *source);
  for (int k = 0; k < x->net->n_nodes; k++)
    source[k] = -1;
  for (int k = 0; k < x->old->n_nodes; k++)
    for (int p = 0; !net_is_linear(&x->old->nodes[k]) && p < x->old->nodes[k].n_in; p++)
      source[x->net->nodes[x->image[k].now].in[p]] = x->old->nodes[k].in[p];
  bounds_set_box(to, 0, b->lo[0], b->hi[0]);
  for (int k = 1; k < x->net->n_nodes; k++) {
    ibp_node(to, op, k);
    if (source[k] < 0) continue;
    const int j = source[k];
    const Image *image =
        &x->image[x->old->nodes[x->b->pre[j]].kind == NODE_ACT ? x->b->pre[j] : j];
    for (int i = 0; i < image->n; i++) {
      const int at = image->kept ? image->kept[i] : i;
      bounds_meet(to, k, 0, i, b->lo[j][at], b->hi[j][at]);
    }
  }
  mem_free(source);
  linop_free(op);
  return to;
}

static bool is_worth_it(const Bounds *b)
{
  long active, inactive, unstable;
  const int all = b->n_box;
  STATUS_REQUIRE(all == 1, "one box");
  bounds_count(b, &active, &inactive, &unstable);
  return (double)inactive > LEAST_GAIN * (double)(active + inactive + unstable);
}

static ReduceOrigin origin_of(const Reduction *x)
{
  const size_t n = (size_t)x->net->n_nodes;
  ReduceOrigin origin = {.node = mem_array(n, sizeof *origin.node),
                         .kept = mem_zero(n, sizeof *origin.kept)};
  for (size_t k = 0; k < n; k++)
    origin.node[k] = -1;
  for (int k = 0; k < x->old->n_nodes; k++) {
    if (!net_is_nonlinear(&x->old->nodes[k])) continue;
    origin.node[x->image[k].now] = k;
    origin.kept[x->image[k].now] = x->image[k].kept;
  }
  return origin;
}

void reduce_origin_free(ReduceOrigin *origin)
{
  mem_free(origin->node);
  mem_free(origin->kept);
  *origin = (ReduceOrigin){.node = NULL};
}

Net *reduce_net(const Bounds *b, Bounds **inside, ReduceOrigin *origin)
{
  if (!is_worth_it(b)) return NULL;
  const size_t n = (size_t)b->net->n_nodes;
  Reduction x = {.b = b, .old = b->net, .net = net_new(b->net->path)};
  x.net->is_float32 = b->net->is_float32;
  x.net->n_inputs = b->net->n_inputs;
  x.net->n_outputs = b->net->n_outputs;
  x.net->ball = b->net->ball;
  x.image = mem_zero(n, sizeof *x.image);
  x.only_act = mem_zero(n, sizeof *x.only_act);
  find_consumers(&x);
  for (int k = 0; k < b->net->n_nodes; k++)
    convert(&x, k);
  Err err = {0};
  const bool fine = !net_finish(x.net, &err);
  STATUS_REQUIRE(fine, "a reduced network is well-formed");
  *inside = carry_over(&x);
  if (origin) *origin = origin_of(&x);
  mem_free(x.image);
  mem_free(x.only_act);
  return x.net;
}
