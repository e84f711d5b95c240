/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/witness.h -- a counterexample, and the replay that alone makes one.
 *
 * A point is a witness when
 *   1. it lies inside the specification's box, exactly, as decimals; where a range
 *      holds a decimal but no double (X = 0.1), one of the two neighbouring doubles
 *      stands for it, and if the model takes float32 its nearest float32 number,
 *   2. every row of one case holds (strictly where strict) for the whole
 *      enclosure of the real-arithmetic output, and
 *   3. the same rows hold for the float32 evaluation.
 * Where the model takes float32, the point is made of float32 numbers whenever
 * the box contains one.
 */
#ifndef SPECS_WITNESS_H
#define SPECS_WITNESS_H

#include <stdbool.h>

#include "net/base/text.h"
#include "net/net.h"
#include "specs/prop.h"

typedef struct {
  int n_in, n_out;
  double *x;           /* double x[n_in], owned, like all below */
  double *y;           /* double y[n_out]: evaluated in double */
  double *y_lo, *y_hi; /* enclosure of the real-arithmetic output */
  float *y32;          /* float y32[n_out] */
  int case_id;         /* index into prop->cases */
  double margin; /* largest row value of that case, an upper bound of the true one */
} Witness;

/* Move x to the nearest admissible point of the box of `case_id`: inside it, and of
 * float32 numbers if the net takes them and the box has one. */
void witness_snap(const Net *net, const Box *box, double *x);

/* Replay x against every case; the first that holds is taken.  On success fills *w
 * (witness_reset frees it) and returns true.  x itself is not changed; snap it first.
 */
bool witness_replay(const Net *net, const Prop *prop, const double *x, Witness *w);
void witness_reset(Witness *w);

/* The VNN-COMP text: ((X_0 v) ... (Y_0 v) ...) one pair per line, %.17g, Y from
 * the float32 evaluation when the model is float32. */
void witness_print(const Net *net, const Witness *w, Text *out);

/* Read the X values of such a text, perhaps after the word `sat`.  A decimal means
 * its nearest double; every X_i must be given once, Y values are ignored.
 * Fails DATA. */
Status witness_parse(const char *path, const char *text, size_t size, int n_in,
                     double *x, Err *err);

#endif
