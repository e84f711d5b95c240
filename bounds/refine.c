/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/refine.h"

#include <math.h>
#include <string.h>

#include "bounds/ibp.h"
#include "bounds/objective.h"
#include "bounds/slopes.h"
#include "net/base/mem.h"

/* Objectives in one task, rows in one pass, and decisions on the way to a leaf. */
#define OBJECTIVES 16
#define ROWS       128
#define MOST_DEPTH 24
/* The weakest leaves that are split in one step: this share of a tree's leaves. */
#define STEP_SHARE 4

typedef struct {
  double lower;
  int depth;
  int node, index; /* the neuron to split next; node < 0: none */
  LagrangianCut path[MOST_DEPTH];
  unsigned char *slopes; /* for the log */
} Leaf;

typedef struct {
  int unit, sign;
  int n_leaves;
  bool done;
  Leaf *leaf; /* Leaf leaf[leaves] */
} Tree;

/* One thread's room. */
typedef struct {
  Slopes *slopes;
  double **alpha; /* double alpha[k][ROWS][size_k] */
  Tree tree[OBJECTIVES];
  Leaf *leaves;          /* Leaf leaves[OBJECTIVES][params->leaves] */
  unsigned char *packed; /* slopes of each, for the log */
  RefineLeaf *sorted;    /* RefineLeaf sorted[params->leaves] */
  /* rows of a pass: children of one leaf are neighbours */
  int n_rows, tree_of[ROWS], leaf_of[ROWS], unit[ROWS];
  signed char sign[ROWS];
  double lower[ROWS], value[ROWS];
  SlopesCut cut[ROWS * MOST_DEPTH];
} Member;

typedef struct {
  const Team *team;
  Bounds *b;
  const RefineParams *params;
  int rows; /* most in a pass */
  Member *members;
  int node, n_objectives;
  int *unit;
  signed char *sign;
  double *lower; /* double lower[n_objectives] */
  void **kept;   /* void *kept[n_objectives], for the log */
} Refine;

/* ---- rows -------------------------------------------------------------- */

static void load_slopes(const Refine *x, Member *m, int r)
{
  const Hints *hints = x->params->hints;
  const Net *net = x->b->net;
  const unsigned char *bytes =
      hints ? packed_hints_row(hints, x->node, m->unit[r], m->sign[r]) : NULL;
  for (int k = 0; k < x->node; k++) {
    if (!m->alpha[k]) continue;
    const size_t n = (size_t)net->nodes[k].size;
    memcpy(m->alpha[k] + (size_t)r * n, x->b->down[net->nodes[k].in[0]],
           n * sizeof(double));
  }
  if (bytes) packed_load(hints->packed, x->node, bytes, m->alpha, r);
}

/* Row r: a branch of tree t with the decisions of `path`. */
static void add_row(const Refine *x, Member *m, int t, int leaf, int depth,
                    const LagrangianCut *path)
{
  const int r = m->n_rows++;
  m->tree_of[r] = t;
  m->leaf_of[r] = leaf;
  m->unit[r] = m->tree[t].unit;
  m->sign[r] = (signed char)m->tree[t].sign;
  m->lower[r] = -INFINITY;
  for (int i = 0; i < MOST_DEPTH; i++) {
    SlopesCut *cut = &m->cut[r * MOST_DEPTH + i];
    *cut = (SlopesCut){.row = r, .node = -1};
    if (i < depth)
      *cut = (SlopesCut){.row = r,
                         .node = path[i].node,
                         .index = path[i].index,
                         .positive = path[i].positive,
                         .beta = path[i].beta};
  }
  load_slopes(x, m, r);
}

static bool is_decided(const Member *m, int r, int k, int i)
{
  for (int q = 0; q < MOST_DEPTH; q++) {
    const SlopesCut *cut = &m->cut[r * MOST_DEPTH + q];
    if (cut->node < 0) return false;
    if (cut->node == k && cut->index == i) return true;
  }
  return false;
}

