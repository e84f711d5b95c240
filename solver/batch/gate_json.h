/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/gate_json.h -- the result of a gate as one JSON object:
 * docs/gate.md. */
#ifndef SOLVER_BATCH_GATE_JSON_H
#define SOLVER_BATCH_GATE_JSON_H

#include "solver/batch/gate.h"

/* The object and a newline; each check has the JSON object of verify in it. */
void gate_json_print(const Gate *gate, Text *out);

#endif
