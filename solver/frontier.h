/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/frontier.h -- the open boxes of a search that splits the input set.
 *
 * The root box is the union of the regions closed so far and those in the frontier:
 * a region leaves it only to be replaced by parts that cover it, or closed by proven
 * bounds.  So an empty frontier is a proof, and the smallest bound in it, together
 * with the smallest bound of a closed region, bounds the whole box.
 */
#ifndef SOLVER_FRONTIER_H
#define SOLVER_FRONTIER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  double lower; /* proven for every case on this region */
  int axis;     /* the coordinate to split next */
  int depth;
  size_t order; /* when it was added: breaks ties, so that runs repeat */
} Region;

/* A heap of regions, hardest (smallest bound) first, deeper ones first among equals;
 * boxes are kept beside it. */
typedef struct {
  int n; /* inputs */
  size_t size, room;
  Region *heap;  /* Region heap[size] */
  double *boxes; /* double boxes[size][2][n]: lo, hi of each */
  size_t added;
} Frontier;

Frontier frontier_new(int n);
void frontier_free(Frontier *f);

/* Add a copy of the box lo, hi. */
void frontier_add(Frontier *f, const Region *region, const double *lo,
                  const double *hi);

/* Remove the hardest region into *region, lo[n], hi[n].  Needs size > 0. */
void frontier_pop(Frontier *f, Region *region, double *lo, double *hi);

/* The smallest bound; INFINITY when empty. */
double frontier_lower(const Frontier *f);

/* Split [lo, hi] in the middle of coordinate `axis`: sets *mid with lo < mid < hi.
 * The parts [lo, mid] and [mid, hi] share the point, so together they cover it.
 * Returns false when no double lies between. */
bool frontier_middle(double lo, double hi, double *mid);

#endif
