/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/junit.h -- the result of a gate as JUnit XML, for build servers.
 *
 * A check is a test suite, each of its networks with each specification a test case:
 *     verified   passed
 *     falsified  <failure type="falsified"> with the witness file in it
 *     undecided  <error type="timeout|memory|unknown">, also where the policy is to
 * warn: what proves nothing must not be green, and <skipped> often is rejected   <error
 * type="rejected"> error      <error> with the kind of error as its type
 */
#ifndef SOLVER_BATCH_JUNIT_H
#define SOLVER_BATCH_JUNIT_H

#include "solver/batch/gate.h"

void junit_print(const Gate *gate, Text *out);

#endif
