/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/props.h -- properties over one box, with exact numbers. */
#ifndef TESTS_SUPPORT_PROPS_H
#define TESTS_SUPPORT_PROPS_H

#include "net/net.h"
#include "specs/prop.h"

/* Unsafe: some case k has y[var[r]] <= rhs[r] for all its rows
 * r = first[k] .. first[k + 1] - 1. */
Prop *props_below(const Net *net, const double *lo, const double *hi, int n_cases,
                  const int *first, const int *var, const double *rhs);

#endif
