/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random queries about two networks with hidden values, evaluated at random points
 * twice: by this file, straight on the random tree, and through cases and extensions of
 * the parsed Prop.  Everything is a small multiple of a power of 1/4, so both are
 * exact. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/base/text.h"
#include "net/eval.h"
#include "net/join.h"
#include "specs/convert.h"
#include "specs/extend.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"

TestSuite(vnnlib2_random, .timeout = 120);

enum { N_IN = 4, N_OUT = 5, N_POINTS = 40, MAX_ARGS = 4 };

static const char *const input_name[N_IN] = {"X_f[0,0]", "X_f[0,1]", "X_g[0]",
                                             "X_g [ 1 ]"};
/* Outputs of f, hidden values of f, the output of g: the order of places. */
static const char *const output_name[N_OUT] = {"Y_f[0]", "Y_f[ 1]", "H[0,0,0]",
                                               "H[0, 0,\n1]", "Y_g"};

typedef struct {
  double x[N_IN], y[N_OUT];
  bool unsafe; /* by the tree's own semantics */
} Point;

typedef struct {
  Prng rng;
  Text text;
  Point point[N_POINTS];
} World;

static double quarter(World *w, int size)
{
  return 0.25 * (prng_below(&w->rng, 2 * size + 1) - size);
}

static void put_number(World *w, double c)
{
  text_add(&w->text, "%.2f", c);
}

/* Print a term of degree at most `degree` and compute its value at every point. */
static void random_term(World *w, int depth, int degree, double *value)
{
  const int kind = prng_below(&w->rng, depth > 2 ? 3 : 6);
  if (kind == 0 || degree == 0) {
    const double c = quarter(w, 8);
    put_number(w, c);
    for (int p = 0; p < N_POINTS; p++)
      value[p] = c;
  } else if (kind <= 2) {
    const int v = prng_below(&w->rng, N_IN + N_OUT);
    text_add(&w->text, "%s", v < N_IN ? input_name[v] : output_name[v - N_IN]);
    for (int p = 0; p < N_POINTS; p++)
      value[p] = v < N_IN ? w->point[p].x[v] : w->point[p].y[v - N_IN];
  } else {
    static const char *const op[] = {"(+", "(-", "(*"};
    const int n = 1 + prng_below(&w->rng, 3);
    text_add(&w->text, "%s", op[kind - 3]);
    for (int k = 0; k < n; k++) {
      double arg[N_POINTS];
      text_add(&w->text, " ");
      /* The degrees of the factors add up to at most 3. */
      random_term(w, depth + 1, kind < 5 ? degree : k == 0 ? degree - 1 : k == 1, arg);
      for (int p = 0; p < N_POINTS; p++)
        if (k == 0)
          value[p] = kind == 4 && n == 1 ? -arg[p] : arg[p];
        else
          value[p] = kind == 3   ? value[p] + arg[p]
                     : kind == 4 ? value[p] - arg[p]
                                 : value[p] * arg[p];
    }
    text_add(&w->text, ")");
  }
}

static bool compare(int op, double a, double b)
{
  return op == 0   ? a <= b
         : op == 1 ? a >= b
         : op == 2 ? a < b
         : op == 3 ? a > b
         : op == 4 ? a == b
                   : a != b;
}

