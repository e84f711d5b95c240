/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one-dimensional problems of the Lagrangian against a search with 64-bit
 * mantissas and its own formulas: never above a value that is taken, and not much below
 * the smallest; supporting lines below the graph. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "bounds/conjugate.h"
#include "net/base/prng.h"

enum { MOST_POINTS = 8192 };

/* ---- the functions, once more ------------------------------------------------------
 */

static long double sigmoid(long double x)
{
  return 1 / (1 + expl(-x));
}

static long double value(ActKind kind, long double x)
{
  switch (kind) {
  case ACT_RELU:
    return fmaxl(x, 0);
  case ACT_SIGMOID:
    return sigmoid(x);
  case ACT_TANH:
    return tanhl(x);
  case ACT_EXP:
    return expl(x);
  case ACT_LOG:
    return logl(x);
  case ACT_SQRT:
    return sqrtl(x);
  case ACT_SQUARE:
    return x * x;
  case ACT_RECIPROCAL:
    return 1 / x;
  case ACT_SIN:
    return sinl(x);
  case ACT_COS:
    return cosl(x);
  case ACT_ERF:
    return erfl(x);
  case ACT_SOFTPLUS:
    return fmaxl(x, 0) + log1pl(expl(-fabsl(x)));
  case ACT_ELU:
    return x >= 0 ? x : expm1l(x);
  case ACT_SILU:
    return x * sigmoid(x);
  case ACT_GELU:
    return x * erfcl(-x * sqrtl(0.5L)) / 2;
  case ACT_HARDSWISH:
    return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
  case ACT_SIGN:
    return (x > 0) - (x < 0);
  case ACT_FLOOR:
    return floorl(x);
  case ACT_LOGCOSH:
    /* 2 sinh (x / 2)^2 = cosh x - 1 does not cancel. */
    return fabsl(x) < 1 ? log1pl(2 * sinhl(x / 2) * sinhl(x / 2))
                        : fabsl(x) + log1pl(expl(-2 * fabsl(x))) - logl(2);
  case ACT_COUNT:
    break;
  }
  return NAN;
}

/* Where something happens: turns, kinks, jumps, minima. */
static const double anchors[] = {0,
                                 -3,
                                 3,
                                 -1.5,
                                 -2.3993572805154676,
                                 2.3993572805154676,
                                 -1.4142135623730951,
                                 1.4142135623730951,
                                 -1.2784645427610738,
                                 -0.7517915246935645,
                                 -1.5707963267948966,
                                 1.5707963267948966,
                                 3.141592653589793,
                                 -3.141592653589793,
                                 6.283185307179586};

enum { N_ANCHORS = sizeof anchors / sizeof *anchors };

/* ---- intervals and multipliers -----------------------------------------------------
 */

typedef struct {
  ActKind kind;
  double l, u;
} Case;

static double power(Prng *prng, double lo, double hi)
{
  return pow(10, prng_range(prng, lo, hi));
}

static double either(Prng *prng, double x)
{
  return prng_below(prng, 2) ? x : -x;
}

static void ends(int family, Prng *prng, double *l, double *u)
{
  const double at = anchors[prng_below(prng, N_ANCHORS)];
  switch (family) {
  case 0:
    *l = prng_range(prng, -6, 6);
    *u = prng_range(prng, -6, 6);
    return;
  case 1: /* one side, up to where functions are flat */
    *l = either(prng, prng_range(prng, 0, 50));
    *u = copysign(prng_range(prng, 0, 50), *l);
    return;
  case 2: /* huge, not always on both sides */
    *l = either(prng, power(prng, -1, 30));
    *u = either(prng, power(prng, -1, 30));
    return;
  case 3: /* a point, or nearly */
    *l = prng_range(prng, -6, 6);
    *u = prng_below(prng, 3) ? *l + power(prng, -17, -1) : *l;
    return;
  case 4: /* denormal */
    *l = either(prng, ldexp(prng_unit(prng), -1060));
    *u = prng_below(prng, 2) ? either(prng, ldexp(prng_unit(prng), -1060))
                             : either(prng, power(prng, -300, 0));
    return;
  case 5: /* around a turn */
    *l = at - (prng_below(prng, 4) ? power(prng, -17, 0) : 0);
    *u = at + (prng_below(prng, 4) ? power(prng, -17, 1) : 0);
    return;
  default: /* next to a turn, a hair away from it or on the other side by a hair */
    *l = at + either(prng, power(prng, -16, -8));
    *u = at + either(prng, power(prng, -3, 2));
    return;
  }
}

