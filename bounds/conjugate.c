/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/conjugate.h"

#include <math.h>
#include <stdbool.h>

#include "net/base/round.h"
#include "net/curve.h"

#define SLACK (1 + 0x1p-20)
/* For the handful of roundings in a product that may be large. */
#define CLOSE       (1 + 0x1p-49)
#define EXACT_BELOW 0x1p50 /* integers below are exact, and so is their successor */

typedef struct {
  ActKind kind;
  double l, u, lam, p;
  double value, z; /* the smallest so far, and where */
} Search;

/* value with everything taken away that its few operations can have added: each is
 * wrong by at most u times the magnitudes that went in. */
static double below(double value, double magnitudes)
{
  return value - (8 * ROUND_U * SLACK * magnitudes + ROUND_TINY);
}

static void offer(Search *s, double value, double z)
{
  if (isnan(value)) value = -INFINITY;
  if (value >= s->value) return;
  s->value = value;
  s->z = z;
}

/* lam h - p z for h in [h_lo, h_hi]. */
static double at_height(const Search *s, double z, double h_lo, double h_hi)
{
  const double h = s->lam >= 0 ? h_lo : h_hi;
  if (s->lam == 0) return below(-(s->p * z), fabs(s->p * z));
  return below(s->lam * h - s->p * z, fabs(s->lam * h) + fabs(s->p * z));
}

static double at_point(const Search *s, double z)
{
  double lo, hi;
  act_point(s->kind, z, &lo, &hi);
  return at_height(s, z, lo, hi);
}

/* Nothing is known about the shape: h and z apart from each other. */
static void offer_box(Search *s)
{
  double lo, hi;
  act_enclose(s->kind, s->l, s->u, &lo, &hi);
  const double z = -(s->p * s->l) < -(s->p * s->u) ? s->l : s->u;
  offer(s, at_height(s, z, lo, hi), z);
}

/* The tangent at z bounds lam h - p z, convex on [a, b]: with its slope inside
 * [g - e, g + e],  f(z) - max (g + e, 0) (z - a) - max (e - g, 0) (b - z).
 * Where z is in the gap of a turn, on a part that is not convex after all, its slope is
 * the turn's but for the square of the gap, far below e. */
static void offer_tangent(Search *s, double a, double b)
{
  const double z = curve_touch(s->kind, s->p / s->lam, a, b);
  const double slope = act_slope(s->kind, z);
  const double g = s->lam * slope - s->p;
  const double e = (fabs(s->lam) * curve_slope_error(s->kind, z) +
                    4 * ROUND_U * (fabs(s->lam * slope) + fabs(s->p)) + ROUND_TINY) *
                   SLACK;
  if (!isfinite(g) || !isfinite(e)) { /* fmax would take NaN for no loss at all */
    offer_box(s);
    return;
  }
  const double f = at_point(s, z);
  const double left = z > a ? fmax(g + e, 0) * (z - a) : 0;
  const double right = z < b ? fmax(e - g, 0) * (b - z) : 0;
  const double loss = (left + right) * CLOSE + ROUND_TINY;
  offer(s, below(f - loss, fabs(f) + loss), z);
}

/* -1 on [l, 0), 0 at 0 and 1 on (0, u]: every limit is a candidate. */
static void search_sign(Search *s)
{
  offer(s, at_height(s, 0, 0, 0), 0);
  if (s->l < 0) {
    offer(s, at_height(s, s->l, -1, -1), s->l);
    offer(s, at_height(s, 0, -1, -1), 0);
  }
  if (s->u > 0) {
    offer(s, at_height(s, s->u, 1, 1), s->u);
    offer(s, at_height(s, 0, 1, 1), 0);
  }
}

