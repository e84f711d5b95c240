/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phi_slope of specs/check/phi.h against the convex hull of a grid, and by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "specs/check/phi.h"
#include "tests/support/families.h"

TestSuite(phi_slope, .timeout = 300);

#define HULL 2000

typedef struct {
  int n;
  long double z[HULL + 1], g[HULL + 1];
  long double bend; /* the largest change of slope from one step to the next */
} Hull;

/* The lower convex hull of sign h on a grid. */
static void make_hull(ActKind kind, double l, double u, int sign, Hull *h)
{
  long double before = NAN;
  h->n = 0;
  h->bend = 0;
  for (int i = 0; i <= HULL; i++) {
    const long double z = (l * (long double)(HULL - i) + u * (long double)i) / HULL;
    const long double g = sign * families_value(kind, z);
    if (i > 0) {
      const long double last =
          (l * (long double)(HULL - i + 1) + u * (i - 1.0L)) / HULL;
      const long double slope = (g - sign * families_value(kind, last)) / (z - last);
      if (i > 1) h->bend = fmaxl(h->bend, fabsl(slope - before));
      before = slope;
    }
    while (h->n >= 2 && (h->g[h->n - 1] - h->g[h->n - 2]) * (z - h->z[h->n - 2]) >=
                            (g - h->g[h->n - 2]) * (h->z[h->n - 1] - h->z[h->n - 2]))
      h->n--;
    h->z[h->n] = z;
    h->g[h->n++] = g;
  }
}

static long double hull_value(const Hull *h, long double z)
{
  int k = 1;
  while (k < h->n - 1 && h->z[k] < z)
    k++;
  const long double t = (z - h->z[k - 1]) / (h->z[k] - h->z[k - 1]);
  return h->g[k - 1] + t * (h->g[k] - h->g[k - 1]);
}

/* The slope of the hull at its left (or right) end, and the height at the middle of the
 * line that supports it with the slope for the middle. */
static void check_lines(ActKind kind, double l, double u, int sign)
{
  Hull h;
  make_hull(kind, l, u, sign, &h);
  const long double width = (long double)u - l, middle = l + width / 2;
  const long double first = (h.g[1] - h.g[0]) / (h.z[1] - h.z[0]);
  const long double last =
      (h.g[h.n - 1] - h.g[h.n - 2]) / (h.z[h.n - 1] - h.z[h.n - 2]);
  const long double slack = 2 * h.bend + 1e-9L * (fabsl(first) + fabsl(last)) + 1e-17L;
  double s[5];
  for (int k = 0; k < 5; k++)
    s[k] = phi_slope(kind, l, u, sign, k * 0.25);
  cr_assert(fabsl(sign * s[0] - first) <= slack,
            "%s %+d [%.17g, %.17g], left: %g, not %Lg", act_name(kind), sign, l, u,
            sign * s[0], first);
  cr_assert(fabsl(sign * s[4] - last) <= slack,
            "%s %+d [%.17g, %.17g], right: %g, not %Lg", act_name(kind), sign, l, u,
            sign * s[4], last);
  long double height = INFINITY;
  for (int k = 0; k < h.n; k++)
    height = fminl(height, h.g[k] - sign * s[2] * (h.z[k] - middle));
  const long double want = hull_value(&h, middle);
  const long double size = fabsl(h.g[0]) + fabsl(h.g[h.n - 1]) + fabsl(want);
  cr_assert(height >= want - 2 * h.bend * width / HULL - 1e-12L * size,
            "%s %+d [%.17g, %.17g], middle: slope %g is %Lg low, at %Lg",
            act_name(kind), sign, l, u, s[2], want - height, want);
  for (int k = 1; k < 4; k += 2)
    cr_assert_float_eq(s[k], (s[k - 1] + s[k + 1]) / 2,
                       1e-12 * (fabs(s[k - 1]) + fabs(s[k + 1])), "%s", act_name(kind));
}

