/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_pool.h"

#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/lower_arith.h"
#include "net/lower_linear.h"
#include "net/lower_piecewise.h"
#include "net/lower_window.h"

/* ---- runs along one axis ------------------------------------------------- */

/* The taps first, first + dilation, ..., count of them. */
typedef struct {
  int first, count;
} Run;

/* level[0] holds single taps and stays empty: they are the input itself.  level[t]
 * holds the runs of 2^(t-1) + 1 .. 2^t taps, sorted, each once. */
#define MAX_LEVELS 26
typedef struct {
  int dilation;
  int n_levels; /* levels 1 .. n_levels - 1 are used */
  struct {
    Run *run;
    int n, room;
  } level[MAX_LEVELS];
} Runs;

static int level_of(int count)
{
  int t = 0;
  while (((int64_t)1 << t) < count)
    t++;
  return t;
}

static int compare_runs(const void *a, const void *b)
{
  const Run *x = a, *y = b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return (x->count > y->count) - (x->count < y->count);
}

static void add_run(Runs *r, Run run)
{
  const int t = level_of(run.count);
  if (!t) return;
  if (r->level[t].n == r->level[t].room) {
    r->level[t].room = r->level[t].room ? 2 * r->level[t].room : 16;
    r->level[t].run = mem_grow(r->level[t].run, (size_t)r->level[t].room, sizeof(Run));
  }
  r->level[t].run[r->level[t].n++] = run;
  if (t >= r->n_levels) r->n_levels = t + 1;
}

static void halves(const Runs *r, Run run, Run half[2])
{
  const int p = 1 << (level_of(run.count) - 1);
  half[0] = (Run){run.first, p};
  half[1] = (Run){run.first + p * r->dilation, run.count - p};
}

/* Sort level t and drop what is there twice; runs are made of runs of lower levels. */
static void close_level(Runs *r, int t)
{
  Run *run = r->level[t].run;
  int n = 0;
  if (r->level[t].n) qsort(run, (size_t)r->level[t].n, sizeof *run, compare_runs);
  for (int i = 0; i < r->level[t].n; i++)
    if (!n || compare_runs(&run[i], &run[n - 1]) != 0) run[n++] = run[i];
  r->level[t].n = n;
  for (int i = 0; i < n; i++) {
    Run half[2];
    halves(r, r->level[t].run[i], half);
    add_run(r, half[0]);
    add_run(r, half[1]);
  }
}

static void free_runs(Runs *r)
{
  for (int t = 0; t < MAX_LEVELS; t++)
    mem_free(r->level[t].run);
}

/* Everything that the windows of an axis need.  Each has a tap inside (check_windows).
 */
static void collect_runs(const WindowAxis *axis, Runs *r)
{
  *r = (Runs){.dilation = (int)axis->dilation, .n_levels = 1};
  for (int64_t o = 0; o < axis->out; o++) {
    int64_t first;
    const int64_t count = lower_window_taps(axis, o, &first);
    add_run(r, (Run){(int)first, (int)count});
  }
  for (int t = r->n_levels - 1; t > 0; t--)
    close_level(r, t);
}

static int64_t count_runs(const WindowAxis *axis)
{
  Runs r;
  int64_t n = 0;
  collect_runs(axis, &r);
  for (int t = 1; t < r.n_levels; t++)
    n += r.level[t].n;
  free_runs(&r);
  return n;
}

/* ---- one axis ------------------------------------------------------------ */

/* The values of level 0 (the input) and of the levels computed so far, each seen as
 * [outer, number of runs, inner]. */
typedef struct {
  const Runs *runs;
  int outer, inner;
  Value value[MAX_LEVELS];
  int width[MAX_LEVELS]; /* runs of the level; elements of the axis at level 0 */
} Pass;

/* Where element (o, i) of a run lies in the concatenated levels. */
static int place(const Pass *p, Run run, int o, int i)
{
  const int t = level_of(run.count);
  int at = run.first, start = 0;
  if (t) {
    const Run *found = bsearch(&run, p->runs->level[t].run, (size_t)p->runs->level[t].n,
                               sizeof run, compare_runs);
    at = (int)(found - p->runs->level[t].run);
  }
  for (int k = 0; k < t; k++)
    start += p->value[k].shape.n;
  return start + (o * p->width[t] + at) * p->inner + i;
}

/* The n runs, from the first n_levels levels, as one tensor [outer, n, inner]. */
static Status gather_runs(Lower *l, const OnnxNode *node, const Pass *p, const Run *run,
                          int n, int n_levels, Value *y)
{
  const Value *parts[MAX_LEVELS];
  const int64_t dims[3] = {p->outer, n, p->inner};
  Shape shape;
  for (int t = 0; t < n_levels; t++)
    parts[t] = &p->value[t];
  if (!shape_make(3, dims, &shape) || shape.n > SHAPE_MAX_VARIABLE)
    return lower_ctx_refuse(l, node, "operator %s: its result is too large", node->op);
  int *map = mem_array((size_t)shape.n + 1, sizeof *map);
  for (int k = 0; k < n; k++) {
    const int first = place(p, run[k], 0, 0);
    const int step = place(p, run[k], 1, 0) - first;
    for (int o = 0; o < p->outer; o++)
      for (int i = 0; i < p->inner; i++)
        map[(o * n + k) * p->inner + i] = first + o * step + i;
  }
  const Status rc = lower_ctx_gather(l, node, parts, n_levels, map, &shape, y);
  mem_free(map);
  return rc;
}

