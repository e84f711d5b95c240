/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/advice.h -- slope layouts, multipliers and hints as a certificate has
 * them: checked, but left where they are in memory. */
#ifndef SPECS_CHECK_ADVICE_H
#define SPECS_CHECK_ADVICE_H

#include "specs/check/block.h"
#include "specs/check/plan.h"

/* Which neurons have an alpha of their own. */
typedef struct {
  int n_nodes;
  int **place; /* place[k][i]: element i of node k in a slope row, or -1; NULL: none */
  int *before; /* int before[n_nodes + 1]: layout neurons in nodes before k */
} Layout;

Layout *advice_layout_new(const Net *net); /* an empty one */
void advice_layout_free(Layout *layout);
void advice_layout_clear(Layout *layout);

/* Read the content of an L block.  Fails DATA. */
Status advice_layout_read(Layout *layout, const Net *net, Cursor c, Err *err);

/* Multipliers of a case of n_rows rows; the arrays lie in the block. */
typedef struct {
  int flags;
  int row;                /* CERTIFICATE_ONE_ROW: which */
  const uint8_t *weights; /* of each row */
  const uint8_t *slopes;
  const uint8_t *betas; /* one for each split, or the entries of a list, */
  const uint8_t *end;   /* which ends here; each neuron once */
  int n_betas;
} Multipliers;

/* One of a case's rows alone, default slopes. */
Multipliers advice_one_row(int row);

/* Read multipliers; depth splits are above.  Fails DATA: numbers out of range, weights
 * below 0, not finite or all 0, slopes outside of [0, 1], a list that does not ascend.
 */
Status advice_multipliers(Cursor *c, const Net *net, const Layout *layout, int n_rows,
                          int depth, Multipliers *m, Err *err);

double advice_weight(const Multipliers *m, int j); /* of row j of the case */
double advice_beta(const Multipliers *m, int split);

/* Entry i of a list of betas. */
typedef struct {
  int node, element;
  double beta;
} AdviceBeta;
AdviceBeta advice_list(Cursor *c);

/* Slope rows of a pass: row[off[k] + i][sign], sign 0 for +e_i of node k and 1 for
 * -e_i; NULL where there is none.  Keeps the blocks they lie in. */
typedef struct {
  const uint8_t *(*row)[2];
  uint8_t **block;
  int n_blocks;
  bool any;
} Hints;

void advice_hints_clear(Hints *hints);

#endif
