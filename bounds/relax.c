/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/relax.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bounds/conjugate.h"
#include "bounds/kernel.h"
#include "net/base/status.h"

/* Neurons are taken KERNEL_LANES at a time (bounds/kernel.h): compilers do not
 * vectorise this many choices by themselves. */
#define LANES KERNEL_LANES
typedef KernelLanes Lanes;
typedef KernelMask Mask;
#define PICK   KERNEL_PICK
#define ABS(a) ((Lanes)((Mask)(a)&all_but_sign))

typedef struct {
  Lanes l, u, up, down, alpha, lam, mu, beta; /* in, as in RelaxRow */
  Lanes p, slope, z;                          /* out */
  Lanes value, size;                          /* sums so far */
} Relu;

/* p, and the smallest of the candidates of (1): the ends of the interval and the kink.
 * The flags are constants where this is called. */
static inline __attribute__((always_inline)) void
relu_lanes(Relu *r, bool has_alpha, bool has_mu, bool has_beta, bool keep)
{
  const Lanes zero = {0};
  const Mask all_but_sign = ~(Mask)(zero * -1);
  const Lanes l = r->l, u = r->u, lam = r->lam;
  const Mask open = (l < zero) & (u > zero);
  const Lanes lower = has_alpha ? PICK(open, r->alpha, r->down) : r->down;
  Lanes s = PICK(lam >= zero, lower, r->up);
  Lanes p = s * lam;
  if (has_mu) {
    p = PICK(open, r->mu, p);
    s = PICK(open, zero, s);
  }
  if (has_beta) p += PICK(u > l, r->beta, zero);
  const Lanes at_l = -(p * l), at_u = (lam - p) * u;
  const Lanes ends = PICK(at_l < at_u, at_l, at_u);
  r->p = p;
  r->value += PICK(ends > zero, zero, ends);
  r->size += ABS(lam) * u + ABS(p) * (u - l);
  if (!keep) return;
  r->slope = s;
  /* Ties go to the kink: at a slope of 0 or 1 the derivative inwards is wanted. */
  r->z = PICK(ends >= zero, zero, PICK(at_l < at_u, l, u));
}

/* Neurons from .. from + LANES of the row. */
static inline __attribute__((always_inline)) void relu_group(const RelaxRow *row,
                                                             int from, bool has_alpha,
                                                             bool has_mu, bool has_beta,
                                                             bool keep, Relu *r)
{
  memcpy(&r->l, row->l + from, sizeof r->l);
  memcpy(&r->u, row->u + from, sizeof r->u);
  memcpy(&r->up, row->up + from, sizeof r->up);
  memcpy(&r->down, row->down + from, sizeof r->down);
  memcpy(&r->lam, row->lam + from, sizeof r->lam);
  if (has_alpha) memcpy(&r->alpha, row->alpha + from, sizeof r->alpha);
  if (has_mu) memcpy(&r->mu, row->mu + from, sizeof r->mu);
  if (has_beta) memcpy(&r->beta, row->beta + from, sizeof r->beta);
  relu_lanes(r, has_alpha, has_mu, has_beta, keep);
  memcpy(row->p + from, &r->p, sizeof r->p);
  if (!keep) return;
  memcpy(row->slope + from, &r->slope, sizeof r->slope);
  memcpy(row->z + from, &r->z, sizeof r->z);
}

/* The last, incomplete group: missing neurons are zeros, which add nothing. */
static inline __attribute__((always_inline)) void relu_rest(const RelaxRow *row,
                                                            int from, bool has_alpha,
                                                            bool has_mu, bool has_beta,
                                                            bool keep, Relu *r)
{
  const Lanes zero = {0};
  r->l = r->u = r->up = r->down = r->lam = r->alpha = r->mu = r->beta = zero;
  for (int i = from; i < row->n; i++) {
    r->l[i - from] = row->l[i];
    r->u[i - from] = row->u[i];
    r->up[i - from] = row->up[i];
    r->down[i - from] = row->down[i];
    r->lam[i - from] = row->lam[i];
    if (has_alpha) r->alpha[i - from] = row->alpha[i];
    if (has_mu) r->mu[i - from] = row->mu[i];
    if (has_beta) r->beta[i - from] = row->beta[i];
  }
  relu_lanes(r, has_alpha, has_mu, has_beta, keep);
  for (int i = from; i < row->n; i++) {
    row->p[i] = r->p[i - from];
    if (!keep) continue;
    row->slope[i] = r->slope[i - from];
    row->z[i] = r->z[i - from];
  }
}

