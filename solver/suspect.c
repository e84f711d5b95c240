/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/suspect.h"

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/eval.h"

static bool row_holds(const PropRow *row, const double *y)
{
  double sum = 0;
  for (int p = 0; p < row->n; p++)
    sum += row->coef[p] * y[row->var[p]];
  return sum <= row->rhs_hi;
}

static bool is_unsafe(const Prop *prop, int box, const double *y)
{
  for (int k = 0; k < prop->n_cases; k++) {
    const PropCase *const c = &prop->cases[k];
    int j = 0;
    while (j < c->n_rows && row_holds(&c->rows[j], y))
      j++;
    if (c->box == box && j == c->n_rows) return true;
  }
  return false;
}

/* Point 0 is the centre. */
static void choose(const Box *box, int point, Prng *prng, double *x)
{
  for (int i = 0; i < box->n; i++) {
    const double t = point ? prng_unit(prng) : 0.5;
    x[i] = box->lo[i] + t * (box->hi[i] - box->lo[i]);
  }
}

static bool is_point(const Box *box)
{
  for (int i = 0; i < box->n; i++)
    if (box->in_lo[i] < box->in_hi[i]) return false;
  return true;
}

bool suspect_everything_unsafe(const Net *net, const Prop *prop, int box)
{
  const Box *const b = &prop->boxes[box];
  if (is_point(b)) return false;
  Prng prng = prng_init(0);
  double *x = mem_doubles((size_t)net_in_size(net));
  double *y = mem_doubles((size_t)net_out_size(net));
  bool all = true;
  for (int point = 0; all && point < SUSPECT_POINTS; point++) {
    choose(b, point, &prng, x);
    eval_double(net, x, y);
    all = is_unsafe(prop, box, y);
  }
  mem_free(x);
  mem_free(y);
  return all;
}
