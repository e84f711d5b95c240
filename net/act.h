/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/act.h -- elementwise activations: names and concrete values.
 *
 * Values of the mathematical library.  Where h is computed with exp, tanh, sin and
 * the like, the result differs from the real number; every function below that returns
 * an enclosure adds ACT_REL |h (x)| + ACT_ABS.  The GNU C library states at most 2 ulp
 * for those that are used here (manual, "Known Maximum Errors in Math Functions");
 * ACT_REL allows 8 and the few operations around them.  tests/unit/test_act.c compares
 * with MPFR.
 */
#ifndef NET_ACT_H
#define NET_ACT_H

#include <stdbool.h>
#include <stddef.h>

#define ACT_REL 0x1p-49 /* 16 u */
#define ACT_ABS 0x1p-960

typedef enum {
#define ACT(kind, name, op, shape) ACT_##kind,
#include "net/act.def"
#undef ACT
  ACT_COUNT
} ActKind;

/* For people: its name, and the shape that its bounds follow. */
const char *act_name(ActKind kind);
const char *act_shape(ActKind kind);

/* The ONNX operator that is exactly this function, or NULL. */
const char *act_operator(ActKind kind);

/* The kind that is exactly this ONNX operator, or ACT_COUNT. */
ActKind act_find(const char *op);

/* h (x), in double and in float32; NaN or infinite where h is not defined. */
double act_value(ActKind kind, double x);
float act_value32(ActKind kind, float x);

/* A derivative of h at x: any subgradient, but for HardSwish at -3 and 3 the slope
 * inside, which the tangents of bounds/conjugate.c need. */
double act_slope(ActKind kind, double x);

/* y_i = h (x_i), and y_i *= h'(x_i): loops that know the ReLU. */
void act_values(ActKind kind, size_t n, const double *x, double *y);
void act_scale_by_slopes(ActKind kind, size_t n, const double *x, double *y);

/* h (x) of exactly this x inside [*lo, *hi]; (-inf, inf) where h is not defined. */
void act_point(ActKind kind, double x, double *lo, double *hi);

/* h ([lo, hi]) inside [*out_lo, *out_hi], rounding included; lo <= hi.  Where the
 * interval leaves the domain of h or is infinite, (-inf, inf): nothing is known then,
 * because h may be taken of something that is no number. */
void act_enclose(ActKind kind, double lo, double hi, double *out_lo, double *out_hi);

#endif