static inline __attribute__((always_inline)) void relu_loop(const RelaxRow *row,
                                                            bool has_alpha, bool has_mu,
                                                            bool has_beta, bool keep,
                                                            double *value, double *size)
{
  const Lanes zero = {0};
  Relu r = {.value = zero, .size = zero};
  int i = 0;
  for (; i + LANES <= row->n; i += LANES)
    relu_group(row, i, has_alpha, has_mu, has_beta, keep, &r);
  if (i < row->n) relu_rest(row, i, has_alpha, has_mu, has_beta, keep, &r);
  for (int j = 0; j < LANES; j++) {
    *value += r.value[j];
    *size += r.size[j];
  }
}

/* The flags as constants: one loop for every combination that is asked for. */
static inline __attribute__((always_inline)) void
relu_keep(const RelaxRow *r, bool keep, double *value, double *size)
{
  if (r->mu && r->beta)
    relu_loop(r, false, true, true, keep, value, size);
  else if (r->mu)
    relu_loop(r, false, true, false, keep, value, size);
  else if (r->alpha && r->beta)
    relu_loop(r, true, false, true, keep, value, size);
  else if (r->alpha)
    relu_loop(r, true, false, false, keep, value, size);
  else if (r->beta)
    relu_loop(r, false, false, true, keep, value, size);
  else
    relu_loop(r, false, false, false, keep, value, size);
}

KERNEL_CLONES
static void relu_row(const RelaxRow *r, double *value, double *size)
{
  if (r->z)
    relu_keep(r, true, value, size);
  else
    relu_keep(r, false, value, size);
}

/* ---- other functions ----------------------------------------------------- */

/* Added to the factor of a product so that gamma times it covers an underflow. */
#define TINY 0x1p-900

/* Neuron i with p as it stands in row->p: phi from the conjugate. */
static double curve_phi(ActKind kind, const RelaxRow *row, int i, double *z)
{
  return conjugate_min(kind, row->l[i], row->u[i], row->lam[i], row->p[i], z);
}

static void curve_neuron(ActKind kind, const RelaxRow *row, int i, double *value,
                         double *size)
{
  const double lam = row->lam[i];
  const RelaxLines *line = &row->lines[lam < 0];
  const double beta = row->beta ? row->beta[i] : 0;
  double s = line->slope[i], z = line->touch[i], rate = 0, phi;
  if (row->alpha) {
    s = conjugate_slope(line->first[i], s, line->last[i], row->alpha[i]);
    rate = conjugate_slope_rate(line->first[i], line->slope[i], line->last[i],
                                row->alpha[i]);
  }
  if (row->mu) s = rate = 0;
  row->p[i] = (row->mu ? row->mu[i] : s * lam) + beta;
  if (row->mu || beta != 0 || s != line->slope[i]) {
    phi = curve_phi(kind, row, i, &z);
  } else if (lam == 0) {
    phi = 0; /* whatever the interval */
  } else {
    /* (2) of bounds/conjugate.h; p is s lam but for its rounding. */
    phi = fabs(lam) * line->offset[i];
    *size += (fabs(row->p[i]) + TINY) * fmax(fabs(row->l[i]), fabs(row->u[i]));
  }
  *value += phi;
  *size += fabs(phi);
  if (!row->z) return;
  row->z[i] = z;
  row->slope[i] = s;
  row->rate[i] = rate;
}

static void curve_row(ActKind kind, const RelaxRow *row, double *value, double *size)
{
  for (int i = 0; i < row->n; i++)
    curve_neuron(kind, row, i, value, size);
}

/* ---- products ------------------------------------------------------------ */

typedef struct {
  Lanes la, ua, lb, ub, lam, t;                 /* in, as in RelaxPairs */
  Lanes pa, pb, za, zb, sa, sb, rate_a, rate_b; /* out */
  Lanes value, size;                            /* sums so far */
} Pairs;

/* A corner of the box, if it is lower than the best so far. */
static inline __attribute__((always_inline)) void
offer_corner(Pairs *r, const Lanes *a, const Lanes *b, Lanes *least)
{
  const Lanes at = r->lam * (*a * *b) - r->pa * *a - r->pb * *b;
  const Mask lower = at < *least;
  *least = PICK(lower, at, *least);
  r->za = PICK(lower, *a, r->za);
  r->zb = PICK(lower, *b, r->zb);
}

