/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/margin.h -- how far does a property hold around a point?
 *
 * A bracket [lower, upper] on the radii of a Family (specs/family.h): the property is
 * proved on S(lower), and S(upper) has a counterexample that was replayed.  Both are
 * verdicts of solve_property about one radius, nothing else moves an end:
 *
 *     lower   the largest radius that was verified
 *     upper   the smallest distance of a counterexample, rounded up
 *
 * The search doubles until it fails and then divides, first with bounds alone, then
 * with everything.  A bound b(r) that is known at two radii says where the next one is
 * tried: sets that are nested have bounds that fall with r, so the zero of the line
 * through both is near the largest radius that these bounds prove.  A counterexample is
 * moved towards the centre for as long as it stays one.  Radii that stay undecided are
 * left between the ends; above them only the attack goes on.
 */
#ifndef SOLVER_MARGIN_H
#define SOLVER_MARGIN_H

#include <pthread.h>
#include <stdbool.h>

#include "net/base/stop.h"
#include "net/net.h"
#include "solver/options.h"
#include "specs/family.h"
#include "specs/result.h"

typedef struct {
  double precision;        /* wanted: upper - lower <= precision upper; l0: 1 apart */
  double step_seconds;     /* at most for one radius; INFINITY: no limit */
  double most;             /* no radius above; INFINITY: none */
  const Options *options;  /* of every solve_property; its timeout is not used */
  const char *spec;        /* file for the text of the certified radius, or NULL */
  const char *certificate; /* file for its certificate, or NULL */
} MarginPlan;

typedef enum {
  MARGIN_NONE,       /* not finished */
  MARGIN_CLOSE,      /* both ends, as near as wanted */
  MARGIN_WRONG,      /* the centre itself is unsafe: upper is 0, lower -1 */
  MARGIN_EVERYWHERE, /* proved up to the largest radius: everything within the clip,
                      * `most`, or 2^30 times the first one; upper is INFINITY */
  MARGIN_WIDE        /* a limit, or radii that stayed undecided */
} MarginState;

typedef struct {
  MarginState state;
  double lower;      /* -1: none */
  double upper;      /* INFINITY: none */
  double undecided;  /* the smallest radius that could not be decided; INFINITY: none */
  StopWhy why;       /* the limit of the whole search that ended it */
  int n_steps;       /* radii tried */
  bool is_certified; /* the two files are about `lower` */
  int n;             /* inputs of x */
  double *x;         /* double x[n]: the counterexample; owned; NULL: none */
  double seconds;
  pthread_mutex_t lock; /* around changes, for whoever prints meanwhile */
} Margin;

void margin_init(Margin *m);
void margin_reset(Margin *m);

/* Fill *m.  `net` is that of the family's problem.  Where time runs out, the bracket so
 * far.  Fails CREATE or IO for the files, and INTERNAL when a counterexample lies
 * within a radius that was verified. */
Status margin_search(const Net *net, const Family *family, const MarginPlan *plan,
                     const Stop *stop, Margin *m, Err *err);

/* (upper - lower) / upper; INFINITY without both ends, 0 when upper is 0. */
double margin_width(const Margin *m);

/* "close", "wrong", "everywhere", "wide", "unfinished". */
const char *margin_word(MarginState state);

#endif