enum { N_FAMILIES = 7 };

static bool is_inside_domain(const Case *c)
{
  if (c->kind == ACT_LOG) return c->l > 0;
  if (c->kind == ACT_SQRT) return c->l >= 0;
  if (c->kind == ACT_RECIPROCAL) return c->l > 0 || c->u < 0;
  return true;
}

static Case case_new(ActKind kind, int family, Prng *prng)
{
  Case c = {.kind = kind};
  do {
    ends(family, prng, &c.l, &c.u);
    if (kind == ACT_LOG || kind == ACT_SQRT) {
      c.l = fabs(c.l);
      c.u = fabs(c.u);
    }
    if (kind == ACT_RECIPROCAL) c.u = copysign(c.u, c.l);
    if (c.l > c.u) {
      const double t = c.l;
      c.l = c.u;
      c.u = t;
    }
  } while (!is_inside_domain(&c));
  return c;
}

static double multiplier(Prng *prng)
{
  switch (prng_below(prng, 8)) {
  case 0:
    return either(prng, 1);
  case 1:
    return either(prng, power(prng, -30, 30));
  case 2:
    return either(prng, power(prng, -290, 200));
  case 3:
    return 0;
  default:
    return prng_range(prng, -2, 2);
  }
}

/* Slopes of lam h inside the interval, beyond them, and anything. */
static double passed_on(const Case *c, double lam, Prng *prng)
{
  const double z = c->l + (c->u - c->l) * prng_unit(prng);
  switch (prng_below(prng, 6)) {
  case 0:
    return 0;
  case 1:
    return multiplier(prng);
  case 2:
    return lam * prng_range(prng, -3, 3);
  case 3: /* the slope of a chord */
    return (double)(lam * (value(c->kind, c->u) - value(c->kind, c->l)) /
                    ((long double)c->u - c->l));
  case 4:
    return lam * act_slope(c->kind, z) * prng_range(prng, 0.5, 1.5);
  default:
    return lam * act_slope(c->kind, z);
  }
}

/* ---- where to look ------------------------------------------------------------------
 */

static int add_point(const Case *c, double z, double *to, int n)
{
  if (!(z >= c->l && z <= c->u) || n == MOST_POINTS) return n;
  to[n] = z;
  return n + 1;
}

static int compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Evenly, and in geometric progression around everything that may matter. */
static int points_of(const Case *c, double *to)
{
  double around[N_ANCHORS + 2];
  int n = 0, n_around = 0;
  around[n_around++] = c->l;
  around[n_around++] = c->u;
  for (int i = 0; i < N_ANCHORS; i++)
    if (anchors[i] >= c->l && anchors[i] <= c->u) around[n_around++] = anchors[i];
  for (int i = 0; i < n_around; i++) {
    n = add_point(c, around[i], to, n);
    for (double d = 0x1p-50; d < 1e31; d *= 2.5) {
      n = add_point(c, around[i] + d, to, n);
      n = add_point(c, around[i] - d, to, n);
    }
  }
  for (double d = 0x1p-1070; d < 1e300; d *= 32) {
    n = add_point(c, d, to, n);
    n = add_point(c, -d, to, n);
  }
  for (int i = 0; i <= 300; i++)
    n = add_point(c, c->l + (c->u - c->l) * (i / 300.0), to, n);
  qsort(to, (size_t)n, sizeof *to, compare);
  int kept = 0;
  for (int i = 0; i < n; i++)
    if (!kept || to[i] > to[kept - 1]) to[kept++] = to[i];
  return kept;
}

static long double at(const Case *c, double lam, double p, double z)
{
  const long double h = lam == 0 ? 0 : lam * value(c->kind, z);
  return h - (long double)p * z;
}

