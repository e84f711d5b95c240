/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_move.h -- operators that only move, repeat or drop elements.
 *
 * Each computes where every element of its result comes from and leaves the rest
 * to lower_ctx_gather, so constants are folded by the same code.  Those that keep
 * the order (Reshape, Flatten, ...) only change the shape.
 */
#ifndef NET_LOWER_MOVE_H
#define NET_LOWER_MOVE_H

#include "net/lower_ctx.h"

Status lower_move_identity(Lower *l, const OnnxNode *node);
Status lower_move_constant(Lower *l, const OnnxNode *node);
Status lower_move_constant_of_shape(Lower *l, const OnnxNode *node);
Status lower_move_shape(Lower *l, const OnnxNode *node);
Status lower_move_reshape(Lower *l, const OnnxNode *node);
Status lower_move_flatten(Lower *l, const OnnxNode *node);
Status lower_move_squeeze(Lower *l, const OnnxNode *node);
Status lower_move_unsqueeze(Lower *l, const OnnxNode *node);
Status lower_move_transpose(Lower *l, const OnnxNode *node);
Status lower_move_concat(Lower *l, const OnnxNode *node);
Status lower_move_expand(Lower *l, const OnnxNode *node);
Status lower_move_where(Lower *l, const OnnxNode *node);

#endif
