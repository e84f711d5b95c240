/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/regions.h -- a search that cuts the input box: blocks X, x, y.
 *
 * The tree is walked from the root, first kid first.  States are made when they are
 * needed: a region that is not cut is first tried from the state of the whole box;
 * where that does not close its cases, from the state of the region above, which the
 * format promises.  A region that is cut needs its state for its events.  Memory: one
 * state for each region on the way that needed one.
 *
 * Covering: a region is the meet of the box with the cuts above it, [lo, mid] and
 * [mid, hi] at the very same double, so that its kids cover it.
 */
#ifndef SPECS_CHECK_REGIONS_H
#define SPECS_CHECK_REGIONS_H

#include "specs/check/work.h"

/* `block` is at X; it is left at y.  Fails DATA with the reason of refusal. */
Status regions_check(Work *w, Block *block, Err *err);

#endif
