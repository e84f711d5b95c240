/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_pick.h -- operators that pick or place elements by lists of indices, or
 * move them in blocks.  All are MAPs; indices are constants. */
#ifndef NET_LOWER_PICK_H
#define NET_LOWER_PICK_H

#include "net/lower_ctx.h"

Status lower_pick_gather_elements(Lower *l, const OnnxNode *node);
Status lower_pick_gather_nd(Lower *l, const OnnxNode *node);
Status lower_pick_scatter_elements(Lower *l, const OnnxNode *node);
Status lower_pick_scatter_nd(Lower *l, const OnnxNode *node);
Status lower_pick_depth_to_space(Lower *l, const OnnxNode *node);
Status lower_pick_space_to_depth(Lower *l, const OnnxNode *node);
Status lower_pick_trilu(Lower *l, const OnnxNode *node);

#endif
