/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/draft.h"

#include <string.h>

#include "net/base/mem.h"

static int append(Draft *d, Node node, const char *name, const Shape *shape,
                  const int *in, int n_in)
{
  if (d->n == d->room) {
    d->room = d->room ? 2 * d->room : 32;
    d->nodes = mem_grow(d->nodes, (size_t)d->room, sizeof *d->nodes);
  }
  node.name = net_keep(d->net, mem_strdup(name));
  node.size = shape->n;
  node.rank = shape->rank;
  memcpy(node.dims, shape->dims, sizeof node.dims);
  int *copy = mem_array((size_t)n_in + 1, sizeof *copy);
  if (n_in) memcpy(copy, in, (size_t)n_in * sizeof *copy);
  node.in = copy;
  node.n_in = n_in;
  d->nodes[d->n] = node;
  return d->n++;
}

void draft_init(Draft *d, Net *net, const Shape *input)
{
  *d = (Draft){.net = net};
  append(d, (Node){.kind = NODE_INPUT}, "input", input, NULL, 0);
}

static void free_list(const int *list)
{
  union {
    const int *in;
    void *block;
  } cast = {.in = list}; /* the Node's view is const, the draft owns it */
  mem_free(cast.block);
}

void draft_reset(Draft *d)
{
  for (int k = 0; k < d->n; k++)
    free_list(d->nodes[k].in);
  mem_free(d->nodes);
  *d = (Draft){0};
}

int draft_dense(Draft *d, const char *name, int in, const Shape *shape, int reps,
                int rows, int cols, double *W, double *b, double w_rel)
{
  const Node node = {.kind = NODE_DENSE,
                     .reps = reps,
                     .rows = rows,
                     .cols = cols,
                     .W = net_keep(d->net, W),
                     .b = net_keep(d->net, b),
                     .w_rel = w_rel};
  return append(d, node, name, shape, &in, 1);
}

int draft_conv(Draft *d, const char *name, int in, const Shape *shape, const Conv *conv,
               double *W, double *b, double w_rel)
{
  const Node node = {.kind = NODE_CONV,
                     .conv = *conv,
                     .W = net_keep(d->net, W),
                     .b = net_keep(d->net, b),
                     .w_rel = w_rel};
  return append(d, node, name, shape, &in, 1);
}

int draft_scale(Draft *d, const char *name, int in, const Shape *shape, double *scale,
                double *shift, double w_rel, double *b_err)
{
  const Node node = {.kind = NODE_SCALE,
                     .scale = net_keep(d->net, scale),
                     .shift = net_keep(d->net, shift),
                     .w_rel = w_rel,
                     .b_err = net_keep(d->net, b_err)};
  return append(d, node, name, shape, &in, 1);
}

int draft_add(Draft *d, const char *name, const Shape *shape, const int *in,
              const signed char *coef, int n_in)
{
  signed char *copy = net_keep(d->net, mem_array((size_t)n_in, sizeof *copy));
  memcpy(copy, coef, (size_t)n_in * sizeof *copy);
  return append(d, (Node){.kind = NODE_ADD, .coef = copy}, name, shape, in, n_in);
}

int draft_act(Draft *d, const char *name, int in, const Shape *shape, ActKind act)
{
  return append(d, (Node){.kind = NODE_ACT, .act = act}, name, shape, &in, 1);
}

int draft_mul(Draft *d, const char *name, const Shape *shape, int a, int b)
{
  return append(d, (Node){.kind = NODE_MUL}, name, shape, (int[]){a, b}, 2);
}

int draft_max(Draft *d, const char *name, const Shape *shape, int a, int b)
{
  return append(d, (Node){.kind = NODE_MAX}, name, shape, (int[]){a, b}, 2);
}

/* ---- maps ---------------------------------------------------------------- */

/* A place in the concatenation of several nodes. */
typedef struct {
  int node; /* -1: the constant 0 */
  int index;
} Place;

