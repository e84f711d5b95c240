/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/conv.h against the sum that net/net.h writes for a convolution: small
 * integers, whose products and sums are exact in any order, so every number must be
 * equal. */
#include <criterion/criterion.h>

#include <string.h>

#include "bounds/conv.h"
#include "net/base/mem.h"
#include "net/base/prng.h"

#define MOST_ROWS 20
#define OUTSIDE   -1e300 /* what a pass may not touch */

TestSuite(conv, .timeout = 60);

/* A convolution of random shape: every attribute, images down to one pixel, padding on
 * one side only, taps that never meet the image. */
static Conv random_conv(Prng *prng)
{
  const int groups = prng_below(prng, 4) ? 1 : 1 + prng_below(prng, 3);
  Conv c = {.groups = groups,
            .c_in = groups * (1 + prng_below(prng, 11)),
            .c_out = groups * (1 + prng_below(prng, 19)),
            .h_in = 1 + prng_below(prng, 7),
            .w_in = 1 + prng_below(prng, 9),
            .kh = 1 + prng_below(prng, 4),
            .kw = 1 + prng_below(prng, 4),
            .sh = 1 + prng_below(prng, 3),
            .sw = 1 + prng_below(prng, 3),
            .dh = 1 + prng_below(prng, 2),
            .dw = 1 + prng_below(prng, 2),
            .pt = prng_below(prng, 3),
            .pl = prng_below(prng, 3)};
  c.h_out = 1 + prng_below(prng, 6);
  c.w_out = 1 + prng_below(prng, 6);
  return c;
}

static double *small_integers(size_t n, Prng *prng)
{
  double *a = mem_doubles(n);
  for (size_t i = 0; i < n; i++)
    a[i] = prng_below(prng, 19) - 9;
  return a;
}

typedef struct {
  const double *from;
  double *to;
} Vectors;

/* One vector through the definition: y += W x, or x += W^T y. */
static void by_definition(const Conv *c, const double *W, bool back, const Vectors *v)
{
  const int ci_per = c->c_in / c->groups, co_per = c->c_out / c->groups;
  for (int co = 0; co < c->c_out; co++)
    for (int oy = 0; oy < c->h_out; oy++)
      for (int ox = 0; ox < c->w_out; ox++)
        for (int ci = 0; ci < ci_per; ci++)
          for (int ky = 0; ky < c->kh; ky++)
            for (int kx = 0; kx < c->kw; kx++) {
              const int y = oy * c->sh + ky * c->dh - c->pt;
              const int x = ox * c->sw + kx * c->dw - c->pl;
              if (y < 0 || y >= c->h_in || x < 0 || x >= c->w_in) continue;
              const double w = W[((co * ci_per + ci) * c->kh + ky) * c->kw + kx];
              const int in = ((co / co_per * ci_per + ci) * c->h_in + y) * c->w_in + x;
              const int out = (co * c->h_out + oy) * c->w_out + ox;
              v->to[back ? in : out] += w * v->from[back ? out : in];
            }
}

static void check(const Conv *c, int n_rows, bool back, bool add, ConvRoom *room,
                  Prng *prng)
{
  const size_t in = (size_t)(c->c_in * c->h_in * c->w_in);
  const size_t out = (size_t)(c->c_out * c->h_out * c->w_out);
  const size_t n_from = back ? out : in, n_to = back ? in : out;
  const size_t rows = (size_t)n_rows;
  double *W = small_integers(
      (size_t)(c->c_out * (c->c_in / c->groups)) * (size_t)(c->kh * c->kw), prng);
  double *from = small_integers(rows * n_from, prng);
  double *to = mem_doubles(rows * n_to + 1), *expected = mem_doubles(rows * n_to);
  ConvPass *pass = conv_pass_new(c, W, back);
  for (size_t i = 0; i < rows * n_to; i++)
    to[i] = expected[i] = add ? (double)prng_below(prng, 9) : 0;
  for (size_t i = 0; !add && i < rows * n_to; i++)
    to[i] = OUTSIDE; /* must be overwritten */
  to[rows * n_to] = OUTSIDE;
  for (size_t r = 0; r < rows; r++) {
    const Vectors v = {from + r * n_from, expected + r * n_to};
    by_definition(c, W, back, &v);
  }
  conv_run(pass, room, n_rows, from, add, to);
  for (size_t i = 0; i < rows * n_to; i++)
    cr_assert(
        to[i] == expected[i],
        "%d rows, %s%s, groups %d, %dx%dx%d to %dx%dx%d, kernel %dx%d: number %zu "
        "is %g, expected %g",
        n_rows, back ? "back" : "forward", add ? ", added" : "", c->groups, c->c_in,
        c->h_in, c->w_in, c->c_out, c->h_out, c->w_out, c->kh, c->kw, i, to[i],
        expected[i]);
  cr_assert(to[rows * n_to] == OUTSIDE);
  conv_pass_free(pass);
  mem_free(W);
  mem_free(from);
  mem_free(to);
  mem_free(expected);
}

Test(conv, passes_are_the_sums_of_the_definition)
{
  Prng prng = prng_init(1);
  ConvRoom room = {0};
  for (int t = 0; t < 600; t++) {
    const Conv c = random_conv(&prng);
    check(&c, 1 + prng_below(&prng, MOST_ROWS), t % 2, t / 2 % 2, &room, &prng);
  }
  conv_room_free(&room);
}

/* Every number of vectors, that is all mixtures of full, partly filled and single ones,
 * with images whose places are and are not a multiple of the lanes. */
Test(conv, every_number_of_vectors)
{
  Prng prng = prng_init(2);
  ConvRoom room = {0};
  for (int n = 1; n <= MOST_ROWS; n++)
    for (int side = 2; side <= 4; side++) {
      const Conv c = {2, side, side, 5, side, side, 3, 3, 1, 1, 1, 1, 1, 1, 1};
      check(&c, n, false, n % 2, &room, &prng);
      check(&c, n, true, n % 2, &room, &prng);
    }
  conv_room_free(&room);
}

/* Images too large to be worked on side by side. */
Test(conv, large_images_come_one_by_one)
{
  Prng prng = prng_init(3);
  ConvRoom room = {0};
  const Conv c = {1, 400, 400, 1, 200, 200, 2, 2, 2, 2, 1, 1, 0, 0, 1};
  check(&c, 5, false, false, &room, &prng);
  check(&c, 5, true, true, &room, &prng);
  cr_assert(room.n_from <= 400 * 400 && room.n_to <= 400 * 400 * 8);
  conv_room_free(&room);
}
