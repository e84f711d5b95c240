/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a search keeps: nodes come out in order, slots go round, and a tree or a cut box
 * counts as covered only when every single leaf of it is closed. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "solver/frontier.h"
#include "solver/tree.h"

/* ---- heap -------------------------------------------------------------------------
 */

static bool comes_first(const TreeNode *a, const TreeNode *b)
{
  if (a->lower != b->lower) return a->lower < b->lower;
  if (a->depth != b->depth) return a->depth > b->depth;
  return a->id < b->id;
}

/* Few different numbers, so that there are many ties. */
static TreeNode random_node(int id, Prng *prng)
{
  return (TreeNode){.lower = prng_below(prng, 8) ? -prng_below(prng, 5) : -INFINITY,
                    .depth = prng_below(prng, 4),
                    .id = id};
}

/* Pushed and popped in any order, the next node is the first of a plain list. */
Test(tree, gives_back_the_hardest_node_first)
{
  enum { N = 500 };
  Prng prng = prng_init(71);
  Tree tree = tree_new(8, 1 << 20);
  TreeNode list[N];
  int n = 0, popped = 0;
  for (int step = 0; step < 3000; step++) {
    if (n < N && (!n || prng_below(&prng, 100) < (step < 1500 ? 60 : 40))) {
      list[n] = random_node(step, &prng);
      tree_push(&tree, &list[n++]);
      continue;
    }
    int first = 0;
    for (int i = 1; i < n; i++)
      if (comes_first(&list[i], &list[first])) first = i;
    const TreeNode node = tree_pop(&tree, false);
    cr_assert_eq(node.id, list[first].id);
    cr_assert_eq(node.lower, list[first].lower);
    list[first] = list[--n];
    cr_assert_eq(tree.size, (size_t)n);
    popped++;
  }
  cr_assert(popped > 1000);
  tree_free(&tree);
}

Test(tree, gives_back_every_node_from_either_end)
{
  enum { N = 600 };
  Prng prng = prng_init(72);
  Tree tree = tree_new(8, 1 << 20);
  TreeNode list[N];
  bool seen[N] = {false};
  for (int i = 0; i < N; i++) {
    list[i] = random_node(i, &prng);
    tree_push(&tree, &list[i]);
  }
  for (int i = 0; i < N; i++) {
    const bool easiest = prng_below(&prng, 2);
    int first = -1;
    for (int k = 0; k < N; k++)
      if (!seen[k] && (first < 0 || comes_first(&list[k], &list[first]))) first = k;
    const TreeNode node = tree_pop(&tree, easiest);
    cr_assert(node.id >= 0 && node.id < N && !seen[node.id]);
    cr_assert(easiest || node.id == first);
    seen[node.id] = true;
  }
  cr_assert_eq(tree.size, 0);
  tree_free(&tree);
}

/* ---- slots ------------------------------------------------------------------------
 */

/* Every slot is written over its whole length: overlaps would show, and a sanitizer
 * sees what is too short. */
static void fill(unsigned char *slot, size_t bytes, int mark)
{
  memset(slot, mark, bytes);
}

static void check_filled(const unsigned char *slot, size_t bytes, int mark)
{
  for (size_t i = 0; i < bytes; i++)
    cr_assert_eq(slot[i], mark);
}

Test(tree, slots_are_apart_and_within_the_memory)
{
  const size_t bytes = 48, memory = 100000;
  Tree tree = tree_new(bytes, memory);
  unsigned char *slot[4096];
  int n = 0;
  while ((slot[n] = tree_take_slot(&tree))) {
    fill(slot[n], bytes, n % 251);
    cr_assert(++n < 4096);
  }
  cr_assert((size_t)n * bytes <= memory);
  cr_assert((size_t)n * (bytes + sizeof(TreeNode)) > memory / 2, "only %d slots", n);
  for (int i = 0; i < n; i++)
    check_filled(slot[i], bytes, i % 251);
  cr_assert_null(tree_take_slot(&tree));
  tree_give_slot(&tree, slot[5]);
  cr_assert_eq(tree_take_slot(&tree), slot[5]);
  cr_assert_null(tree_take_slot(&tree));
  tree_free(&tree);
}

/* Whatever the order, slots in use are never given out again, and those given back are
 * before there are new ones. */
