/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/sameprop.h"

#include <math.h>
#include <string.h>

#include "net/base/decimal.h"

static bool differ(Text *where, const char *what, int index)
{
  text_add(where, "%s %d", what, index);
  return false;
}

/* 0.1 and .1 are the same decimal. */
static bool same_decimal(const char *a, const char *b)
{
  Decimal x, y;
  return decimal_parse(a, strlen(a), &x) && decimal_parse(b, strlen(b), &y) &&
         x.lo == y.lo && x.hi == y.hi && x.near == y.near;
}

/* Without its exponent a very large or small decimal has too many digits to be kept. */
static bool may_be_lost(const Box *box, int input)
{
  const double x = fabs(box->lo[input]);
  return !(x > 1e-40 && x < 1e40);
}

static bool same_points(const Prop *a, const Prop *b, int box, Text *where)
{
  for (int i = 0; i < a->n_in; i++) {
    const char *const x = prop_decimal(a, box, i), *const y = prop_decimal(b, box, i);
    if (x && y ? !same_decimal(x, y) : (x || y) && !may_be_lost(&a->boxes[box], i))
      return differ(where, "the decimal of input", i);
  }
  return true;
}

static bool same_row(const PropRow *a, const PropRow *b)
{
  if (a->n != b->n || a->strict != b->strict || a->coef_rel != b->coef_rel ||
      a->rhs_lo != b->rhs_lo || a->rhs_hi != b->rhs_hi)
    return false;
  for (int p = 0; p < a->n; p++)
    if (a->var[p] != b->var[p] || a->coef[p] != b->coef[p]) return false;
  return true;
}

bool sameprop(const Prop *a, const Prop *b, Text *where)
{
  if (a->n_in != b->n_in || a->n_out != b->n_out) return differ(where, "sizes", 0);
  if (a->n_boxes != b->n_boxes) return differ(where, "boxes", b->n_boxes);
  for (int k = 0; k < a->n_boxes; k++) {
    if (!box_equal(&a->boxes[k], &b->boxes[k])) return differ(where, "box", k);
    if (!same_points(a, b, k, where)) return false;
  }
  if (a->n_cases != b->n_cases) return differ(where, "cases", b->n_cases);
  for (int k = 0; k < a->n_cases; k++) {
    const PropCase *const c = &a->cases[k], *const d = &b->cases[k];
    if (c->box != d->box) return differ(where, "the box of case", k);
    if (c->n_rows != d->n_rows) return differ(where, "the rows of case", k);
    for (int j = 0; j < c->n_rows; j++)
      if (!same_row(&c->rows[j], &d->rows[j])) return differ(where, "a row of case", k);
  }
  return true;
}
