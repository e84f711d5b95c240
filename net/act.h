/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/act.h -- elementwise activations: names and concrete values. */
#ifndef NET_ACT_H
#define NET_ACT_H

typedef enum {
#define ACT(kind, name, stem) ACT_##kind,
#include "net/act.def"
#undef ACT
  ACT_COUNT
} ActKind;

/* The ONNX operator name, for messages. */
const char *act_name(ActKind kind);

/* The kind of an ONNX operator, or ACT_COUNT when it is no activation we know. */
ActKind act_find(const char *op);

/* h (x), in double and in float32. */
double act_value(ActKind kind, double x);
float act_value32(ActKind kind, float x);

/* A derivative of h at x, for gradient methods only (any subgradient). */
double act_slope(ActKind kind, double x);

/* h ([lo, hi]) inside [*out_lo, *out_hi], rounding included; lo <= hi. */
void act_enclose(ActKind kind, double lo, double hi, double *out_lo, double *out_hi);

#endif
