/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_smooth.h -- elementwise operators that are not one line of net/act.def:
 * those with attributes, and Pow. */
#ifndef NET_LOWER_SMOOTH_H
#define NET_LOWER_SMOOTH_H

#include "net/lower_ctx.h"

Status lower_smooth_elu(Lower *l, const OnnxNode *node); /* Elu, Selu */
Status lower_smooth_celu(Lower *l, const OnnxNode *node);
Status lower_smooth_gelu(Lower *l, const OnnxNode *node);
Status lower_smooth_swish(Lower *l, const OnnxNode *node);
Status lower_smooth_mish(Lower *l, const OnnxNode *node);
Status lower_smooth_softsign(Lower *l, const OnnxNode *node);
Status lower_smooth_pow(Lower *l, const OnnxNode *node);

/* |x| = 2 relu (x) - x */
Status lower_smooth_abs(Lower *l, const OnnxNode *node, const Value *x, Value *y);

#endif