static void check_slopes(ActKind kind)
{
  static const Family families[] = {LEFT, RIGHT, CROSSING, CROSSING};
  Prng p = prng_init(241 + (uint64_t)kind);
  for (int i = 0; i < 400; i++) {
    double l, u;
    const Family f = families[i % 4];
    l = families_inside(&p, kind, f);
    u = families_inside(&p, kind, f);
    if (kind == ACT_RECIPROCAL) u = copysign(u, l);
    if (kind == ACT_RECIPROCAL || kind == ACT_LOG || kind == ACT_SQRT) {
      l += copysign(0.2, l);
      u += copysign(0.2, u);
    }
    if (fabs(u - l) < 1e-3) continue;
    check_lines(kind, fmin(l, u), fmax(l, u), i % 8 < 4 ? 1 : -1);
  }
}

/* Corners, by hand: the bends of the grid's hull are too coarse to see them. */
Test(phi_slope, slopes_at_corners)
{
  const double root = sqrt(18);
  static const double near = 1e-12;
  const struct {
    ActKind kind;
    double l, u;
    int sign;
    double left, middle, right;
  } list[] = {
      {ACT_RELU, -1, 3, 1, 0, 1, 1},
      {ACT_RELU, -3, 1, 1, 0, 0, 1},
      {ACT_RELU, -1, 3, -1, 0.75, 0.75, 0.75},
      {ACT_RELU, 1, 3, -1, 1, 1, 1},
      {ACT_RELU, -3, -1, 1, 0, 0, 0},
      {ACT_SIGN, -1, 2, 1, 0, 1, 1},      /* (-1, -1), (0, -1), (2, 1) */
      {ACT_SIGN, -1, 2, -1, 2, 0, 0},     /* (-1, -1), (0, 1), (2, 1) */
      {ACT_SIGN, 0, 2, 1, 0.5, 0.5, 0.5}, /* (0, 0), (2, 1) */
      {ACT_FLOOR, 0.5, 3.5, 1, 0, 1, 2},  /* (.5, 0), (1, 0), (3, 2), (3.5, 3) */
      {ACT_FLOOR, 0.5, 3.5, -1, 2, 1, 0}, /* (.5, 0), (1, 1), (3, 3), (3.5, 3) */
      {ACT_FLOOR, 0.25, 0.75, -1, 0, 0, 0},
      /* From (-6, 0): a tangent at t, (2 t + 3) (t + 6) = t (t + 3), so t = root - 6;
       * from (6, 6): at t = 6 - root. */
      {ACT_HARDSWISH, -6, 6, 1, (2 * root - 9) / 6, 0.5, (15 - 2 * root) / 6},
      {ACT_HARDSWISH, -6, 6, -1, 0.5, 0.5, 0.5},
      {ACT_SQUARE, -1, 3, 1, -2, 2, 6},
      {ACT_SQUARE, -1, 3, -1, 2, 2, 2},
      {ACT_ELU, -1, 3, 1, exp(-1), 1, 1},
  };
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    const double want[] = {list[k].left, list[k].middle, list[k].right};
    for (int i = 0; i < 3; i++) {
      const double s =
          phi_slope(list[k].kind, list[k].l, list[k].u, list[k].sign, i / 2.0);
      cr_expect_float_eq(s, want[i], near, "%s %+d [%g, %g], %d: %.17g, not %.17g",
                         act_name(list[k].kind), list[k].sign, list[k].l, list[k].u, i,
                         s, want[i]);
    }
  }
}

/* Also where nothing good can be said. */
Test(phi_slope, slopes_are_finite)
{
  Prng p = prng_init(5);
  for (int i = 0; i < 200000; i++) {
    const ActKind kind = (ActKind)prng_below(&p, ACT_COUNT);
    const double a = families_draw(&p, (Family)prng_below(&p, N_FAMILIES));
    const double b = families_draw(&p, (Family)prng_below(&p, N_FAMILIES));
    const double s =
        phi_slope(kind, fmin(a, b), fmax(a, b), (int)families_sign(&p), prng_unit(&p));
    cr_assert(isfinite(s), "%s [%a, %a]", act_name(kind), fmin(a, b), fmax(a, b));
  }
}

#define ACT(kind, name, op, shape)                                                     \
  Test(phi_slope, finds_supporting_lines_of_##kind)                                    \
  {                                                                                    \
    check_slopes(ACT_##kind);                                                          \
  }
#include "net/act.def"
#undef ACT