Test(tree, slots_are_recycled)
{
  enum { MOST = 90 };
  const size_t bytes = 24;
  Prng prng = prng_init(73);
  Tree tree = tree_new(bytes, 1 << 20);
  unsigned char *slot[MOST];
  int mark[MOST], n = 0;
  for (int step = 0; step < 20000; step++) {
    if (n < MOST && (!n || prng_below(&prng, 2))) {
      slot[n] = tree_take_slot(&tree);
      cr_assert_not_null(slot[n]);
      mark[n] = step % 256;
      fill(slot[n], bytes, mark[n]);
      n++;
    } else {
      const int i = prng_below(&prng, n);
      check_filled(slot[i], bytes, mark[i]);
      tree_give_slot(&tree, slot[i]);
      slot[i] = slot[--n];
      mark[i] = mark[n];
    }
    cr_assert_eq(tree.n_slots - tree.n_free, (size_t)n);
  }
  cr_assert(tree.n_slots < 2 * MOST, "%zu slots for %d", tree.n_slots, MOST);
  tree_give_slot(&tree, NULL);
  cr_assert_eq(tree.n_slots - tree.n_free, (size_t)n);
  tree_free(&tree);
}

Test(tree, is_crowded_once_half_of_the_slots_are_taken)
{
  Tree tree = tree_new(8, 0);
  unsigned char *slot[1024];
  int n = 0, most = 0;
  bool crowded[1024];
  while ((slot[n] = tree_take_slot(&tree))) {
    crowded[n] = tree_is_crowded(&tree);
    n++;
  }
  most = n;
  cr_assert(most >= 2, "two children need room, however little memory there is");
  for (int i = 0; i < most; i++)
    cr_assert_eq(crowded[i], i + 1 > most / 2);
  while (n > 0)
    tree_give_slot(&tree, slot[--n]);
  cr_assert_not(tree_is_crowded(&tree));
  tree_free(&tree);
}

/* ---- history ------------------------------------------------------------------------
 */

/* Split open nodes at random until there are so many, on neurons that are not on the
 * path, then close all leaves.  Several roots, as a query has cases. */
typedef struct {
  Tree tree;
  int n_roots, root[3];
} Grown;

static Grown grow(int splits, Prng *prng)
{
  Grown g = {.tree = tree_new(8, 1 << 16), .n_roots = 3};
  for (int r = 0; r < g.n_roots; r++)
    g.root[r] = tree_add_root(&g.tree);
  for (int s = 0; s < splits; s++) {
    int id;
    do
      id = prng_below(prng, (int)g.tree.n_history);
    while (g.tree.history[id].state != TREE_OPEN);
    const Decision d = {
        .node = 2 * prng_below(prng, 3), .index = s, .positive = prng_below(prng, 2)};
    const int kid = tree_split(&g.tree, id, d);
    cr_assert_eq(g.tree.history[kid].parent, id);
    cr_assert_eq(g.tree.history[kid + 1].parent, id);
  }
  for (size_t i = 0; i < g.tree.n_history; i++)
    if (g.tree.history[i].state == TREE_OPEN) g.tree.history[i].state = TREE_CLOSED;
  return g;
}

/* The root above node id. */
static int root_of(const Tree *tree, int id)
{
  while (tree->history[id].parent >= 0)
    id = tree->history[id].parent;
  return id;
}

static void expect_covered(const Grown *g, int broken, const char *how)
{
  for (int r = 0; r < g->n_roots; r++)
    cr_assert_eq(tree_covers(&g->tree, g->root[r]), g->root[r] != broken, "%s: root %d",
                 how, r);
}

/* A node is reached from its root unless an ancestor has been closed before. */
static void mutate_state(Grown *g, int id, TreeState state, const char *how)
{
  History *h = &g->tree.history[id];
  const TreeState was = h->state;
  h->state = state;
  expect_covered(g, root_of(&g->tree, id), how);
  h->state = was;
}

static void mutate_split(Grown *g, int id)
{
  History *const all = g->tree.history;
  const int root = root_of(&g->tree, id), kid = all[id].kid;
  for (int half = 0; half < 2; half++) {
    History *h = &all[kid + half];
    const History was = *h;
    h->decision.positive = !h->decision.positive;
    expect_covered(g, root, "both halves assume the same sign");
    *h = was;
    h->decision.index++;
    expect_covered(g, root, "the halves are about different neurons");
    *h = was;
    h->decision.node += 2;
    expect_covered(g, root, "the halves are about different layers");
    *h = was;
    h->decision.factor++;
    expect_covered(g, root, "the halves are about different factors");
    *h = was;
    for (int side = -1; side <= 1; side += 2) {
      h->decision.at += side;
      expect_covered(g, root, "the halves do not meet");
      *h = was;
    }
    h->parent = id == root ? kid : root_of(&g->tree, id);
    if (h->parent != id) expect_covered(g, root, "a half of something else");
    *h = was;
  }
  const History first = all[kid], second = all[kid + 1];
  all[kid].decision.node = all[kid + 1].decision.node = -1;
  expect_covered(g, root, "nothing is decided");
  all[kid] = first;
  all[kid + 1] = second;
  all[kid].decision.at = all[kid + 1].decision.at = NAN;
  expect_covered(g, root, "the halves meet nowhere");
  all[kid] = first;
  all[kid + 1] = second;
  all[id].kid = -1;
  expect_covered(g, root, "no halves");
  all[id].kid = (int)g->tree.n_history - 1;
  expect_covered(g, root, "only one half");
  all[id].kid = kid;
}

