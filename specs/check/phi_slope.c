/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdbool.h>

#include "net/curve.h"
#include "specs/check/phi.h"

#define MOST_STEPS 30

/* Two periods of a wave: no supporting line at one end is longer. */
#define WAVE_WINDOW 12.6

/* Where an end has an upright tangent, the slope this part of the interval inside. */
#define UPRIGHT 0x1p-10

typedef struct {
  double z, g;
} Point;

/* g = sign h on [a.z, b.z]; convex there for curve > 0. */
typedef struct {
  Point a, b;
  int curve;
} Piece;

typedef struct {
  ActKind kind;
  int sign, n;
  Piece piece[CURVE_MAX_PIECES];
} Graph;

static double value(const Graph *g, double z)
{
  return g->sign * act_value(g->kind, z);
}

static void add(Graph *g, double a, double ga, double b, double gb, int curve)
{
  g->piece[g->n++] = (Piece){{a, g->sign * ga}, {b, g->sign * gb}, g->sign * curve};
}

/* Jumps: both limits are points of the graph. */
static void sign_pieces(Graph *g, double l, double u)
{
  if (l < 0) add(g, l, -1, u < 0 ? u : 0, -1, 0);
  if (l <= 0 && u >= 0) add(g, 0, 0, 0, 0, 0);
  if (u > 0) add(g, l > 0 ? l : 0, 1, u, 1, 0);
}

/* The steps between the first and the last lie between z - 1 and z. */
static void floor_pieces(Graph *g, double l, double u)
{
  const double first = floor(l), last = floor(u);
  const double below = g->sign > 0 ? 1 : 0;
  add(g, l, first, first + 1 < u ? first + 1 : u, first, 0);
  if (last > first + 1) add(g, first + 1, first + 1 - below, last, last - below, 0);
  if (last > first) add(g, last, last, u, last, 0);
}

static Graph graph_of(ActKind kind, int sign, double l, double u)
{
  CurvePiece piece[CURVE_MAX_PIECES];
  Graph g = {.kind = kind, .sign = sign};
  if (kind == ACT_SIGN) {
    sign_pieces(&g, l, u);
  } else if (kind == ACT_FLOOR) {
    floor_pieces(&g, l, u);
  } else {
    const int n = curve_pieces(kind, l, u, piece);
    double a = l;
    for (int k = 0; k < n; k++) {
      const double b = piece[k].to;
      add(&g, a, act_value(kind, a), b, act_value(kind, b), piece[k].curve);
      a = b;
    }
  }
  return g;
}

/* The lowest of two points seen along slope s. */
static Point lower(Point p, Point q, double s)
{
  return q.g - p.g < s * (q.z - p.z) ? q : p;
}

/* The point of the graph where g - s z is smallest. */
static Point lowest(const Graph *g, double s)
{
  Point best = g->piece[0].a;
  for (int k = 0; k < g->n; k++) {
    const Piece *piece = &g->piece[k];
    best = lower(lower(best, piece->a, s), piece->b, s);
    if (piece->curve > 0 && piece->a.z < piece->b.z) {
      const double z = phi_touch(g->kind, g->sign, g->sign * s, piece->a.z, piece->b.z);
      best = lower(best, (Point){z, value(g, z)}, s);
    }
  }
  return best;
}

/* Whether no point of the graph is below the line of slope s through p. */
static bool supports(const Graph *g, Point p, double s)
{
  const Point q = lowest(g, s);
  const double drop = s * (q.z - p.z) - (q.g - p.g);
  return !(drop > 0x1p-48 * (fabs(p.g) + fabs(q.g) + fabs(s * (q.z - p.z))));
}

/* The tangent at z0 when it is a supporting line, else false. */
static bool tangent(const Graph *g, double z0, double *s)
{
  for (int k = 0; k < g->n; k++) {
    const Piece *piece = &g->piece[k];
    if (piece->curve <= 0 || !(piece->a.z <= z0 && z0 <= piece->b.z)) continue;
    *s = g->sign * act_slope(g->kind, z0);
    if (!isfinite(*s)) {
      const double other = z0 == piece->a.z ? piece->b.z : piece->a.z;
      *s = g->sign * act_slope(g->kind, z0 + (other - z0) * UPRIGHT);
      return true;
    }
    if (supports(g, (Point){z0, value(g, z0)}, *s)) return true;
  }
  return false;
}

/* The slope at z0 of the convex envelope of g: the chord between a point on either side
 * of z0 that no point of the graph is below.  The lowest point replaces one of the two
 * until there is none, which is Newton's method for the tangent from a point. */
static double envelope_slope(const Graph *g, double z0)
{
  double s;
  if (g->n == 0) return 0;
  Point left = g->piece[0].a, right = g->piece[g->n - 1].b;
  const double end = right.z;
  if (tangent(g, z0, &s)) return s;
  s = 0;
  for (int i = 0; i < MOST_STEPS && left.z < right.z; i++) {
    s = (right.g - left.g) / (right.z - left.z);
    if (!isfinite(s) || supports(g, left, s)) break;
    const Point p = lowest(g, s);
    if (p.z < z0 || p.z == left.z || (p.z == z0 && z0 == end))
      left = p;
    else
      right = p;
  }
  return s;
}

/* At z0 of [l, u].  Of waves as much around it as the line can touch. */
static double slope_at(ActKind kind, double l, double u, int sign, double z0)
{
  if (kind == ACT_SIN || kind == ACT_COS) {
    const double window = z0 > l && z0 < u ? WAVE_WINDOW / 2 : WAVE_WINDOW;
    if (z0 - window > l) l = z0 - window;
    if (z0 + window < u) u = z0 + window;
  }
  const Graph g = graph_of(kind, sign, l, u);
  const double s = g.sign * envelope_slope(&g, z0);
  return isfinite(s) ? s : 0;
}

double phi_slope(ActKind kind, double l, double u, int sign, double alpha)
{
  if (!isfinite(l) || !isfinite(u) || !(l <= u)) return 0;
  if (l == u) {
    const double s = act_slope(kind, l);
    return isfinite(s) ? s : 0;
  }
  const double side = alpha < 0.5 ? l : u;
  const double weight = fmin(fabs(2 * alpha - 1), 1); /* of that side */
  double s = 0;
  if (weight < 1) s = (1 - weight) * slope_at(kind, l, u, sign, l / 2 + u / 2);
  if (weight > 0) s += weight * slope_at(kind, l, u, sign, side);
  return isfinite(s) ? s : 0;
}
