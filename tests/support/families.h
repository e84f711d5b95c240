/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/families.h -- points and intervals of every size for functions of one
 * variable, and their values in long double. */
#ifndef TESTS_SUPPORT_FAMILIES_H
#define TESTS_SUPPORT_FAMILIES_H

#include "net/act.h"
#include "net/base/prng.h"

/* POINT: where functions turn, bend, saturate or overflow, and points beside that. */
typedef enum { LEFT, RIGHT, CROSSING, HUGE_, TINY, POINT, DENORMAL, N_FAMILIES } Family;

extern const char *const families_names[];

double families_sign(Prng *p); /* 1 or -1 */
double families_draw(Prng *p, Family f);

/* Where h is defined. */
double families_inside(Prng *p, ActKind kind, Family f);

/* The same for an interval: of one family, or between two, or a point. */
void families_interval(Prng *p, ActKind kind, Family f, double *l, double *u);

/* A point of [l, u]. */
double families_between(Prng *p, double l, double u);

/* h (x) by other formulas than those of net/act.c, and with eleven bits more. */
long double families_value(ActKind kind, long double x);

#endif