Test(tree, covers_its_root_only_when_every_node_is_as_it_should_be)
{
  Prng prng = prng_init(74);
  for (int t = 0; t < 60; t++) {
    Grown g = grow(t, &prng);
    expect_covered(&g, -1, "complete");
    for (int id = 0; id < (int)g.tree.n_history; id++) {
      if (g.tree.history[id].state == TREE_CLOSED) {
        mutate_state(&g, id, TREE_OPEN, "a leaf is open");
        mutate_state(&g, id, TREE_STUCK, "a leaf is stuck");
        mutate_state(&g, id, TREE_SPLIT, "a leaf is split into nothing");
      } else {
        mutate_state(&g, id, TREE_OPEN, "a split node is open again");
        mutate_state(&g, id, TREE_STUCK, "a split node is stuck");
        mutate_split(&g, id);
      }
    }
    expect_covered(&g, -1, "complete again");
    tree_free(&g.tree);
  }
}

/* A proof for the whole makes everything below it needless. */
Test(tree, a_closed_node_covers_what_is_below_it)
{
  Prng prng = prng_init(75);
  Grown g = grow(40, &prng);
  for (size_t id = 3; id < g.tree.n_history; id++)
    g.tree.history[id].state = TREE_OPEN;
  for (int r = 0; r < 3; r++)
    g.tree.history[g.root[r]].state = TREE_CLOSED;
  expect_covered(&g, -1, "closed roots");
  tree_free(&g.tree);
}

/* Against a tree that is kept with the test: the decisions from the leaf upwards. */
Test(tree, the_path_of_a_node_lists_its_decisions_last_one_first)
{
  enum { DEPTH = 30 };
  Prng prng = prng_init(76);
  Tree tree = tree_new(8, 1 << 16);
  for (int t = 0; t < 20; t++) {
    Decision made[DEPTH], path[DEPTH];
    int id = tree_add_root(&tree);
    for (int d = 0; d < DEPTH; d++) {
      made[d] = (Decision){.node = 2 + 2 * prng_below(&prng, 3), .index = d};
      const int kid = tree_split(&tree, id, made[d]);
      made[d].positive = prng_below(&prng, 2);
      id = kid + made[d].positive;
      for (int most = 0; most <= DEPTH; most += 5) {
        const int expected = most < d + 1 ? most : d + 1;
        cr_assert_eq(tree_path(&tree, id, path, most), expected);
        for (int i = 0; i < expected; i++) {
          cr_assert_eq(path[i].node, made[d - i].node);
          cr_assert_eq(path[i].index, made[d - i].index);
          cr_assert_eq(path[i].positive, made[d - i].positive);
        }
      }
    }
  }
  Decision none;
  cr_assert_eq(tree_path(&tree, tree_add_root(&tree), &none, 1), 0);
  tree_free(&tree);
}

/* ---- the frontier's history
 * -----------------------------------------------------------
 */

enum { INPUTS = 3, MOST_REGIONS = 200 };

typedef struct {
  double lo[INPUTS], hi[INPUTS];
} Corners;

static const Corners whole = {{-1, 0, 0.1}, {1, 2, 0.1}};

/* Cut at random, keeping the boxes beside it; leaves[] are the regions not cut. */
static Frontier cut_up(int cuts, Prng *prng, Corners *box, int *leaves, int *n_leaves)
{
  Frontier f = frontier_new(INPUTS, 0);
  leaves[0] = frontier_add_root(&f);
  box[leaves[0]] = whole;
  *n_leaves = 1;
  for (int c = 0; c < cuts; c++) {
    const int which = prng_below(prng, *n_leaves), id = leaves[which];
    const int axis = prng_below(prng, INPUTS - 1);
    double mid;
    if (!frontier_middle(box[id].lo[axis], box[id].hi[axis], &mid)) continue;
    const int kid = frontier_cut(&f, id, axis, mid);
    box[kid] = box[kid + 1] = box[id];
    box[kid].hi[axis] = box[kid + 1].lo[axis] = mid;
    leaves[which] = kid;
    leaves[(*n_leaves)++] = kid + 1;
  }
  return f;
}

static void close_region(Frontier *f, int id, const Corners *box)
{
  frontier_close(f, id, box->lo, box->hi, whole.lo, whole.hi);
}

