/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/fold.h -- arithmetic on constants at load time, as enclosures.
 *
 * A Fold stands for one unknown real number t with |t - v| <= err.  Every function
 * returns an enclosure of the result over all such operands; err = 0 exactly when
 * the operands are exact and the result is a double.  Overflow and division by an
 * enclosure of 0 give err = INFINITY (fold_ok tells).
 *
 * The model is a function over the reals, so a float32 model's folded constants
 * are not rounded to float32.
 */
#ifndef NET_FOLD_H
#define NET_FOLD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  double v, err; /* err >= 0 */
} Fold;

Fold fold_exact(double v);
Fold fold_add(Fold a, Fold b);
Fold fold_sub(Fold a, Fold b);
Fold fold_mul(Fold a, Fold b);
Fold fold_div(Fold a, Fold b);
Fold fold_sqrt(Fold a);
bool fold_ok(Fold a); /* finite value and error */

/* The smallest r, rounded up, with err[i] <= r |v[i]| for all i < n: the w_rel of
 * net/net.h.  err = NULL gives 0; INFINITY when a v[i] = 0 has an error. */
double fold_rel(const double *v, const double *err, size_t n);

#endif
