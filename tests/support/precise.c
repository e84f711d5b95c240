/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/precise.h"

#include "net/base/status.h"

#define NEAREST MPFR_RNDN

/* y = 1 / (1 + e^-x); y may not be x. */
static void sigmoid(mpfr_t y, mpfr_t x)
{
  mpfr_neg(y, x, NEAREST);
  mpfr_exp(y, y, NEAREST);
  mpfr_add_ui(y, y, 1, NEAREST);
  mpfr_ui_div(y, 1, y, NEAREST);
}

/* The normal distribution for x < -4 by Laplace's continued fraction, which takes a
 * tenth of the time of mpfr_erfc:
 *     e^(-t^2 / 2) / sqrt (2 pi) / (t + 1 / (t + 2 / (t + ...))),  t = -x
 * n terms leave a relative error of about e^(-2 sqrt (2 n) t). */
static void normal_tail(mpfr_t y, mpfr_t x)
{
  mpfr_t t, root;
  const double bits = (double)mpfr_get_prec(y), at = mpfr_get_d(x, NEAREST);
  mpfr_inits2(mpfr_get_prec(y), t, root, (mpfr_ptr)0);
  mpfr_neg(t, x, NEAREST);
  mpfr_set(y, t, NEAREST);
  for (unsigned long n = 20 + (unsigned long)(bits * bits / (8 * at * at)); n > 0;
       n--) {
    mpfr_ui_div(y, n, y, NEAREST);
    mpfr_add(y, y, t, NEAREST);
  }
  mpfr_sqr(t, t, NEAREST);
  mpfr_div_si(t, t, -2, NEAREST);
  mpfr_exp(t, t, NEAREST);
  mpfr_div(y, t, y, NEAREST);
  mpfr_const_pi(root, NEAREST);
  mpfr_mul_ui(root, root, 2, NEAREST);
  mpfr_sqrt(root, root, NEAREST);
  mpfr_div(y, y, root, NEAREST);
  mpfr_clears(t, root, (mpfr_ptr)0);
}

/* The normal distribution: y = (1 + erf (x / sqrt 2)) / 2. */
static void normal(mpfr_t y, mpfr_t x)
{
  if (mpfr_cmp_si(x, -4) < 0) {
    normal_tail(y, x);
    return;
  }
  mpfr_t root;
  mpfr_init2(root, mpfr_get_prec(y));
  mpfr_sqrt_ui(root, 2, NEAREST);
  mpfr_div(y, x, root, NEAREST);
  mpfr_neg(y, y, NEAREST);
  if (mpfr_cmp_si(x, -2) > 0) { /* few digits are lost, and erf is faster */
    mpfr_erf(y, y, NEAREST);
    mpfr_ui_sub(y, 1, y, NEAREST);
  } else {
    mpfr_erfc(y, y, NEAREST);
  }
  mpfr_div_ui(y, y, 2, NEAREST);
  mpfr_clear(root);
}

static void hard_swish(mpfr_t y, mpfr_t x, double at)
{
  if (at <= -3) {
    mpfr_set_ui(y, 0, NEAREST);
  } else if (at >= 3) {
    mpfr_set(y, x, NEAREST);
  } else {
    mpfr_add_ui(y, x, 3, NEAREST);
    mpfr_mul(y, y, x, NEAREST);
    mpfr_div_ui(y, y, 6, NEAREST);
  }
}

/* log cosh x = |x| - log 2 + log (1 + e^(-2 |x|)), which cancels for small x: as many
 * bits more as x has zeros before it, twice. */
static void log_cosh(mpfr_t y, mpfr_t x)
{
  mpfr_t a, b;
  const mpfr_exp_t small = mpfr_zero_p(x) ? 0 : -2 * mpfr_get_exp(x);
  mpfr_inits2(mpfr_get_prec(y) + 10 + (small > 0 ? small : 0), a, b, (mpfr_ptr)0);
  mpfr_abs(a, x, NEAREST);
  mpfr_mul_si(b, a, -2, NEAREST);
  mpfr_exp(b, b, NEAREST);
  mpfr_log1p(b, b, NEAREST);
  mpfr_add(a, a, b, NEAREST);
  mpfr_const_log2(b, NEAREST);
  mpfr_sub(y, a, b, NEAREST);
  mpfr_clears(a, b, (mpfr_ptr)0);
}

