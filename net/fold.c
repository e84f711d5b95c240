/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/fold.h"

#include <math.h>

#include "net/base/round.h"

typedef struct {
  double lo, hi;
} Range;

Fold fold_exact(double v)
{
  return (Fold){v, 0};
}

bool fold_ok(Fold a)
{
  return isfinite(a.v) && isfinite(a.err);
}

static Range range(Fold a)
{
  if (a.err == 0) return (Range){a.v, a.v};
  return (Range){round_add_dn(a.v, -a.err), round_add_up(a.v, a.err)};
}

/* The enclosure around v that covers [r.lo, r.hi]. */
static Fold around(double v, Range r)
{
  const double below = round_add_up(v, -r.lo), above = round_add_up(r.hi, -v);
  const double err = fmax(fmax(below, above), 0);
  /* fmax drops NaN, which must not look exact. */
  return (Fold){v, isfinite(r.lo) && isfinite(r.hi) && isfinite(v) ? err : INFINITY};
}

Fold fold_add(Fold a, Fold b)
{
  const Range x = range(a), y = range(b);
  return around(a.v + b.v, (Range){round_add_dn(x.lo, y.lo), round_add_up(x.hi, y.hi)});
}

Fold fold_sub(Fold a, Fold b)
{
  return fold_add(a, (Fold){-b.v, b.err});
}

Fold fold_mul(Fold a, Fold b)
{
  const Range x = range(a), y = range(b);
  const double lo = fmin(fmin(round_mul_dn(x.lo, y.lo), round_mul_dn(x.lo, y.hi)),
                         fmin(round_mul_dn(x.hi, y.lo), round_mul_dn(x.hi, y.hi)));
  const double hi = fmax(fmax(round_mul_up(x.lo, y.lo), round_mul_up(x.lo, y.hi)),
                         fmax(round_mul_up(x.hi, y.lo), round_mul_up(x.hi, y.hi)));
  return around(a.v * b.v, (Range){lo, hi});
}

/* fl (a / b) is within half an ulp, so its neighbours enclose the quotient.  The
 * fma is exact, and its zero proves exactness, away from the denormal range. */
static Range quotient(double a, double b)
{
  const double q = a / b;
  const bool safe = fabs(a) > 0x1p-900 && fabs(q) > 0x1p-900;
  if (a == 0 || (safe && isfinite(q) && fma(q, b, -a) == 0)) return (Range){q, q};
  return (Range){round_dn(q), round_up(q)};
}

Fold fold_div(Fold a, Fold b)
{
  const Range x = range(a), y = range(b);
  if (!(y.lo > 0 || y.hi < 0)) return (Fold){0, INFINITY};
  const Range q[4] = {quotient(x.lo, y.lo), quotient(x.lo, y.hi), quotient(x.hi, y.lo),
                      quotient(x.hi, y.hi)};
  Range r = q[0];
  for (int i = 1; i < 4; i++) {
    r.lo = fmin(r.lo, q[i].lo);
    r.hi = fmax(r.hi, q[i].hi);
  }
  return around(a.v / b.v, r);
}

static Range root(double x)
{
  const double s = sqrt(x);
  if (x == 0 || (x > 0x1p-900 && fma(s, s, -x) == 0)) return (Range){s, s};
  return (Range){fmax(round_dn(s), 0), round_up(s)};
}

Fold fold_sqrt(Fold a)
{
  const Range x = range(a);
  if (!(x.lo >= 0)) return (Fold){0, INFINITY};
  return around(sqrt(a.v), (Range){root(x.lo).lo, root(x.hi).hi});
}

double fold_rel(const double *v, const double *err, size_t n)
{
  double rel = 0;
  for (size_t i = 0; err && i < n; i++) {
    if (err[i] == 0) continue;
    if (v[i] == 0) return INFINITY;
    rel = fmax(rel, round_up(err[i] / fabs(v[i])));
  }
  return rel;
}
