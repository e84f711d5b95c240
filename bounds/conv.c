/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/conv.h"

#include <string.h>

#include "bounds/kernel.h"
#include "net/base/mem.h"

/* Channels that are written at once. */
#define GROUP 8
/* A batch of so many vectors is worth all lanes. */
#define FEW 4
/* Doubles of one batch of images; larger images come one by one. */
#define MOST ((size_t)1 << 21)

/* What is read for each place along one axis: at[first[i]] up to before at[first[i+1]],
 * with the index of the tap. */
typedef struct {
  int *first, *tap, *at;
} Axis;

struct ConvPass {
  int groups;
  int n_from, n_to; /* channels of one group */
  int n_blocks;     /* of GROUP channels that are written */
  int h_from, w_from, h_to, w_to, kw;
  Axis y, x;
  size_t weights; /* doubles of one block: taps * n_from * GROUP */
  double *w;      /* double w[groups][n_blocks][tap][n_from][GROUP] */
};

/* ---- set-up ------------------------------------------------------------------ */

/* Whether output o and tap k meet at input i. */
static int input_of(int o, int stride, int k, int dilation, int pad)
{
  return o * stride + k * dilation - pad;
}

static Axis axis_new(int n_in, int n_out, int taps, int stride, int dilation, int pad,
                     bool back)
{
  const int n_to = back ? n_in : n_out;
  Axis a = {.first = mem_zero((size_t)n_to + 1, sizeof(int)),
            .tap = mem_array((size_t)n_out * (size_t)taps + 1, sizeof(int)),
            .at = mem_array((size_t)n_out * (size_t)taps + 1, sizeof(int))};
  for (int o = 0; o < n_out; o++)
    for (int k = 0; k < taps; k++) {
      const int i = input_of(o, stride, k, dilation, pad);
      if (i >= 0 && i < n_in) a.first[(back ? i : o) + 1]++;
    }
  for (int t = 0; t < n_to; t++)
    a.first[t + 1] += a.first[t];
  int *next = mem_array((size_t)n_to + 1, sizeof *next);
  memcpy(next, a.first, ((size_t)n_to + 1) * sizeof *next);
  for (int o = 0; o < n_out; o++)
    for (int k = 0; k < taps; k++) {
      const int i = input_of(o, stride, k, dilation, pad);
      if (i < 0 || i >= n_in) continue;
      const int slot = next[back ? i : o]++;
      a.tap[slot] = k;
      a.at[slot] = back ? o : i;
    }
  mem_free(next);
  return a;
}

static void axis_free(Axis *a)
{
  mem_free(a->first);
  mem_free(a->tap);
  mem_free(a->at);
}

static void pack_weights(ConvPass *p, const Conv *c, const double *W, bool back)
{
  const int taps = c->kh * c->kw, co = c->c_out / c->groups, ci = c->c_in / c->groups;
  p->weights = (size_t)taps * (size_t)p->n_from * GROUP;
  p->w = mem_doubles0((size_t)p->groups * (size_t)p->n_blocks * p->weights);
  for (int g = 0; g < p->groups; g++)
    for (int o = 0; o < co; o++)
      for (int i = 0; i < ci; i++)
        for (int t = 0; t < taps; t++) {
          const int to = back ? i : o, from = back ? o : i;
          double *block = p->w + (size_t)(g * p->n_blocks + to / GROUP) * p->weights;
          block[(size_t)(t * p->n_from + from) * GROUP + (size_t)(to % GROUP)] =
              W[((size_t)(g * co + o) * (size_t)ci + (size_t)i) * (size_t)taps +
                (size_t)t];
        }
}

ConvPass *conv_pass_new(const Conv *c, const double *W, bool back)
{
  ConvPass *p = mem_zero(1, sizeof *p);
  const int co = c->c_out / c->groups, ci = c->c_in / c->groups;
  p->groups = c->groups;
  p->kw = c->kw;
  p->n_from = back ? co : ci;
  p->n_to = back ? ci : co;
  p->n_blocks = (p->n_to + GROUP - 1) / GROUP;
  p->h_from = back ? c->h_out : c->h_in;
  p->w_from = back ? c->w_out : c->w_in;
  p->h_to = back ? c->h_in : c->h_out;
  p->w_to = back ? c->w_in : c->w_out;
  p->y = axis_new(c->h_in, c->h_out, c->kh, c->sh, c->dh, c->pt, back);
  p->x = axis_new(c->w_in, c->w_out, c->kw, c->sw, c->dw, c->pl, back);
  pack_weights(p, c, W, back);
  return p;
}

void conv_pass_free(ConvPass *p)
{
  if (!p) return;
  axis_free(&p->y);
  axis_free(&p->x);
  mem_free(p->w);
  mem_free(p);
}

static size_t from_plane(const ConvPass *p)
{
  return (size_t)p->h_from * (size_t)p->w_from;
}

static size_t to_plane(const ConvPass *p)
{
  return (size_t)p->h_to * (size_t)p->w_to;
}

