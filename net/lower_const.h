/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_const.h -- operators of constants (Ceil and Floor of variables too):
 * what the shape arithmetic in exported models consists of.
 *
 * Most of them jump, so floating-point operands must be exactly what ONNX computes
 * (lower_ctx_check_drift).
 */
#ifndef NET_LOWER_CONST_H
#define NET_LOWER_CONST_H

#include "net/lower_ctx.h"

Status lower_const_round(Lower *l, const OnnxNode *node);   /* Ceil Floor Round */
Status lower_const_compare(Lower *l, const OnnxNode *node); /* Equal Greater Less ... */
Status lower_const_logic(Lower *l, const OnnxNode *node);   /* And Or Xor Not */
Status lower_const_mod(Lower *l, const OnnxNode *node);
Status lower_const_range(Lower *l, const OnnxNode *node);
Status lower_const_nonzero(Lower *l, const OnnxNode *node);
Status lower_const_arg(Lower *l, const OnnxNode *node); /* ArgMax ArgMin */
Status lower_const_size(Lower *l, const OnnxNode *node);

#endif
