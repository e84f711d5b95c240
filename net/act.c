/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/act.h"

#include <math.h>
#include <string.h>

#include "net/base/status.h"

static const char *const names[] = {
#define ACT(kind, name, stem) [ACT_##kind] = name,
#include "net/act.def"
#undef ACT
};

const char *act_name(ActKind kind)
{
  return kind < ACT_COUNT ? names[kind] : "?";
}

ActKind act_find(const char *op)
{
  for (int k = 0; k < ACT_COUNT; k++)
    if (!strcmp(names[k], op)) return (ActKind)k;
  return ACT_COUNT;
}

double act_value(ActKind kind, double x)
{
  switch (kind) {
  case ACT_RELU:
    return x > 0 ? x : x <= 0 ? 0 : x; /* NaN stays NaN */
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

float act_value32(ActKind kind, float x)
{
  switch (kind) {
  case ACT_RELU:
    return x > 0 ? x : x <= 0 ? 0 : x;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

double act_slope(ActKind kind, double x)
{
  switch (kind) {
  case ACT_RELU:
    return x > 0;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}

void act_enclose(ActKind kind, double lo, double hi, double *out_lo, double *out_hi)
{
  switch (kind) {
  case ACT_RELU: /* monotone and exact */
    *out_lo = act_value(kind, lo);
    *out_hi = act_value(kind, hi);
    return;
  case ACT_COUNT:
    break;
  }
  status_abort(__func__, "unknown activation");
}