/* The undecided neuron that costs row r of the kept pass most. */
static void find_costliest(const Refine *x, const Member *m, const Lagrangian *L, int r,
                           Leaf *leaf)
{
  double most = 0;
  leaf->node = -1;
  for (int k = 0; k < x->node; k++) {
    const Node *v = &x->b->net->nodes[k];
    if (v->kind != NODE_ACT || v->act != ACT_RELU || !lagrangian_lambda(L, k)) continue;
    const double *lambda = lagrangian_lambda(L, k) + (size_t)r * (size_t)v->size;
    const double *lo = x->b->bend_lo[v->in[0]], *hi = x->b->bend_hi[v->in[0]];
    for (int i = 0; i < v->size; i++) {
      if (!(lambda[i] < 0 && lo[i] < 0 && hi[i] > 0)) continue;
      const double loss = lambda[i] * lo[i] * hi[i] / (hi[i] - lo[i]);
      if (!(loss > most) || is_decided(m, r, k, i)) continue;
      most = loss;
      leaf->node = k;
      leaf->index = i;
    }
  }
}

/* Multipliers of row r as the log will say. */
static void round_row(const Refine *x, Member *m, int r)
{
  packed_round(x->params->log->packed, x->node, m->alpha, r);
  for (int i = 0; i < MOST_DEPTH; i++)
    m->cut[r * MOST_DEPTH + i].beta = (double)(float)m->cut[r * MOST_DEPTH + i].beta;
}

/* Bound the rows, and write each into its leaf. */
static void run_rows(const Refine *x, Member *m, Lagrangian *L)
{
  if (!m->n_rows) return;
  Objective o = objective_units(x->b->net, x->node, m->n_rows, m->unit, m->sign, NULL);
  const SlopesParams params = {.iterations = x->params->iterations,
                               .stop = x->params->stop,
                               .alpha = m->alpha,
                               .warm = true,
                               .n_cuts = m->n_rows * MOST_DEPTH,
                               .cuts = m->cut,
                               .own_cuts = MOST_DEPTH};
  const LagrangianGradient nothing = {.x0 = NULL};
  slopes_run(m->slopes, L, x->b, &o, &params, m->lower);
  const RefineLog *log = x->params->log;
  for (int r = 0; log && r < m->n_rows; r++)
    round_row(x, m, r);
  slopes_look(m->slopes, L, x->b, &o, &params, &nothing, m->value, NULL);
  for (int r = 0; r < m->n_rows; r++) {
    Leaf *leaf = &m->tree[m->tree_of[r]].leaf[m->leaf_of[r]];
    leaf->lower = log ? m->value[r] : fmax(leaf->lower, m->lower[r]);
    if (log) packed_store(log->packed, x->node, m->alpha, r, leaf->slopes);
    leaf->depth = 0;
    for (int i = 0; i < MOST_DEPTH; i++) {
      const SlopesCut *cut = &m->cut[r * MOST_DEPTH + i];
      if (cut->node < 0) break;
      leaf->path[leaf->depth++] = (LagrangianCut){.node = cut->node,
                                                  .index = cut->index,
                                                  .positive = cut->positive,
                                                  .beta = cut->beta};
    }
    find_costliest(x, m, L, r, leaf);
  }
  m->n_rows = 0;
}

/* ---- trees
 * ---------------------------------------------------------------------------- */

/* The weakest leaf that has not been taken in this step (`above` it in bound or
 * number); -1 when there is none. */
static int weakest(const Tree *tree, int n, const bool *taken)
{
  int found = -1;
  for (int i = 0; i < n; i++)
    if (!taken[i] && (found < 0 || tree->leaf[i].lower < tree->leaf[found].lower))
      found = i;
  return found;
}

static void split_leaf(const Refine *x, Member *m, int t, int i)
{
  Tree *tree = &m->tree[t];
  Leaf *leaf = &tree->leaf[i];
  LagrangianCut path[MOST_DEPTH];
  const int depth = leaf->depth, other = tree->n_leaves++;
  memcpy(path, leaf->path, (size_t)depth * sizeof *path);
  path[depth] = (LagrangianCut){.node = leaf->node, .index = leaf->index};
  add_row(x, m, t, i, depth + 1, path);
  path[depth].positive = true;
  add_row(x, m, t, other, depth + 1, path);
  /* Until the rows have run, both halves have the bound of the whole. */
  tree->leaf[other].lower = leaf->lower;
}

