/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/advice.h"

#include <math.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"

Layout *advice_layout_new(const Net *net)
{
  Layout *const layout = mem_zero(1, sizeof *layout);
  layout->n_nodes = net->n_nodes;
  layout->place = mem_zero((size_t)net->n_nodes, sizeof *layout->place);
  layout->before = mem_zero((size_t)net->n_nodes + 1, sizeof *layout->before);
  return layout;
}

void advice_layout_clear(Layout *layout)
{
  for (int k = 0; k < layout->n_nodes; k++) {
    mem_free(layout->place[k]);
    layout->place[k] = NULL;
    layout->before[k + 1] = 0;
  }
}

void advice_layout_free(Layout *layout)
{
  if (!layout) return;
  advice_layout_clear(layout);
  mem_free(layout->place);
  mem_free(layout->before);
  mem_free(layout);
}

static Status read_node(Layout *layout, const Net *net, int k, Cursor *c, Err *err)
{
  const int size = net->nodes[k].size, n = block_n(c);
  if (c->bad || n < 1 || n > size)
    return status_fail(err, STATUS_DATA, "layout: node %d has no %d neurons", k, n);
  int *const place = mem_array((size_t)size, sizeof *place);
  layout->place[k] = place;
  for (int i = 0; i < size; i++)
    place[i] = -1;
  int e = 0;
  for (int j = 0; j < n; j++) {
    const int step = block_n(c);
    if (c->bad || step > size - 1 - e || (j && !step))
      return status_fail(err, STATUS_DATA, "layout: neurons of node %d do not ascend",
                         k);
    e += step;
    place[e] = layout->before[k] + j;
  }
  layout->before[k + 1] = layout->before[k] + n;
  return STATUS_OK;
}

Status advice_layout_read(Layout *layout, const Net *net, Cursor c, Err *err)
{
  advice_layout_clear(layout);
  int last = 0, total = 0;
  while (c.at < c.end) {
    const int step = block_n(&c);
    if (c.bad || !step || step > net->n_nodes - 1 - last)
      return status_fail(err, STATUS_DATA, "layout: nodes do not ascend");
    const int k = last + step;
    if (!net_is_nonlinear(&net->nodes[k]))
      return status_fail(err, STATUS_DATA, "layout: node %d is linear", k);
    for (int j = last + 1; j <= k; j++)
      layout->before[j] = total;
    const Status rc = read_node(layout, net, k, &c, err);
    if (rc) return rc;
    total = layout->before[k + 1];
    last = k;
  }
  for (int j = last + 1; j <= net->n_nodes; j++)
    layout->before[j] = total;
  return STATUS_OK;
}

Multipliers advice_one_row(int row)
{
  return (Multipliers){.flags = CERTIFICATE_ONE_ROW, .row = row};
}

double advice_weight(const Multipliers *m, int j)
{
  switch (m->flags & CERTIFICATE_ROWS_MASK) {
  case CERTIFICATE_ONE_ROW:
    return j == m->row ? 1 : 0;
  case CERTIFICATE_WEIGHTS_F32:
    return block_item_f32(m->weights, (size_t)j);
  default:
    return block_item_f64(m->weights, (size_t)j);
  }
}

static Status read_weights(Cursor *c, int n_rows, Multipliers *m, Err *err)
{
  const int kind = m->flags & CERTIFICATE_ROWS_MASK;
  if (kind == CERTIFICATE_ONE_ROW) {
    m->row = block_below(c, n_rows);
    return c->bad ? status_fail(err, STATUS_DATA, "no such row of the case")
                  : STATUS_OK;
  }
  m->weights = block_skip(c, (size_t)n_rows, kind == CERTIFICATE_WEIGHTS_F32 ? 4 : 8);
  double most = 0;
  for (int j = 0; j < n_rows && !c->bad; j++) {
    const double w = advice_weight(m, j);
    if (!(w >= 0 && w < INFINITY))
      return status_fail(err, STATUS_DATA, "weight %g: expected 0 or more, finite", w);
    if (w > most) most = w;
  }
  if (c->bad || most == 0)
    return status_fail(err, STATUS_DATA, "weights end early or are all 0");
  return STATUS_OK;
}

