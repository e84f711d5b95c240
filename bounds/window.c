/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/window.h"

#include <string.h>

#include "net/base/mem.h"

/* Costs of a row in units of one multiplication: of an element that passes through a
 * node, and of every weight and element that a new window sets up. */
#define ELEMENT_COST 64.0
#define SETUP_COST   8.0
/* Rows are bounded in groups of so many (bounds/conv.h). */
#define LANES CONV_LANES
/* Windows must cost at most this share of whole images. */
#define WORTH 0.8

typedef struct {
  int c, h, w; /* c = 0: no image */
} Image;

struct WindowPlan {
  const Net *net;
  Image *image;  /* Image image[n_nodes] */
  bool *is_same; /* a MAP that changes nothing */
};

/* What one tile needs of every node. */
typedef struct {
  WindowRect *rect; /* of images; empty: nothing */
  bool *whole;
} Need;

/* ---- images -------------------------------------------------------------------- */

static bool is_identity(const Net *net, const Node *v)
{
  if (v->kind != NODE_MAP || v->n_in != 1 || v->size != net->nodes[v->in[0]].size)
    return false;
  for (int i = 0; i < v->size; i++)
    if (v->map[i] != i) return false;
  return true;
}

/* Element i is made from elements i alone. */
static bool is_elementwise(const WindowPlan *plan, int k)
{
  const Node *v = &plan->net->nodes[k];
  return v->kind == NODE_ACT || v->kind == NODE_SCALE || v->kind == NODE_ADD ||
         plan->is_same[k];
}

/* Returns whether this is news.  Whoever reads a node as another image than it is known
 * to be takes all of it (see `reads`). */
static bool set_image(WindowPlan *plan, int k, Image image)
{
  if (plan->image[k].c || !image.c) return false;
  if ((long)image.c * image.h * image.w != plan->net->nodes[k].size) return false;
  plan->image[k] = image;
  return true;
}

static bool same_image(Image a, Image b)
{
  return a.c == b.c && a.h == b.h && a.w == b.w;
}

static bool spread_images(WindowPlan *plan, int k)
{
  const Node *v = &plan->net->nodes[k];
  bool news = false;
  if (v->kind == NODE_CONV) {
    const Conv *c = &v->conv;
    news = set_image(plan, k, (Image){c->c_out, c->h_out, c->w_out});
    return set_image(plan, v->in[0], (Image){c->c_in, c->h_in, c->w_in}) || news;
  }
  if (!is_elementwise(plan, k)) return false;
  for (int p = 0; p < v->n_in; p++) {
    news = set_image(plan, k, plan->image[v->in[p]]) || news;
    news = set_image(plan, v->in[p], plan->image[k]) || news;
  }
  return news;
}

WindowPlan *window_plan_new(const Net *net)
{
  WindowPlan *plan = mem_zero(1, sizeof *plan);
  plan->net = net;
  plan->image = mem_zero((size_t)net->n_nodes, sizeof *plan->image);
  plan->is_same = mem_zero((size_t)net->n_nodes, sizeof *plan->is_same);
  for (int k = 0; k < net->n_nodes; k++)
    plan->is_same[k] = is_identity(net, &net->nodes[k]);
  for (bool news = true; news;) {
    news = false;
    for (int k = 0; k < net->n_nodes; k++)
      news = spread_images(plan, k) || news;
  }
  return plan;
}

void window_plan_free(WindowPlan *plan)
{
  if (!plan) return;
  mem_free(plan->image);
  mem_free(plan->is_same);
  mem_free(plan);
}

/* ---- what a tile needs ----------------------------------------------------------- */

static bool is_empty(const WindowRect *r)
{
  return r->y0 >= r->y1;
}

static void join(WindowRect *r, WindowRect more)
{
  if (is_empty(&more)) return;
  if (is_empty(r)) {
    *r = more;
    return;
  }
  if (more.y0 < r->y0) r->y0 = more.y0;
  if (more.x0 < r->x0) r->x0 = more.x0;
  if (more.y1 > r->y1) r->y1 = more.y1;
  if (more.x1 > r->x1) r->x1 = more.x1;
}

/* Inputs first .. last - 1 that outputs a .. b - 1 read, never none. */
static void read_range(int a, int b, int stride, int taps, int dilation, int pad,
                       int n_in, int *first, int *last)
{
  int lo = a * stride - pad, hi = (b - 1) * stride + (taps - 1) * dilation - pad + 1;
  if (lo < 0) lo = 0;
  if (hi > n_in) hi = n_in;
  if (lo > n_in - 1) lo = n_in - 1;
  *first = lo;
  *last = hi > lo ? hi : lo + 1;
}

