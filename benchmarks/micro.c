/* SPDX-License-Identifier: GPL-3.0-or-later */
/* benchmarks/micro.c -- how fast the passes of bounds/ are, net by net.
 *
 *   build/micro [--seconds S] [--once] [NET]...
 *
 * For each NET (all by default) and each pass, one line of CSV:
 *   net,pass,unit,count,per_second
 * One call of the pass handles `count` boxes or rows (`unit`); per_second is the best
 * of four slices, about S seconds together (default 0.5), on one thread.
 * --once leaves per_second out and calls each pass once, for benchmarks/count, which
 * counts the instructions of that call.
 *
 *   ibp        interval propagation through all nodes
 *   crown      the same with backward bounds of every open neuron and of the outputs
 *   bound      one backward pass for rows of the output (lagrangian_bound)
 *   gradient   the forward pass that belongs to it, with slopes given
 *
 * Networks: three of benchmarks/examples/ with their narrow property (run it from the
 * root of the repository), and networks with random weights in the shape of well-known
 * benchmarks.  The random numbers are fixed, so every run does the same work.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds/bounds.h"
#include "bounds/crown.h"
#include "bounds/ibp.h"
#include "bounds/lagrangian.h"
#include "bounds/team.h"
#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/reader.h"
#include "specs/load.h"
#include "specs/query.h"

/* Rows of a batch: at least this many, as in bounds/crown.c. */
#define ROWS 128

/* One network on its boxes, with everything the passes need. */
typedef struct {
  const Net *net;
  int n_box, n_rows; /* rows in a batch, n_own of them different */
  int n_own;         /* every output of every box */
  double *lo, *hi;   /* double lo[n_box][inputs] */
  Team *team;
  Lagrangian *L; /* team->member[0] */
  Bounds *b;
  int *unit, *box;
  signed char *sign;
  double *lower;
  double **alpha, **g_alpha;
} Work;

/* ---- the passes -------------------------------------------------------------
 * All that is measured; what calls into bounds/ is here and nowhere else. */

static void forget(Work *w)
{
  const size_t n = (size_t)net_in_size(w->net);
  bounds_reset(w->b);
  for (int t = 0; t < w->n_box; t++)
    bounds_set_box(w->b, t, w->lo + (size_t)t * n, w->hi + (size_t)t * n);
}

static LagrangianBatch batch_of(const Work *w, int n_rows)
{
  return (LagrangianBatch){.start = w->net->n_nodes - 1,
                           .n_rows = n_rows,
                           .box = w->box,
                           .unit = w->unit,
                           .sign = w->sign};
}

static void pass_ibp(Work *w)
{
  forget(w);
  ibp_all(w->b, lagrangian_linop(w->L));
}

static void pass_crown(Work *w)
{
  forget(w);
  crown_tighten(w->team, w->b, 0, NULL);
  const LagrangianBatch batch = batch_of(w, w->n_own);
  lagrangian_bound(w->L, w->b, &batch, w->lower);
}

static void pass_bound(Work *w)
{
  const LagrangianBatch batch = batch_of(w, w->n_rows);
  lagrangian_bound(w->L, w->b, &batch, w->lower);
}

static void before_gradient(Work *w)
{
  LagrangianBatch batch = batch_of(w, w->n_rows);
  batch.alpha = w->alpha;
  batch.keep = true;
  lagrangian_bound(w->L, w->b, &batch, w->lower);
}

static void pass_gradient(Work *w)
{
  LagrangianBatch batch = batch_of(w, w->n_rows);
  batch.alpha = w->alpha;
  batch.keep = true;
  const LagrangianGradient out = {.alpha = w->g_alpha};
  lagrangian_gradient(w->L, &batch, &out);
}

/* In this order: crown leaves the intervals that the last two work on. */
static const struct {
  const char *name;
  bool of_boxes; /* count boxes, not rows */
  void (*before)(Work *w);
  void (*run)(Work *w);
} passes[] = {{"ibp", true, NULL, pass_ibp},
              {"crown", true, NULL, pass_crown},
              {"bound", false, NULL, pass_bound},
              {"gradient", false, before_gradient, pass_gradient}};

/* benchmarks/count finds the measured part by this name, so it must stay a function. */
void measured(void (*pass)(Work *w), Work *w);
__attribute__((noinline)) void measured(void (*pass)(Work *w), Work *w)
{
  pass(w);
}

/* ---- networks ---------------------------------------------------------------- */

/* n weights with the variance 2 / fan_in, which keeps values of about one size through
 * ReLU layers. */
static double *weights(Net *net, size_t n, int fan_in, Prng *prng)
{
  double *a = net_keep(net, mem_doubles(n));
  const double range = sqrt(6.0 / fan_in);
  for (size_t i = 0; i < n; i++)
    a[i] = prng_range(prng, -range, range);
  return a;
}

