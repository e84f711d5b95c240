/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/frontier.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/status.h"

Frontier frontier_new(int n, size_t extra)
{
  return (Frontier){.n = n, .extra = extra};
}

void frontier_free(Frontier *f)
{
  mem_free(f->heap);
  mem_free(f->boxes);
  mem_free(f->history);
  *f = (Frontier){0};
}

static bool is_before(const Region *a, const Region *b)
{
  if (a->lower != b->lower) return a->lower < b->lower;
  if (a->depth != b->depth) return a->depth > b->depth;
  return a->order < b->order;
}

/* Doubles per region: its box and its floats. */
static size_t stride(const Frontier *f)
{
  return 2 * (size_t)f->n + (f->extra + 1) / 2;
}

size_t frontier_region_bytes(const Frontier *f)
{
  return sizeof(Region) + stride(f) * sizeof(double);
}

static double *box_of(const Frontier *f, size_t i)
{
  return f->boxes + i * stride(f);
}

/* Move entry `from` to place `to`. */
static void move(Frontier *f, size_t to, size_t from)
{
  f->heap[to] = f->heap[from];
  memcpy(box_of(f, to), box_of(f, from), stride(f) * sizeof(double));
}

static void put(Frontier *f, size_t i, const Region *region, const double *lo,
                const double *hi, const float *kept)
{
  const size_t n = (size_t)f->n;
  f->heap[i] = *region;
  memcpy(box_of(f, i), lo, n * sizeof(double));
  memcpy(box_of(f, i) + n, hi, n * sizeof(double));
  if (f->extra) memcpy(box_of(f, i) + 2 * n, kept, f->extra * sizeof(float));
}

static void take(const Frontier *f, size_t i, Region *region, double *lo, double *hi,
                 float *kept)
{
  const size_t n = (size_t)f->n;
  *region = f->heap[i];
  memcpy(lo, box_of(f, i), n * sizeof(double));
  memcpy(hi, box_of(f, i) + n, n * sizeof(double));
  if (f->extra) memcpy(kept, box_of(f, i) + 2 * n, f->extra * sizeof(float));
}

void frontier_add(Frontier *f, const Region *region, const double *lo, const double *hi,
                  const float *kept)
{
  if (f->size == f->room) {
    f->room = f->room ? 2 * f->room : 64;
    f->heap = mem_grow(f->heap, f->room, sizeof *f->heap);
    f->boxes = mem_grow(f->boxes, f->room * stride(f), sizeof *f->boxes);
  }
  Region copy = *region;
  copy.order = f->added++;
  size_t i = f->size++;
  for (size_t up; i > 0 && is_before(&copy, &f->heap[up = (i - 1) / 2]); i = up)
    move(f, i, up);
  put(f, i, &copy, lo, hi, kept);
}

void frontier_pop(Frontier *f, bool easiest, Region *region, double *lo, double *hi,
                  float *kept)
{
  const size_t last = --f->size;
  if (easiest || !last) {
    take(f, last, region, lo, hi, kept);
    return;
  }
  take(f, 0, region, lo, hi, kept);
  size_t i = 0;
  for (;;) {
    size_t kid = 2 * i + 1;
    if (kid >= last) break;
    if (kid + 1 < last && is_before(&f->heap[kid + 1], &f->heap[kid])) kid++;
    if (!is_before(&f->heap[kid], &f->heap[last])) break;
    move(f, i, kid);
    i = kid;
  }
  move(f, i, last);
}

double frontier_lower(const Frontier *f)
{
  return f->size ? f->heap[0].lower : INFINITY;
}

/* ---- history ------------------------------------------------------------------- */

static int add_history(Frontier *f, int parent)
{
  STATUS_REQUIRE(f->n_history < INT_MAX, "too many regions");
  if (f->n_history == f->history_room) {
    f->history_room = f->history_room ? 2 * f->history_room : 256;
    f->history = mem_grow(f->history, f->history_room, sizeof *f->history);
  }
  f->history[f->n_history] = (RegionHistory){.parent = parent, .axis = -1};
  return (int)f->n_history++;
}

int frontier_add_root(Frontier *f)
{
  return add_history(f, -1);
}

int frontier_cut(Frontier *f, int id, int axis, double mid)
{
  const int kid = add_history(f, id);
  add_history(f, id);
  f->history[id].axis = axis;
  f->history[id].kid = kid;
  f->history[id].mid = mid;
  return kid;
}

/* The cuts from the region upwards are smaller and smaller restrictions: the first one
 * met on a side of an axis is the one that counts. */
static double end_of(const Frontier *f, int id, int axis, bool upper, double root)
{
  for (int up = f->history[id].parent; up >= 0; id = up, up = f->history[id].parent) {
    const RegionHistory *h = &f->history[up];
    if (h->axis == axis && (id == h->kid) == upper) return h->mid;
  }
  return root;
}

void frontier_close(Frontier *f, int id, const double *lo, const double *hi,
                    const double *root_lo, const double *root_hi)
{
  for (int i = 0; i < f->n; i++)
    STATUS_REQUIRE(lo[i] <= end_of(f, id, i, false, root_lo[i]) &&
                       hi[i] >= end_of(f, id, i, true, root_hi[i]),
                   "a region must be bounded on its whole box");
  f->history[id].closed = true;
}

bool frontier_covers(const Frontier *f)
{
  for (size_t i = 0; i < f->n_history; i++) {
    const RegionHistory *h = &f->history[i];
    const bool halved =
        h->axis >= 0 && (size_t)h->kid > i && (size_t)h->kid + 1 < f->n_history &&
        f->history[h->kid].parent == (int)i && f->history[h->kid + 1].parent == (int)i;
    if (!h->closed && !halved) return false;
  }
  return f->n_history > 0;
}

bool frontier_middle(double lo, double hi, double *mid)
{
  *mid = lo / 2 + hi / 2;
  return *mid > lo && *mid < hi;
}