Test(frontier, covers_its_root_only_when_every_part_is_closed)
{
  Prng prng = prng_init(77);
  for (int t = 0; t < 60; t++) {
    Corners box[MOST_REGIONS];
    int leaves[MOST_REGIONS], n = 0;
    Frontier f = cut_up(t, &prng, box, leaves, &n);
    cr_assert_not(frontier_covers(&f));
    for (int i = 0; i < n; i++) {
      cr_assert_not(frontier_covers(&f), "%d of %d parts closed", i, n);
      close_region(&f, leaves[i], &box[leaves[i]]);
    }
    cr_assert(frontier_covers(&f));
    for (int i = 0; i < n; i++) {
      f.history[leaves[i]].closed = false;
      cr_assert_not(frontier_covers(&f));
      f.history[leaves[i]].closed = true;
    }
    for (size_t id = 0; id < f.n_history; id++) {
      RegionHistory *h = &f.history[id];
      if (h->axis < 0) continue;
      const RegionHistory was = *h;
      h->axis = -1;
      cr_assert_not(frontier_covers(&f), "a region that is not cut");
      *h = was;
      h->kid = (int)f.n_history - 1;
      cr_assert_not(frontier_covers(&f), "only one half");
      *h = was;
      f.history[was.kid + 1].parent = -1;
      cr_assert_not(frontier_covers(&f), "a half of something else");
      f.history[was.kid + 1].parent = (int)id;
    }
    cr_assert(frontier_covers(&f));
    frontier_free(&f);
  }
}

Test(frontier, a_cut_is_inside_or_there_is_none)
{
  double mid;
  cr_assert(frontier_middle(1, 2, &mid) && mid == 1.5);
  cr_assert(frontier_middle(-1, 1 + 0x1p-51, &mid) && mid > -1 && mid < 1);
  cr_assert_not(frontier_middle(1, 1, &mid));
  cr_assert_not(frontier_middle(1, 1 + 0x1p-52, &mid));
  cr_assert_not(frontier_middle(0, 0x1p-1074, &mid));
  cr_assert_not(frontier_middle(-INFINITY, INFINITY, &mid));
}

Test(frontier, nothing_covers_nothing)
{
  Frontier f = frontier_new(INPUTS, 0);
  cr_assert_not(frontier_covers(&f));
  frontier_free(&f);
}

/* More than the region's own box proves it as well. */
Test(frontier, a_region_may_be_proved_on_a_larger_box)
{
  Prng prng = prng_init(78);
  Corners box[MOST_REGIONS];
  int leaves[MOST_REGIONS], n = 0;
  Frontier f = cut_up(40, &prng, box, leaves, &n);
  for (int i = 0; i < n; i++) {
    Corners larger = box[leaves[i]];
    for (int k = 0; k < INPUTS; k++) {
      if (prng_below(&prng, 2)) larger.lo[k] -= 1;
      if (prng_below(&prng, 2)) larger.hi[k] += 1;
    }
    close_region(&f, leaves[i], &larger);
  }
  cr_assert(frontier_covers(&f));
  frontier_free(&f);
}

/* Close one random part on a box that is too small on one side by the least amount. */
static void close_on_less(int side, uint64_t seed)
{
  Prng prng = prng_init(seed);
  Corners box[MOST_REGIONS];
  int leaves[MOST_REGIONS], n = 0;
  Frontier f = cut_up(60, &prng, box, leaves, &n);
  const int id = leaves[prng_below(&prng, n)];
  double *lo = box[id].lo, *hi = box[id].hi;
  if (side < INPUTS)
    lo[side] = nextafter(lo[side], INFINITY);
  else
    hi[side - INPUTS] = nextafter(hi[side - INPUTS], -INFINITY);
  close_region(&f, id, &box[id]);
  frontier_free(&f);
}

Test(frontier, a_box_with_a_lower_end_too_high_aborts, .signal = SIGABRT)
{
  close_on_less(0, 79);
}

Test(frontier, a_box_with_an_upper_end_too_low_aborts, .signal = SIGABRT)
{
  close_on_less(INPUTS + 1, 80);
}

Test(frontier, a_box_without_a_fixed_coordinate_aborts, .signal = SIGABRT)
{
  close_on_less(2, 81);
}

/* The box of its sibling is no proof either. */
Test(frontier, the_box_of_the_other_half_aborts, .signal = SIGABRT)
{
  Frontier f = frontier_new(INPUTS, 0);
  const int kid = frontier_cut(&f, frontier_add_root(&f), 0, 0);
  Corners below = whole;
  below.hi[0] = 0;
  close_region(&f, kid, &below);
  close_region(&f, kid + 1, &below);
  frontier_free(&f);
}

Test(frontier, a_number_that_is_none_aborts, .signal = SIGABRT)
{
  Frontier f = frontier_new(INPUTS, 0);
  Corners box = whole;
  box.lo[1] = NAN;
  close_region(&f, frontier_add_root(&f), &box);
  frontier_free(&f);
}