/* Beyond this neighbouring integers are hardly told apart:  z - 1 < floor z <= z. */
static void search_strip(Search *s)
{
  const double strip = s->lam > 0 ? -s->lam : 0, g = s->lam - s->p;
  const double e = 2 * ROUND_U * SLACK * (fabs(s->lam) + fabs(s->p)) + ROUND_TINY;
  for (int end = 0; end < 2; end++) {
    const double z = end ? s->u : s->l;
    offer(s, below(g * z - e * fabs(z) + strip, fabs(g * z) + fabs(strip)), z);
  }
  Search box = *s; /* a bound too: the better one counts */
  box.value = INFINITY;
  offer_box(&box);
  if (box.value > s->value) *s = box;
}

/* Step k has the height k on [k, k + 1), clipped to the interval; both of its ends are
 * candidates, the right one as a limit. */
static void offer_step(Search *s, double k)
{
  const double a = k > s->l ? k : s->l, b = k + 1 < s->u ? k + 1 : s->u;
  offer(s, at_height(s, a, k, k), a);
  /* Where it is attained must not be on the next step. */
  offer(s, at_height(s, b, k, k), floor(b) > k ? round_dn(b) : b);
}

/* At the ends of whole steps lam h - p z is linear in k, so that the first and the last
 * of them are enough. */
static void search_floor(Search *s)
{
  const double first = floor(s->l), last = floor(s->u);
  if (!(fabs(first) < EXACT_BELOW && fabs(last) < EXACT_BELOW)) {
    search_strip(s);
    return;
  }
  offer_step(s, first);
  offer_step(s, fmin(first + 1, last));
  offer_step(s, fmax(last - 1, first));
  offer_step(s, last);
}

static void search_pieces(Search *s, const CurvePiece *pieces, int n)
{
  double a = s->l, gap = 0;
  offer(s, at_point(s, a), a);
  for (int i = 0; i < n; i++) {
    const double b = pieces[i].to;
    if (pieces[i].curve * s->lam > 0 && a < b) offer_tangent(s, a, b);
    offer(s, at_point(s, b), b);
    if (pieces[i].gap > gap) gap = pieces[i].gap;
    a = b;
  }
  if (gap > 0)
    s->value -= (CURVE_GAP_SLOPE * fabs(s->lam) + fabs(s->p)) * gap * SLACK +
                2 * ROUND_U * fabs(s->value);
  if (isnan(s->value)) s->value = -INFINITY;
}

double conjugate_min(ActKind kind, double l, double u, double lam, double p, double *z)
{
  Search s = {kind, l, u, lam, p, INFINITY, l};
  CurvePiece pieces[CURVE_MAX_PIECES];
  const int n = curve_pieces(kind, l, u, pieces);
  if (!isfinite(l) || !isfinite(u) || !(l <= u))
    offer(&s, lam == 0 && p == 0 ? 0 : -INFINITY, 0);
  else if (n > 0)
    search_pieces(&s, pieces, n);
  else if (kind == ACT_SIGN)
    search_sign(&s);
  else if (kind == ACT_FLOOR)
    search_floor(&s);
  else
    offer_box(&s);
  *z = s.z;
  return s.value;
}

/* ---- lines --------------------------------------------------------------- */

typedef struct {
  ActKind kind;
  double l, u;
  int sign;
} Graph;

static double height(const Graph *g, double z)
{
  return g->sign * act_value(g->kind, z);
}

static double slope_at(const Graph *g, double z)
{
  return g->sign * act_slope(g->kind, z);
}

static double secant(const Graph *g, double a, double b)
{
  return (height(g, b) - height(g, a)) / (b - a);
}

/* The slope of the envelope at the end `from`: the secants to all other points are on
 * its far side.  Newton's method on the steepest: each step goes to the point that is
 * furthest below the present line. */
static double envelope_slope(const Graph *g, double from, double other)
{
  double s = secant(g, g->l, g->u);
  const double own = slope_at(g, from);
  if (isfinite(own) && (from < other ? own < s : own > s)) s = own;
  for (int i = 0; i < 12; i++) {
    double z;
    conjugate_min(g->kind, g->l, g->u, g->sign, s, &z);
    const double base = height(g, from) - s * from;
    const double drop = base - (height(g, z) - s * z);
    if (z == from || !(drop > 0x1p-44 * (fabs(base) + fabs(s * from)))) break;
    const double next = (height(g, z) - height(g, from)) / (z - from);
    if (!isfinite(next) || next == s) break;
    s = next;
  }
  return s;
}