static void value(ActKind kind, double at, mpfr_t x, mpfr_t y)
{
  switch (kind) {
  case ACT_RELU:
    mpfr_set_d(y, at > 0 ? at : 0, NEAREST);
    return;
  case ACT_SIGMOID:
    sigmoid(y, x);
    return;
  case ACT_TANH:
    mpfr_tanh(y, x, NEAREST);
    return;
  case ACT_EXP:
    mpfr_exp(y, x, NEAREST);
    return;
  case ACT_LOG:
    mpfr_log(y, x, NEAREST);
    return;
  case ACT_SQRT:
    mpfr_sqrt(y, x, NEAREST);
    return;
  case ACT_SQUARE:
    mpfr_sqr(y, x, NEAREST);
    return;
  case ACT_RECIPROCAL:
    mpfr_ui_div(y, 1, x, NEAREST);
    return;
  case ACT_SIN:
    mpfr_sin(y, x, NEAREST);
    return;
  case ACT_COS:
    mpfr_cos(y, x, NEAREST);
    return;
  case ACT_ERF:
    mpfr_erf(y, x, NEAREST);
    return;
  case ACT_SOFTPLUS:
    mpfr_exp(y, x, NEAREST);
    if (mpfr_inf_p(y)) {
      mpfr_set(y, x, NEAREST);
      return;
    }
    mpfr_log1p(y, y, NEAREST);
    return;
  case ACT_ELU:
    if (at >= 0)
      mpfr_set(y, x, NEAREST);
    else
      mpfr_expm1(y, x, NEAREST);
    return;
  case ACT_SILU:
    sigmoid(y, x);
    mpfr_mul(y, y, x, NEAREST);
    return;
  case ACT_GELU:
    normal(y, x);
    mpfr_mul(y, y, x, NEAREST);
    return;
  case ACT_HARDSWISH:
    hard_swish(y, x, at);
    return;
  case ACT_SIGN:
    mpfr_set_si(y, at > 0 ? 1 : at < 0 ? -1 : 0, NEAREST);
    return;
  case ACT_FLOOR:
    mpfr_floor(y, x);
    return;
  case ACT_LOGCOSH:
    log_cosh(y, x);
    return;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

void precise_value(ActKind kind, double at, mpfr_t y)
{
  mpfr_t x;
  mpfr_init2(x, 64);
  mpfr_set_d(x, at, NEAREST);
  value(kind, at, x, y);
  mpfr_clear(x);
}

/* y = s (1 - s), s = sigmoid (x), as s (x) s (-x). */
static void bell(mpfr_t y, mpfr_t x)
{
  mpfr_t other;
  mpfr_init2(other, mpfr_get_prec(y));
  mpfr_neg(x, x, NEAREST);
  sigmoid(other, x);
  mpfr_neg(x, x, NEAREST);
  sigmoid(y, x);
  mpfr_mul(y, y, other, NEAREST);
  mpfr_clear(other);
}

/* y = e^(-x^2 / divisor) / sqrt (factor pi) */
static void density(mpfr_t y, mpfr_t x, unsigned divisor, double factor)
{
  mpfr_t root;
  mpfr_init2(root, mpfr_get_prec(y));
  mpfr_const_pi(root, NEAREST);
  mpfr_mul_d(root, root, factor, NEAREST);
  mpfr_sqrt(root, root, NEAREST);
  mpfr_sqr(y, x, NEAREST);
  mpfr_div_ui(y, y, divisor, NEAREST);
  mpfr_neg(y, y, NEAREST);
  mpfr_exp(y, y, NEAREST);
  mpfr_div(y, y, root, NEAREST);
  mpfr_clear(root);
}

/* y = G (x) + x G'(x) for a gate G and its slope. */
static void gated(mpfr_t y, mpfr_t x, ActKind kind)
{
  mpfr_t slope;
  mpfr_init2(slope, mpfr_get_prec(y));
  if (kind == ACT_SILU) {
    bell(slope, x);
    sigmoid(y, x);
  } else {
    density(slope, x, 2, 2);
    normal(y, x);
  }
  mpfr_mul(slope, slope, x, NEAREST);
  mpfr_add(y, y, slope, NEAREST);
  mpfr_clear(slope);
}

static void slope(ActKind kind, double at, mpfr_t x, mpfr_t y)
{
  switch (kind) {
  case ACT_RELU:
    mpfr_set_ui(y, at > 0, NEAREST);
    return;
  case ACT_SIGMOID:
    bell(y, x);
    return;
  case ACT_LOGCOSH:
    mpfr_tanh(y, x, NEAREST);
    return;
  case ACT_TANH:
    mpfr_sech(y, x, NEAREST);
    mpfr_sqr(y, y, NEAREST);
    return;
  case ACT_EXP:
    mpfr_exp(y, x, NEAREST);
    return;
  case ACT_LOG:
    mpfr_ui_div(y, 1, x, NEAREST);
    return;
  case ACT_SQRT:
    mpfr_rec_sqrt(y, x, NEAREST);
    mpfr_div_ui(y, y, 2, NEAREST);
    return;
  case ACT_SQUARE:
    mpfr_mul_ui(y, x, 2, NEAREST);
    return;
  case ACT_RECIPROCAL:
    mpfr_sqr(y, x, NEAREST);
    mpfr_si_div(y, -1, y, NEAREST);
    return;
  case ACT_SIN:
    mpfr_cos(y, x, NEAREST);
    return;
  case ACT_COS:
    mpfr_sin(y, x, NEAREST);
    mpfr_neg(y, y, NEAREST);
    return;
  case ACT_ERF:
    density(y, x, 1, 0.25);
    return;
  case ACT_SOFTPLUS:
    sigmoid(y, x);
    return;
  case ACT_ELU:
    if (at >= 0)
      mpfr_set_ui(y, 1, NEAREST);
    else
      mpfr_exp(y, x, NEAREST);
    return;
  case ACT_SILU:
  case ACT_GELU:
    gated(y, x, kind);
    return;
  case ACT_HARDSWISH:
    mpfr_mul_ui(y, x, 2, NEAREST);
    mpfr_add_ui(y, y, 3, NEAREST);
    mpfr_div_ui(y, y, 6, NEAREST);
    if (at <= -3) mpfr_set_ui(y, 0, NEAREST);
    if (at >= 3) mpfr_set_ui(y, 1, NEAREST);
    return;
  case ACT_SIGN:
  case ACT_FLOOR:
    mpfr_set_ui(y, 0, NEAREST);
    return;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

void precise_slope(ActKind kind, double at, mpfr_t y)
{
  mpfr_t x;
  mpfr_init2(x, 64);
  mpfr_set_d(x, at, NEAREST);
  slope(kind, at, x, y);
  mpfr_clear(x);
}
