/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/advice.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "specs/check/certificate.h"

#define MOST_NODES 256

typedef struct {
  const Net *net;
  const Prop *prop;
  Prng *prng;
  Certs c;
  int before[MOST_NODES + 1]; /* layout neurons in nodes before k */
  int function[MOST_NODES], n_functions;
  int relu[MOST_NODES], n_relus;
} Random;

static bool often(Random *r, double share)
{
  return prng_unit(r->prng) < share;
}

static int below(Random *r, int n)
{
  return prng_below(r->prng, n);
}

static void n(Random *r, int value)
{
  certs_n(&r->c, (unsigned long)value);
}

static void clear_layout(Random *r)
{
  for (int k = 0; k <= r->net->n_nodes + 1; k++)
    r->before[k] = 0;
}

/* An ascending list of some of 0 .. size - 1, at least one. */
static int some(Random *r, int size, int *list)
{
  int count = 0;
  const double share = prng_unit(r->prng);
  for (int i = 0; i < size; i++)
    if (often(r, share)) list[count++] = i;
  if (!count) list[count++] = below(r, size);
  return count;
}

static void layout(Random *r)
{
  int last = 0;
  clear_layout(r);
  for (int f = 0; f < r->n_functions; f++) {
    const int k = r->function[f], size = r->net->nodes[k].size;
    if (often(r, 0.3)) continue;
    int *const list = malloc((size_t)size * sizeof *list);
    const int count = some(r, size, list);
    n(r, k - last);
    n(r, count);
    for (int j = 0; j < count; j++)
      n(r, j ? list[j] - list[j - 1] : list[j]);
    free(list);
    last = k;
    for (int j = k + 1; j <= r->net->n_nodes + 1; j++)
      r->before[j] += count;
  }
  certs_block(&r->c, CERTIFICATE_LAYOUT);
}

static void slope_row(Random *r, int k)
{
  for (int j = 0; j < r->before[k]; j++)
    certs_u8(&r->c, often(r, 0.5) ? below(r, 256) : 255 * below(r, 2));
}

static double beta(Random *r)
{
  const double size[] = {0, 0.1, 1, 10};
  return prng_range(r->prng, -1, 1) * size[below(r, 4)];
}

static void betas(Random *r, int kind, int depth)
{
  if (kind == CERTIFICATE_BETAS_LIST) {
    /* At most one of each of the nodes that follow, in their order. */
    const int first = below(r, r->n_relus), left = r->n_relus - first;
    const int count = below(r, left < 3 ? left + 1 : 3);
    n(r, count);
    for (int j = 0; j < count; j++) {
      const int k = r->relu[first + j];
      n(r, k);
      n(r, below(r, r->net->nodes[k].size));
      certs_f64(&r->c, beta(r));
    }
    return;
  }
  for (int j = 0; j < depth && kind; j++)
    if (kind == CERTIFICATE_BETAS_F32)
      certs_f32(&r->c, beta(r));
    else
      certs_f64(&r->c, beta(r));
}

static void multipliers(Random *r, int n_rows, int depth)
{
  const int rows = below(r, 3), slopes = below(r, 4) << 2;
  const int kind = below(r, r->n_relus ? 4 : 3) << 4;
  certs_u8(&r->c, rows | slopes | kind);
  if (rows == CERTIFICATE_ONE_ROW) n(r, below(r, n_rows));
  for (int j = 0; j < n_rows && rows != CERTIFICATE_ONE_ROW; j++)
    if (rows == CERTIFICATE_WEIGHTS_F32)
      certs_f32(&r->c, prng_unit(r->prng) + 0.001);
    else
      certs_f64(&r->c, prng_unit(r->prng) + 0.001);
  if (slopes == CERTIFICATE_SLOPES_U8) slope_row(r, r->net->n_nodes);
  if (slopes == CERTIFICATE_SLOPES_F64)
    for (int j = 0; j < r->before[r->net->n_nodes]; j++)
      certs_f64(&r->c, often(r, 0.1) ? below(r, 2) : prng_unit(r->prng));
  betas(r, kind, depth);
}

