/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/dyadic.h"

#include <float.h>
#include <math.h>

void dyadic_init(Dyadic *x)
{
  mpz_init(x->m);
  x->e = 0;
}

void dyadic_clear(Dyadic *x)
{
  mpz_clear(x->m);
}

void dyadic_set(Dyadic *x, const Dyadic *a)
{
  mpz_set(x->m, a->m);
  x->e = a->e;
}

void dyadic_set_d(Dyadic *x, double d)
{
  int e;
  const double f = frexp(d, &e); /* d = f 2^e, f 2^53 a whole number */
  mpz_set_d(x->m, ldexp(f, 53));
  x->e = d == 0 ? 0 : e - 53L;
}

int dyadic_sign(const Dyadic *x)
{
  return mpz_sgn(x->m);
}

static void trim(Dyadic *x)
{
  if (mpz_sgn(x->m) == 0) {
    x->e = 0;
    return;
  }
  const mp_bitcnt_t zeros = mpz_scan1(x->m, 0);
  if (!zeros) return;
  mpz_tdiv_q_2exp(x->m, x->m, zeros);
  x->e += (long)zeros;
}

static void combine(Dyadic *x, const Dyadic *a,
                    void (*sum)(mpz_ptr, mpz_srcptr, mpz_srcptr))
{
  if (mpz_sgn(a->m) == 0) return;
  if (mpz_sgn(x->m) == 0) x->e = a->e;
  if (a->e < x->e) {
    mpz_mul_2exp(x->m, x->m, (mp_bitcnt_t)(x->e - a->e));
    x->e = a->e;
    sum(x->m, x->m, a->m);
  } else if (a->e == x->e) {
    sum(x->m, x->m, a->m);
  } else {
    mpz_t shifted;
    mpz_init(shifted);
    mpz_mul_2exp(shifted, a->m, (mp_bitcnt_t)(a->e - x->e));
    sum(x->m, x->m, shifted);
    mpz_clear(shifted);
  }
}

void dyadic_add(Dyadic *x, const Dyadic *a)
{
  combine(x, a, mpz_add);
}

void dyadic_sub(Dyadic *x, const Dyadic *a)
{
  combine(x, a, mpz_sub);
}

void dyadic_mul(Dyadic *x, const Dyadic *a, const Dyadic *b)
{
  const long e = a->e + b->e;
  mpz_mul(x->m, a->m, b->m);
  x->e = e;
  trim(x);
}

int dyadic_compare(const Dyadic *a, const Dyadic *b)
{
  Dyadic d;
  dyadic_init(&d);
  dyadic_set(&d, a);
  dyadic_sub(&d, b);
  const int sign = dyadic_sign(&d);
  dyadic_clear(&d);
  return sign;
}

double dyadic_dn(const Dyadic *x)
{
  const int sign = mpz_sgn(x->m);
  if (!sign) return 0;
  const long top = (long)mpz_sizeinbase(x->m, 2) + x->e; /* |x| < 2^top */
  if (top > DBL_MAX_EXP) return sign > 0 ? DBL_MAX : -INFINITY;
  /* What stands for 1 in the result: 53 bits, and no smaller than the least double. */
  const long unit = top - DBL_MANT_DIG > -1074 ? top - DBL_MANT_DIG : -1074;
  if (unit <= x->e) return ldexp(mpz_get_d(x->m), (int)x->e);
  mpz_t q;
  mpz_init(q);
  mpz_fdiv_q_2exp(q, x->m, (mp_bitcnt_t)(unit - x->e));
  const double d = ldexp(mpz_get_d(q), (int)unit);
  mpz_clear(q);
  return d;
}

double dyadic_up(const Dyadic *x)
{
  Dyadic y;
  mpz_init(y.m);
  mpz_neg(y.m, x->m);
  y.e = x->e;
  const double d = -dyadic_dn(&y);
  dyadic_clear(&y);
  return d;
}

double dyadic_inward(const Dyadic *x)
{
  return dyadic_sign(x) >= 0 ? dyadic_dn(x) : dyadic_up(x);
}
