/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/tree.h -- the open nodes of a search that splits activations.
 *
 * A node is a case and a path of decisions, each the assumed side of one
 * pre-activation: the sign of a ReLU's, and for other functions and factors of products
 * below or above some point.  Every node that was ever made has a number in the
 * history, which keeps what it adds to its parent (one decision) and whether it is
 * closed; the path is read by walking up.  So the history is the whole tree, and
 * tree_covers can check that closed leaves cover the root, which is never assumed.
 *
 * An open node also has a slot with what its children start from: slopes, betas,
 * intervals.  Slots have one size and are recycled.
 *
 * The frontier is a heap: the smallest proven bound first, deeper first among equals,
 * then the older one, so that runs repeat.
 */
#ifndef SOLVER_TREE_H
#define SOLVER_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* The side of a pre-activation: z <= at, or z >= at when positive.  node < 0: none. */
typedef struct {
  int node;   /* nonlinear node; */
  int factor; /* which of its inputs: 0, or 1 of a product */
  int index;  /* the element */
  bool positive;
  double at; /* 0 for a ReLU */
} Decision;

typedef enum { TREE_OPEN, TREE_SPLIT, TREE_CLOSED, TREE_STUCK } TreeState;

typedef struct {
  int parent;        /* -1: a root */
  Decision decision; /* what it adds; none for a root */
  int kid;           /* the first of its two children once split; the other is next */
  TreeState state;
} History;

typedef struct {
  double lower; /* proven margin of the case in this branch */
  int id;       /* in the history */
  int open_case;
  int depth;
  bool is_contracted; /* lower and the intervals in the slot are about the inputs that
                       * violate the case (bounds/contract.h) */
  bool has_shrunk;    /* the input box has become much smaller */
  double beta[2];     /* where the multiplier of z <= 0, of z >= 0 is to start */
  Decision next;      /* the neuron to decide next (positive is not used); none: no open
                       * neuron is left */
  unsigned char *slot;
} TreeNode;

typedef struct {
  size_t slot_bytes, max_slots;
  size_t n_slots; /* made so far */
  unsigned char **free_slot;
  size_t n_free, free_room;
  unsigned char **chunk; /* slots are made a chunk at a time */
  size_t n_chunks;
  TreeNode *heap;
  size_t size, room;
  History *history;
  size_t n_history, history_room;
} Tree;

/* Slots of slot_bytes; no more than fit into `bytes`. */
Tree tree_new(size_t slot_bytes, size_t bytes);
void tree_free(Tree *tree);

/* A new root, or the two children of node `parent`: the number of the first. */
int tree_add_root(Tree *tree);
int tree_split(Tree *tree, int parent, Decision decision);

/* A slot, or NULL when the memory is used up. */
unsigned char *tree_take_slot(Tree *tree);
void tree_give_slot(Tree *tree, unsigned char *slot);

void tree_push(Tree *tree, const TreeNode *node);

/* Remove the hardest node; `easiest` takes one from the other end instead, whose
 * subtree is likely small: for when slots run short.  Needs size > 0. */
TreeNode tree_pop(Tree *tree, bool easiest);

/* More than half of the slots are taken: from here on depth first. */
bool tree_is_crowded(const Tree *tree);

/* The decisions of node id, the last one first.  Decision path[depth].  Returns their
 * number, at most `most`. */
int tree_path(const Tree *tree, int id, Decision *path, int most);

/* The proof obligation of one root: it is closed, or split into two children that
 * assume the two sides of one point, for which the same holds.  False as soon as a
 * node is anything else: then its inputs are not covered by closed leaves. */
bool tree_covers(const Tree *tree, int root);

#endif
