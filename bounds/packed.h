/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/packed.h -- slopes of one objective in one byte each.
 *
 * Any slope in [0, 1] is sound, so rounding them to 255 steps costs nothing but a
 * little tightness.  Only neurons that were unstable in the bounds a Packed was made
 * from are kept: a neuron never becomes unstable again.  A row of bytes is
 *
 *     slope [k][open[k][i]],   i < n_open[k], for the activation nodes k < start in
 * order
 *
 * so a row for a later start node begins with the row for an earlier one.
 */
#ifndef BOUNDS_PACKED_H
#define BOUNDS_PACKED_H

#include <stddef.h>

#include "bounds/bounds.h"

typedef struct {
  const Net *net;
  int *n_open;    /* int n_open[n_nodes]: 0 for other nodes than activations */
  int **open;     /* int open[k][n_open[k]]: elements in rising order */
  size_t *before; /* size_t before[n_nodes + 1]: slopes of the nodes before k */
} Packed;

/* The layout for box 0 of b. */
Packed *packed_new(const Bounds *b);
void packed_free(Packed *p); /* NULL is fine */

/* Bytes of a row for that start node. */
static inline size_t packed_width(const Packed *p, int start)
{
  return p->before[start];
}

/* Row r of alpha[k][rows][size_k] into bytes, and back.  The unpacked row has numbers
 * only where a neuron was unstable; others keep what they held. */
void packed_store(const Packed *p, int start, double *const *alpha, int r,
                  unsigned char *bytes);
void packed_load(const Packed *p, int start, const unsigned char *bytes,
                 double *const *alpha, int r);

/* Row r as it comes back from bytes. */
void packed_round(const Packed *p, int start, double *const *alpha, int r);

/* The slopes that an intermediate bound was best with, for every unstable neuron of
 * every layer and both directions: bounds/crown.h fills and reads them. */
typedef struct {
  const Packed *packed; /* borrowed */
  int **row_of;         /* int row_of[j][2 i + (sign < 0)], -1: none; pre-activations */
  int *n_rows;          /* int n_rows[n_nodes] */
  unsigned char **slope; /* slope[j][n_rows[j]][packed_width (j)] */
} Hints;

/* Room for every neuron that is unstable in the layout; all slopes 0 and no row known.
 * NULL when it would take more than `most` bytes. */
Hints *packed_hints_new(const Packed *packed, size_t most);
void packed_hints_free(Hints *h); /* NULL is fine */

/* The bytes of objective sign e_i on node j; NULL where there is no such row. */
unsigned char *packed_hints_row(const Hints *h, int j, int i, int sign);

#endif
