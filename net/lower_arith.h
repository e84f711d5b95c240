/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_arith.h -- elementwise operators: arithmetic with constants becomes
 * SCALE, sums of variables become ADD, products of variables what net/lower_mul.h makes
 * of them, everything constant is folded. */
#ifndef NET_LOWER_ARITH_H
#define NET_LOWER_ARITH_H

#include "net/fold.h"
#include "net/lower_ctx.h"

Status lower_arith_binary(Lower *l, const OnnxNode *node); /* Add Sub Mul Div */
Status lower_arith_neg(Lower *l, const OnnxNode *node);
Status lower_arith_act(Lower *l, const OnnxNode *node); /* net/act.def */
Status lower_arith_cast(Lower *l, const OnnxNode *node);
Status lower_arith_dropout(Lower *l, const OnnxNode *node);
Status lower_arith_batchnorm(Lower *l, const OnnxNode *node);

/* y = h (x), folded for constants.  Some functions that a model writes as several are
 * found again: see net/lower_known.h. */
Status lower_arith_activate(Lower *l, const OnnxNode *node, ActKind act, const Value *x,
                            Value *y);

/* y = c x and y = x + c for one number c. */
Status lower_arith_times(Lower *l, const OnnxNode *node, const Value *x, Fold c,
                         Value *y);
Status lower_arith_plus(Lower *l, const OnnxNode *node, const Value *x, Fold c,
                        Value *y);

/* y = a op b with op one of '+' '-' '*' '/' and numpy's broadcasting. */
Status lower_arith_apply(Lower *l, const OnnxNode *node, char op, const Value *a,
                         const Value *b, Value *y);

#endif
