/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/spill.h -- numbered records in a temporary file, in the order they came.
 *
 * A search writes down what closes its nodes before it knows whether it will succeed.
 * Failures to write are reported once, by spill_ok.
 */
#ifndef SOLVER_SPILL_H
#define SOLVER_SPILL_H

#include <stdbool.h>

#include "solver/proof.h"

typedef struct Spill Spill;

Spill *spill_new(void);
void spill_free(Spill *spill); /* NULL is fine */

void spill_add(Spill *spill, int id, const ProofText *record);
bool spill_ok(const Spill *spill);

/* Back to the first record; then each in turn, false after the last one. */
void spill_rewind(Spill *spill);
bool spill_next(Spill *spill, int *id, ProofText *record);

#endif