static void random_comparison(World *w, bool *truth)
{
  static const char *const name[] = {"<=", ">=", "<", ">", "==", "!="};
  const int op = prng_below(&w->rng, 6), kind = prng_below(&w->rng, 4);
  double left[N_POINTS], right[N_POINTS];
  text_add(&w->text, "(%s ", name[op]);
  if (kind == 0) {
    const int i = prng_below(&w->rng, N_IN);
    text_add(&w->text, "%s ", input_name[i]);
    for (int p = 0; p < N_POINTS; p++)
      left[p] = w->point[p].x[i];
    if (prng_below(&w->rng, 3) == 0) {
      const int k = prng_below(&w->rng, N_IN);
      text_add(&w->text, "%s", input_name[k]);
      for (int p = 0; p < N_POINTS; p++)
        right[p] = w->point[p].x[k];
    } else {
      const double c = quarter(w, 6);
      put_number(w, c);
      for (int p = 0; p < N_POINTS; p++)
        right[p] = c;
    }
  } else {
    random_term(w, 0, 3, left);
    text_add(&w->text, " ");
    random_term(w, 0, 3, right);
  }
  text_add(&w->text, ")");
  for (int p = 0; p < N_POINTS; p++)
    truth[p] = compare(op, left[p], right[p]);
}

static void random_formula(World *w, int depth, bool *truth)
{
  const int kind = prng_below(&w->rng, depth > 3 ? 1 : 5);
  if (kind <= 1) {
    random_comparison(w, truth);
    return;
  }
  static const char *const name[] = {"", "", "and", "or", "not"};
  bool arg[N_POINTS];
  text_add(&w->text, "(%s", name[kind]);
  const int n = kind == 4 ? 1 : prng_below(&w->rng, MAX_ARGS);
  for (int p = 0; p < N_POINTS; p++)
    truth[p] = kind == 2;
  for (int k = 0; k < n; k++) {
    text_add(&w->text, k ? "\n" : " ");
    random_formula(w, depth + 1, arg);
    for (int p = 0; p < N_POINTS; p++)
      truth[p] = kind == 2   ? truth[p] && arg[p]
                 : kind == 3 ? truth[p] || arg[p]
                             : !arg[p];
  }
  text_add(&w->text, ")");
}

static void random_points(World *w)
{
  for (int p = 0; p < N_POINTS; p++) {
    Point *const q = &w->point[p];
    q->unsafe = true;
    for (int i = 0; i < N_IN; i++) {
      /* Half of them with equal inputs, which the query may equate. */
      q->x[i] = i && p % 2 && prng_below(&w->rng, 2) ? q->x[i - 1] : quarter(w, 5);
      q->unsafe = q->unsafe && q->x[i] >= -1 && q->x[i] <= 1;
    }
    for (int j = 0; j < N_OUT; j++)
      q->y[j] = quarter(w, 8);
  }
}

static void random_query(World *w)
{
  random_points(w);
  text_add(
      &w->text,
      "(vnnlib-version <2.0>)\n(declare-network f (declare-input X_f real [1, 2])"
      "(declare-hidden H real [1,1,2] \"h\")(declare-output Y_f real [2]))"
      "(declare-network g (declare-input X_g real [2])(declare-output Y_g real []))");
  for (int i = 0; i < N_IN; i++)
    text_add(&w->text, "\n(assert (and (>= %s -1.0) (<= %s 1.0)))", input_name[i],
             input_name[i]);
  const int n = 1 + prng_below(&w->rng, 3);
  for (int k = 0; k < n; k++) {
    bool truth[N_POINTS];
    text_add(&w->text, "\n(assert ");
    random_formula(w, 0, truth);
    text_add(&w->text, ")");
    for (int p = 0; p < N_POINTS; p++)
      w->point[p].unsafe = w->point[p].unsafe && truth[p];
  }
}

static bool row_holds(const PropRow *row, const double *y)
{
  double sum = 0;
  for (int p = 0; p < row->n; p++)
    sum += row->coef[p] * y[row->var[p]];
  return row->strict ? sum < row->rhs_lo : sum <= row->rhs_lo;
}

/* The free inputs and all outputs at a point, those of extensions from their meaning.
 * False when the point violates an equation that became one input. */