static WindowRect conv_reads(const Conv *c, WindowRect out)
{
  WindowRect in;
  read_range(out.y0, out.y1, c->sh, c->kh, c->dh, c->pt, c->h_in, &in.y0, &in.y1);
  read_range(out.x0, out.x1, c->sw, c->kw, c->dw, c->pl, c->w_in, &in.x0, &in.x1);
  return in;
}

/* Whether node k as an image is what its reader, an image too, takes it for. */
static bool fits(const WindowPlan *plan, int k, int reader)
{
  const Node *v = &plan->net->nodes[reader];
  const Conv *c = &v->conv;
  const Image wanted =
      v->kind == NODE_CONV ? (Image){c->c_in, c->h_in, c->w_in} : plan->image[reader];
  return plan->image[k].c && same_image(plan->image[k], wanted);
}

/* Node k can be cut: its elements are made one by one, or by convolution. */
static bool can_cut(const WindowPlan *plan, int k)
{
  const Node *v = &plan->net->nodes[k];
  if (!plan->image[k].c) return false;
  if (v->kind == NODE_INPUT) return true;
  if (v->kind == NODE_DENSE) return v->reps == 1;
  if (v->kind != NODE_CONV && !is_elementwise(plan, k)) return false;
  for (int p = 0; p < v->n_in; p++)
    if (!fits(plan, v->in[p], k)) return false;
  return true;
}

/* What node k makes its inputs need. */
static void pass_need(const WindowPlan *plan, int k, Need *need)
{
  const Node *v = &plan->net->nodes[k];
  const bool cut = !need->whole[k] && v->kind != NODE_DENSE;
  for (int p = 0; p < v->n_in; p++) {
    if (!cut)
      need->whole[v->in[p]] = true;
    else
      join(&need->rect[v->in[p]],
           v->kind == NODE_CONV ? conv_reads(&v->conv, need->rect[k]) : need->rect[k]);
  }
}

static Need find_need(const WindowPlan *plan, int j, WindowRect tile)
{
  const size_t n = (size_t)j + 1;
  Need need = {.rect = mem_zero(n, sizeof *need.rect),
               .whole = mem_zero(n, sizeof *need.whole)};
  need.rect[j] = tile;
  for (int k = j; k >= 0; k--) {
    if (!need.whole[k] && is_empty(&need.rect[k])) continue;
    need.whole[k] = need.whole[k] || !can_cut(plan, k);
    if (need.whole[k] && plan->image[k].c)
      need.rect[k] = (WindowRect){0, 0, plan->image[k].h, plan->image[k].w};
    pass_need(plan, k, &need);
  }
  return need;
}

static void free_need(Need *need)
{
  mem_free(need->rect);
  mem_free(need->whole);
}

static bool is_needed(const Need *need, int k)
{
  return need->whole[k] || !is_empty(&need->rect[k]);
}

static int places(const WindowRect *r)
{
  return (r->y1 - r->y0) * (r->x1 - r->x0);
}

static int size_here(const WindowPlan *plan, const Need *need, int k)
{
  return need->whole[k] ? plan->net->nodes[k].size
                        : plan->image[k].c * places(&need->rect[k]);
}

/* ---- costs ----------------------------------------------------------------------- */

/* Multiplications of one row, and the set-up of the window. */
static void estimate(const WindowPlan *plan, int j, WindowRect tile, double *row,
                     double *setup)
{
  Need need = find_need(plan, j, tile);
  *row = *setup = 0;
  for (int k = 0; k <= j; k++) {
    const Node *v = &plan->net->nodes[k];
    const Conv *c = &v->conv;
    if (!is_needed(&need, k)) continue;
    const double size = size_here(plan, &need, k);
    double weights = 0, work = size;
    if (v->kind == NODE_CONV) {
      const double taps = (double)(c->c_in / c->groups) * c->kh * c->kw;
      weights = c->c_out * taps;
      work = size * taps;
    }
    if (v->kind == NODE_DENSE) weights = work = size * v->cols;
    *row += ELEMENT_COST * size + (k == j ? 0 : work); /* node j gives unit rows */
    *setup += SETUP_COST * (weights + 4 * size);
  }
  free_need(&need);
}

static WindowRect tile_rect(const WindowPlan *plan, int j, int side, int tile)
{
  const Image *image = &plan->image[j];
  const int across = (image->w + side - 1) / side;
  WindowRect r = {.y0 = tile / across * side, .x0 = tile % across * side};
  r.y1 = r.y0 + side < image->h ? r.y0 + side : image->h;
  r.x1 = r.x0 + side < image->w ? r.x0 + side : image->w;
  return r;
}

