/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/relus.h -- a network with its maxima written as ReLUs.
 *
 *     x = max (a, b)   becomes   d = b - a,  r = relu (d),  x = a + r              (1)
 *
 * which is the same over the reals.  Bounds of it are others: a ReLU knows the interval
 * of the difference, which is short where a and b move together, and forgets those of a
 * and b; and a search can decide the sign of d.
 */
#ifndef NET_RELUS_H
#define NET_RELUS_H

#include "net/net.h"

/* A network that borrows the arrays of net, which must outlive it, with (1) for every
 * MAX; NULL where there is none.  Order, names, inputs and outputs stay. */
Net *relus_net(const Net *net);

#endif