/* Split the weakest leaves of a tree; false when there is nothing more to do. */
static bool grow(const Refine *x, Member *m, Lagrangian *L, int t)
{
  Tree *tree = &m->tree[t];
  bool taken[REFINE_MOST_LEAVES] = {false};
  const int n = tree->n_leaves, step = 1 + n / STEP_SHARE;
  for (int s = 0; s < step; s++) {
    const int i = weakest(tree, n, taken);
    if (i < 0) break;
    const Leaf *leaf = &tree->leaf[i];
    const bool ends = leaf->lower > 0 || leaf->node < 0 || leaf->depth == MOST_DEPTH;
    if (ends && s == 0) return false; /* the weakest leaf is what counts */
    if (ends) break;
    if (tree->n_leaves == x->params->leaves) return s > 0;
    if (m->n_rows + 2 > x->rows) run_rows(x, m, L);
    taken[i] = true;
    split_leaf(x, m, t, i);
  }
  return true;
}

/* The leaves with the same first `depth` decisions, z <= 0 before z >= 0. */
static void sort_leaves(Tree *tree, int from, int n, int depth)
{
  int below = from;
  if (n == 1) return;
  for (int i = from; i < from + n; i++) {
    if (tree->leaf[i].path[depth].positive) continue;
    const Leaf leaf = tree->leaf[i];
    tree->leaf[i] = tree->leaf[below];
    tree->leaf[below++] = leaf;
  }
  sort_leaves(tree, from, below - from, depth + 1);
  sort_leaves(tree, below, from + n - below, depth + 1);
}

static void *keep_tree(const Refine *x, Member *m, Tree *tree, double lower)
{
  const size_t i = (size_t)tree->unit;
  const double now = tree->sign > 0 ? x->b->lo[x->node][i] : -x->b->hi[x->node][i];
  if (!(lower > now)) return NULL;
  sort_leaves(tree, 0, tree->n_leaves, 0);
  for (int l = 0; l < tree->n_leaves; l++)
    m->sorted[l] = (RefineLeaf){.depth = tree->leaf[l].depth,
                                .path = tree->leaf[l].path,
                                .slopes = tree->leaf[l].slopes};
  const RefineLog *log = x->params->log;
  return log->keep(log->context, x->node, tree->n_leaves, m->sorted);
}

static void refine_block(void *context, int member, int task)
{
  const Refine *x = context;
  Member *m = &x->members[member];
  Lagrangian *L = x->team->member[member];
  const int from = task * OBJECTIVES, left = x->n_objectives - from;
  const int n = left < OBJECTIVES ? left : OBJECTIVES;
  m->n_rows = 0;
  for (int t = 0; t < n; t++) {
    m->tree[t] = (Tree){.unit = x->unit[from + t],
                        .sign = x->sign[from + t],
                        .n_leaves = 1,
                        .leaf = m->leaves + (size_t)t * (size_t)x->params->leaves};
    m->tree[t].leaf[0].lower = -INFINITY;
    if (m->n_rows == x->rows) run_rows(x, m, L);
    add_row(x, m, t, 0, 0, NULL);
  }
  run_rows(x, m, L);
  for (bool any = true; any && !stop_why(x->params->stop);) {
    any = false;
    for (int t = 0; t < n; t++) {
      if (m->tree[t].done) continue;
      m->tree[t].done = !grow(x, m, L, t);
      any = any || !m->tree[t].done;
    }
    run_rows(x, m, L);
  }
  for (int t = 0; t < n; t++) {
    double least = INFINITY;
    for (int i = 0; i < m->tree[t].n_leaves; i++)
      least = fmin(least, m->tree[t].leaf[i].lower);
    x->lower[from + t] = least;
    if (x->params->log) x->kept[from + t] = keep_tree(x, m, &m->tree[t], least);
  }
}

/* ---- layers
 * --------------------------------------------------------------------------- */

static void list_objectives(Refine *x, int j)
{
  const Node *v = &x->b->net->nodes[j];
  x->node = j;
  x->n_objectives = 0;
  x->unit = mem_grow(x->unit, 2 * (size_t)v->size, sizeof *x->unit);
  x->sign = mem_grow(x->sign, 2 * (size_t)v->size, sizeof *x->sign);
  x->lower = mem_grow(x->lower, 2 * (size_t)v->size, sizeof *x->lower);
  if (x->params->log) x->kept = mem_grow(x->kept, 2 * (size_t)v->size, sizeof *x->kept);
  for (int i = 0; i < v->size; i++) {
    if (!bounds_is_open(x->b, j, 0, i)) continue;
    for (int s = 1; s >= -1; s -= 2) {
      x->unit[x->n_objectives] = i;
      x->lower[x->n_objectives] = -INFINITY;
      x->sign[x->n_objectives++] = (signed char)s;
    }
  }
}

