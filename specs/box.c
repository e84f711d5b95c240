/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/box.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/status.h"

Box box_new(int n)
{
  STATUS_REQUIRE(n >= 0, "a box needs a size >= 0");
  const size_t size = (size_t)n;
  double *block = mem_doubles0(4 * size);
  return (Box){.n = n,
               .lo = block,
               .hi = block + size,
               .in_lo = block + 2 * size,
               .in_hi = block + 3 * size};
}

void box_free(Box *box)
{
  mem_free(box->lo);
  ball_free(box->ball);
  *box = (Box){0};
}

Box box_copy(const Box *box)
{
  Box copy = box_new(box->n);
  if (box->n) memcpy(copy.lo, box->lo, 4 * (size_t)box->n * sizeof *copy.lo);
  copy.ball = ball_copy(box->ball);
  return copy;
}

bool box_equal(const Box *a, const Box *b)
{
  if (a->n != b->n) return false;
  for (size_t i = 0; i < 4 * (size_t)a->n; i++)
    if (a->lo[i] != b->lo[i]) return false;
  return ball_equal(a->ball, b->ball);
}

uint64_t box_hash(const Box *box)
{
  uint64_t h = (uint64_t)box->n ^ ball_hash(box->ball);
  for (size_t i = 0; i < 4 * (size_t)box->n; i++) {
    const double x = box->lo[i] + 0.0; /* -0 becomes 0 */
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    h = (h ^ bits) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  h *= 0xbf58476d1ce4e5b9u;
  return h ^ h >> 32;
}

bool box_contains(const Box *box, const double *x)
{
  for (int i = 0; i < box->n; i++)
    if (!(x[i] >= box->in_lo[i] && x[i] <= box->in_hi[i])) return false;
  return !box->ball || ball_contains(box->ball, x);
}

/* Numbers that round to a float32 infinity have no nearest float32: x itself. */
static double nearest_float(double x)
{
  if (fabs(x) <= (double)FLT_MAX) return (double)(float)x;
  if (fabs(x) < 0x1.ffffffp127) return copysign((double)FLT_MAX, x);
  return x;
}

double box_float_dn(double x)
{
  return fmin(x, nearest_float(x));
}

double box_float_up(double x)
{
  return fmax(x, nearest_float(x));
}
