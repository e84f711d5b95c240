/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/chain.h -- networks put together by hand.
 *
 *     Net *net = chain_new(2);
 *     int x = chain_dense(net, 0, 3, W, b);      W[3][2], b[3] or NULL
 *     x = chain_act(net, x, ACT_RELU);
 *     chain_dense(net, x, 1, V, NULL);
 *     chain_finish(net);
 *
 * Numbers are copied.  Every function returns the index of the new node.
 */
#ifndef TESTS_SUPPORT_CHAIN_H
#define TESTS_SUPPORT_CHAIN_H

#include "net/net.h"

Net *chain_new(int n_inputs);
int chain_dense(Net *net, int in, int rows, const double *W, const double *b);
int chain_scale(Net *net, int in, const double *scale, const double *shift);
int chain_add(Net *net, int a, int b, signed char sign_of_b);
int chain_act(Net *net, int in, ActKind kind);

/* x[i] of the input alone: all elements, in order. */
int chain_identity(Net *net, int in);

/* Aborts when the network is not valid. */
void chain_finish(Net *net);

#endif
