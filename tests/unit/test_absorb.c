/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers that fusing computes (bounds/absorb.h, convolutions of bounds/form.h) against
 * rational arithmetic: the true ones lie within what is said of them. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>

#include "bounds/absorb.h"
#include "bounds/form.h"
#include "net/base/mem.h"
#include "tests/support/extreme.h"

/* q = v (1 + a rel) + b err, a and b each -1, 0 or 1. */
static void blurred(mpq_t q, double v, double rel, double err, Prng *prng)
{
  mpq_t factor, part;
  mpq_inits(factor, part, NULL);
  mpq_set_d(q, v);
  mpq_set_d(factor, (prng_below(prng, 3) - 1) * rel);
  mpq_mul(part, q, factor);
  mpq_add(q, q, part);
  mpq_set_d(part, (prng_below(prng, 3) - 1) * err);
  mpq_add(q, q, part);
  mpq_clears(factor, part, NULL);
}

/* Is |q - v| <= err? */
static bool is_within(mpq_t q, double v, double err)
{
  mpq_t d, most;
  mpq_inits(d, most, NULL);
  mpq_set_d(d, v);
  mpq_sub(d, q, d);
  mpq_abs(d, d);
  mpq_set_d(most, err);
  const bool fine = mpq_cmp(d, most) <= 0;
  mpq_clears(d, most, NULL);
  return fine;
}

/* ---- scales -------------------------------------------------------------------- */

enum { ROWS = 3, COLS = 4 };

/* Is every true number of (1) within the errors of the node that was made? */
static int wrong_numbers(const Node *v, const AbsorbRows *rows, const Node *made,
                         Prng *prng)
{
  int wrong = 0;
  mpq_t s, t, w, b;
  mpq_inits(s, t, w, b, NULL);
  for (int i = 0; i < ROWS; i++) {
    blurred(s, rows->s[i], 0, rows->s_err[i], prng);
    blurred(t, rows->t[i], 0, rows->t_err[i], prng);
    for (int j = i * COLS; j < (i + 1) * COLS; j++) {
      blurred(w, v->W[j], v->w_rel, 0, prng);
      mpq_mul(w, w, s);
      mpq_t most;
      mpq_init(most);
      mpq_set_d(b, made->w_rel);
      mpq_set_d(most, fabs(made->W[j]));
      mpq_mul(most, most, b);
      mpq_set_d(b, made->W[j]);
      mpq_sub(w, w, b);
      mpq_abs(w, w);
      wrong += mpq_cmp(w, most) > 0;
      mpq_clear(most);
    }
    blurred(b, v->b ? v->b[i] : 0, 0, v->b_err ? v->b_err[i] : 0, prng);
    mpq_mul(b, b, s);
    mpq_add(b, b, t);
    wrong += !is_within(b, made->b[i], made->b_err ? made->b_err[i] : 0);
  }
  mpq_clears(s, t, w, b, NULL);
  return wrong;
}

Test(absorb, true_numbers_are_within_the_errors)
{
  Prng prng = prng_init(41);
  int made_ones = 0, refused = 0;
  for (int round = 0; round < 4000; round++) {
    const ExtremeMode mode = (ExtremeMode)(round % EXTREME_N);
    Net *net = net_new("absorb");
    double W[ROWS * COLS], b[ROWS], b_err[ROWS], s[ROWS], s_err[ROWS], t[ROWS],
        t_err[ROWS];
    const bool exact = prng_below(&prng, 2);
    for (int i = 0; i < ROWS * COLS; i++)
      W[i] = extreme_number(mode, &prng) * (1 + prng_unit(&prng));
    for (int i = 0; i < ROWS; i++) {
      b[i] = extreme_number(mode, &prng);
      s[i] = extreme_number(mode, &prng) * (1 + prng_unit(&prng));
      t[i] = extreme_number(mode, &prng);
      b_err[i] = fabs(b[i]) * 0x1p-50;
      s_err[i] = exact ? 0 : fabs(s[i]) * 0x1p-51;
      t_err[i] = exact ? 0 : fabs(t[i]) * 0x1p-51;
    }
    const Node v = {.kind = NODE_DENSE,
                    .size = ROWS,
                    .reps = 1,
                    .rows = ROWS,
                    .cols = COLS,
                    .W = W,
                    .b = prng_below(&prng, 4) ? b : NULL,
                    .w_rel = prng_below(&prng, 2) ? 0x1p-52 : 0,
                    .b_err = prng_below(&prng, 2) ? b_err : NULL};
    Node clean = v, made;
    if (!clean.b) clean.b_err = NULL;
    bool fine = true;
    for (int i = 0; i < ROWS * COLS; i++)
      fine = fine && isfinite(W[i]) && isfinite(s[i / COLS]);
    const AbsorbRows rows = {s, s_err, t, t_err};
    if (fine && absorb_behind(net, &clean, &rows, &made)) {
      made_ones++;
      cr_assert_eq(wrong_numbers(&clean, &rows, &made, &prng), 0, "round %d", round);
    } else {
      refused++;
    }
    net_free(net);
  }
  cr_assert(made_ones > 1000 && refused > 100, "%d made, %d refused", made_ones,
            refused);
}

