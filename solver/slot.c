/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/slot.h"

#include "net/base/round.h"

static size_t width(const SlotLayout *layout)
{
  return packed_width(layout->packed, layout->packed->net->n_nodes - 1);
}

static size_t n_inputs(const SlotLayout *layout)
{
  return layout->has_inputs ? (size_t)net_in_size(layout->packed->net) : 0;
}

static size_t n_intervals(const SlotLayout *layout)
{
  return layout->has_intervals ? width(layout) : 0;
}

size_t slot_bytes(const SlotLayout *layout)
{
  const size_t bytes = (size_t)layout->max_count * sizeof(double) +
                       SLOT_BETAS * sizeof(float) +
                       2 * n_inputs(layout) * sizeof(float) +
                       2 * n_intervals(layout) * sizeof(float) + width(layout);
  return (bytes + 7) / 8 * 8;
}

Slot slot_view(const SlotLayout *layout, const unsigned char *bytes)
{
  Slot slot;
  unsigned char *at = (unsigned char *)bytes;
  slot.weights = (double *)(void *)at;
  at += (size_t)layout->max_count * sizeof(double);
  slot.beta = (float *)(void *)at;
  at += SLOT_BETAS * sizeof(float);
  slot.input = (float *)(void *)at;
  at += 2 * n_inputs(layout) * sizeof(float);
  slot.interval = (float *)(void *)at;
  at += 2 * n_intervals(layout) * sizeof(float);
  slot.slopes = at;
  return slot;
}

void slot_store_inputs(const Bounds *b, int t, float *input)
{
  const size_t n = (size_t)net_in_size(b->net), at = (size_t)t * n;
  for (size_t i = 0; i < n; i++) {
    *input++ = round_float_dn(b->lo[0][at + i]);
    *input++ = round_float_up(b->hi[0][at + i]);
  }
}

void slot_load_inputs(Bounds *b, int t, const float *input)
{
  for (int i = 0; i < net_in_size(b->net); i++, input += 2)
    bounds_meet(b, 0, t, i, (double)input[0], (double)input[1]);
}

void slot_store_intervals(const SlotLayout *layout, const Bounds *b, int t,
                          float *interval)
{
  for (int k = 0; k < b->net->n_nodes; k++) {
    if (!layout->packed->n_open[k]) continue;
    const int j = b->net->nodes[k].in[0];
    const size_t at = (size_t)t * (size_t)b->net->nodes[k].size;
    for (int i = 0; i < layout->packed->n_open[k]; i++) {
      *interval++ = round_float_dn(b->lo[j][at + (size_t)layout->packed->open[k][i]]);
      *interval++ = round_float_up(b->hi[j][at + (size_t)layout->packed->open[k][i]]);
    }
  }
}

void slot_load_intervals(const SlotLayout *layout, Bounds *b, int t,
                         const float *interval)
{
  for (int k = 0; k < b->net->n_nodes; k++)
    for (int i = 0; i < layout->packed->n_open[k]; i++, interval += 2)
      bounds_meet(b, b->net->nodes[k].in[0], t, layout->packed->open[k][i],
                  (double)interval[0], (double)interval[1]);
}
