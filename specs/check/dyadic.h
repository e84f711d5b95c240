/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/dyadic.h -- numbers m 2^e, m an integer of any size: doubles, and all
 * that sums and products make of them, exactly.
 *
 * The only file that includes GMP.  Needs no normal form; trailing zeros of m are taken
 * away after each product, so that numbers grow by what is really in them.
 */
#ifndef SPECS_CHECK_DYADIC_H
#define SPECS_CHECK_DYADIC_H

#include <gmp.h>

typedef struct {
  mpz_t m;
  long e;
} Dyadic;

/* 0; nothing is allocated for it. */
void dyadic_init(Dyadic *x);
void dyadic_clear(Dyadic *x);

void dyadic_set(Dyadic *x, const Dyadic *a);
void dyadic_set_d(Dyadic *x, double d); /* d finite */
int dyadic_sign(const Dyadic *x);       /* -1, 0, 1 */
int dyadic_compare(const Dyadic *a, const Dyadic *b);

/* x = x + a, x = x - a; x = a b.  Operands may be the same. */
void dyadic_add(Dyadic *x, const Dyadic *a);
void dyadic_sub(Dyadic *x, const Dyadic *a);
void dyadic_mul(Dyadic *x, const Dyadic *a, const Dyadic *b);

/* The largest double not above x (-INFINITY below all), the smallest not below it, the
 * nearest towards 0. */
double dyadic_dn(const Dyadic *x);
double dyadic_up(const Dyadic *x);
double dyadic_inward(const Dyadic *x);

#endif