static void tree(Random *r, int k, int depth)
{
  if (depth < 3 && r->n_relus && often(r, 0.4)) {
    const int split = r->relu[below(r, r->n_relus)];
    certs_u8(&r->c, 1);
    n(r, split);
    n(r, below(r, r->net->nodes[split].size));
    tree(r, k, depth + 1);
    tree(r, k, depth + 1);
    return;
  }
  certs_u8(&r->c, 0);
  slope_row(r, k);
  for (int d = 0; d < depth; d++)
    certs_f32(&r->c, beta(r));
}

/* S or R */
static void rows(Random *r, int tag)
{
  for (int f = 0; f < r->n_functions; f++) {
    const int k = r->function[f];
    const Node *const node = &r->net->nodes[k];
    for (int p = 0; p < node->n_in; p++) {
      if (often(r, 0.3)) continue;
      int *const list = malloc((size_t)node->size * sizeof *list), last = 0;
      const int count = some(r, node->size, list);
      const int signs = below(r, 3); /* +, -, both */
      n(r, k);
      n(r, p);
      n(r, signs == 2 ? 2 * count : count);
      for (int j = 0; j < count; j++)
        for (int minus = 0; minus < 2; minus++) {
          if (signs != 2 && signs != minus) continue;
          n(r, list[j] - last);
          last = list[j];
          certs_u8(&r->c, minus);
          if (tag == CERTIFICATE_REFINE)
            tree(r, k, 0);
          else
            slope_row(r, k);
        }
      free(list);
    }
    if (often(r, 0.3)) certs_block(&r->c, tag);
  }
  certs_block(&r->c, tag);
}

static int n_rows(const Random *r, int index)
{
  return r->prop->cases[index].n_rows;
}

static void boxes(Random *r, int index, int size)
{
  const Box *const box = &r->prop->boxes[0];
  typedef struct {
    int axis, kid;
    double mid;
  } Region;
  Region *const region = calloc((size_t)size + 2, sizeof *region);
  double *const lo = malloc((size_t)(size + 2) * (size_t)box->n * sizeof *lo);
  double *const hi = malloc((size_t)(size + 2) * (size_t)box->n * sizeof *hi);
  const size_t d = (size_t)box->n;
  int count = 1;
  for (size_t i = 0; i < d; i++) {
    lo[i] = box->lo[i];
    hi[i] = box->hi[i];
  }
  for (int t = 0; t < count && count + 2 <= size; t++) {
    const size_t at = (size_t)t * d;
    size_t axis = (size_t)below(r, box->n);
    for (size_t i = 0; i < d; i++)
      if (often(r, 0.9) && hi[at + i] - lo[at + i] > hi[at + axis] - lo[at + axis])
        axis = i;
    const double mid = lo[at + axis] + (hi[at + axis] - lo[at + axis]) *
                                           (often(r, 0.5) ? 0.5 : prng_unit(r->prng));
    if (!(lo[at + axis] < mid && mid < hi[at + axis])) continue;
    region[t] = (Region){(int)axis + 1, count, mid};
    for (size_t kid = (size_t)count; kid < (size_t)count + 2; kid++)
      for (size_t i = 0; i < d; i++) {
        lo[kid * d + i] = i == axis && kid > (size_t)count ? mid : lo[at + i];
        hi[kid * d + i] = i == axis && kid == (size_t)count ? mid : hi[at + i];
      }
    count += 2;
  }
  n(r, 1);
  n(r, index);
  certs_block(&r->c, CERTIFICATE_BOXES);
  for (int t = 0; t < count; t++)
    if (!region[t].axis && often(r, 0.2)) {
      n(r, t);
      n(r, index);
      multipliers(r, n_rows(r, index), 0);
    }
  certs_block(&r->c, CERTIFICATE_BOX_EVENT);
  n(r, count);
  for (int t = 0; t < count; t++) {
    n(r, region[t].axis);
    if (!region[t].axis) continue;
    certs_f64(&r->c, region[t].mid);
    n(r, region[t].kid);
  }
  certs_block(&r->c, CERTIFICATE_BOX_TREE);
  free(region);
  free(lo);
  free(hi);
}