/* The smallest value between two neighbours of a point, by thirds. */
static double descend(const Case *c, double lam, double p, double a, double b)
{
  for (int i = 0; i < 120 && a < b; i++) {
    const double x = a + (b - a) / 3, y = b - (b - a) / 3;
    if (at(c, lam, p, x) <= at(c, lam, p, y))
      b = y;
    else
      a = x;
  }
  return a + (b - a) / 2;
}

/* Both sides of the jumps of Floor: linear in the step, so the first and the last are
 * enough. */
static long double floor_jumps(const Case *c, double lam, double p)
{
  const long double first = floorl(c->l) + 1, last = floorl(c->u);
  if (!(first <= last)) return INFINITY;
  const long double left =
      fminl(lam * (first - 1) - p * first, lam * (last - 1) - p * last);
  return fminl(left, fminl(lam * first - p * first, lam * last - p * last));
}

/* Also the limits on either side of the jump of Sign. */
static long double jump(const Case *c, double lam, double p)
{
  if (c->kind == ACT_FLOOR) return floor_jumps(c, lam, p);
  if (c->kind != ACT_SIGN || c->l > 0 || c->u < 0) return INFINITY;
  return fminl(c->l < 0 ? -lam : INFINITY, c->u > 0 ? lam : INFINITY);
}

static long double smallest(const Case *c, double lam, double p, const double *z, int n)
{
  long double least = jump(c, lam, p);
  int where = 0;
  for (int i = 0; i < n; i++) {
    const long double f = at(c, lam, p, z[i]);
    if (!(f < least)) continue;
    least = f;
    where = i;
  }
  /* Neighbours may be so near that nothing can be seen between them. */
  for (int reach = 1; reach <= 16; reach *= 4) {
    const double a = z[where > reach ? where - reach : 0],
                 b = z[where + reach < n ? where + reach : n - 1];
    least = fminl(least, at(c, lam, p, descend(c, lam, p, a, b)));
  }
  return least;
}

/* What a sound bound may give away: some roundings of everything in the problem, and
 * what turns at irrational numbers cost. */
static long double allowance(const Case *c, double lam, double p, long double least)
{
  const long double far = fmaxl(fabsl(c->l), fabsl(c->u));
  const bool wave = c->kind == ACT_SIN || c->kind == ACT_COS;
  const bool turns = wave || c->kind == ACT_SILU || c->kind == ACT_GELU;
  const double gap = wave ? 0x1p-29 : turns ? 0x1p-38 : 0;
  return 0x1p-42L * (fabsl(lam) * (turns || c->kind == ACT_HARDSWISH
                                       ? far
                                       : fminl(fabsl(value(c->kind, c->u)),
                                               fabsl(value(c->kind, c->l)))) +
                     (c->kind == ACT_ERF ? 64 : 1) * fabsl(p) * far + fabsl(least)) +
         gap * (2 * fabsl(lam) + fabsl(p)) +
         (c->kind == ACT_FLOOR && far > 0x1p49L ? fabsl(lam) : 0) +
         0x1p-950L * (1 + far) * (1 + fabsl(lam));
}

/* ---- tests --------------------------------------------------------------------------
 */

static void check(const Case *c, double lam, double p, const double *z, int n)
{
  double touch;
  const double found = conjugate_min(c->kind, c->l, c->u, lam, p, &touch);
  const long double least = smallest(c, lam, p, z, n);
  cr_assert(found <= least,
            "%s on [%.17g, %.17g], lam %.17g, p %.17g: %.17g is above %.17Lg",
            act_name(c->kind), c->l, c->u, lam, p, found, least);
  /* Where the problem leaves the range of doubles nothing is wanted. */
  const long double large =
      fabsl(p) * fmaxl(fabsl(c->l), fabsl(c->u)) +
      fabsl(lam) * fmaxl(fabsl(value(c->kind, c->l)), fabsl(value(c->kind, c->u)));
  const long double high =
      fmaxl(fabsl(value(c->kind, c->l)), fabsl(value(c->kind, c->u)));
  if (!(large < 1e290L && high < 1e290L) || (c->kind == ACT_EXP && c->u > 700)) return;
  if ((c->kind == ACT_SIN || c->kind == ACT_COS) && c->u - c->l > 6) return;
  if (lam != 0 && !(fabs(p) < 1e140 * fabs(lam))) return;
  cr_assert(found >= least - allowance(c, lam, p, least),
            "%s on [%.17g, %.17g], lam %.17g, p %.17g: %.17g is far below %.17Lg",
            act_name(c->kind), c->l, c->u, lam, p, found, least);
  cr_assert(touch >= c->l && touch <= c->u, "%s on [%.17g, %.17g]: %.17g",
            act_name(c->kind), c->l, c->u, touch);
}

