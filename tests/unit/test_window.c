/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/window.h: the network of a tile against the whole one, number by number, and
 * backward bounds in windows against the same bounds on whole images. */
#include <criterion/criterion.h>
#include <math.h>

#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/window.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/chain.h"
#include "tests/support/nets.h"

TestSuite(window, .timeout = 120);

/* Where the next layer begins. */
typedef struct {
  int node, c, h, w;
} Here;

static double *some(Net *net, int n, double scale, Prng *prng)
{
  double *a = net_keep(net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    a[i] = prng_range(prng, -scale, scale);
  return a;
}

static Here add_conv(Net *net, Here at, int c_out, int k, int stride, int pad,
                     Prng *prng)
{
  const int h = (at.h + 2 * pad - k) / stride + 1,
            w = (at.w + 2 * pad - k) / stride + 1;
  const Conv conv = {.c_in = at.c,
                     .h_in = at.h,
                     .w_in = at.w,
                     .c_out = c_out,
                     .h_out = h,
                     .w_out = w,
                     .kh = k,
                     .kw = k,
                     .sh = stride,
                     .sw = stride,
                     .dh = 1,
                     .dw = 1,
                     .pt = pad,
                     .pl = pad,
                     .groups = 1};
  const Node v = {.kind = NODE_CONV,
                  .size = c_out * h * w,
                  .conv = conv,
                  .name = "conv",
                  .W = some(net, c_out * at.c * k * k, 1.5 / sqrt(at.c * k * k), prng),
                  .b = some(net, c_out, 0.1, prng)};
  return (Here){net_add(net, &v, &at.node, 1), c_out, h, w};
}

/* An image to begin with: the input, or a dense node on a few inputs. */
static Here begin(Net *net, int c, int h, int w, bool dense, Prng *prng)
{
  const int size = c * h * w, n_in = 6;
  const Node input = {.kind = NODE_INPUT, .size = dense ? n_in : size, .name = "input"};
  Here at = {net_add(net, &input, NULL, 0), c, h, w};
  if (!dense) return at;
  const Node v = {.kind = NODE_DENSE,
                  .size = size,
                  .name = "image",
                  .reps = 1,
                  .rows = size,
                  .cols = n_in,
                  .W = some(net, size * n_in, 1, prng),
                  .b = some(net, size, 0.3, prng)};
  at.node = net_add(net, &v, &at.node, 1);
  return at;
}

/* relu, and around two convolutions a branch that reads it directly. */
static Here add_block(Net *net, Here at, Prng *prng)
{
  const Here before = {chain_act(net, at.node, ACT_RELU), at.c, at.h, at.w};
  Here x = add_conv(net, before, at.c, 3, 1, 1, prng);
  x.node = chain_act(net, x.node, prng_below(prng, 3) ? ACT_RELU : ACT_SIGMOID);
  x = add_conv(net, x, at.c, 3, 1, 1, prng);
  if (prng_below(prng, 2)) {
    const int n = at.c * at.h * at.w;
    x.node = chain_scale(net, x.node, some(net, n, 1, prng), some(net, n, 1, prng));
  }
  x.node = chain_add(net, x.node, before.node, prng_below(prng, 2) ? 1 : -1);
  return x;
}

/* It ends with an image. */
static Net *image_net(int side, int channels, Prng *prng)
{
  Net *net = net_new("image");
  Here at = begin(net, 1 + prng_below(prng, 3), side, side + prng_below(prng, 3),
                  !prng_below(prng, 3), prng);
  at = add_conv(net, at, channels, 1 + prng_below(prng, 3), 1 + prng_below(prng, 2),
                prng_below(prng, 2), prng);
  if (prng_below(prng, 2)) at = add_block(net, at, prng);
  at.node = chain_act(net, at.node, ACT_RELU);
  at = add_conv(net, at, channels + 1, 3, 1 + prng_below(prng, 2), 1, prng);
  if (prng_below(prng, 2)) at = add_block(net, at, prng);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* Every element of the last node, through the window of its tile. */
static void check_tiles(const Net *net, int side, Prng *prng)
{
  WindowPlan *plan = window_plan_new(net);
  const int last = net->n_nodes - 1, tiles = window_n_tiles(plan, last, side);
  double *x = mem_doubles((size_t)net_in_size(net));
  double *y = mem_doubles((size_t)net_out_size(net));
  int seen = 0;
  for (int i = 0; i < net_in_size(net); i++)
    x[i] = prng_range(prng, -1, 1);
  eval_double(net, x, y);
  for (int t = 0; t < tiles; t++) {
    Window *w = window_new(plan, last, side, t);
    double *part = mem_doubles((size_t)net_in_size(w->net));
    double *here = mem_doubles((size_t)net_out_size(w->net));
    for (int i = 0; i < net_in_size(w->net); i++)
      part[i] = x[w->element[0][i]];
    eval_double(w->net, part, here);
    for (int i = 0; i < net_out_size(net); i++) {
      if (window_tile(plan, last, side, i) != t) continue;
      const int k = window_index(w, i);
      cr_assert(k >= 0 && k < net_out_size(w->net));
      cr_assert_eq(w->element[w->net->n_nodes - 1][k], i);
      cr_assert(fabs(here[k] - y[i]) <= 1e-13 * (1 + fabs(y[i])),
                "tile %d of side %d, element %d: %g, expected %g", t, side, i, here[k],
                y[i]);
      seen++;
    }
    mem_free(part);
    mem_free(here);
    window_free(w);
  }
  cr_assert_eq(seen, net_out_size(net));
  mem_free(x);
  mem_free(y);
  window_plan_free(plan);
}

Test(window, the_network_of_a_tile_computes_the_same)
{
  Prng prng = prng_init(5);
  for (int t = 0; t < 120; t++) {
    Net *net = image_net(5 + prng_below(&prng, 6), 2, &prng);
    check_tiles(net, 1 + prng_below(&prng, 4), &prng);
    net_free(net);
  }
}

/* Row by row on whole images, with the intervals that are in b. */
static double on_whole_images(Lagrangian *L, const Bounds *b, int j, int i, int sign)
{
  const signed char s = (signed char)sign;
  const LagrangianBatch batch = {.start = j, .n_rows = 1, .unit = &i, .sign = &s};
  double lower;
  lagrangian_bound(L, b, &batch, &lower);
  return lower;
}

/* Returns how many layers were bounded in windows. */
static int check_crown(const Net *net, Prng *prng)
{
  const size_t n = (size_t)net_in_size(net);
  double *lo = mem_doubles(n), *hi = mem_doubles(n);
  nets_box((int)n, 0.05, prng, lo, hi);
  Team *team = team_new(net, 2, 16);
  Lagrangian *L = team->member[0];
  WindowPlan *plan = window_plan_new(net);
  Bounds *b = bounds_new(net, 1), *plain = bounds_new(net, 1);
  bounds_set_box(b, 0, lo, hi);
  bounds_set_box(plain, 0, lo, hi);
  crown_tighten(team, b, 0, NULL);
  int windows = 0;
  /* `plain` becomes b node by node, so that its next node is what propagation gives. */
  for (int k = 1; k < net->n_nodes; k++) {
    ibp_node(plain, lagrangian_linop(L), k);
    const int size = net->nodes[k].size;
    windows += plain->pre[k] >= 0 && !b->tight[k] && window_side(plan, k, size) > 0;
    for (int i = 0; i < size; i++) {
      const double least = plain->lo[k][i], most = plain->hi[k][i];
      if (b->lo[k][i] > least || b->hi[k][i] < most) {
        const double l = fmax(least, on_whole_images(L, plain, k, i, 1));
        const double u = fmin(most, -on_whole_images(L, plain, k, i, -1));
        const double room = 1e-9 * (1 + fabs(l) + fabs(u));
        cr_assert(fabs(b->lo[k][i] - l) <= room && fabs(b->hi[k][i] - u) <= room,
                  "node %d, element %d: [%.17g, %.17g], on whole images [%.17g, %.17g]",
                  k, i, b->lo[k][i], b->hi[k][i], l, u);
      }
      bounds_meet(plain, k, 0, i, b->lo[k][i], b->hi[k][i]);
    }
  }
  bounds_free(b);
  bounds_free(plain);
  window_plan_free(plan);
  team_free(team);
  mem_free(lo);
  mem_free(hi);
  return windows;
}

Test(window, backward_bounds_are_those_of_whole_images)
{
  Prng prng = prng_init(6);
  int windows = 0;
  for (int t = 0; t < 6; t++) {
    Net *net = image_net(14, 4, &prng);
    /* A ReLU at the end makes the last image a pre-activation. */
    chain_act(net, net->n_nodes - 1, ACT_RELU);
    Err err = {0};
    cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
    windows += check_crown(net, &prng);
    net_free(net);
  }
  cr_assert(windows >= 6, "only %d layers were bounded in windows", windows);
}
