/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/group_proof.h"

#include <string.h>

#include "net/base/mem.h"

/* Betas of row r, of the first decision on its path first. */
static int read_betas(GroupWorker *w, int row, bool exact)
{
  int n = 0;
  for (int i = w->n_cuts; i-- > 0;) {
    if (w->cuts[i].row != row) continue;
    if (n == w->beta_room) {
      w->beta_room = 2 * n + 16;
      w->beta = mem_grow(w->beta, (size_t)w->beta_room, sizeof *w->beta);
    }
    w->beta[n++] = w->cuts[i].node < 0 ? 0 : exact ? w->exact_beta[i] : w->cuts[i].beta;
  }
  return n;
}

void group_proof_bound(const Group *g, GroupWorker *w, int r, bool exact,
                       ProofText *text)
{
  const size_t at =
      (size_t)r * (size_t)net_out_size(g->query->net) + (size_t)w->first[r];
  const int n = read_betas(w, r, exact);
  proof_bound(g->params->proof,
              &(ProofBound){.row = -1,
                            .count = w->count[r],
                            .weight = (exact ? w->exact_c : w->c) + at,
                            .exact = exact,
                            .alpha = exact ? w->mean : w->alpha,
                            .r = r,
                            .n_betas = n,
                            .beta = w->beta},
              text);
}

/* Round all multipliers to what a certificate has.  Those of closed rows are kept as
 * they were, their slopes in `mean`, which nobody needs of a closed row. */
static void round_multipliers(const Group *g, GroupWorker *w)
{
  const Net *net = g->query->net;
  const int end = net->n_nodes - 1;
  const size_t size = (size_t)net_out_size(net);
  if (w->n_cuts > w->exact_room) {
    w->exact_room = w->cuts_room;
    w->exact_beta = mem_grow(w->exact_beta, (size_t)w->exact_room, sizeof(double));
  }
  memcpy(w->exact_c, w->c, (size_t)w->n_rows * size * sizeof *w->c);
  for (int r = 0; r < w->n_rows; r++) {
    for (int k = 0; k < end && w->lower[r] > 0; k++) {
      const size_t n = (size_t)net->nodes[k].size;
      if (w->alpha[k])
        memcpy(w->mean[k] + (size_t)r * n, w->alpha[k] + (size_t)r * n,
               n * sizeof(double));
    }
    packed_round(g->packed, end, w->alpha, r);
    for (size_t j = 0; j < size; j++)
      w->c[(size_t)r * size + j] = (double)(float)w->c[(size_t)r * size + j];
  }
  for (int i = 0; i < w->n_cuts; i++) {
    w->exact_beta[i] = w->cuts[i].beta;
    w->cuts[i].beta = (double)(float)w->cuts[i].beta;
  }
}

void group_proof_closed(const Group *g, GroupWorker *w, GroupPart *parts, Objective *o,
                        const SlopesParams *params)
{
  int n = 0;
  round_multipliers(g, w);
  for (int r = 0; r < w->n_rows; r++) {
    if (!(w->lower[r] > 0)) continue;
    w->source[n] = r;
    w->ahead[n++] = (LagrangianCut){.node = -1};
  }
  if (!n) return;
  slopes_look_ahead(w->slopes, w->L, w->b, o, params, n, w->source, w->ahead,
                    w->ahead_value);
  for (int i = 0; i < n; i++)
    group_proof_bound(g, w, w->source[i], !(w->ahead_value[i] > 0),
                      &parts[w->part[w->source[i]]].close);
}

void group_proof_leaf(const Group *g, GroupPart *part, const Objective *o,
                      const LpCuts *cuts)
{
  proof_bound(g->params->proof,
              &(ProofBound){.row = -1,
                            .count = o->count[0],
                            .weight = o->c + o->first[0],
                            .exact = true,
                            .n_listed = cuts->n,
                            .node = cuts->node,
                            .index = cuts->index,
                            .beta = cuts->beta},
              &part->close);
}
