/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/prng.h -- repeatable random numbers: splitmix64 (Steele, Lea and
 * Flood, Fast splittable pseudorandom number generators, OOPSLA 2014). */
#ifndef NET_BASE_PRNG_H
#define NET_BASE_PRNG_H

#include <stdint.h>

typedef struct {
  uint64_t state;
} Prng;

Prng prng_init(uint64_t seed);
uint64_t prng_next(Prng *r);
double prng_unit(Prng *r);                        /* uniform in [0, 1) */
double prng_range(Prng *r, double lo, double hi); /* uniform in [lo, hi] */
int prng_below(Prng *r, int n);                   /* uniform in 0..n-1, n > 0 */

#endif
