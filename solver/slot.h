/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/slot.h -- what an open node of a search hands to its children, in one block of
 * bytes of fixed size (solver/tree.h).
 */
#ifndef SOLVER_SLOT_H
#define SOLVER_SLOT_H

#include <stdbool.h>

#include "bounds/bounds.h"
#include "bounds/packed.h"

/* Betas that a node hands on; older ones start from 0 again. */
#define SLOT_BETAS 64

/* How large its parts are. */
typedef struct {
  const Packed *packed; /* layout of slopes and intervals; borrowed */
  int max_count;        /* most rows of a case */
  bool has_inputs, has_intervals;
} SlotLayout;

/* Views into a slot, in this order. */
typedef struct {
  double *weights;       /* double weights[max_count] */
  float *beta;           /* float beta[SLOT_BETAS]: of the path, last decision first */
  float *input;          /* float input[2 inputs]: lo, hi, where has_inputs */
  float *interval;       /* float interval[2 packed width]: where has_intervals */
  unsigned char *slopes; /* unsigned char slopes[packed width] */
} Slot;

size_t slot_bytes(const SlotLayout *layout);
Slot slot_view(const SlotLayout *layout, const unsigned char *bytes);

/* Intervals of box t, rounded outwards, into a slot, and what is in a slot met with
 * those of box t: of all inputs, and of the neurons of the layout. */
void slot_store_inputs(const Bounds *b, int t, float *input);
void slot_load_inputs(Bounds *b, int t, const float *input);
void slot_store_intervals(const SlotLayout *layout, const Bounds *b, int t,
                          float *interval);
void slot_load_intervals(const SlotLayout *layout, Bounds *b, int t,
                         const float *interval);

#endif