/* The slope of the envelope's edge above the middle: of the chord between the points
 * where lines touch on its left and on its right. */
static double bridge(const Graph *g, double middle)
{
  double a = g->l, b = g->u, s = secant(g, a, b);
  for (int i = 0; i < 8; i++) {
    double z;
    conjugate_min(g->kind, g->l, g->u, g->sign, s, &z);
    if (z == a || z == b) break;
    if (z <= middle)
      a = z;
    else
      b = z;
    s = secant(g, a, b);
  }
  return s;
}

/* Of these lines the one that is highest in the middle. */
static void choose_line(const Graph *g, int n_pieces, ConjugateLine *line)
{
  const double middle = g->l / 2 + g->u / 2, own = slope_at(g, middle);
  const double inside = !(own > line->first)  ? line->first
                        : !(own < line->last) ? line->last
                                              : own;
  const double other = n_pieces > 1 ? bridge(g, middle) : inside;
  const double tried[4] = {inside, line->first, line->last, other};
  double best = -INFINITY;
  line->slope = inside;
  line->offset = -INFINITY;
  line->touch = middle;
  for (int i = 0; i < 4; i++) {
    double z;
    if (!isfinite(tried[i]) || (i > 0 && tried[i] == inside)) continue;
    const double offset = conjugate_min(g->kind, g->l, g->u, g->sign, tried[i], &z);
    if (!(tried[i] * middle + offset > best)) continue;
    best = tried[i] * middle + offset;
    line->slope = tried[i];
    line->offset = offset;
    line->touch = z;
  }
}

/* In terms of sign * h; the caller turns slopes round. */
static void find_lines(const Graph *g, ConjugateLine *line)
{
  CurvePiece pieces[CURVE_MAX_PIECES];
  const int n = curve_pieces(g->kind, g->l, g->u, pieces);
  const bool narrow = !(g->u - g->l > 0x1p-40 * (fabs(g->l) + fabs(g->u)));
  if (n == 0 && g->kind == ACT_SIGN) { /* flat up to the jump, or from it on */
    line->first = g->sign > 0 ? 0 : 2 / g->l;
    line->last = g->sign > 0 ? 2 / g->u : 0;
  } else if (n == 0 && g->kind == ACT_FLOOR) { /* from the last jump, up to the first */
    line->first = g->sign > 0 ? 0 : -1 / (floor(g->l) + 1 - g->l);
    line->last = g->sign > 0 ? 1 / (g->u - floor(g->u)) : 0;
  } else if (n == 0) {
    line->first = line->last = 0;
  } else if (narrow) {
    line->first = line->last = slope_at(g, g->l / 2 + g->u / 2);
  } else if (n == 1 && pieces[0].curve * g->sign > 0) {
    line->first = slope_at(g, g->l);
    line->last = slope_at(g, g->u);
  } else if (n == 1) {
    line->first = line->last = secant(g, g->l, g->u);
  } else {
    line->first = envelope_slope(g, g->l, g->u);
    line->last = envelope_slope(g, g->u, g->l);
  }
  if (!isfinite(line->first)) line->first = secant(g, g->l, g->u);
  if (!isfinite(line->last)) line->last = secant(g, g->l, g->u);
  if (!isfinite(line->first) || !isfinite(line->last)) line->first = line->last = 0;
  choose_line(g, n, line);
}

void conjugate_line(ActKind kind, double l, double u, int sign, ConjugateLine *line)
{
  *line = (ConjugateLine){.offset = -INFINITY};
  if (!isfinite(l) || !isfinite(u)) return;
  const Graph g = {kind, l, u, sign};
  find_lines(&g, line);
  line->first *= sign;
  line->slope *= sign;
  line->last *= sign;
}
