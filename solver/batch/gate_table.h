/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/gate_table.h -- the result of a gate for people. */
#ifndef SOLVER_BATCH_GATE_TABLE_H
#define SOLVER_BATCH_GATE_TABLE_H

#include "solver/batch/gate.h"

/* A row for each item, what is wrong with it below, and a last line that says whether
 * the gate is passed:
 *
 *     verdict     seconds  evidence              check: network specification
 *     verified       0.12  certificate accepted  braking: brake.onnx narrow.vnnlib
 *     falsified      0.08  witness, robust       braking: bad.onnx narrow.vnnlib
 *         violated: case 0 (narrow.vnnlib:10), margin -0.25; witness.json
 *     gate failed: 2 checked: 1 verified, 1 falsified
 */
void gate_table_print(const Gate *gate, Text *out);

/* "2 checked: 1 verified, 1 falsified" */
void gate_table_summary(const Gate *gate, Text *out);

#endif
