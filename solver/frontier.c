/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/frontier.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"

Frontier frontier_new(int n)
{
  return (Frontier){.n = n};
}

void frontier_free(Frontier *f)
{
  mem_free(f->heap);
  mem_free(f->boxes);
  *f = (Frontier){0};
}

static bool is_before(const Region *a, const Region *b)
{
  if (a->lower != b->lower) return a->lower < b->lower;
  if (a->depth != b->depth) return a->depth > b->depth;
  return a->order < b->order;
}

static double *box_of(const Frontier *f, size_t i)
{
  return f->boxes + i * 2 * (size_t)f->n;
}

/* Move entry `from` to place `to`. */
static void move(Frontier *f, size_t to, size_t from)
{
  f->heap[to] = f->heap[from];
  memcpy(box_of(f, to), box_of(f, from), 2 * (size_t)f->n * sizeof(double));
}

static void put(Frontier *f, size_t i, const Region *region, const double *lo,
                const double *hi)
{
  const size_t n = (size_t)f->n;
  f->heap[i] = *region;
  memcpy(box_of(f, i), lo, n * sizeof(double));
  memcpy(box_of(f, i) + n, hi, n * sizeof(double));
}

void frontier_add(Frontier *f, const Region *region, const double *lo, const double *hi)
{
  if (f->size == f->room) {
    f->room = f->room ? 2 * f->room : 64;
    f->heap = mem_grow(f->heap, f->room, sizeof *f->heap);
    f->boxes = mem_grow(f->boxes, f->room * 2 * (size_t)f->n, sizeof *f->boxes);
  }
  Region copy = *region;
  copy.order = f->added++;
  size_t i = f->size++;
  for (size_t up; i > 0 && is_before(&copy, &f->heap[up = (i - 1) / 2]); i = up)
    move(f, i, up);
  put(f, i, &copy, lo, hi);
}

void frontier_pop(Frontier *f, Region *region, double *lo, double *hi)
{
  const size_t n = (size_t)f->n;
  *region = f->heap[0];
  memcpy(lo, box_of(f, 0), n * sizeof(double));
  memcpy(hi, box_of(f, 0) + n, n * sizeof(double));
  const size_t last = --f->size;
  if (!last) return;
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

bool frontier_middle(double lo, double hi, double *mid)
{
  *mid = lo / 2 + hi / 2;
  return *mid > lo && *mid < hi;
}
