/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/group_proof.h"

#include <string.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"

/* ---- events -------------------------------------------------------------------- */

/* Each one is preceded by its length. */
static size_t begin_event(GroupPart *part, int type)
{
  const size_t none = 0, begin = part->events.n;
  proof_bytes(&part->events, &none, sizeof none);
  proof_byte(&part->events, type);
  return begin;
}

static void end_event(GroupPart *part, size_t begin)
{
  const size_t n = part->events.n - begin - sizeof n;
  memcpy(part->events.at + begin, &n, sizeof n);
}

bool group_proof_event(const GroupPart *part, size_t *at, ProofText *event)
{
  size_t n;
  if (*at == part->events.n) return false;
  memcpy(&n, part->events.at + *at, sizeof n);
  *event = (ProofText){.at = part->events.at + *at + sizeof n, .n = n};
  *at += sizeof n + n;
  return true;
}

void group_proof_pass(const Group *g, GroupPart *part, int first)
{
  const size_t begin = begin_event(part, CERTIFICATE_EVENT_PASS);
  proof_number(&part->events,
               first > 1 ? (size_t)proof_node(g->params->proof, first) : 1);
  end_event(part, begin);
}

void group_proof_equations(GroupPart *part)
{
  end_event(part, begin_event(part, CERTIFICATE_EVENT_EQUATIONS));
}

static void add_sign(const Group *g, GroupPart *part, const Decision *d)
{
  const Proof *proof = g->params->proof;
  const size_t begin = begin_event(part, CERTIFICATE_EVENT_SIGN);
  proof_number(&part->events, (size_t)proof_node(proof, d->node));
  proof_number(&part->events, (size_t)proof_element(proof, d->node, d->index));
  proof_byte(&part->events, d->positive);
  end_event(part, begin);
}

void group_proof_steps(const Group *g, GroupPart *part, const NarrowSteps *steps)
{
  if (steps->by_equations) group_proof_equations(part);
  for (int i = 0; i < steps->n; i++)
    add_sign(g, part, &steps->sign[i]);
}

void group_proof_empty(GroupPart *part)
{
  end_event(part, begin_event(part, CERTIFICATE_EVENT_EMPTY));
}

/* ---- multipliers --------------------------------------------------------------- */

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

static void add_bound(const Group *g, GroupWorker *w, int r, bool exact,
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

void group_proof_narrow(const Group *g, GroupWorker *w, GroupPart *part, int r)
{
  const size_t begin = begin_event(part, CERTIFICATE_EVENT_NARROW);
  add_bound(g, w, r, false, &part->events);
  end_event(part, begin);
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
  for (int i = 0; i < n; i++) {
    GroupPart *part = &parts[w->part[w->source[i]]];
    const size_t begin = begin_event(part, CERTIFICATE_EVENT_CLOSE);
    add_bound(g, w, w->source[i], !(w->ahead_value[i] > 0), &part->events);
    end_event(part, begin);
  }
}

void group_proof_leaf(const Group *g, GroupPart *part, const Objective *o,
                      const LpCuts *cuts)
{
  const size_t begin = begin_event(part, CERTIFICATE_EVENT_CLOSE);
  proof_bound(g->params->proof,
              &(ProofBound){.row = -1,
                            .count = o->count[0],
                            .weight = o->c + o->first[0],
                            .exact = true,
                            .n_listed = cuts->n,
                            .node = cuts->node,
                            .index = cuts->index,
                            .beta = cuts->beta},
              &part->events);
  end_event(part, begin);
}