/* start[p] = where part p begins in the concatenation; start[n] = the end. */
static int *part_starts(const Draft *d, const int *parts, int n)
{
  int *start = mem_array((size_t)n + 1, sizeof *start);
  start[0] = 0;
  for (int p = 0; p < n; p++)
    start[p + 1] = start[p] + d->nodes[parts[p]].size;
  return start;
}

static Place find_place(const int *parts, const int *start, int n, int index)
{
  if (index < 0) return (Place){-1, 0};
  int low = 0, high = n - 1; /* the last part with start <= index */
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (start[middle] <= index)
      low = middle;
    else
      high = middle - 1;
  }
  return (Place){parts[low], index - start[low]};
}

/* Look through the MAPs among the parts; one step is enough, because every MAP of
 * the draft was made here (but see `fits` in draft_map). */
static Place *resolve(const Draft *d, const int *parts, int n_parts, const int *map,
                      int n)
{
  Place *places = mem_array((size_t)n + 1, sizeof *places);
  int *start = part_starts(d, parts, n_parts);
  int **inner = mem_zero((size_t)d->n, sizeof *inner);
  for (int i = 0; i < n; i++) {
    Place at = find_place(parts, start, n_parts, map[i]);
    const Node *node = at.node < 0 ? NULL : &d->nodes[at.node];
    if (node && node->kind == NODE_MAP) {
      if (!inner[at.node]) inner[at.node] = part_starts(d, node->in, node->n_in);
      at = find_place(node->in, inner[at.node], node->n_in, node->map[at.index]);
    }
    places[i] = at;
  }
  for (int p = 0; p < n_parts; p++) {
    mem_free(inner[parts[p]]);
    inner[parts[p]] = NULL;
  }
  mem_free(inner);
  mem_free(start);
  return places;
}

void draft_places(const Draft *d, int node, int *from, int *index)
{
  const Node *v = &d->nodes[node];
  int *start = v->kind == NODE_MAP ? part_starts(d, v->in, v->n_in) : NULL;
  for (int i = 0; i < v->size; i++) {
    const Place at =
        start ? find_place(v->in, start, v->n_in, v->map[i]) : (Place){node, i};
    from[i] = at.node;
    index[i] = at.index;
  }
  mem_free(start);
}

static bool is_identity(const Draft *d, const Shape *shape, const int *sources,
                        int n_sources, const int *map)
{
  if (n_sources != 1 || d->nodes[sources[0]].size != shape->n) return false;
  for (int i = 0; i < shape->n; i++)
    if (map[i] != i) return false;
  return true;
}

int draft_map(Draft *d, const char *name, const Shape *shape, const int *parts,
              int n_parts, const int *map)
{
  Place *places = resolve(d, parts, n_parts, map, shape->n);
  int *sources = mem_array((size_t)d->n + 1, sizeof *sources);
  int64_t *start = mem_array((size_t)d->n, sizeof *start); /* -1: not a source yet */
  int *out = mem_array((size_t)shape->n, sizeof *out);
  for (int k = 0; k < d->n; k++)
    start[k] = -1;
  int n_sources = 0;
  int64_t total = 0;
  bool fits = true;
  for (int i = 0; i < shape->n; i++) {
    const Place at = places[i];
    if (at.node >= 0 && start[at.node] < 0) {
      start[at.node] = total;
      total += d->nodes[at.node].size;
      sources[n_sources++] = at.node;
      fits = fits && total <= INT32_MAX;
    }
    out[i] = at.node < 0 || !fits ? -1 : (int)(start[at.node] + at.index);
  }
  if (!fits) { /* too long a concatenation to look through */
    n_sources = n_parts;
    sources = mem_grow(sources, (size_t)n_parts, sizeof *sources);
    memcpy(sources, parts, (size_t)n_parts * sizeof *sources);
    memcpy(out, map, (size_t)shape->n * sizeof *out);
  }
  if (!n_sources) sources[n_sources++] = 0; /* all zero: any input will do */
  int node = sources[0];
  if (is_identity(d, shape, sources, n_sources, out))
    mem_free(out);
  else
    node = append(d, (Node){.kind = NODE_MAP, .map = net_keep(d->net, out)}, name,
                  shape, sources, n_sources);
  mem_free(places);
  mem_free(sources);
  mem_free(start);
  return node;
}

