/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/bound.h -- one bounding method alone, for comparing methods.
 *
 * No attack, no verdict, no other stage before it than the intermediate bounds the
 * method needs: the proven lower bound of every case's margin (specs/query.h).
 */
#ifndef SOLVER_BOUND_H
#define SOLVER_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "net/base/stop.h"
#include "net/net.h"
#include "specs/prop.h"

typedef enum {
  BOUND_IBP,    /* interval propagation */
  BOUND_CROWN,  /* backward bound propagation */
  BOUND_SLOPES, /* the same with optimised slopes */
  BOUND_DUAL,   /* all multipliers */
  BOUND_LP      /* the linear program of the triangle relaxation */
} BoundMethod;

typedef struct {
  BoundMethod method;
  int iterations;   /* 0: the method's default */
  bool float32;     /* of every execution in float32 (net/rounded.h) */
  bool joint;       /* optimise intermediate bounds together with the objective */
  bool decay;       /* steps of a decaying length instead of Adam */
  bool free_lambda; /* dual: lambda is a variable too, instead of its closed form */
  int threads;
  uint64_t seed;
} BoundRequest;

/* `lower` is -INFINITY until something is proven.  Writers may be overtaken by the
 * watchdog, which prints rows as they stand. */
typedef struct {
  double lower;
  double seconds;
  long iterations;
} BoundRow;

/* Bound every case of the property.  rows[k] belongs to prop->cases[k]; the caller
 * has set every row to {-INFINITY, 0, 0}.  A limit ends the work early and is not
 * a failure.  Fails UNSUPPORTED when the method cannot treat the network, or float32
 * may overflow. */
Status bound_compute(const Net *net, const Prop *prop, const BoundRequest *request,
                     const Stop *stop, BoundRow *rows, Err *err);

#endif