int window_n_tiles(const WindowPlan *plan, int j, int side)
{
  const Image *image = &plan->image[j];
  return ((image->w + side - 1) / side) * ((image->h + side - 1) / side);
}

int window_tile(const WindowPlan *plan, int j, int side, int i)
{
  const Image *image = &plan->image[j];
  const int place = i % (image->h * image->w);
  return place / image->w / side * ((image->w + side - 1) / side) +
         place % image->w / side;
}

/* The costs of all rows with such tiles, were each like the one in the middle. */
static double cost_of(const WindowPlan *plan, int j, int side, int n_rows)
{
  const int tiles = window_n_tiles(plan, j, side);
  const Image *image = &plan->image[j];
  const int middle = window_tile(plan, j, side, image->h / 2 * image->w + image->w / 2);
  double row, setup;
  estimate(plan, j, tile_rect(plan, j, side, middle), &row, &setup);
  const double each = (double)((n_rows + tiles - 1) / tiles);
  const double rounded = LANES * (double)(((int)each + LANES - 1) / LANES);
  return tiles * (rounded * row + setup);
}

int window_side(const WindowPlan *plan, int j, int n_rows)
{
  const Image *image = &plan->image[j];
  const int most = image->h > image->w ? image->h : image->w;
  int best = 0;
  if (!image->c || plan->net->ball || n_rows < LANES || !can_cut(plan, j)) return 0;
  double row, setup;
  estimate(plan, j, (WindowRect){0, 0, image->h, image->w}, &row, &setup);
  double least = WORTH * row * n_rows;
  for (int side = 1; side < most; side *= 2) {
    const double cost = cost_of(plan, j, side, n_rows);
    if (cost >= least) continue;
    least = cost;
    best = side;
  }
  return best;
}

/* ---- the network of a tile ----------------------------------------------------------
 */

/* The n elements of node k in a rectangle, or all of what is no image. */
static int *elements_of(const WindowPlan *plan, int k, const WindowRect *r, int n)
{
  const Image *image = &plan->image[k];
  int *const element = mem_array((size_t)n, sizeof *element);
  for (int i = 0; !image->c && i < n; i++)
    element[i] = i;
  int *at = element;
  for (int c = 0; c < image->c; c++)
    for (int y = r->y0; y < r->y1; y++)
      for (int x = r->x0; x < r->x1; x++)
        *at++ = (c * image->h + y) * image->w + x;
  return element;
}

