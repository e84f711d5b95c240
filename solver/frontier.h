/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/frontier.h -- the open boxes of a search that splits the input set.
 *
 * The root box is the union of the regions closed so far and those in the frontier:
 * a region leaves it only to be replaced by parts that cover it, or closed by proven
 * bounds.  So an empty frontier is a proof, and the smallest bound in it, together
 * with the smallest bound of a closed region, bounds the whole box.
 *
 * That is not assumed: the history keeps where every region was cut.  A region may only
 * be closed with the box that follows from the cuts above it, and frontier_covers walks
 * the history in the end.
 */
#ifndef SOLVER_FRONTIER_H
#define SOLVER_FRONTIER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  double lower; /* proven for every case on this region */
  int axis;     /* the coordinate to split next */
  int depth;
  int id;       /* in the history */
  size_t order; /* when it was added: breaks ties, so that runs repeat */
} Region;

/* What became of a region: cut at `mid` of `axis` into kid and kid + 1, or closed. */
typedef struct {
  int parent; /* -1: the root */
  int axis;   /* -1: not cut */
  int kid;
  bool closed;
  double mid;
} RegionHistory;

/* A heap of regions, hardest (smallest bound) first, deeper ones first among equals;
 * boxes are kept beside it. */
typedef struct {
  int n;        /* inputs */
  size_t extra; /* floats that the caller keeps with every region */
  size_t size, room;
  Region *heap;  /* Region heap[size] */
  double *boxes; /* of each: double lo[n], hi[n], then its floats */
  size_t added;
  RegionHistory *history;
  size_t n_history, history_room;
} Frontier;

Frontier frontier_new(int n, size_t extra);
void frontier_free(Frontier *f);

/* Add a copy of the box lo, hi and of float kept[extra]. */
void frontier_add(Frontier *f, const Region *region, const double *lo, const double *hi,
                  const float *kept);

/* Remove the hardest region into *region, lo[n], hi[n], kept[extra].  `easiest` takes
 * one from the other end of the heap instead, whose parts are soon done: for when
 * memory runs short.  Needs size > 0. */
void frontier_pop(Frontier *f, bool easiest, Region *region, double *lo, double *hi,
                  float *kept);

/* Bytes of one region in the heap. */
size_t frontier_region_bytes(const Frontier *f);

/* The smallest bound; INFINITY when empty. */
double frontier_lower(const Frontier *f);

/* The root of the history: its number, 0. */
int frontier_add_root(Frontier *f);

/* Region id is cut at `mid` of `axis`: the number of the half below, the other is next.
 */
int frontier_cut(Frontier *f, int id, int axis, double mid);

/* Region id with box lo, hi has been proved.  Aborts when that is not the box that its
 * cuts give inside [root_lo, root_hi]. */
void frontier_close(Frontier *f, int id, const double *lo, const double *hi,
                    const double *root_lo, const double *root_hi);

/* Every region is closed, or cut into two for which the same holds. */
bool frontier_covers(const Frontier *f);

/* Split [lo, hi] in the middle of coordinate `axis`: sets *mid with lo < mid < hi.
 * The parts [lo, mid] and [mid, hi] share the point, so together they cover it.
 * Returns false when no double lies between. */
bool frontier_middle(double lo, double hi, double *mid);

#endif