static void sign_events(Random *r, int index, int t, int depth, bool leaf)
{
  if (often(r, 0.3)) {
    n(r, t);
    certs_u8(&r->c, CERTIFICATE_EVENT_PASS);
    n(r, below(r, r->net->n_nodes));
  }
  if (often(r, 0.3)) {
    n(r, t);
    certs_u8(&r->c, CERTIFICATE_EVENT_NARROW);
    multipliers(r, n_rows(r, index), depth);
    if (often(r, 0.7)) {
      n(r, t);
      certs_u8(&r->c, CERTIFICATE_EVENT_PASS);
      n(r, 1);
    }
  }
  if (leaf && often(r, 0.95)) {
    n(r, t);
    certs_u8(&r->c, CERTIFICATE_EVENT_CLOSE);
    multipliers(r, n_rows(r, index), depth);
  }
}

static void signs(Random *r, int index, int size)
{
  typedef struct {
    int kid, node, factor, element, depth;
    double point;
  } Split;
  Split *const split = calloc((size_t)size + 2, sizeof *split);
  int count = 1;
  for (int t = 0; t < count && count + 2 <= size && r->n_functions; t++) {
    const int k = r->function[below(r, r->n_functions)];
    const Node *const node = &r->net->nodes[k];
    const bool is_relu = node->kind == NODE_ACT && node->act == ACT_RELU;
    split[t].kid = count;
    split[t].node = k;
    split[t].factor = below(r, node->n_in);
    split[t].element = below(r, node->size);
    split[t].point = is_relu && often(r, 0.9) ? 0 : prng_range(r->prng, -1, 1);
    split[count].depth = split[count + 1].depth = split[t].depth + 1;
    count += 2;
  }
  n(r, 1);
  n(r, index);
  certs_block(&r->c, CERTIFICATE_SIGNS);
  for (int t = 0; t < count; t++)
    sign_events(r, index, t, split[t].depth, !split[t].kid);
  certs_block(&r->c, CERTIFICATE_SIGN_EVENT);
  n(r, count);
  for (int t = 0; t < count; t++) {
    n(r, split[t].kid);
    if (!split[t].kid) continue;
    n(r, split[t].node);
    n(r, split[t].factor);
    n(r, split[t].element);
    certs_u8(&r->c, split[t].point != 0);
    if (split[t].point != 0) certs_f64(&r->c, split[t].point);
  }
  certs_block(&r->c, CERTIFICATE_SIGN_TREE);
  free(split);
}

static void random_block(Random *r)
{
  switch (below(r, 4)) {
  case 0:
    certs_pass(&r->c, below(r, r->net->n_nodes));
    break;
  case 1:
    layout(r);
    break;
  case 2:
    rows(r, CERTIFICATE_SLOPES);
    break;
  default:
    rows(r, CERTIFICATE_REFINE);
    break;
  }
}

Certs advice_random(const Net *net, const Prop *prop, int size, Prng *prng)
{
  Random *const r = calloc(1, sizeof *r);
  cr_assert(net->n_nodes + 1 < MOST_NODES);
  *r = (Random){.net = net, .prop = prop, .prng = prng, .c = certs_new(net, prop)};
  for (int k = 0; k < net->n_nodes; k++)
    if (net_is_nonlinear(&net->nodes[k])) {
      r->function[r->n_functions++] = k;
      if (net->nodes[k].kind == NODE_ACT && net->nodes[k].act == ACT_RELU)
        r->relu[r->n_relus++] = k;
    }
  certs_query(&r->c, 0, net->n_nodes + 1, prop->n_cases);
  for (int k = below(r, 4); k > 0; k--) {
    random_block(r);
    /* Blocks S or R in succession would be one pass. */
    if (k > 1) certs_pass(&r->c, below(r, r->net->n_nodes));
  }
  for (int index = 0; index < prop->n_cases; index++) {
    const int kind = below(r, 5);
    if (kind == 0) {
      certs_n(&r->c, (unsigned long)index);
      multipliers(r, n_rows(r, index), 0);
      certs_block(&r->c, CERTIFICATE_CLOSE);
    } else if (kind < 3) {
      boxes(r, index, 1 + below(r, size));
    } else {
      signs(r, index, 1 + below(r, size));
    }
  }
  certs_block(&r->c, CERTIFICATE_END_QUERY);
  certs_end(&r->c, 1);
  const Certs c = r->c;
  free(r);
  return c;
}