/* Some of a vector of numbers; NULL of NULL. */
static const double *some_of(Net *net, const double *a, const int *element, int n)
{
  if (!a) return NULL;
  double *some = net_keep(net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    some[i] = a[element[i]];
  return some;
}

static const double *some_rows(Net *net, const Node *v, const int *element, int n)
{
  const size_t cols = (size_t)v->cols;
  double *some = net_keep(net, mem_doubles((size_t)n * cols));
  for (int i = 0; i < n; i++)
    memcpy(some + (size_t)i * cols, v->W + (size_t)element[i] * cols,
           cols * sizeof *some);
  return some;
}

/* The convolution whose output is `out` of the whole one, on the part `in` of its
 * input. */
static Conv cut_conv(const Conv *c, const WindowRect *in, const WindowRect *out)
{
  Conv cut = *c;
  cut.h_in = in->y1 - in->y0;
  cut.w_in = in->x1 - in->x0;
  cut.h_out = out->y1 - out->y0;
  cut.w_out = out->x1 - out->x0;
  cut.pt = c->pt - out->y0 * c->sh + in->y0;
  cut.pl = c->pl - out->x0 * c->sw + in->x0;
  return cut;
}

static void cut_node(Window *w, const WindowPlan *plan, const Need *need, int k,
                     const int *element, Node *v)
{
  Net *const net = w->net;
  v->size = size_here(plan, need, k);
  v->rank = 1;
  v->dims[0] = v->size;
  if (need->whole[k]) return;
  switch (v->kind) {
  case NODE_CONV:
    v->conv = cut_conv(&v->conv, &need->rect[v->in[0]], &need->rect[k]);
    break;
  case NODE_DENSE:
    v->W = some_rows(net, v, element, v->size);
    v->b = some_of(net, v->b, element, v->size);
    v->b_err = some_of(net, v->b_err, element, v->size);
    v->rows = v->size;
    break;
  case NODE_SCALE:
    v->scale = some_of(net, v->scale, element, v->size);
    v->shift = some_of(net, v->shift, element, v->size);
    v->b_err = some_of(net, v->b_err, element, v->size);
    break;
  case NODE_MAP: {
    int *map = net_keep(net, mem_array((size_t)v->size, sizeof *map));
    for (int i = 0; i < v->size; i++)
      map[i] = i;
    v->map = map;
    break;
  }
  default: /* nothing that depends on the element */
    break;
  }
}

static bool same_rect(const WindowRect *a, const WindowRect *b)
{
  return a->y0 == b->y0 && a->x0 == b->x0 && a->y1 == b->y1 && a->x1 == b->x1;
}

static int append(Window *w, const Node *v, const int *in, int node, int *element)
{
  const int here = net_add(w->net, v, in, v->n_in);
  w->node[here] = node;
  w->element[here] = element;
  return here;
}

/* Of node j, which somebody else needs more of, the rectangle r. */
static int add_selection(Window *w, const WindowPlan *plan, const Need *need, int j,
                         const WindowRect *r, const int *here)
{
  const WindowRect *all = &need->rect[j];
  const int channels = plan->image[j].c, width = all->x1 - all->x0;
  const int plane = places(all);
  Node v = {.kind = NODE_MAP,
            .size = channels * places(r),
            .rank = 1,
            .n_in = 1,
            .name = plan->net->nodes[j].name};
  v.dims[0] = v.size;
  int *const map = net_keep(w->net, mem_array((size_t)v.size, sizeof *map));
  int n = 0;
  for (int c = 0; c < channels; c++)
    for (int y = r->y0 - all->y0; y < r->y1 - all->y0; y++)
      for (int x = r->x0 - all->x0; x < r->x1 - all->x0; x++)
        map[n++] = c * plane + y * width + x;
  v.map = map;
  return append(w, &v, &here[j], j, elements_of(plan, j, r, v.size));
}

static void add_node(Window *w, const WindowPlan *plan, const Need *need, int k,
                     int *here)
{
  Node v = plan->net->nodes[k];
  const WindowRect *own = &need->rect[k];
  const bool one_by_one = !need->whole[k] && is_elementwise(plan, k);
  int *const element = elements_of(plan, k, own, size_here(plan, need, k));
  int *const in = mem_array((size_t)v.n_in + 1, sizeof *in);
  cut_node(w, plan, need, k, element, &v);
  for (int p = 0; p < v.n_in; p++)
    in[p] = one_by_one && !same_rect(&need->rect[v.in[p]], own)
                ? add_selection(w, plan, need, v.in[p], own, here)
                : here[v.in[p]];
  here[k] = append(w, &v, in, k, element);
  mem_free(in);
}

/* Nodes of a window at most: those up to j, and a selection for every input. */
static size_t most_nodes(const Net *net, int j)
{
  size_t n = 0;
  for (int k = 0; k <= j; k++)
    n += 1 + (size_t)net->nodes[k].n_in;
  return n;
}

Window *window_new(const WindowPlan *plan, int j, int side, int tile)
{
  Window *w = mem_zero(1, sizeof *w);
  const size_t n = most_nodes(plan->net, j);
  w->tile = tile_rect(plan, j, side, tile);
  w->h = plan->image[j].h;
  w->w = plan->image[j].w;
  w->net = net_new(plan->net->path);
  w->node = mem_zero(n, sizeof *w->node);
  w->element = mem_zero(n, sizeof *w->element);
  Need need = find_need(plan, j, w->tile);
  need.whole[0] = need.whole[0] || is_empty(&need.rect[0]);
  int *here = mem_zero((size_t)j + 1, sizeof *here);
  for (int k = 0; k <= j; k++)
    if (is_needed(&need, k)) add_node(w, plan, &need, k, here);
  mem_free(here);
  free_need(&need);
  Err err = {0};
  STATUS_REQUIRE(net_finish(w->net, &err) == STATUS_OK && w->net->n_nodes <= (int)n,
                 "a window is a network");
  return w;
}

void window_free(Window *w)
{
  if (!w) return;
  for (int k = 0; k < w->net->n_nodes; k++)
    mem_free(w->element[k]);
  mem_free(w->element);
  mem_free(w->node);
  net_free(w->net);
  mem_free(w);
}

int window_index(const Window *w, int i)
{
  const int c = i / (w->h * w->w), y = i / w->w % w->h, x = i % w->w;
  const int height = w->tile.y1 - w->tile.y0, width = w->tile.x1 - w->tile.x0;
  return (c * height + y - w->tile.y0) * width + x - w->tile.x0;
}

Bounds *window_bounds(const Window *w, Linop *op, const Bounds *b, int t)
{
  Bounds *some = bounds_new(w->net, 1);
  for (int k = 0; k < w->net->n_nodes; k++)
    bounds_take(some, k, b, t, w->node[k], w->element[k]);
  for (int k = 0; k < w->net->n_nodes; k++)
    if (net_is_linear(&w->net->nodes[k])) bounds_refresh_errors(some, op, k);
  return some;
}