static void refine_node(Refine *x, int j)
{
  list_objectives(x, j);
  team_run(x->team, (x->n_objectives + OBJECTIVES - 1) / OBJECTIVES, refine_block, x);
  const RefineLog *log = x->params->log;
  if (log) log->layer(log->context, j, x->n_objectives, x->unit, x->sign, x->kept);
  for (int r = 0; r < x->n_objectives; r++)
    bounds_meet(x->b, j, 0, x->unit[r], x->sign[r] > 0 ? x->lower[r] : -INFINITY,
                x->sign[r] > 0 ? INFINITY : -x->lower[r]);
}

static bool has_earlier_layer(const Bounds *b, int j)
{
  return b->pre[j] >= 0 && !b->tight[j];
}

static void member_log(Member *m, const RefineParams *params, const Net *net)
{
  const size_t n = (size_t)OBJECTIVES * (size_t)params->leaves;
  const size_t width = packed_width(params->log->packed, net->n_nodes - 1);
  m->packed = mem_alloc(n * width + 1);
  m->sorted = mem_array((size_t)params->leaves, sizeof *m->sorted);
  for (size_t l = 0; l < n; l++)
    m->leaves[l].slopes = m->packed + l * width;
}

bool refine_run(const Team *team, Bounds *b, const RefineParams *params)
{
  STATUS_REQUIRE(b->n_box == 1, "one box");
  STATUS_REQUIRE(params->leaves >= 1 && params->leaves <= REFINE_MOST_LEAVES,
                 "so many leaves");
  const int fit = lagrangian_max_rows(team->member[0]);
  Refine x = {.team = team, .b = b, .params = params, .rows = fit < ROWS ? fit : ROWS};
  if (x.rows < 2) return false; /* no room for two halves */
  x.members = mem_zero((size_t)team->n, sizeof *x.members);
  for (int i = 0; i < team->n; i++) {
    Member *m = &x.members[i];
    m->slopes = slopes_new(b->net, ROWS);
    m->alpha = lagrangian_new_multipliers(b->net, ROWS);
    m->leaves = mem_array((size_t)OBJECTIVES * (size_t)params->leaves, sizeof(Leaf));
    if (params->log) member_log(m, params, b->net);
  }
  for (int k = 1; k < b->net->n_nodes; k++) {
    ibp_node(b, lagrangian_linop(team->member[0]), k);
    if (has_earlier_layer(b, k) && !stop_why(params->stop)) refine_node(&x, k);
  }
  for (int i = 0; i < team->n; i++) {
    slopes_free(x.members[i].slopes);
    lagrangian_free_multipliers(b->net, x.members[i].alpha);
    mem_free(x.members[i].leaves);
    mem_free(x.members[i].packed);
    mem_free(x.members[i].sorted);
  }
  mem_free(x.members);
  mem_free(x.unit);
  mem_free(x.sign);
  mem_free(x.lower);
  mem_free(x.kept);
  return !stop_why(params->stop);
}

static double node_cost(const Node *v)
{
  if (v->kind == NODE_DENSE) return (double)v->size * v->cols;
  if (v->kind == NODE_CONV)
    return (double)v->size * (v->conv.c_in / v->conv.groups) * v->conv.kh * v->conv.kw;
  return (double)v->size;
}

double refine_cost(const Bounds *b, const RefineParams *params)
{
  const double passes = 2.0 * params->iterations + 3;
  double below = 0, total = 0;
  for (int j = 1; j < b->net->n_nodes; j++) {
    if (has_earlier_layer(b, j))
      for (int i = 0; i < b->net->nodes[j].size; i++)
        total +=
            bounds_is_open(b, j, 0, i) ? below * passes * 2 * 2 * params->leaves : 0;
    below += node_cost(&b->net->nodes[j]);
  }
  return total;
}
