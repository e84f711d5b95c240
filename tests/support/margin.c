/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/margin.h"

#include <math.h>

#include "net/base/status.h"
#include "tests/support/rational.h"

/* sum_p coef[p] y[var[p]] - rhs_lo */
static void row_value(const Rational *r, const PropRow *row, mpq_t value)
{
  mpq_t t;
  mpq_init(t);
  STATUS_REQUIRE(row->coef_rel == 0, "coefficients that are not exact");
  mpq_set_d(value, -row->rhs_lo);
  for (int p = 0; p < row->n; p++) {
    mpq_set_d(t, row->coef[p]);
    mpq_mul(t, t, r->value[r->net->n_nodes - 1][row->var[p]]);
    mpq_add(value, value, t);
  }
  mpq_clear(t);
}

Margin margin_at(const Net *net, const Prop *prop, int k, const double *x)
{
  const PropCase *c = &prop->cases[k];
  Rational r = rational_eval(net, x, NULL);
  Margin m = {.is_real = !r.is_undefined,
              .violates = box_contains(&prop->boxes[c->box], x)};
  mpq_t value;
  mpq_init(m.value);
  mpq_init(value);
  mpq_set_si(m.value, -1, 1);
  for (int j = 0; j < c->n_rows; j++) {
    row_value(&r, &c->rows[j], value);
    if (j == 0 || mpq_cmp(value, m.value) > 0) mpq_set(m.value, value);
    if (mpq_sgn(value) > 0 || (c->rows[j].strict && mpq_sgn(value) == 0))
      m.violates = false;
  }
  m.violates = m.violates && m.is_real;
  mpq_clear(value);
  rational_free(&r);
  return m;
}

void margin_free(Margin *m)
{
  mpq_clear(m->value);
}

double margin_up(mpq_srcptr a)
{
  double d = mpq_get_d(a); /* rounds towards 0 */
  while (rational_compare(a, d) > 0)
    d = nextafter(d, INFINITY);
  return d;
}

double margin_down(mpq_srcptr a)
{
  double d = mpq_get_d(a);
  while (rational_compare(a, d) < 0)
    d = nextafter(d, -INFINITY);
  return d;
}
