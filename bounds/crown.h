/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/crown.h -- backward bounds for every pre-activation.
 *
 * Layer by layer from the input, each neuron that interval propagation leaves
 * open is bounded from below and above by the Lagrangian with objectives +e_i and
 * -e_i: with fixed slopes that is CROWN (Zhang et al. 2018); with slopes optimised for
 * each neuron it is alpha-CROWN's joint optimisation (Xu et al. 2021), because a
 * bound of a later layer can only gain from tighter intervals of earlier ones.
 */
#ifndef BOUNDS_CROWN_H
#define BOUNDS_CROWN_H

#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/team.h"
#include "net/base/stop.h"

/* Tighten all intervals of b; slope_iterations > 0 optimises slopes for every
 * neuron.  The neurons of a layer are shared out among the team.  Returns false when
 * stopped early; what was tightened stays valid. */
bool crown_tighten(const Team *team, Bounds *b, int slope_iterations, const Stop *stop);

typedef enum {
  CROWN_BACKWARD, /* adaptive slopes */
  CROWN_INTERVALS /* all activation multipliers 0: what interval propagation knows */
} CrownRows;

/* Bound every row of each listed case on its own: lower[i] is raised to the best
 * proven bound of the rows row[k] .. row[k+1]-1 of case k = cases[i].  b has one
 * box.  Returns false when stopped early. */
bool crown_bound_cases(Lagrangian *L, const Bounds *b, CrownRows which, int n,
                       const int *cases, const int *row, const Stop *stop,
                       double *lower);

#endif
