/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/adjoint.h"

#include <string.h>

#include "specs/check/vector.h"

double *adjoint_touch(const Plan *plan, AdjointBlock *block, int k, int i)
{
  double *const q = block->q[k] + (size_t)i * block->rows;
  uint8_t *const on = &block->on[plan->off[k] + (size_t)i];
  if (!*on) {
    *on = 1;
    block->live[k] = true;
    memset(q, 0, block->rows * sizeof *q);
  }
  return q;
}

/* out[t][r] += sum_a panel[8 a + t] q[at[a] + r], t < 4 */
VECTOR_CLONES
static void tile(size_t n, const size_t *at, const double *q, const double *panel,
                 size_t rows, double *const *out)
{
  double *const o0 = out[0], *const o1 = out[1], *const o2 = out[2], *const o3 = out[3];
  size_t r = 0;
  for (; r + 8 <= rows; r += 8) {
    V4 a0 = *(V4 *)(o0 + r), b0 = *(V4 *)(o0 + r + 4);
    V4 a1 = *(V4 *)(o1 + r), b1 = *(V4 *)(o1 + r + 4);
    V4 a2 = *(V4 *)(o2 + r), b2 = *(V4 *)(o2 + r + 4);
    V4 a3 = *(V4 *)(o3 + r), b3 = *(V4 *)(o3 + r + 4);
    for (size_t k = 0; k < n; k++) {
      const V4 x = *(const V4 *)(q + at[k] + r), y = *(const V4 *)(q + at[k] + r + 4);
      const double *const w = panel + 8 * k;
      a0 += w[0] * x, b0 += w[0] * y;
      a1 += w[1] * x, b1 += w[1] * y;
      a2 += w[2] * x, b2 += w[2] * y;
      a3 += w[3] * x, b3 += w[3] * y;
    }
    *(V4 *)(o0 + r) = a0, *(V4 *)(o0 + r + 4) = b0;
    *(V4 *)(o1 + r) = a1, *(V4 *)(o1 + r + 4) = b1;
    *(V4 *)(o2 + r) = a2, *(V4 *)(o2 + r + 4) = b2;
    *(V4 *)(o3 + r) = a3, *(V4 *)(o3 + r + 4) = b3;
  }
  for (; r < rows; r += 4) {
    V4 a0 = *(V4 *)(o0 + r), a1 = *(V4 *)(o1 + r);
    V4 a2 = *(V4 *)(o2 + r), a3 = *(V4 *)(o3 + r);
    for (size_t k = 0; k < n; k++) {
      const V4 x = *(const V4 *)(q + at[k] + r);
      const double *const w = panel + 8 * k;
      a0 += w[0] * x;
      a1 += w[1] * x;
      a2 += w[2] * x;
      a3 += w[3] * x;
    }
    *(V4 *)(o0 + r) = a0;
    *(V4 *)(o1 + r) = a1;
    *(V4 *)(o2 + r) = a2;
    *(V4 *)(o3 + r) = a3;
  }
}

/* Columns j of n outputs, `stride` apart in memory: out_j += sum_a w[a][j step] q_a. */
static void columns(LinearRoom *room, const double *q, size_t n_on, size_t n,
                    size_t step, size_t rows, double *out, size_t stride)
{
  for (size_t j = 0; j < n; j += 8) {
    const size_t some = n - j < 8 ? n - j : 8;
    for (size_t a = 0; a < n_on; a++)
      for (size_t t = 0; t < 8; t++)
        room->panel[8 * a + t] = t < some ? room->w[a][(j + t) * step] : 0;
    double *to[8];
    for (size_t t = 0; t < 8; t++)
      to[t] = t < some ? out + (j + t) * stride : room->trash;
    tile(n_on, room->at, q, room->panel, rows, to);
    if (some > 4) tile(n_on, room->at, q, room->panel + 4, rows, to + 4);
  }
}