static inline __attribute__((always_inline)) void product_lanes(Pairs *r)
{
  const Lanes zero = {0}, tiny = zero + TINY;
  const Mask all_but_sign = ~(Mask)(zero * -1), up = r->lam >= zero;
  const Lanes b0 = PICK(up, r->lb, r->ub), b1 = PICK(up, r->ub, r->lb);
  r->rate_a = b1 - b0;
  r->rate_b = r->ua - r->la;
  r->sa = b0 + r->t * r->rate_a;
  r->sb = r->la + r->t * r->rate_b;
  /* Without finite factors no plane is a bound, but 0 times anything is 0. */
  const Mask none = r->lam == zero;
  r->pa = PICK(none, zero, r->lam * r->sa);
  r->pb = PICK(none, zero, r->lam * r->sb);
  r->za = r->la;
  r->zb = r->lb;
  Lanes least = r->lam * (r->la * r->lb) - r->pa * r->la - r->pb * r->lb;
  offer_corner(r, &r->ua, &r->lb, &least);
  offer_corner(r, &r->la, &r->ub, &least);
  offer_corner(r, &r->ua, &r->ub, &least);
  const Lanes a = PICK(ABS(r->la) > ABS(r->ua), ABS(r->la), ABS(r->ua)),
              b = PICK(ABS(r->lb) > ABS(r->ub), ABS(r->lb), ABS(r->ub));
  const Lanes size = ABS(r->lam) * (a * b + tiny) + ABS(r->pa) * a + ABS(r->pb) * b;
  r->value += PICK(none, zero, least);
  r->size += PICK(none, zero, size);
}

/* ---- maxima -------------------------------------------------------------- */

#define MOST(a, b)  PICK((a) > (b), (a), (b))
#define LEAST(a, b) PICK((a) < (b), (a), (b))

/* A point of the rectangle, if it is lower than the best so far. */
static inline __attribute__((always_inline)) void
offer_point(Pairs *r, const Lanes *a, const Lanes *b, Lanes *least)
{
  const Lanes at = r->lam * MOST(*a, *b) - r->pa * *a - r->pb * *b;
  const Mask lower = at < *least;
  *least = PICK(lower, at, *least);
  r->za = PICK(lower, *a, r->za);
  r->zb = PICK(lower, *b, r->zb);
}

/* Slopes and their rates, for inputs of which none is always the larger. */
static inline __attribute__((always_inline)) void max_slopes(Pairs *r)
{
  const Lanes zero = {0}, one = zero + 1, two = zero + 2;
  const Mask up = r->lam >= zero, half = r->t < zero + 0.5;
  const Lanes high = MOST(r->ua, r->ub), low = MOST(r->la, r->lb);
  const Lanes wa = r->ua - r->la, wb = r->ub - r->lb;
  const Lanes top_a = PICK(wa > zero, (high - r->ub) / wa, zero);
  const Lanes top_b = PICK(wb > zero, (high - r->ua) / wb, zero);
  const Lanes rise_a = PICK(wa > zero, (r->ua - low) / wa, zero) - top_a;
  const Lanes rise_b = PICK(wb > zero, (r->ub - low) / wb, zero) - top_b;
  const Lanes bottom = two * PICK(half, r->t, one - r->t);
  const Lanes rate = PICK(half, two, -two);
  r->sa = PICK(up, one - r->t, top_a + bottom * rise_a);
  r->sb = PICK(up, r->t, top_b + bottom * rise_b);
  r->rate_a = PICK(up, -one, rate * rise_a);
  r->rate_b = PICK(up, one, rate * rise_b);
}

static inline __attribute__((always_inline)) void max_lanes(Pairs *r)
{
  const Lanes zero = {0}, one = zero + 1, tiny = zero + TINY;
  const Mask all_but_sign = ~(Mask)(zero * -1), none = r->lam == zero;
  const Mask is_a = r->la >= r->ub, is_b = (r->lb >= r->ua) & ~is_a;
  const Mask is_one = is_a | is_b;
  max_slopes(r);
  r->sa = PICK(is_one, PICK(is_a, one, zero), r->sa);
  r->sb = PICK(is_one, PICK(is_a, zero, one), r->sb);
  r->rate_a = PICK(is_one, zero, r->rate_a);
  r->rate_b = PICK(is_one, zero, r->rate_b);
  r->pa = PICK(none, zero, r->lam * r->sa);
  r->pb = PICK(none, zero, r->lam * r->sb);
  /* Ties go to a = b: there the derivative is that of moving along the planes. */
  const Lanes low = MOST(r->la, r->lb), high = LEAST(r->ua, r->ub);
  r->za = PICK(is_one, r->la, low);
  r->zb = PICK(is_one, r->lb, low);
  Lanes least = r->lam * MOST(r->za, r->zb) - r->pa * r->za - r->pb * r->zb;
  const Lanes a1 = PICK(is_one, r->ua, high), b1 = PICK(is_one, r->ub, high);
  offer_point(r, &a1, &b1, &least);
  offer_point(r, &r->la, &r->lb, &least);
  offer_point(r, &r->ua, &r->lb, &least);
  offer_point(r, &r->la, &r->ub, &least);
  offer_point(r, &r->ua, &r->ub, &least);
  const Lanes a = MOST(ABS(r->la), ABS(r->ua)), b = MOST(ABS(r->lb), ABS(r->ub));
  /* A NaN loses every comparison: here it shows. */
  const Lanes finite = zero * (r->la + r->ua + r->lb + r->ub + r->t);
  const Lanes size =
      ABS(r->lam) * (MOST(a, b) + tiny) + ABS(r->pa) * a + ABS(r->pb) * b + finite;
  r->value += PICK(none, zero, least);
  r->size += PICK(none, zero, size);
}