static void check_kind(ActKind kind, int family, int cases)
{
  static double z[MOST_POINTS];
  Prng prng = prng_init((uint64_t)(kind * N_FAMILIES + family) + 1);
  for (int t = 0; t < cases; t++) {
    const Case c = case_new(kind, family, &prng);
    const int n = points_of(&c, z);
    for (int i = 0; i < 12; i++) {
      const double lam = multiplier(&prng), p = passed_on(&c, lam, &prng);
      if (isfinite(lam) && isfinite(p)) check(&c, lam, p, z, n);
    }
  }
}

Test(conjugate, is_the_minimum_on_ordinary_intervals, .timeout = 240)
{
  for (int k = 0; k < ACT_COUNT; k++)
    for (int family = 0; family < 2; family++)
      check_kind((ActKind)k, family, 60);
}

Test(conjugate, is_the_minimum_on_huge_intervals, .timeout = 240)
{
  for (int k = 0; k < ACT_COUNT; k++)
    check_kind((ActKind)k, 2, 80);
}

Test(conjugate, is_the_minimum_on_points_and_denormals, .timeout = 240)
{
  for (int k = 0; k < ACT_COUNT; k++)
    for (int family = 3; family < 5; family++)
      check_kind((ActKind)k, family, 40);
}

Test(conjugate, is_the_minimum_around_every_turn, .timeout = 240)
{
  for (int k = 0; k < ACT_COUNT; k++)
    for (int family = 5; family < N_FAMILIES; family++)
      check_kind((ActKind)k, family, 100);
}

/* The slope of HardSwish jumps at -3 and 3: inside, it is -1/2 and 3/2 there. */
Test(conjugate, knows_the_slopes_of_hardswish_at_its_kinks)
{
  double z;
  for (int i = 0; i <= 20; i++) {
    const double low = -0.5 * i / 20, high = 1 + 0.5 * i / 20;
    /* (z^2 + 3 z) / 6 - p z at its minimum -(6 p - 3)^2 / 24. */
    const double a = 6 * low - 3, b = 6 * high - 3;
    cr_assert(conjugate_min(ACT_HARDSWISH, -4, 0, 1, low, &z) <= -a * a / 24);
    cr_assert(conjugate_min(ACT_HARDSWISH, -1, 4, 1, high, &z) <= -b * b / 24);
  }
}

/* Near 0 the slope of 1 / x overflows, where it says nothing about where to go. */
Test(conjugate, slopes_beyond_all_numbers_prove_nothing)
{
  double z;
  /* -1e-200 / x - 1e200 x at x = -1e-200. */
  cr_assert(conjugate_min(ACT_RECIPROCAL, -1e-190, -1e-210, -1e-200, 1e200, &z) <= 2);
  cr_assert(conjugate_min(ACT_RECIPROCAL, 1e-210, 1e-190, 1e-200, -1e200, &z) <= 2);
  cr_assert(conjugate_min(ACT_EXP, 710, 750, 1e-300, 1e20, &z) <= -7.358e22);
}

