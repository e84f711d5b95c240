/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_sum.h -- sums of several operands, and running sums along an axis. */
#ifndef NET_LOWER_SUM_H
#define NET_LOWER_SUM_H

#include "net/lower_ctx.h"

Status lower_sum_of_operands(Lower *l, const OnnxNode *node); /* Sum, Mean */
Status lower_sum_cumulative(Lower *l, const OnnxNode *node);  /* CumSum */

#endif
