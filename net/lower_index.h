/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_index.h -- operators that pick elements by position: the other half of
 * net/lower_move.h. */
#ifndef NET_LOWER_INDEX_H
#define NET_LOWER_INDEX_H

#include "net/lower_ctx.h"

Status lower_index_slice(Lower *l, const OnnxNode *node);
Status lower_index_split(Lower *l, const OnnxNode *node);
Status lower_index_gather(Lower *l, const OnnxNode *node);
Status lower_index_pad(Lower *l, const OnnxNode *node);
Status lower_index_tile(Lower *l, const OnnxNode *node);

#endif
