/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/jsonnet.h -- small networks written by hand, in JSON.
 *
 *     { "input": 2,
 *       "layers": [
 *         { "type": "dense", "weights": [[1, 1], [1, -1]], "bias": [0, 0.5] },
 *         { "type": "relu", "name": "h" },
 *         { "type": "dense", "weights": [[1, -2]] } ] }
 *
 * "input" is a length or a shape such as [1, 8, 8] (channels, height, width).  Each
 * layer reads the one before, or the one that "from" names; "input" is the name of
 * the input.  The last layer is the output.  Keys of every layer: type, name, from.
 *
 *     dense   weights [rows][columns], bias [rows] (0)
 *     conv    weights [c_out][c_in / groups][height][width], bias [c_out] (0),
 *             strides [v, h] (1), dilations [v, h] (1), groups (1),
 *             padding [top, left, bottom, right] (0); reads a 3-dimensional layer
 *     scale   scale, shift: one number, or one for each element (1 and 0)
 *     add     from: two or more names; coef: 1 or -1 for each (1)
 *     mul     from: two names
 *     concat  from: one or more names
 *     map     map: positions in the concatenation of "from"; -1 gives 0
 *     relu    and every other name of net/act.def in lower case
 *
 * Unknown keys are errors.  Numbers are decimals, and the network is *defined* as
 * the one with the nearest doubles.
 */
#ifndef NET_JSONNET_H
#define NET_JSONNET_H

#include "net/base/file.h"
#include "net/base/status.h"
#include "net/net.h"

/* Returns an owned Net (net_free) with sha256 empty, or NULL with err set: DATA
 * naming the layer. */
Net *jsonnet_read(const char *path, const File *file, Err *err);

#endif
