/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_arith.h -- elementwise operators: arithmetic with constants becomes
 * SCALE, sums of variables become ADD, everything constant is folded. */
#ifndef NET_LOWER_ARITH_H
#define NET_LOWER_ARITH_H

#include "net/lower_ctx.h"

Status lower_arith_binary(Lower *l, const OnnxNode *node); /* Add Sub Mul Div */
Status lower_arith_neg(Lower *l, const OnnxNode *node);
Status lower_arith_act(Lower *l, const OnnxNode *node); /* net/act.def */
Status lower_arith_cast(Lower *l, const OnnxNode *node);
Status lower_arith_dropout(Lower *l, const OnnxNode *node);
Status lower_arith_batchnorm(Lower *l, const OnnxNode *node);

/* y = a op b with op one of '+' '-' '*' '/' and numpy's broadcasting. */
Status lower_arith_apply(Lower *l, const OnnxNode *node, char op, const Value *a,
                         const Value *b, Value *y);

#endif