static Status compute_level(Lower *l, const OnnxNode *node, bool max, Pass *p, int t)
{
  const int n = p->runs->level[t].n;
  Run *run = mem_array(2 * (size_t)n + 1, sizeof *run);
  for (int k = 0; k < n; k++) {
    Run half[2];
    halves(p->runs, p->runs->level[t].run[k], half);
    run[k] = half[0];
    run[n + k] = half[1];
  }
  Value a, b;
  Status rc = gather_runs(l, node, p, run, n, t, &a);
  if (!rc) rc = gather_runs(l, node, p, run + n, n, t, &b);
  if (!rc)
    rc = max ? lower_piecewise_max(l, node, &a, &b, &p->value[t])
             : lower_piecewise_extreme(l, node, false, &a, &b, &p->value[t]);
  p->width[t] = n;
  mem_free(run);
  return rc;
}

static Status final_runs(Lower *l, const OnnxNode *node, const WindowAxis *axis,
                         const Pass *p, Value *y)
{
  Run *run = mem_array((size_t)axis->out, sizeof *run);
  for (int64_t o = 0; o < axis->out; o++) {
    int64_t first;
    const int64_t count = lower_window_taps(axis, o, &first);
    run[o] = (Run){(int)first, (int)count};
  }
  const Status rc = gather_runs(l, node, p, run, (int)axis->out, p->runs->n_levels, y);
  mem_free(run);
  return rc;
}

/* x [outer, in, inner] becomes y [outer, out, inner]. */
static Status pass(Lower *l, const OnnxNode *node, bool max, const Value *x, int outer,
                   int inner, const WindowAxis *axis, Value *y)
{
  Runs runs;
  collect_runs(axis, &runs);
  Pass p = {.runs = &runs, .outer = outer, .inner = inner};
  p.value[0] = *x;
  p.width[0] = (int)axis->in;
  int64_t total = 0;
  Status rc = STATUS_OK;
  for (int t = 1; t < runs.n_levels; t++)
    total += (int64_t)runs.level[t].n * outer * inner;
  if (total > SHAPE_MAX_VARIABLE)
    rc = lower_ctx_refuse(l, node, "operator %s: its windows are too large", node->op);
  for (int t = 1; t < runs.n_levels && !rc; t++)
    rc = compute_level(l, node, max, &p, t);
  if (!rc) rc = final_runs(l, node, axis, &p, y);
  free_runs(&runs);
  return rc;
}

/* ---- MaxPool ------------------------------------------------------------- */

/* A window without taps has no maximum. */
static Status check_windows(Lower *l, const OnnxNode *node, const WindowAxis *axis)
{
  for (int64_t o = 0; o < axis->out; o++) {
    int64_t first;
    if (!lower_window_taps(axis, o, &first))
      return lower_ctx_bad(l, node, "operator %s: a window lies in the padding",
                           node->op);
  }
  return STATUS_OK;
}

/* Elements behind the last tap need no maximum along the other axes. */
static Status crop(Lower *l, const OnnxNode *node, WindowAxis *axis, Value *x)
{
  int strides[NODE_MAX_RANK];
  int64_t dims[NODE_MAX_RANK];
  Shape shape;
  shape_strides(&x->shape, strides);
  for (int d = 0; d < x->shape.rank; d++) {
    dims[d] = x->shape.dims[d];
    if (d < 2) continue;
    int64_t first, end = 0;
    for (int64_t o = 0; o < axis[d - 2].out; o++) {
      const int64_t count = lower_window_taps(&axis[d - 2], o, &first);
      const int64_t last = first + (count - 1) * axis[d - 2].dilation;
      if (last >= end) end = last + 1;
    }
    axis[d - 2].in = dims[d] = end;
  }
  shape_make(x->shape.rank, dims, &shape); /* no larger than x */
  const Value whole = *x;
  return lower_ctx_strided(l, node, &whole, 0, strides, &shape, x);
}

/* Is it cheaper to go along a first?  It costs b.in a.runs + a.out b.runs. */
static bool is_first(const WindowAxis *a, int64_t a_runs, const WindowAxis *b,
                     int64_t b_runs)
{
  return (double)a_runs * (double)(b->in - b->out) <
         (double)b_runs * (double)(a->in - a->out);
}

static void order_axes(const WindowAxis *axis, int n, int *order)
{
  int64_t runs[LOWER_WINDOW_MAX_AXES];
  for (int i = 0; i < n; i++) {
    runs[i] = count_runs(&axis[i]);
    int k = i;
    for (; k > 0; k--) {
      const int other = order[k - 1];
      if (!is_first(&axis[i], runs[i], &axis[other], runs[other])) break;
      order[k] = other;
    }
    order[k] = i;
  }
}

