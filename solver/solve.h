/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/solve.h -- one network, one property, one verdict. */
#ifndef SOLVER_SOLVE_H
#define SOLVER_SOLVE_H

#include "net/base/stop.h"
#include "net/net.h"
#include "solver/options.h"
#include "solver/proof.h"
#include "specs/prop.h"
#include "specs/result.h"

/* Run the stages of options->stages until a verdict, a limit or the end of the
 * means.  Fills *r (result_init by the caller).  Never fails: what cannot be decided
 * is unknown with a reason.  proof, or NULL, receives what certifies `verified`. */
void solve_property(const Net *net, const Prop *prop, const Options *options,
                    const Stop *stop, Proof *proof, Result *r);

#endif
