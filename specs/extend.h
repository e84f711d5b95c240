/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/extend.h -- more outputs, so that every literal is a linear row of outputs.
 *
 * A row of a Prop is linear in the outputs of the network.  A specification may also
 * compare inputs with outputs, bound sums of inputs, or multiply.  Then the network
 * gets further outputs, which are exact functions of what it has:
 *
 *     copy      y^e = x_i
 *     product   y^e = a b        a, b: inputs, outputs or other products
 *
 * Products are monomials in a normal form, so that equal ones are one output: powers by
 * repeated squaring, then the powers of different variables from left to right.
 *
 * Variables are numbered as in specs/term.h: inputs 0..n_in-1, outputs from n_in on,
 * the items of this list behind them.
 */
#ifndef SPECS_EXTEND_H
#define SPECS_EXTEND_H

#include <stdbool.h>
#include <stddef.h>

#include "net/net.h"

#define EXTEND_MAX_DEGREE 8
#define EXTEND_MAX_ITEMS  1000000

typedef struct {
  int a, b; /* the product of variables a <= b; b = -1: a copy of input a */
} ExtendItem;

typedef struct {
  int n_in, n_out;  /* without the items */
  ExtendItem *item; /* owned; ExtendItem item[n] */
  int n, room;
  int *copy; /* int copy[n_in]: the item that copies the input, or -1; NULL: none */
  int *slot; /* products, open addressing */
  size_t n_slots;
} Extend;

void extend_init(Extend *e, int n_in, int n_out);
void extend_reset(Extend *e);

/* The variable of an output that copies the input.  -1: too many items. */
int extend_copy(Extend *e, int input);

/* The variable of the product of two variables, inputs included.  -1: its degree is
 * above EXTEND_MAX_DEGREE, or too many items. */
int extend_product(Extend *e, int a, int b);

/* The inputs and outputs whose product a variable is, ascending; one for all but
 * products.  Returns how many. */
int extend_factors(const Extend *e, int var, int list[EXTEND_MAX_DEGREE]);

/* The network with the items as further outputs.  `net` is taken, and returned as it is
 * when there are none.  NULL with err when some size is out of range; net is then
 * freed.
 */
Net *extend_net(Net *net, const Extend *e, Err *err);

#endif
