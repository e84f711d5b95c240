/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Differences of ReLUs that are a clip or the identity (net/lower_known.h). */
#include <math.h>

#include "bounds/crown.h"
#include "bounds/objective.h"
#include "bounds/team.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/lowered.h"

/* y = c (relu (s x + p) - relu (t x + q)) + d on n numbers, with these operators. */
typedef struct {
  float c, s, p, t, q, d;
  size_t relus; /* for each number, in the network */
} Bend;

enum { N = 9 };
static const double at[N] = {-3, -1, -0.5, -1e-30, 0, 0.25, 1, 2, 7};

static void number(MakeOnnx *m, const char *name, float v)
{
  make_onnx_floats(m, name, 0, NULL, &v);
}

/* `minus`: Sub; else Add of a product with -c. */
static MakeOnnx *bend_model(const Bend *b, int n, bool minus)
{
  MakeOnnx *m = model(13, DIMS(n));
  number(m, "s", b->s);
  number(m, "t", b->t);
  number(m, "p", b->p);
  number(m, "q", b->q);
  number(m, "c", b->c);
  number(m, "-c", minus ? b->c : -b->c);
  number(m, "d", b->d);
  make_onnx_node(m, "Mul", "x s", "xs");
  make_onnx_node(m, "Add", "xs p", "xp");
  make_onnx_node(m, "Relu", "xp", "rp");
  make_onnx_node(m, "Mul", "rp c", "rc");
  make_onnx_node(m, "Mul", "x t", "xt");
  make_onnx_node(m, "Add", "xt q", "xq");
  make_onnx_node(m, "Relu", "xq", "rq");
  make_onnx_node(m, "Mul", "rq -c", "rd");
  make_onnx_node(m, minus ? "Sub" : "Add", "rc rd", "diff");
  make_onnx_node(m, "Add", "diff d", "y");
  return m;
}

static double value(const Bend *b, double x)
{
  const double left = fmax(0, (double)b->s * x + (double)b->p);
  const double right = fmax(0, (double)b->t * x + (double)b->q);
  return (double)b->c * (left - right) + (double)b->d;
}

static const Bend bends[] = {{1, 1, 1, 1, -0.5f, 0, 2},
                             {1, 1, -0.5f, 1, 1, 3, 2},
                             {-0.7f, 1, 0, 1, -1, -1, 2},
                             {2, 4, 1, 4, 0.1f, 0.3f, 2},
                             {1.5f, -2, 3, -2, 1, 0, 2},
                             {1, 2, 0, -2, 0, 1, 0},
                             {3, 1, -1, -1, 1, 0.1f, 0},
                             /* nothing known */
                             {1, 1, 0, 2, 1, 0, 2},
                             {1, 1, 0.5f, -1, 0.5f, 0, 2},
                             {1, 1, 1, 1, 1, 0, 2}};
enum { N_BENDS = sizeof bends / sizeof *bends };

Test(lower_bends, compute_what_the_model_says)
{
  for (int k = 0; k < N_BENDS; k++)
    for (int minus = 0; minus < 2; minus++) {
      double y[N], mid[N], rad[N];
      Net *net = loaded(bend_model(&bends[k], N, minus));
      cr_expect_eq(net_n_neurons(net), bends[k].relus * N, "bend %d: %zu", k,
                   net_n_neurons(net));
      eval_double(net, at, y);
      eval_enclose(net, at, mid, rad);
      for (int i = 0; i < N; i++) {
        const double want = value(&bends[k], at[i]);
        cr_expect_float_eq(y[i], want, 1e-14, "bend %d at %g: %.17g, not %.17g", k,
                           at[i], y[i], want);
        cr_expect(fabs(mid[i] - want) <= rad[i] + 1e-14 && rad[i] < 1e-12);
      }
      net_free(net);
    }
}

/* The same function of one number as a hidden layer of two ReLUs. */
static MakeOnnx *layer_model(const Bend *b)
{
  MakeOnnx *m = model(13, DIMS(1, 1));
  make_onnx_floats(m, "in", DIMS(1, 2), (float[]){b->s, b->t});
  make_onnx_floats(m, "bias", DIMS(2), (float[]){b->p, b->q});
  make_onnx_floats(m, "out", DIMS(2, 1), (float[]){b->c, -b->c});
  make_onnx_floats(m, "d", DIMS(1), &b->d);
  make_onnx_node(m, "Gemm", "x in bias", "z");
  make_onnx_node(m, "Relu", "z", "h");
  make_onnx_node(m, "Gemm", "h out d", "y");
  return m;
}

/* Proven bounds of the output for x in [lo, hi]. */
static void bounds_of(MakeOnnx *m, double lo, double hi, double y[2])
{
  Net *net = loaded(m);
  Bounds *b = bounds_new(net, 1);
  bounds_set_box(b, 0, &lo, &hi);
  Team *team = team_new(net, 1, 2);
  crown_tighten(team, b, 0, NULL);
  for (int minus = 0; minus < 2; minus++) {
    const signed char sign = minus ? -1 : 1;
    Objective o = objective_units(net, net->n_nodes - 1, 1, &(int){0}, &sign, NULL);
    LagrangianBatch batch = objective_batch(&o);
    double lower;
    lagrangian_bound(team->member[0], b, &batch, &lower);
    y[minus] = minus ? -lower : lower;
  }
  team_free(team);
  bounds_free(b);
  net_free(net);
}

/* Around both turns: never wider, hardly wider than the range on one side at least. */
Test(lower_bends, are_bounded_more_tightly_than_side_by_side)
{
  int tighter = 0, boxes = 0;
  uint64_t state = 5;
  for (int k = 0; k < 7; k++)
    for (int t = 0; t < 20; t++) {
      const double lo = -2 + drawn(&state, 100) / 100.0;
      const double hi = 2 + drawn(&state, 100) / 100.0;
      double known[2], layer[2], least = INFINITY, most = -INFINITY;
      bounds_of(bend_model(&bends[k], 1, true), lo, hi, known);
      bounds_of(layer_model(&bends[k]), lo, hi, layer);
      for (int i = 0; i <= 200; i++) {
        const double y = value(&bends[k], lo + (hi - lo) * i / 200);
        least = fmin(least, y);
        most = fmax(most, y);
      }
      cr_expect(known[0] <= least + 1e-12 && known[1] >= most - 1e-12,
                "bend %d: [%g, %g] without [%g, %g]", k, known[0], known[1], least,
                most);
      boxes++;
      tighter += known[1] - known[0] < layer[1] - layer[0] - 0.01;
    }
  cr_expect(tighter > boxes * 3 / 4, "%d of %d", tighter, boxes);
}