static void dense_backward(const Plan *plan, LinearRoom *room, AdjointBlock *block,
                           int k)
{
  const Node *const node = &plan->net->nodes[k];
  const size_t rows = (size_t)node->rows, cols = (size_t)node->cols, R = block->rows;
  for (size_t rep = 0; rep < (size_t)node->reps; rep++) {
    const uint8_t *const on = block->on + plan->off[k] + rep * rows;
    const double *const q = block->q[k] + rep * rows * R;
    double *out = NULL;
    for (size_t i = 0; i < rows;) {
      size_t n = 0;
      for (; i < rows && n < LINEAR_CHUNK; i++) {
        if (!on[i]) continue;
        room->at[n] = i * R;
        room->w[n++] = node->W + i * cols;
      }
      if (!n) continue;
      for (size_t j = 0; j < cols && !out; j++)
        adjoint_touch(plan, block, node->in[0], (int)(rep * cols + j));
      out = block->q[node->in[0]] + rep * cols * R;
      columns(room, q, n, cols, 1, R, out, R);
    }
  }
}

/* What reads pixel (y, x) of group g, and with which weights; the first LINEAR_CHUNK of
 * it from *co on, which is moved on. */
static size_t conv_readers(const Plan *plan, LinearRoom *room,
                           const AdjointBlock *block, int k, const uint8_t *pixel,
                           int y, int x, int last, int *co)
{
  const Node *const node = &plan->net->nodes[k];
  const Conv *const v = &node->conv;
  const size_t taps = (size_t)v->kh * (size_t)v->kw;
  const size_t filter = (size_t)(v->c_in / v->groups) * taps;
  const uint8_t *const on = block->on + plan->off[k];
  size_t n = 0;
  for (; *co < last && n + taps <= LINEAR_CHUNK; ++*co)
    for (int ky = 0; ky < v->kh; ky++) {
      const int ty = y + v->pt - ky * v->dh;
      if (ty < 0 || ty % v->sh || ty / v->sh >= v->h_out) continue;
      for (int kx = 0; kx < v->kw; kx++) {
        const int tx = x + v->pl - kx * v->dw;
        if (tx < 0 || tx % v->sw || tx / v->sw >= v->w_out) continue;
        const size_t at =
            (size_t)(ty / v->sh) * (size_t)v->w_out + (size_t)(tx / v->sw);
        const size_t o = (size_t)*co * (size_t)v->h_out * (size_t)v->w_out + at;
        if (!pixel[at] || !on[o]) continue;
        room->at[n] = o * block->rows;
        room->w[n++] =
            node->W + (size_t)*co * filter + (size_t)ky * (size_t)v->kw + (size_t)kx;
      }
    }
  return n;
}

/* Kernels larger than a chunk, tap by tap. */
static void conv_scatter(const Plan *plan, AdjointBlock *block, int k)
{
  const Node *const node = &plan->net->nodes[k];
  const Conv *const v = &node->conv;
  const int each = v->c_in / v->groups, out_each = v->c_out / v->groups;
  for (int i = 0; i < node->size; i++) {
    if (!block->on[plan->off[k] + (size_t)i]) continue;
    const double *const q = block->q[k] + (size_t)i * block->rows;
    const int plane = v->h_out * v->w_out, co = i / plane;
    const int oy = i % plane / v->w_out, ox = i % v->w_out;
    const double *w =
        node->W + (size_t)co * (size_t)each * (size_t)v->kh * (size_t)v->kw;
    for (int ci = 0; ci < each; ci++)
      for (int ky = 0; ky < v->kh; ky++)
        for (int kx = 0; kx < v->kw; kx++, w++) {
          const int y = oy * v->sh + ky * v->dh - v->pt;
          const int x = ox * v->sw + kx * v->dw - v->pl;
          if (y < 0 || y >= v->h_in || x < 0 || x >= v->w_in) continue;
          const int c = co / out_each * each + ci;
          double *const out =
              adjoint_touch(plan, block, node->in[0], (c * v->h_in + y) * v->w_in + x);
          for (size_t r = 0; r < block->rows; r++)
            out[r] += *w * q[r];
        }
  }
}