/* ---- finishing ----------------------------------------------------------- */

/* How many live nodes read each node; the output counts as read. */
static int *count_readers(const Draft *d, int output)
{
  int *readers = mem_zero((size_t)d->n, sizeof *readers);
  readers[output] = 1;
  for (int k = output; k >= 0; k--)
    for (int p = 0; readers[k] && p < d->nodes[k].n_in; p++)
      readers[d->nodes[k].in[p]]++;
  return readers;
}

/* The bias of `linear` that adding shift to its output means: bias i belongs to
 * the outputs r * outer + i * inner + s.  False when it differs among them. */
static bool pick_bias(const double *shift, int n_bias, int n_outer, int inner,
                      double *bias)
{
  for (int i = 0; i < n_bias; i++)
    bias[i] = shift[(size_t)i * (size_t)inner];
  for (int r = 0; r < n_outer; r++)
    for (int i = 0; i < n_bias; i++)
      for (int s = 0; s < inner; s++)
        if (shift[((size_t)r * (size_t)n_bias + (size_t)i) * (size_t)inner +
                  (size_t)s] != bias[i])
          return false;
  return true;
}

/* x -> x + shift behind a DENSE or CONV without bias: make shift its bias. */
static bool fuse_shift(Draft *d, int k, const int *readers)
{
  const Node *add = &d->nodes[k];
  if (add->kind != NODE_SCALE || add->scale || !add->shift) return false;
  Node *linear = &d->nodes[add->in[0]];
  const bool dense = linear->kind == NODE_DENSE;
  if (!(dense || linear->kind == NODE_CONV) || linear->b || readers[add->in[0]] != 1)
    return false;
  const int n = dense ? linear->rows : linear->conv.c_out;
  const int outer = dense ? linear->reps : 1;
  const int inner = dense ? 1 : linear->conv.h_out * linear->conv.w_out;
  double *b = mem_doubles((size_t)n),
         *b_err = add->b_err ? mem_doubles((size_t)n) : NULL;
  if (!pick_bias(add->shift, n, outer, inner, b) ||
      (b_err && !pick_bias(add->b_err, n, outer, inner, b_err))) {
    mem_free(b);
    mem_free(b_err);
    return false;
  }
  linear->b = net_keep(d->net, b);
  linear->b_err = net_keep(d->net, b_err);
  return true;
}

/* The input itself cannot be the last node: an identity MAP stands for it. */
static int copy_input(Draft *d)
{
  Shape shape = {.rank = d->nodes[0].rank, .n = d->nodes[0].size};
  memcpy(shape.dims, d->nodes[0].dims, sizeof shape.dims);
  int *map = net_keep(d->net, mem_array((size_t)shape.n, sizeof *map));
  for (int i = 0; i < shape.n; i++)
    map[i] = i;
  return append(d, (Node){.kind = NODE_MAP, .map = map}, "output", &shape, &(int){0},
                1);
}

void draft_finish(Draft *d, int output)
{
  if (output == 0) output = copy_input(d);
  int *readers = count_readers(d, output);
  int *now = mem_array((size_t)d->n, sizeof *now); /* index in the net */
  int *fused = mem_array((size_t)d->n, sizeof *fused);
  for (int k = 0; k < d->n; k++)
    fused[k] = readers[k] && fuse_shift(d, k, readers) ? d->nodes[k].in[0] : -1;
  for (int k = 0; k < d->n; k++) {
    if (fused[k] >= 0) now[k] = now[fused[k]];
    if ((!readers[k] && k != 0) || fused[k] >= 0) continue;
    const Node *node = &d->nodes[k];
    int *in = mem_array((size_t)node->n_in + 1, sizeof *in);
    for (int p = 0; p < node->n_in; p++)
      in[p] = now[node->in[p]];
    now[k] = net_add(d->net, node, in, node->n_in);
    mem_free(in);
  }
  mem_free(readers);
  mem_free(now);
  mem_free(fused);
}
