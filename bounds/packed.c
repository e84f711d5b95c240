/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/packed.h"

#include "net/base/mem.h"

#define STEPS 255.0

Packed *packed_new(const Bounds *b)
{
  const size_t n = (size_t)b->net->n_nodes;
  Packed *p = mem_zero(1, sizeof *p);
  p->net = b->net;
  p->n_open = mem_zero(n, sizeof *p->n_open);
  p->open = mem_zero(n, sizeof *p->open);
  p->before = mem_zero(n + 1, sizeof *p->before);
  for (int k = 0; k < b->net->n_nodes; k++) {
    const Node *v = &b->net->nodes[k];
    if (net_is_nonlinear(v)) {
      p->open[k] = mem_array((size_t)v->size, sizeof **p->open);
      for (int i = 0; i < v->size; i++)
        if (bounds_has_choice(b, k, 0, i)) p->open[k][p->n_open[k]++] = i;
    }
    p->before[k + 1] = p->before[k] + (size_t)p->n_open[k];
  }
  return p;
}

void packed_free(Packed *p)
{
  if (!p) return;
  for (int k = 0; k < p->net->n_nodes; k++)
    mem_free(p->open[k]);
  mem_free(p->open);
  mem_free(p->n_open);
  mem_free(p->before);
  mem_free(p);
}

void packed_store(const Packed *p, int start, double *const *alpha, int r,
                  unsigned char *bytes)
{
  for (int k = 0; k < start; k++) {
    if (!p->n_open[k]) continue;
    const double *row = alpha[k] + (size_t)r * (size_t)p->net->nodes[k].size;
    for (int i = 0; i < p->n_open[k]; i++) {
      const double s = row[p->open[k][i]];
      *bytes++ = s >= 0 && s <= 1 ? (unsigned char)(s * STEPS + 0.5) : 0;
    }
  }
}

void packed_load(const Packed *p, int start, const unsigned char *bytes,
                 double *const *alpha, int r)
{
  for (int k = 0; k < start; k++) {
    if (!p->n_open[k]) continue;
    double *row = alpha[k] + (size_t)r * (size_t)p->net->nodes[k].size;
    for (int i = 0; i < p->n_open[k]; i++)
      row[p->open[k][i]] = *bytes++ * (1 / STEPS);
  }
}

static double in_steps(double s)
{
  return s >= 0 && s <= 1 ? (unsigned char)(s * STEPS + 0.5) * (1 / STEPS) : 0;
}

void packed_round(const Packed *p, int start, double *const *alpha, int r)
{
  for (int k = 0; k < start; k++) {
    if (!p->n_open[k]) continue;
    double *row = alpha[k] + (size_t)r * (size_t)p->net->nodes[k].size;
    for (int i = 0; i < p->n_open[k]; i++)
      row[p->open[k][i]] = in_steps(row[p->open[k][i]]);
  }
}

/* Room for both directions of the open elements of node k's pre-activation j. */
static void add_rows(Hints *h, int k, int j)
{
  const Packed *packed = h->packed;
  const size_t size = (size_t)packed->net->nodes[k].size;
  h->row_of[j] = mem_array(2 * size, sizeof **h->row_of);
  for (size_t i = 0; i < 2 * size; i++)
    h->row_of[j][i] = -1;
  for (int i = 0; i < packed->n_open[k]; i++) {
    h->row_of[j][2 * packed->open[k][i]] = h->n_rows[j]++;
    h->row_of[j][2 * packed->open[k][i] + 1] = h->n_rows[j]++;
  }
  h->slope[j] = mem_zero((size_t)h->n_rows[j] * packed_width(packed, j) + 1, 1);
}

Hints *packed_hints_new(const Packed *packed, size_t most)
{
  const Net *net = packed->net;
  size_t total = 0;
  for (int k = 0; k < net->n_nodes; k++)
    for (int p = 0; net_is_nonlinear(&net->nodes[k]) && p < net->nodes[k].n_in; p++)
      total +=
          2 * (size_t)packed->n_open[k] * packed_width(packed, net->nodes[k].in[p]);
  if (total > most) return NULL;
  const size_t n = (size_t)net->n_nodes;
  Hints *h = mem_zero(1, sizeof *h);
  h->packed = packed;
  h->row_of = mem_zero(n, sizeof *h->row_of);
  h->n_rows = mem_zero(n, sizeof *h->n_rows);
  h->slope = mem_zero(n, sizeof *h->slope);
  for (int k = 0; k < net->n_nodes; k++)
    for (int p = 0; net_is_nonlinear(&net->nodes[k]) && p < net->nodes[k].n_in; p++)
      add_rows(h, k, net->nodes[k].in[p]);
  return h;
}

void packed_hints_free(Hints *h)
{
  if (!h) return;
  for (int k = 0; k < h->packed->net->n_nodes; k++) {
    mem_free(h->row_of[k]);
    mem_free(h->slope[k]);
  }
  mem_free(h->row_of);
  mem_free(h->n_rows);
  mem_free(h->slope);
  mem_free(h);
}

unsigned char *packed_hints_row(const Hints *h, int j, int i, int sign)
{
  if (!h->row_of[j]) return NULL;
  const int row = h->row_of[j][2 * i + (sign < 0)];
  return row < 0 ? NULL : h->slope[j] + (size_t)row * packed_width(h->packed, j);
}
