/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/precise.h -- activations and their slopes to many digits, with MPFR.
 *
 * An independent way to the numbers of net/act.h: other formulas, another library.
 * The relative error is below 2^-(bits - 10), bits the precision of the result.
 */
#ifndef TESTS_SUPPORT_PRECISE_H
#define TESTS_SUPPORT_PRECISE_H

#include <mpfr.h>

#include "net/act.h"

/* y = h (x) and y = h'(x); x inside the domain and no kink. */
void precise_value(ActKind kind, double x, mpfr_t y);
void precise_slope(ActKind kind, double x, mpfr_t y);

#endif