static void conv_pixel(const Plan *plan, LinearRoom *room, AdjointBlock *block, int k,
                       const uint8_t *pixel, int g, int y, int x)
{
  const Node *const node = &plan->net->nodes[k];
  const Conv *const v = &node->conv;
  const int each = v->c_in / v->groups, out_each = v->c_out / v->groups;
  const size_t R = block->rows, plane = (size_t)v->h_in * (size_t)v->w_in;
  const int first = (g * each * v->h_in + y) * v->w_in + x;
  for (int co = g * out_each; co < (g + 1) * out_each;) {
    const size_t n =
        conv_readers(plan, room, block, k, pixel, y, x, (g + 1) * out_each, &co);
    if (!n) continue;
    for (int c = 0; c < each; c++)
      adjoint_touch(plan, block, node->in[0], first + c * (int)plane);
    columns(room, block->q[k], n, (size_t)each, (size_t)v->kh * (size_t)v->kw, R,
            block->q[node->in[0]] + (size_t)first * R, plane * R);
  }
}

static void conv_backward(const Plan *plan, LinearRoom *room, AdjointBlock *block,
                          int k)
{
  const Conv *const v = &plan->net->nodes[k].conv;
  if ((size_t)v->kh * (size_t)v->kw > LINEAR_CHUNK) {
    conv_scatter(plan, block, k);
    return;
  }
  /* Pixels that are on in some channel, and the part of the picture that they reach. */
  uint8_t *const pixel = (uint8_t *)room->sum;
  const int plane = v->h_out * v->w_out;
  int top = v->h_out, bottom = -1, left = v->w_out, right = -1;
  memset(pixel, 0, (size_t)plane);
  for (int i = 0; i < v->c_out * plane; i++) {
    if (!block->on[plan->off[k] + (size_t)i]) continue;
    const int at = i % plane, y = at / v->w_out, x = at % v->w_out;
    pixel[at] = 1;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
    if (x < left) left = x;
    if (x > right) right = x;
  }
  const int y0 = top * v->sh - v->pt, x0 = left * v->sw - v->pl;
  const int y1 = bottom * v->sh - v->pt + (v->kh - 1) * v->dh;
  const int x1 = right * v->sw - v->pl + (v->kw - 1) * v->dw;
  for (int g = 0; g < v->groups; g++)
    for (int y = y0 < 0 ? 0 : y0; y <= y1 && y < v->h_in; y++)
      for (int x = x0 < 0 ? 0 : x0; x <= x1 && x < v->w_in; x++)
        conv_pixel(plan, room, block, k, pixel, g, y, x);
}

/* SCALE, ADD and MAP: each element is w times elements of the inputs. */
static void copy_backward(const Plan *plan, AdjointBlock *block, int k)
{
  const Node *const node = &plan->net->nodes[k];
  const uint8_t *const on = block->on + plan->off[k];
  for (int i = 0; i < node->size; i++) {
    if (!on[i]) continue;
    const double *const q = block->q[k] + (size_t)i * block->rows;
    int e = i, first = 0, last = node->n_in;
    if (node->kind == NODE_MAP) {
      first = plan_map_input(plan, k, i, &e);
      if (first < 0) continue;
      last = first + 1;
    }
    for (int p = first; p < last; p++) {
      double *const out = adjoint_touch(plan, block, node->in[p], e);
      double w = 1;
      if (node->kind == NODE_ADD) w = node->coef[p];
      if (node->kind == NODE_SCALE && node->scale) w = node->scale[i];
      for (size_t r = 0; r < block->rows; r++)
        out[r] += w * q[r];
    }
  }
}

void adjoint_apply(const Plan *plan, LinearRoom *room, AdjointBlock *block, int k)
{
  switch (plan->net->nodes[k].kind) {
  case NODE_DENSE:
    dense_backward(plan, room, block, k);
    break;
  case NODE_CONV:
    conv_backward(plan, room, block, k);
    break;
  default:
    copy_backward(plan, block, k);
    break;
  }
}