static bool complete(const Prop *prop, const Extend *e, const Point *q, double *x,
                     double *y)
{
  bool seen[N_IN] = {false};
  for (int i = 0; i < N_IN; i++) {
    const int at = scope_free(prop->scope, i);
    if (seen[at] && x[at] != q->x[i]) return false;
    seen[at] = true;
    x[at] = q->x[i];
  }
  memcpy(y, q->y, sizeof q->y);
  for (int k = 0; k < e->n; k++) {
    const ExtendItem *const item = &e->item[k];
    const double a = item->a < prop->n_in ? x[item->a] : y[item->a - prop->n_in];
    y[N_OUT + k] = item->b < 0            ? a
                   : item->b < prop->n_in ? a * x[item->b]
                                          : a * y[item->b - prop->n_in];
  }
  return true;
}

static bool is_unsafe(const Prop *prop, const Extend *e, const Point *q)
{
  double x[N_IN];
  double *y = mem_doubles0((size_t)prop->n_out);
  bool unsafe = false;
  const bool fits = complete(prop, e, q, x, y);
  for (int k = 0; fits && k < prop->n_cases && !unsafe; k++) {
    const PropCase *const c = &prop->cases[k];
    unsafe = box_contains(&prop->boxes[c->box], x);
    for (int j = 0; j < c->n_rows; j++)
      unsafe = unsafe && row_holds(&c->rows[j], y);
  }
  mem_free(y);
  return unsafe;
}

static void check_rows(const Prop *prop)
{
  for (int k = 0; k < prop->n_cases; k++)
    for (int j = 0; j < prop->cases[k].n_rows; j++) {
      const PropRow *const row = &prop->cases[k].rows[j];
      cr_assert_eq(row->rhs_lo, row->rhs_hi);
      cr_assert_eq(row->coef_rel, 0);
      for (int p = 0; p < row->n; p++)
        cr_assert(row->var[p] < prop->n_out && (!p || row->var[p] > row->var[p - 1]));
    }
}

/* Parse, compare at all points; returns how many were unsafe, -1 when it was refused.
 */
static int check_text(const World *w, const char *text, size_t size, long *n_equated,
                      long *n_products)
{
  Err err = {0};
  Extend e = {0};
  int n_unsafe = 0;
  Prop *prop = vnnlib2_parse("random", text, size, false, &e, &err);
  if (!prop) {
    /* The only error that a formula of this kind can have. */
    cr_assert(strstr(err.text, "input set is empty"), "%s\n%s", err.text, text);
  } else {
    check_rows(prop);
    *n_equated += prop->n_in < N_IN;
    for (int k = 0; k < e.n; k++)
      *n_products += e.item[k].b >= 0;
  }
  for (int p = 0; p < N_POINTS; p++) {
    const bool unsafe = prop && is_unsafe(prop, &e, &w->point[p]);
    cr_assert_eq(unsafe, w->point[p].unsafe, "point %d\n%s", p, text);
    n_unsafe += unsafe;
  }
  const bool refused = !prop;
  prop_free(prop);
  extend_reset(&e);
  status_reset(&err);
  return refused ? -1 : n_unsafe;
}

Test(vnnlib2_random, a_query_is_unsafe_exactly_where_its_text_is)
{
  long n_read = 0, n_unsafe = 0, n_empty = 0, n_equated = 0, n_products = 0;
  for (uint64_t seed = 0; seed < 4000; seed++) {
    World w = {.rng = prng_init(seed)};
    random_query(&w);
    const int n = check_text(&w, w.text.s, w.text.n, &n_equated, &n_products);
    n_read += n >= 0;
    n_empty += n < 0;
    n_unsafe += n > 0 ? n : 0;
    text_free(&w.text);
  }
  /* The test says something only when all kinds of query occur. */
  cr_log_info(
      "%ld read, %ld empty, %ld unsafe points, %ld with equated inputs, %ld products",
      n_read, n_empty, n_unsafe, n_equated, n_products);
  cr_assert_gt(n_read, 3000);
  cr_assert_gt(n_empty, 5);
  cr_assert_gt(n_unsafe, 4000);
  cr_assert_gt(n_equated, 20);
  cr_assert_gt(n_products, 1000);
}

