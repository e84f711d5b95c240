/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/shape.h"

#include <stdio.h>
#include <string.h>

#include "net/base/mem.h"

bool shape_make(int rank, const int64_t *dims, Shape *shape)
{
  *shape = (Shape){.rank = rank};
  if (rank < 0 || rank > NODE_MAX_RANK) return false;
  int64_t n = 1;
  bool empty = false;
  for (int d = 0; d < rank; d++) {
    if (dims[d] < 0 || dims[d] > SHAPE_MAX_SIZE) return false;
    shape->dims[d] = (int)dims[d];
    empty = empty || dims[d] == 0;
    if (dims[d]) n *= dims[d]; /* both factors are at most 2^28 */
    if (n > SHAPE_MAX_SIZE) return false;
  }
  shape->n = empty ? 0 : (int)n;
  return true;
}

Shape shape_vector(int n)
{
  return (Shape){.rank = 1, .dims = {n}, .n = n};
}

bool shape_equal(const Shape *a, const Shape *b)
{
  return a->rank == b->rank &&
         !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

bool shape_broadcast(const Shape *a, const Shape *b, Shape *out)
{
  const int rank = a->rank > b->rank ? a->rank : b->rank;
  int64_t dims[NODE_MAX_RANK];
  for (int d = 0; d < rank; d++) {
    const int da = d + a->rank - rank, db = d + b->rank - rank;
    const int x = da < 0 ? 1 : a->dims[da], y = db < 0 ? 1 : b->dims[db];
    if (x != y && x != 1 && y != 1) return false;
    dims[d] = x == 1 ? y : x;
  }
  return shape_make(rank, dims, out);
}

bool shape_axis(int64_t axis, int rank, int *out)
{
  if (axis < -rank || axis >= rank) return false;
  *out = (int)(axis < 0 ? axis + rank : axis);
  return true;
}

void shape_strides(const Shape *shape, int *strides)
{
  int step = 1;
  for (int d = shape->rank - 1; d >= 0; d--) {
    strides[d] = step;
    if (shape->n) step *= shape->dims[d];
  }
}

void shape_broadcast_strides(const Shape *in, const Shape *out, int *strides)
{
  int own[NODE_MAX_RANK];
  shape_strides(in, own);
  for (int d = 0; d < out->rank; d++) {
    const int k = d + in->rank - out->rank;
    strides[d] = k < 0 || in->dims[k] == 1 ? 0 : own[k];
  }
}

int *shape_map(const Shape *out, int offset, const int *strides)
{
  int *map = mem_array((size_t)out->n + 1, sizeof *map);
  int idx[NODE_MAX_RANK] = {0};
  int at = offset;
  for (int i = 0; i < out->n; i++) {
    map[i] = at;
    for (int d = out->rank - 1; d >= 0; d--) {
      at += strides[d];
      if (++idx[d] < out->dims[d]) break;
      at -= strides[d] * out->dims[d];
      idx[d] = 0;
    }
  }
  return map;
}

const char *shape_text(const Shape *shape, char text[SHAPE_TEXT])
{
  size_t n = (size_t)snprintf(text, SHAPE_TEXT, "[");
  for (int d = 0; d < shape->rank; d++)
    n += (size_t)snprintf(text + n, SHAPE_TEXT - n, d ? ", %d" : "%d", shape->dims[d]);
  snprintf(text + n, SHAPE_TEXT - n, "]");
  return text;
}
