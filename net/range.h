/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/range.h -- intervals of one node by plain loops.
 *
 * With centre c and radius r of the inputs,
 *
 *     A x + b  in  A c + b  +-  ( |A| r  +  e )
 *     e  =  gamma (|A| (|c| + r) + |b|)  +  w_rel |A| (|c| + r)  +  b_err          (1)
 *
 * gamma that of double (net/base/round.h).  The same as bounds/ibp.h, for one box, with
 * neither BLAS nor what bounds/ keeps beside the intervals: for what must not depend on
 * either.
 */
#ifndef NET_RANGE_H
#define NET_RANGE_H

#include "net/net.h"

/* lo[k], hi[k] of node k > 0 from those of its inputs, rounding included; double lo[k],
 * hi[k] [size_k].  Where something overflows or leaves the domain of a function they
 * are -inf and inf.  Returns the largest |A| (|c| + r) + |b| + b_err over the elements
 * of a linear node, rounded up, which no partial sum of any order exceeds over the
 * reals; of other nodes the largest magnitude of the interval.  INFINITY when one is
 * not finite.  Cost: three products for a linear node. */
double range_node(const Net *net, int k, double *const *lo, double *const *hi);

#endif
