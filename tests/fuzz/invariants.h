/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/invariants.h -- what must hold for whatever a reader accepts.
 *
 * Each function aborts when a promise of a header is broken.  They are written from the
 * headers alone and share no code with what they check.
 */
#ifndef TESTS_FUZZ_INVARIANTS_H
#define TESTS_FUZZ_INVARIANTS_H

#include "net/net.h"
#include "specs/prop.h"

/* net/net.h.  A small network is also evaluated and bounded on a box, whose radius
 * follows from `seed`: intervals are ordered and no NaN, and contain what the
 * enclosures of net/eval.h say about points of the box, for interval propagation,
 * affine forms and backward bounds. */
void invariants_net(const Net *net, unsigned seed);

/* specs/prop.h and specs/box.h. */
void invariants_prop(const Prop *prop);

#endif
