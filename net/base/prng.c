/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/prng.h"

Prng prng_init(uint64_t seed)
{
  return (Prng){.state = seed};
}

uint64_t prng_next(Prng *r)
{
  uint64_t z = r->state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double prng_unit(Prng *r)
{
  return (double)(prng_next(r) >> 11) * 0x1p-53;
}

double prng_range(Prng *r, double lo, double hi)
{
  const double x = lo + (hi - lo) * prng_unit(r);
  return x < lo ? lo : x > hi ? hi : x;
}

int prng_below(Prng *r, int n)
{
  return (int)(prng_next(r) % (uint64_t)n);
}
