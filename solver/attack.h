/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/attack.h -- looking for a counterexample by projected gradient descent.
 *
 * The margin of a case (specs/query.h) is minimised from many points at once,
 *
 *     x <- project (x - rate_t * halfwidth * sign (dm/dx))
 *
 * (Madry et al. 2018), the rate falling geometrically; m is the row of the case
 * that is largest at x.  All points advance together, one GEMM per layer.  What looks
 * like a counterexample is snapped and replayed (specs/witness.h); only the replay
 * decides.  When the witness is borderline, a few more descents of a fixed number of
 * steps start there and may replace it by a robust one.
 */
#ifndef SOLVER_ATTACK_H
#define SOLVER_ATTACK_H

#include <stdbool.h>

#include "net/base/prng.h"
#include "net/base/stop.h"
#include "net/net.h"
#include "specs/prop.h"
#include "specs/query.h"
#include "specs/result.h"

typedef struct Attack Attack;

/* Everything is borrowed and must outlive the attack.  `net` is the network
 * without the margin node, for replays. */
Attack *attack_new(const Net *net, const Prop *prop, const Query *query,
                   Result *result);
void attack_free(Attack *a);

/* Descend from `restarts` starting points for every open case, at most `most` in all:
 * the centre, then in turn random points and random corners.  Returns true when a
 * witness was found.  Seen margins are reported to the result. */
bool attack_random(Attack *a, int restarts, long most, int steps, Prng *prng,
                   const Stop *stop);

/* Descend from given points, double points[n][inputs] (clipped to the box), for the
 * case of each: cases[i] counts from query->first_case.  `reach` is the length of the
 * first step in half-widths of the box: 0.5 when the points say little, less when the
 * counterexample should be near. */
bool attack_from(Attack *a, int n, const double *points, const int *cases, int steps,
                 double reach, const Stop *stop);

/* The margins at given points, double margin[n], and nothing else. */
void attack_margins(Attack *a, int n, const double *points, const int *cases,
                    double *margin);

/* Descents so far. */
long attack_n_restarts(const Attack *a);

#endif
