/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/work.h"

#include <math.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"

void work_start(Work *w, const Query *query, bool exact)
{
  *w = (Work){.query = query};
  w->plan = plan_new(query->net);
  w->layout = advice_layout_new(query->net);
  w->pass = pass_new(w->plan, w->layout, exact);
  w->state = plan_state(w->plan);
  w->closed = mem_zero((size_t)query->n_cases, sizeof *w->closed);
  for (int i = 0; i < query->box->n; i++)
    plan_meet(&w->state, (size_t)i, query->box->lo[i], query->box->hi[i]);
  const int last = query->net->n_nodes - 1;
  pass_propagate(w->pass, &w->state, 1, last);
  for (int k = 1; k <= last; k++)
    if (net_is_linear(&query->net->nodes[k]))
      bound_refresh(w->pass->bound, k, &w->state);
}

void work_end(Work *w)
{
  advice_hints_clear(&w->hints);
  plan_state_free(&w->state);
  pass_free(w->pass);
  advice_layout_free(w->layout);
  plan_free(w->plan);
  mem_free(w->closed);
  *w = (Work){0};
}

int work_n_rows(const Work *w, int index)
{
  return w->query->row[index + 1] - w->query->row[index];
}

bool work_no_slopes(const Multipliers *m)
{
  return (m->flags & CERTIFICATE_SLOPES_MASK) == CERTIFICATE_SLOPES_NONE;
}

void work_add(Work *w, const State *s, const Closing *closing)
{
  Bound *const b = w->pass->bound;
  const Multipliers *const m = &closing->m;
  bound_add(b, (BoundRow){.element = w->query->row[closing->index],
                          .n_weights = work_n_rows(w, closing->index),
                          .multipliers = m});
  if ((m->flags & CERTIFICATE_BETAS_MASK) != CERTIFICATE_BETAS_LIST) return;
  Cursor c = {.at = m->betas, .end = m->end};
  for (int i = 0; i < m->n_betas; i++) {
    const AdviceBeta beta = advice_list(&c);
    bound_assume(b, s, beta.node, 0, beta.element, 0, 0, beta.beta);
  }
}

static void run(Work *w, const State *s, Closing **batch, bool none)
{
  Bound *const b = w->pass->bound;
  bound_run(b, s, w->plan->n_nodes - 1, none, w->pass->lower);
  for (int r = 0; r < b->n; r++)
    batch[r]->bound = w->pass->lower[r];
  bound_begin(b);
}

void work_bound(Work *w, const State *s, Closing *closings, int n)
{
  Bound *const b = w->pass->bound;
  Closing *batch[LINEAR_MOST_ROWS];
  for (int none = 0; none < 2; none++) {
    bound_begin(b);
    for (int k = 0; k < n; k++) {
      if (work_no_slopes(&closings[k].m) != none) continue;
      batch[b->n] = &closings[k];
      work_add(w, s, &closings[k]);
      if (bound_full(b)) run(w, s, batch, none);
    }
    run(w, s, batch, none);
  }
}

Status work_cases(const Work *w, Cursor *c, int **list, int *n, Err *err)
{
  *n = block_n(c);
  if (c->bad || *n < 1 || *n > w->query->n_cases)
    return status_fail(err, STATUS_DATA, "a search about %d of %d cases", *n,
                       w->query->n_cases);
  *list = mem_array((size_t)*n, sizeof **list);
  for (int k = 0, at = 0; k < *n; k++) {
    const int step = block_n(c);
    if (c->bad || step > w->query->n_cases - 1 - at || (k && !step))
      return status_fail(err, STATUS_DATA, "cases of a search do not ascend");
    (*list)[k] = at += step;
  }
  return STATUS_OK;
}

Status work_not_closed(const char *where, int at, int index, double bound, Err *err)
{
  return status_fail(err, STATUS_DATA, "case %d, %s %d: bound %.6g is not above 0",
                     index, where, at, bound);
}
