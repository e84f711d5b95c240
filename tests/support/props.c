/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/props.h"

#include <string.h>

#include "net/base/mem.h"

Prop *props_below(const Net *net, const double *lo, const double *hi, int n_cases,
                  const int *first, const int *var, const double *rhs)
{
  const size_t n = (size_t)net_in_size(net);
  Prop *prop = prop_new("test", (int)n, net_out_size(net));
  Box box = box_new((int)n);
  memcpy(box.lo, lo, n * sizeof *lo);
  memcpy(box.hi, hi, n * sizeof *hi);
  memcpy(box.in_lo, lo, n * sizeof *lo);
  memcpy(box.in_hi, hi, n * sizeof *hi);
  const int index = prop_add_box(prop, &box);
  for (int k = 0; k < n_cases; k++) {
    const int n_rows = first[k + 1] - first[k];
    PropRow *rows = mem_zero((size_t)n_rows, sizeof *rows);
    for (int j = 0; j < n_rows; j++) {
      const int r = first[k] + j;
      rows[j] = (PropRow){.n = 1, .rhs_lo = rhs[r], .rhs_hi = rhs[r]};
      rows[j].var = mem_array(1, sizeof *rows[j].var);
      rows[j].coef = mem_doubles(1);
      rows[j].var[0] = var[r];
      rows[j].coef[0] = 1;
    }
    prop_add_case(prop, index, rows, n_rows, k + 1);
  }
  prop_finish(prop);
  box_free(&box);
  return prop;
}
