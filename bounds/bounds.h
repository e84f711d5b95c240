/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/bounds.h -- proven intervals of every node, for a batch of boxes.
 *
 * For box t < n_box and element i of node k, over all inputs of that box,
 *
 *     lo[k][t size_k + i]  <=  x^k_i  <=  hi[k][t size_k + i]               (1)
 *
 * in real arithmetic.  Intervals only shrink (bounds_meet).  Also kept, because the
 * Lagrangian needs them for its error terms (bounds/lagrangian.h):
 *
 *     err[k][t size_k + i] >= what the adjoint product of node k can be wrong by,
 *                             per unit of |nu_i|; linear nodes only
 *     slip[k][t]           >= the same for products that underflow, in total
 * and for the pre-activations of ACT nodes, from the intervals alone, what the inner
 * loop needs (bounds/relax.h).  For a ReLU
 *
 *     up, down    slopes for lam < 0 and lam >= 0: 1 where active, 0 where inactive,
 *                 hi / (hi - lo) and the adaptive 0 or 1 where unstable
 *     bend_lo/hi  the interval where unstable, 0 and 0 where stable
 *
 * and for every other function
 *
 *     down        the default alpha, 1/2
 *     bend_lo/hi  the interval
 *     lines       supporting lines for lam >= 0 and for lam < 0
 *
 * The first input of a MUL or MAX has `down` too, so that down[in[0]] is where every
 * alpha of a nonlinear node starts.
 *
 * A box may stand for a branch of a search: its inputs are then only those for which
 * every pre-activation with a cut has the assumed sign, and (1) speaks about these
 * alone.  A cut neuron is stable, but its one-sided interval stays in bend_lo/hi,
 * because a multiplier beta of the assumption z >= 0 or z <= 0 changes p there
 * (bounds/relax.h).
 */
#ifndef BOUNDS_BOUNDS_H
#define BOUNDS_BOUNDS_H

#include <stdbool.h>

#include "bounds/linop.h"
#include "bounds/relax.h"
#include "net/net.h"

typedef struct {
  const Net *net;
  int n_box;
  double **lo, **hi; /* double *lo[n_nodes] */
  double **err, **slip;
  double **up, **down, **bend_lo, **bend_hi;
  RelaxLines (*lines)[2]; /* RelaxLines lines[n_nodes][2] */
  int *pre;               /* pre[k] = the nonlinear node that consumes k, or -1 */
  bool *is_relu;          /* the pre-activation of a ReLU */
  bool *tight;       /* tight[k]: interval propagation already gives the exact range of
                      * each element of node k (first layer), nothing is left to tighten */
  signed char **cut; /* signed char *cut[n_nodes], pre-activations only: +1 where the
                      * branch assumes z >= 0, -1 where z <= 0, 0 elsewhere */
  bool *empty;       /* bool empty[n_box]: two proven bounds exclude each other, so no
                      * input is left in this branch */
  /* private to bounds/: room for the temporaries of one node, and views into it */
  double *scratch;
  double **view_a, **view_b;
} Bounds;

/* Room for n_box boxes, all intervals infinite but node 0, which the caller sets
 * with bounds_set_box. */
Bounds *bounds_new(const Net *net, int n_box);
void bounds_free(Bounds *b);

/* Forget everything: all intervals infinite again. */
void bounds_reset(Bounds *b);

void bounds_set_box(Bounds *b, int t, const double *lo, const double *hi);

/* Intersect element i of node k, box t, with [lo, hi]; NaN is ignored.  An empty
 * intersection can only come from an empty input set: it leaves the interval
 * untouched and sets empty[t]. */
void bounds_meet(Bounds *b, int k, int t, int i, double lo, double hi);

/* The same for all elements of node k in every box: double lo[n_box][size_k]. */
void bounds_meet_node(Bounds *b, int k, const double *lo, const double *hi);

/* Assume z >= 0 (positive) or z <= 0 of pre-activation i of node k in box t. */
void bounds_split(Bounds *b, int k, int t, int i, bool positive);

/* Box t of `to` becomes a copy of box s of `from`: same network, everything in it. */
void bounds_copy_box(Bounds *to, int t, const Bounds *from, int s);

/* What `from` knows about element[i] of its node `source` in box s becomes what box 0
 * of `to` knows about element i of node k, for all of them: the same nodes, of two
 * networks where these elements are the same.  Not the error terms, and no cuts. */
void bounds_take(Bounds *to, int k, const Bounds *from, int s, int source,
                 const int *element);

/* The error terms err[k], slip[k] of a linear node from its inputs' intervals. */
void bounds_refresh_errors(Bounds *b, Linop *op, int k);

/* True when every interval is finite and ordered; for tests and debug builds. */
bool bounds_check(const Bounds *b);

/* ReLUs whose pre-activation is in [0, inf), (-inf, 0] or neither. */
void bounds_count(const Bounds *b, long *active, long *inactive, long *unstable);

/* Whether a tighter interval of pre-activation i helps its consumer, and whether that
 * consumer, nonlinear node k, has something to choose at element i (an alpha). */
bool bounds_is_open(const Bounds *b, int j, int t, int i);
bool bounds_has_choice(const Bounds *b, int k, int t, int i);

/* Whether pre-activation i of a ReLU may have either sign. */
static inline bool bounds_unstable(const Bounds *b, int k, int t, int i)
{
  const int at = t * b->net->nodes[k].size + i;
  return b->is_relu[k] && b->lo[k][at] < 0 && b->hi[k][at] > 0;
}

#endif
