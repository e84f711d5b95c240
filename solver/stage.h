/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/stage.h -- the stages that solver/solve.c strings together.
 *
 * Every stage works on the open cases of one query, raises their proven bounds
 * through result_raise with numbers from lagrangian_bound or lp_bound only, and
 * returns when it has nothing left to do or a limit is hit.  Later stages use what
 * earlier ones left: intervals, slopes, corners.
 */
#ifndef SOLVER_STAGE_H
#define SOLVER_STAGE_H

#include <stdbool.h>

#include "bounds/bounds.h"
#include "bounds/lagrangian.h"
#include "bounds/packed.h"
#include "bounds/team.h"
#include "net/base/prng.h"
#include "net/base/stop.h"
#include "solver/attack.h"
#include "solver/options.h"
#include "solver/proof.h"
#include "specs/query.h"
#include "specs/result.h"

/* A network is fused once and can shrink again once its intervals are tighter. */
#define JOB_MAX_REDUCTIONS 6

/* One query in work. */
typedef struct {
  const Net *net; /* without the margin node */
  const Prop *prop;
  const Query *query; /* as asked: for the attack */
  const Options *options;
  const Stop *stop;
  Result *result;
  Proof *proof; /* what certifies the result; NULL: nobody asked.  Then only steps are
                 * taken that a certificate can have: no affine forms, squares, linear
                 * programs of the whole box, free multipliers or equations */
  Prng *prng;
  Attack *attack;    /* made by the first attack */
  const Query *live; /* for bounds: `query`, or `reduced` once there is one */
  Query reduced;     /* the same cases on a network with fewer nodes or neurons
                      * (bounds/fuse.h, bounds/reduce.h), which borrows from older[] */
  Net *older[JOB_MAX_REDUCTIONS];
  int n_older;
  long n_dead;    /* neurons that left */
  long n_nodes;   /* of branch and bound so far */
  Bounds *bounds; /* one box; intervals so far */
  Team *team;     /* a workspace per thread */
  Lagrangian *L;  /* the first of them */
  Packed *packed; /* layout of slopes, and the slopes of intermediate bounds; made */
  Hints *hints;   /* when first needed */
  int n_open;
  int *open;        /* int open[query->n_cases]: open cases, from query->first_case */
  double *corners;  /* double corners[n_corners][inputs]: where the last dual bounds */
  int *corner_case; /* were attained */
  int n_corners;
  bool has_fused; /* root_fuse has had its turn */
  bool is_fused;  /* it made another network */
  bool has_split; /* branch and bound on the inputs has had its turn */
} Job;

void stage_begin(Job *job, const Net *net, const Prop *prop, const Query *query,
                 const Options *options, const Stop *stop, Result *result, Proof *proof,
                 Prng *prng);
void stage_end(Job *job);

/* Refresh job->open from the result. */
void stage_list_open(Job *job);

/* Intervals of all nodes; multipliers 0 behind the last layer. */
void stage_ibp(Job *job);

/* Backward bounds of the open rows over those intervals, with optimised slopes where
 * the rows are few beside the neurons: far cheaper than better intervals, and on wide
 * networks with few open neurons often enough. */
void stage_backward(Job *job);

/* A few descents from random points: most counterexamples are easy. */
void stage_attack_quick(Job *job);

/* Backward bounds for all layers, then for every row of every open case. */
void stage_crown(Job *job);

/* Slopes and weights of the open cases, for the intervals as they are. */
void stage_slopes(Job *job);

/* Slopes of every intermediate bound, then of the open cases again, then the full
 * dual. */
void stage_joint(Job *job);

/* Branch and bound on the input box (solver/split.h) where few inputs are uncertain, or
 * when asked for: in so few dimensions nothing else comes near it. */
void stage_split_inputs(Job *job);

/* Branch and bound on the signs of ReLUs (solver/bab.h), short at first, in turns with
 * refinements of the root (solver/root.h). */
void stage_split_activations(Job *job);

/* When all else has failed: branch and bound on somewhat more inputs. */
void stage_split_rest(Job *job);

/* The triangle relaxation's linear program, case by case. */
void stage_lp(Job *job);

/* Descents from the corners where the dual bounds are attained and from the LP's
 * points, as far as they are new: where the relaxation is weakest. */
void stage_attack_corners(Job *job);

/* Descents from options->attack_restarts random points for every open case. */
void stage_attack_random(Job *job);

#endif
