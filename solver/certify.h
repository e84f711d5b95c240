/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/certify.h -- the certificate that goes with a verdict: opened before the
 * search, checked and put under its name after it.
 *
 * Options ask for it: `certificate` (the file), `check` (check it, and do not say
 * verified unless it is accepted).
 */
#ifndef SOLVER_CERTIFY_H
#define SOLVER_CERTIFY_H

#include <stdbool.h>

#include "net/net.h"
#include "solver/options.h"
#include "solver/proof.h"
#include "specs/prop.h"
#include "specs/result.h"

typedef struct {
  bool is_written;  /* under its name */
  bool is_checked;  /* and accepted */
  bool is_rejected; /* checked, and not accepted: the verdict stays unknown */
} Certified;

/* *proof is NULL when the options ask for nothing; owned: proof_free.  Fails CREATE. */
Status certify_begin(const Net *net, const Prop *prop, const Options *options,
                     Proof **proof, Err *err);

/* After solve_property.  Where all cases are proved: the certificate, checked and under
 * its name, and a withheld verdict released.  Otherwise, and where proof is NULL,
 * nothing.  Errors go into err, and into what is not set of *c. */
void certify_end(Proof *proof, const Net *net, const Prop *prop, const Options *options,
                 Result *r, Certified *c, Err *err);

#endif
