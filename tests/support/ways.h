/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/ways.h -- the whole solver, run in many ways.
 *
 * Small limits of effort, so that a question that cannot be decided ends soon: nodes,
 * not seconds, so that the same seed always does the same.
 */
#ifndef TESTS_SUPPORT_WAYS_H
#define TESTS_SUPPORT_WAYS_H

#include "net/base/prng.h"
#include "net/net.h"
#include "solver/options.h"
#include "specs/prop.h"
#include "specs/result.h"

/* WAYS_N fixed ways: the default plan, every stage alone with what it needs, both kinds
 * of split with every level of contraction, with and without an attack. */
enum { WAYS_N = 20 };
Options ways_fixed(int i);

/* Any set of stages with intervals in it, any split, contraction and effort. */
Options ways_random(Prng *prng);

/* "stages 63, split 1, contract 2, ...", in a static buffer. */
const char *ways_text(const Options *o);

/* result_init and solve_property; the caller calls result_reset. */
Result ways_solve(const Net *net, const Prop *prop, const Options *o);

#endif