static double *biases(Net *net, int n, Prng *prng)
{
  double *a = net_keep(net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    a[i] = prng_range(prng, -0.1, 0.1);
  return a;
}

static int add_input(Net *net, int size)
{
  const Node v = {.kind = NODE_INPUT, .size = size};
  return net_add(net, &v, NULL, 0);
}

static int add_relu(Net *net, int in)
{
  const Node v = {.kind = NODE_ACT, .size = net->nodes[in].size, .act = ACT_RELU};
  return net_add(net, &v, &in, 1);
}

static int add_dense(Net *net, int in, int rows, Prng *prng)
{
  const int cols = net->nodes[in].size;
  const Node v = {.kind = NODE_DENSE,
                  .size = rows,
                  .reps = 1,
                  .rows = rows,
                  .cols = cols,
                  .W = weights(net, (size_t)rows * (size_t)cols, cols, prng),
                  .b = biases(net, rows, prng)};
  return net_add(net, &v, &in, 1);
}

/* c_in x side x side to c_out x side/2 x side/2, kernel 4x4, stride 2, padding 1. */
static int add_conv(Net *net, int in, int c_in, int c_out, int side, Prng *prng)
{
  const Conv conv = {.c_in = c_in,
                     .h_in = side,
                     .w_in = side,
                     .c_out = c_out,
                     .h_out = side / 2,
                     .w_out = side / 2,
                     .kh = 4,
                     .kw = 4,
                     .sh = 2,
                     .sw = 2,
                     .dh = 1,
                     .dw = 1,
                     .pt = 1,
                     .pl = 1,
                     .groups = 1};
  const Node v = {.kind = NODE_CONV,
                  .size = c_out * (side / 2) * (side / 2),
                  .conv = conv,
                  .W = weights(net, (size_t)(c_out * c_in * 16), c_in * 16, prng),
                  .b = biases(net, c_out, prng)};
  return net_add(net, &v, &in, 1);
}

/* inputs - depth x width - outputs. */
static int add_dense_layers(Net *net, int in, int depth, int width, int outputs,
                            Prng *prng)
{
  for (int l = 0; l < depth; l++)
    in = add_relu(net, add_dense(net, in, width, prng));
  return add_dense(net, in, outputs, prng);
}

static void make_acas(Net *net, Prng *prng)
{
  add_dense_layers(net, add_input(net, 5), 6, 50, 5, prng);
}

static void make_mnist(Net *net, Prng *prng)
{
  add_dense_layers(net, add_input(net, 784), 4, 256, 10, prng);
}

static void make_cifar(Net *net, Prng *prng)
{
  int x = add_input(net, 3 * 32 * 32);
  x = add_relu(net, add_conv(net, x, 3, 8, 32, prng));
  x = add_relu(net, add_conv(net, x, 8, 16, 16, prng));
  add_dense_layers(net, x, 1, 100, 10, prng);
}

/* A network of the examples (make = NULL) or a made one with boxes of this radius. */
typedef struct {
  const char *name;
  void (*make)(Net *net, Prng *prng);
  int n_box;
  double radius;
} Subject;

static const Subject subjects[] = {{"brake", NULL, 1, 0},
                                   {"digits-dense", NULL, 1, 0},
                                   {"digits-conv", NULL, 1, 0},
                                   {"acas-5-6x50-5", make_acas, 64, 0.02},
                                   {"mnist-784-4x256-10", make_mnist, 1, 0.005},
                                   {"cifar-conv", make_cifar, 1, 0.004}};

static void fail(const Err *err)
{
  fprintf(stderr, "micro: %s\n", err->text);
  exit(err->code);
}

/* ---- one network --------------------------------------------------------------- */

static Work work_new(const Net *net, int n_box)
{
  const size_t n_in = (size_t)n_box * (size_t)net_in_size(net);
  const int out = net_out_size(net), n_own = n_box * out;
  Work w = {.net = net, .n_box = n_box, .n_own = n_own};
  w.n_rows = n_own > ROWS ? n_own : ROWS;
  w.lo = mem_doubles(n_in);
  w.hi = mem_doubles(n_in);
  w.team = team_new(net, 1, w.n_rows);
  w.L = w.team->member[0];
  w.b = bounds_new(net, n_box);
  w.unit = mem_array((size_t)w.n_rows, sizeof *w.unit);
  w.box = mem_array((size_t)w.n_rows, sizeof *w.box);
  w.sign = mem_array((size_t)w.n_rows, sizeof *w.sign);
  w.lower = mem_doubles((size_t)w.n_rows);
  for (int r = 0; r < w.n_rows; r++) {
    w.unit[r] = r % out;
    w.box[r] = r / out % n_box;
    w.sign[r] = 1;
  }
  w.alpha = lagrangian_new_multipliers(net, w.n_rows);
  w.g_alpha = lagrangian_new_multipliers(net, w.n_rows);
  for (int k = 0; k < net->n_nodes; k++)
    for (int i = 0; w.alpha[k] && i < w.n_rows * net->nodes[k].size; i++)
      w.alpha[k][i] = 0.5;
  return w;
}

static void work_free(Work *w)
{
  lagrangian_free_multipliers(w->net, w->alpha);
  lagrangian_free_multipliers(w->net, w->g_alpha);
  mem_free(w->lo);
  mem_free(w->hi);
  mem_free(w->unit);
  mem_free(w->box);
  mem_free(w->sign);
  mem_free(w->lower);
  bounds_free(w->b);
  team_free(w->team);
}

/* Seconds of so many calls. */
static double slice(int pass, int calls, Work *w)
{
  const double start = clock_now();
  for (int i = 0; i < calls; i++)
    measured(passes[pass].run, w);
  return clock_now() - start;
}

static double per_second(int pass, int count, double seconds, Work *w)
{
  const int n_slices = 4;
  int calls = 1;
  while (slice(pass, calls, w) < seconds / n_slices && calls < 1 << 24)
    calls *= 2;
  double best = INFINITY;
  for (int i = 0; i < n_slices; i++)
    best = fmin(best, slice(pass, calls, w));
  return (double)count * calls / best;
}

static void measure(const char *name, Work *w, bool once, double seconds)
{
  for (size_t p = 0; p < sizeof passes / sizeof *passes; p++) {
    const int count = passes[p].of_boxes ? w->n_box : w->n_rows;
    if (passes[p].before) passes[p].before(w);
    if (!once || p == 0) passes[p].run(w); /* fill the workspaces */
    printf("%s,%s,%s,%d", name, passes[p].name, passes[p].of_boxes ? "boxes" : "rows",
           count);
    if (once)
      measured(passes[p].run, w);
    else
      printf(",%.4g", per_second((int)p, count, seconds, w));
    printf("\n");
    fflush(stdout);
  }
}

static void run_made(const Subject *s, bool once, double seconds)
{
  Err err = {0};
  Prng prng = prng_init(1);
  Net *net = net_new(s->name);
  s->make(net, &prng);
  if (net_finish(net, &err)) fail(&err);
  Work w = work_new(net, s->n_box);
  for (int i = 0; i < s->n_box * net_in_size(net); i++) {
    const double centre = prng_range(&prng, 0, 1);
    w.lo[i] = centre - s->radius;
    w.hi[i] = centre + s->radius;
  }
  measure(s->name, &w, once, seconds);
  work_free(&w);
  net_free(net);
}

static void run_example(const Subject *s, bool once, double seconds)
{
  Err err = {0};
  char path[256];
  snprintf(path, sizeof path, "benchmarks/examples/%s.onnx", s->name);
  Net *net = reader_load(path, &err);
  if (!net) fail(&err);
  snprintf(path, sizeof path, "benchmarks/examples/%s-narrow.vnnlib", s->name);
  Prop *prop = load_prop(path, net_in_size(net), net_out_size(net), &err);
  if (!prop) fail(&err);
  Query query;
  query_build(net, prop, 0, &query);
  Work w = work_new(query.net, s->n_box);
  memcpy(w.lo, query.box->lo, (size_t)query.box->n * sizeof *w.lo);
  memcpy(w.hi, query.box->hi, (size_t)query.box->n * sizeof *w.hi);
  measure(s->name, &w, once, seconds);
  work_free(&w);
  query_reset(&query);
  prop_free(prop);
  net_free(net);
}

static int usage(FILE *out)
{
  fprintf(out, "usage: micro [--seconds S] [--once] [NET]...\nnetworks:");
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
    fprintf(out, " %s", subjects[i].name);
  fprintf(out, "\n");
  return out == stdout ? 0 : 64;
}

static const Subject *find(const char *name)
{
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
    if (!strcmp(subjects[i].name, name)) return &subjects[i];
  return NULL;
}

static void run(const Subject *s, bool once, double seconds)
{
  if (s->make)
    run_made(s, once, seconds);
  else
    run_example(s, once, seconds);
}

int main(int argc, char **argv)
{
  bool once = false;
  double seconds = 0.5;
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    if (!strcmp(argv[i], "--once"))
      once = true;
    else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
      seconds = atof(argv[++i]);
    else
      return usage(strcmp(argv[i], "--help") ? stderr : stdout);
  }
  for (int j = i; j < argc; j++)
    if (!find(argv[j])) return usage(stderr);
  printf("net,pass,unit,count%s\n", once ? "" : ",per_second");
  for (int j = i; j < argc; j++)
    run(find(argv[j]), once, seconds);
  for (size_t s = 0; i == argc && s < sizeof subjects / sizeof *subjects; s++)
    run(&subjects[s], once, seconds);
  return 0;
}