Test(conjugate, proves_nothing_outside_the_domain)
{
  const struct {
    ActKind kind;
    double l, u;
  } bad[] = {{ACT_LOG, 0, 1},         {ACT_LOG, -1, 1},       {ACT_SQRT, -1e-300, 1},
             {ACT_RECIPROCAL, -1, 1}, {ACT_RECIPROCAL, 0, 1}, {ACT_RECIPROCAL, -1, 0},
             {ACT_EXP, -INFINITY, 0}, {ACT_TANH, 0, NAN},     {ACT_TANH, 1, 0},
             {ACT_LOG, 1, INFINITY}};
  double z;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    for (int s = -1; s <= 1; s += 2) {
      ConjugateLine line;
      cr_assert_eq(conjugate_min(bad[i].kind, bad[i].l, bad[i].u, s, 0.5, &z),
                   -INFINITY);
      conjugate_line(bad[i].kind, bad[i].l, bad[i].u, s, &line);
      cr_assert_eq(line.offset, -INFINITY, "%s", act_name(bad[i].kind));
      cr_assert(isfinite(line.first) && isfinite(line.slope) && isfinite(line.last));
    }
}

Test(conjugate, numbers_that_are_none_prove_nothing)
{
  const double bad[3] = {NAN, INFINITY, -INFINITY};
  double z;
  for (int k = 0; k < ACT_COUNT; k++)
    for (int i = 0; i < 3; i++) {
      cr_assert_eq(conjugate_min((ActKind)k, 1, 2, bad[i], 0.5, &z), -INFINITY, "%s",
                   act_name((ActKind)k));
      cr_assert_eq(conjugate_min((ActKind)k, 1, 2, 0.5, bad[i], &z), -INFINITY, "%s",
                   act_name((ActKind)k));
    }
}

/* ---- lines --------------------------------------------------------------------------
 */

/* sign h - sign slope z - offset, and by how much long doubles may miss it. */
static long double above(const Case *c, int sign, const ConjugateLine *line, double z)
{
  const long double h = value(c->kind, z), s = (long double)line->slope * z;
  const long double blur = 0x1p-60L * (fabsl(h) + fabsl(s) + fabsl(line->offset));
  return sign * (h - s) - line->offset + blur;
}

static void check_below(const Case *c, int sign, const ConjugateLine *line,
                        const double *z, int n)
{
  for (int i = 0; i < n; i++)
    cr_assert(above(c, sign, line, z[i]) >= 0,
              "%s on [%.17g, %.17g], sign %d: slope %.17g, offset %.17g at %.17g",
              act_name(c->kind), c->l, c->u, sign, line->slope, line->offset, z[i]);
}

/* The lower convex envelope of sign h over the points at z = middle, and its slopes at
 * both ends, from chords between all points. */
typedef struct {
  long double middle, first, last, least;
} Envelope;

static Envelope envelope_of(const Case *c, int sign, const double *z, int n)
{
  const double m = c->l / 2 + c->u / 2;
  Envelope e = {.middle = sign * value(c->kind, m),
                .first = INFINITY,
                .last = -INFINITY,
                .least = INFINITY};
  const long double h_l = sign * value(c->kind, c->l),
                    h_u = sign * value(c->kind, c->u);
  for (int i = 0; i < n; i++) {
    const long double h = sign * value(c->kind, z[i]);
    e.least = fminl(e.least, h);
    if (z[i] > c->l) e.first = fminl(e.first, (h - h_l) / ((long double)z[i] - c->l));
    if (z[i] < c->u) e.last = fmaxl(e.last, (h_u - h) / ((long double)c->u - z[i]));
    for (int j = i + 1; j < n && z[i] <= m; j++) {
      if (z[j] < m || !(z[j] > z[i])) continue;
      const long double t = ((long double)m - z[i]) / ((long double)z[j] - z[i]);
      e.middle = fminl(e.middle, h + t * (sign * value(c->kind, z[j]) - h));
    }
  }
  return e;
}

static void check_lines(ActKind kind, int family, int cases)
{
  static double z[MOST_POINTS];
  Prng prng = prng_init((uint64_t)(kind * N_FAMILIES + family) + 1000);
  for (int t = 0; t < cases; t++) {
    const Case c = case_new(kind, family, &prng);
    const int n = points_of(&c, z);
    for (int sign = -1; sign <= 1; sign += 2) {
      ConjugateLine line;
      conjugate_line(kind, c.l, c.u, sign, &line);
      cr_assert(isfinite(line.first) && isfinite(line.slope) && isfinite(line.last));
      if (line.offset == -INFINITY) continue;
      check_below(&c, sign, &line, z, n);
    }
  }
}

