/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/tree.h"

#include <limits.h>

#include "net/base/mem.h"
#include "net/base/status.h"

#define CHUNK 64 /* slots made at once */

Tree tree_new(size_t slot_bytes, size_t bytes)
{
  const size_t most = bytes / (slot_bytes + sizeof(TreeNode));
  return (Tree){.slot_bytes = slot_bytes,
                .max_slots = most < 2 * CHUNK ? 2 * CHUNK : most};
}

void tree_free(Tree *tree)
{
  for (size_t i = 0; i < tree->n_chunks; i++)
    mem_free(tree->chunk[i]);
  mem_free(tree->chunk);
  mem_free(tree->free_slot);
  mem_free(tree->heap);
  mem_free(tree->history);
  *tree = (Tree){0};
}

/* ---- history ------------------------------------------------------------------ */

static int add_history(Tree *tree, int parent, Decision decision)
{
  STATUS_REQUIRE(tree->n_history < INT_MAX, "too many nodes");
  if (tree->n_history == tree->history_room) {
    tree->history_room = tree->history_room ? 2 * tree->history_room : 256;
    tree->history = mem_grow(tree->history, tree->history_room, sizeof *tree->history);
  }
  tree->history[tree->n_history] =
      (History){.parent = parent, .decision = decision, .kid = -1, .state = TREE_OPEN};
  return (int)tree->n_history++;
}

int tree_add_root(Tree *tree)
{
  return add_history(tree, -1, (Decision){.node = -1});
}

int tree_split(Tree *tree, int parent, Decision decision)
{
  decision.positive = false;
  const int kid = add_history(tree, parent, decision);
  decision.positive = true;
  add_history(tree, parent, decision);
  tree->history[parent].kid = kid;
  tree->history[parent].state = TREE_SPLIT;
  return kid;
}

int tree_path(const Tree *tree, int id, Decision *path, int most)
{
  int n = 0;
  for (; n < most && tree->history[id].parent >= 0; id = tree->history[id].parent)
    path[n++] = tree->history[id].decision;
  return n;
}

static bool are_halves(const History *a, const History *b, int parent)
{
  const Decision *x = &a->decision, *y = &b->decision;
  return a->parent == parent && b->parent == parent && x->node == y->node &&
         x->node >= 0 && x->factor == y->factor && x->index == y->index &&
         x->at >= y->at && x->at <= y->at && x->positive != y->positive;
}

static bool is_halved(const Tree *tree, int id)
{
  const History *h = &tree->history[id];
  return h->state == TREE_SPLIT && h->kid > id &&
         (size_t)h->kid + 1 < tree->n_history &&
         are_halves(&tree->history[h->kid], &tree->history[h->kid + 1], id);
}

/* Depth first without a stack: down to the first half, then to the second or up. */
bool tree_covers(const Tree *tree, int root)
{
  for (int id = root;;) {
    if (tree->history[id].state != TREE_CLOSED) {
      if (!is_halved(tree, id)) return false;
      id = tree->history[id].kid;
      continue;
    }
    while (id != root && id != tree->history[tree->history[id].parent].kid)
      id = tree->history[id].parent;
    if (id == root) return true;
    id++;
  }
}

/* ---- slots --------------------------------------------------------------------- */

static void add_free(Tree *tree, unsigned char *slot)
{
  if (tree->n_free == tree->free_room) {
    tree->free_room = tree->free_room ? 2 * tree->free_room : 4 * CHUNK;
    tree->free_slot =
        mem_grow(tree->free_slot, tree->free_room, sizeof *tree->free_slot);
  }
  tree->free_slot[tree->n_free++] = slot;
}

unsigned char *tree_take_slot(Tree *tree)
{
  if (!tree->n_free) {
    if (tree->n_slots + CHUNK > tree->max_slots) return NULL;
    tree->chunk = mem_grow(tree->chunk, tree->n_chunks + 1, sizeof *tree->chunk);
    unsigned char *chunk = mem_array(CHUNK, tree->slot_bytes);
    tree->chunk[tree->n_chunks++] = chunk;
    tree->n_slots += CHUNK;
    for (size_t i = CHUNK; i-- > 0;)
      add_free(tree, chunk + i * tree->slot_bytes);
  }
  return tree->free_slot[--tree->n_free];
}

void tree_give_slot(Tree *tree, unsigned char *slot)
{
  if (slot) add_free(tree, slot);
}

bool tree_is_crowded(const Tree *tree)
{
  return tree->n_slots - tree->n_free > tree->max_slots / 2;
}

/* ---- heap ---------------------------------------------------------------------- */

static bool is_before(const TreeNode *a, const TreeNode *b)
{
  if (a->lower < b->lower || a->lower > b->lower) return a->lower < b->lower;
  return a->depth != b->depth ? a->depth > b->depth : a->id < b->id;
}

void tree_push(Tree *tree, const TreeNode *node)
{
  if (tree->size == tree->room) {
    tree->room = tree->room ? 2 * tree->room : 256;
    tree->heap = mem_grow(tree->heap, tree->room, sizeof *tree->heap);
  }
  size_t i = tree->size++;
  for (size_t up; i > 0 && is_before(node, &tree->heap[up = (i - 1) / 2]); i = up)
    tree->heap[i] = tree->heap[up];
  tree->heap[i] = *node;
}

TreeNode tree_pop(Tree *tree, bool easiest)
{
  const TreeNode last = tree->heap[--tree->size];
  if (easiest || !tree->size) return last;
  const TreeNode first = tree->heap[0];
  size_t i = 0;
  for (;;) {
    size_t kid = 2 * i + 1;
    if (kid >= tree->size) break;
    if (kid + 1 < tree->size && is_before(&tree->heap[kid + 1], &tree->heap[kid]))
      kid++;
    if (!is_before(&tree->heap[kid], &last)) break;
    tree->heap[i] = tree->heap[kid];
    i = kid;
  }
  tree->heap[i] = last;
  return first;
}