/* ---- convolutions ---------------------------------------------------------------- */

enum { INPUTS = 2, SIDE = 3, CHANNELS = 4, OUT = 2 };

static double *some(Net *net, int n, ExtremeMode mode, Prng *prng)
{
  double *a = net_keep(net, mem_doubles((size_t)n));
  for (int i = 0; i < n; i++)
    a[i] = extreme_number(mode, prng) * (prng_below(prng, 5) ? 1 + prng_unit(prng) : 1);
  return a;
}

/* An image made of two numbers, and a convolution of it, padded. */
static Net *image_net_of(ExtremeMode mode, Prng *prng)
{
  Net *net = net_new("image");
  const int size = CHANNELS * SIDE * SIDE;
  const Node input = {.kind = NODE_INPUT, .size = INPUTS};
  int x = net_add(net, &input, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = size,
                      .reps = 1,
                      .rows = size,
                      .cols = INPUTS,
                      .W = some(net, size * INPUTS, mode, prng),
                      .b = some(net, size, mode, prng)};
  x = net_add(net, &dense, &x, 1);
  Node conv = {.kind = NODE_CONV,
               .size = OUT * SIDE * SIDE,
               .conv = {.c_in = CHANNELS,
                        .h_in = SIDE,
                        .w_in = SIDE,
                        .c_out = OUT,
                        .h_out = SIDE,
                        .w_out = SIDE,
                        .kh = SIDE,
                        .kw = SIDE,
                        .sh = 1,
                        .sw = 1,
                        .dh = 1,
                        .dw = 1,
                        .pt = 1,
                        .pl = 1,
                        .groups = 1},
               .w_rel = prng_below(prng, 2) ? 0x1p-42 : 0};
  conv.W = some(net, OUT * CHANNELS * SIDE * SIDE, mode, prng);
  conv.b = some(net, OUT, mode, prng);
  net_add(net, &conv, &x, 1);
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

/* The true coefficient of input a, or the bias for a = INPUTS, of element i. */
static void true_number(mpq_t sum, const Net *net, int i, int a, Prng *prng)
{
  const Node *dense = &net->nodes[1], *conv = &net->nodes[2];
  const int co = i / (SIDE * SIDE), oy = i / SIDE % SIDE, ox = i % SIDE;
  mpq_t w, z;
  mpq_inits(w, z, NULL);
  mpq_set_d(sum, a == INPUTS ? conv->b[co] : 0);
  for (int c = 0; c < CHANNELS; c++)
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        const int ky = y - oy + 1, kx = x - ox + 1, at = (c * SIDE + y) * SIDE + x;
        if (ky < 0 || ky >= SIDE || kx < 0 || kx >= SIDE) continue;
        blurred(w, conv->W[((co * CHANNELS + c) * SIDE + ky) * SIDE + kx], conv->w_rel,
                0, prng);
        mpq_set_d(z, a == INPUTS ? dense->b[at] : dense->W[at * INPUTS + a]);
        mpq_mul(w, w, z);
        mpq_add(sum, sum, w);
      }
  mpq_clears(w, z, NULL);
}

static int wrong_in_form(const Form *form, const Net *net, Prng *prng)
{
  int wrong = 0;
  mpq_t q;
  mpq_init(q);
  for (int i = 0; i < OUT * SIDE * SIDE; i++) {
    int t = form->start[i];
    for (int a = 0; a <= INPUTS; a++) {
      const bool is_bias = a == INPUTS;
      const bool there = !is_bias && t < form->start[i + 1] && form->atom[t] == a;
      true_number(q, net, i, a, prng);
      wrong += !is_within(q,
                          is_bias ? form->b[i]
                          : there ? form->w[t]
                                  : 0,
                          is_bias ? form->f[i]
                          : there ? form->e[t]
                                  : 0);
      t += there;
    }
  }
  mpq_clear(q);
  return wrong;
}

Test(absorb, forms_of_convolutions_are_within_their_errors)
{
  Prng prng = prng_init(42);
  int made = 0;
  for (int round = 0; round < 300; round++) {
    Net *net = image_net_of((ExtremeMode)(round % EXTREME_N), &prng);
    const double lo[INPUTS] = {-1, -1}, hi[INPUTS] = {1, 1};
    Bounds *b = bounds_new(net, 1);
    bounds_set_box(b, 0, lo, hi);
    Forms *forms = form_table_new(b);
    Form form = {0};
    if (form_make(forms, 1, &forms->form[1])) {
      cr_assert(form_may_be(forms, 2));
      if (form_make(forms, 2, &form)) {
        made++;
        cr_assert_eq(wrong_in_form(&form, net, &prng), 0, "round %d", round);
      }
    } else {
      form_drop(&forms->form[1]);
    }
    form_drop(&form);
    form_table_free(forms);
    bounds_free(b);
    net_free(net);
  }
  cr_assert(made > 100, "%d made", made);
}