void conv_room_free(ConvRoom *room)
{
  mem_free(room->from);
  mem_free(room->to);
}

static void need(double **a, size_t *have, size_t n)
{
  if (n <= *have) return;
  mem_free(*a);
  *a = NULL; /* running out of memory may jump away */
  *have = 0;
  *a = mem_doubles(n);
  *have = n;
}

/* ---- sums ---------------------------------------------------------------------- */

typedef double Lanes
    __attribute__((vector_size(8 * CONV_LANES), aligned(8), may_alias));

/* A macro, because how vectors are returned depends on the instruction set; memory need
 * not be aligned. */
#define LOAD(a) (*(const Lanes *)(const void *)(a))

/* The sums of place (y, x) for all lanes, for `channels` of the eight, the only ones
 * that are wanted: from[place][channel][lane], to[channel][place][lane].  Always eight
 * sums are under way, or the additions would wait for each other. */
static inline __attribute__((always_inline)) void
sum_lanes(const ConvPass *p, int channels, const double *w, int y, int x,
          const double *from, double *to, size_t to_stride)
{
  const int together = GROUP / channels;
  Lanes s[GROUP] = {{0}};
  for (int iy = p->y.first[y]; iy < p->y.first[y + 1]; iy++)
    for (int ix = p->x.first[x]; ix < p->x.first[x + 1]; ix++) {
      const size_t tap = (size_t)(p->y.tap[iy] * p->kw + p->x.tap[ix]);
      const size_t place = (size_t)(p->y.at[iy] * p->w_from + p->x.at[ix]);
      const double *a = w + tap * (size_t)p->n_from * GROUP;
      const double *v = from + place * (size_t)p->n_from * CONV_LANES;
      int c = 0;
      for (; c + together <= p->n_from; c += together)
        for (int t = 0; t < together; t++, a += GROUP, v += CONV_LANES)
          for (int i = 0; i < channels; i++)
            s[t * channels + i] += a[i] * LOAD(v);
      for (; c < p->n_from; c++, a += GROUP, v += CONV_LANES)
        for (int i = 0; i < channels; i++)
          s[i] += a[i] * LOAD(v);
    }
  for (int i = 0; i < channels; i++) {
    for (int t = 1; t < together; t++)
      s[i] += s[t * channels + i];
    memcpy(to + (size_t)i * to_stride, &s[i], sizeof s[i]);
  }
}

/* The same for one vector: from[place][channel], to[place][8 channels]. */
static inline __attribute__((always_inline)) void sum_one(const ConvPass *p,
                                                          const double *w, int y, int x,
                                                          const double *from,
                                                          double *to)
{
  Lanes s[4] = {{0}};
  for (int iy = p->y.first[y]; iy < p->y.first[y + 1]; iy++)
    for (int ix = p->x.first[x]; ix < p->x.first[x + 1]; ix++) {
      const size_t tap = (size_t)(p->y.tap[iy] * p->kw + p->x.tap[ix]);
      const size_t place = (size_t)(p->y.at[iy] * p->w_from + p->x.at[ix]);
      const double *a = w + tap * (size_t)p->n_from * GROUP;
      const double *v = from + place * (size_t)p->n_from;
      int c = 0;
      for (; c + 4 <= p->n_from; c += 4, a += 4 * GROUP)
        for (int i = 0; i < 4; i++)
          s[i] += LOAD(a + i * GROUP) * v[c + i];
      for (; c < p->n_from; c++, a += GROUP)
        s[0] += LOAD(a) * v[c];
    }
  const Lanes all = (s[0] + s[1]) + (s[2] + s[3]);
  memcpy(to, &all, sizeof all);
}

KERNEL_CLONES_FUSED
static void run_lanes(const ConvPass *p, int g, const double *from, double *to)
{
  const size_t plane = to_plane(p) * CONV_LANES;
  for (int block = 0; block < p->n_blocks; block++, to += GROUP * plane) {
    const double *w = p->w + (size_t)(g * p->n_blocks + block) * p->weights;
    const int left = p->n_to - block * GROUP;
    double *at = to;
    for (int y = 0; y < p->h_to; y++)
      for (int x = 0; x < p->w_to; x++, at += CONV_LANES)
        if (left > GROUP / 2)
          sum_lanes(p, GROUP, w, y, x, from, at, plane);
        else if (left > 1)
          sum_lanes(p, GROUP / 2, w, y, x, from, at, plane);
        else
          sum_lanes(p, 1, w, y, x, from, at, plane);
  }
}

KERNEL_CLONES_FUSED
static void run_one(const ConvPass *p, int g, const double *from, double *to)
{
  for (int block = 0; block < p->n_blocks; block++) {
    const double *w = p->w + (size_t)(g * p->n_blocks + block) * p->weights;
    for (int y = 0; y < p->h_to; y++)
      for (int x = 0; x < p->w_to; x++, to += GROUP)
        sum_one(p, w, y, x, from, to);
  }
}