Test(conjugate, lines_are_below_the_graph, .timeout = 240)
{
  for (int k = 0; k < ACT_COUNT; k++)
    for (int family = 0; family < N_FAMILIES; family++)
      check_lines((ActKind)k, family, 60);
}

/* An interval of moderate size: no line can be above the envelope, and the default one
 * should not be far below it in the middle; the slopes at the ends are the envelope's.
 */
Test(conjugate, lines_support_the_convex_envelope, .timeout = 240)
{
  static double z[MOST_POINTS];
  Prng prng = prng_init(77);
  for (int k = 0; k < ACT_COUNT; k++)
    for (int t = 0; t < 12; t++) {
      Case c = case_new((ActKind)k, 0, &prng);
      c.u = fmax(c.u, c.l + 0.1);
      if ((k == ACT_RECIPROCAL && c.l < 0) || c.u - c.l > 11) continue;
      if (k == ACT_LOG || k == ACT_RECIPROCAL) c.l = fmax(c.l, 0.05);
      c.u = fmax(c.u, c.l + 0.1);
      const int n = points_of(&c, z);
      for (int sign = -1; sign <= 1; sign += 2) {
        ConjugateLine line;
        conjugate_line(c.kind, c.l, c.u, sign, &line);
        const Envelope e = envelope_of(&c, sign, z, n);
        const double m = c.l / 2 + c.u / 2;
        const long double here = sign * line.slope * (long double)m + line.offset;
        const long double range = e.middle - e.least + 1e-3L;
        cr_assert(here <= e.middle + 1e-9L);
        cr_assert(here >= e.middle - 0.05L * range,
                  "%s on [%.17g, %.17g], sign %d: the line is at %Lg, the envelope at "
                  "%Lg",
                  act_name(c.kind), c.l, c.u, sign, here, e.middle);
        if (c.kind == ACT_SIGN && c.l <= 0 && c.u >= 0) continue;
        if (c.kind == ACT_FLOOR) continue; /* its strip, not its envelope */
        const long double slack = 0.02L * (1 + fabsl(e.first) + fabsl(e.last));
        cr_assert(fabsl(sign * line.first - e.first) < slack,
                  "%s on [%.17g, %.17g], sign %d: first slope %.17g, envelope %Lg",
                  act_name(c.kind), c.l, c.u, sign, line.first, sign * e.first);
        cr_assert(fabsl(sign * line.last - e.last) < slack,
                  "%s on [%.17g, %.17g], sign %d: last slope %.17g, envelope %Lg",
                  act_name(c.kind), c.l, c.u, sign, line.last, sign * e.last);
      }
    }
}

/* These checks must be able to fail: a line that is turned a little about the middle,
 * or raised, leaves the graph. */
Test(conjugate, broken_lines_are_caught)
{
  static double z[MOST_POINTS];
  Prng prng = prng_init(78);
  int raised = 0, turned = 0, tried = 0;
  for (int k = 0; k < ACT_COUNT; k++)
    for (int t = 0; t < 10; t++) {
      const Case c = case_new((ActKind)k, 0, &prng);
      const int n = points_of(&c, z);
      for (int sign = -1; sign <= 1; sign += 2, tried++) {
        ConjugateLine line;
        conjugate_line(c.kind, c.l, c.u, sign, &line);
        ConjugateLine up = line, turn = line;
        up.offset += 1e-4;
        turn.slope += 0.02;
        turn.offset -= sign * 0.02 * line.touch;
        bool is_up = false, is_turned = false;
        for (int i = 0; i < n; i++) {
          is_up = is_up || above(&c, sign, &up, z[i]) < 0;
          is_turned = is_turned || above(&c, sign, &turn, z[i]) < 0;
        }
        raised += is_up;
        turned += is_turned;
      }
    }
  cr_assert(raised > 9 * tried / 10, "%d of %d", raised, tried);
  cr_assert(turned > tried / 2, "%d of %d", turned, tried);
}
