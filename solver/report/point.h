/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/point.h -- a counterexample in a page: pictures, or tables. */
#ifndef SOLVER_REPORT_POINT_H
#define SOLVER_REPORT_POINT_H

#include <stddef.h>

#include "net/base/json.h"
#include "net/base/text.h"

/* The member "witness" of `verify --format json`; nothing without one.  Pictures are
 * counted off *image_bytes; when they do not fit, a sentence says so and *n_left_out is
 * raised. */
void point_print(const cJSON *verify, size_t *image_bytes, int *n_left_out, Text *out);

#endif
