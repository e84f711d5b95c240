/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/ival.h"

#include <math.h>

#include "net/base/round.h"
#include "net/base/status.h"

bool ival_finite(Ival a)
{
  return isfinite(a.lo) && isfinite(a.hi);
}

Ival ival_add(Ival a, Ival b)
{
  return (Ival){round_add_dn(a.lo, b.lo), round_add_up(a.hi, b.hi)};
}

Ival ival_neg(Ival a)
{
  return (Ival){-a.hi, -a.lo};
}

Ival ival_mul(Ival a, Ival b)
{
  /* fmin and fmax below would drop the NaN of 0 * infinity. */
  if (!ival_finite(a) || !ival_finite(b)) return (Ival){NAN, NAN};
  return (Ival){fmin(fmin(round_mul_dn(a.lo, b.lo), round_mul_dn(a.lo, b.hi)),
                     fmin(round_mul_dn(a.hi, b.lo), round_mul_dn(a.hi, b.hi))),
                fmax(fmax(round_mul_up(a.lo, b.lo), round_mul_up(a.lo, b.hi)),
                     fmax(round_mul_up(a.hi, b.lo), round_mul_up(a.hi, b.hi)))};
}

/* The quotient is exact when the fma of the residual says 0, which it can be
 * trusted to do while nothing underflows. */
static Ival divide(double a, double b)
{
  if (a == 0) return (Ival){0, 0};
  const double q = a / b;
  if (fabs(a) > 0x1p-900 && fabs(q) > 0x1p-900 && fma(q, b, -a) == 0)
    return (Ival){q, q};
  return (Ival){round_dn(q), round_up(q)};
}

Ival ival_div(Ival a, Ival b)
{
  STATUS_REQUIRE(b.lo > 0 || b.hi < 0, "division by an interval that contains 0");
  if (!ival_finite(a) || !ival_finite(b)) return (Ival){NAN, NAN};
  const Ival q[4] = {divide(a.lo, b.lo), divide(a.lo, b.hi), divide(a.hi, b.lo),
                     divide(a.hi, b.hi)};
  Ival r = q[0];
  for (int i = 1; i < 4; i++)
    r = (Ival){fmin(r.lo, q[i].lo), fmax(r.hi, q[i].hi)};
  return r;
}
