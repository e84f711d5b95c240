/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/refine.h -- intermediate bounds by a small branch and bound for every neuron.
 *
 * The bound of a pre-activation loses something at every unstable neuron before it, and
 * what one layer loses is multiplied by the next.  Here each objective, +e_i or -e_i of
 * an unstable neuron, has a tree of its own: its weakest leaves are split at the neuron
 * that costs them most, |lambda| times the intercept of the triangle, and the smallest
 * bound of the leaves holds for all inputs, because two leaves assume z >= 0 and z <= 0
 * in place of one.  A tree ends when the neuron is proven stable or has its share of
 * leaves.
 *
 * That is what a mixed integer program does for intermediate bounds (Tjeng, Xiao and
 * Tedrake 2019), for the price of a few hundred passes per neuron, all neurons of a
 * layer together.  Branches are assumptions of single rows (LagrangianCut), so no
 * interval is copied.
 */
#ifndef BOUNDS_REFINE_H
#define BOUNDS_REFINE_H

#include <stdbool.h>

#include "bounds/bounds.h"
#include "bounds/packed.h"
#include "bounds/team.h"
#include "net/base/stop.h"

#define REFINE_MOST_LEAVES 1024

/* One leaf of a tree, for a certificate: everything borrowed. */
typedef struct {
  int depth;
  const LagrangianCut *path;   /* LagrangianCut path[depth]: from the root, with betas
                                * that   are float32 numbers */
  const unsigned char *slopes; /* a row of packed slopes that ends before the node */
} RefineLeaf;

/* Who wants to know the trees.  Then multipliers are rounded to what a RefineLeaf has
 * before the bound is proven that counts. */
typedef struct {
  const Packed *packed;
  void *context;
  /* A tree of node j whose bound is a gain; called by any thread.  Returns what `layer`
   * receives. */
  void *(*keep)(void *context, int j, int n, const RefineLeaf *leaves);
  /* The trees of node j, objectives sign[r] e_unit[r] in rising order, +1 before -1;
   * kept[r] is NULL where nothing was gained.  It owns them. */
  void (*layer)(void *context, int j, int n, const int *unit, const signed char *sign,
                void *const *kept);
} RefineLog;

typedef struct {
  int leaves;           /* of each tree, 1 .. REFINE_MOST_LEAVES */
  int iterations;       /* on slopes and betas of a leaf */
  const Hints *hints;   /* slopes to start from, or NULL: the adaptive ones */
  const RefineLog *log; /* or NULL */
  const Stop *stop;
} RefineParams;

/* Tighten all intervals of b, which has one box, layer by layer.  Returns false when
 * stopped early; what was tightened stays valid. */
bool refine_run(const Team *team, Bounds *b, const RefineParams *params);

/* Multiplications that refine_run would make, about. */
double refine_cost(const Bounds *b, const RefineParams *params);

#endif