AdviceBeta advice_list(Cursor *c)
{
  AdviceBeta b;
  b.node = block_n(c);
  b.element = block_n(c);
  b.beta = block_f64(c);
  return b;
}

static Status read_list(Cursor *c, const Net *net, Multipliers *m, Err *err)
{
  m->n_betas = block_n(c);
  m->betas = c->at;
  if (c->bad) return status_fail(err, STATUS_DATA, "multipliers end early");
  AdviceBeta last = {.node = -1};
  for (int i = 0; i < m->n_betas && !c->bad; i++) {
    const AdviceBeta b = advice_list(c);
    if (c->bad || b.node >= net->n_nodes || net->nodes[b.node].kind != NODE_ACT ||
        net->nodes[b.node].act != ACT_RELU || b.element >= net->nodes[b.node].size)
      return status_fail(err, STATUS_DATA, "a beta that is of no ReLU");
    /* Twice the same neuron would be a sum that plan->gamma does not know. */
    if (b.node < last.node || (b.node == last.node && b.element <= last.element))
      return status_fail(err, STATUS_DATA, "betas of a list do not ascend");
    last = b;
  }
  m->end = c->at;
  return STATUS_OK;
}

/* Doubles could be any number; an alpha is one of [0, 1]. */
static Status check_slopes(const Multipliers *m, size_t n, Err *err)
{
  for (size_t i = 0; i < n; i++) {
    const double alpha = block_item_f64(m->slopes, i);
    if (!(alpha >= 0 && alpha <= 1))
      return status_fail(err, STATUS_DATA, "slope %g: expected 0 to 1", alpha);
  }
  return STATUS_OK;
}

Status advice_multipliers(Cursor *c, const Net *net, const Layout *layout, int n_rows,
                          int depth, Multipliers *m, Err *err)
{
  *m = (Multipliers){.flags = block_u8(c)};
  if (m->flags &
          ~(CERTIFICATE_ROWS_MASK | CERTIFICATE_SLOPES_MASK | CERTIFICATE_BETAS_MASK) ||
      (m->flags & CERTIFICATE_ROWS_MASK) == CERTIFICATE_ROWS_MASK)
    return status_fail(err, STATUS_DATA, "multipliers with unknown flags %d", m->flags);
  const Status rc = read_weights(c, n_rows, m, err);
  if (rc) return rc;
  const size_t n = (size_t)layout->before[layout->n_nodes];
  const int slopes = m->flags & CERTIFICATE_SLOPES_MASK;
  if (slopes == CERTIFICATE_SLOPES_U8) m->slopes = block_skip(c, n, 1);
  if (slopes == CERTIFICATE_SLOPES_F64) m->slopes = block_skip(c, n, 8);
  if (slopes == CERTIFICATE_SLOPES_F64 && m->slopes && check_slopes(m, n, err))
    return STATUS_DATA;
  const int betas = m->flags & CERTIFICATE_BETAS_MASK;
  if (betas == CERTIFICATE_BETAS_LIST) return read_list(c, net, m, err);
  if (betas != CERTIFICATE_BETAS_NONE) {
    m->n_betas = depth;
    m->betas = block_skip(c, (size_t)depth, betas == CERTIFICATE_BETAS_F32 ? 4 : 8);
  }
  if (c->bad) return status_fail(err, STATUS_DATA, "multipliers end early");
  return STATUS_OK;
}

double advice_beta(const Multipliers *m, int split)
{
  switch (m->flags & CERTIFICATE_BETAS_MASK) {
  case CERTIFICATE_BETAS_F32:
    return block_item_f32(m->betas, (size_t)split);
  case CERTIFICATE_BETAS_F64:
    return block_item_f64(m->betas, (size_t)split);
  default:
    return 0;
  }
}

void advice_hints_clear(Hints *hints)
{
  for (int k = 0; k < hints->n_blocks; k++)
    mem_free(hints->block[k]);
  mem_free(hints->block);
  mem_free(hints->row);
  *hints = (Hints){0};
}