/* Written again by convert_text, a query is strict and means the same. */
Test(vnnlib2_random, a_converted_query_is_unsafe_at_the_same_points)
{
  long n_equated = 0, n_products = 0;
  for (uint64_t seed = 0; seed < 1500; seed++) {
    World w = {.rng = prng_init(seed)};
    random_query(&w);
    Err err = {0};
    Sexpr s;
    Scope scope;
    Text out = {0};
    scope_init_v2(&scope, false);
    cr_assert_eq(sexpr_init(&s, "random", w.text.s, w.text.n, &err), STATUS_OK);
    cr_assert_eq(vnnlib2_declarations(&s, &scope, &err), STATUS_OK, "%s", err.text);
    vnnlib2_place(&scope);
    cr_assert_eq(convert_text(&s, &scope, 2, NULL, &out, &err), STATUS_OK, "%s",
                 err.text);
    scope_free_all(&scope);
    check_text(&w, out.s, out.n, &n_equated, &n_products);
    Extend e = {0};
    Prop *prop = vnnlib2_parse("strict", out.s, out.n, true, &e, &err);
    cr_assert(prop || strstr(err.text, "input set is empty"), "%s\n%s", err.text,
              out.s);
    prop_free(prop);
    extend_reset(&e);
    status_reset(&err);
    text_free(&out);
    text_free(&w.text);
  }
}

/* The network of the extensions computes what they mean. */
Test(vnnlib2_random, an_extended_network_computes_inputs_and_products)
{
  Prng rng = prng_init(5);
  for (int round = 0; round < 200; round++) {
    /* y = (x0 - x1, x2) by a MAP and a DENSE node */
    Net *net = net_new("base");
    static const double W[6] = {1, -1, 0, 0, 0, 1};
    const Node in = {.kind = NODE_INPUT, .size = 3, .rank = 1, .dims = {3}};
    const Node dense = {.kind = NODE_DENSE,
                        .size = 2,
                        .rank = 1,
                        .dims = {2},
                        .reps = 1,
                        .rows = 2,
                        .cols = 3,
                        .W = W};
    net_add(net, &in, NULL, 0);
    net_add(net, &dense, &(int){0}, 1);
    Err err = {0};
    cr_assert_eq(net_finish(net, &err), STATUS_OK);
    Extend e;
    extend_init(&e, 3, 2);
    const double x[3] = {0.25 * prng_below(&rng, 9) - 1, 0.25 * prng_below(&rng, 9) - 1,
                         0.25 * prng_below(&rng, 9) - 1};
    double value[64] = {x[0], x[1], x[2], x[0] - x[1], x[2]};
    for (int k = 0; k < 8; k++) {
      const int n = 5 + e.n, a = prng_below(&rng, n), b = prng_below(&rng, n);
      const int var = prng_below(&rng, 4) ? extend_product(&e, a, b)
                                          : extend_copy(&e, prng_below(&rng, 3));
      if (var < 0) continue;
      for (int m = n; m < 5 + e.n; m++) {
        const ExtendItem *const item = &e.item[m - 5];
        value[m] = item->b < 0 ? value[item->a] : value[item->a] * value[item->b];
      }
      /* A product is that of its factors, however it is arranged. */
      if (e.item[var - 5].b >= 0) cr_assert_eq(value[var], value[a] * value[b]);
    }
    const int n = e.n;
    net = extend_net(net, &e, &err);
    cr_assert(net, "%s", err.text);
    cr_assert_eq(net_out_size(net), 2 + n);
    double *y = mem_doubles0((size_t)(2 + n));
    eval_double(net, x, y);
    for (int k = 0; k < 2 + n; k++)
      cr_assert_eq(y[k], value[3 + k], "output %d of %d", k, 2 + n);
    mem_free(y);
    extend_reset(&e);
    net_free(net);
  }
}
