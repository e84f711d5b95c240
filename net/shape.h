/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/shape.h -- tensor shapes and index arithmetic, overflow-checked.
 *
 * A tensor is stored row-major: element (i_0, ..., i_{r-1}) sits at
 * sum_d i_d stride_d, stride_{r-1} = 1.  Broadcasting is numpy's: shapes are
 * aligned at the right, and a dimension of 1 repeats.
 */
#ifndef NET_SHAPE_H
#define NET_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"

/* No tensor may have more elements: 2 GiB of doubles. */
#define SHAPE_MAX_SIZE (1 << 28)

/* No variable, and no constant that is not stored in the file, may have more: a few
 * bytes can ask for any size. */
#define SHAPE_MAX_VARIABLE (1 << 24)

/* What all nodes of a model may read and make together: each of them can ask for the
 * largest size again, which costs time.  A model that stores many weights may do more,
 * SHAPE_PER_STORED for each: a small file is what must not ask for much. */
#define SHAPE_MAX_TOTAL  (1 << 28)
#define SHAPE_PER_STORED 256

typedef struct {
  int rank; /* 0 is a scalar */
  int dims[NODE_MAX_RANK];
  int n; /* their product; 0 for an empty tensor */
} Shape;

/* False when the rank is above NODE_MAX_RANK, a dimension is negative, or the
 * product is above SHAPE_MAX_SIZE. */
bool shape_make(int rank, const int64_t *dims, Shape *shape);

Shape shape_vector(int n);
bool shape_equal(const Shape *a, const Shape *b);

/* The common shape of two; false when they do not match. */
bool shape_broadcast(const Shape *a, const Shape *b, Shape *out);

/* An axis counted from the front or, when negative, from the back; false when it
 * is outside -rank..rank-1. */
bool shape_axis(int64_t axis, int rank, int *out);

void shape_strides(const Shape *shape, int *strides);

/* The strides with which `in` is read while `out` is walked: 0 where it repeats.
 * Needs `in` to broadcast to `out`. */
void shape_broadcast_strides(const Shape *in, const Shape *out, int *strides);

/* map[i] = offset + sum_d idx_d strides[d], idx the multi-index of element i of
 * `out`.  Owned by the caller (mem_free). */
int *shape_map(const Shape *out, int offset, const int *strides);

/* "[1, 3, 32, 32]" */
#define SHAPE_TEXT 112
const char *shape_text(const Shape *shape, char text[SHAPE_TEXT]);

#endif