/* ---- rows of pairs ------------------------------------------------------- */

/* What a NaN in any corner must do: make `size` a NaN.  It does, because everything
 * that a corner is made of is in it. */
static inline __attribute__((always_inline)) void load_pairs(const RelaxPairs *row,
                                                             int from, int n, Pairs *r)
{
  const Lanes zero = {0}, half = zero + 0.5;
  r->la = r->ua = r->lb = r->ub = r->lam = zero;
  r->t = half;
  memcpy(&r->la, row->la + from, (size_t)n * sizeof(double));
  memcpy(&r->ua, row->ua + from, (size_t)n * sizeof(double));
  memcpy(&r->lb, row->lb + from, (size_t)n * sizeof(double));
  memcpy(&r->ub, row->ub + from, (size_t)n * sizeof(double));
  memcpy(&r->lam, row->lam + from, (size_t)n * sizeof(double));
  if (row->alpha) memcpy(&r->t, row->alpha + from, (size_t)n * sizeof(double));
}

static inline __attribute__((always_inline)) void
store_pairs(const RelaxPairs *row, int from, int n, const Pairs *r)
{
  const size_t bytes = (size_t)n * sizeof(double);
  memcpy(row->pa + from, &r->pa, bytes);
  memcpy(row->pb + from, &r->pb, bytes);
  if (!row->za) return;
  memcpy(row->za + from, &r->za, bytes);
  memcpy(row->zb + from, &r->zb, bytes);
  memcpy(row->slope_a + from, &r->sa, bytes);
  memcpy(row->slope_b + from, &r->sb, bytes);
  memcpy(row->rate_a + from, &r->rate_a, bytes);
  memcpy(row->rate_b + from, &r->rate_b, bytes);
}

static inline __attribute__((always_inline)) void
pair_loop(const RelaxPairs *row, bool is_max, double *value, double *size)
{
  const Lanes zero = {0};
  Pairs r = {.value = zero, .size = zero};
  for (int i = 0; i < row->n; i += LANES) {
    const int n = row->n - i < LANES ? row->n - i : LANES;
    if (n == LANES) /* a size that the compiler knows */
      load_pairs(row, i, LANES, &r);
    else
      load_pairs(row, i, n, &r);
    if (is_max)
      max_lanes(&r);
    else
      product_lanes(&r);
    if (n == LANES)
      store_pairs(row, i, LANES, &r);
    else
      store_pairs(row, i, n, &r);
  }
  for (int j = 0; j < LANES; j++) {
    *value += r.value[j];
    *size += r.size[j];
  }
}

KERNEL_CLONES
void relax_pairs(const RelaxPairs *row, double *value, double *size)
{
  pair_loop(row, false, value, size);
}

KERNEL_CLONES
void relax_maxima(const RelaxPairs *row, double *value, double *size)
{
  pair_loop(row, true, value, size);
}

/* ---- by kind ------------------------------------------------------------- */

bool relax_is_open(ActKind kind, double l, double u)
{
  switch (kind) {
  case ACT_RELU:
    return l < 0 && u > 0;
  case ACT_SIGN:
    return l <= 0 && u >= 0 && l < u;
  case ACT_FLOOR:
    return floor(l) < floor(u);
  case ACT_HARDSWISH:
    return l < 3 && u > -3 && l < u;
  default:
    return l < u;
  }
}

bool relax_is_dead(ActKind kind, double l, double u)
{
  return kind == ACT_RELU && l <= u && u <= 0;
}

void relax_row(ActKind kind, const RelaxRow *row, double *value, double *size)
{
  if (kind == ACT_RELU)
    relu_row(row, value, size);
  else
    curve_row(kind, row, value, size);
}
