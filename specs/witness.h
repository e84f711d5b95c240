/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/witness.h -- a counterexample, and the replay that alone makes one.
 *
 * A point is a witness when
 *   1. it lies inside the specification's box, exactly, as decimals, and is proved
 *      to lie in the ball where there is one (ball_contains); where a range holds a
 *      decimal but no double (X = 0.1), one of the two neighbouring doubles stands
 *      for it, and if the model takes float32 its nearest float32 number,
 *   2. every row of one case holds (strictly where strict) for the whole
 *      enclosure of the real-arithmetic output, and
 *   3. the same rows hold for the float32 evaluation.
 * Where the model takes float32, the point is made of float32 numbers whenever
 * the box contains one.
 *
 * A witness is `robust` when the rows of one case also hold for every float32 execution
 * of net/orders.h, any order of summation included, and X rounded to float32 is still
 * in the box where that has float32 numbers; `borderline` when some program may round
 * its way out.  That takes no part in the verdict.
 */
#ifndef SPECS_WITNESS_H
#define SPECS_WITNESS_H

#include <stdbool.h>

#include "net/base/text.h"
#include "net/net.h"
#include "specs/ival.h"
#include "specs/prop.h"

/* In ascending order of what is known. */
typedef enum { WITNESS_UNTESTED, WITNESS_BORDERLINE, WITNESS_ROBUST } WitnessKind;

typedef struct {
  const Prop *prop; /* borrowed: what it violates */
  int n_in, n_out;
  double *x;           /* double x[n_in], owned, like all below */
  double *y;           /* double y[n_out]: evaluated in double */
  double *y_lo, *y_hi; /* enclosure of the real-arithmetic output */
  float *y32;          /* float y32[n_out] */
  int case_id;         /* index into prop->cases */
  double margin; /* largest row value of that case, an upper bound of the true one */
  /* From witness_complete; NULL before. */
  WitnessKind kind;
  float *y32_pairwise;     /* float32, sums by halves */
  double *any_lo, *any_hi; /* all float32 executions; infinite when one may overflow */
  Ival *row_any; /* Ival row_any[rows of the case]: row values in all of them */
} Witness;

/* Move x to the nearest admissible point of the box: inside it, and of float32 numbers
 * if the net takes them and the box has one.  Where there is a ball, to a near one in
 * both, as far as there is one nearby. */
void witness_snap(const Net *net, const Box *box, double *x);

/* Replay x against every case; the first that holds is taken.  On success fills *w
 * (witness_reset frees it) and returns true.  x itself is not changed; snap it first.
 */
bool witness_replay(const Net *net, const Prop *prop, const double *x, Witness *w);
void witness_reset(Witness *w);

/* A copy of a witness that was not completed. */
Witness witness_copy(const Witness *w);

/* Decide w->kind and fill what belongs to it.  When the case is not violated robustly
 * but another one is, that becomes its case.  Cost: about two evaluations. */
void witness_complete(const Net *net, Witness *w);

const char *
witness_kind_word(WitnessKind kind); /* "robust", "borderline", "untested" */

/* Values of  C y - rhs  over y in [lo, hi], true coefficients and right-hand sides:
 * the row holds when they are <= 0 (< 0 when strict).  NaN or infinite ends when they
 * cannot be bounded. */
Ival witness_row(const PropRow *row, const double *lo, const double *hi);

/* Why x, of finite numbers, is no witness, on one line: the first input outside the box
 * that is left by the fewest inputs, or a row of the case that is missed by least. */
void witness_explain(const Net *net, const Prop *prop, const double *x, Text *why);

/* X_i as text: %.17g, or the specification's decimal where that is a point without a
 * double: rounding it is what whoever reads the text must do. */
void witness_print_input(const Witness *w, int i, Text *out);

/* Read the X values of the text ((X_0 v) ... (Y_0 v) ...) of specs/assignment.h,
 * perhaps after the word `sat`.  A decimal means its nearest double; every X_i must be
 * given once, Y values are ignored. Fails DATA. */
Status witness_parse(const char *path, const char *text, size_t size, int n_in,
                     double *x, Err *err);

#endif