/* ---- layouts ---------------------------------------------------------------- */

/* Of two vectors of eight, the elements in this order. */
#define MIX __builtin_shufflevector

/* b[i][r] = a[r][i] for eight rows of eight, `from` and `to` doubles apart. */
static inline __attribute__((always_inline)) void
transpose(const double *a, size_t from, bool add, double *b, size_t to)
{
  Lanes x[8], y[8];
  for (int r = 0; r < 8; r++)
    x[r] = LOAD(a + (size_t)r * from);
  for (int r = 0; r < 8; r += 2) {
    y[r] = MIX(x[r], x[r + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    y[r + 1] = MIX(x[r], x[r + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int r = 0; r < 8; r += 4)
    for (int i = r; i < r + 2; i++) {
      x[i] = MIX(y[i], y[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      x[i + 2] = MIX(y[i], y[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; i++) {
    y[i] = MIX(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    y[i + 4] = MIX(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; i++) {
    Lanes *out = (Lanes *)(void *)(b + (size_t)i * to);
    if (add)
      *out += y[i];
    else
      *out = y[i];
  }
}

/* to[place][channel][lane] = x[lane][channel][place]; lanes without a vector are 0. */
KERNEL_CLONES_FUSED
static void take_lanes(const ConvPass *p, int lanes, const double *restrict x,
                       size_t stride, double *restrict to)
{
  const int n = (int)from_plane(p);
  const size_t step = (size_t)p->n_from * CONV_LANES;
  if (lanes < CONV_LANES) memset(to, 0, (size_t)n * step * sizeof *to);
  for (int c = 0; c < p->n_from; c++, x += n, to += CONV_LANES) {
    int i = 0;
    for (; lanes == CONV_LANES && i + 8 <= n; i += 8)
      transpose(x + i, stride, false, to + (size_t)i * step, step);
    for (int r = 0; r < lanes; r++)
      for (int k = i; k < n; k++)
        to[(size_t)k * step + (size_t)r] = x[(size_t)r * stride + (size_t)k];
  }
}

/* x[lane][channel][place] = from[channel][place][lane], or added. */
KERNEL_CLONES_FUSED
static void give_lanes(const ConvPass *p, int lanes, const double *restrict from,
                       bool add, double *restrict x, size_t stride)
{
  const int n = p->n_to * (int)to_plane(p);
  int i = 0;
  for (; lanes == CONV_LANES && i + 8 <= n; i += 8)
    transpose(from + (size_t)i * CONV_LANES, CONV_LANES, add, x + i, stride);
  for (int r = 0; r < lanes; r++, x += stride)
    for (int k = i; k < n; k++) {
      const double value = from[k * CONV_LANES + r];
      x[k] = add ? x[k] + value : value;
    }
}

static void take_one(const ConvPass *p, const double *restrict x, double *restrict to)
{
  const int n = (int)from_plane(p);
  for (int c = 0; c < p->n_from; c++)
    for (int i = 0; i < n; i++)
      to[i * p->n_from + c] = *x++;
}

static void give_one(const ConvPass *p, const double *restrict from, bool add,
                     double *restrict x)
{
  const int n = (int)to_plane(p);
  for (int c = 0; c < p->n_to; c++) {
    const double *block = from + (size_t)(c / GROUP) * (size_t)n * GROUP + c % GROUP;
    for (int i = 0; i < n; i++, x++)
      *x = add ? *x + block[i * GROUP] : block[i * GROUP];
  }
}

/* ---- batches ------------------------------------------------------------------------
 */

void conv_run(const ConvPass *p, ConvRoom *room, int n_rows, const double *from,
              bool add, double *to)
{
  const size_t in = from_plane(p) * (size_t)p->n_from;
  const size_t out = to_plane(p) * (size_t)p->n_to;
  const size_t padded = to_plane(p) * (size_t)(p->n_blocks * GROUP);
  const size_t groups = (size_t)p->groups;
  const bool side_by_side = (in + padded) * CONV_LANES <= MOST;
  const int most = side_by_side && n_rows >= FEW ? CONV_LANES : 1;
  need(&room->from, &room->n_from, in * (size_t)most);
  need(&room->to, &room->n_to, padded * (size_t)most);
  for (int r = 0, lanes; r < n_rows; r += lanes) {
    lanes = n_rows - r < most ? n_rows - r : most;
    if (lanes < FEW) lanes = 1;
    for (size_t g = 0; g < groups; g++) {
      const double *x = from + ((size_t)r * groups + g) * in;
      double *y = to + ((size_t)r * groups + g) * out;
      if (lanes == 1) {
        take_one(p, x, room->from);
        run_one(p, (int)g, room->from, room->to);
        give_one(p, room->to, add, y);
        continue;
      }
      take_lanes(p, lanes, x, in * groups, room->from);
      run_lanes(p, (int)g, room->from, room->to);
      give_lanes(p, lanes, room->to, add, y, out * groups);
    }
  }
}