static Status pool(Lower *l, const OnnxNode *node, WindowAxis *axis, Value *x)
{
  int order[LOWER_WINDOW_MAX_AXES];
  Status rc = crop(l, node, axis, x);
  if (rc) return rc;
  order_axes(axis, x->shape.rank - 2, order);
  for (int i = 0; i < x->shape.rank - 2; i++) {
    const int d = 2 + order[i];
    Shape shape = x->shape;
    int outer = 1, inner = 1;
    for (int k = 0; k < shape.rank; k++) {
      if (k < d) outer *= shape.dims[k];
      if (k > d) inner *= shape.dims[k];
    }
    shape.dims[d] = (int)axis[order[i]].out;
    shape.n = outer * shape.dims[d] * inner; /* checked by pass */
    Value y;
    if ((rc = pass(l, node, true, x, outer, inner, &axis[order[i]], &y))) return rc;
    *x = lower_ctx_reshaped(&y, &shape);
  }
  return STATUS_OK;
}

Status lower_pool_max(Lower *l, const OnnxNode *node)
{
  Value x = *lower_ctx_in(l, node, 0);
  WindowAxis axis[LOWER_WINDOW_MAX_AXES] = {{0}};
  if (x.shape.rank < 3 || x.shape.rank > 2 + LOWER_WINDOW_MAX_AXES || !x.shape.n)
    return lower_ctx_refuse(l, node,
                            "operator MaxPool of %d dimensions is not supported, only "
                            "of 3 (1-D), 4 (2-D) and 5 (3-D)",
                            x.shape.rank);
  if (node->n_out > 1 && node->out[1] >= 0 && l->used[node->out[1]])
    return lower_ctx_refuse(l, node,
                            "output 2 (Indices) of operator MaxPool is not supported");
  if (lower_ctx_int(node, "storage_order", 0))
    return lower_ctx_refuse(
        l, node, "attribute storage_order=1 of operator MaxPool is not supported");
  Status rc = lower_window_kernel(l, node, x.shape.rank - 2, axis);
  if (!rc) rc = lower_window_read(l, node, &x.shape, axis);
  for (int i = 0; i < x.shape.rank - 2 && !rc; i++)
    rc = check_windows(l, node, &axis[i]);
  if (!rc) rc = pool(l, node, axis, &x);
  if (!rc) lower_ctx_out(l, node, 0, x);
  return rc;
}

/* ---- whole axes ---------------------------------------------------------- */

/* The largest or smallest of the last `cols` elements of each of `rows` groups; of
 * variables min (a, b) = -max (-a, -b). */
static Status reduce_rows(Lower *l, const OnnxNode *node, bool max, const Value *x,
                          int rows, int cols, const Shape *shape, Value *y)
{
  const WindowAxis all = {
      .in = cols, .kernel = cols, .stride = 1, .dilation = 1, .out = 1};
  const bool turn = !max && cols > 1 && x->kind != VALUE_CONST;
  const Fold minus = fold_exact(-1);
  Value from = *x;
  Status rc = turn ? lower_arith_times(l, node, x, minus, &from) : STATUS_OK;
  if (!rc) rc = pass(l, node, max || turn, &from, rows, 1, &all, y);
  from = *y;
  if (!rc && turn) rc = lower_arith_times(l, node, &from, minus, y);
  if (!rc) *y = lower_ctx_reshaped(y, shape);
  return rc;
}

Status lower_pool_global_max(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  if (x->kind != VALUE_VAR || x->shape.rank < 3)
    return lower_ctx_bad(l, node,
                         "operator GlobalMaxPool needs a variable of 3 or more "
                         "dimensions");
  Shape shape = {.rank = x->shape.rank, .n = x->shape.dims[0] * x->shape.dims[1]};
  for (int d = 0; d < shape.rank; d++)
    shape.dims[d] = d < 2 ? x->shape.dims[d] : 1;
  Value y;
  const Status rc =
      reduce_rows(l, node, true, x, shape.n, x->shape.n / shape.n, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}

Status lower_pool_reduce(Lower *l, const OnnxNode *node)
{
  const Value *x = lower_ctx_in(l, node, 0);
  int perm[NODE_MAX_RANK];
  Shape shape;
  Value y;
  Status rc = lower_linear_reduced(l, node, &x->shape, perm, &shape);
  if (rc) return rc;
  if (!x->shape.n)
    return lower_ctx_refuse(l, node, "operator %s of an empty tensor", node->op);
  rc = lower_ctx_transpose(l, node, x, perm, &y);
  const bool max = !strcmp(node->op, "ReduceMax");
  const int cols = x->shape.n / shape.n;
  if (!rc) rc = reduce_rows(l, node, max, &y, shape.n, cols, &shape, &y);
  if (!rc) lower_ctx_out(l, node, 0, y);
  return rc;
}
